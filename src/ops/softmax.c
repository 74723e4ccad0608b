/*
 * softmax.c - softmax and log_softmax along one dimension.
 *
 * torch.nn.Softmax, torch.nn.LogSoftmax. Layer 2. Calls the base and the kernels.
 */
#include "ops/op.h"

static bool is_log(const fv_def *def)
{
    return def->kind == &fv_layer_type_log_softmax;
}

static void softmax_forward(const fv_call *r)
{
    fv_along a = fv_along_of(r->layout, r->def->out, r->def->along.dim, r->slices);
    r->k->softmax_forward(is_log(r->def), a.outer, a.size, a.inner, r->x, r->y);
}

static void softmax_backward(const fv_call *r)
{
    fv_along a = fv_along_of(r->layout, r->def->out, r->def->along.dim, r->slices);
    if (r->dx)
        r->k->softmax_backward(is_log(r->def), a.outer, a.size, a.inner, r->y, r->dy, r->dx);
}

static const fv_op softmax = {
    .flags = FV_KEEPS_Y,
    .forward = softmax_forward,
    .backward = softmax_backward,
};

static fv_status softmax_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_dim_args *a = args;
    def->op = &softmax;
    def->out = def->in;
    def->along.dim = fv_check_dim(ctx, def, a->dim);
    return fv_error(ctx);
}

static const fv_arg fields[] = {
    FV_ARG(fv_dim_args, dim, FV_ARG_INT, .initial = {1, {1}}),
    {0},
};

FV_LAYER_TYPE(softmax, fv_dim_args, "torch.nn.Softmax", .inputs = 1, .places = 1, .fields = fields,
              .shape = softmax_shape);
FV_LAYER_TYPE(log_softmax, fv_dim_args, "torch.nn.LogSoftmax", .inputs = 1, .places = 1,
              .fields = fields, .shape = softmax_shape);
