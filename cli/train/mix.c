/*
 * mix.c - `fovea train --mixup ALPHA --cutmix ALPHA`: batches whose images are mixed, and
 * their classes too.
 *
 * Chance depends on the seed, the epoch and the number of the batch alone, so that workers and
 * threads change nothing.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <stdlib.h>
#include <string.h>

#include "train/train.h"

bool mixes(const training *t)
{
    return t->s->mixup > 0 || t->s->cutmix > 0;
}

/* Where both are asked for, the first bit of a hash says which of them the batch gets. */
static bool is_cutmix(const settings *s, int64_t number)
{
    char text[80], hex[65];
    if (s->mixup == 0 || s->cutmix == 0)
        return s->cutmix > 0;
    int n = snprintf(text, sizeof text, "mix:%llu:%lld", (unsigned long long)s->seed,
                     (long long)number);
    fv_sha256(text, (size_t)n, hex);
    return hex[0] >= '8';
}

/* The pixels as the net takes them before it normalises: a byte v becomes v / 255. */
static void copy_pixels(const fv_batch *batch, size_t count, float *to)
{
    if (batch->type == FV_F32)
        memcpy(to, batch->pixels, count * sizeof *to);
    else
        for (size_t i = 0; i < count; i++)
            to[i] = (float)((const unsigned char *)batch->pixels)[i] / 255.0f;
}

int mix_batch(training *t, fv_batch *batch)
{
    int classes;
    fv_output_shape(t->net, &classes, NULL, NULL);
    size_t n = (size_t)batch->n, most = (size_t)t->s->batch_size;
    size_t image = (size_t)batch->channels * (size_t)batch->height * (size_t)batch->width;
    most = n > most ? n : most;
    if (!t->mixed.pixels)
        t->mixed.pixels = malloc(most * image * sizeof *t->mixed.pixels);
    if (!t->mixed.targets)
        t->mixed.targets = malloc(most * (size_t)classes * sizeof *t->mixed.targets);
    if (!t->mixed.pixels || !t->mixed.targets)
        return fail_memory("a mixed batch");
    int64_t number = (t->at.epoch - 1) * fv_loader_len(t->loader.train) + batch->index;
    bool cutmix = is_cutmix(t->s, number);
    copy_pixels(batch, n * image, t->mixed.pixels);
    (cutmix ? fv_cutmix_opt
            : fv_mixup_opt)((fv_mix_args){.ctx = t->ctx,
                                          .n = batch->n,
                                          .channels = batch->channels,
                                          .height = batch->height,
                                          .width = batch->width,
                                          .classes = classes,
                                          .pixels = t->mixed.pixels,
                                          .targets = t->mixed.targets,
                                          .labels = batch->labels,
                                          .alpha = cutmix ? t->s->cutmix : t->s->mixup,
                                          .seed = t->s->seed,
                                          .batch = number});
    batch->pixels = t->mixed.pixels;
    batch->type = FV_F32;
    return fv_error(t->ctx) ? fail_context(t->ctx, "fovea help train") : EXIT_DONE;
}
