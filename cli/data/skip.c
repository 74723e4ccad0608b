/*
 * skip.c - pictures that cannot be read: a few are left out and named, many are an error, which
 * puts those of one kind together.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"

enum { MOST_PERCENT = 5, KINDS = 8, NAME = 200 };

/* Pictures with the same reason, up to the colon that details come after. */
typedef struct kind {
    int64_t count;
    char reason[60], file[NAME], detail[100]; /* file, detail: of the first */
} kind;

/* What a walk over a set has found. */
typedef struct broken {
    bool *bad; /* [len] */
    int64_t count;
    char *text; /* a line "file: reason" each, for free */
    size_t used;
    kind kinds[KINDS]; /* the last one takes all that are of no other */
    bool no_memory;
} broken;

void flaw_reason(const fv_flaw *flaw, char *text, size_t capacity)
{
    size_t n = flaw->file ? strlen(flaw->file) : 0;
    const char *from = flaw->text;
    if (n && from[0] == '"' && strncmp(from + 1, flaw->file, n) == 0 && from[n + 1] == '"')
        from += n + 2 + strspn(from + n + 2, " :,");
    snprintf(text, capacity, "%.*s", (int)strcspn(from, "\n"), from);
}

static void count_kind(broken *b, const char *file, const char *reason)
{
    size_t n = strcspn(reason, ":");
    int i = 0;
    n = n < sizeof b->kinds[0].reason ? n : sizeof b->kinds[0].reason - 1;
    while (i < KINDS - 1 && b->kinds[i].count > 0 &&
           (strlen(b->kinds[i].reason) != n || strncmp(b->kinds[i].reason, reason, n) != 0))
        i++;
    kind *k = &b->kinds[i];
    if (k->count++ > 0)
        return;
    snprintf(k->reason, sizeof k->reason, "%.*s", (int)n, i < KINDS - 1 ? reason : "others");
    snprintf(k->file, sizeof k->file, "%s", file);
    snprintf(k->detail, sizeof k->detail, "%s", reason[n] == ':' ? reason + n + 2 : "");
}

static bool note_flaw(void *user, const fv_flaw *flaw)
{
    broken *b = user;
    char reason[600];
    if (flaw->kind != FV_FLAW_BROKEN && flaw->kind != FV_FLAW_EMPTY)
        return true;
    const char *file = flaw->file ? flaw->file : "?";
    flaw_reason(flaw, reason, sizeof reason);
    char *text = realloc(b->text, b->used + strlen(file) + strlen(reason) + 4);
    b->no_memory = !text;
    if (!text)
        return false;
    b->text = text;
    b->used += (size_t)sprintf(text + b->used, "%s: %s\n", file, reason);
    b->bad[flaw->index] = true;
    b->count++;
    count_kind(b, file, reason);
    return true;
}

static int by_count(const void *a, const void *b)
{
    const kind *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : strcmp(x->file, y->file);
}

static int fail_many(const data *d, broken *b, int64_t len)
{
    char list[KINDS * (NAME + 200)] = "";
    int digits = 1, width = 1;
    qsort(b->kinds, KINDS, sizeof *b->kinds, by_count);
    for (int i = 0; i < KINDS && b->kinds[i].count; i++) {
        int n = snprintf(NULL, 0, "%lld", (long long)b->kinds[i].count);
        digits = n > digits ? n : digits;
        n = (int)strlen(b->kinds[i].reason);
        width = n > width ? n : width;
    }
    for (int i = 0; i < KINDS && b->kinds[i].count; i++) {
        const kind *k = &b->kinds[i];
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "  %*lld  %-*s  %s%s%s%s%s\n", digits,
                 (long long)k->count, width, k->reason, k->file, *k->detail ? " (" : "", k->detail,
                 *k->detail ? ")" : "", k->count > 1 ? " ..." : "");
    }
    return fail(EXIT_FAILED, "E-DATA",
                "%lld of %lld pictures cannot be read (%.0f%%); the limit is %d%%\n%s"
                "help: repair them (fovea check %s), or skip them: --skip-bad",
                (long long)b->count, (long long)len, 100.0 * (double)b->count / (double)len,
                MOST_PERCENT, list, d->typed);
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

/* As many lines as fit. */
static void keep_names(data *d, const broken *b)
{
    size_t used = strlen(d->skipped), left = sizeof d->skipped - used, n = b->used;
    while (n >= left || (n > 0 && b->text[n - 1] != '\n'))
        n--;
    memcpy(d->skipped + used, b->text, n);
    d->skipped[used + n] = '\0';
    d->n_skipped += b->count;
}

static int leave_out(fv_ctx *ctx, const settings *s, data *d, fv_dataset **set, broken *b)
{
    int64_t len = fv_dataset_describe(*set).len;
    fv_dataset_inspect(*set, note_flaw, b, NULL);
    if (b->no_memory)
        return fail_memory("the names of pictures");
    if (fv_error(ctx))
        return fail_context(ctx, "fovea check");
    if (b->count == 0)
        return EXIT_DONE;
    if (b->count == len || (!s->skip_bad && b->count * 100 > len * MOST_PERCENT))
        return fail_many(d, b, len);
    keep_names(d, b);
    *set = without(*set, b, len);
    if (*set)
        return EXIT_DONE;
    return fv_error(ctx) ? fail_context(ctx, "fovea check") : fail_memory("a list of the pictures");
}

int skip_broken(fv_ctx *ctx, const settings *s, data *d, fv_dataset **set)
{
    fv_dataset_info info = fv_dataset_describe(*set);
    if (!*set || info.height > 0 || info.len == 0) /* not files of their own sizes */
        return EXIT_DONE;
    broken *b = calloc(1, sizeof *b);
    if (b)
        b->bad = calloc((size_t)info.len, sizeof *b->bad);
    int code = b && b->bad ? leave_out(ctx, s, d, set, b) : fail_memory("a list of the pictures");
    if (b) {
        free(b->bad);
        free(b->text);
    }
    free(b);
    return code;
}
