/*
 * gzip.c - decompresses gzip and raw deflate streams in memory with zlib, whose memory comes from
 * the context.
 *
 * Layer 3, data. Calls zlib and the base. RFC 1951, 1952.
 */
#include "data/data.h"

bool fv_is_gzip(const uint8_t *bytes, size_t size)
{
    return size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

#if defined(FV_HAVE_ZLIB)

#define ZLIB_CONST /* makes next_in const */
#include <limits.h>
#include <zlib.h>

struct fv_gzip {
    fv_ctx *ctx;
    const char *name;
    z_stream z;
    const uint8_t *start;
    size_t left; /* bytes not given to zlib yet */
    bool raw;    /* raw deflate, as in a .zip: no header, checksum or members */
    bool ended;
};

static const char *kind(const fv_gzip *gz)
{
    return gz->raw ? "deflate stream" : ".gz";
}

static void *allocate(void *ctx, unsigned count, unsigned size)
{
    return fv_alloc(ctx, count, size);
}

static void release(void *ctx, void *ptr)
{
    fv_release(ctx, ptr);
}

static fv_gzip *open_stream(fv_ctx *ctx, const uint8_t *bytes, size_t size, const char *name,
                            bool raw)
{
    fv_gzip *gz = fv_alloc(ctx, 1, sizeof *gz);
    if (!gz)
        return NULL;
    *gz = (fv_gzip){.ctx = ctx, .name = name, .start = bytes, .left = size, .raw = raw};
    gz->z.zalloc = allocate;
    gz->z.zfree = release;
    gz->z.opaque = ctx;
    gz->z.next_in = bytes;
    if (inflateInit2(&gz->z, raw ? -MAX_WBITS : 16 + MAX_WBITS) == Z_OK)
        return gz;
    fv_fail(ctx, FV_E_MEMORY, "no memory to inflate \"%s\"", name);
    fv_release(ctx, gz);
    return NULL;
}

fv_gzip *fv_gzip_open(fv_ctx *ctx, const uint8_t *bytes, size_t size, const char *name)
{
    return open_stream(ctx, bytes, size, name, false);
}

void fv_gzip_close(fv_gzip *gz)
{
    if (!gz)
        return;
    inflateEnd(&gz->z);
    fv_release(gz->ctx, gz);
}

/* Limits a size to zlib's unsigned int. */
static unsigned portion(size_t size)
{
    return size < UINT_MAX ? (unsigned)size : UINT_MAX;
}

static size_t offset(const fv_gzip *gz)
{
    return (size_t)(gz->z.next_in - gz->start);
}

/* Called at the end of a gzip member: another member may follow. */
static fv_status next_member(fv_gzip *gz)
{
    gz->left += gz->z.avail_in;
    gz->z.avail_in = 0;
    if (gz->left == 0 || gz->raw) {
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
        return fv_fail(gz->ctx, FV_E_MEMORY, "no memory to inflate \"%s\"", gz->name);
    if (code == Z_BUF_ERROR) /* no progress although the output buffer has space: no input */
        return fv_fail(gz->ctx, FV_E_DATA,
                       "\"%s\": the %s is cut off: it ends at byte %zu, inside the %s stream",
                       gz->name, kind(gz), offset(gz), gz->raw ? "deflate" : "gzip");
    return fv_fail(gz->ctx, FV_E_DATA, "\"%s\": the %s is damaged before its byte %zu: %s",
                   gz->name, kind(gz), offset(gz), gz->z.msg ? gz->z.msg : "not a gzip stream");
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
        unsigned capacity = portion(size - *done);
        z->next_out = (Bytef *)to + *done;
        z->avail_out = capacity;
        int code = inflate(z, Z_NO_FLUSH);
        *done += capacity - z->avail_out;
        if (code == Z_STREAM_END) {
            if (next_member(gz))
                return FV_E_DATA;
        } else if (code != Z_OK) {
            return fail_inflate(gz, code);
        }
    }
    return FV_OK;
}

fv_status fv_inflate(fv_ctx *ctx, const uint8_t *from, size_t size, void *to, size_t to_size,
                     const char *name)
{
    fv_gzip *gz = open_stream(ctx, from, size, name, true);
    uint8_t more;
    size_t n = 0, rest = 0;
    if (gz && !fv_gzip_read(gz, to, to_size, &n) && !fv_gzip_read(gz, &more, 1, &rest) &&
        n + rest != to_size)
        fv_fail(ctx, FV_E_DATA, "\"%s\": its directory promises %zu bytes, it has %s", name,
                to_size, rest ? "more" : "fewer");
    fv_gzip_close(gz);
    return fv_error(ctx);
}

#else

fv_gzip *fv_gzip_open(fv_ctx *ctx, const uint8_t *bytes, size_t size, const char *name)
{
    (void)bytes, (void)size;
    fv_fail(ctx, FV_E_DEVICE,
            "\"%s\" is a .gz, and this build reads no gzip\n"
            "help: gunzip the file, or build with zlib",
            name);
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

fv_status fv_inflate(fv_ctx *ctx, const uint8_t *from, size_t size, void *to, size_t to_size,
                     const char *name)
{
    (void)from, (void)size, (void)to, (void)to_size;
    return fv_fail(ctx, FV_E_DEVICE,
                   "\"%s\" is compressed, and this build inflates nothing\n"
                   "help: numpy.savez in place of numpy.savez_compressed, or build with zlib",
                   name);
}

#endif
