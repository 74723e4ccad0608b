/*
 * kinds.c - the list of all kinds of layers, in the order of the header. Layer 2.
 */
#include "ops/op.h"

const fv_field fv_no_fields[] = {{0}};

const fv_kind *const fv_kinds[] = {
    &fv_kind_conv2d,
    &fv_kind_conv_transpose2d,
    &fv_kind_max_pool2d,
    &fv_kind_max_pool2d_indices,
    &fv_kind_max_unpool2d,
    &fv_kind_avg_pool2d,
    &fv_kind_adaptive_avg_pool2d,
    &fv_kind_adaptive_max_pool2d,
    &fv_kind_upsample,
    &fv_kind_pad2d,
    &fv_kind_linear,
    &fv_kind_relu,
    &fv_kind_flatten,
    &fv_kind_log_softmax,
    &fv_kind_batch_norm2d,
    &fv_kind_dropout,
    &fv_kind_dropout2d,
    &fv_kind_add,
    &fv_kind_curves[FV_CURVE_LEAKY_RELU],
    &fv_kind_curves[FV_CURVE_RELU6],
    &fv_kind_curves[FV_CURVE_SIGMOID],
    &fv_kind_curves[FV_CURVE_TANH],
    &fv_kind_curves[FV_CURVE_GELU],
    &fv_kind_curves[FV_CURVE_SILU],
    &fv_kind_curves[FV_CURVE_HARDSWISH],
    &fv_kind_curves[FV_CURVE_HARDSIGMOID],
    &fv_kind_curves[FV_CURVE_ELU],
    &fv_kind_softmax,
    &fv_kind_layer_norm,
    &fv_kind_group_norm,
    &fv_kind_mul,
    &fv_kind_concat,
    &fv_kind_slice,
    &fv_kind_reshape,
    &fv_kind_squeeze,
    &fv_kind_unsqueeze,
    &fv_kind_permute,
    NULL,
};
