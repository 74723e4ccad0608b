/*
 * dataset.c - data sets: an image and a label by index, and queries common to all sets.
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

fv_status fv_dataset_check_desc(fv_ctx *ctx, const fv_dataset_desc *d)
{
    const int most = 1 << 28;
    if (d->type != FV_U8 && d->type != FV_F32)
        return fv_fail(ctx, FV_E_ARG, "\"%s\": pixels must be FV_U8 or FV_F32", d->name);
    if (d->channels < 1 || d->height < 1 || d->width < 1 ||
        (double)d->channels * d->height * d->width > most)
        return fv_fail(ctx, FV_E_SHAPE,
                       "\"%s\": [N,%d,%d,%d] is no shape of an image; each must be 1 or more and "
                       "their product at most %d",
                       d->name, d->channels, d->height, d->width, most);
    if (d->classes < 1)
        return fv_fail(ctx, FV_E_ARG, "\"%s\": classes is %d, but must be 1 or more", d->name,
                       d->classes);
    return FV_OK;
}

fv_dataset *fv_dataset_start(fv_ctx *ctx, const fv_dataset_desc *desc)
{
    fv_dataset *set = fv_object_new(ctx, sizeof *set, dataset_destroy);
    if (!set)
        return NULL;
    set->desc = *desc;
    set->desc.close = NULL; /* set when the set is complete: on failure the caller closes */
    set->pixel_bytes = (size_t)desc->channels * desc->height * desc->width *
                       fv_type_size(desc->type);
    set->name = fv_copy_text(ctx, desc->name);
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
        fv_dataset_desc named = *desc;
        named.name = desc->name ? desc->name : "data set";
        if (!desc->len || !desc->get)
            fv_fail(ctx, FV_E_ARG, "fv_dataset_new: len and get are needed");
        else if (!fv_dataset_check_desc(ctx, &named))
            set = fv_dataset_start(ctx, &named);
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

/* ---- queries -------------------------------------------------------------------------------- */

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
    *label = 0; /* default if get writes none */
    picture->pixels = fv_work_slot(work, 0, set->pixel_bytes);
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
    if (!set->desc.get)
        return fv_fail(set->object.ctx, FV_E_STATE,
                       "\"%s\": its pictures have sizes of their own, but here all must have one\n"
                       "help: give the loader a transform to a fixed size, or ask for one picture "
                       "by fv_dataset_picture",
                       set->name);
    *label = 0; /* default if get writes none */
    int code = set->desc.get(set->desc.user, index, pixels, label);
    if (code == 0)
        return FV_OK;
    return fv_fail(set->object.ctx, FV_E_DATA, "\"%s\": get failed for sample %lld with code %d",
                   set->name, (long long)index, code);
}

/* Returns FV_OK if the sample exists and the context has no error. */
static fv_status check_index(fv_dataset *set, int64_t index)
{
    if (!set)
        return fv_absent("fv_dataset_get");
    fv_ctx *ctx = set->object.ctx;
    if (fv_error(ctx) || (index >= 0 && index < set->len))
        return fv_error(ctx);
    return fv_fail(ctx, FV_E_ARG, "\"%s\" has no sample %lld: it has %lld samples, counted from 0",
                   set->name, (long long)index, (long long)set->len);
}

fv_status fv_dataset_get(fv_dataset *set, int64_t index, void *pixels, int64_t *label)
{
    fv_status status = check_index(set, index);
    return status ? status : fv_dataset_sample(set, index, pixels, label);
}

fv_array *fv_dataset_picture(fv_dataset *set, int64_t index, int64_t *label)
{
    if (check_index(set, index))
        return NULL;
    fv_work work = {.ctx = set->object.ctx};
    fv_picture picture;
    int64_t unused;
    bool ok = fv_dataset_read(set, &work, index, &picture, label ? label : &unused);
    return fv_picture_array(&work, ok, &picture);
}

const char *fv_dataset_class_name(const fv_dataset *set, int64_t label)
{
    bool has = set && set->class_names && label >= 0 && label < set->desc.classes;
    return has ? set->class_names[label] : NULL;
}

const char *fv_dataset_file(const fv_dataset *set, int64_t index)
{
    return set && set->file && index >= 0 && index < set->len ? set->file(set, index) : NULL;
}

int64_t fv_dataset_label(const fv_dataset *set, int64_t index)
{
    return set && set->labels && index >= 0 && index < set->len ? set->labels[index] : -1;
}

fv_status fv_dataset_check(fv_dataset *set, int classes, int64_t *histogram)
{
    if (!set)
        return fv_absent(__func__);
    fv_ctx *ctx = set->object.ctx;
    if (fv_error(ctx))
        return fv_error(ctx);
    if (classes < 0)
        return fv_fail(ctx, FV_E_ARG, "fv_dataset_check: classes is %d, but must be 0 or more",
                       classes);
    classes = classes ? classes : set->desc.classes;
    if (histogram)
        memset(histogram, 0, (size_t)classes * sizeof *histogram);
    void *pixels = set->labels ? NULL : fv_alloc(ctx, 1, set->pixel_bytes);
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
    if (!FV_GIVEN(set))
        return (fv_dataset_info){0};
    const fv_dataset_desc *d = &set->desc;
    return (fv_dataset_info){set->name, set->len, d->type,    d->channels,
                             d->height, d->width, d->classes, {set->files[0], set->files[1]}};
}

fv_picture fv_dataset_like(const fv_dataset *set)
{
    const fv_dataset_desc *d = &set->desc;
    return (fv_picture){d->channels, d->height, d->width, d->type, NULL};
}

bool fv_dataset_thread_safe(const fv_dataset *set)
{
    return set->images || !set->desc.get || set->desc.thread_safe;
}

int64_t *fv_dataset_labels(fv_dataset *set, int64_t *histogram)
{
    fv_ctx *ctx = set->object.ctx;
    int64_t *labels = NULL;
    if (!fv_dataset_check(set, 0, histogram))
        labels = fv_alloc(ctx, (size_t)set->len, sizeof *labels);
    if (!labels || set->labels)
        return labels ? memcpy(labels, set->labels, (size_t)set->len * sizeof *labels) : NULL;
    fv_work work = {.ctx = ctx};
    fv_picture unused;
    for (int64_t i = 0; i < set->len; i++)
        if (!fv_dataset_read(set, &work, i, &unused, labels + i))
            break;
    fv_work_end(&work);
    if (!fv_work_report(&work))
        return labels;
    fv_release(ctx, labels);
    return NULL;
}
