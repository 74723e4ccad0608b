/*
 * test_layer_errors_b.c - every invalid definition of activations, normalization per image,
 * products, layers that move elements, and custom layers, with its exact message.
 */
#include "errors.h"

static void activations(void **state)
{
    (void)state;
    fv_leaky_relu(image(1, 2, 2), -0.1, .name = "a");
    assert_error(ctx, FV_E_ARG, "layer \"a\": negative_slope is -0.1, but must be more than 0");
    fv_elu(image(1, 2, 2), .alpha = -1, .name = "a");
    assert_error(ctx, FV_E_ARG, "layer \"a\": alpha is -1, but must be more than 0");
    fv_softplus(image(1, 2, 2), .beta = -1, .name = "a");
    assert_error(ctx, FV_E_ARG, "layer \"a\": beta is -1, but must be more than 0");
    fv_softplus(image(1, 2, 2), 1, -20, .name = "a");
    assert_error(ctx, FV_E_ARG, "layer \"a\": threshold is -20, but must be more than 0");
    fv_gelu(image(1, 2, 2), (fv_approximate)2, .name = "a");
    assert_error(ctx, FV_E_ARG,
                 "layer \"a\": approximate is 2, but must be FV_APPROXIMATE_NONE or "
                 "FV_APPROXIMATE_TANH");
    fv_softmax(image(1, 2, 2), 4, .name = "a");
    assert_error(ctx, FV_E_ARG,
                 "layer \"a\": dim is 4, but must be 1 to 3 of [N,C,H,W]\n"
                 "help: 1 for the channels, 2 for the rows, 3 for the columns");
    fv_log_softmax(image(1, 2, 2), -1, .name = "a");
    assert_error(ctx, FV_E_ARG,
                 "layer \"a\": dim is -1, but must be 1 to 3 of [N,C,H,W]\n"
                 "help: 1 for the channels, 2 for the rows, 3 for the columns");
    fv_net_text(ctx, "input 1 2 2; gelu erf");
    assert_error(
        ctx, FV_E_ARG,
        "network text, statement 2 \"gelu erf\": approximate is \"erf\", but must be none or tanh");
}

static void norms(void **state)
{
    (void)state;
    fv_group_norm(image(6, 2, 2), 4, .name = "g");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"g\": 4 groups must divide the 6 channels that \"input\" gives\n"
                 "help: 1 group, or 6, one for each channel");
    fv_group_norm(image(6, 2, 2), .name = "g");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"g\": 0 groups must divide the 6 channels that \"input\" gives\n"
                 "help: 1 group, or 6, one for each channel");
    fv_group_norm(image(6, 2, 3), 2, 4, .name = "g");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"g\": expects 4 channels but \"input\" gives 6 ([N,6,2,3])\n"
                 "help: set num_channels to 6, or leave it out");
    fv_group_norm(image(6, 2, 3), 2, .eps = -1, .name = "g");
    assert_error(ctx, FV_E_ARG, "layer \"g\": eps is -1, but must be more than 0");
    fv_layer_norm(image(6, 2, 3), 4, .name = "l");
    assert_error(ctx, FV_E_ARG,
                 "layer \"l\": dims is 4, but must be 1 to 3\n"
                 "help: 3 for all of an image, 2 for rows and columns, 1 for the columns");
}

static void instance_norms(void **state)
{
    (void)state;
    fv_instance_norm2d(image(6, 2, 3), .num_features = 4, .name = "i");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"i\": expects 4 channels but \"input\" gives 6 ([N,6,2,3])\n"
                 "help: set num_features to 6, or leave it out");
    fv_instance_norm2d(image(6, 2, 3), .momentum = 1.5, .name = "i");
    assert_error(ctx, FV_E_ARG, "layer \"i\": momentum is 1.5, but must be in (0,1]");
    fv_instance_norm2d(image(6, 1, 1), .name = "i");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"i\": the mean over an image needs more than one value per channel, but "
                 "\"input\" gives [N,6,1,1]\n"
                 "help: batch_norm2d takes the mean over the batch, too");
    fv_net *net = fv_net_new(
        fv_instance_norm2d(image(6, 1, 1), .track_running_stats = true, .name = "i"));
    static const char *const names[] = {"i.running_mean", "i.running_var", "i.num_batches_tracked"};
    assert_int_equal(fv_state_count(net), 3);
    for (int k = 0; k < 3; k++)
        assert_string_equal(fv_state_at(net, k).name, names[k]);
    const float pixels[12] = {0};
    const fv_batch batch = {
        .n = 2, .channels = 6, .height = 1, .width = 1, .type = FV_F32, .pixels = pixels};
    fv_forward(net, &batch);
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"i\": the mean over an image needs more than one value per channel, but "
                 "its input is [N,6,1,1]\n"
                 "help: fv_eval_mode");
    fv_eval_mode(net);
    assert_int_equal(fv_forward(net, &batch), FV_OK);
    fv_net_free(net);
}

static void products(void **state)
{
    (void)state;
    fv_node x = image(4, 3, 2);
    fv_mul(x, fv_slice(x, 1, 0, 2), .name = "m");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"m\": multiplies [N,4,3,2] (from \"input\") by [N,2,3,2], which does not "
                 "fit\n"
                 "help: the second must have the channels of the first or 1, and its rows and "
                 "columns or 1 x 1");
    x = image(4, 3, 2);
    fv_mul(x, fv_slice(x, 2, 0, 1), .name = "m");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"m\": multiplies [N,4,3,2] (from \"input\") by [N,4,1,2], which does not "
                 "fit\n"
                 "help: the second must have the channels of the first or 1, and its rows and "
                 "columns or 1 x 1");
}

static void moves(void **state)
{
    (void)state;
    fv_node x = image(4, 3, 2), y = fv_slice(x, 2, 0, 2);
    fv_concat(FV_NODES(x, y), .name = "c");
    assert_error(
        ctx, FV_E_SHAPE,
        "layer \"c\": joins [N,4,3,2] (from \"input\") and [N,4,2,2] along dimension 1; in "
        "the others both must be alike");
    fv_concat(FV_NODES(x, x), 5, .name = "c");
    assert_error(ctx, FV_E_ARG,
                 "layer \"c\": dim is 5, but must be 1 to 3 of [N,C,H,W]\n"
                 "help: 1 for the channels, 2 for the rows, 3 for the columns");
    fv_concat(FV_NODES(x), .name = "c");
    assert_error(ctx, FV_E_ARG, "layer \"c\": a concat layer takes 2 to 8 inputs, not 1");
    fv_concat(FV_NODES(x, x, x, x, x, x, x, x, x), .name = "c");
    assert_error(ctx, FV_E_ARG, "a concat layer takes 2 to 8 inputs, not 9");
    fv_slice(x, 2, 1, 4, .name = "s");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"s\": from 1 to 4 by 1 is no part of dimension 2 of [N,4,3,2] (from "
                 "\"input\")\nhelp: 0 <= start < end <= 3; below 0 they count from the end");
    fv_slice(x, 1, -5, .name = "s");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"s\": from -5 to 0 by 1 is no part of dimension 1 of [N,4,3,2] (from "
                 "\"input\")\nhelp: 0 <= start < end <= 4; below 0 they count from the end");
    fv_slice(x, 1, 2, 2, .name = "s");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"s\": from 2 to 2 by 1 is no part of dimension 1 of [N,4,3,2] (from "
                 "\"input\")\nhelp: 0 <= start < end <= 4; below 0 they count from the end");
    fv_slice(x, .step = -1, .name = "s");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"s\": from 0 to 0 by -1 is no part of dimension 1 of [N,4,3,2] (from "
                 "\"input\")\nhelp: 0 <= start < end <= 4; below 0 they count from the end");
    fv_permute(x, 1, 2, 2, .name = "p");
    assert_error(ctx, FV_E_ARG,
                 "layer \"p\": 1, 2, 2 is no order of the dimensions 1, 2, 3\n"
                 "help: 2, 3, 1 gives [N,H,W,C]");
    fv_permute(x, 0, 2, 1, .name = "p");
    assert_error(ctx, FV_E_ARG,
                 "layer \"p\": 0, 2, 1 is no order of the dimensions 1, 2, 3\n"
                 "help: 2, 3, 1 gives [N,H,W,C]");
}

static void shapes(void **state)
{
    (void)state;
    fv_node x = image(4, 3, 2);
    fv_reshape(x, 5, 5, .name = "r");
    assert_error(
        ctx, FV_E_SHAPE,
        "layer \"r\": [N,4,3,2] (from \"input\") has 24 numbers an image and cannot become "
        "[N,5,5,1]\nhelp: sizes whose product is 24; one of them may be -1");
    fv_reshape(x, 5, -1, .name = "r");
    assert_error(
        ctx, FV_E_SHAPE,
        "layer \"r\": [N,4,3,2] (from \"input\") has 24 numbers an image and cannot become "
        "[N,5,-1,1]\nhelp: sizes whose product is 24; one of them may be -1");
    fv_reshape(x, -1, -1, 24, .name = "r");
    assert_error(
        ctx, FV_E_SHAPE,
        "layer \"r\": [N,4,3,2] (from \"input\") has 24 numbers an image and cannot become "
        "[N,-1,-1,24]\nhelp: sizes whose product is 24; one of them may be -1");
    fv_reshape(x, -4, -6, .name = "r");
    assert_error(
        ctx, FV_E_SHAPE,
        "layer \"r\": [N,4,3,2] (from \"input\") has 24 numbers an image and cannot become "
        "[N,-4,-6,1]\nhelp: sizes whose product is 24; one of them may be -1");
    fv_squeeze(x, 2, .name = "q");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"q\": of [N,4,3,2] (from \"input\") dimension 2 is not of size 1");
    fv_squeeze(x, 4, .name = "q");
    assert_error(ctx, FV_E_ARG,
                 "layer \"q\": dim is 4, but must be 1 to 3 of [N,C,H,W]\n"
                 "help: 1 for the channels, 2 for the rows, 3 for the columns");
    fv_unsqueeze(x, 1, .name = "u");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"u\": [N,4,3,2] (from \"input\") has no room for one more dimension; "
                 "dimension 3 must be of size 1");
}

static void copy(void *user, const float *x, float *y)
{
    memcpy(y, x, *(size_t *)user * sizeof *x);
}

static void copy_back(void *user, const float *x, const float *y, const float *dy, float *dx)
{
    (void)x, (void)y;
    copy(user, dy, dx);
}

static void custom_layers(void **state)
{
    (void)state;
    size_t count = 4;
    fv_custom(image(1, 2, 2), copy, .name = "mine");
    assert_error(ctx, FV_E_ARG, "layer \"mine\": it must have .forward and .backward");
    fv_custom(image(1, 2, 2), copy, copy_back, .channels = 2, .name = "mine");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"mine\": [N,2,0,0] is no shape of an image; each must be 1 or more\n"
                 "help: give .channels, .height and .width, or none for that of x");
    fv_net *net = fv_net_new(fv_custom(image(1, 2, 2), copy, copy_back, &count, .name = "mine"));
    assert_fine(ctx);
    assert_null(fv_text_of(net));
    assert_error(ctx, FV_E_STATE,
                 "layer \"mine\" is a function of yours, which has no text\n"
                 "help: write such a net down in C");
    fv_net_text(ctx, "input 1 2 2; custom");
    assert_error(
        ctx, FV_E_NAME,
        "network text, statement 2 \"custom\": there is no layer \"custom\"\n"
        "help: there are conv2d, conv_transpose2d, max_pool2d, max_pool2d_indices, max_unpool2d, "
        "avg_pool2d, adaptive_avg_pool2d, adaptive_max_pool2d, upsample, pad2d, linear, relu, "
        "flatten, log_softmax, batch_norm2d, dropout, dropout2d, add, leaky_relu, relu6, sigmoid, "
        "tanh, gelu, silu, hardswish, hardsigmoid, elu, softplus, mish, softmax, layer_norm, "
        "group_norm, instance_norm2d, mul, "
        "concat, slice, reshape, squeeze, unsqueeze, permute");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations),   cmocka_unit_test(norms), cmocka_unit_test(instance_norms),
        cmocka_unit_test(products),      cmocka_unit_test(moves), cmocka_unit_test(shapes),
        cmocka_unit_test(custom_layers),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
