/*
 * test_layer_errors_a.c - every invalid definition of pooling, upsampling, padding and transposed
 * convolution, with its exact message.
 */
#include "errors.h"

#include <math.h>

static void poolings(void **state)
{
    (void)state;
    fv_avg_pool2d(image(1, 8, 8), 3, .padding = 2, .name = "S2");
    assert_error(ctx, FV_E_ARG,
                 "layer \"S2\": padding 2 x 2 is more than half of the 3 x 3 kernel\n"
                 "help: at most 1 x 1, or windows would see nothing but padding");
    fv_avg_pool2d(image(1, 4, 5), 5, .name = "S2");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"S2\": a 5 x 5 window (dilation 1 x 1) does not fit into the 4 x 5 "
                 "picture that \"input\" gives, with padding 0 x 0\nhelp: a smaller window");
    fv_avg_pool2d(image(1, 4, 5), 0, .name = "S2");
    assert_error(ctx, FV_E_ARG,
                 "layer \"S2\": kernel_size is 0 x 0, but must be 1 to 32767 each way\n"
                 "help: give one int, or FV_HW(rows, columns)");
    fv_max_pool2d_indices(image(1, 4, 4), 5, .name = "I2");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"I2\": a 5 x 5 window (dilation 1 x 1) does not fit into the 4 x 4 "
                 "picture that \"input\" gives, with padding 0 x 0\nhelp: a smaller window");
    fv_max_pool2d(image(1, 2, 2), 2, .stride = 1, .padding = 1, .dilation = 3, .name = "S3");
    assert_error(
        ctx, FV_E_SHAPE,
        "layer \"S3\": a 2 x 2 window (dilation 3 x 3, padding 1 x 1) would see nothing of "
        "the 2 x 2 picture that \"input\" gives\nhelp: a smaller dilation or no padding");
    fv_max_pool2d_indices(image(1, 4097, 4096), 2, .name = "I2");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"I2\": places in the 4097 x 4096 picture that \"input\" gives are more "
                 "than the 16777216 that a float tells apart");
    const char *size = "layer \"G\": output_size is %d x %d, but must be 1 to 32767 each way\n"
                       "help: 1 for global pooling; FV_HW(0, 5) keeps the rows and makes 5 columns";
    char text[300];
    fv_adaptive_avg_pool2d(image(1, 4, 4), 0, .name = "G");
    snprintf(text, sizeof text, size, 0, 0);
    assert_error(ctx, FV_E_ARG, text);
    fv_adaptive_max_pool2d(image(1, 4, 4), -2, .name = "G");
    snprintf(text, sizeof text, size, -2, -2);
    assert_error(ctx, FV_E_ARG, text);
    fv_adaptive_max_pool2d(image(200, 2, 2), FV_HW(2000, 1000), .name = "G");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"G\": its output [N,200,2000,1000] or its weight of 1 numbers is larger "
                 "than 268435456 numbers");
}

static void unpooling(void **state)
{
    (void)state;
    fv_node x = image(2, 8, 9), p = fv_max_pool2d(x, 2, .name = "P");
    fv_max_unpool2d(p, fv_max_pool2d_indices(x, 3), 2, .name = "U");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"U\": \"P\" gives [N,2,4,4], but there are indices for [N,2,2,3]\n"
                 "help: indices of a pooling whose output has the shape of x");
    fv_node i = fv_max_pool2d_indices(x, 2);
    fv_max_unpool2d(p, i, 2, .output_size = FV_HW(8, 10), .name = "U");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"U\": output_size is 8 x 10, but pooling by this kernel makes the 4 x 4 "
                 "picture that \"P\" gives only of sizes within a stride of 8 x 8");
    fv_max_unpool2d(p, i, 2, .output_size = 6, .name = "U");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"U\": output_size is 6 x 6, but pooling by this kernel makes the 4 x 4 "
                 "picture that \"P\" gives only of sizes within a stride of 8 x 8");
    fv_max_unpool2d(p, i, 2, .padding = 5, .name = "U");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"U\": its output would be 0 x 0\nhelp: less padding, or a larger kernel");
    fv_max_unpool2d(p, i, 2, .stride = -1, .name = "U");
    assert_error(ctx, FV_E_ARG,
                 "layer \"U\": stride is -1 x -1, but must be 1 to 32767 each way\n"
                 "help: give one int, or FV_HW(rows, columns)");
    fv_max_unpool2d(p, i, .name = "U");
    assert_error(ctx, FV_E_ARG,
                 "layer \"U\": kernel_size is 0 x 0, but must be 1 to 32767 each way\n"
                 "help: give one int, or FV_HW(rows, columns)");
    fv_max_unpool2d(p, image(2, 4, 4), 2);
    assert_error(ctx, FV_E_STATE,
                 "a max_unpool2d layer takes layers of two networks\n"
                 "help: begin the second input with fv_input(..., .beside = x), x of the first");
}

static void upsampling(void **state)
{
    (void)state;
    fv_upsample(image(1, 4, 4), .name = "up");
    assert_error(ctx, FV_E_ARG,
                 "layer \"up\": it takes a scale_factor or a size, but has neither\n"
                 "help: .scale_factor = 2, or .size = FV_HW(rows, columns)");
    fv_upsample(image(1, 4, 4), 2, .size = 8, .name = "up");
    assert_error(ctx, FV_E_ARG,
                 "layer \"up\": it takes a scale_factor or a size, but has both\n"
                 "help: .scale_factor = 2, or .size = FV_HW(rows, columns)");
    fv_upsample(image(1, 4, 6), 0.2, .name = "up");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"up\": scale_factor 0.2 makes 0 of the 4 rows or columns that \"input\" "
                 "gives; 1 to 32767 can be made");
    fv_upsample(image(1, 4, 6), 2, .scale_factor_w = 1e6, .name = "up");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"up\": scale_factor 1e+06 makes 6000000 of the 6 rows or columns that "
                 "\"input\" gives; 1 to 32767 can be made");
    fv_upsample(image(1, 4, 6), -1, .name = "up");
    assert_error(ctx, FV_E_ARG, "layer \"up\": scale_factor is -1, but must be more than 0");
    fv_upsample(image(1, 4, 6), .size = -3, .name = "up");
    assert_error(ctx, FV_E_ARG,
                 "layer \"up\": size is -3 x -3, but must be 1 to 32767 each way\n"
                 "help: give one int, or FV_HW(rows, columns)");
    fv_upsample(image(1, 4, 6), 2, .align_corners = true, .name = "up");
    assert_error(ctx, FV_E_ARG,
                 "layer \"up\": align_corners means nothing to the nearest pixel\n"
                 "help: .mode = FV_UPSAMPLE_BILINEAR");
    fv_upsample(image(1, 4, 6), 2, .mode = (fv_upsample_mode)7, .name = "up");
    assert_error(ctx, FV_E_ARG, "layer \"up\": there is no upsample mode 7");
}

static void padding(void **state)
{
    (void)state;
    fv_pad2d(image(1, 4, 5), 1, 5, .mode = FV_PADDING_REFLECT, .name = "pad");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"pad\": it pads by 1 and 5 columns, but in mode reflect at most by 4 each "
                 "side of the 5 that \"input\" gives\nhelp: less padding, or mode replicate");
    fv_pad2d(image(1, 4, 5), .top = 5, .mode = FV_PADDING_CIRCULAR, .name = "pad");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"pad\": it pads by 5 and 0 rows, but in mode circular at most by 4 each "
                 "side of the 4 that \"input\" gives\nhelp: less padding, or mode replicate");
    fv_pad2d(image(1, 4, 5), 1, -1, .mode = FV_PADDING_REPLICATE, .name = "pad");
    assert_error(ctx, FV_E_ARG,
                 "layer \"pad\": it pads by 1 and -1 columns; in mode replicate both must be 0 or "
                 "more\nhelp: only padding by a constant may take away");
    fv_pad2d(image(1, 4, 5), .top = -2, .bottom = -2, .name = "pad");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"pad\": padding by -2 and -2 leaves none of the 4 rows that \"input\" "
                 "gives\n"
                 "help: an output has 1 or more each way");
    fv_pad2d(image(1, 4, 5), 40000, .name = "pad");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"pad\": it pads by 40000 and 0 columns, but in mode constant at most by "
                 "32767 each side of the 5 that \"input\" gives\nhelp: less padding");
    fv_pad2d(image(1, 4, 5), 1, .value = INFINITY, .name = "pad");
    assert_error(ctx, FV_E_ARG, "layer \"pad\": value is inf, but must be finite");
    fv_pad2d(image(1, 4, 5), 1, .mode = FV_PADDING_REFLECT, .value = 2, .name = "pad");
    assert_error(ctx, FV_E_ARG, "layer \"pad\": value is 2, but must be 0 in mode reflect");
    fv_pad2d(image(1, 4, 5), 1, .mode = (fv_padding_mode)4, .name = "pad");
    assert_error(ctx, FV_E_ARG, "layer \"pad\": there is no padding mode 4");
    fv_conv2d(image(1, 4, 5), 2, 9, .padding = 4, .padding_mode = FV_PADDING_REFLECT, .name = "C");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"C\": it pads by 4 and 4 rows, but in mode reflect at most by 3 each side "
                 "of the 4 that \"input\" gives\nhelp: less padding, or mode replicate");
    fv_conv2d(image(1, 4, 5), 2, 3, .padding_mode = (fv_padding_mode)-1, .name = "C");
    assert_error(ctx, FV_E_ARG, "layer \"C\": there is no padding mode -1");
    fv_layers(image(1, 4, 5), "conv2d 2 3 padding=1 padding_mode=mirror", 0);
    assert_error(ctx, FV_E_ARG,
                 "network text, statement 1 \"conv2d 2 3 padding=1 padding_mode=mirror\": "
                 "padding_mode is \"mirror\", but must be zeros, reflect, replicate or circular");
}

static void transposed(void **state)
{
    (void)state;
    fv_conv_transpose2d(image(4, 4, 4), 6, 3, .groups = 4, .name = "T");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"T\": 4 groups must divide the 4 input channels (from \"input\") and the "
                 "6 output channels\nhelp: groups 1, or channels that are multiples of 4");
    fv_conv_transpose2d(image(4, 4, 4), 6, 3, .in_channels = 3, .name = "T");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"T\": expects 3 input channels but \"input\" gives 4 ([N,4,4,4])\n"
                 "help: set in_channels to 4, or leave it out");
    fv_conv_transpose2d(image(4, 4, 4), 0, 3, .name = "T");
    assert_error(ctx, FV_E_ARG,
                 "layer \"T\": out_channels is 0 and groups 1; both must be 1 or more");
    fv_conv_transpose2d(image(1, 4, 4), 2, 3, .stride = 2, .output_padding = FV_HW(1, 2),
                        .name = "T");
    assert_error(ctx, FV_E_ARG,
                 "layer \"T\": output_padding 1 x 2 must be less than the stride 2 x 2 or the "
                 "dilation 1 x 1\n"
                 "help: it chooses among the sizes that a convolution makes the input's size");
    fv_conv_transpose2d(image(1, 1, 4), 2, 3, .padding = FV_HW(2, 1), .name = "T");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"T\": padding 2 x 1 leaves an output of -1 x 4; it must be 1 or more each "
                 "way\nhelp: less padding, or a larger kernel");
    fv_conv_transpose2d(image(1, 4, 4), 2, 3, .padding = FV_SAME, .name = "T");
    assert_error(ctx, FV_E_ARG,
                 "layer \"T\": padding is -1 x -1, but must be 0 to 32767 each way\n"
                 "help: give one int, or FV_HW(rows, columns)");
    fv_conv_transpose2d(image(1, 4, 4), 2, 3, .output_padding = -1, .name = "T");
    assert_error(ctx, FV_E_ARG,
                 "layer \"T\": output_padding is -1 x -1, but must be 0 to 32767 each way\n"
                 "help: give one int, or FV_HW(rows, columns)");
    fv_conv_transpose2d(image(1, 9000, 9000), 2, 3, .stride = 20000, .name = "T");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"T\": its output [N,2,179980003,179980003] or its weight of 18 numbers is "
                 "larger than 268435456 numbers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(poolings), cmocka_unit_test(unpooling),  cmocka_unit_test(upsampling),
        cmocka_unit_test(padding),  cmocka_unit_test(transposed),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
