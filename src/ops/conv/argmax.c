/*
 * argmax.c - sparse weight gradients of a conv2d that pools, FV_DW_ARGMAX, batch last.
 *
 * x [C][H][W][16] and the pooled gradients, [O][P][Q][16], are transposed to images. There a window's
 * gradient is multiplied by the one patch of x under its argmax: one multiplication for each weight and
 * window, where all its pixels would be four and more. The sum runs image by image, window by window.
 * Layer 2. Calls the base and the kernels.
 */
#include "ops/conv/conv.h"

#include <string.h>

enum {
    REUSE = 16,    /* least outputs for which spreading an image pays, */
    SPREAD = 8192, /* and most floats of it, which fit the first-level cache */
    LISTS = 64,    /* lists of an image made at a time, or those of one output */
};

/* Whether images are spread: vectors of whole pixels are aligned without it. */
static bool spreads(const fv_conv *v)
{
    const int places = fv_conv_rows(v) * (fv_conv_cols(v) - v->S + 1);
    return v->O >= REUSE && v->C % FV_LANES != 0 && places * fv_round_up(v->S * v->C) <= SPREAD;
}

static fv_argmax_job job_of(const fv_def *def)
{
    const fv_conv *v = &def->conv;
    const int rows = fv_conv_rows(v), cols = fv_conv_cols(v), row = v->S * v->C;
    const int cells = def->pool.P * def->pool.Q, groups = (cells - 1) / FV_FOUND + 1;
    const int most = LISTS / groups < 1 ? 1 : LISTS / groups, some = most < v->O ? most : v->O;
    fv_argmax_job w = {.O = some, .cells = cells, .groups = groups};
    w.C = v->C, w.R = v->R, w.row = row;
    w.rows = rows, w.places = cols - v->S + 1;
    w.pixel = spreads(v) ? (int)fv_round_up(row) : v->C;
    w.line = spreads(v) ? w.places * w.pixel : cols * v->C;
    w.image = fv_round_up((size_t)rows * cols * v->C) + FV_LANES;
    w.lists = (size_t)some * groups + 1; /* not 4 KB, which would map to the same cache sets */
    return w;
}

/* Floats of the gradients of an output's kernel, whose rows are whole vectors. */
static size_t kernel_of(const fv_argmax_job *w)
{
    return (size_t)w->R * fv_round_up(w->row);
}

/* Floats of a spread image, or 0. */
static size_t spread_of(const fv_argmax_job *w)
{
    return w->pixel == w->C ? 0 : (size_t)w->rows * w->line;
}

/* Floats of the lists made at a time. */
static size_t found_of(const fv_argmax_job *w)
{
    return FV_LANES * w->lists * (sizeof(fv_found) / sizeof(float));
}

/* Scratch: x with its padding, the same as images, one of them spread, lists and their counts.
   Sums: gradients of the kernels, and of the biases lane by lane. */
fv_need fv_argmax_need(const fv_def *def)
{
    const fv_argmax_job w = job_of(def);
    return (fv_need){.scratch = fv_round_up(fv_conv_padded_floats(&def->conv, FV_BATCH_LAST)) +
                                FV_LANES * w.image + spread_of(&w) + found_of(&w) +
                                FV_LANES * w.lists,
                     .sums = def->conv.O * (kernel_of(&w) + FV_LANES),
                     .partial = fv_round_up(fv_weights(def) + fv_biases(def))};
}

/* dw and db of the chunk, in the order of the parameters. */
static void write_partial(const fv_call *r, const fv_argmax_job *w)
{
    const fv_conv *v = &r->def->conv;
    const int C = v->C, RS = v->R * v->S;
    const size_t row = fv_round_up(w->row);
    const float *from = r->sums;
    float *to = r->partial, *db = r->partial + fv_weights(r->def);
    for (int o = 0; o < v->O; o++, to += (size_t)C * RS)
        for (int rs = 0; rs < RS; rs += v->S, from += row)
            for (int s = 0; s < v->S; s++)
                for (int c = 0; c < C; c++)
                    to[c * RS + rs + s] = from[s * C + c];
    memset(db, 0, fv_biases(r->def) * sizeof *db);
    r->k->sum_lanes(fv_biases(r->def), 1, from, 0, db);
}

/* Outputs o to o + w->O - 1, of images [L], with scratch behind them. */
static void add_outputs(const fv_call *r, const fv_argmax_job *w, int o, float *images)
{
    const size_t at = (size_t)o * w->cells * FV_LANES, all = r->def->conv.O * kernel_of(w);
    const int32_t *argmax = (const int32_t *)(const void *)r->saved;
    float *spread = images + FV_LANES * w->image, *lists = spread + spread_of(w);
    fv_found *found = (fv_found *)(void *)lists;
    int32_t *counts = (int32_t *)(void *)(lists + found_of(w));
    r->k->argmax->find(w, &r->def->pool, r->y + at, r->dy + at, argmax + at,
                       r->sums + all + (size_t)o * FV_LANES, found, counts);
    for (int i = 0; i < r->images; i++, images += w->image) {
        if (spread_of(w))
            r->k->argmax->spread(w, images, spread);
        r->k->argmax->weight(w, spread_of(w) ? spread : images, found + i * w->lists,
                             counts + i * w->lists, r->sums + o * kernel_of(w));
    }
}

void fv_argmax_backward(const fv_call *r)
{
    fv_argmax_job w = job_of(r->def);
    const fv_conv *v = &r->def->conv;
    const float *xp = fv_conv_padded(r, v, 0, r->scratch);
    float *images = r->scratch + fv_round_up(fv_conv_padded_floats(v, FV_BATCH_LAST));
    if (r->first)
        memset(r->sums, 0, fv_argmax_need(r->def).sums * sizeof *r->sums);
    r->k->argmax->transpose(&w, (size_t)fv_conv_rows(v) * fv_conv_cols(v), xp, images);
    for (int o = 0, some = w.O; o < v->O; o += some) {
        w.O = some < v->O - o ? some : v->O - o;
        add_outputs(r, &w, o, images);
    }
    if (r->last)
        write_partial(r, &w);
}
