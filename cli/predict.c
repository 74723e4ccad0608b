/*
 * predict.c - `fovea predict`: what a trained network sees in one image.
 *
 * Layer 6. Calls fovea.h, cJSON and libc.
 */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* One image of a data set, as mnist:INDEX, mnist:test:INDEX or mnist:train:INDEX names it. */
typedef struct sample {
    fv_split split;
    int64_t index, label;
    void *pixels;
} sample;

static int read_name(const char *typed, sample *to)
{
    const char *colon = strchr(typed, ':'), *digits = colon ? colon + 1 : "";
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(typed, ":"), typed);
    if (!data_name(name, "fovea predict runs/mnist-1 mnist:0"))
        return EXIT_USAGE;
    to->split = strncmp(digits, "train:", 6) == 0 ? FV_TRAIN : FV_TEST;
    if (strncmp(digits, "train:", 6) == 0 || strncmp(digits, "test:", 5) == 0)
        digits = strchr(digits, ':') + 1;
    if (!*digits || strlen(digits) > 18 || digits[strspn(digits, "0123456789")])
        return fail(EXIT_USAGE, "E-ARGS",
                    "\"%s\" names no image: mnist:INDEX or mnist:train:INDEX, counted from 0\n"
                    "help: fovea predict runs/mnist-1 mnist:0",
                    typed);
    to->index = strtoll(digits, NULL, 10);
    return EXIT_DONE;
}

static int load_sample(fv_ctx *ctx, const settings *s, sample *to, fv_batch *batch)
{
    fv_dataset *set = data_open(ctx, s, to->split);
    if (fv_error(ctx))
        return fail_context(ctx, "fovea help predict");
    fv_dataset_info info = fv_dataset_describe(set);
    if (to->index >= info.len)
        return fail(EXIT_USAGE, "E-ARGS", "there is no image %lld: the %s images of mnist are 0 to "
                                          "%lld\nhelp: fovea predict %s mnist%s:%lld",
                    (long long)to->index, to->split == FV_TRAIN ? "training" : "test",
                    (long long)info.len - 1, s->args[0], to->split == FV_TRAIN ? ":train" : "",
                    (long long)info.len - 1);
    size_t size = (size_t)info.channels * (size_t)info.height * (size_t)info.width;
    to->pixels = malloc(size * fv_type_size(info.type));
    if (!to->pixels)
        return fail(EXIT_FAILED, "E-MEMORY", "no memory for an image\nhelp: close other programs");
    if (fv_dataset_get(set, to->index, to->pixels, &to->label))
        return fail_context(ctx, "fovea help predict");
    *batch = (fv_batch){.n = 1,
                        .channels = info.channels,
                        .height = info.height,
                        .width = info.width,
                        .type = info.type,
                        .pixels = to->pixels};
    return EXIT_DONE;
}

static int print_text(const char *typed, const sample *of, const float *log_p, int n, int winner)
{
    printf("%s   label %lld   predicted %d   %s\n\n", typed, (long long)of->label, winner,
           of->label == winner ? "right" : "wrong");
    for (int i = 0; i < n; i++) {
        double p = exp((double)log_p[i]);
        const char *paint = colour(stdout, i == winner ? GREEN : "");
        printf("%s%c %d  ", paint, i == winner ? '>' : ' ', i);
        put_bar(stdout, p, 40, "#", " ");
        printf("  %.6f%s\n", p, *paint ? PLAIN : "");
    }
    return EXIT_DONE;
}

static int print_json(const sample *of, const float *log_p, int n, int winner)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "data", "mnist");
    cJSON_AddStringToObject(root, "split", of->split == FV_TRAIN ? "train" : "test");
    cJSON_AddNumberToObject(root, "index", (double)of->index);
    cJSON_AddNumberToObject(root, "label", (double)of->label);
    cJSON_AddNumberToObject(root, "predicted", winner);
    cJSON *list = cJSON_AddArrayToObject(root, "probabilities");
    for (int i = 0; i < n; i++)
        cJSON_AddItemToArray(list, cJSON_CreateNumber(exp((double)log_p[i])));
    return json_line(root);
}

static int predict(fv_ctx *ctx, const settings *s, sample *of)
{
    run r;
    fv_batch batch;
    int code = open_run(ctx, s->args[0], "predict", false, &r), n;
    if (!code)
        code = load_sample(ctx, s, of, &batch);
    if (code)
        return code;
    fv_eval_mode(r.net);
    if (fv_forward(r.net, &batch))
        return fail_context(ctx, "fovea help predict");
    const float *log_p = fv_output(r.net);
    fv_output_shape(r.net, &n, NULL, NULL);
    int winner = fv_argmax(log_p, n);
    return s->json ? print_json(of, log_p, n, winner)
                   : print_text(s->args[1], of, log_p, n, winner);
}

static int run_predict(const settings *s)
{
    sample of = {0};
    int code = read_name(s->args[1], &of);
    if (code)
        return code;
    fv_ctx *ctx = open_context(s);
    code = predict(ctx, s, &of);
    free(of.pixels);
    fv_close(ctx);
    return code;
}

const command predict_command = {
    .name = "predict",
    .summary = "Say what a trained network sees in an image",
    .usage = "RUN mnist:INDEX",
    .examples = {{"fovea predict runs/mnist-1 mnist:0", "the first test image"},
                 {"fovea predict runs/mnist-1 mnist:train:0", "the first training image"}},
    .notes = "INDEX counts from 0. RUN is a run folder, runs/latest or a .safetensors file.",
    .options = TAKES(OPT_ROOT) | TAKES(OPT_THREADS) | TAKES(OPT_KERNELS) | TAKES(OPT_JSON),
    .min_args = 2,
    .max_args = 2,
    .run = run_predict,
};
