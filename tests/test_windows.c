/*
 * test_windows.c - convolutions fused with pooling, with windows as lanes, channels last: the bits
 * of the separate layers and of the other layout, with every kernel set, in train and eval mode,
 * for windows that fill a vector, part of one, or more than one; and when this method is used.
 */
#include "testing.h"

#include "net/net.h"

static const struct {
    int C, O, H, W, kernel, stride, padding, dilation, window, images;
    bool no_bias;
} shapes[] = {
    {1, 6, 28, 28, 5, 1, 2, 1, 2, 3, false},
    {3, 6, 32, 32, 5, 1, 0, 1, 2, 2, false},
    {2, 1, 7, 50, 3, 1, 1, 1, 2, 1, true},
    {1, 3, 20, 39, FV_HW(2, 3), FV_HW(1, 2), FV_HW(0, 1), FV_HW(2, 1), FV_HW(3, 1), 2, false},
    {5, 4, 9, 70, FV_HW(1, 2), FV_HW(2, 1), FV_HW(1, 0), 1, FV_HW(1, 3), 2, true},
    {2, 5, 12, 28, 1, 1, 0, 1, 2, 17, false},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* The convolution with relu and pooling, of which the first is an output, too, if apart: a second
   reader of what is between layers keeps them from running as one. */
static fv_net *net_of(fv_ctx *ctx, int i, bool apart)
{
    fv_manual_seed(ctx, 7);
    fv_node x = fv_input(ctx, shapes[i].C, shapes[i].H, shapes[i].W, .requires_grad = true);
    fv_node y = fv_conv2d(x, shapes[i].O, shapes[i].kernel, .stride = shapes[i].stride,
                          .padding = shapes[i].padding, .dilation = shapes[i].dilation,
                          .no_bias = shapes[i].no_bias);
    fv_node outputs[] = {fv_max_pool2d(fv_relu(y), shapes[i].window), y};
    return fv_net_new_outputs(outputs, apart ? 2 : 1);
}

static size_t out_floats(const fv_net *net, int images)
{
    int c, h, w;
    fv_output_shape(net, &c, &h, &w);
    return (size_t)images * c * h * w;
}

static void forward(fv_net *net, int i, const float *x)
{
    fv_batch batch = {.n = shapes[i].images,
                      .channels = shapes[i].C,
                      .height = shapes[i].H,
                      .width = shapes[i].W,
                      .type = FV_F32,
                      .pixels = x};
    assert_int_equal(fv_forward(net, &batch), FV_OK);
}

/* Output, again in eval mode, and the gradients of x, w and b, one after the other. */
static float *run(fv_net *net, int i, fv_layout layout, const float *x, const float *dy, size_t *n)
{
    const size_t in = (size_t)shapes[i].images * shapes[i].C * shapes[i].H * shapes[i].W;
    const size_t out = out_floats(net, shapes[i].images), params = net->size;
    float *all = malloc((2 * out + in + params) * sizeof *all), *at = all;
    net->layout = layout;
    fv_eval_mode(net);
    forward(net, i, x);
    memcpy(at, fv_output(net), out * sizeof *at), at += out;
    fv_train_mode(net);
    forward(net, i, x);
    memcpy(at, fv_output(net), out * sizeof *at), at += out;
    fv_zero_grad(net);
    assert_int_equal(fv_output_gradient(net, dy), FV_OK);
    assert_int_equal(fv_backward(net), FV_OK);
    memcpy(at, fv_input_gradient(net), in * sizeof *at), at += in;
    memcpy(at, net->grads, params * sizeof *at), at += params;
    *n = (size_t)(at - all);
    return all;
}

static void assert_same(const float *a, const float *b, size_t n, const char *set)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(a + i, b + i, sizeof *a) != 0)
            fail_msg("%s: number %zu of %zu is %.9g in one, %.9g in the other", set, i, n,
                     (double)a[i], (double)b[i]);
}

/* All of a layout against the layers apart, but for gradients batch last, which sum window by window
   (those of the input where they go by choices); and outputs against those of the other layout. */
static void check_set(int i, const char *set)
{
    fv_ctx *ctx = fv_open(&(fv_options){.threads = 2, .kernels = set});
    fv_net *together = net_of(ctx, i, false), *apart = net_of(ctx, i, true);
    assert_int_equal(fv_error(ctx), FV_OK);
    assert_true(together->defs[1].form[FV_CHANNELS_LAST].speed.windows_as_lanes);
    assert_false(apart->defs[1].form[FV_CHANNELS_LAST].speed.windows_as_lanes);
    const size_t in = (size_t)shapes[i].images * shapes[i].C * shapes[i].H * shapes[i].W;
    const size_t out = out_floats(together, shapes[i].images);
    float *x = random_floats(in, (uint32_t)i), *dy = random_floats(out, (uint32_t)i + 50);
    float *found[FV_LAYOUTS];
    for (fv_layout layout = FV_BATCH_LAST; layout < FV_LAYOUTS; layout++) {
        size_t n;
        float *wanted = run(apart, i, layout, x, dy, &n);
        found[layout] = run(together, i, layout, x, dy, &n);
        if (layout == FV_BATCH_LAST)
            n = 2 * out + (together->defs[1].form[layout].numbers.inputs == FV_DX_SELECT ? 0 : in);
        assert_same(wanted, found[layout], n, set);
        free(wanted);
    }
    assert_same(found[FV_BATCH_LAST], found[FV_CHANNELS_LAST], 2 * out, set);
    free(found[FV_BATCH_LAST]), free(found[FV_CHANNELS_LAST]);
    free(x), free(dy);
    fv_close(ctx);
}

static void test_bits(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        char sets[64], *rest = sets;
        snprintf(sets, sizeof sets, "%s", fv_kernels_available());
        for (char *set = strtok_r(sets, " ", &rest); set; set = strtok_r(NULL, " ", &rest))
            check_set(i, set);
    }
}

/* Where windows would leave lanes idle, too, or vectors of channels are full, nothing changes. */
static void test_which(void **state)
{
    (void)state;
    static const struct {
        int side, outputs, groups, padding_mode;
        bool windows;
    } cases[] = {
        {28, 6, 1, FV_PADDING_ZEROS, true},    {28, 8, 1, FV_PADDING_ZEROS, false},
        {32, 8, 1, FV_PADDING_ZEROS, true},    {10, 6, 1, FV_PADDING_ZEROS, false},
        {28, 6, 2, FV_PADDING_ZEROS, false},   {28, 16, 1, FV_PADDING_ZEROS, false},
        {28, 6, 1, FV_PADDING_REFLECT, false},
    };
    fv_ctx *ctx = fv_open(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fv_node x = fv_input(ctx, 2, cases[i].side, cases[i].side);
        x = fv_conv2d(x, cases[i].outputs, 3, .padding = 1, .groups = cases[i].groups,
                      .padding_mode = (fv_padding_mode)cases[i].padding_mode);
        fv_net *net = fv_net_new(fv_max_pool2d(fv_relu(x), 2));
        assert_non_null(net);
        assert_int_equal(net->defs[1].form[FV_CHANNELS_LAST].speed.windows_as_lanes,
                         cases[i].windows);
    }
    assert_int_equal(fv_error(ctx), FV_OK);
    fv_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bits), cmocka_unit_test(test_which)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
