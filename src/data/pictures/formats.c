/*
 * formats.c - the list of picture formats: which one a file has, and its decoder.
 *
 * A format is a file of its own that defines fv_format_NAME, and a line here. Layer 3, data. Calls
 * the decoders and the base.
 */
#include "data/pictures/decode.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FORMATS(F) F(jpeg) F(png) F(webp) F(bmp) F(gif) F(pnm)

#define DECLARE(name) extern const fv_picture_format fv_format_##name;
FORMATS(DECLARE)

#define ADDRESS(name) &fv_format_##name,
static const fv_picture_format *const formats[] = {FORMATS(ADDRESS)};

enum { COUNT = sizeof formats / sizeof *formats };

bool fv_is_picture_name(const char *name)
{
    const char *end = strrchr(name, '.');
    for (int i = 0; end && i < COUNT; i++)
        for (const char *at = formats[i]->endings; *at; at += strspn(at, " ")) {
            size_t length = strcspn(at, " ");
            if (strlen(end) == length && strncasecmp(end, at, length) == 0)
                return true;
            at += length;
        }
    return false;
}

void fv_put_picture_endings(fv_text *to)
{
    for (int i = 0; i < COUNT; i++)
        fv_put(to, "%s%s", i ? " " : "", formats[i]->endings);
}

static bool fail_format(fv_decoding *d)
{
    static const struct {
        const char *what, *bytes;
        size_t size, offset;
    } others[] = {{"an AVIF", "ftypavif", 8, 4},   {"a HEIC", "ftyphei", 7, 4},
                  {"a HEIC", "ftypmif1", 8, 4},    {"a TIFF", "II*\0", 4, 0},
                  {"a TIFF", "MM\0*", 4, 0},       {"a PDF", "%PDF", 4, 0},
                  {"an SVG or XML", "<svg", 4, 0}, {"an SVG or XML", "<?xml", 5, 0}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (fv_decode_has(d, others[i].offset, others[i].bytes, others[i].size))
            return fv_decode_fail(d,
                                  "it begins as %s, which is not read\n"
                                  "help: convert it to JPEG or PNG",
                                  others[i].what);
    char found[40] = "", names[200] = "";
    fv_text to = {names, sizeof names};
    for (int i = 0; i < COUNT; i++)
        fv_put(&to, "%s%s", i ? ", " : "", formats[i]->name);
    for (size_t i = 0; i < d->size && i < 8; i++)
        snprintf(found + 3 * i, sizeof found - 3 * i, " %02x", d->bytes[i]);
    return fv_decode_fail(d, "not a picture: expected %s, found%s", names, found);
}

bool fv_picture_decode(fv_work *work, const uint8_t *bytes, size_t size, const char *name,
                       fv_wish wish, fv_picture *picture)
{
    fv_decoding d = {
        .work = work, .name = name, .bytes = bytes, .size = size, .wish = wish, .picture = picture};
    if (size == 0)
        return fv_decode_fail(&d, "empty: 0 bytes");
    for (int i = 0; i < COUNT; i++) {
        const fv_picture_format *format = formats[i];
        if (!format->is(&d))
            continue;
        if (format->decode)
            return format->decode(&d);
        fv_work_fail(work, FV_E_DEVICE,
                     "\"%s\" is a %s, and this build reads none\nhelp: build with %s", name,
                     format->name, format->library);
        return false;
    }
    return fail_format(&d);
}
