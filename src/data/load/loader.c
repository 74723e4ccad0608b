/*
 * loader.c - batches of a data set, in PyTorch's order for the same seed.
 *
 * torch.utils.data.DataLoader draws a base seed from the default generator at the start of an
 * epoch; a shuffling sampler draws another one to seed a generator of its own for randperm. Both
 * draws are made here too, so that all later draws agree as well.
 *
 * Batches are in a ring buffer. Without workers it has one slot, which the caller fills; workers
 * fill the slots ahead, each sample at its fixed place, so that the batches are the same.
 * Layer 3, data. Calls the base.
 */
#include "data/load/loader.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { PREFETCH_MAX = 1024 };

struct fv_loader {
    fv_object object;
    fv_dataset *set; /* must outlive the loader: fv_close frees the newest object first */
    const fv_transform *transform;
    const fv_sampler *sampler;
    int64_t len; /* samples per epoch */
    int batch_size;
    bool shuffle, drop_last;
    bool running;    /* inside an epoch */
    int64_t at;      /* samples of this epoch returned so far */
    uint64_t seed;   /* of the transform in this epoch */
    int64_t *order;  /* [len]; NULL: in order */
    fv_picture like; /* shape of all pictures; channels is 0 until it is known */
    int64_t like_index;
    size_t pixel_bytes;        /* of one picture */
    int depth, most;           /* batches in the ring, images per batch */
    uint8_t *pixels;           /* [depth][most] images */
    int64_t *labels, *indices; /* [depth][most] */
    fv_cache *cache;           /* may be NULL */
    fv_work *work;             /* of the caller; NULL: samples are copied */
    fv_workers *workers;       /* NULL: the caller makes the samples */
};

static void loader_destroy(void *self)
{
    fv_loader *loader = self;
    fv_ctx *ctx = loader->object.ctx;
    fv_workers_free(loader->workers);
    fv_cache_free(loader->cache);
    if (loader->work)
        fv_work_end(loader->work);
    fv_release(ctx, loader->work);
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

/* ---- one sample --------------------------------------------------------------------------- */

static int64_t index_at(const fv_loader *loader, int64_t at)
{
    return loader->order ? loader->order[at] : at;
}

/* The position in the epoch is part of the key: a sample drawn twice is transformed differently. */
static bool transform_picture(const fv_loader *loader, fv_work *work, int64_t at,
                              const fv_picture *in, fv_picture *out)
{
    return fv_transform_run(loader->transform, work, loader->seed, at, index_at(loader, at), in,
                            out);
}

/* Reads and transforms the sample at a position of the epoch. */
static bool make_picture(fv_loader *loader, fv_work *work, int64_t at, fv_picture *picture,
                         int64_t *label)
{
    fv_picture raw;
    fv_picture *to = loader->transform ? &raw : picture;
    int64_t index = index_at(loader, at);
    bool ok = loader->cache ? fv_cache_read(loader->cache, loader->set, work, index, to, label)
                            : fv_dataset_read(loader->set, work, index, to, label);
    return ok && (!loader->transform || transform_picture(loader, work, at, &raw, picture));
}

static bool check_shape(const fv_loader *loader, fv_work *work, int64_t index, const fv_picture *p)
{
    char found[80], expected[80];
    if (fv_picture_alike(p, &loader->like))
        return true;
    fv_picture_text(p, found);
    fv_picture_text(&loader->like, expected);
    const char *file = fv_dataset_file(loader->set, index);
    fv_work_fail(work, FV_E_SHAPE,
                 "\"%s\": sample %lld is %s, but sample %lld, the first, was %s\n"
                 "help: %s with a resize or a crop",
                 file ? file : loader->set->name, (long long)index, found,
                 (long long)loader->like_index, expected,
                 loader->transform ? "end the transform" : "give the loader a transform that ends");
    return false;
}

/* An fv_make: makes one sample at its place in the ring. */
static bool make_sample(void *arg, fv_work *work, int64_t at)
{
    fv_loader *loader = arg;
    int64_t batch = at / loader->batch_size;
    size_t place = (size_t)(batch % loader->depth * loader->most + at % loader->batch_size);
    loader->indices[place] = index_at(loader, at);
    fv_picture p;
    if (!make_picture(loader, work, at, &p, loader->labels + place) ||
        !check_shape(loader, work, loader->indices[place], &p))
        return false;
    memcpy(loader->pixels + place * loader->pixel_bytes, p.pixels, loader->pixel_bytes);
    return true;
}

/* ---- making a loader ---------------------------------------------------------------------- */

static fv_status check_count(fv_ctx *ctx, const char *name, int count, int least, int most)
{
    if (count >= least && count <= most)
        return FV_OK;
    if (most == INT_MAX)
        return fv_fail(ctx, FV_E_ARG, "fv_loader_new: %s is %d, but must be %d or more", name,
                       count, least);
    return fv_fail(ctx, FV_E_ARG, "fv_loader_new: %s is %d, but must be %d to %d", name, count,
                   least, most);
}

static fv_status check_args(fv_ctx *ctx, const fv_loader_args *a)
{
    if (a->batch_size < 0)
        check_count(ctx, "batch_size", a->batch_size, 1, INT_MAX);
    check_count(ctx, "num_workers", a->num_workers, 0, FV_THREADS_MAX);
    check_count(ctx, "prefetch", a->prefetch, 0, PREFETCH_MAX);
    if (a->sampler && a->shuffle)
        fv_fail(ctx, FV_E_ARG,
                "fv_loader_new: a sampler has an order of its own\n"
                "help: leave out .shuffle");
    if (a->sampler && fv_sampler_len(a->sampler) != a->set->len)
        fv_fail(ctx, FV_E_SHAPE,
                "fv_loader_new: the sampler has weights for %lld samples, but \"%s\" has %lld",
                (long long)fv_sampler_len(a->sampler), a->set->name, (long long)a->set->len);
    return fv_error(ctx);
}

/* Workers help only where samples are decoded or transformed, and only for thread-safe sets. */
static int workers_of(const fv_loader_args *a)
{
    if (a->num_workers == 0 || (a->set->images && !a->transform))
        return 0;
    if (fv_dataset_thread_safe(a->set))
        return a->num_workers;
    fv_note(a->set->object.ctx, FV_LOG_NOTE,
            "\"%s\" is not thread_safe: the caller's thread makes its samples, and %d workers have "
            "nothing to do",
            a->set->name, a->num_workers);
    return 0;
}

/* Sets the shape of all pictures and allocates the pixels of the ring. */
static fv_status set_shape(fv_loader *loader, const fv_picture *like, int64_t index)
{
    loader->pixel_bytes = fv_picture_bytes(like);
    loader->pixels = fv_alloc(loader->object.ctx, (size_t)loader->depth * (size_t)loader->most,
                              loader->pixel_bytes);
    if (!loader->pixels)
        return FV_E_MEMORY;
    loader->like = *like;
    loader->like.pixels = NULL;
    loader->like_index = index;
    return FV_OK;
}

/* Allocates buffers and cache, and starts the workers. */
static fv_status furnish(fv_loader *loader, const fv_loader_args *a)
{
    fv_ctx *ctx = loader->object.ctx;
    fv_dataset *set = loader->set;
    int workers = workers_of(a), ahead = workers * (a->prefetch ? a->prefetch : 2) + 1;
    int64_t batches = (loader->len + loader->batch_size - 1) / loader->batch_size;
    loader->depth = workers && ahead < batches ? ahead : workers && batches ? (int)batches : 1;
    loader->most = (int)(loader->batch_size < loader->len ? loader->batch_size : loader->len);
    size_t places = (size_t)loader->depth * (size_t)loader->most;
    if (a->shuffle || a->sampler)
        loader->order = fv_alloc(ctx, (size_t)loader->len, sizeof *loader->order);
    loader->labels = fv_alloc(ctx, places, sizeof *loader->labels);
    loader->indices = fv_alloc(ctx, places, sizeof *loader->indices);
    bool known = !a->transform && set->pixel_bytes > 0;
    fv_picture like = fv_dataset_like(set);
    if (known)
        set_shape(loader, &like, 0);
    bool cached = a->cache > 0 && !set->images;
    if (cached)
        loader->cache = fv_cache_new(ctx, set->len, a->cache);
    if (!known || cached || set->read)
        loader->work = fv_alloc(ctx, 1, sizeof *loader->work);
    if (loader->work)
        loader->work->ctx = ctx;
    if (workers && !fv_error(ctx))
        loader->workers = fv_workers_new(
            ctx,
            &(fv_workers_args){workers, loader->batch_size, loader->depth, make_sample, loader});
    return fv_error(ctx);
}

fv_loader *fv_loader_new_opt(fv_loader_args args)
{
    if (FV_STOPPED(args.set))
        return NULL;
    fv_ctx *ctx = args.set->object.ctx;
    if (check_args(ctx, &args))
        return NULL;
    fv_loader *loader = fv_object_new(ctx, sizeof *loader, loader_destroy);
    if (!loader)
        return NULL;
    loader->set = args.set;
    loader->transform = args.transform;
    loader->sampler = args.sampler;
    loader->len = args.sampler ? fv_sampler_draws(args.sampler) : args.set->len;
    loader->batch_size = args.batch_size ? args.batch_size : 1;
    loader->shuffle = args.shuffle;
    loader->drop_last = args.drop_last;
    if (loader->batch_size > loader->len)
        fv_note(ctx, FV_LOG_NOTE,
                "\"%s\" has %lld samples: each epoch is one batch of them, not of %d",
                args.set->name, (long long)loader->len, loader->batch_size);
    if (!furnish(loader, &args))
        return loader;
    fv_object_free(loader);
    return NULL;
}

/* ---- epochs ------------------------------------------------------------------------------- */

/* Takes the shape from the first picture of the first epoch. */
static fv_status learn_shape(fv_loader *loader)
{
    fv_picture first;
    int64_t label;
    if (!make_picture(loader, loader->work, 0, &first, &label))
        return fv_work_report(loader->work);
    return set_shape(loader, &first, index_at(loader, 0));
}

static fv_status start_epoch(fv_loader *loader)
{
    fv_rng *rng = &loader->object.ctx->rng, own;
    loader->seed = fv_rng_u63(rng); /* the base seed of the workers */
    if (loader->shuffle) {
        fv_rng_seed(&own, fv_rng_u63(rng));
        fv_rng_permute(&own, loader->order, loader->len);
    } else if (loader->sampler) {
        fv_sampler_draw(loader->sampler, rng, loader->order);
    }
    loader->at = 0;
    if (loader->like.channels == 0 && loader->len > 0 && learn_shape(loader))
        return fv_error(loader->object.ctx);
    int64_t short_batch = loader->drop_last ? loader->len % loader->batch_size : 0;
    if (loader->workers)
        fv_workers_start(loader->workers, loader->len - short_batch);
    loader->running = true;
    return FV_OK;
}

/* Copies a sample from the set into the batch unchanged. */
static bool copy_sample(fv_loader *loader, int64_t at, int place)
{
    int64_t index = loader->indices[place] = index_at(loader, at);
    return fv_dataset_sample(loader->set, index,
                             loader->pixels + (size_t)place * loader->pixel_bytes,
                             loader->labels + place) == FV_OK;
}

/* A copy of samples of a set in memory by all threads. */
typedef struct copying {
    fv_loader *loader;
    int n;
} copying;

enum { SAMPLES = 16 };          /* a block of a net: a thread mostly reads what it copied */
enum { LINE = 64, LINES = 16 }; /* bytes of a cache line; lines of a sample to prefetch */

/* Prefetches the first lines of a sample; shuffled samples lie far apart in memory. */
static void ask_for_sample(const fv_loader *loader, int64_t at)
{
    const size_t size = loader->pixel_bytes;
    const uint8_t *from = loader->set->images->data;
    from += (size_t)index_at(loader, at) * size;
    for (size_t i = 0; i < size && i < LINES * LINE; i += LINE)
        __builtin_prefetch(from + i);
}

static void copy_samples(void *arg, int item, int thread)
{
    (void)thread;
    const copying *c = arg;
    const int first = item * SAMPLES, end = first + SAMPLES < c->n ? first + SAMPLES : c->n;
    for (int place = first; place < end; place++)
        ask_for_sample(c->loader, c->loader->at + place);
    for (int place = first; place < end; place++)
        copy_sample(c->loader, c->loader->at + place, place);
}

/* Makes the next n samples in the caller's thread. */
static bool make_batch(fv_loader *loader, int n)
{
    fv_work *work = loader->work;
    int made = 0;
    if (!work && loader->set->images) {
        fv_parallel(loader->object.ctx, (n + SAMPLES - 1) / SAMPLES, copy_samples,
                    &(copying){loader, n});
        return true;
    }
    while (made < n && (work ? make_sample(loader, work, loader->at + made)
                             : copy_sample(loader, loader->at + made, made)))
        made++;
    if (made < n && work)
        fv_work_report(work);
    return made == n;
}

bool fv_loader_next(fv_loader *loader, fv_batch *batch)
{
    if (FV_STOPPED(loader) || (!loader->running && start_epoch(loader)))
        return false;
    int64_t left = loader->len - loader->at, index = loader->at / loader->batch_size;
    int n = left < loader->batch_size ? (int)left : loader->batch_size;
    bool more = n > 0 && (n == loader->batch_size || !loader->drop_last);
    loader->running = more && (loader->workers ? fv_workers_take(loader->workers, index)
                                               : make_batch(loader, n));
    if (!loader->running)
        return false;
    size_t place = (size_t)(index % loader->depth) * (size_t)loader->most;
    const fv_picture *p = &loader->like;
    *batch = (fv_batch){.n = n,
                        .channels = p->channels,
                        .height = p->height,
                        .width = p->width,
                        .type = p->type,
                        .pixels = loader->pixels + place * loader->pixel_bytes,
                        .labels = loader->labels + place,
                        .indices = loader->indices + place,
                        .index = index};
    loader->at += n;
    return true;
}

void fv_loader_rewind(fv_loader *loader)
{
    if (loader && loader->workers)
        fv_workers_stop(loader->workers);
    if (loader)
        loader->running = false;
}

int64_t fv_loader_len(const fv_loader *loader)
{
    if (!FV_GIVEN(loader))
        return 0;
    int64_t len = loader->len, size = loader->batch_size;
    return len / size + (!loader->drop_last && len % size != 0);
}
