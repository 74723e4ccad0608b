/*
 * conv_fovea.c - a convolution by the table of kernels, as src/ops/conv.c runs it: block by block,
 * padding included; for weight gradients the sum over lanes too.
 */
#include <stdlib.h>

#include "conv.h"

typedef struct job {
    const fv_kernels *k;
    fv_conv v;
    conv_pass pass;
    int blocks;
    size_t x_size, y_size, weights; /* floats: of a block, of a block, in all */
    float *x, *y, *w, *part, *sum;  /* in a backward pass y is dy, and x or w the result */
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
    float *all[] = {j->x, j->y, j->w, j->part, j->sum, j->scratch};
    for (int i = 0; i < 6; i++)
        free(all[i]);
    free(j);
}

static void *prepare(const fv_conv *v, int images, conv_pass pass)
{
    job *j = malloc(sizeof *j);
    if (!j)
        return NULL;
    *j = (job){.k = fv_kernels_pick(NULL, &(const char *){NULL}), .v = *v, .pass = pass};
    size_t padded = (size_t)v->C * fv_conv_rows(v) * fv_conv_cols(v) * FV_LANES;
    size_t edged = (size_t)v->O * v->P * (v->Q + 2 * FV_EDGE) * FV_LANES;
    j->blocks = (images + FV_LANES - 1) / FV_LANES;
    j->x_size = (size_t)v->C * v->H * v->W * FV_LANES;
    j->y_size = (size_t)v->O * v->P * v->Q * FV_LANES;
    j->weights = (size_t)v->O * (v->C / v->groups) * v->R * v->S;
    j->x = filled(j->x_size * j->blocks);
    j->y = filled(j->y_size * j->blocks);
    j->w = filled(j->weights);
    j->part = filled(j->weights * FV_LANES);
    j->sum = filled(j->weights);
    j->scratch = filled(pass == INPUT_GRADIENT ? edged : padded);
    if (j->x && j->y && j->w && j->part && j->sum && j->scratch)
        return j;
    release(j);
    return NULL;
}

static const float *padded_input(const job *j, const float *x)
{
    const fv_conv *v = &j->v;
    if (fv_conv_is_padded(v))
        return x;
    j->k->pad(v->C, v->H, v->W, x, fv_conv_rows(v), fv_conv_cols(v), v->ph, v->pw, j->scratch);
    return j->scratch;
}

static void run(void *handle)
{
    const job *j = handle;
    const fv_conv *v = &j->v;
    for (int b = 0; b < j->blocks; b++) {
        float *x = j->x + b * j->x_size, *y = j->y + b * j->y_size;
        if (j->pass == FORWARD) {
            j->k->conv_forward(v, padded_input(j, x), j->w, NULL, y, 0, v->P);
        } else if (j->pass == WEIGHT_GRADIENT) {
            j->k->conv_backward_weight(v, padded_input(j, x), y, j->part, NULL, b == 0);
        } else {
            j->k->pad(v->O, v->P, v->Q, y, v->P, v->Q + 2 * FV_EDGE, 0, FV_EDGE, j->scratch);
            j->k->conv_backward_input(v, j->scratch, j->w, x);
        }
    }
    if (j->pass == WEIGHT_GRADIENT)
        j->k->sum_lanes(j->weights, 1, j->part, 0, j->sum);
}

const conv_engine fovea_engine = {prepare, run, release};
