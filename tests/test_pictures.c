/*
 * test_pictures.c - picture files of every format against PIL's pixels, and damaged ones, each with
 * its message. Uses only fovea.h; golden/record_pictures.py made the files and recorded the pixels.
 */
#include "data_files.h"

#define PICTURES FV_GOLDEN_DIR "/pictures/"

/* Whether this build reads files of this name; the others are told as such. */
static bool is_read(const char *name)
{
    fv_array *array = fv_picture_read(fv, name);
    if (fv_error(fv) == FV_E_DEVICE) {
        fv_error_clear(fv);
        return false;
    }
    assert_fine(fv);
    fv_array_free(array);
    return true;
}

/* ---- sound -------------------------------------------------------------------------------- */

static void pixels_of_pil(void **state)
{
    (void)state;
    FILE *list = fopen(FV_GOLDEN_DIR "/pictures.txt", "r");
    assert_non_null(list);
    char name[64], path[512], expected[65], hex[65];
    int channels, h, w, height, width, cases = 0;
    while (fscanf(list, "%63s %d %dx%d %d %d %64s", name, &channels, &h, &w, &height, &width,
                  expected) == 7) {
        cases++;
        snprintf(path, sizeof path, PICTURES "%s", name);
        if (!is_read(path))
            continue;
        fv_array *a = fv_picture_read(fv, path, .channels = channels,
                                      .at_least = h ? FV_HW(h, w) : 0);
        assert_fine(fv);
        assert_int_equal(a->type, FV_U8);
        assert_int_equal(a->ndim, 3);
        assert_int_equal(a->dims[0], channels);
        fv_sha256(a->data, a->count, hex);
        if (a->dims[1] != height || a->dims[2] != width || strcmp(hex, expected) != 0)
            fail_msg("%s to %d channels, at least %d x %d: %d x %d, other pixels than PIL's", name,
                     channels, h, w, (int)a->dims[1], (int)a->dims[2]);
        fv_array_free(a);
    }
    fclose(list);
    assert_true(cases > 80);
}

static void channels_of_the_file(void **state)
{
    (void)state;
    assert_int_equal(fv_picture_read(fv, PICTURES "gray.pgm")->dims[0], 1);
    assert_int_equal(fv_picture_read(fv, PICTURES "rgb.ppm")->dims[0], 3);
    if (is_read(PICTURES "la.png"))
        assert_int_equal(fv_picture_read(fv, PICTURES "la.png")->dims[0], 1);
    if (is_read(PICTURES "cmyk.jpg"))
        assert_int_equal(fv_picture_read(fv, PICTURES "cmyk.jpg")->dims[0], 3);
}

/* ---- damaged ------------------------------------------------------------------------------ */

static fv_array *parse_picture(const void *bytes, size_t n)
{
    uint8_t *copy = malloc(n + !n); /* so that a sanitizer sees a read past the end */
    memcpy(copy, bytes, n);
    fv_array *array = fv_picture_read(fv, "x.jpg", .channels = 3, .bytes = copy, .size = n);
    free(copy);
    return array;
}

static void damage(void **state)
{
#define CASE(bytes, text)                                                                          \
    {                                                                                              \
        BYTES(bytes), "\"x.jpg\": " text                                                           \
    }
#define ZERO8     "\0\0\0\0\0\0\0\0"
#define BMP_START "BM\0\0\0\0\0\0\0\0\x36\0\0\0"
#define BMP(width, height, bits, kind)                                                             \
    BMP_START "\x28\0\0\0" width height "\1\0" bits kind ZERO8 ZERO8 "\0\0\0\0"
    static const struct {
        const uint8_t *bytes;
        size_t n;
        const char *text;
    } cases[] = {
        CASE("", "empty: 0 bytes"),
        CASE("hello, world",
             "not a picture: expected JPEG, PNG, WebP, BMP, PPM or PGM, found 68 65 6c 6c 6f 2c 20 "
             "77"),
        CASE("P", "not a picture: expected JPEG, PNG, WebP, BMP, PPM or PGM, found 50"),
        CASE("GIF89a....",
             "it begins as a GIF, which is not read\nhelp: convert it to JPEG or PNG"),
        CASE("II*\0....",
             "it begins as a TIFF, which is not read\nhelp: convert it to JPEG or PNG"),
        CASE("\0\0\0\x18"
             "ftypheic",
             "it begins as a HEIC, which is not read\n"
             "help: convert it to JPEG or PNG"),
        CASE("BM", "cut off: a BMP has a header of 54 bytes, this has 2"),
        CASE(BMP("\2\0\0\0", "\1\0\0\0", "\x10\0", "\0\0\0\0"),
             "a BMP of 16 bits; 1, 4, 8, 24 and 32 are read\nhelp: convert it to PNG"),
        CASE(BMP("\2\0\0\0", "\1\0\0\0", "\x08\0", "\1\0\0\0"),
             "a compressed BMP (kind 1), which is not read\nhelp: convert it to PNG"),
        CASE(BMP("\2\0\0\0", "\1\0\0\0", "\x18\0", "\0\0\0\0") "1234567",
             "cut off: the BMP's pixels are 8 bytes from byte 54 on, but it has 61 bytes"),
        CASE(BMP("\2\0\0\0", "\0\0\0\0", "\x18\0", "\0\0\0\0"),
             "damaged: a picture of 2 x 0 pixels"),
        CASE(BMP("\xff\xff\xff\xff", "\1\0\0\0", "\x18\0", "\0\0\0\0"),
             "damaged: a picture of -1 x 1 pixels"),
        CASE(BMP("\2\0\0\0", "\0\0\0\x80", "\x18\0", "\0\0\0\0"),
             "2 x 2147483648 pixels are more than the 178956970 that are read\n"
             "help: make the picture smaller"),
        CASE(BMP("\x60\xea\0\0", "\x60\xea\0\0", "\x18\0", "\0\0\0\0"),
             "60000 x 60000 pixels are more than the 178956970 that are read\n"
             "help: make the picture smaller"),
        CASE(BMP("\2\0\0\0", "\1\0\0\0", "\x08\0", "\0\0\0\0"),
             "damaged BMP: a palette of 256 colours"),
        CASE("P6 60000 60000 255\n", "60000 x 60000 pixels are more than the 178956970 that are "
                                     "read\nhelp: make the picture smaller"),
        CASE("P6 2 1 255\n12345", "cut off: 2 x 1 pixels are 6 bytes, found 5"),
        CASE("P2 2 1 255\n1", "cut off: 2 x 1 pixels are at least 3 bytes, found 2"),
        CASE("P2 2 1 255\n12 x", "damaged PPM or PGM: no number at byte 14, in row 0"),
        CASE("P5 2 1 0\n12", "damaged PPM or PGM: its largest value is 0, but must be 1 to 65535"),
        CASE("P5 2 x",
             "damaged PPM or PGM: expected width, height and largest value, and no number is at "
             "byte 5"),
        CASE("P5 99999999999999999999 1 255\n1",
             "9999999999 x 1 pixels are more than the 178956970 that are read\n"
             "help: make the picture smaller"),
    };
    (void)state;
    long live = mem.live;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_null(parse_picture(cases[i].bytes, cases[i].n));
        assert_error(fv, FV_E_DATA, cases[i].text);
        assert_int_equal(mem.live, live);
    }
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

/* The file as it is, but for n bytes at a place. */
static void read_changed(const char *name, size_t at, const char *bytes, size_t n)
{
    uint8_t file[8192];
    size_t size = slurp(name, file, sizeof file);
    if (bytes)
        memcpy(file + at, bytes, n);
    assert_null(parse_picture(file, bytes ? size : at));
}

static void damaged_jpeg(void **state)
{
    (void)state;
    if (!is_read(PICTURES "444.jpg"))
        skip();
    read_changed(PICTURES "444.jpg", 700, NULL, 0);
    assert_error(fv, FV_E_DATA, "\"x.jpg\": cut off: the JPEG goes on after its last byte, 700");
    read_changed(PICTURES "444.jpg", 30, NULL, 0);
    assert_error(fv, FV_E_DATA, "\"x.jpg\": cut off: the JPEG goes on after its last byte, 30");
    parse_picture("\xff\xd8\xff\xd9", 4);
    assert_error(fv, FV_E_DATA, "\"x.jpg\": damaged JPEG: JPEG datastream contains no image");

    uint8_t file[4096];
    size_t n = slurp(PICTURES "444.jpg", file, sizeof file), at = 0;
    while (file[at] != 0xff || file[at + 1] != 0xc0)
        at++;
    read_changed(PICTURES "444.jpg", at + 5, "\xea\x60\xea\x60", 4);
    assert_error(fv, FV_E_DATA,
                 "\"x.jpg\": 60000 x 60000 pixels are more than the 178956970 that "
                 "are read\nhelp: make the picture smaller");
    read_changed(PICTURES "444.jpg", at + 4, "\x0c", 1);
    assert_error(fv, FV_E_DATA, "\"x.jpg\": damaged JPEG: Unsupported JPEG data precision 12");
    assert_true(n > at);
}

static void damaged_png(void **state)
{
    (void)state;
    if (!is_read(PICTURES "rgb.png"))
        skip();
    read_changed(PICTURES "rgb.png", 700, NULL, 0);
    assert_error(fv, FV_E_DATA, "\"x.jpg\": cut off: the PNG goes on after its last byte, 700");
    read_changed(PICTURES "rgb.png", 8, NULL, 0);
    assert_error(fv, FV_E_DATA, "\"x.jpg\": cut off: the PNG goes on after its last byte, 8");
    read_changed(PICTURES "rgb.png", 20, "\1", 1);
    assert_error(fv, FV_E_DATA, "\"x.jpg\": damaged PNG: IHDR: CRC error");
    /* 60000 x 60000, with its right CRC */
    uint8_t header[33] = "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\xea\x60\0\0\xea\x60\x08\2\0\0\0";
    uint32_t crc = crc32_of(header + 12, 17);
    for (int i = 0; i < 4; i++)
        header[29 + i] = (uint8_t)(crc >> (24 - 8 * i));
    uint8_t file[64];
    memcpy(file, header, 33);
    memcpy(file + 33, "\0\0\0\0IDAT\x35\xaf\x06\x1e", 12); /* the header ends where data begins */
    parse_picture(file, 45);
    assert_error(fv, FV_E_DATA,
                 "\"x.jpg\": 60000 x 60000 pixels are more than the 178956970 that "
                 "are read\nhelp: make the picture smaller");
}

static void damaged_webp(void **state)
{
    (void)state;
    if (!is_read(PICTURES "lossy.webp"))
        skip();
    read_changed(PICTURES "lossy.webp", 150, NULL, 0);
    assert_error(fv, FV_E_DATA, "\"x.jpg\": cut off: the WebP goes on after its last byte, 150");
    read_changed(PICTURES "lossy.webp", 12, NULL, 0);
    assert_error(fv, FV_E_DATA, "\"x.jpg\": cut off: the WebP goes on after its last byte, 12");
    read_changed(PICTURES "lossless.webp", 20, "\0", 1);
    assert_error(fv, FV_E_DATA, "\"x.jpg\": damaged WebP: libwebp's status is 3");
}

static void paths(void **state)
{
    (void)state;
    assert_null(fv_picture_read(fv, "nothing.jpg"));
    assert_error(fv, FV_E_PATH, "cannot read \"nothing.jpg\": No such file or directory");
    assert_null(fv_picture_read(fv, "MNIST"));
    assert_error(fv, FV_E_PATH, "\"MNIST\" is a folder or a device, not a picture");
    assert_null(fv_picture_read(fv, NULL));
    assert_error(fv, FV_E_ARG, "fv_picture_read: path is NULL");
    assert_null(fv_picture_read(fv, "x", .channels = 2));
    assert_error(fv, FV_E_ARG, "fv_picture_read: channels is 2, but must be 1 (gray) or 3 (RGB)");
    assert_null(fv_picture_read(fv, "x", .at_least = -2));
    assert_error(fv, FV_E_ARG, "fv_picture_read: at_least is -2, but must be 0 or more");
    write_file("empty.png", BYTES(""));
    assert_null(fv_picture_read(fv, "empty.png"));
    assert_error(fv, FV_E_DATA, "\"empty.png\": empty: 0 bytes");
}

/* ---- anything ----------------------------------------------------------------------------- */

/* Every file cut off everywhere, and with bytes changed anywhere: a picture or a message. */
static void fuzz(void **state)
{
    (void)state;
    DIR *dir = opendir(PICTURES);
    assert_non_null(dir);
    uint8_t file[8192], changed[8192];
    char path[512];
    uint32_t seed = 1;
    long refused = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, PICTURES "%s", entry->d_name);
        size_t n = slurp(path, file, sizeof file);
        for (int i = 0; i < 60; i++) {
            memcpy(changed, file, n);
            size_t size = n;
            for (int k = i % 4; k-- > 0;) {
                seed = seed * 1664525u + 1013904223u;
                changed[(seed >> 8) % (i % 2 ? 60 : n)] = (uint8_t)(seed >> 3);
            }
            if (i % 3 == 0)
                size = n * (size_t)i / 60;
            fv_array *array = parse_picture(changed, size);
            assert_true(array || fv_error(fv));
            assert_true(fv_error(fv) != FV_E_MEMORY);
            refused += !array;
            fv_error_clear(fv);
            fv_array_free(array);
        }
    }
    closedir(dir);
    assert_true(refused > 500);
}

/* The allocator fails at every place in turn. */
static void no_memory(void **state)
{
    (void)state;
    static const char *const names[] = {"gray.pgm", "rgb.bmp", "interlaced.png", "420.jpg",
                                        "lossy.webp"};
    char path[512];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, PICTURES "%s", names[i]);
        if (!is_read(path))
            continue;
        long live = mem.live;
        int failed = 0;
        for (long at = 1;; at++) {
            mem.fail_at = mem.calls + at;
            fv_array *array = fv_picture_read(fv, path);
            mem.fail_at = 0;
            if (array) {
                fv_array_free(array);
                break;
            }
            assert_int_equal(fv_error(fv), FV_E_MEMORY);
            fv_error_clear(fv);
            assert_int_equal(mem.live, live);
            failed++;
        }
        assert_true(failed >= 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pixels_of_pil), TEST(channels_of_the_file), TEST(damage), TEST(damaged_jpeg),
        TEST(damaged_png),   TEST(damaged_webp),         TEST(paths),  TEST(fuzz),
        TEST(no_memory),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
