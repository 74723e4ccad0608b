/*
 * test_idx.c - valid and damaged IDX files, plain and gzipped; each kind of damage has its message.
 *
 * Uses only fovea.h. Files are built byte by byte, gzip from stored blocks with a textbook CRC-32.
 */
#include "data_files.h"

/* ---- IDX: sound --------------------------------------------------------------------------- */

typedef fv_array *(*parser)(const uint8_t *bytes, size_t n, const char *name);

/* Both ways in; without zlib only the plain one. */
static int parsers(parser list[2])
{
    list[0] = parse;
    list[1] = parse_gz;
    return have_gzip ? 2 : 1;
}

static void idx_types(void **state)
{
    static const uint8_t u8[] = {0, 127, 255};
    static const int8_t i8[] = {0, 127, -1};
    static const int16_t i16[] = {1, -2, 0x1234};
    static const int32_t i32[] = {1, -2, 0x12345678};
    static const float f32[] = {1.0f, -2.5f, 0x1p-149f};
    static const double f64[] = {1.0, -2.5, 0x1p-1074};
    static const struct {
        fv_type type;
        const void *values;
        size_t size, n;
        const char *bytes;
    } cases[] = {
        {FV_U8, u8, 1, 11,
         "\0\0\x08\1\0\0\0\3"
         "\x00\x7f\xff"},
        {FV_I8, i8, 1, 11,
         "\0\0\x09\1\0\0\0\3"
         "\x00\x7f\xff"},
        {FV_I16, i16, 2, 14,
         "\0\0\x0b\1\0\0\0\3"
         "\0\1\xff\xfe\x12\x34"},
        {FV_I32, i32, 4, 20,
         "\0\0\x0c\1\0\0\0\3"
         "\0\0\0\1\xff\xff\xff\xfe\x12\x34\x56\x78"},
        {FV_F32, f32, 4, 20,
         "\0\0\x0d\1\0\0\0\3"
         "\x3f\x80\0\0\xc0\x20\0\0\0\0\0\1"},
        {FV_F64, f64, 8, 32,
         "\0\0\x0e\1\0\0\0\3"
         "\x3f\xf0\0\0\0\0\0\0\xc0\x04\0\0\0\0\0\0"
         "\0\0\0\0\0\0\0\1"},
    };
    parser list[2];
    (void)state;
    for (int way = parsers(list); way-- > 0;)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            fv_array *a = list[way]((const uint8_t *)cases[i].bytes, cases[i].n, "x.idx");
            assert_non_null(a);
            assert_int_equal(a->type, cases[i].type);
            assert_int_equal(fv_type_size(a->type), cases[i].size);
            assert_int_equal(a->count, 3);
            assert_memory_equal(a->data, cases[i].values, 3 * cases[i].size);
            fv_array_free(a);
        }
}

static void idx_dimensions(void **state)
{
    (void)state;
    const int dims[4] = {3, 2, 5, 260};
    for (int ndim = 1; ndim <= 4; ndim++) {
        write_idx("dims.idx", ndim, dims + 4 - ndim, 251);
        fv_array *a = fv_idx_read(fv, "dims.idx");
        assert_non_null(a);
        assert_int_equal(a->ndim, ndim);
        size_t count = 1;
        for (int d = 0; d < 4; d++) {
            assert_int_equal(a->dims[d], d < ndim ? dims[4 - ndim + d] : 1);
            count *= (size_t)a->dims[d];
        }
        assert_int_equal(a->count, count);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(((uint8_t *)a->data)[i], i % 251);
    }
}

static void idx_without_elements(void **state)
{
    (void)state;
    fv_array *a = parse(BYTES("\0\0\x0c\2\0\0\0\0\xff\xff\xff\xff"), "empty.idx");
    assert_non_null(a);
    assert_int_equal(a->count, 0);
    assert_int_equal(a->dims[1], 4294967295);
}

/* ---- IDX: damaged ------------------------------------------------------------------------- */

static void idx_damage(void **state)
{
#define CASE(bytes, text)                                                                          \
    {                                                                                              \
        BYTES(bytes), "\"x.idx\"" text, "\"x.idx\"" text                                           \
    }
#define CASES(bytes, text, gz_text)                                                                \
    {                                                                                              \
        BYTES(bytes), "\"x.idx\"" text, "\"x.idx\"" gz_text                                        \
    }
#define FF4 "\xff\xff\xff\xff"
    static const struct {
        const uint8_t *bytes;
        size_t n;
        const char *text, *gz_text;
    } cases[] = {
        CASE("", ": too short for IDX: expected a header of 4 bytes, found 0"),
        CASE("\0\0\x08", ": too short for IDX: expected a header of 4 bytes, found 3"),
        CASE("\x89PNG", " is not IDX: expected 00 00 at byte 0, found 89 50"),
        CASE("\0\1\x08\1", " is not IDX: expected 00 00 at byte 0, found 00 01"),
        CASE("\0\0\x0a\1", ": unknown element type at byte 2: expected 08 (uint8), 09 (int8), "
                           "0b (int16), 0c (int32), 0d (float32) or 0e (float64), found 0a"),
        CASE("\0\0\x08\0", ": bad number of dimensions at byte 3: expected 1 to 4, found 0"),
        CASE("\0\0\x08\5", ": bad number of dimensions at byte 3: expected 1 to 4, found 5"),
        CASE("\0\0\x08\2\0\0\0\2\0\0",
             ": cut off in its header: expected 12 bytes for 2 dimensions, found 10"),
        CASE("\0\0\x0e\4" FF4 FF4 FF4 FF4,
             ": the dimensions at byte 4, 4294967295 x 4294967295 x 4294967295 x 4294967295 "
             "float64, are more than any memory holds"),
        CASE("\0\0\x08\4\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0",
             ": the dimensions at byte 4, 65536 x 65536 x 65536 x 65536 uint8, are more than any "
             "memory holds"),
        CASE("\0\0\x0c\1\0\0\0\3abcdabcdabc",
             " is cut off: expected 20 bytes for 3 int32, found 19"),
        CASES("\0\0\x08\1\x80\0\0\0",
              " is cut off: expected 2147483656 bytes for 2147483648 uint8, found 8",
              " is cut off: its header promises 2147483648 bytes, more than the 31 bytes of the "
              ".gz can hold"),
        CASES("\0\0\x08\2\0\0\0\1\0\0\0\2abc",
              " goes on after its end: expected 14 bytes, found 15",
              " goes on after its end: expected 14 bytes, found at least 15"),
    };
    (void)state;
    long live = mem.live;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_null(parse(cases[i].bytes, cases[i].n, "x.idx"));
        assert_error(fv, FV_E_DATA, cases[i].text);
        if (have_gzip) {
            assert_null(parse_gz(cases[i].bytes, cases[i].n, "x.idx"));
            assert_error(fv, FV_E_DATA, cases[i].gz_text);
        }
    }
    assert_int_equal(mem.live, live);
}

static void idx_paths(void **state)
{
    (void)state;
    assert_null(fv_idx_read(fv, "nothing.idx"));
    assert_error(fv, FV_E_PATH, "cannot open \"nothing.idx\": No such file or directory");
    assert_null(fv_idx_read(fv, "."));
    assert_error(fv, FV_E_PATH, "\".\" is a folder, not a file");
    write_file("short.idx", BYTES("\0\0"));
    assert_null(fv_idx_read(fv, "short.idx"));
    assert_null(fv_idx_read(fv, "nothing.idx")); /* the first error stays */
    assert_error(fv, FV_E_DATA,
                 "\"short.idx\": too short for IDX: expected a header of 4 bytes, found 2");
    assert_null(fv_idx_read(NULL, "short.idx"));
    fv_array_free(NULL);
}

/* ---- gzip --------------------------------------------------------------------------------- */

static const uint8_t small[] = {0, 0, 8, 3,                           /* uint8, 3 dimensions */
                                0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0,   3, /* 2 x 2 x 3 */
                                9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 255, 254};
enum { SMALL_GZ = 10 + 5 + sizeof small + 8 };

/* A build with zlib reads it, one without says so; there is nothing between. */
static void gzip_or_not(void **state)
{
    (void)state;
    fv_array *a = parse_gz(small, sizeof small, "x.gz");
    if (have_gzip) {
        assert_non_null(a);
        assert_memory_equal(a->data, small + 16, 12);
    } else {
        assert_null(a);
        assert_error(fv, FV_E_DEVICE,
                     "\"x.gz\" is a .gz, and this build reads no gzip\n"
                     "help: gunzip the file, or build with zlib");
    }
}

static void gzip_cut_off(void **state)
{
    (void)state;
    skip_without_gzip();
    uint8_t gz[SMALL_GZ];
    char text[100];
    assert_int_equal(gzip(small, sizeof small, gz), SMALL_GZ);
    for (size_t n = 2; n < SMALL_GZ; n++) {
        assert_null(parse(gz, n, "x.gz"));
        snprintf(text, sizeof text,
                 "\"x.gz\": the .gz is cut off: it ends at byte %zu, inside the gzip stream", n);
        assert_error(fv, FV_E_DATA, text);
    }
}

static void gzip_damage(void **state)
{
    static const struct {
        int at, value; /* from the end where negative */
        const char *text;
    } cases[] = {
        {2, 7, "\"x.gz\": the .gz is damaged before its byte 4: unknown compression method"},
        {10, 7, "\"x.gz\": the .gz is damaged before its byte 11: invalid block type"},
        {13, 9, "\"x.gz\": the .gz is damaged before its byte 15: invalid stored block lengths"},
        {-12, 9, "\"x.gz\": the .gz is damaged before its byte 47: incorrect data check"},
        {-8, 9, "\"x.gz\": the .gz is damaged before its byte 47: incorrect data check"},
        {-4, 9, "\"x.gz\": the .gz is damaged before its byte 51: incorrect length check"},
    };
    (void)state;
    skip_without_gzip();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t gz[SMALL_GZ];
        gzip(small, sizeof small, gz);
        gz[cases[i].at < 0 ? SMALL_GZ + cases[i].at : cases[i].at] = (uint8_t)cases[i].value;
        assert_null(parse(gz, sizeof gz, "x.gz"));
        assert_error(fv, FV_E_DATA, cases[i].text);
    }
}

static void gzip_members(void **state)
{
    (void)state;
    skip_without_gzip();
    uint8_t gz[200];
    size_t n = gzip(small, 10, gz);
    n += gzip(small, 0, gz + n);
    n += gzip(small + 10, sizeof small - 10, gz + n);
    fv_array *a = parse(gz, n, "x.gz");
    assert_non_null(a);
    assert_memory_equal(a->data, small + 16, 12);

    assert_null(parse(gz, n - 1, "x.gz"));
    assert_error(fv, FV_E_DATA,
                 "\"x.gz\": the .gz is cut off: it ends at byte 96, inside the gzip stream");
    memcpy(gz + n, "tar", 3);
    assert_null(parse(gz, n + 3, "x.gz"));
    assert_error(fv, FV_E_DATA,
                 "\"x.gz\": the gzip stream ends at byte 97 of the .gz, but 3 bytes follow");
}

/* A megabyte behind 2 promised bytes is refused at its first byte, not inflated. */
static void gzip_bomb(void **state)
{
    (void)state;
    skip_without_gzip();
    const size_t n = 1 << 20;
    uint8_t *bomb = calloc(n, 1);
    memcpy(bomb, "\0\0\x08\1\0\0\0\2", 8);
    mem.bytes = 0;
    assert_null(parse_gz(bomb, n, "bomb.gz"));
    assert_error(fv, FV_E_DATA,
                 "\"bomb.gz\" goes on after its end: expected 10 bytes, found at least 11");
    assert_in_range(mem.bytes, 1, 1 << 16);
    free(bomb);
}

/* ---- damage at random, the same each time ------------------------------------------------- */

static uint32_t dice = 1;

static uint32_t draw(uint32_t below)
{
    dice = dice * 1664525u + 1013904223u;
    return (dice >> 8) % below;
}

/* Whatever is done to the file, it is read or refused as FV_E_DATA; and both do happen. */
static void fuzz(const uint8_t *bytes, size_t n, int rounds)
{
    int read = 0, refused = 0;
    uint8_t *copy = malloc(n);
    for (int i = 0; i < rounds; i++) {
        memcpy(copy, bytes, n);
        for (uint32_t flips = draw(4); flips > 0; flips--)
            copy[draw(draw(2) ? 24 : (uint32_t)n)] ^= (uint8_t)(1u << draw(8));
        fv_array *a = parse(copy, draw(3) ? n : draw((uint32_t)n), "fuzz");
        if (a) {
            read++;
            assert_true(a->count <= 1032 * n);
        } else {
            refused++;
            assert_int_equal(fv_error(fv), FV_E_DATA);
            assert_memory_equal(fv_error_text(fv), "\"fuzz\"", 6);
            fv_error_clear(fv);
        }
        fv_array_free(a);
    }
    free(copy);
    assert_true(read > 0 && refused > 0);
}

static void fuzz_plain(void **state)
{
    (void)state;
    fuzz(small, sizeof small, 20000);
}

static void fuzz_gzip(void **state)
{
    (void)state;
    skip_without_gzip();
    uint8_t gz[8192];
    fuzz(gz, gzip(small, sizeof small, gz), 5000);
    FILE *file = fopen(FV_DATA_DIR "/MNIST/raw/t10k-labels-idx1-ubyte.gz", "rb"); /* deflated */
    assert_non_null(file);
    size_t n = fread(gz, 1, sizeof gz, file);
    fclose(file);
    assert_in_range(n, 4000, sizeof gz - 1);
    fuzz(gz, n, 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(idx_types),    TEST(idx_dimensions), TEST(idx_without_elements), TEST(idx_damage),
        TEST(idx_paths),    TEST(gzip_or_not),    TEST(gzip_cut_off),         TEST(gzip_damage),
        TEST(gzip_members), TEST(gzip_bomb),      TEST(fuzz_plain),           TEST(fuzz_gzip),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
