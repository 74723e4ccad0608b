/*
 * test_npy.c - .npy and .npz files as NumPy writes them, valid and damaged, and data sets of them.
 * Uses only fovea.h; golden/record_arrays.py wrote the files.
 */
#include "data_files.h"

#define ARRAYS FV_GOLDEN_DIR "/arrays/"

static double element(const fv_array *a, size_t i)
{
    switch (a->type) {
    case FV_U8: return ((uint8_t *)a->data)[i];
    case FV_I8: return ((int8_t *)a->data)[i];
    case FV_I16: return ((int16_t *)a->data)[i];
    case FV_I32: return ((int32_t *)a->data)[i];
    case FV_I64: return (double)((int64_t *)a->data)[i];
    case FV_F32: return (double)((float *)a->data)[i];
    case FV_F64: return ((double *)a->data)[i];
    }
    return 0;
}

static void npy_types(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        fv_type type;
        int ndim;
        int64_t dims[4];
    } cases[] = {
        {"u1", FV_U8, 2, {2, 3, 1, 1}},         {"i1", FV_I8, 2, {2, 3, 1, 1}},
        {"little_i2", FV_I16, 2, {2, 3, 1, 1}}, {"big_i2", FV_I16, 2, {2, 3, 1, 1}},
        {"little_i4", FV_I32, 2, {2, 3, 1, 1}}, {"big_i4", FV_I32, 2, {2, 3, 1, 1}},
        {"little_i8", FV_I64, 2, {2, 3, 1, 1}}, {"big_i8", FV_I64, 2, {2, 3, 1, 1}},
        {"little_f4", FV_F32, 2, {2, 3, 1, 1}}, {"big_f4", FV_F32, 2, {2, 3, 1, 1}},
        {"little_f8", FV_F64, 2, {2, 3, 1, 1}}, {"big_f8", FV_F64, 2, {2, 3, 1, 1}},
        {"one", FV_F32, 1, {5, 1, 1, 1}},       {"four", FV_I64, 4, {1, 2, 3, 4}},
        {"empty", FV_I32, 2, {0, 3, 1, 1}},
    };
    char path[512];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(path, sizeof path, ARRAYS "%s.npy", cases[i].name);
        fv_array *a = fv_npy_read(fv, path);
        assert_fine(fv);
        assert_int_equal(a->type, cases[i].type);
        assert_int_equal(a->ndim, cases[i].ndim);
        assert_memory_equal(a->dims, cases[i].dims, sizeof a->dims);
        for (size_t k = 0; k < a->count; k++)
            assert_true(element(a, k) == (double)k - (a->type == FV_U8 ? 0 : 2));
        fv_array_free(a);
    }
    fv_array *a = fv_npy_read(fv, ARRAYS "bool.npy");
    assert_memory_equal(a->data, "\1\0\1", 3);
    a = fv_npy_read(fv, ARRAYS "version2.npy");
    assert_memory_equal(a->data, ((float[]){0, 1, 2}), 12);
}

/* What is written is NumPy's file, byte for byte. */
static void npy_written(void **state)
{
    (void)state;
    static const char *const names[] = {
        "u1", "i1", "little_i2", "little_i4", "little_i8", "little_f4", "little_f8", "one", "four"};
    char path[512], a[65], b[65];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, ARRAYS "%s.npy", names[i]);
        assert_int_equal(fv_npy_write(fv, "out.npy", fv_npy_read(fv, path)), FV_OK);
        assert_int_equal(fv_sha256_file(fv, path, a), FV_OK);
        assert_int_equal(fv_sha256_file(fv, "out.npy", b), FV_OK);
        assert_string_equal(a, b);
    }
    float value = 1;
    fv_array wrong = {FV_F32, 2, {1, 2, 1, 1}, 1, &value};
    assert_int_equal(fv_npy_write(fv, "out.npy", &wrong), FV_E_ARG);
    assert_error(fv, FV_E_ARG,
                 "fv_npy_write: an array must have 1 to 4 dimensions of 1 or more, "
                 "their product as count, and data");
}

/* ---- damaged ------------------------------------------------------------------------------ */

static void npy_unsuitable(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } cases[] = {
        {"five", " has 5 dimensions; 1 to 4 are read"},
        {"scalar", " has 0 dimensions; 1 to 4 are read"},
        {"unsigned", ": elements of type \"<u2\" are not read; u1 i1 i2 i4 i8 f4 f8 b1 are\n"
                     "help: array.astype('float32') before it is saved"},
        {"fortran", " is in Fortran order, which is not read\n"
                    "help: numpy.save(path, numpy.ascontiguousarray(array))"},
        {"records", " is an array of records, which is not read"},
    };
    char path[512], text[1024];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(path, sizeof path, ARRAYS "%s.npy", cases[i].name);
        snprintf(text, sizeof text, "\"%s\"%s", path, cases[i].text);
        assert_null(fv_npy_read(fv, path));
        assert_error(fv, FV_E_DATA, text);
    }
}

/* A file of this dict and n bytes of data. */
static void write_npy(const char *dict, size_t n)
{
    uint8_t file[512] = "\x93NUMPY\1\0";
    file[8] = (uint8_t)strlen(dict);
    memcpy(file + 10, dict, strlen(dict));
    write_file("x.npy", file, 10 + strlen(dict) + n);
}

static void npy_damage(void **state)
{
    (void)state;
    static const struct {
        const char *dict;
        size_t n;
        const char *text;
    } cases[] = {
        {"", 0, ": its header is not NumPy's: expected { at \"\""},
        {"{'descr': '<f4', 'fortran_order': False, }", 0,
         ": its header is not NumPy's: expected descr, fortran_order and shape, once each, at "
         "\"\""},
        {"{'descr': '<f4', 'descr': '<f4'}", 0,
         ": its header is not NumPy's: expected descr, fortran_order and shape, once each, at "
         "\": '<f4'}\""},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}", 0,
         ": its header is not NumPy's: expected True or False at \"0, 'shape': (2,)}\""},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", 0,
         ": its header is not NumPy's: expected a dimension at \"-2,)}\""},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}", 0,
         ": its header is not NumPy's: expected \",\" or \")\" at \"3)}\""},
        {"{'descr': '<f4, 'fortran_order': False}", 0,
         ": its header is not NumPy's: expected \",\" or \"}\" at \"fortran_order': Fals\""},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", 0,
         ": its header is not NumPy's: expected \",\" or \"}\" at \"\""},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 7,
         ": 2 float32 need 8 bytes behind the header, but it has 7"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 9,
         ": 2 float32 need 8 bytes behind the header, but it has 9"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 0,
         ": 4294967296 x 4294967296 float64 need 18446744073709551615 bytes behind the header, but "
         "it has 0"},
    };
    char text[512];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_npy(cases[i].dict, cases[i].n);
        snprintf(text, sizeof text, "\"x.npy\"%s", cases[i].text);
        assert_null(fv_npy_read(fv, "x.npy"));
        assert_error(fv, FV_E_DATA, text);
    }
    write_npy("{\"shape\":(2L,),\"fortran_order\":False,\"descr\":\"|u1\"}  \n", 2);
    assert_int_equal(fv_npy_read(fv, "x.npy")->count, 2);
    write_file("x.npy", BYTES("hello, world"));
    assert_null(fv_npy_read(fv, "x.npy"));
    assert_error(fv, FV_E_DATA, "\"x.npy\" is not a .npy: it does not begin with 93 NUMPY");
    write_file("x.npy", BYTES("\x93NUMPY\4\0\0\0"));
    assert_null(fv_npy_read(fv, "x.npy"));
    assert_error(fv, FV_E_DATA, "\"x.npy\": version 4.0 of .npy is not read; 1 to 3 are");
    write_file("x.npy", BYTES("\x93NUMPY\2\0\0\0\1"));
    assert_null(fv_npy_read(fv, "x.npy"));
    assert_error(fv, FV_E_DATA, "\"x.npy\" is cut off in its header");
}

/* ---- .npz --------------------------------------------------------------------------------- */

static void npz_arrays(void **state)
{
    (void)state;
    for (int deflated = 0; deflated <= have_gzip; deflated++) {
        const char *path = deflated ? ARRAYS "deflated.npz" : ARRAYS "stored.npz";
        fv_array *a = fv_npz_read(fv, path, "y_train");
        assert_fine(fv);
        assert_int_equal(a->type, FV_I64);
        assert_memory_equal(a->data, ((int64_t[]){1, 0, 2, 1}), 32);

        fv_dataset *set = fv_dataset_npz(fv, path, FV_TRAIN, 0);
        fv_dataset_info info = fv_dataset_describe(set);
        assert_int_equal(info.len, 4);
        assert_int_equal(info.classes, 3);
        assert_int_equal(info.channels * 100 + info.height * 10 + info.width, 132);
        uint8_t pixels[60];
        int64_t label;
        assert_int_equal(fv_dataset_get(set, 2, pixels, &label), FV_OK);
        assert_int_equal(label, 2);
        assert_int_equal(pixels[5], 17);

        set = fv_dataset_npz(fv, path, FV_TEST, 10); /* [N,H,W,C], labels [N,1] */
        info = fv_dataset_describe(set);
        assert_int_equal(info.channels * 100 + info.height * 10 + info.width, 345);
        assert_int_equal(info.classes, 10);
        assert_int_equal(fv_dataset_get(set, 1, pixels, &label), FV_OK);
        assert_int_equal(pixels[0], 60);
        assert_int_equal(pixels[1], 63);
        assert_int_equal(pixels[20], 61);
    }
}

static void npy_sets(void **state)
{
    (void)state;
    fv_dataset *set = fv_dataset_npy(fv, ARRAYS "four.npy", ARRAYS "one.npy", 0);
    assert_null(set);
    assert_error(fv, FV_E_DATA,
                 "\"" ARRAYS "four.npy\" holds no images: expected uint8 or float32 of 3 or 4 "
                 "dimensions, none of them 0; found 1 x 2 x 3 x 4 int64");
    float values[6] = {0, 1, 2, 3, 4, 5};
    int64_t ids[2] = {1, 0};
    fv_array images = {FV_F32, 3, {2, 1, 3, 1}, 6, values};
    fv_array labels = {FV_I64, 1, {2, 1, 1, 1}, 2, ids};
    fv_npy_write(fv, "x.npy", &images);
    fv_npy_write(fv, "y.npy", &labels);
    set = fv_dataset_npy(fv, "x.npy", "y.npy", 0);
    assert_fine(fv);
    float sample[3];
    int64_t label;
    assert_int_equal(fv_dataset_get(set, 1, sample, &label), FV_OK);
    assert_memory_equal(sample, values + 3, sizeof sample);
    assert_int_equal(label, 0);
    assert_string_equal(fv_dataset_describe(set).files[1], "y.npy");
}

static size_t slurp(const char *path, uint8_t *to, size_t room)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(to, 1, room, file);
    fclose(file);
    assert_in_range(n, 1, room - 1);
    return n;
}

static void npz_damage(void **state)
{
    (void)state;
    assert_null(fv_npz_read(fv, ARRAYS "stored.npz", "z"));
    assert_error(fv, FV_E_DATA,
                 "\"" ARRAYS "stored.npz\" has no \"z.npy\" in it, but 4 other files: "
                 "\"x_train.npy\", \"y_train.npy\", \"x_test.npy\", \"y_test.npy\"");
    uint8_t file[4096];
    size_t n = slurp(ARRAYS "stored.npz", file, sizeof file);
    write_file("x.npz", file, n - 1);
    assert_null(fv_npz_read(fv, "x.npz", "x_train"));
    assert_error(fv, FV_E_DATA, "\"x.npz\" is not a whole zip: it has no directory at its end");
    file[100] ^= 1; /* in x_train.npy's header */
    write_file("x.npz", file, n);
    assert_null(fv_npz_read(fv, "x.npz", "x_train"));
    assert_error(fv, FV_E_DATA, "\"x.npz: x_train.npy\": damaged: its checksum is wrong");
    write_file("x.npz", BYTES("PK\3\4"));
    assert_null(fv_npz_read(fv, "x.npz", "x_train"));
    assert_error(fv, FV_E_DATA, "\"x.npz\" is not a whole zip: it has no directory at its end");
    if (have_gzip)
        return;
    assert_null(fv_npz_read(fv, ARRAYS "deflated.npz", "x_train"));
    assert_int_equal(fv_error(fv), FV_E_DEVICE);
    fv_error_clear(fv);
}

static void fuzz(void **state)
{
    (void)state;
    static const char *const names[] = {"stored.npz", "deflated.npz", "four.npy"};
    uint8_t file[4096], changed[4096];
    char path[512];
    uint32_t seed = 1;
    long refused = 0;
    for (int f = 0; f < 3; f++) {
        snprintf(path, sizeof path, ARRAYS "%s", names[f]);
        size_t n = slurp(path, file, sizeof file);
        for (int i = 0; i < 1000; i++) {
            memcpy(changed, file, n);
            for (int k = 0; k < 3; k++) {
                seed = seed * 1664525u + 1013904223u;
                changed[(seed >> 8) % n] = (uint8_t)(seed >> 3);
            }
            write_file("x.bin", changed, i % 5 ? n : (seed >> 9) % n);
            fv_array *a = f < 2 ? fv_npz_read(fv, "x.bin", "y_test") : fv_npy_read(fv, "x.bin");
            assert_true(a || fv_error(fv) == FV_E_DATA || fv_error(fv) == FV_E_DEVICE);
            refused += !a;
            fv_error_clear(fv);
            fv_array_free(a);
        }
    }
    assert_true(refused > 500);
}

static void no_memory(void **state)
{
    (void)state;
    long live = mem.live;
    int failed = 0;
    for (long at = 1;; at++) {
        mem.fail_at = mem.calls + at;
        fv_dataset *set = fv_dataset_npz(fv, ARRAYS "stored.npz", FV_TEST, 0);
        mem.fail_at = 0;
        fv_dataset_free(set);
        assert_int_equal(mem.live, live);
        if (set)
            break;
        assert_int_equal(fv_error(fv), FV_E_MEMORY);
        fv_error_clear(fv);
        failed++;
    }
    assert_true(failed > 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(npy_types),  TEST(npy_written), TEST(npy_unsuitable),
        TEST(npy_damage), TEST(npz_arrays),  TEST(npy_sets),
        TEST(npz_damage), TEST(fuzz),        TEST(no_memory),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
