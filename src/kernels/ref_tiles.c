/*
 * ref_tiles.c - the reference of the algorithms that sum in another order than the textbook: Winograd
 * filtering of 3 x 3 and 5 x 5 kernels, and convolutions whose 2 x 2 max pooling is part of the kernel.
 *
 * The SIMD sets are compared with it bit by bit. Layer 0, libc only.
 */
#include "kernels/ref.h"

enum { L = FV_LANES };

typedef float unit;
enum { UNIT = 1 };
#define UNIT_UNROLLED(i, n)       for (int i = 0; i < (n); i++)
#define INLINE                    static inline
#define unit_of(x)                (x)
#define unit_fma                  fmaf
#define unit_load(p, partial)     ((void)(partial), *(p))
#define unit_store(p, x, partial) ((void)(partial), *(p) = (x))
#include "kernels/winograd.h"

/* ---- Winograd F(2x2,3x3) and F(2x2,5x5) ------------------------------------------------------ */

const fv_winograd_kernels fv_ref_winograd = FV_WINOGRAD_ENTRIES;

/* packed [O][36][FV_WINOGRAD5_CHANNELS_MAX] */
void fv_ref_pack_f2x2_5x5(const fv_conv *v, const float *w, float *packed)
{
    for (int o = 0; o < v->O; o++)
        weights5(v->C, w + o * v->C * 25, packed + (ptrdiff_t)o * 36 * FV_WINOGRAD5_CHANNELS_MAX);
}

/* The four outputs of the tile at p, q of output o and image l, by winograd5; some may not exist. */
static void tile_at(const fv_conv *v, const place *x, const float *xp, const float *u,
                    const float *b, int o, int p, int q, int l, float y[4])
{
    const ptrdiff_t rows = p + 1 < v->P ? 5 : 4, cols = q + 1 < v->Q ? 5 : 4;
    float in[FV_WINOGRAD5_CHANNELS_MAX][36], t[36];
    for (int c = 0; c < v->C; c++) {
        const float *from = xp + c * x->channel + p * x->row + q * x->pixel + l;
        for (int s = 0; s <= cols; s++)
            tiles5_down(from + s * x->pixel, x->row, rows * x->row, 1, t + s, 6);
        tile5_across(t, 6, 1, cols, 0, in[c], 1);
    }
    u += (ptrdiff_t)o * 36 * FV_WINOGRAD5_CHANNELS_MAX;
    float lines[2][6];
    for (int i = 0; i < 6; i++) {
        float sum[6];
        for (int j = 0; j < 6; j++, u += FV_WINOGRAD5_CHANNELS_MAX) {
            sum[j] = u[0] * in[0][i * 6 + j];
            for (int c = 1; c < v->C; c++)
                sum[j] = fmaf(u[c], in[c][i * 6 + j], sum[j]);
        }
        line5_out(sum, &lines[0][i], &lines[1][i]);
    }
    for (int s = 0; s < 2; s++)
        line5_out(lines[s], &y[s], &y[2 + s]);
    for (int k = 0; k < 4; k++)
        y[k] += b ? b[o] : 0.0f;
}

static void forward_f2x2_5x5(const fv_conv *v, fv_layout layout, const float *xp, const float *u,
                             const float *b, float *y, int from, int to)
{
    const place x = input_of(v, layout, fv_conv_rows(v), fv_conv_cols(v));
    const place out = output_of(v, layout, to - from);
    float sums[4];
    for (int o = 0; o < v->O; o++)
        for (int p = from / 2 * 2; p < to; p += 2)
            for (int q = 0; q < v->Q; q += 2)
                for (int l = 0; l < x.lanes; l++) {
                    tile_at(v, &x, xp, u, b, o, p, q, l, sums);
                    for (int k = 0; k < 4; k++)
                        if (p + k / 2 >= from && p + k / 2 < to && q + k % 2 < v->Q)
                            y[o * out.channel + (p + k / 2 - from) * out.row +
                              (q + k % 2) * out.pixel + l] = sums[k];
                }
}

void fv_ref_forward_f2x2_5x5_batch(const fv_conv *v, const float *xp, const float *packed,
                                   const float *b, float *y, int from, int to)
{
    forward_f2x2_5x5(v, FV_BATCH_LAST, xp, packed, b, y, from, to);
}

void fv_ref_forward_f2x2_5x5_channels(const fv_conv *v, const float *xp, const float *packed,
                                      const float *b, float *y, int from, int to)
{
    forward_f2x2_5x5(v, FV_CHANNELS_LAST, xp, packed, b, y, from, to);
}

/* ---- convolution, relu and max pooling of 2 x 2 in one --------------------------------------- */

/* y and argmax of one window: the last NaN, or the first of the largest sums, and relu of it. */
static void pool_sums(const float sums[4], float *y, int32_t *argmax)
{
    int best = 0;
    for (int i = 1; i < 4; i++)
        if (sums[i] > sums[best] || sums[i] != sums[i])
            best = i;
    *y = sums[best] < 0.0f ? 0.0f : sums[best];
    if (argmax)
        *argmax = best;
}

static void forward_pooled(const fv_conv *v, fv_sum sum, const float *xp, const float *w,
                           const float *b, float *y, int32_t *argmax)
{
    const place x = input_of(v, FV_BATCH_LAST, fv_conv_rows(v), fv_conv_cols(v));
    float sums[4];
    for (int o = 0; o < v->O; o++)
        for (int p = 0; p + 1 < v->P; p += 2)
            for (int q = 0; q + 1 < v->Q; q += 2)
                for (int l = 0; l < L; l++, y++, argmax = argmax ? argmax + 1 : NULL) {
                    if (sum == FV_F2X2_5X5)
                        tile_at(v, &x, xp, w, b, o, p, q, l, sums);
                    for (int k = 0; sum == FV_DIRECT && k < 4; k++)
                        sums[k] = output_at(v, &x, xp, w, b, o, p + k / 2, q + k % 2, l);
                    pool_sums(sums, y, argmax);
                }
}

static void pooled_forward(const fv_conv *v, const float *xp, const float *w, const float *b,
                           float *y, int32_t *argmax)
{
    forward_pooled(v, FV_DIRECT, xp, w, b, y, argmax);
}

static void pooled_forward_f2x2_5x5(const fv_conv *v, const float *xp, const float *u,
                                    const float *b, float *y, int32_t *argmax)
{
    forward_pooled(v, FV_F2X2_5X5, xp, u, b, y, argmax);
}

/* The two columns of a window, one of which has no gradient. */
static void pooled_weight(const fv_conv *v, const float *xp, const float *y, const float *dy,
                          const int32_t *argmax, float *dw, float *db, bool first)
{
    const place x = input_of(v, FV_BATCH_LAST, fv_conv_rows(v), fv_conv_cols(v));
    const int P = v->P / 2, Q = v->Q / 2, taps = v->C * v->R * v->S;
    if (first)
        memset(dw, 0, (size_t)v->O * taps * L * sizeof *dw);
    if (first && db)
        memset(db, 0, (size_t)v->O * L * sizeof *db);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)v->O * P * Q * L; i++) {
        const ptrdiff_t l = i % L, q = i / L % Q, p = i / L / Q % P, o = i / L / Q / P;
        const ptrdiff_t row = 2 * p + argmax[i] / 2;
        const float g = y[i] <= 0.0f ? 0.0f : dy[i];
        if (db)
            db[o * L + l] += g;
        for (int t = 0; t < taps; t++) {
            const int c = t / v->S / v->R, r = t / v->S % v->R, s = t % v->S;
            const float *in = xp + c * x.channel + (row + r) * x.row + (2 * q + s) * x.pixel + l;
            float *to = dw + ((size_t)o * taps + t) * L + l;
            *to = fmaf(argmax[i] % 2 ? 0.0f : g, in[0], *to);
            *to = fmaf(argmax[i] % 2 ? g : 0.0f, in[x.pixel], *to);
        }
    }
}

/* The weight of output o and channel c by which a pixel of a window sees an input so many rows and
   columns from the window's first. */
static float seen_by(const fv_conv *v, const float *w, int o, int c, int pixel, int row, int col)
{
    const int r = row - pixel / 2, s = col - pixel % 2;
    const bool inside = r >= 0 && r < v->R && s >= 0 && s < v->S;
    return inside ? *weight_of(v, w, o, c, r, s) : 0.0f;
}

static void pooled_input(const fv_conv *v, const float *w, const float *y, const float *dy,
                         const int32_t *argmax, float *work, float *dx)
{
    (void)work;
    const int P = v->P / 2, Q = v->Q / 2, area = v->H * v->W;
    for (int i = 0; i < v->C * area; i++)
        for (int l = 0; l < L; l++) {
            const int row = i % area / v->W + v->ph, col = i % v->W + v->pw;
            float sum = 0.0f;
            for (int p = 0; p < P && p <= row / 2; p++)
                for (int q = 0; q < Q && q <= col / 2; q++) {
                    const bool reaches = row / 2 - p <= v->R / 2 && col / 2 - q <= v->S / 2;
                    for (int o = 0; reaches && o < v->O; o++) {
                        const size_t at = (((size_t)o * P + p) * Q + q) * L + l;
                        const float g = y[at] <= 0.0f ? 0.0f : dy[at];
                        const int r = row - 2 * p, s = col - 2 * q;
                        sum = fmaf(g, seen_by(v, w, o, i / area, argmax[at], r, s), sum);
                    }
                }
            dx[(size_t)i * L + l] = sum;
        }
}

const fv_pooled_kernels fv_ref_pooled = {
    {pooled_forward, pooled_forward_f2x2_5x5}, pooled_weight, pooled_input};

/* ---- sparse weight gradient from the argmax of a pooling --------------------------------------- */

static void argmax_transpose(const fv_argmax_job *w, size_t pixels, const float *x, float *to)
{
    for (size_t l = 0; l < L; l++)
        for (size_t i = 0; i < pixels; i++)
            for (int c = 0; c < w->C; c++)
                to[l * w->image + i * w->C + c] = x[(c * pixels + i) * L + l];
}

static void argmax_spread(const fv_argmax_job *w, const float *x, float *to)
{
    const size_t padded = fv_round_up(w->row);
    for (int r = 0; r < w->rows; r++, x += w->row - w->C)
        for (int q = 0; q < w->places; q++, x += w->C, to += padded) {
            memset(to, 0, padded * sizeof *to);
            memcpy(to, x, w->row * sizeof *to);
        }
}

static void argmax_find(const fv_argmax_job *w, const fv_pool2d *v, const float *y, const float *dy,
                        const int32_t *argmax, float *db, fv_found *found, int32_t *counts)
{
    memset(counts, 0, L * w->lists * sizeof *counts);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)w->O * w->cells * L; i++) {
        const int l = i % L, cell = i / L % w->cells, o = i / L / w->cells;
        const size_t list = (size_t)l * w->lists + o * w->groups + cell / FV_FOUND;
        const int row = cell / v->Q * v->R + argmax[i] / v->S;
        const int col = cell % v->Q * v->S + argmax[i] % v->S;
        const float g = y[i] <= 0.0f ? 0.0f : dy[i];
        db[o * L + l] += g;
        if (g == 0.0f)
            continue;
        found[list].g[counts[list]] = g;
        found[list].at[counts[list]++] = row * w->line + col * w->pixel;
    }
}

static void argmax_weight(const fv_argmax_job *w, const float *x, const fv_found *found,
                          const int32_t *counts, float *dw)
{
    const int row = (int)fv_round_up(w->row);
    for (int i = 0; i < w->O * w->groups; i++)
        for (int k = 0; k < counts[i]; k++)
            for (int t = 0; t < w->R * row; t++) {
                float *to = dw + i / w->groups * w->R * row + t;
                const float *from = x + found[i].at[k] + t / row * w->line;
                *to = fmaf(found[i].g[k], from[t % row], *to);
            }
}

const fv_argmax_kernels fv_ref_argmax = {argmax_transpose, argmax_spread, argmax_find,
                                         argmax_weight};
