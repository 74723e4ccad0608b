/*
 * model.c - trained networks: what a model file says of its network, and one picture classified.
 *
 * Layer 4. Calls the public functions, the base and cJSON.
 */
#include "files/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A damaged file may ask for more, but no network has it; it would take all memory. */
enum { SIDE_MAX = 512, CLASSES_MAX = 65536 };

typedef struct trained {
    fv_object object;
    fv_trained public;
    char *file;
    fv_meta *meta; /* keys and values are copies */
    const char **names;
} trained;

static void trained_destroy(void *self)
{
    trained *t = self;
    fv_ctx *ctx = t->object.ctx;
    for (int i = 0; i < t->public.n_meta; i++) {
        fv_release(ctx, (void *)(uintptr_t)t->meta[i].key);
        fv_release(ctx, (void *)(uintptr_t)t->meta[i].value);
    }
    for (int i = 0; t->names && i < t->public.classes; i++)
        fv_release(ctx, (void *)(uintptr_t)t->names[i]);
    fv_release(ctx, t->names);
    fv_release(ctx, t->meta);
    fv_release(ctx, t->file);
    fv_object_end(t);
}

void fv_trained_free(const fv_trained *of)
{
    if (!of)
        return;
    trained *t = (trained *)(void *)((char *)(uintptr_t)of - offsetof(trained, public));
    fv_net_free(of->net);
    fv_transform_free(of->transform);
    fv_object_free(t);
}

/* ---- the file of a path --------------------------------------------------------------------- */

/* "folder/name", for fv_release. */
static char *join(fv_ctx *ctx, const char *folder, size_t length, const char *name)
{
    size_t size = length + strlen(name) + 2;
    char *path = fv_alloc(ctx, size, 1);
    if (path)
        snprintf(path, size, "%.*s%s%s", (int)length, folder, length ? "/" : "", name);
    return path;
}

/* Of runs/latest, a file that holds the name of a run beside it, that run's folder. */
static char *follow_latest(fv_ctx *ctx, const char *path)
{
    const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
    size_t size = 0;
    if (strcmp(last, "latest") != 0 || !fv_file_exists(path))
        return fv_copy_text(ctx, path);
    char *name = fv_read_file(ctx, path, &size), *text = NULL;
    if (name && (text = fv_alloc(ctx, size + 1, 1)) != NULL) {
        memcpy(text, name, size);
        text[strcspn(text, "\n")] = '\0';
    }
    char *run = text ? join(ctx, path, slash ? (size_t)(slash - path) : 0, text) : NULL;
    fv_release(ctx, text);
    fv_release(ctx, name);
    return run;
}

static char *find_file(fv_ctx *ctx, const char *path)
{
    char *at = follow_latest(ctx, path);
    if (!at || fv_file_exists(at))
        return at;
    char *file = join(ctx, at, strlen(at), "model.safetensors");
    fv_release(ctx, at);
    if (file && fv_file_exists(file))
        return file;
    fv_release(ctx, file);
    fv_fail(ctx, FV_E_PATH,
            "\"%s\" is no trained network: there is no such file, and no model.safetensors in a "
            "folder of that name\nhelp: a run folder, or a .safetensors file",
            path);
    return NULL;
}

/* ---- metadata ------------------------------------------------------------------------------- */

const char *fv_trained_meta(const fv_trained *of, const char *key)
{
    for (int i = 0; of && i < of->n_meta; i++)
        if (strcmp(of->meta[i].key, key) == 0)
            return of->meta[i].value;
    return "";
}

/* A list of JSON, or, in older files, names with tabs between them. */
static bool read_names(trained *t, const char *text)
{
    fv_ctx *ctx = t->object.ctx;
    cJSON *list = text[0] == '[' ? cJSON_Parse(text) : NULL;
    bool good = text[0] != '[' || cJSON_GetArraySize(list) == t->public.classes;
    t->names = text[0] && good ? fv_alloc(ctx, (size_t)t->public.classes, sizeof *t->names) : NULL;
    for (int i = 0; t->names && good && i < t->public.classes; i++) {
        const cJSON *item = list ? cJSON_GetArrayItem(list, i) : NULL;
        size_t length = list ? 0 : strcspn(text, "\t");
        good = list ? cJSON_IsString(item) : *text != '\0';
        if (!good)
            break;
        char *name = list ? fv_copy_text(ctx, item->valuestring) : fv_alloc(ctx, length + 1, 1);
        if (name && !list)
            memcpy(name, text, length);
        t->names[i] = name;
        text += list ? 0 : length + (text[length] == '\t');
    }
    cJSON_Delete(list);
    if (!good)
        fv_fail(ctx, FV_E_DATA, "\"%s\": its class_names are not those of %d classes", t->file,
                t->public.classes);
    t->public.class_names = t->names;
    return !fv_error(ctx);
}

static bool read_floats(const char *text, int n, float *to)
{
    double values[FV_CHANNELS_MAX];
    if (fv_read_numbers(text, ',', values, FV_CHANNELS_MAX) != n)
        return false;
    for (int i = 0; i < n; i++)
        to[i] = (float)values[i];
    return true;
}

static bool has_description(const fv_trained *p)
{
    static const char *const keys[] = {"model", "input", "classes", "data", "transform"};
    bool found = false;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        found = found || *fv_trained_meta(p, keys[i]);
    return found;
}

static const char *meta_or(const fv_trained *p, const char *key, const char *otherwise)
{
    const char *value = fv_trained_meta(p, key);
    return *value ? value : otherwise;
}

/* The network that the metadata describe, with new parameters. */
static fv_net *make_net(trained *t)
{
    fv_trained *p = &t->public;
    fv_ctx *ctx = t->object.ctx;
    bool plain = !has_description(p); /* of another program: what fovea train makes is assumed */
    const char *input = meta_or(p, "input", "1x28x28"), *classes = meta_or(p, "classes", "10");
    const char *mean_text = meta_or(p, "mean", plain ? "0.1307" : "");
    const char *std_text = meta_or(p, "std", plain ? "0.3081" : "");
    const char *model = meta_or(p, "model", "lenet5");
    double sides[3];
    float mean[FV_CHANNELS_MAX], std[FV_CHANNELS_MAX];
    bool normal = *mean_text || *std_text, good = fv_read_numbers(input, 'x', sides, 3) == 3;
    for (int i = 0; good && i < 3; i++)
        good = sides[i] >= 1 && sides[i] <= SIDE_MAX && sides[i] == floor(sides[i]);
    good = good && sides[0] <= FV_CHANNELS_MAX && fv_read_int(classes, &p->classes) &&
           p->classes >= 1 && p->classes <= CLASSES_MAX;
    if (good)
        p->channels = (int)sides[0], p->height = (int)sides[1], p->width = (int)sides[2];
    if (!good || (normal && (!read_floats(mean_text, p->channels, mean) ||
                             !read_floats(std_text, p->channels, std)))) {
        p->classes = 0;
        fv_fail(ctx, FV_E_DATA,
                "\"%s\" has an invalid description of its network\n"
                "  input %s   classes %s   mean %s   std %s\n"
                "help: train it again",
                t->file, input, classes, mean_text, std_text);
        return NULL;
    }
    if (plain)
        fv_note(ctx, FV_LOG_WARNING,
                "%s has no description of its network; assumed to be lenet5 for MNIST", t->file);
    return fv_model(ctx, model, p->channels, p->height, p->width, p->classes, normal ? mean : NULL,
                    normal ? std : NULL);
}

const fv_trained *fv_trained_open(fv_ctx *ctx, const char *path)
{
    if (fv_stopped(ctx, __func__))
        return NULL;
    if (!path) {
        fv_fail(ctx, FV_E_ARG, "fv_trained_open: path is NULL");
        return NULL;
    }
    trained *t = fv_object_new(ctx, sizeof *t, trained_destroy);
    if (!t)
        return NULL;
    fv_trained *p = &t->public;
    if ((t->file = find_file(ctx, path)) != NULL)
        t->meta = fv_read_meta(ctx, t->file, &p->n_meta);
    p->file = t->file;
    p->meta = t->meta;
    p->net = fv_error(ctx) ? NULL : make_net(t);
    const char *transform = fv_trained_meta(p, "transform");
    if (p->net && *transform)
        p->transform = fv_transform_new(ctx, transform);
    if (!p->net || !read_names(t, fv_trained_meta(p, "class_names")) || fv_load(p->net, t->file) ||
        fv_eval_mode(p->net)) {
        fv_trained_free(p);
        return NULL;
    }
    return p;
}

/* ---- one picture ---------------------------------------------------------------------------- */

/* Probabilities of the outputs, whether they are log-probabilities or not. */
static void softmax(int n, const float *y, float *p)
{
    double top = (double)y[fv_argmax(y, n)], sum = 0;
    for (int i = 0; i < n; i++)
        sum += exp((double)y[i] - top);
    for (int i = 0; i < n; i++)
        p[i] = (float)(exp((double)y[i] - top) / sum);
}

int fv_classify_opt(fv_classify_args args)
{
    const fv_trained *t = args.trained;
    fv_ctx *ctx = t ? t->net->object.ctx : NULL;
    if (fv_stopped(ctx, "fv_classify"))
        return -1;
    const fv_array *in = args.picture;
    fv_array *read = NULL, *made = NULL;
    if (!in)
        in = read = fv_picture_read(ctx, args.path, .channels = t->channels);
    if (in && t->transform)
        in = made = fv_transform_apply(t->transform, in, 0, 0, 0);
    int best = -1;
    if (in) {
        const int64_t *dims = in->dims;
        bool gray = in->ndim == 2;
        fv_batch b = {.n = 1,
                      .channels = gray ? 1 : (int)dims[0],
                      .height = (int)dims[gray ? 0 : 1],
                      .width = (int)dims[gray ? 1 : 2],
                      .type = in->type,
                      .pixels = in->data};
        if (!fv_forward(t->net, &b))
            best = fv_argmax(fv_output(t->net), t->classes);
        if (!fv_error(ctx) && best < 0)
            fv_fail(ctx, FV_E_DATA, "fv_classify: the outputs of the network are not numbers");
        if (best >= 0 && args.probabilities)
            softmax(t->classes, fv_output(t->net), args.probabilities);
    }
    fv_array_free(made);
    fv_array_free(read);
    return best;
}
