/*
 * chain.c - where a network as text goes wrong: the shapes from statement to statement, up to
 * the one that does not fit.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"

enum { SHOWN = 3, STATEMENT = 40 };

typedef struct shape {
    int channels, height, width;
} shape;

/* The next statement that says something, after at, which then is its end; NULL: there is none. */
static const char *next_statement(const char **at, char statement[STATEMENT])
{
    while (**at) {
        const char *from = *at + strspn(*at, " \t\r\n;");
        size_t n = strcspn(from, ";\n"), words = strcspn(from, ";\n#");
        *at = from + n;
        while (words > 0 && strchr(" \t\r", from[words - 1]))
            words--;
        if (words == 0)
            continue;
        snprintf(statement, STATEMENT, "%.*s", (int)words, from);
        return from;
    }
    return NULL;
}

/* The shape that comes out of the text up to end; false if that is no network. */
static bool shape_of(fv_ctx *ctx, shape in, int classes, const char *text, size_t end, shape *out)
{
    char *part = calloc(1, end + 1);
    if (!part)
        return false;
    memcpy(part, text, end);
    fv_net *net = fv_net_new(
        fv_layers(fv_input(ctx, in.channels, in.height, in.width), part, classes));
    free(part);
    if (!net) {
        fv_error_clear(ctx);
        return false;
    }
    fv_layer last = fv_layer_at(net, fv_layer_count(net) - 1);
    *out = (shape){last.channels, last.height, last.width};
    fv_net_free(net);
    return true;
}

int fail_chain(fv_ctx *ctx, const char *text, int channels, int height, int width, int classes)
{
    char lines[SHOWN][STATEMENT + 120] = {{0}}, statement[STATEMENT], why[2000];
    shape in = {channels, height, width}, first = in, out;
    const char *at = text;
    int n = 0;
    bool fits = true;
    char *error = in_our_words(fv_error_text(ctx), "fovea help models");
    if (!error)
        return EXIT_FAILED;
    const char *code = fv_status_name(fv_error(ctx)), *help = strstr(error, "\nhelp: ");
    fv_error_clear(ctx);
    for (; fits && next_statement(&at, statement); n++, in = out) {
        char *line = lines[n % SHOWN], *end = line + sizeof lines[0];
        fits = shape_of(ctx, first, classes, text, (size_t)(at - text), &out);
        line += snprintf(line, sizeof lines[0], "  %2d  %-24s  %d x %d x %d -> ", n + 1, statement,
                         in.channels, in.height, in.width);
        if (fits)
            snprintf(line, (size_t)(end - line), "%d x %d x %d\n", out.channels, out.height,
                     out.width);
        else
            snprintf(line, (size_t)(end - line), "does not fit\n      %.*s\n",
                     (int)strlen(statement), "^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^");
    }
    snprintf(why, sizeof why, "%.*s\n", (int)(help - error), error);
    for (int i = n < SHOWN ? 0 : n - SHOWN; i < n && !fits; i++)
        snprintf(why + strlen(why), sizeof why - strlen(why), "%s", lines[i % SHOWN]);
    fail(EXIT_FAILED, code, "%s%s", why, help + 1);
    free(error);
    return EXIT_FAILED;
}
