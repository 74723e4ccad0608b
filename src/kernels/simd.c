/*
 * simd.c - convolution, linear layer, ReLU and pooling on vectors, compiled once per instruction set.
 *
 * Everything here is C[m][n] = start + sum over t, k of A(t,k,m) * B(t,k,n): a tile of M x N vectors
 * stays in registers while a list of taps t and a run k go by. A vector of C and B is V lanes
 * (images), or V columns of a weight matrix. A is one number for all lanes (a weight), or a vector
 * too (weight gradients, where both factors differ from image to image). What a layer pass does is
 * to say what A, B and C are, and to cut M and N into tiles; the sums are in the order of
 * kernels.h, whatever the tiles. Layer 0, libc only.
 */
#include "kernels/lanes.h"
#include "kernels/vec.h"

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* Makes compilers forget how x came about, so that they use it instead of computing it again. */
#define KEEP(x) __asm__("" : "+r"(x))

/* ---- the microkernel ---------------------------------------------------------------------- */

/* Strides are in floats. Taps are a grid: r of them down, s across. The sum starts at bias[m], at
   what C holds, or at 0. */
typedef struct job {
    const float *a, *b;
    float *c;
    int R, S, K;
    ptrdiff_t ar, as, am, ak, br, bs, bk, bn, cm, cn;
    const float *bias;
    bool add;
} job;

/* The tiles M x N: M*N accumulators, N operands and a broadcast fit the registers. mmax[N] is the
   largest M. */
#if defined(FV_SIMD_AVX512)
#define FOR_EACH_TILE(DO)                                                                          \
    DO(1, 1) DO(2, 1) DO(3, 1) DO(4, 1) DO(5, 1) DO(6, 1) DO(7, 1) DO(8, 1) DO(9, 1) DO(10, 1)     \
    DO(11, 1) DO(12, 1) DO(13, 1) DO(14, 1) DO(15, 1) DO(16, 1)                                    \
    DO(1, 2) DO(2, 2) DO(3, 2) DO(4, 2) DO(5, 2) DO(6, 2) DO(7, 2) DO(8, 2) DO(9, 2) DO(10, 2)     \
    DO(11, 2) DO(12, 2)                                                                            \
    DO(1, 3) DO(2, 3) DO(3, 3) DO(4, 3) DO(5, 3) DO(6, 3) DO(7, 3) DO(8, 3)                        \
    DO(1, 4) DO(2, 4) DO(3, 4) DO(4, 4) DO(5, 4) DO(6, 4)
enum { NMAX = 4 };
static const int mmax[NMAX + 1] = {0, 16, 12, 8, 6};
#else
#define FOR_EACH_TILE(DO)                                                                          \
    DO(1, 1) DO(2, 1) DO(3, 1) DO(4, 1) DO(5, 1) DO(6, 1) DO(7, 1) DO(8, 1) DO(9, 1) DO(10, 1)     \
    DO(11, 1) DO(12, 1)                                                                            \
    DO(1, 2) DO(2, 2) DO(3, 2) DO(4, 2) DO(5, 2) DO(6, 2)                                          \
    DO(1, 3) DO(2, 3) DO(3, 3) DO(4, 3)
enum { NMAX = 3 };
static const int mmax[NMAX + 1] = {0, 12, 6, 4};
#endif


/* Row m of A at four pointers, rows 0, 4, 8 and 12, and three strides from each: one pointer and a
   chain of additions would take longer than the multiplications do. */
typedef struct rows_of_a {
    const float *at[4];
    ptrdiff_t one, two, three;
} rows_of_a;

static inline __attribute__((always_inline)) rows_of_a rows_from(const float *a, ptrdiff_t am)
{
    rows_of_a rows = {{a, a + 4 * am, a + 8 * am, a + 12 * am}, am, 2 * am, 3 * am};
    KEEP(rows.at[1]);
    KEEP(rows.at[2]);
    KEEP(rows.at[3]);
    KEEP(rows.three);
    return rows;
}

static inline __attribute__((always_inline)) const float *row(const rows_of_a *rows, const int m)
{
    const ptrdiff_t off[4] = {0, rows->one, rows->two, rows->three};
    return rows->at[m / 4] + off[m % 4];
}

static inline __attribute__((always_inline)) void advance(rows_of_a *rows, ptrdiff_t ak)
{
    UNROLL for (int i = 0; i < 4; i++)
        rows->at[i] += ak;
}

/* One tile; inlined with M and N known, so that every loop but those over r, s and k goes away and
   acc and v live in registers. */
static inline __attribute__((always_inline)) void tile(const job *j, const int M, const int N)
{
    const ptrdiff_t ak = j->ak, bk = j->bk, bn = j->bn;
    const int K = j->K;
    vec acc[16][NMAX], v[NMAX];
    UNROLL for (int m = 0; m < M; m++)
        UNROLL for (int n = 0; n < N; n++)
            acc[m][n] = j->add ? vec_load(j->c + m * j->cm + n * j->cn)
                               : vec_splat(j->bias ? j->bias[m] : 0.0f);
    for (int r = 0; r < j->R; r++)
        for (int s = 0; s < j->S; s++) {
            const float *b = j->b + r * j->br + s * j->bs;
            rows_of_a a = rows_from(j->a + r * j->ar + s * j->as, j->am);
            for (int k = 0; k < K; k++, b += bk) {
                UNROLL for (int n = 0; n < N; n++)
                    v[n] = vec_load(b + n * bn);
                UNROLL for (int m = 0; m < M; m++) {
                    vec w = vec_splat(*row(&a, m));
                    UNROLL for (int n = 0; n < N; n++)
                        acc[m][n] = vec_fma(w, v[n], acc[m][n]);
                }
                advance(&a, ak);
            }
        }
    UNROLL for (int m = 0; m < M; m++)
        UNROLL for (int n = 0; n < N; n++)
            vec_store(j->c + m * j->cm + n * j->cn, acc[m][n]);
}

/* The same with A a vector and C one per image: C[m][n] = start + sum over r, k of A*B, lane by
   lane. B has an offset of its own for each n, nb[n]; S is not used. */
static inline __attribute__((always_inline)) void lane_tile(const job *j, const ptrdiff_t *nb,
                                                            const int M, const int N)
{
    const ptrdiff_t ak = j->ak, bk = j->bk;
    const int K = j->K;
    vec acc[16][NMAX], v[NMAX];
    UNROLL for (int m = 0; m < M; m++)
        UNROLL for (int n = 0; n < N; n++)
            acc[m][n] = j->add ? vec_load(j->c + m * j->cm + n * j->cn) : vec_splat(0.0f);
    for (int r = 0; r < j->R; r++) {
        rows_of_a a = rows_from(j->a + r * j->ar, j->am);
        const float *b[NMAX];
        UNROLL for (int n = 0; n < N; n++)
            b[n] = j->b + r * j->br + nb[n];
        for (int k = 0; k < K; k++) {
            UNROLL for (int n = 0; n < N; n++) {
                v[n] = vec_load(b[n]);
                b[n] += bk;
            }
            UNROLL for (int m = 0; m < M; m++) {
                vec w = vec_load(row(&a, m));
                UNROLL for (int n = 0; n < N; n++)
                    acc[m][n] = vec_fma(w, v[n], acc[m][n]);
            }
            advance(&a, ak);
        }
    }
    UNROLL for (int m = 0; m < M; m++)
        UNROLL for (int n = 0; n < N; n++)
            vec_store(j->c + m * j->cm + n * j->cn, acc[m][n]);
}

#define TILE(M, N)                                                                                 \
    static void tile_##M##x##N(const job *j) { tile(j, M, N); }                                    \
    static void lane_tile_##M##x##N(const job *j, const ptrdiff_t *nb) { lane_tile(j, nb, M, N); }
#define TILE_ENTRY(M, N) [M][N] = tile_##M##x##N,
#define LANE_TILE_ENTRY(M, N) [M][N] = lane_tile_##M##x##N,
FOR_EACH_TILE(TILE)
static void (*const tiles[17][NMAX + 1])(const job *j) = {FOR_EACH_TILE(TILE_ENTRY)};
static void (*const lane_tiles[17][NMAX + 1])(const job *j, const ptrdiff_t *nb) = {
    FOR_EACH_TILE(LANE_TILE_ENTRY)};

/* total in the fewest pieces of at most most, as even as can be: the size of piece i begins there. */
static int pieces(int total, int most)
{
    return (total + most - 1) / most;
}

static int piece_start(int total, int count, int i)
{
    return (int)((int64_t)total * i / count);
}

/* The N for which M rows of total columns cost least: a tile takes as long as its FMAs, but at least
   as 8 of them, which hide each other's latency, and some more for its loop. */
static int best_n(int M, int total)
{
    int best = 1;
    double least = INFINITY;
    for (int n = 1; n <= NMAX; n++) {
        double count = (double)pieces(total, n) * pieces(M, mmax[n]), each = M * total / count;
        double cost = count * ((each < 8 ? 8 : each) + 4);
        if (cost <= least) {
            least = cost;
            best = n;
        }
    }
    return best;
}

/* Runs j for all M rows and the lanes of a block, N columns at once. */
static void run_rows(job j, int M, int N)
{
    int count = pieces(M, mmax[N]);
    const float *a = j.a, *b = j.b, *bias = j.bias;
    float *c = j.c;
    for (int i = 0; i < count; i++) {
        int m = piece_start(M, count, i), rows = piece_start(M, count, i + 1) - m;
        for (int lane = 0; lane < L; lane += V) {
            j.a = a + m * j.am;
            j.b = b + lane;
            j.c = c + m * j.cm + lane;
            j.bias = bias ? bias + m : NULL;
            tiles[rows][N](&j);
        }
    }
}

/* ---- convolution -------------------------------------------------------------------------- */

static void conv_forward(const fv_conv *v, const float *xp, const float *w, const float *b, float *y,
                         int from, int to)
{
    int Cg = v->C / v->groups, Og = v->O / v->groups, rows = to - from;
    ptrdiff_t Wp = fv_conv_cols(v);
    job j = {.R = v->R, .S = v->S, .K = Cg};
    j.as = 1, j.ar = v->S, j.ak = v->R * v->S, j.am = Cg * j.ak;
    j.bs = v->dw * L, j.br = v->dh * Wp * L, j.bk = fv_conv_rows(v) * Wp * L, j.bn = v->sw * L;
    j.cm = (ptrdiff_t)rows * v->Q * L, j.cn = L;
    if (Cg == 1) { /* one channel: let the long inner loop run over s, which keeps the order */
        j.K = v->S, j.ak = j.as, j.bk = j.bs;
        j.S = 1;
    }
    ptrdiff_t channel = fv_conv_rows(v) * Wp * L;
    int across = pieces(v->Q, best_n(Og, v->Q));
    for (int g = 0; g < v->groups; g++)
        for (int p = 0; p < rows; p++)
            for (int i = 0; i < across; i++) {
                int q = piece_start(v->Q, across, i), n = piece_start(v->Q, across, i + 1) - q;
                j.a = w + g * Og * j.am;
                j.b = xp + g * Cg * channel + ((ptrdiff_t)(from + p) * v->sh * Wp + q * v->sw) * L;
                j.c = y + g * Og * j.cm + (p * v->Q + q) * L;
                j.bias = b ? b + g * Og : NULL;
                run_rows(j, Og, n);
            }
}

/* The taps of one dimension that reach a row h of the input (or n columns from h on, one stride
   apart): tap first and every step-th after it, count of them. The first comes from output row at,
   each next one from `back` rows before. */
typedef struct reach {
    int first, count, step, at, back;
} reach;

static reach taps_to(int h, int n, int taps, int stride, int pad, int dilation, int outputs)
{
    reach o = {.step = 1};
    while (o.step * dilation % stride)
        o.step++;
    o.back = o.step * dilation / stride;
    for (int r = 0; r < taps; r++) {
        int t = h + pad - r * dilation;
        if (t % stride || t / stride >= outputs || t / stride <= -n)
            continue;
        if (o.count++ == 0) {
            o.first = r;
            o.at = t / stride;
        }
    }
    return o;
}

/* As a gather: dx at one row and at columns one stride apart, which the same taps reach. The zeros
   beside dy are for the columns of a tile that a tap does not reach. */
static void conv_backward_input(const fv_conv *v, const float *dyp, const float *w, float *dx)
{
    int Cg = v->C / v->groups, Og = v->O / v->groups;
    ptrdiff_t Qp = v->Q + 2 * FV_EDGE, RS = v->R * v->S;
    job j = {.K = Og, .am = RS, .ak = Cg * RS};
    j.bk = v->P * Qp * L, j.bn = L;
    j.cm = (ptrdiff_t)v->H * v->W * L, j.cn = v->sw * L;
    int n_most = RS > 1 && Cg >= 4 ? 2 : best_n(Cg, (v->W + v->sw - 1) / v->sw);
    for (int h = 0; h < v->H; h++)
        for (int first = 0; first < v->sw && first < v->W; first++) {
            int total = (v->W - first + v->sw - 1) / v->sw, across = pieces(total, n_most);
            reach down = taps_to(h, 1, v->R, v->sh, v->ph, v->dh, v->P);
            for (int i = 0; i < across; i++) {
                int w0 = piece_start(total, across, i);
                int n = piece_start(total, across, i + 1) - w0, col = first + w0 * v->sw;
                reach side = taps_to(col, n, v->S, v->sw, v->pw, v->dw, v->Q);
                j.R = down.count, j.S = side.count;
                j.ar = (ptrdiff_t)down.step * v->S, j.as = side.step;
                j.br = -down.back * Qp * L, j.bs = (ptrdiff_t)-side.back * L;
                for (int g = 0; g < v->groups; g++) {
                    j.a = w + g * Og * j.ak + down.first * v->S + side.first;
                    j.b = dyp + g * Og * j.bk + (down.at * Qp + side.at + FV_EDGE) * L;
                    j.c = dx + g * Cg * j.cm + ((ptrdiff_t)h * v->W + col) * L;
                    run_rows(j, Cg, n);
                }
            }
        }
}

/* Weight gradients: M output channels by N taps (c,r,s), summed over the pixels of some rows, so
   few that dy of a tile stays in the first cache. */
static void weight_rows(const fv_conv *v, job j, int rows, bool first)
{
    int Cg = v->C / v->groups, Og = v->O / v->groups, RS = v->R * v->S, N = Cg * RS;
    int Hp = fv_conv_rows(v), Wp = fv_conv_cols(v);
    int across = pieces(N, best_n(Og, N)), n_most = (N + across - 1) / across;
    int down = pieces(Og, mmax[n_most]);
    const job whole = j;
    j.R = rows;
    j.add = !first;
    for (int i = 0; i < down; i++)
        for (int k = 0; k < across; k++) {
            int m = piece_start(Og, down, i), M = piece_start(Og, down, i + 1) - m;
            int n0 = piece_start(N, across, k), n = piece_start(N, across, k + 1) - n0;
            ptrdiff_t nb[NMAX] = {0};
            for (int e = 0; e < n; e++) {
                int c = (n0 + e) / RS, r = (n0 + e) % RS / v->S, s = (n0 + e) % v->S;
                nb[e] = (((ptrdiff_t)c * Hp + r * v->dh) * Wp + s * v->dw) * L;
            }
            for (int lane = 0; lane < L; lane += V) {
                j.a = whole.a + m * j.am + lane;
                j.b = whole.b + lane;
                j.c = whole.c + m * j.cm + n0 * j.cn + lane;
                lane_tiles[M][n](&j, nb);
            }
        }
}

/* db += dy*1 over all pixels of each output channel. */
static void bias_gradient(const fv_conv *v, const float *dy, float *db, bool first)
{
    static const ptrdiff_t zero[1] = {0};
    static const float ones[L] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    int down = pieces(v->O, mmax[1]), area = v->P * v->Q;
    job j = {.b = ones, .R = 1, .K = area, .add = !first};
    j.am = (ptrdiff_t)area * L, j.ak = L, j.cm = L;
    for (int i = 0; i < down; i++) {
        int o = piece_start(v->O, down, i), M = piece_start(v->O, down, i + 1) - o;
        for (int lane = 0; lane < L; lane += V) {
            j.a = dy + o * j.am + lane;
            j.c = db + o * L + lane;
            lane_tiles[M][1](&j, zero);
        }
    }
}

static void conv_backward_weight(const fv_conv *v, const float *xp, const float *dy, float *dw,
                                 float *db, bool first)
{
    int Cg = v->C / v->groups, Og = v->O / v->groups;
    ptrdiff_t Wp = fv_conv_cols(v);
    job j = {.K = v->Q, .ak = L, .cn = L};
    j.ar = (ptrdiff_t)v->Q * L, j.am = v->P * j.ar;
    j.bk = v->sw * L, j.br = v->sh * Wp * L;
    j.cm = (ptrdiff_t)Cg * v->R * v->S * L;
    int most = 1 + 320 / (8 * v->Q); /* 8 channels of dy in about 20 KB */
    for (int g = 0; g < v->groups; g++)
        for (int p = 0; p < v->P; p += most) {
            j.a = dy + g * Og * j.am + p * j.ar;
            j.b = xp + g * Cg * fv_conv_rows(v) * Wp * L + p * j.br;
            j.c = dw + g * Og * j.cm;
            weight_rows(v, j, p + most < v->P ? most : v->P - p, first && p == 0);
        }
    if (db)
        bias_gradient(v, dy, db, first);
}

/* ---- linear layer ------------------------------------------------------------------------- */

static void linear_forward(int K, int O, const float *x, const float *w, const float *b, float *y)
{
    run_rows((job){.a = w, .b = x, .c = y, .bias = b, .R = 1, .S = 1, .K = K, .am = K, .ak = 1,
                   .bk = L, .cm = L},
             O, 1);
}

static void linear_backward_input(int K, int O, const float *dy, const float *w, float *dx)
{
    run_rows((job){.a = w, .b = dy, .c = dx, .R = 1, .S = 1, .K = O, .am = 1, .ak = K, .bk = L,
                   .cm = L},
             K, 1);
}

/* C is M rows of dw by N vectors of columns; the last columns go through a buffer of whole vectors,
   since dw has no room past its rows. */
static void linear_backward_weight(int K, int blocks, const float *dy, size_t dy_step,
                                   const float *xt, size_t xt_step, float *dw, int from, int to)
{
    size_t Kp = fv_round_up(K);
    int vectors = (K + V - 1) / V, across = pieces(vectors, V == 16 ? 3 : 2);
    int down = pieces(to - from, mmax[V == 16 ? 3 : 2]);
    for (int i = 0; i < down; i++)
        for (int k = 0; k < across; k++) {
            int m = from + piece_start(to - from, down, i);
            int M = from + piece_start(to - from, down, i + 1) - m;
            int n = piece_start(vectors, across, k), N = piece_start(vectors, across, k + 1) - n;
            bool past = (n + N) * V > K;
            float edge[16 * NMAX * V];
            float *rows = dw + (size_t)m * K + n * V;
            job j = {.R = 1, .S = 1, .K = L, .add = true};
            j.am = L, j.ak = 1, j.bk = Kp, j.bn = V, j.cn = V;
            j.c = past ? edge : rows;
            j.cm = past ? NMAX * V : K;
            for (int e = 0; past && e < M; e++)
                memcpy(edge + e * NMAX * V, rows + (size_t)e * K, (K - n * V) * sizeof *edge);
            for (int block = 0; block < blocks; block++) {
                j.a = dy + block * dy_step + (size_t)m * L;
                j.b = xt + block * xt_step + n * V;
                tiles[M][N](&j);
            }
            for (int e = 0; past && e < M; e++)
                memcpy(rows + (size_t)e * K, edge + e * NMAX * V, (K - n * V) * sizeof *edge);
        }
}

/* ---- relu --------------------------------------------------------------------------------- */

static void relu_forward(size_t n, const float *x, float *y)
{
    const vec zero = vec_splat(0.0f);
    for (size_t i = 0; i < n; i += V)
        vec_store(y + i, vec_max(zero, vec_load(x + i)));
}

static void relu_backward(size_t n, const float *y, const float *dy, float *dx)
{
    const vec zero = vec_splat(0.0f);
    for (size_t i = 0; i < n; i += V)
        vec_store(dx + i, vec_pick(vec_at_most(vec_load(y + i), zero), zero, vec_load(dy + i)));
}

/* ---- pooling ------------------------------------------------------------------------------ */

/* A window of S columns: its taps inside the picture, and where tap r,s is: at + r*down + s*side. */
typedef struct taps {
    int r0, r1, s0, s1, S;
    ptrdiff_t at, down, side;
} taps;

static taps taps_of(const fv_pool2d *v, int p, int q)
{
    window o = window_at(v, p, q);
    return (taps){o.r0, o.r1, o.s0, o.s1, v->S, ((ptrdiff_t)o.h * v->W + o.w) * L,
                  (ptrdiff_t)v->dh * v->W * L, (ptrdiff_t)v->dw * L};
}

/* The usual window, whole and 2 x 2: told to the two functions below as constants, which leaves no
   loop of them. */
static bool is_two_by_two(const taps *t)
{
    return t->r0 == 0 && t->r1 == 2 && t->s0 == 0 && t->s1 == 2 && t->S == 2;
}

static inline taps two_by_two(taps t)
{
    return (taps){0, 2, 0, 2, 2, t.at, t.down, t.side};
}

static inline __attribute__((always_inline)) void best_of(taps t, const float *x, float *y,
                                                          int32_t *winner)
{
    for (int lane = 0; lane < L; lane += V) {
        vec best = vec_splat(-INFINITY), tap = vec_bits(t.r0 * t.S + t.s0);
        for (int r = t.r0; r < t.r1; r++)
            for (int s = t.s0; s < t.s1; s++) {
                vec in = vec_load(x + t.at + r * t.down + s * t.side + lane);
                vec_mask wins = vec_wins(in, best);
                best = vec_pick(wins, in, best);
                tap = vec_pick(wins, vec_bits(r * t.S + s), tap);
            }
        vec_store(y + lane, best);
        if (winner)
            vec_store((float *)(void *)(winner + lane), tap);
    }
}

static void max_pool_forward(const fv_pool2d *v, const float *x, float *y, int32_t *winner,
                             size_t y_step)
{
    for (int c = 0; c < v->C; c++, x += (size_t)v->H * v->W * L)
        for (int p = 0; p < v->P; p++)
            for (int q = 0; q < v->Q; q++) {
                size_t at = c * y_step + ((size_t)p * v->Q + q) * L;
                taps t = taps_of(v, p, q);
                if (is_two_by_two(&t))
                    best_of(two_by_two(t), x, y + at, winner ? winner + at : NULL);
                else
                    best_of(t, x, y + at, winner ? winner + at : NULL);
            }
}

/* Windows that lie side by side and cover all of x: each pixel of dx is written once. */
static bool windows_tile(const fv_pool2d *v)
{
    return v->R == v->sh && v->S == v->sw && v->ph == 0 && v->pw == 0 && v->dh == 1 && v->dw == 1 &&
           v->P * v->R == v->H && v->Q * v->S == v->W;
}

static inline __attribute__((always_inline)) void spread(taps t, const float *dy,
                                                         const int32_t *winner, float *dx, bool add)
{
    const vec zero = vec_splat(0.0f);
    for (int lane = 0; lane < L; lane += V) {
        vec tap = vec_load((const float *)(const void *)(winner + lane)), out = vec_load(dy + lane);
        for (int r = t.r0; r < t.r1; r++)
            for (int s = t.s0; s < t.s1; s++) {
                float *to = dx + t.at + r * t.down + s * t.side + lane;
                vec mine = vec_pick(vec_same_bits(tap, vec_bits(r * t.S + s)), out, zero);
                vec_store(to, vec_add(add ? vec_load(to) : zero, mine));
            }
    }
}

static void max_pool_backward(const fv_pool2d *v, const float *dy, const int32_t *winner, float *dx)
{
    size_t plane = (size_t)v->H * v->W * L;
    bool add = !windows_tile(v);
    if (add)
        memset(dx, 0, v->C * plane * sizeof *dx);
    for (int c = 0; c < v->C; c++, dx += plane)
        for (int p = 0; p < v->P; p++)
            for (int q = 0; q < v->Q; q++, dy += L, winner += L) {
                taps t = taps_of(v, p, q);
                if (is_two_by_two(&t) && !add)
                    spread(two_by_two(t), dy, winner, dx, false);
                else
                    spread(t, dy, winner, dx, add);
            }
}

#define NAME_(set) fv_kernels_##set
#define NAME(set) NAME_(set)
#define TEXT_(set) #set
#define TEXT(set) TEXT_(set)

extern const fv_kernels NAME(FV_SIMD_NAME);
const fv_kernels NAME(FV_SIMD_NAME) = {
    .name = TEXT(FV_SIMD_NAME),
    .conv_forward = conv_forward,
    .conv_backward_input = conv_backward_input,
    .conv_backward_weight = conv_backward_weight,
    .linear_forward = linear_forward,
    .linear_backward_input = linear_backward_input,
    .linear_backward_weight = linear_backward_weight,
    .relu_forward = relu_forward,
    .relu_backward = relu_backward,
    .max_pool_forward = max_pool_forward,
    .max_pool_backward = max_pool_backward,
    FV_LANES_ENTRIES,
};
