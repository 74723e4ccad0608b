/*
 * conv.c - conv2d: shape rule, forward, backward.
 *
 * x [C][H][W]   w [O][C/groups][R][S]   b [O]   y [O][P][Q], for the images of a block.
 * A convolution whose kernel covers its whole input, so that P = Q = 1, is a linear layer, and
 * runs as one where flattening its input costs nothing: batch last. One that pads by other modes
 * than zeros is the convolution of the padded picture, which lives in scratch alone.
 * torch.nn.Conv2d. Layer 2. Calls the base and the kernels.
 */
#include "ops/op.h"

#include <stdio.h>
#include <string.h>

size_t fv_conv_padded_floats(const fv_conv *v, fv_layout layout)
{
    return fv_slice_floats(layout, (size_t)v->C * fv_conv_rows(v) * fv_conv_cols(v));
}

size_t fv_conv_gradient_floats(const fv_conv *v, fv_layout layout)
{
    return fv_slice_floats(layout, (size_t)v->O * v->P * fv_conv_dy_cols(v));
}

/* How many turns backward takes at once: weight gradients gain from more images where they are
   small, and small ones fit in a megabyte. */
static int group_of(const fv_conv *v, fv_layout layout, int slices)
{
    size_t slice = fv_conv_padded_floats(v, layout) + fv_conv_gradient_floats(v, layout);
    size_t most = (1 << 18) / slice;
    return most < 1 ? 1 : most < (size_t)slices ? (int)most : slices;
}

fv_need fv_conv_need(const fv_def *def, fv_layout layout, int images)
{
    const fv_conv *v = &def->conv;
    int group = layout == FV_BATCH_LAST ? 1 : group_of(v, layout, images);
    size_t slice = fv_conv_padded_floats(v, layout) + fv_conv_gradient_floats(v, layout);
    size_t params = def->weights + def->biases;
    return (fv_need){.scratch = group * slice + 2 * FV_LANES + fv_resample_work(def),
                     .partial = fv_round_up(fv_slice_floats(layout, params)),
                     .packed = fv_conv_packed(v)};
}

void fv_conv_pack(const fv_kernels *k, const fv_def *def, fv_layout layout, int images,
                  const float *w, float *scratch, float *forward, float *backward)
{
    (void)images, (void)scratch;
    k->conv[layout].pack(&def->conv, false, w, forward);
    if (backward)
        k->conv[layout].pack(&def->conv, true, w, backward);
}

const float *fv_conv_padded(const fv_call *r, const fv_conv *v, int slice, float *to)
{
    const float *x = r->x + slice * fv_slice_floats(r->layout, fv_shape_count(r->def->in));
    if (r->def->padding_mode != FV_PADDING_ZEROS) {
        fv_resample_forward(r, x, to, to + fv_conv_padded_floats(v, r->layout));
        return to;
    }
    if (fv_conv_is_padded(v))
        return x;
    r->k->pad(fv_planes(r->layout, v->C), fv_width(r->layout, v->C), v->H, v->W, x, fv_conv_rows(v),
              fv_conv_cols(v), v->ph, v->pw, to);
    return to;
}

static void conv_forward(const fv_call *r)
{
    const fv_conv *v = &r->def->conv;
    size_t out = fv_slice_floats(r->layout, fv_shape_count(r->def->out));
    for (int i = 0; i < r->slices; i++)
        r->k->conv[r->layout].forward(v, fv_conv_padded(r, v, i, r->scratch), r->packed, r->b,
                                      r->y + i * out, 0, v->P);
}

float *fv_conv_db(const fv_call *r)
{
    return r->b ? r->partial + fv_slice_floats(r->layout, r->def->weights) : NULL;
}

/* dx of a slice; dxp has room for that of x with padding that is not of zeros, and for the work. */
static void input_gradient(const fv_call *r, int slice, const float *dyp, float *dxp)
{
    const fv_conv *v = &r->def->conv;
    float *dx = r->dx + slice * fv_slice_floats(r->layout, fv_shape_count(r->def->in));
    bool other = r->def->padding_mode != FV_PADDING_ZEROS;
    r->k->conv[r->layout].backward_input(v, dyp, r->packed, other ? dxp : dx);
    if (other)
        fv_resample_backward(r, dxp, dx, dxp + fv_round_up(fv_conv_padded_floats(v, r->layout)));
}

void fv_conv_run_backward(const fv_call *r,
                          void (*gradient)(const fv_call *call, int slice, float *dyp))
{
    const fv_conv v = fv_conv_gradient(r);
    const fv_conv_kernels *conv = &r->k->conv[r->layout];
    size_t padded = fv_conv_padded_floats(&v, r->layout);
    size_t in = fv_slice_floats(r->layout, fv_shape_count(r->def->in));
    size_t out = fv_slice_floats(r->layout, fv_shape_count(r->def->out));
    int group = group_of(&r->def->conv, r->layout, r->slices); /* as in need */
    /* Channels last dy will do as it is where there are no zeros around it. */
    bool as_is = r->layout == FV_CHANNELS_LAST && gradient == fv_conv_pad_gradient &&
                 fv_conv_dy_cols(&v) == v.Q;
    size_t step = as_is ? out : fv_conv_gradient_floats(&v, r->layout);
    float *made = r->scratch, *xp = as_is ? made : made + group * step + FV_LANES;
    for (int i = 0; i < r->slices; i += group) {
        int n = i + group < r->slices ? group : r->slices - i;
        const float *x = r->partial ? fv_conv_padded(r, &v, i, xp) : xp;
        const float *dyp = as_is ? r->dy + i * out : made;
        for (int k = 0; k < n; k++) {
            if (!as_is)
                gradient(r, i + k, made + k * step);
            if (r->partial && k > 0)
                fv_conv_padded(r, &v, i + k, xp + k * padded);
        }
        if (r->partial)
            conv->backward_weight(&v, n, x, x == xp ? padded : in, dyp, step, 0, v.P, r->partial,
                                  fv_conv_db(r), r->first && i == 0);
        for (int k = 0; r->dx && k < n; k++)
            input_gradient(r, i + k, dyp + k * step, xp);
    }
}

fv_conv fv_conv_gradient(const fv_call *r)
{
    if (r->def->winograd)
        return fv_winograd_gradient(r->def);
    fv_conv v = r->def->conv;
    v.bare = !r->dx;
    return v;
}

void fv_conv_pad_gradient(const fv_call *r, int slice, float *dyp)
{
    const fv_conv v = fv_conv_gradient(r);
    r->k->pad_gradient(&v, fv_planes(r->layout, v.O), fv_width(r->layout, v.O),
                       r->dy + slice * fv_slice_floats(r->layout, fv_shape_count(r->def->out)),
                       dyp);
}

static void conv_backward(const fv_call *r)
{
    fv_conv_run_backward(r, fv_conv_pad_gradient);
}

/* Parts are in the order of the parameters batch last, lane by lane but for those of tiles and of
   argmax, and channels last in that of the layout. */
static bool sums_lanes(const fv_def *def, fv_layout layout)
{
    return layout == FV_BATCH_LAST && !def->winograd && !def->argmax;
}

/* Output channels that one item sums, with a share of the biases. */
static int outputs_per_item(const fv_def *def, fv_layout layout)
{
    size_t output = def->weights / def->conv.O * (sums_lanes(def, layout) ? FV_LANES : 1);
    return layout == FV_CHANNELS_LAST ? 64 : fv_rows_of_item(output);
}

int fv_conv_reduce_items(const fv_def *def, fv_layout layout)
{
    int some = outputs_per_item(def, layout);
    return (def->conv.O + some - 1) / some;
}

void fv_conv_reduce(const fv_sums *s, int item)
{
    const fv_def *def = s->def;
    const bool lanes = sums_lanes(def, s->layout);
    const size_t lane = lanes ? FV_LANES : 1, output = def->weights / def->conv.O;
    const size_t step = fv_round_up((def->weights + def->biases) * lane);
    const int some = outputs_per_item(def, s->layout), O = def->conv.O, from = item * some;
    const int to = from + some < O ? from + some : O;
    void (*sum)(size_t n, int count, const float *partials, size_t partial,
                float *out) = lanes ? s->k->sum_lanes : s->k->sum_partials;
    if (s->layout == FV_CHANNELS_LAST)
        s->k->sum_channels(&def->conv, s->chunks, s->partial, step, s->dw, from, to);
    else
        sum((to - from) * output, s->chunks, s->partial + from * output * lane, step,
            s->dw + from * output);
    const size_t items = fv_conv_reduce_items(def, s->layout);
    const size_t first = def->biases * item / items, end = def->biases * (item + 1) / items;
    if (first < end)
        sum(end - first, s->chunks, s->partial + (def->weights + first) * lane, step,
            s->db + first);
}

void fv_conv_describe(const fv_def *def, char text[32])
{
    const fv_conv *v = &def->conv;
    snprintf(text, 32, "%dx%d", v->R, v->S);
    fv_describe_pair(text, "s", v->sh, v->sw, 1);
    if (def->padding_mode == FV_PADDING_ZEROS)
        fv_describe_pair(text, "p", v->ph, v->pw, 0);
    else
        fv_describe_pair(text, "p", def->rows.before, def->cols.before, 0);
    fv_describe_pair(text, "d", v->dh, v->dw, 1);
    fv_describe_pair(text, "g", v->groups, v->groups, 1);
    if (def->padding_mode != FV_PADDING_ZEROS)
        fv_describe_word(text, fv_padding_word(def->padding_mode));
}

static const fv_op conv2d = {
    .kind = "conv2d",
    .flags = FV_KEEPS_X,
    .need = fv_conv_need,
    .pack = fv_conv_pack,
    .forward = conv_forward,
    .backward = conv_backward,
    .reduce_items = fv_conv_reduce_items,
    .reduce = fv_conv_reduce,
    .describe = fv_conv_describe,
};

bool fv_is_conv2d(const fv_def *def)
{
    return def->op == &conv2d || def->op == &fv_op_winograd;
}

/* ---- a kernel as large as its input --------------------------------------------------------- */

static fv_need whole_need(const fv_def *def, fv_layout layout, int images)
{
    return (layout == FV_BATCH_LAST ? fv_linear_need : fv_conv_need)(def, layout, images);
}

static void whole_pack(const fv_kernels *k, const fv_def *def, fv_layout layout, int images,
                       const float *w, float *scratch, float *forward, float *backward)
{
    (layout == FV_BATCH_LAST ? fv_linear_pack : fv_conv_pack)(k, def, layout, images, w, scratch,
                                                              forward, backward);
}

static void whole_forward(const fv_call *r)
{
    (r->layout == FV_BATCH_LAST ? fv_linear_run_forward : conv_forward)(r);
}

static void whole_backward(const fv_call *r)
{
    (r->layout == FV_BATCH_LAST ? fv_linear_run_backward : conv_backward)(r);
}

static int whole_reduce_items(const fv_def *def, fv_layout layout)
{
    return (layout == FV_BATCH_LAST ? fv_linear_reduce_items : fv_conv_reduce_items)(def, layout);
}

static void whole_reduce(const fv_sums *s, int item)
{
    (s->layout == FV_BATCH_LAST ? fv_linear_reduce : fv_conv_reduce)(s, item);
}

static const fv_op conv2d_whole = {
    .kind = "conv2d",
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

fv_status fv_check_channels(fv_ctx *ctx, const fv_def *def, int out_channels, int in_channels,
                            int groups)
{
    int C = def->in.c;
    if (out_channels < 1 || groups < 1)
        return fv_fail(ctx, FV_E_ARG,
                       "layer \"%s\": out_channels is %d and groups %d; both must be 1 or more",
                       def->name, out_channels, groups);
    if (in_channels != 0 && in_channels != C)
        return fv_fail(
            ctx, FV_E_SHAPE,
            "layer \"%s\": expects %d input channels but \"%s\" gives %d ([N,%d,%d,%d])\n"
            "help: set in_channels to %d, or leave it out",
            def->name, in_channels, def->producer, C, C, def->in.h, def->in.w, C);
    if (C % groups || out_channels % groups)
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": %d groups must divide the %d input channels (from \"%s\") "
                       "and the %d output channels\n"
                       "help: groups 1, or channels that are multiples of %d",
                       def->name, groups, C, def->producer, out_channels, groups);
    return FV_OK;
}

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

static bool covers_input(const fv_conv *v)
{
    return v->R == v->H && v->S == v->W && v->ph == 0 && v->pw == 0 && v->P == 1 && v->Q == 1 &&
           v->groups == 1;
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
    int Cg = v->C / v->groups;
    bool whole = def->padding_mode == FV_PADDING_ZEROS && covers_input(v);
    def->winograd = !whole && def->padding_mode == FV_PADDING_ZEROS && fv_winograd_pays(v);
    def->op = whole ? &conv2d_whole : def->winograd ? &fv_op_winograd : &conv2d;
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
