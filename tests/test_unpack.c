/*
 * test_unpack.c - archives, built byte by byte: files that are unpacked, files that must not be,
 * and damage.
 */
#include "data_files.h"

#include "data/get/get.h"

static uint8_t archive[64 * 1024];
static size_t size;

/* ---- archives, built by the books --------------------------------------------------------- */

/* A header of a tar, with its checksum, and its file. */
static void tar_add(const char *name, char type, const char *text)
{
    size_t n = strlen(text);
    uint8_t *h = archive + size;
    unsigned sum = 0;
    memset(h, 0, 512 + (n + 511) / 512 * 512);
    snprintf((char *)h, 100, "%s", name);
    snprintf((char *)h + 100, 36, "0000644");
    snprintf((char *)h + 124, 12, "%011o", (unsigned)n);
    h[156] = (uint8_t)type;
    if (type == '2')
        snprintf((char *)h + 157, 100, "/etc/passwd");
    memcpy(h + 257, "ustar\00000", 8);
    memset(h + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += h[i];
    snprintf((char *)h + 148, 8, "%06o", sum & 0777777);
    memcpy(h + 512, text, n);
    size += 512 + (n + 511) / 512 * 512;
}

static void unpack_tar(void)
{
    static uint8_t gz[sizeof archive + 1000];
    size_t n = gzip(archive, size, gz);
    fv_unpack(fv, gz, n, "a.tar.gz", "in/", "out");
}

typedef struct zip_file {
    const char *name, *text;
    int kind; /* Unix's file type: 8 a file, 10 a link */
    bool deflated;
} zip_file;

/* A .zip of n files, with a comment of `comment` bytes behind it. */
static void zip_make(const zip_file *files, int n, int comment)
{
    uint8_t *p = archive, directory[2048], *d = directory;
    for (int i = 0; i < n; i++) {
        const zip_file *f = &files[i];
        uint8_t packed[600], gz[700];
        uint32_t length = (uint32_t)strlen(f->text),
                 crc = crc32_of((const uint8_t *)f->text, length);
        uint32_t name = (uint32_t)strlen(f->name), store = length, at = (uint32_t)(p - archive);
        memcpy(packed, f->text, length);
        if (f->deflated) { /* the blocks of a gzip member */
            store = (uint32_t)gzip((const uint8_t *)f->text, length, gz) - 18;
            memcpy(packed, gz + 10, store);
        }
        uint8_t common[26], *c = common; /* what both headers have */
        c = put_le(put_le(c, 20, 2), 0, 2);
        c = put_le(put_le(c, f->deflated ? 8 : 0, 2), 0, 4);
        c = put_le(put_le(put_le(c, crc, 4), store, 4), length, 4);
        put_le(put_le(c, name, 2), 3, 2);
        memcpy(p, "PK\3\4", 4);
        memcpy(p + 4, common, 26);
        memcpy(p + 30, f->name, name);
        memcpy(p + 30 + name, "xyz", 3); /* an extra field, of the local header alone */
        memcpy(p + 33 + name, packed, store);
        p += 33 + name + store;
        memcpy(d, "PK\1\2\24\3", 6);
        memcpy(d + 6, common, 24);
        d = put_le(put_le(put_le(d + 30, 0, 4), 0, 4), (uint32_t)f->kind << 28, 4);
        d = put_le(d, at, 4);
        memcpy(d, f->name, name);
        d += name;
    }
    uint32_t start = (uint32_t)(p - archive), length = (uint32_t)(d - directory);
    memcpy(p, directory, length);
    p += length;
    memcpy(p, "PK\5\6\0\0\0\0", 8);
    p = put_le(put_le(p + 8, (uint32_t)n, 2), (uint32_t)n, 2);
    p = put_le(put_le(put_le(p, length, 4), start, 4), (uint32_t)comment, 2);
    memset(p, 'c', (size_t)comment);
    size = (size_t)(p - archive) + (size_t)comment;
}

static void unpack_zip(void)
{
    fv_unpack(fv, archive, size, "a.zip", "in/", "out");
}

/* ---- what came out ------------------------------------------------------------------------ */

static void assert_file(const char *path, const char *text)
{
    char found[600] = "";
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    found[fread(found, 1, sizeof found - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(found, text);
}

/* So many files are in the folder out. */
static void assert_count(int expected)
{
    int n = 0;
    DIR *dir = opendir("out");
    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    assert_int_equal(n - 2, expected);
}

static void fresh(void)
{
    empty("out");
    size = 0;
}

/* ---- tests -------------------------------------------------------------------------------- */

static void tar_files(void **state)
{
    (void)state;
    skip_without_gzip();
    char long_text[520];
    memset(long_text, 'l', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    fresh();
    tar_add("in/", '5', "");
    tar_add("in/a.bin", '0', "abc");
    tar_add("./in/b_1-2.TXT", '\0', long_text);
    tar_add("in/empty", '0', "");
    tar_add("in/a.bin", 'L', "in/named-by-gnu");
    memset(archive + size, 0, 1024);
    size += 1024;
    unpack_tar();
    assert_fine(fv);
    assert_count(3);
    assert_file("out/a.bin", "abc");
    assert_file("out/b_1-2.TXT", long_text);
    assert_file("out/empty", "");

    /* Those that are right stay as they are; the others are made again. */
    struct stat before, after;
    assert_int_equal(stat("out/a.bin", &before), 0);
    write_file("out/b_1-2.TXT", BYTES("changed"));
    remove("out/empty");
    unpack_tar();
    assert_int_equal(stat("out/a.bin", &after), 0);
    assert_true(before.st_ino == after.st_ino);
    assert_file("out/b_1-2.TXT", long_text);
    assert_file("out/empty", "");
}

/* Nothing gets out of the folder, whatever a name says. */
static void hostile_names(void **state)
{
    (void)state;
    skip_without_gzip();
    static const char *const names[] = {
        "in/../evil", "../in/evil",      "/in/evil", "in//evil", "in/sub/evil",
        "in/.evil",   "in/..",           "in/",      "in/ev il", "in/ev\nil",
        "in/ev\\il",  "in/evil\xc3\xa9", "evil",     "inevil",   "././in/evil",
    };
    enum { COUNT = sizeof names / sizeof names[0] };
    zip_file files[COUNT + 1];
    fresh();
    for (int i = 0; i < COUNT; i++) {
        tar_add(names[i], '0', "evil");
        files[i] = (zip_file){names[i], "evil", 8, false};
    }
    tar_add("in/link", '2', "");
    tar_add("in/hard", '1', "");
    tar_add("in/pipe", '6', "");
    tar_add("in/good", '0', "good");
    unpack_tar();
    assert_fine(fv);
    assert_count(1);
    assert_file("out/good", "good");

    fresh();
    files[COUNT] = (zip_file){"in/link", "/etc/passwd", 10, false};
    zip_make(files, COUNT + 1, 0);
    unpack_zip();
    assert_error(fv, FV_E_DATA, "\"a.zip\" has no files in \"in/\"");
    assert_count(0);
    assert_int_equal(access("evil", F_OK), -1);
}

static void zip_files(void **state)
{
    (void)state;
    skip_without_gzip();
    const zip_file files[] = {{"in/", "", 4, false},
                              {"in/stored.gz", "abc", 8, false},
                              {"in/deflated.txt", "def", 0, true},
                              {"in/empty", "", 8, false}};
    fresh();
    zip_make(files, 4, 0);
    unpack_zip();
    assert_fine(fv);
    assert_count(3);
    assert_file("out/stored.gz", "abc");
    assert_file("out/deflated.txt", "def");
    assert_file("out/empty", "");
    fresh();
    zip_make(files, 4, 700);
    unpack_zip();
    assert_fine(fv);
    assert_count(3);
}

/* Parses a copy of exactly n bytes, so that a sanitizer sees a read past the end. */
static fv_status unpack_copy(size_t n)
{
    uint8_t *copy = malloc(n + !n);
    memcpy(copy, archive, n);
    fv_status status = fv_unpack(fv, copy, n, "a.zip", "in/", "out");
    free(copy);
    fv_error_clear(fv);
    return status;
}

/* Each byte of a .zip in turn is another, and each beginning is all there is: no crash, and never
   a file outside. */
static void damaged_zip(void **state)
{
    (void)state;
    skip_without_gzip();
    const zip_file files[] = {{"in/a", "abc", 8, false}, {"in/b", "def", 8, true}};
    fresh();
    zip_make(files, 2, 0);
    for (size_t n = 0; n < size; n++)
        assert_int_not_equal(unpack_copy(n), FV_OK);
    for (size_t i = 0; i < size; i++)
        for (int k = 0; k < 3; k++) {
            uint8_t was = archive[i];
            archive[i] = k == 0 ? 0xff : k == 1 ? 0 : (uint8_t)(was ^ 1);
            unpack_copy(size);
            archive[i] = was;
        }
    unpack_zip();
    assert_fine(fv);
    assert_file("out/a", "abc");

    archive[size - 22 + 16] ^= 1; /* where the directory begins */
    unpack_zip();
    assert_error(fv, FV_E_DATA, "\"a.zip\": damaged zip: its directory ends too early");
    archive[size - 22 + 16] ^= 1;
    archive[30 + 4 + 3] ^= 1; /* the first file, behind its header, name and extra field */
    unpack_zip();
    assert_error(fv, FV_E_DATA, "\"a.zip: in/a\": damaged: its checksum is wrong");
    fv_unpack(fv, BYTES("neither"), "x", "in/", "out");
    assert_error(fv, FV_E_DATA, "\"x\" is not a whole zip: it has no directory at its end");
}

static void damaged_tar(void **state)
{
    (void)state;
    skip_without_gzip();
    fresh();
    tar_add("in/a", '0', "abc");
    size_t first = size;
    tar_add("in/b", '0', "def");
    archive[first + 124 + 10] = '7'; /* another size, the old checksum */
    unpack_tar();
    assert_error(fv, FV_E_DATA, "\"a.tar.gz\" is damaged: no header of a file at byte 1024");
    fresh();
    tar_add("in/a", '0', "abc");
    size -= 1;
    unpack_tar();
    assert_error(fv, FV_E_DATA, "\"a.tar.gz\" is damaged: it ends inside a file");
    fresh();
    tar_add("other/a", '0', "abc");
    unpack_tar();
    assert_error(fv, FV_E_DATA, "\"a.tar.gz\" has no files in \"in/\"");
    fresh();
    tar_add("in/a", '0', "abc");
    fv_unpack(fv, archive, 0, "a", "in/", "out");
    assert_error(fv, FV_E_DATA, "\"a\" is not a whole zip: it has no directory at its end");
}

/* As cifar10 comes: a set that is one archive, from a folder to its place. */
static void whole_set(void **state)
{
    (void)state;
    skip_without_gzip();
    static uint8_t gz[sizeof archive + 1000];
    char digest[65];
    fresh();
    tar_add("in/a.bin", '0', "abc");
    size_t n = gzip(archive, size, gz);
    fv_sha256(gz, n, digest);
    write_file("a.tar.gz", gz, n);
    fv_get_set set = {.name = "whole",
                      .folder = "",
                      .inside = "in/",
                      .unpack = "out",
                      .files = {{.name = "a.tar.gz", .size = (int64_t)n, .sha256 = digest}}};
    fv_get_args args = {.ctx = fv, .root = "root", .from = "."};
    for (int again = 0; again < 2; again++) {
        assert_int_equal(fv_get_files(&set, &args), FV_OK);
        assert_file("root/out/a.bin", "abc");
        remove("root/out/a.bin");
    }
    assert_false(rmdir("root/out") || remove("root/a.tar.gz") || rmdir("root"));
}

static int prepare(void **state)
{
    return enter_folder(state) || mkdir("out", 0777) ? -1 : 0;
}

static int finish(void **state)
{
    return empty("out") || rmdir("out") ? -1 : leave_folder(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tar_files),   TEST(hostile_names), TEST(zip_files),
        TEST(damaged_zip), TEST(damaged_tar),   TEST(whole_set),
    };
    return cmocka_run_group_tests(tests, prepare, finish);
}
