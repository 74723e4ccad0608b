/*
 * simd.c - the kernels on vectors, compiled once per instruction set.
 *
 * tile.h has the loop of all convolutions and linear layers; conv_batch.h and conv_channels.h define
 * its operands for each layout. The order of sums is that of kernels.h, whatever the tiles.
 * docs/kernels.md explains it with a picture. Layer 0, libc only.
 */
#include "kernels/tile.h"

typedef vec unit;
enum { UNIT = V };
#define UNIT_UNROLLED(i, n) UNROLLED (i, n)
#define unit_of             vec_splat
#define unit_fma            vec_fma
#define unit_load           load_some
#define unit_store          store_some
#include "kernels/winograd.h"

#include "kernels/elementwise.h"
#include "kernels/select.h"
#include "kernels/winograd5.h"
#include "kernels/conv_batch.h"
#include "kernels/conv_channels.h"
#include "kernels/norm.h"
#include "kernels/pooled.h"
#include "kernels/resample.h"
#include "kernels/softmax.h"
#include "kernels/update.h"
#include "kernels/argmax.h"

/* ---- linear layer ------------------------------------------------------------------------- */

/* M rows of dw by N vectors of its columns, over the images of one block after the other. */
static void linear_backward_weight(int K, int blocks, const float *dy, size_t dy_step,
                                   const float *xt, size_t xt_step, float *dw, int from, int to)
{
    cut across = cut_even(pieces(K, V), V == 16 ? 3 : 2);
    cut down = cut_even(to - from, mmax[largest_of(&across)]);
    job j = {.R = blocks, .S = 1, .K = L, .add = true, .ahead = xt};
    j.am = L, j.ak = 1, j.ar = dy_step;
    j.bk = fv_round_up(K), j.br = xt_step;
    j.cm = K, j.cn = V;
    for (int i = 0, m = from; i < down.count; m += size_of(&down, i++))
        for (int k = 0, n = 0; k < across.count; n += size_of(&across, k++) * V) {
            int M = size_of(&down, i), N = size_of(&across, k);
            j.a = dy + (size_t)m * L;
            j.b = xt + n;
            j.c = dw + (size_t)m * K + n;
            j.partial = partial_of(N, K - n);
            tiles[APART][M][N](&j);
        }
}

/* ---- windows as lanes --------------------------------------------------------------------- */

/* With step 2, even numbers go to one vector and odd ones to the next. */
static void load_windows(size_t rows, size_t n, size_t step, const float *from, size_t row,
                         float *x)
{
    for (size_t k = 0; k < rows; k++, from += row, x += n * L) {
        size_t i = 0;
        for (; step == 2 && i + 2 <= n; i += 2)
            for (int l = 0; l < L; l += V) {
                vec a = vec_load(from + i + 2 * l), b = vec_load(from + i + 2 * l + V);
                vec_store(x + i * L + l, vec_evens(a, b));
                vec_store(x + (i + 1) * L + l, vec_odds(a, b));
            }
        for (; i < n; i++)
            for (size_t l = 0; l < L; l++)
                x[i * L + l] = from[l * step + i];
    }
}

/* ---- relu --------------------------------------------------------------------------------- */

static void relu_forward(size_t n, const float *x, float *y)
{
    const vec zero = vec_splat(0.0f);
    for (size_t i = 0; i < n; i += V)
        vec_store(y + i, vec_max(zero, vec_load(x + i)));
}

static void relu_backward(size_t n, const float *y, const float *dy, float *dx)
{
    const vec zero = vec_splat(0.0f);
    for (size_t i = 0; i < n; i += V)
        vec_store(dx + i, vec_pick(vec_at_most(vec_load(y + i), zero), zero, vec_load(dy + i)));
}

/* ---- pooling ------------------------------------------------------------------------------ */

/* The taps of a window that lie inside the picture, and where tap r,s is: at + r*down + s*side. */
typedef struct taps {
    int r0, r1, s0, s1, S;
    ptrdiff_t at, down, side;
} taps;

static inline taps taps_of(const fv_pool2d *v, const window *o, int width)
{
    return (taps){o->r0,
                  o->r1,
                  o->s0,
                  o->s1,
                  v->S,
                  ((ptrdiff_t)o->h * v->W + o->w) * width,
                  (ptrdiff_t)v->dh * v->W * width,
                  (ptrdiff_t)v->dw * width};
}

/* A width that is no multiple of V ends in a partial vector. */
INLINE void best_of(taps t, int width, const float *x, float *y, int32_t *argmax)
{
    for (int c = 0; c < width; c += V) {
        const int partial = partial_of(1, width - c);
        vec best = vec_splat(-INFINITY), tap = vec_bits(t.r0 * t.S + t.s0);
        for (int r = t.r0; r < t.r1; r++)
            for (int s = t.s0; s < t.s1; s++) {
                vec in = load_some(x + t.at + r * t.down + s * t.side + c, partial);
                vec_mask holds = vec_holds(best, in);
                best = vec_pick(holds, best, in);
                tap = vec_pick(holds, tap, vec_bits(r * t.S + s));
            }
        store_some(y + c, best, partial);
        if (argmax)
            store_some((float *)(void *)(argmax + c), tap, partial);
    }
}

/* One row of windows. The usual ones, 2 x 2 and all inside the picture, are constants for best_of, so
   that its loops are unrolled. */
INLINE void pool_row(const fv_pool2d *v, int p, int width, const float *x, float *y,
                     int32_t *argmax)
{
    window o = window_rows(v, p);
    const bool inside = o.r1 - o.r0 == 2 && v->R == 2 && v->S == 2 && v->pw == 0 &&
                        (v->Q - 1) * v->sw + v->dw < v->W;
    const ptrdiff_t down = (ptrdiff_t)v->dh * v->W * width, side = (ptrdiff_t)v->dw * width;
    ptrdiff_t at = (ptrdiff_t)o.h * v->W * width;
    for (int q = 0; q < v->Q; q++, y += width, argmax = argmax ? argmax + width : NULL) {
        if (inside) {
            best_of((taps){0, 2, 0, 2, 2, at, down, side}, width, x, y, argmax);
            at += (ptrdiff_t)v->sw * width;
            continue;
        }
        window_cols(v, q, &o);
        best_of(taps_of(v, &o, width), width, x, y, argmax);
    }
}

/* With the constant width of the batch-last layout, so without loop and partial vectors. */
static void pool_row_lanes(const fv_pool2d *v, int p, const float *x, float *y, int32_t *argmax)
{
    pool_row(v, p, L, x, y, argmax);
}

static void max_pool_forward(const fv_pool2d *v, int planes, int width, const float *x, float *y,
                             int32_t *argmax, size_t step)
{
    for (int i = 0; i < planes; i++, x += (size_t)v->H * v->W * width)
        for (int p = 0; p < v->P; p++) {
            size_t at = i * step + (size_t)p * v->Q * width;
            int32_t *to = argmax ? argmax + at : NULL;
            if (width == L)
                pool_row_lanes(v, p, x, y + at, to);
            else
                pool_row(v, p, width, x, y + at, to);
        }
}

static void max_pool_backward(const fv_pool2d *v, int planes, int width, const float *dy,
                              const int32_t *argmax, float *dx)
{
    size_t plane = (size_t)v->H * v->W * width;
    memset(dx, 0, planes * plane * sizeof *dx);
    for (int i = 0; i < planes; i++, dx += plane)
        for (int p = 0; p < v->P; p++) {
            window o = window_rows(v, p);
            for (int q = 0; q < v->Q; q++, dy += width, argmax += width) {
                window_cols(v, q, &o);
                taps t = taps_of(v, &o, width);
                for (int c = 0; c < width; c += V) {
                    const int partial = partial_of(1, width - c);
                    vec tap = load_some((const float *)(const void *)(argmax + c), partial);
                    vec out = load_some(dy + c, partial);
                    for (int r = t.r0; r < t.r1; r++)
                        for (int s = t.s0; s < t.s1; s++) {
                            float *to = dx + t.at + r * t.down + s * t.side + c;
                            vec_mask mine = vec_same_bits(tap, vec_bits(r * t.S + s));
                            vec more = vec_pick(mine, out, vec_splat(0.0f));
                            store_some(to, vec_add(load_some(to, partial), more), partial);
                        }
                }
            }
        }
}

/* The pixels of one window of R x S, in lines of dx, for all planes. */
INLINE void spread_window(int R, int S, int planes, int width, const float *y, const float *dy,
                          const int32_t *argmax, size_t step, size_t line, float *dx)
{
    const vec zero = vec_splat(0.0f);
    const ptrdiff_t side = (ptrdiff_t)planes * width;
    for (int i = 0; i < planes; i++, y += step, dy += step, argmax += step, dx += width)
        for (int c = 0; c < width; c += V) {
            const int partial = partial_of(1, width - c);
            vec tap = load_some((const float *)(const void *)(argmax + c), partial);
            vec out = load_some(dy + c, partial);
            out = vec_pick(vec_at_most(load_some(y + c, partial), zero), zero, out);
            for (int r = 0; r < R; r++)
                for (int s = 0; s < S; s++) {
                    vec_mask mine = vec_same_bits(tap, vec_bits(r * S + s));
                    store_some(dx + r * line + s * side + c, vec_pick(mine, out, zero), partial);
                }
        }
}

static void pool_row_backward(const fv_pool2d *v, int planes, int width, const float *y,
                              const float *dy, const int32_t *argmax, size_t step, int Wp, int left,
                              float *dx)
{
    size_t pixel = (size_t)planes * width, line = Wp * pixel;
    int right = Wp - left - v->Q * v->S; /* columns that no window covers, and zeros past the row */
    for (int r = 0; r < v->R; r++) {
        memset(dx + r * line, 0, left * pixel * sizeof *dx);
        memset(dx + (r + 1) * line - right * pixel, 0, right * pixel * sizeof *dx);
    }
    dx += left * pixel;
    for (int q = 0; q < v->Q; q++, y += width, dy += width, argmax += width, dx += v->S * pixel)
        if (v->R == 2 && v->S == 2 && width == L)
            spread_window(2, 2, planes, L, y, dy, argmax, step, line, dx);
        else
            spread_window(v->R, v->S, planes, width, y, dy, argmax, step, line, dx);
}

#define NAME_(set) fv_kernels_##set
#define NAME(set)  NAME_(set)
#define TEXT_(set) #set
#define TEXT(set)  TEXT_(set)

static const fv_winograd_kernels winograd_kernels = FV_WINOGRAD_ENTRIES;
static const fv_pooled_kernels pooled_kernels = {
    {pooled_forward, winograd5_pooled_forward}, pooled_weight, pooled_input};

extern const fv_kernels NAME(FV_SIMD_NAME);
const fv_kernels NAME(FV_SIMD_NAME) = {
    .name = TEXT(FV_SIMD_NAME),
    .conv = {[FV_BATCH_LAST] = {pack_batch,
                                {forward_batch, winograd5_forward_batch},
                                backward_input_batch,
                                backward_weight_batch},
             [FV_CHANNELS_LAST] = {pack_channels,
                                   {forward_channels, winograd5_forward_channels},
                                   backward_input_channels,
                                   backward_weight_channels}},
    .pooled = &pooled_kernels,
    .argmax = &argmax_kernels,
    .winograd = &winograd_kernels,
    .linear_backward_weight = linear_backward_weight,
    .load_windows = load_windows,
    .relu_forward = relu_forward,
    .relu_backward = relu_backward,
    .max_pool_forward = max_pool_forward,
    .max_pool_backward = max_pool_backward,
    .pool_row_backward = pool_row_backward,
    FV_LANES_ENTRIES,
    .softmax_forward = softmax_forward,
    .softmax_backward = softmax_backward,
    FV_NORM_ENTRIES,
    FV_RESAMPLE_ENTRIES,
    FV_ELEMENTWISE_ENTRIES,
    FV_UPDATE_ENTRIES,
};
