/*
 * windows.c - forward of a conv2d that pools, channels last, with pooling windows in the lanes.
 *
 * Channels last, a convolution of few outputs leaves most lanes of a vector idle. But 16 adjacent
 * windows are like 16 narrow pictures, each as wide as the input of one window, with the same
 * convolution and pooling and one column of windows. They are loaded as a block, batch last, and
 * computed by the kernels of that layout. The sum of each output is the same. Layer 2. Calls the base
 * and the kernels.
 */
#include "ops/conv/conv.h"

#include <string.h>

/* The narrow pictures, and offsets in scratch. */
typedef struct windows {
    fv_conv conv;
    fv_pool2d pool;
    int rows, cols, step; /* rows and columns of the padded picture; columns between windows */
    size_t padded, x, y, out, end; /* the transposed x is at 0 */
} windows;

static windows windows_of(const fv_def *def)
{
    const fv_conv_form *form = &def->form[FV_CHANNELS_LAST];
    const fv_conv *v = &def->conv;
    windows w = {.conv = *v,
                 .pool = def->pool,
                 .rows = fv_conv_rows(v),
                 .cols = fv_conv_cols(v),
                 .step = def->pool.S * v->sw};
    w.conv.P = w.pool.H = def->pool.P * def->pool.R;
    w.conv.Q = w.pool.W = def->pool.S;
    w.pool.Q = 1;
    w.conv.H = w.rows;
    w.conv.W = (w.conv.Q - 1) * v->sw + (v->S - 1) * v->dw + 1;
    w.conv.ph = w.conv.pw = 0;
    w.padded = fv_round_up((size_t)v->C * v->H * v->W);
    /* Lanes past the last window read past the end of their row. */
    w.x = w.padded + fv_round_up((size_t)v->C * w.rows * w.cols) + FV_LANES * w.step;
    w.y = w.x + FV_LANES * (size_t)v->C * w.rows * w.conv.W;
    w.out = w.y +
            (form->speed.pool_in_registers ? 0 : FV_LANES * (size_t)v->O * w.conv.P * w.conv.Q);
    w.end = w.out + 2 * FV_LANES * (size_t)v->O * w.pool.P;
    return w;
}

size_t fv_windows_scratch(const fv_def *def)
{
    return windows_of(def).end;
}

void fv_windows_pack(const fv_kernels *k, const fv_def *def, fv_layout layout, int images,
                     const float *w, float *scratch, float *forward, float *backward)
{
    const fv_conv narrow = windows_of(def).conv;
    (void)images, (void)scratch;
    k->conv[FV_BATCH_LAST].pack(&narrow, fv_conv_packing(&def->form[layout]), w, forward);
    if (backward)
        k->conv[layout].pack(&def->conv, FV_PACK_INPUT, w, backward);
}

/* x [H][W][C] of a slice as padded planes [C][rows][cols]. */
static void pad_planes(const fv_call *r, const windows *w, int slice)
{
    const fv_conv *v = &r->def->conv;
    const float *x = r->x + slice * fv_shape_count(r->def->in);
    if (v->C > 1) {
        r->k->transpose((size_t)v->H * v->W, v->C, x, r->scratch);
        x = r->scratch;
    }
    float *padded = r->scratch + w->padded;
    r->k->pad(v->C, 1, v->H, v->W, x, w->rows, w->cols, v->ph, v->pw, padded);
    memset(padded + (size_t)v->C * w->rows * w->cols, 0, FV_LANES * w->step * sizeof *padded);
}

/* Windows q to q+n-1 of each row of windows: n lanes of from [O][P][L] to [P][Q][O]. The argmax is
   copied as floats are. */
static void put_windows(const fv_call *r, int q, int n, const float *from, float *to)
{
    const fv_pool2d *pool = &r->def->pool;
    int O = r->def->conv.O;
    for (int p = 0; p < pool->P; p++)
        r->k->store_rows(O, n, from + p * FV_LANES, (size_t)pool->P * FV_LANES,
                         to + ((size_t)p * pool->Q + q) * O);
}

static void pool_windows(const fv_call *r, const windows *w, const float *x, float *y, float *out,
                         int32_t *argmax)
{
    if (fv_form(r)->speed.pool_in_registers) {
        r->k->pooled->forward[FV_DIRECT](&w->conv, x, r->packed, r->b, out, argmax);
        return;
    }
    r->k->conv[FV_BATCH_LAST].forward[FV_DIRECT](&w->conv, x, r->packed, r->b, y, 0, w->conv.P);
    r->k->max_pool_forward(&w->pool, w->conv.O, FV_LANES, y, out, argmax,
                           (size_t)w->pool.P * FV_LANES);
}

void fv_windows_forward(const fv_call *r)
{
    const windows w = windows_of(r->def);
    const fv_pool2d *pool = &r->def->pool;
    int O = w.conv.O;
    float *padded = r->scratch + w.padded, *x = r->scratch + w.x, *y = r->scratch + w.y;
    float *out = r->scratch + w.out, *argmax = out + (size_t)O * pool->P * FV_LANES;
    for (int slice = 0; slice < r->slices; slice++) {
        size_t at = slice * fv_shape_count(r->def->stored);
        pad_planes(r, &w, slice);
        for (int q = 0; q < pool->Q; q += FV_LANES) {
            int n = pool->Q - q < FV_LANES ? pool->Q - q : FV_LANES;
            r->k->load_windows((size_t)w.conv.C * w.rows, w.conv.W, w.step, padded + q * w.step,
                               w.cols, x);
            pool_windows(r, &w, x, y, out, r->saved ? (int32_t *)(void *)argmax : NULL);
            put_windows(r, q, n, out, r->y + at);
            if (r->saved)
                put_windows(r, q, n, argmax, r->saved + at);
        }
    }
}
