/*
 * card.c - the metadata of a model file that fovea train writes; fv_trained_open reads them.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include "common/cli.h"

static const char *const card_keys[CARD_COUNT] = {
    "model", "input", "classes", "mean", "std", "data", "epochs", "seed", "fovea", "transform"};

fv_status card_save(const model_card *c, fv_net *net, const char *path, const char *class_names)
{
    fv_meta meta[CARD_COUNT + 1];
    int n = 0;
    for (int i = 0; i < CARD_COUNT; i++)
        if (c->value[i][0])
            meta[n++] = (fv_meta){card_keys[i], c->value[i]};
    if (class_names)
        meta[n++] = (fv_meta){"class_names", class_names};
    return fv_save(net, path, meta, n);
}
