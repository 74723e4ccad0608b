/*
 * vec.h - one vector type and its few operations, per instruction set.
 *
 * Fused multiply-add is written out because -ffp-contract=off keeps compilers from making any, and
 * gcc has no generic vector form of it. FV_MAX_TILE(n) is the largest m for which m*n accumulators,
 * n operands and a broadcast stay in registers.
 */
#ifndef FV_VEC_H
#define FV_VEC_H

#include <immintrin.h>

#if defined(FV_SIMD_AVX512)

typedef __m512 vec;
enum { V = 16 };
#define FV_SIMD_NAME avx512
static inline vec vec_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void vec_store(float *p, vec a) { _mm512_storeu_ps(p, a); }
static inline vec vec_splat(float a) { return _mm512_set1_ps(a); }
static inline vec vec_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }

#elif defined(FV_SIMD_AVX2)

typedef __m256 vec;
enum { V = 8 };
#define FV_SIMD_NAME avx2
static inline vec vec_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void vec_store(float *p, vec a) { _mm256_storeu_ps(p, a); }
static inline vec vec_splat(float a) { return _mm256_set1_ps(a); }
static inline vec vec_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }

#endif

#endif
