/*
 * card.c - the model card: what a model file says about itself, so that its net can be built again.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <stdlib.h>
#include <string.h>
#include <string.h>

#include "common/cli.h"

const char *const card_keys[CARD_COUNT] = {"model", "input",     "classes",    "mean",
                                           "std",   "data",      "epochs",     "seed",
                                           "fovea", "transform", "class_names"};

/* More than these a damaged file may ask for, but no net of ours has; it would take all memory. */
enum { SIDE_MAX = 512, CLASSES_MAX = 65536 };

/* n whole numbers from 1 to most with mark between them, and nothing else. */
static bool read_wholes(const char *text, char mark, int n, long most, int *to)
{
    for (int i = 0; i < n; i++) {
        char *end;
        long value = strtol(text, &end, 10);
        if (end == text || value < 1 || value > most || *end != (i + 1 < n ? mark : '\0'))
            return false;
        to[i] = (int)value;
        text = end + 1;
    }
    return true;
}

/* n floats with commas between them, and nothing else. */
static bool read_floats(const char *text, int n, float *to)
{
    for (int i = 0; i < n; i++) {
        char *end;
        to[i] = strtof(text, &end);
        if (end == text || *end != (i + 1 < n ? ',' : '\0'))
            return false;
        text = end + 1;
    }
    return true;
}

fv_net *card_net(fv_ctx *ctx, const card *c)
{
    const char *input = c->value[CARD_INPUT], *mean_text = c->value[CARD_MEAN],
               *std_text = c->value[CARD_STD];
    int shape[3], classes;
    float mean[FV_CHANNELS_MAX], std[FV_CHANNELS_MAX];
    bool normal = mean_text[0] || std_text[0];
    if (!read_wholes(input, 'x', 3, SIDE_MAX, shape) || shape[0] > FV_CHANNELS_MAX ||
        !read_wholes(c->value[CARD_CLASSES], '\0', 1, CLASSES_MAX, &classes) ||
        (normal &&
         (!read_floats(mean_text, shape[0], mean) || !read_floats(std_text, shape[0], std)))) {
        fail(EXIT_FAILED, "E-DATA",
             "the model file has an invalid description of its network\n"
             "  input %s   classes %s   mean %s   std %s\n"
             "help: fovea train",
             input, c->value[CARD_CLASSES], mean_text, std_text);
        return NULL;
    }
    fv_net *net = fv_model(ctx, c->value[CARD_MODEL], shape[0], shape[1], shape[2], classes,
                           normal ? mean : NULL, normal ? std : NULL);
    const char *model = c->value[CARD_MODEL];
    if (!net && fv_error(ctx) == FV_E_SHAPE && strpbrk(model, " ;\n"))
        fail_chain(ctx, model, shape[0], shape[1], shape[2], classes);
    else if (!net)
        fail_context(ctx, "fovea help models");
    return net;
}

uint64_t card_seed(const card *c)
{
    return strtoull(c->value[CARD_SEED], NULL, 10);
}

fv_status card_save(const card *c, fv_net *net, const char *path)
{
    fv_meta meta[CARD_COUNT];
    int n = 0;
    for (int i = 0; i < CARD_COUNT; i++)
        if (c->value[i][0])
            meta[n++] = (fv_meta){card_keys[i], c->value[i]};
    return fv_save(net, path, meta, n);
}
