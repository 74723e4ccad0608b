/*
 * tile.h - the microkernel, and how layers are cut into its tiles.
 *
 * All sums of convolutions and linear layers are C[m][n] = start + sum over r, s, k of
 * A(r,s,k,m) * B(r,s,k,n). A tile of M x N vectors stays in registers while the loop runs over taps
 * r, s and a run k. A vector of B and C is V images (batch last) or V channels (channels last). A is
 * one number for all of a vector, or a vector too, where both factors differ from image to image
 * (weight gradients, batch last) or from channel to channel (depthwise). Included by simd.c alone.
 */
#ifndef FV_TILE_H
#define FV_TILE_H

#include "kernels/vec.h" /* before lanes.h, which transposes with it */

#include "kernels/lanes.h"

#include <limits.h>

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define UNROLLED(i, n) UNROLL for (int i = 0; i < (n); i++)
#define INLINE         static inline __attribute__((always_inline))

/* Hides from compilers how x was computed, so that they use it instead of computing it again. */
#define KEEP(x) __asm__("" : "+r"(x))
/* The same of a vector, which gcc would load again for each multiplication. */
#define PIN(x) __asm__("" : "+" VEC_REGISTER(x))

/* ---- the microkernel ---------------------------------------------------------------------- */

/* Row m of A is one number for all of a vector, am floats after row m-1 (APART) or next to it
   (NUMBERS), or a vector, next to it (VECTORS) or am floats after it. NUMBERS_POOLED: NUMBERS, where
   the N pixels are a window of 2 x 2 and C gets only their maximum. */
typedef enum a_kind { APART, NUMBERS, VECTORS, NUMBERS_POOLED, VECTORS_APART } a_kind;

/* Strides are in floats. Taps are a grid: R of them down, S across. The sum starts at C if
   add, else at bias: one number for each m, or for each of C's columns if bias_across, or 0 if NULL.
   The last vector of each row of C has only `partial` numbers, or all if it is 0. */
typedef struct job {
    const float *a, *b;
    float *c;
    int R, S, K;
    ptrdiff_t ar, as, am, ak, br, bs, bk, bn, cm, cn;
    const float *bias;
    bool bias_across, add;
    bool stream; /* APART only, partial 0 and C aligned: store past the caches */
    int partial;
    ptrdiff_t br2;      /* NUMBERS_POOLED: from the first row of pixels to the second, */
    int32_t *argmax;    /* and the argmax, laid out as C, or NULL */
    const float *ahead; /* APART only: prefetched, a cache line a step */
} job;

/* The tiles M x N: M*N accumulators, N operands and a broadcast fit the registers. mmax[N] is the
   largest M. Up to FEW_SUMS sums a tile waits for its loads, so it prefetches nothing. */
/* clang-format off */
#if defined(FV_SIMD_AVX512) || defined(FV_SIMD_NEON)
#define FOR_EACH_TILE(DO)                                                                          \
    DO(1, 1) DO(2, 1) DO(3, 1) DO(4, 1) DO(5, 1) DO(6, 1) DO(7, 1) DO(8, 1) DO(9, 1) DO(10, 1)     \
    DO(11, 1) DO(12, 1) DO(13, 1) DO(14, 1) DO(15, 1) DO(16, 1)                                    \
    DO(1, 2) DO(2, 2) DO(3, 2) DO(4, 2) DO(5, 2) DO(6, 2) DO(7, 2) DO(8, 2) DO(9, 2) DO(10, 2)     \
    DO(11, 2) DO(12, 2) DO(13, 2) DO(14, 2)                                                        \
    DO(1, 3) DO(2, 3) DO(3, 3) DO(4, 3) DO(5, 3) DO(6, 3) DO(7, 3) DO(8, 3)                        \
    DO(1, 4) DO(2, 4) DO(3, 4) DO(4, 4) DO(5, 4) DO(6, 4)                                          \
    DO(1, 5) DO(2, 5) DO(3, 5) DO(4, 5) DO(5, 5)                                                   \
    DO(1, 6) DO(2, 6) DO(3, 6) DO(4, 6)                                                            \
    DO(1, 7) DO(2, 7) DO(3, 7)                                                                     \
    DO(1, 8) DO(2, 8)
#define FOR_EACH_WINDOW(DO) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6)
enum { NMAX = 8, FEW_SUMS = 10 };
static const int mmax[NMAX + 1] = {0, 16, 14, 8, 6, 5, 4, 3, 2};
#else
#define FOR_EACH_TILE(DO)                                                                          \
    DO(1, 1) DO(2, 1) DO(3, 1) DO(4, 1) DO(5, 1) DO(6, 1) DO(7, 1) DO(8, 1) DO(9, 1) DO(10, 1)     \
    DO(11, 1) DO(12, 1)                                                                            \
    DO(1, 2) DO(2, 2) DO(3, 2) DO(4, 2) DO(5, 2) DO(6, 2)                                          \
    DO(1, 3) DO(2, 3) DO(3, 3) DO(4, 3)                                                            \
    DO(1, 4) DO(2, 4) DO(3, 4)
#define FOR_EACH_WINDOW(DO) DO(1) DO(2) DO(3)
enum { NMAX = 4, FEW_SUMS = 4 };
static const int mmax[NMAX + 1] = {0, 12, 6, 4, 3};
#endif
/* clang-format on */
enum { WINDOW_N = 4 }; /* the pixels of a window; M as in tiles of that N */

/* Rows 0, 4, 8 and 12 of A if APART, and three strides from each: one pointer and a chain of
   additions would take longer than the multiplications. */
typedef struct rows_of_a {
    const float *at[4];
    ptrdiff_t one, two, three;
} rows_of_a;

INLINE rows_of_a rows_from(const float *a, ptrdiff_t am)
{
    rows_of_a rows = {{a, a + 4 * am, a + 8 * am, a + 12 * am}, am, 2 * am, 3 * am};
    KEEP(rows.at[1]);
    KEEP(rows.at[2]);
    KEEP(rows.at[3]);
    KEEP(rows.three);
    return rows;
}

INLINE vec row_of(const rows_of_a *a, const a_kind kind, const int m)
{
    const ptrdiff_t off[4] = {0, a->one, a->two, a->three};
    const float *apart = a->at[m / 4] + off[m % 4];
    return kind == APART           ? vec_splat(*apart)
           : kind == VECTORS       ? vec_load(a->at[0] + m * L)
           : kind == VECTORS_APART ? vec_load(apart)
                                   : vec_splat(a->at[0][m]);
}

INLINE void advance(rows_of_a *a, ptrdiff_t ak)
{
    UNROLLED (i, 4)
        a->at[i] += ak;
}

INLINE vec load_some(const float *p, int partial)
{
    return partial ? vec_load_part(p, partial) : vec_load(p);
}

INLINE void store_some(float *p, vec a, int partial)
{
    if (partial)
        vec_store_part(p, a, partial);
    else
        vec_store(p, a);
}

INLINE vec start_of(const job *j, int m, int n, int partial)
{
    if (j->add)
        return load_some(j->c + m * j->cm + n * j->cn, partial);
    if (!j->bias)
        return vec_splat(0.0f);
    return j->bias_across ? load_some(j->bias + n * V, partial) : vec_splat(j->bias[m]);
}

/* relu of the maximum of a window's sums, and its argmax, as in max_pool_forward: of the maximum of
   the first row and that of the second. */
INLINE void store_best(const vec *sums, float *to, int32_t *argmax)
{
    vec best[2], tap[2];
    UNROLLED (r, 2) {
        vec_mask left = vec_holds(sums[2 * r], sums[2 * r + 1]);
        best[r] = vec_pick(left, sums[2 * r], sums[2 * r + 1]);
        tap[r] = vec_pick(left, vec_bits(2 * r), vec_bits(2 * r + 1));
    }
    vec_mask above = vec_holds(best[0], best[1]);
    vec_store(to, vec_max(vec_splat(0.0f), vec_pick(above, best[0], best[1])));
    if (argmax)
        vec_store((float *)(void *)argmax, vec_pick(above, tap[0], tap[1]));
}

/* One tile; inlined with constant kind, M and N, so that only the loops over r, s and k remain and acc
   and v stay in registers. It copies the job, so that compilers know that stores to C do not change
   it. */
INLINE void tile(const job *given, const a_kind kind, const int M, const int N)
{
    const job j = *given;
    vec acc[16][NMAX], v[NMAX];
    UNROLLED (m, M)
        UNROLLED (n, N)
            acc[m][n] = start_of(&j, m, n, n == N - 1 ? j.partial : 0);
    const float *ahead = j.ahead;
    for (int r = 0; r < j.R; r++)
        for (int s = 0; s < j.S; s++) {
            const float *b = j.b + r * j.br + s * j.bs;
            rows_of_a a = rows_from(j.a + r * j.ar + s * j.as, j.am);
            for (int k = 0; k < j.K; k++, b += j.bk) {
                if (kind == APART && M * N > FEW_SUMS)
                    __builtin_prefetch(ahead += 16, 0, 2);
                if (kind == NUMBERS && N == 1) /* the next M numbers */
                    __builtin_prefetch(a.at[0] + M);
                UNROLLED (n, N)
                    v[n] = vec_load(b + (kind == APART            ? n * V
                                         : kind == NUMBERS_POOLED ? n / 2 * j.br2 + n % 2 * j.bn
                                                                  : n * j.bn));
                UNROLLED (m, M) {
                    vec row = row_of(&a, kind, m);
                    PIN(row);
                    UNROLLED (n, N)
                        acc[m][n] = vec_fma(row, v[n], acc[m][n]);
                }
                advance(&a, j.ak);
            }
        }
    float *c = j.c;
    UNROLLED (m, M)
        if (kind == NUMBERS_POOLED)
            store_best(acc[m], c + m * j.cm, j.argmax ? j.argmax + m * j.cm : NULL);
        else
            UNROLLED (n, N) {
                if (kind == APART && M * N > FEW_SUMS && j.stream)
                    vec_stream(c + m * j.cm + n * j.cn, acc[m][n]);
                else
                    store_some(c + m * j.cm + n * j.cn, acc[m][n], n == N - 1 ? j.partial : 0);
            }
}

/* clang-format off */
#define TILE(M, N)                                                                                 \
    static void apart_##M##x##N(const job *j) { tile(j, APART, M, N); }                            \
    static void numbers_##M##x##N(const job *j) { tile(j, NUMBERS, M, N); }                        \
    static void vectors_##M##x##N(const job *j) { tile(j, VECTORS, M, N); }
FOR_EACH_TILE(TILE)
#define WINDOW(M) static void window_##M(const job *j) { tile(j, NUMBERS_POOLED, M, WINDOW_N); }
FOR_EACH_WINDOW(WINDOW)
#define APART_ENTRY(M, N) [APART][M][N] = apart_##M##x##N,
#define NUMBERS_ENTRY(M, N) [NUMBERS][M][N] = numbers_##M##x##N,
#define VECTORS_ENTRY(M, N) [VECTORS][M][N] = vectors_##M##x##N,
#define WINDOW_ENTRY(M) [NUMBERS_POOLED][M][WINDOW_N] = window_##M,
static void (*const tiles[4][17][NMAX + 1])(const job *j) = {
    FOR_EACH_TILE(APART_ENTRY) FOR_EACH_TILE(NUMBERS_ENTRY) FOR_EACH_TILE(VECTORS_ENTRY)
        FOR_EACH_WINDOW(WINDOW_ENTRY)};
/* clang-format on */

/* Depthwise: a row of pixels by one vector of channels. */
/* clang-format off */
#define DEPTH(M) static void depth_##M(const job *j) { tile(j, VECTORS_APART, M, 1); }
#define DEPTH_ENTRY(M) [M] = depth_##M,
#define FOR_EACH_DEPTH(DO)                                                                         \
    DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12)
FOR_EACH_DEPTH(DEPTH)
static void (*const depths[13])(const job *j) = {FOR_EACH_DEPTH(DEPTH_ENTRY)};
enum { DEPTH_MMAX = 12 };
/* clang-format on */

/* ---- cutting into tiles ------------------------------------------------------------------- */

static int pieces(int total, int most)
{
    return total <= most ? total > 0 : (total + most - 1) / most; /* a division is slow */
}

/* total cut into the fewest pieces of at most `most`, as even as possible: the first `more` have
   base + 1. */
typedef struct cut {
    int count, base, more;
} cut;

static cut cut_even(int total, int most)
{
    int count = pieces(total, most);
    return count ? (cut){count, total / count, total % count} : (cut){0};
}

static int size_of(const cut *c, int i)
{
    return c->base + (i < c->more);
}

static int start_of_piece(const cut *c, int i)
{
    return i * c->base + (i < c->more ? i : c->more);
}

static int largest_of(const cut *c)
{
    return c->base + (c->more > 0);
}

/* The N for which M rows of total columns cost least: a tile takes the time of its FMAs, but at
   least of 8, which hide each other's latency, and of 4 more for its loop. */
static int best_n(int M, int total)
{
    int best = 1, least = INT_MAX;
    for (int n = 1; n <= NMAX && n <= total; n++) {
        int count = pieces(total, n) * pieces(M, mmax[n]), fmas = M * total;
        int cost = (fmas < 8 * count ? 8 * count : fmas) + 4 * count;
        if (cost < least) {
            least = cost;
            best = n;
        }
    }
    return best;
}

/* out = w of one group, piece by piece: [pieces][R*S][K][unit * piece], where row m of step rs, k
   is w[rs + k*wk + m*wm], and 0 from M on. */
static void pack_pieces(const float *w, int RS, int K, ptrdiff_t wk, int M, ptrdiff_t wm, cut c,
                        int unit, float *out)
{
    for (int i = 0, m0 = 0; i < c.count; i++) {
        int size = size_of(&c, i) * unit, full = size < M - m0 ? size : M - m0;
        for (int rs = 0; rs < RS; rs++, out += (size_t)K * size) {
            const float *from = w + rs + m0 * wm;
            if (wk == 1 && full == size) { /* rows of w, transposed */
                transpose_apart(size, K, from, wm, out, size);
                continue;
            }
            if (wm == 1 && full == size) { /* rows of w */
                for (int k = 0; k < K; k++)
                    memcpy(out + k * size, from + k * wk, size * sizeof *out);
                continue;
            }
            for (int k = 0; k < K; k++, from += wk) {
                for (int m = 0; m < full; m++)
                    out[k * size + m] = from[m * wm];
                for (int m = full; m < size; m++)
                    out[k * size + m] = 0.0f;
            }
        }
        m0 += size;
    }
}

/* job.partial for N vectors of which only `width` columns exist. */
static int partial_of(int N, int width)
{
    return width < N * V ? width - (N - 1) * V : 0;
}

/* db += dy*1 over rows [count] of Q pixels, of `width` floats each. */
static void bias_gradient(const float *dy, int count, int Q, ptrdiff_t row, ptrdiff_t step,
                          int width, float *db, bool first)
{
    static const float one = 1.0f;
    job j = {.a = &one,
             .R = count,
             .S = 1,
             .K = Q,
             .br = row,
             .bk = step,
             .bn = V,
             .cn = V,
             .add = !first};
    cut across = cut_even(pieces(width, V), NMAX);
    for (int i = 0, n = 0; i < across.count; n += size_of(&across, i++) * V) {
        j.b = dy + n, j.c = db + n;
        j.partial = partial_of(size_of(&across, i), width - n);
        tiles[NUMBERS][1][size_of(&across, i)](&j);
    }
}

/* The taps of one dimension that reach row h of the input (or n columns from h on, one stride apart):
   tap first and every step-th after it, count of them. The first connects to output row `at`, each
   next one to the output `back` rows before. */
typedef struct reach {
    int first, count, step, at, back;
} reach;

static reach taps_to(int h, int n, int taps, int stride, int pad, int dilation, int outputs)
{
    reach o = {.step = 1, .back = dilation};
    if (stride > 1) {
        while (o.step * dilation % stride)
            o.step++;
        o.back = o.step * dilation / stride;
    }
    for (int r = 0; r < taps; r++) {
        int t = h + pad - r * dilation, at = t;
        if (stride > 1) /* a division is slow; gcc emits one for stride 1, too */
            at = t / stride;
        if (at * stride != t || at >= outputs || at <= -n)
            continue;
        if (o.count++ == 0) {
            o.first = r;
            o.at = at;
        }
    }
    return o;
}

#endif
