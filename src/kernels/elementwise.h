/*
 * elementwise.h - the kernels of activations and products, which compilers vectorize by themselves.
 *
 * Every set includes this file. Activations process 16 numbers at a time through a local array, so
 * that their loop is vectorized in place, too. The contracts are in kernels.h.
 */
#ifndef FV_ELEMENTWISE_H
#define FV_ELEMENTWISE_H

#include "kernels/kernels.h"

enum { STRIP = FV_LANES };

/* NAME_forward and NAME_backward over n numbers. NaN stays that NaN. */
#define FV_ACT_LOOPS(NAME, name, of_args, back_args)                                               \
    static void name##_forward(size_t n, float a, float b, const float *from, float *to)           \
    {                                                                                              \
        (void)a, (void)b;                                                                          \
        for (size_t i = 0; i < n; i += STRIP) {                                                    \
            float v[STRIP];                                                                        \
            memcpy(v, from + i, sizeof v);                                                         \
            for (int l = 0; l < STRIP; l++) {                                                      \
                float x = v[l];                                                                    \
                v[l] = x != x ? x : name##_of of_args;                                             \
            }                                                                                      \
            memcpy(to + i, v, sizeof v);                                                           \
        }                                                                                          \
    }                                                                                              \
    static void name##_backward(size_t n, float a, float b, const float *from, const float *dys,   \
                                float *dxs)                                                        \
    {                                                                                              \
        (void)a, (void)b;                                                                          \
        for (size_t i = 0; i < n; i += STRIP) {                                                    \
            float v[STRIP], d[STRIP];                                                              \
            memcpy(v, from + i, sizeof v);                                                         \
            memcpy(d, dys + i, sizeof d);                                                          \
            for (int l = 0; l < STRIP; l++) {                                                      \
                float x = v[l], y = v[l], dy = d[l];                                               \
                (void)x, (void)y;                                                                  \
                d[l] = name##_back back_args;                                                      \
            }                                                                                      \
            memcpy(dxs + i, d, sizeof d);                                                          \
        }                                                                                          \
    }
FV_ACTIVATIONS_BY_Y(FV_ACT_LOOPS)
FV_ACTIVATIONS_BY_X(FV_ACT_LOOPS)

/* ---- products ----------------------------------------------------------------------------- */

static void scale(size_t rows, int width, size_t row_step, size_t col_step, const float *x,
                  const float *w, const float *b, float *y)
{
    for (size_t r = 0; r < rows; r++, x += width, y += width)
        for (int i = 0; i < width; i++) {
            size_t at = r * row_step + i * col_step;
            y[i] = b ? fmaf(x[i], w[at], b[at]) : x[i] * w[at];
        }
}

/* Where rows share their sums, 32 of them are added up first: shorter sums, smaller errors. */
static void scale_sums(size_t rows, int width, size_t row_step, size_t col_step, const float *a,
                       const float *b, float *sums)
{
    const size_t block = row_step ? 1 : 32;
    for (size_t r = 0; r < rows; r += block)
        for (int i = 0; i < width; i += STRIP) {
            int n = width - i < STRIP ? width - i : STRIP;
            float partial[STRIP] = {0};
            for (size_t k = r; k < rows && k < r + block; k++)
                for (int l = 0; l < n; l++) {
                    size_t at = k * width + i + l;
                    partial[l] = b ? fmaf(a[at], b[at], partial[l]) : partial[l] + a[at];
                }
            for (int l = 0; l < n; l++)
                sums[r * row_step + (i + l) * col_step] += partial[l];
        }
}

static void exp_forward(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i += STRIP) {
        float v[STRIP];
        memcpy(v, x + i, sizeof v);
        for (int l = 0; l < STRIP; l++)
            v[l] = exp_f32(v[l]);
        memcpy(y + i, v, sizeof v);
    }
}

/* The entries of a table that this file defines, for an initializer. */
#define FV_ACT_ENTRY(NAME, name, of, back) [FV_ACT_##NAME] = {name##_forward, name##_backward},
#define FV_ELEMENTWISE_ENTRIES                                                                     \
    .exp = exp_forward,                                                                            \
    .acts = {FV_ACTIVATIONS_BY_Y(FV_ACT_ENTRY) FV_ACTIVATIONS_BY_X(FV_ACT_ENTRY)}, .scale = scale, \
    .scale_sums = scale_sums

#endif
