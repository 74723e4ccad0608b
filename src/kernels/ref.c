/*
 * ref.c - the reference: convolution, linear layer, ReLU, pooling as one reads them in a book.
 *
 * Always built, for any CPU, and chosen with kernels = "ref". The SIMD sets are compared with it
 * bit by bit, so a loop here is also the definition of the order of a sum. Layer 0, libc only.
 *
 */
#include "kernels/activation.h"
#include "kernels/lanes.h"
#include "kernels/norm.h"
#include "kernels/resample.h"
#include "kernels/update.h"

typedef float unit;
enum { UNIT = 1 };
#define UNIT_UNROLLED(i, n)       for (int i = 0; i < (n); i++)
#define INLINE                    static inline
#define unit_of(x)                (x)
#define unit_fma                  fmaf
#define unit_load(p, partial)     ((void)(partial), *(p))
#define unit_store(p, x, partial) ((void)(partial), *(p) = (x))
#include "kernels/winograd.h"

/* Where image and channel c of pixel h, k are: in [C][H][W][L], pixel by pixel of L images, or in
   [H][W][C], pixel by pixel of one image. */
typedef struct place {
    int lanes; /* images side by side: L or 1 */
    ptrdiff_t channel, row, pixel;
} place;

static place input_of(const fv_conv *v, fv_layout layout, int H, int W)
{
    return layout == FV_BATCH_LAST ? (place){L, (ptrdiff_t)H * W * L, (ptrdiff_t)W * L, L}
                                   : (place){1, 1, (ptrdiff_t)W * v->C, v->C};
}

static place output_of(const fv_conv *v, fv_layout layout, int P)
{
    return layout == FV_BATCH_LAST ? (place){L, (ptrdiff_t)P * v->Q * L, (ptrdiff_t)v->Q * L, L}
                                   : (place){1, 1, (ptrdiff_t)v->Q * v->O, v->O};
}

static place gradient_of(const fv_conv *v, fv_layout layout)
{
    int lanes = layout == FV_BATCH_LAST ? L : 1;
    ptrdiff_t pixel = (ptrdiff_t)v->O * lanes;
    return (place){lanes, lanes, fv_conv_dy_cols(v) * pixel, pixel};
}

static const float *weight_of(const fv_conv *v, const float *w, int o, int c, int r, int s)
{
    return w + (((ptrdiff_t)o * (v->C / v->groups) + c) * v->R + r) * v->S + s;
}

static void pack(const fv_conv *v, bool backward, const float *w, float *packed)
{
    if (!backward && fv_conv_is_winograd5(v)) { /* [O][36][FV_WINOGRAD5_CHANNELS_MAX] */
        for (int o = 0; o < v->O; o++)
            weights5(v->C, w + o * v->C * 25,
                     packed + (ptrdiff_t)o * 36 * FV_WINOGRAD5_CHANNELS_MAX);
        return;
    }
    memcpy(packed, w, (size_t)v->O * (v->C / v->groups) * v->R * v->S * sizeof *w);
}

/* Output o, p, q of image l. */
static float output_at(const fv_conv *v, const place *x, const float *xp, const float *w,
                       const float *b, int o, int p, int q, int l)
{
    int Cg = v->C / v->groups, Og = v->O / v->groups;
    float sum = b ? b[o] : 0.0f;
    for (int r = 0; r < v->R; r++)
        for (int s = 0; s < v->S; s++)
            for (int c = 0; c < Cg; c++)
                sum = fmaf(*weight_of(v, w, o, c, r, s),
                           xp[(o / Og * Cg + c) * x->channel + (p * v->sh + r * v->dh) * x->row +
                              (q * v->sw + s * v->dw) * x->pixel + l],
                           sum);
    return sum;
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

static void forward_fives(const fv_conv *v, const place *x, const float *xp, const float *u,
                          const float *b, const place *out, float *y, int from, int to)
{
    float sums[4];
    for (int o = 0; o < v->O; o++)
        for (int p = from / 2 * 2; p < to; p += 2)
            for (int q = 0; q < v->Q; q += 2)
                for (int l = 0; l < x->lanes; l++) {
                    tile_at(v, x, xp, u, b, o, p, q, l, sums);
                    for (int k = 0; k < 4; k++)
                        if (p + k / 2 >= from && p + k / 2 < to && q + k % 2 < v->Q)
                            y[o * out->channel + (p + k / 2 - from) * out->row +
                              (q + k % 2) * out->pixel + l] = sums[k];
                }
}

static void forward(const fv_conv *v, fv_layout layout, const float *xp, const float *w,
                    const float *b, float *y, int from, int to)
{
    place x = input_of(v, layout, fv_conv_rows(v), fv_conv_cols(v));
    place out = output_of(v, layout, to - from);
    if (fv_conv_is_winograd5(v)) {
        forward_fives(v, &x, xp, w, b, &out, y, from, to);
        return;
    }
    for (int o = 0; o < v->O; o++)
        for (int p = from; p < to; p++)
            for (int q = 0; q < v->Q; q++)
                for (int l = 0; l < x.lanes; l++)
                    y[o * out.channel + (p - from) * out.row + q * out.pixel + l] = output_at(
                        v, &x, xp, w, b, o, p, q, l);
}

/* The output that reaches input h through tap r, or -1. */
static int reached(int h, int r, int stride, int padding, int dilation, int outputs)
{
    int t = h + padding - r * dilation;
    return t >= 0 && t % stride == 0 && t / stride < outputs ? t / stride : -1;
}

static void backward_input(const fv_conv *v, fv_layout layout, const float *dyp, const float *w,
                           float *dx)
{
    int Cg = v->C / v->groups, Og = v->O / v->groups;
    place in = input_of(v, layout, v->H, v->W), out = gradient_of(v, layout);
    dyp += fv_conv_left(v) * out.pixel;
    for (int c = 0; c < v->C; c++)
        for (int h = 0; h < v->H; h++)
            for (int k = 0; k < v->W; k++)
                for (int l = 0; l < in.lanes; l++) {
                    float sum = 0.0f;
                    for (int r = 0; r < v->R; r++)
                        for (int s = 0; s < v->S; s++) {
                            int p = reached(h, r, v->sh, v->ph, v->dh, v->P);
                            int q = reached(k, s, v->sw, v->pw, v->dw, v->Q);
                            for (int o = c / Cg * Og; p >= 0 && q >= 0 && o < c / Cg * Og + Og; o++)
                                sum = fmaf(*weight_of(v, w, o, c % Cg, r, s),
                                           dyp[o * out.channel + p * out.row + q * out.pixel + l],
                                           sum);
                        }
                    dx[c * in.channel + h * in.row + k * in.pixel + l] = sum;
                }
}

/* dw and db of one image or block. */
static void backward_weight(const fv_conv *v, fv_layout layout, const float *xp, const float *dyp,
                            int from, int to, float *dw, float *db, bool first)
{
    int Cg = v->C / v->groups, Og = v->O / v->groups, RS = v->R * v->S;
    place in = input_of(v, layout, fv_conv_rows(v), fv_conv_cols(v)), out = gradient_of(v, layout);
    dyp += fv_conv_left(v) * out.pixel;
    for (int o = 0; o < v->O; o++)
        for (int l = 0; l < in.lanes; l++) {
            for (int c = 0; c < Cg; c++)
                for (int rs = 0; rs < RS; rs++) {
                    ptrdiff_t at = layout == FV_BATCH_LAST ? (((ptrdiff_t)o * Cg + c) * RS + rs) * L
                                   : fv_conv_is_depthwise(v)
                                       ? (ptrdiff_t)rs * v->C + o
                                       : (((ptrdiff_t)(o / Og) * RS + rs) * Cg + c) * Og + o % Og;
                    float sum = first ? 0.0f : dw[at + l];
                    for (int p = from; p < to; p++)
                        for (int q = 0; q < v->Q; q++)
                            sum = fmaf(
                                dyp[o * out.channel + (p - from) * out.row + q * out.pixel + l],
                                xp[(o / Og * Cg + c) * in.channel +
                                   (p * v->sh + rs / v->S * v->dh) * in.row +
                                   (q * v->sw + rs % v->S * v->dw) * in.pixel + l],
                                sum);
                    dw[at + l] = sum;
                }
            float sum = db && !first ? db[(ptrdiff_t)o * in.lanes + l] : 0.0f;
            for (int p = 0; db && p < to - from; p++)
                for (int q = 0; q < v->Q; q++)
                    sum += dyp[o * out.channel + p * out.row + q * out.pixel + l];
            if (db)
                db[(ptrdiff_t)o * in.lanes + l] = sum;
        }
}

static void forward_batch(const fv_conv *v, const float *xp, const float *packed, const float *b,
                          float *y, int from, int to)
{
    forward(v, FV_BATCH_LAST, xp, packed, b, y, from, to);
}

static void forward_channels(const fv_conv *v, const float *xp, const float *packed, const float *b,
                             float *y, int from, int to)
{
    forward(v, FV_CHANNELS_LAST, xp, packed, b, y, from, to);
}

static void backward_input_batch(const fv_conv *v, const float *dyp, const float *packed, float *dx)
{
    backward_input(v, FV_BATCH_LAST, dyp, packed, dx);
}

static void backward_input_channels(const fv_conv *v, const float *dyp, const float *packed,
                                    float *dx)
{
    backward_input(v, FV_CHANNELS_LAST, dyp, packed, dx);
}

static void backward_weight_batch(const fv_conv *v, int images, const float *xp, size_t x_step,
                                  const float *dyp, size_t dy_step, int from, int to, float *dw,
                                  float *db, bool first)
{
    (void)images, (void)x_step, (void)dy_step; /* one block */
    backward_weight(v, FV_BATCH_LAST, xp, dyp, from, to, dw, db, first);
}

static void backward_weight_channels(const fv_conv *v, int images, const float *xp, size_t x_step,
                                     const float *dyp, size_t dy_step, int from, int to, float *dw,
                                     float *db, bool first)
{
    for (int i = 0; i < images; i++)
        backward_weight(v, FV_CHANNELS_LAST, xp + i * x_step, dyp + i * dy_step, from, to, dw, db,
                        first && i == 0);
}

static void linear_backward_weight(int K, int blocks, const float *dy, size_t dy_step,
                                   const float *xt, size_t xt_step, float *dw, int from, int to)
{
    size_t Kp = fv_round_up(K);
    for (int o = from; o < to; o++)
        for (int k = 0; k < K; k++)
            for (int i = 0; i < blocks; i++)
                for (int l = 0; l < L; l++)
                    dw[(size_t)o * K + k] = fmaf(dy[i * dy_step + (size_t)o * L + l],
                                                 xt[i * xt_step + l * Kp + k],
                                                 dw[(size_t)o * K + k]);
}

static void load_windows(size_t rows, size_t n, size_t step, const float *from, size_t row,
                         float *x)
{
    for (size_t k = 0; k < rows; k++)
        for (size_t i = 0; i < n; i++)
            for (size_t l = 0; l < L; l++)
                x[(k * n + i) * L + l] = from[k * row + l * step + i];
}

/* ---- relu --------------------------------------------------------------------------------- */

/* y = x < 0 ? 0 : x. On Arm, clang makes that an fmax, which gives +0 for -0; so it must not see
   where the condition comes from. */
static void relu_forward(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++) {
        bool negative = x[i] < 0.0f;
        __asm__("" : "+r"(negative));
        y[i] = negative ? 0.0f : x[i];
    }
}

static void relu_backward(size_t n, const float *y, const float *dy, float *dx)
{
    for (size_t i = 0; i < n; i++)
        dx[i] = y[i] <= 0.0f ? 0.0f : dy[i];
}

/* ---- pooling ------------------------------------------------------------------------------ */

static void max_pool_forward(const fv_pool2d *v, int planes, int width, const float *x, float *y,
                             int32_t *argmax, size_t step)
{
    for (int i = 0; i < planes; i++, x += (size_t)v->H * v->W * width)
        for (int p = 0; p < v->P; p++)
            for (int q = 0; q < v->Q; q++)
                for (int c = 0; c < width; c++) {
                    size_t at = i * step + ((size_t)p * v->Q + q) * width + c;
                    window o = window_at(v, p, q);
                    float best = -INFINITY;
                    int tap = o.r0 * v->S + o.s0;
                    for (int r = o.r0; r < o.r1; r++)
                        for (int s = o.s0; s < o.s1; s++) {
                            float in = x[place_of(v, &o, r, s) * width + c];
                            if (in > best || in != in) { /* NaN wins, and a later NaN over it too */
                                best = in;
                                tap = r * v->S + s;
                            }
                        }
                    y[at] = best;
                    if (argmax)
                        argmax[at] = tap;
                }
}

static void max_pool_backward(const fv_pool2d *v, int planes, int width, const float *dy,
                              const int32_t *argmax, float *dx)
{
    size_t plane = (size_t)v->H * v->W * width;
    memset(dx, 0, planes * plane * sizeof *dx);
    for (int i = 0; i < planes; i++, dx += plane)
        for (int p = 0; p < v->P; p++)
            for (int q = 0; q < v->Q; q++, dy += width, argmax += width) {
                window o = window_at(v, p, q);
                for (int c = 0; c < width; c++)
                    dx[place_of(v, &o, argmax[c] / v->S, argmax[c] % v->S) * width + c] += dy[c];
            }
}

static void pool_row_backward(const fv_pool2d *v, int planes, int width, const float *y,
                              const float *dy, const int32_t *argmax, size_t step, int Wp, int left,
                              float *dx)
{
    size_t pixel = (size_t)planes * width;
    memset(dx, 0, v->R * Wp * pixel * sizeof *dx);
    for (int i = 0; i < planes; i++)
        for (int q = 0; q < v->Q; q++)
            for (int c = 0; c < width; c++) {
                size_t at = i * step + (size_t)q * width + c;
                int r = argmax[at] / v->S, s = argmax[at] % v->S;
                if (!(y[at] <= 0.0f))
                    dx[(r * Wp + left + q * v->S + s) * pixel + i * width + c] = dy[at];
            }
}

/* The two columns of a window, one of which has no gradient. */
static void weight_pooled(const fv_conv *v, const float *xp, const float *y, const float *dy,
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

static void input_pooled(const fv_conv *v, const float *w, const float *y, const float *dy,
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

static void weight_by_argmax(const fv_argmax_job *w, const float *x, const fv_found *found,
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

/* Window by window, each a picture of 2 x 2. */
static void forward_pooled(const fv_conv *v, const float *xp, const float *w, const float *b,
                           float *y, int32_t *argmax)
{
    const fv_pool2d pool = {
        .H = 2, .W = 2, .P = 1, .Q = 1, .R = 2, .S = 2, .sh = 2, .sw = 2, .dh = 1, .dw = 1};
    place x = input_of(v, FV_BATCH_LAST, fv_conv_rows(v), fv_conv_cols(v));
    float sums[4 * L], tile[4];
    for (int o = 0; o < v->O; o++)
        for (int p = 0; p + 1 < v->P; p += 2)
            for (int q = 0; q + 1 < v->Q; q += 2, y += L, argmax = argmax ? argmax + L : NULL) {
                for (int i = 0; i < 4 * L; i++)
                    if (!fv_conv_is_winograd5(v))
                        sums[i] = output_at(v, &x, xp, w, b, o, p + i / L / 2, q + i / L % 2,
                                            i % L);
                    else if (i < L) {
                        tile_at(v, &x, xp, w, b, o, p, q, i, tile);
                        for (int k = 0; k < 4; k++)
                            sums[k * L + i] = tile[k];
                    }
                max_pool_forward(&pool, 1, L, sums, y, argmax, 0);
                relu_forward(L, y, y);
            }
}

const fv_kernels fv_kernels_ref = {
    .name = "ref",
    .conv = {[FV_BATCH_LAST] = {pack, forward_batch, backward_input_batch, backward_weight_batch},
             [FV_CHANNELS_LAST] = {pack, forward_channels, backward_input_channels,
                                   backward_weight_channels}},
    .forward_pooled = forward_pooled,
    .weight_pooled = weight_pooled,
    .input_pooled = input_pooled,
    .linear_backward_weight = linear_backward_weight,
    .load_windows = load_windows,
    .relu_forward = relu_forward,
    .relu_backward = relu_backward,
    .max_pool_forward = max_pool_forward,
    .max_pool_backward = max_pool_backward,
    .pool_row_backward = pool_row_backward,
    FV_LANES_ENTRIES,
    FV_NORM_ENTRIES,
    FV_RESAMPLE_ENTRIES,
    FV_ACTIVATION_ENTRIES,
    FV_UPDATE_ENTRIES,
    FV_WINOGRAD_ENTRIES,
};

float fv_exp(float x)
{
    return exp_f32(x);
}

float fv_log(float x)
{
    return log_f32(x);
}

float fv_tanh_f32(float x)
{
    return tanh_f32(x);
}

float fv_sigmoid_f32(float x)
{
    return sigmoid_f32(x);
}

float fv_normal_f32(float x)
{
    return normal_f32(x, bell_f32(x));
}
