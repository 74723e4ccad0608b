/*
 * subset.c - views of data sets: a subset of one, or several concatenated.
 *
 * A view has no pixels; it reads from its sets, which must outlive it: fv_close frees the newest
 * object first. Layer 3, data. Calls the base.
 */
#include "data/data.h"

#include <string.h>

typedef struct view {
    int64_t *indices; /* [len] samples of the only set; NULL: all sets, concatenated */
    int n;
    fv_dataset *sets[]; /* [n] */
} view;

/* Returns the set that holds a sample of the view; sets *index to the index in that set. */
static fv_dataset *behind(const view *v, int64_t *index)
{
    int i = 0;
    if (v->indices)
        *index = v->indices[*index];
    else
        for (; *index >= v->sets[i]->len; i++)
            *index -= v->sets[i]->len;
    return v->sets[i];
}

static bool view_read(fv_dataset *set, fv_work *work, int64_t index, fv_picture *picture,
                      int64_t *label)
{
    fv_dataset *from = behind(set->own, &index);
    return fv_dataset_read(from, work, index, picture, label);
}

/* Implements desc.get for images of one size; user is the view's data set. */
static int view_get(void *user, int64_t index, void *pixels, int64_t *label)
{
    fv_dataset *from = behind(((fv_dataset *)user)->own, &index);
    return (int)fv_dataset_sample(from, index, pixels, label);
}

static const char *view_file(const fv_dataset *set, int64_t index)
{
    const fv_dataset *from = behind(set->own, &index);
    return fv_dataset_file(from, index);
}

static void view_end(fv_dataset *set)
{
    view *v = set->own;
    if (v)
        fv_release(set->object.ctx, v->indices);
    fv_release(set->object.ctx, v);
}

/* Returns the set with the most classes. */
static const fv_dataset *most_classes(fv_dataset *const *sets, int n)
{
    const fv_dataset *most = sets[0];
    for (int i = 1; i < n; i++)
        most = sets[i]->desc.classes > most->desc.classes ? sets[i] : most;
    return most;
}

/* Returns the description of a view: that of the first set, with the classes of all. */
static fv_dataset_desc view_desc(fv_dataset *const *sets, int n)
{
    fv_dataset_desc desc = sets[0]->desc;
    desc.name = sets[0]->name;
    desc.get = sets[0]->pixel_bytes ? view_get : NULL;
    desc.classes = most_classes(sets, n)->desc.classes;
    desc.thread_safe = true;
    for (int i = 0; i < n; i++)
        desc.thread_safe = desc.thread_safe && fv_dataset_thread_safe(sets[i]);
    return desc;
}

/* Copies the labels if all sets have them in memory. Returns NULL if not, or without memory. */
static int64_t *view_labels(fv_ctx *ctx, const view *v, int64_t len)
{
    for (int i = 0; i < v->n; i++)
        if (!v->sets[i]->labels)
            return NULL;
    int64_t *labels = fv_alloc(ctx, (size_t)len, sizeof *labels);
    for (int64_t i = 0; labels && i < len; i++) {
        int64_t index = i;
        const fv_dataset *from = behind(v, &index);
        labels[i] = from->labels[index];
    }
    return labels;
}

/* Returns a view of len samples; copies indices. indices NULL: all samples of all sets. */
static fv_dataset *view_new(fv_dataset *const *sets, int n, const int64_t *indices, int64_t len)
{
    fv_ctx *ctx = sets[0]->object.ctx;
    fv_dataset_desc desc = view_desc(sets, n);
    fv_dataset *set = fv_dataset_start(ctx, &desc);
    if (!set)
        return NULL;
    set->desc.user = set;
    set->len = len;
    set->class_names = most_classes(sets, n)->class_names;
    set->read = view_read;
    set->file = view_file;
    set->end = view_end;
    view *v = set->own = fv_alloc(ctx, 1, sizeof *v + (size_t)n * sizeof *v->sets);
    if (v) {
        v->n = n;
        memcpy(v->sets, sets, (size_t)n * sizeof *v->sets);
        if (indices && (v->indices = fv_alloc(ctx, (size_t)len, sizeof *indices)))
            memcpy(v->indices, indices, (size_t)len * sizeof *indices);
    }
    if (!fv_error(ctx))
        set->labels = view_labels(ctx, v, len);
    if (!fv_error(ctx))
        return set;
    fv_dataset_free(set);
    return NULL;
}

/* ---- subsets ------------------------------------------------------------------------------ */

fv_dataset *fv_subset(fv_dataset *set, const int64_t *indices, int64_t n)
{
    if (FV_STOPPED(set))
        return NULL;
    fv_ctx *ctx = set->object.ctx;
    if (n < 0 || (n > 0 && !indices))
        fv_fail(ctx, FV_E_ARG, "fv_subset: indices of n = %lld samples are needed", (long long)n);
    for (int64_t i = 0; i < n && !fv_error(ctx); i++)
        if (indices[i] < 0 || indices[i] >= set->len)
            fv_fail(ctx, FV_E_ARG,
                    "fv_subset: index %lld is %lld, but \"%s\" has %lld samples, counted from 0",
                    (long long)i, (long long)indices[i], set->name, (long long)set->len);
    const int64_t none = 0;
    return fv_error(ctx) ? NULL : view_new(&set, 1, n ? indices : &none, n);
}

/* Returns the samples whose fold is, or is not, `fold`. */
static fv_dataset *pick(fv_dataset *set, const int *folds, int fold, bool is)
{
    if (FV_STOPPED(set))
        return NULL;
    fv_ctx *ctx = set->object.ctx;
    int64_t *indices = fv_alloc(ctx, (size_t)set->len, sizeof *indices), n = 0;
    if (!indices)
        return NULL;
    for (int64_t i = 0; i < set->len; i++)
        if ((folds[i] == fold) == is)
            indices[n++] = i;
    fv_dataset *subset = fv_subset(set, indices, n);
    fv_release(ctx, indices);
    return subset;
}

fv_dataset *fv_subset_fold(fv_dataset *set, const int *folds, int fold)
{
    return pick(set, folds, fold, true);
}

fv_dataset *fv_subset_rest(fv_dataset *set, const int *folds, int fold)
{
    return pick(set, folds, fold, false);
}

/* ---- several sets ------------------------------------------------------------------------- */

static fv_status check_alike(const fv_dataset *a, const fv_dataset *b)
{
    fv_picture x = fv_dataset_like(a), y = fv_dataset_like(b);
    char first[80], other[80];
    if (fv_picture_alike(&x, &y))
        return FV_OK;
    fv_picture_text(&x, first);
    fv_picture_text(&y, other);
    return fv_fail(a->object.ctx, FV_E_SHAPE,
                   "fv_dataset_concat: images of \"%s\" are %s, but those of \"%s\" are %s",
                   a->name, first, b->name, other);
}

fv_dataset *fv_dataset_concat(fv_dataset *const *sets, int n)
{
    int64_t len = 0;
    if (!sets || n < 1) {
        fv_absent(__func__);
        return NULL;
    }
    for (int i = 0; i < n; i++) {
        if (FV_STOPPED(sets[i]) || check_alike(sets[0], sets[i]))
            return NULL;
        len += sets[i]->len;
    }
    return view_new(sets, n, NULL, len);
}
