/*
 * pool.c - conv2d, relu and max_pool2d in one pass.
 *
 * Forward makes the rows of the convolution that a row or more of pooling look at, while they are
 * in the first cache pools them, and goes on; the convolution's whole output never exists. Batch
 * last, windows of 2 x 2 are pooled before they leave the registers. max and relu commute, so relu
 * runs on the pooled numbers, a quarter as many. Backward takes gradients right from the pooled
 * ones, or spreads these over the rows they come from; where nobody wants the input's gradient,
 * each band of rows is used up while it is in the first cache. A convolution by tiles (winograd.c)
 * makes strips of rows instead, in the second cache, and takes all of dy. The numbers are those of
 * the three layers; gradients right from pooled ones sum in another order. Layer 2. Calls the base and the kernels.
 */
#include "ops/op.h"

#include <string.h>

/* Whether the kernel pools what it makes. */
static bool pools_tiles(const fv_def *def, fv_layout layout)
{
    return layout == FV_BATCH_LAST && def->conv.pooled;
}

enum { BAND = 1 << 12 }; /* floats */

/* Rows of the convolution that are made at once: a strip, or those of as many rows of windows as
   make a small band, or of one. */
static int band_rows(const fv_def *def, fv_layout layout)
{
    int rows = def->pool.R, windows = def->pool.P;
    if (def->winograd)
        return fv_winograd_rows(def, layout);
    int most = (int)(BAND / fv_slice_floats(layout, (size_t)def->conv.O * rows * def->conv.Q));
    return rows * (most < 1 ? 1 : most < windows ? most : windows);
}

static size_t band_floats(const fv_def *def, fv_layout layout)
{
    if (pools_tiles(def, layout))
        return 0;
    return fv_slice_floats(layout, (size_t)def->conv.O * band_rows(def, layout) * def->conv.Q);
}

static size_t pooled_floats(const fv_def *def, fv_layout layout)
{
    return fv_slice_floats(layout, fv_shape_count(def->stored));
}

static bool by_winners(const fv_def *def, fv_layout layout)
{
    return def->argmax && layout == FV_BATCH_LAST;
}

static bool by_windows(const fv_def *def, fv_layout layout)
{
    return def->windows && layout == FV_CHANNELS_LAST;
}

enum { KEPT = 1 << 16 }; /* floats */

/* Whether x with its padding, if that is little, is kept for backward, which would pad again. */
static bool keeps_padded(const fv_def *def, fv_layout layout)
{
    const fv_conv *v = &def->conv;
    return pools_tiles(def, layout) && !by_winners(def, layout) && !fv_conv_is_padded(v) &&
           def->padding_mode == FV_PADDING_ZEROS && fv_conv_padded_floats(v, layout) <= KEPT;
}

/* Saved: where each maximum came from in its band, then x with its padding if that is kept.
   Scratch: a band, then the convolution's own. */
static fv_need conv_pool_need(const fv_def *def, fv_layout layout, int images)
{
    fv_need need = (def->winograd ? fv_winograd_need : fv_conv_need)(def, layout, images);
    int slices = layout == FV_BATCH_LAST ? 1 : images;
    need.saved = fv_round_up(pooled_floats(def, layout) * slices);
    if (keeps_padded(def, layout))
        need.saved += fv_round_up(fv_conv_padded_floats(&def->conv, layout));
    need.scratch += fv_round_up(band_floats(def, layout));
    if (by_winners(def, layout)) {
        const fv_need more = fv_argmax_need(def);
        need.scratch = more.scratch > need.scratch ? more.scratch : need.scratch;
        need.sums = more.sums;
        need.partial = more.partial;
    }
    if (by_windows(def, layout) && need.scratch < fv_windows_scratch(def))
        need.scratch = fv_windows_scratch(def);
    return need;
}

/* Pools a band of so many rows of a slice, from row p of windows on. */
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
    int left = r->def->conv.P - s->row, most = band_rows(r->def, r->layout);
    int rows = left < most ? left : most;
    float *band = r->scratch + fv_winograd_need(r->def, r->layout, r->block_images).scratch;
    fv_winograd_put(r, s, band, rows);
    pool_band(r, s->slice, s->row / r->def->pool.R, rows, band);
}

static void forward_bands(const fv_call *r)
{
    const fv_conv *v = &r->def->conv;
    const fv_pool2d *pool = &r->def->pool;
    const int most = band_rows(r->def, r->layout), end = pool->P * pool->R;
    float *band = r->scratch, *padded = band + fv_round_up(band_floats(r->def, r->layout));
    for (int i = 0; i < r->slices; i++) {
        const float *xp = fv_conv_padded(r, v, i, padded);
        for (int row = 0; row < end; row += most) {
            int rows = end - row < most ? end - row : most;
            r->k->conv[r->layout].forward(v, xp, r->packed, r->b, band, row, row + rows);
            pool_band(r, i, row / pool->R, rows, band);
        }
    }
}

/* Batch last. */
static float *kept_of(const fv_call *r)
{
    return r->saved + fv_round_up(pooled_floats(r->def, r->layout));
}

static void conv_pool_forward(const fv_call *r)
{
    const fv_conv *v = &r->def->conv;
    if (pools_tiles(r->def, r->layout)) {
        float *to = r->saved && keeps_padded(r->def, r->layout) ? kept_of(r) : r->scratch;
        r->k->forward_pooled(v, fv_conv_padded(r, v, 0, to), r->packed, r->b, r->y,
                             (int32_t *)(void *)r->saved);
        return;
    }
    if (r->def->winograd)
        fv_winograd_forward(r, pool_strip);
    else if (by_windows(r->def, r->layout))
        fv_windows_forward(r);
    else
        forward_bands(r);
    r->k->relu_forward(pooled_floats(r->def, r->layout) * r->slices, r->y, r->y);
}

/* Row p of the pooled gradients of a slice, spread over R rows of dyp. */
static void spread_row(const fv_call *r, int slice, int p, float *dyp)
{
    const fv_conv v = fv_conv_gradient(r);
    const fv_pool2d *pool = &r->def->pool;
    int planes = fv_planes(r->layout, v.O), width = fv_width(r->layout, v.O);
    size_t row = (size_t)pool->Q * width;
    size_t at = slice * pooled_floats(r->def, r->layout) + p * row;
    r->k->pool_row_backward(pool, planes, width, r->y + at, r->dy + at,
                            (const int32_t *)(const void *)r->saved + at, pool->P * row,
                            fv_conv_dy_cols(&v), fv_conv_left(&v), dyp);
}

static void spread_rows(const fv_call *r, int slice, float *dyp)
{
    const fv_conv v = fv_conv_gradient(r);
    const fv_pool2d *pool = &r->def->pool;
    size_t line = fv_slice_floats(r->layout, (size_t)fv_conv_dy_cols(&v) * v.O);
    for (int p = 0; p < pool->P; p++)
        spread_row(r, slice, p, dyp + p * pool->R * line);
    int rest = v.P - pool->P * pool->R; /* rows that no window sees */
    memset(dyp + (v.P - rest) * line, 0, rest * line * sizeof *dyp);
}

/* Weight gradients right from the pooled ones, where there is such a way. */
static bool weights_pooled(const fv_call *r)
{
    const fv_conv *v = &r->def->conv;
    if (by_winners(r->def, r->layout))
        fv_argmax_backward(r);
    else if (pools_tiles(r->def, r->layout) && fv_conv_is_plain(v) && v->S <= FV_POOLED_TAPS) {
        const bool kept = keeps_padded(r->def, r->layout);
        r->k->weight_pooled(v, kept ? kept_of(r) : fv_conv_padded(r, v, 0, r->scratch), r->y, r->dy,
                            (const int32_t *)(const void *)r->saved, r->partial, fv_conv_db(r),
                            r->first);
    } else
        return false;
    return true;
}

/* Likewise the input's. Scratch has room for dy of the convolution, which is more than the work. */
static void inputs_pooled(const fv_call *r)
{
    r->k->input_pooled(&r->def->conv, r->packed, r->y, r->dy,
                       (const int32_t *)(const void *)r->saved, r->scratch, r->dx);
}

/* Weight gradients alone, band by band. */
static void weights_by_bands(const fv_call *r)
{
    const fv_conv v = fv_conv_gradient(r);
    const fv_pool2d *pool = &r->def->pool;
    size_t band = fv_slice_floats(r->layout, (size_t)pool->R * fv_conv_dy_cols(&v) * v.O);
    for (int i = 0; i < r->slices; i++) {
        const float *xp = fv_conv_padded(r, &v, i, r->scratch + band + FV_LANES);
        for (int p = 0; p < pool->P; p++) {
            spread_row(r, i, p, r->scratch);
            r->k->conv[r->layout].backward_weight(&v, 1, xp, 0, r->scratch, 0, p * pool->R,
                                                  (p + 1) * pool->R, r->partial, fv_conv_db(r),
                                                  r->first && i == 0 && p == 0);
        }
    }
}

static void conv_pool_backward(const fv_call *r)
{
    const bool by_choices = r->dx && r->def->conv.select && r->layout == FV_BATCH_LAST;
    fv_call rest = *r;
    if (by_choices)
        rest.dx = NULL;
    if (rest.partial && weights_pooled(&rest))
        rest.partial = NULL;
    if (rest.dx || r->def->winograd)
        (r->def->winograd ? fv_winograd_backward : fv_conv_run_backward)(&rest, spread_rows);
    else if (rest.partial)
        weights_by_bands(&rest);
    if (by_choices)
        inputs_pooled(r);
}

static void conv_pool_pack(const fv_kernels *k, const fv_def *def, fv_layout layout, int images,
                           const float *w, float *scratch, float *forward, float *backward)
{
    const bool windows = by_windows(def, layout);
    (def->winograd ? fv_winograd_pack
     : windows     ? fv_windows_pack
                   : fv_conv_pack)(k, def, layout, images, w, scratch, forward, backward);
}

static const fv_op conv2d_pooled = {
    .kind = "conv2d",
    .flags = FV_KEEPS_X | FV_KEEPS_Y,
    .need = conv_pool_need,
    .pack = conv_pool_pack,
    .forward = conv_pool_forward,
    .backward = conv_pool_backward,
    .reduce_items = fv_conv_reduce_items,
    .reduce = fv_conv_reduce,
    .describe = fv_conv_describe,
};

static const fv_op max_pool2d_done = {
    .kind = "max_pool2d", .flags = FV_VIEW, .describe = fv_pool_describe};

static bool side_by_side(const fv_pool2d *v)
{
    return v->R == v->sh && v->S == v->sw && v->ph == 0 && v->pw == 0 && v->dh == 1 && v->dw == 1 &&
           v->P * v->R <= v->H && v->Q * v->S <= v->W;
}

/* A choice takes as long as a multiply-add. Under a window are R + 1 rows and S + 1 columns of
   inputs, or one more, which all four pixels would reach by R * S weights each. */
static bool select_pays(const fv_def *def)
{
    const fv_conv *v = &def->conv;
    return v->pooled && fv_conv_is_plain(v) && def->padding_mode == FV_PADDING_ZEROS &&
           2 * (v->R / 2 + 1) * (v->S / 2 + 1) <= v->R * v->S;
}

void fv_fuse_conv_pool(fv_def *conv, fv_def *relu, fv_def *pool)
{
    if (!fv_is_conv2d(conv) || !fv_is_relu(relu) || !fv_is_max_pool2d(pool) ||
        !side_by_side(&pool->pool) ||
        (conv->winograd && pool->pool.R != 2)) /* strips have even rows */
        return;
    conv->op = &conv2d_pooled;
    relu->op = &fv_op_relu_done;
    pool->op = &max_pool2d_done;
    conv->pool = pool->pool;
    conv->argmax = fv_argmax_pays(conv);
    conv->conv.pooled = !conv->winograd && pool->pool.R == 2 && pool->pool.S == 2;
    conv->conv.select = select_pays(conv);
    conv->windows = fv_windows_pay(conv);
    conv->stored = relu->stored = pool->stored = pool->out;
}
