/*
 * test_samplers.c - weighted samplers: PyTorch's draws for the same seed, and weights that balance
 * the classes.
 *
 * Uses only fovea.h. The orders were recorded from PyTorch 1.13.
 */
#include "data_files.h"

#define WEIGHTS                                                                                    \
    {                                                                                              \
        0.1, 3, 0, 2, 0.7, 5, 1, 1, 0.5, 4                                                         \
    }

static int run_epoch(fv_loader *load, int64_t *order)
{
    int n = 0;
    for (fv_batch b; fv_loader_next(load, &b); n += b.n)
        memcpy(order + n, b.indices, (size_t)b.n * sizeof *order);
    assert_fine(fv);
    return n;
}

/* DataLoader(range(10), 4, sampler=WeightedRandomSampler(WEIGHTS, 12)) after manual_seed(0): two
   epochs; then the same with 7 samples and replacement=False, from the same generator. */
static void sampler_as_pytorch(void **state)
{
    static const double weights[] = WEIGHTS;
    static const int64_t with[2][12] = {{7, 5, 9, 6, 9, 1, 5, 5, 3, 5, 1, 5},
                                        {5, 5, 5, 3, 6, 9, 3, 6, 1, 5, 3, 5}};
    static const int64_t without[2][7] = {{5, 6, 9, 1, 7, 3, 4}, {9, 3, 5, 1, 7, 6, 4}};
    (void)state;
    numbers my = {.len = 10};
    fv_dataset *set = numbers_new(&my);
    int64_t order[12];
    fv_loader *load = fv_loader_new(set, .batch_size = 4,
                                    .sampler = fv_weighted_sampler(fv, weights, 10, 12));
    assert_int_equal(fv_loader_len(load), 3);
    for (int epoch = 0; epoch < 2; epoch++) {
        assert_int_equal(run_epoch(load, order), 12);
        assert_memory_equal(order, with[epoch], sizeof with[epoch]);
    }
    fv_loader *other = fv_loader_new(
        set, .batch_size = 4,
        .sampler = fv_weighted_sampler(fv, weights, 10, 7, .no_replacement = true));
    for (int epoch = 0; epoch < 2; epoch++) {
        assert_int_equal(run_epoch(other, order), 7);
        assert_memory_equal(order, without[epoch], sizeof without[epoch]);
    }
}

/* Batches of a sampler have the pixels and labels of its samples, for any number of workers. */
static void sampler_with_workers(void **state)
{
    static const double weights[] = WEIGHTS;
    (void)state;
    numbers my = {.len = 10};
    fv_dataset_desc desc = describe(&my);
    desc.close = NULL;
    desc.thread_safe = true;
    fv_dataset *set = fv_dataset_new(fv, &desc);
    int64_t first[50], order[50];
    for (int workers = 0; workers < 3; workers++) {
        fv_loader *load = fv_loader_new(set, .batch_size = 8, .num_workers = workers,
                                        .sampler = fv_weighted_sampler(fv, weights, 10, 50));
        fv_manual_seed(fv, 2);
        int n = 0;
        for (fv_batch b; fv_loader_next(load, &b); n += b.n)
            for (int i = 0; i < b.n; i++) {
                order[n + i] = b.indices[i];
                assert_true(((const float *)b.pixels)[6 * i] == (float)b.indices[i]);
                assert_int_equal(b.labels[i], b.indices[i]);
            }
        assert_int_equal(n, 50);
        if (workers == 0)
            memcpy(first, order, sizeof first);
        assert_memory_equal(order, first, sizeof first);
    }
}

/* 990 samples of class 0 and 10 of class 7: each is drawn about half of the time. */
static void balanced_classes(void **state)
{
    (void)state;
    static double weights[1000];
    numbers my = {.len = 1000};
    static int64_t order[4000];
    fv_dataset *set = numbers_new(&my);
    assert_int_equal(fv_class_weights(set, weights), FV_OK);
    for (int i = 0; i < 1000; i++)
        assert_true(weights[i] == 1.0 / 100);
    for (int i = 0; i < 1000; i++)
        weights[i] = i % 100 == 7 ? 1.0 / 10 : 1.0 / 990;
    fv_loader *load = fv_loader_new(set, .batch_size = 64,
                                    .sampler = fv_weighted_sampler(fv, weights, 1000, 4000));
    assert_int_equal(run_epoch(load, order), 4000);
    int rare = 0;
    for (int i = 0; i < 4000; i++)
        rare += order[i] % 100 == 7;
    assert_in_range(rare, 2000 - 4 * 32, 2000 + 4 * 32); /* four standard deviations */
    my.wrong_at = 5;
    my.wrong_label = 10;
    assert_int_equal(fv_class_weights(set, weights), FV_E_CLASS);
}

static void wrong_arguments(void **state)
{
    static const double weights[] = {1, 0, 2, -1};
    (void)state;
    numbers my = {.len = 10};
    fv_dataset *set = numbers_new(&my);
    assert_null(fv_weighted_sampler(fv, weights, 4));
    assert_error(fv, FV_E_ARG, "fv_weighted_sampler: weight 3 is -1, but must be 0 or more");
    assert_null(fv_weighted_sampler(fv, weights + 1, 1));
    assert_error(fv, FV_E_ARG,
                 "fv_weighted_sampler: the sum of 1 weights is 0, but must be more than 0");
    assert_null(fv_weighted_sampler(fv, weights, 3, .no_replacement = true));
    assert_error(fv, FV_E_ARG,
                 "fv_weighted_sampler: cannot draw 3 different samples of 2 that have a weight "
                 "above 0");
    assert_null(fv_weighted_sampler(fv, weights, 3, -5));
    assert_error(fv, FV_E_ARG, "fv_weighted_sampler: num_samples is -5, but must be 1 or more");
    assert_null(fv_weighted_sampler(fv, NULL, 3));
    assert_error(fv, FV_E_ARG,
                 "fv_weighted_sampler: weights for n = 3 samples are needed, 1 or more");
    fv_sampler *sampler = fv_weighted_sampler(fv, weights, 3);
    assert_null(fv_loader_new(set, .sampler = sampler));
    assert_error(fv, FV_E_SHAPE,
                 "fv_loader_new: the sampler has weights for 3 samples, but \"numbers\" has 10");
    my.len = 3;
    assert_null(fv_loader_new(numbers_new(&my), .sampler = sampler, .shuffle = true));
    assert_error(fv, FV_E_ARG,
                 "fv_loader_new: a sampler has an order of its own\nhelp: leave out .shuffle");
    assert_null(fv_weighted_sampler(NULL, weights, 3));
    assert_int_equal(fv_class_weights(NULL, NULL), FV_E_ARG);
    fv_sampler_free(NULL);
    fv_sampler_free(sampler);
}

/* Whichever allocation fails, it is said and nothing leaks. */
static void out_of_memory(void **state)
{
    static const double weights[] = WEIGHTS;
    (void)state;
    for (int kind = 0; kind < 2; kind++)
        for (long at = 1;; at++) {
            numbers my = {.len = 10};
            fv_dataset *set = numbers_new(&my);
            double balanced[10];
            long live = mem.live;
            mem.fail_at = mem.calls + at;
            fv_sampler *sampler = fv_weighted_sampler(fv, weights, 10, 9, .no_replacement = kind);
            fv_class_weights(set, balanced);
            bool failed = fv_error(fv) != FV_OK;
            mem.fail_at = 0;
            fv_error_clear(fv);
            fv_sampler_free(sampler);
            assert_int_equal(mem.live, live);
            fv_dataset_free(set);
            if (!failed) {
                assert_true(at > 5);
                break;
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sampler_as_pytorch), TEST(sampler_with_workers), TEST(balanced_classes),
        TEST(wrong_arguments),    TEST(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
