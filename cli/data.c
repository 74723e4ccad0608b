/*
 * data.c - data sets by name.
 *
 * Layer 6. Calls fovea.h, libc and POSIX.
 */
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

const char *data_name(const char *typed, const char *example)
{
    if (!typed || strcmp(typed, "mnist") == 0 || strcmp(typed, "mnist/") == 0)
        return "mnist";
    char path[PATH_ROOM];
    struct stat st;
    bool is_root = join_path(path, typed, "MNIST/raw") && stat(path, &st) == 0;
    fail(EXIT_USAGE, "E-NAME",
         "there is no data set \"%s\"\n"
         "today there is one: mnist, handwritten digits in 10 classes\n"
         "help: %s%s%s",
         typed, example, is_root ? " --root " : "", is_root ? typed : "");
    return NULL;
}

fv_dataset *data_open(fv_ctx *ctx, const settings *s, fv_split split)
{
    return fv_mnist(ctx, s->root, split);
}

card data_card(const char *data, const char *model)
{
    card c = {{[CARD_INPUT] = "1x28x28", [CARD_CLASSES] = "10", [CARD_MEAN] = "0.1307",
               [CARD_STD] = "0.3081", [CARD_EPOCHS] = "0"}};
    snprintf(c.value[CARD_DATA], sizeof c.value[0], "%s", data);
    snprintf(c.value[CARD_MODEL], sizeof c.value[0], "%s", model);
    snprintf(c.value[CARD_FOVEA], sizeof c.value[0], "%s", fv_version());
    return c;
}
