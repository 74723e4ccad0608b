/*
 * mnist.c - MNIST where torchvision keeps it: ROOT/MNIST/raw. Layer 3, data. Calls the base.
 */
#include "data/data.h"

#include <stdio.h>
#include <string.h>

enum { PATH_ROOM = 4096 };

/* ROOT/MNIST/raw/NAME as it is there, raw or as .gz; false if neither is. */
static bool find_file(const char *root, const char *name, char path[PATH_ROOM])
{
    snprintf(path, PATH_ROOM, "%s/MNIST/raw/%s", root, name);
    if (fv_file_exists(path))
        return true;
    snprintf(path, PATH_ROOM, "%s/MNIST/raw/%s.gz", root, name);
    return fv_file_exists(path);
}

/* Says which of the four files are missing, so that one look is enough. */
static void fail_missing(fv_ctx *ctx, const char *root)
{
    static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                        "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    char missing[512] = "", path[PATH_ROOM];
    for (int i = 0; i < 4; i++)
        if (!find_file(root, names[i], path)) {
            size_t used = strlen(missing);
            snprintf(missing + used, sizeof missing - used, "  %s or %s.gz\n", names[i], names[i]);
        }
    fv_fail(ctx, FV_E_PATH,
            "MNIST is not in \"%s/MNIST/raw\"; missing there:\n%s"
            "help: give the folder that has MNIST/raw in it, as torchvision's root",
            root, missing);
}

fv_dataset *fv_mnist(fv_ctx *ctx, const char *root, fv_split split)
{
    char images[PATH_ROOM], labels[PATH_ROOM];
    if (!ctx || fv_error(ctx))
        return NULL;
    if (!root) {
        fv_fail(ctx, FV_E_ARG, "fv_mnist: root is NULL");
        return NULL;
    }
    bool train = split == FV_TRAIN;
    bool found = strlen(root) < PATH_ROOM - 64 &&
                 find_file(root, train ? "train-images-idx3-ubyte" : "t10k-images-idx3-ubyte",
                           images) &&
                 find_file(root, train ? "train-labels-idx1-ubyte" : "t10k-labels-idx1-ubyte",
                           labels);
    if (!found) {
        fail_missing(ctx, root);
        return NULL;
    }
    fv_dataset *set = fv_dataset_idx(ctx, images, labels, 10);
    if (!set)
        return NULL;
    fv_dataset_info info = fv_dataset_describe(set);
    if (info.channels != 1 || info.height != 28 || info.width != 28)
        fv_fail(ctx, FV_E_DATA,
                "\"%s\" is not MNIST: expected images of 1 x 28 x 28, found %d x %d x %d", images,
                info.channels, info.height, info.width);
    else if (!fv_dataset_check(set, 0, NULL))
        return set;
    fv_dataset_free(set);
    return NULL;
}
