/*
 * filter.c - filters of uint8 pictures: sharpness as in PIL, Gaussian blur as in torchvision.
 *
 * Layer 3, data. Calls the base.
 */
#include "data/transform/transform.h"

#include <math.h>
#include <string.h>

/* ---- sharpness ---------------------------------------------------------------------------- */

/* PIL's SMOOTH kernel at x: 5 in the middle, 1 around, over 13; summed in PIL's order. */
static uint8_t smooth_at(const uint8_t *x, ptrdiff_t stride)
{
    const float edge = 1.0f / 13, middle = 5.0f / 13;
    const uint8_t *below = x + stride, *above = x - stride;
    float sum = 0.5f;
    sum += (float)below[-1] * edge + (float)below[0] * edge + (float)below[1] * edge;
    sum += (float)x[-1] * edge + (float)x[0] * middle + (float)x[1] * edge;
    sum += (float)above[-1] * edge + (float)above[0] * edge + (float)above[1] * edge;
    return (uint8_t)(sum > 255 ? 255 : sum);
}

/* Blends with the smoothed picture; border pixels stay. */
bool fv_do_sharpness(fv_work *work, const fv_picture *in, double factor, fv_picture *out)
{
    if (!fv_picture_like(work, in, out))
        return false;
    size_t area = (size_t)in->height * (size_t)in->width;
    memcpy(out->pixels, in->pixels, (size_t)in->channels * area);
    for (int c = 0; c < in->channels; c++)
        for (int y = 1; y < in->height - 1; y++) {
            size_t row = (size_t)c * area + (size_t)y * (size_t)in->width;
            const uint8_t *from = (const uint8_t *)in->pixels + row;
            uint8_t *to = (uint8_t *)out->pixels + row;
            for (int x = 1; x < in->width - 1; x++)
                to[x] = fv_blend(smooth_at(from + x, in->width), from[x], (float)factor);
        }
    return true;
}

/* ---- blur --------------------------------------------------------------------------------- */

enum { BLUR_BITS = 24, KERNEL_MAX = 255 };

/* Computes n Gaussian weights with sum 2^24; fixed point hides rounding differences of exp. */
static void make_bell(int n, double sigma, uint32_t weights[KERNEL_MAX])
{
    double bell[KERNEL_MAX], sum = 0;
    for (int i = 0; i < n; i++) {
        double x = (i - (n - 1) / 2) / sigma;
        sum += bell[i] = exp(-0.5 * x * x);
    }
    uint32_t all = 0;
    for (int i = 0; i < n; i++)
        all += weights[i] = (uint32_t)rint(bell[i] / sum * (1 << BLUR_BITS));
    weights[n / 2] += (1u << BLUR_BITS) - all;
}

/* Writes [height][width] sums of 32 bits. */
static void blur_rows(const uint8_t *x, int height, int width, int n, const uint32_t *weights,
                      uint32_t *sums)
{
    for (int y = 0; y < height; y++, x += width)
        for (int o = 0; o < width; o++) {
            uint32_t sum = 0;
            for (int i = 0; i < n; i++)
                sum += weights[i] * x[fv_place_in(o + i - n / 2, width, FV_REFLECT)];
            *sums++ = sum;
        }
}

static void blur_columns(const uint32_t *sums, int height, int width, int n,
                         const uint32_t *weights, uint8_t *to)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint64_t sum = (uint64_t)1 << (2 * BLUR_BITS - 1);
            for (int i = 0; i < n; i++) {
                int row = fv_place_in(y + i - n / 2, height, FV_REFLECT);
                sum += (uint64_t)weights[i] * sums[(size_t)row * (size_t)width + (size_t)x];
            }
            *to++ = (uint8_t)(sum >> (2 * BLUR_BITS));
        }
}

bool fv_do_gaussian_blur(fv_work *work, const fv_picture *in, int rows, int columns, double sigma,
                         fv_picture *out)
{
    size_t area = (size_t)in->height * (size_t)in->width;
    uint32_t across[KERNEL_MAX], down[KERNEL_MAX];
    uint32_t *sums = fv_work_slot(work, FV_SLOT_SCRATCH, area * sizeof *sums);
    if (!sums || !fv_picture_like(work, in, out))
        return false;
    make_bell(columns, sigma, across);
    make_bell(rows, sigma, down);
    for (int c = 0; c < in->channels; c++) {
        blur_rows((const uint8_t *)in->pixels + (size_t)c * area, in->height, in->width, columns,
                  across, sums);
        blur_columns(sums, in->height, in->width, rows, down,
                     (uint8_t *)out->pixels + (size_t)c * area);
    }
    return true;
}

/* ---- steps -------------------------------------------------------------------------------- */

static bool run_sharpness(const fv_tstep *step, fv_work *work, fv_draw *draw, const fv_picture *in,
                          fv_picture *out)
{
    const fv_numbers *p = fv_numbers_named(step, "p");
    if (p && !fv_draw_chance(draw, p->v[0]))
        return true;
    return fv_do_sharpness(work, in, step->args[0].v[0], out);
}

enum { BLUR_KERNEL, BLUR_SIGMA };

static bool run_gaussian_blur(const fv_tstep *step, fv_work *work, fv_draw *draw,
                              const fv_picture *in, fv_picture *out)
{
    const fv_numbers *kernel = &step->args[BLUR_KERNEL], *sigma = &step->args[BLUR_SIGMA];
    return fv_do_gaussian_blur(work, in, fv_numbers_rows(kernel), fv_numbers_columns(kernel),
                               fv_draw_uniform(draw, sigma->v[0], sigma->v[sigma->count - 1]), out);
}

static int eval_gaussian_blur(const fv_tstep *step, fv_tstep out[2])
{
    const fv_numbers *sigma = &step->args[BLUR_SIGMA];
    out[0] = *step;
    return sigma->v[0] == sigma->v[sigma->count - 1];
}

#define FACTOR FV_TARG("sharpness_factor", FV_ARG_NEEDED | FV_ARG_BARE, FV_COUNT_1, 0, 1000, {0})

const fv_tstep_kind fv_filter_kinds[] = {
    FV_TSTEP("sharpness", 0, FV_STEP_BYTES, run_sharpness, NULL, NULL, FACTOR),
    FV_TSTEP("random_sharpness", 0, FV_STEP_BYTES, run_sharpness, NULL, fv_eval_sure, FACTOR,
             FV_ARG_OF_P(0.5)),
    FV_TSTEP("gaussian_blur", 0, FV_STEP_BYTES, run_gaussian_blur, NULL, eval_gaussian_blur,
             FV_TARG("kernel_size",
                     FV_ARG_NEEDED | FV_ARG_BARE | FV_ARG_WHOLE | FV_ARG_SIDES | FV_ARG_ODD,
                     FV_COUNT_1 | FV_COUNT_2, 1, KERNEL_MAX, {0}),
             FV_TARG("sigma", FV_ARG_RISING, FV_COUNT_1 | FV_COUNT_2, 0.01, 1000, {2, {0.1, 2}})),
    {NULL, 0, 0, NULL, NULL, NULL, {{0}}},
};
