/*
 * activation.c - relu and the other activations, elementwise.
 *
 * An activation is a pair of kernels: y from x, and dx from dy and y if y is enough, so that x
 * may be overwritten. torch.nn.ReLU and the pages named below. Layer 2. Calls the base and the
 * kernels.
 */
#include "ops/op.h"

static void relu_forward(const fv_call *r)
{
    r->k->relu_forward(fv_slice_floats(r->layout, fv_shape_count(r->def->out)) * r->slices, r->x,
                       r->y);
}

static void relu_backward(const fv_call *r)
{
    if (r->dx)
        r->k->relu_backward(fv_slice_floats(r->layout, fv_shape_count(r->def->out)) * r->slices,
                            r->y, r->dy, r->dx);
}

static const fv_op relu = {
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

FV_LAYER_TYPE(relu, fv_unary_args, "torch.nn.ReLU", .inputs = 1, .fields = fv_no_fields,
              .shape = relu_shape);

/* ---- activations --------------------------------------------------------------------------- */

static void curve_forward(const fv_call *r)
{
    const fv_def *def = r->def;
    r->k->acts[def->act].forward(fv_slice_floats(r->layout, fv_shape_count(def->out)) * r->slices,
                                 (float)def->number, (float)def->number2, r->x, r->y);
}

static void curve_backward(const fv_call *r)
{
    const fv_def *def = r->def;
    if (r->dx)
        r->k->acts[def->act].backward(
            fv_slice_floats(r->layout, fv_shape_count(def->out)) * r->slices, (float)def->number,
            (float)def->number2, def->act < FV_ACT_BY_Y ? r->y : r->x, r->dy, r->dx);
}

#define CURVE(keeps)                                                                               \
    {                                                                                              \
        .flags = (keeps) | FV_IN_PLACE, .forward = curve_forward, .backward = curve_backward,      \
    }

static const fv_op by_y = CURVE(FV_KEEPS_Y), by_x = CURVE(FV_KEEPS_X);

static fv_status set_curve(fv_def *def, fv_act act, double a, double b)
{
    def->op = act < FV_ACT_BY_Y ? &by_y : &by_x;
    def->act = act;
    def->number = a;
    def->number2 = b;
    def->out = def->in;
    return FV_OK;
}

static fv_status curve_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    (void)ctx, (void)args;
    return set_curve(def, def->kind->act, 0, 0);
}

static fv_status gelu_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_gelu_args *a = args;
    if (a->approximate != FV_APPROXIMATE_NONE && a->approximate != FV_APPROXIMATE_TANH)
        return fv_fail(ctx, FV_E_ARG,
                       "layer \"%s\": approximate is %d, but must be FV_APPROXIMATE_NONE or "
                       "FV_APPROXIMATE_TANH",
                       def->name, (int)a->approximate);
    return set_curve(def, a->approximate ? FV_ACT_GELU_TANH : FV_ACT_GELU, 0, 0);
}

/* Backward uses y, whose sign must be that of x. */
static fv_status leaky_relu_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    (void)ctx;
    return set_curve(def, FV_ACT_LEAKY_RELU, ((const fv_leaky_relu_args *)args)->negative_slope, 0);
}

static fv_status elu_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    (void)ctx;
    return set_curve(def, FV_ACT_ELU, ((const fv_elu_args *)args)->alpha, 0);
}

static fv_status softplus_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    (void)ctx;
    const fv_softplus_args *a = args;
    return set_curve(def, FV_ACT_SOFTPLUS, a->beta, a->threshold);
}

static const fv_arg leaky_relu_fields[] = {
    FV_ARG(fv_leaky_relu_args, negative_slope, FV_ARG_NUMBER, .range = FV_POSITIVE,
           .initial = {1, {0.01}}),
    {0},
};

static const fv_arg elu_fields[] = {
    FV_ARG(fv_elu_args, alpha, FV_ARG_NUMBER, .range = FV_POSITIVE, .initial = {1, {1}}),
    {0},
};

static const fv_arg gelu_fields[] = {
    FV_ARG(fv_gelu_args, approximate, FV_ARG_WORD, .words = "none tanh"),
    {0},
};

static const fv_arg softplus_fields[] = {
    FV_ARG(fv_softplus_args, beta, FV_ARG_NUMBER, .range = FV_POSITIVE, .initial = {1, {1}}),
    FV_ARG(fv_softplus_args, threshold, FV_ARG_NUMBER, .range = FV_POSITIVE, .initial = {1, {20}}),
    {0},
};

#define ACTIVATION(name, its_torch, its_act)                                                       \
    FV_LAYER_TYPE(name, fv_unary_args, its_torch, .inputs = 1, .fields = fv_no_fields,             \
                  .act = its_act, .shape = curve_shape)
#define NUMBERED(name, its_torch, its_places)                                                      \
    FV_LAYER_TYPE(name, fv_##name##_args, its_torch, .inputs = 1, .places = its_places,            \
                  .fields = name##_fields, .shape = name##_shape)

NUMBERED(leaky_relu, "torch.nn.LeakyReLU", 1);
NUMBERED(elu, "torch.nn.ELU", 1);
NUMBERED(gelu, "torch.nn.GELU", 1);
NUMBERED(softplus, "torch.nn.Softplus", 2);
ACTIVATION(relu6, "torch.nn.ReLU6", FV_ACT_RELU6);
ACTIVATION(sigmoid, "torch.nn.Sigmoid", FV_ACT_SIGMOID);
ACTIVATION(tanh, "torch.nn.Tanh", FV_ACT_TANH);
ACTIVATION(hardsigmoid, "torch.nn.Hardsigmoid", FV_ACT_HARDSIGMOID);
ACTIVATION(silu, "torch.nn.SiLU", FV_ACT_SILU);
ACTIVATION(hardswish, "torch.nn.Hardswish", FV_ACT_HARDSWISH);
ACTIVATION(mish, "torch.nn.Mish", FV_ACT_MISH);

const fv_op fv_op_relu_done = {.flags = FV_VIEW};
