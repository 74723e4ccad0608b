/*
 * split.c - `fovea split`: deals the training pictures of a data set into folds, and writes down
 * which got where.
 *
 * Layer 6. Calls fovea.h, cJSON, libc and POSIX.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/cli.h"

enum { FOLDS_MAX = 100 };

static int print_json(const settings *s, const int64_t *sizes)
{
    cJSON *line = json_add(cJSON_CreateObject(), "data %s file %s", s->args[0], s->out);
    cJSON *list = cJSON_AddArrayToObject(line, "folds");
    for (int i = 0; i < s->folds; i++)
        cJSON_AddItemToArray(list, cJSON_CreateNumber((double)sizes[i]));
    return json_line(line);
}

static int print_text(const settings *s, const int64_t *sizes)
{
    char n[32];
    for (int i = 0; i < s->folds; i++)
        printf("fold %-3d  %s pictures\n", i, with_commas(sizes[i], n));
    return EXIT_DONE;
}

static int write_folds(fv_ctx *ctx, const settings *s, fv_dataset *set, int *folds)
{
    int64_t sizes[FOLDS_MAX] = {0}, len = fv_dataset_describe(set).len;
    if (fv_split_folds(set, s->folds, folds, .seed = s->seed) || fv_folds_write(set, folds, s->out))
        return fail_context(ctx, "fovea help split");
    for (int64_t i = 0; i < len; i++)
        sizes[folds[i]]++;
    return (s->json ? print_json : print_text)(s, sizes);
}

static int split(fv_ctx *ctx, const settings *s, data *d)
{
    int code = data_parts(ctx, s, d);
    if (code)
        return code;
    int *folds = calloc((size_t)fv_dataset_describe(d->train).len + 1, sizeof *folds);
    if (!folds)
        return fail_memory("the folds");
    code = write_folds(ctx, s, d->train, folds);
    free(folds);
    return code;
}

/* Another seed would make another split of the same name: nothing that is there is overwritten. */
static int check_together(const settings *s)
{
    struct stat st;
    if (!s->folds || !s->out)
        return fail(EXIT_USAGE, "E-ARGS",
                    "fovea split needs --folds and --out\n"
                    "help: fovea split %s --folds 5 --out folds.csv",
                    s->args[0]);
    if (stat(s->out, &st) == 0)
        return fail(EXIT_FAILED, "E-PATH",
                    "\"%s\" already exists and is not overwritten\n"
                    "help: --out another.csv",
                    s->out);
    return EXIT_DONE;
}

static int run_split(const settings *s)
{
    data d;
    int code = data_name(s->args[0], &d);
    if (code || (code = check_together(s)))
        return code;
    fv_ctx *ctx = open_context(s);
    code = split(ctx, s, &d);
    fv_close(ctx);
    return code;
}

const command split_command = {
    .name = "split",
    .summary = "Split a data set into folds and write them to a file",
    .usage = "DATA",
    .examples = {{"fovea split photos/ -k 5 -o folds.csv", "five folds, classes balanced"}},
    .notes = "DATA is what fovea train takes; its training pictures are divided into folds.\n"
             "The file has lines of index,label,fold, counted from 0. To train on folds\n"
             "directly: fovea train DATA --folds 5.",
    .options = TAKES(OPT_FOLDS) | TAKES(OPT_FILE) | TAKES(OPT_SEED) | TAKES(OPT_ROOT) |
               TAKES(OPT_JSON),
    .min_args = 1,
    .max_args = 1,
    .run = run_split,
};
