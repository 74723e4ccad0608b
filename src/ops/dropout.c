/*
 * dropout.c - dropout and dropout2d: numbers, or whole channels, that become 0 in train mode.
 *
 * Which ones is a hash of the seed, the layer, the step, the image's number in the batch and the
 * element's in the image, so neither threads nor layouts change it, and backward asks the hash
 * again. Srivastava et al., JMLR 15 (2014); torch.nn.Dropout, torch.nn.Dropout2d. Layer 2. Calls
 * the base and the kernels.
 */
#include "ops/op.h"

#include <stdio.h>

static uint64_t key_of(uint64_t key, int image)
{
    return fv_mix64(key + 0x9e3779b97f4a7c15u * ((uint64_t)image + 1)); /* SplitMix64 */
}

/* Scratch: a key for each column. */
static fv_need dropout_need(const fv_def *def, fv_layout layout, int images)
{
    (void)images;
    return (fv_need){.scratch = 2 * (size_t)fv_width(layout, def->in.c)};
}

/* Channels are elements too, if whole channels drop out: then a pixel changes nothing. */
static void drop(const fv_call *r, const float *x, float *y)
{
    int C = r->def->in.c, area = r->def->in.h * r->def->in.w, width = fv_width(r->layout, C);
    bool channels = r->def->whole, batch = r->layout == FV_BATCH_LAST;
    uint64_t *keys = (uint64_t *)(void *)r->scratch;
    fv_dropout d = {.row_step = channels ? 0 : 1,
                    .col_step = batch      ? 0
                                : channels ? 1
                                           : (uint32_t)area,
                    .threshold = (uint32_t)(r->def->number * 0x1000000),
                    .scale = (float)(1 / (1 - r->def->number))};
    for (int slice = 0; slice < r->slices; slice++) {
        for (int i = 0; i < width; i++)
            keys[i] = key_of(r->key, r->first_image + (batch ? i : slice));
        for (int c = 0; c < (batch ? C : 1); c++) {
            size_t at = slice * fv_slice_floats(r->layout, (size_t)C * area) +
                        (size_t)c * area * width;
            d.first = channels ? (uint32_t)c : (uint32_t)c * area;
            r->k->dropout(area, width, &d, keys, x + at, y + at);
        }
    }
}

static void dropout_forward(const fv_call *r)
{
    drop(r, r->x, r->y);
}

static void dropout_backward(const fv_call *r)
{
    if (r->dx)
        drop(r, r->dy, r->dx);
}

static void dropout_describe(const fv_def *def, char text[32])
{
    snprintf(text, 32, "p=%g", def->number);
}

static const fv_op dropout = {
    .flags = FV_IN_PLACE | FV_VIEW_EVAL,
    .need = dropout_need,
    .forward = dropout_forward,
    .backward = dropout_backward,
    .describe = dropout_describe,
};

static fv_status dropout_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    (void)ctx;
    def->whole = def->kind == &fv_layer_type_dropout2d;
    def->op = &dropout;
    def->out = def->in;
    def->number = ((const fv_dropout_args *)args)->p;
    return FV_OK;
}

static const fv_arg fields[] = {
    FV_ARG(fv_dropout_args, p, FV_ARG_NUMBER, .range = FV_BELOW_1, .initial = {1, {0.5}}),
    {0},
};

FV_LAYER_TYPE(dropout, fv_dropout_args, "torch.nn.Dropout", .inputs = 1, .places = 1,
              .fields = fields, .shape = dropout_shape);

FV_LAYER_TYPE(dropout2d, fv_dropout_args, "torch.nn.Dropout2d", .inputs = 1, .places = 1,
              .fields = fields, .shape = dropout_shape);
