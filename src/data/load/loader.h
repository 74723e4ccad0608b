/*
 * loader.h - parts of the loader: worker threads, the cache, the order of an epoch. Layer 3 on the
 * data side: calls the base, never a net.
 */
#ifndef FV_LOADER_H
#define FV_LOADER_H

#include "data/data.h"

/* ---- workers.c: threads that make the items of an epoch, some batches ahead ------------------ */

typedef struct fv_workers fv_workers;

/* Makes item `at` of the epoch. Returns false with the error in the work. */
typedef bool fv_make(void *arg, fv_work *work, int64_t at);

typedef struct fv_workers_args {
    int count;      /* threads; fewer if the system refuses more */
    int batch_size; /* items per batch */
    int depth;      /* batches in progress or complete at a time, including the one returned */
    fv_make *make;
    void *arg;
} fv_workers_args;

/* Starts the threads, which then wait. NULL after FV_E_MEMORY, or FV_E_DEVICE without threads. */
fv_workers *fv_workers_new(fv_ctx *ctx, const fv_workers_args *args);
/* Starts an epoch of items 0..items-1. No other epoch may be running. */
void fv_workers_start(fv_workers *workers, int64_t items);
/* Waits for batch number `batch`: 0, or the one after the last, whose slot becomes free. Returns
   false after the error of the first failed item, when all threads are idle. */
bool fv_workers_take(fv_workers *workers, int64_t batch);
/* Stops the epoch; all threads are idle when it returns. */
void fv_workers_stop(fv_workers *workers);
void fv_workers_free(fv_workers *workers); /* NULL is fine */

/* ---- cache.c: pictures as they were read ----------------------------------------------------- */

typedef struct fv_cache fv_cache;

/* Caches len samples in up to limit bytes. Returns NULL after FV_E_MEMORY. */
fv_cache *fv_cache_new(fv_ctx *ctx, int64_t len, size_t limit);
/* Works as fv_dataset_read, but returns cached samples from memory. */
bool fv_cache_read(fv_cache *cache, fv_dataset *set, fv_work *work, int64_t index,
                   fv_picture *picture, int64_t *label);
void fv_cache_free(fv_cache *cache); /* NULL is fine */

/* ---- sampler.c: orders of an epoch ----------------------------------------------------------- */

/* Number of samples drawn, and number of weights. */
int64_t fv_sampler_draws(const fv_sampler *sampler);
int64_t fv_sampler_len(const fv_sampler *sampler);
void fv_sampler_draw(const fv_sampler *sampler, fv_rng *rng, int64_t *order);

#endif
