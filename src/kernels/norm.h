/*
 * norm.h - the kernels of normalisation, in vector types that compilers map to the
 * registers of the CPU.
 *
 * Included by simd.c alone. A multiplication and the addition after it are two roundings here,
 * in all sets. The contracts are in kernels.h.
 */
#ifndef FV_NORM_H
#define FV_NORM_H

#include "kernels/kernels.h"

#include <string.h>

typedef float wide __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t wide_mask __attribute__((vector_size(64), aligned(4), may_alias));

enum { WIDE = 16, ROWS_AT_ONCE = 32 };

/* Column strips of WIDE floats; the last may have fewer, and the rest is 0. Vectors are passed by
   pointer: by value the calling convention would depend on the CPU. */
static inline void wide_load(wide *v, const float *p, int n)
{
    if (n >= WIDE) {
        memcpy(v, p, sizeof *v);
        return;
    }
    memset(v, 0, sizeof *v);
    memcpy(v, p, (size_t)n * sizeof *p);
}

static inline void wide_store(float *p, const wide *v, int n)
{
    memcpy(p, v, n >= WIDE ? sizeof *v : (size_t)n * sizeof *p);
}

/* v = 0 where y is not above 0, or where v is below it. */
static inline void clear_unless_above(wide *v, const wide *y)
{
    wide zero = {0};
    *v = (wide)((wide_mask)*v & (wide_mask)(*y > zero));
}

static inline void clear_below(wide *v)
{
    wide zero = {0};
    *v = (wide)((wide_mask)*v & ~(wide_mask)(*v < zero));
}

static inline void add_doubles(double *to, const wide *a, int n)
{
    for (int l = 0; l < n && l < WIDE; l++)
        to[l] += (double)(*a)[l];
}

/* One strip of up to ROWS_AT_ONCE rows: in four sums, of every fourth row. */
static inline void moments_strip(size_t rows, int width, int n, const float *x, const wide *pivot,
                                 wide *sum, wide *square)
{
    wide s[4] = {{0}}, q[4] = {{0}};
    for (size_t r = 0; r < rows; r++) {
        wide d;
        wide_load(&d, x + r * width, n);
        d -= *pivot;
        s[r % 4] += d;
        q[r % 4] += d * d;
    }
    *sum = (s[0] + s[1]) + (s[2] + s[3]);
    *square = (q[0] + q[1]) + (q[2] + q[3]);
}

static void moments(size_t rows, int width, int live, const float *x, const float *pivot,
                    double *sum, double *square)
{
    for (size_t r = 0; r < rows; r += ROWS_AT_ONCE, x += (size_t)ROWS_AT_ONCE * width) {
        size_t some = rows - r < ROWS_AT_ONCE ? rows - r : ROWS_AT_ONCE;
        for (int i = 0; i < live; i += WIDE) {
            int n = width - i < WIDE ? width - i : WIDE;
            wide s, q, p;
            wide_load(&p, pivot + i, n);
            if (n == WIDE && some == ROWS_AT_ONCE)
                moments_strip(ROWS_AT_ONCE, width, WIDE, x + i, &p, &s, &q);
            else
                moments_strip(some, width, n, x + i, &p, &s, &q);
            add_doubles(sum + i, &s, live - i < n ? live - i : n);
            add_doubles(square + i, &q, live - i < n ? live - i : n);
        }
    }
}

static inline void moments_backward_strip(size_t rows, int width, int n, const float *x,
                                          const float *dy, const float *relu_y, const wide *pivot,
                                          wide *sum, wide *square)
{
    wide s[4] = {{0}}, q[4] = {{0}};
    for (size_t r = 0; r < rows; r++) {
        wide d, v, y;
        wide_load(&d, dy + r * width, n);
        wide_load(&v, x + r * width, n);
        if (relu_y) {
            wide_load(&y, relu_y + r * width, n);
            clear_unless_above(&d, &y);
        }
        s[r % 4] += d;
        q[r % 4] += d * (v - *pivot);
    }
    *sum = (s[0] + s[1]) + (s[2] + s[3]);
    *square = (q[0] + q[1]) + (q[2] + q[3]);
}

static void moments_backward(size_t rows, int width, int live, const float *x, const float *dy,
                             const float *relu_y, const float *pivot, double *sum, double *square)
{
    for (size_t r = 0; r < rows; r += ROWS_AT_ONCE) {
        size_t some = rows - r < ROWS_AT_ONCE ? rows - r : ROWS_AT_ONCE, at = r * width;
        for (int i = 0; i < live; i += WIDE) {
            int n = width - i < WIDE ? width - i : WIDE;
            wide s, q, p;
            wide_load(&p, pivot + i, n);
            const float *y = relu_y ? relu_y + at + i : NULL;
            if (n == WIDE && some == ROWS_AT_ONCE)
                moments_backward_strip(ROWS_AT_ONCE, width, WIDE, x + at + i, dy + at + i, y, &p,
                                       &s, &q);
            else
                moments_backward_strip(some, width, n, x + at + i, dy + at + i, y, &p, &s, &q);
            add_doubles(sum + i, &s, live - i < n ? live - i : n);
            add_doubles(square + i, &q, live - i < n ? live - i : n);
        }
    }
}

static void norm_forward(size_t rows, int width, const float *x, const float *pivot,
                         const float *scale, const float *shift, bool relu, float *y)
{
    for (size_t r = 0; r < rows; r++, x += width, y += width)
        for (int i = 0; i < width; i += WIDE) {
            wide v, middle, by, more;
            wide_load(&v, x + i, width - i);
            wide_load(&middle, pivot + i, width - i);
            wide_load(&by, scale + i, width - i);
            wide_load(&more, shift + i, width - i);
            v = (v - middle) * by + more;
            if (relu)
                clear_below(&v);
            wide_store(y + i, &v, width - i);
        }
}

static void norm_backward(size_t rows, int width, int live, const float *x, const float *dy,
                          const float *relu_y, const float *pivot, const float *scale,
                          const float *slope, const float *shift, float *dx)
{
    for (size_t r = 0; r < rows; r++, x += width, dy += width, dx += width) {
        for (int i = 0; i < width; i += WIDE) {
            wide d, v, y, middle, by, steep, more;
            wide_load(&d, dy + i, width - i);
            wide_load(&v, x + i, width - i);
            wide_load(&middle, pivot + i, width - i);
            wide_load(&by, scale + i, width - i);
            wide_load(&steep, slope + i, width - i);
            wide_load(&more, shift + i, width - i);
            if (relu_y) {
                wide_load(&y, relu_y + r * width + i, width - i);
                clear_unless_above(&d, &y);
            }
            d = d * by + ((v - middle) * steep + more);
            wide_store(dx + i, &d, width - i);
        }
        for (int i = live; i < width; i++)
            dx[i] = 0.0f;
    }
}

/* The entries of a table that this file defines, for an initializer. */
#define FV_NORM_ENTRIES                                                                            \
    .moments = moments, .moments_backward = moments_backward, .norm_forward = norm_forward,        \
    .norm_backward = norm_backward

#endif
