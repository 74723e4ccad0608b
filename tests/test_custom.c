/*
 * test_custom.c - custom layers give the same results as built-in ones, in both layouts and with
 * several threads; and the functions of the header build the same layers as texts.
 */
#include "testing.h"

#include "net/net.h"

enum { C = 3, H = 2, W = 5, PIXELS = C * H * W, BATCH = 19 };

static const float factor = 3;

/* y = factor * x^2, of image [C,H,W]. */
static void square(void *user, const float *x, float *y)
{
    for (int i = 0; i < PIXELS; i++)
        y[i] = *(const float *)user * (x[i] * x[i]);
}

static void square_back(void *user, const float *x, const float *y, const float *dy, float *dx)
{
    for (int i = 0; i < PIXELS; i++) {
        assert_true(y[i] == *(const float *)user * (x[i] * x[i]));
        dx[i] = 2 * *(const float *)user * x[i] * dy[i];
    }
}

/* y [2,1,1]: the first and the last number. */
static void ends(void *user, const float *x, float *y)
{
    (void)user;
    y[0] = x[0];
    y[1] = x[PIXELS - 1];
}

static void ends_back(void *user, const float *x, const float *y, const float *dy, float *dx)
{
    (void)user, (void)x, (void)y;
    memset(dx, 0, PIXELS * sizeof *dx);
    dx[0] = dy[0];
    dx[PIXELS - 1] = dy[1];
}

static void run(fv_net *net, fv_layout layout, const float *x, const float *dy)
{
    fv_batch b = {.n = BATCH, .channels = C, .height = H, .width = W, .type = FV_F32, .pixels = x};
    net->layout = layout;
    fv_forward(net, &b);
    fv_output_gradient(net, dy);
    fv_backward(net);
}

static void square_as_product(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(&(fv_options){.threads = 3});
    float *x = random_floats(BATCH * PIXELS, 1), *dy = random_floats(BATCH * PIXELS, 2);
    for (fv_layout layout = FV_BATCH_LAST; layout < FV_LAYOUTS; layout++) {
        fv_node in = fv_input(ctx, C, H, W, .requires_grad = true);
        fv_node out = fv_custom(in, square, square_back, (void *)&factor);
        fv_net *net = fv_net_new(out);
        run(net, layout, x, dy);
        assert_fine(ctx);
        for (int i = 0; i < BATCH * PIXELS; i++) {
            assert_true(fv_output(net)[i] == factor * (x[i] * x[i]));
            assert_true(fv_input_gradient(net)[i] == 2 * factor * x[i] * dy[i]);
        }
    }
    free(x), free(dy);
    fv_close(ctx);
}

/* Behind a layer with weights, twice by fv_again, to another shape. */
static void another_shape(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(&(fv_options){.threads = 2});
    float *x = random_floats(BATCH * PIXELS, 1), *dy = random_floats(BATCH * 2, 2);
    for (fv_layout layout = FV_BATCH_LAST; layout < FV_LAYOUTS; layout++) {
        fv_node in = fv_input(ctx, C, H, W, .requires_grad = true);
        fv_node own = fv_custom(in, ends, ends_back, .channels = 2, .height = 1, .width = 1);
        fv_net *net = fv_net_new(fv_add(own, fv_again(own, in)));
        run(net, layout, x, dy);
        assert_fine(ctx);
        for (int n = 0; n < BATCH; n++)
            for (int i = 0; i < PIXELS; i++) {
                float want = i == 0 ? dy[2 * n] : i == PIXELS - 1 ? dy[2 * n + 1] : 0;
                assert_true(fv_input_gradient(net)[n * PIXELS + i] == 2 * want);
                if (i < 2)
                    assert_true(fv_output(net)[2 * n + i] ==
                                2 * x[n * PIXELS + (i ? PIXELS - 1 : 0)]);
            }
    }
    free(x), free(dy);
    fv_close(ctx);
}

static void functions_as_text(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(NULL);
    fv_node in = fv_input(ctx, 4, 3, 3);
    fv_node x = fv_elu(fv_leaky_relu(in, 0.2), .alpha = 0.5);
    x = fv_hardsigmoid(fv_hardswish(fv_tanh(fv_sigmoid(fv_relu6(x)))));
    x = fv_gelu(fv_gelu(fv_silu(x)), FV_APPROXIMATE_TANH);
    x = fv_log_softmax(fv_softmax(x, 2), .dim = 3);
    x = fv_softplus(fv_softplus(fv_mish(x)), 2, .threshold = 10);
    x = fv_instance_norm2d(x, .track_running_stats = true, .momentum = 0.3);
    x = fv_instance_norm2d(x, .affine = true);
    x = fv_layer_norm(fv_group_norm(x, 2, .no_affine = true), 2, .eps = 0.01);
    fv_node half = fv_slice(x, 1, 1, 3, .name = "half");
    x = fv_mul(fv_concat(FV_NODES(half, half), .dim = 1), x);
    x = fv_permute(fv_reshape(x, 2, -1, 6), 2, 3, 1);
    x = fv_unsqueeze(fv_squeeze(fv_slice(x, 3, -1), 3), 3);
    assert_fine(ctx);
    assert_string_equal(
        fv_text_of(fv_net_new(x)),
        "input 4 3 3; leaky_relu 0.2; elu 0.5; relu6; sigmoid; tanh; hardswish; hardsigmoid; silu; "
        "gelu; gelu tanh; softmax 2; log_softmax 3; mish; softplus; softplus 2 10; instance_norm2d "
        "momentum=0.3 track_running_stats; instance_norm2d affine; group_norm 2 no_affine; "
        "layer_norm 2 eps=0.01; "
        "slice 1 1 3 name=half; concat half; mul layer_norm1; reshape 2 -1 6; permute 2 3 1; "
        "slice 3 -1; squeeze 3; unsqueeze 3");
    fv_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(square_as_product),
        cmocka_unit_test(another_shape),
        cmocka_unit_test(functions_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
