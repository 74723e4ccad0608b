/*
 * peak.c - peak performance of one core of this machine: multiply-adds with each vector width, and
 * read bandwidth of L1, L2 and memory.
 *
 *   peak      prints a line each: avx512 GFLOP/s, avx2 GFLOP/s, plain GFLOP/s, L1 GB/s, ...
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/speed.h"

/* Reads size bytes `times` times, eight vectors per step. Exclusive or is free, and its result
   keeps the compiler from removing the reads. */
#define READER(name, target, bytes)                                                                \
    typedef uint64_t name##_vec __attribute__((vector_size(bytes)));                               \
    target static uint64_t name(const void *from, size_t size, int times)                          \
    {                                                                                              \
        const name##_vec *start = from, *end = start + size / (bytes);                             \
        name##_vec sum[8] = {{0}};                                                                 \
        for (int t = 0; t < times; t++)                                                            \
            for (const name##_vec *p = start; p < end; p += 8)                                     \
                for (int i = 0; i < 8; i++)                                                        \
                    sum[i] ^= p[i];                                                                \
        for (int i = 1; i < 8; i++)                                                                \
            sum[0] ^= sum[i];                                                                      \
        return sum[0][0];                                                                          \
    }

READER(read_plain, , 16)
#if defined(__x86_64__)
READER(read_avx2, __attribute__((target("avx2"))), 32)
READER(read_avx512, __attribute__((target("avx512f"))), 64)
#endif

static uint64_t read_all(const void *from, size_t size, int times)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return read_avx512(from, size, times);
    if (__builtin_cpu_supports("avx2"))
        return read_avx2(from, size, times);
#endif
    return read_plain(from, size, times);
}

/* Returns GB/s of the fastest of several runs, each of which reads at least 1 MB. */
static double bandwidth(const char *from, size_t size, int runs)
{
    double best = 1e30;
    volatile uint64_t kept = 0;
    int times = size < 1 << 20 ? (1 << 20) / (int)size : 1;
    for (int run = 0; run < runs; run++) {
        double start = now();
        kept ^= read_all(from, size, times);
        double seconds = now() - start;
        best = seconds < best ? seconds : best;
    }
    (void)kept;
    return 1e-9 * (double)size * times / best;
}

int main(void)
{
    const char *sets[] = {"avx512", "avx2", "plain"};
    for (int i = 0; i < 3; i++) {
        double gflops = peak_gflops(sets[i]);
        if (gflops > 0)
            printf("%-7s %7.1f GFLOP/s\n", sets[i], gflops);
    }
    const size_t large = (size_t)512 << 20; /* more than any last-level cache */
    char *memory = aligned_alloc(64, large);
    if (!memory)
        return 1;
    for (size_t i = 0; i < large; i += 4096) /* touch each page: unwritten ones share a zero page */
        memory[i] = 1;
    printf("L1      %7.1f GB/s\n", bandwidth(memory, 16 << 10, 200));
    printf("L2      %7.1f GB/s\n", bandwidth(memory, 512 << 10, 200));
    printf("memory  %7.1f GB/s\n", bandwidth(memory, large, 5));
    free(memory);
    return 0;
}
