/*
 * unpool.c - max pooling whose argmax are places in the picture: adaptive_max_pool2d,
 * max_pool2d_indices, max_unpool2d.
 *
 * A place is PyTorch's index, h * W + w within the plane. As a tensor of its own, for max_unpool2d
 * and as an output, it is a float, which tells all places of planes of up to 2^24
 * pixels apart. These loops move numbers and hardly compute, so they are no kernels.
 * torch.nn.AdaptiveMaxPool2d, MaxPool2d(return_indices=True), MaxUnpool2d. Layer 2. Calls the base
 * and the kernels.
 */
#include "ops/op.h"

#include <math.h>
#include <string.h>

/* Sizes of one slice: [planes][area][width] in and out. */
typedef struct sizes {
    int planes, width, in, out;
    size_t in_floats, out_floats; /* of the slice */
} sizes;

static sizes sizes_of(const fv_call *r)
{
    const fv_def *def = r->def;
    return (sizes){fv_planes(r->layout, def->in.c),
                   fv_width(r->layout, def->in.c),
                   def->in.h * def->in.w,
                   def->out.h * def->out.w,
                   fv_slice_floats(r->layout, fv_shape_count(def->in)),
                   fv_slice_floats(r->layout, fv_shape_count(def->out))};
}

static int turns_of(fv_layout layout, int images)
{
    return layout == FV_BATCH_LAST ? 1 : images;
}

/* ---- adaptive_max_pool2d ------------------------------------------------------------------ */

/* Saved: the argmax. Scratch: the same, if it is not saved. */
static fv_need adaptive_need(const fv_def *def, fv_layout layout, int images)
{
    size_t out = fv_slice_floats(layout, fv_shape_count(def->out));
    return (fv_need){.saved = fv_round_up(out * turns_of(layout, images)), .scratch = out};
}

/* One window of one plane: the first maximum, or the last NaN. */
static void largest(fv_span row, fv_span col, int W, int width, const float *x, float *y,
                    int32_t *place)
{
    for (int c = 0; c < width; c++) {
        y[c] = -INFINITY;
        place[c] = row.from * W + col.from;
    }
    for (int r = row.from; r < row.from + row.count; r++)
        for (int s = col.from; s < col.from + col.count; s++) {
            int32_t here = r * W + s;
            const float *in = x + (size_t)here * width;
            for (int c = 0; c < width; c++) {
                bool wins = in[c] > y[c] || in[c] != in[c];
                y[c] = wins ? in[c] : y[c];
                place[c] = wins ? here : place[c];
            }
        }
}

static void adaptive_forward(const fv_call *r)
{
    const sizes z = sizes_of(r);
    const fv_axis *rows = &r->def->rows, *cols = &r->def->cols;
    const float *x = r->x;
    float *y = r->y;
    int32_t *place = (int32_t *)(void *)(r->saved ? r->saved : r->scratch);
    for (int i = 0; i < r->slices * z.planes; i++, x += (size_t)z.in * z.width) {
        if (!r->saved && i % z.planes == 0)
            place = (int32_t *)(void *)r->scratch;
        for (int p = 0; p < rows->out; p++)
            for (int q = 0; q < cols->out; q++, y += z.width, place += z.width)
                largest(rows->span(rows, p), cols->span(cols, q), cols->in, z.width, x, y, place);
    }
}

static void adaptive_backward(const fv_call *r)
{
    const sizes z = sizes_of(r);
    const float *dy = r->dy;
    const int32_t *place = (const int32_t *)(const void *)r->saved;
    float *dx = r->dx;
    if (!dx)
        return;
    memset(dx, 0, z.in_floats * r->slices * sizeof *dx);
    for (int i = 0; i < r->slices * z.planes; i++, dx += (size_t)z.in * z.width)
        for (int p = 0; p < z.out; p++, dy += z.width, place += z.width)
            for (int c = 0; c < z.width; c++)
                dx[(size_t)place[c] * z.width + c] += dy[c];
}

static const fv_op adaptive_max_pool2d = {
    .need = adaptive_need,
    .forward = adaptive_forward,
    .backward = adaptive_backward,
    .describe = fv_adaptive_describe,
};

static fv_status adaptive_max_pool2d_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    def->op = &adaptive_max_pool2d;
    return fv_adaptive_shape(ctx, def, ((const fv_adaptive_pool2d_args *)args)->output_size);
}

FV_LAYER_TYPE(adaptive_max_pool2d, fv_adaptive_pool2d_args, "torch.nn.AdaptiveMaxPool2d",
              .alias = "adaptive_max_pool", .inputs = 1, .places = 1, .fields = fv_adaptive_fields,
              .shape = adaptive_max_pool2d_shape);

/* ---- max_pool2d_indices ------------------------------------------------------------------- */

/* Scratch: the argmax of each window, as a tap. */
static fv_need indices_need(const fv_def *def, fv_layout layout, int images)
{
    (void)images;
    return (fv_need){.scratch = fv_slice_floats(layout, fv_shape_count(def->out))};
}

/* Replaces the taps of the maxima by their indices in the plane. */
static void write_places(const fv_pool2d *v, const sizes *z, const int32_t *tap, float *y)
{
    for (int i = 0; i < z->planes; i++)
        for (int p = 0; p < v->P; p++)
            for (int q = 0; q < v->Q; q++)
                for (int c = 0; c < z->width; c++, tap++, y++) {
                    int h = p * v->sh - v->ph + *tap / v->S * v->dh;
                    int w = q * v->sw - v->pw + *tap % v->S * v->dw;
                    *y = (float)(h * v->W + w);
                }
}

static void indices_forward(const fv_call *r)
{
    const fv_pool2d *v = &r->def->pool;
    const sizes z = sizes_of(r);
    int32_t *tap = (int32_t *)(void *)r->scratch;
    for (int i = 0; i < r->slices; i++) {
        float *y = r->y + i * z.out_floats;
        r->k->max_pool_forward(v, z.planes, z.width, r->x + i * z.in_floats, y, tap,
                               (size_t)z.out * z.width);
        write_places(v, &z, tap, y);
    }
}

/* Indices have no gradient. */
static void indices_backward(const fv_call *r)
{
    if (r->dx)
        memset(r->dx, 0, sizes_of(r).in_floats * r->slices * sizeof *r->dx);
}

static const fv_op max_pool2d_indices = {
    .need = indices_need,
    .forward = indices_forward,
    .backward = indices_backward,
    .describe = fv_pool_describe,
};

static fv_status max_pool2d_indices_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_max_pool2d_args *a = args;
    const int most = 1 << 24;
    def->op = &max_pool2d_indices;
    if ((double)def->in.h * def->in.w > most)
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": places in the %d x %d picture that \"%s\" gives are more "
                       "than the %d that a float tells apart",
                       def->name, def->in.h, def->in.w, def->producer, most);
    return fv_pool_shape(ctx, def, fv_hw_of(a->kernel_size, 0), fv_hw_of(a->stride, a->kernel_size),
                         fv_hw_of(a->padding, 0), fv_hw_of(a->dilation, 1), a->ceil_mode);
}

FV_LAYER_TYPE(max_pool2d_indices, fv_max_pool2d_args, "torch.nn.MaxPool2d",
              .alias = "max_pool_indices", .inputs = 1, .places = 1, .fields = fv_max_pool2d_fields,
              .shape = max_pool2d_indices_shape);

/* ---- max_unpool2d ------------------------------------------------------------------------- */

/* Returns the index that a float holds, or -1 if it is outside the plane. */
static ptrdiff_t place_of(float index, int area)
{
    return index >= 0.0f && index < (float)area ? (ptrdiff_t)index : -1;
}

static void unpool_forward(const fv_call *r)
{
    const sizes z = sizes_of(r);
    const float *x = r->xs[0], *index = r->xs[1];
    float *y = r->y;
    memset(y, 0, z.out_floats * r->slices * sizeof *y);
    for (int i = 0; i < r->slices * z.planes; i++, y += (size_t)z.out * z.width)
        for (int p = 0; p < z.in; p++, x += z.width, index += z.width)
            for (int c = 0; c < z.width; c++) {
                ptrdiff_t place = place_of(index[c], z.out);
                if (place >= 0)
                    y[place * z.width + c] = x[c];
            }
}

static void unpool_backward(const fv_call *r)
{
    const sizes z = sizes_of(r);
    const float *dy = r->dy, *index = r->xs[1];
    float *dx = r->dxs[0];
    if (r->dxs[1])
        memset(r->dxs[1], 0, z.in_floats * r->slices * sizeof *dx);
    for (int i = 0; dx && i < r->slices * z.planes; i++, dy += (size_t)z.out * z.width)
        for (int p = 0; p < z.in; p++, dx += z.width, index += z.width)
            for (int c = 0; c < z.width; c++) {
                ptrdiff_t place = place_of(index[c], z.out);
                dx[c] = place >= 0 ? dy[place * z.width + c] : 0.0f;
            }
}

static const fv_op max_unpool2d = {
    .flags = FV_KEEPS_X,
    .forward = unpool_forward,
    .backward = unpool_backward,
    .describe = fv_pool_describe,
};

/* What the pooling before may have seen: its output size has lost up to a stride. */
static fv_status unpool_size(fv_ctx *ctx, fv_def *def, fv_hw s, fv_hw size)
{
    const fv_pool2d *v = &def->pool;
    int64_t h = (int64_t)(v->H - 1) * s.h - 2 * v->ph + v->R;
    int64_t w = (int64_t)(v->W - 1) * s.w - 2 * v->pw + v->S;
    if (size.h == 0 && size.w == 0)
        size = (fv_hw){fv_clamp_size(h), fv_clamp_size(w)};
    else if (size.h <= h - s.h || size.h >= h + s.h || size.w <= w - s.w || size.w >= w + s.w)
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": output_size is %d x %d, but pooling by this kernel makes the "
                       "%d x %d picture that \"%s\" gives only of sizes within a stride of %lld x "
                       "%lld",
                       def->name, size.h, size.w, v->H, v->W, def->producer, (long long)h,
                       (long long)w);
    def->out = (fv_shape){v->C, size.h, size.w};
    if (size.h < 1 || size.w < 1)
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": its output would be %d x %d\n"
                       "help: less padding, or a larger kernel",
                       def->name, size.h, size.w);
    return fv_check_size(ctx, def);
}

static fv_status max_unpool2d_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_max_unpool2d_args *a = args;
    fv_hw k = fv_hw_of(a->kernel_size, 0), s = fv_hw_of(a->stride, a->kernel_size);
    fv_hw p = fv_hw_of(a->padding, 0);
    fv_shape in = def->in, of = def->ins[1];
    if (fv_check_hw(ctx, def, "kernel_size", k, 1) || fv_check_hw(ctx, def, "stride", s, 1) ||
        fv_check_hw(ctx, def, "padding", p, 0))
        return fv_error(ctx);
    if (of.c != in.c || of.h != in.h || of.w != in.w)
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": \"%s\" gives [N,%d,%d,%d], but there are indices for "
                       "[N,%d,%d,%d]\n"
                       "help: indices of a pooling whose output has the shape of x",
                       def->name, def->producer, in.c, in.h, in.w, of.c, of.h, of.w);
    def->op = &max_unpool2d;
    def->pool = (fv_pool2d){.C = in.c,
                            .H = in.h,
                            .W = in.w,
                            .R = k.h,
                            .S = k.w,
                            .sh = s.h,
                            .sw = s.w,
                            .ph = p.h,
                            .pw = p.w,
                            .dh = 1,
                            .dw = 1};
    return unpool_size(ctx, def, s, fv_hw_of(a->output_size, 0));
}

static const fv_arg unpool_fields[] = {
    FV_ARG(fv_max_unpool2d_args, kernel_size, FV_ARG_SIZE, .range = {1, 32767, 0}),
    FV_ARG(fv_max_unpool2d_args, stride, FV_ARG_SIZE, .range = {1, 32767, 0}),
    FV_ARG(fv_max_unpool2d_args, padding, FV_ARG_SIZE),
    FV_ARG(fv_max_unpool2d_args, output_size, FV_ARG_SIZE, .range = {1, 32767, 0}),
    {0},
};

FV_LAYER_TYPE(max_unpool2d, fv_max_unpool2d_args, "torch.nn.MaxUnpool2d", .alias = "max_unpool",
              .inputs = 2, .fields = unpool_fields, .shape = max_unpool2d_shape);
