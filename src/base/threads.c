/*
 * threads.c - fv_parallel: persistent threads that divide the items of one call.
 *
 * Each thread has a share of the items, the same in every call of the same size, so their data are
 * still in its cache. A thread that has finished its share takes items from the other end of
 * another share. One atomic word holds a share and the number of its round: taking an item is one
 * compare-and-swap, and a late thread finds nothing to take. The caller waits for items, not for
 * threads, so a sleeping or preempted thread delays nobody. Waiting threads spin for about 100
 * microseconds, since the next call of a training step comes that soon, and then sleep.
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
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#define RELAX() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define RELAX() __asm__ volatile("yield")
#else
#define RELAX() ((void)0)
#endif

enum { SPINS = 4000, WATCHED = 16 /* measures preemption in every 16th round */ };
enum { ALONE = 4, ALONE_MOST = 64 /* back-off in multiples of the lost time */, SOON = 8 };
enum { SLICE = 200000 /* nanoseconds: a shorter gap is not preemption */ };

typedef struct worker {
    fv_pool *pool;
    pthread_t thread;
    int number; /* 1..workers; 0 is the caller */
} worker;

/* Untaken items first to end-1, and the round: 22, 22 and 20 bits from the low end. */
typedef unsigned long long share;
enum { ITEM_BITS = 22, ITEMS_MAX = (1 << ITEM_BITS) - 1 };

static share share_of(unsigned round, int first, int end)
{
    return (share)round << (2 * ITEM_BITS) | (share)first << ITEM_BITS | (share)end;
}

static int first_of(share s)
{
    return (int)(s >> ITEM_BITS & ITEMS_MAX);
}

static int end_of(share s)
{
    return (int)(s & ITEMS_MAX);
}

/* One cache line per share, to avoid false sharing. */
typedef struct slot {
    _Atomic share left;
    char apart[64 - sizeof(share)];
} slot;

struct fv_pool {
    void (*work)(void *arg, int item, int thread); /* constant while items are pending */
    void *arg;
    atomic_bool back; /* threads start at the end of their shares */
    atomic_uint round;
    atomic_int pending;  /* unfinished items */
    atomic_int sleepers; /* workers asleep or about to sleep */
    atomic_bool caller_sleeps, stop;
    pthread_mutex_t lock;
    pthread_cond_t more, done;
    int64_t alone_until; /* the caller works without its threads until then */
    int alone;           /* current back-off factor */
    int workers;
    worker worker[FV_THREADS_MAX];
    slot shares[FV_THREADS_MAX];
};

/* Takes an item from the front or the end of a share. Returns -1 if none is left. */
static int take(slot *from, bool end)
{
    share seen = atomic_load(&from->left);
    while (first_of(seen) < end_of(seen)) {
        share less = end ? seen - 1 : seen + ((share)1 << ITEM_BITS);
        if (atomic_compare_exchange_weak(&from->left, &seen, less))
            return end ? end_of(seen) - 1 : first_of(seen);
    }
    return -1;
}

/* Runs items until none is left: first of the thread's own share, then of the shares after it. */
static void take_items(fv_pool *pool, int thread)
{
    const int shares = pool->workers + 1;
    for (int i = 0; i < shares; i++) {
        slot *from = pool->shares + (thread + i) % shares;
        for (int item; (item = take(from, (i > 0) != atomic_load(&pool->back))) >= 0;) {
            pool->work(pool->arg, item, thread);
            if (atomic_fetch_sub(&pool->pending, 1) == 1 && atomic_load(&pool->caller_sleeps)) {
                pthread_mutex_lock(&pool->lock);
                pthread_cond_signal(&pool->done);
                pthread_mutex_unlock(&pool->lock);
            }
        }
    }
}

static bool more_to_do(fv_pool *pool, unsigned seen)
{
    return atomic_load(&pool->round) != seen || atomic_load(&pool->stop);
}

/* Waits until the round is no longer the seen one. */
static void wait_for_more(fv_pool *pool, unsigned seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (more_to_do(pool, seen))
            return;
        RELAX();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!more_to_do(pool, seen))
        pthread_cond_wait(&pool->more, &pool->lock);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->lock);
}

static void *worker_main(void *arg)
{
    worker *self = arg;
    fv_pool *pool = self->pool;
    unsigned seen = 0; /* no round starts before all workers are created */
    for (wait_for_more(pool, seen); !atomic_load(&pool->stop); wait_for_more(pool, seen)) {
        seen = atomic_load(&pool->round);
        take_items(pool, self->number);
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

static int64_t nanoseconds(clockid_t clock)
{
    struct timespec t = {0};
    clock_gettime(clock, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* CPU time used by the workers. */
static int64_t time_of_workers(fv_pool *pool)
{
    int64_t sum = 0;
    clockid_t clock;
    for (int i = 0; i < pool->workers; i++)
        if (pthread_getcpuclockid(pool->worker[i].thread, &clock) == 0)
            sum += nanoseconds(clock);
    return sum;
}

/* Backs off: exponentially if preemption recurs soon, since that means another program, not
   chance. */
static void stay_alone(fv_pool *pool, int64_t lost)
{
    const int64_t time = nanoseconds(CLOCK_MONOTONIC);
    const bool again = pool->alone && time - pool->alone_until < SOON * lost;
    pool->alone = !again ? ALONE : pool->alone < ALONE_MOST ? 2 * pool->alone : ALONE_MOST;
    pool->alone_until = time + pool->alone * lost;
}

static void wait_for_done(fv_pool *pool)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&pool->pending) == 0)
            return;
        RELAX();
    }
    const int64_t start = nanoseconds(CLOCK_MONOTONIC), had = time_of_workers(pool);
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->caller_sleeps, true);
    while (atomic_load(&pool->pending) > 0)
        pthread_cond_wait(&pool->done, &pool->lock);
    atomic_store(&pool->caller_sleeps, false);
    pthread_mutex_unlock(&pool->lock);
    const int64_t waited = nanoseconds(CLOCK_MONOTONIC) - start;
    if (time_of_workers(pool) - had < waited / 2) /* the workers did not run for much of the wait */
        stay_alone(pool, waited);
}

/* Runs the caller's items; every 16th round measures for how long it was preempted. */
static void take_own_items(fv_pool *pool)
{
    if (atomic_load(&pool->round) % WATCHED) {
        take_items(pool, 0);
        return;
    }
    const int64_t start = nanoseconds(CLOCK_MONOTONIC), had = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    take_items(pool, 0);
    const int64_t took = nanoseconds(CLOCK_MONOTONIC) - start;
    const int64_t lost = took - (nanoseconds(CLOCK_THREAD_CPUTIME_ID) - had);
    if (lost > SLICE && lost > took / 4)
        stay_alone(pool, WATCHED * lost);
}

static bool is_alone(const fv_pool *pool)
{
    return pool->alone_until && nanoseconds(CLOCK_MONOTONIC) < pool->alone_until;
}

/* Creates the pool with as many threads as the system allows. Returns NULL if there is no
   memory. */
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

static void share_out(fv_pool *pool, int items)
{
    const unsigned round = atomic_load(&pool->round) + 1;
    const int shares = pool->workers + 1;
    atomic_store(&pool->pending, items);
    for (int i = 0; i < shares; i++) {
        int first = (int)((int64_t)items * i / shares);
        int end = (int)((int64_t)items * (i + 1) / shares);
        atomic_store(&pool->shares[i].left, share_of(round, first, end));
    }
    atomic_store(&pool->round, round);
}

static void run_round(fv_ctx *ctx, int items, void (*work)(void *arg, int item, int thread),
                      void *arg, bool back)
{
    if (ctx->threads > 1 && items > 1 && !ctx->pool)
        ctx->pool = pool_new(ctx);
    fv_pool *pool = ctx->pool;
    if (items < 2 || items > ITEMS_MAX || !pool || is_alone(pool)) {
        for (int i = 0; i < items; i++)
            work(arg, back ? items - 1 - i : i, 0);
        return;
    }
    pool->work = work;
    pool->arg = arg;
    atomic_store(&pool->back, back);
    share_out(pool, items);
    wake_workers(pool);
    take_own_items(pool);
    wait_for_done(pool);
}

void fv_parallel(fv_ctx *ctx, int items, void (*work)(void *arg, int item, int thread), void *arg)
{
    run_round(ctx, items, work, arg, false);
}

void fv_parallel_back(fv_ctx *ctx, int items, void (*work)(void *arg, int item, int thread),
                      void *arg)
{
    run_round(ctx, items, work, arg, true);
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

/* Processors available to this process: taskset and containers may allow fewer than exist. */
int fv_processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef __linux__
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        n = CPU_COUNT(&allowed);
#endif
    return n < 1 ? 1 : n > FV_THREADS_MAX ? FV_THREADS_MAX : (int)n;
}
