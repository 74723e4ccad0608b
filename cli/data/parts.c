/*
 * parts.c - the parts of a data set, training, validation and test, whose classes must agree.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"

/* ---- classes that do not agree --------------------------------------------------------------- */

static int find_class(const fv_dataset *set, const char *name)
{
    for (int i = 0; i < fv_dataset_describe(set).classes; i++)
        if (strcmp(fv_dataset_class_name(set, i), name) == 0)
            return i;
    return -1;
}

/* Appends "validation   cat 40   dog 38", as many classes as fit. */
static void list_classes(fv_dataset *set, const char *path, int width, char *text, size_t capacity)
{
    enum { MOST = 100 };
    const char *slash = strrchr(path, '/');
    int classes = fv_dataset_describe(set).classes;
    int64_t *count = calloc((size_t)classes + 1, sizeof *count);
    size_t start = strlen(text), n = start;
    if (count)
        fv_dataset_check(set, classes, count);
    n += (size_t)snprintf(text + n, capacity - n, "  %-*s", width, slash ? slash + 1 : path);
    for (int i = 0; count && i < classes && n + 100 < capacity; i++) {
        if (n - start > MOST) {
            n += (size_t)snprintf(text + n, capacity - n, "   ...");
            break;
        }
        n += (size_t)snprintf(text + n, capacity - n, "   %.60s %lld",
                              fv_dataset_class_name(set, i), (long long)count[i]);
    }
    snprintf(text + n, capacity - n, "\n");
    free(count);
}

/* The class of train that name was meant for: one like it which set has not. */
static const char *meant(const fv_dataset *train, const fv_dataset *set, const char *name)
{
    const char *best = NULL;
    for (int i = 0, least = 1000; i < fv_dataset_describe(train).classes; i++) {
        const char *class = fv_dataset_class_name(train, i);
        int distance = fv_edit_distance(name, class);
        if (find_class(set, class) < 0 && fv_looks_like(name, class) && distance < least) {
            least = distance;
            best = class;
        }
    }
    return best;
}

/* A part has classes that the training pictures do not have. */
static int fail_classes(fv_ctx *ctx, const settings *s, const data *d, fv_split split)
{
    fv_error_clear(ctx);
    fv_dataset *train = d->train, *set = fv_dataset_open(ctx, d->typed, split, s->root);
    const char *path = fv_dataset_describe(set).name;
    char text[1000] = "", names[300] = "";
    const char *from = fv_dataset_describe(train).name, *slash = strrchr(path, '/'), *first = NULL;
    int unknown = 0, width = (int)strlen(slash ? slash + 1 : path);
    for (int i = 0; i < fv_dataset_describe(set).classes; i++) {
        const char *name = fv_dataset_class_name(set, i);
        if (find_class(train, name) >= 0)
            continue;
        first = first ? first : name;
        if (unknown++ < 3)
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s\"%.80s\"",
                     unknown > 1 ? ", " : "", name);
    }
    if (!first)
        return fail_context(ctx, "fovea help train");
    width = width > 5 ? width : 5;
    list_classes(train, from, width, text, sizeof text);
    list_classes(set, path, width, text, sizeof text);
    const char *right = meant(train, set, first);
    return fail(EXIT_FAILED, "E-CLASS",
                "%s has %s that %s does not have: %s%s\n%s"
                "A model can only be checked on classes it was trained on.\n"
                "help: %s %s/%s%s%s%s%s",
                path, unknown > 1 ? "classes" : "a class", from, names, unknown > 3 ? ", ..." : "",
                text, right ? "rename" : "remove", path, first, right ? " to " : "",
                right ? path : "", right ? "/" : "", right ? right : "");
}

/* A class of train without pictures here is said. */
static void note_missing(const settings *s, fv_dataset *set, const char *path)
{
    int classes = fv_dataset_describe(set).classes, missing = 0;
    char names[300] = "";
    int64_t *count = calloc((size_t)classes + 1, sizeof *count);
    if (!count || s->quiet || fv_dataset_check(set, classes, count)) {
        free(count);
        return;
    }
    for (int i = 0; i < classes; i++)
        if (count[i] == 0 && missing++ < 3)
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s\"%.80s\"",
                     missing > 1 ? ", " : "", fv_dataset_class_name(set, i));
    hide_controls(names);
    if (missing)
        fprintf(stderr, "note:  %s has no pictures of %s%s\n", path, names,
                missing > 3 ? ", ..." : "");
    free(count);
}

/* A part of the data with the classes of d->train; it need not be there. */
static int open_part(fv_ctx *ctx, const settings *s, data *d, fv_split split, fv_dataset **set)
{
    *set = fv_dataset_open(ctx, d->typed, split, s->root, .like = d->train, .optional = true);
    if (fv_error(ctx) == FV_E_CLASS)
        return fail_classes(ctx, s, d, split);
    if (*set && is_folder(d->typed) && !d->known)
        note_missing(s, *set, fv_dataset_describe(*set).name);
    return EXIT_DONE;
}

int open_sets(fv_ctx *ctx, const settings *s, data *d)
{
    d->train = fv_dataset_open(ctx, d->typed, .root = s->root);
    if (fv_error(ctx))
        return EXIT_DONE;
    int code = open_part(ctx, s, d, FV_VAL, &d->val);
    return code || fv_error(ctx) ? code : open_part(ctx, s, d, FV_TEST, &d->test);
}
