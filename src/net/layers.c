/*
 * layers.c - the public layer functions: each adds a layer of its kind to the graph. Layer 3. Calls
 * the ops.
 */
#include "net/net.h"

fv_node fv_conv2d_opt(fv_conv2d_args args)
{
    return fv_layer_add(&fv_kind_conv2d, &args.x, 1, &args);
}

fv_node fv_conv_transpose2d_opt(fv_conv_transpose2d_args args)
{
    return fv_layer_add(&fv_kind_conv_transpose2d, &args.x, 1, &args);
}

fv_node fv_max_pool2d_opt(fv_max_pool2d_args args)
{
    return fv_layer_add(&fv_kind_max_pool2d, &args.x, 1, &args);
}

fv_node fv_max_pool2d_indices_opt(fv_max_pool2d_args args)
{
    return fv_layer_add(&fv_kind_max_pool2d_indices, &args.x, 1, &args);
}

fv_node fv_max_unpool2d_opt(fv_max_unpool2d_args args)
{
    return fv_layer_add(&fv_kind_max_unpool2d, (const fv_node[]){args.x, args.indices}, 2, &args);
}

fv_node fv_avg_pool2d_opt(fv_avg_pool2d_args args)
{
    return fv_layer_add(&fv_kind_avg_pool2d, &args.x, 1, &args);
}

fv_node fv_adaptive_avg_pool2d_opt(fv_adaptive_pool2d_args args)
{
    return fv_layer_add(&fv_kind_adaptive_avg_pool2d, &args.x, 1, &args);
}

fv_node fv_adaptive_max_pool2d_opt(fv_adaptive_pool2d_args args)
{
    return fv_layer_add(&fv_kind_adaptive_max_pool2d, &args.x, 1, &args);
}

fv_node fv_upsample_opt(fv_upsample_args args)
{
    return fv_layer_add(&fv_kind_upsample, &args.x, 1, &args);
}

fv_node fv_pad2d_opt(fv_pad2d_args args)
{
    return fv_layer_add(&fv_kind_pad2d, &args.x, 1, &args);
}

fv_node fv_linear_opt(fv_linear_args args)
{
    return fv_layer_add(&fv_kind_linear, &args.x, 1, &args);
}

fv_node fv_relu_opt(fv_unary_args args)
{
    return fv_layer_add(&fv_kind_relu, &args.x, 1, &args);
}

fv_node fv_flatten_opt(fv_unary_args args)
{
    return fv_layer_add(&fv_kind_flatten, &args.x, 1, &args);
}

fv_node fv_log_softmax_opt(fv_unary_args args)
{
    return fv_layer_add(&fv_kind_log_softmax, &args.x, 1, &args);
}

fv_node fv_batch_norm2d_opt(fv_batch_norm2d_args args)
{
    return fv_layer_add(&fv_kind_batch_norm2d, &args.x, 1, &args);
}

fv_node fv_dropout_opt(fv_dropout_args args)
{
    return fv_layer_add(&fv_kind_dropout, &args.x, 1, &args);
}

fv_node fv_dropout2d_opt(fv_dropout_args args)
{
    return fv_layer_add(&fv_kind_dropout2d, &args.x, 1, &args);
}

fv_node fv_add_opt(fv_binary_args args)
{
    return fv_layer_add(&fv_kind_add, (const fv_node[]){args.x, args.y}, 2, &args);
}
