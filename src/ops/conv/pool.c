/*
 * pool.c - conv2d, relu and max_pool2d fused into one layer.
 *
 * Forward computes a band of output rows, pools it while it is in the first-level cache, and goes on;
 * the convolution's whole output never exists. Windows of 2 x 2 are pooled in registers where the form
 * says so. max and relu commute, so relu runs on the pooled numbers, a quarter as many. Backward
 * computes gradients directly from the pooled ones, or spreads these over the rows of dy; without an
 * input gradient it uses each band of rows while it is in the first-level cache. Winograd F(2x2,3x3)
 * has strips of rows in place of bands, and takes all of dy. Forward gives the bits of the three
 * layers; gradients directly from pooled ones sum in another order. Layer 2. Calls the base and the
 * kernels.
 */
#include "ops/conv/conv.h"

#include <string.h>

static bool is_f2x2_3x3(const fv_conv_form *f)
{
    return f->numbers.forward == FV_F2X2_3X3;
}

static size_t band_floats(const fv_def *def, fv_layout layout)
{
    const fv_conv_form *f = &def->form[layout];
    if (f->speed.pool_in_registers)
        return 0;
    return fv_slice_floats(layout, (size_t)def->conv.O * f->speed.band_rows * def->conv.Q);
}

static size_t pooled_floats(const fv_def *def, fv_layout layout)
{
    return fv_slice_floats(layout, fv_shape_count(def->stored));
}

/* Saved: the argmax of each window, then x with its padding if that is kept. Scratch: a band, then
   that of the convolution. */
static fv_need conv_pool_need(const fv_def *def, fv_layout layout, int images)
{
    const fv_conv_form *f = &def->form[layout];
    fv_need need = (is_f2x2_3x3(f) ? fv_op_winograd.need : fv_conv_need)(def, layout, images);
    int slices = layout == FV_BATCH_LAST ? 1 : images;
    need.saved = fv_round_up(pooled_floats(def, layout) * slices);
    if (f->speed.keeps_padded)
        need.saved += fv_round_up(fv_conv_padded_floats(&def->conv, layout));
    need.scratch += fv_round_up(band_floats(def, layout));
    if (f->numbers.weights == FV_DW_ARGMAX) {
        const fv_need more = fv_argmax_need(def);
        need.scratch = more.scratch > need.scratch ? more.scratch : need.scratch;
        need.sums = more.sums;
        need.partial = more.partial;
    }
    if (f->speed.windows_as_lanes && need.scratch < fv_windows_scratch(def))
        need.scratch = fv_windows_scratch(def);
    return need;
}

/* Pools a band of `rows` rows of a slice, from row p of windows on. */
static void pool_band(const fv_call *r, int slice, int p, int rows, const float *band)
{
    const fv_pool2d *pool = &r->def->pool;
    int planes = fv_planes(r->layout, r->def->conv.O), width = fv_width(r->layout, r->def->conv.O);
    size_t row = (size_t)pool->Q * width;
    size_t at = slice * pooled_floats(r->def, r->layout) + p * row;
    fv_pool2d some = *pool;
    some.H = rows;
    some.P = rows / pool->R < pool->P - p ? rows / pool->R : pool->P - p;
    r->k->max_pool_forward(&some, planes, width, band, r->y + at,
                           r->saved ? (int32_t *)(void *)r->saved + at : NULL, pool->P * row);
}

static void pool_strip(const fv_call *r, const fv_strip *s)
{
    int left = r->def->conv.P - s->row, most = fv_form(r)->speed.band_rows;
    int rows = left < most ? left : most;
    float *band = r->scratch + fv_op_winograd.need(r->def, r->layout, r->block_images).scratch;
    fv_winograd_put(r, s, band, rows);
    pool_band(r, s->slice, s->row / r->def->pool.R, rows, band);
}

static void forward_bands(const fv_call *r)
{
    const fv_conv *v = &r->def->conv;
    const fv_pool2d *pool = &r->def->pool;
    const fv_sum sum = fv_form(r)->numbers.forward;
    const int most = fv_form(r)->speed.band_rows, end = pool->P * pool->R;
    float *band = r->scratch, *padded = band + fv_round_up(band_floats(r->def, r->layout));
    for (int i = 0; i < r->slices; i++) {
        const float *xp = fv_conv_padded(r, v, i, padded);
        for (int row = 0; row < end; row += most) {
            int rows = end - row < most ? end - row : most;
            r->k->conv[r->layout].forward[sum](v, xp, r->packed, r->b, band, row, row + rows);
            pool_band(r, i, row / pool->R, rows, band);
        }
    }
}

/* x with its padding, batch last. */
static float *kept_of(const fv_call *r)
{
    return r->saved + fv_round_up(pooled_floats(r->def, r->layout));
}

static void conv_pool_forward(const fv_call *r)
{
    const fv_conv *v = &r->def->conv;
    const fv_conv_form *f = fv_form(r);
    if (f->speed.windows_as_lanes)
        fv_windows_forward(r);
    else if (f->speed.pool_in_registers) {
        float *to = r->saved && f->speed.keeps_padded ? kept_of(r) : r->scratch;
        r->k->pooled->forward[f->numbers.forward](v, fv_conv_padded(r, v, 0, to), r->packed, r->b,
                                                  r->y, (int32_t *)(void *)r->saved);
        return;
    } else if (is_f2x2_3x3(f))
        fv_winograd_forward(r, pool_strip);
    else
        forward_bands(r);
    r->k->relu_forward(pooled_floats(r->def, r->layout) * r->slices, r->y, r->y);
}

/* Row p of the pooled gradients of a slice, spread over R rows of dyp. */
static void spread_row(const fv_call *r, const fv_conv *v, int slice, int p, float *dyp)
{
    const fv_pool2d *pool = &r->def->pool;
    int planes = fv_planes(r->layout, v->O), width = fv_width(r->layout, v->O);
    size_t row = (size_t)pool->Q * width;
    size_t at = slice * pooled_floats(r->def, r->layout) + p * row;
    r->k->pool_row_backward(pool, planes, width, r->y + at, r->dy + at,
                            (const int32_t *)(const void *)r->saved + at, pool->P * row,
                            fv_conv_dy_cols(v), v->left, dyp);
}

static void spread_rows(const fv_call *r, const fv_conv *v, int slice, float *dyp)
{
    const fv_pool2d *pool = &r->def->pool;
    size_t line = fv_slice_floats(r->layout, (size_t)fv_conv_dy_cols(v) * v->O);
    for (int p = 0; p < pool->P; p++)
        spread_row(r, v, slice, p, dyp + p * pool->R * line);
    int rest = v->P - pool->P * pool->R; /* rows below the last window */
    memset(dyp + (v->P - rest) * line, 0, rest * line * sizeof *dyp);
}

/* Weight gradients directly from the pooled ones: FV_DW_POOLED. */
static void weights_pooled(const fv_call *r)
{
    const fv_conv *v = &r->def->conv;
    const bool kept = fv_form(r)->speed.keeps_padded;
    r->k->pooled->weight(v, kept ? kept_of(r) : fv_conv_padded(r, v, 0, r->scratch), r->y, r->dy,
                         (const int32_t *)(const void *)r->saved, r->partial, fv_conv_db(r),
                         r->first);
}

/* Input gradients likewise: FV_DX_SELECT. Scratch is sized for dy of the convolution, which is more. */
static void inputs_pooled(const fv_call *r)
{
    r->k->pooled->input(&r->def->conv, r->packed, r->y, r->dy,
                        (const int32_t *)(const void *)r->saved, r->scratch, r->dx);
}

/* Weight gradients alone, band by band. */
static void weights_by_bands(const fv_call *r)
{
    const fv_conv v = fv_conv_for_backward(r);
    const fv_pool2d *pool = &r->def->pool;
    size_t band = fv_slice_floats(r->layout, (size_t)pool->R * fv_conv_dy_cols(&v) * v.O);
    for (int i = 0; i < r->slices; i++) {
        const float *xp = fv_conv_padded(r, &v, i, r->scratch + band + FV_LANES);
        for (int p = 0; p < pool->P; p++) {
            spread_row(r, &v, i, p, r->scratch);
            r->k->conv[r->layout].backward_weight(&v, 1, xp, 0, r->scratch, 0, p * pool->R,
                                                  (p + 1) * pool->R, r->partial, fv_conv_db(r),
                                                  r->first && i == 0 && p == 0);
        }
    }
}

static void conv_pool_backward(const fv_call *r)
{
    const fv_conv_form *f = fv_form(r);
    if (is_f2x2_3x3(f)) {
        fv_winograd_backward(r, spread_rows);
        return;
    }
    fv_call rest = *r; /* the gradients that need dy of the convolution */
    if (f->numbers.inputs == FV_DX_SELECT)
        rest.dx = NULL;
    if (f->numbers.weights != FV_DW_DIRECT)
        rest.partial = NULL;
    if (r->partial && f->numbers.weights == FV_DW_ARGMAX)
        fv_argmax_backward(r);
    if (r->partial && f->numbers.weights == FV_DW_POOLED)
        weights_pooled(r);
    if (rest.dx)
        fv_conv_backward_of(&rest, spread_rows);
    else if (rest.partial)
        weights_by_bands(&rest);
    if (r->dx && !rest.dx)
        inputs_pooled(r);
}

static void conv_pool_pack(const fv_kernels *k, const fv_def *def, fv_layout layout, int images,
                           const float *w, float *scratch, float *forward, float *backward)
{
    const fv_conv_form *f = &def->form[layout];
    (is_f2x2_3x3(f) ? fv_op_winograd.pack
     : f->speed.windows_as_lanes
         ? fv_windows_pack
         : fv_conv_pack)(k, def, layout, images, w, scratch, forward, backward);
}

static const fv_op conv2d_pooled = {
    .flags = FV_KEEPS_X | FV_KEEPS_Y,
    .need = conv_pool_need,
    .pack = conv_pool_pack,
    .forward = conv_pool_forward,
    .backward = conv_pool_backward,
    .reduce_items = fv_conv_reduce_items,
    .reduce = fv_conv_reduce,
    .describe = fv_conv_describe,
};

static const fv_op max_pool2d_done = {.flags = FV_VIEW, .describe = fv_pool_describe};

static bool side_by_side(const fv_pool2d *v)
{
    return v->R == v->sh && v->S == v->sw && v->ph == 0 && v->pw == 0 && v->dh == 1 && v->dw == 1 &&
           v->P * v->R <= v->H && v->Q * v->S <= v->W;
}

void fv_fuse_conv_pool(fv_def *conv, fv_def *relu, fv_def *pool)
{
    if (!fv_is_conv2d(conv) || !fv_is_relu(relu) || !fv_is_max_pool2d(pool) ||
        !side_by_side(&pool->pool) ||
        (conv->op == &fv_op_winograd && pool->pool.R != 2)) /* strips have even rows */
        return;
    conv->op = &conv2d_pooled;
    relu->op = &fv_op_relu_done;
    pool->op = &max_pool2d_done;
    conv->pool = pool->pool;
    for (fv_layout layout = FV_BATCH_LAST; layout < FV_LAYOUTS; layout++)
        conv->form[layout] = fv_conv_form_of(conv, layout);
    conv->stored = relu->stored = pool->stored = pool->out;
}
