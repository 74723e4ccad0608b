/*
 * conv_fovea.c - a convolution by the table of kernels, as src/ops/conv.c runs it, in the layout
 * that a plan would choose: weights are packed and inputs padded in the measured time, and for
 * weight gradients the sums over lanes, or the way back to PyTorch's order, are in it too.
 */
#include <stdlib.h>

#include "conv.h"

enum { GROUP = 4 }; /* images of one call for weight gradients, channels last */

typedef struct job {
    const fv_kernels *k;
    const fv_conv_kernels *conv;
    fv_conv v;
    fv_layout layout;
    conv_pass pass;
    int turns, planes_in, planes_out, width_in, width_out;
    size_t x_size, y_size, padded, edged, weights; /* floats: of a turn, ..., in all */
    float *x, *y, *w, *packed, *part, *sum;        /* backward, y is dy, and x or sum the result */
    float *scratch;
} job;

static float *filled(size_t count)
{
    float *p = aligned_alloc(64, fv_round_up(count) * sizeof *p);
    for (size_t i = 0; p && i < count; i++)
        p[i] = (float)(i % 17) * 0.1f - 0.8f;
    return p;
}

static void release(void *handle)
{
    job *j = handle;
    float *all[] = {j->x, j->y, j->w, j->packed, j->part, j->sum, j->scratch};
    for (int i = 0; i < 7; i++)
        free(all[i]);
    free(j);
}

/* What fv_plan_layout_for says of training a net of this one layer: the layout that leaves fewer
   lanes idle. Pictures, of up to 3 channels, need no gradient unless that is the pass. */
static fv_layout layout_for(const fv_conv *v, conv_pass pass)
{
    bool to_input = pass == INPUT_GRADIENT || v->C > 3;
    double batch = to_input ? 3 : 2, channels = 2.0 * fv_round_up(v->O) / v->O;
    if (to_input)
        channels += (double)fv_round_up(v->C) / v->C;
    return 1.1 * batch <= channels ? FV_BATCH_LAST : FV_CHANNELS_LAST;
}

static void *prepare(const fv_conv *v, int images, conv_pass pass)
{
    job *j = malloc(sizeof *j);
    if (!j)
        return NULL;
    *j = (job){.k = fv_kernels_pick(NULL, &(const char *){NULL}),
               .v = *v,
               .pass = pass,
               .layout = layout_for(v, pass)};
    bool batch = j->layout == FV_BATCH_LAST;
    size_t lanes = batch ? FV_LANES : 1;
    j->conv = &j->k->conv[j->layout];
    j->turns = batch ? (images + FV_LANES - 1) / FV_LANES : images;
    j->planes_in = batch ? v->C : 1, j->planes_out = batch ? v->O : 1;
    j->width_in = batch ? FV_LANES : v->C, j->width_out = batch ? FV_LANES : v->O;
    j->padded = (size_t)v->C * fv_conv_rows(v) * fv_conv_cols(v) * lanes;
    j->edged = (size_t)v->O * v->P * fv_conv_dy_cols(v) * lanes;
    j->x_size = (size_t)v->C * v->H * v->W * lanes;
    j->y_size = (size_t)v->O * v->P * v->Q * lanes;
    j->weights = (size_t)v->O * (v->C / v->groups) * v->R * v->S;
    j->x = filled(j->x_size * j->turns);
    j->y = filled(j->y_size * j->turns);
    j->w = filled(j->weights);
    j->packed = filled(fv_conv_packed(v));
    j->part = filled(j->weights * lanes);
    j->sum = filled(j->weights);
    j->scratch = filled((j->padded + j->edged) * GROUP + 2 * FV_LANES);
    if (j->x && j->y && j->w && j->packed && j->part && j->sum && j->scratch)
        return j;
    release(j);
    return NULL;
}

static const float *padded_input(const job *j, int turn, float *to)
{
    const fv_conv *v = &j->v;
    const float *x = j->x + turn * j->x_size;
    if (fv_conv_is_padded(v))
        return x;
    j->k->pad(j->planes_in, j->width_in, v->H, v->W, x, fv_conv_rows(v), fv_conv_cols(v), v->ph,
              v->pw, to);
    return to;
}

static void weight_gradients(const job *j, int turn, int count)
{
    const fv_conv *v = &j->v;
    float *dyp = j->scratch, *xp = dyp + count * j->edged + FV_LANES;
    const float *x = padded_input(j, turn, xp);
    for (int i = 0; i < count; i++) {
        j->k->pad_gradient(v, j->planes_out, j->width_out, j->y + (turn + i) * j->y_size,
                           dyp + i * j->edged);
        if (i > 0)
            padded_input(j, turn + i, xp + i * j->padded);
    }
    j->conv->backward_weight(v, count, x, fv_conv_is_padded(v) ? j->x_size : j->padded, dyp,
                             j->edged, 0, v->P, j->part, NULL, turn == 0);
}

static void run(void *handle)
{
    const job *j = handle;
    const fv_conv *v = &j->v;
    int step = j->pass == WEIGHT_GRADIENT && j->layout == FV_CHANNELS_LAST ? GROUP : 1;
    if (j->pass != WEIGHT_GRADIENT)
        j->conv->pack(v, j->pass == INPUT_GRADIENT, j->w, j->packed);
    for (int i = 0; i < j->turns; i += step) {
        float *x = j->x + i * j->x_size, *y = j->y + i * j->y_size;
        if (j->pass == FORWARD) {
            j->conv->forward(v, padded_input(j, i, j->scratch), j->packed, NULL, y, 0, v->P);
        } else if (j->pass == WEIGHT_GRADIENT) {
            weight_gradients(j, i, i + step < j->turns ? step : j->turns - i);
        } else {
            j->k->pad_gradient(v, j->planes_out, j->width_out, y, j->scratch);
            j->conv->backward_input(v, j->scratch, j->packed, x);
        }
    }
    if (j->pass == WEIGHT_GRADIENT && j->layout == FV_BATCH_LAST)
        j->k->sum_lanes(j->weights, 1, j->part, 0, j->sum);
    else if (j->pass == WEIGHT_GRADIENT)
        j->k->sum_channels(v, 1, j->part, 0, j->sum, 0, v->O);
}

const conv_engine fovea_engine = {prepare, run, release};
