/*
 * resample.c - layers whose every output is a weighted sum over some rows and columns that lie side
 * by side: avg_pool2d, adaptive_avg_pool2d, upsample; padding too, in pad.c and conv.c.
 *
 * Such a layer is two axes, which say for each row, and for each column, of the output what it is
 * made of; the kernels do the rest, and backward is the same weights the other way round.
 * torch.nn.AvgPool2d, AdaptiveAvgPool2d, Upsample. Layer 2. Calls the base and the kernels.
 */
#include "ops/op.h"

#include <math.h>
#include <stdio.h>

size_t fv_resample_work(const fv_def *def)
{
    return ((size_t)def->rows.out + def->cols.out) * sizeof(fv_span) / sizeof(float);
}

static fv_resample spans_of(const fv_def *def, float *work)
{
    const fv_axis *rows = &def->rows, *cols = &def->cols;
    fv_span *row = (fv_span *)(void *)work, *col = row + rows->out;
    for (int p = 0; p < rows->out; p++)
        row[p] = rows->span(rows, p);
    for (int q = 0; q < cols->out; q++)
        col[q] = cols->span(cols, q);
    return (fv_resample){rows->in, cols->in, rows->out, cols->out, row, col, (float)def->number};
}

void fv_resample_forward(const fv_call *r, const float *x, float *y, float *work)
{
    const fv_resample v = spans_of(r->def, work);
    int C = r->def->in.c;
    r->k->resample_forward(&v, fv_planes(r->layout, C), fv_width(r->layout, C), x, y);
}

void fv_resample_backward(const fv_call *r, const float *dy, float *dx, float *work)
{
    const fv_resample v = spans_of(r->def, work);
    int C = r->def->in.c;
    r->k->resample_backward(&v, fv_planes(r->layout, C), fv_width(r->layout, C), dy, dx);
}

/* Scratch: the span of each row and column. */
fv_need fv_resample_need(const fv_def *def, fv_layout layout, int images)
{
    (void)layout, (void)images;
    return (fv_need){.scratch = fv_resample_work(def)};
}

void fv_resample_run_forward(const fv_call *r)
{
    size_t in = fv_slice_floats(r->layout, fv_shape_count(r->def->in));
    size_t out = fv_slice_floats(r->layout, fv_shape_count(r->def->out));
    for (int i = 0; i < r->slices; i++)
        fv_resample_forward(r, r->x + i * in, r->y + i * out, r->scratch);
}

void fv_resample_run_backward(const fv_call *r)
{
    size_t in = fv_slice_floats(r->layout, fv_shape_count(r->def->in));
    size_t out = fv_slice_floats(r->layout, fv_shape_count(r->def->out));
    for (int i = 0; r->dx && i < r->slices; i++)
        fv_resample_backward(r, r->dy + i * out, r->dx + i * in, r->scratch);
}

/* ---- avg_pool2d --------------------------------------------------------------------------- */

static fv_span mean_of(int from, int to, int divisor)
{
    float weight = (float)(1.0 / divisor);
    return to > from ? (fv_span){from, to - from, weight, weight} : (fv_span){0};
}

/* A window counts its padding too, but never what lies past it, where ceil_mode lets it end. */
static fv_span window_span(const fv_axis *a, int i)
{
    int from = i * a->stride - a->before, to = from + a->taps;
    if (to > a->in + a->before)
        to = a->in + a->before;
    int all = to - from;
    from = from < 0 ? 0 : from;
    to = to > a->in ? a->in : to;
    return mean_of(from, to, a->divisor ? a->divisor : a->inside ? to - from : all);
}

static const fv_op avg_pool2d = FV_RESAMPLE_OP(fv_pool_describe);

static fv_status avg_pool2d_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_avg_pool2d_args *a = args;
    fv_hw k = fv_hw_of(a->kernel_size, 0), s = fv_hw_of(a->stride, a->kernel_size);
    fv_hw p = fv_hw_of(a->padding, 0), one = {1, 1};
    if (fv_pool_shape(ctx, def, k, s, p, one, a->ceil_mode))
        return fv_error(ctx);
    def->op = &avg_pool2d;
    def->rows = (fv_axis){.in = def->in.h,
                          .out = def->out.h,
                          .span = window_span,
                          .taps = k.h,
                          .stride = s.h,
                          .before = p.h,
                          .divisor = a->divisor_override,
                          .inside = a->exclude_pad};
    def->cols = (fv_axis){.in = def->in.w,
                          .out = def->out.w,
                          .span = window_span,
                          .taps = k.w,
                          .stride = s.w,
                          .before = p.w,
                          .divisor = a->divisor_override ? 1 : 0,
                          .inside = a->exclude_pad};
    return FV_OK;
}

static const fv_arg avg_pool2d_fields[] = {
    FV_ARG(fv_avg_pool2d_args, kernel_size, FV_ARG_SIZE, .range = {1, 32767, 0}),
    FV_ARG(fv_avg_pool2d_args, stride, FV_ARG_SIZE, .range = {1, 32767, 0}),
    FV_ARG(fv_avg_pool2d_args, padding, FV_ARG_SIZE),
    FV_ARG(fv_avg_pool2d_args, ceil_mode, FV_ARG_FLAG),
    FV_ARG(fv_avg_pool2d_args, exclude_pad, FV_ARG_FLAG),
    FV_ARG(fv_avg_pool2d_args, divisor_override, FV_ARG_INT),
    {0},
};

FV_LAYER_TYPE(avg_pool2d, fv_avg_pool2d_args, "torch.nn.AvgPool2d", .alias = "avg_pool",
              .inputs = 1, .places = 1, .fields = avg_pool2d_fields, .shape = avg_pool2d_shape);

/* ---- adaptive_avg_pool2d ------------------------------------------------------------------ */

/* From floor(i * in / out) to ceil((i + 1) * in / out). */
static fv_span adaptive_span(const fv_axis *a, int i)
{
    int from = (int)((int64_t)i * a->in / a->out);
    int to = (int)(((int64_t)(i + 1) * a->in + a->out - 1) / a->out);
    return mean_of(from, to, to - from);
}

fv_status fv_adaptive_shape(fv_ctx *ctx, fv_def *def, int output_size)
{
    fv_hw out = fv_hw_of(output_size, 0);
    if (out.h < 0 || out.w < 0 || (out.h == 0 && out.w == 0) || out.h > 0x7fff || out.w > 0x7fff)
        return fv_fail(ctx, FV_E_ARG,
                       "layer \"%s\": output_size is %d x %d, but must be 1 to %d each way\n"
                       "help: 1 for global pooling; FV_HW(0, 5) keeps the rows and makes 5 columns",
                       def->name, out.h, out.w, 0x7fff);
    out.h = out.h ? out.h : def->in.h;
    out.w = out.w ? out.w : def->in.w;
    def->out = (fv_shape){def->in.c, out.h, out.w};
    def->rows = (fv_axis){.in = def->in.h, .out = out.h, .span = adaptive_span};
    def->cols = (fv_axis){.in = def->in.w, .out = out.w, .span = adaptive_span};
    return fv_check_size(ctx, def);
}

void fv_adaptive_describe(const fv_def *def, char text[32])
{
    snprintf(text, 32, "to %dx%d", def->out.h, def->out.w);
}

static const fv_op adaptive_avg_pool2d = FV_RESAMPLE_OP(fv_adaptive_describe);

static fv_status adaptive_avg_pool2d_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    def->op = &adaptive_avg_pool2d;
    return fv_adaptive_shape(ctx, def, ((const fv_adaptive_pool2d_args *)args)->output_size);
}

const fv_arg fv_adaptive_fields[] = {
    FV_ARG(fv_adaptive_pool2d_args, output_size, FV_ARG_SIZE),
    {0},
};

FV_LAYER_TYPE(adaptive_avg_pool2d, fv_adaptive_pool2d_args, "torch.nn.AdaptiveAvgPool2d",
              .alias = "adaptive_avg_pool", .inputs = 1, .places = 1, .fields = fv_adaptive_fields,
              .shape = adaptive_avg_pool2d_shape);

/* ---- upsample ----------------------------------------------------------------------------- */

/* As PyTorch, in float. Its backward takes another way where the output is as large as the input or
   twice as large by a factor that is not 1 or 2; here backward is that of forward. */
static fv_span nearest_span(const fv_axis *a, int i)
{
    int from = (int)floorf((float)i * (float)a->scale);
    return (fv_span){from < a->in ? from : a->in - 1, 1, 1.0f, 1.0f};
}

static fv_span bilinear_span(const fv_axis *a, int i)
{
    double at = a->scale * (i + a->shift) - a->shift;
    if (a->out == a->in)
        at = i;
    at = at < 0 ? 0 : at > a->in - 1 ? a->in - 1 : at;
    int from = (int)at;
    double far = at - from;
    return (fv_span){from, from < a->in - 1 ? 2 : 1, (float)(1 - far), (float)far};
}

static void upsample_describe(const fv_def *def, char text[32])
{
    snprintf(text, 32, "%s", def->rows.span == nearest_span ? "nearest" : "bilinear");
}

static const fv_op upsample = FV_RESAMPLE_OP(upsample_describe);

/* The size by a factor, and how far apart in the input its pixels are. */
static fv_status scale_axis(fv_ctx *ctx, const fv_def *def, fv_axis *axis, int size, double factor)
{
    double out = size ? size : floor(axis->in * factor);
    if (!(out >= 1 && out <= 0x7fff))
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": scale_factor %g makes %.0f of the %d rows or columns that "
                       "\"%s\" gives; 1 to %d can be made",
                       def->name, factor, out, axis->in, def->producer, 0x7fff);
    axis->out = (int)out;
    axis->scale = size ? (double)axis->in / size : 1 / factor;
    return FV_OK;
}

static fv_status check_upsample(fv_ctx *ctx, const fv_def *def, const fv_upsample_args *a)
{
    if (a->mode != FV_UPSAMPLE_NEAREST && a->mode != FV_UPSAMPLE_BILINEAR)
        return fv_fail(ctx, FV_E_ARG, "layer \"%s\": there is no upsample mode %d", def->name,
                       (int)a->mode);
    if ((a->size == 0) == (a->scale_factor == 0))
        return fv_fail(ctx, FV_E_ARG,
                       "layer \"%s\": it takes a scale_factor or a size, but has %s\n"
                       "help: .scale_factor = 2, or .size = FV_HW(rows, columns)",
                       def->name, a->size ? "both" : "neither");
    if (a->align_corners && a->mode == FV_UPSAMPLE_NEAREST)
        return fv_fail(ctx, FV_E_ARG,
                       "layer \"%s\": align_corners means nothing to the nearest pixel\n"
                       "help: .mode = FV_UPSAMPLE_BILINEAR",
                       def->name);
    return a->size ? fv_check_hw(ctx, def, "size", fv_hw_of(a->size, 0), 1) : FV_OK;
}

static fv_status upsample_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_upsample_args *a = args;
    bool nearest = a->mode == FV_UPSAMPLE_NEAREST;
    fv_hw size = fv_hw_of(a->size, 0);
    fv_axis axis = {.span = nearest ? nearest_span : bilinear_span,
                    .shift = a->align_corners ? 0 : 0.5};
    if (check_upsample(ctx, def, a))
        return fv_error(ctx);
    def->op = &upsample;
    def->rows = def->cols = axis;
    def->rows.in = def->in.h, def->cols.in = def->in.w;
    if (scale_axis(ctx, def, &def->rows, size.h, a->scale_factor) ||
        scale_axis(ctx, def, &def->cols, size.w,
                   a->scale_factor_w != 0 ? a->scale_factor_w : a->scale_factor))
        return fv_error(ctx);
    for (int i = 0; a->align_corners && i < 2; i++) {
        fv_axis *side = i ? &def->cols : &def->rows;
        side->scale = side->out > 1 ? (side->in - 1.0) / (side->out - 1) : 0;
    }
    def->out = (fv_shape){def->in.c, def->rows.out, def->cols.out};
    return fv_check_size(ctx, def);
}

static const fv_arg upsample_fields[] = {
    FV_ARG(fv_upsample_args, scale_factor, FV_ARG_NUMBER, .range = FV_POSITIVE),
    FV_ARG(fv_upsample_args, scale_factor_w, FV_ARG_NUMBER, .range = FV_POSITIVE),
    FV_ARG(fv_upsample_args, size, FV_ARG_SIZE, .range = {1, 32767, 0}),
    FV_ARG(fv_upsample_args, mode, FV_ARG_WORD, .words = "nearest bilinear"),
    FV_ARG(fv_upsample_args, align_corners, FV_ARG_FLAG),
    {0},
};

FV_LAYER_TYPE(upsample, fv_upsample_args, "torch.nn.Upsample", .alias = "interpolate", .inputs = 1,
              .places = 1, .fields = upsample_fields, .shape = upsample_shape);
