/*
 * test_base_threads.c - fv_parallel: each item runs once, in parallel, with spinning or sleeping
 * threads, and also if memory or threads are refused.
 */
#include "testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"

static fv_ctx *open_with(counting *memory, int threads)
{
    return fv_open(
        &(fv_options){.threads = threads, .user = memory, .allocate = counting_allocate});
}

enum { MOST = 1000 };

typedef struct tally {
    int threads;
    int done[MOST];                /* how often each item was done: an item is one thread's */
    atomic_int on[FV_THREADS_MAX]; /* items a thread number is doing now */
    atomic_int wrong;
} tally;

static void count_item(void *arg, int item, int thread)
{
    tally *t = arg;
    if (thread < 0 || thread >= t->threads || atomic_fetch_add(&t->on[thread], 1) != 0)
        atomic_fetch_add(&t->wrong, 1);
    t->done[item]++;
    if (thread >= 0 && thread < t->threads)
        atomic_fetch_sub(&t->on[thread], 1);
}

static void pause_ns(long ns)
{
    nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

/* Runs one round and looks at once: what the items wrote must be there, one time each. */
static void run_round(fv_ctx *ctx, tally *t, int items)
{
    memset(t->done, 0, sizeof t->done);
    fv_parallel(ctx, items, count_item, t);
    for (int i = 0; i < MOST; i++)
        if (t->done[i] != (i < items))
            fail_msg("%d threads: item %d of %d was done %d times", t->threads, i, items,
                     t->done[i]);
    assert_int_equal(t->wrong, 0);
}

static void every_item_once(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 8}, items[] = {0, 1, 2, 7, MOST, -1};
    for (int k = 0; k < 4; k++) {
        counting memory = {0};
        fv_ctx *ctx = open_with(&memory, threads[k]);
        tally *t = calloc(1, sizeof *t);
        t->threads = threads[k];
        uint32_t random = 1;
        for (int round = 0; round < 6000; round++) {
            random = random * 1664525u + 1013904223u;
            run_round(ctx, t, items[round < 6 ? round : (int)(random >> 24) % 4]);
            if (round % 500 == 499) {
                run_round(ctx, t, MOST);
                pause_ns(2000000); /* long enough for the others to fall asleep */
            }
            if (round % 2000 == 1999)
                fv_pool_free(ctx); /* the next round makes another */
        }
        assert_fine(ctx);
        fv_close(ctx);
        assert_int_equal(memory.live, 0);
        free(t);
    }
}

typedef struct meeting {
    int guests;
    atomic_int arrived, alone;
    atomic_uint seen[2 * FV_THREADS_MAX]; /* by thread number */
} meeting;

/* Stays until all items have begun: which never happens where one thread does two of them. */
static void meet(void *arg, int item, int thread)
{
    meeting *m = arg;
    (void)item;
    atomic_fetch_add(&m->seen[thread], 1);
    atomic_fetch_add(&m->arrived, 1);
    for (int i = 0; i < 60000; i++) {
        if (atomic_load(&m->arrived) >= m->guests)
            return;
        pause_ns(1000000);
    }
    atomic_fetch_add(&m->alone, 1);
}

/* In a round of a new pool: after it the caller may have reason to stay alone. */
static void items_run_at_the_same_time(void **state)
{
    (void)state;
    for (int threads = 2; threads <= 8; threads++) {
        fv_ctx *ctx = fv_open(&(fv_options){.threads = threads});
        meeting m = {.guests = threads};
        fv_parallel(ctx, threads, meet, &m);
        assert_int_equal(m.alone, 0);
        for (int i = 0; i < threads; i++)
            assert_int_equal(m.seen[i], 1);
        fv_close(ctx);
    }
}

/* An item that is put aside for a while, as the system does where others want the processor. */
static void be_put_aside(void *arg, int item, int thread)
{
    meeting *m = arg;
    (void)item;
    atomic_fetch_add(&m->seen[thread], 1);
    pause_ns(20000000);
}

/* The caller's item ends when both have begun, the worker's is put aside after that. */
static void meet_and_linger(void *arg, int item, int thread)
{
    meet(arg, item, thread);
    if (thread > 0)
        pause_ns(50000000);
}

/* The caller goes on alone, though the worker waits for its share; after a while it has one. */
static void who_is_put_aside_is_left_alone_for_a_while(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(&(fv_options){.threads = 2});
    bool was_alone = false, shared = false;
    for (int i = 0; i < 1000 && !was_alone; i++) { /* the caller may have come late itself */
        meeting first = {.guests = 2}, next = {0};
        fv_parallel(ctx, 2, meet_and_linger, &first);
        assert_int_equal(first.seen[1], 1);
        fv_parallel(ctx, 2, be_put_aside, &next);
        was_alone = next.seen[0] == 2;
    }
    assert_true(was_alone);
    for (int i = 0; i < 1000 && !shared; i++) {
        meeting later = {0};
        fv_parallel(ctx, 2, be_put_aside, &later);
        shared = later.seen[1] == 1;
    }
    assert_true(shared);
    fv_close(ctx);
}

/* A context of its own inside each item, which shares its work out again. */
static void open_and_count(void *arg, int item, int thread)
{
    (void)thread;
    fv_ctx *ctx = fv_open(&(fv_options){.threads = 2 + item % 2});
    tally *t = calloc(1, sizeof *t);
    t->threads = 2 + item % 2;
    for (int round = 0; round < 50; round++) {
        fv_parallel(ctx, 7, count_item, t);
        atomic_fetch_add((atomic_int *)arg, t->done[round % 7] == round + 1 && !t->wrong);
    }
    free(t);
    fv_close(ctx);
}

static void contexts_inside_items(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(&(fv_options){.threads = 3});
    atomic_int right = 0;
    for (int round = 0; round < 10; round++)
        fv_parallel(ctx, 8, open_and_count, &right);
    assert_int_equal(right, 10 * 8 * 50);
    fv_close(ctx);
}

static void threads_without_memory(void **state)
{
    (void)state;
    counting memory = {.fail_at = 2};
    fv_ctx *ctx = open_with(&memory, 4);
    tally t = {.threads = 1}; /* all must go to thread 0 */
    run_round(ctx, &t, 100);
    assert_fine(ctx);
    assert_int_equal(memory.live, 1);
    t.threads = 4;
    run_round(ctx, &t, 100);
    assert_int_equal(memory.live, 2);
    fv_close(ctx);
    assert_int_equal(memory.live, 0);
}

static void *do_nothing(void *arg)
{
    return arg;
}

enum { CANNOT_TRY = 77 };

/* In a process of its own, as a user who may have no more threads. */
static int count_without_threads(void)
{
    if (getuid() == 0 && setuid(65534) != 0)
        return CANNOT_TRY;
    pthread_t thread;
    if (setrlimit(RLIMIT_NPROC, &(struct rlimit){1, 1}) != 0)
        return CANNOT_TRY;
    if (pthread_create(&thread, NULL, do_nothing, NULL) == 0)
        return CANNOT_TRY;
    fv_ctx *ctx = fv_open(&(fv_options){.threads = 4});
    tally t = {.threads = 1};
    int wrong = 0;
    for (int round = 1; round <= 20; round++) {
        fv_parallel(ctx, MOST, count_item, &t);
        for (int i = 0; i < MOST; i++)
            wrong += t.done[i] != round;
    }
    wrong += t.wrong + (fv_error(ctx) != FV_OK);
    fv_close(ctx);
    return wrong != 0;
}

static void threads_that_cannot_be_made(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(count_without_threads());
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT_TRY)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_that_cannot_be_made), /* before others: it forks */
        cmocka_unit_test(every_item_once),
        cmocka_unit_test(items_run_at_the_same_time),
        cmocka_unit_test(who_is_put_aside_is_left_alone_for_a_while),
        cmocka_unit_test(contexts_inside_items),
        cmocka_unit_test(threads_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
