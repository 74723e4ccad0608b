/*
 * dataset.c - data sets: an image and a label by index, of the user's functions or in memory.
 *
 * Layer 3, data. Calls the base.
 */
#include "data/data.h"

#include <string.h>

static void dataset_destroy(void *self)
{
    fv_dataset *set = self;
    fv_ctx *ctx = set->object.ctx;
    if (set->desc.close)
        set->desc.close(set->desc.user);
    if (set->end)
        set->end(set);
    fv_release(ctx, set->name);
    fv_release(ctx, set->files[0]);
    fv_release(ctx, set->files[1]);
    fv_release(ctx, set->labels);
    fv_array_free(set->images);
    fv_object_end(set);
}

void fv_dataset_free(fv_dataset *set)
{
    fv_object_free(set);
}

static fv_status check_desc(fv_ctx *ctx, const fv_dataset_desc *d, const char *name)
{
    const int most = 1 << 28;
    if (d->type != FV_U8 && d->type != FV_F32)
        return fv_fail(ctx, FV_E_ARG, "\"%s\": pixels must be FV_U8 or FV_F32", name);
    if (d->channels < 1 || d->height < 1 || d->width < 1 ||
        (double)d->channels * d->height * d->width > most)
        return fv_fail(ctx, FV_E_SHAPE,
                       "\"%s\": [N,%d,%d,%d] is no shape of an image; each must be 1 or more and "
                       "their product at most %d",
                       name, d->channels, d->height, d->width, most);
    if (d->classes < 1)
        return fv_fail(ctx, FV_E_ARG, "\"%s\": classes is %d, but must be 1 or more", name,
                       d->classes);
    return FV_OK;
}

/* A set with all but len and where its samples come from. */
static fv_dataset *dataset_start(fv_ctx *ctx, const fv_dataset_desc *desc)
{
    const char *name = desc->name ? desc->name : "data set";
    if (check_desc(ctx, desc, name))
        return NULL;
    fv_dataset *set = fv_object_new(ctx, sizeof *set, dataset_destroy);
    if (!set)
        return NULL;
    set->desc = *desc;
    set->desc.close = NULL; /* until the set is whole: the caller closes on failure */
    set->pixel_bytes =
        (size_t)desc->channels * desc->height * desc->width * fv_type_size(desc->type);
    set->name = fv_copy_text(ctx, name);
    if (set->name)
        return set;
    fv_object_free(set);
    return NULL;
}

fv_dataset *fv_dataset_new(fv_ctx *ctx, const fv_dataset_desc *desc)
{
    fv_dataset *set = NULL;
    if (!desc)
        fv_fail(ctx, FV_E_ARG, "fv_dataset_new: desc is NULL");
    if (ctx && !fv_error(ctx)) {
        if (desc->len && desc->get)
            set = dataset_start(ctx, desc);
        else
            fv_fail(ctx, FV_E_ARG, "fv_dataset_new: len and get are needed");
    }
    if (set) {
        set->len = desc->len(desc->user);
        if (set->len < 0) {
            fv_fail(ctx, FV_E_DATA, "\"%s\": len says %lld samples", set->name,
                    (long long)set->len);
            fv_object_free(set);
            set = NULL;
        }
    }
    if (set)
        set->desc.close = desc->close;
    else if (desc && desc->close)
        desc->close(desc->user);
    return set;
}

/* ---- in memory ---------------------------------------------------------------------------- */

static fv_status check_arrays(fv_ctx *ctx, const fv_array *images, const fv_array *labels,
                              const char *image_file, const char *label_file)
{
    char found[80];
    fv_array_text(images, found, sizeof found);
    if (images->type != FV_U8 || images->ndim < 3 || images->count == 0)
        return fv_fail(ctx, FV_E_DATA,
                       "\"%s\" holds no images: expected uint8 of 3 or 4 dimensions, none of them "
                       "0; found %s",
                       image_file, found);
    fv_array_text(labels, found, sizeof found);
    if (labels->type != FV_U8 || labels->ndim != 1)
        return fv_fail(ctx, FV_E_DATA,
                       "\"%s\" holds no labels: expected uint8 of 1 dimension; found %s",
                       label_file, found);
    if (images->dims[0] != labels->dims[0])
        return fv_fail(ctx, FV_E_DATA,
                       "%lld images in \"%s\", but %lld labels in \"%s\"\n"
                       "help: take both files from the same data set",
                       (long long)images->dims[0], image_file, (long long)labels->dims[0],
                       label_file);
    return FV_OK;
}

/* The labels as int64; *most becomes the largest. */
static int64_t *widen_labels(fv_ctx *ctx, const fv_array *labels, int64_t *most)
{
    int64_t *wide = fv_alloc(ctx, labels->count, sizeof *wide);
    *most = 0;
    for (size_t i = 0; wide && i < labels->count; i++) {
        wide[i] = ((const uint8_t *)labels->data)[i];
        *most = wide[i] > *most ? wide[i] : *most;
    }
    return wide;
}

/* The set that takes over images. */
static fv_dataset *set_of_arrays(fv_ctx *ctx, fv_array *images, const fv_array *labels, int classes,
                                 const char *image_file, const char *label_file)
{
    int64_t most;
    int64_t *wide = widen_labels(ctx, labels, &most);
    const int64_t *dims = images->dims + images->ndim - 2;
    fv_dataset_desc desc = {.name = image_file,
                            .channels = images->ndim == 4 ? (int)images->dims[1] : 1,
                            .height = (int)dims[0],
                            .width = (int)dims[1],
                            .classes = classes ? classes : (int)most + 1};
    fv_dataset *set = wide ? dataset_start(ctx, &desc) : NULL;
    if (!set) {
        fv_release(ctx, wide);
        return NULL;
    }
    set->len = images->dims[0];
    set->labels = wide;
    set->files[0] = fv_copy_text(ctx, image_file);
    set->files[1] = fv_copy_text(ctx, label_file);
    if (fv_error(ctx)) {
        fv_object_free(set);
        return NULL;
    }
    set->images = images;
    return set;
}

fv_dataset *fv_dataset_idx(fv_ctx *ctx, const char *image_file, const char *label_file, int classes)
{
    fv_array *images = fv_idx_read(ctx, image_file), *labels = fv_idx_read(ctx, label_file);
    fv_dataset *set = NULL;
    if (images && labels && !check_arrays(ctx, images, labels, image_file, label_file))
        set = set_of_arrays(ctx, images, labels, classes, image_file, label_file);
    fv_array_free(labels);
    if (!set)
        fv_array_free(images);
    return set;
}

/* ---- asking ------------------------------------------------------------------------------- */

bool fv_dataset_read(fv_dataset *set, fv_work *work, int64_t index, fv_picture *picture,
                     int64_t *label)
{
    if (set->read)
        return set->read(set, work, index, picture, label);
    const fv_dataset_desc *d = &set->desc;
    *picture = (fv_picture){d->channels, d->height, d->width, d->type, NULL};
    if (set->images) {
        picture->pixels = (uint8_t *)set->images->data + (size_t)index * set->pixel_bytes;
        *label = set->labels[index];
        return true;
    }
    *label = 0; /* where get has none to write */
    picture->pixels = fv_work_room(work, 0, set->pixel_bytes);
    int code = picture->pixels ? d->get(d->user, index, picture->pixels, label) : 0;
    if (code)
        fv_work_fail(work, FV_E_DATA, "\"%s\": get failed for sample %lld with code %d", set->name,
                     (long long)index, code);
    return work->error == FV_OK;
}

fv_status fv_dataset_sample(fv_dataset *set, int64_t index, void *pixels, int64_t *label)
{
    int64_t unused;
    label = label ? label : &unused;
    if (set->images) {
        memcpy(pixels, (const uint8_t *)set->images->data + (size_t)index * set->pixel_bytes,
               set->pixel_bytes);
        *label = set->labels[index];
        return FV_OK;
    }
    *label = 0; /* where get has none to write */
    int code = set->desc.get(set->desc.user, index, pixels, label);
    if (code == 0)
        return FV_OK;
    return fv_fail(set->object.ctx, FV_E_DATA, "\"%s\": get failed for sample %lld with code %d",
                   set->name, (long long)index, code);
}

fv_status fv_dataset_get(fv_dataset *set, int64_t index, void *pixels, int64_t *label)
{
    if (!set)
        return FV_E_ARG;
    fv_ctx *ctx = set->object.ctx;
    if (fv_error(ctx))
        return fv_error(ctx);
    if (index < 0 || index >= set->len)
        return fv_fail(ctx, FV_E_ARG,
                       "\"%s\" has no sample %lld: it has %lld samples, counted from 0", set->name,
                       (long long)index, (long long)set->len);
    return fv_dataset_sample(set, index, pixels, label);
}

fv_status fv_dataset_check(fv_dataset *set, int classes, int64_t *histogram)
{
    if (!set)
        return FV_E_ARG;
    fv_ctx *ctx = set->object.ctx;
    if (fv_error(ctx))
        return fv_error(ctx);
    if (classes < 0)
        return fv_fail(ctx, FV_E_ARG, "fv_dataset_check: classes is %d, but must be 0 or more",
                       classes);
    classes = classes ? classes : set->desc.classes;
    if (histogram)
        memset(histogram, 0, (size_t)classes * sizeof *histogram);
    void *pixels = set->images ? NULL : fv_alloc(ctx, 1, set->pixel_bytes);
    for (int64_t i = 0, label; i < set->len && !fv_error(ctx); i++) {
        if (set->labels)
            label = set->labels[i];
        else if (fv_dataset_sample(set, i, pixels, &label))
            break;
        if (label < 0 || label >= classes)
            fv_fail(ctx, FV_E_CLASS,
                    "label %lld of sample %lld in \"%s\": the classes are 0 to %d\n"
                    "help: correct the label, or make a net of more classes",
                    (long long)label, (long long)i, set->files[1] ? set->files[1] : set->name,
                    classes - 1);
        else if (histogram)
            histogram[label]++;
    }
    fv_release(ctx, pixels);
    return fv_error(ctx);
}

fv_dataset_info fv_dataset_describe(const fv_dataset *set)
{
    if (!set)
        return (fv_dataset_info){0};
    const fv_dataset_desc *d = &set->desc;
    return (fv_dataset_info){set->name, set->len, d->type, d->channels, d->height, d->width,
                             d->classes, {set->files[0], set->files[1]}};
}
