/*
 * webp.c - WebP by libwebp: lossy, lossless, alpha dropped; not animations. libwebp's own
 * memory comes from malloc, for it asks nobody. Layer 3, data. Calls libwebp and the base.
 */
#include "data/pictures/decode.h"

#if defined(FV_HAVE_WEBP)

#include <string.h>

#include <webp/decode.h>

/* Chunks of a RIFF file: four letters, the size, little endian, the data, padded to even. */
static int orientation(const fv_decoding *d)
{
    for (size_t at = 12; at + 8 <= d->size;) {
        const uint8_t *p = d->bytes + at;
        size_t size = p[4] | p[5] << 8 | (size_t)p[6] << 16 | (size_t)p[7] << 24;
        at += 8;
        if (size > d->size - at)
            break;
        if (memcmp(p, "EXIF", 4) == 0) {
            size_t skip = size > 6 && memcmp(p + 8, "Exif\0", 6) == 0 ? 6 : 0; /* as some write */
            return fv_exif_orientation(p + 8 + skip, size - skip);
        }
        at += size + (size & 1);
    }
    return 1;
}

static bool fail_status(fv_decoding *d, VP8StatusCode status)
{
    if (status == VP8_STATUS_OUT_OF_MEMORY) {
        fv_work_fail(d->work, FV_E_MEMORY, "\"%s\": no memory to decode it", d->name);
        return false;
    }
    if (status == VP8_STATUS_NOT_ENOUGH_DATA || status == VP8_STATUS_SUSPENDED)
        return fv_decode_fail(d, "cut off: the WebP goes on after its last byte, %zu", d->size);
    return fv_decode_fail(d, "damaged WebP: libwebp's status is %d", status);
}

static bool decode_webp(fv_decoding *d)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) {
        fv_work_fail(d->work, FV_E_DEVICE, "\"%s\": libwebp cannot be used", d->name);
        return false;
    }
    VP8StatusCode status = WebPGetFeatures(d->bytes, d->size, &config.input);
    if (status != VP8_STATUS_OK)
        return fail_status(d, status);
    if (config.input.has_animation)
        return fv_decode_fail(d, "an animated WebP, which is not read\n"
                                 "help: convert one of its pictures to PNG");
    d->orientation = orientation(d);
    size_t stride = 3 * (size_t)config.input.width;
    if (!fv_decode_check(d, config.input.height, config.input.width) ||
        !fv_decode_start(d, config.input.height, config.input.width, 3,
                         stride * (size_t)config.input.height))
        return false;
    config.output.colorspace = MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA = (WebPRGBABuffer){d->spare, (int)stride, stride * (size_t)d->height};
    status = WebPDecode(d->bytes, d->size, &config);
    WebPFreeDecBuffer(&config.output);
    if (status != VP8_STATUS_OK)
        return fail_status(d, status);
    for (int y = 0; y < d->height; y++)
        fv_decode_row(d, y, d->spare + stride * (size_t)y);
    return true;
}

#else
#define decode_webp NULL
#endif

static bool is_webp(const fv_decoding *d)
{
    return fv_decode_has(d, 0, "RIFF", 4) && fv_decode_has(d, 8, "WEBP", 4);
}

const fv_picture_format fv_format_webp = {"WebP", ".webp", "libwebp", is_webp, decode_webp};
