/*
 * test_stats.c - statistics of data sets: MNIST's published values, plain loops, damaged sets.
 *
 * Uses fovea.h, and internals of a data set for one with pictures of different sizes.
 */
#include <math.h>

#include "data/data.h"
#include "data_files.h"

static void assert_near(double got, double expected)
{
    if (!(fabs(got - expected) <= 1e-13 * fabs(expected)))
        fail_msg("%.17g, but expected %.17g", got, expected);
}

/* Mean and standard deviation of v / 255, from the 256 counts with 40 digits. Those of PyTorch 1.13,
   of doubles, differ with its number of threads, and are within 3 parts of 10^10. */
static void mnist(void **state)
{
    (void)state;
    skip_without_gzip();
    static fv_stats s;
    fv_dataset *set = fv_mnist(fv, FV_DATA_DIR, FV_TRAIN);
    assert_fine(fv);
    assert_int_equal(fv_dataset_stats(set, &s), FV_OK);
    assert_int_equal(s.samples, 60000);
    assert_int_equal(s.pixels, 60000 * 784);
    assert_int_equal(s.channels, 1);
    assert_near(s.channel[0].mean, 0.1306604762738428705);
    assert_near(s.channel[0].std, 0.3081078071314181346);
    assert_true(s.channel[0].min == 0 && s.channel[0].max == 1);
    assert_int_equal(s.channel[0].histogram[0], 38045844);
    assert_int_equal(s.min_height * s.max_height, 28 * 28);
    assert_int_equal(s.min_width * s.max_width, 28 * 28);
}

/* Two channels of bytes: sample i has i .. i + 2 and i + 3 .. i + 5 in them, modulo 256. */
static void bytes(void **state)
{
    (void)state;
    numbers my = {.len = 300, .bytes = true};
    static fv_stats s;
    assert_int_equal(fv_dataset_stats(numbers_new(&my), &s), FV_OK);
    assert_int_equal(s.channels, 2);
    assert_int_equal(s.pixels, 900);
    for (int c = 0; c < 2; c++) {
        int64_t histogram[256] = {0};
        double sum = 0, squares = 0;
        for (int i = 0; i < 900; i++)
            histogram[(i / 3 + 3 * c + i % 3) % 256]++;
        for (int v = 0; v < 256; v++)
            sum += (double)histogram[v] * v / 255;
        for (int v = 0; v < 256; v++)
            squares += (double)histogram[v] * pow(v / 255.0 - sum / 900, 2);
        assert_memory_equal(s.channel[c].histogram, histogram, sizeof histogram);
        assert_near(s.channel[c].mean, sum / 900);
        assert_near(s.channel[c].std, sqrt(squares / 899));
        assert_true(s.channel[c].min == 0 && s.channel[c].max == 1);
    }
}

/* Floats far from 0, where sums of squares would lose the spread. */
static int far_get(void *user, int64_t index, void *pixels, int64_t *label)
{
    (void)user;
    for (int i = 0; i < 6; i++)
        ((float *)pixels)[i] = 1e6f + (float)((index * 7 + i * 3) % 11) - (i < 3 ? 2e6f : 0);
    *label = 0;
    return 0;
}

static void floats(void **state)
{
    (void)state;
    numbers my = {.len = 501};
    fv_dataset_desc desc = describe(&my);
    desc.close = NULL;
    desc.get = far_get;
    static fv_stats s;
    assert_int_equal(fv_dataset_stats(fv_dataset_new(fv, &desc), &s), FV_OK);
    for (int c = 0; c < 2; c++) {
        double sum = 0, squares = 0, x[3 * 501];
        for (int i = 0; i < 3 * 501; i++) {
            x[i] = i / 3 * 7 + (i % 3 + 3 * c) * 3;
            x[i] = (int)x[i] % 11;
            sum += x[i];
        }
        for (int i = 0; i < 3 * 501; i++)
            squares += pow(x[i] - sum / 1503, 2);
        assert_near(s.channel[c].mean, sum / 1503 + (c ? 1e6 : -1e6));
        assert_true(fabs(s.channel[c].std - sqrt(squares / 1502)) < 1e-9);
        assert_true(s.channel[c].min == (c ? 1e6 : -1e6));
        assert_true(s.channel[c].max == (c ? 1e6 : -1e6) + 10);
        assert_int_equal(s.channel[c].histogram[0], 0);
    }
}

/* Sizes of their own: sample i is 2 x (i + 1) x (5 - i); all pixels i. */
static bool own_read(fv_dataset *set, fv_work *work, int64_t index, fv_picture *p, int64_t *label)
{
    const numbers *my = set->desc.user;
    *p = (fv_picture){my->wrong_at && index == my->wrong_at ? 1 : 2, (int)index + 1, 5 - (int)index,
                      FV_U8, fv_work_slot(work, 0, 64)};
    if (p->pixels)
        memset(p->pixels, (int)index, fv_picture_bytes(p));
    *label = 0;
    return p->pixels != NULL;
}

static void own_sizes(void **state)
{
    (void)state;
    numbers my = {.len = 4, .bytes = true};
    static fv_stats s;
    fv_dataset *set = numbers_new(&my);
    set->read = own_read;
    assert_int_equal(fv_dataset_stats(set, &s), FV_OK);
    assert_int_equal(s.min_height * 1000 + s.max_height * 100 + s.min_width * 10 + s.max_width,
                     1425);
    assert_int_equal(s.pixels, 5 + 8 + 9 + 8);
    assert_int_equal(s.channel[1].histogram[2], 9);
    assert_near(s.channel[0].mean, (8 * 1 + 9 * 2 + 8 * 3) / 30.0 / 255);
    my.wrong_at = 2;
    assert_int_equal(fv_dataset_stats(set, &s), FV_E_SHAPE);
    assert_error(fv, FV_E_SHAPE, "\"numbers\": sample 2 has 1 channels, but the set has 2");
}

static void wrong_sets(void **state)
{
    (void)state;
    static fv_stats s;
    numbers none = {.len = 0}, broken = {.len = 9, .fail_at = 4};
    assert_int_equal(fv_dataset_stats(numbers_new(&none), &s), FV_E_DATA);
    assert_error(fv, FV_E_DATA,
                 "fv_dataset_stats: \"numbers\" has 0 samples of 2 channels, but 1 or more are "
                 "needed of 1 to 4");
    assert_int_equal(fv_dataset_stats(numbers_new(&broken), &s), FV_E_DATA);
    assert_error(fv, FV_E_DATA, "\"numbers\": get failed for sample 4 with code 7");
    assert_int_equal(fv_dataset_stats(NULL, &s), FV_E_ARG);
    fv_dataset *set = numbers_new(&none);
    assert_int_equal(fv_dataset_stats(set, NULL), FV_E_ARG);
    broken.fail_at = 0;
    set = numbers_new(&broken);
    mem.fail_at = mem.calls + 1;
    assert_int_equal(fv_dataset_stats(set, &s), FV_E_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(mnist), TEST(bytes), TEST(floats), TEST(own_sizes), TEST(wrong_sets),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
