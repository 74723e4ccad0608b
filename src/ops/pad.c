/*
 * pad.c - pad2d: more rows and columns around a picture, or fewer; and how a conv2d pads by other
 * modes than zeros.
 *
 * Each row of the output is one of the input's, or none. torch.nn.functional.pad. Layer 2. Calls
 * the base and the kernels.
 */
#include "ops/op.h"

#include <math.h>
#include <stdio.h>

static fv_span copy_of(int from)
{
    return (fv_span){from, 1, 1.0f, 1.0f};
}

static fv_span constant_span(const fv_axis *a, int i)
{
    int from = i - a->before;
    return from < 0 || from >= a->in ? (fv_span){0} : copy_of(from);
}

/* Reflects without repeating the edge. */
static fv_span reflect_span(const fv_axis *a, int i)
{
    int from = i < a->before ? a->before - i : i - a->before;
    return copy_of(from < a->in ? from : 2 * (a->in - 1) - from);
}

static fv_span replicate_span(const fv_axis *a, int i)
{
    int from = i - a->before;
    return copy_of(from < 0 ? 0 : from < a->in ? from : a->in - 1);
}

static fv_span circular_span(const fv_axis *a, int i)
{
    return copy_of((i - a->before + a->in) % a->in);
}

const char *fv_padding_word(fv_padding_mode mode)
{
    static const char *const words[] = {"constant", "reflect", "replicate", "circular"};
    return words[mode];
}

static fv_status check_pad(fv_ctx *ctx, const fv_def *def, fv_padding_mode mode, int before,
                           int after, int size, const char *what)
{
    int most = mode == FV_PADDING_REFLECT ? size - 1 : mode == FV_PADDING_CIRCULAR ? size : 0x7fff;
    int least = mode == FV_PADDING_ZEROS ? -0x7fff : 0;
    if (before < least || after < least)
        return fv_fail(ctx, FV_E_ARG,
                       "layer \"%s\": it pads by %d and %d %s; in mode %s both must be 0 or more\n"
                       "help: only padding by a constant may take away",
                       def->name, before, after, what, fv_padding_word(mode));
    if (before > most || after > most)
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": it pads by %d and %d %s, but in mode %s at most by %d each "
                       "side of the %d that \"%s\" gives\n"
                       "help: less padding%s",
                       def->name, before, after, what, fv_padding_word(mode), most, size,
                       def->producer, most < 0x7fff ? ", or mode replicate" : "");
    if (size + before + after < 1)
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": padding by %d and %d leaves none of the %d %s that \"%s\" "
                       "gives\nhelp: an output has 1 or more each way",
                       def->name, before, after, size, what, def->producer);
    return FV_OK;
}

fv_status fv_pad_axes(fv_ctx *ctx, fv_def *def, fv_padding_mode mode, fv_hw before, fv_hw after)
{
    static fv_span (*const spans[])(const fv_axis *, int) = {constant_span, reflect_span,
                                                             replicate_span, circular_span};
    fv_shape in = def->in;
    if (mode < FV_PADDING_ZEROS || mode > FV_PADDING_CIRCULAR)
        return fv_fail(ctx, FV_E_ARG, "layer \"%s\": there is no padding mode %d", def->name,
                       (int)mode);
    if (check_pad(ctx, def, mode, before.h, after.h, in.h, "rows") ||
        check_pad(ctx, def, mode, before.w, after.w, in.w, "columns"))
        return fv_error(ctx);
    def->padding_mode = mode;
    def->rows = (fv_axis){
        .in = in.h, .out = in.h + before.h + after.h, .span = spans[mode], .before = before.h};
    def->cols = (fv_axis){
        .in = in.w, .out = in.w + before.w + after.w, .span = spans[mode], .before = before.w};
    return FV_OK;
}

static void pad_describe(const fv_def *def, char text[32])
{
    const fv_axis *h = &def->rows, *w = &def->cols;
    snprintf(text, 32, "%d %d %d %d", w->before, w->out - w->in - w->before, h->before,
             h->out - h->in - h->before);
    if (def->padding_mode != FV_PADDING_ZEROS)
        fv_describe_word(text, fv_padding_word(def->padding_mode));
}

static const fv_op pad2d = FV_RESAMPLE_OP(pad_describe);

static fv_status pad2d_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_pad2d_args *a = args;
    if (fv_pad_axes(ctx, def, a->mode, (fv_hw){a->top, a->left}, (fv_hw){a->bottom, a->right}))
        return fv_error(ctx);
    if (a->value != 0 && a->mode != FV_PADDING_ZEROS)
        return fv_fail(ctx, FV_E_ARG, "layer \"%s\": value is %g, but must be 0 in mode %s",
                       def->name, a->value, fv_padding_word(a->mode));
    def->op = &pad2d;
    def->number = a->value;
    def->out = (fv_shape){def->in.c, def->rows.out, def->cols.out};
    return fv_check_size(ctx, def);
}

static const fv_arg fields[] = {
    FV_ARG(fv_pad2d_args, left, FV_ARG_INT),
    FV_ARG(fv_pad2d_args, right, FV_ARG_INT),
    FV_ARG(fv_pad2d_args, top, FV_ARG_INT),
    FV_ARG(fv_pad2d_args, bottom, FV_ARG_INT),
    FV_ARG(fv_pad2d_args, mode, FV_ARG_WORD, .words = "constant reflect replicate circular"),
    FV_ARG(fv_pad2d_args, value, FV_ARG_NUMBER),
    {0},
};

FV_LAYER_TYPE(pad2d, fv_pad2d_args, "torch.nn.functional.pad", .alias = "pad", .inputs = 1,
              .places = 4, .fields = fields, .shape = pad2d_shape);
