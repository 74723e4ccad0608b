/*
 * named.c - MNIST and the data sets in its format, in torchvision's folders; and CIFAR by name.
 * Layer 3, data. Calls the base.
 */
#include "data/data.h"

#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 4096 };

/* Some lists serve several sets, which use the first `classes` names. */
static const char *const digits_and_letters[] = {
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "A", "B", "C", "D", "E", "F",
    "G", "H", "I", "J", "K", "L", "M", "N", "O", "P", "Q", "R", "S", "T", "U", "V",
    "W", "X", "Y", "Z", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l",
    "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z"};
static const char *const merged[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "A", "B",
                                     "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N",
                                     "O", "P", "Q", "R", "S", "T", "U", "V", "W", "X", "Y", "Z",
                                     "a", "b", "d", "e", "f", "g", "h", "n", "q", "r", "t"};
static const char *const letters[] = {"N/A", "a", "b", "c", "d", "e", "f", "g", "h",
                                      "i",   "j", "k", "l", "m", "n", "o", "p", "q",
                                      "r",   "s", "t", "u", "v", "w", "x", "y", "z"};
static const char *const clothes[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                      "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
static const char *const kana[] = {"o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"};

typedef struct idx_set {
    const char *name, *title, *folder; /* folder below torchvision's root */
    const char *train, *test;          /* prefixes of the file names */
    const char *labels;                /* suffix of the label files */
    int classes;
    const char *const *class_names;
} idx_set;

#define IMAGES "-images-idx3-ubyte"
#define LABELS "-labels-idx1-ubyte"
#define EMNIST(split, classes, names)                                                              \
    {                                                                                              \
        "emnist-" split, "EMNIST", "EMNIST/raw", "emnist-" split "-train",                         \
            "emnist-" split "-test", LABELS, classes, names                                        \
    }

static const idx_set sets[] = {
    {"mnist", "MNIST", "MNIST/raw", "train", "t10k", LABELS, 10, digits_and_letters},
    {"fashion-mnist", "Fashion-MNIST", "FashionMNIST/raw", "train", "t10k", LABELS, 10, clothes},
    {"kmnist", "KMNIST", "KMNIST/raw", "train", "t10k", LABELS, 10, kana},
    {"qmnist", "QMNIST", "QMNIST/raw", "qmnist-train", "qmnist-test", "-labels-idx2-int", 10,
     digits_and_letters},
    EMNIST("byclass", 62, digits_and_letters),
    EMNIST("bymerge", 47, merged),
    EMNIST("balanced", 47, merged),
    EMNIST("letters", 27, letters),
    EMNIST("digits", 10, digits_and_letters),
    EMNIST("mnist", 10, digits_and_letters),
};

/* Sets path to ROOT/FOLDER/START END, or that with .gz. Returns false if neither file exists. */
static bool find_file(const char *root, const idx_set *s, const char *start, const char *end,
                      char path[PATH_SIZE])
{
    int n = snprintf(path, PATH_SIZE, "%s/%s/%s%s", root, s->folder, start, end);
    if (n > PATH_SIZE - 4)
        return false;
    if (fv_file_exists(path))
        return true;
    memcpy(path + n, ".gz", 4);
    return fv_file_exists(path);
}

/* Lists all missing ones of the four files in one error. */
static void fail_missing(fv_ctx *ctx, const char *root, const idx_set *s)
{
    const char *const starts[] = {s->train, s->train, s->test, s->test};
    char missing[1024] = "", path[PATH_SIZE];
    for (int i = 0; i < 4; i++) {
        const char *end = i % 2 ? s->labels : IMAGES;
        size_t used = strlen(missing);
        if (!find_file(root, s, starts[i], end, path))
            snprintf(missing + used, sizeof missing - used, "  %s%s or %s%s.gz\n", starts[i], end,
                     starts[i], end);
    }
    fv_fail(ctx, FV_E_PATH,
            "%s is not in \"%s/%s\"; missing there:\n%s"
            "help: fovea get %.*s --root %s, or give the folder that has %s in it",
            s->title, root, s->folder, missing, strncmp(s->name, "emnist", 6) == 0 ? 6 : 40,
            s->name, root, s->folder);
}

/* Reads labels [N], or the first column of QMNIST's [N,8]. */
static fv_array *read_labels(fv_ctx *ctx, const char *path)
{
    fv_array *all = fv_idx_read(ctx, path);
    if (!all || all->ndim != 2 || all->dims[1] < 1)
        return all;
    size_t size = fv_type_size(all->type), stride = size * (size_t)all->dims[1];
    fv_array *first = fv_array_new(ctx, all->type, 1, all->dims);
    for (int64_t i = 0; first && i < all->dims[0]; i++)
        memcpy((uint8_t *)first->data + size * (size_t)i,
               (const uint8_t *)all->data + stride * (size_t)i, size);
    fv_array_free(all);
    return first;
}

static fv_dataset *read_set(fv_ctx *ctx, const idx_set *s, const char *root, fv_split split)
{
    char images[PATH_SIZE], labels[PATH_SIZE];
    const char *start = split == FV_TRAIN ? s->train : s->test;
    if (!find_file(root, s, start, IMAGES, images) ||
        !find_file(root, s, start, s->labels, labels)) {
        fail_missing(ctx, root, s);
        return NULL;
    }
    fv_array *pixels = fv_idx_read(ctx, images), *ids = read_labels(ctx, labels);
    fv_dataset *set = fv_dataset_of_arrays(ctx, pixels, ids, s->classes, images, labels);
    if (!set)
        return NULL;
    set->class_names = s->class_names;
    fv_dataset_info info = fv_dataset_describe(set);
    if (info.channels != 1 || info.height != 28 || info.width != 28)
        fv_fail(ctx, FV_E_DATA,
                "\"%s\" is not %s: expected images of 1 x 28 x 28, found %d x %d x %d", images,
                s->title, info.channels, info.height, info.width);
    else if (!fv_dataset_check(set, 0, NULL))
        return set;
    fv_dataset_free(set);
    return NULL;
}

/* ---- public -------------------------------------------------------------------------------- */

fv_dataset *fv_mnist(fv_ctx *ctx, const char *root, fv_split split)
{
    if (fv_stopped(ctx, __func__))
        return NULL;
    if (root)
        return read_set(ctx, &sets[0], root, split);
    fv_fail(ctx, FV_E_ARG, "fv_mnist: root is NULL");
    return NULL;
}

static void fail_name(fv_ctx *ctx, const char *name)
{
    char known[512] = "";
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s, ", sets[i].name);
    }
    fv_fail(ctx, FV_E_NAME,
            "there is no data set \"%s\"\nhelp: the known ones are %scifar10, cifar100", name,
            known);
}

fv_dataset *fv_dataset_named(fv_ctx *ctx, const char *name, const char *root, fv_split split)
{
    if (fv_stopped(ctx, __func__))
        return NULL;
    if (!name || !root) {
        fv_fail(ctx, FV_E_ARG, "fv_dataset_named: %s is NULL", name ? "root" : "name");
        return NULL;
    }
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (strcmp(sets[i].name, name) == 0)
            return read_set(ctx, &sets[i], root, split);
    if (strcmp(name, "cifar10") == 0 || strcmp(name, "cifar100") == 0)
        return fv_cifar(ctx, strcmp(name, "cifar100") == 0, root, split);
    fail_name(ctx, name);
    return NULL;
}
