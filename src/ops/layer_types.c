/*
 * layer_types.c - all types of layers as a table. Layer 2.
 */
#include "ops/op.h"

#define ADDRESS(name, ...) &fv_layer_type_##name,
const fv_layer_type *const fv_layer_types[] = {FV_LAYER_TYPES(ADDRESS, ADDRESS) NULL};
