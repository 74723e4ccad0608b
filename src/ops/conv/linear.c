/*
 * linear.c - linear: shape rule, forward, backward.
 *
 * x [K]   w [O][K]   b [O]   y [O], for the images of a block. torch.nn.Linear.
 * Forward and the input's gradient are a 1 x 1 convolution: batch last of one pixel, channels last
 * of a column of pixels, the images. Layer 2. Calls the base and the kernels.
 */
#include "ops/conv/conv.h"

static int features_of(const fv_def *def)
{
    return (int)fv_shape_count(def->in);
}

static fv_conv as_conv(const fv_def *def, fv_layout layout, int images)
{
    int rows = layout == FV_BATCH_LAST ? 1 : images;
    fv_conv v = {.C = features_of(def), .O = def->out.c, .groups = 1};
    v.H = v.P = rows;
    v.W = v.Q = v.R = v.S = v.sh = v.sw = v.dh = v.dw = 1;
    return v;
}

/* Saved, batch last: x transposed to [L][Kp], rows of images, for the weight gradients. */
static fv_need linear_need(const fv_def *def, fv_layout layout, int images)
{
    const fv_conv v = as_conv(def, layout, images);
    bool batch = layout == FV_BATCH_LAST;
    return (fv_need){.saved = batch ? FV_LANES * fv_round_up(features_of(def)) : 0,
                     .partial = batch ? 0 : fv_round_up(fv_weights(def) + fv_biases(def)),
                     .packed = batch ? 0 : fv_conv_packed(&v, FV_PACK_FORWARD)};
}

static void linear_pack(const fv_kernels *k, const fv_def *def, fv_layout layout, int images,
                        const float *w, float *scratch, float *forward, float *backward)
{
    (void)scratch;
    if (layout == FV_BATCH_LAST)
        return; /* w is read unpacked */
    const fv_conv v = as_conv(def, layout, images);
    k->conv[layout].pack(&v, FV_PACK_FORWARD, w, forward);
    if (backward)
        k->conv[layout].pack(&v, FV_PACK_INPUT, w, backward);
}

static const float *packed_of(const fv_call *r)
{
    return r->layout == FV_BATCH_LAST ? r->w : r->packed;
}

static void linear_forward(const fv_call *r)
{
    const fv_conv v = as_conv(r->def, r->layout, r->block_images);
    r->k->conv[r->layout].forward[FV_DIRECT](&v, r->x, packed_of(r), r->b, r->y, 0, r->slices);
}

static void linear_backward(const fv_call *r)
{
    const fv_conv v = as_conv(r->def, r->layout, r->block_images);
    const fv_conv_kernels *conv = &r->k->conv[r->layout];
    if (r->layout == FV_BATCH_LAST)
        r->k->transpose_lanes(v.C, r->x, r->saved);
    else
        conv->backward_weight(&v, 1, r->x, 0, r->dy, 0, 0, r->slices, r->partial, fv_conv_db(r),
                              r->first);
    if (r->dx)
        conv->backward_input(&v, r->dy, packed_of(r), r->dx);
}

/* Whole tiles, of 8 rows. */
static int rows_of_item(const fv_def *def)
{
    return (fv_rows_of_item((size_t)features_of(def)) + 7) / 8 * 8;
}

static int linear_reduce_items(const fv_def *def, fv_layout layout)
{
    const int rows = rows_of_item(def);
    return layout == FV_BATCH_LAST ? (def->out.c + rows - 1) / rows
                                   : fv_conv_reduce_items(def, layout);
}

static void linear_reduce(const fv_sums *s, int item)
{
    if (s->layout == FV_CHANNELS_LAST) {
        fv_conv_reduce(s, item);
        return;
    }
    const int O = s->def->out.c, rows = rows_of_item(s->def), from = item * rows;
    const int to = from + rows < O ? from + rows : O;
    s->k->linear_backward_weight(features_of(s->def), s->blocks, s->dy, s->step, s->saved, s->step,
                                 s->grads[FV_WEIGHT], from, to);
    if (s->grads[FV_BIAS])
        s->k->sum_lanes(to - from, s->blocks, s->dy + (size_t)from * FV_LANES, s->step,
                        s->grads[FV_BIAS] + from);
}

const fv_op fv_op_linear = {
    .flags = FV_REDUCES_DY | FV_KEEPS_X,
    .need = linear_need,
    .pack = linear_pack,
    .forward = linear_forward,
    .backward = linear_backward,
    .reduce_items = linear_reduce_items,
    .reduce = linear_reduce,
};

static fv_status linear_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_linear_args *a = args;
    fv_shape in = def->in;
    if (a->out_features < 1)
        return fv_fail(ctx, FV_E_ARG, "layer \"%s\": out_features is %d, but must be 1 or more",
                       def->name, a->out_features);
    if (in.h != 1 || in.w != 1)
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": a linear layer takes [N,K], but \"%s\" gives [N,%d,%d,%d]\n"
                       "help: x = fv_flatten(x) before it",
                       def->name, def->producer, in.c, in.h, in.w);
    if (a->in_features != 0 && a->in_features != in.c)
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": expects %d input features but \"%s\" gives %d\n"
                       "help: set in_features to %d, or leave it out",
                       def->name, a->in_features, def->producer, in.c, in.c);
    def->op = &fv_op_linear;
    def->out = (fv_shape){a->out_features, 1, 1};
    def->conv = (fv_conv){.C = in.c, .O = a->out_features, .R = 1, .S = 1, .groups = 1};
    const int64_t dims[] = {a->out_features, in.c};
    fv_set_weight_and_bias(def, 2, dims, a->no_bias, a->out_features);
    if (fv_check_size(ctx, def))
        return fv_error(ctx);
    def->macs = (int64_t)fv_weights(def);
    return FV_OK;
}

static const fv_arg fields[] = {
    FV_ARG(fv_linear_args, out_features, FV_ARG_INT),
    FV_ARG(fv_linear_args, no_bias, FV_ARG_FLAG),
    FV_ARG(fv_linear_args, in_features, FV_ARG_INT, .range = FV_FROM_1),
    {0},
};

FV_LAYER_TYPE(linear, fv_linear_args, "torch.nn.Linear", .inputs = 1, .places = 1, .fields = fields,
              .shape = linear_shape);
