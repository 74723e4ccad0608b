/*
 * test.c - `fovea test`: measures a trained network on the test images.
 *
 * Layer 6. Calls fovea.h, cJSON and libc.
 */
#include <cjson/cJSON.h>

#include <string.h>

#include "common/cli.h"

/* The classes must be those that the net was trained on; without names, as many. */
static int check_classes(const trained_run *r, const char *typed, const fv_dataset *set,
                         int classes)
{
    const char *const *names = r->trained->class_names;
    int found = fv_dataset_describe(set).classes;
    for (int i = 0; names && i < found && i < classes; i++) {
        const char *name = fv_dataset_class_name(set, i);
        if (name && strcmp(name, names[i]) != 0)
            return fail(EXIT_FAILED, "E-CLASS",
                        "class %d is \"%s\" in %s, but the network was trained with \"%s\"\n"
                        "help: give a folder with the same class folders",
                        i, name, typed, names[i]);
    }
    if (found <= classes)
        return EXIT_DONE;
    return fail(EXIT_FAILED, "E-CLASS",
                "%s has %d classes, the network %d\n"
                "help: give a folder with the same class folders",
                typed, found, classes);
}

static int print_json(const trained_run *r, const char *set, fv_result result, double seconds)
{
    double low, high;
    wilson_range(result, &low, &high);
    cJSON *root = json_add(cJSON_CreateObject(), "event %s model %s data %s", "result",
                           r->trained->file, set);
    json_result(root, result);
    json_add(root, "low %g high %g seconds %g", low, high, seconds);
    return json_line(root);
}

static int measure(fv_ctx *ctx, const settings *s)
{
    trained_run r;
    data d;
    int code = s->args[1] ? data_name(s->args[1], &d) : EXIT_DONE, classes;
    if (!code)
        code = open_run(ctx, s->args[0], &r);
    if (!code && !s->args[1])
        code = data_name(r.data, &d);
    if (code)
        return code;
    fv_dataset *set = data_test_set(ctx, s, &d, r.data, r.seed);
    if (!set && !fv_error(ctx)) /* said already */
        return EXIT_FAILED;
    if (fv_error(ctx))
        return fail_context(ctx, "fovea help test");
    fv_output_shape(r.net, &classes, NULL, NULL);
    if ((code = check_classes(&r, d.typed, set, classes)))
        return code;
    fv_dataset_check(set, classes, NULL);
    int64_t len = fv_dataset_describe(set).len;
    int size = len > 0 && len < s->batch_size ? (int)len : s->batch_size;
    fv_loader *loader = fv_loader_new(set, .batch_size = size, .transform = r.transform,
                                      .num_workers = s->num_workers);
    fv_metrics *metrics = metrics_for(ctx, r.net);
    fv_result result;
    double start = now();
    fv_evaluate(r.net, loader, &result, .each = count_batch, .user = metrics);
    if (fv_error(ctx))
        return fail_context(ctx, "fovea help test");
    if (s->json)
        return print_json(&r, d.typed, result, now() - start);
    printf("Test set: Accuracy: %.2f%%\n", 100. * accuracy_of(result));
    fflush(stdout);
    if (talks(s)) {
        put_accuracy(stderr, result);
        put_confused(stderr, metrics, r.net, set);
    }
    return EXIT_DONE;
}

static int run_test(const settings *s)
{
    fv_ctx *ctx = open_context(s);
    int code = measure(ctx, s);
    fv_close(ctx);
    return code;
}

const command test_command = {
    .name = "test",
    .summary = "Measure a trained network on the test images",
    .usage = "RUN [DATA]",
    .examples = {{"fovea test runs/mnist-1", "a run by its folder"},
                 {"fovea test runs/latest --json", "the last run, for a program"},
                 {"fovea test model.safetensors", "a model file, also of PyTorch"}},
    .notes = "RUN is a run folder, runs/latest or a .safetensors file. DATA is what fovea\n"
             "train takes; its default is what the run was trained on. Data without a test\n"
             "set of its own is measured on the pictures that were held out in training.",
    .options = TAKES(OPT_NUM_WORKERS) | TAKES(OPT_SKIP_BAD) | TAKES(OPT_BATCH_SIZE) |
               TAKES(OPT_ROOT) | TAKES(OPT_THREADS) | TAKES(OPT_KERNELS) | TAKES(OPT_JSON) |
               TAKES(OPT_QUIET) | TAKES(OPT_VERBOSE),
    .min_args = 1,
    .max_args = 2,
    .run = run_test,
};
