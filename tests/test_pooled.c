/*
 * test_pooled.c - gradients of a convolution fused with pooling, batch last: of its weights, from
 * the argmax and by windows of 2 x 2, and of its input, by select. Against textbook loops in
 * double, relative L2 1e-5, for windows, paddings and numbers of images of all kinds, some without
 * a gradient, outputs split over several calls; the same bits with every kernel set and any number
 * of threads; and which layers use which method.
 */
#include "testing.h"

#include <math.h>

#include "net/net.h"

static const struct {
    int C, O, H, W, kernel, padding, down, across, images;
    bool argmax, select;
} shapes[] = {
    {6, 16, 14, 14, 5, 0, 2, 2, 20, true, true},  {3, 8, 12, 31, 5, 2, 2, 2, 16, true, true},
    {16, 9, 9, 7, 3, 1, 3, 2, 3, true, false},    {13, 8, 15, 12, 5, 1, 2, 3, 17, true, false},
    {20, 11, 8, 70, 3, 0, 4, 1, 33, true, false}, {16, 8, 17, 18, 2, 0, 8, 8, 18, true, false},
    {7, 10, 16, 11, 7, 3, 2, 2, 5, true, true},   {33, 8, 6, 140, 4, 0, 2, 2, 1, true, false},
    {6, 9, 40, 36, 5, 0, 2, 2, 2, true, true},    {1, 6, 28, 28, 5, 2, 2, 2, 20, false, true},
    {2, 5, 9, 70, 3, 1, 2, 2, 16, false, true},   {5, 7, 8, 9, 4, 0, 2, 2, 3, false, false},
    {3, 4, 7, 2, 1, 0, 2, 2, 17, false, false},   {1, 1, 5, 140, 2, 0, 2, 2, 1, false, false},
    {8, 1, 11, 9, 5, 2, 2, 2, 17, false, true},   {5, 6, 13, 10, 6, 1, 2, 2, 3, false, true},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static int rows_of(int i)
{
    return shapes[i].H + 2 * shapes[i].padding - shapes[i].kernel + 1;
}

static int cols_of(int i)
{
    return shapes[i].W + 2 * shapes[i].padding - shapes[i].kernel + 1;
}

static size_t input_count(int i)
{
    return (size_t)shapes[i].C * shapes[i].H * shapes[i].W;
}

static size_t output_count(int i)
{
    return (size_t)shapes[i].O * (rows_of(i) / shapes[i].down) * (cols_of(i) / shapes[i].across);
}

/* ---- in a book ------------------------------------------------------------------------------ */

/* Which input is under tap t of output p, q, or -1 in the padding. */
static ptrdiff_t under(int i, int t, int p, int q)
{
    const int K = shapes[i].kernel, c = t / (K * K);
    const int h = p + t / K % K - shapes[i].padding, w = q + t % K - shapes[i].padding;
    if (h < 0 || h >= shapes[i].H || w < 0 || w >= shapes[i].W)
        return -1;
    return ((ptrdiff_t)c * shapes[i].H + h) * shapes[i].W + w;
}

/* What output o of one image adds to the gradients of its weights, its bias and the image. */
static void book_output(int i, const float *x, const float *w, float b, const float *dy, double *dw,
                        double *db, double *dx)
{
    const int taps = shapes[i].C * shapes[i].kernel * shapes[i].kernel;
    const int down = shapes[i].down, across = shapes[i].across;
    for (int r = 0; r < rows_of(i) / down; r++)
        for (int s = 0; s < cols_of(i) / across; s++, dy++) {
            double best = -INFINITY;
            int at = 0;
            for (int k = 0; k < down * across; k++) {
                double y = b;
                for (int t = 0; t < taps; t++) {
                    const ptrdiff_t in = under(i, t, r * down + k / across,
                                               s * across + k % across);
                    y += in < 0 ? 0 : (double)w[t] * x[in];
                }
                if (y > best)
                    best = y, at = k;
            }
            if (best <= 0)
                continue;
            *db += *dy;
            for (int t = 0; t < taps; t++) {
                const ptrdiff_t in = under(i, t, r * down + at / across, s * across + at % across);
                dw[t] += in < 0 ? 0 : (double)*dy * x[in];
                if (in >= 0)
                    dx[in] += (double)*dy * w[t];
            }
        }
}

/* ---- by a net ------------------------------------------------------------------------------- */

/* Whether gradients batch last go by the argmax and by select; channels last neither does. */
static void assert_form(const fv_net *net, bool argmax, bool select)
{
    const fv_conv_form *form = net->defs[1].form;
    assert_int_equal(form[FV_BATCH_LAST].numbers.weights == FV_DW_ARGMAX, argmax);
    assert_int_equal(form[FV_BATCH_LAST].numbers.inputs == FV_DX_SELECT, select);
    assert_int_not_equal(form[FV_CHANNELS_LAST].numbers.weights, FV_DW_ARGMAX);
    assert_int_not_equal(form[FV_CHANNELS_LAST].numbers.inputs, FV_DX_SELECT);
}

static fv_net *net_of(fv_ctx *ctx, int i)
{
    fv_node x = fv_input(ctx, shapes[i].C, shapes[i].H, shapes[i].W, .requires_grad = true);
    x = fv_conv2d(x, shapes[i].O, shapes[i].kernel, .padding = shapes[i].padding);
    fv_net *net = fv_net_new(fv_max_pool2d(fv_relu(x), FV_HW(shapes[i].down, shapes[i].across)));
    assert_int_equal(fv_error(ctx), FV_OK);
    assert_form(net, shapes[i].argmax, shapes[i].select);
    net->layout = FV_BATCH_LAST;
    return net;
}

/* dw, db and dx of the images; the caller frees them. */
static float *gradients(fv_net *net, int i, const float *x, const float *dy)
{
    fv_batch batch = {.n = shapes[i].images,
                      .channels = shapes[i].C,
                      .height = shapes[i].H,
                      .width = shapes[i].W,
                      .type = FV_F32,
                      .pixels = x};
    assert_int_equal(fv_forward(net, &batch), FV_OK);
    fv_zero_grad(net);
    assert_int_equal(fv_output_gradient(net, dy), FV_OK);
    assert_int_equal(fv_backward(net), FV_OK);
    const fv_param weight = fv_param_at(net, 0), bias = fv_param_at(net, 1);
    const size_t params = (size_t)(weight.count + bias.count), n = batch.n * input_count(i);
    float *all = malloc((params + n) * sizeof *all);
    memcpy(all, weight.grad, (size_t)weight.count * sizeof *all);
    memcpy(all + weight.count, bias.grad, (size_t)bias.count * sizeof *all);
    memcpy(all + params, fv_input_gradient(net), n * sizeof *all);
    return all;
}

static void near(int i, const char *what, const float *found, const double *wanted, size_t n)
{
    double off = 0, all = 0;
    for (size_t k = 0; k < n; k++) {
        off += (found[k] - wanted[k]) * (found[k] - wanted[k]);
        all += wanted[k] * wanted[k];
    }
    if (!(sqrt(off / all) <= 1e-5))
        fail_msg("shape %d, gradients of %s: off by %g", i, what, sqrt(off / all));
}

static void compare(int i, fv_net *net, const float *x, const float *dy, const float *found)
{
    const int O = shapes[i].O, taps = shapes[i].C * shapes[i].kernel * shapes[i].kernel;
    const size_t out = output_count(i), windows = out / O, in = input_count(i);
    const size_t params = (size_t)O * (taps + 1), all = params + shapes[i].images * in;
    const float *w = fv_param_at(net, 0).value, *b = fv_param_at(net, 1).value;
    double *wanted = calloc(all, sizeof *wanted);
    for (int n = 0; n < shapes[i].images; n++)
        for (int o = 0; o < O; o++)
            book_output(i, x + n * in, w + o * taps, b[o], dy + n * out + o * windows,
                        wanted + o * taps, wanted + O * taps + o, wanted + params + n * in);
    near(i, "parameters", found, wanted, params);
    near(i, "inputs", found + params, wanted + params, all - params);
    free(wanted);
}

static void test_textbook(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        const size_t N = shapes[i].images, out = N * output_count(i);
        const size_t all = (size_t)shapes[i].O *
                               (shapes[i].C * shapes[i].kernel * shapes[i].kernel + 1) +
                           N * input_count(i);
        float *x = random_floats(N * input_count(i), (uint32_t)i);
        float *dy = random_floats(out, (uint32_t)i + 50), *first = NULL;
        for (size_t k = 0; k < out; k += 3)
            dy[k] = 0;
        char sets[64], *rest = sets;
        snprintf(sets, sizeof sets, "%s", fv_kernels_available());
        for (char *set = strtok_r(sets, " ", &rest); set; set = strtok_r(NULL, " ", &rest))
            for (int threads = 1; threads <= 3; threads += 2) {
                fv_ctx *ctx = fv_open(&(fv_options){.seed = 7, .threads = threads, .kernels = set});
                fv_net *net = net_of(ctx, i);
                float *found = gradients(net, i, x, dy);
                if (!first)
                    compare(i, net, x, dy, first = found);
                else
                    assert_memory_equal(found, first, all * sizeof *found);
                if (found != first)
                    free(found);
                fv_close(ctx);
            }
        free(first), free(x), free(dy);
    }
}

/* Few outputs, short rows, small windows and kernels, strides, dilation, groups, other paddings and
   tiles leave it as it is. */
static void test_which(void **state)
{
    (void)state;
    static const struct {
        int in, out, kernel, stride, dilation, groups, window;
        bool argmax, select;
        fv_padding_mode mode;
    } layers[] = {
        {6, 16, 5, 1, 1, 1, 2, true, true, 0},
        {6, 16, 5, 1, 1, 1, 3, true, false, 0},
        {6, 16, 5, 1, 1, 1, FV_HW(1, 2), false, false, 0},
        {6, 7, 5, 1, 1, 1, 2, false, true, 0},
        {6, 16, 5, 2, 1, 1, 2, false, false, 0},
        {6, 16, 5, 1, 2, 1, 2, false, false, 0},
        {6, 16, 5, 1, 1, 2, 2, false, false, 0},
        {6, 16, 1, 1, 1, 1, 2, false, false, 0},
        {1, 16, 5, 1, 1, 1, 2, false, true, 0},
        {6, 7, 3, 1, 1, 1, 2, false, true, 0},
        {6, 7, 4, 1, 1, 1, 2, false, false, 0},
        {6, 7, FV_HW(1, 9), 1, 1, 1, 2, false, false, 0},
        {6, 7, 5, 1, 1, 1, 2, false, false, FV_PADDING_REFLECT},
        {64, 64, 3, 1, 1, 1, 2, false, false, 0},
    };
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        fv_ctx *ctx = fv_open(NULL);
        fv_node x = fv_input(ctx, layers[i].in, 16, 16);
        x = fv_conv2d(x, layers[i].out, layers[i].kernel, .stride = layers[i].stride,
                      .dilation = layers[i].dilation, .groups = layers[i].groups,
                      .padding_mode = layers[i].mode);
        fv_net *net = fv_net_new(fv_max_pool2d(fv_relu(x), layers[i].window));
        assert_int_equal(fv_error(ctx), FV_OK);
        assert_form(net, layers[i].argmax, layers[i].select);
        fv_close(ctx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_textbook),
                                       cmocka_unit_test(test_which)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
