/*
 * info.c - `fovea info`: what a trained network or a data set looks like.
 *
 * Layer 6. Calls fovea.h, cJSON and libc.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* ---- a run ---------------------------------------------------------------------------------- */

static cJSON *layer_json(const fv_layer *layer)
{
    cJSON *to = cJSON_CreateObject();
    cJSON_AddStringToObject(to, "name", layer->name);
    cJSON_AddStringToObject(to, "kind", layer->kind);
    cJSON_AddStringToObject(to, "kernel", layer->kernel);
    const int shape[] = {layer->channels, layer->height, layer->width};
    cJSON_AddItemToObject(to, "output", cJSON_CreateIntArray(shape, 3));
    cJSON_AddNumberToObject(to, "parameters", (double)layer->parameters);
    cJSON_AddNumberToObject(to, "multiply_adds", (double)layer->macs);
    cJSON_AddNumberToObject(to, "bytes", (double)layer->bytes);
    return to;
}

static int run_json(const run *r)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "file", r->file);
    for (int i = 0; i < CARD_COUNT; i++)
        cJSON_AddStringToObject(root, card_keys[i], r->card.value[i]);
    cJSON *layers = cJSON_AddArrayToObject(root, "layers");
    double parameters = 0, macs = 0;
    for (int i = 0; i < fv_layer_count(r->net); i++) {
        fv_layer layer = fv_layer_at(r->net, i);
        parameters += (double)layer.parameters;
        macs += (double)layer.macs;
        cJSON_AddItemToArray(layers, layer_json(&layer));
    }
    cJSON_AddNumberToObject(root, "parameters", parameters);
    cJSON_AddNumberToObject(root, "multiply_adds", macs);
    return json_line(root);
}

static int describe_run(fv_ctx *ctx, const settings *s)
{
    static run r; /* large */
    int code = open_run(ctx, s->args[0], "info", false, &r);
    if (code)
        return code;
    if (s->json)
        return run_json(&r);
    const char *table = fv_summary(r.net, s->batch_size);
    if (!table)
        return fail_context(ctx, "fovea help info");
    printf("%-10s %s\n", "file", r.file);
    for (int i = 0; i < CARD_COUNT; i++)
        if (r.card.value[i][0])
            printf("%-10s %s\n", card_keys[i], r.card.value[i]);
    printf("\n%s", table);
    return EXIT_DONE;
}

/* ---- a data set ----------------------------------------------------------------------------- */

typedef struct counts {
    const data *d;
    fv_dataset_info info[3];
    int64_t *of[3]; /* [classes] of training, validation, test */
    fv_stats stats; /* of the training pictures */
} counts;

static const char *const set_names[] = {"training", "validation", "test"};

static const char *const type_names[] = {[FV_U8] = "uint8",     [FV_I8] = "int8",
                                         [FV_I16] = "int16",    [FV_I32] = "int32",
                                         [FV_F32] = "float32",  [FV_F64] = "float64",
                                         [FV_I64] = "int64"};

static void print_class(const counts *c, int i, int64_t most)
{
    char number[32], own[16];
    const char *name = fv_dataset_class_name(c->d->train, i);
    snprintf(own, sizeof own, "%d", i);
    printf("%5s", name ? name : own);
    for (int k = 0; k < 3; k++)
        if (c->of[k])
            printf("  %*s", k == 1 ? 10 : k == 0 ? 8 : 6, with_commas(c->of[k][i], number));
    fputs("  ", stdout);
    put_bar(stdout, (double)c->of[0][i] / (double)most, 40, "#", "");
    putchar('\n');
}

static int data_text(const counts *c)
{
    const fv_dataset_info *train = &c->info[0];
    int64_t most = 1;
    for (int i = 0; i < train->classes; i++)
        most = c->of[0][i] > most ? c->of[0][i] : most;
    for (int k = 0; k < 3; k++)
        if (c->of[k])
            printf("Number of %s data :  %lld\n", set_names[k], (long long)c->info[k].len);
    const fv_stats *st = &c->stats;
    if (train->height)
        printf("\nshape    [%d, %d, %d]\n", train->channels, train->height, train->width);
    else
        printf("\nshape    [%d, %d to %d, %d to %d]\n", train->channels, st->min_height,
               st->max_height, st->min_width, st->max_width);
    printf("type     %s\nmean    ", type_names[train->type]);
    for (int i = 0; i < st->channels; i++)
        printf(" %.4f", st->channel[i].mean);
    printf("\nstd     ");
    for (int i = 0; i < st->channels; i++)
        printf(" %.4f", st->channel[i].std);
    printf("\nclasses  %d\n\nclass  training%s%s\n", train->classes, c->of[1] ? "  validation" : "",
           c->of[2] ? "    test" : "");
    for (int i = 0; i < train->classes; i++)
        print_class(c, i, most);
    return EXIT_DONE;
}

static void split_json(cJSON *to, const char *name, const fv_dataset_info *info,
                       const int64_t *histogram)
{
    cJSON *split = cJSON_AddObjectToObject(to, name);
    cJSON_AddNumberToObject(split, "count", (double)info->len);
    cJSON *list = cJSON_AddArrayToObject(split, "classes");
    for (int i = 0; i < info->classes; i++)
        cJSON_AddItemToArray(list, cJSON_CreateNumber((double)histogram[i]));
    cJSON *files = cJSON_AddArrayToObject(split, "files");
    for (int i = 0; i < 2; i++)
        if (info->files[i])
            cJSON_AddItemToArray(files, cJSON_CreateString(info->files[i]));
}

static int data_json(const counts *c)
{
    const fv_dataset_info *train = &c->info[0];
    const int shape[] = {train->channels, train->height, train->width};
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "data", c->d->typed);
    cJSON_AddItemToObject(root, "shape", cJSON_CreateIntArray(shape, 3));
    cJSON_AddStringToObject(root, "type", type_names[train->type]);
    cJSON *mean = cJSON_AddArrayToObject(root, "mean"), *std = cJSON_AddArrayToObject(root, "std");
    for (int i = 0; i < c->stats.channels; i++) {
        cJSON_AddItemToArray(mean, cJSON_CreateNumber(c->stats.channel[i].mean));
        cJSON_AddItemToArray(std, cJSON_CreateNumber(c->stats.channel[i].std));
    }
    split_json(root, "train", &c->info[0], c->of[0]);
    if (c->of[1])
        split_json(root, "val", &c->info[1], c->of[1]);
    if (c->of[2])
        split_json(root, "test", &c->info[2], c->of[2]);
    return json_line(root);
}

static int describe_data(fv_ctx *ctx, const settings *s, data *d)
{
    counts c = {.d = d};
    int code = data_sets(ctx, s, d);
    if (code)
        return code;
    fv_dataset *sets[] = {d->train, d->val, d->test};
    for (int k = 0; k < 3; k++) {
        c.info[k] = fv_dataset_describe(sets[k]);
        c.of[k] = sets[k] ? calloc((size_t)c.info[0].classes + 1, sizeof **c.of) : NULL;
        if (c.of[k])
            fv_dataset_check(sets[k], c.info[0].classes, c.of[k]);
    }
    fv_dataset_stats(d->train, &c.stats);
    if (fv_error(ctx))
        code = fail_context(ctx, "fovea help info");
    else
        code = s->json ? data_json(&c) : data_text(&c);
    for (int k = 0; k < 3; k++)
        free(c.of[k]);
    return code;
}

static int run_info(const settings *s)
{
    data d;
    fv_ctx *ctx = open_context(s);
    bool is_data = data_looks_like(s->args[0]);
    int code = is_data ? data_name(s->args[0], &d) : EXIT_DONE;
    if (!code)
        code = is_data ? describe_data(ctx, s, &d) : describe_run(ctx, s);
    fv_close(ctx);
    return code;
}

const command info_command = {
    .name = "info",
    .summary = "Show a trained network or a data set",
    .usage = "RUN|DATA",
    .examples = {{"fovea info mnist", "how many images of which class"},
                 {"fovea info runs/mnist-1", "layers, shapes, parameters"}},
    .notes = "RUN is a run folder, runs/latest or a .safetensors file; DATA what fovea\n"
             "train takes.",
    .options = TAKES(OPT_ROOT) | TAKES(OPT_BATCH_SIZE) | TAKES(OPT_THREADS) | TAKES(OPT_KERNELS) |
               TAKES(OPT_JSON),
    .min_args = 1,
    .max_args = 1,
    .run = run_info,
};
