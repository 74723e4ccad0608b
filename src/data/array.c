/*
 * array.c - arrays of numbers that the context owns. Layer 3, data. Calls the base.
 */
#include "data/data.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [FV_U8] = {"uint8", 1},  [FV_I8] = {"int8", 1},     [FV_I16] = {"int16", 2},
    [FV_I32] = {"int32", 4}, [FV_F32] = {"float32", 4}, [FV_F64] = {"float64", 8},
    [FV_I64] = {"int64", 8},
};

size_t fv_type_size(fv_type type)
{
    return (size_t)type < sizeof types / sizeof *types ? types[type].size : 0;
}

void fv_array_text(const fv_array *array, char *text, size_t room)
{
    size_t used = 0;
    for (int d = 0; d < array->ndim; d++)
        used += (size_t)snprintf(text + used, room - used, d ? " x %lld" : "%lld",
                                 (long long)array->dims[d]);
    if (fv_type_size(array->type))
        snprintf(text + used, room - used, " %s", types[array->type].name);
}

/* An fv_array as the context owns it. */
typedef struct owned_array {
    fv_object object;
    fv_array array;
} owned_array;

static void array_destroy(void *self)
{
    owned_array *owned = self;
    fv_release(owned->object.ctx, owned->array.data);
    fv_object_end(owned);
}

fv_array *fv_array_start(fv_ctx *ctx)
{
    owned_array *owned = fv_object_new(ctx, sizeof *owned, array_destroy);
    if (owned)
        owned->array.dims[0] = owned->array.dims[1] = owned->array.dims[2] = owned->array
                                                                                 .dims[3] = 1;
    return owned ? &owned->array : NULL;
}

fv_array *fv_array_new(fv_ctx *ctx, fv_type type, int ndim, const int64_t *dims)
{
    fv_array *array = fv_array_start(ctx);
    if (!array)
        return NULL;
    array->type = type;
    array->ndim = ndim;
    array->count = 1;
    for (int d = 0; d < ndim; d++) {
        array->dims[d] = dims[d];
        array->count *= (size_t)dims[d];
    }
    array->data = fv_alloc(ctx, array->count, fv_type_size(type));
    if (array->data)
        return array;
    fv_array_free(array);
    return NULL;
}

void fv_array_free(fv_array *array)
{
    if (array)
        fv_object_free((char *)array - offsetof(owned_array, array));
}
