/*
 * array.c - numeric arrays owned by the context. Layer 3, data. Calls the base.
 */
#include "data/data.h"

#include <stdio.h>
#include <string.h>

static const char *const type_names[] = {
    [FV_U8] = "uint8",    [FV_I8] = "int8",     [FV_I16] = "int16", [FV_I32] = "int32",
    [FV_F32] = "float32", [FV_F64] = "float64", [FV_I64] = "int64",
};

void fv_array_text(const fv_array *array, char *text, size_t capacity)
{
    size_t used = 0;
    for (int d = 0; d < array->ndim; d++)
        used += (size_t)snprintf(text + used, capacity - used, d ? " x %lld" : "%lld",
                                 (long long)array->dims[d]);
    if (fv_type_size(array->type))
        snprintf(text + used, capacity - used, " %s", type_names[array->type]);
}

/* An fv_array with the header of an owned object. */
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

bool fv_array_is_sound(const fv_array *array)
{
    if (!array || !array->data || array->ndim < 1 || array->ndim > 4 || !fv_type_size(array->type))
        return false;
    size_t count = 1;
    for (int d = 0; d < array->ndim; d++) {
        if (array->dims[d] < 1 || (size_t)array->dims[d] > SIZE_MAX / 16 / count)
            return false;
        count *= (size_t)array->dims[d];
    }
    return count == array->count;
}

/* Copies [N,H,W,C] to [N,C,H,W]. */
static void copy_planes(const fv_array *from, fv_array *to)
{
    size_t size = fv_type_size(from->type), channels = (size_t)from->dims[3];
    size_t pixels = (size_t)from->dims[1] * (size_t)from->dims[2];
    const uint8_t *at = from->data;
    for (int64_t n = 0; n < from->dims[0]; n++)
        for (size_t i = 0; i < pixels; i++)
            for (size_t c = 0; c < channels; c++, at += size)
                memcpy((uint8_t *)to->data + (((size_t)n * channels + c) * pixels + i) * size, at,
                       size);
}

fv_array *fv_array_copy(fv_ctx *ctx, const fv_array *from, bool channels_last)
{
    int64_t dims[4] = {from->dims[0], from->dims[1], from->dims[2], from->dims[3]};
    channels_last = channels_last && from->ndim == 4;
    if (channels_last) {
        dims[1] = from->dims[3];
        dims[2] = from->dims[1];
        dims[3] = from->dims[2];
    }
    fv_array *to = fv_array_new(ctx, from->type, from->ndim, dims);
    if (to && channels_last)
        copy_planes(from, to);
    else if (to)
        memcpy(to->data, from->data, to->count * fv_type_size(to->type));
    return to;
}
