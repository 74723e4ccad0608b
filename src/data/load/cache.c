/*
 * cache.c - decoded pictures, kept in memory for later epochs up to a limit.
 *
 * An entry never changes after one atomic exchange has published it, so threads read the cache
 * without a lock. Layer 3, data. Calls the base.
 */
#include "data/load/loader.h"

#include <stdatomic.h>
#include <string.h>

/* A header; the pixels follow. */
typedef struct entry {
    fv_picture picture;
    int64_t label;
} entry;

struct fv_cache {
    fv_ctx *ctx;
    int64_t len;
    size_t limit;
    atomic_size_t used;         /* bytes of all entries */
    _Atomic(entry *) entries[]; /* [len]; NULL: not cached */
};

fv_cache *fv_cache_new(fv_ctx *ctx, int64_t len, size_t limit)
{
    fv_cache *cache = fv_alloc(ctx, 1, sizeof *cache + (size_t)len * sizeof *cache->entries);
    if (!cache)
        return NULL;
    cache->ctx = ctx;
    cache->len = len;
    cache->limit = limit;
    atomic_init(&cache->used, 0);
    for (int64_t i = 0; i < len; i++)
        atomic_init(&cache->entries[i], NULL);
    return cache;
}

void fv_cache_free(fv_cache *cache)
{
    if (!cache)
        return;
    for (int64_t i = 0; i < cache->len; i++)
        if (atomic_load(&cache->entries[i]))
            fv_allocate(cache->ctx, atomic_load(&cache->entries[i]), 0);
    fv_release(cache->ctx, cache);
}

/* Keeps the picture if it fits. Returns false after FV_E_MEMORY. */
static bool keep(fv_cache *cache, fv_work *work, int64_t index, const fv_picture *p, int64_t label)
{
    size_t bytes = fv_picture_bytes(p), size = sizeof(entry) + bytes;
    if (atomic_fetch_add(&cache->used, size) + size > cache->limit) {
        atomic_fetch_sub(&cache->used, size);
        return true;
    }
    entry *fresh = fv_work_memory(work, NULL, size), *none = NULL;
    if (!fresh) {
        fv_work_fail(work, FV_E_MEMORY, "out of memory: %zu bytes for a picture", size);
        return false;
    }
    *fresh = (entry){*p, label};
    fresh->picture.pixels = fresh + 1;
    memcpy(fresh->picture.pixels, p->pixels, bytes);
    if (!atomic_compare_exchange_strong(&cache->entries[index], &none, fresh)) {
        fv_work_memory(work, fresh, 0); /* another thread was faster */
        atomic_fetch_sub(&cache->used, size);
    }
    return true;
}

bool fv_cache_read(fv_cache *cache, fv_dataset *set, fv_work *work, int64_t index,
                   fv_picture *picture, int64_t *label)
{
    const entry *kept = atomic_load(&cache->entries[index]);
    if (kept) {
        *picture = kept->picture;
        *label = kept->label;
        return true;
    }
    return fv_dataset_read(set, work, index, picture, label) &&
           keep(cache, work, index, picture, *label);
}
