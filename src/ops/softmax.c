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

#define SOFTMAX(its_kind)                                                                          \
    {                                                                                              \
        .kind = its_kind, .flags = FV_KEEPS_Y, .forward = softmax_forward,                         \
        .backward = softmax_backward,                                                              \
    }

static const fv_op softmax = SOFTMAX("softmax"), log_softmax = SOFTMAX("log_softmax");

static fv_status softmax_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_dim_args *a = args;
    def->op = is_log(def) ? &log_softmax : &softmax;
    def->out = def->in;
    def->along.dim = fv_check_dim(ctx, def, a->dim);
    return fv_error(ctx);
}

static const fv_field fields[] = {
    FV_FIELD(fv_dim_args, dim, FV_INT_FIELD),
    {0},
};

#define SOFTMAX_KIND(its_name, its_torch)                                                          \
    {                                                                                              \
        .name = its_name, .torch = its_torch, .size = sizeof(fv_dim_args),                         \
        .name_offset = offsetof(fv_dim_args, name), .inputs = 1, .places = 1, .fields = fields,    \
        .shape = softmax_shape,                                                                    \
    }

const fv_layer_type fv_layer_type_softmax = SOFTMAX_KIND("softmax", "torch.nn.Softmax");
const fv_layer_type fv_layer_type_log_softmax = SOFTMAX_KIND("log_softmax", "torch.nn.LogSoftmax");
