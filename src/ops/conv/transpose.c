/*
 * transpose.c - conv_transpose2d: shape rule, forward, backward. torch.nn.ConvTranspose2d.
 *
 * x [C][H][W]   w [C][O/groups][R][S]   b [O]   y [O][P][Q], for the images of a block.
 * It is the transpose of the convolution from y's shape to x's: its forward is the input gradient of
 * that convolution, and its input gradient the forward. So def->conv describes that convolution: C, H,
 * W are those of y, and O, P, Q those of x. Layer 2. Calls the base and the kernels.
 */
#include "ops/conv/conv.h"

#include <stdio.h>
#include <string.h>

static fv_packing packing_back(const fv_conv_form *f)
{
    return f->numbers.inputs == FV_DX_F2X2_5X5 ? FV_PACK_F2X2_5X5 : FV_PACK_FORWARD;
}

/* Scratch: x with zeros beside its rows, as the convolution's dy, and dy with padding, as its x. */
static fv_need transpose_need(const fv_def *def, fv_layout layout, int images)
{
    const fv_conv *v = &def->conv;
    fv_need need = fv_conv_need(def, layout, images);
    need.scratch = fv_conv_padded_floats(v, layout) + fv_conv_dy_floats(v, layout) + 2 * FV_LANES;
    need.packed = fv_conv_packed(v, packing_back(&def->form[layout]));
    return need;
}

static void transpose_pack(const fv_kernels *k, const fv_def *def, fv_layout layout, int images,
                           const float *w, float *scratch, float *forward, float *backward)
{
    (void)images, (void)scratch;
    k->conv[layout].pack(&def->conv, FV_PACK_INPUT, w, forward);
    if (backward)
        k->conv[layout].pack(&def->conv, packing_back(&def->form[layout]), w, backward);
}

/* x of a slice as the convolution's output gradient. */
static void spread_input(const fv_call *r, int slice, float *xp)
{
    const fv_conv *v = &r->def->conv;
    r->k->pad_gradient(v, fv_planes(r->layout, v->O), fv_width(r->layout, v->O),
                       r->x + slice * fv_slice_floats(r->layout, fv_shape_count(r->def->in)), xp);
}

static void add_bias(const fv_call *r, float *y)
{
    int O = r->def->out.c, width = fv_width(r->layout, O), area = r->def->out.h * r->def->out.w;
    for (int i = 0; i < area * fv_planes(r->layout, O); i++, y += width)
        for (int c = 0; c < width; c++)
            y[c] += r->b[r->layout == FV_BATCH_LAST ? i / area : c];
}

static void transpose_forward(const fv_call *r)
{
    size_t out = fv_slice_floats(r->layout, fv_shape_count(r->def->out));
    for (int i = 0; i < r->slices; i++) {
        spread_input(r, i, r->scratch);
        r->k->conv[r->layout].backward_input(&r->def->conv, r->scratch, r->packed, r->y + i * out);
        if (r->b)
            add_bias(r, r->y + i * out);
    }
}

/* db [O], or [O][L] batch last, += dy over rows and columns. */
static void sum_bias(const fv_call *r, const float *dy, float *db, bool first)
{
    int O = r->def->out.c, width = fv_width(r->layout, O), area = r->def->out.h * r->def->out.w;
    if (first)
        memset(db, 0, fv_slice_floats(r->layout, O) * sizeof *db);
    for (int i = 0; i < area * fv_planes(r->layout, O); i++, dy += width) {
        float *sum = db + (r->layout == FV_BATCH_LAST ? i / area * FV_LANES : 0);
        for (int c = 0; c < width; c++)
            sum[c] += dy[c];
    }
}

/* dy of a slice as the convolution's input: itself, or padded at `to`. */
static const float *padded_gradient(const fv_call *r, const float *dy, float *to)
{
    const fv_conv *v = &r->def->conv;
    if (fv_conv_is_padded(v))
        return dy;
    r->k->pad(fv_planes(r->layout, v->C), fv_width(r->layout, v->C), v->H, v->W, dy,
              fv_conv_rows(v), fv_conv_cols(v), v->ph, v->pw, to);
    return to;
}

static void transpose_backward(const fv_call *r)
{
    const fv_sum sum = fv_form(r)->numbers.inputs == FV_DX_F2X2_5X5 ? FV_F2X2_5X5 : FV_DIRECT;
    const fv_conv *v = &r->def->conv;
    const fv_conv_kernels *conv = &r->k->conv[r->layout];
    size_t in = fv_slice_floats(r->layout, fv_shape_count(r->def->in));
    size_t out = fv_slice_floats(r->layout, fv_shape_count(r->def->out));
    float *xp = r->scratch, *to = xp + fv_conv_dy_floats(v, r->layout) + FV_LANES;
    for (int i = 0; i < r->slices; i++) {
        const float *dy = r->dy + i * out, *dyp = padded_gradient(r, dy, to);
        bool first = r->first && i == 0;
        spread_input(r, i, xp);
        conv->backward_weight(v, 1, dyp, 0, xp, 0, 0, v->P, r->partial, NULL, first);
        if (r->b)
            sum_bias(r, dy, fv_conv_db(r), first);
        if (r->dx)
            conv->forward[sum](v, dyp, r->packed, NULL, r->dx + i * in, 0, v->P);
    }
}

static void transpose_describe(const fv_def *def, char text[32])
{
    const fv_conv_transpose2d_args *a = def->args;
    fv_hw more = fv_hw_of(a->output_padding, 0);
    fv_conv_describe(def, text);
    fv_describe_pair(text, "o", more.h, more.w, 0);
}

static const fv_op conv_transpose2d = {
    .flags = FV_KEEPS_X,
    .need = transpose_need,
    .pack = transpose_pack,
    .forward = transpose_forward,
    .backward = transpose_backward,
    .reduce_items = fv_conv_reduce_items,
    .reduce = fv_conv_reduce,
    .describe = transpose_describe,
};

/* ---- shape rule --------------------------------------------------------------------------- */

/* Padding crops the output, output_padding adds rows below and columns to the right, fewer than one
   step of the convolution. */
static fv_status set_output(fv_ctx *ctx, fv_def *def, fv_hw more)
{
    fv_conv *v = &def->conv;
    if (fv_check_hw(ctx, def, "output_padding", more, 0))
        return fv_error(ctx);
    if ((more.h >= v->sh && more.h >= v->dh) || (more.w >= v->sw && more.w >= v->dw))
        return fv_fail(ctx, FV_E_ARG,
                       "layer \"%s\": output_padding %d x %d must be less than the stride %d x %d "
                       "or the dilation %d x %d\n"
                       "help: it chooses among the sizes that a convolution makes the input's size",
                       def->name, more.h, more.w, v->sh, v->sw, v->dh, v->dw);
    int64_t h = (int64_t)(v->P - 1) * v->sh - 2 * v->ph + (int64_t)v->dh * (v->R - 1) + more.h + 1;
    int64_t w = (int64_t)(v->Q - 1) * v->sw - 2 * v->pw + (int64_t)v->dw * (v->S - 1) + more.w + 1;
    if (h < 1 || w < 1)
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": padding %d x %d leaves an output of %lld x %lld; it must be "
                       "1 or more each way\n"
                       "help: less padding, or a larger kernel",
                       def->name, v->ph, v->pw, (long long)h, (long long)w);
    v->H = fv_clamp_size(h), v->W = fv_clamp_size(w);
    def->out = (fv_shape){v->C, v->H, v->W};
    return FV_OK;
}

static fv_status conv_transpose2d_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_conv_transpose2d_args *a = args;
    fv_hw kernel = fv_hw_of(a->kernel_size, 0), stride = fv_hw_of(a->stride, 1);
    fv_hw dilation = fv_hw_of(a->dilation, 1), padding = fv_hw_of(a->padding, 0);
    fv_conv *v = &def->conv;
    *v = (fv_conv){.C = a->out_channels,
                   .O = def->in.c,
                   .P = def->in.h,
                   .Q = def->in.w,
                   .R = kernel.h,
                   .S = kernel.w,
                   .sh = stride.h,
                   .sw = stride.w,
                   .ph = padding.h,
                   .pw = padding.w,
                   .dh = dilation.h,
                   .dw = dilation.w,
                   .groups = a->groups ? a->groups : 1};
    if (fv_check_channels(ctx, def, v->C, a->in_channels, v->groups) ||
        fv_check_hw(ctx, def, "kernel_size", kernel, 1) ||
        fv_check_hw(ctx, def, "stride", stride, 1) ||
        fv_check_hw(ctx, def, "dilation", dilation, 1) ||
        fv_check_hw(ctx, def, "padding", padding, 0) ||
        set_output(ctx, def, fv_hw_of(a->output_padding, 0)))
        return fv_error(ctx);
    int Og = v->C / v->groups;
    def->op = &conv_transpose2d;
    def->form[FV_BATCH_LAST] = def->form[FV_CHANNELS_LAST] = fv_conv_transpose_form_of(def);
    fv_conv_margins(v);
    const int64_t dims[] = {v->O, Og, v->R, v->S};
    fv_set_weight_and_bias(def, 4, dims, a->no_bias, v->C);
    if (fv_check_size(ctx, def))
        return fv_error(ctx);
    def->macs = (int64_t)fv_weights(def) * v->P * v->Q;
    return FV_OK;
}

static const fv_arg fields[] = {
    FV_ARG(fv_conv_transpose2d_args, out_channels, FV_ARG_INT),
    FV_ARG(fv_conv_transpose2d_args, kernel_size, FV_ARG_SIZE, .range = {1, 32767, 0}),
    FV_ARG(fv_conv_transpose2d_args, stride, FV_ARG_SIZE, .range = {1, 32767, 0}),
    FV_ARG(fv_conv_transpose2d_args, padding, FV_ARG_SIZE),
    FV_ARG(fv_conv_transpose2d_args, output_padding, FV_ARG_SIZE),
    FV_ARG(fv_conv_transpose2d_args, dilation, FV_ARG_SIZE, .range = {1, 32767, 0}),
    FV_ARG(fv_conv_transpose2d_args, groups, FV_ARG_INT, .initial = {1, {1}}),
    FV_ARG(fv_conv_transpose2d_args, no_bias, FV_ARG_FLAG),
    FV_ARG(fv_conv_transpose2d_args, in_channels, FV_ARG_INT, .range = FV_FROM_1),
    {0},
};

FV_LAYER_TYPE(conv_transpose2d, fv_conv_transpose2d_args, "torch.nn.ConvTranspose2d",
              .alias = "conv_transpose", .inputs = 1, .places = 2, .fields = fields,
              .shape = conv_transpose2d_shape);
