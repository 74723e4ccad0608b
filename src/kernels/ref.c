/*
 * ref.c - the reference: convolution, linear layer, ReLU, pooling as one reads them in a book.
 *
 * Always built, for any CPU, and chosen with kernels = "ref". The SIMD sets are compared with it
 * bit by bit, so a loop here is also the definition of the order of a sum. Layer 0, libc only.
 *
 * x [C][H][W][L]   w [O][C/groups][R][S]   b [O]   y [O][P][Q][L]     L = FV_LANES images
 */
#include "kernels/lanes.h"

static void conv_forward(const fv_conv *v, const float *xp, const float *w, const float *b, float *y,
                         int from, int to)
{
    int Cg = v->C / v->groups, Og = v->O / v->groups;
    size_t Hp = fv_conv_rows(v), Wp = fv_conv_cols(v);
    for (int o = 0; o < v->O; o++)
        for (int p = from; p < to; p++)
            for (int q = 0; q < v->Q; q++, y += L) {
                for (int l = 0; l < L; l++)
                    y[l] = b ? b[o] : 0.0f;
                for (int r = 0; r < v->R; r++)
                    for (int s = 0; s < v->S; s++)
                        for (int c = 0; c < Cg; c++) {
                            size_t h = p * v->sh + r * v->dh, k = q * v->sw + s * v->dw;
                            const float *in = xp + (((o / Og * Cg + c) * Hp + h) * Wp + k) * L;
                            float weight = w[(((size_t)o * Cg + c) * v->R + r) * v->S + s];
                            for (int l = 0; l < L; l++)
                                y[l] = fmaf(weight, in[l], y[l]);
                        }
            }
}

/* The output row p that reaches row h through tap r, or -1. */
static int output_of(int h, int r, int stride, int padding, int dilation, int outputs)
{
    int t = h + padding - r * dilation;
    return t >= 0 && t % stride == 0 && t / stride < outputs ? t / stride : -1;
}

static void conv_backward_input(const fv_conv *v, const float *dyp, const float *w, float *dx)
{
    size_t Qp = v->Q + 2 * FV_EDGE;
    int Cg = v->C / v->groups, Og = v->O / v->groups;
    for (int c = 0; c < v->C; c++)
        for (int h = 0; h < v->H; h++)
            for (int k = 0; k < v->W; k++, dx += L) {
                memset(dx, 0, L * sizeof *dx);
                for (int r = 0; r < v->R; r++)
                    for (int s = 0; s < v->S; s++) {
                        int p = output_of(h, r, v->sh, v->ph, v->dh, v->P);
                        int q = output_of(k, s, v->sw, v->pw, v->dw, v->Q);
                        if (p < 0 || q < 0)
                            continue;
                        for (int i = 0; i < Og; i++) {
                            int o = c / Cg * Og + i;
                            float weight = w[(((size_t)o * Cg + c % Cg) * v->R + r) * v->S + s];
                            const float *out = dyp + ((o * v->P + p) * Qp + FV_EDGE + q) * L;
                            for (int l = 0; l < L; l++)
                                dx[l] = fmaf(weight, out[l], dx[l]);
                        }
                    }
            }
}

/* db += dy over all pixels of each output channel. */
static void bias_gradient(int O, int area, const float *dy, float *db, bool first)
{
    for (int o = 0; o < O; o++, db += L) {
        if (first)
            memset(db, 0, L * sizeof *db);
        for (int i = 0; i < area; i++, dy += L)
            for (int l = 0; l < L; l++)
                db[l] += dy[l];
    }
}

static void conv_backward_weight(const fv_conv *v, const float *xp, const float *dy, float *dw,
                                 float *db, bool first)
{
    int Cg = v->C / v->groups, Og = v->O / v->groups;
    size_t Hp = fv_conv_rows(v), Wp = fv_conv_cols(v);
    for (int o = 0; o < v->O; o++)
        for (int c = 0; c < Cg; c++)
            for (int r = 0; r < v->R; r++)
                for (int s = 0; s < v->S; s++, dw += L) {
                    if (first)
                        memset(dw, 0, L * sizeof *dw);
                    for (int p = 0; p < v->P; p++)
                        for (int q = 0; q < v->Q; q++) {
                            size_t h = p * v->sh + r * v->dh, k = q * v->sw + s * v->dw;
                            const float *in = xp + (((o / Og * Cg + c) * Hp + h) * Wp + k) * L;
                            const float *out = dy + (((size_t)o * v->P + p) * v->Q + q) * L;
                            for (int l = 0; l < L; l++)
                                dw[l] = fmaf(out[l], in[l], dw[l]);
                        }
                }
    if (db)
        bias_gradient(v->O, v->P * v->Q, dy, db, first);
}

static void linear_forward(int K, int O, const float *x, const float *w, const float *b, float *y)
{
    for (int o = 0; o < O; o++)
        for (int l = 0; l < L; l++) {
            float sum = b ? b[o] : 0.0f;
            for (int k = 0; k < K; k++)
                sum = fmaf(w[(size_t)o * K + k], x[(size_t)k * L + l], sum);
            y[(size_t)o * L + l] = sum;
        }
}

static void linear_backward_input(int K, int O, const float *dy, const float *w, float *dx)
{
    for (int k = 0; k < K; k++)
        for (int l = 0; l < L; l++) {
            float sum = 0.0f;
            for (int o = 0; o < O; o++)
                sum = fmaf(w[(size_t)o * K + k], dy[(size_t)o * L + l], sum);
            dx[(size_t)k * L + l] = sum;
        }
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

/* ---- relu --------------------------------------------------------------------------------- */

static void relu_forward(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] < 0.0f ? 0.0f : x[i];
}

static void relu_backward(size_t n, const float *y, const float *dy, float *dx)
{
    for (size_t i = 0; i < n; i++)
        dx[i] = y[i] <= 0.0f ? 0.0f : dy[i];
}

/* ---- pooling ------------------------------------------------------------------------------ */

/* best, tap = the larger of them and x at tap here, lane by lane. */
static void keep_larger(const float *x, int32_t here, float *best, int32_t *tap)
{
    for (int l = 0; l < L; l++) {
        bool wins = x[l] > best[l] || x[l] != x[l]; /* NaN wins, and a later NaN over it too */
        best[l] = wins ? x[l] : best[l];
        tap[l] = wins ? here : tap[l];
    }
}

static void max_pool_forward(const fv_pool2d *v, const float *x, float *y, int32_t *winner,
                             size_t y_step)
{
    for (int c = 0; c < v->C; c++, x += (size_t)v->H * v->W * L)
        for (int p = 0; p < v->P; p++)
            for (int q = 0; q < v->Q; q++) {
                size_t at = c * y_step + ((size_t)p * v->Q + q) * L;
                window o = window_at(v, p, q);
                float best[L];
                int32_t tap[L];
                for (int l = 0; l < L; l++) {
                    best[l] = -INFINITY;
                    tap[l] = o.r0 * v->S + o.s0;
                }
                for (int r = o.r0; r < o.r1; r++)
                    for (int s = o.s0; s < o.s1; s++)
                        keep_larger(x + place_of(v, &o, r, s) * L, r * v->S + s, best, tap);
                memcpy(y + at, best, sizeof best);
                if (winner)
                    memcpy(winner + at, tap, sizeof tap);
            }
}

static void max_pool_backward(const fv_pool2d *v, const float *dy, const int32_t *winner, float *dx)
{
    size_t plane = (size_t)v->H * v->W * L;
    memset(dx, 0, v->C * plane * sizeof *dx);
    for (int c = 0; c < v->C; c++, dx += plane)
        for (int p = 0; p < v->P; p++)
            for (int q = 0; q < v->Q; q++, dy += L, winner += L) {
                window o = window_at(v, p, q);
                for (int l = 0; l < L; l++)
                    dx[place_of(v, &o, winner[l] / v->S, winner[l] % v->S) * L + l] += dy[l];
            }
}

const fv_kernels fv_kernels_ref = {
    .name = "ref",
    .conv_forward = conv_forward,
    .conv_backward_input = conv_backward_input,
    .conv_backward_weight = conv_backward_weight,
    .linear_forward = linear_forward,
    .linear_backward_input = linear_backward_input,
    .linear_backward_weight = linear_backward_weight,
    .relu_forward = relu_forward,
    .relu_backward = relu_backward,
    .max_pool_forward = max_pool_forward,
    .max_pool_backward = max_pool_backward,
    FV_LANES_ENTRIES,
};

float fv_exp(float x)
{
    return exp_f32(x);
}

float fv_log(float x)
{
    return log_f32(x);
}
