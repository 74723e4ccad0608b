/*
 * erase.c - random_erasing and cutout.
 *
 * torchvision.transforms.RandomErasing; DeVries, Taylor: Improved Regularization of Convolutional
 * Neural Networks with Cutout, 2017. Layer 3, data. Calls the base.
 */
#include "data/transform/transform.h"

#include <math.h>
#include <string.h>

/* Fills the box in place. */
static void clear(const fv_picture *out, fv_box box, const fv_numbers *value)
{
    int top = box.top > 0 ? box.top : 0, left = box.left > 0 ? box.left : 0;
    int bottom = box.top + box.height, right = box.left + box.width;
    bottom = bottom < out->height ? bottom : out->height;
    right = right < out->width ? right : out->width;
    size_t size = fv_type_size(out->type);
    for (int c = 0; c < out->channels; c++)
        for (int y = top; y < bottom && left < right; y++) {
            size_t at = (size_t)(c * out->height + y) * (size_t)out->width + (size_t)left;
            fv_fill_pixels((uint8_t *)out->pixels + at * size, (size_t)(right - left), out->type,
                           fv_numbers_of_channel(value, c));
        }
}

static bool copy_picture(fv_work *work, const fv_picture *in, fv_picture *out)
{
    if (!fv_picture_like(work, in, out))
        return false;
    size_t count = (size_t)in->channels * (size_t)in->height * (size_t)in->width;
    memcpy(out->pixels, in->pixels, count * fv_type_size(in->type));
    return true;
}

bool fv_do_erase(fv_work *work, const fv_picture *in, fv_box box, const fv_numbers *value,
                 fv_picture *out)
{
    if (!copy_picture(work, in, out))
        return false;
    clear(out, box, value);
    return true;
}

/* ---- steps -------------------------------------------------------------------------------- */

enum { ERASE_P, ERASE_SCALE, ERASE_RATIO, ERASE_VALUE };

/* Erases a box of random area, ratio and position, if one of ten tries fits. exp and log are
   libm's: their last bit matters only where a side is within 1e-12 of a half. */
static bool run_random_erasing(const fv_tstep *step, fv_work *work, fv_draw *draw,
                               const fv_picture *in, fv_picture *out)
{
    const fv_numbers *scale = &step->args[ERASE_SCALE], *ratio = &step->args[ERASE_RATIO];
    if (!fv_draw_chance(draw, step->args[ERASE_P].v[0]))
        return true;
    double low = log(ratio->v[0]), high = log(ratio->v[1]);
    for (int tries = 0; tries < 10; tries++) {
        double area = (double)in->height * in->width;
        area *= fv_draw_uniform(draw, scale->v[0], scale->v[1]);
        double aspect = exp(fv_draw_uniform(draw, low, high));
        fv_box box = {0, 0, (int)rint(sqrt(area * aspect)), (int)rint(sqrt(area / aspect))};
        if (box.height >= in->height || box.width >= in->width)
            continue;
        box.top = fv_draw_int(draw, in->height - box.height + 1);
        box.left = fv_draw_int(draw, in->width - box.width + 1);
        return fv_do_erase(work, in, box, &step->args[ERASE_VALUE], out);
    }
    return true;
}

enum { CUTOUT_LENGTH, CUTOUT_HOLES, CUTOUT_FILL };

/* Erases squares centered at random pixels, clipped to the picture. */
static bool run_cutout(const fv_tstep *step, fv_work *work, fv_draw *draw, const fv_picture *in,
                       fv_picture *out)
{
    int half = (int)step->args[CUTOUT_LENGTH].v[0] / 2;
    if (!copy_picture(work, in, out))
        return false;
    for (int hole = 0; hole < (int)step->args[CUTOUT_HOLES].v[0]; hole++) {
        int y = fv_draw_int(draw, in->height), x = fv_draw_int(draw, in->width);
        clear(out, (fv_box){y - half, x - half, 2 * half, 2 * half}, &step->args[CUTOUT_FILL]);
    }
    return true;
}

#define VALUE(name)                                                                                \
    FV_TARG(name, FV_ARG_CHANNELS, FV_COUNT_1 | FV_COUNT_3, -1000000, 1000000, {1, {0}})

const fv_tstep_kind fv_erase_kinds[] = {
    FV_TSTEP("random_erasing", 0, 0, run_random_erasing, NULL, fv_eval_nothing, FV_ARG_OF_P(0.5),
             FV_TARG("scale", FV_ARG_RISING, FV_COUNT_2, 0, 1, {2, {0.02, 0.33}}),
             FV_TARG("ratio", FV_ARG_RISING, FV_COUNT_2, 0.001, 1000, {2, {0.3, 3.3}}),
             VALUE("value")),
    FV_TSTEP("cutout", 0, 0, run_cutout, NULL, fv_eval_nothing,
             FV_TARG("length", FV_ARG_NEEDED | FV_ARG_BARE | FV_ARG_WHOLE, FV_COUNT_1, 2,
                     FV_SIDE_MAX, {0}),
             FV_TARG("holes", FV_ARG_WHOLE, FV_COUNT_1, 1, 1000, {1, {1}}), VALUE("fill")),
    {NULL, 0, 0, NULL, NULL, NULL, {{0}}},
};
