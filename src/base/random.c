/*
 * random.c - the Mersenne Twister MT19937 with the draws of PyTorch's CPU generator, so that one
 * seed gives the same weights and sample order in both; and a hash for counter-based random
 * numbers.
 *
 * Matsumoto, Nishimura: Mersenne Twister, ACM TOMACS 8(1), 1998. Layer 1. Calls libc.
 */
#include "base/base.h"

#include <math.h>

enum { N = 624, M = 397 };

void fv_rng_seed(fv_rng *rng, uint64_t seed)
{
    rng->state[0] = (uint32_t)seed;
    for (uint32_t i = 1; i < N; i++) {
        uint32_t last = rng->state[i - 1];
        rng->state[i] = 1812433253u * (last ^ (last >> 30)) + i;
    }
    rng->next = N;
    rng->has_normal = false;
}

static void next_block(fv_rng *rng)
{
    uint32_t *s = rng->state;
    for (int i = 0; i < N; i++) {
        uint32_t y = (s[i] & 0x80000000u) | (s[(i + 1) % N] & 0x7fffffffu);
        s[i] = s[(i + M) % N] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    rng->next = 0;
}

uint32_t fv_rng_u32(fv_rng *rng)
{
    if (rng->next >= N)
        next_block(rng);
    uint32_t y = rng->state[rng->next++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680u;
    y ^= y << 15 & 0xefc60000u;
    return y ^ y >> 18;
}

uint64_t fv_rng_u63(fv_rng *rng)
{
    uint64_t high = fv_rng_u32(rng);
    return (high << 32 | fv_rng_u32(rng)) & INT64_MAX;
}

/* Scales 24 random bits with ONE rounding (fma), as PyTorch does; two would change the last bit. */
float fv_rng_uniform(fv_rng *rng, float low, float high)
{
    float u = (float)(fv_rng_u32(rng) & 0xffffffu) * 0x1p-24f;
    return fmaf(u, high - low, low);
}

double fv_rng_double(fv_rng *rng)
{
    return (double)(fv_rng_u63(rng) & 0x1fffffffffffffu) * 0x1p-53;
}

double fv_rng_normal(fv_rng *rng)
{
    if (rng->has_normal) {
        rng->has_normal = false;
        return rng->normal;
    }
    double u1 = fv_rng_double(rng), u2 = fv_rng_double(rng);
    double radius = sqrt(-2 * log1p(-u2)), angle = 6.283185307179586 * u1;
    rng->normal = radius * sin(angle);
    rng->has_normal = true;
    return radius * cos(angle);
}

/* Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014. */
uint64_t fv_mix64(uint64_t key)
{
    key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9u;
    key = (key ^ (key >> 27)) * 0x94d049bb133111ebu;
    return key ^ (key >> 31);
}

/* Fisher-Yates shuffle from the front. */
void fv_rng_permute(fv_rng *rng, int64_t *order, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        order[i] = i;
    for (int64_t i = 0; i < n - 1; i++) {
        int64_t z = fv_rng_u32(rng) % (n - i), swap = order[i];
        order[i] = order[i + z];
        order[i + z] = swap;
    }
}
