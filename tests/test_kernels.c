/*
 * test_kernels.c - every kernel set gives the bits of the reference; exp, log and the other
 * functions of scalar.h are as accurate as it says. test_golden.c compares the reference with
 * PyTorch.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/kernels.h"

enum { L = FV_LANES };

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

/* n numbers in -1..1 of which some are 0, as after a ReLU. */
static float *numbers(size_t n)
{
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = draw(4) ? (float)draw(1 << 20) / (1 << 19) - 1.0f : 0.0f;
    return x;
}

static float *copy_of(const float *x, size_t n)
{
    float *y = malloc(n * sizeof *y);
    memcpy(y, x, n * sizeof *y);
    return y;
}

static void same_bits(const float *a, const float *b, size_t n, const char *what, const char *set)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(a + i, b + i, sizeof *a) != 0)
            fail_msg("%s of %s at %zu: %.9g, reference %.9g", what, set, i, b[i], a[i]);
}

static const fv_kernels *set_named(const char *name)
{
    const char *why;
    return fv_kernels_pick(name, &why);
}

static const char *const sets[] = {"avx2", "avx512", "neon"};

static int outputs(int size, int taps, int stride, int pad, int dilation)
{
    int room = size + 2 * pad - dilation * (taps - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
}

/* A convolution of a random shape; P or Q may come out as 0, then it is none. Now and then
   depthwise, 1 x 1, or with more channels than two vectors have. */
static fv_conv random_conv(void)
{
    int kind = draw(8), groups = draw(3) ? 1 : 1 + (int)draw(3);
    fv_conv v = {.groups = groups,
                 .C = groups * (1 + (int)draw(7)),
                 .O = groups * (1 + (int)draw(19)),
                 .H = 1 + (int)draw(12),
                 .W = 1 + (int)draw(12),
                 .R = 1 + (int)draw(5),
                 .S = 1 + (int)draw(5),
                 .sh = 1 + (int)draw(3),
                 .sw = 1 + (int)draw(3),
                 .ph = (int)draw(3),
                 .pw = (int)draw(3),
                 .dh = 1 + (int)draw(2),
                 .dw = 1 + (int)draw(2)};
    if (kind == 0)
        v.groups = v.C = v.O = 1 + (int)draw(40);
    if (kind == 1)
        v.R = v.S = v.sh = v.sw = 1, v.ph = v.pw = 0;
    if (kind == 2)
        v.groups = 1, v.C = 1 + (int)draw(70), v.O = 1 + (int)draw(150);
    v.P = outputs(v.H, v.R, v.sh, v.ph, v.dh);
    v.Q = outputs(v.W, v.S, v.sw, v.pw, v.dw);
    fv_conv_margins(&v);
    return v;
}

/* A convolution of a random shape that F(2x2,5x5) takes. */
static fv_conv random_5x5(void)
{
    fv_conv v = {.C = 3 + (int)draw(FV_WINOGRAD5_CHANNELS_MAX - 2),
                 .O = 8 + (int)draw(12),
                 .H = 6 + (int)draw(12),
                 .W = 6 + (int)draw(12),
                 .R = 5,
                 .S = 5,
                 .sh = 1,
                 .sw = 1,
                 .ph = (int)draw(3),
                 .pw = (int)draw(3),
                 .dh = 1,
                 .dw = 1,
                 .groups = 1};
    v.P = outputs(v.H, 5, 1, v.ph, 1);
    v.Q = outputs(v.W, 5, 1, v.pw, 1);
    fv_conv_margins(&v);
    return v;
}

/* x of images [planes][area][width] in turn, transposed to [L][area][planes]: batch last to
   channels last. */
static float *transposed(const float *x, size_t planes, size_t area)
{
    size_t image = planes * area;
    float *y = numbers(image * L + L);
    for (size_t c = 0; c < planes; c++)
        for (size_t i = 0; i < area; i++)
            for (size_t l = 0; l < L; l++)
                y[l * image + i * planes + c] = x[(c * area + i) * L + l];
    return y;
}

/* Everything about a convolution in one layout, one after the other: y of all rows, y of half of
   them without bias, dx, dw twice, db twice. */
static float *run_conv(const fv_kernels *k, fv_layout layout, const fv_conv *v, fv_sum sum,
                       const float *x, const float *w, const float *b, const float *dy, size_t *n,
                       size_t partials[7])
{
    bool batch = layout == FV_BATCH_LAST;
    int Hp = fv_conv_rows(v), Wp = fv_conv_cols(v), half = v->P / 2, images = batch ? 1 : L;
    size_t lanes = batch ? L : 1, in = (size_t)v->C * v->H * v->W * lanes;
    size_t row = (size_t)v->O * v->Q * lanes, padded = (size_t)v->C * Hp * Wp * lanes;
    size_t dyp_size = (size_t)v->O * v->P * fv_conv_dy_cols(v) * lanes;
    size_t nw = (size_t)v->O * v->C / v->groups * v->R * v->S * lanes, nb = v->O * lanes;
    size_t sizes[] = {row * v->P, row * (v->P - half), in, nw, nb, nw, nb};
    const fv_conv_kernels *conv = k->conv + layout;
    float *xp = numbers(padded * images + L), *dyp = numbers(dyp_size * images + L);
    const fv_packing use = sum == FV_F2X2_5X5 ? FV_PACK_F2X2_5X5 : FV_PACK_FORWARD;
    float *packed = numbers(fv_conv_packed(v, use));
    float *back = numbers(fv_conv_packed(v, FV_PACK_INPUT));
    *n = 0;
    for (int i = 0; i < 7; i++)
        *n += partials[i] = sizes[i] * (i < 3 ? images : 1);
    float *out = calloc(*n + L, sizeof *out), *to = out;
    conv->pack(v, use, w, packed);
    conv->pack(v, FV_PACK_INPUT, w, back);
    for (int i = 0; i < images; i++) {
        k->pad(batch ? v->C : 1, batch ? L : v->C, v->H, v->W, x + i * in, Hp, Wp, v->ph, v->pw,
               xp + i * padded);
        k->pad_gradient(v, batch ? v->O : 1, batch ? L : v->O, dy + i * row * v->P,
                        dyp + i * dyp_size);
        conv->forward[sum](v, xp + i * padded, packed, b, to + i * sizes[0], 0, v->P);
    }
    to += sizes[0] * images;
    for (int i = 0; i < images; i++)
        conv->forward[sum](v, xp + i * padded, packed, NULL, to + i * sizes[1], half, v->P);
    to += sizes[1] * images;
    for (int i = 0; i < images; i++)
        conv->backward_input(v, dyp + i * dyp_size, back, to + i * in);
    to += in * images;
    conv->backward_weight(v, images, xp, padded, dyp, dyp_size, 0, v->P, to, to + nw, true);
    memcpy(to + nw + nb, to, (nw + nb) * sizeof *to);
    to += nw + nb; /* and some rows more, as if they came in bands */
    size_t skip = half * (dyp_size / v->P);
    conv->backward_weight(v, images, xp, padded, dyp + skip, dyp_size, half, v->P, to, to + nw,
                          false);
    free(xp), free(dyp), free(packed), free(back);
    return out;
}

static const char *const part_names[] = {
    "forward",  "forward of rows",         "backward_input", "backward_weight",
    "its bias", "backward_weight of rows", "its bias"};

static void compare_conv(const fv_conv *v, fv_sum sum, const fv_kernels *ref, const fv_kernels *set)
{
    size_t nx = (size_t)v->C * v->H * v->W * L, ny = (size_t)v->O * v->P * v->Q * L, n, partials[7];
    float *x = numbers(nx), *dy = numbers(ny), *b = numbers(v->O + L);
    float *w = numbers((size_t)v->O * v->C / v->groups * v->R * v->S);
    float *x2 = transposed(x, v->C, (size_t)v->H * v->W),
          *dy2 = transposed(dy, v->O, (size_t)v->P * v->Q);
    float *y[FV_LAYOUTS];
    for (int layout = 0; layout < FV_LAYOUTS; layout++) {
        const float *in = layout == FV_BATCH_LAST ? x : x2,
                    *out = layout == FV_BATCH_LAST ? dy : dy2;
        float *want = run_conv(ref, layout, v, sum, in, w, b, out, &n, partials);
        y[layout] = run_conv(set, layout, v, sum, in, w, b, out, &n, partials);
        for (size_t i = 0, at = 0; i < 7; at += partials[i++])
            same_bits(want + at, y[layout] + at, partials[i], part_names[i], set->name);
        free(want);
    }
    float *other = transposed(y[FV_BATCH_LAST], v->O, (size_t)v->P * v->Q);
    same_bits(other, y[FV_CHANNELS_LAST], ny, "forward in the other layout", set->name);
    free(x), free(dy), free(b), free(w), free(x2), free(dy2), free(other);
    free(y[0]), free(y[1]);
}

static void convolutions(void **state)
{
    (void)state;
    const fv_kernels *ref = set_named("ref");
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        const fv_kernels *set = set_named(sets[i]);
        int done = 0;
        while (set && done < 300) {
            const fv_sum sum = done % 10 ? FV_DIRECT : FV_F2X2_5X5;
            const fv_conv v = sum == FV_DIRECT ? random_conv() : random_5x5();
            if (v.P == 0 || v.Q == 0)
                continue;
            compare_conv(&v, sum, ref, set);
            done++;
        }
    }
}

/* Input gradients of pictures so large that they leave past the caches: memory must be aligned for
   it, and one set takes some panels of weights at a time. */
static void large_pictures(void **state)
{
    (void)state;
    const fv_conv v = {.C = 256,
                       .H = 46,
                       .W = 47,
                       .O = 64,
                       .P = 46,
                       .Q = 47,
                       .R = 1,
                       .S = 1,
                       .sh = 1,
                       .sw = 1,
                       .dh = 1,
                       .dw = 1,
                       .groups = 1};
    const size_t nx = (size_t)v.C * v.H * v.W, size = (nx + L) * sizeof(float);
    float *w = numbers((size_t)v.O * v.C), *dy = numbers((size_t)v.O * v.P * v.Q + L), *want = NULL;
    for (size_t i = 0; i <= sizeof sets / sizeof *sets; i++) {
        const fv_kernels *set = set_named(i ? sets[i - 1] : "ref");
        if (!set)
            continue;
        float *packed = numbers(fv_conv_packed(&v, FV_PACK_INPUT)),
              *dx = aligned_alloc(64, size / 64 * 64);
        set->conv[FV_CHANNELS_LAST].pack(&v, FV_PACK_INPUT, w, packed);
        set->conv[FV_CHANNELS_LAST].backward_input(&v, dy, packed, dx);
        free(packed);
        if (want) {
            same_bits(want, dx, nx, "backward_input of a large picture", set->name);
            free(dx);
        } else
            want = dx;
    }
    free(w), free(dy), free(want);
}

/* y and argmax, one after the other, of a convolution that pools; set NULL: by the three kernels of
   the reference that it stands for. */
static float *run_pooled(const fv_kernels *ref, const fv_kernels *set, const fv_conv *v, fv_sum sum,
                         const float *xp, const float *w, const float *b, size_t n)
{
    size_t rows = (size_t)v->P * v->Q * L;
    const fv_packing use = sum == FV_F2X2_5X5 ? FV_PACK_F2X2_5X5
                           : set              ? FV_PACK_POOLED
                                              : FV_PACK_FORWARD;
    float *packed = numbers(fv_conv_packed(v, use)), *y = numbers(v->O * rows);
    float *out = calloc(2 * n, sizeof *out);
    int32_t *argmax = (int32_t *)(void *)(out + n);
    fv_pool2d pool = {.H = v->P,
                      .W = v->Q,
                      .P = v->P / 2,
                      .Q = v->Q / 2,
                      .R = 2,
                      .S = 2,
                      .sh = 2,
                      .sw = 2,
                      .dh = 1,
                      .dw = 1};
    (set ? set : ref)->conv[FV_BATCH_LAST].pack(v, use, w, packed);
    if (set) {
        set->pooled->forward[sum](v, xp, packed, b, out, NULL);
        memcpy(y, out, n * sizeof *y);
        set->pooled->forward[sum](v, xp, packed, b, out, argmax);
        same_bits(out, y, n, "forward_pooled without argmax", set->name);
    } else {
        ref->conv[FV_BATCH_LAST].forward[sum](v, xp, packed, b, y, 0, v->P);
        ref->max_pool_forward(&pool, v->O, L, y, out, argmax, n / v->O);
        ref->relu_forward(n, out, out);
    }
    free(packed), free(y);
    return out;
}

static void pooled_convolutions(void **state)
{
    (void)state;
    const fv_kernels *ref = set_named("ref");
    for (int done = 0; done < 100;) {
        const fv_sum sum = done % 4 ? FV_DIRECT : FV_F2X2_5X5;
        const fv_conv v = sum == FV_DIRECT ? random_conv() : random_5x5();
        if (v.P < 2 || v.Q < 2)
            continue;
        size_t n = (size_t)v.O * (v.P / 2) * (v.Q / 2) * L;
        size_t nx = (size_t)v.C * fv_conv_rows(&v) * fv_conv_cols(&v) * L;
        float *xp = numbers(nx), *w = numbers((size_t)v.O * v.C / v.groups * v.R * v.S);
        float *b = numbers(v.O + L);
        for (int i = 0; i < 3; i++)
            xp[draw((uint32_t)nx)] = NAN;
        const float *bias = draw(2) ? b : NULL;
        float *want = run_pooled(ref, NULL, &v, sum, xp, w, bias, n);
        for (size_t i = 0; i <= sizeof sets / sizeof *sets; i++) {
            const fv_kernels *set = i ? set_named(sets[i - 1]) : ref;
            float *got = set ? run_pooled(ref, set, &v, sum, xp, w, bias, n) : NULL;
            if (got)
                same_bits(want, got, 2 * n, "forward_pooled", set->name);
            free(got);
        }
        free(xp), free(w), free(b), free(want);
        done++;
    }
}

/* Input gradients right from pooled ones; dx. */
static float *run_input_pooled(const fv_kernels *k, const fv_conv *v, const float *w,
                               const float *y, const float *dy, const int32_t *argmax)
{
    float *packed = numbers(fv_conv_packed(v, FV_PACK_SELECT)), *work = numbers(fv_select_work(v));
    float *dx = numbers((size_t)v->C * v->H * v->W * L);
    k->conv[FV_BATCH_LAST].pack(v, FV_PACK_SELECT, w, packed);
    k->pooled->input(v, packed, y, dy, argmax, work, dx);
    free(packed), free(work);
    return dx;
}

static void pooled_inputs(void **state)
{
    (void)state;
    const fv_kernels *ref = set_named("ref");
    for (int done = 0; done < 60;) {
        fv_conv v = random_conv();
        v.sh = v.sw = v.dh = v.dw = v.groups = 1;
        v.P = outputs(v.H, v.R, 1, v.ph, 1);
        v.Q = outputs(v.W, v.S, 1, v.pw, 1);
        if (v.P < 2 || v.Q < 2)
            continue;
        size_t n = (size_t)v.O * (v.P / 2) * (v.Q / 2) * L;
        float *w = numbers((size_t)v.O * v.C * v.R * v.S), *y = numbers(n), *dy = numbers(n);
        int32_t *argmax = malloc(n * sizeof *argmax);
        for (size_t i = 0; i < n; i++)
            argmax[i] = (int32_t)draw(4);
        float *want = run_input_pooled(ref, &v, w, y, dy, argmax);
        for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
            const fv_kernels *set = set_named(sets[i]);
            float *got = set ? run_input_pooled(set, &v, w, y, dy, argmax) : NULL;
            if (got)
                same_bits(want, got, (size_t)v.C * v.H * v.W * L, "input_pooled", set->name);
            free(got);
        }
        free(w), free(y), free(dy), free(argmax), free(want);
        done++;
    }
}

static void compare_linear(int K, int O, int blocks, const fv_kernels *ref, const fv_kernels *set)
{
    size_t Kp = fv_round_up(K), nx = (size_t)K * L, ny = (size_t)O * L, nw = (size_t)O * K;
    float *x = numbers(nx), *dy = numbers(blocks * ny);
    float *xt0 = numbers(L * Kp), *xt1 = numbers(L * Kp), *xt = numbers(blocks * L * Kp);
    float *dw0 = numbers(nw), *dw1 = copy_of(dw0, nw);

    ref->transpose_lanes(K, x, xt0);
    set->transpose_lanes(K, x, xt1);
    same_bits(xt0, xt1, L * Kp, "transpose", set->name);
    ref->linear_backward_weight(K, blocks, dy, ny, xt, L * Kp, dw0, 0, O);
    set->linear_backward_weight(K, blocks, dy, ny, xt, L * Kp, dw1, 0, O / 2);
    set->linear_backward_weight(K, blocks, dy, ny, xt, L * Kp, dw1, O / 2, O);
    same_bits(dw0, dw1, nw, "linear_backward_weight", set->name);
    float *all[] = {x, dy, xt0, xt1, xt, dw0, dw1};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void linear_layers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        for (int n = 0; n < 100 && set_named(sets[i]); n++)
            compare_linear(1 + (int)draw(90), 1 + (int)draw(50), 1 + (int)draw(4), set_named("ref"),
                           set_named(sets[i]));
}

/* One after the other into out: a pooling with windows that overlap, one whose windows do not. */
static void pool(const fv_kernels *k, const fv_pool2d *v, const float *x, const float *dy,
                 float *out)
{
    size_t ny = (size_t)v->C * v->P * v->Q * L;
    int32_t *argmax = calloc(ny, sizeof *argmax);
    k->max_pool_forward(v, v->C, L, x, out, argmax, (size_t)v->P * v->Q * L);
    k->max_pool_backward(v, v->C, L, dy, argmax, out + ny);
    free(argmax);
}

/* Softmax, ReLU, pooling, sums. */
static void elementwise(void **state)
{
    (void)state;
    enum { C = 10, N = C * 6 * L };
    fv_pool2d overlap = {.C = C,
                         .H = 3,
                         .W = 2,
                         .P = 2,
                         .Q = 2,
                         .R = 3,
                         .S = 2,
                         .sh = 2,
                         .sw = 1,
                         .ph = 1,
                         .pw = 1,
                         .dh = 1,
                         .dw = 1};
    fv_pool2d tiled = {
        .C = C, .H = 3, .W = 2, .P = 1, .Q = 2, .R = 3, .S = 1, .sh = 3, .sw = 1, .dh = 1, .dw = 1};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        const fv_kernels *k[2] = {set_named("ref"), set_named(sets[i])};
        float *x = numbers(N), *dy = numbers(N), *out[2] = {0};
        x[5] = NAN;
        for (int s = 0; k[1] && s < 2; s++) {
            float *o = out[s] = calloc(9 * N, sizeof *o);
            k[s]->softmax_forward(true, 1, C, 6 * L, dy, o);
            k[s]->softmax_backward(true, 1, C, 6 * L, o, dy, o + N);
            k[s]->relu_forward(N, x, o + 2 * N);
            k[s]->relu_backward(N, x, dy, o + 3 * N);
            pool(k[s], &overlap, x, dy, o + 4 * N);
            pool(k[s], &tiled, x, dy, o + 6 * N);
            k[s]->sum_lanes(C * 2, 3, dy, C * 2 * L, o + 8 * N);
        }
        if (k[1])
            same_bits(out[0], out[1], 9 * N, "an elementwise kernel", k[1]->name);
        free(x);
        free(dy);
        free(out[0]);
        free(out[1]);
    }
}

/* Where curves and softmax differ, and where they end. */
static float *special_numbers(size_t n)
{
    static const float special[] = {NAN,     -0.0f,  0.0f,   INFINITY, -INFINITY, 1e-40f,
                                    -1e-40f, 3e38f,  -3e38f, 6.0f,     -3.0f,     3.0f,
                                    88.0f,   -88.0f, 0.625f, 1e-20f};
    float *x = numbers(n);
    for (size_t i = 0; i < n; i++)
        x[i] = i < 16 ? special[i] : x[i] * (float)(1 << i % 8);
    return x;
}

static void acts(void **state)
{
    (void)state;
    enum { N = 60 * L };
    float *x = special_numbers(N), *dy = numbers(N), *y[2], *dx[2];
    for (int s = 0; s < 2; s++)
        y[s] = numbers(N), dx[s] = numbers(N);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        for (int c = 0; c < FV_ACTS && set_named(sets[i]); c++) {
            const fv_kernels *k[2] = {set_named("ref"), set_named(sets[i])};
            for (int s = 0; s < 2; s++) {
                k[s]->acts[c].forward(N, 0.3f, 2.0f, x, y[s]);
                k[s]->acts[c].backward(N, 0.3f, 2.0f, c < FV_ACT_BY_Y ? y[0] : x, dy, dx[s]);
            }
            same_bits(y[0], y[1], N, "a curve", k[1]->name);
            same_bits(dx[0] + L, dx[1] + L, N - L, "a curve's backward", k[1]->name);
            memcpy(y[1], x, N * sizeof *x);
            k[1]->acts[c].forward(N, 0.3f, 2.0f, y[1], y[1]);
            same_bits(y[0], y[1], N, "a curve in place", k[1]->name);
        }
    for (int c = 0; c < FV_ACTS; c++) { /* NaN stays NaN; large numbers give none */
        set_named("ref")->acts[c].forward(N, 0.3f, 2.0f, x, y[0]);
        set_named("ref")->acts[c].backward(N, 0.3f, 2.0f, c < FV_ACT_BY_Y ? y[0] : x, dy, dx[0]);
        assert_memory_equal(x, y[0], sizeof *x);
        for (int n = 1; n < N; n++)
            if (isfinite(x[n]))
                assert_true(isfinite(y[0][n]) && isfinite(dx[0][n]));
    }
    for (int s = 0; s < 2; s++)
        free(y[s]), free(dx[s]);
    free(x), free(dy);
}

/* Products and softmax of odd widths; out has room for N floats six times. */
static void run_rows(const fv_kernels *k, const float *x, const float *dy, float *out)
{
    enum { R = 37, W = 21, N = R * W };
    for (int log = 0; log < 2; log++) {
        k->softmax_forward(log, 3, 7, W, x, out);
        k->softmax_backward(log, 3, 7, W, out, dy, out + N);
        k->softmax_forward(log, 30, W, 1, x, out + 2 * N);
        k->softmax_backward(log, 30, W, 1, out, dy, out + 3 * N);
        out += 4 * N;
    }
    k->scale(R, W, 1, R, x, dy, NULL, out);
    k->scale(R, W, 0, 1, x, dy, x + W, out + N);
    k->scale_sums(R, W, 1, R, x, dy, out + 2 * N);
    k->scale_sums(R, W, 0, 1, x, dy, out + 3 * N);
    k->scale_sums(R, W, 0, 0, x, NULL, out + 4 * N);
    k->scale_sums(R, W, W, 1, x, dy, out + 5 * N);
}

static void rows(void **state)
{
    (void)state;
    enum { N = 14 * 37 * 21 };
    float *x = numbers(N), *dy = numbers(N);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        const fv_kernels *k[2] = {set_named("ref"), set_named(sets[i])};
        float *out[2] = {calloc(N, sizeof *x), calloc(N, sizeof *x)};
        for (int s = 0; k[1] && s < 2; s++)
            run_rows(k[s], x, dy, out[s]);
        same_bits(out[0], out[1], N, "softmax or a product", sets[i]);
        free(out[0]), free(out[1]);
    }
    free(x), free(dy);
}

/* Normalisation and resampling of [R][W], one after the other; live columns of W. */
static void run_norm(const fv_kernels *k, const float *x, const float *dy, int live, float *out)
{
    enum { R = 77, W = 37, N = R * W };
    static const fv_span rows[] = {{0, 0, 0, 0}, {1, 3, 0.5f, 0.25f}, {5, 1, 1.5f, 0}};
    static const fv_span cols[] = {{2, 2, 0.75f, 0.25f}, {0, 4, 1, 0.125f}};
    const fv_resample v = {R / 11, 11, 3, 2, rows, cols, 0.5f};
    double *sums = (double *)(void *)(out + 6 * N);
    k->moments(R, W, live, x, dy, sums, sums + W);
    k->moments_backward(R, W, live, x, dy, NULL, x, sums + 2 * W, sums + 3 * W);
    k->moments_backward(R, W, live, x, dy, x + W, dy, sums + 2 * W, sums + 3 * W);
    k->norm_forward(R, W, x, dy, dy + W, x + W, false, out);
    k->norm_forward(R, W, x, dy, dy + W, x + W, true, out + N);
    k->norm_backward(R, W, live, x, dy, NULL, x, dy + W, x + W, dy, out + 2 * N);
    k->norm_backward(R, W, live, x, dy, x, x, dy + W, x + W, dy, out + 3 * N);
    k->resample_forward(&v, 1, W, x, out + 4 * N);
    k->resample_backward(&v, 1, W, dy, out + 5 * N);
}

static void norms(void **state)
{
    (void)state;
    enum { N = 80 * 37, ALL = 7 * N };
    float *x = numbers(N), *dy = numbers(N);
    for (int i = 0; i < 6; i++) {
        const char *name = sets[i / 2];
        const fv_kernels *k[2] = {set_named("ref"), set_named(name)};
        float *out[2] = {calloc(ALL, sizeof *x), calloc(ALL, sizeof *x)};
        for (int s = 0; k[1] && s < 2; s++)
            run_norm(k[s], x, dy, i % 2 ? 37 : 20, out[s]);
        same_bits(out[0], out[1], ALL, "normalisation or resampling", name);
        free(out[0]), free(out[1]);
    }
    free(x), free(dy);
}

/* Distance of y from the true value in units of the last place of a float there. */
static double ulps(float y, double exact)
{
    int e;
    frexp(exact, &e);
    return fabs((double)y - exact) / ldexp(1.0, (e < -125 ? -125 : e) - 24);
}

static void exp_and_log(void **state)
{
    (void)state;
    double worst_exp = 0, worst_log = 0;
    for (uint32_t bits = 0; bits < 0x7f800000u; bits += 997) {
        float x;
        memcpy(&x, &bits, sizeof x);
        if (bits > 0) {
            double u = ulps(fv_log(x), log(x));
            worst_log = u > worst_log ? u : worst_log;
        }
        for (int sign = -1; sign <= 1; sign += 2) {
            float z = sign * x;
            if (z > 88.72f || z < -103.9f)
                continue;
            double u = ulps(fv_exp(z), exp(z));
            worst_exp = u > worst_exp ? u : worst_exp;
        }
    }
    if (worst_exp > 1.1 || worst_log > 1.0)
        fail_msg("worst error in ulp: exp %.3f, log %.3f", worst_exp, worst_log);
    assert_true(fv_exp(-200.0f) == 0.0f && fv_exp(-INFINITY) == 0.0f);
    assert_true(fv_exp(100.0f) == INFINITY && fv_exp(INFINITY) == INFINITY);
    assert_true(fv_exp(0.0f) == 1.0f && fv_log(1.0f) == 0.0f);
    assert_true(fv_log(0.0f) == -INFINITY && fv_log(INFINITY) == INFINITY);
    assert_true(isnan(fv_log(-1.0f)) && isnan(fv_log(NAN)) && isnan(fv_exp(NAN)));
}

static double worse(double worst, float y, double exact)
{
    double u = ulps(y, exact);
    return u > worst ? u : worst;
}

/* softplus and mish over all magnitudes, both signs, against the double functions of libm. */
static void softplus_and_mish(void **state)
{
    (void)state;
    const fv_kernels *k = set_named("ref");
    double worst[2] = {0};
    for (uint32_t bits = 0; bits < 0x7f800000u; bits += 4999) {
        float x[L], y[2][L], dy[L], dx[2][L];
        memcpy(x, &bits, sizeof *x);
        for (int i = 0; i < L; i++)
            x[i] = i % 2 ? -*x : *x, dy[i] = 1;
        k->acts[FV_ACT_SOFTPLUS].forward(L, 2, 20, x, y[0]);
        k->acts[FV_ACT_SOFTPLUS].backward(L, 2, 20, x, dy, dx[0]);
        k->acts[FV_ACT_MISH].forward(L, 0, 0, x, y[1]);
        k->acts[FV_ACT_MISH].backward(L, 0, 0, x, dy, dx[1]);
        for (int i = 0; i < 2; i++) {
            double z = (double)x[i], e = exp(z), t = tanh(log1p(e)), s = 1 / (1 + exp(-z));
            double t_over = z < -20 ? e : t; /* tanh(log1p(e)) rounds to e there */
            if (2 * z <= 20) {
                worst[0] = worse(worst[0], y[0][i], log1p(exp(2 * z)) / 2);
                worst[0] = worse(worst[0], dx[0][i], 1 / (1 + exp(-2 * z)));
            } else {
                assert_true(y[0][i] == x[i] && dx[0][i] == 1);
            }
            if (z > -86) /* below, e^x is no normal number */
                worst[1] = worse(worst[1], y[1][i], z * t_over);
            else
                assert_true(fabs((double)y[1][i]) < 1e-35);
            double slope = t + (s > 0 ? z * (1 - t * t) * s : 0);
            assert_true(fabs((double)dx[1][i] - slope) <= 1e-6);
        }
    }
    if (worst[0] > 4 || worst[1] > 6)
        fail_msg("worst error in ulp: softplus %.3f, mish %.3f", worst[0], worst[1]);
}

static void tanh_and_kin(void **state)
{
    (void)state;
    double worst_tanh = 0, worst_sigmoid = 0, worst_normal = 0;
    for (uint32_t bits = 0; bits < 0x7f800000u; bits += 4999)
        for (int sign = -1; sign <= 1; sign += 2) {
            float size, x;
            memcpy(&size, &bits, sizeof size);
            x = (float)sign * size;
            worst_tanh = worse(worst_tanh, fv_tanh_f32(x), tanh((double)x));
            worst_sigmoid = worse(worst_sigmoid, fv_sigmoid_f32(x), 1 / (1 + exp(-(double)x)));
            worst_normal = worse(worst_normal, fv_normal_f32(x), erfc(-(double)x / sqrt(2)) / 2);
        }
    if (worst_tanh > 1.4 || worst_sigmoid > 2.5 || worst_normal > 6.0)
        fail_msg("worst error in ulp: tanh %.3f, sigmoid %.3f, normal %.3f", worst_tanh,
                 worst_sigmoid, worst_normal);
    assert_true(fv_tanh_f32(INFINITY) == 1.0f && fv_tanh_f32(-INFINITY) == -1.0f);
    assert_true(fv_sigmoid_f32(INFINITY) == 1.0f && fv_sigmoid_f32(-INFINITY) == 0.0f);
    assert_true(fv_normal_f32(INFINITY) == 1.0f && fv_normal_f32(-INFINITY) == 0.0f);
    assert_true(isnan(fv_tanh_f32(NAN)) && isnan(fv_sigmoid_f32(NAN)) && isnan(fv_normal_f32(NAN)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions),
        cmocka_unit_test(large_pictures),
        cmocka_unit_test(pooled_convolutions),
        cmocka_unit_test(pooled_inputs),
        cmocka_unit_test(linear_layers),
        cmocka_unit_test(elementwise),
        cmocka_unit_test(acts),
        cmocka_unit_test(rows),
        cmocka_unit_test(norms),
        cmocka_unit_test(exp_and_log),
        cmocka_unit_test(tanh_and_kin),
        cmocka_unit_test(softplus_and_mish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
