/*
 * conv_channels.h - convolution, channels last: tiles of M pixels by N vectors of V channels.
 *
 * A is the pixels, one number for all channels, and B the weights, packed by panels of N vectors;
 * for weight gradients A is x and B is dy. Depthwise, A is vectors of channels. Included by simd.c
 * alone.
 */

/* For a 1 x 1 kernel all pixels are one long row, which fills tiles better. */
static bool is_one_row(const fv_conv *v)
{
    return v->R == 1 && v->S == 1 && v->sh == 1 && v->sw == 1 && v->ph == 0 && v->pw == 0;
}

static fv_conv in_long_rows(const fv_conv *v)
{
    fv_conv o = *v;
    if (is_one_row(v)) {
        o.W = o.Q = v->P * v->W;
        o.H = o.P = 1;
    }
    return o;
}

/* How vectors of channels are cut, for rows of some pixels; B is packed accordingly. */
static cut panels_of(int pixels, int channels)
{
    int vectors = pieces(channels, V);
    return cut_even(vectors, best_n(pixels, vectors));
}

static void pack_channels(const fv_conv *v, fv_packing use, const float *w, float *packed)
{
    int Cg = v->C / v->groups, Og = v->O / v->groups, RS = v->R * v->S;
    ptrdiff_t wo = (ptrdiff_t)Cg * RS, wc = RS;
    if (fv_conv_is_depthwise(v)) {
        cut all = {1, pieces(v->C, V), 0};
        pack_pieces(w, RS, 1, 0, v->C, RS, all, V, packed);
        return;
    }
    if (use == FV_PACK_F2X2_5X5) {
        winograd5_pack_channels(v, w, packed);
        return;
    }
    const bool backward = use == FV_PACK_INPUT;
    fv_conv o = in_long_rows(v);
    cut panels = backward ? panels_of(pieces(o.W, o.sw), Cg) : panels_of(o.Q, Og);
    ptrdiff_t size = (ptrdiff_t)RS * V * (backward ? Og * pieces(Cg, V) : Cg * pieces(Og, V));
    for (int g = 0; g < v->groups; g++, w += Og * wo, packed += size)
        if (backward)
            pack_pieces(w, RS, Og, wo, Cg, wc, panels, V, packed);
        else
            pack_pieces(w, RS, Cg, wc, Og, wo, panels, V, packed);
}

static void forward_depthwise(const fv_conv *v, const float *xp, const float *packed,
                              const float *b, float *y, int from, int to)
{
    ptrdiff_t C = v->C, Cp = pieces(v->C, V) * V, Wp = fv_conv_cols(v);
    job j = {.R = v->R, .S = 1, .K = v->S, .bias_across = true};
    j.am = v->sw * C, j.ak = v->dw * C, j.ar = v->dh * Wp * C;
    j.bk = Cp, j.br = v->S * Cp;
    j.cm = C, j.cn = V;
    cut pixels = cut_even(v->Q, DEPTH_MMAX);
    for (int p = from; p < to; p++)
        for (int i = 0, q = 0; i < pixels.count; q += size_of(&pixels, i++))
            for (int c = 0; c < C; c += V) {
                j.a = xp + ((ptrdiff_t)p * v->sh * Wp + q * v->sw) * C + c;
                j.b = packed + c;
                j.c = y + ((ptrdiff_t)(p - from) * v->Q + q) * C + c;
                j.bias = b ? b + c : NULL;
                j.partial = partial_of(1, v->C - c);
                depths[size_of(&pixels, i)](&j);
            }
}

/* Packed weights that fit the second-level cache are read whole for every tile of pixels, whose input
   then stays in the first level; larger ones are read panel by panel, each for all pixels. Where
   pixels have much less input than output, as many panels at a time as fit the first level. */
static cut panels_at_once(const cut *panels, ptrdiff_t steps, int input, int output)
{
    const ptrdiff_t panel = steps * largest_of(panels) * V, first = 1 << 13, second = 1 << 16;
    if (panel * panels->count >= second)
        return cut_even(panels->count, 1);
    if (2 * input > output || panel * panels->count <= first || panel > first)
        return cut_even(panels->count, panels->count);
    return cut_even(panels->count, (int)(first / panel));
}

/* Whether dx is stored past the caches: it is larger than they are, so it would be evicted before the
   previous layer reads it. */
static bool is_streamed(const fv_conv *v, const float *dx)
{
    const bool large = (size_t)v->H * v->W * v->C >= (size_t)1 << 19;
    const bool aligned = v->C % L == 0 && (uintptr_t)dx % (L * sizeof *dx) == 0;
    return large && aligned && v->groups == 1;
}

/* The pixels to prefetch while a tile runs: those after its M, input or output, whichever is more and
   goes to a cache. Each panel, this one being number k from column `column`, prefetches a share. */
static const float *next_tile(const job *j, int M, int column, int k)
{
    const bool output = j->cm >= j->am && !j->stream;
    const float *pixels = output ? j->c - column + 2 * M * j->cm : j->a + 2 * M * j->am;
    return pixels + (ptrdiff_t)k * j->R * j->S * j->K * L;
}

/* The panels from k0 to k1-1 of one group, for P rows of Q pixels. */
static void forward_panels(int P, int Q, job *j, const cut *panels, int k0, int k1, int width,
                           ptrdiff_t row, ptrdiff_t steps)
{
    cut pixels = cut_even(Q, mmax[largest_of(panels)]);
    const float *a = j->a, *b = j->b, *bias = j->bias;
    float *c = j->c;
    for (int p = 0; p < P; p++)
        for (int i = 0, q = 0; i < pixels.count; q += size_of(&pixels, i++))
            for (int k = k0; k < k1; k++) {
                int o = start_of_piece(panels, k) * V;
                int M = size_of(&pixels, i), N = size_of(panels, k);
                j->bk = N * V, j->bs = j->bk * j->K, j->br = j->bs * j->S;
                j->a = a + p * row + q * j->am;
                j->b = b + steps * o;
                j->c = c + ((ptrdiff_t)p * Q + q) * j->cm + o;
                j->bias = bias ? bias + o : NULL;
                j->partial = partial_of(N, width - o);
                j->ahead = next_tile(j, M, o, k - k0);
                tiles[APART][M][N](j);
            }
}

static void forward_channels(const fv_conv *v, const float *xp, const float *packed, const float *b,
                             float *y, int from, int to)
{
    if (fv_conv_is_depthwise(v)) {
        forward_depthwise(v, xp, packed, b, y, from, to);
        return;
    }
    int Cg = v->C / v->groups, Og = v->O / v->groups;
    ptrdiff_t C = v->C, row = v->sh * fv_conv_cols(v) * C, steps = (ptrdiff_t)v->R * v->S * Cg;
    job j = {.R = v->R, .S = v->S, .K = Cg, .bias_across = true};
    j.am = v->sw * C, j.as = v->dw * C, j.ar = v->dh * fv_conv_cols(v) * C, j.ak = 1;
    j.cm = v->O, j.cn = V;
    if (v->dw == 1 && v->groups == 1) { /* taps side by side are one long run */
        j.K = v->S * Cg;
        j.S = 1;
    }
    const bool one = is_one_row(v);
    const int P = one ? 1 : to - from, Q = one ? (to - from) * v->W : v->Q;
    cut panels = panels_of(one ? v->P * v->W : v->Q, Og); /* as packed */
    const cut some = panels_at_once(&panels, steps, v->C, v->O);
    for (int g = 0; g < v->groups; g++)
        for (int i = 0, k = 0; i < some.count; k += size_of(&some, i++)) {
            j.a = xp + from * row + g * Cg;
            j.b = packed + steps * g * pieces(Og, V) * V;
            j.c = y + g * Og;
            j.bias = b ? b + g * Og : NULL;
            forward_panels(P, Q, &j, &panels, k, k + size_of(&some, i), Og, row, steps);
        }
}

/* The taps and outputs that reach a row of pixels, one stride apart. */
typedef struct gather {
    reach down, side;
    int n;
    ptrdiff_t at, back_row, back_pixel; /* in dyp */
    ptrdiff_t tap;                      /* first of w */
} gather;

static gather gather_of(const fv_conv *v, reach down, int col, int n)
{
    ptrdiff_t O = v->O, row = fv_conv_dy_cols(v) * O;
    reach side = taps_to(col, n, v->S, v->sw, v->pw, v->dw, v->Q);
    return (gather){.down = down,
                    .side = side,
                    .n = n,
                    .at = down.at * row + (side.at + v->left) * O,
                    .back_row = -down.back * row,
                    .back_pixel = -side.back * O,
                    .tap = (ptrdiff_t)down.first * v->S + side.first};
}

/* The pixels of `o`, at dx: one channel by one kernel. */
static void gather_depthwise(const fv_conv *v, const gather *o, const float *dyp,
                             const float *packed, float *dx)
{
    ptrdiff_t C = v->C, Cp = pieces(v->C, V) * V;
    job j = {.R = o->down.count, .S = 1, .K = o->side.count};
    j.am = C, j.ak = o->back_pixel, j.ar = o->back_row;
    j.bk = o->side.step * Cp, j.br = o->down.step * v->S * Cp;
    j.cm = v->sw * C, j.cn = V;
    for (int c = 0; c < C; c += V) {
        j.a = dyp + o->at + c;
        j.b = packed + o->tap * Cp + c;
        j.c = dx + c;
        j.partial = partial_of(1, v->C - c);
        depths[o->n](&j);
    }
}

/* The same for the panels from k0 to k1-1 of a group of channels. */
static void gather_panels(const fv_conv *v, const gather *o, const cut *panels, int k0, int k1,
                          const float *dyp, const float *packed, float *dx)
{
    int Cg = v->C / v->groups, Og = v->O / v->groups;
    ptrdiff_t steps = (ptrdiff_t)v->R * v->S * Og;
    job j = {.R = o->down.count, .S = o->side.count, .K = Og};
    j.a = dyp + o->at;
    j.am = v->O, j.ak = 1, j.as = o->back_pixel, j.ar = o->back_row;
    j.cm = v->sw * v->C, j.cn = V;
    j.stream = is_streamed(v, dx);
    for (int k = k0; k < k1; k++) {
        int c = start_of_piece(panels, k) * V, N = size_of(panels, k);
        j.bk = N * V, j.bs = o->side.step * j.bk * Og, j.br = o->down.step * j.bk * Og * v->S;
        j.b = packed + steps * c + o->tap * Og * N * V;
        j.c = dx + c;
        j.partial = partial_of(N, Cg - c);
        j.ahead = next_tile(&j, o->n, c, k - k0);
        tiles[APART][o->n][N](&j);
    }
}

/* All of dx for the panels from k0 to k1-1 of group g; panels NULL: depthwise. */
static void backward_panels(const fv_conv *v, const cut *panels, int g, int k0, int k1,
                            const float *dyp, const float *packed, float *dx)
{
    int Cg = v->C / v->groups, Og = v->O / v->groups;
    int most = panels ? mmax[largest_of(panels)] : DEPTH_MMAX;
    ptrdiff_t group = panels ? (ptrdiff_t)v->R * v->S * Og * pieces(Cg, V) * V : 0;
    for (int h = 0; h < v->H; h++) {
        reach down = taps_to(h, 1, v->R, v->sh, v->ph, v->dh, v->P);
        for (int first = 0; first < v->sw && first < v->W; first++) {
            cut pixels = cut_even(pieces(v->W - first, v->sw), most);
            for (int i = 0, col = first; i < pixels.count; col += size_of(&pixels, i++) * v->sw) {
                gather o = gather_of(v, down, col, size_of(&pixels, i));
                float *to = dx + ((ptrdiff_t)h * v->W + col) * v->C;
                if (panels)
                    gather_panels(v, &o, panels, k0, k1, dyp + g * Og, packed + g * group,
                                  to + g * Cg);
                else
                    gather_depthwise(v, &o, dyp, packed, to);
            }
        }
    }
}

static void backward_input_channels(const fv_conv *v, const float *dyp, const float *packed,
                                    float *dx)
{
    const fv_conv out = in_long_rows(v);
    if (fv_conv_is_depthwise(v)) {
        backward_panels(&out, NULL, 0, 0, 0, dyp, packed, dx);
        return;
    }
    cut panels = panels_of(pieces(out.W, out.sw), v->C / v->groups);
    const ptrdiff_t steps = (ptrdiff_t)v->R * v->S * (v->O / v->groups);
    const cut some = panels_at_once(&panels, steps, v->O, v->C);
    for (int g = 0; g < v->groups; g++)
        for (int i = 0, k = 0; i < some.count; k += size_of(&some, i++))
            backward_panels(&out, &panels, g, k, k + size_of(&some, i), dyp, packed, dx);
    vec_stream_end();
}

/* One tap row and vector of channels of a depthwise dw [R][S][C], S taps at once. */
static void weight_rows_depthwise(const fv_conv *v, job j, const float *xp, float *dw)
{
    ptrdiff_t C = v->C, Wp = fv_conv_cols(v);
    const float *dy = j.b;
    cut taps = cut_even(v->S, DEPTH_MMAX);
    j.am = v->dw * C, j.cm = C;
    for (int r = 0; r < v->R; r++)
        for (int i = 0, s = 0; i < taps.count; s += size_of(&taps, i++))
            for (int c = 0; c < C; c += V) {
                j.a = xp + (r * v->dh * Wp + s * v->dw) * C + c;
                j.b = dy + c;
                j.c = dw + ((ptrdiff_t)r * v->S + s) * C + c;
                j.partial = partial_of(1, v->C - c);
                depths[size_of(&taps, i)](&j);
            }
}

enum { IMAGES_AT_ONCE = 4, BAND = 6144 }; /* images and floats of dy that a tile sums over */

/* Copies dy of some pixels, rows and images, the N vectors of one panel, to one piece. Pixels of many
   channels are so far apart that they would map to the same few sets of the first-level cache. */
static void copy_panel(const job *j, int images, int N, const float *dy, size_t dy_step, float *to)
{
    for (int image = 0; image < images; image++)
        for (int p = 0; p < j->R; p++)
            for (int q = 0; q < j->K; q++, to += N * V)
                for (int n = 0; n < N; n++)
                    vec_store(to + n * V,
                              vec_load(dy + image * dy_step + p * j->br + q * j->bk + n * V));
}

/* Prefetches the next cache lines. */
static void fetch(const float **at, int lines)
{
    for (int i = 0; i < lines; i++, *at += L)
        __builtin_prefetch(*at);
}

/* M input channels by N vectors of output channels, for `images` images one after the other; j is
   set up for A. */
static void weight_rows_channels(const fv_conv *v, job j, int images, const float *xp,
                                 size_t x_step, const float *dy, size_t dy_step, float *dw)
{
    int Cg = v->C / v->groups, Og = v->O / v->groups, taps = v->S, M_all = Cg;
    int vectors = pieces(Og, V);
    ptrdiff_t C = v->C, Wp = fv_conv_cols(v);
    if (v->dw == 1 && v->groups == 1) { /* taps side by side are more channels */
        M_all = v->S * Cg;
        taps = 1;
    }
    const bool once = M_all <= 12 ||
                      (M_all >= 256 && vectors <= 4); /* reading x is the bottleneck */
    cut across = cut_even(vectors, once ? 4 : best_n(M_all, vectors));
    cut rows = cut_even(M_all, mmax[largest_of(&across)]);
    float panel[IMAGES_AT_ONCE * BAND] __attribute__((aligned(64)));
    int pixels = j.R * j.K;
    bool copy = v->O >= 256 && pixels * largest_of(&across) * V <= BAND;
    const job whole = j;
    bool partial = j.K < v->Q; /* of a row */
    ptrdiff_t on_x = partial ? j.K * j.ak : j.R * j.ar, on_dy = partial ? j.K * j.bk : j.R * j.br;
    const float *next_x = xp + on_x, *next_dy = dy + on_dy;         /* of the pixels after these */
    int runs = v->groups * across.count * v->R * taps * rows.count; /* each fetches a share */
    int share_x = (int)(on_x / L / runs) + 1, share_dy = (int)(on_dy / L / runs) + 1;
    j.cm = Og;
    for (int g = 0; g < v->groups; g++)
        for (int k = 0, o = 0; k < across.count; o += size_of(&across, k++) * V) {
            int N = size_of(&across, k);
            const float *b = dy + g * Og + o;
            size_t b_step = dy_step;
            if (copy) {
                copy_panel(&whole, images, N, b, dy_step, panel);
                b = panel, b_step = (size_t)pixels * N * V;
                j.bk = N * V, j.br = j.bk * j.K;
            }
            for (int rs = 0; rs < v->R * taps; rs++)
                for (int i = 0, m = 0; i < rows.count; m += size_of(&rows, i++)) {
                    int M = size_of(&rows, i);
                    ptrdiff_t tap = rs / taps * v->dh * Wp + rs % taps * v->dw;
                    j.c = dw + (((ptrdiff_t)g * v->R * taps + rs) * M_all + m) * Og + o;
                    fetch(&next_x, share_x), fetch(&next_dy, share_dy);
                    j.add = whole.add;
                    for (int image = 0; image < images; image++, j.add = true) {
                        j.a = xp + image * x_step + tap * C + g * Cg + m;
                        j.b = b + image * b_step;
                        j.partial = partial_of(N, Og - o);
                        tiles[NUMBERS][M][N](&j);
                    }
                }
        }
}

/* Some rows at once, or a part of one, so few pixels that a panel of dy stays in the first-level cache;
   if that is all of an image, a tile of dw stays there, too, for several images one after the other. */
static void backward_weight_channels(const fv_conv *v, int images, const float *xp, size_t x_step,
                                     const float *dyp, size_t dy_step, int from, int to, float *dw,
                                     float *db, bool first)
{
    const bool depthwise = fv_conv_is_depthwise(v);
    const ptrdiff_t O = v->O, line = fv_conv_dy_cols(v) * O, C = v->C;
    const ptrdiff_t xline = v->sh * fv_conv_cols(v) * C;
    dyp += v->left * O;
    const int most = 1 + BAND / (v->Q * 3 * V), rows = to - from;
    const cut partials = cut_even(v->Q, most > 1 || depthwise ? v->Q : BAND / (3 * V));
    const bool whole = rows <= most &&
                       partials.count == 1; /* else the order of the sum would change */
    const int group = whole && !depthwise ? IMAGES_AT_ONCE : 1;
    for (int i = 0; i < images; i += group) {
        int n = images - i < group ? images - i : group;
        for (int p = 0; p < rows; p += most)
            for (int k = 0, q = 0; k < partials.count; q += size_of(&partials, k++)) {
                const float *x = xp + i * x_step + (from + p) * xline + q * v->sw * C;
                const float *dy = dyp + i * dy_step + p * line + q * O;
                job j = {
                    .R = rows - p < most ? rows - p : most, .S = 1, .K = size_of(&partials, k)};
                j.ar = xline, j.ak = v->sw * C;
                j.b = dy, j.br = line, j.bk = O, j.bn = V, j.cn = V;
                j.add = !first || i > 0 || p > 0 || k > 0;
                if (depthwise)
                    weight_rows_depthwise(v, j, x, dw);
                else
                    weight_rows_channels(v, j, n, x, x_step, dy, dy_step, dw);
            }
        for (int k = i; db && k < i + n; k++)
            bias_gradient(dyp + k * dy_step, rows, v->Q, line, O, v->O, db, first && k == 0);
    }
}
