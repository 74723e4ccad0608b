/*
 * predict.c - `fovea predict`: what a trained network sees in pictures: files, or images of a data
 * set.
 *
 * Layer 6. Calls fovea.h, cJSON and libc.
 */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"

/* One picture: a file, or an image of a data set as mnist:INDEX, mnist:test:INDEX or
   mnist:train:INDEX names it. */
typedef struct sample {
    const char *typed;
    char name[PATH_SIZE]; /* of the data set */
    bool is_file;
    data d;
    fv_split split;
    int64_t index, label; /* label -1: not known */
} sample;

/* ---- what was typed ------------------------------------------------------------------------- */

/* Of a data set with a colon; anything else is a file. */
static int read_name(const char *typed, sample *to)
{
    const char *colon = strchr(typed, ':'), *digits = colon ? colon + 1 : typed + strlen(typed);
    const char *name = to->name;
    *to = (sample){.typed = typed, .label = -1};
    snprintf(to->name, sizeof to->name, "%.*s", (int)strcspn(typed, ":"), typed);
    to->is_file = colon ? is_file(typed) : !data_looks_like(typed);
    if (to->is_file)
        return EXIT_DONE;
    if (data_name(name, &to->d))
        return EXIT_USAGE;
    const char *next = strchr(digits, ':');
    to->split = next && strncmp(digits, "train:", 6) == 0 ? FV_TRAIN : FV_TEST;
    if (next && (to->split == FV_TRAIN || strncmp(digits, "test:", 5) == 0))
        digits = next + 1;
    if (!*digits || strlen(digits) > 18 || digits[strspn(digits, "0123456789")])
        return fail(EXIT_USAGE, "E-ARGS",
                    "\"%s\" is not an image: write %s:INDEX or %s:train:INDEX, counted from 0\n"
                    "help: fovea predict runs/mnist-1 mnist:0",
                    typed, name, name);
    to->index = strtoll(digits, NULL, 10);
    return EXIT_DONE;
}

/* ---- pictures ------------------------------------------------------------------------------- */

static fv_array *read_sample(fv_ctx *ctx, const settings *s, sample *of, int *code)
{
    if (data_sets(ctx, s, &of->d)) {
        *code = EXIT_FAILED;
        return NULL;
    }
    fv_dataset *set = of->split == FV_TRAIN ? of->d.train : of->d.test ? of->d.test : of->d.val;
    int64_t len = fv_dataset_describe(set).len;
    if (of->index >= len) {
        *code = fail(EXIT_USAGE, "E-ARGS",
                     "there is no image %lld: the %s images of %s are 0 to "
                     "%lld\nhelp: fovea predict %s %s%s:%lld",
                     (long long)of->index, of->split == FV_TRAIN ? "training" : "test", of->name,
                     (long long)len - 1, s->args[0], of->name,
                     of->split == FV_TRAIN ? ":train" : "", (long long)len - 1);
        return NULL;
    }
    return fv_dataset_picture(set, of->index, &of->label);
}

/* What makes any picture one for this net: digits as MNIST's are drawn, others cut to the
   middle. */
static fv_transform *fitting(fv_ctx *ctx, int channels, int height, int width)
{
    char text[160];
    if (channels == 1 && height == width)
        snprintf(text, sizeof text, "invert_if_light; center_mass %d box=%d", height,
                 height * 20 / 28);
    else
        snprintf(text, sizeof text, "resize %d; center_crop %dx%d", height > width ? height : width,
                 height, width);
    return fv_transform_new(ctx, text);
}

/* The picture as the net takes it, or NULL after an error. */
static fv_array *fit_picture(fv_ctx *ctx, const settings *s, const trained_run *r, const sample *of,
                             fv_array *picture, int *code)
{
    const int c = r->trained->channels, h = r->trained->height, w = r->trained->width;
    if (r->transform)
        picture = fv_transform_apply(r->transform, picture, 0, 0, 0);
    bool fits = picture && picture->dims[1] == h && picture->dims[2] == w;
    if (picture && !fits && s->fit) {
        picture = fv_transform_apply(fitting(ctx, c, h, w), picture, 0, 0, 0);
        fits = picture && picture->dims[1] == h && picture->dims[2] == w;
    }
    if (fits || !picture)
        return picture;
    const char *colours = ""; /* of the file itself: it was read as the net wants it */
    if (of->is_file) {
        fv_array *as_is = fv_picture_read(ctx, of->typed);
        colours = !as_is ? "" : as_is->dims[0] == 1 ? " gray" : " RGB";
        fv_array_free(as_is);
    }
    *code = fail(EXIT_FAILED, "E-INPUT",
                 "%s expects %d x %d %s pictures; %s is %lld x %lld%s\n"
                 "help: to try it anyway: fovea predict %s %s --fit",
                 s->args[0], w, h, c == 1 ? "gray" : "RGB", of->typed, (long long)picture->dims[2],
                 (long long)picture->dims[1], colours, s->args[0], of->typed);
    return NULL;
}

static int load(fv_ctx *ctx, const settings *s, const trained_run *r, sample *of, fv_batch *batch)
{
    int code = EXIT_DONE, channels = r->trained->channels;
    fv_array *picture = of->is_file ? fv_picture_read(ctx, of->typed, .channels = channels)
                                    : read_sample(ctx, s, of, &code);
    if (picture)
        picture = fit_picture(ctx, s, r, of, picture, &code);
    if (code)
        return code;
    if (!picture)
        return fail_context(ctx, "fovea help predict");
    bool gray = picture->ndim == 2;
    *batch = (fv_batch){.n = 1,
                        .channels = gray ? 1 : (int)picture->dims[0],
                        .height = (int)picture->dims[gray ? 0 : 1],
                        .width = (int)picture->dims[gray ? 1 : 2],
                        .type = picture->type,
                        .pixels = picture->data};
    return EXIT_DONE;
}

/* ---- what the net says ---------------------------------------------------------------------- */

/* Probabilities of the outputs, whether they are log-probabilities already or not. */
static void softmax(const float *y, int n, double *p)
{
    double top = (double)y[0], sum = 0;
    for (int i = 1; i < n; i++)
        top = (double)y[i] > top ? (double)y[i] : top;
    for (int i = 0; i < n; i++)
        sum += p[i] = exp((double)y[i] - top);
    for (int i = 0; i < n; i++)
        p[i] /= sum;
}

/* The name of a class, or its number. */
static const char *class_name(const trained_run *r, int index, char text[64])
{
    const char *const *names = r->trained->class_names;
    if (names)
        snprintf(text, 64, "%s", names[index]);
    else
        snprintf(text, 64, "%d", index);
    hide_controls(text);
    return text;
}

enum { SHOWN = 10 };

static int print_text(const trained_run *r, const sample *of, const double *p, int n, int best)
{
    char name[64], label[64];
    if (of->label >= 0)
        printf("%s   label %s   predicted %s   %s\n\n", of->typed,
               class_name(r, (int)of->label, label), class_name(r, best, name),
               of->label == best ? "right" : "wrong");
    else
        printf("%s   %s   %.1f%%\n\n", of->typed, class_name(r, best, name), 100 * p[best]);
    int width = 1;
    for (int i = 0; i < n; i++) {
        int length = (int)strlen(class_name(r, i, name));
        width = length > width ? length : width;
    }
    for (int i = 0, shown = 0; i < n; i++) {
        int above = 0;
        for (int k = 0; k < n; k++)
            above += p[k] > p[i] || (p[k] == p[i] && k < i);
        if (above >= SHOWN || shown++ == SHOWN) /* of many classes, the likeliest */
            continue;
        const char *paint = colour(stdout, i == best ? GREEN : "");
        printf("%s%c %-*s  ", paint, i == best ? '>' : ' ', width, class_name(r, i, name));
        put_bar(stdout, p[i], 40, "#", " ");
        printf("  %.6f%s\n", p[i], *paint ? PLAIN : "");
    }
    return EXIT_DONE;
}

static int print_json(const trained_run *r, const sample *of, const double *p, int n, int best)
{
    char name[64];
    cJSON *root = cJSON_CreateObject();
    if (of->is_file)
        json_add(root, "file %s", of->typed);
    else
        json_add(root, "data %s split %s index %lld label %lld", of->name,
                 of->split == FV_TRAIN ? "train" : "test", (long long)of->index,
                 (long long)of->label);
    json_add(root, "predicted %d class %s", best, class_name(r, best, name));
    cJSON *list = cJSON_AddArrayToObject(root, "probabilities");
    for (int i = 0; i < n; i++)
        cJSON_AddItemToArray(list, cJSON_CreateNumber(p[i]));
    return json_line(root);
}

/* ---- --submission: rows of a file ------------------------------------------------------------ */

static int add_row(csv *out, const char *file, const char *class)
{
    return csv_add(out, (const char *[]){file, class}, 2);
}

/* All files that a .csv lists, with a class or without. */
static int predict_csv(fv_ctx *ctx, const settings *s, const trained_run *r, const char *path,
                       csv *out)
{
    fv_dataset *set = fv_dataset_csv(ctx, path, .unlabelled = true,
                                     .channels = r->trained->channels);
    fv_loader *loader = fv_loader_new(set, .batch_size = 64, .transform = r->transform,
                                      .num_workers = s->num_workers);
    int code = EXIT_DONE, n;
    char name[64];
    fv_output_shape(r->net, &n, NULL, NULL);
    for (fv_batch b; !code && fv_loader_next(loader, &b);) {
        fv_forward(r->net, &b);
        for (int i = 0; i < b.n && !code && !fv_error(ctx); i++) {
            int best = fv_argmax(fv_output(r->net) + (size_t)i * (size_t)n, n);
            code = add_row(out, fv_dataset_file(set, b.indices[i]),
                           class_name(r, best < 0 ? 0 : best, name));
        }
    }
    return !code && fv_error(ctx) ? fail_context(ctx, "fovea help predict") : code;
}

static int predict_one(fv_ctx *ctx, const settings *s, const trained_run *r, const char *typed,
                       csv *out)
{
    static sample of; /* large */
    fv_batch batch;
    int code = read_name(typed, &of), n;
    if (!code)
        code = load(ctx, s, r, &of, &batch);
    if (code)
        return code;
    if (fv_forward(r->net, &batch))
        return fail_context(ctx, "fovea help predict");
    const float *y = fv_output(r->net);
    fv_output_shape(r->net, &n, NULL, NULL);
    double *p = malloc((size_t)n * sizeof *p);
    if (!p)
        return fail_memory("the probabilities");
    int best = fv_argmax(y, n);
    char name[64];
    best = best < 0 ? 0 : best; /* all of them not numbers */
    softmax(y, n, p);
    if (s->submission)
        code = add_row(out, typed, class_name(r, best, name));
    else
        code = s->json ? print_json(r, &of, p, n, best) : print_text(r, &of, p, n, best);
    free(p);
    return code;
}

/* A picture a line. */
static int predict_stdin(fv_ctx *ctx, const settings *s, const trained_run *r, csv *out)
{
    char line[PATH_SIZE];
    int code = EXIT_DONE;
    for (int i = 0; !code && fgets(line, sizeof line, stdin); i++) {
        line[strcspn(line, "\r\n")] = '\0';
        if (i > 0 && !s->json && !s->submission)
            putchar('\n');
        if (line[0])
            code = predict_one(ctx, s, r, line, out);
    }
    return code;
}

static int predict(fv_ctx *ctx, const settings *s)
{
    trained_run r;
    int code = open_run(ctx, s->args[0], &r);
    settings used = *s; /* what the training held back is so here too */
    if (!code)
        used.seed = r.seed;
    csv out = {0};
    if (!code && s->submission)
        code = add_row(&out, "file", "class");
    for (int i = 1; !code && i < ARGS_MAX && s->args[i]; i++) {
        const char *typed = s->args[i], *dot = strrchr(typed, '.');
        if (i > 1 && !s->json && !s->submission)
            putchar('\n');
        if (strcmp(typed, "-") == 0)
            code = predict_stdin(ctx, &used, &r, &out);
        else if (s->submission && dot && strcmp(dot, ".csv") == 0)
            code = predict_csv(ctx, &used, &r, typed, &out);
        else
            code = predict_one(ctx, &used, &r, typed, &out);
    }
    if (!code && s->submission && fv_write_file(ctx, s->submission, out.text, out.used))
        code = fail_context(ctx, "fovea help predict");
    free(out.text);
    return code;
}

static int run_predict(const settings *s)
{
    fv_ctx *ctx = open_context(s);
    int code = predict(ctx, s);
    fv_close(ctx);
    return code;
}

const command predict_command = {
    .name = "predict",
    .summary = "Classify pictures with a trained network",
    .usage = "RUN PICTURE...",
    .examples = {{"fovea predict runs/mnist-1 mnist:0", "the first test image"},
                 {"fovea predict runs/pets-1 a.jpg b.png", "pictures of your own"},
                 {"fovea predict runs/mnist-1 digit.png --fit", "a digit of any size"},
                 {"fovea predict RUN test.csv --submission o.csv", "all it lists"}},
    .notes = "A PICTURE is a file, - for a list of files on standard input (one per line), or\n"
             "DATA:INDEX or DATA:train:INDEX, counted from 0. RUN is a run folder,\n"
             "runs/latest or a .safetensors file.",
    .options = TAKES(OPT_FIT) | TAKES(OPT_SUBMISSION) | TAKES(OPT_SKIP_BAD) |
               TAKES(OPT_NUM_WORKERS) | TAKES(OPT_ROOT) | TAKES(OPT_THREADS) | TAKES(OPT_KERNELS) |
               TAKES(OPT_JSON),
    .min_args = 2,
    .max_args = ARGS_MAX - 1,
    .run = run_predict,
};
