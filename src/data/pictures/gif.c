/*
 * gif.c - GIF by giflib: the first picture, on its canvas, palettes looked up. giflib's own memory
 * comes from malloc. Layer 3, data. Calls giflib and the base.
 */
#include "data/pictures/decode.h"

#if defined(FV_HAVE_GIF)

#include <gif_lib.h>
#include <string.h>

typedef struct gif {
    fv_decoding *d;
    GifFileType *file;
    size_t at; /* of the next byte */
} gif;

static int read_some(GifFileType *file, GifByteType *to, int n)
{
    gif *g = file->UserData;
    size_t left = g->d->size - g->at, some = (size_t)n < left ? (size_t)n : left;
    memcpy(to, g->d->bytes + g->at, some);
    g->at += some;
    return (int)some;
}

static bool fail_gif(gif *g)
{
    const char *reason = g->file ? GifErrorString(g->file->Error) : NULL;
    return fv_decode_fail(g->d, "damaged GIF, at byte %zu: %s", g->at,
                          reason ? reason : "giflib gives no reason");
}

/* Moves to the first picture; comments and the like before it are skipped. */
static bool find_picture(gif *g)
{
    for (;;) {
        GifRecordType type;
        GifByteType *block;
        int code;
        if (DGifGetRecordType(g->file, &type) == GIF_ERROR)
            return fail_gif(g);
        if (type == IMAGE_DESC_RECORD_TYPE)
            return DGifGetImageDesc(g->file) != GIF_ERROR || fail_gif(g);
        if (type != EXTENSION_RECORD_TYPE)
            return fv_decode_fail(g->d, "a GIF without a picture in it");
        if (DGifGetExtension(g->file, &code, &block) == GIF_ERROR)
            return fail_gif(g);
        while (block)
            if (DGifGetExtensionNext(g->file, &block) == GIF_ERROR)
                return fail_gif(g);
    }
}

/* The rows of an interlaced picture come in four passes. */
static bool read_rows(gif *g, uint8_t *canvas)
{
    static const int first[] = {0, 4, 2, 1}, step[] = {8, 8, 4, 2};
    const GifImageDesc *at = &g->file->Image;
    const int passes = at->Interlace ? 4 : 1;
    for (int pass = 0; pass < passes; pass++)
        for (int y = at->Interlace ? first[pass] : 0; y < at->Height;
             y += at->Interlace ? step[pass] : 1) {
            uint8_t *row = canvas + (size_t)(at->Top + y) * (size_t)g->d->width + at->Left;
            if (DGifGetLine(g->file, row, at->Width) == GIF_ERROR)
                return fail_gif(g);
        }
    return true;
}

static bool decode_picture(gif *g)
{
    fv_decoding *d = g->d;
    const int height = g->file->SHeight, width = g->file->SWidth;
    if (!fv_decode_check(d, height, width) || !find_picture(g))
        return false;
    const GifImageDesc *at = &g->file->Image;
    const ColorMapObject *colors = at->ColorMap ? at->ColorMap : g->file->SColorMap;
    if (!colors)
        return fv_decode_fail(d, "damaged GIF: it has no colours");
    if (at->Left < 0 || at->Top < 0 || at->Width < 1 || at->Height < 1 ||
        at->Left + at->Width > width || at->Top + at->Height > height)
        return fv_decode_fail(d, "damaged GIF: its picture is not within its %d x %d canvas",
                              height, width);
    const size_t area = (size_t)height * (size_t)width;
    if (!fv_decode_start(d, height, width, 3, area + 3 * (size_t)width))
        return false;
    memset(d->spare, 0, area);
    if (!read_rows(g, d->spare))
        return false;
    for (int y = 0; y < height; y++) {
        uint8_t *row = d->spare + area;
        for (int x = 0; x < width; x++) {
            int index = d->spare[(size_t)y * (size_t)width + x];
            GifColorType color = {0, 0, 0};
            if (index < colors->ColorCount)
                color = colors->Colors[index];
            row[3 * x] = color.Red;
            row[3 * x + 1] = color.Green;
            row[3 * x + 2] = color.Blue;
        }
        fv_decode_row(d, y, row);
    }
    return true;
}

static bool decode_gif(fv_decoding *d)
{
    int error = 0;
    gif g = {.d = d};
    g.file = DGifOpen(&g, read_some, &error);
    if (!g.file)
        return fail_gif(&g);
    bool ok = decode_picture(&g);
    DGifCloseFile(g.file, &error);
    return ok;
}

#else
#define decode_gif NULL
#endif

static bool is_gif(const fv_decoding *d)
{
    return fv_decode_has(d, 0, "GIF87a", 6) || fv_decode_has(d, 0, "GIF89a", 6);
}

const fv_picture_format fv_format_gif = {"GIF", ".gif", "giflib", is_gif, decode_gif};
