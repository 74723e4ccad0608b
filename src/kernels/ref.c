/*
 * ref.c - the reference as textbook loops: direct convolution, linear layer, pooling, resampling,
 * normalisation, softmax, ReLU. Winograd filtering and gradients from the argmax are in ref_tiles.c.
 *
 * Always built, for any CPU, and selected with kernels = "ref". The SIMD sets are compared with it bit
 * by bit, so a loop here also defines the order of a sum. What is elementwise or plain loops in all
 * sets comes from shared headers. Layer 0, libc only.
 */
#include "kernels/elementwise.h"
#include "kernels/lanes.h"
#include "kernels/ref.h"
#include "kernels/update.h"

static void pack(const fv_conv *v, fv_packing use, const float *w, float *packed)
{
    if (use == FV_PACK_F2X2_5X5)
        fv_ref_pack_f2x2_5x5(v, w, packed);
    else
        memcpy(packed, w, (size_t)v->O * (v->C / v->groups) * v->R * v->S * sizeof *w);
}

static void forward(const fv_conv *v, fv_layout layout, const float *xp, const float *w,
                    const float *b, float *y, int from, int to)
{
    place x = input_of(v, layout, fv_conv_rows(v), fv_conv_cols(v));
    place out = output_of(v, layout, to - from);
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
    dyp += v->left * out.pixel;
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
    dyp += v->left * out.pixel;
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

/* ---- resampling: average pooling, upsampling, padding ----------------------------------------- */

static float weight_in(const fv_span *row, const fv_span *col, int r, int s)
{
    return (r ? row->other : row->first) * (s ? col->other : col->first);
}

/* A sum starts at -0, so that a single -0 stays -0. */
static void resample_forward(const fv_resample *v, int planes, int width, const float *x, float *y)
{
    for (int i = 0; i < planes; i++, x += (size_t)v->H * v->W * width)
        for (int p = 0; p < v->P; p++)
            for (int q = 0; q < v->Q; q++)
                for (int c = 0; c < width; c++) {
                    const fv_span *row = v->rows + p, *col = v->cols + q;
                    float sum = row->count && col->count ? -0.0f : v->none;
                    for (int r = 0; r < row->count; r++)
                        for (int s = 0; s < col->count; s++)
                            sum += x[((size_t)(row->from + r) * v->W + col->from + s) * width + c] *
                                   weight_in(row, col, r, s);
                    *y++ = sum;
                }
}

static void resample_backward(const fv_resample *v, int planes, int width, const float *dy,
                              float *dx)
{
    const size_t plane = (size_t)v->H * v->W * width;
    memset(dx, 0, planes * plane * sizeof *dx);
    for (int i = 0; i < planes; i++, dx += plane)
        for (int p = 0; p < v->P; p++)
            for (int q = 0; q < v->Q; q++, dy += width)
                for (int r = 0; r < v->rows[p].count; r++)
                    for (int s = 0; s < v->cols[q].count; s++)
                        for (int c = 0; c < width; c++)
                            dx[((size_t)(v->rows[p].from + r) * v->W + v->cols[q].from + s) *
                                   width +
                               c] += dy[c] * weight_in(v->rows + p, v->cols + q, r, s);
}

/* ---- normalisation ---------------------------------------------------------------------------- */

/* Column i of up to 32 rows from `row` on: s += a, q += a * b, in four sums of every fourth row. */
static void add_rows(size_t row, size_t rows, int width, int i, const float *dy,
                     const float *relu_y, const float *x, float pivot, double *sum, double *square)
{
    float s[4] = {0}, q[4] = {0};
    for (size_t r = row; r < rows && r < row + 32; r++) {
        const size_t at = r * width + i;
        const float b = x[at] - pivot, a = !dy ? b : relu_y && !(relu_y[at] > 0.0f) ? 0.0f : dy[at];
        s[r % 4] += a;
        q[r % 4] += a * b;
    }
    sum[i] += (double)((s[0] + s[1]) + (s[2] + s[3]));
    square[i] += (double)((q[0] + q[1]) + (q[2] + q[3]));
}

static void moments_backward(size_t rows, int width, int live, const float *x, const float *dy,
                             const float *relu_y, const float *pivot, double *sum, double *square)
{
    for (size_t row = 0; row < rows; row += 32)
        for (int i = 0; i < live; i++)
            add_rows(row, rows, width, i, dy, relu_y, x, pivot[i], sum, square);
}

static void moments(size_t rows, int width, int live, const float *x, const float *pivot,
                    double *sum, double *square)
{
    moments_backward(rows, width, live, x, NULL, NULL, pivot, sum, square);
}

static void norm_forward(size_t rows, int width, const float *x, const float *pivot,
                         const float *scale, const float *shift, bool relu, float *y)
{
    for (size_t r = 0; r < rows; r++, x += width, y += width)
        for (int i = 0; i < width; i++) {
            y[i] = (x[i] - pivot[i]) * scale[i] + shift[i];
            if (relu && y[i] < 0.0f)
                y[i] = 0.0f;
        }
}

static void norm_backward(size_t rows, int width, int live, const float *x, const float *dy,
                          const float *relu_y, const float *pivot, const float *scale,
                          const float *slope, const float *shift, float *dx)
{
    for (size_t at = 0; at < rows * width; at++) {
        const size_t i = at % width;
        const float d = relu_y && !(relu_y[at] > 0.0f) ? 0.0f : dy[at];
        dx[at] = i < (size_t)live ? d * scale[i] + ((x[at] - pivot[i]) * slope[i] + shift[i])
                                  : 0.0f;
    }
}

/* ---- softmax ---------------------------------------------------------------------------------- */

/* One distribution, x[d * inner]; in place allowed, as in all sets. */
static void softmax_of(bool log, int D, size_t inner, const float *x, float *y)
{
    float max = x[0], sum = 0.0f;
    for (int d = 1; d < D; d++)
        max = x[d * inner] > max ? x[d * inner] : max;
    for (int d = 0; d < D; d++)
        sum += exp_f32(x[d * inner] - max);
    for (int d = 0; d < D; d++)
        y[d * inner] = log ? x[d * inner] - max - log_f32(sum) : exp_f32(x[d * inner] - max) / sum;
}

static void softmax_forward(bool log, size_t outer, int D, size_t inner, const float *x, float *y)
{
    for (size_t i = 0; i < outer * inner; i++) {
        const size_t at = i / inner * D * inner + i % inner;
        softmax_of(log, D, inner, x + at, y + at);
    }
}

static void softmax_backward(bool log, size_t outer, int D, size_t inner, const float *y,
                             const float *dy, float *dx)
{
    for (size_t i = 0; i < outer * inner; i++) {
        const size_t first = i / inner * D * inner + i % inner, end = first + D * inner;
        float sum = 0.0f;
        for (size_t at = first; at < end; at += inner)
            sum = log ? sum + dy[at] : fmaf(dy[at], y[at], sum);
        for (size_t at = first; at < end; at += inner)
            dx[at] = log ? dy[at] - exp_f32(y[at]) * sum : y[at] * (dy[at] - sum);
    }
}

const fv_kernels fv_kernels_ref = {
    .name = "ref",
    .conv = {[FV_BATCH_LAST] = {pack,
                                {forward_batch, fv_ref_forward_f2x2_5x5_batch},
                                backward_input_batch,
                                backward_weight_batch},
             [FV_CHANNELS_LAST] = {pack,
                                   {forward_channels, fv_ref_forward_f2x2_5x5_channels},
                                   backward_input_channels,
                                   backward_weight_channels}},
    .pooled = &fv_ref_pooled,
    .argmax = &fv_ref_argmax,
    .winograd = &fv_ref_winograd,
    .linear_backward_weight = linear_backward_weight,
    .load_windows = load_windows,
    .relu_forward = relu_forward,
    .relu_backward = relu_backward,
    .max_pool_forward = max_pool_forward,
    .max_pool_backward = max_pool_backward,
    .pool_row_backward = pool_row_backward,
    .resample_forward = resample_forward,
    .resample_backward = resample_backward,
    .moments = moments,
    .moments_backward = moments_backward,
    .norm_forward = norm_forward,
    .norm_backward = norm_backward,
    .softmax_forward = softmax_forward,
    .softmax_backward = softmax_backward,
    FV_LANES_ENTRIES,
    FV_ELEMENTWISE_ENTRIES,
    FV_UPDATE_ENTRIES,
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
