/*
 * test_data.c - IDX files sound and damaged, data sets, MNIST, and the loader.
 *
 * Uses only fovea.h. The oracles stand here: files are built byte by byte, gzip by stored blocks
 * with a textbook CRC-32, and the order of the samples by a textbook Mersenne Twister, which is
 * itself held against the C++ standard and against PyTorch 1.13. Every test counts the blocks of
 * its context and fails if one is left.
 */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <fovea.h>

/* ---- a context whose memory is counted ---------------------------------------------------- */

typedef struct memory {
    long live, calls, fail_at; /* the call that fails; 0: none */
    size_t largest;
} memory;

static memory mem;
static fv_ctx *fv;
static bool have_gzip; /* a build may leave out zlib */

static void *counted(void *user, void *ptr, size_t size)
{
    memory *m = user;
    if (size == 0) {
        m->live -= ptr != NULL;
        free(ptr);
        return NULL;
    }
    if (++m->calls == m->fail_at)
        return NULL;
    m->largest = size > m->largest ? size : m->largest;
    void *p = realloc(ptr, size);
    m->live += !ptr && p;
    return p;
}

static fv_ctx *open_counted(uint64_t seed)
{
    return fv_open(
        &(fv_options){.seed = seed, .threads = 1, .user = &mem, .allocate = counted});
}

static int setup(void **state)
{
    (void)state;
    mem = (memory){0};
    fv = open_counted(0);
    return fv ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    fv_close(fv);
    return mem.live == 0 ? 0 : -1;
}

/* The context holds exactly this error; then it is forgotten. */
static void expect_error(fv_status code, const char *text)
{
    assert_string_equal(fv_error_text(fv), text);
    assert_int_equal(fv_error(fv), code);
    fv_error_clear(fv);
}

/* ---- files, built byte by byte ------------------------------------------------------------ */

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t crc = 0xffffffffu;
    while (n--) {
        crc ^= *p++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    }
    return ~crc;
}

static uint8_t *put_le(uint8_t *to, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *to++ = (uint8_t)(value >> 8 * i);
    return to;
}

enum { BLOCK = 65535 }; /* the most of a stored block */

static size_t gzip_room(size_t n)
{
    return n + 5 * (n / BLOCK + 1) + 18;
}

/* A gzip member of stored blocks (RFC 1952, 1951); returns its size. */
static size_t gzip(const uint8_t *from, size_t n, uint8_t *to)
{
    uint8_t *p = to;
    memcpy(p, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    p += 10;
    for (size_t at = 0, size; at == 0 || at < n; at += size) {
        size = n - at < BLOCK ? n - at : BLOCK;
        *p++ = at + size == n;
        p = put_le(p, (uint32_t)size, 2);
        p = put_le(p, (uint32_t)size ^ 0xffff, 2);
        if (size > 0)
            memcpy(p, from + at, size);
        p += size;
        if (n == 0)
            break;
    }
    p = put_le(p, crc32_of(from, n), 4);
    return (size_t)(put_le(p, (uint32_t)n, 4) - to);
}

/* Parses a copy of exactly n bytes, so that a sanitizer sees a read past the end. */
static fv_array *parse(const uint8_t *bytes, size_t n, const char *name)
{
    uint8_t *copy = malloc(n + !n);
    memcpy(copy, bytes, n);
    fv_array *array = fv_idx_parse(fv, copy, n, name);
    free(copy);
    return array;
}

static fv_array *parse_gz(const uint8_t *bytes, size_t n, const char *name)
{
    uint8_t *gz = malloc(gzip_room(n));
    fv_array *array = parse(gz, gzip(bytes, n, gz), name);
    free(gz);
    return array;
}

static void write_file(const char *name, const uint8_t *bytes, size_t n)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

/* An IDX file of bytes whose elements are 0, 1, 2 ... below modulus; a name in .gz is gzipped. */
static void write_idx(const char *name, int ndim, const int *dims, int modulus)
{
    uint8_t raw[8192] = {0, 0, 8, (uint8_t)ndim}, gz[9000], *p = raw + 4;
    size_t count = 1;
    for (int d = 0; d < ndim; d++, p += 4) {
        p[2] = (uint8_t)(dims[d] >> 8);
        p[3] = (uint8_t)dims[d];
        count *= (size_t)dims[d];
    }
    assert_true(count <= sizeof raw - 20);
    for (size_t i = 0; i < count; i++)
        *p++ = (uint8_t)(i % (size_t)modulus);
    if (strstr(name, ".gz"))
        write_file(name, gz, gzip(raw, (size_t)(p - raw), gz));
    else
        write_file(name, raw, (size_t)(p - raw));
}

#define DIMS(...) (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), (int[]){__VA_ARGS__}

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
        {FV_U8, u8, 1, 11, "\0\0\x08\1\0\0\0\3" "\x00\x7f\xff"},
        {FV_I8, i8, 1, 11, "\0\0\x09\1\0\0\0\3" "\x00\x7f\xff"},
        {FV_I16, i16, 2, 14, "\0\0\x0b\1\0\0\0\3" "\0\1\xff\xfe\x12\x34"},
        {FV_I32, i32, 4, 20, "\0\0\x0c\1\0\0\0\3" "\0\0\0\1\xff\xff\xff\xfe\x12\x34\x56\x78"},
        {FV_F32, f32, 4, 20, "\0\0\x0d\1\0\0\0\3" "\x3f\x80\0\0\xc0\x20\0\0\0\0\0\1"},
        {FV_F64, f64, 8, 32, "\0\0\x0e\1\0\0\0\3" "\x3f\xf0\0\0\0\0\0\0\xc0\x04\0\0\0\0\0\0"
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
    const int dims[4] = {3, 2, 5, 300};
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
#define CASE(bytes, text) {BYTES(bytes), "\"x.idx\"" text, "\"x.idx\"" text}
#define CASES(bytes, text, gz_text) {BYTES(bytes), "\"x.idx\"" text, "\"x.idx\"" gz_text}
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
        CASE("\0\0\x0c\1\0\0\0\3abcdabcdabc", " is cut off: expected 20 bytes for 3 int32, found 19"),
        CASES("\0\0\x08\1\x80\0\0\0",
              " is cut off: expected 2147483656 bytes for 2147483648 uint8, found 8",
              " is cut off: its header promises 2147483648 bytes, more than the 31 bytes of the "
              ".gz can hold"),
        CASES("\0\0\x08\2\0\0\0\1\0\0\0\2abc", " goes on after its end: expected 14 bytes, found 15",
              " goes on after its end: expected 14 bytes, found at least 15"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_null(parse(cases[i].bytes, cases[i].n, "x.idx"));
        expect_error(FV_E_DATA, cases[i].text);
        if (have_gzip) {
            assert_null(parse_gz(cases[i].bytes, cases[i].n, "x.idx"));
            expect_error(FV_E_DATA, cases[i].gz_text);
        }
    }
}

static void idx_paths(void **state)
{
    (void)state;
    assert_null(fv_idx_read(fv, "nothing.idx"));
    expect_error(FV_E_PATH, "cannot open \"nothing.idx\": No such file or directory");
    assert_null(fv_idx_read(fv, "."));
    expect_error(FV_E_PATH, "\".\" is a folder, not a file");
    write_file("short.idx", BYTES("\0\0"));
    assert_null(fv_idx_read(fv, "short.idx"));
    assert_null(fv_idx_read(fv, "nothing.idx")); /* the first error stays */
    expect_error(FV_E_DATA,
                 "\"short.idx\": too short for IDX: expected a header of 4 bytes, found 2");
    assert_null(fv_idx_read(NULL, "short.idx"));
    fv_array_free(NULL);
}

/* ---- gzip --------------------------------------------------------------------------------- */

static const uint8_t small[] = {0, 0, 8, 3,                             /* uint8, 3 dimensions */
                                0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3,     /* 2 x 2 x 3 */
                                9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 255, 254};
enum { SMALL_GZ = 10 + 5 + sizeof small + 8 };

static void skip_without_gzip(void)
{
    if (!have_gzip)
        skip();
}

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
        expect_error(FV_E_DEVICE, "\"x.gz\" is a .gz, and this build reads no gzip\n"
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
        expect_error(FV_E_DATA, text);
    }
}

static void gzip_damage(void **state)
{
    static const struct {
        int at, value; /* from the end where negative */
        const char *text;
    } cases[] = {
        {2, 7, "\"x.gz\": the .gz is damaged before its byte 2: unknown compression method"},
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
        expect_error(FV_E_DATA, cases[i].text);
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
    expect_error(FV_E_DATA,
                 "\"x.gz\": the .gz is cut off: it ends at byte 96, inside the gzip stream");
    memcpy(gz + n, "tar", 3);
    assert_null(parse(gz, n + 3, "x.gz"));
    expect_error(FV_E_DATA,
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
    mem.largest = 0;
    assert_null(parse_gz(bomb, n, "bomb.gz"));
    expect_error(FV_E_DATA, "\"bomb.gz\" goes on after its end: expected 10 bytes, found at least 11");
    assert_in_range(mem.largest, 1, 1 << 16);
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

/* ---- data sets of IDX files --------------------------------------------------------------- */

static void dataset_of_files(void **state)
{
    (void)state;
    write_idx("images", DIMS(4, 3, 2, 5), 256);
    write_idx("labels", DIMS(4), 3); /* 0 1 2 0 */
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
    expect_error(FV_E_ARG, "\"images\" has no sample 4: it has 4 samples, counted from 0");
    assert_int_equal(fv_dataset_get(set, -1, pixels, &label), FV_E_ARG);
    expect_error(FV_E_ARG, "\"images\" has no sample -1: it has 4 samples, counted from 0");
    assert_int_equal(fv_dataset_check(set, 2, histogram), FV_E_CLASS);
    expect_error(FV_E_CLASS, "label 2 of sample 2 in \"labels\": the classes are 0 to 1\n"
                             "help: correct the label, or make a net of more classes");
    assert_int_equal(fv_dataset_check(set, -1, NULL), FV_E_ARG);
    expect_error(FV_E_ARG, "fv_dataset_check: classes is -1, but must be 0 or more");
    fv_dataset_free(set);

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
    write_file("int32", BYTES("\0\0\x0c\1\0\0\0\1\0\0\0\1"));

    assert_null(fv_dataset_idx(fv, "images", "five", 0));
    expect_error(FV_E_DATA, "4 images in \"images\", but 5 labels in \"five\"\n"
                            "help: take both files from the same data set");
    assert_null(fv_dataset_idx(fv, "labels", "images", 0));
    expect_error(FV_E_DATA, "\"labels\" holds no images: expected uint8 of 3 or 4 dimensions, none "
                            "of them 0; found 4 uint8");
    assert_null(fv_dataset_idx(fv, "none", "labels", 0));
    expect_error(FV_E_DATA, "\"none\" holds no images: expected uint8 of 3 or 4 dimensions, none "
                            "of them 0; found 0 x 2 x 5 uint8");
    assert_null(fv_dataset_idx(fv, "images", "images", 0));
    expect_error(FV_E_DATA, "\"images\" holds no labels: expected uint8 of 1 dimension; found "
                            "4 x 2 x 5 uint8");
    assert_null(fv_dataset_idx(fv, "images", "int32", 0));
    expect_error(FV_E_DATA, "\"int32\" holds no labels: expected uint8 of 1 dimension; found "
                            "1 int32");
    assert_null(fv_dataset_idx(fv, "images", "labels", -1));
    expect_error(FV_E_ARG, "\"images\": classes is -1, but must be 1 or more");
    assert_null(fv_dataset_idx(fv, "images", "nothing", 0));
    expect_error(FV_E_PATH, "cannot open \"nothing\": No such file or directory");
}

/* ---- data sets of the user's functions ---------------------------------------------------- */

/* Sample i: [2,1,3] floats i, i + 1/8 .. i + 5/8 or the bytes i .. i + 5; label i % classes. */
typedef struct numbers {
    int64_t len, fail_at, wrong_at, wrong_label;
    int classes, closed;
    bool bytes;
} numbers;

static int64_t numbers_len(void *user)
{
    return ((numbers *)user)->len;
}

static int numbers_get(void *user, int64_t index, void *pixels, int64_t *label)
{
    const numbers *my = user;
    if (index == my->fail_at)
        return 7;
    for (int i = 0; i < 6; i++)
        if (my->bytes)
            ((uint8_t *)pixels)[i] = (uint8_t)(index + i);
        else
            ((float *)pixels)[i] = (float)index + (float)i / 8;
    *label = index == my->wrong_at ? my->wrong_label : index % my->classes;
    return 0;
}

static void numbers_close(void *user)
{
    ((numbers *)user)->closed++;
}

static fv_dataset_desc describe(numbers *my)
{
    if (my->fail_at == 0)
        my->fail_at = -1;
    if (my->wrong_at == 0)
        my->wrong_at = -1;
    my->classes = my->classes ? my->classes : 10;
    return (fv_dataset_desc){.name = "numbers", .type = my->bytes ? FV_U8 : FV_F32, .channels = 2,
                             .height = 1, .width = 3, .classes = my->classes, .user = my,
                             .len = numbers_len, .get = numbers_get, .close = numbers_close};
}

static fv_dataset *numbers_new(numbers *my)
{
    fv_dataset_desc desc = describe(my);
    return fv_dataset_new(fv, &desc);
}

static void dataset_of_functions(void **state)
{
    (void)state;
    numbers my = {.len = 25, .fail_at = 20, .wrong_at = 13, .wrong_label = 10};
    fv_dataset *set = numbers_new(&my);
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
    expect_error(FV_E_DATA, "\"numbers\": get failed for sample 20 with code 7");

    assert_int_equal(fv_dataset_check(set, 0, histogram), FV_E_CLASS);
    expect_error(FV_E_CLASS, "label 10 of sample 13 in \"numbers\": the classes are 0 to 9\n"
                             "help: correct the label, or make a net of more classes");
    my.wrong_label = -1;
    assert_int_equal(fv_dataset_check(set, 0, NULL), FV_E_CLASS);
    expect_error(FV_E_CLASS, "label -1 of sample 13 in \"numbers\": the classes are 0 to 9\n"
                             "help: correct the label, or make a net of more classes");
    my.wrong_at = -1;
    assert_int_equal(fv_dataset_check(set, 0, NULL), FV_E_DATA);
    expect_error(FV_E_DATA, "\"numbers\": get failed for sample 20 with code 7");
    my.fail_at = -1;
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
    expect_error(FV_E_ARG, "fv_dataset_new: len and get are needed");
    d = describe(&my);
    d.type = FV_I16;
    assert_null(fv_dataset_new(fv, &d));
    expect_error(FV_E_ARG, "\"numbers\": pixels must be FV_U8 or FV_F32");
    d = describe(&my);
    d.width = 0;
    assert_null(fv_dataset_new(fv, &d));
    expect_error(FV_E_SHAPE, "\"numbers\": [N,2,1,0] is no shape of an image; each must be 1 or "
                             "more and their product at most 268435456");
    d = describe(&my);
    d.height = d.width = 1 << 15;
    assert_null(fv_dataset_new(fv, &d));
    expect_error(FV_E_SHAPE, "\"numbers\": [N,2,32768,32768] is no shape of an image; each must "
                             "be 1 or more and their product at most 268435456");
    d = describe(&my);
    d.classes = 0;
    d.name = NULL;
    assert_null(fv_dataset_new(fv, &d));
    expect_error(FV_E_ARG, "\"data set\": classes is 0, but must be 1 or more");
    my.len = -3;
    assert_null(numbers_new(&my));
    expect_error(FV_E_DATA, "\"numbers\": len says -3 samples");
    assert_null(fv_dataset_new(fv, NULL));
    expect_error(FV_E_ARG, "fv_dataset_new: desc is NULL");
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
    mnist_split(FV_TEST, 10000,
                (int64_t[]){980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}, 0.1325, 0.3105);
    fv_dataset *train = fv_mnist(fv, FV_DATA_DIR, FV_TRAIN);
    uint8_t pixels[784];
    int64_t label = -1;
    assert_int_equal(fv_dataset_get(train, 0, pixels, &label), FV_OK);
    assert_int_equal(label, 5);
}

#define RAW "MNIST/raw/"

static void mnist_files(void **state)
{
    (void)state;
    assert_null(fv_mnist(fv, "nowhere", FV_TRAIN));
    expect_error(FV_E_PATH, "MNIST is not in \"nowhere/MNIST/raw\"; missing there:\n"
                            "  train-images-idx3-ubyte or train-images-idx3-ubyte.gz\n"
                            "  train-labels-idx1-ubyte or train-labels-idx1-ubyte.gz\n"
                            "  t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz\n"
                            "  t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz\n"
                            "help: give the folder that has MNIST/raw in it, as torchvision's root");
    assert_null(fv_mnist(fv, NULL, FV_TRAIN));
    expect_error(FV_E_ARG, "fv_mnist: root is NULL");

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
    expect_error(FV_E_PATH, "MNIST is not in \"./MNIST/raw\"; missing there:\n"
                            "  t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz\n"
                            "  t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz\n"
                            "help: give the folder that has MNIST/raw in it, as torchvision's root");

    write_idx(RAW "t10k-images-idx3-ubyte", DIMS(1, 27, 28), 256);
    write_idx(RAW "t10k-labels-idx1-ubyte", DIMS(1), 10);
    assert_null(fv_mnist(fv, ".", FV_TEST));
    expect_error(FV_E_DATA, "\"./MNIST/raw/t10k-images-idx3-ubyte\" is not MNIST: expected images "
                            "of 1 x 28 x 28, found 1 x 27 x 28");
    write_idx(RAW "t10k-images-idx3-ubyte", DIMS(2, 28, 28), 256);
    write_file(RAW "t10k-labels-idx1-ubyte", BYTES("\0\0\x08\1\0\0\0\2\x09\x0a"));
    assert_null(fv_mnist(fv, ".", FV_TEST));
    expect_error(FV_E_CLASS, "label 10 of sample 1 in \"./MNIST/raw/t10k-labels-idx1-ubyte\": the "
                             "classes are 0 to 9\n"
                             "help: correct the label, or make a net of more classes");
}

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
    static const int64_t first[] = {6, 15, 11, 13, 9,  2, 1,  17, 16, 8,
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
    expect_error(FV_E_DATA, "\"numbers\": get failed for sample 5 with code 7");
    my.fail_at = -1;
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
    expect_error(FV_E_ARG, "fv_loader_new: batch_size is -2, but must be 1 or more");
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
    mem.largest = 0;
    fv_loader *whole = fv_loader_new(set, .batch_size = 1 << 30, .shuffle = true);
    assert_non_null(whole);
    assert_in_range(mem.largest, 3000 * 8, 3000 * 8 + 256); /* no more than the set needs */
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
    fv_loader *own = fv_loader_new(numbers_new(my), .batch_size = 3);
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
    write_idx(have_gzip ? RAW "train-labels-idx1-ubyte.gz" : RAW "train-labels-idx1-ubyte",
              DIMS(5), 10);
    fv_close(fv);
    assert_int_equal(mem.live, 0);
    long n = 1, calls;
    do {
        numbers my = {.len = 4};
        int opened = 1;
        mem = (memory){.fail_at = n};
        fv = open_counted(0);
        if (!fv) {
            assert_int_equal(fv_error(fv), FV_E_MEMORY);
            continue;
        }
        int samples = use_all(&my);
        calls = mem.calls;
        if (calls >= n) {
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
        fv = NULL;
    } while (n++ < 2 || calls >= n - 1);
    assert_true(n > 20);
}

/* ---- all ---------------------------------------------------------------------------------- */

static char folder[] = "/tmp/fovea-data-XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder) || chdir(folder) || mkdir("MNIST", 0777) || mkdir(RAW, 0777) ||
        setup(NULL))
        return -1;
    parse_gz(small, sizeof small, "x.gz");
    have_gzip = fv_error(fv) != FV_E_DEVICE;
    return teardown(NULL);
}

static int empty(const char *path)
{
    DIR *dir = opendir(path);
    char name[512];
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        remove(name);
    }
    return dir ? closedir(dir) : -1;
}

static int leave_folder(void **state)
{
    (void)state;
    return empty(RAW) || rmdir(RAW) || empty(".") || chdir("/") || rmdir(folder) ? -1 : 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(idx_types),            TEST(idx_dimensions),     TEST(idx_without_elements),
        TEST(idx_damage),           TEST(idx_paths),          TEST(gzip_or_not),
        TEST(gzip_cut_off),         TEST(gzip_damage),        TEST(gzip_members),
        TEST(gzip_bomb),            TEST(fuzz_plain),         TEST(fuzz_gzip),
        TEST(dataset_of_files),     TEST(dataset_of_wrong_files),
        TEST(dataset_of_functions), TEST(dataset_descriptions),
        TEST(mnist_real),           TEST(mnist_files),        TEST(textbook_is_right),
        TEST(loader_as_pytorch),    TEST(loader_as_textbook), TEST(loader_batches),
        TEST(loader_last_batch),    TEST(loader_rewinds),     TEST(loader_get_fails),
        TEST(loader_arguments),     TEST(loader_takes_no_memory),
        TEST(out_of_memory),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
