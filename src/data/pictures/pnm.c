/*
 * pnm.c - PGM and PPM, binary (P5, P6) and as text (P2, P3), up to 16 bits, scaled to 0..255
 * as PIL does: round(value / maxval * 255). http://netpbm.sourceforge.net/doc/ppm.html
 *
 * Layer 3, data. Calls the base.
 */
#include "data/pictures/decode.h"

#include <string.h>

#include <ctype.h>
#include <math.h>

typedef struct pnm {
    fv_decoding *d;
    size_t at;
    int maxval;
    bool text;
} pnm;

/* The next number of the header or of text, behind blanks and comments; -1: none is there. */
static int64_t next_number(pnm *p)
{
    const uint8_t *bytes = p->d->bytes;
    size_t size = p->d->size;
    while (p->at < size && (isspace(bytes[p->at]) || bytes[p->at] == '#'))
        if (bytes[p->at++] == '#')
            while (p->at < size && bytes[p->at] != '\n' && bytes[p->at] != '\r')
                p->at++;
    int64_t n = -1;
    for (; p->at < size && isdigit(bytes[p->at]); p->at++)
        if (n <= INT32_MAX) /* more digits make no difference */
            n = (n < 0 ? 0 : n) * 10 + (bytes[p->at] - '0');
    return n;
}

/* size, maxval, and one blank before binary pixels. */
static bool read_header(pnm *p)
{
    fv_decoding *d = p->d;
    int64_t width = next_number(p), height = next_number(p), maxval = next_number(p);
    if (maxval < 0 || p->at >= d->size)
        return fv_decode_fail(d,
                              "damaged PPM or PGM: expected width, height and largest value, "
                              "and no number is at byte %zu",
                              p->at);
    if (maxval < 1 || maxval > 65535)
        return fv_decode_fail(d,
                              "damaged PPM or PGM: its largest value is %lld, but must be 1 to "
                              "65535",
                              (long long)maxval);
    if (!fv_decode_check(d, height, width))
        return false;
    p->at += !p->text;
    p->maxval = (int)maxval;
    size_t samples = d->bytes[1] == '3' || d->bytes[1] == '6' ? 3 : 1;
    size_t count = samples * (size_t)width * (size_t)height, have = d->size - p->at;
    size_t need = p->text ? 2 * count - 1 : maxval > 255 ? 2 * count : count;
    if (have < need)
        return fv_decode_fail(d, "cut off: %lld x %lld pixels are %s%zu bytes, found %zu",
                              (long long)width, (long long)height, p->text ? "at least " : "", need,
                              have);
    return fv_decode_start(d, height, width, (int)samples, samples * (size_t)width);
}

/* -1: none is there. Larger ones than the largest are that, as PIL has it. */
static int64_t next_value(pnm *p)
{
    if (p->text)
        return next_number(p);
    const uint8_t *at = p->d->bytes + p->at;
    p->at += p->maxval > 255 ? 2 : 1;
    return p->maxval > 255 ? at[0] << 8 | at[1] : at[0];
}

static bool decode_pnm(fv_decoding *d)
{
    pnm p = {.d = d, .at = 2, .text = d->bytes[1] < '5'};
    if (!read_header(&p))
        return false;
    for (int y = 0; y < d->height; y++) {
        for (int i = 0; i < d->samples * d->width; i++) {
            int64_t value = next_value(&p);
            if (value < 0)
                return fv_decode_fail(d, "damaged PPM or PGM: no number at byte %zu, in row %d",
                                      p.at, y);
            value = value < p.maxval ? value : p.maxval;
            d->spare[i] = (uint8_t)(p.maxval == 255 ? value : rint((double)value / p.maxval * 255));
        }
        fv_decode_row(d, y, d->spare);
    }
    return true;
}

static bool is_pnm(const fv_decoding *d)
{
    return d->size >= 3 && d->bytes[0] == 'P' && d->bytes[1] && strchr("2356", d->bytes[1]) &&
           d->bytes[2] && strchr(" \t\n\v\f\r#", d->bytes[2]);
}

const fv_picture_format fv_format_pnm = {"PPM or PGM", ".ppm .pgm", NULL, is_pnm, decode_pnm};
