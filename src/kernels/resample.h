/*
 * resample.h - the kernels of weighted sums over rows and columns: average pooling, resizing,
 * padding. They use the vectors of norm.h.
 *
 * Included by simd.c alone. A multiplication and the addition after it are two roundings here,
 * in all sets. The contracts are in kernels.h.
 */
#ifndef FV_RESAMPLE_H
#define FV_RESAMPLE_H

#include "kernels/norm.h"

static inline float weight_at(const fv_span *row, const fv_span *col, int r, int s)
{
    return (r ? row->other : row->first) * (s ? col->other : col->first);
}

/* One pixel of y from the stretch of rows and columns whose first pixel is at x. A sum starts
   at -0, so that a single -0 stays -0. */
static inline void gather_stretch(const fv_span *row, const fv_span *col, float none, size_t line,
                                  int width, const float *x, float *y)
{
    const float start = row->count && col->count ? -0.0f : none;
    for (int c = 0; c < width; c += WIDE) {
        wide sum, in;
        for (int l = 0; l < WIDE; l++)
            sum[l] = start;
        for (int r = 0; r < row->count; r++)
            for (int s = 0; s < col->count; s++) {
                wide_load(&in, x + r * line + s * width + c, width - c);
                sum += in * weight_at(row, col, r, s);
            }
        wide_store(y + c, &sum, width - c);
    }
}

static inline void spread_stretch(const fv_span *row, const fv_span *col, size_t line, int width,
                                  const float *dy, float *dx)
{
    for (int c = 0; c < width; c += WIDE) {
        wide out, sum;
        wide_load(&out, dy + c, width - c);
        for (int r = 0; r < row->count; r++)
            for (int s = 0; s < col->count; s++) {
                float *to = dx + r * line + s * width + c;
                wide_load(&sum, to, width - c);
                sum += out * weight_at(row, col, r, s);
                wide_store(to, &sum, width - c);
            }
    }
}

/* With the constant width of the batch-last layout there is no loop and no partial vector. */
static void resample_forward(const fv_resample *v, int planes, int width, const float *x, float *y)
{
    size_t line = (size_t)v->W * width;
    for (int i = 0; i < planes; i++, x += v->H * line)
        for (int p = 0; p < v->P; p++)
            for (int q = 0; q < v->Q; q++, y += width) {
                const fv_span *row = v->rows + p, *col = v->cols + q;
                const float *from = x + row->from * line + (size_t)col->from * width;
                if (width == WIDE)
                    gather_stretch(row, col, v->none, line, WIDE, from, y);
                else
                    gather_stretch(row, col, v->none, line, width, from, y);
            }
}

static void resample_backward(const fv_resample *v, int planes, int width, const float *dy,
                              float *dx)
{
    size_t line = (size_t)v->W * width;
    memset(dx, 0, planes * v->H * line * sizeof *dx);
    for (int i = 0; i < planes; i++, dx += v->H * line)
        for (int p = 0; p < v->P; p++)
            for (int q = 0; q < v->Q; q++, dy += width) {
                const fv_span *row = v->rows + p, *col = v->cols + q;
                float *to = dx + row->from * line + (size_t)col->from * width;
                if (width == WIDE)
                    spread_stretch(row, col, line, WIDE, dy, to);
                else
                    spread_stretch(row, col, line, width, dy, to);
            }
}

/* The entries of a table that this file defines, for an initializer. */
#define FV_RESAMPLE_ENTRIES                                                                        \
    .resample_forward = resample_forward, .resample_backward = resample_backward

#endif
