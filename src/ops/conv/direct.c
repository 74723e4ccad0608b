/*
 * direct.c - the direct convolution: forward and backward of a block, and the parts that the other
 * forms share: padding, gradients of the output with zeros beside them, the sums over chunks.
 *
 * x [C][H][W]   w [O][C/groups][R][S]   b [O]   y [O][P][Q], for the images of a block. A convolution
 * with other padding than zeros is the convolution of the padded picture, which lives in scratch
 * alone. F(2x2,5x5) has the same parts, but for the kernel of forward. Layer 2. Calls the base and
 * the kernels.
 */
#include "ops/conv/conv.h"

#include <stdio.h>

size_t fv_conv_padded_floats(const fv_conv *v, fv_layout layout)
{
    return fv_slice_floats(layout, (size_t)v->C * fv_conv_rows(v) * fv_conv_cols(v));
}

size_t fv_conv_dy_floats(const fv_conv *v, fv_layout layout)
{
    return fv_slice_floats(layout, (size_t)v->O * v->P * fv_conv_dy_cols(v));
}

/* Slices that backward computes at once: weight gradients gain from more images where these are
   small, and small ones fit in a megabyte. */
static int group_of(const fv_conv *v, fv_layout layout, int slices)
{
    size_t slice = fv_conv_padded_floats(v, layout) + fv_conv_dy_floats(v, layout);
    size_t most = (1 << 18) / slice;
    return most < 1 ? 1 : most < (size_t)slices ? (int)most : slices;
}

/* Packed weights of backward. */
static fv_packing packing_back(const fv_conv_form *f)
{
    return f->numbers.inputs == FV_DX_SELECT ? FV_PACK_SELECT : FV_PACK_INPUT;
}

static size_t packed_floats(const fv_conv *v, const fv_conv_form *f)
{
    const size_t forward = fv_conv_packed(v, fv_conv_packing(f));
    const size_t backward = fv_conv_packed(v, packing_back(f));
    return forward > backward ? forward : backward;
}

fv_need fv_conv_need(const fv_def *def, fv_layout layout, int images)
{
    const fv_conv *v = &def->conv;
    int group = layout == FV_BATCH_LAST ? 1 : group_of(v, layout, images);
    size_t slice = fv_conv_padded_floats(v, layout) + fv_conv_dy_floats(v, layout);
    size_t params = fv_weights(def) + fv_biases(def);
    return (fv_need){.scratch = group * slice + 2 * FV_LANES + fv_resample_work(def),
                     .partial = fv_round_up(fv_slice_floats(layout, params)),
                     .packed = packed_floats(v, &def->form[layout])};
}

void fv_conv_pack(const fv_kernels *k, const fv_def *def, fv_layout layout, int images,
                  const float *w, float *scratch, float *forward, float *backward)
{
    const fv_conv_form *f = &def->form[layout];
    (void)images, (void)scratch;
    k->conv[layout].pack(&def->conv, fv_conv_packing(f), w, forward);
    if (backward)
        k->conv[layout].pack(&def->conv, packing_back(f), w, backward);
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

void fv_conv_forward(const fv_call *r)
{
    const fv_conv *v = &r->def->conv;
    const fv_sum sum = fv_form(r)->numbers.forward;
    size_t out = fv_slice_floats(r->layout, fv_shape_count(r->def->out));
    for (int i = 0; i < r->slices; i++)
        r->k->conv[r->layout].forward[sum](v, fv_conv_padded(r, v, i, r->scratch), r->packed, r->b,
                                           r->y + i * out, 0, v->P);
}

float *fv_conv_db(const fv_call *r)
{
    return r->b ? r->partial + fv_slice_floats(r->layout, fv_weights(r->def)) : NULL;
}

fv_conv fv_conv_for_backward(const fv_call *r)
{
    fv_conv v = r->def->conv;
    if (!r->dx && fv_form(r)->numbers.weights != FV_DW_F2X2)
        v.left = v.right = 0;
    return v;
}

void fv_conv_pad_dy(const fv_call *r, const fv_conv *v, int slice, float *dyp)
{
    r->k->pad_gradient(v, fv_planes(r->layout, v->O), fv_width(r->layout, v->O),
                       r->dy + slice * fv_slice_floats(r->layout, fv_shape_count(r->def->out)),
                       dyp);
}

/* dx of a slice; dxp holds that of x with other padding than zeros, and the work of resampling. */
static void input_gradient(const fv_call *r, int slice, const float *dyp, float *dxp)
{
    const fv_conv *v = &r->def->conv;
    float *dx = r->dx + slice * fv_slice_floats(r->layout, fv_shape_count(r->def->in));
    const bool other = r->def->padding_mode != FV_PADDING_ZEROS;
    r->k->conv[r->layout].backward_input(v, dyp, r->packed, other ? dxp : dx);
    if (other)
        fv_resample_backward(r, dxp, dx, dxp + fv_round_up(fv_conv_padded_floats(v, r->layout)));
}

void fv_conv_backward_of(const fv_call *r, fv_dy_writer *write)
{
    const fv_conv v = fv_conv_for_backward(r);
    const fv_conv_kernels *conv = &r->k->conv[r->layout];
    size_t padded = fv_conv_padded_floats(&v, r->layout);
    size_t in = fv_slice_floats(r->layout, fv_shape_count(r->def->in));
    size_t out = fv_slice_floats(r->layout, fv_shape_count(r->def->out));
    int group = group_of(&r->def->conv, r->layout, r->slices); /* as in need */
    /* Channels last the kernels read dy where it is, if it needs no zeros beside its rows. */
    bool in_place = r->layout == FV_CHANNELS_LAST && write == fv_conv_pad_dy && v.left == 0 &&
                    v.right == 0;
    size_t step = in_place ? out : fv_conv_dy_floats(&v, r->layout);
    float *made = r->scratch, *xp = in_place ? made : made + group * step + FV_LANES;
    for (int i = 0; i < r->slices; i += group) {
        int n = i + group < r->slices ? group : r->slices - i;
        const float *x = r->partial ? fv_conv_padded(r, &v, i, xp) : xp;
        const float *dyp = in_place ? r->dy + i * out : made;
        for (int k = 0; k < n; k++) {
            if (!in_place)
                write(r, &v, i + k, made + k * step);
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

void fv_conv_backward(const fv_call *r)
{
    fv_conv_backward_of(r, fv_conv_pad_dy);
}

/* ---- sums over chunks ------------------------------------------------------------------------- */

/* Whether the partial sums of a chunk are still lane by lane. */
static bool has_lanes(const fv_def *def, fv_layout layout)
{
    const fv_dw_sum sum = def->form[layout].numbers.weights;
    return layout == FV_BATCH_LAST && (sum == FV_DW_DIRECT || sum == FV_DW_POOLED);
}

int fv_rows_of_item(size_t row)
{
    const size_t rows = (1 << 13) / row;
    return rows < 1 ? 1 : (int)rows;
}

/* Output channels that one item sums, with a share of the biases. */
static int outputs_per_item(const fv_def *def, fv_layout layout)
{
    size_t output = fv_weights(def) / def->conv.O * (has_lanes(def, layout) ? FV_LANES : 1);
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
    const bool lanes = has_lanes(def, s->layout);
    const size_t lane = lanes ? FV_LANES : 1, output = fv_weights(def) / def->conv.O;
    const size_t step = fv_round_up((fv_weights(def) + fv_biases(def)) * lane);
    const int some = outputs_per_item(def, s->layout), O = def->conv.O, from = item * some;
    const int to = from + some < O ? from + some : O;
    void (*sum)(size_t n, int count, const float *partials, size_t partial,
                float *out) = lanes ? s->k->sum_lanes : s->k->sum_partials;
    if (s->layout == FV_CHANNELS_LAST)
        s->k->sum_channels(&def->conv, s->chunks, s->partial, step, s->grads[FV_WEIGHT], from, to);
    else
        sum((to - from) * output, s->chunks, s->partial + from * output * lane, step,
            s->grads[FV_WEIGHT] + from * output);
    const size_t items = fv_conv_reduce_items(def, s->layout);
    const size_t first = fv_biases(def) * item / items, end = fv_biases(def) * (item + 1) / items;
    if (first < end)
        sum(end - first, s->chunks, s->partial + (fv_weights(def) + first) * lane, step,
            s->grads[FV_BIAS] + first);
}

/* ---- shape rules ---------------------------------------------------------------------------- */

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
