/*
 * data_files.h - shared by the tests of data sets: a context with counted memory, files built byte
 * by byte in a temporary folder, and a data set made of functions.
 */
#ifndef DATA_FILES_H
#define DATA_FILES_H

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "testing.h"

/* ---- a context with counted memory -------------------------------------------------------- */

static counting mem;
static fv_ctx *fv;
static bool have_gzip; /* false in a build without zlib */

static inline fv_ctx *open_counted(void)
{
    return fv_open(&(fv_options){.threads = 1, .user = &mem, .allocate = counting_allocate});
}

static inline int setup(void **state)
{
    (void)state;
    mem = (counting){0};
    fv = open_counted();
    return fv ? 0 : -1;
}

static inline int teardown(void **state)
{
    (void)state;
    fv_close(fv);
    return mem.live == 0 ? 0 : -1;
}

/* ---- files, built byte by byte ------------------------------------------------------------ */

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static inline uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t crc = 0xffffffffu;
    while (n--) {
        crc ^= *p++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    }
    return ~crc;
}

static inline uint8_t *put_le(uint8_t *to, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *to++ = (uint8_t)(value >> 8 * i);
    return to;
}

enum { BLOCK = 65535 }; /* maximum of a stored block */

static inline size_t gzip_room(size_t n)
{
    return n + 5 * (n / BLOCK + 1) + 18;
}

/* Writes a gzip member of stored blocks (RFC 1952, 1951). Returns its size. */
static inline size_t gzip(const uint8_t *from, size_t n, uint8_t *to)
{
    uint8_t *p = to;
    memcpy(p, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    p += 10;
    size_t at = 0;
    do {
        size_t size = n - at < BLOCK ? n - at : BLOCK;
        *p++ = at + size == n;
        p = put_le(p, (uint32_t)size, 2);
        p = put_le(p, (uint32_t)size ^ 0xffff, 2);
        memcpy(p, from + at, size);
        p += size;
        at += size;
    } while (at < n);
    p = put_le(p, crc32_of(from, n), 4);
    return (size_t)(put_le(p, (uint32_t)n, 4) - to);
}

/* Parses a copy of exactly n bytes, so that a sanitizer detects a read past the end. */
static inline fv_array *parse(const uint8_t *bytes, size_t n, const char *name)
{
    uint8_t *copy = malloc(n + !n);
    memcpy(copy, bytes, n);
    fv_array *array = fv_idx_parse(fv, copy, n, name);
    free(copy);
    return array;
}

static inline fv_array *parse_gz(const uint8_t *bytes, size_t n, const char *name)
{
    uint8_t *gz = malloc(gzip_room(n));
    fv_array *array = parse(gz, gzip(bytes, n, gz), name);
    free(gz);
    return array;
}

static inline void write_file(const char *name, const uint8_t *bytes, size_t n)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

/* Writes an IDX file of bytes 0, 1, 2, ... modulo modulus; gzipped if the name has .gz. */
static inline void write_idx(const char *name, int ndim, const int *dims, int modulus)
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

#define DIMS(...)                                                                                  \
    (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), (int[])                                     \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

/* ---- a data set of functions -------------------------------------------------------------- */

/* Sample i: [2,1,3] floats i, i + 1/8 .. i + 5/8 or the bytes i .. i + 5; label i % 10. */
typedef struct numbers {
    int64_t len, fail_at, wrong_at, wrong_label; /* at 0: never */
    bool bytes;
    int closed; /* number of calls */
} numbers;

static inline int64_t numbers_len(void *user)
{
    return ((numbers *)user)->len;
}

static inline int numbers_get(void *user, int64_t index, void *pixels, int64_t *label)
{
    const numbers *my = user;
    if (my->fail_at && index == my->fail_at)
        return 7;
    for (int i = 0; i < 6; i++)
        if (my->bytes)
            ((uint8_t *)pixels)[i] = (uint8_t)(index + i);
        else
            ((float *)pixels)[i] = (float)index + (float)i / 8;
    *label = my->wrong_at && index == my->wrong_at ? my->wrong_label : index % 10;
    return 0;
}

static inline void numbers_close(void *user)
{
    ((numbers *)user)->closed++;
}

static inline fv_dataset_desc describe(numbers *my)
{
    return (fv_dataset_desc){.name = "numbers",
                             .type = my->bytes ? FV_U8 : FV_F32,
                             .channels = 2,
                             .height = 1,
                             .width = 3,
                             .classes = 10,
                             .user = my,
                             .len = numbers_len,
                             .get = numbers_get,
                             .close = numbers_close};
}

/* close is NULL, since the test's `my` ends before the context. */
static inline fv_dataset *numbers_new(numbers *my)
{
    fv_dataset_desc desc = describe(my);
    desc.close = NULL;
    return fv_dataset_new(fv, &desc);
}

/* ---- a temporary folder with MNIST/raw ---------------------------------------------------- */

#define RAW "MNIST/raw/"

static char folder[] = "/tmp/fovea-test-XXXXXX";

/* Creates and enters the folder; also detects whether the library was built with zlib. */
static inline int enter_folder(void **state)
{
    if (!mkdtemp(folder) || chdir(folder) || mkdir("MNIST", 0777) || mkdir(RAW, 0777) ||
        setup(state))
        return -1;
    parse_gz(BYTES("\0\0\x08\1\0\0\0\0"), "x.gz");
    have_gzip = fv_error(fv) != FV_E_DEVICE;
    return teardown(state);
}

static inline void skip_without_gzip(void)
{
    if (!have_gzip)
        skip();
}

static inline int empty(const char *path)
{
    DIR *dir = opendir(path);
    char name[512];
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        remove(name);
    }
    return dir ? closedir(dir) : -1;
}

static inline int leave_folder(void **state)
{
    (void)state;
    return empty(RAW) || rmdir(RAW) || empty(".") || chdir("/") || rmdir(folder) ? -1 : 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
