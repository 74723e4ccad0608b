/*
 * threads.c - fv_parallel: persistent threads that share out the items of one piece of work.
 *
 * One atomic word holds the number of the round and how many of its items are left to take, so that
 * taking an item is one compare-and-swap and a thread that comes late finds nothing to take. The
 * caller waits for the items, not for the threads: one that sleeps or was put aside by the system
 * delays nobody. Whoever waits spins for some 100 microseconds, for a training step comes back that
 * soon, and then sleeps, for the machine may have fewer free processors than threads.
 *
 * Layer 1. Calls libc and pthreads.
 */
#ifdef __linux__
#define _GNU_SOURCE /* sched_getaffinity */
#include <sched.h>
#endif
#include "base/base.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#define RELAX() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define RELAX() __asm__ volatile("yield")
#else
#define RELAX() ((void)0)
#endif

enum { SPINS = 4000 };

typedef struct worker {
    fv_pool *pool;
    pthread_t thread;
    int number; /* 1.. ; 0 is the caller */
} worker;

struct fv_pool {
    void (*work)(void *arg, int item, int thread); /* stays while items are pending */
    void *arg;
    atomic_ullong round_left; /* round in the high half, items left to take in the low */
    atomic_int pending;       /* items not finished */
    atomic_int sleepers;      /* workers asleep or about to be */
    atomic_bool caller_sleeps, stop;
    pthread_mutex_t lock;
    pthread_cond_t more, done;
    int workers;
    worker worker[FV_THREADS_MAX];
};

/* The low half: how many items are left to take. */
static uint32_t left_in(unsigned long long round_left)
{
    return (uint32_t)round_left;
}

/* Runs items until none is left to take. */
static void take_items(fv_pool *pool, int thread)
{
    unsigned long long seen = atomic_load(&pool->round_left);
    while (left_in(seen) > 0) {
        if (!atomic_compare_exchange_weak(&pool->round_left, &seen, seen - 1))
            continue;
        pool->work(pool->arg, (int)left_in(seen) - 1, thread);
        if (atomic_fetch_sub(&pool->pending, 1) == 1 && atomic_load(&pool->caller_sleeps)) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->done);
            pthread_mutex_unlock(&pool->lock);
        }
        seen = atomic_load(&pool->round_left);
    }
}

static bool more_to_do(fv_pool *pool)
{
    return left_in(atomic_load(&pool->round_left)) > 0 || atomic_load(&pool->stop);
}

static void wait_for_more(fv_pool *pool)
{
    for (int i = 0; i < SPINS; i++) {
        if (more_to_do(pool))
            return;
        RELAX();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!more_to_do(pool))
        pthread_cond_wait(&pool->more, &pool->lock);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->lock);
}

static void *worker_main(void *arg)
{
    worker *self = arg;
    while (!atomic_load(&self->pool->stop)) {
        take_items(self->pool, self->number);
        wait_for_more(self->pool);
    }
    return NULL;
}

static void wake_workers(fv_pool *pool)
{
    if (atomic_load(&pool->sleepers) == 0)
        return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->more);
    pthread_mutex_unlock(&pool->lock);
}

static void wait_for_done(fv_pool *pool)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&pool->pending) == 0)
            return;
        RELAX();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->caller_sleeps, true);
    while (atomic_load(&pool->pending) > 0)
        pthread_cond_wait(&pool->done, &pool->lock);
    atomic_store(&pool->caller_sleeps, false);
    pthread_mutex_unlock(&pool->lock);
}

/* The pool, with as many threads as the system gives; NULL if there is no memory for it. */
static fv_pool *pool_new(fv_ctx *ctx)
{
    fv_pool *pool = fv_allocate(ctx, NULL, sizeof *pool);
    if (!pool)
        return NULL;
    memset(pool, 0, sizeof *pool);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->more, NULL);
    pthread_cond_init(&pool->done, NULL);
    for (int i = 1; i < ctx->threads; i++) {
        worker *w = pool->worker + pool->workers;
        *w = (worker){.pool = pool, .number = i};
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
            break;
        pool->workers++;
    }
    return pool;
}

void fv_parallel(fv_ctx *ctx, int items, void (*work)(void *arg, int item, int thread), void *arg)
{
    if (ctx->threads > 1 && items > 1 && !ctx->pool)
        ctx->pool = pool_new(ctx);
    fv_pool *pool = ctx->pool;
    if (items < 2 || !pool) {
        for (int i = 0; i < items; i++)
            work(arg, i, 0);
        return;
    }
    pool->work = work;
    pool->arg = arg;
    atomic_store(&pool->pending, items);
    unsigned long long round = atomic_load(&pool->round_left) >> 32;
    atomic_store(&pool->round_left, (round + 1) << 32 | (unsigned)items);
    wake_workers(pool);
    take_items(pool, 0);
    wait_for_done(pool);
}

void fv_pool_free(fv_ctx *ctx)
{
    fv_pool *pool = ctx->pool;
    if (!pool)
        return;
    atomic_store(&pool->stop, true);
    wake_workers(pool);
    for (int i = 0; i < pool->workers; i++)
        pthread_join(pool->worker[i].thread, NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->more);
    pthread_mutex_destroy(&pool->lock);
    fv_allocate(ctx, pool, 0);
    ctx->pool = NULL;
}

/* Those this process may use: taskset and containers lend fewer than the machine has. */
int fv_processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef __linux__
    cpu_set_t lent;
    if (sched_getaffinity(0, sizeof lent, &lent) == 0)
        n = CPU_COUNT(&lent);
#endif
    return n < 1 ? 1 : n > FV_THREADS_MAX ? FV_THREADS_MAX : (int)n;
}
