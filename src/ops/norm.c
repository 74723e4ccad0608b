/*
 * norm.c - batch_norm2d: shape rule, forward, backward; alone or fused with the relu after it.
 *
 * y = (x - mean) / sqrt(var + eps) * weight + bias, for each channel; mean and var are those of
 * the batch in train mode, the running ones in eval mode. Ioffe and Szegedy, arXiv:1502.03167;
 * torch.nn.BatchNorm2d. In train mode the chunks accumulate sums of each channel, relative to its
 * first element, and their sums are combined before forward; likewise those of the gradients
 * before backward. Layer 2. Calls the base and the kernels.
 */
#include "ops/op.h"

#include <math.h>
#include <string.h>

/* The finished statistics, [C] each, rounded to floats. */
typedef struct shared {
    float *mean, *rest; /* the mean is their sum */
    float *scale, *shift, *factor, *slope, *offset;
} shared;

/* The sums of a chunk, [C] each, in double except for the pivot. */
typedef struct partial {
    double *sum, *square;
    float *pivot;
} partial;

static shared shared_of(const fv_def *def, float *at)
{
    size_t C = fv_round_up(def->in.c);
    return (shared){at, at + C, at + 2 * C, at + 3 * C, at + 4 * C, at + 5 * C, at + 6 * C};
}

static partial partial_of(const fv_def *def, const float *at)
{
    size_t C = fv_round_up(def->in.c);
    double *doubles = (double *)(uintptr_t)at;
    return (partial){doubles, doubles + C, (float *)(doubles + 2 * C)};
}

static fv_need norm_need(const fv_def *def, fv_layout layout, int images)
{
    (void)layout, (void)images;
    size_t C = fv_round_up(def->in.c);
    return (fv_need){.partial = 5 * C, .shared = 7 * C};
}

static bool norm_meets(const fv_def *def, bool train)
{
    return train || !def->norm.track;
}

static void splat(float to[FV_LANES], float value)
{
    for (int l = 0; l < FV_LANES; l++)
        to[l] = value;
}

static double sum_of(const double lanes[FV_LANES])
{
    double sum = 0;
    for (int l = 0; l < FV_LANES; l++)
        sum += lanes[l];
    return sum;
}

/* ---- forward ------------------------------------------------------------------------------ */

static void accumulate_stats(const fv_call *r)
{
    const partial p = partial_of(r->def, r->partial);
    int C = r->def->in.c;
    size_t area = (size_t)r->def->in.h * r->def->in.w, step = fv_slice_floats(r->layout, area);
    if (r->first) {
        memset(p.sum, 0, C * sizeof *p.sum);
        memset(p.square, 0, C * sizeof *p.square);
        for (int c = 0; c < C; c++)
            p.pivot[c] = r->x[r->layout == FV_BATCH_LAST ? c * step : (size_t)c];
    }
    if (r->layout == FV_CHANNELS_LAST) {
        r->k->moments(area * r->slices, C, C, r->x, p.pivot, p.sum, p.square);
        return;
    }
    for (int c = 0; c < C; c++) {
        double sum[FV_LANES] = {0}, square[FV_LANES] = {0};
        float pivot[FV_LANES];
        splat(pivot, p.pivot[c]);
        r->k->moments(area, FV_LANES, r->images, r->x + c * step, pivot, sum, square);
        p.sum[c] += sum_of(sum);
        p.square[c] += sum_of(square);
    }
}

/* Returns the images of a chunk: all blocks are full but the batch's last. */
static double images_of(const fv_batch_stats *m, int chunk)
{
    int64_t blocks = fv_blocks(m->images, m->block_images);
    int64_t from = blocks * chunk / m->chunks, to = blocks * (chunk + 1) / m->chunks;
    int64_t end = to * m->block_images < m->images ? to * m->block_images : m->images;
    return (double)(end - from * m->block_images);
}

/* Combines mean and sum of squared deviations of a channel chunk by chunk, by Chan's formula. */
static void moments_of(const fv_batch_stats *m, int c, double *mean, double *square)
{
    double count = 0;
    *mean = *square = 0;
    for (int i = 0; i < m->chunks; i++) {
        const partial p = partial_of(m->def, m->partial + i * m->partial_size);
        double n = images_of(m, i) * m->def->in.h * m->def->in.w;
        double delta = (double)p.pivot[c] + p.sum[c] / n - *mean;
        *square += p.square[c] - p.sum[c] * p.sum[c] / n + delta * delta * count * n / (count + n);
        *mean += delta * n / (count + n);
        count += n;
    }
}

/* running = (1 - momentum) * running + momentum * batch's; the variance is unbiased. */
static void update_running(const fv_batch_stats *m, int c, double mean, double var, double n)
{
    size_t C = fv_round_up(m->def->in.c);
    float *running_mean = m->buffers + c, *running_var = m->buffers + C + c;
    const int64_t *tracked = (const int64_t *)(const void *)(m->buffers + 2 * C);
    double momentum = m->def->norm.momentum;
    if (momentum < 0)
        momentum = 1.0 / (double)*tracked;
    *running_mean = (float)((1 - momentum) * (double)*running_mean + momentum * mean);
    *running_var = (float)((1 - momentum) * (double)*running_var + momentum * var * n / (n - 1));
}

static void finish_stats(const fv_batch_stats *m)
{
    const fv_def *def = m->def;
    const shared s = shared_of(def, m->shared);
    size_t C = fv_round_up(def->in.c);
    bool batch = norm_meets(def, m->train);
    double n = (double)m->images * def->in.h * def->in.w;
    if (batch && m->train && def->norm.track)
        ++*(int64_t *)(void *)(m->buffers + 2 * C);
    for (int c = 0; c < def->in.c; c++) {
        double mean, var;
        if (batch) {
            moments_of(m, c, &mean, &var);
            var = var > 0 || isnan(var) ? var / n : 0;
            if (m->train && def->norm.track)
                update_running(m, c, mean, var, n);
        } else {
            mean = (double)m->buffers[c];
            var = (double)m->buffers[C + c];
        }
        double inverse = 1 / sqrt(var + (double)def->norm.eps);
        double scale = inverse * (m->params[FV_WEIGHT] ? (double)m->params[FV_WEIGHT][c] : 1);
        s.mean[c] = (float)mean;
        s.rest[c] = (float)(mean - (double)s.mean[c]);
        s.scale[c] = (float)scale;
        s.shift[c] = (float)((m->params[FV_BIAS] ? (double)m->params[FV_BIAS][c] : 0) -
                             (double)s.rest[c] * scale);
        s.factor[c] = (float)inverse;
    }
}

static void norm_forward(const fv_call *r)
{
    const shared s = shared_of(r->def, r->shared);
    int C = r->def->in.c;
    size_t area = (size_t)r->def->in.h * r->def->in.w, step = fv_slice_floats(r->layout, area);
    if (r->layout == FV_CHANNELS_LAST) {
        r->k->norm_forward(area * r->slices, C, r->x, s.mean, s.scale, s.shift, r->def->norm.relu,
                           r->y);
        return;
    }
    for (int c = 0; c < C; c++) {
        float mean[FV_LANES], scale[FV_LANES], shift[FV_LANES];
        splat(mean, s.mean[c]), splat(scale, s.scale[c]), splat(shift, s.shift[c]);
        r->k->norm_forward(area, FV_LANES, r->x + c * step, mean, scale, shift, r->def->norm.relu,
                           r->y + c * step);
    }
}

/* ---- backward ----------------------------------------------------------------------------- */

static void stats_accumulate_backward(const fv_call *r)
{
    const partial p = partial_of(r->def, r->partial);
    const shared s = shared_of(r->def, r->shared);
    int C = r->def->in.c;
    size_t area = (size_t)r->def->in.h * r->def->in.w, step = fv_slice_floats(r->layout, area);
    const float *y = r->def->norm.relu ? r->y : NULL;
    if (r->first) {
        memset(p.sum, 0, C * sizeof *p.sum);
        memset(p.square, 0, C * sizeof *p.square);
    }
    if (r->layout == FV_CHANNELS_LAST) {
        r->k->moments_backward(area * r->slices, C, C, r->x, r->dy, y, s.mean, p.sum, p.square);
        return;
    }
    for (int c = 0; c < C; c++) {
        double sum[FV_LANES] = {0}, square[FV_LANES] = {0};
        float mean[FV_LANES];
        splat(mean, s.mean[c]);
        r->k->moments_backward(area, FV_LANES, r->images, r->x + c * step, r->dy + c * step,
                               y ? y + c * step : NULL, mean, sum, square);
        p.sum[c] += sum_of(sum);
        p.square[c] += sum_of(square);
    }
}

/* dx = w / sd * (dy - mean of dy - (x - mean) / var * mean of dy * (x - mean)). */
static void stats_finish_backward(const fv_batch_stats *m)
{
    const shared s = shared_of(m->def, m->shared);
    double n = (double)m->images * m->def->in.h * m->def->in.w;
    for (int c = 0; c < m->def->in.c; c++) {
        double sum = 0, product = 0, inverse = (double)s.factor[c], scale = (double)s.scale[c];
        for (int i = 0; i < m->chunks; i++) {
            const partial p = partial_of(m->def, m->partial + i * m->partial_size);
            sum += p.sum[c];
            product += p.square[c];
        }
        product -= (double)s.rest[c] * sum; /* x - mean, not x - s.mean */
        if (m->grads[FV_WEIGHT])
            m->grads[FV_WEIGHT][c] += (float)(product * inverse);
        if (m->grads[FV_BIAS])
            m->grads[FV_BIAS][c] += (float)sum;
        s.slope[c] = (float)(-scale * inverse * inverse * product / n);
        s.offset[c] = (float)(-scale * sum / n - (double)s.slope[c] * (double)s.rest[c]);
    }
}

static void norm_backward(const fv_call *r)
{
    const shared s = shared_of(r->def, r->shared);
    int C = r->def->in.c;
    size_t area = (size_t)r->def->in.h * r->def->in.w, step = fv_slice_floats(r->layout, area);
    const float *y = r->def->norm.relu ? r->y : NULL;
    if (!r->dx)
        return;
    if (r->layout == FV_CHANNELS_LAST) {
        r->k->norm_backward(area * r->slices, C, C, r->x, r->dy, y, s.mean, s.scale, s.slope,
                            s.offset, r->dx);
        return;
    }
    for (int c = 0; c < C; c++) {
        float mean[FV_LANES], scale[FV_LANES], slope[FV_LANES], offset[FV_LANES];
        splat(mean, s.mean[c]), splat(scale, s.scale[c]);
        splat(slope, s.slope[c]), splat(offset, s.offset[c]);
        r->k->norm_backward(area, FV_LANES, r->images, r->x + c * step, r->dy + c * step,
                            y ? y + c * step : NULL, mean, scale, slope, offset, r->dx + c * step);
    }
}

/* ---- state -------------------------------------------------------------------------------- */

size_t fv_running_floats(const fv_def *def)
{
    return 2 * fv_round_up(def->in.c) + FV_LANES;
}

fv_buffer fv_running_buffer(const fv_def *def, int i)
{
    size_t C = fv_round_up(def->in.c);
    const fv_buffer buffers[FV_BUFFERS_MAX] = {
        {"running_mean", FV_F32, 1, def->in.c, 0},
        {"running_var", FV_F32, 1, def->in.c, C},
        {"num_batches_tracked", FV_I64, 0, 1, 2 * C},
    };
    return buffers[i];
}

void fv_running_start(const fv_def *def, float *buffers)
{
    for (int c = 0; c < def->in.c; c++)
        buffers[fv_round_up(def->in.c) + c] = 1.0f;
}

#define NORM(other_flags)                                                                          \
    {                                                                                              \
        .flags = FV_KEEPS_X | FV_IN_PLACE | (other_flags), .need = norm_need,                      \
        .forward = norm_forward, .backward = norm_backward, .needs_stats = norm_meets,             \
        .stats_accumulate = accumulate_stats, .stats_finish = finish_stats,                        \
        .stats_accumulate_backward = stats_accumulate_backward,                                    \
        .stats_finish_backward = stats_finish_backward, .buffer = fv_running_buffer,               \
        .start = fv_running_start,                                                                 \
    }

static const fv_op batch_norm2d = NORM(0), batch_norm2d_relu = NORM(FV_KEEPS_Y);

static fv_status batch_norm2d_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_batch_norm2d_args *a = args;
    if (!a->cumulative && !(a->momentum > 0 && a->momentum <= 1))
        return fv_fail(ctx, FV_E_ARG,
                       "layer \"%s\": momentum is %g, but must be in (0,1]\n"
                       "help: .cumulative = true for a plain average over all batches",
                       def->name, a->momentum);
    if (fv_check_features(ctx, def, "num_features", a->num_features))
        return fv_error(ctx);
    def->op = &batch_norm2d;
    def->out = def->in;
    def->norm = (fv_norm){.eps = (float)a->eps,
                          .momentum = a->cumulative ? -1 : a->momentum,
                          .track = !a->no_track_running_stats};
    if (!a->no_affine) {
        fv_set_param(def, FV_WEIGHT, "weight", FV_START_1, 1, &(int64_t){def->in.c});
        fv_set_param(def, FV_BIAS, "bias", FV_START_0, 1, &(int64_t){def->in.c});
    }
    def->buffers = def->norm.track ? fv_running_floats(def) : 0;
    return FV_OK;
}

static const fv_arg fields[] = {
    FV_ARG(fv_batch_norm2d_args, eps, FV_ARG_NUMBER, .range = FV_POSITIVE, .initial = {1, {1e-5}}),
    FV_ARG(fv_batch_norm2d_args, momentum, FV_ARG_NUMBER, .initial = {1, {0.1}}),
    FV_ARG(fv_batch_norm2d_args, cumulative, FV_ARG_FLAG),
    FV_ARG(fv_batch_norm2d_args, no_affine, FV_ARG_FLAG),
    FV_ARG(fv_batch_norm2d_args, no_track_running_stats, FV_ARG_FLAG),
    FV_ARG(fv_batch_norm2d_args, num_features, FV_ARG_INT, .range = FV_FROM_1),
    {0},
};

FV_LAYER_TYPE(batch_norm2d, fv_batch_norm2d_args, "torch.nn.BatchNorm2d", .alias = "batch_norm",
              .inputs = 1, .fields = fields, .shape = batch_norm2d_shape);

void fv_fuse_batch_norm(fv_def *norm, fv_def *relu)
{
    if (norm->op != &batch_norm2d || !fv_is_relu(relu))
        return;
    norm->op = &batch_norm2d_relu;
    norm->norm.relu = true;
    relu->op = &fv_op_relu_done;
}
