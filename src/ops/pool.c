/*
 * pool.c - max_pool2d: shape rule, forward, backward. torch.nn.MaxPool2d.
 *
 * x [C][H][W]   y [C][P][Q], for the images of a block. Layer 2. Calls the base and the kernels.
 */
#include "ops/op.h"

#include <stdio.h>

/* Saved: the argmax of each window. */
static fv_need pool_need(const fv_def *def, fv_layout layout, int images)
{
    int slices = layout == FV_BATCH_LAST ? 1 : images;
    return (fv_need){
        .saved = fv_round_up(fv_slice_floats(layout, fv_shape_count(def->out)) * slices)};
}

static void pool_forward(const fv_call *r)
{
    const fv_pool2d *v = &r->def->pool;
    int planes = fv_planes(r->layout, v->C), width = fv_width(r->layout, v->C);
    size_t in = fv_slice_floats(r->layout, fv_shape_count(r->def->in));
    size_t out = fv_slice_floats(r->layout, fv_shape_count(r->def->out));
    for (int i = 0; i < r->slices; i++)
        r->k->max_pool_forward(v, planes, width, r->x + i * in, r->y + i * out,
                               r->saved ? (int32_t *)(void *)r->saved + i * out : NULL,
                               (size_t)v->P * v->Q * width);
}

static void pool_backward(const fv_call *r)
{
    const fv_pool2d *v = &r->def->pool;
    size_t in = fv_slice_floats(r->layout, fv_shape_count(r->def->in));
    size_t out = fv_slice_floats(r->layout, fv_shape_count(r->def->out));
    for (int i = 0; r->dx && i < r->slices; i++)
        r->k->max_pool_backward(v, fv_planes(r->layout, v->C), fv_width(r->layout, v->C),
                                r->dy + i * out, (const int32_t *)(const void *)r->saved + i * out,
                                r->dx + i * in);
}

void fv_pool_describe(const fv_def *def, char text[32])
{
    const fv_pool2d *v = &def->pool;
    snprintf(text, 32, "%dx%d", v->R, v->S);
    fv_describe_pair(text, "s", v->sh, v->sw, v->R == v->S ? v->R : 0);
    fv_describe_pair(text, "p", v->ph, v->pw, 0);
    fv_describe_pair(text, "d", v->dh, v->dw, 1);
}

static const fv_op max_pool2d = {
    .need = pool_need,
    .forward = pool_forward,
    .backward = pool_backward,
    .describe = fv_pool_describe,
};

bool fv_is_max_pool2d(const fv_def *def)
{
    return def->op == &max_pool2d;
}

/* PyTorch's rule: with ceil_mode a window may extend past the padded picture, but a window that
   would start in the far padding is dropped. */
static int64_t outputs(int64_t size, int taps, int stride, int pad, int dilation, bool ceil_mode)
{
    int64_t spare = size + 2 * pad - (int64_t)dilation * (taps - 1) - 1;
    spare += ceil_mode ? stride - 1 : 0;
    if (spare < 0)
        return 0;
    int64_t n = spare / stride + 1;
    return ceil_mode && (n - 1) * stride >= size + pad ? n - 1 : n;
}

/* Whether some window, of those that start in the near padding, has all its taps outside. */
static bool misses_picture(int size, int taps, int stride, int pad, int dilation)
{
    for (int start = -pad; start < 0; start += stride) {
        int first = (-start + dilation - 1) / dilation; /* the first tap that is not before it */
        if (first >= taps || start + (int64_t)first * dilation >= size)
            return true;
    }
    return false;
}

fv_status fv_pool_shape(fv_ctx *ctx, fv_def *def, fv_hw k, fv_hw s, fv_hw p, fv_hw d,
                        bool ceil_mode)
{
    if (fv_check_hw(ctx, def, "kernel_size", k, 1) || fv_check_hw(ctx, def, "stride", s, 1) ||
        fv_check_hw(ctx, def, "padding", p, 0) || fv_check_hw(ctx, def, "dilation", d, 1))
        return fv_error(ctx);
    if (p.h > k.h / 2 || p.w > k.w / 2)
        return fv_fail(ctx, FV_E_ARG,
                       "layer \"%s\": padding %d x %d is more than half of the %d x %d kernel\n"
                       "help: at most %d x %d, or windows would see nothing but padding",
                       def->name, p.h, p.w, k.h, k.w, k.h / 2, k.w / 2);
    if (misses_picture(def->in.h, k.h, s.h, p.h, d.h) ||
        misses_picture(def->in.w, k.w, s.w, p.w, d.w))
        return fv_fail(
            ctx, FV_E_SHAPE,
            "layer \"%s\": a %d x %d window (dilation %d x %d, padding %d x %d) would see "
            "nothing of the %d x %d picture that \"%s\" gives\n"
            "help: a smaller dilation or no padding",
            def->name, k.h, k.w, d.h, d.w, p.h, p.w, def->in.h, def->in.w, def->producer);
    int64_t P = outputs(def->in.h, k.h, s.h, p.h, d.h, ceil_mode);
    int64_t Q = outputs(def->in.w, k.w, s.w, p.w, d.w, ceil_mode);
    if (P < 1 || Q < 1)
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": a %d x %d window (dilation %d x %d) does not fit into the "
                       "%d x %d picture that \"%s\" gives, with padding %d x %d\n"
                       "help: a smaller window",
                       def->name, k.h, k.w, d.h, d.w, def->in.h, def->in.w, def->producer, p.h,
                       p.w);
    def->out = (fv_shape){def->in.c, fv_clamp_size(P), fv_clamp_size(Q)};
    def->pool = (fv_pool2d){.C = def->in.c,
                            .H = def->in.h,
                            .W = def->in.w,
                            .P = def->out.h,
                            .Q = def->out.w,
                            .R = k.h,
                            .S = k.w,
                            .sh = s.h,
                            .sw = s.w,
                            .ph = p.h,
                            .pw = p.w,
                            .dh = d.h,
                            .dw = d.w};
    return fv_check_size(ctx, def);
}

static fv_status max_pool2d_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_max_pool2d_args *a = args;
    def->op = &max_pool2d;
    return fv_pool_shape(ctx, def, fv_hw_of(a->kernel_size, 0), fv_hw_of(a->stride, a->kernel_size),
                         fv_hw_of(a->padding, 0), fv_hw_of(a->dilation, 1), a->ceil_mode);
}

const fv_arg fv_max_pool2d_fields[] = {
    FV_ARG(fv_max_pool2d_args, kernel_size, FV_ARG_SIZE, .range = {1, 32767, 0}),
    FV_ARG(fv_max_pool2d_args, stride, FV_ARG_SIZE, .range = {1, 32767, 0}),
    FV_ARG(fv_max_pool2d_args, padding, FV_ARG_SIZE),
    FV_ARG(fv_max_pool2d_args, dilation, FV_ARG_SIZE, .range = {1, 32767, 0}),
    FV_ARG(fv_max_pool2d_args, ceil_mode, FV_ARG_FLAG),
    {0},
};

FV_LAYER_TYPE(max_pool2d, fv_max_pool2d_args, "torch.nn.MaxPool2d", .alias = "max_pool",
              .inputs = 1, .places = 1, .fields = fv_max_pool2d_fields, .shape = max_pool2d_shape);
