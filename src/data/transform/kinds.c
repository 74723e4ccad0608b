/*
 * kinds.c - the list of all kinds of steps, and transforms as text.
 *
 * "resize 40; random_crop 32 padding=4; flip; to_tensor": steps are separated by ; or the line's end.
 * A step is its name, then values in the order of the kind's arguments, or name=value.
 *
 * Layer 3, data. Calls the base.
 */
#include "data/transform/transform.h"

#include <string.h>

static const fv_tstep_kind *const families[] = {fv_place_kinds, fv_resize_kinds, fv_warp_kinds,
                                                fv_color_kinds, fv_filter_kinds, fv_erase_kinds,
                                                fv_digit_kinds, fv_policy_kinds, fv_float_kinds};

/* Kind i in order; NULL behind the last one. */
static const fv_tstep_kind *kind_at(int i, const fv_tstep_kind **family)
{
    for (size_t f = 0; f < sizeof families / sizeof *families; f++)
        for (const fv_tstep_kind *kind = *family = families[f]; kind->name; kind++)
            if (i-- == 0)
                return kind;
    return NULL;
}

static const char *name_at(int i)
{
    const fv_tstep_kind *family, *kind = kind_at(i, &family);
    return kind ? kind->name : NULL;
}

int fv_transform_list(int index, char *text, size_t size)
{
    const fv_tstep_kind *family, *kind = index < 0 ? NULL : kind_at(index, &family);
    return kind ? fv_args_list(kind->name, kind->args, text, size) : 0;
}

/* The step that a statement says. */
static bool read_step(const fv_statement *s, fv_tstep *step, fv_arg_error *error)
{
    const fv_tstep_kind *family, *kind;
    int i = 0;
    while ((kind = kind_at(i, &family)) != NULL && strcmp(kind->name, s->words[0]) != 0)
        i++;
    if (!kind)
        return fv_arg_refuse_name(error, "transform", s->words[0], name_at);
    *step = fv_tstep_of(family, kind->name);
    fv_args_reader r = {.name = kind->name, .args = kind->args, .to = step->args};
    while (kind->args[r.places].name)
        r.places++;
    return fv_args_read(&r, s->words + 1, s->count - 1, error);
}

/* Whether the last step can come after the others. */
static bool check_order(const fv_tstep *steps, int count, fv_arg_error *error)
{
    bool floats = false;
    for (int i = 0; i < count - 1; i++)
        floats = floats || strcmp(steps[i].kind->name, "to_tensor") == 0;
    if (floats && (steps[count - 1].kind->flags & FV_STEP_BYTES))
        return fv_arg_refuse(
            error, FV_E_STATE,
            "it takes uint8 pictures, but to_tensor before it makes float32 of them\n"
            "help: put it before to_tensor");
    return true;
}

/* Of how many statements a text is at most. */
static size_t count_statements(const char *text)
{
    size_t n = 1;
    for (; *text; text++)
        n += *text == ';' || *text == '\n';
    return n;
}

int fv_tsteps_read(fv_ctx *ctx, const char *text, fv_tstep **steps)
{
    fv_statement s = {.what = "transform, step", .counted = true};
    fv_arg_error error;
    char *copy = fv_copy_text(ctx, text), *at = copy;
    int n = 0;
    *steps = fv_alloc(ctx, count_statements(text), sizeof **steps);
    while (*steps && copy && !fv_error(ctx) && *at) {
        bool good = fv_statement_next(&s, &at, ";\n", &error);
        n = s.number;
        if (!good || (s.count > 0 && (!read_step(&s, &(*steps)[n - 1], &error) ||
                                      !check_order(*steps, n, &error))))
            fv_fail_args(ctx, s.where, &error);
    }
    fv_release(ctx, copy);
    return fv_error(ctx) ? -1 : n;
}
