/*
 * lanes.h - the kernels that compilers vectorize by themselves: sums, padding, loading, storing.
 *
 * Plain loops whose innermost index is the lane. Every set includes this file, and the compiler
 * vectorizes it for each instruction set; the order of operations in a lane is as written, so all
 * sets give the same bits. A set that included vec.h transposes with it. The contracts are in
 * kernels.h.
 */
#ifndef FV_LANES_H
#define FV_LANES_H

#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

enum { L = FV_LANES };

/* ---- transposing ---------------------------------------------------------------------------- */

typedef float four __attribute__((vector_size(16)));

/* y [n][m] = x [m][n], rows x_step and y_step floats apart: 4 x 4 numbers at a time in vectors that
   every CPU has. */
static inline void transpose_four(const float *x, size_t x_step, float *y, size_t y_step)
{
    four a, b, c, d;
    memcpy(&a, x, sizeof a), memcpy(&b, x + x_step, sizeof b);
    memcpy(&c, x + 2 * x_step, sizeof c), memcpy(&d, x + 3 * x_step, sizeof d);
    four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    four ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    four cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    a = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    b = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    c = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    d = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
    memcpy(y, &a, sizeof a), memcpy(y + y_step, &b, sizeof b);
    memcpy(y + 2 * y_step, &c, sizeof c), memcpy(y + 3 * y_step, &d, sizeof d);
}

/* The same of two rows. */
static inline void transpose_two(const float *x, size_t x_step, float *y, size_t y_step)
{
    four a, b;
    memcpy(&a, x, sizeof a), memcpy(&b, x + x_step, sizeof b);
    four low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    four high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    memcpy(y, &low, sizeof low / 2);
    memcpy(y + y_step, (const float *)&low + 2, sizeof low / 2);
    memcpy(y + 2 * y_step, &high, sizeof high / 2);
    memcpy(y + 3 * y_step, (const float *)&high + 2, sizeof high / 2);
}

#if defined(FV_VEC_H)
/* The same of V rows: every fourth row in one vector, whose fours are transposed at once. */
static inline void transpose_rows(const float *x, size_t x_step, float *y, size_t y_step)
{
    const vec a = vec_fours(x, 4 * x_step), b = vec_fours(x + x_step, 4 * x_step);
    const vec c = vec_fours(x + 2 * x_step, 4 * x_step), d = vec_fours(x + 3 * x_step, 4 * x_step);
    const vec ac = vec_low(a, c), bd = vec_low(b, d);
    vec_store(y, vec_low(ac, bd)), vec_store(y + y_step, vec_high(ac, bd));
    const vec ac2 = vec_high(a, c), bd2 = vec_high(b, d);
    vec_store(y + 2 * y_step, vec_low(ac2, bd2)), vec_store(y + 3 * y_step, vec_high(ac2, bd2));
}
#endif

static void transpose_apart(size_t m, size_t n, const float *x, size_t x_step, float *y,
                            size_t y_step)
{
    size_t n4 = n / 4 * 4, i = 0;
#if defined(FV_VEC_H)
    for (; i + V <= m; i += V)
        for (size_t k = 0; k < n4; k += 4)
            transpose_rows(x + i * x_step + k, x_step, y + k * y_step + i, y_step);
#endif
    for (; i + 4 <= m; i += 4)
        for (size_t k = 0; k < n4; k += 4)
            transpose_four(x + i * x_step + k, x_step, y + k * y_step + i, y_step);
    for (; i + 2 <= m; i += 2)
        for (size_t k = 0; k < n4; k += 4)
            transpose_two(x + i * x_step + k, x_step, y + k * y_step + i, y_step);
    for (size_t k = 0; i < m && k < n4; k++)
        y[k * y_step + i] = x[i * x_step + k];
    for (i = 0; i < m; i++)
        for (size_t k = n4; k < n; k++)
            y[k * y_step + i] = x[i * x_step + k];
}

static void transpose(size_t m, size_t n, const float *x, float *y)
{
    transpose_apart(m, n, x, n, y, m);
}

/* ---- sums over lanes ---------------------------------------------------------------------- */

/* The last four lanes of the tree for one sum. */
static inline four four_lanes(const float *partials, int count, size_t step)
{
    four sum[4], next[4];
    memcpy(sum, partials, sizeof sum);
    for (int c = 1; c < count; c++) {
        memcpy(next, partials + c * step, sizeof next);
        for (int i = 0; i < 4; i++)
            sum[i] += next[i];
    }
    return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

/* Four sums at a time; a transpose brings their last four lanes together. */
static void sum_lanes(size_t n, int count, const float *partials, size_t step, float *out)
{
    for (size_t i = 0; i < n; i += 4) {
        size_t some = n - i < 4 ? n - i : 4;
        four lanes[4] = {0}, transposed[4];
        for (size_t k = 0; k < some; k++)
            lanes[k] = four_lanes(partials + (i + k) * L, count, step);
        transpose_four((const float *)lanes, 4, (float *)transposed, 4);
        transposed[0] = (transposed[0] + transposed[2]) + (transposed[1] + transposed[3]);
        for (size_t k = 0; k < some; k++)
            out[i + k] += transposed[0][k];
    }
}

/* ---- windows of a pooling ----------------------------------------------------------------- */

/* The taps r0..r1-1, s0..s1-1 that lie inside the picture; tap 0,0 is at h,w. */
typedef struct window {
    int r0, r1, s0, s1, h, w;
} window;

static inline int first_tap(int start, int dilation)
{
    return start < 0 ? (-start + dilation - 1) / dilation : 0;
}

static inline int end_tap(int start, int dilation, int taps, int size)
{
    if (start + (taps - 1) * dilation < size) /* nearly always; a division is slow */
        return taps;
    return (size - start + dilation - 1) / dilation;
}

/* Rows and columns of a window are computed separately: a row of windows shares its rows. */
static inline window window_rows(const fv_pool2d *v, int p)
{
    int h = p * v->sh - v->ph;
    return (window){.r0 = first_tap(h, v->dh), .r1 = end_tap(h, v->dh, v->R, v->H), .h = h};
}

static inline void window_cols(const fv_pool2d *v, int q, window *o)
{
    o->w = q * v->sw - v->pw;
    o->s0 = first_tap(o->w, v->dw);
    o->s1 = end_tap(o->w, v->dw, v->S, v->W);
}

static inline window window_at(const fv_pool2d *v, int p, int q)
{
    window o = window_rows(v, p);
    window_cols(v, q, &o);
    return o;
}

static inline size_t place_of(const fv_pool2d *v, const window *o, int r, int s)
{
    return (size_t)(o->h + r * v->dh) * v->W + o->w + s * v->dw;
}

/* ---- padding ------------------------------------------------------------------------------ */

/* The zeros after a row and before the next are one piece. */
static void pad(int planes, int width, int H, int W, const float *from, int Hp, int Wp, int top,
                int left, float *to)
{
    top = top < Hp ? top : Hp;
    left = left < Wp ? left : Wp; /* a stride may step over the whole picture */
    int rows = H < Hp - top ? H : Hp - top, cols = W < Wp - left ? W : Wp - left;
    size_t line = (size_t)Wp * width, some = (size_t)cols * width;
    for (int i = 0; i < planes; i++, from += (size_t)H * W * width) {
        float *end = to + Hp * line;
        size_t zeros = top * line + (size_t)left * width;
        for (int h = 0; h < rows; h++, to += some, zeros = line - some) {
            memset(to, 0, zeros * sizeof *to);
            to += zeros;
            memcpy(to, from + (size_t)h * W * width, some * sizeof *to);
        }
        memset(to, 0, (size_t)(end - to) * sizeof *to);
        to = end;
    }
}

static void pad_gradient(const fv_conv *v, int planes, int width, const float *dy, float *dyp)
{
    size_t plane = (size_t)v->P * v->Q * width, pixel = (size_t)planes * width;
    size_t before = v->left * pixel, after = v->right * pixel;
    for (int p = 0; p < v->P; p++) {
        memset(dyp, 0, before * sizeof *dyp);
        dyp += before;
        int run = planes == 1 ? v->Q : 1; /* pixels that are contiguous in both */
        for (int q = 0; q < v->Q; q += run, dy += run * width)
            for (int i = 0; i < planes; i++, dyp += run * width)
                if (width == L && run == 1) /* a constant, so no call */
                    memcpy(dyp, dy + i * plane, L * sizeof *dyp);
                else
                    memcpy(dyp, dy + i * plane, run * width * sizeof *dyp);
        memset(dyp, 0, after * sizeof *dyp);
        dyp += after;
    }
}

static void sum_partials(size_t n, int count, const float *partials, size_t step, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float sum = partials[i];
        for (int c = 1; c < count; c++)
            sum += partials[c * step + i];
        out[i] += sum;
    }
}

/* A tile of outputs and channels of one group is summed in the order of the partials, then
   transposed in the first-level cache. */
enum { TILE_OUTPUTS = 32, TILE_NUMBERS = 128 };

/* Outputs o to o+n-1 of dw, channels c to c+m-1 of a group += the sum of parts at [R][S][C][O]. */
static void sum_tile(int RS, int Cg, int Og, int n, int m, int count, const float *partials,
                     size_t step, float *dw)
{
    float sums[TILE_OUTPUTS][TILE_NUMBERS];
    for (int rs = 0; rs < RS; rs++)
        for (int c = 0; c < m; c++) {
            float sum[TILE_OUTPUTS];
            const float *partial = partials + ((size_t)rs * Cg + c) * Og;
            memcpy(sum, partial, n * sizeof *sum);
            for (int i = 1; i < count; i++)
                for (int o = 0; o < n; o++)
                    sum[o] += partial[i * step + o];
            for (int o = 0; o < n; o++)
                sums[o][c * RS + rs] = sum[o];
        }
    for (int o = 0; o < n; o++, dw += (size_t)Cg * RS)
        for (int i = 0; i < m * RS; i++)
            dw[i] += sums[o][i];
}

/* Kernels too large for a tile, and those of depthwise convolutions, [R][S][C]. */
static void sum_output(const fv_conv *v, int count, const float *partials, size_t step, float *dw,
                       int o)
{
    bool depthwise = fv_conv_is_depthwise(v);
    int Cg = v->C / v->groups, Og = depthwise ? v->O : v->O / v->groups, RS = v->R * v->S;
    partials += depthwise ? (size_t)o : (size_t)(o / Og) * RS * Cg * Og + o % Og;
    for (int rs = 0; rs < RS; rs++)
        for (int c = 0; c < Cg; c++) {
            const float *partial = partials + ((size_t)rs * Cg + c) * Og;
            float sum = partial[0];
            for (int i = 1; i < count; i++)
                sum += partial[i * step];
            dw[((size_t)o * Cg + c) * RS + rs] += sum;
        }
}

static void sum_channels(const fv_conv *v, int count, const float *partials, size_t step, float *dw,
                         int from, int to)
{
    int Cg = v->C / v->groups, Og = v->O / v->groups, RS = v->R * v->S, most = TILE_NUMBERS / RS;
    bool tiles = most > 0 && !fv_conv_is_depthwise(v);
    for (int o = from, n; o < to; o += n) {
        int left = Og - o % Og < to - o ? Og - o % Og : to - o;
        n = !tiles ? 1 : left < TILE_OUTPUTS ? left : TILE_OUTPUTS;
        if (!tiles) {
            sum_output(v, count, partials, step, dw, o);
            continue;
        }
        const float *group = partials + (size_t)(o / Og) * RS * Cg * Og + o % Og;
        for (int c = 0; c < Cg; c += most)
            sum_tile(RS, Cg, Og, n, Cg - c < most ? Cg - c : most, count, group + (size_t)c * Og,
                     step, dw + ((size_t)o * Cg + c) * RS);
    }
}

/* ---- elementwise ------------------------------------------------------------------------- */

static void add(size_t n, const float *a, const float *b, float *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = a[i] + b[i];
}

/* Two rounds of a multiplicative hash. */
static inline uint32_t hash_of(uint32_t element, uint32_t low, uint32_t high)
{
    uint32_t h = element * 0x9e3779b9u + low;
    h = (h ^ (h >> 16)) * 0x85ebca6bu;
    h = (h ^ (h >> 13)) * 0xc2b2ae35u;
    h = (h ^ (h >> 16) ^ high) * 0x27d4eb2fu;
    return h ^ (h >> 15);
}

static void dropout(size_t rows, int width, const fv_dropout *d, const uint64_t *keys,
                    const float *x, float *y)
{
    for (size_t r = 0; r < rows; r++, x += width, y += width) {
        uint32_t first = d->first + (uint32_t)r * d->row_step;
        for (int i = 0; i < width; i++) {
            uint32_t h = hash_of(first + (uint32_t)i * d->col_step, (uint32_t)keys[i],
                                 (uint32_t)(keys[i] >> 32));
            y[i] = h >> 8 >= d->threshold ? x[i] * d->scale : 0.0f;
        }
    }
}

/* ---- between rows of images and lanes ----------------------------------------------------- */

/* Four numbers are stored at a time: single stores would be the bottleneck. */
typedef float four __attribute__((vector_size(16)));

static inline four look_up(const float *table, const uint8_t *const pixels[4], size_t i)
{
    return (four){table[pixels[0][i]], table[pixels[1][i]], table[pixels[2][i]],
                  table[pixels[3][i]]};
}

/* Half of the lanes, so that their pointers stay in registers. */
static inline void load_half(size_t n, const uint8_t *const *given, const float *table, float *x)
{
    const uint8_t *const pixels[8] = {given[0], given[1], given[2], given[3],
                                      given[4], given[5], given[6], given[7]};
    for (size_t i = 0; i < n; i++, x += L) {
        const four first = look_up(table, pixels, i), second = look_up(table, pixels + 4, i);
        memcpy(x, &first, sizeof first);
        memcpy(x + 4, &second, sizeof second);
    }
}

static void load_u8(size_t n, const uint8_t *const *pixels, const float *table, float *x)
{
    if (pixels[L - 1]) {
        load_half(n, pixels, table, x);
        load_half(n, pixels + L / 2, table, x + L / 2);
        return;
    }
    for (int l = 0; l < L; l++)
        for (size_t i = 0; i < n; i++)
            x[i * L + l] = pixels[l] ? table[pixels[l][i]] : 0.0f;
}

static void load_f32(size_t n, const float *const *pixels, float mean, float std, float *x)
{
    for (int l = 0; l < L; l++)
        for (size_t i = 0; i < n; i++)
            x[i * L + l] = pixels[l] ? (pixels[l][i] - mean) / std : 0.0f;
}

static void store_rows(size_t n, int count, const float *x, size_t x_step, float *rows)
{
    transpose_apart(n, count, x, x_step, rows, n);
}

static void transpose_lanes(int K, const float *x, float *xt)
{
    size_t Kp = fv_round_up(K);
    transpose_apart(K, L, x, L, xt, Kp);
    for (int l = 0; l < L; l++)
        memset(xt + l * Kp + K, 0, (Kp - K) * sizeof *xt);
}

/* The entries of a table that this file defines, for an initializer. */
#define FV_LANES_ENTRIES                                                                           \
    .pad = pad, .pad_gradient = pad_gradient, .sum_partials = sum_partials,                        \
    .sum_channels = sum_channels, .sum_lanes = sum_lanes, .transpose = transpose,                  \
    .transpose_lanes = transpose_lanes, .load_u8 = load_u8, .load_f32 = load_f32,                  \
    .store_rows = store_rows, .add = add, .dropout = dropout

#endif
