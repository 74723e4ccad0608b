/*
 * conv_batch.h - convolution, batch last: tiles of M channels by N pixels, V images in a vector.
 *
 * A is the weights, one number for all images, or dy for weight gradients. Included by simd.c
 * alone.
 */

/* How A is packed, in pieces of M: a job's first step, and the steps of a row of taps, of a tap and of
   a whole piece. */
typedef struct packed_by {
    ptrdiff_t first, row, tap, all;
} packed_by;

/* Runs j for all lanes and all pieces of M, N pixels at once; its argmax, if any, is laid out as c. The
   fields of j are written one by one and j is never copied: a wide load after narrow stores stalls. */
static void run_packed(job *j, a_kind kind, const packed_by *s, const cut *rows, int N,
                       const float *a, const float *b, float *c, const float *bias)
{
    int32_t *argmax = j->argmax;
    for (int i = 0; i < rows->count; i++) {
        int M = size_of(rows, i);
        j->ar = s->row * M, j->as = s->tap * M, j->ak = M;
        j->a = a + s->first * M;
        j->bias = bias;
        for (int lane = 0; lane < L; lane += V) {
            j->b = b + lane;
            j->c = c + lane;
            j->argmax = argmax ? argmax + lane : NULL;
            tiles[kind][M][N](j);
        }
        a += s->all * M;
        c += M * j->cm;
        argmax = argmax ? argmax + M * j->cm : NULL;
        bias = bias ? bias + M : NULL;
    }
}

/* How both passes cut channels and pixels; A is packed accordingly. */
static int pixels_forward(const fv_conv *v)
{
    return best_n(v->O / v->groups, v->Q);
}

static int pixels_backward(const fv_conv *v)
{
    int Cg = v->C / v->groups;
    return v->S > 1 && Cg >= 4 ? 2 : best_n(Cg, pieces(v->W, v->sw));
}

static cut rows_by(int M, int total, int n)
{
    cut across = cut_even(total, n);
    return cut_even(M, mmax[largest_of(&across)]);
}

static cut rows_forward(const fv_conv *v)
{
    return rows_by(v->O / v->groups, v->Q, pixels_forward(v));
}

static cut rows_pooled(const fv_conv *v)
{
    return cut_even(v->O / v->groups, mmax[WINDOW_N]);
}

/* A linear layer, a kernel of 1 x 1 on a picture of 1 x 1, reads w as it is. */
static bool is_linear(const fv_conv *v)
{
    return v->H == 1 && v->W == 1 && v->R == 1 && v->S == 1 && v->P == 1 && v->Q == 1 &&
           v->ph == 0 && v->pw == 0 && v->groups == 1;
}

static void linear_forward(const fv_conv *v, const float *x, const float *w, const float *b,
                           float *y)
{
    cut rows = cut_even(v->O, mmax[1]);
    job j = {.R = 1, .S = 1, .K = v->C, .am = v->C, .ak = 1, .bk = L, .cm = L};
    for (int i = 0, m = 0; i < rows.count; m += size_of(&rows, i++))
        for (int lane = 0; lane < L; lane += V) {
            j.a = w + (ptrdiff_t)m * v->C;
            j.b = x + lane;
            j.c = y + m * L + lane;
            j.bias = b ? b + m : NULL;
            j.ahead = j.a + (ptrdiff_t)size_of(&rows, i) * v->C;
            tiles[APART][size_of(&rows, i)][1](&j);
        }
}

static void linear_backward_input(const fv_conv *v, const float *dy, const float *w, float *dx)
{
    cut rows = cut_even(v->C, mmax[1]);
    job j = {.R = 1, .S = 1, .K = v->O, .ak = v->C, .bk = L, .cm = L};
    for (int i = 0, m = 0; i < rows.count; m += size_of(&rows, i++))
        for (int lane = 0; lane < L; lane += V) {
            j.a = w + m;
            j.b = dy + lane;
            j.c = dx + m * L + lane;
            tiles[NUMBERS][size_of(&rows, i)][1](&j);
        }
}

static void pack_batch(const fv_conv *v, fv_packing use, const float *w, float *packed)
{
    if (use == FV_PACK_F2X2_5X5) {
        winograd5_pack_batch(v, w, packed);
        return;
    }
    if (use == FV_PACK_SELECT) {
        select_pack(v, w, packed);
        return;
    }
    if (is_linear(v)) {
        memcpy(packed, w, (size_t)v->O * v->C * sizeof *w);
        return;
    }
    int Cg = v->C / v->groups, Og = v->O / v->groups, RS = v->R * v->S;
    ptrdiff_t size = (ptrdiff_t)Og * Cg * RS, wo = (ptrdiff_t)Cg * RS, wc = RS;
    cut rows = use == FV_PACK_INPUT    ? rows_by(Cg, pieces(v->W, v->sw), pixels_backward(v))
               : use == FV_PACK_POOLED ? rows_pooled(v)
                                       : rows_forward(v);
    for (int g = 0; g < v->groups; g++, w += size, packed += size)
        if (use == FV_PACK_INPUT)
            pack_pieces(w, RS, Og, wo, Cg, wc, rows, 1, packed);
        else
            pack_pieces(w, RS, Cg, wc, Og, wo, rows, 1, packed);
}

/* The fields that all tiles of forward share. */
static job forward_job(const fv_conv *v, ptrdiff_t Wp, ptrdiff_t plane)
{
    job j = {.R = v->R, .S = v->S, .K = v->C / v->groups};
    j.bs = v->dw * L, j.br = v->dh * Wp * L, j.bk = plane, j.bn = v->sw * L, j.cn = L;
    if (j.K == 1) { /* let the long inner loop run over s, which keeps the order */
        j.K = v->S, j.bk = j.bs;
        j.S = 1;
    }
    return j;
}

static packed_by forward_packed(const fv_conv *v)
{
    const ptrdiff_t Cg = v->C / v->groups;
    return (packed_by){0, v->S * Cg, Cg, v->R * v->S * Cg};
}

static void forward_batch(const fv_conv *v, const float *xp, const float *packed, const float *b,
                          float *y, int from, int to)
{
    if (is_linear(v)) {
        linear_forward(v, xp, packed, b, y);
        return;
    }
    const int Cg = v->C / v->groups, Og = v->O / v->groups, out = to - from;
    const ptrdiff_t Wp = fv_conv_cols(v), plane = fv_conv_rows(v) * Wp * L;
    const packed_by s = forward_packed(v);
    const cut across = cut_even(v->Q, pixels_forward(v)), rows = rows_forward(v);
    job j = forward_job(v, Wp, plane);
    j.cm = (ptrdiff_t)out * v->Q * L;
    for (int g = 0; g < v->groups; g++)
        for (int p = 0; p < out; p++)
            for (int i = 0, q = 0; i < across.count; q += size_of(&across, i++))
                run_packed(&j, NUMBERS, &s, &rows, size_of(&across, i), packed + g * Og * s.all,
                           xp + g * Cg * plane +
                               ((ptrdiff_t)(from + p) * v->sh * Wp + q * v->sw) * L,
                           y + g * Og * j.cm + (p * v->Q + q) * L, b ? b + g * Og : NULL);
}

static void pooled_forward(const fv_conv *v, const float *xp, const float *packed, const float *b,
                           float *y, int32_t *argmax)
{
    const int Cg = v->C / v->groups, Og = v->O / v->groups, P = v->P / 2, Q = v->Q / 2;
    const ptrdiff_t Wp = fv_conv_cols(v), plane = fv_conv_rows(v) * Wp * L;
    const packed_by s = forward_packed(v);
    const cut rows = rows_pooled(v);
    job j = forward_job(v, Wp, plane);
    j.br2 = v->sh * Wp * L;
    j.cm = (ptrdiff_t)P * Q * L;
    for (int g = 0; g < v->groups; g++)
        for (int p = 0; p < P; p++)
            for (int q = 0; q < Q; q++) {
                const ptrdiff_t at = g * Og * j.cm + ((ptrdiff_t)p * Q + q) * L;
                j.argmax = argmax ? argmax + at : NULL;
                run_packed(&j, NUMBERS_POOLED, &s, &rows, WINDOW_N, packed + g * Og * s.all,
                           xp + g * Cg * plane + 2 * (p * j.br2 + q * j.bn), y + at,
                           b ? b + g * Og : NULL);
            }
}

/* A gather: dx at one row and at columns one stride apart, which the same taps reach. Columns of a tile
   that a tap does not reach read the zeros beside dy. */
static void backward_input_batch(const fv_conv *v, const float *dyp, const float *packed, float *dx)
{
    if (is_linear(v)) {
        linear_backward_input(v, dyp, packed, dx);
        return;
    }
    int Cg = v->C / v->groups, Og = v->O / v->groups, left = v->left;
    ptrdiff_t pixel = (ptrdiff_t)v->O * L, row = fv_conv_dy_cols(v) * pixel;
    job j = {.K = Og, .bk = L, .bn = pixel};
    j.cm = (ptrdiff_t)v->H * v->W * L, j.cn = v->sw * L;
    cut rows = rows_by(Cg, pieces(v->W, v->sw), pixels_backward(v));
    for (int first = 0; first < v->sw && first < v->W; first++) {
        cut across = cut_even(pieces(v->W - first, v->sw), pixels_backward(v));
        for (int i = 0, col = first; i < across.count; col += size_of(&across, i++) * v->sw) {
            reach side = taps_to(col, size_of(&across, i), v->S, v->sw, v->pw, v->dw, v->Q);
            packed_by s = {.tap = (ptrdiff_t)side.step * Og, .all = (ptrdiff_t)v->R * v->S * Og};
            j.S = side.count;
            j.bs = -side.back * pixel;
            for (int h = 0; h < v->H; h++) {
                reach down = taps_to(h, 1, v->R, v->sh, v->ph, v->dh, v->P);
                j.R = down.count;
                j.br = -down.back * row;
                s.row = (ptrdiff_t)down.step * v->S * Og;
                s.first = (ptrdiff_t)(down.first * v->S + side.first) * Og;
                for (int g = 0; g < v->groups; g++)
                    run_packed(&j, NUMBERS, &s, &rows, size_of(&across, i), packed + g * Cg * s.all,
                               dyp + down.at * row + (side.at + left) * pixel + g * Og * L,
                               dx + g * Cg * j.cm + ((ptrdiff_t)h * v->W + col) * L, NULL);
            }
        }
    }
}

enum {
    PANEL = 448
}; /* vectors of L, dy of a tile, that fit the first-level cache together with x */

/* Copies dy of M channels to one contiguous piece: pixels are so far apart that they would map to the
   same few sets of the first-level cache. */
static void copy_channels(const job *j, int M, const float *dy, float *to)
{
    for (int p = 0; p < j->R; p++)
        for (int q = 0; q < j->K; q++, to += M * L)
            for (int i = 0; i < M * L; i += V)
                vec_store(to + i, vec_load(dy + p * j->ar + q * j->ak + i));
}

/* Weight gradients of some rows of the output: M output channels by the taps of one row of the
   kernel, or by input channels if it is 1 x 1. */
static void weight_rows_batch(const fv_conv *v, const job *whole, const cut *rows,
                              const cut *across, ptrdiff_t plane, ptrdiff_t Wp)
{
    const int RS = v->R * v->S, Og = v->O / v->groups;
    const int N = RS > 1 ? v->S : v->C / v->groups, lines = RS > 1 ? v->C / v->groups * v->R : 1;
    float panel[PANEL * L] __attribute__((aligned(64)));
    job j = *whole;
    for (int i = 0, m = 0; i < rows->count; m += size_of(rows, i++)) {
        const int M = size_of(rows, i);
        const float *a = whole->a + m * L;
        if (j.R * j.K * Og > PANEL && j.R * j.K * M <= PANEL) {
            copy_channels(whole, M, a, panel);
            a = panel;
            j.ak = M * L, j.ar = j.K * j.ak;
        }
        for (int line = 0; line < lines; line++)
            for (int k = 0, n = 0; k < across->count; n += size_of(across, k++))
                for (int lane = 0; lane < L; lane += V) {
                    j.a = a + lane;
                    j.b = whole->b + line / v->R * plane + line % v->R * v->dh * Wp * L + n * j.bn +
                          lane;
                    j.c = whole->c + m * j.cm + (line * N + n) * L + lane;
                    tiles[VECTORS][M][size_of(across, k)](&j);
                }
        j.ak = whole->ak, j.ar = whole->ar;
    }
}

static void backward_weight_batch(const fv_conv *v, int images, const float *xp, size_t x_step,
                                  const float *dyp, size_t dy_step, int from, int to, float *dw,
                                  float *db, bool first)
{
    (void)images, (void)x_step, (void)dy_step; /* one block */
    int Cg = v->C / v->groups, Og = v->O / v->groups, Q = v->Q, RS = v->R * v->S;
    int N = RS > 1 ? v->S : Cg;
    ptrdiff_t Wp = fv_conv_cols(v), plane = fv_conv_rows(v) * Wp * L;
    ptrdiff_t pixel = (ptrdiff_t)v->O * L, row = fv_conv_dy_cols(v) * pixel;
    cut across = cut_even(N, N <= NMAX && Og >= 2 * mmax[N] ? N : best_n(Og, N));
    cut rows = cut_even(Og, mmax[largest_of(&across)]);
    dyp += v->left * pixel;
    job j = {.S = 1, .K = Q, .ak = pixel, .ar = row, .cn = L};
    j.bk = v->sw * L, j.br = v->sh * Wp * L, j.bn = RS > 1 ? v->dw * L : plane;
    j.cm = (ptrdiff_t)Cg * RS * L;
    int most = Q * largest_of(&rows) < PANEL ? PANEL / (Q * largest_of(&rows)) : 1;
    for (int g = 0; g < v->groups; g++)
        for (int p = from; p < to; p += most) {
            j.R = p + most < to ? most : to - p;
            j.add = !first || p > from;
            j.a = dyp + (p - from) * row + g * Og * L;
            j.b = xp + g * Cg * plane + p * j.br;
            j.c = dw + g * Og * j.cm;
            weight_rows_batch(v, &j, &rows, &across, plane, Wp);
        }
    if (db)
        bias_gradient(dyp, to - from, Q, row, pixel, (int)pixel, db, first);
}
