/*
 * archive.c - unpacks a .tar.gz or .zip in memory.
 *
 * No name in an archive is used as a path: only regular files directly in one given folder are
 * unpacked, and only names of plain letters, digits, dots, dashes and underscores.
 *
 * Layer 3, data. Calls the base. POSIX.1-2017 (pax, ustar).
 */
#include "data/get/get.h"

#include <stdio.h>
#include <string.h>

typedef struct unpacking {
    fv_ctx *ctx;
    const char *path, *inside, *folder;
    int files;
} unpacking;

/* Returns the name of the file to write for an entry, or NULL if the entry is skipped. */
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
    size_t capacity = strlen(u->folder) + strlen(name) + 2;
    char *path = fv_alloc(u->ctx, capacity, 1);
    if (!path)
        return u->ctx->error;
    snprintf(path, capacity, "%s/%s", u->folder, name);
    if (!same_file(u, path, bytes, size))
        fv_write_file(u->ctx, path, bytes, size);
    fv_release(u->ctx, path);
    u->files++;
    return u->ctx->error;
}

/* ---- tar: blocks of 512 bytes, a header before each file ------------------------------------ */

enum { BLOCK = 512, NAME_SIZE = 260 };

static const long long most_bytes = 1 << 30; /* limit per file */

/* Reads an octal number of up to n digits. Returns -1 if there is none. */
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

/* Verifies the header checksum: the sum of all bytes, the checksum field counted as spaces. */
static bool right_header(const uint8_t *h)
{
    long long sum = 0;
    for (int i = 0; i < BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : h[i];
    return read_octal(h + 148, 8) == sum;
}

static void tar_name(const uint8_t *h, char name[NAME_SIZE])
{
    bool has_prefix = memcmp(h + 257, "ustar", 6) == 0 && h[345];
    snprintf(name, NAME_SIZE, "%.155s%s%.100s", has_prefix ? (const char *)h + 345 : "",
             has_prefix ? "/" : "", (const char *)h);
}

/* Reads the next size bytes of the stream, padded to whole blocks. */
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
    char name[NAME_SIZE];
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
            return fv_fail(u->ctx, FV_E_DATA, "\"%s\" is damaged: no header of a file at byte %lld",
                           u->path, at);
        if (unpack_entry(u, gz, h))
            break;
        at += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
    }
    return u->ctx->error;
}

/* ---- zip ------------------------------------------------------------------------------------- */

static fv_status unzip_entry(unpacking *u, const fv_zip *zip, const fv_zip_entry *e)
{
    const char *name = e->kind == 0 || e->kind == 8 ? wanted(u, e->name) : NULL;
    if (!name)
        return FV_OK;
    if (e->size > most_bytes)
        return fv_fail(u->ctx, FV_E_DATA, "\"%s\": \"%s\" has %u bytes, more than %lld", u->path,
                       name, (unsigned)e->size, most_bytes);
    void *bytes = fv_zip_unpack(zip, e);
    if (bytes)
        put_file(u, name, bytes, e->size);
    fv_release(u->ctx, bytes);
    return u->ctx->error;
}

static fv_status unpack_zip(unpacking *u, const uint8_t *bytes, size_t size)
{
    fv_zip zip;
    fv_zip_entry entry;
    if (fv_zip_open(&zip, u->ctx, bytes, size, u->path))
        while (fv_zip_next(&zip, &entry) && !unzip_entry(u, &zip, &entry))
            ;
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
