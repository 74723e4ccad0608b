/*
 * md5.c - MD5 (RFC 1321). Detects damaged files, not deliberate forgeries. Layer 1. Calls libc.
 */
#include "base/base.h"

/* floor(2^32 * |sin(i + 1)|) */
static const uint32_t T[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

/* Names and the four rounds of 16 steps are those of RFC 1321, 3.4. */
typedef struct letters {
    uint32_t a, b, c, d;
} letters;

static inline __attribute__((always_inline)) void run_round(letters *l, const uint32_t x[16],
                                                            const int round)
{
    static const uint8_t shifts[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    static const uint8_t step[4] = {1, 5, 3, 7}, first[4] = {0, 1, 5, 0};
#pragma GCC unroll 16 /* constant step numbers: 25 % faster */
    for (int i = 0; i < 16; i++) {
        const uint32_t b = l->b, c = l->c, d = l->d;
        const int n = shifts[round][i % 4];
        uint32_t f = round == 0   ? (b & c) | (~b & d)
                     : round == 1 ? (b & d) | (c & ~d)
                     : round == 2 ? b ^ c ^ d
                                  : c ^ (b | ~d);
        uint32_t sum = l->a + f + T[round * 16 + i] + x[(first[round] + step[round] * i) % 16];
        *l = (letters){d, b + (sum << n | sum >> (32 - n)), b, c};
    }
}

static void md5_block(uint32_t state[4], const uint8_t *p)
{
    letters l = {state[0], state[1], state[2], state[3]};
    uint32_t x[16];
    for (int i = 0; i < 16; i++, p += 4)
        x[i] = (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
    run_round(&l, x, 0);
    run_round(&l, x, 1);
    run_round(&l, x, 2);
    run_round(&l, x, 3);
    state[0] += l.a, state[1] += l.b, state[2] += l.c, state[3] += l.d;
}

void fv_md5(const void *bytes, size_t size, char hex[33])
{
    uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    fv_digest_blocks(state, md5_block, false, bytes, size);
    for (int i = 0; i < 32; i++)
        hex[i] = "0123456789abcdef"[state[i / 8] >> (i % 8 / 2 * 8 + (i % 2 ? 0 : 4)) & 15];
    hex[32] = '\0';
}
