/*
 * steps.c - shared by the families of transforms: random numbers, steps and arguments, pictures.
 *
 * Random numbers depend on seed, epoch and index only. SplitMix64's state starts as
 * mix(mix(mix(seed) ^ epoch) ^ index), and each draw adds a constant and mixes; the steps draw one
 * after the other. So workers need no state, and any picture can be reproduced at any time.
 * Layer 3, data. Calls the base.
 */
#include "data/transform/transform.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- random numbers ----------------------------------------------------------------------- */

fv_draw fv_draw_start(uint64_t seed, int64_t epoch, int64_t index)
{
    return (fv_draw){fv_mix64(fv_mix64(fv_mix64(seed) ^ (uint64_t)epoch) ^ (uint64_t)index)};
}

uint64_t fv_draw_bits(fv_draw *draw)
{
    return fv_mix64(draw->state += 0x9e3779b97f4a7c15u);
}

double fv_draw_uniform(fv_draw *draw, double low, double high)
{
    return low + (double)(fv_draw_bits(draw) >> 11) * 0x1p-53 * (high - low);
}

int fv_draw_int(fv_draw *draw, int n)
{
    return (int)((fv_draw_bits(draw) >> 32) * (uint64_t)n >> 32);
}

bool fv_draw_chance(fv_draw *draw, double p)
{
    return fv_draw_uniform(draw, 0, 1) < p;
}

/* ---- steps --------------------------------------------------------------------------------- */

fv_tstep fv_tstep_of(const fv_tstep_kind *family, const char *name)
{
    while (strcmp(family->name, name) != 0)
        family++;
    fv_tstep step = {.kind = family};
    for (int i = 0; i < FV_ARGS_MAX; i++)
        step.args[i] = step.kind->args[i].initial;
    return step;
}

const fv_numbers *fv_numbers_named(const fv_tstep *step, const char *name)
{
    const fv_arg *arg = fv_arg_named(step->kind->args, name);
    return arg ? &step->args[arg - step->kind->args] : NULL;
}

int fv_eval_nothing(const fv_tstep *step, fv_tstep out[2])
{
    (void)step;
    (void)out;
    return 0;
}

int fv_eval_sure(const fv_tstep *step, fv_tstep out[2])
{
    out[0] = *step;
    return fv_numbers_named(step, "p")->v[0] == 1;
}

void fv_tstep_put(fv_text *to, const fv_tstep *step)
{
    fv_put(to, "%s", step->kind->name);
    fv_args_put(to, step->kind->args, 0, step->args);
}

bool fv_tstep_fail(const fv_tstep *step, fv_work *work, fv_status code, const char *format, ...)
{
    char text[201], message[512];
    fv_text to = {text, sizeof text};
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    fv_tstep_put(&to, step);
    fv_work_fail(work, code, "transform, step %d \"%s\": %s", step->number, text, message);
    return false;
}

bool fv_picture_make(fv_work *work, const fv_picture *in, int channels, int height, int width,
                     fv_type type, fv_picture *out)
{
    const double most = 1 << 28;
    if ((double)channels * height * width > most) {
        fv_work_fail(work, FV_E_SHAPE,
                     "a transform makes a picture of %d x %d x %d, more than %.0f numbers",
                     channels, height, width, most);
        return false;
    }
    int slot = FV_SLOT_RESULT + (in->pixels == work->slots[FV_SLOT_RESULT]);
    size_t count = (size_t)channels * (size_t)height * (size_t)width;
    *out = (fv_picture){channels, height, width, type, NULL};
    out->pixels = fv_work_slot(work, slot, count * fv_type_size(type));
    return out->pixels != NULL;
}
