/*
 * float.c - to_tensor, normalize, denormalize.
 *
 * A byte has 256 values, so to_tensor with a normalize after it is one lookup table. As in
 * torchvision's ToTensor and Normalize, each operation rounds to float.
 * Layer 3, data. Calls the base.
 */
#include "data/transform/transform.h"

static size_t area_of(const fv_picture *in)
{
    return (size_t)in->height * (size_t)in->width;
}

static bool run_to_tensor(const fv_tstep *step, fv_work *work, fv_draw *draw, const fv_picture *in,
                          fv_picture *out)
{
    (void)draw;
    if (!fv_picture_make(work, in, in->channels, in->height, in->width, FV_F32, out))
        return false;
    size_t area = area_of(in);
    for (int c = 0; c < in->channels; c++) {
        const float *table = step->table[c % step->tables];
        const uint8_t *x = (const uint8_t *)in->pixels + (size_t)c * area;
        float *y = (float *)out->pixels + (size_t)c * area;
        for (size_t i = 0; i < area; i++)
            y[i] = table[x[i]];
    }
    return true;
}

static void shape_to_tensor(const fv_tstep *step, fv_picture_shape *shape)
{
    (void)step;
    shape->type = FV_F32;
}

enum { THERE, BACK };

static bool run_normalize(const fv_tstep *step, fv_work *work, fv_draw *draw, const fv_picture *in,
                          fv_picture *out)
{
    (void)draw;
    if (!fv_picture_like(work, in, out))
        return false;
    bool back = step->kind->op == BACK;
    size_t area = area_of(in);
    for (int c = 0; c < in->channels; c++) {
        float mean = (float)fv_numbers_of_channel(&step->args[0], c);
        float std = (float)fv_numbers_of_channel(&step->args[1], c);
        const float *x = (const float *)in->pixels + (size_t)c * area;
        float *y = (float *)out->pixels + (size_t)c * area;
        for (size_t i = 0; i < area; i++)
            y[i] = back ? x[i] * std + mean : (x[i] - mean) / std;
    }
    return true;
}

#define COUNTS (FV_COUNT_1 | FV_COUNT_2 | FV_COUNT_3 | FV_COUNT_4)
#define MEAN_AND_STD                                                                               \
    FV_TARG("mean", FV_ARG_NEEDED | FV_ARG_CHANNELS, COUNTS, -1000000, 1000000, {0}),              \
        FV_TARG("std", FV_ARG_NEEDED | FV_ARG_CHANNELS, COUNTS, 0.000001, 1000000, {0})

const fv_tstep_kind fv_float_kinds[] = {
    FV_TSTEP("to_tensor", 0, FV_STEP_BYTES, run_to_tensor, shape_to_tensor, NULL, {0}),
    FV_TSTEP("normalize", THERE, FV_STEP_FLOATS, run_normalize, NULL, NULL, MEAN_AND_STD),
    FV_TSTEP("denormalize", BACK, FV_STEP_FLOATS, run_normalize, NULL, NULL, MEAN_AND_STD),
    {NULL, 0, 0, NULL, NULL, NULL, {{0}}},
};
