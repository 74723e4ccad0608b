/*
 * test_loader.c - the loader: PyTorch's order for the same seed, the batches, and their memory.
 *
 * Uses only fovea.h. The order is compared with PyTorch 1.13, and for long sets with a textbook
 * Mersenne Twister and shuffle, which are checked against the C++ standard.
 */
#include "data_files.h"

/* ---- the order of samples, from the textbook ---------------------------------------------- */

/* MT19937 as Matsumoto and Nishimura publish it. */
typedef struct twister {
    uint32_t mt[624];
    int i;
} twister;

static twister twister_of(uint32_t seed)
{
    twister t = {.i = 624};
    for (uint32_t i = 0; i < 624; i++)
        t.mt[i] = i ? 1812433253u * (t.mt[i - 1] ^ t.mt[i - 1] >> 30) + i : seed;
    return t;
}

static uint32_t twist(twister *t)
{
    if (t->i == 624) {
        for (int k = 0; k < 624; k++) {
            uint32_t y = (t->mt[k] & 0x80000000u) | (t->mt[(k + 1) % 624] & 0x7fffffffu);
            t->mt[k] = t->mt[(k + 397) % 624] ^ y >> 1 ^ (y % 2 ? 0x9908b0dfu : 0);
        }
        t->i = 0;
    }
    uint32_t y = t->mt[t->i++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

/* The order of an epoch: a base seed, then a seed for randperm, each of two draws of which the
   second is its low half, the only one that seeding looks at. */
static void textbook_epoch(twister *t, int n, int64_t *order)
{
    twist(t), twist(t);
    twist(t);
    twister own = twister_of(twist(t));
    for (int i = 0; i < n; i++)
        order[i] = i;
    for (int i = 0; i < n - 1; i++) {
        int j = i + (int)(twist(&own) % (uint32_t)(n - i));
        int64_t swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}

/* One epoch of the loader: order takes its indices. The number of samples. */
static int run_epoch(fv_loader *load, int64_t *order)
{
    int n = 0;
    int64_t batches = 0;
    for (fv_batch b; fv_loader_next(load, &b); n += b.n) {
        assert_int_equal(b.index, batches++);
        memcpy(order + n, b.indices, (size_t)b.n * sizeof *order);
    }
    assert_int_equal(fv_error(fv), FV_OK);
    assert_int_equal(batches, fv_loader_len(load));
    return n;
}

static void textbook_is_right(void **state)
{
    (void)state;
    twister t = twister_of(5489); /* C++11 26.5.5 [rand.predef] */
    for (int i = 1; i < 10000; i++)
        twist(&t);
    assert_int_equal(twist(&t), 4123659995u);
}

/* What PyTorch 1.13 gives after torch.manual_seed(0) for 20 samples: two epochs of a shuffled
   DataLoader, one of a loader without shuffle, and one more of the first. */
static void loader_as_pytorch(void **state)
{
    static const int64_t first[] = {6, 15, 11, 13, 9,  2,  1,  17, 16, 8,
                                    5, 12, 18, 3,  19, 10, 14, 4,  7,  0};
    static const int64_t second[] = {12, 1,  13, 14, 10, 19, 9, 18, 15, 11,
                                     16, 17, 4,  2,  5,  0,  8, 6,  7,  3};
    static const int64_t fourth[] = {8,  10, 0, 19, 16, 14, 18, 7, 11, 13,
                                     15, 5,  4, 6,  1,  17, 12, 9, 3,  2};
    (void)state;
    numbers my = {.len = 20};
    int64_t order[20];
    fv_loader *load = fv_loader_new(numbers_new(&my), .batch_size = 6, .shuffle = true);
    fv_loader *plain = fv_loader_new(numbers_new(&my), .batch_size = 6);
    assert_int_equal(run_epoch(load, order), 20);
    assert_memory_equal(order, first, sizeof order);
    assert_int_equal(run_epoch(load, order), 20);
    assert_memory_equal(order, second, sizeof order);
    assert_int_equal(run_epoch(plain, order), 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal(order[i], i);
    assert_int_equal(run_epoch(load, order), 20);
    assert_memory_equal(order, fourth, sizeof order);
}

static void loader_as_textbook(void **state)
{
    static int64_t order[60000], expected[60000];
    static const int lens[] = {1, 2, 1000, 60000};
    (void)state;
    for (uint32_t seed = 0; seed < 4; seed++) {
        numbers my = {.len = lens[seed], .bytes = true};
        fv_loader *load = fv_loader_new(numbers_new(&my), .batch_size = 64, .shuffle = true);
        assert_int_equal(fv_manual_seed(fv, seed), FV_OK);
        twister t = twister_of(seed);
        for (int epoch = 0; epoch < 2; epoch++) {
            textbook_epoch(&t, lens[seed], expected);
            assert_int_equal(run_epoch(load, order), lens[seed]);
            assert_memory_equal(order, expected, (size_t)lens[seed] * sizeof *order);
        }
    }
}

/* ---- batches ------------------------------------------------------------------------------ */

static void loader_batches(void **state)
{
    (void)state;
    for (int bytes = 0; bytes < 2; bytes++) {
        numbers my = {.len = 50, .bytes = bytes};
        fv_loader *load = fv_loader_new(numbers_new(&my), .batch_size = 8, .shuffle = true);
        for (fv_batch b; fv_loader_next(load, &b);) {
            assert_int_equal(b.n, b.index < 6 ? 8 : 2);
            assert_int_equal(b.type, bytes ? FV_U8 : FV_F32);
            assert_int_equal(b.channels * 100 + b.height * 10 + b.width, 213);
            for (int i = 0; i < 6 * b.n; i++)
                if (bytes)
                    assert_int_equal(((const uint8_t *)b.pixels)[i], b.indices[i / 6] + i % 6);
                else
                    assert_true(((const float *)b.pixels)[i] ==
                                (float)b.indices[i / 6] + (float)(i % 6) / 8);
            for (int i = 0; i < b.n; i++)
                assert_int_equal(b.labels[i], b.indices[i] % 10);
        }
        assert_int_equal(fv_error(fv), FV_OK);
    }
}

/* Batches and the size of the last one, for PyTorch's len(loader). */
static void loader_last_batch(void **state)
{
    static const struct {
        int len, batch_size;
        bool drop_last;
        int batches, last;
    } cases[] = {
        {60000, 64, false, 938, 32}, {60000, 64, true, 937, 64}, {10000, 64, false, 157, 16},
        {10, 5, false, 2, 5},        {10, 5, true, 2, 5},        {3, 0, false, 3, 1},
        {3, 100, false, 1, 3},       {3, 100, true, 0, 0},       {0, 4, false, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        numbers my = {.len = cases[i].len, .bytes = true};
        fv_loader *load = fv_loader_new(numbers_new(&my), .batch_size = cases[i].batch_size,
                                        .drop_last = cases[i].drop_last);
        assert_int_equal(fv_loader_len(load), cases[i].batches);
        for (int epoch = 0; epoch < 2; epoch++) {
            int batches = 0, last = 0;
            for (fv_batch b; fv_loader_next(load, &b); batches++)
                last = b.n;
            assert_int_equal(batches, cases[i].batches);
            assert_int_equal(last, cases[i].last);
        }
    }
}

static void loader_rewinds(void **state)
{
    (void)state;
    numbers my = {.len = 30};
    int64_t order[30], expected[30];
    fv_loader *load = fv_loader_new(numbers_new(&my), .batch_size = 4, .shuffle = true);
    fv_batch b;
    for (int i = 0; i < 3; i++)
        assert_true(fv_loader_next(load, &b));
    assert_int_equal(b.index, 2);
    fv_loader_rewind(load);
    fv_loader_rewind(load); /* twice is once */
    twister t = twister_of(0);
    textbook_epoch(&t, 30, expected);
    textbook_epoch(&t, 30, expected);
    assert_int_equal(run_epoch(load, order), 30);
    assert_memory_equal(order, expected, sizeof order);
}

static void loader_get_fails(void **state)
{
    (void)state;
    numbers my = {.len = 12, .fail_at = 5};
    fv_loader *load = fv_loader_new(numbers_new(&my), .batch_size = 4);
    fv_batch b;
    assert_true(fv_loader_next(load, &b));
    assert_false(fv_loader_next(load, &b));
    assert_false(fv_loader_next(load, &b));
    assert_error(fv, FV_E_DATA, "\"numbers\": get failed for sample 5 with code 7");
    my.fail_at = 0;
    int64_t order[12];
    assert_int_equal(run_epoch(load, order), 12); /* from the start */
    assert_int_equal(order[0], 0);
}

static void loader_arguments(void **state)
{
    (void)state;
    numbers my = {.len = 12};
    fv_dataset *set = numbers_new(&my);
    assert_null(fv_loader_new(set, .batch_size = -2));
    assert_error(fv, FV_E_ARG, "fv_loader_new: batch_size is -2, but must be 1 or more");
    fv_batch b;
    assert_null(fv_loader_new(NULL, .batch_size = 4));
    assert_false(fv_loader_next(NULL, &b));
    assert_int_equal(fv_loader_len(NULL), 0);
    fv_loader_rewind(NULL);
    fv_loader_free(NULL);
}

/* ---- memory ------------------------------------------------------------------------------- */

static void loader_takes_no_memory(void **state)
{
    (void)state;
    numbers my = {.len = 3000, .bytes = true};
    int64_t order[3000];
    fv_dataset *set = numbers_new(&my);
    mem.bytes = 0;
    fv_loader *whole = fv_loader_new(set, .batch_size = 1 << 30, .shuffle = true);
    assert_non_null(whole);
    assert_in_range(mem.bytes, 3000 * 30, 3000 * 30 + 2000); /* no more than the set needs */
    fv_loader *load = fv_loader_new(set, .batch_size = 7, .shuffle = true, .drop_last = true);
    long calls = mem.calls;
    for (int epoch = 0; epoch < 2; epoch++) {
        assert_int_equal(run_epoch(load, order), 2996);
        assert_int_equal(run_epoch(whole, order), 3000);
    }
    assert_int_equal(mem.calls, calls);
}

/* Everything that allocates, once; how many samples came out at the end. */
static int use_all(numbers *my)
{
    int n = 0;
    fv_loader *files = fv_loader_new(fv_mnist(fv, ".", FV_TRAIN), .batch_size = 2, .shuffle = true);
    fv_dataset_desc desc = describe(my);
    fv_loader *own = fv_loader_new(fv_dataset_new(fv, &desc), .batch_size = 3);
    for (fv_batch b; fv_loader_next(files, &b);)
        n += b.n;
    for (fv_batch b; fv_loader_next(own, &b);)
        n += b.n;
    return n;
}

/* Whichever allocation fails, it is said, nothing leaks, and the next try works. */
static void out_of_memory(void **state)
{
    (void)state;
    write_idx(RAW "train-images-idx3-ubyte", DIMS(5, 28, 28), 256);
    remove(RAW "train-labels-idx1-ubyte");
    remove(RAW "train-labels-idx1-ubyte.gz");
    write_idx(have_gzip ? RAW "train-labels-idx1-ubyte.gz" : RAW "train-labels-idx1-ubyte", DIMS(5),
              10);
    fv_close(fv);
    assert_int_equal(mem.live, 0);
    long tried = 0;
    for (bool failed = true; failed; tried++) {
        numbers my = {.len = 4};
        mem = (counting){.fail_at = tried + 1};
        fv = open_counted();
        if (!fv) {
            assert_int_equal(fv_error(fv), FV_E_MEMORY);
            continue;
        }
        int samples = use_all(&my), opened = 1;
        failed = mem.calls > tried;
        if (failed) {
            assert_int_equal(fv_error(fv), FV_E_MEMORY);
            assert_true(samples < 9);
            fv_error_clear(fv);
            samples = use_all(&my);
            opened++;
        }
        assert_int_equal(fv_error(fv), FV_OK);
        assert_int_equal(samples, 9);
        fv_close(fv);
        assert_int_equal(mem.live, 0);
        assert_int_equal(my.closed, opened);
    }
    assert_true(tried > 20);
    fv = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(textbook_is_right), TEST(loader_as_pytorch), TEST(loader_as_textbook),
        TEST(loader_batches),    TEST(loader_last_batch), TEST(loader_rewinds),
        TEST(loader_get_fails),  TEST(loader_arguments),  TEST(loader_takes_no_memory),
        TEST(out_of_memory),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
