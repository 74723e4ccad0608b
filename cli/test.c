/*
 * test.c - `fovea test`: measures a trained network on the test images.
 *
 * Layer 6. Calls fovea.h, cJSON and libc.
 */
#include <cjson/cJSON.h>

#include "cli.h"

static int print_json(const run *r, const char *data, fv_result result, double seconds)
{
    double low, high;
    wilson_range(result, &low, &high);
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "event", "result");
    cJSON_AddStringToObject(root, "model", r->file);
    cJSON_AddStringToObject(root, "data", data);
    json_result(root, result);
    cJSON_AddNumberToObject(root, "low", low);
    cJSON_AddNumberToObject(root, "high", high);
    cJSON_AddNumberToObject(root, "seconds", seconds);
    return json_line(root);
}

static int measure(fv_ctx *ctx, const settings *s, const char *data)
{
    run r;
    int code = open_run(ctx, s->args[0], "test", s->quiet, &r), classes;
    if (code)
        return code;
    fv_dataset *set = data_open(ctx, s, FV_TEST);
    fv_output_shape(r.net, &classes, NULL, NULL);
    fv_dataset_check(set, classes, NULL);
    fv_loader *loader = fv_loader_new(set, .batch_size = s->batch_size);
    fv_result result;
    double start = now();
    fv_evaluate(r.net, loader, &result);
    if (fv_error(ctx))
        return fail_context(ctx, "fovea help test");
    if (s->json)
        return print_json(&r, data, result, now() - start);
    printf("Test set: Accuracy: %.2f%%\n", 100. * accuracy_of(result));
    fflush(stdout);
    if (talks(s))
        put_accuracy(stderr, result);
    return EXIT_DONE;
}

static int run_test(const settings *s)
{
    const char *data = data_name(s->args[1], "fovea test runs/mnist-1 mnist");
    if (!data)
        return EXIT_USAGE;
    fv_ctx *ctx = open_context(s);
    int code = measure(ctx, s, data);
    fv_close(ctx);
    return code;
}

const command test_command = {
    .name = "test",
    .summary = "Measure a trained network on the test images",
    .usage = "RUN [mnist]",
    .examples = {{"fovea test runs/mnist-1", "a run by its folder"},
                 {"fovea test runs/latest --json", "the last run, for a program"},
                 {"fovea test model.safetensors", "a model file, also of PyTorch"}},
    .notes = "RUN is a run folder, runs/latest or a .safetensors file.",
    .options = TAKES(OPT_BATCH_SIZE) | TAKES(OPT_ROOT) | TAKES(OPT_THREADS) | TAKES(OPT_KERNELS) |
               TAKES(OPT_JSON) | TAKES(OPT_QUIET) | TAKES(OPT_VERBOSE),
    .min_args = 1,
    .max_args = 2,
    .run = run_test,
};
