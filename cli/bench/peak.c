/*
 * peak.c - how fast one core multiplies and adds at best: the yardstick for all other figures.
 *
 * Twelve independent chains keep every unit busy: two units with a latency of four or five cycles
 * want ten. Each instruction set has a function compiled for it alone. Many short runs, of which
 * the fastest counts, for on a shared machine the others were disturbed.
 *
 * Layer 6. Calls libc.
 */
#include <string.h>

#include "bench/speed.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

enum { CHAINS = 12, STEPS = 20000, RUNS = 50 };

typedef float vec4 __attribute__((vector_size(16)));

/* The sum of all chains is returned so that no compiler leaves them out. They tend to 2. */
#define CHAINS_OF(name, target, vec, splat, fma)                                                   \
    target static float name(void)                                                                 \
    {                                                                                              \
        vec x = splat(0.5f), y = splat(1.0f), chain[CHAINS];                                       \
        for (int i = 0; i < CHAINS; i++)                                                           \
            chain[i] = splat((float)i);                                                            \
        for (int step = 0; step < STEPS; step++)                                                   \
            for (int i = 0; i < CHAINS; i++)                                                       \
                chain[i] = fma(chain[i], x, y);                                                    \
        for (int i = 1; i < CHAINS; i++)                                                           \
            chain[0] = fma(chain[i], x, chain[0]);                                                 \
        float first;                                                                               \
        memcpy(&first, &chain[0], sizeof first);                                                   \
        return first;                                                                              \
    }

#if defined(__x86_64__)
CHAINS_OF(avx512, __attribute__((target("avx512f"))), __m512, _mm512_set1_ps, _mm512_fmadd_ps)
CHAINS_OF(avx2, __attribute__((target("avx2,fma"))), __m256, _mm256_set1_ps, _mm256_fmadd_ps)
#endif

#if defined(__aarch64__)
#define FMA_NEON(a, b, c) vfmaq_f32(c, a, b)
CHAINS_OF(plain, , float32x4_t, vdupq_n_f32, FMA_NEON)
#else
#define SPLAT(a)              ((vec4){(a), (a), (a), (a)})
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
CHAINS_OF(plain, , vec4, SPLAT, MULTIPLY_ADD)
#endif

static double fastest(float (*run)(void), int lanes)
{
    double best = 1e30;
    volatile float kept = 0;
    for (int i = 0; i < RUNS; i++) {
        double start = now();
        kept = run();
        double seconds = now() - start;
        best = seconds < best ? seconds : best;
    }
    (void)kept;
    return 2e-9 * CHAINS * STEPS * lanes / best;
}

double peak_gflops(const char *kernels)
{
#if defined(__x86_64__)
    if (strcmp(kernels, "avx512") == 0)
        return __builtin_cpu_supports("avx512f") ? fastest(avx512, 16) : 0;
    if (strcmp(kernels, "avx2") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? fastest(avx2, 8)
                                                                               : 0;
#else
    if (strncmp(kernels, "avx", 3) == 0)
        return 0;
#endif
    return fastest(plain, 4);
}
