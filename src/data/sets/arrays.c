/*
 * arrays.c - data sets in memory, made of an array of images and one of labels. Layer 3, data.
 * Calls the base.
 */
#include "data/data.h"

#include <string.h>

static bool is_integer(fv_type type)
{
    return type != FV_F32 && type != FV_F64;
}

static fv_status check_arrays(fv_ctx *ctx, const fv_array *images, const fv_array *labels,
                              const char *image_file, const char *label_file)
{
    char found[120];
    fv_array_text(images, found, sizeof found);
    if ((images->type != FV_U8 && images->type != FV_F32) || images->ndim < 3 || images->count == 0)
        return fv_fail(ctx, FV_E_DATA,
                       "\"%s\" holds no images: expected uint8 or float32 of 3 or 4 dimensions, "
                       "none of them 0; found %s",
                       image_file, found);
    fv_array_text(labels, found, sizeof found);
    if (!is_integer(labels->type) || labels->count != (size_t)labels->dims[0])
        return fv_fail(ctx, FV_E_DATA,
                       "\"%s\" holds no labels: expected integers of 1 dimension; found %s",
                       label_file, found);
    if (images->dims[0] != labels->dims[0])
        return fv_fail(ctx, FV_E_DATA,
                       "%lld images in \"%s\", but %lld labels in \"%s\"\n"
                       "help: take both files from the same data set",
                       (long long)images->dims[0], image_file, (long long)labels->dims[0],
                       label_file);
    return FV_OK;
}

static int64_t integer_at(const fv_array *array, size_t i)
{
    switch (array->type) {
    case FV_U8: return ((const uint8_t *)array->data)[i];
    case FV_I8: return ((const int8_t *)array->data)[i];
    case FV_I16: return ((const int16_t *)array->data)[i];
    case FV_I32: return ((const int32_t *)array->data)[i];
    case FV_I64: return ((const int64_t *)array->data)[i];
    case FV_F32:
    case FV_F64: break;
    }
    return 0;
}

/* Converts labels to int64; *most: the largest. */
static int64_t *widen_labels(fv_ctx *ctx, const fv_array *labels, int64_t *most)
{
    int64_t *wide = fv_alloc(ctx, labels->count, sizeof *wide);
    *most = 0;
    for (size_t i = 0; wide && i < labels->count; i++) {
        wide[i] = integer_at(labels, i);
        *most = wide[i] > *most ? wide[i] : *most;
    }
    return wide;
}

/* Fills in the description of the set. */
static fv_status describe(fv_ctx *ctx, const fv_array *images, int64_t most, int classes,
                          const char *image_file, fv_dataset_desc *desc)
{
    const int64_t *dims = images->dims + images->ndim - 2, large = INT32_MAX;
    int64_t channels = images->ndim == 4 ? images->dims[1] : 1;
    if (classes == 0 && most >= 1 << 20)
        return fv_fail(ctx, FV_E_CLASS,
                       "\"%s\": the largest label is %lld, too large for a number of a class\n"
                       "help: say how many classes there are",
                       image_file, (long long)most);
    *desc = (fv_dataset_desc){.name = image_file,
                              .type = images->type,
                              .channels = (int)(channels < large ? channels : large),
                              .height = (int)(dims[0] < large ? dims[0] : large),
                              .width = (int)(dims[1] < large ? dims[1] : large),
                              .classes = classes ? classes : (int)most + 1};
    return fv_dataset_check_desc(ctx, desc);
}

static fv_dataset *set_of_arrays(fv_ctx *ctx, fv_array *images, const fv_array *labels, int classes,
                                 const char *image_file, const char *label_file)
{
    int64_t most;
    int64_t *wide = widen_labels(ctx, labels, &most);
    fv_dataset_desc desc;
    fv_dataset *set = NULL;
    if (wide && !describe(ctx, images, most, classes, image_file, &desc))
        set = fv_dataset_start(ctx, &desc);
    if (!set) {
        fv_release(ctx, wide);
        return NULL;
    }
    set->len = images->dims[0];
    set->labels = wide;
    if (label_file) {
        set->files[0] = fv_copy_text(ctx, image_file);
        set->files[1] = fv_copy_text(ctx, label_file);
    }
    if (fv_error(ctx)) {
        fv_object_free(set);
        return NULL;
    }
    set->images = images;
    return set;
}

fv_dataset *fv_dataset_of_arrays(fv_ctx *ctx, fv_array *images, fv_array *labels, int classes,
                                 const char *image_file, const char *label_file)
{
    fv_dataset *set = NULL;
    if (images && labels &&
        !check_arrays(ctx, images, labels, image_file, label_file ? label_file : image_file))
        set = set_of_arrays(ctx, images, labels, classes, image_file, label_file);
    fv_array_free(labels);
    if (!set)
        fv_array_free(images);
    return set;
}

fv_dataset *fv_dataset_idx(fv_ctx *ctx, const char *image_file, const char *label_file, int classes)
{
    fv_array *images = fv_idx_read(ctx, image_file), *labels = fv_idx_read(ctx, label_file);
    return fv_dataset_of_arrays(ctx, images, labels, classes, image_file, label_file);
}

/* ---- arrays of the caller ------------------------------------------------------------------- */

fv_dataset *fv_dataset_arrays_opt(fv_arrays_args args)
{
    fv_ctx *ctx = args.ctx;
    if (fv_stopped(ctx, __func__))
        return NULL;
    if (!fv_array_is_sound(args.images) || !fv_array_is_sound(args.labels)) {
        fv_fail(ctx, FV_E_ARG, "fv_dataset_arrays: " FV_ARRAY_SOUND);
        return NULL;
    }
    fv_array *images = fv_array_copy(ctx, args.images, args.channels_last);
    fv_array *labels = images ? fv_array_copy(ctx, args.labels, false) : NULL;
    return fv_dataset_of_arrays(ctx, images, labels, args.classes, args.name ? args.name : "arrays",
                                NULL);
}
