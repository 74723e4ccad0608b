/*
 * loader.c - batches of a data set, in PyTorch's order for the same seed.
 *
 * torch.utils.data.DataLoader draws a base seed from the default generator when an epoch starts,
 * and a shuffling sampler another one, with which it seeds a generator of its own for randperm.
 * Both draws are made here too, so that all that is drawn later agrees as well.
 * Layer 3, data. Calls the base.
 */
#include "data/data.h"

#include <string.h>

struct fv_loader {
    fv_object object;
    fv_dataset *set; /* must outlive the loader: fv_close ends what was made last first */
    int batch_size;
    bool shuffle, drop_last;
    bool running;    /* inside an epoch */
    int64_t at;      /* samples of this epoch handed out */
    int64_t *order;  /* [len]; NULL without shuffle */
    uint8_t *pixels; /* [batch_size] images */
    int64_t *labels, *indices;
};

static void loader_destroy(void *self)
{
    fv_loader *loader = self;
    fv_ctx *ctx = loader->object.ctx;
    fv_release(ctx, loader->order);
    fv_release(ctx, loader->pixels);
    fv_release(ctx, loader->labels);
    fv_release(ctx, loader->indices);
    fv_object_end(loader);
}

void fv_loader_free(fv_loader *loader)
{
    fv_object_free(loader);
}

fv_loader *fv_loader_new_opt(fv_loader_args args)
{
    if (!args.set || fv_error(args.set->object.ctx))
        return NULL;
    fv_ctx *ctx = args.set->object.ctx;
    if (args.batch_size < 0) {
        fv_fail(ctx, FV_E_ARG, "fv_loader_new: batch_size is %d, but must be 1 or more",
                args.batch_size);
        return NULL;
    }
    fv_loader *loader = fv_object_new(ctx, sizeof *loader, loader_destroy);
    if (!loader)
        return NULL;
    loader->set = args.set;
    loader->batch_size = args.batch_size ? args.batch_size : 1;
    loader->shuffle = args.shuffle;
    loader->drop_last = args.drop_last;
    size_t len = (size_t)args.set->len, most = (size_t)loader->batch_size;
    if (most > len)
        fv_note(ctx, FV_LOG_NOTE, "\"%s\" has %zu samples: each epoch is one batch of them, not of %zu",
                args.set->name, len, most);
    most = most < len ? most : len;
    if (args.shuffle)
        loader->order = fv_alloc(ctx, len, sizeof *loader->order);
    loader->pixels = fv_alloc(ctx, most, args.set->pixel_bytes);
    loader->labels = fv_alloc(ctx, most, sizeof *loader->labels);
    loader->indices = fv_alloc(ctx, most, sizeof *loader->indices);
    if (!fv_error(ctx))
        return loader;
    fv_object_free(loader);
    return NULL;
}

/* torch.randperm(n): a Fisher-Yates shuffle from the front. */
static void permute(int64_t *order, int64_t n, fv_rng *rng)
{
    for (int64_t i = 0; i < n; i++)
        order[i] = i;
    for (int64_t i = 0; i < n - 1; i++) {
        int64_t z = fv_rng_u32(rng) % (n - i), swap = order[i];
        order[i] = order[i + z];
        order[i + z] = swap;
    }
}

static void start_epoch(fv_loader *loader)
{
    fv_rng *rng = &loader->object.ctx->rng, own;
    fv_rng_u63(rng); /* the base seed of the workers */
    if (loader->shuffle) {
        fv_rng_seed(&own, fv_rng_u63(rng));
        permute(loader->order, loader->set->len, &own);
    }
    loader->running = true;
    loader->at = 0;
}

bool fv_loader_next(fv_loader *loader, fv_batch *batch)
{
    if (!loader || fv_error(loader->object.ctx))
        return false;
    fv_dataset *set = loader->set;
    if (!loader->running)
        start_epoch(loader);
    int64_t left = set->len - loader->at;
    int n = left < loader->batch_size ? (int)left : loader->batch_size;
    if (n == 0 || (n < loader->batch_size && loader->drop_last)) {
        loader->running = false;
        return false;
    }
    for (int i = 0; i < n; i++) {
        int64_t at = loader->at + i, index = loader->order ? loader->order[at] : at;
        loader->indices[i] = index;
        if (fv_dataset_sample(set, index, loader->pixels + (size_t)i * set->pixel_bytes,
                              loader->labels + i)) {
            loader->running = false;
            return false;
        }
    }
    const fv_dataset_desc *d = &set->desc;
    *batch = (fv_batch){.n = n, .channels = d->channels, .height = d->height, .width = d->width,
                        .type = d->type, .pixels = loader->pixels, .labels = loader->labels,
                        .indices = loader->indices, .index = loader->at / loader->batch_size};
    loader->at += n;
    return true;
}

void fv_loader_rewind(fv_loader *loader)
{
    if (loader)
        loader->running = false;
}

int64_t fv_loader_len(const fv_loader *loader)
{
    if (!loader)
        return 0;
    int64_t len = loader->set->len, size = loader->batch_size;
    return len / size + (!loader->drop_last && len % size != 0);
}
