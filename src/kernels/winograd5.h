/*
 * winograd5.h - Winograd F(2x2,5x5): forward of 5 x 5 convolutions of few channels, by tiles of 2 x 2
 * outputs.
 *
 * All of a tile stays in the first-level cache: its inputs become 36 transform points (winograd.h), at
 * each of which products are summed over channels, a row of six points at a time in registers, and
 * rows become outputs. Batch last, a vector is a point of 16 images and a number a weight; channels
 * last, a vector is the weights of many outputs and a number a point. Included by simd.c alone.
 */

/* Sums of six transform points at once. */
#if defined(FV_SIMD_AVX2)
enum { W5_M = 2 };
#define FOR_EACH_W5_M(DO) DO(1) DO(2)
#else
enum { W5_M = 4 };
#define FOR_EACH_W5_M(DO) DO(1) DO(2) DO(3) DO(4)
#endif

enum {
    W5_C = FV_WINOGRAD5_CHANNELS_MAX, /* numbers side by side, channels last */
    W5_COLS = 6 * W5_C                /* vectors of L in a row of a strip, of all planes */
};

/* Batch last the numbers are [6][C][6][M] and the vectors [C][36][L], channels last
   [M][36][W5_C] and [6][C][6][V]. */
typedef struct winograd5 {
    int C;
    const float *numbers, *vectors;
} winograd5;

/* sum = the products of M numbers, `of_m` floats apart, and six vectors, or += if add. */
INLINE void multiply_points(const bool add, const int M, const float *number, const int of_m,
                            const int of_j, const float *vector, const int of_vector, vec sum[][6])
{
    vec in[6];
    UNROLLED (j, 6)
        in[j] = vec_load(vector + j * of_vector);
    UNROLLED (m, M)
        UNROLLED (j, 6) {
            const vec by = vec_splat(number[m * of_m + j * of_j]);
            if (add)
                sum[m][j] = vec_fma(by, in[j], sum[m][j]);
            else
                sum[m][j] = by * in[j];
        }
}

/* y: M times the four outputs of a tile, without bias. The loop over rows is not unrolled: six copies
   of it would exceed the decoded-instruction cache. */
INLINE void winograd5_sums(const winograd5 *given, const int M, const fv_layout layout, vec y[][4])
{
    const bool batch = layout == FV_BATCH_LAST;
    const int of_m = batch ? 1 : 36 * W5_C, of_j = batch ? M : W5_C;
    const int number_c = batch ? 6 * M : 1, of_vector = batch ? L : V;
    const int vector_c = (batch ? 36 : 6) * of_vector;
    const winograd5 f = *given;
    const ptrdiff_t number_row = batch ? f.C * number_c : 6 * W5_C;
    const ptrdiff_t vector_row = batch ? 6 * L : f.C * vector_c;
    vec lines[W5_M][2][6];
    for (int i = 0; i < 6; i++) {
        const float *number = f.numbers + i * number_row, *vector = f.vectors + i * vector_row;
        vec sum[W5_M][6];
        multiply_points(false, M, number, of_m, of_j, vector, of_vector, sum);
        for (int c = 1; c < f.C; c++) {
            number += number_c, vector += vector_c;
            multiply_points(true, M, number, of_m, of_j, vector, of_vector, sum);
        }
        UNROLLED (m, M)
            line5_out(sum[m], &lines[m][0][i], &lines[m][1][i]);
    }
    for (int m = 0; m < M; m++)
        UNROLLED (s, 2)
            line5_out(lines[m][s], &y[m][s], &y[m][2 + s]);
}

#define WINOGRAD5(M)                                                                               \
    static void winograd5_batch_##M(const winograd5 *f, vec y[][4])                                \
    {                                                                                              \
        winograd5_sums(f, M, FV_BATCH_LAST, y);                                                    \
    }                                                                                              \
    static void winograd5_channels_##M(const winograd5 *f, vec y[][4])                             \
    {                                                                                              \
        winograd5_sums(f, M, FV_CHANNELS_LAST, y);                                                 \
    }
FOR_EACH_W5_M(WINOGRAD5)
#define W5_BATCH(M)    [M] = winograd5_batch_##M,
#define W5_CHANNELS(M) [M] = winograd5_channels_##M,
static void (*const winograd5_of[FV_LAYOUTS][W5_M + 1])(const winograd5 *f, vec y[][4]) = {
    [FV_BATCH_LAST] = {FOR_EACH_W5_M(W5_BATCH)}, [FV_CHANNELS_LAST] = {FOR_EACH_W5_M(W5_CHANNELS)}};

/* ---- strips: a row of tiles side by side, as many as the first-level cache holds ------------------ */

typedef struct strip {
    int p, q, tiles; /* the first output, and tiles that are 2 apart */
    size_t step;     /* floats from one row of t to the next */
    float t[6 * W5_COLS * L] __attribute__((aligned(64)));
} strip;

/* The most tiles of planes of channels that are `width` floats wide. */
static int tiles_of_strip(int planes, int width)
{
    return (W5_COLS * L / (planes * width) - 4) / 2;
}

/* The step to the last of 6 rows, or columns, of the tile whose first output is number `at`. */
static size_t last_of_tile(int at, int outputs, size_t step)
{
    return (at + 1 < outputs ? 5 : 4) * step;
}

/* t [planes][6][step]: B' down. */
static void begin_strip(const fv_conv *v, int planes, int width, const float *xp, strip *s)
{
    const size_t row = (size_t)fv_conv_cols(v) * width, plane = fv_conv_rows(v) * row;
    const int cols = 2 * s->tiles + 4 - (s->q + 2 * s->tiles > v->Q);
    s->step = fv_round_up((size_t)cols * width);
    for (int i = 0; i < planes; i++)
        tiles5_down(xp + i * plane + s->p * row + (size_t)s->q * width, row,
                    last_of_tile(s->p, v->P, row), (size_t)cols * width, s->t + i * 6 * s->step,
                    s->step);
}

/* The output of tiles: rows from to to-1 of y, or, pooled, y and argmax. */
typedef struct winograd5_out {
    const fv_conv *v;
    const float *b;
    float *y;
    int32_t *argmax;
    int from, to;
    bool pooled;
} winograd5_out;

/* Stores the outputs of the tile at p, q that are in range; y is row `from`, a pixel `pixel` floats. */
static void put_tile(const winograd5_out *t, int p, int q, float *y, ptrdiff_t pixel, int partial,
                     const vec sums[4])
{
    for (int r = p < t->from ? 1 : 0; r < 2 && p + r < t->to; r++)
        for (int s = 0; s < 2 && q + s < t->v->Q; s++)
            store_some(y + ((ptrdiff_t)(p + r - t->from) * t->v->Q + q + s) * pixel,
                       sums[r * 2 + s], partial);
}

INLINE void add_bias(const vec b, vec y[4])
{
    UNROLLED (n, 4)
        y[n] = vec_add(y[n], b);
}

/* ---- batch last ----------------------------------------------------------------------------- */

/* [pieces of M outputs][6][C][6][M] */
static void winograd5_pack_batch(const fv_conv *v, const float *w, float *packed)
{
    const cut outputs = cut_even(v->O, W5_M);
    float u[36 * W5_C];
    for (int i = 0; i < outputs.count; i++) {
        const int M = size_of(&outputs, i);
        for (int m = 0; m < M; m++, w += v->C * 25) {
            float *to = packed + m;
            weights5(v->C, w, u);
            for (int row = 0; row < 6; row++)
                for (int c = 0; c < v->C; c++)
                    for (int j = 0; j < 6; j++, to += M)
                        *to = u[(row * 6 + j) * W5_C + c];
        }
        packed += 36 * v->C * M;
    }
}

/* The outputs p, q of one tile of output o, lanes from `lane` on. */
static void put_lanes(const winograd5_out *t, int o, int p, int q, int lane, vec y[4])
{
    const fv_conv *v = t->v;
    add_bias(vec_splat(t->b ? t->b[o] : 0.0f), y);
    if (t->pooled) {
        const ptrdiff_t at = (((ptrdiff_t)o * (v->P / 2) + p / 2) * (v->Q / 2) + q / 2) * L + lane;
        store_best(y, t->y + at, t->argmax ? t->argmax + at : NULL);
    } else
        put_tile(t, p, q, t->y + (ptrdiff_t)o * (t->to - t->from) * v->Q * L + lane, L, 0, y);
}

/* All outputs of tile k of a strip. */
static void tile_batch(const winograd5_out *t, const strip *s, int k, const float *packed)
{
    const fv_conv *v = t->v;
    const cut outputs = cut_even(v->O, W5_M);
    const int q = s->q + 2 * k;
    float points[36 * W5_C * L] __attribute__((aligned(64)));
    for (int c = 0; c < v->C; c++)
        for (int lane = 0; lane < L; lane += V)
            tile5_across(s->t + c * 6 * s->step + 2 * k * L + lane, s->step, L,
                         last_of_tile(q, v->Q, L), 0, points + c * 36 * L + lane, L);
    winograd5 f = {.C = v->C, .numbers = packed};
    for (int i = 0, o = 0; i < outputs.count; o += size_of(&outputs, i++)) {
        const int M = size_of(&outputs, i);
        for (int lane = 0; lane < L; lane += V) {
            vec y[W5_M][4];
            f.vectors = points + lane;
            winograd5_of[FV_BATCH_LAST][M](&f, y);
            for (int m = 0; m < M; m++)
                put_lanes(t, o + m, s->p, q, lane, y[m]);
        }
        f.numbers += 36 * v->C * M;
    }
}

static void winograd5_strips_batch(const winograd5_out *t, const float *xp, const float *packed)
{
    const fv_conv *v = t->v;
    const cut strips = cut_even((v->Q + !t->pooled) / 2, tiles_of_strip(v->C, L));
    strip s;
    for (s.p = t->from / 2 * 2; s.p + t->pooled < t->to; s.p += 2)
        for (int i = 0; i < strips.count; i++) {
            s.q = 2 * start_of_piece(&strips, i);
            s.tiles = size_of(&strips, i);
            begin_strip(v, v->C, L, xp, &s);
            for (int k = 0; k < s.tiles; k++)
                tile_batch(t, &s, k, packed);
        }
}

static void winograd5_forward_batch(const fv_conv *v, const float *xp, const float *packed,
                                    const float *b, float *y, int from, int to)
{
    winograd5_strips_batch(&(winograd5_out){.v = v, .b = b, .y = y, .from = from, .to = to}, xp,
                           packed);
}

static void winograd5_pooled_forward(const fv_conv *v, const float *xp, const float *packed,
                                     const float *b, float *y, int32_t *argmax)
{
    winograd5_strips_batch(&(winograd5_out){v, b, y, argmax, 0, v->P, true}, xp, packed);
}

/* ---- channels last -------------------------------------------------------------------------- */

/* [vectors of outputs][6][C][6][V] */
static void winograd5_pack_channels(const fv_conv *v, const float *w, float *packed)
{
    float u[36 * W5_C];
    memset(packed, 0, 36 * (size_t)v->C * pieces(v->O, V) * V * sizeof *packed);
    for (int o = 0; o < v->O; o++, w += v->C * 25) {
        float *to = packed + (ptrdiff_t)(o / V) * 36 * v->C * V + o % V;
        weights5(v->C, w, u);
        for (int i = 0; i < 6; i++)
            for (int c = 0; c < v->C; c++)
                for (int j = 0; j < 6; j++, to += V)
                    *to = u[(i * 6 + j) * W5_C + c];
    }
}

/* All outputs of M tiles of a strip, from tile k on. */
static void tiles_channels(const winograd5_out *t, const strip *s, int k, int M,
                           const float *packed)
{
    const fv_conv *v = t->v;
    const int C = v->C, q = s->q + 2 * k;
    float points[W5_M * 36 * W5_C] __attribute__((aligned(64)));
    for (int m = 0; m < M; m++)
        for (int c = 0; c < C; c += V)
            tile5_across(s->t + 2 * (k + m) * C + c, s->step, C, last_of_tile(q + 2 * m, v->Q, C),
                         partial_of(1, C - c), points + m * 36 * W5_C + c, W5_C);
    winograd5 f = {.C = C, .numbers = points, .vectors = packed};
    for (int o = 0; o < v->O; o += V, f.vectors += 36 * C * V) {
        const int partial = partial_of(1, v->O - o);
        const vec b = t->b ? load_some(t->b + o, partial) : vec_splat(0.0f);
        vec y[W5_M][4];
        winograd5_of[FV_CHANNELS_LAST][M](&f, y);
        for (int m = 0; m < M; m++) {
            add_bias(b, y[m]);
            put_tile(t, s->p, q + 2 * m, t->y + o, v->O, partial, y[m]);
        }
    }
}

static void winograd5_forward_channels(const fv_conv *v, const float *xp, const float *packed,
                                       const float *b, float *y, int from, int to)
{
    const winograd5_out t = {.v = v, .b = b, .y = y, .from = from, .to = to};
    const cut strips = cut_even((v->Q + 1) / 2, tiles_of_strip(1, v->C));
    strip s;
    for (s.p = from / 2 * 2; s.p < to; s.p += 2)
        for (int i = 0; i < strips.count; i++) {
            s.q = 2 * start_of_piece(&strips, i);
            s.tiles = size_of(&strips, i);
            begin_strip(v, 1, v->C, xp, &s);
            const cut some = cut_even(s.tiles, W5_M);
            for (int n = 0, k = 0; n < some.count; k += size_of(&some, n++))
                tiles_channels(&t, &s, k, size_of(&some, n), packed);
        }
}
