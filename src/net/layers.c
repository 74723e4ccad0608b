/*
 * layers.c - the public layer functions: each adds a layer of its kind to the graph. Layer 3. Calls
 * the ops.
 */
#include "net/net.h"

fv_node fv_conv2d_opt(fv_conv2d_args args)
{
    return fv_layer_add(&fv_layer_type_conv2d, &args.x, 1, &args);
}

fv_node fv_conv_transpose2d_opt(fv_conv_transpose2d_args args)
{
    return fv_layer_add(&fv_layer_type_conv_transpose2d, &args.x, 1, &args);
}

fv_node fv_max_pool2d_opt(fv_max_pool2d_args args)
{
    return fv_layer_add(&fv_layer_type_max_pool2d, &args.x, 1, &args);
}

fv_node fv_max_pool2d_indices_opt(fv_max_pool2d_args args)
{
    return fv_layer_add(&fv_layer_type_max_pool2d_indices, &args.x, 1, &args);
}

fv_node fv_max_unpool2d_opt(fv_max_unpool2d_args args)
{
    return fv_layer_add(&fv_layer_type_max_unpool2d, (const fv_node[]){args.x, args.indices}, 2,
                        &args);
}

fv_node fv_avg_pool2d_opt(fv_avg_pool2d_args args)
{
    return fv_layer_add(&fv_layer_type_avg_pool2d, &args.x, 1, &args);
}

fv_node fv_adaptive_avg_pool2d_opt(fv_adaptive_pool2d_args args)
{
    return fv_layer_add(&fv_layer_type_adaptive_avg_pool2d, &args.x, 1, &args);
}

fv_node fv_adaptive_max_pool2d_opt(fv_adaptive_pool2d_args args)
{
    return fv_layer_add(&fv_layer_type_adaptive_max_pool2d, &args.x, 1, &args);
}

fv_node fv_upsample_opt(fv_upsample_args args)
{
    return fv_layer_add(&fv_layer_type_upsample, &args.x, 1, &args);
}

fv_node fv_pad2d_opt(fv_pad2d_args args)
{
    return fv_layer_add(&fv_layer_type_pad2d, &args.x, 1, &args);
}

fv_node fv_linear_opt(fv_linear_args args)
{
    return fv_layer_add(&fv_layer_type_linear, &args.x, 1, &args);
}

fv_node fv_relu_opt(fv_unary_args args)
{
    return fv_layer_add(&fv_layer_type_relu, &args.x, 1, &args);
}

fv_node fv_flatten_opt(fv_unary_args args)
{
    return fv_layer_add(&fv_layer_type_flatten, &args.x, 1, &args);
}

fv_node fv_log_softmax_opt(fv_dim_args args)
{
    return fv_layer_add(&fv_layer_type_log_softmax, &args.x, 1, &args);
}

fv_node fv_batch_norm2d_opt(fv_batch_norm2d_args args)
{
    return fv_layer_add(&fv_layer_type_batch_norm2d, &args.x, 1, &args);
}

fv_node fv_dropout_opt(fv_dropout_args args)
{
    return fv_layer_add(&fv_layer_type_dropout, &args.x, 1, &args);
}

fv_node fv_dropout2d_opt(fv_dropout_args args)
{
    return fv_layer_add(&fv_layer_type_dropout2d, &args.x, 1, &args);
}

fv_node fv_add_opt(fv_binary_args args)
{
    return fv_layer_add(&fv_layer_type_add, (const fv_node[]){args.x, args.y}, 2, &args);
}

fv_node fv_leaky_relu_opt(fv_leaky_relu_args args)
{
    return fv_layer_add(&fv_layer_type_acts[FV_ACT_LEAKY_RELU], &args.x, 1, &args);
}

fv_node fv_relu6_opt(fv_unary_args args)
{
    return fv_layer_add(&fv_layer_type_acts[FV_ACT_RELU6], &args.x, 1, &args);
}

fv_node fv_sigmoid_opt(fv_unary_args args)
{
    return fv_layer_add(&fv_layer_type_acts[FV_ACT_SIGMOID], &args.x, 1, &args);
}

fv_node fv_tanh_opt(fv_unary_args args)
{
    return fv_layer_add(&fv_layer_type_acts[FV_ACT_TANH], &args.x, 1, &args);
}

fv_node fv_gelu_opt(fv_gelu_args args)
{
    return fv_layer_add(&fv_layer_type_acts[FV_ACT_GELU], &args.x, 1, &args);
}

fv_node fv_silu_opt(fv_unary_args args)
{
    return fv_layer_add(&fv_layer_type_acts[FV_ACT_SILU], &args.x, 1, &args);
}

fv_node fv_hardswish_opt(fv_unary_args args)
{
    return fv_layer_add(&fv_layer_type_acts[FV_ACT_HARDSWISH], &args.x, 1, &args);
}

fv_node fv_hardsigmoid_opt(fv_unary_args args)
{
    return fv_layer_add(&fv_layer_type_acts[FV_ACT_HARDSIGMOID], &args.x, 1, &args);
}

fv_node fv_elu_opt(fv_elu_args args)
{
    return fv_layer_add(&fv_layer_type_acts[FV_ACT_ELU], &args.x, 1, &args);
}

fv_node fv_softmax_opt(fv_dim_args args)
{
    return fv_layer_add(&fv_layer_type_softmax, &args.x, 1, &args);
}

fv_node fv_layer_norm_opt(fv_layer_norm_args args)
{
    return fv_layer_add(&fv_layer_type_layer_norm, &args.x, 1, &args);
}

fv_node fv_group_norm_opt(fv_group_norm_args args)
{
    return fv_layer_add(&fv_layer_type_group_norm, &args.x, 1, &args);
}

fv_node fv_mul_opt(fv_binary_args args)
{
    return fv_layer_add(&fv_layer_type_mul, (const fv_node[]){args.x, args.y}, 2, &args);
}

fv_node fv_concat_opt(fv_concat_args args)
{
    if (!args.xs || args.n < 1) {
        fv_absent(__func__);
        return fv_node_failed;
    }
    if (fv_node_broken(args.xs[0], "concat"))
        return fv_node_failed;
    if (args.n > FV_INPUTS_MAX) {
        fv_fail(args.xs[0].graph->object.ctx, FV_E_ARG,
                "a concat layer takes 2 to %d inputs, not %d", FV_INPUTS_MAX, args.n);
        return fv_node_failed;
    }
    return fv_layer_add(&fv_layer_type_concat, args.xs, args.n, &args);
}

fv_node fv_slice_opt(fv_slice_args args)
{
    return fv_layer_add(&fv_layer_type_slice, &args.x, 1, &args);
}

fv_node fv_reshape_opt(fv_shape_args args)
{
    return fv_layer_add(&fv_layer_type_reshape, &args.x, 1, &args);
}

fv_node fv_squeeze_opt(fv_dim_args args)
{
    return fv_layer_add(&fv_layer_type_squeeze, &args.x, 1, &args);
}

fv_node fv_unsqueeze_opt(fv_dim_args args)
{
    return fv_layer_add(&fv_layer_type_unsqueeze, &args.x, 1, &args);
}

fv_node fv_permute_opt(fv_shape_args args)
{
    return fv_layer_add(&fv_layer_type_permute, &args.x, 1, &args);
}

fv_node fv_custom_opt(fv_custom_args args)
{
    return fv_layer_add(&fv_layer_type_custom, &args.x, 1, &args);
}
