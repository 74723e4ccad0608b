/*
 * files.c - data sets of picture files: the list of them, and reading one. Layer 3, data. Calls the
 * base.
 */
#include "data/sets/files.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- texts, which stay where they are ------------------------------------------------------ */

enum { TEXTS_SIZE = 1 << 16 };

typedef struct fv_texts {
    struct fv_texts *older;
    size_t used, capacity;
    char text[];
} fv_texts;

const char *fv_files_text(fv_files *files, const char *folder, const char *name)
{
    size_t before = folder ? strlen(folder) + 1 : 0, size = before + strlen(name) + 1;
    fv_texts *t = files->texts;
    if (!t || t->capacity - t->used < size) {
        size_t capacity = size < TEXTS_SIZE ? TEXTS_SIZE : size;
        t = fv_alloc(files->ctx, 1, sizeof *t + capacity);
        if (!t)
            return NULL;
        *t = (fv_texts){.older = files->texts, .capacity = capacity};
        files->texts = t;
    }
    char *text = t->text + t->used;
    t->used += size;
    snprintf(text, size, "%s%s%s", folder ? folder : "", folder ? "/" : "", name);
    return text;
}

/* ---- the list ------------------------------------------------------------------------------ */

fv_files *fv_files_new(fv_ctx *ctx)
{
    fv_files *files = fv_alloc(ctx, 1, sizeof *files);
    if (files)
        files->ctx = ctx;
    return files;
}

void fv_files_free(fv_files *files)
{
    if (!files)
        return;
    for (fv_texts *t = files->texts, *older; t; t = older) {
        older = t->older;
        fv_release(files->ctx, t);
    }
    fv_release(files->ctx, files->list);
    fv_release(files->ctx, files->classes);
    fv_release(files->ctx, files);
}

bool fv_files_add(fv_files *files, const char *path, int64_t label)
{
    if (files->count == files->capacity) {
        size_t capacity = 2 * files->capacity + 64;
        fv_file *list = fv_grow(files->ctx, files->list, capacity, sizeof *list);
        if (!list)
            return false;
        files->list = list;
        files->capacity = capacity;
    }
    const char *slash = strrchr(path, '/');
    files->list[files->count++] = (fv_file){
        .path = path, .folder = slash ? (int)(slash - path) : 0, .label = label};
    return true;
}

bool fv_files_class(fv_files *files, const char *name)
{
    if (files->class_count == files->class_capacity) {
        size_t capacity = 2 * files->class_capacity + 16;
        const char **classes = fv_grow(files->ctx, files->classes, capacity, sizeof *classes);
        if (!classes)
            return false;
        files->classes = classes;
        files->class_capacity = capacity;
    }
    const char *copy = fv_files_text(files, NULL, name);
    if (copy)
        files->classes[files->class_count++] = copy;
    return copy;
}

int64_t fv_files_find_class(const fv_files *files, const char *name)
{
    for (size_t i = 0; i < files->class_count; i++)
        if (strcmp(files->classes[i], name) == 0)
            return (int64_t)i;
    return -1;
}

static bool files_read(fv_dataset *set, fv_work *work, int64_t index, fv_picture *picture,
                       int64_t *label);

fv_status fv_files_like(fv_files *files, const fv_dataset *like)
{
    if (!like->class_names)
        return fv_fail(files->ctx, FV_E_ARG, "\"%s\" has no names of classes to go by", like->name);
    for (int i = 0; i < like->desc.classes; i++)
        if (!fv_files_class(files, like->class_names[i]))
            return fv_error(files->ctx);
    if (like->read == files_read) {
        const fv_files *others = like->own;
        files->by_id = others->by_id;
        files->first_id = others->first_id;
    }
    return FV_OK;
}

/* ---- the set ------------------------------------------------------------------------------- */

/* Leaves the box and its margin, as far as they are in the picture, of the picture in slot 1. */
static bool crop(const fv_files *files, fv_work *work, const fv_file *file, fv_picture *p)
{
    int x1 = file->box[0] - files->margin, x2 = file->box[2] + files->margin;
    int y1 = file->box[1] - files->margin, y2 = file->box[3] + files->margin;
    x1 = x1 > 0 ? x1 : 0;
    y1 = y1 > 0 ? y1 : 0;
    x2 = x2 < p->width ? x2 : p->width;
    y2 = y2 < p->height ? y2 : p->height;
    if (x1 >= x2 || y1 >= y2) {
        fv_work_fail(
            work, FV_E_DATA,
            "\"%s\" line %d: the box %d,%d,%d,%d lies outside of \"%s\", which has %d x %d "
            "pixels",
            files->source, file->line, file->box[0], file->box[1], file->box[2], file->box[3],
            file->path, p->width, p->height);
        return false;
    }
    uint8_t *to = p->pixels;
    for (int c = 0; c < p->channels; c++)
        for (int y = y1; y < y2; y++, to += x2 - x1)
            memmove(to, (uint8_t *)p->pixels + ((size_t)c * p->height + y) * p->width + x1,
                    (size_t)(x2 - x1));
    p->height = y2 - y1;
    p->width = x2 - x1;
    return true;
}

static bool files_read(fv_dataset *set, fv_work *work, int64_t index, fv_picture *picture,
                       int64_t *label)
{
    const fv_files *files = set->own;
    const fv_file *file = &files->list[index];
    *label = file->label;
    return fv_picture_load(work, file->path, files->wish, picture) &&
           (!files->boxed || crop(files, work, file, picture));
}

static const char *files_path(const fv_dataset *set, int64_t index)
{
    return ((const fv_files *)set->own)->list[index].path;
}

static void files_end(fv_dataset *set)
{
    fv_files_free(set->own);
}

fv_dataset *fv_files_dataset(fv_files *files, const char *name)
{
    fv_ctx *ctx = files->ctx;
    fv_dataset_desc desc = {.name = name,
                            .type = FV_U8,
                            .channels = files->wish.channels,
                            .classes = (int)files->class_count};
    fv_dataset *set = fv_dataset_start(ctx, &desc);
    if (!set) {
        fv_files_free(files);
        return NULL;
    }
    set->own = files;
    set->end = files_end;
    set->read = files_read;
    set->file = files_path;
    set->class_names = files->classes;
    set->len = (int64_t)files->count;
    set->files[0] = fv_copy_text(ctx, name);
    set->labels = fv_alloc(ctx, files->count, sizeof *set->labels);
    for (size_t i = 0; set->labels && i < files->count; i++)
        set->labels[i] = files->list[i].label;
    if (!fv_error(ctx))
        return set;
    fv_object_free(set);
    return NULL;
}
