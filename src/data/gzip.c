/*
 * gzip.c - inflating a .gz that is in memory, with zlib, whose memory comes from the context.
 *
 * Layer 3, data. Calls zlib and the base. RFC 1952.
 */
#include "data/data.h"

bool fv_is_gzip(const uint8_t *bytes, size_t size)
{
    return size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

#if defined(FV_HAVE_ZLIB)

#define ZLIB_CONST /* the input is const */
#include <limits.h>
#include <zlib.h>

struct fv_gzip {
    fv_ctx *ctx;
    const char *name;
    z_stream z;
    const uint8_t *start;
    size_t left; /* bytes that zlib has not been given yet */
    bool ended;
};

static void *allocate(void *ctx, unsigned count, unsigned size)
{
    return fv_alloc(ctx, count, size);
}

static void release(void *ctx, void *ptr)
{
    fv_release(ctx, ptr);
}

fv_gzip *fv_gzip_open(fv_ctx *ctx, const uint8_t *bytes, size_t size, const char *name)
{
    fv_gzip *gz = fv_alloc(ctx, 1, sizeof *gz);
    if (!gz)
        return NULL;
    *gz = (fv_gzip){.ctx = ctx, .name = name, .start = bytes, .left = size};
    gz->z.zalloc = allocate;
    gz->z.zfree = release;
    gz->z.opaque = ctx;
    gz->z.next_in = bytes;
    if (inflateInit2(&gz->z, 16 + MAX_WBITS) == Z_OK)
        return gz;
    fv_fail(ctx, FV_E_MEMORY, "no memory to gunzip \"%s\"", name);
    fv_release(ctx, gz);
    return NULL;
}

void fv_gzip_close(fv_gzip *gz)
{
    if (!gz)
        return;
    inflateEnd(&gz->z);
    fv_release(gz->ctx, gz);
}

/* zlib counts in unsigned int. */
static unsigned portion(size_t size)
{
    return size < UINT_MAX ? (unsigned)size : UINT_MAX;
}

static size_t offset(const fv_gzip *gz)
{
    return (size_t)(gz->z.next_in - gz->start);
}

/* A member has ended: another may follow, or nothing. */
static fv_status next_member(fv_gzip *gz)
{
    gz->left += gz->z.avail_in;
    gz->z.avail_in = 0;
    if (gz->left == 0) {
        gz->ended = true;
        return FV_OK;
    }
    if (!fv_is_gzip(gz->z.next_in, gz->left))
        return fv_fail(gz->ctx, FV_E_DATA,
                       "\"%s\": the gzip stream ends at byte %zu of the .gz, but %zu bytes follow",
                       gz->name, offset(gz), gz->left);
    inflateReset(&gz->z);
    return FV_OK;
}

static fv_status fail_inflate(const fv_gzip *gz, int code)
{
    if (code == Z_MEM_ERROR)
        return fv_fail(gz->ctx, FV_E_MEMORY, "no memory to gunzip \"%s\"", gz->name);
    if (code == Z_BUF_ERROR) /* no progress: there is room, so there is no input */
        return fv_fail(gz->ctx, FV_E_DATA,
                       "\"%s\": the .gz is cut off: it ends at byte %zu, inside the gzip stream",
                       gz->name, offset(gz));
    return fv_fail(gz->ctx, FV_E_DATA, "\"%s\": the .gz is damaged before its byte %zu: %s",
                   gz->name, offset(gz), gz->z.msg ? gz->z.msg : "not a gzip stream");
}

fv_status fv_gzip_read(fv_gzip *gz, void *to, size_t size, size_t *done)
{
    z_stream *z = &gz->z;
    *done = 0;
    while (*done < size && !gz->ended) {
        if (z->avail_in == 0) {
            z->avail_in = portion(gz->left);
            gz->left -= z->avail_in;
        }
        unsigned room = portion(size - *done);
        z->next_out = (Bytef *)to + *done;
        z->avail_out = room;
        int code = inflate(z, Z_NO_FLUSH);
        *done += room - z->avail_out;
        if (code == Z_STREAM_END) {
            if (next_member(gz))
                return FV_E_DATA;
        } else if (code != Z_OK) {
            return fail_inflate(gz, code);
        }
    }
    return FV_OK;
}

#else

fv_gzip *fv_gzip_open(fv_ctx *ctx, const uint8_t *bytes, size_t size, const char *name)
{
    (void)bytes, (void)size;
    fv_fail(ctx, FV_E_DEVICE,
            "\"%s\" is a .gz, and this build reads no gzip\n"
            "help: gunzip the file, or build with zlib", name);
    return NULL;
}

fv_status fv_gzip_read(fv_gzip *gz, void *to, size_t size, size_t *done)
{
    (void)gz, (void)to, (void)size;
    *done = 0;
    return FV_E_DEVICE;
}

void fv_gzip_close(fv_gzip *gz)
{
    (void)gz;
}

#endif
