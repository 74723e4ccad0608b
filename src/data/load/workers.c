/*
 * workers.c - threads that make the items of an epoch, some batches ahead of the caller.
 *
 * Threads claim items in order, a few at a time, so that all work on the earliest incomplete batch,
 * and the number of batches ahead is bounded. A thread that fails keeps its error and stops all
 * claims; since all earlier items were claimed before, the first failure is known once all threads
 * are idle. So errors do not depend on the number of threads either.
 *
 * Layer 3, data. Calls the base.
 */
#include "data/load/loader.h"

#include <stdatomic.h>

enum { CHUNK_MAX = 8 };

typedef struct worker {
    fv_workers *all;
    pthread_t thread;
    fv_work work;
    int64_t failed_at; /* the failed item, if work has an error */
} worker;

struct fv_workers {
    fv_ctx *ctx;
    fv_workers_args args;
    worker *workers;
    int count, chunk;     /* running threads; items per claim */
    atomic_bool halt;     /* the remaining items of this epoch are not needed */
    pthread_mutex_t lock; /* protects the members below */
    pthread_cond_t more;  /* signals threads: limit was raised, or quit */
    pthread_cond_t made;  /* signals the caller: a batch is complete, or all threads are idle */
    int64_t items;        /* in the epoch */
    int64_t next, limit;  /* next item to claim; first item that may not be claimed yet */
    int *done;            /* [depth] items made of batch b, at b % depth */
    int busy;             /* threads that are making items */
    bool failed, quit;
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Returns the item after the last of a batch. */
static int64_t end_of(const fv_workers *w, int64_t batch)
{
    return least((batch + 1) * w->args.batch_size, w->items);
}

static bool is_whole(const fv_workers *w, int64_t batch)
{
    return w->done[batch % w->args.depth] == end_of(w, batch) - batch * w->args.batch_size;
}

/* Makes the claimed items of one batch, without the lock. Returns the first item not made. */
static int64_t make_stretch(worker *self, int64_t at, int64_t end)
{
    fv_workers *w = self->all;
    while (at < end && !atomic_load(&w->halt) && w->args.make(w->args.arg, &self->work, at))
        at++;
    return at;
}

/* Claims, makes and accounts for some items. Called with the lock, released while making. */
static void work_once(worker *self)
{
    fv_workers *w = self->all;
    int64_t first = w->next, batch = first / w->args.batch_size;
    int64_t end = least(first + w->chunk, end_of(w, batch));
    w->next = end;
    w->busy++;
    pthread_mutex_unlock(&w->lock);
    int64_t at = make_stretch(self, first, end);
    pthread_mutex_lock(&w->lock);
    w->busy--;
    w->done[batch % w->args.depth] += (int)(at - first);
    if (self->work.error) {
        self->failed_at = at;
        w->failed = true;
        w->limit = w->next;
    }
    if (w->busy == 0 || is_whole(w, batch))
        pthread_cond_signal(&w->made);
}

static void *worker_main(void *arg)
{
    worker *self = arg;
    fv_workers *w = self->all;
    pthread_mutex_lock(&w->lock);
    while (!w->quit)
        if (w->next < w->limit)
            work_once(self);
        else
            pthread_cond_wait(&w->more, &w->lock);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void start_threads(fv_workers *w)
{
    for (; w->count < w->args.count; w->count++) {
        worker *self = w->workers + w->count;
        *self = (worker){.all = w, .work = {.ctx = w->ctx}};
        if (pthread_create(&self->thread, NULL, worker_main, self) != 0)
            break;
    }
    if (w->count == 0)
        fv_fail(w->ctx, FV_E_DEVICE, "the system gives no thread for a worker");
}

fv_workers *fv_workers_new(fv_ctx *ctx, const fv_workers_args *args)
{
    fv_workers *w = fv_alloc(ctx, 1, sizeof *w);
    if (!w)
        return NULL;
    w->ctx = ctx;
    w->args = *args;
    int chunk = args->batch_size / (4 * args->count);
    w->chunk = chunk < 1 ? 1 : chunk > CHUNK_MAX ? CHUNK_MAX : chunk;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    pthread_cond_init(&w->made, NULL);
    w->workers = fv_alloc(ctx, (size_t)args->count, sizeof *w->workers);
    w->done = fv_alloc(ctx, (size_t)args->depth, sizeof *w->done);
    if (w->workers && w->done)
        start_threads(w);
    if (!fv_error(ctx))
        return w;
    fv_workers_free(w);
    return NULL;
}

/* Allows threads to claim the items of all batches before `batch`. */
static void raise_limit(fv_workers *w, int64_t batch)
{
    w->limit = least(batch * w->args.batch_size, w->items);
    pthread_cond_broadcast(&w->more);
}

void fv_workers_start(fv_workers *w, int64_t items)
{
    pthread_mutex_lock(&w->lock);
    w->items = items;
    w->next = 0;
    w->failed = false;
    atomic_store(&w->halt, false);
    for (int i = 0; i < w->count; i++)
        w->workers[i].work.error = FV_OK;
    for (int i = 0; i < w->args.depth; i++)
        w->done[i] = 0;
    raise_limit(w, w->args.depth);
    pthread_mutex_unlock(&w->lock);
}

/* Sets the error of the first failed item in the context. */
static void report(fv_workers *w)
{
    worker *first = NULL;
    for (int i = 0; i < w->count; i++) {
        worker *self = w->workers + i;
        if (self->work.error && (!first || self->failed_at < first->failed_at))
            first = self;
    }
    fv_work_report(&first->work);
}

bool fv_workers_take(fv_workers *w, int64_t batch)
{
    pthread_mutex_lock(&w->lock);
    if (batch > 0)
        w->done[(batch - 1) % w->args.depth] = 0;
    if (batch > 0 && !w->failed)
        raise_limit(w, batch + w->args.depth);
    while (!is_whole(w, batch) && !(w->failed && w->busy == 0))
        pthread_cond_wait(&w->made, &w->lock);
    bool whole = is_whole(w, batch);
    if (!whole)
        report(w);
    pthread_mutex_unlock(&w->lock);
    return whole;
}

void fv_workers_stop(fv_workers *w)
{
    atomic_store(&w->halt, true);
    pthread_mutex_lock(&w->lock);
    w->limit = w->next;
    while (w->busy > 0)
        pthread_cond_wait(&w->made, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

void fv_workers_free(fv_workers *w)
{
    if (!w)
        return;
    fv_ctx *ctx = w->ctx;
    fv_workers_stop(w);
    pthread_mutex_lock(&w->lock);
    w->quit = true;
    pthread_cond_broadcast(&w->more);
    pthread_mutex_unlock(&w->lock);
    for (int i = 0; i < w->count; i++) {
        pthread_join(w->workers[i].thread, NULL);
        fv_work_end(&w->workers[i].work);
    }
    pthread_cond_destroy(&w->made);
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->lock);
    fv_release(ctx, w->done);
    fv_release(ctx, w->workers);
    fv_release(ctx, w);
}
