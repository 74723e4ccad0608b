/*
 * arithmetic.c - add and mul: elementwise, of the outputs of several layers.
 *
 * torch.add, torch.mul. Layer 2. Calls the base and the kernels.
 */
#include "ops/op.h"

#include <string.h>

static size_t floats_of(const fv_call *r)
{
    return fv_slice_floats(r->layout, fv_shape_count(r->def->out)) * r->slices;
}

static void add_forward(const fv_call *r)
{
    for (int i = 1; i < r->def->n_inputs; i++)
        r->k->add(floats_of(r), i == 1 ? r->xs[0] : r->y, r->xs[i], r->y);
}

/* Not in place: y must not overwrite an input that is still to be added. */
static const fv_op add = {
    .flags = FV_ALIASES_DY,
    .forward = add_forward,
};

static fv_status add_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    (void)args;
    for (int i = 1; i < def->n_inputs; i++)
        if (def->ins[i].c != def->in.c || def->ins[i].h != def->in.h || def->ins[i].w != def->in.w)
            return fv_fail(ctx, FV_E_SHAPE,
                           "layer \"%s\": adds [N,%d,%d,%d] (from \"%s\") and [N,%d,%d,%d]; both "
                           "must have one shape\n"
                           "help: bring them to one size first, as a shortcut does with a 1 x 1 "
                           "convolution",
                           def->name, def->in.c, def->in.h, def->in.w, def->producer, def->ins[i].c,
                           def->ins[i].h, def->ins[i].w);
    def->op = &add;
    def->out = def->in;
    return FV_OK;
}

FV_LAYER_TYPE(add, fv_binary_args, "torch.add", .inputs = 2, .fields = fv_no_fields,
              .shape = add_shape);

/* ---- mul ---------------------------------------------------------------------------------- */

/* The second input in parts of [rows][width] of the first: planes, or images. */
typedef struct spread {
    int partials, width;
    size_t rows, x_step, w_step; /* from one part to the next */
    size_t row_step, col_step;   /* of the second input inside a part */
} spread;

static spread spread_of(const fv_call *r)
{
    fv_shape x = r->def->ins[0], w = r->def->ins[1];
    size_t area = (size_t)x.h * x.w, w_area = (size_t)w.h * w.w;
    bool rows = w_area > 1;
    if (r->layout == FV_BATCH_LAST)
        return (spread){.partials = x.c,
                        .width = FV_LANES,
                        .rows = area,
                        .x_step = area * FV_LANES,
                        .w_step = w.c > 1 ? w_area * FV_LANES : 0,
                        .row_step = rows ? FV_LANES : 0,
                        .col_step = 1};
    return (spread){.partials = r->slices,
                    .width = x.c,
                    .rows = area,
                    .x_step = area * x.c,
                    .w_step = w_area * w.c,
                    .row_step = rows ? (size_t)w.c : 0,
                    .col_step = w.c > 1};
}

/* to = x * w, part by part. */
static void multiply(const fv_call *r, const float *x, const float *w, float *to)
{
    spread s = spread_of(r);
    for (int i = 0; i < s.partials; i++)
        r->k->scale(s.rows, s.width, s.row_step, s.col_step, x + i * s.x_step, w + i * s.w_step,
                    NULL, to + i * s.x_step);
}

static void mul_forward(const fv_call *r)
{
    multiply(r, r->xs[0], r->xs[1], r->y);
}

static void mul_backward(const fv_call *r)
{
    spread s = spread_of(r);
    float *dw = r->dxs[1];
    if (r->dxs[0])
        multiply(r, r->dy, r->xs[1], r->dxs[0]);
    if (!dw)
        return;
    memset(dw, 0,
           fv_slice_floats(r->layout, fv_shape_count(r->def->ins[1])) * r->slices * sizeof *dw);
    for (int i = 0; i < s.partials; i++)
        r->k->scale_sums(s.rows, s.width, s.row_step, s.col_step, r->dy + i * s.x_step,
                         r->xs[0] + i * s.x_step, dw + i * s.w_step);
}

static const fv_op mul = {
    .flags = FV_KEEPS_X,
    .forward = mul_forward,
    .backward = mul_backward,
};

static fv_status mul_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    (void)args;
    fv_shape x = def->in, w = def->ins[1];
    bool channels = w.c == x.c || w.c == 1;
    bool pixels = (w.h == x.h && w.w == x.w) || (w.h == 1 && w.w == 1);
    def->op = &mul;
    def->out = x;
    if (channels && pixels)
        return FV_OK;
    return fv_fail(ctx, FV_E_SHAPE,
                   "layer \"%s\": multiplies [N,%d,%d,%d] (from \"%s\") by [N,%d,%d,%d], which "
                   "does not fit\n"
                   "help: the second must have the channels of the first or 1, and its rows and "
                   "columns or 1 x 1",
                   def->name, x.c, x.h, x.w, def->producer, w.c, w.h, w.w);
}

FV_LAYER_TYPE(mul, fv_binary_args, "torch.mul", .inputs = 2, .fields = fv_no_fields,
              .shape = mul_shape);
