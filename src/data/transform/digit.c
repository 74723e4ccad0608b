/*
 * digit.c - makes drawn or photographed digits look like MNIST's.
 *
 * MNIST's digits are light on black, fit into 20 x 20 pixels, and are placed in 28 x 28 with their
 * center of mass in the middle: http://yann.lecun.com/exdb/mnist/.
 * Layer 3, data. Calls the base.
 */
#include "data/transform/transform.h"

#include <math.h>

/* ---- light backgrounds ------------------------------------------------------------------ */

/* Inverts a picture whose border pixels are lighter than 127.5 on average. */
static bool run_invert_if_light(const fv_tstep *step, fv_work *work, fv_draw *draw,
                                const fv_picture *in, fv_picture *out)
{
    (void)step;
    (void)draw;
    const uint8_t *x = in->pixels;
    uint64_t sum = 0, count = 0;
    for (int row = 0; row < in->channels * in->height; row++) {
        int y = row % in->height, whole = y == 0 || y == in->height - 1 || in->width == 1;
        for (int i = 0; i < in->width; i += whole ? 1 : in->width - 1, count++)
            sum += x[(size_t)row * (size_t)in->width + (size_t)i];
    }
    return sum * 2 <= count * 255 || fv_do_color(work, in, FV_INVERT, 0, out);
}

/* ---- placement -------------------------------------------------------------------------- */

/* Returns the bounding box of all nonzero pixels; height 0 if there are none. */
static fv_box find_ink(const fv_picture *in)
{
    const uint8_t *x = in->pixels;
    int top = in->height, bottom = -1, left = in->width, right = -1;
    for (int r = 0; r < in->height; r++)
        for (int c = 0; c < in->width; c++)
            if (*x++ != 0) {
                top = top < r ? top : r;
                bottom = r;
                left = left < c ? left : c;
                right = right > c ? right : c;
            }
    return bottom < 0 ? (fv_box){0} : (fv_box){top, left, bottom - top + 1, right - left + 1};
}

/* Returns the start of k rows or columns in a frame of n that centers their center of mass. */
static int place_of(int n, int k, double center)
{
    int at = (int)rint(n / 2.0 - center);
    at = at > n - k ? n - k : at; /* kept inside the frame */
    return at < 0 ? 0 : at;
}

static void find_center(const fv_picture *in, double *y, double *x)
{
    const uint8_t *v = in->pixels;
    uint64_t sum = 0, rows = 0, columns = 0;
    for (int r = 0; r < in->height; r++)
        for (int c = 0; c < in->width; c++, v++) {
            sum += *v;
            rows += *v * (uint64_t)(2 * r + 1);
            columns += *v * (uint64_t)(2 * c + 1);
        }
    *y = sum ? (double)rows / (2.0 * (double)sum) : in->height / 2.0;
    *x = sum ? (double)columns / (2.0 * (double)sum) : in->width / 2.0;
}

bool fv_do_center_mass(fv_work *work, const fv_picture *in, int height, int width, int box,
                       fv_picture *out)
{
    const fv_numbers black = {1, {0}};
    fv_box ink = find_ink(in);
    if (ink.height == 0)
        return fv_do_crop(work, in, (fv_box){-height, -width, height, width}, FV_CONSTANT, &black,
                          out);
    double scale = (double)box / (ink.height > ink.width ? ink.height : ink.width), y, x;
    fv_picture small;
    if (!fv_do_resize(work, in, ink, (int)fmax(1, rint(ink.height * scale)),
                      (int)fmax(1, rint(ink.width * scale)), FV_BILINEAR, &small))
        return false;
    find_center(&small, &y, &x);
    fv_box frame = {-place_of(height, small.height, y), -place_of(width, small.width, x), height,
                    width};
    return fv_do_crop(work, &small, frame, FV_CONSTANT, &black, out);
}

static bool run_center_mass(const fv_tstep *step, fv_work *work, fv_draw *draw,
                            const fv_picture *in, fv_picture *out)
{
    (void)draw;
    if (in->channels != 1)
        return fv_tstep_fail(step, work, FV_E_SHAPE,
                             "it takes pictures of 1 channel, and this one has %d\n"
                             "help: grayscale before it",
                             in->channels);
    const fv_numbers *size = &step->args[0];
    return fv_do_center_mass(work, in, fv_numbers_rows(size), fv_numbers_columns(size),
                             (int)step->args[1].v[0], out);
}

static void shape_center_mass(const fv_tstep *step, fv_picture_shape *shape)
{
    shape->height = fv_numbers_rows(&step->args[0]);
    shape->width = fv_numbers_columns(&step->args[0]);
}

const fv_tstep_kind fv_digit_kinds[] = {
    FV_TSTEP("invert_if_light", 0, FV_STEP_BYTES | FV_STEP_COLORS, run_invert_if_light, NULL, NULL,
             {0}),
    FV_TSTEP("center_mass", 0, FV_STEP_BYTES, run_center_mass, shape_center_mass, NULL,
             FV_ARG_OF_SIZE, FV_TARG("box", FV_ARG_WHOLE, FV_COUNT_1, 1, FV_SIDE_MAX, {1, {20}})),
    {NULL, 0, 0, NULL, NULL, NULL, {{0}}},
};
