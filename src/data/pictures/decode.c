/*
 * decode.c - what all decoders share: where pixels go, upright as Exif says. Layer 3, data. Calls the base.
 */
#include "data/pictures/decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool fv_decode_fail(fv_decoding *d, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fv_work_fail(d->work, FV_E_DATA, "\"%s\": %s", d->name, text);
    return false;
}

/* ---- where pixels go ----------------------------------------------------------------------- */

bool fv_decode_check(fv_decoding *d, int64_t height, int64_t width)
{
    if (height < 1 || width < 1)
        return fv_decode_fail(d, "damaged: a picture of %lld x %lld pixels", (long long)width,
                              (long long)height);
    if (height > FV_PIXELS_MAX / width)
        return fv_decode_fail(d,
                              "%lld x %lld pixels are more than the %d that are read\n"
                              "help: make the picture smaller",
                              (long long)width, (long long)height, FV_PIXELS_MAX);
    return true;
}

/* Where the upper left pixel as coded goes, and which way its rows and columns run. */
static void lay_out(fv_decoding *d)
{
    const ptrdiff_t h = d->height, w = d->width;
    const int o = d->orientation;
    bool transposed = o >= 5; /* rows become columns */
    bool up = o == 3 || o == 4 || o == 6 || o == 7, left = o == 2 || o == 3 || o == 7 || o == 8;
    d->down = transposed ? 1 : w;
    d->right = transposed ? h : 1;
    d->origin = (up ? (h - 1) * d->down : 0) + (left ? (w - 1) * d->right : 0);
    d->down = up ? -d->down : d->down;
    d->right = left ? -d->right : d->right;
    d->picture->height = transposed ? d->width : d->height;
    d->picture->width = transposed ? d->height : d->width;
}

bool fv_decode_start(fv_decoding *d, int64_t height, int64_t width, int samples, size_t spare)
{
    if (!fv_decode_check(d, height, width))
        return false;
    d->height = (int)height;
    d->width = (int)width;
    d->samples = samples;
    fv_picture *p = d->picture;
    *p = (fv_picture){.channels = d->wish.channels ? d->wish.channels : samples, .type = FV_U8};
    lay_out(d);
    size_t size = (size_t)p->channels * (size_t)height * (size_t)width;
    uint8_t *capacity = fv_work_slot(d->work, 1, size + spare);
    if (!capacity)
        return false;
    p->pixels = capacity;
    d->spare = capacity + size;
    return true;
}

void fv_decode_row(fv_decoding *d, int y, const uint8_t *row)
{
    const fv_picture *p = d->picture;
    const size_t plane = (size_t)d->height * (size_t)d->width;
    const int width = d->width, samples = d->samples;
    const ptrdiff_t right = d->right;
    for (int c = 0; c < p->channels; c++) {
        uint8_t *to = (uint8_t *)p->pixels + (size_t)c * plane + (d->origin + y * d->down);
        if (samples == 3 && p->channels == 1) /* PIL's weights: ITU-R 601 in 16 bits */
            for (int x = 0; x < width; x++) {
                const uint8_t *rgb = row + 3 * x;
                to[x * right] = (uint8_t)((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 +
                                           0x8000) >>
                                          16);
            }
        else
            for (int x = 0, from = samples == 1 ? 0 : c; x < width; x++, from += samples)
                to[x * right] = row[from];
    }
}

/* ---- Exif ---------------------------------------------------------------------------------- */

static unsigned number(const uint8_t *p, int bytes, bool big_endian)
{
    unsigned n = 0;
    for (int i = 0; i < bytes; i++)
        n = n << 8 | p[big_endian ? i : bytes - 1 - i];
    return n;
}

int fv_exif_orientation(const uint8_t *tiff, size_t size)
{
    enum { ORIENTATION = 0x0112, SHORT = 3, ENTRY = 12 };
    if (size < 8 || (memcmp(tiff, "II*\0", 4) != 0 && memcmp(tiff, "MM\0*", 4) != 0))
        return 1;
    bool big = tiff[0] == 'M';
    size_t at = number(tiff + 4, 4, big);
    if (at > size - 2)
        return 1;
    unsigned entries = number(tiff + at, 2, big);
    for (at += 2; entries-- > 0 && at + ENTRY <= size; at += ENTRY)
        if (number(tiff + at, 2, big) == ORIENTATION && number(tiff + at + 2, 2, big) == SHORT) {
            unsigned o = number(tiff + at + 8, 2, big);
            return o >= 1 && o <= 8 ? (int)o : 1;
        }
    return 1;
}

bool fv_decode_has(const fv_decoding *d, size_t offset, const char *bytes, size_t size)
{
    return d->size >= offset + size && memcmp(d->bytes + offset, bytes, size) == 0;
}
