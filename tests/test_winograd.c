/*
 * test_winograd.c - Winograd convolutions against textbook loops in double, relative L2 1e-5, in
 * both layouts, for sizes with partial tiles, rows of tiles of several images and partial last
 * blocks; the same bits with every kernel set, forward in both layouts, and single images as in a
 * batch; and fused pooling as separate.
 */
#include "testing.h"

#include <math.h>

#include "net/net.h"

static const struct {
    int kernel, C, O, H, W, padding, images;
} shapes[] = {
    {3, 32, 64, 6, 6, 1, 3},   {3, 33, 65, 5, 7, 1, 19},  {3, 64, 32, 4, 3, 0, 18},
    {3, 48, 50, 9, 4, 2, 2},   {3, 40, 61, 20, 13, 1, 2}, {3, 32, 80, 3, 8, 0, 1},
    {3, 70, 33, 1, 2, 1, 17},  {3, 64, 64, 18, 26, 1, 1}, {5, 3, 16, 9, 8, 0, 3},
    {5, 6, 17, 14, 14, 0, 18}, {5, 16, 8, 6, 7, 1, 2},    {5, 4, 40, 7, 70, 2, 17},
    {5, 13, 9, 6, 6, 0, 1},    {5, 16, 33, 5, 9, 1, 1},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* What one net computes; all arrays belong to the struct. */
typedef struct results {
    float *y, *dx, *dw, *db;
} results;

static void release(results *r)
{
    free(r->y), free(r->dx), free(r->dw), free(r->db);
}

static float *copy_of(const float *x, size_t n)
{
    float *y = malloc(n * sizeof *y);
    memcpy(y, x, n * sizeof *y);
    return y;
}

static double distance(const float *found, const double *wanted, size_t n)
{
    double off = 0, all = 0;
    for (size_t i = 0; i < n; i++) {
        off += (found[i] - wanted[i]) * (found[i] - wanted[i]);
        all += wanted[i] * wanted[i];
    }
    return sqrt(off / all);
}

/* ---- in a book ------------------------------------------------------------------------------ */

typedef struct book {
    double *y, *dx, *dw, *db;
} book;

static book textbook(int i, const float *x, const float *w, const float *b, const float *dy)
{
    const int C = shapes[i].C, O = shapes[i].O, H = shapes[i].H, W = shapes[i].W;
    const int pad = shapes[i].padding, R = shapes[i].kernel;
    const int P = H + 2 * pad - R + 1, Q = W + 2 * pad - R + 1, taps = C * R * R;
    const int N = shapes[i].images;
    book k = {calloc((size_t)N * O * P * Q, 8), calloc((size_t)N * C * H * W, 8),
              calloc((size_t)O * taps, 8), calloc((size_t)O, 8)};
    for (int n = 0; n < N; n++)
        for (int o = 0; o < O; o++)
            for (int p = 0; p < P; p++)
                for (int q = 0; q < Q; q++) {
                    size_t out = (((size_t)n * O + o) * P + p) * Q + q;
                    k.y[out] = b[o];
                    k.db[o] += dy[out];
                    for (int t = 0; t < taps; t++) {
                        int c = t / R / R, h = p + t / R % R - pad, v = q + t % R - pad;
                        if (h < 0 || h >= H || v < 0 || v >= W)
                            continue;
                        size_t in = (((size_t)n * C + c) * H + h) * W + v,
                               at = (size_t)o * taps + t;
                        k.y[out] += (double)w[at] * x[in];
                        k.dw[at] += (double)dy[out] * x[in];
                        k.dx[in] += (double)dy[out] * w[at];
                    }
                }
    return k;
}

/* ---- by a net ------------------------------------------------------------------------------- */

static fv_node conv_of(fv_ctx *ctx, int i)
{
    fv_node x = fv_input(ctx, shapes[i].C, shapes[i].H, shapes[i].W, .requires_grad = true);
    return fv_conv2d(x, shapes[i].O, shapes[i].kernel, .padding = shapes[i].padding);
}

/* Forward and backward of `images` of x; dy NULL: forward alone. */
static results run(fv_net *net, int i, int images, const float *x, const float *dy)
{
    fv_batch batch = {.n = images,
                      .channels = shapes[i].C,
                      .height = shapes[i].H,
                      .width = shapes[i].W,
                      .type = FV_F32,
                      .pixels = x};
    int c, h, w;
    results r = {0};
    assert_int_equal(fv_forward(net, &batch), FV_OK);
    fv_output_shape(net, &c, &h, &w);
    r.y = copy_of(fv_output(net), (size_t)images * c * h * w);
    if (!dy)
        return r;
    fv_zero_grad(net);
    assert_int_equal(fv_output_gradient(net, dy), FV_OK);
    assert_int_equal(fv_backward(net), FV_OK);
    fv_param weight = fv_param_at(net, 0), bias = fv_param_at(net, 1);
    size_t in = (size_t)images * shapes[i].C * shapes[i].H * shapes[i].W;
    r.dx = copy_of(fv_input_gradient(net), in);
    r.dw = copy_of(weight.grad, (size_t)weight.count);
    r.db = copy_of(bias.grad, (size_t)bias.count);
    return r;
}

static int area_of(int i)
{
    const int grown = 2 * shapes[i].padding - shapes[i].kernel + 1;
    return (shapes[i].H + grown) * (shapes[i].W + grown);
}

static size_t weights_of(int i)
{
    return (size_t)shapes[i].O * shapes[i].C * shapes[i].kernel * shapes[i].kernel;
}

static void compare(int i, fv_layout layout, const results *r, const book *k)
{
    const int O = shapes[i].O, out = area_of(i);
    const size_t in = (size_t)shapes[i].C * shapes[i].H * shapes[i].W;
    const double off[] = {distance(r->y, k->y, (size_t)shapes[i].images * O * out),
                          distance(r->dx, k->dx, shapes[i].images * in),
                          distance(r->dw, k->dw, weights_of(i)), distance(r->db, k->db, (size_t)O)};
    for (int a = 0; a < 4; a++)
        if (!(off[a] <= 1e-5))
            fail_msg("shape %d, layout %d: array %d is off by %g", i, layout, a, off[a]);
}

static void assert_same(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i])
            fail_msg("number %zu of %zu is %.9g in one, %.9g in the other", i, n, (double)a[i],
                     (double)b[i]);
}

/* The forward sum of a layer, the same in both layouts. */
static fv_sum forward_of(const fv_net *net, int layer)
{
    const fv_conv_form *form = net->defs[layer].form;
    assert_int_equal(form[0].numbers.forward, form[1].numbers.forward);
    return form[0].numbers.forward;
}

/* The pass in both layouts by that set of kernels: the first against the book, the others against
   the first. */
static void check_set(int i, const char *kernels, const float *x, const float *dy,
                      results first[FV_LAYOUTS])
{
    const int N = shapes[i].images, O = shapes[i].O, out = area_of(i);
    const size_t image = (size_t)shapes[i].C * shapes[i].H * shapes[i].W;
    fv_ctx *ctx = fv_open(&(fv_options){.seed = 7, .threads = 2, .kernels = kernels});
    fv_net *net = fv_net_new(conv_of(ctx, i));
    assert_int_equal(fv_error(ctx), FV_OK);
    assert_int_equal(forward_of(net, 1), shapes[i].kernel == 3 ? FV_F2X2_3X3 : FV_F2X2_5X5);
    for (int layout = 0; layout < FV_LAYOUTS; layout++) {
        net->layout = (fv_layout)layout;
        results r = run(net, i, N, x, dy), *f = first + layout;
        if (!f->y) {
            book k = textbook(i, x, fv_param_at(net, 0).value, fv_param_at(net, 1).value, dy);
            compare(i, (fv_layout)layout, &r, &k);
            assert_same(r.y, layout ? first[0].y : r.y, (size_t)N * O * out);
            free(k.y), free(k.dx), free(k.dw), free(k.db);
            *f = r;
            continue;
        }
        assert_same(r.y, f->y, (size_t)N * O * out);
        assert_same(r.dx, f->dx, N * image);
        assert_same(r.dw, f->dw, weights_of(i));
        assert_same(r.db, f->db, (size_t)O);
        release(&r);
    }
    net->layout = FV_LAYOUTS;
    results alone = run(net, i, 1, x + (N - 1) * image, NULL);
    assert_same(alone.y, first[0].y + (size_t)(N - 1) * O * out, (size_t)O * out);
    release(&alone);
    fv_close(ctx);
}

static void test_textbook(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        const size_t N = shapes[i].images, in = N * shapes[i].C * shapes[i].H * shapes[i].W;
        float *x = random_floats(in, (uint32_t)i);
        float *dy = random_floats(N * shapes[i].O * area_of(i), (uint32_t)i + 50);
        results first[FV_LAYOUTS] = {{0}};
        char sets[64], *rest = sets;
        snprintf(sets, sizeof sets, "%s", fv_kernels_available());
        for (char *set = strtok_r(sets, " ", &rest); set; set = strtok_r(NULL, " ", &rest))
            check_set(i, set, x, dy, first);
        release(first), release(first + 1);
        free(x), free(dy);
    }
}

/* The convolution, relu and pooling, of which the last two are outputs, too, if apart: a second
   reader of what is between layers keeps them from running as one. */
static fv_net *pooled_net(fv_ctx *ctx, int i, int window, bool apart)
{
    fv_manual_seed(ctx, 7);
    fv_node y = conv_of(ctx, i);
    fv_node outputs[] = {fv_max_pool2d(fv_relu(y), window), y};
    return fv_net_new_outputs(outputs, apart ? 2 : 1);
}

static void test_pooled(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++)
        for (int window = 2; window <= 3; window++) {
            const int N = shapes[i].images, grown = 2 * shapes[i].padding - shapes[i].kernel + 1;
            if (shapes[i].H + grown < window || shapes[i].W + grown < window)
                continue;
            fv_ctx *ctx = fv_open(NULL);
            fv_net *together = pooled_net(ctx, i, window, false);
            fv_net *apart = pooled_net(ctx, i, window, true);
            assert_int_equal(together->defs[2].op == &fv_op_relu_done,
                             window == 2 || shapes[i].kernel == 5);
            assert_false(apart->defs[2].op == &fv_op_relu_done);
            int c, h, w;
            fv_output_shape(together, &c, &h, &w);
            const size_t in = (size_t)N * shapes[i].C * shapes[i].H * shapes[i].W;
            const size_t out = (size_t)N * c * h * w, weights = fv_weights(together->defs + 1);
            float *x = random_floats(in, (uint32_t)i), *dy = random_floats(out, (uint32_t)i + 50);
            for (int layout = 0; layout < FV_LAYOUTS; layout++) {
                together->layout = apart->layout = (fv_layout)layout;
                results one = run(together, i, N, x, dy), three = run(apart, i, N, x, dy);
                assert_same(one.y, three.y, out);
                if (shapes[i].kernel == 3) { /* else each sums up in its own order */
                    assert_same(one.dx, three.dx, in);
                    assert_same(one.dw, three.dw, weights);
                    assert_same(one.db, three.db, (size_t)c);
                }
                release(&one), release(&three);
            }
            free(x), free(dy);
            fv_close(ctx);
        }
}

/* Which layers run by tiles: many channels by 3 x 3, few by 5 x 5. */
static void test_which(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(NULL);
    fv_node x = fv_input(ctx, 64, 12, 12);
    fv_node ends[] = {fv_conv2d(x, 64, 3, .padding = 1),
                      fv_conv2d(x, 32, 3, .padding = FV_SAME),
                      fv_conv2d(x, 31, 3),
                      fv_conv2d(x, 64, 3, .stride = 2),
                      fv_conv2d(x, 64, 3, .dilation = 2),
                      fv_conv2d(x, 64, 3, .groups = 2),
                      fv_conv2d(x, 64, 5),
                      fv_conv2d(x, 64, 3, .padding = 1, .padding_mode = FV_PADDING_REFLECT)};
    const int n = (int)(sizeof ends / sizeof *ends);
    fv_net *net = fv_net_new_outputs(ends, n);
    assert_non_null(net);
    for (int i = 0; i < n; i++) {
        assert_int_equal(forward_of(net, 1 + i), i < 2 ? FV_F2X2_3X3 : FV_DIRECT);
    }
    fv_node rgb = fv_input(ctx, 3, 12, 12);
    fv_node winograd5[] = {fv_conv2d(rgb, 16, 5), fv_conv2d(rgb, 16, 5, .padding = 2),
                           fv_conv2d(rgb, 15, 5), fv_conv2d(rgb, 16, 5, .stride = 2),
                           fv_conv2d(rgb, 16, FV_HW(5, 3))};
    net = fv_net_new_outputs(winograd5, 5);
    assert_non_null(net);
    for (int i = 0; i < 5; i++)
        assert_int_equal(forward_of(net, 1 + i), i < 2 ? FV_F2X2_5X5 : FV_DIRECT);
    net = fv_net_new(fv_conv2d(fv_input(ctx, 64, 3, 3), 64, 3));
    assert_non_null(net); /* a kernel as large as its input: other sums in each layout */
    assert_int_equal(net->defs[1].form[FV_BATCH_LAST].numbers.forward, FV_LINEAR);
    assert_int_equal(net->defs[1].form[FV_BATCH_LAST].numbers.weights, FV_DW_LINEAR);
    assert_int_equal(net->defs[1].form[FV_CHANNELS_LAST].numbers.forward, FV_DIRECT);
    assert_int_equal(net->defs[1].form[FV_CHANNELS_LAST].numbers.weights, FV_DW_DIRECT);
    net = fv_net_new(fv_conv_transpose2d(fv_input(ctx, 16, 8, 8), 3, 5));
    assert_non_null(net);
    assert_int_equal(net->defs[1].form[FV_BATCH_LAST].numbers.inputs, FV_DX_F2X2_5X5);
    assert_int_equal(fv_error(ctx), FV_OK);
    fv_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_textbook),
                                       cmocka_unit_test(test_pooled), cmocka_unit_test(test_which)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
