/*
 * layer_types.h - the list of all types of layers, in the order of the header. Layer 2.
 *
 * T(name, struct of arguments, inputs...) is a type whose public function is made of this line; O a
 * type with a function of its own in net/layers.c.
 */
#ifndef FV_LAYER_TYPES_H
#define FV_LAYER_TYPES_H

/* clang-format off */
#define FV_LAYER_TYPES(T, O)                                                                       \
    T(conv2d, fv_conv2d_args, args.x)                                                              \
    T(conv_transpose2d, fv_conv_transpose2d_args, args.x)                                          \
    T(max_pool2d, fv_max_pool2d_args, args.x)                                                      \
    T(max_pool2d_indices, fv_max_pool2d_args, args.x)                                              \
    T(max_unpool2d, fv_max_unpool2d_args, args.x, args.indices)                                    \
    T(avg_pool2d, fv_avg_pool2d_args, args.x)                                                      \
    T(adaptive_avg_pool2d, fv_adaptive_pool2d_args, args.x)                                        \
    T(adaptive_max_pool2d, fv_adaptive_pool2d_args, args.x)                                        \
    T(upsample, fv_upsample_args, args.x)                                                          \
    T(pad2d, fv_pad2d_args, args.x)                                                                \
    T(linear, fv_linear_args, args.x)                                                              \
    T(relu, fv_unary_args, args.x)                                                                 \
    T(flatten, fv_unary_args, args.x)                                                              \
    T(log_softmax, fv_dim_args, args.x)                                                            \
    T(batch_norm2d, fv_batch_norm2d_args, args.x)                                                  \
    T(dropout, fv_dropout_args, args.x)                                                            \
    T(dropout2d, fv_dropout_args, args.x)                                                          \
    T(add, fv_binary_args, args.x, args.y)                                                         \
    T(leaky_relu, fv_leaky_relu_args, args.x)                                                      \
    T(relu6, fv_unary_args, args.x)                                                                \
    T(sigmoid, fv_unary_args, args.x)                                                              \
    T(tanh, fv_unary_args, args.x)                                                                 \
    T(gelu, fv_gelu_args, args.x)                                                                  \
    T(silu, fv_unary_args, args.x)                                                                 \
    T(hardswish, fv_unary_args, args.x)                                                            \
    T(hardsigmoid, fv_unary_args, args.x)                                                          \
    T(elu, fv_elu_args, args.x)                                                                    \
    T(softplus, fv_softplus_args, args.x)                                                          \
    T(mish, fv_unary_args, args.x)                                                                 \
    T(softmax, fv_dim_args, args.x)                                                                \
    T(layer_norm, fv_layer_norm_args, args.x)                                                      \
    T(group_norm, fv_group_norm_args, args.x)                                                      \
    T(instance_norm2d, fv_instance_norm2d_args, args.x)                                            \
    T(mul, fv_binary_args, args.x, args.y)                                                         \
    O(concat, fv_concat_args, args.xs)                                                             \
    T(slice, fv_slice_args, args.x)                                                                \
    T(reshape, fv_shape_args, args.x)                                                              \
    T(squeeze, fv_dim_args, args.x)                                                                \
    T(unsqueeze, fv_dim_args, args.x)                                                              \
    T(permute, fv_shape_args, args.x)
/* clang-format on */

#endif
