/*
 * lanes.h - the kernels that need no tile: elementwise, pooling, softmax, loading and storing.
 *
 * Plain loops whose innermost index is the lane. Every set includes this file, and the compiler
 * makes vector code of each for its instruction set; the order of operations in a lane is as
 * written, so all sets give the same bits. The contracts are in kernels.h.
 */
#ifndef FV_LANES_H
#define FV_LANES_H

#include "kernels/kernels.h"
#include "kernels/scalar.h"

enum { L = FV_LANES };

static void sum_lanes(size_t n, int count, const float *parts, size_t step, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float sum[L];
        for (int l = 0; l < L; l++)
            sum[l] = parts[i * L + l];
        for (int c = 1; c < count; c++)
            for (int l = 0; l < L; l++)
                sum[l] += parts[c * step + i * L + l];
        for (int l = 0; l < 8; l++)
            sum[l] += sum[l + 8];
        for (int l = 0; l < 4; l++)
            sum[l] += sum[l + 4];
        out[i] += (sum[0] + sum[2]) + (sum[1] + sum[3]);
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

static void relu_forward(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] < 0.0f ? 0.0f : x[i];
}

static void relu_backward(size_t n, const float *y, const float *dy, float *dx)
{
    for (size_t i = 0; i < n; i++)
        dx[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

/* ---- pooling ------------------------------------------------------------------------------ */

/* best, place = the larger of them and the picture's x at place here, lane by lane. */
static inline void keep_larger(const float *x, int32_t here, float *best, int32_t *place)
{
    for (int l = 0; l < L; l++) {
        bool wins = x[l] > best[l] || x[l] != x[l]; /* NaN wins, and a later NaN over it too */
        best[l] = wins ? x[l] : best[l];
        place[l] = wins ? here : place[l];
    }
}

/* First and one past the last tap of a window that starts at start and lies inside 0..size-1. */
static inline int first_tap(int start, int dilation)
{
    return start < 0 ? (-start + dilation - 1) / dilation : 0;
}

static inline int end_tap(int start, int dilation, int taps, int size)
{
    int inside = (size - start + dilation - 1) / dilation;
    return inside < taps ? inside : taps;
}

static void max_pool_forward(const fv_pool2d *v, const float *x, float *y, int32_t *winner)
{
    for (int c = 0; c < v->C; c++, x += (size_t)v->H * v->W * L)
        for (int p = 0; p < v->P; p++)
            for (int q = 0; q < v->Q; q++, y += L) {
                int h0 = p * v->sh - v->ph, w0 = q * v->sw - v->pw;
                int r0 = first_tap(h0, v->dh), r1 = end_tap(h0, v->dh, v->R, v->H);
                int s0 = first_tap(w0, v->dw), s1 = end_tap(w0, v->dw, v->S, v->W);
                int32_t first = (h0 + r0 * v->dh) * v->W + w0 + s0 * v->dw;
                float best[L];
                int32_t place[L];
                for (int l = 0; l < L; l++) {
                    best[l] = -INFINITY;
                    place[l] = first;
                }
                for (int r = r0; r < r1; r++)
                    for (int s = s0; s < s1; s++) {
                        int32_t here = (h0 + r * v->dh) * v->W + w0 + s * v->dw;
                        keep_larger(x + (size_t)here * L, here, best, place);
                    }
                memcpy(y, best, sizeof best);
                if (winner) {
                    memcpy(winner, place, sizeof place);
                    winner += L;
                }
            }
}

static void max_pool_backward(const fv_pool2d *v, const float *dy, const int32_t *winner, float *dx)
{
    size_t plane = (size_t)v->H * v->W * L;
    memset(dx, 0, v->C * plane * sizeof *dx);
    for (int c = 0; c < v->C; c++, dx += plane)
        for (int i = 0; i < v->P * v->Q; i++, dy += L, winner += L)
            for (int l = 0; l < L; l++)
                dx[(size_t)winner[l] * L + l] += dy[l];
}

/* ---- softmax ------------------------------------------------------------------------------ */

static void log_softmax_forward(int C, int area, const float *x, float *y)
{
    size_t plane = (size_t)area * L;
    for (size_t i = 0; i < plane; i += L, x += L, y += L) {
        float top[L], sum[L], log_sum[L];
        memcpy(top, x, sizeof top);
        for (int c = 1; c < C; c++)
            for (int l = 0; l < L; l++)
                top[l] = x[c * plane + l] > top[l] ? x[c * plane + l] : top[l];
        memset(sum, 0, sizeof sum);
        for (int c = 0; c < C; c++)
            for (int l = 0; l < L; l++)
                sum[l] += exp_f32(x[c * plane + l] - top[l]);
        for (int l = 0; l < L; l++)
            log_sum[l] = log_f32(sum[l]);
        for (int c = 0; c < C; c++)
            for (int l = 0; l < L; l++)
                y[c * plane + l] = x[c * plane + l] - top[l] - log_sum[l];
    }
}

static void log_softmax_backward(int C, int area, const float *y, const float *dy, float *dx)
{
    size_t plane = (size_t)area * L;
    for (size_t i = 0; i < plane; i += L, y += L, dy += L, dx += L) {
        float sum[L];
        memset(sum, 0, sizeof sum);
        for (int c = 0; c < C; c++)
            for (int l = 0; l < L; l++)
                sum[l] += dy[c * plane + l];
        for (int c = 0; c < C; c++)
            for (int l = 0; l < L; l++)
                dx[c * plane + l] = dy[c * plane + l] - exp_f32(y[c * plane + l]) * sum[l];
    }
}

/* ---- between rows of images and lanes ----------------------------------------------------- */

static void load_u8(size_t n, const uint8_t *const *pixels, const float *table, float *x)
{
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

static void store_rows(size_t n, int count, const float *x, float *rows)
{
    for (int l = 0; l < count; l++)
        for (size_t i = 0; i < n; i++)
            rows[l * n + i] = x[i * L + l];
}

static void transpose(int K, const float *x, float *xt)
{
    size_t Kp = fv_round_up(K);
    for (int l = 0; l < L; l++) {
        for (int k = 0; k < K; k++)
            xt[l * Kp + k] = x[(size_t)k * L + l];
        memset(xt + l * Kp + K, 0, (Kp - K) * sizeof *xt);
    }
}

/* ---- optimizer ---------------------------------------------------------------------------- */

static void sgd(size_t n, const fv_sgd_step *step, float *p, const float *g, float *v)
{
    float lr = step->maximize ? step->lr : -step->lr;
    for (size_t i = 0; i < n; i++) {
        float d = fmaf(step->weight_decay, p[i], g[i]);
        if (v) {
            v[i] = step->first ? d : fmaf(1.0f - step->dampening, d, step->momentum * v[i]);
            d = step->nesterov ? fmaf(step->momentum, v[i], d) : v[i];
        }
        p[i] = fmaf(lr, d, p[i]);
    }
}

/* The entries of a table that this file fills, for an initialiser. */
#define FV_LANES_ENTRIES                                                                           \
    .transpose = transpose, .sum_lanes = sum_lanes, .relu_forward = relu_forward,                  \
    .relu_backward = relu_backward, .max_pool_forward = max_pool_forward,                          \
    .max_pool_backward = max_pool_backward, .log_softmax_forward = log_softmax_forward,            \
    .log_softmax_backward = log_softmax_backward, .load_u8 = load_u8, .load_f32 = load_f32,        \
    .store_rows = store_rows, .sgd = sgd

#endif
