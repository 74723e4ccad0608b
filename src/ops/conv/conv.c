/*
 * conv.c - conv2d: shape rule and ops. torch.nn.Conv2d.
 *
 * form.c decides how it is computed; direct.c, winograd.c and linear.c compute it. Layer 2. Calls
 * the base and the kernels.
 */
#include "ops/conv/conv.h"

static const fv_op conv2d = {
    .flags = FV_KEEPS_X,
    .need = fv_conv_need,
    .pack = fv_conv_pack,
    .forward = fv_conv_forward,
    .backward = fv_conv_backward,
    .reduce_items = fv_conv_reduce_items,
    .reduce = fv_conv_reduce,
    .describe = fv_conv_describe,
};

bool fv_is_conv2d(const fv_def *def)
{
    return def->op == &conv2d || def->op == &fv_op_winograd;
}

/* ---- a kernel as large as its input: batch last a linear layer ------------------------------- */

static const fv_op *op_of(const fv_def *def, fv_layout layout)
{
    return def->form[layout].numbers.forward == FV_LINEAR ? &fv_op_linear : &conv2d;
}

static fv_need whole_need(const fv_def *def, fv_layout layout, int images)
{
    return op_of(def, layout)->need(def, layout, images);
}

static void whole_pack(const fv_kernels *k, const fv_def *def, fv_layout layout, int images,
                       const float *w, float *scratch, float *forward, float *backward)
{
    op_of(def, layout)->pack(k, def, layout, images, w, scratch, forward, backward);
}

static void whole_forward(const fv_call *r)
{
    op_of(r->def, r->layout)->forward(r);
}

static void whole_backward(const fv_call *r)
{
    op_of(r->def, r->layout)->backward(r);
}

static int whole_reduce_items(const fv_def *def, fv_layout layout)
{
    return op_of(def, layout)->reduce_items(def, layout);
}

static void whole_reduce(const fv_sums *s, int item)
{
    op_of(s->def, s->layout)->reduce(s, item);
}

static const fv_op conv2d_whole = {
    .flags = FV_REDUCES_DY | FV_KEEPS_X,
    .need = whole_need,
    .pack = whole_pack,
    .forward = whole_forward,
    .backward = whole_backward,
    .reduce_items = whole_reduce_items,
    .reduce = whole_reduce,
    .describe = fv_conv_describe,
};

/* ---- shape rule --------------------------------------------------------------------------- */

/* PyTorch's 'same': dilation*(kernel-1) zeros in all, the odd one below and to the right. */
static fv_status set_padding(fv_ctx *ctx, fv_def *def, int padding, fv_hw *total)
{
    fv_conv *v = &def->conv;
    if (padding != FV_SAME) {
        fv_hw pad = fv_hw_of(padding, 0);
        if (fv_check_hw(ctx, def, "padding", pad, 0))
            return fv_error(ctx);
        v->ph = pad.h, v->pw = pad.w;
        *total = (fv_hw){2 * pad.h, 2 * pad.w};
        return FV_OK;
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
                       def->name, v->R, v->S, v->dh, v->dw, v->H, v->W, def->producer, v->ph,
                       v->pw);
    v->P = (int)((rows - 1) / v->sh + 1);
    v->Q = (int)((cols - 1) / v->sw + 1);
    def->out = (fv_shape){v->O, v->P, v->Q};
    return FV_OK;
}

/* Padded by other modes than zeros, it is the convolution of the padded picture. */
static fv_status set_padding_mode(fv_ctx *ctx, fv_def *def, fv_padding_mode mode, fv_hw total)
{
    fv_conv *v = &def->conv;
    fv_hw before = {v->ph, v->pw}, after = {total.h - v->ph, total.w - v->pw};
    if (mode == FV_PADDING_ZEROS)
        return FV_OK;
    if (fv_pad_axes(ctx, def, mode, before, after))
        return fv_error(ctx);
    v->ph = v->pw = 0;
    v->H = def->rows.out, v->W = def->cols.out;
    return FV_OK;
}

static void set_forms(fv_def *def)
{
    fv_conv *v = &def->conv;
    for (fv_layout layout = FV_BATCH_LAST; layout < FV_LAYOUTS; layout++)
        def->form[layout] = fv_conv_form_of(def, layout);
    fv_conv_margins(v);
    if (def->form[FV_BATCH_LAST].numbers.forward == FV_F2X2_3X3)
        v->left = 0, v->right = v->Q % 2; /* whole tiles */
}

static fv_status conv2d_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_conv2d_args *a = args;
    fv_hw kernel = fv_hw_of(a->kernel_size, 0), stride = fv_hw_of(a->stride, 1);
    fv_hw dilation = fv_hw_of(a->dilation, 1), total = {0, 0};
    fv_conv *v = &def->conv;
    *v = (fv_conv){.C = def->in.c,
                   .H = def->in.h,
                   .W = def->in.w,
                   .O = a->out_channels,
                   .R = kernel.h,
                   .S = kernel.w,
                   .sh = stride.h,
                   .sw = stride.w,
                   .dh = dilation.h,
                   .dw = dilation.w,
                   .groups = a->groups ? a->groups : 1};
    if (fv_check_channels(ctx, def, v->O, a->in_channels, v->groups) ||
        fv_check_hw(ctx, def, "kernel_size", kernel, 1) ||
        fv_check_hw(ctx, def, "stride", stride, 1) ||
        fv_check_hw(ctx, def, "dilation", dilation, 1) ||
        set_padding(ctx, def, a->padding, &total) || set_output(ctx, def, total) ||
        set_padding_mode(ctx, def, a->padding_mode, total))
        return fv_error(ctx);
    const int64_t dims[] = {v->O, v->C / v->groups, v->R, v->S};
    fv_set_weight_and_bias(def, 4, dims, a->no_bias, v->O);
    if (fv_check_size(ctx, def))
        return fv_error(ctx);
    set_forms(def);
    def->op = fv_conv_covers_input(def)                                 ? &conv2d_whole
              : def->form[FV_BATCH_LAST].numbers.forward == FV_F2X2_3X3 ? &fv_op_winograd
                                                                        : &conv2d;
    def->macs = (int64_t)fv_weights(def) * v->P * v->Q;
    return FV_OK;
}

static const fv_arg fields[] = {
    FV_ARG(fv_conv2d_args, out_channels, FV_ARG_INT),
    FV_ARG(fv_conv2d_args, kernel_size, FV_ARG_SIZE, .range = {1, 32767, 0}),
    FV_ARG(fv_conv2d_args, stride, FV_ARG_SIZE, .range = {1, 32767, 0}),
    FV_ARG(fv_conv2d_args, padding, FV_ARG_SIZE, .words = "valid same"),
    FV_ARG(fv_conv2d_args, dilation, FV_ARG_SIZE, .range = {1, 32767, 0}),
    FV_ARG(fv_conv2d_args, groups, FV_ARG_INT, .initial = {1, {1}}),
    FV_ARG(fv_conv2d_args, no_bias, FV_ARG_FLAG),
    FV_ARG(fv_conv2d_args, padding_mode, FV_ARG_WORD, .words = "zeros reflect replicate circular"),
    FV_ARG(fv_conv2d_args, in_channels, FV_ARG_INT, .range = FV_FROM_1),
    {0},
};

FV_LAYER_TYPE(conv2d, fv_conv2d_args, "torch.nn.Conv2d", .alias = "conv", .inputs = 1, .places = 2,
              .fields = fields, .shape = conv2d_shape);
