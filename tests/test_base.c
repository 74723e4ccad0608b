/*
 * test_base.c - what all else stands on: options and errors of a context, memory, random numbers,
 * threads, files, SHA-256. The oracles are published figures.
 */
#include "testing.h"

#include <dirent.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"

/* ---- context ------------------------------------------------------------------------------ */

static void options_are_checked(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(&(fv_options){.threads = -1});
    assert_error(ctx, FV_E_ARG, "threads is -1, but must be 1 to 256, or 0 for one per processor");
    assert_int_equal(fv_device_describe(ctx).threads, 1);
    fv_close(ctx);
    ctx = fv_open(&(fv_options){.kernels = "sse9"});
    assert_int_equal(fv_error(ctx), FV_E_ARG);
    assert_int_equal(strncmp(fv_error_text(ctx), "kernels \"sse9\" cannot be used: no such set\n"
                                                 "help: this machine has ref", 67), 0);
    fv_close(ctx);
    ctx = fv_open(&(fv_options){.kernels = "ref", .threads = 3});
    fv_device device = fv_device_describe(ctx);
    assert_string_equal(device.kernels, "ref");
    assert_string_equal(device.why, "asked for");
    assert_int_equal(device.threads, 3);
    assert_true(device.processors >= 1 && strncmp(device.available, "ref", 3) == 0);
    fv_close(ctx);
}

static void first_error_sticks(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(NULL);
    assert_string_equal(fv_error_text(ctx), "");
    fv_fail(ctx, FV_E_DATA, "one %d", 1);
    fv_fail(ctx, FV_E_ARG, "two");
    assert_error(ctx, FV_E_DATA, "one 1");
    assert_int_equal(fv_error(ctx), FV_OK);
    fv_close(ctx);
    fv_close(NULL);
    assert_int_equal(fv_error(NULL), FV_E_MEMORY);
    assert_string_equal(fv_error_text(NULL), "no memory for a context");
    for (int i = FV_OK; i < FV_E_STATUS_COUNT; i++)
        assert_true(i == FV_OK || strncmp(fv_status_name((fv_status)i), "E-", 2) == 0);
    assert_string_equal(fv_version(), "0.1.0");
}

static void memory_is_checked(void **state)
{
    (void)state;
    counting memory = {.fail_at = 1};
    assert_null(fv_open(&(fv_options){.allocate = counting_allocate, .user = &memory}));
    memory = (counting){0};
    fv_ctx *ctx = fv_open(&(fv_options){.allocate = counting_allocate, .user = &memory});
    assert_null(fv_alloc(ctx, SIZE_MAX / 2, 3));
    assert_int_equal(fv_error(ctx), FV_E_MEMORY);
    fv_error_clear(ctx);
    uint8_t *a = fv_alloc(ctx, 100, 1);
    assert_int_equal((uintptr_t)a % 64, 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(a[i], 0);
    memset(a, 7, 100);
    memory.fail_at = memory.calls + 1;
    assert_null(fv_grow(ctx, a, 200, 1));
    assert_int_equal(a[99], 7);
    fv_error_clear(ctx);
    a = fv_grow(ctx, a, 200, 1);
    assert_true(a[99] == 7 && a[100] == 0 && a[199] == 0);
    fv_release(ctx, a);
    fv_release(ctx, NULL);
    fv_close(ctx);
    assert_int_equal(memory.live, 0);
}

/* ---- random numbers ----------------------------------------------------------------------- */

/* The 10000th number of seed 5489 is the C++ standard's check of mt19937; torch.manual_seed(0),
   torch.rand(3) is in PyTorch's documentation. */
static void numbers_are_known(void **state)
{
    (void)state;
    fv_rng rng;
    fv_rng_seed(&rng, 5489);
    for (int i = 1; i < 10000; i++)
        fv_rng_u32(&rng);
    assert_int_equal(fv_rng_u32(&rng), 4123659995u);
    fv_rng_seed(&rng, 0);
    const float want[3] = {0.4963f, 0.7682f, 0.0885f};
    for (int i = 0; i < 3; i++) {
        float u = fv_rng_uniform(&rng, 0, 1);
        assert_true(u > want[i] - 5e-5f && u < want[i] + 5e-5f);
    }
}

static void sha256_is_known(void **state)
{
    (void)state;
    char hex[65], *million = malloc(1000000);
    fv_sha256("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    fv_sha256("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    memset(million, 'a', 1000000);
    fv_sha256(million, 1000000, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

/* ---- threads ------------------------------------------------------------------------------ */

typedef struct tally {
    atomic_int done[1000];
    atomic_int wrong_thread;
    int threads;
} tally;

static void count_item(void *arg, int item, int thread)
{
    tally *t = arg;
    atomic_fetch_add(&t->done[item], 1);
    if (thread < 0 || thread >= t->threads)
        atomic_fetch_add(&t->wrong_thread, 1);
}

static void every_item_once(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 8}, items[] = {0, 1, 2, 7, 1000};
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        fv_ctx *ctx = fv_open(&(fv_options){.threads = threads[i]});
        for (int round = 0; round < 2000; round++) {
            static tally t;
            int n = items[round % 5];
            memset(&t, 0, sizeof t);
            t.threads = threads[i];
            fv_parallel(ctx, n, count_item, &t);
            for (int k = 0; k < n; k++)
                assert_int_equal(atomic_load(&t.done[k]), 1);
            assert_int_equal(atomic_load(&t.wrong_thread), 0);
            if (round % 500 == 0)
                nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); /* long enough to fall asleep */
        }
        fv_close(ctx);
    }
}

/* ---- files -------------------------------------------------------------------------------- */

static int files_in(const char *folder)
{
    int count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e; (e = readdir(dir));)
        count += e->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void files_appear_whole(void **state)
{
    (void)state;
    char folder[] = "/tmp/fovea-base-XXXXXX", path[64], none[80], text[256];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(none, sizeof none, "%s/none/file", folder);
    fv_ctx *ctx = fv_open(NULL);
    size_t size;
    fv_write_file(ctx, path, "old", 3);
    fv_write_file(ctx, path, "newer", 5);
    char *bytes = fv_read_file(ctx, path, &size);
    assert_fine(ctx);
    assert_int_equal(size, 5);
    assert_memory_equal(bytes, "newer", 5);
    fv_release(ctx, bytes);

    fv_write_file(ctx, none, "x", 1);
    snprintf(text, sizeof text, "cannot write \"%s\": No such file or directory", none);
    assert_error(ctx, FV_E_PATH, text);
    fv_write_file(ctx, folder, "x", 1); /* a folder is there by that name */
    assert_int_equal(fv_error(ctx), FV_E_IO);
    fv_error_clear(ctx);
    assert_null(fv_read_file(ctx, folder, &size));
    snprintf(text, sizeof text, "\"%s\" is a folder, not a file", folder);
    assert_error(ctx, FV_E_PATH, text);
    assert_null(fv_read_file(ctx, none, &size));
    snprintf(text, sizeof text, "cannot open \"%s\": No such file or directory", none);
    assert_error(ctx, FV_E_PATH, text);
    assert_true(fv_file_exists(path) && !fv_file_exists(folder) && !fv_file_exists(none));
    assert_int_equal(files_in(folder), 1);
    fv_close(ctx);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_checked), cmocka_unit_test(first_error_sticks),
        cmocka_unit_test(memory_is_checked),   cmocka_unit_test(numbers_are_known),
        cmocka_unit_test(sha256_is_known),     cmocka_unit_test(every_item_once),
        cmocka_unit_test(files_appear_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
