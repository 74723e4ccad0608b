/*
 * transform.c - transforms: a list of steps applied to each picture.
 * Layer 3, data. Calls the base.
 */
#include "data/transform/transform.h"

#include <string.h>

struct fv_transform {
    fv_object object;
    fv_tstep *steps;
    int count;
    char *text;
};

/* ---- creation ----------------------------------------------------------------------------- */

static void transform_destroy(void *self)
{
    fv_transform *t = self;
    fv_ctx *ctx = t->object.ctx;
    for (int i = 0; t->steps && i < t->count; i++)
        fv_release(ctx, t->steps[i].table);
    fv_release(ctx, t->steps);
    fv_release(ctx, t->text);
    fv_object_end(t);
}

void fv_transform_free(fv_transform *transform)
{
    fv_object_free(transform);
}

/* Computes the float of each byte: v / 255, then (. - mean) / std if normalize is the next step.
   Each operation rounds to float, as in PyTorch. */
static fv_status make_tables(fv_ctx *ctx, fv_tstep *step, fv_tstep *next)
{
    const fv_numbers *mean = next ? &next->args[0] : NULL, *std = next ? &next->args[1] : NULL;
    step->tables = !next ? 1 : mean->count > std->count ? mean->count : std->count;
    step->table = fv_alloc(ctx, (size_t)step->tables, sizeof *step->table);
    for (int c = 0; step->table && c < step->tables; c++)
        for (int v = 0; v < 256; v++) {
            float x = (float)v / 255;
            if (next)
                x = (x - (float)mean->v[c % mean->count]) / (float)std->v[c % std->count];
            step->table[c][v] = x;
        }
    if (next)
        next->folded = true;
    return fv_error(ctx);
}

static fv_status finish_steps(fv_ctx *ctx, fv_tstep *steps, int count)
{
    for (int i = 0; i < count; i++) {
        bool folds = i + 1 < count && strcmp(steps[i + 1].kind->name, "normalize") == 0;
        steps[i].number = i + 1;
        if (strcmp(steps[i].kind->name, "to_tensor") == 0 &&
            make_tables(ctx, &steps[i], folds ? &steps[i + 1] : NULL))
            break;
    }
    return fv_error(ctx);
}

static void put_steps(fv_text *to, const void *of)
{
    const fv_transform *t = of;
    for (int i = 0; i < t->count; i++) {
        fv_put(to, i ? "; " : "");
        fv_tstep_put(to, &t->steps[i]);
    }
}

/* Returns a transform that owns steps; count -1: NULL. */
static fv_transform *transform_of(fv_ctx *ctx, fv_tstep *steps, int count)
{
    fv_transform *t = count < 0 ? NULL : fv_object_new(ctx, sizeof *t, transform_destroy);
    if (!t) {
        fv_release(ctx, steps);
        return NULL;
    }
    t->steps = steps;
    t->count = count;
    t->text = fv_text_new(ctx, put_steps, t);
    if (t->text && !finish_steps(ctx, steps, count))
        return t;
    fv_object_free(t);
    return NULL;
}

fv_transform *fv_transform_new(fv_ctx *ctx, const char *text)
{
    if (fv_stopped(ctx, __func__))
        return NULL;
    fv_tstep *steps = NULL;
    int count = fv_tsteps_read(ctx, text ? text : "", &steps);
    return transform_of(ctx, steps, count);
}

fv_transform *fv_transform_eval(const fv_transform *transform)
{
    if (FV_STOPPED(transform))
        return NULL;
    fv_ctx *ctx = transform->object.ctx;
    fv_tstep *steps = fv_alloc(ctx, 2 * (size_t)transform->count + 1, sizeof *steps);
    int count = steps ? 0 : -1;
    for (int i = 0; steps && i < transform->count; i++) {
        fv_tstep step = transform->steps[i];
        step.table = NULL;
        step.folded = false;
        if (step.kind->eval)
            count += step.kind->eval(&step, steps + count);
        else
            steps[count++] = step;
    }
    return transform_of(ctx, steps, count);
}

const char *fv_transform_text(const fv_transform *transform)
{
    return transform ? transform->text : NULL;
}

fv_picture_shape fv_transform_shape(const fv_transform *transform, fv_picture_shape in)
{
    for (int i = 0; transform && i < transform->count; i++)
        if (transform->steps[i].kind->shape)
            transform->steps[i].kind->shape(&transform->steps[i], &in);
    return in;
}

/* ---- application -------------------------------------------------------------------------- */

/* Checks that the step accepts the type and channels of the picture. */
static bool check_picture(const fv_tstep *step, fv_work *work, const fv_picture *in)
{
    unsigned flags = step->kind->flags;
    if ((flags & FV_STEP_BYTES) && in->type != FV_U8)
        return fv_tstep_fail(step, work, FV_E_SHAPE,
                             "it takes uint8 pictures, and this one is float32");
    if ((flags & FV_STEP_FLOATS) && in->type != FV_F32)
        return fv_tstep_fail(step, work, FV_E_SHAPE,
                             "it takes float32 pictures, and this one is uint8\n"
                             "help: to_tensor before it");
    if ((flags & FV_STEP_COLORS) && in->channels != 1 && in->channels != 3)
        return fv_tstep_fail(step, work, FV_E_SHAPE,
                             "it takes pictures of 1 or 3 channels, and this one has %d",
                             in->channels);
    for (int i = 0; i < FV_ARGS_MAX && step->kind->args[i].name; i++)
        if ((step->kind->args[i].flags & FV_ARG_CHANNELS) && step->args[i].count > 1 &&
            step->args[i].count != in->channels)
            return fv_tstep_fail(step, work, FV_E_SHAPE,
                                 "%s has %d numbers, but the picture has %d channels",
                                 step->kind->args[i].name, step->args[i].count, in->channels);
    return true;
}

bool fv_transform_run(const fv_transform *transform, fv_work *work, uint64_t seed, int64_t epoch,
                      int64_t index, const fv_picture *in, fv_picture *out)
{
    fv_draw draw = fv_draw_start(seed, epoch, index);
    *out = *in;
    for (int i = 0; i < transform->count; i++) {
        const fv_tstep *step = &transform->steps[i];
        fv_picture from = *out;
        if (!check_picture(step, work, &from) ||
            (!step->folded && !step->kind->run(step, work, &draw, &from, out)))
            return false;
    }
    return true;
}

/* Converts an array [C,H,W] or [H,W] to a picture. Returns false if it is none. */
static bool picture_of(const fv_array *array, fv_picture *picture)
{
    if (!array || !array->data || array->ndim < 2 || array->ndim > 3 ||
        (array->type != FV_U8 && array->type != FV_F32))
        return false;
    for (int d = 0; d < array->ndim; d++)
        if (array->dims[d] < 1 || array->dims[d] > 1 << 28)
            return false;
    const int64_t *sides = array->dims + array->ndim - 2;
    *picture = (fv_picture){array->ndim == 3 ? (int)array->dims[0] : 1, (int)sides[0],
                            (int)sides[1], array->type, array->data};
    return true;
}

fv_array *fv_transform_apply(const fv_transform *transform, const fv_array *picture, uint64_t seed,
                             int64_t epoch, int64_t index)
{
    if (FV_STOPPED(transform))
        return NULL;
    fv_ctx *ctx = transform->object.ctx;
    fv_work work = {.ctx = ctx};
    fv_picture in, out;
    fv_array *array = NULL;
    if (!picture_of(picture, &in))
        fv_fail(ctx, FV_E_ARG,
                "fv_transform_apply: a picture is uint8 or float32, [C,H,W] or [H,W]");
    else if (fv_transform_run(transform, &work, seed, epoch, index, &in, &out))
        array = fv_array_new(ctx, out.type, 3, (int64_t[]){out.channels, out.height, out.width});
    if (array)
        memcpy(array->data, out.pixels, array->count * fv_type_size(array->type));
    fv_work_report(&work);
    fv_work_end(&work);
    return array;
}
