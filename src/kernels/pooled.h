/*
 * pooled.h - batch last, weight gradients of a convolution with fused 2 x 2 max pooling.
 *
 * In a lane one pixel of a window has a gradient. Its row is selected by a blend of two rows of x, its
 * column by two gradients of which one is 0: for 5 taps 6 blends and 10 multiply-adds, where all four
 * pixels would be 20. Included by simd.c alone.
 */

enum { POOLED_TAPS = FV_POOLED_TAPS, POOLED_RUN = 32 };

/* Outputs at once. */
/* clang-format off */
#if defined(FV_SIMD_AVX2)
enum { POOLED_M = 1 };
#define FOR_EACH_POOLED(DO) DO(1, 1) DO(1, 2) DO(1, 3) DO(1, 4) DO(1, 5)
#else
enum { POOLED_M = 3 };
#define FOR_EACH_POOLED(DO)                                                                        \
    DO(1, 1) DO(1, 2) DO(1, 3) DO(1, 4) DO(1, 5) DO(2, 1) DO(2, 2) DO(2, 3) DO(2, 4) DO(2, 5)      \
    DO(3, 1) DO(3, 2) DO(3, 3) DO(3, 4) DO(3, 5)
#endif
/* clang-format on */

/* The gradient of a window if its argmax is in the left column, else 0; the same of the right column;
   and the row of the argmax: bits 0 or 1. */
typedef struct pooled_window {
    vec left, right, row;
} pooled_window;

/* Windows of one output. */
static void find_windows(int some, const float *y, const float *dy, const int32_t *argmax,
                         pooled_window *to, float *db)
{
    const vec zero = vec_splat(0.0f), one = vec_bits(1), two = vec_bits(2), three = vec_bits(3);
    vec sum = vec_load(db);
    for (int q = 0; q < some; q++, y += L, dy += L, argmax += L) {
        const vec tap = vec_load((const float *)(const void *)argmax);
        const vec g = vec_pick(vec_at_most(vec_load(y), zero), zero, vec_load(dy));
        const vec_mask last = vec_same_bits(tap, three);
        const vec right = vec_pick(vec_same_bits(tap, one), g, vec_pick(last, g, zero));
        to[q].right = right;
        to[q].left = vec_pick(vec_same_bits(tap, one), zero, vec_pick(last, zero, g));
        to[q].row = vec_pick(vec_same_bits(tap, two), one, vec_pick(last, one, zero));
        sum = vec_add(sum, g);
    }
    vec_store(db, sum);
}

/* N taps of one row of the kernels of M outputs, over `some` windows of a row. */
INLINE void pooled_taps(const int M, const int N, int some, const pooled_window *windows,
                        const float *x, ptrdiff_t line, float *dw, ptrdiff_t output)
{
    const vec one = vec_bits(1);
    vec sum[POOLED_M][POOLED_TAPS];
    UNROLLED (m, M)
        UNROLLED (n, N)
            sum[m][n] = vec_load(dw + m * output + n * L);
    for (int q = 0; q < some; q++, x += 2 * L) {
        vec top[POOLED_TAPS + 1], bottom[POOLED_TAPS + 1];
        UNROLL for (int n = 0; n <= N; n++)
        {
            top[n] = vec_load(x + n * L);
            bottom[n] = vec_load(x + line + n * L);
        }
        UNROLLED (m, M) {
            const pooled_window *w = windows + m * POOLED_RUN + q;
            const vec_mask below = vec_same_bits(w->row, one);
            vec in = vec_pick(below, bottom[0], top[0]);
            UNROLLED (n, N) {
                sum[m][n] = vec_fma(w->left, in, sum[m][n]);
                in = vec_pick(below, bottom[n + 1], top[n + 1]);
                sum[m][n] = vec_fma(w->right, in, sum[m][n]);
            }
        }
    }
    UNROLLED (m, M)
        UNROLLED (n, N)
            vec_store(dw + m * output + n * L, sum[m][n]);
}

#define POOLED(M, N)                                                                               \
    static void pooled_##M##x##N(int some, const pooled_window *windows, const float *x,           \
                                 ptrdiff_t line, float *dw, ptrdiff_t output)                      \
    {                                                                                              \
        pooled_taps(M, N, some, windows, x, line, dw, output);                                     \
    }
FOR_EACH_POOLED(POOLED)
#define POOLED_ENTRY(M, N) [M][N] = pooled_##M##x##N,
static void (*const pooleds[POOLED_M + 1][POOLED_TAPS + 1])(int some, const pooled_window *windows,
                                                            const float *x, ptrdiff_t line,
                                                            float *dw, ptrdiff_t output) = {
    FOR_EACH_POOLED(POOLED_ENTRY)};

static void pooled_weight(const fv_conv *v, const float *xp, const float *y, const float *dy,
                          const int32_t *argmax, float *dw, float *db, bool first)
{
    const int P = v->P / 2, Q = v->Q / 2, taps = v->C * v->R * v->S;
    const ptrdiff_t line = (ptrdiff_t)fv_conv_cols(v) * L, plane = fv_conv_rows(v) * line;
    const cut outputs = cut_even(v->O, POOLED_M);
    pooled_window windows[POOLED_M * POOLED_RUN];
    float none[L] = {0};
    if (first)
        memset(dw, 0, (size_t)v->O * taps * L * sizeof *dw);
    if (first && db)
        memset(db, 0, (size_t)v->O * L * sizeof *db);
    for (int p = 0; p < P; p++)
        for (int q = 0, some; q < Q; q += some) {
            some = Q - q < POOLED_RUN ? Q - q : POOLED_RUN;
            for (int i = 0, o = 0; i < outputs.count; o += size_of(&outputs, i++))
                for (int lane = 0; lane < L; lane += V) {
                    const int M = size_of(&outputs, i);
                    for (int m = 0; m < M; m++) {
                        const ptrdiff_t at = (((ptrdiff_t)(o + m) * P + p) * Q + q) * L + lane;
                        find_windows(some, y + at, dy + at, argmax + at, windows + m * POOLED_RUN,
                                     (db ? db + (o + m) * L : none) + lane);
                    }
                    for (int k = 0; k < v->C * v->R; k++)
                        pooleds[M][v->S](some, windows,
                                         xp + k / v->R * plane + (2 * p + k % v->R) * line +
                                             2 * q * L + lane,
                                         line, dw + ((ptrdiff_t)o * taps + k * v->S) * L + lane,
                                         (ptrdiff_t)taps * L);
                }
        }
}
