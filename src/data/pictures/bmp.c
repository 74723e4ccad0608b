/*
 * bmp.c - BMP: 1, 4, 8, 24 and 32 bits, uncompressed, upside down or not.
 * https://learn.microsoft.com/windows/win32/gdi/bitmap-storage
 *
 * Layer 3, data. Calls the base.
 */
#include "data/pictures/decode.h"

#include <string.h>

enum { FILE_HEADER = 14, INFO_HEADER = 40, BITFIELDS = 3 };

typedef struct bmp {
    fv_decoding *d;
    size_t header, pixels, stride; /* size of the second header; offset and bytes of rows */
    int32_t width, height;         /* height < 0: the first row is the top one */
    unsigned bits, compression, colours;
    const uint8_t *palette; /* [colours] of blue, green, red, 0 */
} bmp;

static uint32_t le(const uint8_t *p, int bytes)
{
    uint32_t n = 0;
    for (int i = bytes; i-- > 0;)
        n = n << 8 | p[i];
    return n;
}

static bool read_header(bmp *b)
{
    fv_decoding *d = b->d;
    const uint8_t *p = d->bytes;
    if (d->size < FILE_HEADER + INFO_HEADER)
        return fv_decode_fail(d, "cut off: a BMP has a header of 54 bytes, this has %zu", d->size);
    b->header = le(p + FILE_HEADER, 4);
    if (b->header < INFO_HEADER || b->header > d->size - FILE_HEADER)
        return fv_decode_fail(d, "a BMP whose header has %zu bytes; 40 or more are read",
                              b->header);
    b->pixels = le(p + 10, 4);
    b->width = (int32_t)le(p + 18, 4);
    b->height = (int32_t)le(p + 22, 4);
    b->bits = le(p + 28, 2);
    b->compression = le(p + 30, 4);
    b->colours = le(p + 46, 4);
    return true;
}

/* Blue, green, red, as without compression, is all that is read of pixels with masks. */
static bool plain_masks(const bmp *b)
{
    const uint8_t *masks = b->d->bytes + FILE_HEADER + INFO_HEADER;
    return b->bits == 32 && b->d->size >= FILE_HEADER + INFO_HEADER + 12 &&
           memcmp(masks, "\0\0\xff\0\0\xff\0\0\xff\0\0", 12) == 0;
}

static bool check_kind(bmp *b)
{
    fv_decoding *d = b->d;
    if (b->bits != 1 && b->bits != 4 && b->bits != 8 && b->bits != 24 && b->bits != 32)
        return fv_decode_fail(d,
                              "a BMP of %u bits; 1, 4, 8, 24 and 32 are read\n"
                              "help: convert it to PNG",
                              b->bits);
    if (b->compression && !(b->compression == BITFIELDS && plain_masks(b)))
        return fv_decode_fail(d,
                              "a compressed BMP (kind %u), which is not read\n"
                              "help: convert it to PNG",
                              b->compression);
    if (b->bits > 8)
        return true;
    b->palette = d->bytes + FILE_HEADER + b->header;
    b->colours = b->colours ? b->colours : 1u << b->bits;
    if (b->colours > 1u << b->bits || b->colours > (d->size - FILE_HEADER - b->header) / 4)
        return fv_decode_fail(d, "damaged BMP: a palette of %u colours", b->colours);
    return true;
}

static bool check_size(bmp *b)
{
    fv_decoding *d = b->d;
    int64_t height = b->height < 0 ? -(int64_t)b->height : b->height;
    if (!fv_decode_check(d, height, b->width))
        return false;
    b->stride = ((size_t)b->width * b->bits + 31) / 32 * 4;
    if (b->pixels < FILE_HEADER + b->header || b->pixels > d->size ||
        b->stride * (size_t)height > d->size - b->pixels)
        return fv_decode_fail(d,
                              "cut off: the BMP's pixels are %zu bytes from byte %zu on, but it "
                              "has %zu bytes",
                              b->stride * (size_t)height, b->pixels, d->size);
    return fv_decode_start(d, height, b->width, 3, 3 * (size_t)b->width);
}

/* One row as RGB; false where a pixel has a colour that the palette lacks. */
static bool convert_row(const bmp *b, const uint8_t *row, uint8_t *rgb)
{
    for (int x = 0; x < b->width; x++, rgb += 3) {
        const uint8_t *bgr;
        if (b->bits <= 8) {
            size_t bit = (size_t)x * b->bits;
            unsigned at = row[bit / 8] >> (8 - b->bits - bit % 8) & ((1u << b->bits) - 1);
            if (at >= b->colours)
                return false;
            bgr = b->palette + 4 * at;
        } else {
            bgr = row + (size_t)x * (b->bits / 8);
        }
        rgb[0] = bgr[2], rgb[1] = bgr[1], rgb[2] = bgr[0];
    }
    return true;
}

static bool decode_bmp(fv_decoding *d)
{
    bmp b = {.d = d};
    if (!read_header(&b) || !check_kind(&b) || !check_size(&b))
        return false;
    for (int y = 0; y < d->height; y++) {
        int from = b.height < 0 ? y : d->height - 1 - y;
        if (!convert_row(&b, d->bytes + b.pixels + b.stride * (size_t)from, d->spare))
            return fv_decode_fail(d, "damaged BMP: a pixel of row %d has none of the %u colours", y,
                                  b.colours);
        fv_decode_row(d, y, d->spare);
    }
    return true;
}

static bool is_bmp(const fv_decoding *d)
{
    return fv_decode_has(d, 0, "BM", 2);
}

const fv_picture_format fv_format_bmp = {"BMP", ".bmp", NULL, is_bmp, decode_bmp};
