/*
 * winners.h - weight gradients by the pixels that won a pooling, image by image.
 *
 * Of the outputs of a convolution that is pooled one in a window has a gradient, so that one row of
 * taps and channels is added up for each window, not for each output: a quarter of the work for
 * windows of 2 x 2. The rows of a kernel stay in registers while windows go by. Included by simd.c
 * alone.
 */

#if defined(FV_SIMD_AVX2)
enum { WON_ROWS = 3 };
#define FOR_EACH_WON(DO)                                                                           \
    DO(1, 1) DO(1, 2) DO(1, 3) DO(1, 4) DO(2, 1) DO(2, 2) DO(2, 3) DO(2, 4)                        \
    DO(3, 1) DO(3, 2) DO(3, 3) DO(3, 4)
#else
enum { WON_ROWS = 5 };
#define FOR_EACH_WON(DO)                                                                           \
    DO(1, 1) DO(1, 2) DO(1, 3) DO(1, 4) DO(2, 1) DO(2, 2) DO(2, 3) DO(2, 4)                        \
    DO(3, 1) DO(3, 2) DO(3, 3) DO(3, 4) DO(4, 1) DO(4, 2) DO(4, 3) DO(4, 4)                        \
    DO(5, 1) DO(5, 2) DO(5, 3) DO(5, 4)
#endif
enum { WON_VECTORS = 4 };

/* M rows by N vectors of the kernels of one output. */
INLINE void won(const int M, const int N, const fv_winners *w, const float *x,
                const fv_winner *found, int count, float *dw)
{
    const size_t line = w->line, row = fv_round_up(w->row);
    vec sum[WON_ROWS][WON_VECTORS];
    UNROLL for (int m = 0; m < M; m++) UNROLL for (int n = 0; n < N; n++)
        sum[m][n] = vec_load(dw + m * row + n * V);
    for (int i = 0; i < count; i++) {
        const float *from = x + found[i].at;
        const vec by = vec_splat(found[i].g);
        UNROLL for (int m = 0; m < M; m++, from += line) UNROLL for (int n = 0; n < N; n++)
            sum[m][n] = vec_fma(by, vec_load(from + n * V), sum[m][n]);
    }
    UNROLL for (int m = 0; m < M; m++) UNROLL for (int n = 0; n < N; n++)
        vec_store(dw + m * row + n * V, sum[m][n]);
}

#define WON(M, N)                                                                                  \
    static void won_##M##x##N(const fv_winners *w, const float *x, const fv_winner *found,         \
                              int count, float *dw)                                                \
    {                                                                                              \
        won(M, N, w, x, found, count, dw);                                                         \
    }
FOR_EACH_WON(WON)
#define WON_ENTRY(M, N) [M][N] = won_##M##x##N,
static void (*const wons[WON_ROWS + 1][WON_VECTORS + 1])(const fv_winners *w, const float *x,
                                                         const fv_winner *found, int count,
                                                         float *dw) = {FOR_EACH_WON(WON_ENTRY)};

static void weight_by_winners(const fv_winners *w, const float *x, const fv_winner *found,
                              const int32_t *counts, float *dw)
{
    const cut down = cut_even(w->R, WON_ROWS), across = cut_even(pieces(w->row, V), WON_VECTORS);
    const size_t row = fv_round_up(w->row);
    for (int o = 0; o < w->O; o++, found += w->cells, dw += w->R * row)
        for (int i = 0, m = 0; i < down.count; m += size_of(&down, i++))
            for (int k = 0, n = 0; k < across.count; n += size_of(&across, k++) * V)
                wons[size_of(&down, i)][size_of(&across, k)](w, x + m * w->line + n, found,
                                                             counts[o], dw + m * row + n);
}
