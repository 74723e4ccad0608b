/*
 * conv.c - conv2d: shape rule, forward, backward.
 *
 * x [C][H][W]   w [O][C/groups][R][S]   b [O]   y [O][P][Q], each for FV_LANES images at once.
 * A convolution whose kernel covers its whole input, so that P = Q = 1, is a linear layer and runs
 * as one. torch.nn.Conv2d. Layer 2. Calls the base and the kernels.
 */
#include "ops/op.h"

/* Floats for x with its padding, and beside it dy with its edges. */
size_t fv_conv_scratch(const fv_conv *v)
{
    size_t x = (size_t)v->C * fv_conv_rows(v) * fv_conv_cols(v);
    size_t dy = (size_t)v->O * v->P * (v->Q + 2 * FV_EDGE);
    return (x + dy) * FV_LANES;
}

static fv_need conv_need(const fv_def *def)
{
    return (fv_need){.scratch = fv_conv_scratch(&def->conv),
                     .part = (def->weights + def->biases) * FV_LANES};
}

const float *fv_conv_padded(const fv_run *r)
{
    const fv_conv *v = &r->def->conv;
    if (fv_conv_is_padded(v))
        return r->x;
    r->k->pad(v->C, v->H, v->W, r->x, fv_conv_rows(v), fv_conv_cols(v), v->ph, v->pw, r->scratch);
    return r->scratch;
}

static void conv_forward(const fv_run *r)
{
    const fv_conv *v = &r->def->conv;
    r->k->conv_forward(v, fv_conv_padded(r), r->w, r->b, r->y, 0, v->P);
}

void fv_conv_run_backward(const fv_run *r, const float *dy)
{
    const fv_conv *v = &r->def->conv;
    float *db = r->b ? r->part + r->def->weights * FV_LANES : NULL;
    r->k->conv_backward_weight(v, fv_conv_padded(r), dy, r->part, db, r->first);
    if (!r->dx)
        return;
    float *dyp = r->scratch + (size_t)v->C * fv_conv_rows(v) * fv_conv_cols(v) * FV_LANES;
    r->k->pad(v->O, v->P, v->Q, dy, v->P, v->Q + 2 * FV_EDGE, 0, FV_EDGE, dyp);
    r->k->conv_backward_input(v, dyp, r->w, r->dx);
}

static void conv_backward(const fv_run *r)
{
    fv_conv_run_backward(r, r->dy);
}

enum { SUMS_PER_ITEM = 1024 };

int fv_conv_reduce_items(const fv_def *def)
{
    return (int)((def->weights + SUMS_PER_ITEM - 1) / SUMS_PER_ITEM) + (def->biases > 0);
}

void fv_conv_reduce(const fv_sums *s, int item)
{
    const fv_def *def = s->def;
    size_t from = (size_t)item * SUMS_PER_ITEM, step = (def->weights + def->biases) * FV_LANES;
    if (from >= def->weights) {
        s->k->sum_lanes(def->biases, s->chunks, s->part + def->weights * FV_LANES, step, s->db);
        return;
    }
    size_t n = def->weights - from < SUMS_PER_ITEM ? def->weights - from : SUMS_PER_ITEM;
    s->k->sum_lanes(n, s->chunks, s->part + from * FV_LANES, step, s->dw + from);
}

static const fv_op conv2d = {
    .kind = "conv2d",
    .flags = FV_KEEPS_X,
    .need = conv_need,
    .forward = conv_forward,
    .backward = conv_backward,
    .reduce_items = fv_conv_reduce_items,
    .reduce = fv_conv_reduce,
};

bool fv_is_conv2d(const fv_def *def)
{
    return def->op == &conv2d;
}

static const fv_op conv2d_whole = {
    .kind = "conv2d",
    .flags = FV_REDUCES_DY | FV_KEEPS_X,
    .need = fv_linear_need,
    .forward = fv_linear_run_forward,
    .backward = fv_linear_run_backward,
    .reduce_items = fv_linear_reduce_items,
    .reduce = fv_linear_reduce,
};

/* ---- shape rule --------------------------------------------------------------------------- */

static fv_status check_channels(fv_ctx *ctx, const fv_def *def, const fv_conv2d_args *a)
{
    int C = def->in.c, groups = def->conv.groups;
    if (a->out_channels < 1 || groups < 1)
        return fv_fail(ctx, FV_E_ARG,
                       "layer \"%s\": out_channels is %d and groups %d; both must be 1 or more",
                       def->name, a->out_channels, groups);
    if (a->in_channels != 0 && a->in_channels != C)
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": expects %d input channels but \"%s\" gives %d ([N,%d,%d,%d])\n"
                       "help: set in_channels to %d, or leave it out",
                       def->name, a->in_channels, def->giver, C, C, def->in.h, def->in.w, C);
    if (C % groups || a->out_channels % groups)
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": %d groups must divide the %d input channels (from \"%s\") "
                       "and the %d output channels\n"
                       "help: groups 1, or channels that are multiples of %d",
                       def->name, groups, C, def->giver, a->out_channels, groups);
    return FV_OK;
}

/* PyTorch's 'same': dilation*(kernel-1) zeros in all, the odd one below and to the right. */
static fv_status set_padding(fv_ctx *ctx, fv_def *def, int padding, fv_hw *total)
{
    fv_conv *v = &def->conv;
    if (padding != FV_SAME) {
        fv_hw pad = fv_hw_of(padding, 0);
        v->ph = pad.h, v->pw = pad.w;
        *total = (fv_hw){2 * pad.h, 2 * pad.w};
        return fv_check_hw(ctx, def, "padding", pad, 0);
    }
    if (v->sh != 1 || v->sw != 1)
        return fv_fail(ctx, FV_E_ARG,
                       "layer \"%s\": padding FV_SAME keeps the size only with stride 1, but the "
                       "stride is %d x %d\nhelp: give the padding in numbers",
                       def->name, v->sh, v->sw);
    *total = (fv_hw){v->dh * (v->R - 1), v->dw * (v->S - 1)};
    v->ph = total->h / 2, v->pw = total->w / 2;
    return FV_OK;
}

static fv_status set_output(fv_ctx *ctx, fv_def *def, fv_hw total)
{
    fv_conv *v = &def->conv;
    int64_t rows = (int64_t)v->H + total.h - (int64_t)v->dh * (v->R - 1);
    int64_t cols = (int64_t)v->W + total.w - (int64_t)v->dw * (v->S - 1);
    if (rows < 1 || cols < 1)
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": a %d x %d kernel (dilation %d x %d) does not fit into the "
                       "%d x %d picture that \"%s\" gives, with padding %d x %d\n"
                       "help: a smaller kernel, or more padding",
                       def->name, v->R, v->S, v->dh, v->dw, v->H, v->W, def->giver,
                       v->ph, v->pw);
    v->P = (int)((rows - 1) / v->sh + 1);
    v->Q = (int)((cols - 1) / v->sw + 1);
    def->out = (fv_shape){v->O, v->P, v->Q};
    return FV_OK;
}

static bool covers_input(const fv_conv *v)
{
    return v->R == v->H && v->S == v->W && v->ph == 0 && v->pw == 0 && v->P == 1 && v->Q == 1 &&
           v->groups == 1;
}

fv_status fv_conv2d_shape(fv_ctx *ctx, fv_def *def, const fv_conv2d_args *a)
{
    fv_hw kernel = fv_hw_of(a->kernel_size, 0), stride = fv_hw_of(a->stride, 1);
    fv_hw dilation = fv_hw_of(a->dilation, 1), total = {0, 0};
    fv_conv *v = &def->conv;
    *v = (fv_conv){.C = def->in.c, .H = def->in.h, .W = def->in.w, .O = a->out_channels,
                   .R = kernel.h, .S = kernel.w, .sh = stride.h, .sw = stride.w,
                   .dh = dilation.h, .dw = dilation.w, .groups = a->groups ? a->groups : 1};
    if (check_channels(ctx, def, a) || fv_check_hw(ctx, def, "kernel_size", kernel, 1) ||
        fv_check_hw(ctx, def, "stride", stride, 1) ||
        fv_check_hw(ctx, def, "dilation", dilation, 1) ||
        set_padding(ctx, def, a->padding, &total) || set_output(ctx, def, total))
        return fv_error(ctx);
    int Cg = v->C / v->groups;
    def->op = covers_input(v) ? &conv2d_whole : &conv2d;
    def->weight_ndim = 4;
    def->weight_dims[0] = v->O, def->weight_dims[1] = Cg;
    def->weight_dims[2] = v->R, def->weight_dims[3] = v->S;
    if (fv_check_size(ctx, def))
        return fv_error(ctx);
    def->fan_in = Cg * v->R * v->S;
    def->weights = (size_t)v->O * def->fan_in;
    def->biases = a->no_bias ? 0 : v->O;
    def->macs = (int64_t)def->weights * v->P * v->Q;
    return FV_OK;
}
