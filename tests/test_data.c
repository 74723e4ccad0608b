/*
 * test_data.c - data sets of IDX files, of user functions, and MNIST. Uses only fovea.h.
 */
#include <math.h>

#include "data_files.h"

/* ---- data sets of IDX files --------------------------------------------------------------- */

static void dataset_of_files(void **state)
{
    (void)state;
    write_idx("images", DIMS(4, 3, 2, 5), 256);
    write_idx("labels", DIMS(4), 3); /* 0 1 2 0 */
    long live = mem.live;
    fv_dataset *set = fv_dataset_idx(fv, "images", "labels", 0);
    fv_dataset_info info = fv_dataset_describe(set);
    assert_string_equal(info.name, "images");
    assert_string_equal(info.files[0], "images");
    assert_string_equal(info.files[1], "labels");
    assert_int_equal(info.len, 4);
    assert_int_equal(info.type, FV_U8);
    assert_int_equal(info.channels, 3);
    assert_int_equal(info.height, 2);
    assert_int_equal(info.width, 5);
    assert_int_equal(info.classes, 3);

    uint8_t pixels[30];
    int64_t label, histogram[3];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(fv_dataset_get(set, i, pixels, &label), FV_OK);
        assert_int_equal(pixels[0], 30 * i);
        assert_int_equal(pixels[29], 30 * i + 29);
        assert_int_equal(label, i % 3);
    }
    assert_int_equal(fv_dataset_get(set, 3, pixels, NULL), FV_OK);
    assert_int_equal(fv_dataset_check(set, 0, histogram), FV_OK);
    assert_memory_equal(histogram, ((int64_t[]){2, 1, 1}), sizeof histogram);

    assert_int_equal(fv_dataset_get(set, 4, pixels, &label), FV_E_ARG);
    assert_error(fv, FV_E_ARG, "\"images\" has no sample 4: it has 4 samples, counted from 0");
    assert_int_equal(fv_dataset_get(set, -1, pixels, &label), FV_E_ARG);
    assert_error(fv, FV_E_ARG, "\"images\" has no sample -1: it has 4 samples, counted from 0");
    assert_int_equal(fv_dataset_check(set, 2, histogram), FV_E_CLASS);
    assert_error(fv, FV_E_CLASS,
                 "label 2 of sample 2 in \"labels\": the classes are 0 to 1\n"
                 "help: correct the label, or make a net of more classes");
    assert_int_equal(fv_dataset_check(set, -1, NULL), FV_E_ARG);
    assert_error(fv, FV_E_ARG, "fv_dataset_check: classes is -1, but must be 0 or more");
    fv_dataset_free(set);
    assert_int_equal(mem.live, live);

    write_idx("images", DIMS(4, 2, 5), 256);
    info = fv_dataset_describe(fv_dataset_idx(fv, "images", "labels", 7));
    assert_int_equal(info.channels, 1);
    assert_int_equal(info.classes, 7);
}

static void dataset_of_wrong_files(void **state)
{
    (void)state;
    write_idx("images", DIMS(4, 2, 5), 256);
    write_idx("labels", DIMS(4), 3);
    write_idx("five", DIMS(5), 3);
    write_idx("none", DIMS(0, 2, 5), 3);
    write_file("float32", BYTES("\0\0\x0d\1\0\0\0\1\0\0\0\1"));
    long live = mem.live;

    assert_null(fv_dataset_idx(fv, "images", "five", 0));
    assert_error(fv, FV_E_DATA,
                 "4 images in \"images\", but 5 labels in \"five\"\n"
                 "help: take both files from the same data set");
    assert_null(fv_dataset_idx(fv, "labels", "images", 0));
    assert_error(fv, FV_E_DATA,
                 "\"labels\" holds no images: expected uint8 or float32 of 3 or 4 "
                 "dimensions, none of them 0; found 4 uint8");
    assert_null(fv_dataset_idx(fv, "none", "labels", 0));
    assert_error(fv, FV_E_DATA,
                 "\"none\" holds no images: expected uint8 or float32 of 3 or 4 "
                 "dimensions, none of them 0; found 0 x 2 x 5 uint8");
    assert_null(fv_dataset_idx(fv, "images", "images", 0));
    assert_error(fv, FV_E_DATA,
                 "\"images\" holds no labels: expected integers of 1 dimension; "
                 "found 4 x 2 x 5 uint8");
    assert_null(fv_dataset_idx(fv, "images", "float32", 0));
    assert_error(fv, FV_E_DATA,
                 "\"float32\" holds no labels: expected integers of 1 dimension; "
                 "found 1 float32");
    assert_null(fv_dataset_idx(fv, "images", "labels", -1));
    assert_error(fv, FV_E_ARG, "\"images\": classes is -1, but must be 1 or more");
    assert_null(fv_dataset_idx(fv, "images", "nothing", 0));
    assert_error(fv, FV_E_PATH, "cannot open \"nothing\": No such file or directory");
    assert_int_equal(mem.live, live); /* what failed kept nothing until fv_close */
}

/* ---- data sets of functions --------------------------------------------------------------- */

static void dataset_of_functions(void **state)
{
    (void)state;
    numbers my = {.len = 25, .fail_at = 20, .wrong_at = 13, .wrong_label = 10};
    fv_dataset_desc desc = describe(&my);
    fv_dataset *set = fv_dataset_new(fv, &desc);
    fv_dataset_info info = fv_dataset_describe(set);
    assert_string_equal(info.name, "numbers");
    assert_null(info.files[0]);
    assert_int_equal(info.len, 25);
    assert_int_equal(info.type, FV_F32);
    assert_int_equal(info.channels * 100 + info.height * 10 + info.width, 213);

    float pixels[6];
    int64_t label, histogram[10];
    assert_int_equal(fv_dataset_get(set, 17, pixels, &label), FV_OK);
    assert_memory_equal(pixels, ((float[]){17, 17.125f, 17.25f, 17.375f, 17.5f, 17.625f}),
                        sizeof pixels);
    assert_int_equal(label, 7);
    assert_int_equal(fv_dataset_get(set, 20, pixels, &label), FV_E_DATA);
    assert_error(fv, FV_E_DATA, "\"numbers\": get failed for sample 20 with code 7");

    assert_int_equal(fv_dataset_check(set, 0, histogram), FV_E_CLASS);
    assert_error(fv, FV_E_CLASS,
                 "label 10 of sample 13 in \"numbers\": the classes are 0 to 9\n"
                 "help: correct the label, or make a net of more classes");
    my.wrong_label = -1;
    assert_int_equal(fv_dataset_check(set, 0, NULL), FV_E_CLASS);
    assert_error(fv, FV_E_CLASS,
                 "label -1 of sample 13 in \"numbers\": the classes are 0 to 9\n"
                 "help: correct the label, or make a net of more classes");
    my.wrong_at = 0;
    assert_int_equal(fv_dataset_check(set, 0, NULL), FV_E_DATA);
    assert_error(fv, FV_E_DATA, "\"numbers\": get failed for sample 20 with code 7");
    my.fail_at = 0;
    assert_int_equal(fv_dataset_check(set, 0, histogram), FV_OK);
    for (int i = 0; i < 10; i++)
        assert_int_equal(histogram[i], i < 5 ? 3 : 2);

    assert_int_equal(my.closed, 0);
    fv_dataset_free(set);
    assert_int_equal(my.closed, 1);
}

static void dataset_descriptions(void **state)
{
    (void)state;
    numbers my = {.len = 5};
    fv_dataset_desc d = describe(&my);
    d.len = NULL;
    assert_null(fv_dataset_new(fv, &d));
    assert_error(fv, FV_E_ARG, "fv_dataset_new: len and get are needed");
    d = describe(&my);
    d.type = FV_I16;
    assert_null(fv_dataset_new(fv, &d));
    assert_error(fv, FV_E_ARG, "\"numbers\": pixels must be FV_U8 or FV_F32");
    d = describe(&my);
    d.width = 0;
    assert_null(fv_dataset_new(fv, &d));
    assert_error(fv, FV_E_SHAPE,
                 "\"numbers\": [N,2,1,0] is no shape of an image; each must be 1 "
                 "or more and their product at most 268435456");
    d = describe(&my);
    d.height = d.width = 1 << 15;
    assert_null(fv_dataset_new(fv, &d));
    assert_error(fv, FV_E_SHAPE,
                 "\"numbers\": [N,2,32768,32768] is no shape of an image; each "
                 "must be 1 or more and their product at most 268435456");
    d = describe(&my);
    d.classes = 0;
    d.name = NULL;
    assert_null(fv_dataset_new(fv, &d));
    assert_error(fv, FV_E_ARG, "\"data set\": classes is 0, but must be 1 or more");
    d = describe(&my);
    my.len = -3;
    assert_null(fv_dataset_new(fv, &d));
    assert_error(fv, FV_E_DATA, "\"numbers\": len says -3 samples");
    assert_null(fv_dataset_new(fv, NULL));
    assert_error(fv, FV_E_ARG, "fv_dataset_new: desc is NULL");
    d = describe(&my);
    assert_null(fv_dataset_new(NULL, &d));
    assert_int_equal(my.closed, 7); /* each of those that had one */

    assert_int_equal(fv_dataset_describe(NULL).len, 0);
    assert_int_equal(fv_dataset_get(NULL, 0, NULL, NULL), FV_E_ARG);
    assert_int_equal(fv_dataset_check(NULL, 0, NULL), FV_E_ARG);
    fv_dataset_free(NULL);
    assert_int_equal(fv_error(fv), FV_OK);
}

/* ---- MNIST -------------------------------------------------------------------------------- */

static void mnist_split(fv_split split, int64_t len, const int64_t counts[10], double mean,
                        double std)
{
    fv_dataset *set = fv_mnist(fv, FV_DATA_DIR, split);
    fv_dataset_info info = fv_dataset_describe(set);
    assert_int_equal(info.len, len);
    assert_int_equal(info.classes, 10);
    assert_int_equal(info.channels * 10000 + info.height * 100 + info.width, 12828);
    int64_t histogram[10];
    assert_int_equal(fv_dataset_check(set, 10, histogram), FV_OK);
    assert_memory_equal(histogram, counts, sizeof histogram);
    uint64_t sum = 0, squares = 0;
    for (int64_t i = 0; i < len; i++) {
        uint8_t pixels[784];
        assert_int_equal(fv_dataset_get(set, i, pixels, NULL), FV_OK);
        for (int p = 0; p < 784; p++) {
            sum += pixels[p];
            squares += (unsigned)pixels[p] * pixels[p];
        }
    }
    double n = 784.0 * (double)len, m = (double)sum / n;
    assert_true(fabs(m / 255 - mean) < 5e-5);
    assert_true(fabs(sqrt((double)squares / n - m * m) / 255 - std) < 5e-5);
}

static void mnist_real(void **state)
{
    (void)state;
    skip_without_gzip();
    mnist_split(FV_TRAIN, 60000,
                (int64_t[]){5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}, 0.1307,
                0.3081);
    mnist_split(FV_TEST, 10000, (int64_t[]){980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009},
                0.1325, 0.3105);
    fv_dataset *train = fv_mnist(fv, FV_DATA_DIR, FV_TRAIN);
    uint8_t pixels[784];
    int64_t label = -1;
    assert_int_equal(fv_dataset_get(train, 0, pixels, &label), FV_OK);
    assert_int_equal(label, 5);
}

static void mnist_files(void **state)
{
    (void)state;
    assert_null(fv_mnist(fv, "nowhere", FV_TRAIN));
    assert_error(fv, FV_E_PATH,
                 "MNIST is not in \"nowhere/MNIST/raw\"; missing there:\n"
                 "  train-images-idx3-ubyte or train-images-idx3-ubyte.gz\n"
                 "  train-labels-idx1-ubyte or train-labels-idx1-ubyte.gz\n"
                 "  t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz\n"
                 "  t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz\n"
                 "help: fovea get mnist --root nowhere, or give the folder that has "
                 "MNIST/raw in it");
    assert_null(fv_mnist(fv, NULL, FV_TRAIN));
    assert_error(fv, FV_E_ARG, "fv_mnist: root is NULL");

    write_idx(RAW "train-images-idx3-ubyte", DIMS(5, 28, 28), 256);
    write_idx(RAW "train-images-idx3-ubyte.gz", DIMS(6, 28, 28), 256); /* raw goes first */
    write_idx(RAW "train-labels-idx1-ubyte", DIMS(5), 10);
    assert_int_equal(fv_dataset_describe(fv_mnist(fv, ".", FV_TRAIN)).len, 5);
    if (have_gzip) {
        assert_int_equal(remove(RAW "train-labels-idx1-ubyte"), 0);
        write_idx(RAW "train-labels-idx1-ubyte.gz", DIMS(5), 10);
        assert_int_equal(fv_dataset_describe(fv_mnist(fv, ".", FV_TRAIN)).len, 5);
    }
    assert_null(fv_mnist(fv, ".", FV_TEST));
    assert_error(fv, FV_E_PATH,
                 "MNIST is not in \"./MNIST/raw\"; missing there:\n"
                 "  t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz\n"
                 "  t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz\n"
                 "help: fovea get mnist --root ., or give the folder that has "
                 "MNIST/raw in it");

    long live = mem.live;
    write_idx(RAW "t10k-images-idx3-ubyte", DIMS(1, 27, 28), 256);
    write_idx(RAW "t10k-labels-idx1-ubyte", DIMS(1), 10);
    assert_null(fv_mnist(fv, ".", FV_TEST));
    assert_error(fv, FV_E_DATA,
                 "\"./MNIST/raw/t10k-images-idx3-ubyte\" is not MNIST: expected "
                 "images of 1 x 28 x 28, found 1 x 27 x 28");
    write_idx(RAW "t10k-images-idx3-ubyte", DIMS(2, 28, 28), 256);
    write_file(RAW "t10k-labels-idx1-ubyte", BYTES("\0\0\x08\1\0\0\0\2\x09\x0a"));
    assert_null(fv_mnist(fv, ".", FV_TEST));
    assert_error(fv, FV_E_CLASS,
                 "label 10 of sample 1 in \"./MNIST/raw/t10k-labels-idx1-ubyte\": "
                 "the classes are 0 to 9\n"
                 "help: correct the label, or make a net of more classes");
    assert_int_equal(mem.live, live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(dataset_of_files),     TEST(dataset_of_wrong_files),
        TEST(dataset_of_functions), TEST(dataset_descriptions),
        TEST(mnist_real),           TEST(mnist_files),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
