/*
 * picture.c - size and shape text of pictures in memory, and a copy as an array. Layer 3, data.
 * Calls the base.
 */
#include "data/data.h"

#include <string.h>

size_t fv_picture_bytes(const fv_picture *picture)
{
    return (size_t)picture->channels * (size_t)picture->height * (size_t)picture->width *
           fv_type_size(picture->type);
}

bool fv_picture_alike(const fv_picture *a, const fv_picture *b)
{
    return a->channels == b->channels && a->height == b->height && a->width == b->width &&
           a->type == b->type;
}

void fv_picture_text(const fv_picture *p, char text[80])
{
    fv_array array = {.type = p->type, .ndim = 3, .dims = {p->channels, p->height, p->width}};
    fv_array_text(&array, text, 80);
}

fv_array *fv_picture_array(fv_work *work, bool ok, const fv_picture *picture)
{
    fv_ctx *ctx = work->ctx;
    fv_array *array = NULL;
    if (ok) {
        const int64_t dims[3] = {picture->channels, picture->height, picture->width};
        array = fv_array_new(ctx, picture->type, 3, dims);
        if (array)
            memcpy(array->data, picture->pixels, array->count * fv_type_size(array->type));
    }
    fv_work_report(work);
    fv_work_end(work);
    return array;
}
