/*
 * scalar.h - exp and log in float32, our own, so that no libm decides a bit.
 *
 * Each is a polynomial by fused multiply-add without branches, which compilers turn into vector
 * code where it is used in a loop. Largest errors over all float32 inputs, measured by the tests:
 * exp 1.0 ulp (results below 2^-126 are rounded once more), log 1.0 ulp.
 */
#ifndef FV_SCALAR_H
#define FV_SCALAR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline float float_of_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint32_t bits_of_float(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* e^x = 2^n * e^r with n = round(x / ln 2) and |r| <= ln 2 / 2. NaN gives NaN. */
static inline float exp_f32(float x)
{
    const float round = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    float in = x;
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    float z = fmaf(x, 1.44269504f, round);
    float n = z - round;
    float r = fmaf(n, -0.693145752f, x); /* ln 2 in two parts, the first exact times n */
    r = fmaf(n, -1.42860677e-6f, r);
    float p = 1.98756915e-4f;
    p = fmaf(p, r, 1.39819995e-3f);
    p = fmaf(p, r, 8.33345191e-3f);
    p = fmaf(p, r, 4.16657959e-2f);
    p = fmaf(p, r, 1.66666655e-1f);
    p = fmaf(p, r, 5.00000012e-1f);
    p = fmaf(p * r, r, r) + 1.0f;
    /* 2^n in two factors, so that results below 2^-126 and above 2^127 come out right. */
    int32_t i = (int32_t)(bits_of_float(z) - bits_of_float(round));
    int32_t half = i / 2;
    float y = p * float_of_bits((uint32_t)(half + 127) << 23);
    y = y * float_of_bits((uint32_t)(i - half + 127) << 23);
    return in != in ? in : y;
}

/* log x = e*ln 2 + log m with x = m * 2^e, m in [sqrt(1/2), sqrt(2)), by
   log m = 2 atanh(t), t = (m-1)/(m+1), in the form f - (f^2/2 - t*(f^2/2 + R)), f = m - 1. */
static inline float log_f32(float x)
{
    float in = x;
    float scale = x < 1.17549435e-38f ? 8388608.0f : 1.0f; /* lift what is below 2^-126 */
    x = x * scale;
    uint32_t bits = bits_of_float(x) + (0x3f800000u - 0x3f3504f3u);
    int32_t e = (int32_t)(bits >> 23) - 127;
    float m = float_of_bits((bits & 0x007fffffu) + 0x3f3504f3u);
    float k = (float)e - (scale == 1.0f ? 0.0f : 23.0f);
    float f = m - 1.0f;
    float t = f / (2.0f + f);
    float z = t * t;
    float r = 0.242790788f;
    r = fmaf(r, z, 0.284987867f);
    r = fmaf(r, z, 0.400009722f);
    r = fmaf(r, z, 0.666666627f) * z;
    float half = 0.5f * f * f;
    float y = fmaf(t, half + r, k * 9.05800061e-6f) - half + f;
    y = fmaf(k, 0.693138123f, y);
    y = in == 0.0f ? -INFINITY : y;
    y = in < 0.0f ? NAN : y;
    y = in == INFINITY ? INFINITY : y;
    return in != in ? in : y;
}

#endif
