/*
 * skip.c - pictures that cannot be read: a few are left out and named, many are an error.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { MOST_PERCENT = 5, SHOWN = 3 };

/* What a walk over a set has found. */
typedef struct broken {
    bool *bad;   /* [len] */
    int64_t count;
    char *text;  /* a line "file: reason" each, for free */
    size_t used;
    bool no_memory;
} broken;

static bool note_flaw(void *user, const fv_flaw *flaw)
{
    broken *b = user;
    if (flaw->kind != FV_FLAW_BROKEN && flaw->kind != FV_FLAW_EMPTY)
        return true;
    const char *file = flaw->file ? flaw->file : "?";
    char *text = realloc(b->text, b->used + strlen(file) + strlen(flaw->text) + 8);
    b->no_memory = !text;
    if (!text)
        return false;
    bool named = strstr(flaw->text, file) != NULL;
    b->text = text;
    b->used += (size_t)sprintf(text + b->used, "%s%s%s\n", named ? "" : file, named ? "" : ": ",
                               flaw->text);
    b->bad[flaw->index] = true;
    b->count++;
    return true;
}

static int fail_many(const data *d, const broken *b, int64_t len)
{
    const char *at = b->text;
    for (int i = 0; i < SHOWN && (at = strchr(at, '\n')) != NULL; i++)
        at++;
    return fail(EXIT_FAILED, "E-DATA",
                "%lld of %lld pictures cannot be read (%.0f%%); the limit is %d%%\n"
                "%.*shelp: fovea check %s",
                (long long)b->count, (long long)len, 100.0 * (double)b->count / (double)len,
                MOST_PERCENT, (int)(at ? at - b->text : (long)b->used), b->text, d->typed);
}

/* The set without them, as a view. */
static fv_dataset *without(fv_dataset *set, const broken *b, int64_t len)
{
    int64_t *kept = malloc((size_t)len * sizeof *kept + 1), n = 0;
    for (int64_t i = 0; kept && i < len; i++)
        if (!b->bad[i])
            kept[n++] = i;
    fv_dataset *view = kept ? fv_subset(set, kept, n) : NULL;
    free(kept);
    return view;
}

/* As many lines as there is room for. */
static void keep_names(data *d, const broken *b)
{
    size_t used = strlen(d->skipped), left = sizeof d->skipped - used, n = b->used;
    while (n >= left || (n > 0 && b->text[n - 1] != '\n'))
        n--;
    memcpy(d->skipped + used, b->text, n);
    d->skipped[used + n] = '\0';
    d->n_skipped += b->count;
}

int skip_broken(fv_ctx *ctx, data *d, fv_dataset **set)
{
    fv_dataset_info info = fv_dataset_describe(*set);
    if (!*set || info.height > 0 || info.len == 0) /* not files of their own sizes */
        return EXIT_DONE;
    broken b = {.bad = calloc((size_t)info.len, sizeof *b.bad)};
    b.no_memory = !b.bad;
    int code = EXIT_DONE;
    if (b.bad)
        fv_dataset_inspect(*set, note_flaw, &b, NULL);
    if (b.no_memory)
        code = fail(EXIT_FAILED, "E-MEMORY", "no memory for names\nhelp: close other programs");
    else if (!fv_error(ctx) && b.count * 100 > info.len * MOST_PERCENT)
        code = fail_many(d, &b, info.len);
    else if (!fv_error(ctx) && b.count > 0) {
        keep_names(d, &b);
        *set = without(*set, &b, info.len);
        if (!*set && !fv_error(ctx))
            code = fail(EXIT_FAILED, "E-MEMORY", "no memory for a list of the pictures\n"
                                                 "help: close other programs");
    }
    free(b.bad);
    free(b.text);
    return !code && fv_error(ctx) ? fail_context(ctx, "fovea check") : code;
}
