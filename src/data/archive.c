/*
 * archive.c - unpacking a .tar.gz or a .zip that is in memory.
 *
 * No name in an archive is used as a path: only regular files right in one given folder are looked
 * at, and only names of plain letters, digits, dots, dashes and underscores.
 *
 * Layer 3, data. Calls the base and, by gzip.c, zlib. POSIX.1-2017 (pax, ustar); APPNOTE 6.3.3.
 */
#include "data/get.h"

#include <stdio.h>
#include <string.h>

typedef struct unpacking {
    fv_ctx *ctx;
    const char *path, *inside, *folder;
    int files;
} unpacking;

static fv_status fail_archive(unpacking *u, const char *what, long long at)
{
    return fv_fail(u->ctx, FV_E_DATA, "\"%s\" is damaged: %s at byte %lld", u->path, what, at);
}

/* The name of the file to make for an entry, or NULL for one that is not wanted. */
static const char *wanted(const unpacking *u, const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = strlen(u->inside);
    name += strncmp(name, "./", 2) == 0 ? 2 : 0;
    if (strncmp(name, u->inside, n) != 0 || name[n] == '\0' || name[n] == '.')
        return NULL;
    return name[n + strspn(name + n, plain)] == '\0' ? name + n : NULL;
}

static bool same_file(unpacking *u, const char *path, const void *bytes, size_t size)
{
    size_t have = 0;
    void *old = fv_file_exists(path) ? fv_read_file(u->ctx, path, &have) : NULL;
    bool same = old && have == size && memcmp(old, bytes, size) == 0;
    fv_release(u->ctx, old);
    return same;
}

static fv_status put_file(unpacking *u, const char *name, const void *bytes, size_t size)
{
    size_t room = strlen(u->folder) + strlen(name) + 2;
    char *path = fv_alloc(u->ctx, room, 1);
    if (!path)
        return u->ctx->error;
    snprintf(path, room, "%s/%s", u->folder, name);
    if (!same_file(u, path, bytes, size))
        fv_write_file(u->ctx, path, bytes, size);
    fv_release(u->ctx, path);
    u->files++;
    return u->ctx->error;
}

/* ---- tar: blocks of 512 bytes, a header before each file ------------------------------------ */

enum { BLOCK = 512, NAME_ROOM = 260 };

static const long long most_bytes = 1 << 30; /* of one file */

/* The octal number in n characters; -1: there is none. */
static long long read_octal(const uint8_t *text, int n)
{
    long long value = 0;
    int i = 0;
    while (i < n && text[i] == ' ')
        i++;
    int first = i;
    for (; i < n && text[i] >= '0' && text[i] <= '7'; i++)
        value = value * 8 + (text[i] - '0');
    return i > first && (i == n || text[i] == ' ' || text[i] == '\0') ? value : -1;
}

/* Whether the sum of its bytes is as it says, its own eight counting as spaces. */
static bool right_header(const uint8_t *h)
{
    long long sum = 0;
    for (int i = 0; i < BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : h[i];
    return read_octal(h + 148, 8) == sum;
}

static void tar_name(const uint8_t *h, char name[NAME_ROOM])
{
    bool has_prefix = memcmp(h + 257, "ustar", 6) == 0 && h[345];
    snprintf(name, NAME_ROOM, "%.155s%s%.100s", has_prefix ? (const char *)h + 345 : "",
             has_prefix ? "/" : "", (const char *)h);
}

/* Reads the next size bytes of the stream into memory, up to the end of their last block. */
static uint8_t *read_blocks(unpacking *u, fv_gzip *gz, size_t size)
{
    size_t done, padded = (size + BLOCK - 1) / BLOCK * BLOCK;
    uint8_t *bytes = fv_alloc(u->ctx, padded + 1, 1);
    if (bytes && !fv_gzip_read(gz, bytes, padded, &done) && done == padded)
        return bytes;
    if (!u->ctx->error)
        fv_fail(u->ctx, FV_E_DATA, "\"%s\" is damaged: it ends inside a file", u->path);
    fv_release(u->ctx, bytes);
    return NULL;
}

static fv_status unpack_entry(unpacking *u, fv_gzip *gz, const uint8_t *h)
{
    char name[NAME_ROOM];
    tar_name(h, name);
    uint8_t *bytes = read_blocks(u, gz, (size_t)read_octal(h + 124, 12));
    const char *as = h[156] == '0' || h[156] == '\0' ? wanted(u, name) : NULL;
    if (bytes && as)
        put_file(u, as, bytes, (size_t)read_octal(h + 124, 12));
    fv_release(u->ctx, bytes);
    return u->ctx->error;
}

static fv_status unpack_tar(unpacking *u, fv_gzip *gz)
{
    uint8_t h[BLOCK];
    size_t done;
    for (long long at = 0; !fv_gzip_read(gz, h, BLOCK, &done) && done == BLOCK && h[0];) {
        long long size = read_octal(h + 124, 12);
        if (!right_header(h) || size < 0 || size > most_bytes)
            return fail_archive(u, "no header of a file", at);
        if (unpack_entry(u, gz, h))
            break;
        at += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
    }
    return u->ctx->error;
}

/* ---- zip: a directory at the end that says where each file is -------------------------------- */

enum { END_SIZE = 22, ENTRY_SIZE = 46, LOCAL_SIZE = 30, END_MOST = END_SIZE + 65535 };

static uint32_t u16(const uint8_t *p)
{
    return (uint32_t)p[1] << 8 | p[0];
}

static uint32_t u32(const uint8_t *p)
{
    return u16(p + 2) << 16 | u16(p);
}

/* The end record, which a comment may follow; NULL: there is none. */
static const uint8_t *find_end(const uint8_t *bytes, size_t size)
{
    for (size_t back = END_SIZE; back <= size && back <= END_MOST; back++)
        if (memcmp(bytes + size - back, "PK\5\6", 4) == 0)
            return bytes + size - back;
    return NULL;
}

static fv_status inflate_entry(unpacking *u, const char *name, const uint8_t *from, size_t packed,
                               size_t size)
{
    size_t done = 0;
    uint8_t *to = fv_alloc(u->ctx, size + 1, 1); /* one more byte, to see that the stream ends */
    fv_gzip *z = to ? fv_deflate_open(u->ctx, from, packed, u->path) : NULL;
    if (z && !fv_gzip_read(z, to, size + 1, &done)) {
        if (done == size)
            put_file(u, name, to, size);
        else
            fv_fail(u->ctx, FV_E_DATA, "\"%s\" is damaged: %s is not of %zu bytes", u->path, name,
                    size);
    }
    fv_gzip_close(z);
    fv_release(u->ctx, to);
    return u->ctx->error;
}

/* One entry e of the directory, all of which is in memory. */
static fv_status unzip_entry(unpacking *u, const uint8_t *bytes, size_t total, const uint8_t *e)
{
    char text[NAME_ROOM];
    uint32_t method = u16(e + 10), kind = u32(e + 38) >> 28; /* Unix's file type, if it says one */
    size_t packed = u32(e + 20), size = u32(e + 24), at = u32(e + 42);
    if (u16(e + 28) >= sizeof text)
        return FV_OK;
    snprintf(text, sizeof text, "%.*s", (int)u16(e + 28), (const char *)e + ENTRY_SIZE);
    const char *name = kind == 0 || kind == 8 ? wanted(u, text) : NULL;
    if (!name)
        return FV_OK;
    if (total < LOCAL_SIZE || at > total - LOCAL_SIZE || memcmp(bytes + at, "PK\3\4", 4) != 0)
        return fail_archive(u, "no header of a file", (long long)at);
    at += LOCAL_SIZE + u16(bytes + at + 26) + u16(bytes + at + 28);
    bool stored = method == 0 && packed == size, deflated = method == 8 && !(u16(e + 8) & 1);
    if (at > total || packed > total - at || size > (size_t)most_bytes || (!stored && !deflated))
        return fail_archive(u, "a file that cannot be unpacked", (long long)at);
    return stored ? put_file(u, name, bytes + at, size)
                  : inflate_entry(u, name, bytes + at, packed, size);
}

static fv_status unpack_zip(unpacking *u, const uint8_t *bytes, size_t size)
{
    const uint8_t *end = find_end(bytes, size);
    size_t at = end ? u32(end + 16) : 0;
    if (!end)
        return fail_archive(u, "no directory", (long long)size);
    for (uint32_t i = 0; i < u16(end + 10); i++) {
        const uint8_t *e = bytes + at;
        if (at > size || size - at < ENTRY_SIZE || memcmp(e, "PK\1\2", 4) != 0 ||
            size - at - ENTRY_SIZE < u16(e + 28))
            return fail_archive(u, "no entry of the directory", (long long)at);
        if (unzip_entry(u, bytes, size, e))
            break;
        at += ENTRY_SIZE + u16(e + 28) + u16(e + 30) + u16(e + 32);
    }
    return u->ctx->error;
}

fv_status fv_unpack(fv_ctx *ctx, const uint8_t *bytes, size_t size, const char *path,
                    const char *inside, const char *folder)
{
    unpacking u = {ctx, path, inside, folder, 0};
    if (fv_is_gzip(bytes, size)) {
        fv_gzip *gz = fv_gzip_open(ctx, bytes, size, path);
        if (gz)
            unpack_tar(&u, gz);
        fv_gzip_close(gz);
    } else {
        unpack_zip(&u, bytes, size);
    }
    if (!ctx->error && u.files == 0)
        fv_fail(ctx, FV_E_DATA, "\"%s\" has no files in \"%s\"", path, inside);
    return ctx->error;
}
