/*
 * text.c - transforms as text: "resize 40; random_crop 32 padding=4; flip; to_tensor".
 *
 * Steps are separated by ; or the line's end. A step is its name, then values in the order of the
 * kind's arguments, or name=value. The kinds say what arguments there are, so this file knows none
 * of them. Layer 3, data. Calls the base.
 */
#include "data/transform/transform.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { STEPS_MAX = 64 };

typedef struct reader {
    fv_ctx *ctx;
    int number;                       /* of the step, from 1 */
    char statement[FV_STEP_TEXT_MAX]; /* as it stands in the text */
    bool floats;                      /* a to_tensor came before */
} reader;

static bool refuse(const reader *r, fv_status code, const char *format, ...) FV_PRINTF(3, 4);

/* The error says where: transform, step 3 "flip x". */
static bool refuse(const reader *r, fv_status code, const char *format, ...)
{
    char text[1200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fv_fail(r->ctx, code, "transform, step %d \"%.200s\": %s", r->number, r->statement, text);
    return false;
}

/* ---- what a value must be ------------------------------------------------------------------- */

/* "true or false", "one of nearest bilinear bicubic", "1, 2 or 4 whole numbers": what it takes. */
static void describe(const fv_targ_kind *kind, char text[160])
{
    int used = 0, most = 0;
    for (int n = 1; n <= 4; n++)
        most = kind->counts & 1u << n ? n : most;
    if (kind->words)
        snprintf(text, 160, "one of %s", kind->words);
    else if (kind->flags & FV_ARG_FLAG)
        snprintf(text, 160, "true or false");
    else if (kind->flags & FV_ARG_SIZE)
        snprintf(text, 160, "a size, 32, or rows x columns, 32x24");
    else if (most == 1)
        snprintf(text, 160, "a %snumber", kind->flags & FV_ARG_WHOLE ? "whole " : "");
    else {
        for (int n = 1; n <= most; n++)
            if (kind->counts & 1u << n)
                used += snprintf(text + used, 160 - (size_t)used, "%s%d",
                                 used == 0   ? ""
                                 : n == most ? " or "
                                             : ", ",
                                 n);
        snprintf(text + used, 160 - (size_t)used, " %snumbers with commas between them",
                 kind->flags & FV_ARG_WHOLE ? "whole " : "");
    }
}

static bool check_range(const reader *r, const fv_targ_kind *kind, const fv_targ *arg)
{
    char low[40], high[40], found[40];
    for (int i = 0; i < arg->count; i++) {
        double v = arg->v[i], least = kind->low;
        if ((kind->flags & FV_ARG_SPREAD) && arg->count == 1)
            least = 0;
        if (!(v >= least && v <= kind->high))
            return refuse(r, FV_E_ARG, "%s is %s, but must be %s to %s", kind->name,
                          fv_number_text(v, false, found), fv_number_text(least, false, low),
                          fv_number_text(kind->high, false, high));
    }
    for (int i = 1; i < arg->count; i += 2)
        if ((kind->flags & FV_ARG_RISING) && arg->v[i - 1] > arg->v[i])
            return refuse(r, FV_E_ARG, "%s goes from %s to %s; the smaller number comes first",
                          kind->name, fv_number_text(arg->v[i - 1], false, low),
                          fv_number_text(arg->v[i], false, high));
    for (int i = 0; i < arg->count; i++)
        if ((kind->flags & FV_ARG_ODD) && fmod(arg->v[i], 2) == 0)
            return refuse(r, FV_E_ARG, "%s is %d, but must be odd", kind->name, (int)arg->v[i]);
    return true;
}

/* Numbers with commas, or an x, between them; false for anything else. */
static bool take_numbers(const fv_targ_kind *kind, const char *text, fv_targ *arg)
{
    arg->count = fv_read_numbers(text, kind->flags & FV_ARG_SIZE ? 'x' : ',', arg->v, 4);
    for (int i = 0; i < arg->count; i++)
        if ((kind->flags & FV_ARG_WHOLE) && arg->v[i] != floor(arg->v[i]))
            return false;
    return arg->count > 0 && kind->counts & 1u << arg->count;
}

static bool set_arg(const reader *r, const fv_targ_kind *kind, const char *text, fv_targ *arg)
{
    char wanted[160];
    const char *words = kind->flags & FV_ARG_FLAG ? "false true" : kind->words;
    int place = fv_word_place(words, text);
    if (words)
        *arg = (fv_targ){1, {place}};
    if (words ? place >= 0 : take_numbers(kind, text, arg))
        return words || check_range(r, kind, arg);
    describe(kind, wanted);
    return refuse(r, FV_E_ARG, "%s is \"%.60s\", but must be %s", kind->name, text, wanted);
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool refuse_name(const reader *r, const char *name)
{
    char all[1000] = "there are ";
    fv_nearest near = {.word = name};
    for (int i = 0; fv_tstep_kind_at(i); i++) {
        const char *known = fv_tstep_kind_at(i)->name;
        fv_nearest_try(&near, known);
        strcat(strcat(all, i ? ", " : ""), known);
    }
    if (near.best)
        return refuse(r, FV_E_NAME, "there is no transform \"%.60s\"\nhelp: did you mean %s?", name,
                      near.best);
    return refuse(r, FV_E_NAME, "there is no transform \"%.60s\"\nhelp: %s", name, all);
}

static bool refuse_arg(const reader *r, const fv_tstep_kind *kind, const char *name)
{
    char all[300] = "";
    fv_nearest near = {.word = name};
    for (int i = 0; i < FV_ARGS_MAX && kind->args[i].name; i++) {
        fv_nearest_try(&near, kind->args[i].name);
        strcat(strcat(all, i ? ", " : " "), kind->args[i].name);
    }
    if (near.best)
        return refuse(r, FV_E_NAME, "%s has no argument \"%.60s\"\nhelp: did you mean %s?",
                      kind->name, name, near.best);
    return refuse(r, FV_E_NAME, "%s has no argument \"%.60s\"\nhelp: it takes%s", kind->name, name,
                  *all ? all : " none");
}

/* One word of a statement, "padding=4" or "32", the next without a name being argument *next. */
static bool read_arg(const reader *r, fv_tstep *step, char *word, int *next, unsigned *seen)
{
    const fv_targ_kind *kinds = step->kind->args;
    char *equals = strchr(word, '=');
    int i = equals ? 0 : *next;
    if (equals) {
        *equals = '\0';
        while (i < FV_ARGS_MAX && kinds[i].name && strcmp(kinds[i].name, word) != 0)
            i++;
    }
    if (i == FV_ARGS_MAX || !kinds[i].name)
        return equals ? refuse_arg(r, step->kind, word)
                      : refuse(r, FV_E_ARG, "\"%.60s\" is one value too many", word);
    if (*seen & 1u << i)
        return refuse(r, FV_E_ARG, "%s is given twice", kinds[i].name);
    *seen |= 1u << i;
    *next = i + 1;
    return set_arg(r, &kinds[i], equals ? equals + 1 : word, &step->args[i]);
}

static bool check_step(reader *r, const fv_tstep *step, unsigned seen)
{
    char wanted[160];
    for (int i = 0; i < FV_ARGS_MAX && step->kind->args[i].name; i++)
        if ((step->kind->args[i].flags & FV_ARG_NEEDED) && !(seen & 1u << i)) {
            describe(&step->kind->args[i], wanted);
            return refuse(r, FV_E_ARG, "%s is missing: %s", step->kind->args[i].name, wanted);
        }
    if (r->floats && (step->kind->flags & FV_STEP_BYTES))
        return refuse(r, FV_E_STATE,
                      "it takes uint8 pictures, but to_tensor before it makes float32 of them\n"
                      "help: put it before to_tensor");
    r->floats = r->floats || strcmp(step->kind->name, "to_tensor") == 0;
    return true;
}

/* The step that a statement says; the statement is cut up. */
static bool read_step(reader *r, char *statement, fv_tstep *step)
{
    char *rest = statement;
    unsigned seen = 0;
    int next = 0;
    const char *name = strtok_r(statement, " \t", &rest);
    if (!fv_tstep_kind_named(name))
        return refuse_name(r, name);
    *step = fv_tstep_new(name);
    for (char *word; (word = strtok_r(NULL, " \t", &rest));)
        if (!read_arg(r, step, word, &next, &seen))
            return false;
    return check_step(r, step, seen);
}

int fv_tsteps_read(fv_ctx *ctx, const char *text, fv_tstep **steps)
{
    reader r = {.ctx = ctx};
    *steps = fv_alloc(ctx, STEPS_MAX, sizeof **steps);
    for (const char *at = text; *steps && *at;) {
        at += strspn(at, " \t\r\n;");
        size_t n = strcspn(at, "\r\n;");
        if (n == 0)
            continue;
        if (r.number == STEPS_MAX || n >= sizeof r.statement) {
            fv_fail(ctx, FV_E_ARG, "a transform has at most %d steps of %d characters", STEPS_MAX,
                    FV_STEP_TEXT_MAX - 1);
            return -1;
        }
        char cut[FV_STEP_TEXT_MAX];
        memcpy(r.statement, at, n);
        while (n > 0 && (r.statement[n - 1] == ' ' || r.statement[n - 1] == '\t'))
            n--;
        r.statement[n] = '\0';
        at += strcspn(at, "\r\n;");
        r.number++;
        if (!read_step(&r, strcpy(cut, r.statement), &(*steps)[r.number - 1]))
            return -1;
    }
    return *steps ? r.number : -1;
}

/* ---- printing ------------------------------------------------------------------------------- */

static bool same(const fv_targ *a, const fv_targ *b)
{
    bool equal = a->count == b->count;
    for (int i = 0; equal && i < a->count; i++)
        equal = a->v[i] == b->v[i];
    return equal;
}

static void put_values(fv_text *to, const fv_targ_kind *kind, const fv_targ *arg)
{
    const char *words = kind->flags & FV_ARG_FLAG ? "false true" : kind->words;
    for (int n = 0; n < arg->count; n++) {
        char one[40];
        fv_put(to, "%s%s",
               n == 0                      ? ""
               : kind->flags & FV_ARG_SIZE ? "x"
                                           : ",",
               words ? fv_word_at(words, (int)arg->v[n], one)
                     : fv_number_text(arg->v[n], false, one));
    }
}

void fv_tstep_text(const fv_tstep *step, char text[FV_STEP_TEXT_MAX])
{
    fv_text to = {text, FV_STEP_TEXT_MAX};
    fv_put(&to, "%s", step->kind->name);
    for (int i = 0; i < FV_ARGS_MAX && step->kind->args[i].name; i++) {
        const fv_targ_kind *kind = &step->kind->args[i];
        if (same(&step->args[i], &kind->initial))
            continue;
        bool bare = kind->flags & FV_ARG_BARE;
        fv_put(&to, " %s%s", bare ? "" : kind->name, bare ? "" : "=");
        put_values(&to, kind, &step->args[i]);
    }
}

int fv_transform_list(int index, char *text, size_t size)
{
    char line[FV_STEP_TEXT_MAX];
    const fv_tstep_kind *kind = index < 0 ? NULL : fv_tstep_kind_at(index);
    fv_text to = {line, sizeof line};
    if (!kind)
        return 0;
    fv_put(&to, "%s", kind->name);
    for (int i = 0; i < FV_ARGS_MAX && kind->args[i].name; i++) {
        fv_put(&to, " %s=", kind->args[i].name);
        if (kind->args[i].flags & FV_ARG_NEEDED)
            fv_put(&to, kind->args[i].flags & FV_ARG_WHOLE ? "N" : "X");
        else
            put_values(&to, &kind->args[i], &kind->args[i].initial);
    }
    return snprintf(text, size, "%s", line);
}
