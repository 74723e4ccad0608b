/*
 * group_norm.c - group_norm, instance_norm2d and layer_norm: each image by its own mean and variance.
 *
 * y = (x - mean) / sqrt(var + eps) * weight + bias, over groups of channels (Wu and He,
 * arXiv:1803.08494; torch.nn.GroupNorm) or over the last dimensions (Ba et al., arXiv:1607.06450;
 * torch.nn.LayerNorm). instance_norm2d is group_norm with a group for each channel (Ulyanov et al.,
 * arXiv:1607.08022; torch.nn.InstanceNorm2d) and may keep running statistics, for which it accumulates
 * those of the images before forward. Layer 2. Calls the base and the kernels.
 *
 * A tensor is cut into units [rows][width]. Batch last, a unit is a group, its columns are images,
 * and its rows lie in bands, one for each channel. Channels last, it is an image, or a row of one,
 * whose columns are channels; those of a group put their sums together.
 */
#include "ops/op.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct units {
    int count; /* of a slice */
    int width;
    int live;    /* columns in use */
    int join;    /* columns side by side that have one mean */
    int bands;   /* of rows that have one weight, where weights are for channels */
    size_t rows; /* of a band */
    double n;    /* numbers that have one mean */
} units;

/* Working space for the columns of a unit, and two copies of a unit. */
typedef struct work {
    double *sum, *square, *gradient, *product;
    float *scale, *slope, *shift, *g, *normal;
} work;

/* What forward keeps for the columns of a unit; mean + rest is the mean. */
typedef struct kept {
    float *mean, *rest, *inverse;
} kept;

static units units_of(const fv_def *def, fv_layout layout, int images)
{
    fv_shape s = def->in;
    int G = def->norm.groups, lines = def->norm.dims == 1 ? s.h : 1;
    size_t area = (size_t)s.h * s.w / lines, numbers = s.c / G * area;
    bool by_channel = def->norm.dims == 0;
    if (layout == FV_BATCH_LAST)
        return (units){.count = G * lines,
                       .width = FV_LANES,
                       .live = images,
                       .join = 1,
                       .bands = by_channel ? s.c / G : 1,
                       .rows = by_channel ? area : numbers,
                       .n = (double)numbers};
    return (units){.count = lines,
                   .width = s.c,
                   .live = s.c,
                   .join = s.c / G,
                   .bands = 1,
                   .rows = area,
                   .n = (double)numbers};
}

static size_t unit_floats(const units *u)
{
    return u->bands * u->rows * u->width;
}

static work work_of(const units *u, float *scratch)
{
    size_t W = fv_round_up(u->width);
    double *d = (double *)(void *)scratch;
    float *f = (float *)(void *)(d + 4 * W);
    return (work){d,         d + W,     d + 2 * W,
                  d + 3 * W, f,         f + W,
                  f + 2 * W, f + 3 * W, f + 3 * W + fv_round_up(unit_floats(u))};
}

static kept kept_of(const units *u, float *at, int unit)
{
    at += (size_t)unit * 3 * u->width;
    return (kept){at, at + u->width, at + 2 * u->width};
}

/* Gradients of weights and biases, or before that the sums of the running statistics. */
static size_t part_floats(const fv_def *def)
{
    size_t C = fv_round_up(def->in.c);
    return def->norm.track ? 4 * C : fv_round_up(fv_weights(def) + fv_biases(def));
}

static fv_need norm_need(const fv_def *def, fv_layout layout, int images)
{
    units u = units_of(def, layout, images);
    size_t W = fv_round_up(u.width), slices = layout == FV_BATCH_LAST ? 1 : images;
    size_t means = 3 * (size_t)u.width;
    return (fv_need){.saved = fv_round_up(means * u.count * slices),
                     .scratch = 11 * W + fv_round_up(means) + 2 * fv_round_up(unit_floats(&u)),
                     .partial = part_floats(def),
                     .shared = def->norm.track ? 2 * fv_round_up(def->in.c) : 0};
}

/* The weight of column i in a band of a unit. */
static size_t weight_at(const fv_call *r, const units *u, int unit, int band, int i)
{
    return r->layout == FV_BATCH_LAST ? (size_t)unit * u->bands + band : (size_t)i;
}

static bool has_channel_weights(const fv_call *r)
{
    return r->w && r->def->norm.dims == 0;
}

static bool has_element_weights(const fv_call *r)
{
    return r->w && r->def->norm.dims > 0;
}

/* Weights of elements lie as the last dimensions do: from one column of a unit to the next there
   is a plane channels last where they go over the channels too. */
static size_t column_step(const fv_call *r)
{
    fv_shape s = r->def->in;
    return r->layout == FV_CHANNELS_LAST && r->def->norm.dims == 3 ? (size_t)s.h * s.w : 0;
}

/* Puts the sums of each group's columns together: each column gets them. */
static void join_columns(const units *u, double *sums)
{
    for (int i = 0; u->join > 1 && i < u->width; i += u->join) {
        double all = 0;
        for (int k = 0; k < u->join; k++)
            all += sums[i + k];
        for (int k = 0; k < u->join; k++)
            sums[i + k] = all;
    }
}

/* ---- forward ------------------------------------------------------------------------------ */

/* The mean in sum and the variance in square, from sums from the first number of each group on. */
static void find_moments(const fv_call *r, const units *u, const float *x, const work *w)
{
    float *pivot = w->scale;
    for (int i = 0; i < u->width; i++)
        pivot[i] = x[i - i % u->join];
    memset(w->sum, 0, u->width * sizeof *w->sum);
    memset(w->square, 0, u->width * sizeof *w->square);
    r->k->moments(u->bands * u->rows, u->width, u->live, x, pivot, w->sum, w->square);
    join_columns(u, w->sum);
    join_columns(u, w->square);
    for (int i = 0; i < u->width; i++) {
        double off = w->sum[i] / u->n, mean = (double)pivot[i] + off;
        double var = w->square[i] / u->n - off * off;
        w->sum[i] = mean;
        w->square[i] = var > 0 || isnan(var) ? var : 0;
    }
}

static void find_means(const fv_call *r, const units *u, const float *x, const work *w,
                       const kept *m)
{
    find_moments(r, u, x, w);
    for (int i = 0; i < u->width; i++) {
        m->mean[i] = (float)w->sum[i];
        m->rest[i] = (float)(w->sum[i] - (double)m->mean[i]);
        m->inverse[i] = (float)(1 / sqrt(w->square[i] + (double)r->def->norm.eps));
    }
}

/* In eval mode the running ones, which finish_running left as [C] means and [C] inverses. */
static void running_means(const fv_call *r, const units *u, int unit, const kept *m)
{
    const float *mean = r->shared, *inverse = r->shared + fv_round_up(r->def->in.c);
    for (int i = 0; i < u->width; i++) {
        int c = r->layout == FV_BATCH_LAST ? unit : i;
        m->mean[i] = mean[c], m->inverse[i] = inverse[c];
        m->rest[i] = 0;
    }
}

static void normalise(const fv_call *r, const units *u, int unit, const float *x, const work *w,
                      const kept *m, float *y)
{
    for (int band = 0; band < u->bands; band++) {
        size_t at = band * u->rows * u->width;
        for (int i = 0; i < u->width; i++) {
            size_t c = weight_at(r, u, unit, band, i);
            w->scale[i] = has_channel_weights(r) ? m->inverse[i] * r->w[c] : m->inverse[i];
            w->shift[i] = (has_channel_weights(r) ? r->b[c] : 0.0f) - m->rest[i] * w->scale[i];
        }
        r->k->norm_forward(u->rows, u->width, x + at, m->mean, w->scale, w->shift, false, y + at);
    }
}

static void norm_forward(const fv_call *r)
{
    const units u = units_of(r->def, r->layout, r->images);
    const work w = work_of(&u, r->scratch);
    float *means = w.normal + fv_round_up(unit_floats(&u));
    for (int i = 0; i < u.count * r->slices; i++) {
        size_t at = i * unit_floats(&u);
        const kept m = r->saved ? kept_of(&u, r->saved, i) : kept_of(&u, means, 0);
        if (r->def->norm.track && !r->saved)
            running_means(r, &u, i, &m);
        else
            find_means(r, &u, r->x + at, &w, &m);
        normalise(r, &u, i, r->x + at, &w, &m, r->y + at);
        if (has_element_weights(r))
            r->k->scale(u.rows, u.width, 1, column_step(r), r->y + at, r->w, r->b, r->y + at);
    }
}

/* ---- running statistics -------------------------------------------------------------------- */

static bool needs_stats(const fv_def *def, bool train)
{
    return train && def->norm.track;
}

/* Sums of each channel over the images of a chunk: [C] means and [C] unbiased variances. */
static void gather_running(const fv_call *r)
{
    const units u = units_of(r->def, r->layout, r->images);
    const work w = work_of(&u, r->scratch);
    double *mean = (double *)(void *)r->partial, *var = mean + fv_round_up(r->def->in.c);
    if (r->first)
        memset(mean, 0, part_floats(r->def) * sizeof *r->partial);
    for (int k = 0; k < u.count * r->slices; k++) {
        find_moments(r, &u, r->x + k * unit_floats(&u), &w);
        for (int i = 0; i < u.live; i++) {
            int c = r->layout == FV_BATCH_LAST ? k : i;
            mean[c] += w.sum[i];
            var[c] += w.square[i] * u.n / (u.n - 1);
        }
    }
}

/* running = (1 - momentum) * running + momentum * the mean over the images; or what the running
   ones make of x in eval mode. As in PyTorch num_batches_tracked does not count. */
static void finish_running(const fv_batch_stats *m)
{
    const fv_def *def = m->def;
    const size_t C = fv_round_up(def->in.c);
    for (size_t c = 0; def->norm.track && c < (size_t)def->in.c; c++) {
        float *running[] = {m->buffers + c, m->buffers + C + c};
        for (int i = 0; m->train && i < 2; i++) {
            double sum = 0;
            for (int k = 0; k < m->chunks; k++)
                sum += ((const double *)(const void *)(m->partial +
                                                       k * m->partial_size))[i * C + c];
            *running[i] = (float)((1 - def->norm.momentum) * (double)*running[i] +
                                  def->norm.momentum * sum / m->images);
        }
        m->shared[c] = *running[0];
        m->shared[C + c] = (float)(1 / sqrt((double)*running[1] + (double)def->norm.eps));
    }
}

/* ---- backward ----------------------------------------------------------------------------- */

/* Weights of elements: their gradients, and the gradient before them. */
static const float *before_weights(const fv_call *r, const units *u, const float *x,
                                   const float *dy, const work *w, const kept *m)
{
    size_t step = column_step(r);
    float *dw = r->partial, *db = r->partial + fv_weights(r->def);
    for (int i = 0; i < u->width; i++)
        w->shift[i] = -m->rest[i] * m->inverse[i];
    r->k->norm_forward(u->rows, u->width, x, m->mean, m->inverse, w->shift, false, w->normal);
    r->k->scale_sums(u->rows, u->width, 1, step, dy, w->normal, dw);
    r->k->scale_sums(u->rows, u->width, 1, step, dy, NULL, db);
    r->k->scale(u->rows, u->width, 1, step, dy, r->w, NULL, w->g);
    return w->g;
}

/* gradient = the sum of dy * weight, product = that of dy * weight * (x - mean) / sd, for each
   column; weights of channels get their gradients. */
static void find_sums(const fv_call *r, const units *u, int unit, const float *x, const float *dy,
                      const work *w, const kept *m)
{
    memset(w->gradient, 0, u->width * sizeof *w->gradient);
    memset(w->product, 0, u->width * sizeof *w->product);
    for (int band = 0; band < u->bands; band++) {
        size_t at = band * u->rows * u->width;
        memset(w->sum, 0, u->width * sizeof *w->sum);
        memset(w->square, 0, u->width * sizeof *w->square);
        r->k->moments_backward(u->rows, u->width, u->live, x + at, dy + at, NULL, m->mean, w->sum,
                               w->square);
        for (int i = 0; i < u->live; i++) {
            size_t c = weight_at(r, u, unit, band, i);
            double weight = has_channel_weights(r) ? (double)r->w[c] : 1;
            double product = (w->square[i] - (double)m->rest[i] * w->sum[i]) *
                             (double)m->inverse[i];
            w->gradient[i] += weight * w->sum[i];
            w->product[i] += weight * product;
            if (has_channel_weights(r)) {
                r->partial[c] += (float)product;
                r->partial[fv_weights(r->def) + c] += (float)w->sum[i];
            }
        }
    }
    join_columns(u, w->gradient);
    join_columns(u, w->product);
}

/* dx = (dy * weight - mean of that - (x - mean) / sd * mean of the product) / sd. */
static void find_dx(const fv_call *r, const units *u, int unit, const float *x, const float *dy,
                    const work *w, const kept *m, float *dx)
{
    for (int i = 0; i < u->width; i++) {
        double inverse = (double)m->inverse[i];
        double slope = -inverse * inverse * w->product[i] / u->n;
        w->slope[i] = (float)slope;
        w->shift[i] = (float)(-inverse * w->gradient[i] / u->n - slope * (double)m->rest[i]);
    }
    for (int band = 0; band < u->bands; band++) {
        size_t at = band * u->rows * u->width;
        for (int i = 0; i < u->width; i++) {
            float weight = has_channel_weights(r) ? r->w[weight_at(r, u, unit, band, i)] : 1.0f;
            w->scale[i] = m->inverse[i] * weight;
        }
        r->k->norm_backward(u->rows, u->width, u->live, x + at, dy + at, NULL, m->mean, w->scale,
                            w->slope, w->shift, dx + at);
    }
}

static void norm_backward(const fv_call *r)
{
    const units u = units_of(r->def, r->layout, r->images);
    const work w = work_of(&u, r->scratch);
    if (r->first && r->w)
        memset(r->partial, 0, part_floats(r->def) * sizeof *r->partial);
    for (int i = 0; i < u.count * r->slices; i++) {
        size_t at = i * unit_floats(&u);
        const kept m = kept_of(&u, r->saved, i);
        const float *x = r->x + at, *dy = r->dy + at;
        if (has_element_weights(r))
            dy = before_weights(r, &u, x, dy, &w, &m);
        find_sums(r, &u, i, x, dy, &w, &m);
        if (r->dx)
            find_dx(r, &u, i, x, dy, &w, &m, r->dx + at);
    }
}

static int norm_reduce_items(const fv_def *def, fv_layout layout)
{
    (void)layout;
    return fv_weights(def) ? 1 : 0;
}

static void norm_reduce(const fv_sums *s, int item)
{
    (void)item;
    const fv_def *def = s->def;
    s->k->sum_partials(fv_weights(def), s->chunks, s->partial, part_floats(def),
                       s->grads[FV_WEIGHT]);
    s->k->sum_partials(fv_biases(def), s->chunks, s->partial + fv_weights(def), part_floats(def),
                       s->grads[FV_BIAS]);
}

static void norm_describe(const fv_def *def, char text[32])
{
    if (def->norm.dims)
        snprintf(text, 32, "dims=%d", def->norm.dims);
    else
        snprintf(text, 32, "groups=%d", def->norm.groups);
}

static const fv_op norm = {
    .flags = FV_KEEPS_X | FV_IN_PLACE,
    .need = norm_need,
    .forward = norm_forward,
    .backward = norm_backward,
    .reduce_items = norm_reduce_items,
    .reduce = norm_reduce,
    .describe = norm_describe,
};

static const fv_op instance_norm2d = {
    .flags = FV_KEEPS_X | FV_IN_PLACE,
    .need = norm_need,
    .forward = norm_forward,
    .backward = norm_backward,
    .reduce_items = norm_reduce_items,
    .reduce = norm_reduce,
    .needs_stats = needs_stats,
    .stats_accumulate = gather_running,
    .stats_finish = finish_running,
    .buffer = fv_running_buffer,
    .start = fv_running_start,
};

/* ---- shape rules -------------------------------------------------------------------------- */

/* eps, and as many weights as the last ndim of [C,H,W] have numbers, or as there are channels. */
static fv_status set_norm(fv_def *def, double eps, int dims, bool affine)
{
    const int64_t sizes[] = {def->in.c, def->in.h, def->in.w};
    def->op = &norm;
    def->out = def->in;
    def->norm.eps = (float)eps;
    def->norm.dims = dims;
    if (!affine)
        return FV_OK;
    const int64_t *of = sizes + (dims ? 3 - dims : 0);
    fv_set_param(def, FV_WEIGHT, "weight", FV_START_1, dims ? dims : 1, of);
    fv_set_param(def, FV_BIAS, "bias", FV_START_0, dims ? dims : 1, of);
    return FV_OK;
}

static fv_status group_norm_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_group_norm_args *a = args;
    int C = def->in.c;
    if (fv_check_features(ctx, def, "num_channels", a->num_channels))
        return fv_error(ctx);
    if (a->num_groups < 1 || C % a->num_groups != 0)
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": %d groups must divide the %d channels that \"%s\" gives\n"
                       "help: 1 group, or %d, one for each channel",
                       def->name, a->num_groups, C, def->producer, C);
    def->norm.groups = a->num_groups;
    return set_norm(def, a->eps, 0, !a->no_affine);
}

static fv_status instance_norm2d_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_instance_norm2d_args *a = args;
    if (fv_check_features(ctx, def, "num_features", a->num_features))
        return fv_error(ctx);
    if (!a->track_running_stats && def->in.h == 1 && def->in.w == 1)
        return fv_fail(
            ctx, FV_E_SHAPE,
            "layer \"%s\": the mean over an image needs more than one value per channel, "
            "but \"%s\" gives [N,%d,1,1]\n"
            "help: batch_norm2d takes the mean over the batch, too",
            def->name, def->producer, def->in.c);
    def->norm.groups = def->in.c;
    def->norm.per_image = true;
    def->norm.track = a->track_running_stats;
    def->norm.momentum = a->momentum;
    def->buffers = def->norm.track ? fv_running_floats(def) : 0;
    set_norm(def, a->eps, 0, a->affine);
    def->op = &instance_norm2d;
    return FV_OK;
}

static fv_status layer_norm_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_layer_norm_args *a = args;
    int dims = a->dims;
    if (dims < 1 || dims > 3)
        return fv_fail(ctx, FV_E_ARG,
                       "layer \"%s\": dims is %d, but must be 1 to 3\n"
                       "help: 3 for all of an image, 2 for rows and columns, 1 for the columns",
                       def->name, dims);
    def->norm.groups = dims == 3 ? 1 : def->in.c;
    return set_norm(def, a->eps, dims, !a->no_affine);
}

static const fv_arg group_norm_fields[] = {
    FV_ARG(fv_group_norm_args, num_groups, FV_ARG_INT),
    FV_ARG(fv_group_norm_args, num_channels, FV_ARG_INT, .range = FV_FROM_1),
    FV_ARG(fv_group_norm_args, eps, FV_ARG_NUMBER, .range = FV_POSITIVE, .initial = {1, {1e-5}}),
    FV_ARG(fv_group_norm_args, no_affine, FV_ARG_FLAG),
    {0},
};

static const fv_arg instance_norm2d_fields[] = {
    FV_ARG(fv_instance_norm2d_args, eps, FV_ARG_NUMBER, .range = FV_POSITIVE,
           .initial = {1, {1e-5}}),
    FV_ARG(fv_instance_norm2d_args, momentum, FV_ARG_NUMBER, .range = FV_FACTOR,
           .initial = {1, {0.1}}),
    FV_ARG(fv_instance_norm2d_args, affine, FV_ARG_FLAG),
    FV_ARG(fv_instance_norm2d_args, track_running_stats, FV_ARG_FLAG),
    FV_ARG(fv_instance_norm2d_args, num_features, FV_ARG_INT, .range = FV_FROM_1),
    {0},
};

static const fv_arg layer_norm_fields[] = {
    FV_ARG(fv_layer_norm_args, dims, FV_ARG_INT, .initial = {1, {3}}),
    FV_ARG(fv_layer_norm_args, eps, FV_ARG_NUMBER, .range = FV_POSITIVE, .initial = {1, {1e-5}}),
    FV_ARG(fv_layer_norm_args, no_affine, FV_ARG_FLAG),
    {0},
};

FV_LAYER_TYPE(group_norm, fv_group_norm_args, "torch.nn.GroupNorm", .inputs = 1, .places = 2,
              .fields = group_norm_fields, .shape = group_norm_shape);

FV_LAYER_TYPE(instance_norm2d, fv_instance_norm2d_args, "torch.nn.InstanceNorm2d",
              .alias = "instance_norm", .inputs = 1, .fields = instance_norm2d_fields,
              .shape = instance_norm2d_shape);

FV_LAYER_TYPE(layer_norm, fv_layer_norm_args, "torch.nn.LayerNorm", .inputs = 1, .places = 1,
              .fields = layer_norm_fields, .shape = layer_norm_shape);
