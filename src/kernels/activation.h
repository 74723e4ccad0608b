/*
 * activation.h - the list of activations, and each as a function of one number.
 *
 * A(NAME, name, arguments of name_of, arguments of name_back) makes the enumerator FV_ACT_NAME
 * (kernels.h), the kernels of every set (elementwise.h) and the op (ops/activation.c). x and y are
 * the input and the output, a and b the parameters. A function may read a NaN as any number; the
 * loop that calls name_of keeps it.
 */
#ifndef FV_ACTIVATION_H
#define FV_ACTIVATION_H

#include "kernels/scalar.h"

/* clang-format off */
/* Those whose backward reads the output, so that it may overwrite the input. */
#define FV_ACTIVATIONS_BY_Y(A)                                                                     \
    A(LEAKY_RELU, leaky_relu, (x, a), (y, dy, a)) /* a > 0: the slope below 0 */                   \
    A(RELU6, relu6, (x), (y, dy))                                                                  \
    A(SIGMOID, sigmoid, (x), (y, dy))                                                              \
    A(TANH, tanh, (x), (y, dy))                                                                    \
    A(HARDSIGMOID, hardsigmoid, (x), (y, dy))                                                      \
    A(ELU, elu, (x, a), (y, dy, a)) /* a > 0: alpha */

/* Those whose backward reads the input. */
#define FV_ACTIVATIONS_BY_X(A)                                                                     \
    A(GELU, gelu, (x), (x, dy))                                                                    \
    A(GELU_TANH, gelu_tanh, (x), (x, dy))                                                          \
    A(SILU, silu, (x), (x, dy))                                                                    \
    A(HARDSWISH, hardswish, (x), (x, dy))                                                          \
    A(SOFTPLUS, softplus, (x, a, b), (x, dy, a, b)) /* a > 0: beta, b: threshold */                \
    A(MISH, mish, (x), (x, dy))
/* clang-format on */

/* NAME_of is y of x, NAME_back is dx of dy and of y or x; a and b are the parameters. */
static inline float leaky_relu_of(float x, float a)
{
    return x > 0.0f ? x : a * x;
}

static inline float leaky_relu_back(float y, float dy, float a)
{
    return y > 0.0f ? dy : a * dy;
}

static inline float relu6_of(float x)
{
    float y = x > 0.0f ? x : 0.0f;
    return y < 6.0f ? y : 6.0f;
}

static inline float relu6_back(float y, float dy)
{
    return y <= 0.0f || y >= 6.0f ? 0.0f : dy;
}

static inline float sigmoid_of(float x)
{
    return sigmoid_f32(x);
}

static inline float sigmoid_back(float y, float dy)
{
    return dy * ((1.0f - y) * y);
}

static inline float tanh_of(float x)
{
    return tanh_f32(x);
}

static inline float tanh_back(float y, float dy)
{
    return dy * fmaf(-y, y, 1.0f);
}

static inline float gelu_of(float x)
{
    return x * normal_f32(x, bell_f32(x));
}

static inline float gelu_back(float x, float dy)
{
    float bell = bell_f32(x), near = x > 20.0f ? 20.0f : x < -20.0f ? -20.0f : x;
    return dy * fmaf(near * 0.398942280f, bell, normal_f32(x, bell)); /* 1 / sqrt(2 pi) */
}

/* (1 + tanh(u)) / 2 = sigmoid(2u), u = sqrt(2 / pi) * (x + 0.044715 x^3). */
static inline float gelu_tanh_of(float x)
{
    return x * sigmoid_f32(1.59576912f * fmaf(0.044715f * x, x * x, x));
}

/* Beyond +-10 the sigmoid is as good as 0 or 1. */
static inline float gelu_tanh_back(float x, float dy)
{
    float z = x > 10.0f ? 10.0f : x < -10.0f ? -10.0f : x;
    float s = sigmoid_f32(1.59576912f * fmaf(0.044715f * z, z * z, z));
    float slope = 1.59576912f * fmaf(0.134145f, z * z, 1.0f);
    return dy * fmaf(z * slope, s * (1.0f - s), s);
}

static inline float silu_of(float x)
{
    return x * sigmoid_f32(x);
}

static inline float silu_back(float x, float dy)
{
    float s = sigmoid_f32(x), near = x > 110.0f ? 110.0f : x < -110.0f ? -110.0f : x;
    return dy * (s * fmaf(near, 1.0f - s, 1.0f));
}

static inline float hardswish_of(float x)
{
    return x * (relu6_of(x + 3.0f) / 6.0f);
}

static inline float hardswish_back(float x, float dy)
{
    float slope = x < -3.0f ? 0.0f : x > 3.0f ? 1.0f : x / 3.0f + 0.5f;
    return dy * slope;
}

static inline float hardsigmoid_of(float x)
{
    return relu6_of(x + 3.0f) / 6.0f;
}

static inline float hardsigmoid_back(float y, float dy)
{
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

/* log(1 + e^(beta x)) / beta, whose e^ cannot overflow; past the threshold x itself. */
static inline float softplus_of(float x, float beta, float threshold)
{
    float z = beta * x;
    float y = ((z > 0.0f ? z : 0.0f) + log1p_f32(exp_f32(-fabsf(z)))) / beta;
    return z > threshold ? x : y;
}

static inline float softplus_back(float x, float dy, float beta, float threshold)
{
    float z = beta * x;
    return z > threshold ? dy : dy * sigmoid_f32(z);
}

/* x * tanh(log(1 + e^x)) = x * up / (up + rest), up = e^2x + 2e^x and rest = 2, above 0 with both
   divided by e^2x. */
static inline float mish_of(float x)
{
    float e = exp_f32(-fabsf(x));
    float up = x < 0.0f ? e * (e + 2.0f) : 2.0f * e + 1.0f, rest = x < 0.0f ? 2.0f : 2.0f * e * e;
    return x * (up / (up + rest));
}

/* t + x * (1 - t^2) * sigmoid(x) with t = tanh(log(1 + e^x)); beyond +-110 the slope is 1 or 0. */
static inline float mish_back(float x, float dy)
{
    float near = x > 110.0f ? 110.0f : x < -110.0f ? -110.0f : x, e = exp_f32(-fabsf(near));
    float up = x < 0.0f ? e * (e + 2.0f) : 2.0f * e + 1.0f, rest = x < 0.0f ? 2.0f : 2.0f * e * e;
    float t = up / (up + rest), left = rest / (up + rest), s = (x < 0.0f ? e : 1.0f) / (1.0f + e);
    return dy * fmaf(near * s, left * (1.0f + t), t);
}

#endif
