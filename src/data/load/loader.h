/*
 * loader.h - the parts of the loader: threads that make samples ahead, the cache, the order of an
 * epoch. Layer 3 on the data side: calls the base, never a net.
 */
#ifndef FV_LOADER_H
#define FV_LOADER_H

#include "data/data.h"

/* ---- workers.c: threads that make the items of an epoch, some batches ahead ------------------ */

typedef struct fv_workers fv_workers;

/* Makes item `at` of the epoch. False: the reason is in the work. */
typedef bool fv_make(void *arg, fv_work *work, int64_t at);

typedef struct fv_workers_args {
    int count;      /* threads; fewer if the system gives no more */
    int batch_size; /* items in a batch */
    int depth;      /* batches that are begun or whole at a time, the one taken included */
    fv_make *make;
    void *arg;
} fv_workers_args;

/* The threads wait. NULL: FV_E_MEMORY, or the system gave no thread. */
fv_workers *fv_workers_new(fv_ctx *ctx, const fv_workers_args *args);
/* Begins items 0..items-1. No epoch is running. */
void fv_workers_start(fv_workers *workers, int64_t items);
/* Waits for batch number `batch`, 0 or the one after the last, which is given back. False: its
   first item that failed is the context's error, and no thread works any more. */
bool fv_workers_take(fv_workers *workers, int64_t batch);
/* No item is begun any more, and when it returns, no thread works. */
void fv_workers_stop(fv_workers *workers);
void fv_workers_free(fv_workers *workers); /* NULL is fine */

/* ---- cache.c: pictures as they were read ----------------------------------------------------- */

typedef struct fv_cache fv_cache;

/* For len samples, up to limit bytes. NULL: FV_E_MEMORY. */
fv_cache *fv_cache_new(fv_ctx *ctx, int64_t len, size_t limit);
/* As fv_dataset_read, but from memory the next time, while there is room. */
bool fv_cache_read(fv_cache *cache, fv_dataset *set, fv_work *work, int64_t index,
                   fv_picture *picture, int64_t *label);
void fv_cache_free(fv_cache *cache); /* NULL is fine */

/* ---- sampler.c: orders of an epoch ----------------------------------------------------------- */

/* How many samples it draws, and from how many. */
int64_t fv_sampler_draws(const fv_sampler *sampler);
int64_t fv_sampler_len(const fv_sampler *sampler);
void fv_sampler_draw(const fv_sampler *sampler, fv_rng *rng, int64_t *order);

#endif
