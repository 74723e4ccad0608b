/*
 * formats.c - the list of data-set formats: what a path or a name is, and who opens it.
 *
 * A format is a row: whether a path is one, which parts it has, and how a part is opened. Layer 3,
 * data. Calls the data sets and the base.
 */
#include "data/data.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

typedef fv_dataset_open_args args;

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n > m && strcasecmp(path + n - m, end) == 0;
}

/* ---- names ---------------------------------------------------------------------------------- */

static const char *const names[] = {
    "mnist",          "fashion-mnist",   "kmnist",         "qmnist",        "emnist-byclass",
    "emnist-bymerge", "emnist-balanced", "emnist-letters", "emnist-digits", "emnist-mnist",
    "cifar10",        "cifar100",        "digits"};

const char *fv_dataset_known(int index)
{
    bool there = index >= 0 && index < (int)(sizeof names / sizeof *names);
    return there ? names[index] : NULL;
}

/* The known name that a text is, with or without a slash at its end; NULL for others. */
static const char *known_name(const char *path)
{
    size_t n = strlen(path);
    n -= n > 1 && path[n - 1] == '/';
    for (int i = 0; fv_dataset_known(i); i++)
        if (strlen(names[i]) == n && strncmp(names[i], path, n) == 0)
            return names[i];
    return NULL;
}

static bool is_name(const char *path)
{
    return known_name(path) != NULL;
}

static fv_dataset *open_name(const args *a)
{
    const char *name = known_name(a->path);
    if (strcmp(name, "digits") == 0)
        return fv_dataset_digits(a->ctx, a->split == FV_TRAIN ? 10000 : 2000,
                                 a->split == FV_TRAIN ? 1 : 2);
    return fv_dataset_named(a->ctx, name, a->root ? a->root : "data", a->split);
}

/* ---- files ---------------------------------------------------------------------------------- */

static bool is_csv(const char *path)
{
    return ends_in(path, ".csv");
}

static fv_dataset *open_csv(const args *a)
{
    return fv_dataset_csv(a->ctx, a->path, .like = a->like, .channels = a->channels,
                          .at_least = a->at_least);
}

static bool is_npz(const char *path)
{
    return ends_in(path, ".npz");
}

static fv_dataset *open_npz(const args *a)
{
    return fv_dataset_npz(a->ctx, a->path, a->split, 0);
}

/* ---- folders: of class folders, or of train, val and test with class folders in them --------- */

static const char *const part_names[][5] = {
    [FV_TRAIN] = {"train", "training", "학습"},
    [FV_TEST] = {"test", "testing", "시험"},
    [FV_VAL] = {"val", "valid", "validation", "dev", "검증"},
};

/* The folder of a part below root, for fv_release; NULL: there is none. */
static char *part_of(fv_ctx *ctx, const char *root, fv_split split)
{
    for (int i = 0; i < 5 && part_names[split][i]; i++) {
        size_t size = strlen(root) + strlen(part_names[split][i]) + 2;
        char *path = fv_alloc(ctx, size, 1);
        if (!path)
            return NULL;
        snprintf(path, size, "%s/%s", root, part_names[split][i]);
        if (is_folder(path))
            return path;
        fv_release(ctx, path);
    }
    return NULL;
}

static bool has_part(const args *a)
{
    char *train = part_of(a->ctx, a->path, FV_TRAIN);
    char *part = part_of(a->ctx, a->path, a->split);
    bool there = a->split == FV_TRAIN || (train && part) || (part && !a->like);
    fv_release(a->ctx, train);
    fv_release(a->ctx, part);
    return there;
}

static fv_dataset *open_folder(const args *a)
{
    char *part = part_of(a->ctx, a->path, a->split);
    fv_dataset *set = fv_error(a->ctx)
                          ? NULL
                          : fv_dataset_folder(a->ctx, part ? part : a->path, .like = a->like,
                                              .channels = a->channels, .at_least = a->at_least);
    fv_release(a->ctx, part);
    return set;
}

/* ---- the list ------------------------------------------------------------------------------- */

static bool has_train(const args *a)
{
    return a->split == FV_TRAIN;
}

static bool has_train_and_test(const args *a)
{
    return a->split != FV_VAL;
}

static const struct {
    bool (*is)(const char *path);
    bool (*has)(const args *a); /* whether it has a->split */
    fv_dataset *(*open)(const args *a);
} formats[] = {
    {is_name, has_train_and_test, open_name},
    {is_csv, has_train, open_csv},
    {is_npz, has_train_and_test, open_npz},
    {is_folder, has_part, open_folder},
};

enum { COUNT = sizeof formats / sizeof *formats };

/* The place of what path is in the list; -1: nothing that is known. */
static int format_of(const char *path)
{
    for (int i = 0; i < COUNT; i++)
        if (formats[i].is(path))
            return i;
    return -1;
}

bool fv_dataset_is(const char *path)
{
    return path && format_of(path) >= 0;
}

static void fail_unknown(const args *a)
{
    char known[400] = "";
    fv_text to = {known, sizeof known};
    fv_nearest near = {.word = a->path};
    for (int i = 0; fv_dataset_known(i); i++) {
        fv_put(&to, "%s%s", i ? ", " : "", names[i]);
        fv_nearest_try(&near, names[i]);
    }
    fv_fail(a->ctx, FV_E_NAME,
            "there is no data set, folder, .csv or .npz \"%s\"; known names are %s%s%s", a->path,
            known, near.name ? "\nhelp: did you mean " : "", near.name ? near.name : "");
}

fv_dataset *fv_dataset_open_opt(fv_dataset_open_args a)
{
    static const char *const parts[] = {
        [FV_TRAIN] = "training", [FV_TEST] = "test", [FV_VAL] = "validation"};
    if (fv_stopped(a.ctx, "fv_dataset_open"))
        return NULL;
    if (!a.path || (unsigned)a.split > FV_VAL) {
        fv_fail(a.ctx, FV_E_ARG,
                a.path ? "fv_dataset_open: split is %d, but must be FV_TRAIN, "
                         "FV_TEST or FV_VAL"
                       : "fv_dataset_open: path is NULL",
                (int)a.split);
        return NULL;
    }
    int i = format_of(a.path);
    if (i < 0)
        fail_unknown(&a);
    else if (formats[i].has(&a))
        return formats[i].open(&a);
    else if (!a.optional)
        fv_fail(a.ctx, FV_E_NAME,
                "\"%s\" has no %s samples of its own\nhelp: fv_split_holdout of the training set",
                a.path, parts[a.split]);
    return NULL;
}
