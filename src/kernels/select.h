/*
 * select.h - batch last, input gradients of a convolution with fused 2 x 2 max pooling.
 *
 * In a lane one pixel of a window has a gradient, and which one it is decides by which of four weights
 * it reaches an input under the window. The four weights are side by side, and a lookup selects one of
 * them for each lane: 36 selects and 36 multiply-adds for a kernel of 5 x 5, where all four pixels would
 * be 100. A tile is 2 x 2 inputs and M channels. Included by simd.c alone.
 */

enum { SELECT_M = 6 }; /* the most channels */

/* By windows, outputs and channels of a piece: 16 numbers, the four weights of each input of a 2 x 2,
   or 0 where a pixel does not reach it. */
static void select_pack(const fv_conv *v, const float *w, float *packed)
{
    const cut channels = cut_even(v->C, mmax[WINDOW_N]);
    const ptrdiff_t down = v->R / 2, across = v->S / 2;
    memset(packed, 0, fv_select_packed(v) * sizeof *packed);
    for (int i = 0, m = 0; i < channels.count; m += size_of(&channels, i++)) {
        const ptrdiff_t M = size_of(&channels, i), step = v->O * M * 16;
        for (ptrdiff_t o = 0; o < v->O; o++)
            for (ptrdiff_t c = 0; c < M; c++)
                for (int t = 0; t < 2 * v->R; t++) { /* row t/2, by an argmax in row t%2 */
                    const int row = t / 2 + t % 2;
                    const float *from = w + ((o * v->C + m + c) * v->R + t / 2) * v->S;
                    float *to = packed + ((down - row / 2) * (across + 1) + across) * step +
                                (o * M + c) * 16 + row % 2 * 8 + t % 2 * 2;
                    for (ptrdiff_t s = 0, at = 0; s < v->S; s += 2, at -= step) {
                        to[at] = to[at + 5] = from[s];
                        if (s + 1 < v->S)
                            to[at + 4] = to[at - step + 1] = from[s + 1];
                    }
                }
        packed += (down + 1) * (across + 1) * step;
    }
}

/* Gradients of a window's outputs and their lookup indices side by side, as tiles read them. */
static void select_list(const fv_conv *v, const float *y, const float *dy, const int32_t *argmax,
                        float *work)
{
    const ptrdiff_t plane = (ptrdiff_t)(v->P / 2) * (v->Q / 2) * L;
    const vec zero = vec_splat(0.0f);
    for (ptrdiff_t i = 0; i < plane; i += L)
        for (ptrdiff_t o = 0; o < v->O; o++, work += 2 * L)
            for (int lane = 0; lane < L; lane += V) {
                const ptrdiff_t at = o * plane + i + lane;
                const vec tap = vec_load((const float *)(const void *)(argmax + at));
                const vec_mask dead = vec_at_most(vec_load(y + at), zero);
                vec_store(work + lane, vec_pick(dead, zero, vec_load(dy + at)));
                vec_store(work + L + lane, vec_index(tap));
            }
}

/* M channels of inputs 2a, 2a+1 by 2b, 2b+1, padding included. Windows of a row and their outputs
   are one run. */
INLINE void select_sums(const int M, const fv_conv *v, int a, int b, const float *packed,
                        const float *work, float *dx)
{
    const int P = v->P / 2, Q = v->Q / 2, down = v->R / 2, across = v->S / 2;
    const int p0 = a < down ? 0 : a - down, q0 = b < across ? 0 : b - across;
    const int count = ((b < Q ? b + 1 : Q) - q0) * v->O;
    vec sum[SELECT_M][WINDOW_N];
    UNROLLED (m, M)
        UNROLLED (n, WINDOW_N)
            sum[m][n] = vec_splat(0.0f);
    for (int p = p0; p <= a && p < P; p++) {
        const ptrdiff_t block = (ptrdiff_t)(down - a + p) * (across + 1) + across - b + q0;
        const float *w = packed + block * v->O * M * 16;
        const float *in = work + ((ptrdiff_t)p * Q + q0) * v->O * 2 * L;
        for (int i = 0; i < count; i++, w += M * 16, in += 2 * L) {
            vec g = vec_load(in), index = vec_load(in + L);
            PIN(g);
            PIN(index);
            UNROLLED (m, M)
                UNROLLED (n, WINDOW_N)
                    sum[m][n] = vec_fma(g, vec_lookup(w + m * 16 + n * 4, index), sum[m][n]);
        }
    }
    UNROLLED (n, WINDOW_N) {
        const int h = 2 * a + n / 2 - v->ph, k = 2 * b + n % 2 - v->pw;
        if (h >= 0 && h < v->H && k >= 0 && k < v->W)
            UNROLLED (m, M)
                vec_store(dx + (((ptrdiff_t)m * v->H + h) * v->W + k) * L, sum[m][n]);
    }
}

#define SELECT(M)                                                                                  \
    static void select_##M(const fv_conv *v, int a, int b, const float *packed, const float *work, \
                           float *dx)                                                              \
    {                                                                                              \
        select_sums(M, v, a, b, packed, work, dx);                                                 \
    }
FOR_EACH_WINDOW(SELECT)
#define SELECT_ENTRY(M) [M] = select_##M,
static void (*const selects[])(const fv_conv *v, int a, int b, const float *packed,
                               const float *work, float *dx) = {FOR_EACH_WINDOW(SELECT_ENTRY)};

static void pooled_input(const fv_conv *v, const float *packed, const float *y, const float *dy,
                         const int32_t *argmax, float *work, float *dx)
{
    const cut channels = cut_even(v->C, mmax[WINDOW_N]);
    const size_t each = fv_select_packed(v) / v->C;
    select_list(v, y, dy, argmax, work);
    for (int i = 0; i < channels.count; i++) {
        const int M = size_of(&channels, i);
        for (int a = v->ph / 2; 2 * a < v->ph + v->H; a++)
            for (int b = v->pw / 2; 2 * b < v->pw + v->W; b++)
                for (int lane = 0; lane < L; lane += V)
                    selects[M](v, a, b, packed, work + lane, dx + lane);
        packed += M * each;
        dx += (ptrdiff_t)M * v->H * v->W * L;
    }
}
