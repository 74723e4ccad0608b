/*
 * activation.c - relu and log_softmax: any shape in, the same shape out.
 *
 * torch.nn.ReLU, torch.nn.LogSoftmax(dim=1). Layer 2. Calls the kernels.
 */
#include "ops/op.h"

static void relu_forward(const fv_run *r)
{
    r->k->relu_forward(fv_turn(r->layout, fv_shape_count(r->def->out)) * r->turns, r->x, r->y);
}

static void relu_backward(const fv_run *r)
{
    if (r->dx)
        r->k->relu_backward(fv_turn(r->layout, fv_shape_count(r->def->out)) * r->turns, r->y, r->dy,
                            r->dx);
}

static const fv_op relu = {
    .kind = "relu",
    .flags = FV_KEEPS_Y | FV_IN_PLACE,
    .forward = relu_forward,
    .backward = relu_backward,
};

bool fv_is_relu(const fv_def *def)
{
    return def->op == &relu;
}

static fv_status relu_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    (void)args;
    def->op = &relu;
    def->out = def->in;
    return fv_error(ctx);
}

const fv_kind fv_kind_relu = {
    .name = "relu",
    .torch = "torch.nn.ReLU",
    .size = sizeof(fv_unary_args),
    .name_offset = offsetof(fv_unary_args, name),
    .inputs = 1,
    .places = 0,
    .fields = fv_no_fields,
    .shape = relu_shape,
};

static void log_softmax_forward(const fv_run *r)
{
    int C = r->def->out.c, area = r->def->out.h * r->def->out.w;
    if (r->layout == FV_BATCH_LAST)
        r->k->log_softmax_forward(C, area, r->x, r->y);
    else
        r->k->log_softmax_rows_forward(C, area * r->turns, r->x, r->y);
}

static void log_softmax_backward(const fv_run *r)
{
    int C = r->def->out.c, area = r->def->out.h * r->def->out.w;
    if (r->dx && r->layout == FV_BATCH_LAST)
        r->k->log_softmax_backward(C, area, r->y, r->dy, r->dx);
    else if (r->dx)
        r->k->log_softmax_rows_backward(C, area * r->turns, r->y, r->dy, r->dx);
}

static const fv_op log_softmax = {
    .kind = "log_softmax",
    .flags = FV_KEEPS_Y,
    .forward = log_softmax_forward,
    .backward = log_softmax_backward,
};

static fv_status log_softmax_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    (void)args;
    def->op = &log_softmax;
    def->out = def->in;
    return fv_error(ctx);
}

const fv_kind fv_kind_log_softmax = {
    .name = "log_softmax",
    .torch = "torch.nn.LogSoftmax",
    .size = sizeof(fv_unary_args),
    .name_offset = offsetof(fv_unary_args, name),
    .inputs = 1,
    .places = 0,
    .fields = fv_no_fields,
    .shape = log_softmax_shape,
};
