/*
 * conv_pool.c - conv2d, relu and max_pool2d in one pass.
 *
 * Forward makes the rows of the convolution that one row of pooling looks at, while they are in the
 * first cache pools them, and goes on; the convolution's whole output never exists. max and relu
 * commute, so relu runs on the pooled numbers, a quarter as many. Backward spreads the pooled
 * gradients over the convolution's output in scratch. The numbers are those of the three layers.
 * Layer 2. Calls the base and the kernels.
 */
#include "ops/op.h"

/* The pooling of one row of windows, whose input is a band of R rows. */
static fv_pool2d band_of(const fv_pool2d *pool)
{
    fv_pool2d band = *pool;
    band.H = pool->R;
    band.P = 1;
    return band;
}

static size_t band_floats(const fv_def *def)
{
    return (size_t)def->conv.O * def->pool.R * def->conv.Q * FV_LANES;
}

static size_t output_floats(const fv_def *def)
{
    return (size_t)def->conv.O * def->conv.P * def->conv.Q * FV_LANES;
}

static size_t pooled_floats(const fv_def *def)
{
    return fv_shape_count(def->stored) * FV_LANES;
}

/* Saved: where each maximum came from in its band. Scratch: the convolution's own, then a band, or
   the gradients of the convolution's output and of the pooling's. */
static fv_need conv_pool_need(const fv_def *def)
{
    return (fv_need){.saved = pooled_floats(def),
                     .scratch = fv_conv_scratch(&def->conv) + output_floats(def) +
                                band_floats(def) + pooled_floats(def),
                     .part = (def->weights + def->biases) * FV_LANES};
}

static void conv_pool_forward(const fv_run *r)
{
    const fv_pool2d *pool = &r->def->pool, band = band_of(pool);
    size_t row = (size_t)pool->Q * FV_LANES;
    const float *xp = fv_conv_padded(r);
    float *rows = r->scratch + fv_conv_scratch(&r->def->conv);
    for (int p = 0; p < pool->P; p++) {
        int32_t *winner = r->saved ? (int32_t *)(void *)r->saved + p * row : NULL;
        r->k->conv_forward(&r->def->conv, xp, r->w, r->b, rows, p * pool->R, (p + 1) * pool->R);
        r->k->max_pool_forward(&band, rows, r->y + p * row, winner, pool->P * row);
    }
    r->k->relu_forward(pooled_floats(r->def), r->y, r->y);
}

static void conv_pool_backward(const fv_run *r)
{
    float *dconv = r->scratch + fv_conv_scratch(&r->def->conv);
    float *dpool = dconv + output_floats(r->def);
    r->k->relu_backward(pooled_floats(r->def), r->y, r->dy, dpool);
    r->k->max_pool_backward(&r->def->pool, dpool, (const int32_t *)(void *)r->saved, dconv);
    fv_conv_run_backward(r, dconv);
}

static const fv_op conv2d_pooled = {
    .kind = "conv2d",
    .flags = FV_KEEPS_X | FV_KEEPS_Y,
    .need = conv_pool_need,
    .forward = conv_pool_forward,
    .backward = conv_pool_backward,
    .reduce_items = fv_conv_reduce_items,
    .reduce = fv_conv_reduce,
};

static const fv_op relu_done = {.kind = "relu", .flags = FV_VIEW};
static const fv_op max_pool2d_done = {.kind = "max_pool2d", .flags = FV_VIEW};

static bool side_by_side(const fv_pool2d *v)
{
    return v->R == v->sh && v->S == v->sw && v->ph == 0 && v->pw == 0 && v->dh == 1 &&
           v->dw == 1 && v->P * v->R <= v->H && v->Q * v->S <= v->W;
}

void fv_fuse_conv_pool(fv_def *conv, fv_def *relu, fv_def *pool)
{
    if (!fv_is_conv2d(conv) || !fv_is_relu(relu) || !fv_is_max_pool2d(pool) ||
        !side_by_side(&pool->pool))
        return;
    conv->op = &conv2d_pooled;
    relu->op = &relu_done;
    pool->op = &max_pool2d_done;
    conv->pool = pool->pool;
    conv->stored = relu->stored = pool->stored = pool->out;
}
