/*
 * argmax.h - sparse weight gradients from the argmax of a pooling, image by image.
 *
 * Of the outputs in a pooling window one has a gradient, so one row of taps and channels is added for
 * each window, not for each output: a quarter of the work for windows of 2 x 2. The gradients are
 * listed by image; then the rows of a kernel stay in registers while the loop runs over windows.
 * Included by simd.c alone.
 */

/* clang-format off */
#if defined(FV_SIMD_AVX2)
enum { ARGMAX_DW_ROWS = 3 };
#define FOR_EACH_ARGMAX_DW(DO)                                                                           \
    DO(1, 1) DO(1, 2) DO(1, 3) DO(1, 4) DO(2, 1) DO(2, 2) DO(2, 3) DO(2, 4)                        \
    DO(3, 1) DO(3, 2) DO(3, 3) DO(3, 4)
#else
enum { ARGMAX_DW_ROWS = 5 };
#define FOR_EACH_ARGMAX_DW(DO)                                                                           \
    DO(1, 1) DO(1, 2) DO(1, 3) DO(1, 4) DO(2, 1) DO(2, 2) DO(2, 3) DO(2, 4)                        \
    DO(3, 1) DO(3, 2) DO(3, 3) DO(3, 4) DO(4, 1) DO(4, 2) DO(4, 3) DO(4, 4)                        \
    DO(5, 1) DO(5, 2) DO(5, 3) DO(5, 4)
#endif
/* clang-format on */
enum { ARGMAX_DW_VECTORS = 4 };

/* ---- images from lanes ---------------------------------------------- */

static void argmax_transpose(const fv_argmax_job *w, size_t pixels, const float *x, float *to)
{
    float rows[L * L];
    const size_t n = pixels * w->C;
    size_t pixel = 0, c = 0;
    for (size_t i = 0, some; i < n; i += some) {
        some = n - i < L ? n - i : L;
        for (size_t k = 0; k < some; k++) {
            memcpy(rows + k * L, x + (c * pixels + pixel) * L, L * sizeof *rows);
            if (++c == (size_t)w->C)
                c = 0, pixel++;
        }
        transpose_apart(some, L, rows, L, to + i, w->image);
    }
}

/* n * L floats for each position. */
static inline void argmax_spread_by(const fv_argmax_job *w, const int n, const float *x, float *to)
{
    const int rows = w->rows, places = w->places, C = w->C, after = w->row - C;
    for (int r = 0; r < rows; r++, x += after)
        for (int q = 0; q < places; q++, x += C)
            for (int k = 0; k < n; k++, to += L)
                memcpy(to, x + k * L, L * sizeof *to);
}

static void argmax_spread(const fv_argmax_job *w, const float *x, float *to)
{
    const int n = (int)(fv_round_up(w->row) / L);
    if (n == 2) /* a constant, so the compiler unrolls the loop */
        argmax_spread_by(w, 2, x, to);
    else
        argmax_spread_by(w, n, x, to);
}

/* ---- lists ------------------------------------------------------------------------------ */

/* g [some][L] of windows one after the other, and zeros up to a multiple of L of them. */
static inline void find_gradients(int some, const float *y, const float *dy, float *db, float *g)
{
    const vec zero = vec_splat(0.0f);
    vec sum[L / V];
    UNROLLED (l, L / V)
        sum[l] = vec_load(db + l * V);
    for (int i = 0; i < some; i++, y += L, dy += L, g += L)
        UNROLLED (l, L / V) {
            const vec none = vec_load(y + l * V), by = vec_load(dy + l * V);
            const vec left = vec_pick(vec_at_most(none, zero), zero, by);
            vec_store(g + l * V, left);
            sum[l] = vec_add(sum[l], left);
        }
    UNROLLED (l, L / V)
        vec_store(db + l * V, sum[l]);
    memset(g, 0, (fv_round_up(some) - some) * L * sizeof *g);
}

/* at [some][L] of windows from number i on: integers, transposed as floats are. */
static inline void find_places(const fv_argmax_job *w, const fv_pool2d *v, int i, int some,
                               const int32_t *argmax, float *restrict at)
{
    const int32_t by_S = (1 << 16) / v->S +
                         1; /* n * by_S >> 16 is n / S below FV_ARGMAX_TAPS_MAX */
    const int32_t pixel = w->pixel, side = v->S * pixel, down = w->line - side;
    int p = i / v->Q, q = i % v->Q;
    for (; some-- > 0; argmax += L, at += L) {
        const int32_t first = p * v->R * w->line + q * side;
        for (int l = 0; l < L; l++) {
            const int32_t x = first + argmax[l] * pixel + (argmax[l] * by_S >> 16) * down;
            memcpy(at + l, &x, sizeof x);
        }
        if (++q == v->Q)
            q = 0, p++;
    }
}

/* Compacts the first n entries of a list to those whose gradient is not 0; returns how many. */
static inline int keep_found(fv_found *list, int n)
{
    int kept = 0;
#if defined(FV_SIMD_AVX512)
    for (int i = 0; i < n; i += V) {
        float *at = (float *)(void *)list->at;
        kept += vec_keep(vec_load(list->g + i), vec_load(at + i), list->g + kept, at + kept);
    }
#else
    for (int i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, list->g + i, sizeof bits); /* faster than comparing floats */
        list->g[kept] = list->g[i];
        list->at[kept] = list->at[i];
        kept += bits << 1 != 0;
    }
#endif
    return kept;
}

/* The windows of a list are transposed to images while they are in the first-level cache. */
static void argmax_find(const fv_argmax_job *w, const fv_pool2d *v, const float *y, const float *dy,
                        const int32_t *argmax, float *db, fv_found *found, int32_t *counts)
{
    const size_t step = w->lists * sizeof *found / sizeof(float);
    float g[FV_FOUND * L], at[FV_FOUND * L];
    for (int o = 0; o < w->O; o++, db += L)
        for (int i = 0, some; i < w->cells; i += some, found++, counts++) {
            some = w->cells - i < FV_FOUND ? w->cells - i : FV_FOUND;
            find_gradients(some, y, dy, db, g);
            find_places(w, v, i, some, argmax, at);
            y += some * L, dy += some * L, argmax += some * L;
            const size_t whole = fv_round_up(some);
            transpose_apart(whole, L, g, L, found->g, step);
            transpose_apart(whole, L, at, L, (float *)(void *)found->at, step);
            for (int l = 0; l < L; l++)
                counts[l * w->lists] = keep_found(found + l * w->lists, some);
        }
}

/* ---- gradients ---------------------------------------------------------------------------- */

/* M rows by N vectors of the kernels of one output. Prefetches the next output's list. */
INLINE void argmax_dw(const int M, const int N, const fv_argmax_job *w, const float *x,
                      const fv_found *found, const int32_t *counts, float *dw)
{
    const size_t line = (size_t)w->line, row = fv_round_up(w->row);
    vec sum[ARGMAX_DW_ROWS][ARGMAX_DW_VECTORS];
    for (size_t i = 0; i < sizeof *found; i += 64)
        __builtin_prefetch((const char *)(found + w->groups) + i);
    UNROLLED (m, M)
        UNROLLED (n, N)
            sum[m][n] = vec_load(dw + m * row + n * V);
    for (const fv_found *end = found + w->groups; found < end; found++, counts++)
        for (int i = 0; i < *counts; i++) {
            const float *from = x + found->at[i];
            const vec by = vec_splat(found->g[i]);
            UNROLLED (m, M)
                UNROLLED (n, N)
                    sum[m][n] = vec_fma(by, vec_load(from + m * line + n * V), sum[m][n]);
        }
    UNROLLED (m, M)
        UNROLLED (n, N)
            vec_store(dw + m * row + n * V, sum[m][n]);
}

#define ARGMAX_DW(M, N)                                                                            \
    static void argmax_dw_##M##x##N(const fv_argmax_job *w, const float *x, const fv_found *found, \
                                    const int32_t *counts, float *dw)                              \
    {                                                                                              \
        argmax_dw(M, N, w, x, found, counts, dw);                                                  \
    }
FOR_EACH_ARGMAX_DW(ARGMAX_DW)
#define ARGMAX_DW_ENTRY(M, N) [M][N] = argmax_dw_##M##x##N,
static void (*const argmax_dws[ARGMAX_DW_ROWS + 1][ARGMAX_DW_VECTORS + 1])(
    const fv_argmax_job *w, const float *x, const fv_found *found, const int32_t *counts,
    float *dw) = {FOR_EACH_ARGMAX_DW(ARGMAX_DW_ENTRY)};

static void argmax_weight(const fv_argmax_job *w, const float *x, const fv_found *found,
                          const int32_t *counts, float *dw)
{
    const cut down = cut_even(w->R, ARGMAX_DW_ROWS),
              across = cut_even(pieces(w->row, V), ARGMAX_DW_VECTORS);
    const size_t row = fv_round_up(w->row);
    for (int o = 0; o < w->O; o++, found += w->groups, counts += w->groups, dw += w->R * row)
        for (int i = 0, m = 0; i < down.count; m += size_of(&down, i++))
            for (int k = 0, n = 0; k < across.count; n += size_of(&across, k++) * V)
                argmax_dws[size_of(&down, i)][size_of(&across, k)](w, x + m * w->line + n, found,
                                                                   counts, dw + m * row + n);
}

static const fv_argmax_kernels argmax_kernels = {argmax_transpose, argmax_spread, argmax_find,
                                                 argmax_weight};
