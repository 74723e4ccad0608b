/*
 * zip.c - reads the files of a zip archive in memory, stored or deflated, by its central directory.
 * https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 *
 * Layer 3, data. Calls the base.
 */
#include "data/data.h"

#include <stdio.h>
#include <string.h>

enum { END_SIZE = 22, ENTRY_SIZE = 46, LOCAL_SIZE = 30, STORED = 0, DEFLATED = 8 };

static uint32_t le(const uint8_t *p, int bytes)
{
    uint32_t n = 0;
    for (int i = bytes; i-- > 0;)
        n = n << 8 | p[i];
    return n;
}

/* CRC-32, four bits at a time. */
static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                       0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                       0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t crc = 0xffffffffu;
    for (; n > 0; n--, p++) {
        crc = table[(crc ^ *p) & 15] ^ crc >> 4;
        crc = table[(crc ^ *p >> 4) & 15] ^ crc >> 4;
    }
    return ~crc;
}

static bool damaged(const fv_zip *z, const char *what)
{
    fv_fail(z->ctx, FV_E_DATA, "\"%s\": damaged zip: %s", z->name, what);
    return false;
}

/* Finds the end record, which precedes a comment of up to 65535 bytes and locates the directory. */
static bool find_directory(fv_zip *z)
{
    for (size_t back = END_SIZE; back <= z->size && back <= END_SIZE + 65535; back++) {
        const uint8_t *p = z->bytes + z->size - back;
        if (memcmp(p, "PK\5\6", 4) != 0)
            continue;
        z->entries = le(p + 10, 2);
        z->at = le(p + 16, 4);
        if (z->at == 0xffffffffu || z->entries == 0xffff)
            return damaged(z, "zip64 directories, of more than 4 GiB, are not read");
        return z->at <= z->size || damaged(z, "its directory is behind its end");
    }
    fv_fail(z->ctx, FV_E_DATA, "\"%s\" is not a whole zip: it has no directory at its end",
            z->name);
    return false;
}

bool fv_zip_open(fv_zip *zip, fv_ctx *ctx, const uint8_t *bytes, size_t size, const char *name)
{
    *zip = (fv_zip){.ctx = ctx, .name = name, .bytes = bytes, .size = size};
    return find_directory(zip);
}

bool fv_zip_next(fv_zip *z, fv_zip_entry *e)
{
    const uint8_t *p = z->bytes + z->at;
    if (z->entries == 0)
        return false;
    if (z->size - z->at < ENTRY_SIZE || memcmp(p, "PK\1\2", 4) != 0)
        return damaged(z, "its directory ends too early");
    size_t name = le(p + 28, 2), extra = le(p + 30, 2), comment = le(p + 32, 2);
    if (z->size - z->at - ENTRY_SIZE < name + extra + comment)
        return damaged(z, "its directory ends too early");
    *e = (fv_zip_entry){.flags = le(p + 8, 2),
                        .method = le(p + 10, 2),
                        .crc = le(p + 16, 4),
                        .packed = le(p + 20, 4),
                        .size = le(p + 24, 4),
                        .kind = le(p + 38, 4) >> 28,
                        .local = le(p + 42, 4)};
    if (name < sizeof e->name) /* no caller looks for longer names */
        snprintf(e->name, sizeof e->name, "%.*s", (int)name, (const char *)p + ENTRY_SIZE);
    z->at += ENTRY_SIZE + name + extra + comment;
    z->entries--;
    return true;
}

/* Returns the start of an entry's data, or NULL if it is damaged. */
static const uint8_t *find_bytes(const fv_zip *z, const fv_zip_entry *e)
{
    const uint8_t *p = z->bytes + e->local;
    if (e->local > z->size || z->size - e->local < LOCAL_SIZE || memcmp(p, "PK\3\4", 4) != 0) {
        damaged(z, "a file is not where its directory says");
        return NULL;
    }
    size_t before = LOCAL_SIZE + le(p + 26, 2) + le(p + 28, 2), left = z->size - e->local;
    if (left < before || left - before < e->packed) {
        damaged(z, "a file is cut off");
        return NULL;
    }
    return p + before;
}

static void *unpack(const fv_zip *z, const fv_zip_entry *e, const uint8_t *from)
{
    char name[512];
    snprintf(name, sizeof name, "%.250s: %s", z->name, e->name);
    uint8_t *to = fv_alloc(z->ctx, e->size, 1);
    if (!to)
        return NULL;
    if (e->method == STORED)
        memcpy(to, from, e->size);
    else
        fv_inflate(z->ctx, from, e->packed, to, e->size, name);
    if (!fv_error(z->ctx) && crc32_of(to, e->size) != e->crc)
        fv_fail(z->ctx, FV_E_DATA, "\"%s\": damaged: its checksum is wrong", name);
    if (!fv_error(z->ctx))
        return to;
    fv_release(z->ctx, to);
    return NULL;
}

/* Checks an entry before memory is allocated for it. */
static bool check_entry(const fv_zip *z, const fv_zip_entry *e)
{
    if (e->flags & 1)
        return damaged(z, "a file is encrypted");
    if (e->method != STORED && e->method != DEFLATED)
        return damaged(z, "a file is neither stored nor deflated");
    if (e->size == 0xffffffffu || e->packed == 0xffffffffu)
        return damaged(z, "files of more than 4 GiB are not read");
    if (e->method == STORED ? e->size != e->packed : e->size / 1032 > e->packed)
        return damaged(z, "a file's size cannot be");
    return true;
}

void *fv_zip_unpack(const fv_zip *z, const fv_zip_entry *e)
{
    const uint8_t *from = check_entry(z, e) ? find_bytes(z, e) : NULL;
    return from ? unpack(z, e, from) : NULL;
}

void *fv_zip_read(fv_ctx *ctx, const uint8_t *bytes, size_t size, const char *name,
                  const char *wanted, size_t *out_size)
{
    fv_zip zip;
    fv_zip_entry entry;
    fv_some names = {0};
    if (!fv_zip_open(&zip, ctx, bytes, size, name))
        return NULL;
    while (fv_zip_next(&zip, &entry)) {
        if (strcmp(entry.name, wanted) == 0) {
            *out_size = entry.size;
            return fv_zip_unpack(&zip, &entry);
        }
        fv_some_add(&names, entry.name);
    }
    fv_fail(ctx, FV_E_DATA, "\"%s\" has no \"%s\" in it, but %lld other files: %s", name, wanted,
            (long long)names.count, names.text);
    return NULL;
}
