/*
 * open.c - networks by name, by text or by file.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"

enum { TEXT_MAX = 1 << 20, CLASSES = 10 };

/* The file's text for free, NULL if there is no such file. */
static char *read_text(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text = f ? calloc(1, TEXT_MAX + 1) : NULL;
    if (text && fread(text, 1, TEXT_MAX, f) == 0) {
        free(text);
        text = NULL;
    }
    if (f)
        fclose(f);
    return text;
}

/* Whether a text brings its own input. */
static bool has_input(const char *text)
{
    while (*text == ' ' || *text == '\n' || *text == '#')
        text = *text == '#' ? text + strcspn(text, "\n") : text + 1;
    return strncmp(text, "input ", 6) == 0;
}

int model_text(const char *typed, char *to, size_t capacity)
{
    char *text = read_text(typed);
    size_t n = (size_t)snprintf(to, capacity, "%s", text ? text : typed);
    free(text);
    return n < capacity ? EXIT_DONE
                        : fail(EXIT_FAILED, "E-DATA",
                               "the network in \"%.60s\" is longer than %zu bytes\n"
                               "help: write it in C, as examples/ does",
                               typed, capacity - 1);
}

fv_net *model_open(fv_ctx *ctx, const char *typed, int channels, int height, int width)
{
    char *text = read_text(typed);
    const char *model = text ? text : typed;
    fv_net *net;
    if (has_input(model))
        net = fv_net_text(ctx, model);
    else if (text)
        net = fv_net_new(fv_layers(fv_input(ctx, channels, height, width), text, CLASSES));
    else
        net = fv_model(ctx, model, channels, height, width, CLASSES, NULL, NULL);
    free(text);
    return net;
}
