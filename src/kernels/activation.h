/*
 * activation.h - the kernels of activations and products, which compilers vectorize by themselves.
 *
 * Every set includes this file. Activations process 16 numbers at a time through a local array, so
 * that their loop is vectorized in place, too. The contracts are in kernels.h.
 */
#ifndef FV_ACTIVATION_H
#define FV_ACTIVATION_H

#include "kernels/kernels.h"
#include "kernels/scalar.h"

enum { STRIP = FV_LANES };

/* ---- activations -------------------------------------------------------------------------- */

/* y of x, and dx of dy and of y or x, with the activation's parameter a. */
static inline float leaky_relu_of(float x, float a)
{
    return x > 0.0f ? x : a * x;
}

static inline float leaky_relu_back(float y, float dy, float a)
{
    return y > 0.0f ? dy : a * dy;
}

static inline float relu6_of(float x, float a)
{
    (void)a;
    float y = x > 0.0f ? x : 0.0f;
    return y < 6.0f ? y : 6.0f;
}

static inline float relu6_back(float y, float dy, float a)
{
    (void)a;
    return y <= 0.0f || y >= 6.0f ? 0.0f : dy;
}

static inline float sigmoid_of(float x, float a)
{
    (void)a;
    return sigmoid_f32(x);
}

static inline float sigmoid_back(float y, float dy, float a)
{
    (void)a;
    return dy * ((1.0f - y) * y);
}

static inline float tanh_of(float x, float a)
{
    (void)a;
    return tanh_f32(x);
}

static inline float tanh_back(float y, float dy, float a)
{
    (void)a;
    return dy * fmaf(-y, y, 1.0f);
}

static inline float gelu_of(float x, float a)
{
    (void)a;
    return x * normal_f32(x, bell_f32(x));
}

static inline float gelu_back(float x, float dy, float a)
{
    (void)a;
    float bell = bell_f32(x), near = x > 20.0f ? 20.0f : x < -20.0f ? -20.0f : x;
    return dy * fmaf(near * 0.398942280f, bell, normal_f32(x, bell)); /* 1 / sqrt(2 pi) */
}

/* (1 + tanh(u)) / 2 = sigmoid(2u), u = sqrt(2 / pi) * (x + 0.044715 x^3). */
static inline float gelu_tanh_of(float x, float a)
{
    (void)a;
    return x * sigmoid_f32(1.59576912f * fmaf(0.044715f * x, x * x, x));
}

/* Beyond +-10 the sigmoid is as good as 0 or 1. */
static inline float gelu_tanh_back(float x, float dy, float a)
{
    (void)a;
    float z = x > 10.0f ? 10.0f : x < -10.0f ? -10.0f : x;
    float s = sigmoid_f32(1.59576912f * fmaf(0.044715f * z, z * z, z));
    float slope = 1.59576912f * fmaf(0.134145f, z * z, 1.0f);
    return dy * fmaf(z * slope, s * (1.0f - s), s);
}

static inline float silu_of(float x, float a)
{
    (void)a;
    return x * sigmoid_f32(x);
}

static inline float silu_back(float x, float dy, float a)
{
    (void)a;
    float s = sigmoid_f32(x), near = x > 110.0f ? 110.0f : x < -110.0f ? -110.0f : x;
    return dy * (s * fmaf(near, 1.0f - s, 1.0f));
}

static inline float hardswish_of(float x, float a)
{
    return x * (relu6_of(x + 3.0f, a) / 6.0f);
}

static inline float hardswish_back(float x, float dy, float a)
{
    (void)a;
    float slope = x < -3.0f ? 0.0f : x > 3.0f ? 1.0f : x / 3.0f + 0.5f;
    return dy * slope;
}

static inline float hardsigmoid_of(float x, float a)
{
    return relu6_of(x + 3.0f, a) / 6.0f;
}

static inline float hardsigmoid_back(float y, float dy, float a)
{
    (void)a;
    return y > 0.0f && y < 1.0f ? dy / 6.0f : 0.0f;
}

static inline float elu_of(float x, float a)
{
    return x > 0.0f ? x : a * (exp_f32(x) - 1.0f);
}

static inline float elu_back(float y, float dy, float a)
{
    return y > 0.0f ? dy : dy * (y + a);
}

/* NAME_forward and NAME_backward over n numbers. NaN stays that NaN. */
#define FV_ACTIVATION(name)                                                                        \
    static void name##_forward(size_t n, float a, const float *x, float *y)                        \
    {                                                                                              \
        for (size_t i = 0; i < n; i += STRIP) {                                                    \
            float v[STRIP];                                                                        \
            memcpy(v, x + i, sizeof v);                                                            \
            for (int l = 0; l < STRIP; l++)                                                        \
                v[l] = v[l] != v[l] ? v[l] : name##_of(v[l], a);                                   \
            memcpy(y + i, v, sizeof v);                                                            \
        }                                                                                          \
    }                                                                                              \
    static void name##_backward(size_t n, float a, const float *from, const float *dy, float *dx)  \
    {                                                                                              \
        for (size_t i = 0; i < n; i += STRIP) {                                                    \
            float v[STRIP], d[STRIP];                                                              \
            memcpy(v, from + i, sizeof v);                                                         \
            memcpy(d, dy + i, sizeof d);                                                           \
            for (int l = 0; l < STRIP; l++)                                                        \
                d[l] = name##_back(v[l], d[l], a);                                                 \
            memcpy(dx + i, d, sizeof d);                                                           \
        }                                                                                          \
    }

FV_ACTIVATION(leaky_relu)
FV_ACTIVATION(relu6)
FV_ACTIVATION(sigmoid)
FV_ACTIVATION(tanh)
FV_ACTIVATION(gelu)
FV_ACTIVATION(gelu_tanh)
FV_ACTIVATION(silu)
FV_ACTIVATION(hardswish)
FV_ACTIVATION(hardsigmoid)
FV_ACTIVATION(elu)

#define FV_ACT_ENTRY(name)                                                                         \
    {                                                                                              \
        name##_forward, name##_backward                                                            \
    }

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
#define FV_ACTIVATION_ENTRIES                                                                      \
    .exp = exp_forward,                                                                            \
    .acts = {[FV_ACT_LEAKY_RELU] = FV_ACT_ENTRY(leaky_relu),                                       \
             [FV_ACT_RELU6] = FV_ACT_ENTRY(relu6),                                                 \
             [FV_ACT_SIGMOID] = FV_ACT_ENTRY(sigmoid),                                             \
             [FV_ACT_TANH] = FV_ACT_ENTRY(tanh),                                                   \
             [FV_ACT_GELU] = FV_ACT_ENTRY(gelu),                                                   \
             [FV_ACT_GELU_TANH] = FV_ACT_ENTRY(gelu_tanh),                                         \
             [FV_ACT_SILU] = FV_ACT_ENTRY(silu),                                                   \
             [FV_ACT_HARDSWISH] = FV_ACT_ENTRY(hardswish),                                         \
             [FV_ACT_HARDSIGMOID] = FV_ACT_ENTRY(hardsigmoid),                                     \
             [FV_ACT_ELU] = FV_ACT_ENTRY(elu)},                                                    \
    .scale = scale, .scale_sums = scale_sums

#endif
