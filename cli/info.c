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
    run r;
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
    fv_dataset_info train, test;
    int64_t *of_train, *of_test; /* [classes] */
} counts;

static const char *const type_names[] = {[FV_U8] = "uint8", [FV_I8] = "int8",
                                         [FV_I16] = "int16", [FV_I32] = "int32",
                                         [FV_F32] = "float32", [FV_F64] = "float64"};

static int data_text(const counts *c)
{
    int64_t most = 1;
    for (int i = 0; i < c->train.classes; i++)
        most = c->of_train[i] > most ? c->of_train[i] : most;
    printf("Number of training data :  %lld\n", (long long)c->train.len);
    printf("Number of test data :  %lld\n\n", (long long)c->test.len);
    printf("shape    [%d, %d, %d]\n", c->train.channels, c->train.height, c->train.width);
    printf("type     %s\n", type_names[c->train.type]);
    printf("classes  %d\n\nclass  training    test\n", c->train.classes);
    for (int i = 0; i < c->train.classes; i++) {
        char train[32], test[32];
        printf("%5d  %8s  %6s  ", i, with_commas(c->of_train[i], train),
               with_commas(c->of_test[i], test));
        put_bar(stdout, (double)c->of_train[i] / (double)most, 40, "#", "");
        putchar('\n');
    }
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
        cJSON_AddItemToArray(files, cJSON_CreateString(info->files[i]));
}

static int data_json(const counts *c)
{
    const int shape[] = {c->train.channels, c->train.height, c->train.width};
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "data", "mnist");
    cJSON_AddItemToObject(root, "shape", cJSON_CreateIntArray(shape, 3));
    cJSON_AddStringToObject(root, "type", type_names[c->train.type]);
    split_json(root, "train", &c->train, c->of_train);
    split_json(root, "test", &c->test, c->of_test);
    return json_line(root);
}

static int describe_data(fv_ctx *ctx, const settings *s)
{
    fv_dataset *train = data_open(ctx, s, FV_TRAIN), *test = data_open(ctx, s, FV_TEST);
    counts c = {.train = fv_dataset_describe(train), .test = fv_dataset_describe(test)};
    int64_t histograms[2][256] = {{0}}; /* labels are bytes */
    c.of_train = histograms[0];
    c.of_test = histograms[1];
    fv_dataset_check(train, 0, c.of_train);
    fv_dataset_check(test, 0, c.of_test);
    if (fv_error(ctx))
        return fail_context(ctx, "fovea help info");
    return s->json ? data_json(&c) : data_text(&c);
}

static int run_info(const settings *s)
{
    bool is_data = strcmp(s->args[0], "mnist") == 0 || strcmp(s->args[0], "mnist/") == 0;
    fv_ctx *ctx = open_context(s);
    int code = is_data ? describe_data(ctx, s) : describe_run(ctx, s);
    fv_close(ctx);
    return code;
}

const command info_command = {
    .name = "info",
    .summary = "Show a trained network or a data set",
    .usage = "RUN|mnist",
    .examples = {{"fovea info mnist", "how many images of which class"},
                 {"fovea info runs/mnist-1", "layers, shapes, parameters"}},
    .notes = "RUN is a run folder, runs/latest or a .safetensors file.",
    .options = TAKES(OPT_ROOT) | TAKES(OPT_BATCH_SIZE) | TAKES(OPT_THREADS) | TAKES(OPT_KERNELS) |
               TAKES(OPT_JSON),
    .min_args = 1,
    .max_args = 1,
    .run = run_info,
};
