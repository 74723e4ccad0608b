/*
 * info.c - `fovea info`: what a trained network or a data set looks like.
 *
 * Layer 6. Calls fovea.h, cJSON and libc.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"

/* ---- a run ---------------------------------------------------------------------------------- */

static cJSON *layer_json(const fv_layer *layer)
{
    cJSON *to = json_add(cJSON_CreateObject(), "name %s kind %s kernel %s", layer->name,
                         layer->kind, layer->kernel);
    const int shape[] = {layer->channels, layer->height, layer->width};
    cJSON_AddItemToObject(to, "output", cJSON_CreateIntArray(shape, 3));
    json_add(to, "parameters %lld multiply_adds %lld bytes %lld", (long long)layer->parameters,
             (long long)layer->macs, (long long)layer->bytes);
    return to;
}

static int run_json(const trained_run *r)
{
    cJSON *root = cJSON_CreateObject();
    const fv_trained *t = r->trained;
    cJSON_AddStringToObject(root, "file", t->file);
    for (int i = 0; i < t->n_meta; i++)
        cJSON_AddStringToObject(root, t->meta[i].key, t->meta[i].value);
    cJSON *layers = cJSON_AddArrayToObject(root, "layers");
    double parameters = 0, macs = 0;
    for (int i = 0; i < fv_layer_count(r->net); i++) {
        fv_layer layer = fv_layer_at(r->net, i);
        parameters += (double)layer.parameters;
        macs += (double)layer.macs;
        cJSON_AddItemToArray(layers, layer_json(&layer));
    }
    json_add(root, "parameters %g multiply_adds %g", parameters, macs);
    return json_line(root);
}

/* A line of the metadata, which may be anybody's: control characters are hidden. */
static void put_meta(const fv_meta *meta)
{
    csv text = {0};
    if (!csv_print(&text, "%-10s %s", meta->key, meta->value)) {
        hide_controls(text.text);
        puts(text.text);
    }
    free(text.text);
}

static int describe_run(fv_ctx *ctx, const settings *s)
{
    trained_run r;
    int code = open_run(ctx, s->args[0], &r);
    if (code)
        return code;
    if (s->json)
        return run_json(&r);
    const char *table = fv_summary(r.net, s->batch_size);
    if (!table)
        return fail_context(ctx, "fovea help info");
    printf("%-10s %s\n", "file", r.trained->file);
    for (int i = 0; i < r.trained->n_meta; i++)
        put_meta(r.trained->meta + i);
    printf("\n%s", table);
    return EXIT_DONE;
}

/* ---- a data set ----------------------------------------------------------------------------- */

static const char *const type_names[] = {
    [FV_U8] = "uint8",    [FV_I8] = "int8",     [FV_I16] = "int16", [FV_I32] = "int32",
    [FV_F32] = "float32", [FV_F64] = "float64", [FV_I64] = "int64"};

/* The share of the pixels in each sixteenth of 0..255, of all channels. */
static void print_histogram(const fv_stats *st)
{
    double all = (double)st->pixels * st->channels;
    printf("pixels  ");
    for (int bin = 0; bin < 16; bin++) {
        int64_t count = 0;
        for (int i = 0; i < st->channels; i++)
            for (int v = 0; v < 16; v++)
                count += st->channel[i].histogram[16 * bin + v];
        printf(" %.1f", 100.0 * (double)count / (all > 0 ? all : 1));
    }
    puts("   (%, in 16 steps from dark to light)");
}

static int data_text(const counts *c, const fv_stats *st)
{
    const fv_dataset_info *train = &c->info[0];
    print_lengths(c);
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
    printf("\nmin, max");
    for (int i = 0; i < st->channels; i++)
        printf("%s %.4f, %.4f", i ? ";" : "", st->channel[i].min, st->channel[i].max);
    putchar('\n');
    if (train->type == FV_U8)
        print_histogram(st);
    print_classes(c);
    return EXIT_DONE;
}

static int data_json(const char *typed, const counts *c, const fv_stats *st)
{
    const fv_dataset_info *train = &c->info[0];
    const int shape[] = {train->channels, train->height, train->width};
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "data", typed);
    cJSON_AddItemToObject(root, "shape", cJSON_CreateIntArray(shape, 3));
    cJSON_AddStringToObject(root, "type", type_names[train->type]);
    cJSON *mean = cJSON_AddArrayToObject(root, "mean"), *std = cJSON_AddArrayToObject(root, "std");
    for (int i = 0; i < st->channels; i++) {
        cJSON_AddItemToArray(mean, cJSON_CreateNumber(st->channel[i].mean));
        cJSON_AddItemToArray(std, cJSON_CreateNumber(st->channel[i].std));
    }
    json_classes(root, c);
    return json_line(root);
}

static int describe_data(fv_ctx *ctx, const settings *s, data *d)
{
    counts c;
    fv_stats stats;
    int code = data_sets(ctx, s, d);
    if (code)
        return code;
    counts_take(&c, (fv_dataset *[]){d->train, d->val, d->test});
    fv_dataset_stats(d->train, &stats);
    if (fv_error(ctx))
        code = fail_context(ctx, "fovea help info");
    else
        code = s->json ? data_json(d->typed, &c, &stats) : data_text(&c, &stats);
    counts_free(&c);
    return code;
}

static int run_info(const settings *s)
{
    data d;
    fv_ctx *ctx = open_context(s);
    bool is_data = data_looks_like(s->args[0]) || data_is_meant(s->args[0]);
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
    .notes = "RUN is a run folder, runs/latest or a .safetensors file; DATA is what fovea\n"
             "train takes.",
    .options = TAKES(OPT_SKIP_BAD) | TAKES(OPT_ROOT) | TAKES(OPT_BATCH_SIZE) | TAKES(OPT_THREADS) |
               TAKES(OPT_KERNELS) | TAKES(OPT_JSON),
    .min_args = 1,
    .max_args = 1,
    .run = run_info,
};
