/*
 * png.c - a picture as a PNG in base64, for report.html. The pixels are stored, not
 * compressed, so that every build can do it: pictures are small, and base64 is larger anyway.
 *
 * https://www.w3.org/TR/png-3/, RFC 1950, RFC 1951, RFC 4648.
 *
 * Layer 6. Calls libc.
 */
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

enum { BLOCK = 65535 }; /* bytes that are stored at once, at most */

static uint8_t *put32(uint8_t *at, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (uint8_t)(value >> shift);
    return at;
}

static uint32_t crc32_of(const uint8_t *bytes, size_t n)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

static uint32_t adler32_of(const uint8_t *bytes, size_t n)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < n; i++) {
        a = (a + bytes[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

/* Length and checksum around the data of a chunk, which lie 8 bytes behind at already. */
static uint8_t *close_chunk(uint8_t *at, const char *type, size_t length)
{
    put32(at, (uint32_t)length);
    memcpy(at + 4, type, 4);
    return put32(at + 8 + length, crc32_of(at + 4, 4 + length));
}

/* The bytes as blocks of deflate that are not compressed, in a frame of zlib's. */
static uint8_t *put_zlib(uint8_t *at, const uint8_t *bytes, size_t n)
{
    *at++ = 0x78;
    *at++ = 0x01;
    for (size_t done = 0; done < n;) {
        size_t block = n - done < BLOCK ? n - done : BLOCK;
        const uint8_t head[] = {done + block == n, (uint8_t)block, (uint8_t)(block >> 8),
                                (uint8_t)~block, (uint8_t)(~block >> 8)};
        memcpy(at, head, sizeof head);
        memcpy(at + sizeof head, bytes + done, block);
        at += sizeof head + block;
        done += block;
    }
    return put32(at, adler32_of(bytes, n));
}

/* rows: [height][1 + width * channels], a 0 before each row says that it is not filtered. */
static size_t make_png(uint8_t *to, const uint8_t *rows, int channels, int height, int width)
{
    size_t n = (size_t)height * (1 + (size_t)width * (size_t)channels);
    memcpy(to, "\x89PNG\r\n\x1a\n", 8);
    uint8_t *chunk = to + 8, *at = put32(put32(chunk + 8, (uint32_t)width), (uint32_t)height);
    memcpy(at, (const uint8_t[]){8, channels == 3 ? 2 : 0, 0, 0, 0}, 5);
    chunk = close_chunk(chunk, "IHDR", 13);
    at = put_zlib(chunk + 8, rows, n);
    chunk = close_chunk(chunk, "IDAT", (size_t)(at - chunk - 8));
    return (size_t)(close_chunk(chunk, "IEND", 0) - to);
}

static void put_base64(FILE *f, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t group = (uint32_t)bytes[i] << 16;
        group |= i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0;
        group |= i + 2 < n ? bytes[i + 2] : 0;
        fputc(digits[group >> 18], f);
        fputc(digits[group >> 12 & 63], f);
        fputc(i + 1 < n ? digits[group >> 6 & 63] : '=', f);
        fputc(i + 2 < n ? digits[group & 63] : '=', f);
    }
}

void put_png(FILE *f, const uint8_t *pixels, int channels, int height, int width)
{
    size_t row = (size_t)width * (size_t)channels, n = (size_t)height * (row + 1);
    uint8_t *rows = malloc(n), *png = malloc(n + n / BLOCK * 5 + 100);
    if (rows && png) {
        for (size_t y = 0; y < (size_t)height; y++) {
            rows[y * (row + 1)] = 0;
            memcpy(rows + y * (row + 1) + 1, pixels + y * row, row);
        }
        fputs("data:image/png;base64,", f);
        put_base64(f, png, make_png(png, rows, channels, height, width));
    }
    free(rows);
    free(png);
}
