/*
 * winners.c - weight gradients of a convolution that pools, by the pixels that won.
 *
 * Batch last, x [C][H][W][16] and the pooled gradients, [O][P][Q][16], are turned to images. There
 * a window's gradient goes to the one patch of x that its winner saw: one multiplication for each
 * weight and window, where all its pixels would be four and more. Each weight is summed up image by
 * image, window by window. Layer 2. Calls the base and the kernels.
 */
#include "ops/op.h"

#include <string.h>

enum {
    MANY = 8,       /* outputs: fewer do not pay */
    MANY_ROWS = 64, /* floats of a kernel's rows: fewer do not, either */
    FOUND = 2048,   /* winners of an image, or those of one output, that are listed at a time */
};

bool fv_winners_pay(const fv_def *def)
{
    const fv_conv *v = &def->conv;
    const fv_pool2d *pool = &def->pool;
    const size_t row = (size_t)v->S * v->C, whole = fv_round_up(row);
    const size_t image = (size_t)v->C * fv_conv_rows(v) * fv_conv_cols(v);
    const int pixels = pool->R * pool->S; /* of a window */
    return !def->winograd && fv_conv_is_plain(v) && v->O >= MANY && v->R * whole >= MANY_ROWS &&
           pixels <= FV_WINNERS_MOST && pixels * row >= 3 * whole && image < INT32_MAX / 2;
}

static fv_winners winners_of(const fv_def *def)
{
    const fv_conv *v = &def->conv;
    const size_t line = (size_t)v->C * fv_conv_cols(v);
    const int cells = def->pool.P * def->pool.Q, some = FOUND / cells < 1 ? 1 : FOUND / cells;
    return (fv_winners){.O = some < v->O ? some : v->O,
                        .cells = cells,
                        .C = v->C,
                        .R = v->R,
                        .row = v->S * v->C,
                        .line = line,
                        .image = fv_round_up(fv_conv_rows(v) * line) + FV_LANES};
}

/* Floats of the gradients of an output's kernels, whose rows are whole vectors. */
static size_t kernel_of(const fv_winners *w)
{
    return (size_t)w->R * fv_round_up(w->row);
}

/* Floats of the winners at a time, and of how many there are of each output. */
static size_t found_of(const fv_winners *w)
{
    return (size_t)FV_LANES * w->O * w->cells * 2;
}

static size_t counts_of(const fv_winners *w)
{
    return (size_t)FV_LANES * w->O;
}

/* Scratch: x with its padding, the same as images, and what find makes. Sums: gradients of the
   kernels, and of the biases lane by lane. */
fv_need fv_winners_need(const fv_def *def)
{
    const fv_winners w = winners_of(def);
    return (fv_need){.scratch = fv_round_up(fv_conv_padded_floats(&def->conv, FV_BATCH_LAST)) +
                                FV_LANES * w.image + found_of(&w) + counts_of(&w),
                     .sums = def->conv.O * (kernel_of(&w) + FV_LANES),
                     .part = fv_round_up(def->weights + def->biases)};
}

/* dw and db of the chunk, in their own order. */
static void write_part(const fv_run *r, const fv_winners *w)
{
    const fv_conv *v = &r->def->conv;
    const float *from = r->sums;
    float *db = r->part + r->def->weights;
    for (int o = 0; o < v->O; o++)
        for (int m = 0; m < v->R; m++, from += fv_round_up(w->row))
            for (int c = 0; c < v->C; c++)
                for (int s = 0; s < v->S; s++)
                    r->part[(((size_t)o * v->C + c) * v->R + m) * v->S + s] = from[s * v->C + c];
    memset(db, 0, r->def->biases * sizeof *db);
    r->k->sum_lanes(r->def->biases, 1, from, 0, db);
}

/* Outputs from o on, w->O of them. */
static void add_outputs(const fv_run *r, const fv_winners *w, int o, const float *images,
                        fv_winner *found, int32_t *counts)
{
    const size_t at = (size_t)o * w->cells * FV_LANES, all = r->def->conv.O * kernel_of(w);
    const int32_t *winner = (const int32_t *)(const void *)r->saved;
    r->k->winners.find(w, &r->def->pool, r->y + at, r->dy + at, winner + at,
                       r->sums + all + (size_t)o * FV_LANES, found, counts);
    for (int i = 0; i < r->images; i++)
        r->k->winners.weight(w, images + i * w->image, found + (size_t)i * w->O * w->cells,
                             counts + i * w->O, r->sums + o * kernel_of(w));
}

void fv_winners_backward(const fv_run *r)
{
    fv_winners w = winners_of(r->def);
    const fv_conv *v = &r->def->conv;
    const float *xp = fv_conv_padded(r, v, 0, r->scratch);
    float *images = r->scratch + fv_round_up(fv_conv_padded_floats(v, FV_BATCH_LAST));
    fv_winner *found = (fv_winner *)(void *)(images + FV_LANES * w.image);
    int32_t *counts = (int32_t *)(void *)(images + FV_LANES * w.image + found_of(&w));
    if (r->first)
        memset(r->sums, 0, fv_winners_need(r->def).sums * sizeof *r->sums);
    r->k->winners.turn(&w, (size_t)fv_conv_rows(v) * fv_conv_cols(v), xp, images);
    for (int o = 0, some = w.O; o < v->O; o += some) {
        w.O = some < v->O - o ? some : v->O - o;
        add_outputs(r, &w, o, images, found, counts);
    }
    if (r->last)
        write_part(r, &w);
}
