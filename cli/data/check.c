/*
 * check.c - `fovea check`: reads every picture of a data set and lists what is wrong with which.
 *
 * All sets are looked at as one, so that pictures which two of them have are found too.
 *
 * Layer 6. Calls fovea.h, cJSON and libc.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "common/cli.h"

enum { SHARED = FV_FLAW_DUPLICATE + 1, KINDS };

static const char *const kinds[KINDS] = {[FV_FLAW_BROKEN] = "broken",
                                         [FV_FLAW_EMPTY] = "empty",
                                         [FV_FLAW_LABEL] = "mislabelled",
                                         [FV_FLAW_DUPLICATE] = "duplicate",
                                         [SHARED] = "shared"};

enum { PLACE_SIZE = PATH_SIZE + 100 };

typedef struct inspection {
    const settings *s;
    const data *d;
    fv_dataset *sets[SETS], *all;
    int64_t start[SETS + 1]; /* of each set in all */
    int64_t flaws, of[KINDS];
} inspection;

/* ---- one flaw ------------------------------------------------------------------------------- */

static int set_of(const inspection *w, int64_t index)
{
    int k = 0;
    while (index >= w->start[k + 1])
        k++;
    return k;
}

/* Its file, or what `fovea predict` calls it: "mnist:train:7". */
static const char *place(const inspection *w, int64_t index, char text[PLACE_SIZE])
{
    const char *file = fv_dataset_file(w->all, index);
    int k = set_of(w, index);
    if (file)
        snprintf(text, PLACE_SIZE, "%s", file);
    else
        snprintf(text, PLACE_SIZE, "%s:%s:%lld", w->d->typed, set_key(k),
                 (long long)(index - w->start[k]));
    return text;
}

/* What is wrong, without the name of the file in front of it. */
static void reason(const inspection *w, const fv_flaw *flaw, char *text, size_t capacity)
{
    char other[PLACE_SIZE];
    if (flaw->file || flaw->same_as < 0)
        flaw_reason(flaw, text, capacity);
    else
        snprintf(text, capacity, "the same picture as %s%s", place(w, flaw->same_as, other),
                 flaw->kind == FV_FLAW_LABEL ? ", which is of another class" : "");
}

static void print_flaw(const char *kind, char *where, char *text)
{
    hide_controls(where);
    hide_controls(text);
    printf("%-11s  %s   %s\n", kind, where, text);
}

static void json_flaw(const inspection *w, const fv_flaw *flaw, const char *kind, const char *where,
                      const char *text)
{
    char other[PLACE_SIZE];
    int k = set_of(w, flaw->index);
    cJSON *line = json_add(
        cJSON_CreateObject(), "event %s kind %s picture %s split %s index %lld label %lld", "flaw",
        kind, where, set_key(k), (long long)(flaw->index - w->start[k]), (long long)flaw->label);
    if (flaw->same_as >= 0)
        cJSON_AddStringToObject(line, "same_as", place(w, flaw->same_as, other));
    cJSON_AddStringToObject(line, "reason", text);
    json_line(line);
}

static bool take_flaw(void *user, const fv_flaw *flaw)
{
    inspection *w = user;
    char where[PLACE_SIZE], text[2 * PLACE_SIZE];
    bool again = flaw->kind == FV_FLAW_DUPLICATE;
    int kind = again && set_of(w, flaw->index) != set_of(w, flaw->same_as) ? SHARED
                                                                           : (int)flaw->kind;
    w->flaws++;
    w->of[kind]++;
    place(w, flaw->index, where);
    reason(w, flaw, text, sizeof text);
    if (w->s->json)
        json_flaw(w, flaw, kinds[kind], where, text);
    else
        print_flaw(kinds[kind], where, text);
    return true;
}

/* ---- all of them ---------------------------------------------------------------------------- */

static int result_json(const inspection *w, const counts *c)
{
    cJSON *line = json_add(cJSON_CreateObject(), "event %s data %s pictures %lld flaws %lld",
                           "result", w->d->typed, (long long)w->start[SETS], (long long)w->flaws);
    for (int i = 0; i < KINDS; i++)
        cJSON_AddNumberToObject(line, kinds[i], (double)w->of[i]);
    json_classes(line, c);
    return json_line(line);
}

static int result_text(const inspection *w, const counts *c)
{
    if (w->flaws)
        putchar('\n');
    print_lengths(c);
    putchar('\n');
    print_classes(c);
    if (!w->flaws)
        puts("\nno flaws found");
    fflush(stdout);
    return EXIT_DONE;
}

static int fail_flaws(const inspection *w)
{
    char list[200] = "";
    for (int i = 0, n = 0; i < KINDS; i++)
        if (w->of[i])
            n += snprintf(list + n, sizeof list - (size_t)n, "%s%lld %s", n ? ", " : "",
                          (long long)w->of[i], kinds[i]);
    return fail(EXIT_FAILED, "E-DATA",
                "%s: %lld flaw%s in %lld pictures: %s\n"
                "help: repair or remove them; then fovea check %s",
                w->d->typed, (long long)w->flaws, w->flaws == 1 ? "" : "s",
                (long long)w->start[SETS], list, w->d->typed);
}

static int show(fv_ctx *ctx, inspection *w)
{
    counts c;
    counts_take(&c, w->sets);
    int code = fv_error(ctx) ? fail_context(ctx, "fovea help check")
               : w->s->json  ? result_json(w, &c)
                             : result_text(w, &c);
    counts_free(&c);
    return code || !w->flaws ? code : fail_flaws(w);
}

static int check(fv_ctx *ctx, const settings *s, data *d)
{
    inspection w = {.s = s, .d = d};
    int code = data_parts(ctx, s, d), n = 0;
    if (code)
        return code;
    fv_dataset *sets[SETS] = {d->train, d->val, d->test}, *there[SETS];
    for (int k = 0; k < SETS; k++) {
        w.sets[k] = sets[k];
        w.start[k + 1] = w.start[k] + fv_dataset_describe(sets[k]).len;
        if (sets[k])
            there[n++] = sets[k];
    }
    w.all = fv_dataset_concat(there, n);
    fv_dataset_inspect(w.all, take_flaw, &w, NULL);
    return fv_error(ctx) ? fail_context(ctx, "fovea help check") : show(ctx, &w);
}

static int run_check(const settings *s)
{
    data d;
    int code = data_name(s->args[0], &d);
    if (code)
        return code;
    fv_ctx *ctx = open_context(s);
    code = check(ctx, s, &d);
    fv_close(ctx);
    return code;
}

const command check_command = {
    .name = "check",
    .summary = "Check all pictures of a data set for errors",
    .usage = "DATA",
    .examples = {{"fovea check photos/", "before the first training"},
                 {"fovea check photos/ --json", "one line per flaw, for a program"}},
    .notes = "DATA is what fovea train takes. broken: cannot be read; empty: 0 bytes;\n"
             "mislabelled: no such class, or the same picture is in another class too;\n"
             "duplicate: the same picture occurs before; shared: it is in another set too,\n"
             "such as training and test. The exit code is 1 if there is a flaw.",
    .options = TAKES(OPT_ROOT) | TAKES(OPT_JSON),
    .min_args = 1,
    .max_args = 1,
    .run = run_check,
};
