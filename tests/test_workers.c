/*
 * test_workers.c - worker threads of the loader: the same batches for any number of them, errors,
 * stopping at every place, the cache, and memory.
 *
 * Samples are computed by a formula and take uneven time. Sets of pictures of different sizes use
 * internals of a data set.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "data/data.h"
#include "data_files.h"

/* ---- a set that may be asked on several threads -------------------------------------------- */

enum { LEN = 37, PIXELS = 6 };

typedef struct slow {
    int64_t fail_at, fail_also; /* -1: nowhere */
    atomic_int reads, inside, most_inside;
    atomic_bool elsewhere; /* on a thread other than home */
    pthread_t home;
    bool grow; /* samples from 20 on are larger */
} slow;

static slow slow_new(void)
{
    return (slow){.fail_at = -1, .fail_also = -1, .home = pthread_self()};
}

static float slow_pixel(int64_t index, int i)
{
    return (float)(index * 100 + i);
}

/* Some samples take long, so that later ones are ready first. */
static void dawdle(slow *my, int64_t index)
{
    int inside = atomic_fetch_add(&my->inside, 1) + 1, most = atomic_load(&my->most_inside);
    while (inside > most && !atomic_compare_exchange_weak(&my->most_inside, &most, inside))
        continue;
    for (uint32_t turns = (uint32_t)index * 2654435761u >> 26; turns > 0; turns--)
        sched_yield();
    atomic_fetch_sub(&my->inside, 1);
}

static int64_t slow_len(void *user)
{
    (void)user;
    return LEN;
}

static int slow_get(void *user, int64_t index, void *pixels, int64_t *label)
{
    slow *my = user;
    atomic_fetch_add(&my->reads, 1);
    if (!pthread_equal(pthread_self(), my->home))
        atomic_store(&my->elsewhere, true);
    dawdle(my, index);
    for (int i = 0; i < PIXELS; i++)
        ((float *)pixels)[i] = slow_pixel(index, i);
    *label = index % 10;
    return index == my->fail_at || index == my->fail_also ? 3 : 0;
}

static fv_dataset *slow_set(slow *my, bool thread_safe)
{
    return fv_dataset_new(fv, &(fv_dataset_desc){.name = "slow",
                                                 .type = FV_F32,
                                                 .channels = 2,
                                                 .height = 1,
                                                 .width = 3,
                                                 .classes = 10,
                                                 .user = my,
                                                 .len = slow_len,
                                                 .get = slow_get,
                                                 .thread_safe = thread_safe});
}

/* A picture of a size of its own, in the work: what sets of files do. */
static bool slow_read(fv_dataset *set, fv_work *work, int64_t index, fv_picture *p, int64_t *label)
{
    slow *my = set->desc.user;
    *p = (fv_picture){2, my->grow && index >= 20 ? 4 : 1, 3, FV_F32, NULL};
    p->pixels = fv_work_slot(work, 0, fv_picture_bytes(p));
    if (!p->pixels)
        return false;
    if (slow_get(my, index, p->pixels, label))
        fv_work_fail(work, FV_E_DATA, "\"pictures/%lld.jpg\": cut off", (long long)index);
    return work->error == FV_OK;
}

static fv_dataset *slow_files(slow *my)
{
    fv_dataset *set = slow_set(my, true);
    if (!set)
        return NULL;
    set->read = slow_read;
    set->desc.get = NULL;
    set->desc.height = set->desc.width = 0;
    set->pixel_bytes = 0;
    return set;
}

/* ---- the same batches ------------------------------------------------------------------------ */

/* One epoch, checked against the formula; the order of its samples, and how many. */
static int run_epoch(fv_loader *load, int64_t *order)
{
    int n = 0;
    int64_t batches = 0;
    for (fv_batch b; fv_loader_next(load, &b); n += b.n) {
        assert_int_equal(b.index, batches++);
        assert_int_equal(b.channels * 100 + b.height * 10 + b.width, 213);
        assert_int_equal(b.type, FV_F32);
        for (int i = 0; i < b.n * PIXELS; i++)
            assert_true(((const float *)b.pixels)[i] ==
                        slow_pixel(b.indices[i / PIXELS], i % PIXELS));
        for (int i = 0; i < b.n; i++)
            assert_int_equal(b.labels[i], b.indices[i] % 10);
        memcpy(order + n, b.indices, (size_t)b.n * sizeof *order);
    }
    assert_fine(fv);
    assert_int_equal(batches, fv_loader_len(load));
    return n;
}

static const int worker_counts[] = {0, 1, 2, 4};

static void same_batches(void **state)
{
    (void)state;
    int64_t orders[4][3][LEN] = {{{0}}};
    for (int files = 0; files < 2; files++)
        for (int w = 0; w < 4; w++) {
            slow my = slow_new();
            fv_dataset *set = files ? slow_files(&my) : slow_set(&my, true);
            fv_loader *load = fv_loader_new(set, .batch_size = 5, .shuffle = true,
                                            .num_workers = worker_counts[w]);
            fv_manual_seed(fv, 1);
            for (int epoch = 0; epoch < 3; epoch++)
                assert_int_equal(run_epoch(load, orders[w][epoch]), LEN);
            assert_memory_equal(orders[w], orders[0], sizeof orders[0]);
            assert_memory_not_equal(orders[w][0], orders[w][1], sizeof orders[w][0]);
            assert_int_equal(atomic_load(&my.elsewhere), w > 0);
            fv_loader_free(load);
            fv_dataset_free(set);
        }
}

/* All pixels of two epochs; drawn digits are in memory or drawn each time, as the set does it. */
static float *epochs_of_digits(int workers, size_t cache, int side)
{
    size_t picture = (size_t)(side * side), n = 0;
    float *pixels = malloc(2 * 60 * picture * sizeof *pixels);
    fv_transform *transform = fv_transform_new(
        fv, side == 20 ? "random_crop 20; rotation 30; to_tensor; normalize mean=0.5 std=0.25"
                       : "random_crop 28 padding=3; flip; to_tensor");
    fv_loader *load = fv_loader_new(fv_dataset_digits(fv, 60, 1), .batch_size = 7, .shuffle = true,
                                    .num_workers = workers, .transform = transform, .cache = cache);
    fv_manual_seed(fv, 9);
    for (int epoch = 0; epoch < 2; epoch++)
        for (fv_batch b; fv_loader_next(load, &b); n += (size_t)b.n) {
            assert_int_equal(b.type, FV_F32);
            assert_int_equal(b.channels * 10000 + b.height * 100 + b.width, 10000 + side * 101);
            memcpy(pixels + n * picture, b.pixels, (size_t)b.n * picture * sizeof *pixels);
        }
    assert_fine(fv);
    assert_int_equal(n, 120);
    fv_loader_free(load);
    return pixels;
}

static void same_transformed_batches(void **state)
{
    (void)state;
    for (int side = 20; side <= 28; side += 8) {
        size_t bytes = (size_t)(2 * 60 * side * side) * sizeof(float);
        float *first = epochs_of_digits(0, 0, side);
        for (int w = 0; w < 4; w++)
            for (int cached = 0; cached < 2; cached++) {
                float *pixels = epochs_of_digits(worker_counts[w], cached ? 1 << 20 : 0, side);
                assert_memory_equal(pixels, first, bytes);
                free(pixels);
            }
        free(first);
    }
}

/* One sample, drawn again and again in an epoch, is cropped in many ways. */
static void chance_differs_by_place(void **state)
{
    (void)state;
    slow my = slow_new();
    double weights[LEN] = {0};
    weights[11] = 1;
    fv_loader *load = fv_loader_new(slow_set(&my, true), .batch_size = 32, .num_workers = 2,
                                    .sampler = fv_weighted_sampler(fv, weights, LEN, 32),
                                    .transform = fv_transform_new(fv, "random_crop 1x2"));
    fv_batch b;
    int at[2] = {0};
    assert_true(fv_loader_next(load, &b));
    for (int i = 0; i < 32; i++) {
        float x = ((const float *)b.pixels)[4 * i] - slow_pixel(11, 0);
        assert_true(x == 0 || x == 1);
        at[(int)x]++;
    }
    assert_in_range(at[0], 4, 28); /* of 32 even chances; beyond it: 1 in 100,000 */
}

static void transform_that_fails(void **state)
{
    (void)state;
    for (int w = 0; w < 4; w++) {
        slow my = slow_new();
        my.grow = true;
        fv_loader *load = fv_loader_new(slow_files(&my), .batch_size = 5,
                                        .num_workers = worker_counts[w],
                                        .transform = fv_transform_new(fv, "pad 1"));
        fv_batch b;
        for (int i = 0; i < 4; i++)
            assert_true(fv_loader_next(load, &b));
        assert_int_equal(b.height * 10 + b.width, 35);
        assert_false(fv_loader_next(load, &b));
        assert_error(fv, FV_E_SHAPE,
                     "\"slow\": sample 20 is 2 x 6 x 5 float32, but sample 0, the first, was "
                     "2 x 3 x 5 float32\n"
                     "help: end the transform with a resize or a crop");
        load = fv_loader_new(slow_files(&my), .num_workers = worker_counts[w],
                             .transform = fv_transform_new(fv, "resize 4"));
        assert_false(fv_loader_next(load, &b));
        assert_int_equal(fv_error(fv), FV_E_SHAPE);
        fv_error_clear(fv);
    }
}

/* Every size of the ring, and the short last batch. */
static void prefetch_and_drop_last(void **state)
{
    (void)state;
    slow my = slow_new();
    fv_dataset *set = slow_set(&my, true);
    int64_t order[LEN];
    for (int prefetch = 0; prefetch < 20; prefetch++) {
        fv_loader *load = fv_loader_new(set, .batch_size = 4, .num_workers = 3, .drop_last = true,
                                        .prefetch = prefetch);
        for (int epoch = 0; epoch < 2; epoch++) {
            assert_int_equal(run_epoch(load, order), 36);
            for (int i = 0; i < 36; i++)
                assert_int_equal(order[i], i);
        }
        fv_loader_free(load);
    }
    fv_loader *one = fv_loader_new(set, .batch_size = 1 << 30, .num_workers = 2);
    assert_int_equal(run_epoch(one, order), LEN);
}

/* Not more batches are begun than the ring has places for. */
static void ring_is_bounded(void **state)
{
    (void)state;
    slow my = slow_new();
    fv_loader *load = fv_loader_new(slow_set(&my, true), .batch_size = 2, .num_workers = 2,
                                    .prefetch = 1);
    fv_batch b;
    for (int taken = 1; taken <= 5; taken++) {
        assert_true(fv_loader_next(load, &b));
        for (int i = 0; i < 2000; i++)
            sched_yield();
        assert_in_range(atomic_load(&my.reads), 2 * taken, 2 * (taken + 2));
    }
}

/* A set that is not thread_safe is asked by the caller alone. */
static void not_thread_safe(void **state)
{
    (void)state;
    slow my = slow_new();
    fv_loader *load = fv_loader_new(slow_set(&my, false), .batch_size = 5, .num_workers = 4);
    int64_t order[LEN];
    assert_int_equal(run_epoch(load, order), LEN);
    assert_false(atomic_load(&my.elsewhere));
    assert_int_equal(atomic_load(&my.most_inside), 1);
}

/* ---- errors and endings ---------------------------------------------------------------------- */

/* The batches before are right, the first of two broken samples is named, the next epoch works. */
static void errors_in_workers(void **state)
{
    (void)state;
    for (int w = 0; w < 4; w++)
        for (int64_t bad = 0; bad < LEN; bad += 3) {
            slow my = slow_new();
            my.fail_at = bad;
            my.fail_also = bad + 1;
            fv_dataset *set = slow_files(&my);
            fv_loader *load = fv_loader_new(set, .batch_size = 5, .num_workers = worker_counts[w]);
            fv_batch b;
            int64_t whole = 0;
            char text[80];
            while (fv_loader_next(load, &b))
                whole++;
            assert_int_equal(whole, bad / 5);
            assert_false(fv_loader_next(load, &b));
            snprintf(text, sizeof text, "\"pictures/%lld.jpg\": cut off", (long long)bad);
            assert_error(fv, FV_E_DATA, text);
            my.fail_at = my.fail_also = -1;
            int64_t order[LEN];
            assert_int_equal(run_epoch(load, order), LEN);
            fv_loader_free(load);
            fv_dataset_free(set);
        }
}

static void sizes_that_differ(void **state)
{
    (void)state;
    for (int w = 0; w < 4; w++) {
        slow my = slow_new();
        my.grow = true;
        fv_loader *load = fv_loader_new(slow_files(&my), .batch_size = 5,
                                        .num_workers = worker_counts[w]);
        fv_batch b;
        for (int i = 0; i < 4; i++)
            assert_true(fv_loader_next(load, &b));
        assert_false(fv_loader_next(load, &b));
        assert_error(fv, FV_E_SHAPE,
                     "\"slow\": sample 20 is 2 x 4 x 3 float32, but sample 0, the first, was "
                     "2 x 1 x 3 float32\n"
                     "help: give the loader a transform that ends with a resize or a crop");
    }
}

/* After every number of batches: a new epoch, the loader's end, and the context's. */
static void early_endings(void **state)
{
    (void)state;
    int64_t order[LEN];
    for (int w = 1; w < 4; w++)
        for (int stop = 0; stop <= 8; stop++)
            for (int how = 0; how < 3; how++) {
                slow my = slow_new();
                fv_dataset *set = how % 2 ? slow_files(&my) : slow_set(&my, true);
                fv_loader *load = fv_loader_new(set, .batch_size = 5, .shuffle = true,
                                                .num_workers = worker_counts[w]);
                fv_batch b;
                for (int i = 0; i < stop; i++)
                    assert_true(fv_loader_next(load, &b));
                if (how == 0) {
                    fv_loader_rewind(load);
                    int reads = atomic_load(&my.reads);
                    sched_yield();
                    assert_int_equal(atomic_load(&my.reads), reads);
                    assert_int_equal(run_epoch(load, order), LEN);
                } else if (how == 1) {
                    fv_loader_free(load);
                }
                fv_close(fv);
                assert_int_equal(atomic_load(&my.inside), 0);
                assert_int_equal(mem.live, 0);
                fv = open_counted();
            }
}

static void wrong_arguments(void **state)
{
    (void)state;
    slow my = slow_new();
    fv_dataset *set = slow_set(&my, true);
    assert_null(fv_loader_new(set, .num_workers = -1));
    assert_error(fv, FV_E_ARG, "fv_loader_new: num_workers is -1, but must be 0 to 256");
    assert_null(fv_loader_new(set, .num_workers = 1, .prefetch = 1025));
    assert_error(fv, FV_E_ARG, "fv_loader_new: prefetch is 1025, but must be 0 to 1024");
}

/* ---- the cache ------------------------------------------------------------------------------- */

/* Read once with room for all, again and again with too little, never more than the limit. */
static void cache_keeps_pictures(void **state)
{
    (void)state;
    const size_t whole = LEN * (PIXELS * sizeof(float) + 64);
    int64_t order[LEN], plain[2][LEN];
    for (int w = 0; w < 4; w++)
        for (int kind = 0; kind < 4; kind++) { /* bit 0: all fit; bit 1: files */
            slow my = slow_new();
            fv_dataset *set = kind / 2 ? slow_files(&my) : slow_set(&my, true);
            mem.bytes = 0;
            fv_loader *load = fv_loader_new(set, .batch_size = 5, .shuffle = true,
                                            .num_workers = worker_counts[w],
                                            .cache = kind % 2 ? whole : whole / 3);
            fv_manual_seed(fv, 3);
            for (int epoch = 0; epoch < 2; epoch++) {
                assert_int_equal(run_epoch(load, order), LEN);
                if (w == 0 && kind == 0)
                    memcpy(plain[epoch], order, sizeof order);
                assert_memory_equal(order, plain[epoch], sizeof order);
            }
            int reads = atomic_load(&my.reads);
            if (kind % 2)
                assert_int_equal(reads, LEN);
            else
                assert_in_range(reads, LEN + LEN / 3, 2 * LEN - LEN / 3);
            fv_loader_free(load);
            fv_dataset_free(set);
        }
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Everything that allocates, once; how many samples came out. */
static int use_all(slow *my)
{
    int n = 0;
    fv_loader *load = fv_loader_new(slow_files(my), .batch_size = 5, .shuffle = true,
                                    .num_workers = 2, .cache = 1 << 20);
    for (fv_batch b; fv_loader_next(load, &b);)
        n += b.n;
    return n;
}

/* Whichever allocation fails, on any thread: it is said, nothing leaks, the next try works. */
static void out_of_memory(void **state)
{
    (void)state;
    fv_close(fv);
    long tried = 0;
    for (bool failed = true; failed; tried++) {
        mem = (counting){.fail_at = tried + 1};
        fv = open_counted();
        if (!fv)
            continue;
        slow my = slow_new();
        int samples = use_all(&my);
        failed = fv_error(fv) != FV_OK;
        if (failed) {
            assert_int_equal(fv_error(fv), FV_E_MEMORY);
            assert_true(samples < LEN);
            fv_error_clear(fv);
            samples = use_all(&my);
        }
        assert_fine(fv);
        assert_int_equal(samples, LEN);
        fv_close(fv);
        assert_int_equal(mem.live, 0);
    }
    assert_true(tried > 15);
    fv = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(same_batches),         TEST(same_transformed_batches), TEST(chance_differs_by_place),
        TEST(transform_that_fails), TEST(prefetch_and_drop_last),   TEST(ring_is_bounded),
        TEST(not_thread_safe),      TEST(errors_in_workers),        TEST(sizes_that_differ),
        TEST(early_endings),        TEST(wrong_arguments),          TEST(cache_keeps_pictures),
        TEST(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
