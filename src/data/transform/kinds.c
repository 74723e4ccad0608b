/*
 * kinds.c - the list of all kinds of steps, and what several of them share.
 *
 * Layer 3, data. Calls the base.
 */
#include "data/transform/transform.h"

#include <string.h>

static const fv_tstep_kind *const families[] = {fv_place_kinds, fv_resize_kinds, fv_warp_kinds,
                                                fv_color_kinds, fv_filter_kinds, fv_erase_kinds,
                                                fv_digit_kinds, fv_policy_kinds, fv_float_kinds};

const fv_tstep_kind *fv_tstep_kind_at(int index)
{
    for (size_t f = 0; f < sizeof families / sizeof *families; f++)
        for (const fv_tstep_kind *kind = families[f]; kind->name; kind++)
            if (index-- == 0)
                return kind;
    return NULL;
}

const fv_tstep_kind *fv_tstep_kind_named(const char *name)
{
    const fv_tstep_kind *kind = NULL;
    for (int i = 0; (kind = fv_tstep_kind_at(i)) && strcmp(kind->name, name) != 0;)
        i++;
    return kind;
}

fv_tstep fv_tstep_new(const char *name)
{
    fv_tstep step = {.kind = fv_tstep_kind_named(name)};
    for (int i = 0; i < FV_ARGS_MAX; i++)
        step.args[i] = step.kind->args[i].initial;
    return step;
}

const fv_targ *fv_targ_named(const fv_tstep *step, const char *name)
{
    const fv_targ_kind *kinds = step->kind->args;
    for (int i = 0; i < FV_ARGS_MAX && kinds[i].name; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &step->args[i];
    return NULL;
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
    return fv_targ_named(step, "p")->v[0] == 1;
}
