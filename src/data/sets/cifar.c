/*
 * cifar.c - CIFAR-10 and CIFAR-100, binary version: records of a label (CIFAR-100: coarse and fine
 * label) and 3 x 32 x 32 bytes. https://www.cs.toronto.edu/~kriz/cifar.html
 *
 * Layer 3, data. Calls the base.
 */
#include "data/data.h"

#include <stdio.h>
#include <string.h>

enum { SIDE = 32, PIXELS = 3 * SIDE * SIDE, FILES_MAX = 5 };

static const char *const names_10[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                       "dog",      "frog",       "horse", "ship", "truck"};
static const char *const names_100[] = {
    "apple",       "aquarium_fish", "baby",      "bear",       "beaver",       "bed",
    "bee",         "beetle",        "bicycle",   "bottle",     "bowl",         "boy",
    "bridge",      "bus",           "butterfly", "camel",      "can",          "castle",
    "caterpillar", "cattle",        "chair",     "chimpanzee", "clock",        "cloud",
    "cockroach",   "couch",         "crab",      "crocodile",  "cup",          "dinosaur",
    "dolphin",     "elephant",      "flatfish",  "forest",     "fox",          "girl",
    "hamster",     "house",         "kangaroo",  "keyboard",   "lamp",         "lawn_mower",
    "leopard",     "lion",          "lizard",    "lobster",    "man",          "maple_tree",
    "motorcycle",  "mountain",      "mouse",     "mushroom",   "oak_tree",     "orange",
    "orchid",      "otter",         "palm_tree", "pear",       "pickup_truck", "pine_tree",
    "plain",       "plate",         "poppy",     "porcupine",  "possum",       "rabbit",
    "raccoon",     "ray",           "road",      "rocket",     "rose",         "sea",
    "seal",        "shark",         "shrew",     "skunk",      "skyscraper",   "snail",
    "snake",       "spider",        "squirrel",  "streetcar",  "sunflower",    "sweet_pepper",
    "table",       "tank",          "telephone", "television", "tiger",        "tractor",
    "train",       "trout",         "tulip",     "turtle",     "wardrobe",     "whale",
    "willow_tree", "wolf",          "woman",     "worm"};

typedef struct cifar {
    const char *title, *folder;
    const char *files[2][FILES_MAX]; /* training and test files */
    size_t labels;                   /* label bytes before each image */
    int classes;
    const char *const *class_names;
} cifar;

static const cifar kinds[2] = {
    {"CIFAR-10",
     "cifar-10-batches-bin",
     {{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
       "data_batch_5.bin"},
      {"test_batch.bin"}},
     1,
     10,
     names_10},
    {"CIFAR-100", "cifar-100-binary", {{"train.bin"}, {"test.bin"}}, 2, 100, names_100},
};

static bool check_size(fv_ctx *ctx, const cifar *kind, const char *path, size_t size)
{
    size_t record = kind->labels + PIXELS;
    if (size > 0 && size % record == 0)
        return true;
    fv_fail(ctx, FV_E_DATA,
            "\"%s\" is not %s: expected records of %zu bytes, found %zu bytes in all", path,
            kind->title, record, size);
    return false;
}

/* Appends the records of a file to the arrays. */
static bool append(fv_ctx *ctx, const cifar *kind, const char *path, fv_array *images,
                   fv_array *labels)
{
    size_t size, record = kind->labels + PIXELS;
    uint8_t *bytes = fv_read_file(ctx, path, &size);
    if (!bytes || !check_size(ctx, kind, path, size)) {
        fv_release(ctx, bytes);
        return false;
    }
    size_t before = labels->count, n = size / record;
    uint8_t *pixels = fv_grow(ctx, images->data, before + n, PIXELS);
    images->data = pixels ? pixels : images->data;
    uint8_t *ids = pixels ? fv_grow(ctx, labels->data, before + n, 1) : NULL;
    labels->data = ids ? ids : labels->data;
    for (size_t i = 0; ids && i < n; i++) {
        const uint8_t *at = bytes + i * record;
        ids[before + i] = at[kind->labels - 1];
        memcpy(pixels + (before + i) * PIXELS, at + kind->labels, PIXELS);
        if (ids[before + i] >= kind->classes)
            fv_fail(ctx, FV_E_DATA, "\"%s\": label %d of record %zu; %s has the classes 0 to %d",
                    path, ids[before + i], i, kind->title, kind->classes - 1);
    }
    images->dims[0] = labels->dims[0] = (int64_t)(before + n);
    labels->count = before + n;
    images->count = labels->count * PIXELS;
    fv_release(ctx, bytes);
    return !fv_error(ctx);
}

static bool check_there(fv_ctx *ctx, const cifar *kind, const char *folder, int split)
{
    char missing[300] = "", path[4200];
    for (int i = 0; i < FILES_MAX && kind->files[split][i]; i++) {
        size_t used = strlen(missing);
        snprintf(path, sizeof path, "%s/%s", folder, kind->files[split][i]);
        if (!fv_file_exists(path))
            snprintf(missing + used, sizeof missing - used, "  %s\n", kind->files[split][i]);
    }
    if (missing[0])
        fv_fail(ctx, FV_E_PATH,
                "%s is not in \"%s\"; missing there:\n%s"
                "help: give the folder that has %s in it, the binary version",
                kind->title, folder, missing, kind->folder);
    return !missing[0];
}

fv_dataset *fv_cifar(fv_ctx *ctx, bool hundred, const char *root, fv_split split)
{
    const cifar *kind = &kinds[hundred];
    const int part = split == FV_TRAIN ? 0 : 1;
    char folder[4096], path[4200];
    snprintf(folder, sizeof folder, "%s/%s", root, kind->folder);
    if (!check_there(ctx, kind, folder, part))
        return NULL;
    fv_array *images = fv_array_start(ctx), *labels = fv_array_start(ctx);
    bool ok = images && labels;
    if (ok) {
        *images = (fv_array){FV_U8, 4, {0, 3, SIDE, SIDE}, 0, NULL};
        *labels = (fv_array){FV_U8, 1, {0, 1, 1, 1}, 0, NULL};
    }
    for (int i = 0; ok && i < FILES_MAX && kind->files[part][i]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, kind->files[part][i]);
        ok = append(ctx, kind, path, images, labels);
    }
    if (!ok) {
        fv_array_free(images);
        fv_array_free(labels);
        return NULL;
    }
    fv_dataset *set = fv_dataset_of_arrays(ctx, images, labels, kind->classes, folder, folder);
    if (set)
        set->class_names = kind->class_names;
    return set;
}
