/*
 * test_layers_a.c - pooling, upsampling, padding and transposed convolution beyond test_layers.c:
 * initial weights, the summary, shared layers, unusual indices, little memory.
 */
#include "testing.h"

#include "golden.h"
#include "net/net.h"

#include <math.h>

static void first_weights(void **state)
{
    (void)state;
    golden g;
    int cases = 0;
    for (golden_open(&g, "first_a.bin"); golden_next(&g); cases++) {
        fv_ctx *ctx = fv_open(&(fv_options){.seed = (uint64_t)golden_int(&g, "seed")});
        fv_node x = fv_input(ctx, cases ? 4 : 3, 5, 5);
        x = cases ? fv_conv_transpose2d(x, 6, FV_HW(2, 3), .groups = 2)
                  : fv_conv_transpose2d(x, 4, 3);
        fv_net *net = fv_net_new(x);
        assert_fine(ctx);
        fv_param w = fv_param_at(net, 0), b = fv_param_at(net, 1);
        assert_string_equal(w.name, "conv_transpose2d1.weight");
        assert_int_equal(w.dims[0], cases ? 4 : 3);
        assert_int_equal(w.dims[1], cases ? 3 : 4);
        assert_memory_equal(w.value, golden_f32(&g, "weight", w.count), w.count * sizeof(float));
        assert_memory_equal(b.value, golden_f32(&g, "bias", b.count), b.count * sizeof(float));
        fv_close(ctx);
    }
    golden_close(&g);
    assert_int_equal(cases, 2);
}

/* Every kind of layer of the family, for [N,4,8,8]. */
static fv_net *family(fv_ctx *ctx)
{
    fv_node x = fv_input(ctx, 4, 8, 8, .requires_grad = true);
    fv_node r = fv_relu(fv_conv2d(x, 4, 3, .padding = 1, .padding_mode = FV_PADDING_CIRCULAR));
    fv_node i = fv_max_pool2d_indices(r, 2);
    x = fv_avg_pool2d(fv_max_unpool2d(fv_max_pool2d(r, 2), i, 2), 3, .stride = 2, .padding = 1);
    x = fv_conv_transpose2d(x, 6, 3, .stride = 2, .padding = 1, .output_padding = 1, .groups = 2);
    x = fv_pad2d(x, 1, 2, 0, 3, .mode = FV_PADDING_REFLECT);
    x = fv_adaptive_max_pool2d(x, FV_HW(4, 3));
    x = fv_upsample(x, 1.5, .mode = FV_UPSAMPLE_BILINEAR, .align_corners = true);
    return fv_net_new(fv_flatten(fv_adaptive_avg_pool2d(x, 1)));
}

static void summary(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *kernel;
        int c, h, w;
        int64_t parameters, macs;
    } want[] = {
        {"input", "", 4, 8, 8, 0, 0},
        {"conv2d", "3x3 p1 circular", 4, 8, 8, 148, 9216},
        {"relu", "", 4, 8, 8, 0, 0},
        {"max_pool2d_indices", "2x2", 4, 4, 4, 0, 0},
        {"max_pool2d", "2x2", 4, 4, 4, 0, 0},
        {"max_unpool2d", "2x2", 4, 8, 8, 0, 0},
        {"avg_pool2d", "3x3 s2 p1", 4, 4, 4, 0, 0},
        {"conv_transpose2d", "3x3 s2 p1 g2 o1", 6, 8, 8, 114, 1728},
        {"pad2d", "1 2 0 3 reflect", 6, 11, 11, 0, 0},
        {"adaptive_max_pool2d", "to 4x3", 6, 4, 3, 0, 0},
        {"upsample", "bilinear", 6, 6, 4, 0, 0},
        {"adaptive_avg_pool2d", "to 1x1", 6, 1, 1, 0, 0},
        {"flatten", "", 6, 1, 1, 0, 0},
    };
    fv_ctx *ctx = fv_open(NULL);
    fv_net *net = family(ctx);
    assert_fine(ctx);
    assert_int_equal(fv_layer_count(net), sizeof want / sizeof *want);
    for (int i = 0; i < fv_layer_count(net); i++) {
        fv_layer l = fv_layer_at(net, i);
        assert_string_equal(l.kind, want[i].kind);
        assert_string_equal(l.kernel, want[i].kernel);
        assert_int_equal(l.channels, want[i].c);
        assert_int_equal(l.height, want[i].h);
        assert_int_equal(l.width, want[i].w);
        assert_int_equal(l.parameters, want[i].parameters);
        assert_int_equal(l.macs, want[i].macs);
    }
    assert_string_equal(
        fv_text_of(net),
        "input 4 8 8 requires_grad; conv2d 4 3 padding=1 padding_mode=circular; relu; "
        "max_pool2d_indices 2; max_pool2d 2 from=relu1; max_unpool2d max_pool2d_indices1 "
        "kernel_size=2; avg_pool2d 3 stride=2 padding=1; conv_transpose2d 6 3 stride=2 padding=1 "
        "output_padding=1 groups=2; pad2d 1 2 0 3 mode=reflect; adaptive_max_pool2d 4x3; "
        "upsample 1.5 mode=bilinear align_corners; adaptive_avg_pool2d 1; flatten");
    fv_close(ctx);
}

/* A padded convolution that runs again pads again, and its gradients add up. */
static void again(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(NULL);
    fv_net *net = fv_net_text(ctx, "input 2 4 3; conv2d 2 3 padding=1 padding_mode=reflect name=c; "
                                   "again c; conv_transpose2d 2 2 stride=2 name=t; again t");
    assert_fine(ctx);
    int c, h, w;
    fv_output_shape(net, &c, &h, &w);
    assert_true(c == 2 && h == 16 && w == 12);
    float *pixels = random_floats(3 * 24, 1), *dy = random_floats(3 * 2 * 16 * 12, 2);
    fv_batch b = {.n = 3, .channels = 2, .height = 4, .width = 3, .type = FV_F32, .pixels = pixels};
    fv_forward(net, &b);
    fv_output_gradient(net, dy);
    fv_backward(net);
    assert_fine(ctx);
    /* Along each parameter the loss, the sum of dy * y, changes as its gradient says. */
    const size_t count = 3 * 2 * 16 * 12;
    for (int i = 0; i < fv_param_count(net); i++) {
        fv_param p = fv_param_at(net, i);
        double slope = 0;
        for (int side = -1; side <= 1; side += 2) {
            float values[64], kept = p.value[p.count / 2];
            assert_true(p.count <= 64);
            memcpy(values, p.value, p.count * sizeof *values);
            values[p.count / 2] = kept + (float)side * 0.125f;
            fv_param_put(net, i, values, NULL);
            fv_forward(net, &b);
            for (size_t k = 0; k < count; k++)
                slope += side * 4.0 * (double)dy[k] * (double)fv_output(net)[k];
            values[p.count / 2] = kept;
            fv_param_put(net, i, values, NULL);
        }
        /* y is of the second degree in each: the middle difference is the slope. */
        assert_float_equal(slope, p.grad[p.count / 2], 2e-3);
    }
    free(pixels);
    free(dy);
    fv_close(ctx);
}

/* Indices may be any numbers: those that are no places lead nowhere, and none has a gradient. */
static void strange_indices(void **state)
{
    (void)state;
    const float index[] = {3, -1, 4, NAN, 1e30f, 0, -1e30f, 3.5f};
    static const float x[] = {1, 2, 3, 4, 5, 6, 7, 8}, y[] = {0, 0, 0, 1, 6, 0, 0, 8};
    static const float dy[] = {10, 11, 12, 13, 20, 21, 22, 23}, dx[] = {13, 0, 0, 0, 0, 20, 0, 23};
    static const float none[8] = {0};
    fv_ctx *ctx = fv_open(NULL);
    for (fv_layout layout = FV_BATCH_LAST; layout < FV_LAYOUTS; layout++) {
        fv_node a = fv_input(ctx, 1, 2, 2, .requires_grad = true);
        fv_node i = fv_input(ctx, 1, 2, 2, .beside = a, .requires_grad = true, .name = "indices");
        fv_net *net = fv_net_new(fv_max_unpool2d(a, i, 1));
        assert_fine(ctx);
        net->layout = layout;
        fv_batch b = {.n = 2, .channels = 1, .height = 2, .width = 2, .type = FV_F32, .pixels = x};
        fv_batch of = b;
        of.pixels = index;
        fv_forward_inputs(net, (const fv_batch[]){b, of}, 2);
        assert_memory_equal(fv_output(net), y, sizeof y);
        fv_output_gradient(net, dy);
        fv_backward(net);
        assert_fine(ctx);
        assert_memory_equal(net->last->dinput[0], dx, sizeof dx);
        assert_memory_equal(net->last->dinput[1], none, sizeof none);
    }
    fv_close(ctx);
}

/* Each allocation of a step fails once: an error, nothing lost. */
static void little_memory(void **state)
{
    (void)state;
    float *pixels = random_floats(2 * 4 * 8 * 8, 3), dy[12] = {1};
    fv_batch b = {.n = 2, .channels = 4, .height = 8, .width = 8, .type = FV_F32, .pixels = pixels};
    counting c = {.fail_at = 1};
    fv_status status = FV_E_MEMORY;
    for (; status; c.fail_at++) {
        c.calls = 0;
        fv_ctx *ctx = fv_open(
            &(fv_options){.threads = 1, .user = &c, .allocate = counting_allocate});
        fv_net *net = ctx ? family(ctx) : NULL;
        fv_forward(net, &b);
        fv_output_gradient(net, dy);
        fv_backward(net);
        status = fv_error(ctx);
        assert_true(status == FV_OK || status == FV_E_MEMORY);
        fv_close(ctx);
        assert_int_equal(c.live, 0);
    }
    assert_true(c.fail_at > 30);
    free(pixels);
}

/* The output of a net for one image, 0 1 2 ... modulo 7, and its input's gradient for ones. */
static void check_one(const char *text, int h, int w, const char *outputs, const char *gradient)
{
    float x[64], ones[64];
    for (int i = 0; i < 64; i++)
        x[i] = (float)(i % 7), ones[i] = 1;
    for (int layout = 0; layout < FV_LAYOUTS; layout++) {
        fv_ctx *ctx = fv_open(NULL);
        fv_net *net = fv_net_text(ctx, text);
        assert_fine(ctx);
        net->layout = (fv_layout)layout;
        fv_forward(
            net, &(fv_batch){
                     .n = 1, .channels = 1, .height = h, .width = w, .type = FV_F32, .pixels = x});
        fv_output_gradient(net, ones);
        fv_backward(net);
        assert_fine(ctx);
        for (int side = 0; side < 2; side++) {
            const float *values = side ? fv_input_gradient(net) : fv_output(net);
            char all[400] = "";
            size_t count = side ? (size_t)h * w : fv_shape_count(fv_net_out(net));
            for (size_t i = 0; i < count; i++)
                snprintf(all + strlen(all), sizeof all - strlen(all), "%s%g", i ? " " : "",
                         (double)values[i]);
            assert_string_equal(all, side ? gradient : outputs);
        }
        fv_close(ctx);
    }
}

/* With ceil_mode a window may be larger than the picture; numbers of PyTorch 1.13. */
static void ceil_mode_windows(void **state)
{
    (void)state;
    const char
        *one_each = "0 0 0 0 0 0 1 0 0 0 0 0 0 1 0 0 0 0 0 0 1 0 0 0 0 0 0 1 0 0 0 0 0 0 1 0";
    check_one("input 1 18 2 requires_grad; max_pool2d 4 ceil_mode", 18, 2, "6 6 6 6 6", one_each);
    check_one("input 1 18 2 requires_grad; max_pool2d_indices 4 ceil_mode", 18, 2, "6 13 20 27 34",
              "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
    check_one("input 1 6 2 requires_grad; avg_pool2d 4 ceil_mode", 6, 2, "2.625 2.5",
              "0.125 0.125 0.125 0.125 0.125 0.125 0.125 0.125 0.25 0.25 0.25 0.25");
    check_one("input 1 2 2 requires_grad; max_pool2d 3 stride=2 ceil_mode", 2, 2, "3", "0 0 0 1");
    check_one("input 1 1 3 requires_grad; relu; max_pool2d 2 ceil_mode", 1, 3, "1 2", "0 1 1");
}

/* The header's formula, where the output is twice as large, or as large, by another factor. */
static void nearest_is_the_formula(void **state)
{
    (void)state;
    check_one("input 1 1 3 requires_grad; upsample 2.3", 1, 3, "0 0 0 1 1 2 0 0 0 1 1 2", "6 4 2");
    check_one("input 1 1 3 requires_grad; upsample 1.2", 1, 3, "0 0 1", "2 1 0");
    check_one("input 1 1 3 requires_grad; upsample 2", 1, 3, "0 0 1 1 2 2 0 0 1 1 2 2", "4 4 4");
    check_one("input 1 1 3 requires_grad; upsample size=1x6", 1, 3, "0 0 1 1 2 2", "2 2 2");
}

/* torch.nn.LayerNorm([5, 6]): the bias has the shape of the weight, in the state_dict too. */
static void layer_norm_shapes(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(NULL);
    for (int dims = 1; dims <= 3; dims++) {
        char text[80];
        snprintf(text, sizeof text, "input 2 5 6; layer_norm %d", dims);
        fv_net *net = fv_net_text(ctx, text);
        assert_fine(ctx);
        const int64_t shape[] = {2, 5, 6};
        assert_int_equal(fv_param_count(net), 2);
        for (int i = 0; i < 2; i++) {
            fv_param p = fv_param_at(net, i);
            fv_tensor t = fv_state_at(net, i);
            assert_string_equal(p.name, i ? "layer_norm1.bias" : "layer_norm1.weight");
            assert_int_equal(p.ndim, dims);
            assert_int_equal(t.ndim, dims);
            for (int d = 0; d < dims; d++)
                assert_int_equal(p.dims[d], shape[3 - dims + d]);
            assert_memory_equal(p.dims, t.dims, sizeof p.dims);
            assert_true(p.value[0] == (i ? 0.0f : 1.0f));
        }
        fv_net_free(net);
    }
    fv_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_norm_shapes), cmocka_unit_test(first_weights),
        cmocka_unit_test(ceil_mode_windows), cmocka_unit_test(nearest_is_the_formula),
        cmocka_unit_test(summary),           cmocka_unit_test(again),
        cmocka_unit_test(strange_indices),   cmocka_unit_test(little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
