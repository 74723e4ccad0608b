/*
 * move.c - concat, slice and permute: data movement without arithmetic.
 *
 * torch.cat, torch.narrow, torch.permute. Layer 2. Calls the base.
 */
#include "ops/op.h"

#include <string.h>

/* ---- concat ------------------------------------------------------------------------------- */

/* Rows of one input and where they begin in the output. */
static void concat_forward(const fv_call *r)
{
    const fv_def *def = r->def;
    fv_along to = fv_along_of(r->layout, def->out, def->along.dim, r->slices);
    size_t row = to.size * to.inner, at = 0;
    for (int k = 0; k < def->n_inputs; k++) {
        fv_along from = fv_along_of(r->layout, def->ins[k], def->along.dim, r->slices);
        size_t some = from.size * from.inner;
        for (size_t i = 0; i < from.outer; i++)
            memcpy(r->y + i * row + at, r->xs[k] + i * some, some * sizeof *r->y);
        at += some;
    }
}

static void concat_backward(const fv_call *r)
{
    const fv_def *def = r->def;
    fv_along from = fv_along_of(r->layout, def->out, def->along.dim, r->slices);
    size_t row = from.size * from.inner, at = 0;
    for (int k = 0; k < def->n_inputs; k++) {
        fv_along to = fv_along_of(r->layout, def->ins[k], def->along.dim, r->slices);
        size_t some = to.size * to.inner;
        for (size_t i = 0; r->dxs[k] && i < to.outer; i++)
            memcpy(r->dxs[k] + i * some, r->dy + i * row + at, some * sizeof *r->dy);
        at += some;
    }
}

static const fv_op concat = {
    .forward = concat_forward,
    .backward = concat_backward,
};

static fv_status concat_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_concat_args *a = args;
    int dim = def->along.dim = fv_check_dim(ctx, def, a->dim);
    if (!dim)
        return fv_error(ctx);
    if (def->n_inputs < 2)
        return fv_fail(ctx, FV_E_ARG, "layer \"%s\": a concat layer takes 2 to %d inputs, not %d",
                       def->name, FV_INPUTS_MAX, def->n_inputs);
    def->op = &concat;
    def->out = def->in;
    int64_t size = *fv_side(&def->in, dim);
    for (int i = 1; i < def->n_inputs; i++) {
        fv_shape with = def->ins[i];
        *fv_side(&with, dim) = *fv_side(&def->in, dim);
        if (with.c != def->in.c || with.h != def->in.h || with.w != def->in.w)
            return fv_fail(ctx, FV_E_SHAPE,
                           "layer \"%s\": joins [N,%d,%d,%d] (from \"%s\") and [N,%d,%d,%d] along "
                           "dimension %d; in the others both must be alike",
                           def->name, def->in.c, def->in.h, def->in.w, def->producer, def->ins[i].c,
                           def->ins[i].h, def->ins[i].w, dim);
        size += *fv_side(&def->ins[i], dim);
    }
    *fv_side(&def->out, dim) = fv_clamp_size(size);
    return fv_check_size(ctx, def);
}

static const fv_arg concat_fields[] = {
    FV_ARG(fv_concat_args, dim, FV_ARG_INT, .initial = {1, {1}}),
    {0},
};

FV_LAYER_TYPE(concat, fv_concat_args, "torch.cat", .alias = "cat", .inputs = 0,
              .fields = concat_fields, .shape = concat_shape);

/* ---- slice -------------------------------------------------------------------------------- */

static void slice_forward(const fv_call *r)
{
    const fv_def *def = r->def;
    fv_along from = fv_along_of(r->layout, def->in, def->along.dim, r->slices);
    fv_along to = fv_along_of(r->layout, def->out, def->along.dim, r->slices);
    const float *x = r->x + def->along.start * from.inner;
    float *y = r->y;
    for (size_t i = 0; i < to.outer; i++, x += from.size * from.inner)
        for (int k = 0; k < to.size; k++, y += to.inner)
            memcpy(y, x + (size_t)k * def->along.step * to.inner, to.inner * sizeof *y);
}

static void slice_backward(const fv_call *r)
{
    const fv_def *def = r->def;
    fv_along to = fv_along_of(r->layout, def->in, def->along.dim, r->slices);
    fv_along from = fv_along_of(r->layout, def->out, def->along.dim, r->slices);
    const float *dy = r->dy;
    if (!r->dx)
        return;
    memset(r->dx, 0, to.outer * to.size * to.inner * sizeof *r->dx);
    float *dx = r->dx + def->along.start * to.inner;
    for (size_t i = 0; i < to.outer; i++, dx += to.size * to.inner)
        for (int k = 0; k < from.size; k++, dy += from.inner)
            memcpy(dx + (size_t)k * def->along.step * to.inner, dy, to.inner * sizeof *dx);
}

static const fv_op slice = {
    .forward = slice_forward,
    .backward = slice_backward,
};

static fv_status slice_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_slice_args *a = args;
    int dim = fv_check_dim(ctx, def, a->dim), step = a->step ? a->step : 1;
    if (!dim)
        return fv_error(ctx);
    int size = *fv_side(&def->in, dim);
    int start = a->start < 0 ? a->start + size : a->start;
    int end = a->end <= 0 ? a->end + size : a->end;
    if (start < 0 || end > size || start >= end || step < 1)
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": from %d to %d by %d is no part of dimension %d of "
                       "[N,%d,%d,%d] (from \"%s\")\n"
                       "help: 0 <= start < end <= %d; below 0 they count from the end",
                       def->name, a->start, a->end, step, dim, def->in.c, def->in.h, def->in.w,
                       def->producer, size);
    def->op = &slice;
    def->along.dim = dim;
    def->along.start = start;
    def->along.step = step;
    def->out = def->in;
    *fv_side(&def->out, dim) = (end - start - 1) / step + 1;
    return FV_OK;
}

static const fv_arg slice_fields[] = {
    FV_ARG(fv_slice_args, dim, FV_ARG_INT, .initial = {1, {1}}),
    FV_ARG(fv_slice_args, start, FV_ARG_INT),
    FV_ARG(fv_slice_args, end, FV_ARG_INT),
    FV_ARG(fv_slice_args, step, FV_ARG_INT, .initial = {1, {1}}),
    {0},
};

FV_LAYER_TYPE(slice, fv_slice_args, "torch.narrow", .inputs = 1, .places = 4,
              .fields = slice_fields, .shape = slice_shape);

/* ---- permute ------------------------------------------------------------------------------ */

/* Returns the stride of dimension dim in a tensor of shape s. */
static size_t stride_of(fv_layout layout, fv_shape s, int dim)
{
    return fv_along_of(layout, s, dim, 1).inner;
}

/* [C,H,W] of one shape, in the order of memory, from those of the other: stride[i] is that of what
   becomes dimension i + 1. */
static void permute_slice(fv_layout layout, fv_shape to, const size_t stride[3], const float *x,
                          float *y)
{
    bool batch = layout == FV_BATCH_LAST;
    const int order[] = {batch ? 1 : 2, batch ? 2 : 3, batch ? 3 : 1};
    const int n0 = *fv_side(&to, order[0]), n1 = *fv_side(&to, order[1]);
    const int n2 = *fv_side(&to, order[2]);
    const size_t s0 = stride[order[0] - 1], s1 = stride[order[1] - 1], s2 = stride[order[2] - 1];
    for (int i = 0; i < n0; i++)
        for (int k = 0; k < n1; k++)
            for (int m = 0; m < n2; m++) {
                const float *from = x + i * s0 + k * s1 + m * s2;
                if (batch)
                    memcpy(y, from, FV_LANES * sizeof *y);
                else
                    *y = *from;
                y += batch ? FV_LANES : 1;
            }
}

static void permute_forward(const fv_call *r)
{
    const fv_def *def = r->def;
    size_t floats = fv_slice_floats(r->layout, fv_shape_count(def->out)), stride[3];
    for (int i = 0; i < 3; i++)
        stride[i] = stride_of(r->layout, def->in, def->along.order[i]);
    for (int i = 0; i < r->slices; i++)
        permute_slice(r->layout, def->out, stride, r->x + i * floats, r->y + i * floats);
}

static void permute_backward(const fv_call *r)
{
    const fv_def *def = r->def;
    size_t floats = fv_slice_floats(r->layout, fv_shape_count(def->out)), stride[3];
    for (int i = 0; i < 3; i++)
        stride[def->along.order[i] - 1] = stride_of(r->layout, def->out, i + 1);
    for (int i = 0; r->dx && i < r->slices; i++)
        permute_slice(r->layout, def->in, stride, r->dy + i * floats, r->dx + i * floats);
}

static const fv_op permute = {
    .forward = permute_forward,
    .backward = permute_backward,
};

static fv_status permute_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_shape_args *a = args;
    const int order[] = {a->c, a->h, a->w};
    unsigned seen = 0;
    for (int i = 0; i < 3; i++)
        seen |= order[i] >= 1 && order[i] <= 3 ? 1u << order[i] : 0;
    if (seen != 0xe)
        return fv_fail(ctx, FV_E_ARG,
                       "layer \"%s\": %d, %d, %d is no order of the dimensions 1, 2, 3\n"
                       "help: 2, 3, 1 gives [N,H,W,C]",
                       def->name, a->c, a->h, a->w);
    def->op = &permute;
    for (int i = 0; i < 3; i++) {
        def->along.order[i] = order[i];
        *fv_side(&def->out, i + 1) = *fv_side(&def->in, order[i]);
    }
    return FV_OK;
}

static const fv_arg permute_fields[] = {
    FV_ARG(fv_shape_args, c, FV_ARG_INT),
    FV_ARG(fv_shape_args, h, FV_ARG_INT),
    FV_ARG(fv_shape_args, w, FV_ARG_INT),
    {0},
};

FV_LAYER_TYPE(permute, fv_shape_args, "torch.permute", .inputs = 1, .places = 3,
              .fields = permute_fields, .shape = permute_shape);
