/*
 * vec.h - one vector type and its few operations, per instruction set.
 *
 * Fused multiply-add is written out because -ffp-contract=off keeps compilers from making any, and
 * gcc has no generic vector form of it. A part is the first n elements, 1 to V-1; a load sets the
 * others to 0, a store does not write them. vec_stream stores past the caches, to aligned vectors;
 * other threads see it after vec_stream_end. vec_bits sets every element to an integer's bits;
 * vec_max is b if the two are equal or one is NaN; vec_holds(a, b) is neither b > a nor b NaN;
 * vec_pick(m, a, b) is m ? a : b; vec_evens and vec_odds are every second element of a and then of b;
 * vec_low is, of each four, the first of a, of b, the second of a, of b, and vec_high the third and
 * the fourth; vec_fours are four elements at p, four more step floats on, and so on; vec_lookup(p,
 * vec_index(i)) is p[i], 0 <= i < 4.
 */
#ifndef FV_VEC_H
#define FV_VEC_H

#include <stddef.h>
#include <stdint.h>

/* Functions of one line, side by side for each instruction set. */
/* clang-format off */
#if defined(FV_SIMD_NEON)
#include <arm_neon.h>
#else
#include <immintrin.h>
#endif

#if defined(FV_SIMD_AVX512)

typedef __m512 vec;
enum { V = 16 };
#define FV_SIMD_NAME avx512
#define VEC_REGISTER "v"
static inline vec vec_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void vec_store(float *p, vec a) { _mm512_storeu_ps(p, a); }
static inline void vec_stream(float *p, vec a) { _mm512_stream_ps(p, a); }
static inline void vec_stream_end(void) { _mm_sfence(); }
static inline vec vec_load_part(const float *p, int n)
{
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}
static inline void vec_store_part(float *p, vec a, int n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), a);
}
static inline vec vec_splat(float a) { return _mm512_set1_ps(a); }
static inline vec vec_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
static inline vec vec_add(vec a, vec b) { return _mm512_add_ps(a, b); }
static inline vec vec_bits(int32_t a) { return _mm512_castsi512_ps(_mm512_set1_epi32(a)); }
static inline vec vec_max(vec a, vec b) { return _mm512_max_ps(a, b); }
typedef __mmask16 vec_mask;
static inline vec_mask vec_at_most(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
static inline vec_mask vec_holds(vec a, vec b)
{
    return _mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(b, b, _CMP_ORD_Q), b, a, _CMP_NGT_UQ);
}
static inline vec_mask vec_same_bits(vec a, vec b)
{
    return _mm512_cmpeq_epi32_mask(_mm512_castps_si512(a), _mm512_castps_si512(b));
}
static inline vec vec_pick(vec_mask m, vec a, vec b) { return _mm512_mask_blend_ps(m, b, a); }
static inline vec vec_evens(vec a, vec b)
{
    const __m512i at = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14,
                                         16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_permutex2var_ps(a, at, b);
}
static inline vec vec_odds(vec a, vec b)
{
    const __m512i at = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15,
                                         17, 19, 21, 23, 25, 27, 29, 31);
    return _mm512_permutex2var_ps(a, at, b);
}
static inline vec vec_fours(const float *p, size_t step)
{
    __m512 a = _mm512_castps128_ps512(_mm_loadu_ps(p));
    a = _mm512_insertf32x4(a, _mm_loadu_ps(p + step), 1);
    a = _mm512_insertf32x4(a, _mm_loadu_ps(p + 2 * step), 2);
    return _mm512_insertf32x4(a, _mm_loadu_ps(p + 3 * step), 3);
}
static inline vec vec_low(vec a, vec b) { return _mm512_unpacklo_ps(a, b); }
static inline vec vec_high(vec a, vec b) { return _mm512_unpackhi_ps(a, b); }
/* Compacts: to_a and to_b = the elements of a and b where a is not 0, then undefined ones, V in all;
   returns how many there are. Only this set has it. */
static inline int vec_keep(vec a, vec b, float *to_a, float *to_b)
{
    const __mmask16 kept = _mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_NEQ_UQ);
    _mm512_storeu_ps(to_a, _mm512_maskz_compress_ps(kept, a));
    _mm512_storeu_ps(to_b, _mm512_maskz_compress_ps(kept, b));
    return __builtin_popcount(kept);
}
static inline vec vec_index(vec i) { return i; }
static inline vec vec_lookup(const float *p, vec index)
{
    return _mm512_permutevar_ps(_mm512_broadcast_f32x4(_mm_loadu_ps(p)),
                                _mm512_castps_si512(index));
}

#elif defined(FV_SIMD_AVX2)

typedef __m256 vec;
enum { V = 8 };
#define FV_SIMD_NAME avx2
#define VEC_REGISTER "x"
static inline vec vec_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void vec_store(float *p, vec a) { _mm256_storeu_ps(p, a); }
static inline void vec_stream(float *p, vec a) { _mm256_stream_ps(p, a); }
static inline void vec_stream_end(void) { _mm_sfence(); }
static inline __m256i vec_first(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline vec vec_load_part(const float *p, int n)
{
    return _mm256_maskload_ps(p, vec_first(n));
}
static inline void vec_store_part(float *p, vec a, int n)
{
    _mm256_maskstore_ps(p, vec_first(n), a);
}
static inline vec vec_splat(float a) { return _mm256_set1_ps(a); }
static inline vec vec_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
static inline vec vec_add(vec a, vec b) { return _mm256_add_ps(a, b); }
static inline vec vec_bits(int32_t a) { return _mm256_castsi256_ps(_mm256_set1_epi32(a)); }
static inline vec vec_max(vec a, vec b) { return _mm256_max_ps(a, b); }
typedef __m256 vec_mask;
static inline vec_mask vec_at_most(vec a, vec b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
static inline vec_mask vec_holds(vec a, vec b)
{
    return _mm256_and_ps(_mm256_cmp_ps(b, a, _CMP_NGT_UQ), _mm256_cmp_ps(b, b, _CMP_ORD_Q));
}
static inline vec_mask vec_same_bits(vec a, vec b)
{
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
}
static inline vec vec_pick(vec_mask m, vec a, vec b) { return _mm256_blendv_ps(b, a, m); }
static inline vec vec_middle_turned(vec a) /* quarters 0 2 1 3 */
{
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(a), 0xd8));
}
static inline vec vec_evens(vec a, vec b)
{
    return vec_middle_turned(_mm256_shuffle_ps(a, b, 0x88));
}
static inline vec vec_odds(vec a, vec b)
{
    return vec_middle_turned(_mm256_shuffle_ps(a, b, 0xdd));
}
static inline vec vec_fours(const float *p, size_t step)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + step), 1);
}
static inline vec vec_low(vec a, vec b) { return _mm256_unpacklo_ps(a, b); }
static inline vec vec_high(vec a, vec b) { return _mm256_unpackhi_ps(a, b); }
/* By bytes, which two ports of the processor do, not one. */
static inline vec vec_index(vec i)
{
    const __m256i first = _mm256_set1_epi32(0x03020100), step = _mm256_set1_epi32(0x04040404);
    const __m256i by = _mm256_mullo_epi32(_mm256_castps_si256(i), step);
    return _mm256_castsi256_ps(_mm256_add_epi32(by, first));
}
static inline vec vec_lookup(const float *p, vec index)
{
    const __m256i all = _mm256_castps_si256(_mm256_broadcast_ps((const __m128 *)(const void *)p));
    return _mm256_castsi256_ps(_mm256_shuffle_epi8(all, _mm256_castps_si256(index)));
}

#elif defined(FV_SIMD_NEON)

typedef float32x4_t vec;
enum { V = 4 };
#define FV_SIMD_NAME neon
#define VEC_REGISTER "w"
static inline vec vec_load(const float *p) { return vld1q_f32(p); }
static inline void vec_store(float *p, vec a) { vst1q_f32(p, a); }
static inline void vec_stream(float *p, vec a) { vst1q_f32(p, a); }
static inline void vec_stream_end(void) {}
static inline vec vec_load_part(const float *p, int n)
{
    const float a[4] = {p[0], n > 1 ? p[1] : 0.0f, n > 2 ? p[2] : 0.0f};
    return vld1q_f32(a);
}
static inline void vec_store_part(float *p, vec a, int n)
{
    p[0] = vgetq_lane_f32(a, 0);
    if (n > 1)
        p[1] = vgetq_lane_f32(a, 1);
    if (n > 2)
        p[2] = vgetq_lane_f32(a, 2);
}
static inline vec vec_splat(float a) { return vdupq_n_f32(a); }
static inline vec vec_fma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }
static inline vec vec_add(vec a, vec b) { return vaddq_f32(a, b); }
static inline vec vec_bits(int32_t a) { return vreinterpretq_f32_s32(vdupq_n_s32(a)); }
typedef uint32x4_t vec_mask;
static inline vec_mask vec_at_most(vec a, vec b) { return vcleq_f32(a, b); }
static inline vec_mask vec_holds(vec a, vec b)
{
    return vbicq_u32(vceqq_f32(b, b), vcgtq_f32(b, a));
}
static inline vec_mask vec_same_bits(vec a, vec b)
{
    return vceqq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b));
}
static inline vec vec_pick(vec_mask m, vec a, vec b) { return vbslq_f32(m, a, b); }
static inline vec vec_evens(vec a, vec b) { return vuzp1q_f32(a, b); }
static inline vec vec_odds(vec a, vec b) { return vuzp2q_f32(a, b); }
static inline vec vec_fours(const float *p, size_t step)
{
    (void)step; /* there is only one */
    return vld1q_f32(p);
}
static inline vec vec_low(vec a, vec b) { return vzip1q_f32(a, b); }
static inline vec vec_high(vec a, vec b) { return vzip2q_f32(a, b); }
static inline vec vec_index(vec i)
{
    return vreinterpretq_f32_u32(vmlaq_n_u32(vdupq_n_u32(0x03020100), vreinterpretq_u32_f32(i),
                                             0x04040404));
}
static inline vec vec_lookup(const float *p, vec index)
{
    const uint8x16_t all = vreinterpretq_u8_f32(vld1q_f32(p));
    return vreinterpretq_f32_u8(vqtbl1q_u8(all, vreinterpretq_u8_f32(index)));
}
/* Not vmaxq_f32, which gives NaN if either is NaN, and +0 of +0 and -0; clang would select it for a
   or b known to be 0, so the origin of the mask is hidden from it. */
static inline vec vec_max(vec a, vec b)
{
    vec_mask above = vcgtq_f32(a, b);
    __asm__("" : "+w"(above));
    return vec_pick(above, a, b);
}

#endif
/* clang-format on */

#endif
