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
    NULL,
};
