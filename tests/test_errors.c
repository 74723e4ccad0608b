/*
 * test_errors.c - every invalid network definition and call out of order, with its exact message.
 *
 * The messages are the user interface of the library.
 */
#include "errors.h"

#include <math.h>

static void shapes(void **state)
{
    (void)state;
    fv_node x = fv_max_pool2d(fv_conv2d(image(1, 28, 28), 16, 5, .padding = 2), 2, .name = "S2");
    fv_conv2d(x, 6, 5, .in_channels = 6, .name = "convnet.C3");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"convnet.C3\": expects 6 input channels but \"S2\" gives 16 "
                 "([N,16,14,14])\nhelp: set in_channels to 16, or leave it out");
    fv_conv2d(image(3, 8, 8), 4, 3, .groups = 2, .name = "C1");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"C1\": 2 groups must divide the 3 input channels (from \"input\") and the "
                 "4 output channels\nhelp: groups 1, or channels that are multiples of 2");
    fv_conv2d(image(1, 4, 4), 2, 5, .name = "C1");
    assert_error(
        ctx, FV_E_SHAPE,
        "layer \"C1\": a 5 x 5 kernel (dilation 1 x 1) does not fit into the 4 x 4 picture "
        "that \"input\" gives, with padding 0 x 0\nhelp: a smaller kernel, or more padding");
    fv_conv2d(image(1, 8, 8), 2, 3, .padding = FV_SAME, .stride = 2, .name = "C1");
    assert_error(
        ctx, FV_E_ARG,
        "layer \"C1\": padding FV_SAME keeps the size only with stride 1, but the stride is "
        "2 x 2\nhelp: give the padding in numbers");
    fv_conv2d(image(1, 8, 8), 0, 3, .name = "C1");
    assert_error(ctx, FV_E_ARG,
                 "layer \"C1\": out_channels is 0 and groups 1; both must be 1 or more");
    fv_conv2d(image(1, 8, 8), 2, 0, .name = "C1");
    assert_error(ctx, FV_E_ARG,
                 "layer \"C1\": kernel_size is 0 x 0, but must be 1 to 32767 each way\n"
                 "help: give one int, or FV_HW(rows, columns)");
    fv_conv2d(image(1, 8, 8), 2, 3, .stride = -1, .name = "C1");
    assert_error(ctx, FV_E_ARG,
                 "layer \"C1\": stride is -1 x -1, but must be 1 to 32767 each way\n"
                 "help: give one int, or FV_HW(rows, columns)");
    fv_max_pool2d(image(1, 8, 8), 3, .padding = 2, .name = "S2");
    assert_error(ctx, FV_E_ARG,
                 "layer \"S2\": padding 2 x 2 is more than half of the 3 x 3 kernel\n"
                 "help: at most 1 x 1, or windows would see nothing but padding");
    fv_max_pool2d(image(1, 4, 4), 5, .name = "S2");
    assert_error(
        ctx, FV_E_SHAPE,
        "layer \"S2\": a 5 x 5 window (dilation 1 x 1) does not fit into the 4 x 4 picture "
        "that \"input\" gives, with padding 0 x 0\nhelp: a smaller window");
    fv_linear(image(16, 5, 5), 84, .name = "F6");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"F6\": a linear layer takes [N,K], but \"input\" gives [N,16,5,5]\n"
                 "help: x = fv_flatten(x) before it");
    fv_linear(fv_flatten(image(16, 5, 5), .name = "flat"), 84, .in_features = 120, .name = "F6");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"F6\": expects 120 input features but \"flat\" gives 400\n"
                 "help: set in_features to 400, or leave it out");
    fv_linear(fv_flatten(image(1, 20000, 10000)), 100, .name = "F6");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"F6\": its output [N,100,1,1] or its weight of 20000000000 numbers is "
                 "larger than 268435456 numbers");
    fv_input(ctx, 1, 0, 28);
    assert_error(ctx, FV_E_SHAPE,
                 "input \"input\": [N,1,0,28] is no shape of an image; each must be 1 or more and "
                 "their product at most 268435456");
    fv_input(ctx, 3, 8, 8, .mean = {0.5f}, .std = {0.5f});
    assert_error(ctx, FV_E_SHAPE,
                 "input \"input\": mean and std are given for 1 channels, the images have 3\n"
                 "help: one mean and one std for each channel, at most 4");
    fv_input(ctx, 1, 8, 8, .mean = {0.5f});
    assert_error(
        ctx, FV_E_ARG,
        "input \"input\": mean 0.5 and std 0 of channel 0; std must be more than 0 and both "
        "finite");
}

static void names(void **state)
{
    (void)state;
    fv_node x = fv_scope_begin(image(1, 8, 8), "net");
    fv_relu(fv_relu(x, .name = "a"), .name = "a");
    assert_error(ctx, FV_E_NAME,
                 "two layers are called \"net.a\"\n"
                 "help: give the second another .name, or a scope of its own");
    fv_relu(x, .name = "");
    assert_error(ctx, FV_E_NAME,
                 "a relu layer has a name of 0 characters; 1 to 255 are allowed\n"
                 "help: leave .name out for a name made up for it");
    fv_net_new(fv_relu(x));
    assert_error(ctx, FV_E_STATE,
                 "a scope was begun and not ended\nhelp: x = fv_scope_end(x) before fv_net_new(x)");
    fv_scope_end(fv_scope_end(x));
    assert_error(ctx, FV_E_STATE, "fv_scope_end without a fv_scope_begin before it");
    x = image(1, 8, 8);
    fv_net_new(fv_relu(x));
    fv_relu(x);
    assert_error(ctx, FV_E_STATE,
                 "a relu layer was added after fv_net_new had made a net of the layers");
    fv_model(ctx, "lenet6", 1, 28, 28, 10, NULL, NULL);
    assert_error(ctx, FV_E_NAME,
                 "there is no model \"lenet6\"\n"
                 "help: the built-in ones are lenet5, lenet5-classic, mnist-cnn, mlp, small, "
                 "resnet9, vgg11, resnet18, "
                 "resnet50, mobilenet-v2; or give layers as text, as \"conv 8 3; relu; flatten; "
                 "linear classes\"");
}

static void order_of_calls(void **state)
{
    (void)state;
    fv_net *net = small_net(ctx);
    float *pixels;
    int64_t labels[4];
    fv_batch b = small_batch(4, &pixels, labels);
    assert_true(isnan(fv_nll_loss(net, &b)));
    assert_error(ctx, FV_E_STATE, "a loss was asked for before any fv_forward");
    const char *no_loss = "fv_backward without a loss to start from\n"
                          "help: in train mode, fv_forward, then a loss of mean or sum, then "
                          "fv_backward once";
    fv_forward(net, &b);
    fv_backward(net);
    assert_error(ctx, FV_E_STATE, no_loss);
    fv_nll_loss(net, &b);
    fv_backward(net);
    assert_fine(ctx);
    fv_backward(net);
    assert_error(ctx, FV_E_STATE, no_loss);
    fv_eval_mode(net);
    fv_forward(net, &b);
    fv_nll_loss(net, &b);
    fv_backward(net);
    assert_error(ctx, FV_E_STATE, no_loss);

    labels[2] = 5;
    fv_forward(net, &b);
    assert_true(isnan(fv_cross_entropy_loss(net, &b)));
    assert_error(ctx, FV_E_CLASS,
                 "label 5 of sample 2: the net has 5 classes, 0 to 4\n"
                 "help: fv_dataset_check finds such labels before training starts");
    b.n = 3;
    fv_nll_loss(net, &b);
    assert_error(ctx, FV_E_ARG,
                 "a loss takes the batch of the last fv_forward (4 images), with labels; this one "
                 "has 3 images and has labels");
    b.channels = 1;
    fv_forward(net, &b);
    assert_error(ctx, FV_E_SHAPE,
                 "the net takes images [N,2,9,8], but the batch has [3,1,9,8]\n"
                 "help: resize the images, or build the net with fv_input(ctx, 1, 9, 8)");
    b.n = 0;
    fv_forward(net, &b);
    assert_error(ctx, FV_E_ARG,
                 "fv_forward: a batch must have 1 or more images of uint8 or float32 pixels");
    free(pixels);
}

static void sgd(void **state)
{
    (void)state;
    fv_net *net = small_net(ctx);
    fv_sgd(net, .lr = -1);
    assert_error(ctx, FV_E_ARG, "fv_sgd: lr is -1, but must be more than 0");
    fv_sgd(net, .lr = NAN);
    assert_int_equal(fv_error(ctx), FV_E_ARG);
    fv_error_clear(ctx);
    fv_sgd(net, .momentum = 1);
    assert_error(ctx, FV_E_ARG, "fv_sgd: momentum is 1, but must be in [0,1)");
    fv_sgd(net, .momentum = 0.5, .dampening = 2);
    assert_error(ctx, FV_E_ARG, "fv_sgd: dampening is 2, but must be 0 to 1");
    fv_sgd(net, .weight_decay = -0.1);
    assert_error(ctx, FV_E_ARG, "fv_sgd: weight_decay is -0.1, but must be 0 or more");
    fv_sgd(net, .nesterov = true);
    assert_error(ctx, FV_E_ARG,
                 "fv_sgd: nesterov wants momentum above 0 and dampening 0, not 0 and 0");
    fv_set_lr(fv_sgd(net), 0);
    assert_error(ctx, FV_E_ARG, "fv_set_lr: lr is 0, but must be more than 0");
}

/* One error is enough: what comes after it does nothing and changes no text. */
static void errors_pass_through(void **state)
{
    (void)state;
    fv_node x = fv_conv2d(image(1, 4, 4), 2, 9, .name = "C1");
    x = fv_log_softmax(fv_linear(fv_flatten(fv_relu(fv_max_pool2d(x, 2))), 10));
    fv_net *net = fv_net_new(x);
    fv_optim *optim = fv_sgd(net, .lr = 0.1);
    fv_batch b = {.n = 1};
    assert_null(net);
    assert_null(optim);
    fv_loader *loader = fv_loader_new(fv_mnist(ctx, "nowhere", FV_TRAIN), .batch_size = 4);
    assert_false(fv_loader_next(loader, &b));
    assert_int_not_equal(fv_forward(net, &b), FV_OK);
    assert_true(isnan(fv_nll_loss(net, &b)));
    assert_int_not_equal(fv_backward(net), FV_OK);
    assert_int_not_equal(fv_step(optim), FV_OK);
    assert_int_not_equal(fv_save(net, "no.safetensors", NULL, 0), FV_OK);
    assert_int_not_equal(fv_load(net, "no.safetensors"), FV_OK);
    assert_null(fv_output(net));
    assert_null(fv_summary(net, 1));
    fv_net_free(net);
    fv_optim_free(optim);
    assert_int_equal(strncmp(fv_error_text(ctx), "layer \"C1\": a 9 x 9 kernel", 25), 0);
    fv_error_clear(ctx);
}

static void count_warnings(void *user, fv_log_level level, const char *text)
{
    *(int *)user += level == FV_LOG_WARNING && strstr(text, "without PyTorch's in_channels");
}

/* Conv2d(3, 6, 5) written with all its numbers: out_channels 3, kernel 6, stride 5. */
static void torch_order(void **state)
{
    (void)state;
    int warnings = 0;
    fv_ctx *own = fv_open(&(fv_options){.user = &warnings, .log = count_warnings});
    fv_node x = fv_input(own, 3, 32, 32);
    fv_conv2d(x, 6, 5);
    fv_conv2d(x, 6, 1, .stride = 2);              /* a shortcut of ResNet */
    fv_conv2d(x, 96, 4, .stride = 4);             /* patches of ConvNeXt */
    fv_conv2d(x, 3, 3, .stride = 2);              /* half the size */
    fv_conv2d(x, 3, 7, .stride = 4, .groups = 3); /* each channel alone */
    fv_conv2d(x, 3, FV_HW(1, 3), .stride = FV_HW(1, 2));
    assert_int_equal(warnings, 0);
    fv_node y = fv_conv2d(x, 3, 6, 5);
    assert_int_equal(warnings, 1);
    fv_conv2d(x, 64, 3, .stride = 4);
    assert_int_equal(warnings, 2);
    fv_conv_transpose2d(x, 3, 6, 5);
    assert_int_equal(warnings, 3);
    fv_max_pool2d(fv_relu(y), 8);
    assert_error(
        own, FV_E_SHAPE,
        "layer \"max_pool2d1\": a 8 x 8 window (dilation 1 x 1) does not fit into the 6 x 6 "
        "picture that \"relu1\" gives, with padding 0 x 0\nhelp: a smaller window; or look "
        "at layer \"conv2d7\": its arguments are out_channels, kernel_size, stride, without "
        "PyTorch's in_channels");
    fv_conv2d(fv_input(own, 3, 32, 32), 3, 64, 3, .name = "C");
    assert_error(
        own, FV_E_SHAPE,
        "layer \"C\": a 64 x 64 kernel (dilation 1 x 1) does not fit into the 32 x 32 "
        "picture that \"input\" gives, with padding 0 x 0\nhelp: a smaller kernel, or more "
        "padding; or look at layer \"C\": its arguments are out_channels, kernel_size, "
        "stride, without PyTorch's in_channels");
    fv_close(own);
}

/* The thread's error must be of that function; then it is forgotten. */
static void check_trace(const char *function)
{
    size_t length = strlen(function);
    if (strncmp(fv_error_text(NULL), function, length) != 0 || fv_error(NULL) != FV_E_ARG)
        fail_msg("%s: \"%s\"", function, fv_error_text(NULL));
    assert_true(strchr(": _", fv_error_text(NULL)[length]) != NULL);
    fv_error_clear(NULL);
}

#define TRACE(call, ...) (call(__VA_ARGS__), check_trace(#call))

/* A node that was never made, and NULL: without a context, the error is kept for the thread. */
static void no_context(void **state)
{
    (void)state;
    fv_node x = {0};
    assert_null(fv_net_new(fv_relu(fv_conv2d(x, 3, 3))));
    assert_int_equal(fv_error(ctx), FV_OK);
    assert_error(NULL, FV_E_ARG,
                 "fv_conv2d: its input was never made\n"
                 "help: begin with fv_node x = fv_input(ctx, channels, height, width)");
    fv_forward(NULL, NULL);
    assert_true(isnan(fv_nll_loss(NULL, NULL)));
    assert_error(NULL, FV_E_ARG,
                 "fv_forward was given NULL, or what a failed call returned\n"
                 "help: fv_error of the context says which call failed first");
    TRACE(fv_conv2d, x, 3, 3);
    TRACE(fv_conv_transpose2d, x, 3, 3);
    TRACE(fv_max_pool2d, x, 2);
    TRACE(fv_upsample, x, 2);
    TRACE(fv_pad2d, x, 1);
    TRACE(fv_linear, x, 3);
    TRACE(fv_relu, x);
    TRACE(fv_flatten, x);
    TRACE(fv_softmax, x);
    TRACE(fv_batch_norm2d, x);
    TRACE(fv_dropout, x);
    TRACE(fv_add, x, x);
    TRACE(fv_concat, FV_NODES(x, x));
    TRACE(fv_slice, x);
    TRACE(fv_permute, x, 1, 2, 3);
    TRACE(fv_again, x, x);
    TRACE(fv_scope_begin, x, "a");
    TRACE(fv_scope_end, x);
    TRACE(fv_layers, x, "relu", 2);
    TRACE(fv_net_new, x);
    TRACE(fv_train_mode, NULL);
    TRACE(fv_eval_mode, NULL);
    TRACE(fv_forward, NULL, NULL);
    TRACE(fv_backward, NULL);
    TRACE(fv_zero_grad, NULL);
    TRACE(fv_input_requires_grad, NULL);
    TRACE(fv_param_put, NULL, 0, NULL, NULL);
    TRACE(fv_state_put, NULL, 0, NULL);
    TRACE(fv_output, NULL);
    TRACE(fv_output_at, NULL, 0);
    TRACE(fv_output_gradient, NULL, NULL);
    TRACE(fv_input_gradient, NULL);
    TRACE(fv_output_shape, NULL, NULL, NULL, NULL);
    TRACE(fv_nll_loss, NULL, NULL);
    TRACE(fv_mse_loss, NULL, NULL);
    TRACE(fv_param_count, NULL);
    TRACE(fv_param_at, NULL, 0);
    TRACE(fv_state_count, NULL);
    TRACE(fv_state_at, NULL, 0);
    TRACE(fv_layer_count, NULL);
    TRACE(fv_layer_at, NULL, 0);
    TRACE(fv_memory_plan, NULL, 1, true);
    TRACE(fv_summary, NULL, 1);
    TRACE(fv_text_of, NULL);
    TRACE(fv_sgd, NULL);
    TRACE(fv_adam, NULL);
    TRACE(fv_optim_text, NULL, "sgd");
    TRACE(fv_step, NULL);
    TRACE(fv_set_lr, NULL, 1);
    TRACE(fv_lr, NULL);
    TRACE(fv_step_lr, NULL, 3);
    TRACE(fv_schedule_text, NULL, "");
    TRACE(fv_schedule_step, NULL);
    TRACE(fv_clip_grad_norm, NULL, 1);
    TRACE(fv_clip_grad_value, NULL, 1);
    TRACE(fv_scale_grad, NULL, 1);
    TRACE(fv_ema_new, NULL);
    TRACE(fv_ema_update, NULL);
    TRACE(fv_ema_swap, NULL);
    TRACE(fv_init, NULL);
    TRACE(fv_save, NULL, "x", NULL, 0);
    TRACE(fv_load, NULL, "x");
    TRACE(fv_evaluate, NULL);
    TRACE(fv_metrics_new, NULL, 2);
    TRACE(fv_metrics_reset, NULL);
    TRACE(fv_loader_new, NULL, 2);
    TRACE(fv_loader_next, NULL, NULL);
    TRACE(fv_loader_len, NULL);
    TRACE(fv_dataset_check, NULL, 2, NULL);
    TRACE(fv_dataset_get, NULL, 0, NULL, NULL);
    TRACE(fv_dataset_stats, NULL, NULL);
    TRACE(fv_subset, NULL, NULL, 0);
    TRACE(fv_mnist, NULL, "x", FV_TRAIN);
    TRACE(fv_net_text, NULL, "input 1 1 1");
    TRACE(fv_input, NULL, 1, 1, 1);
    TRACE(fv_transform_new, NULL, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(torch_order),
        cmocka_unit_test(no_context),
        cmocka_unit_test(names),
        cmocka_unit_test(order_of_calls),
        cmocka_unit_test(sgd),
        cmocka_unit_test(errors_pass_through),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
