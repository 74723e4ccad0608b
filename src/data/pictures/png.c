/*
 * png.c - PNG by libpng, all its kinds, as PIL converts them to L and RGB: palettes looked
 * up, alpha dropped, 16 bits cut to their upper 8. Layer 3, data. Calls libpng and the base.
 */
#include "data/pictures/decode.h"

#if defined(FV_HAVE_PNG)

#include <setjmp.h>
#include <string.h>

#include <png.h>

typedef struct reader {
    png_structp png;
    png_infop info;
    size_t at; /* bytes read so far */
    fv_decoding *d;
} reader;

static void on_error(png_structp png, png_const_charp text)
{
    fv_decode_fail(png_get_error_ptr(png), "damaged PNG: %s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png, (void)text;
}

static png_voidp allocate(png_structp png, png_alloc_size_t size)
{
    fv_decoding *d = png_get_mem_ptr(png);
    void *ptr = fv_work_memory(d->work, NULL, size);
    if (!ptr)
        fv_work_fail(d->work, FV_E_MEMORY, "\"%s\": no memory to decode it", d->name);
    return ptr;
}

static void release(png_structp png, png_voidp ptr)
{
    fv_work_memory(((fv_decoding *)png_get_mem_ptr(png))->work, ptr, 0);
}

static void read_bytes(png_structp png, png_bytep to, size_t size)
{
    reader *p = png_get_io_ptr(png);
    if (size > p->d->size - p->at) {
        fv_decode_fail(p->d, "cut off: the PNG goes on after its last byte, %zu", p->d->size);
        png_longjmp(png, 1);
    }
    memcpy(to, p->d->bytes + p->at, size);
    p->at += size;
}

static int orientation(const reader *p)
{
    png_uint_32 size = 0;
    png_bytep exif = NULL;
    return png_get_eXIf_1(p->png, p->info, &size, &exif) ? fv_exif_orientation(exif, size) : 1;
}

/* The passes of an interlaced picture fill it bit by bit, so all of it must be there. */
static void read_rows(reader *p, int passes, size_t stride)
{
    fv_decoding *d = p->d;
    size_t step = passes > 1 ? stride : 0;
    for (int pass = 1; pass <= passes; pass++)
        for (int y = 0; y < d->height; y++) {
            uint8_t *row = d->spare + step * (size_t)y;
            png_read_row(p->png, row, NULL);
            if (pass == passes)
                fv_decode_row(d, y, row);
        }
}

static bool decode(reader *p)
{
    fv_decoding *d = p->d;
    if (setjmp(png_jmpbuf(p->png)))
        return false;
    png_set_read_fn(p->png, p, read_bytes);
    png_read_info(p->png, p->info);
    png_uint_32 height = png_get_image_height(p->png, p->info);
    if (!fv_decode_check(d, height, png_get_image_width(p->png, p->info)))
        return false;
    d->orientation = orientation(p);
    png_set_strip_16(p->png);
    png_set_expand(p->png);
    png_set_strip_alpha(p->png);
    int passes = png_set_interlace_handling(p->png);
    png_read_update_info(p->png, p->info);
    size_t stride = png_get_rowbytes(p->png, p->info);
    if (!fv_decode_start(d, height, png_get_image_width(p->png, p->info),
                         png_get_channels(p->png, p->info), passes > 1 ? stride * height : stride))
        return false;
    read_rows(p, passes, stride);
    return true;
}

static bool decode_png(fv_decoding *d)
{
    reader p = {.d = d};
    p.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, d, on_error, on_warning, d, allocate,
                                     release);
    p.info = p.png ? png_create_info_struct(p.png) : NULL;
    bool ok = p.info && decode(&p);
    png_destroy_read_struct(&p.png, &p.info, NULL);
    if (!ok && !d->work->error) /* libpng of another version than its header */
        fv_work_fail(d->work, FV_E_DEVICE, "\"%s\": libpng cannot be used", d->name);
    return ok;
}

#else
#define decode_png NULL
#endif

static bool is_png(const fv_decoding *d)
{
    return fv_decode_has(d, 0, "\x89PNG\r\n\x1a\n", 8);
}

const fv_picture_format fv_format_png = {"PNG", ".png", "libpng", is_png, decode_png};
