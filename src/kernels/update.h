/*
 * update.h - the kernels of optimizers: one pass over the parameters, their gradients and the
 * optimizer's state.
 *
 * Plain loops, as in lanes.h. Every set includes this file; square roots and quotients are rounded
 * correctly everywhere, and fused multiply-adds are written out, so all sets give the same bits. The
 * formulas are in kernels.h.
 */
#ifndef FV_UPDATE_H
#define FV_UPDATE_H

#include <math.h>

#include "kernels/kernels.h"

static void prefetch_for_write(size_t n, const float *p)
{
    for (size_t i = 0; i < n; i += FV_LANES)
        __builtin_prefetch(p + i, 1);
}

static void sgd(size_t n, const fv_sgd_step *step, float *restrict p, const float *restrict g,
                float *restrict v)
{
    const float sign = step->maximize ? -1.0f : 1.0f, decay = step->weight_decay;
    const float keep = step->first ? 0.0f : step->momentum, momentum = step->momentum;
    const float take = step->first ? 1.0f : 1.0f - step->dampening, lr = -step->lr;
    if (!v)
        for (size_t i = 0; i < n; i++)
            p[i] = fmaf(lr, fmaf(decay, p[i], sign * g[i]), p[i]);
    else if (!step->nesterov)
        for (size_t i = 0; i < n; i++) {
            v[i] = fmaf(take, fmaf(decay, p[i], sign * g[i]), keep * v[i]);
            p[i] = fmaf(lr, v[i], p[i]);
        }
    else
        for (size_t i = 0; i < n; i++) {
            float d = fmaf(decay, p[i], sign * g[i]);
            v[i] = fmaf(take, d, keep * v[i]);
            p[i] = fmaf(lr, fmaf(momentum, v[i], d), p[i]);
        }
}

static void adam(size_t n, const fv_adam_step *step, float *restrict p, const float *restrict g,
                 float *restrict m, float *restrict v)
{
    const fv_adam_step s = *step;
    for (size_t i = 0; i < n; i++) {
        float d = fmaf(s.weight_decay, p[i], s.sign * g[i]);
        m[i] = fmaf(s.take1, d, s.beta1 * m[i]);
        v[i] = fmaf(s.take2 * d, d, s.beta2 * v[i]);
        float way = fmaf(s.of_m, m[i], s.of_g * d) / fmaf(sqrtf(v[i]), s.scale, s.eps);
        p[i] = fmaf(-s.shrink, p[i], p[i]) - way;
    }
}

static void amsgrad(size_t n, const fv_adam_step *step, float *restrict p, const float *restrict g,
                    float *restrict m, float *restrict v, float *restrict top)
{
    const fv_adam_step s = *step;
    for (size_t i = 0; i < n; i++) {
        float d = fmaf(s.weight_decay, p[i], s.sign * g[i]);
        m[i] = fmaf(s.take1, d, s.beta1 * m[i]);
        v[i] = fmaf(s.take2 * d, d, s.beta2 * v[i]);
        top[i] = top[i] >= v[i] ? top[i] : v[i]; /* a NaN stays */
        float way = s.of_m * m[i] / fmaf(sqrtf(top[i]), s.scale, s.eps);
        p[i] = fmaf(-s.shrink, p[i], p[i]) - way;
    }
}

static void adagrad(size_t n, const fv_scaled_step *step, float *restrict p,
                    const float *restrict g, float *restrict v)
{
    const fv_scaled_step s = *step;
    for (size_t i = 0; i < n; i++) {
        float d = fmaf(s.weight_decay, p[i], s.sign * g[i]);
        v[i] = fmaf(d, d, v[i]);
        p[i] = fmaf(-s.lr, d / (sqrtf(v[i]) + s.eps), p[i]);
    }
}

static void adadelta(size_t n, const fv_scaled_step *step, float *restrict p,
                     const float *restrict g, float *restrict v, float *restrict u)
{
    const fv_scaled_step s = *step;
    for (size_t i = 0; i < n; i++) {
        float d = fmaf(s.weight_decay, p[i], s.sign * g[i]);
        v[i] = fmaf(s.take * d, d, s.keep * v[i]);
        float way = sqrtf(u[i] + s.eps) / sqrtf(v[i] + s.eps) * d;
        u[i] = fmaf(s.take * way, way, s.keep * u[i]);
        p[i] = fmaf(-s.lr, way, p[i]);
    }
}

/* The steps d / (sqrt(v) + eps) of up to a line of parameters, for rmsprop. */
enum { UPDATE_LINE = 256 };

static inline void scale_line(size_t n, const fv_scaled_step *step, const float *restrict p,
                              const float *restrict g, float *restrict v, float *restrict mean,
                              float *restrict way)
{
    const fv_scaled_step s = *step;
    if (!mean)
        for (size_t i = 0; i < n; i++) {
            float d = fmaf(s.weight_decay, p[i], s.sign * g[i]);
            v[i] = fmaf(s.take * d, d, s.keep * v[i]);
            way[i] = d / (sqrtf(v[i]) + s.eps);
        }
    else
        for (size_t i = 0; i < n; i++) {
            float d = fmaf(s.weight_decay, p[i], s.sign * g[i]);
            v[i] = fmaf(s.take * d, d, s.keep * v[i]);
            mean[i] = fmaf(s.take, d, s.keep * mean[i]);
            float variance = fmaf(-mean[i], mean[i], v[i]);
            way[i] = d / (sqrtf(variance < 0.0f ? 0.0f : variance) + s.eps);
        }
}

static void rmsprop(size_t n, const fv_scaled_step *step, float *restrict p,
                    const float *restrict g, float *restrict v, float *restrict mean,
                    float *restrict u)
{
    const float lr = -step->lr, momentum = step->momentum;
    float way[UPDATE_LINE];
    for (size_t from = 0; from < n; from += UPDATE_LINE) {
        size_t count = n - from < UPDATE_LINE ? n - from : UPDATE_LINE;
        float *q = p + from, *to = u ? u + from : way;
        scale_line(count, step, q, g + from, v + from, mean ? mean + from : NULL, way);
        if (u)
            for (size_t i = 0; i < count; i++)
                to[i] = fmaf(momentum, to[i], way[i]);
        for (size_t i = 0; i < count; i++)
            q[i] = fmaf(lr, to[i], q[i]);
    }
}

static void lion(size_t n, const fv_adam_step *step, float *restrict p, const float *restrict g,
                 float *restrict m)
{
    const fv_adam_step s = *step;
    for (size_t i = 0; i < n; i++) {
        float d = s.sign * g[i], way = fmaf(s.take1, d, s.beta1 * m[i]);
        float lr = way > 0.0f ? s.of_m : way < 0.0f ? -s.of_m : way; /* a NaN stays */
        p[i] = fmaf(-s.shrink, p[i], p[i]) - lr;
        m[i] = fmaf(s.take2, d, s.beta2 * m[i]);
    }
}

/* The entries of a table that this file fills, for an initialiser. */
#define FV_UPDATE_ENTRIES                                                                          \
    .prefetch_for_write = prefetch_for_write, .sgd = sgd, .adam = adam, .amsgrad = amsgrad,        \
    .adagrad = adagrad, .adadelta = adadelta, .rmsprop = rmsprop, .lion = lion

#endif
