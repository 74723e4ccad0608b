/*
 * folds.c - writes and reads the fold numbers of a split: one line per sample.
 *
 * Layer 3, data. Calls the base.
 */
#include "data/data.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char HEADER[] = "index,label,fold";
enum { LINE_SIZE = 64 }; /* three numbers, two of 64 bits */

static fv_status standing_error(const fv_dataset *set)
{
    return set ? fv_error(set->object.ctx) : fv_absent("fv_folds_write or fv_folds_read");
}

fv_status fv_folds_write(fv_dataset *set, const int *folds, const char *path)
{
    if (standing_error(set))
        return standing_error(set);
    fv_ctx *ctx = set->object.ctx;
    int64_t *counts = fv_alloc(ctx, (size_t)set->desc.classes, sizeof *counts);
    int64_t *labels = counts ? fv_dataset_labels(set, counts) : NULL;
    char *text = labels ? fv_alloc(ctx, (size_t)set->len + 1, LINE_SIZE) : NULL;
    if (text) {
        char *at = text + sprintf(text, "%s\n", HEADER);
        for (int64_t i = 0; i < set->len; i++)
            at += snprintf(at, LINE_SIZE, "%" PRId64 ",%" PRId64 ",%d\n", i, labels[i], folds[i]);
        fv_write_file(ctx, path, text, (size_t)(at - text));
    }
    fv_release(ctx, text);
    fv_release(ctx, labels);
    fv_release(ctx, counts);
    return fv_error(ctx);
}

/* ---- reading ------------------------------------------------------------------------------ */

typedef struct reader {
    fv_dataset *set;
    fv_ctx *ctx;
    const char *path;
    int64_t *labels; /* [len] */
    int *folds;      /* [len]; -1: not read yet */
    const char *at, *end;
    int64_t line; /* line number, from 1 */
} reader;

/* Reads the next line without its end (\n or \r\n). Returns false at the end of the file. */
static bool next_line(reader *r, const char **line, int *length)
{
    if (r->at == r->end)
        return false;
    const char *stop = memchr(r->at, '\n', (size_t)(r->end - r->at));
    size_t n = (size_t)((stop ? stop : r->end) - r->at);
    *line = r->at;
    r->at = stop ? stop + 1 : r->end;
    r->line++;
    if (n > 0 && (*line)[n - 1] == '\r')
        n--;
    *length = n < LINE_SIZE ? (int)n : LINE_SIZE; /* no valid line is as long */
    return true;
}

/* Reads an unsigned number at *at and the character `stop` after it (0: the end of the line). */
static bool take_number(const char **at, const char *end, char stop, int64_t most, int64_t *value)
{
    const char *p = *at;
    *value = 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        if (*value > (most - (*p - '0')) / 10)
            return false;
        *value = *value * 10 + (*p - '0');
    }
    bool stopped = stop ? p < end && *p == stop : p == end;
    bool any = p > *at;
    *at = p + (stop != 0);
    return any && stopped;
}

static fv_status read_sample(reader *r, const char *line, int length)
{
    const char *at = line, *end = line + length;
    int64_t index, label, fold;
    if (!take_number(&at, end, ',', INT64_MAX, &index) ||
        !take_number(&at, end, ',', INT64_MAX, &label) || !take_number(&at, end, 0, INT_MAX, &fold))
        return fv_fail(r->ctx, FV_E_DATA,
                       "\"%s\", line %lld: expected three numbers %s; found \"%.*s\"", r->path,
                       (long long)r->line, HEADER, length, line);
    if (index >= r->set->len)
        return fv_fail(r->ctx, FV_E_DATA, "\"%s\", line %lld: \"%s\" has no sample %lld, only %lld",
                       r->path, (long long)r->line, r->set->name, (long long)index,
                       (long long)r->set->len);
    if (r->labels[index] != label)
        return fv_fail(r->ctx, FV_E_DATA,
                       "\"%s\", line %lld: sample %lld has label %lld, but in \"%s\" %lld\n"
                       "help: take the folds that were made of this data set",
                       r->path, (long long)r->line, (long long)index, (long long)label,
                       r->set->name, (long long)r->labels[index]);
    if (r->folds[index] >= 0)
        return fv_fail(r->ctx, FV_E_DATA, "\"%s\", line %lld: sample %lld a second time", r->path,
                       (long long)r->line, (long long)index);
    r->folds[index] = (int)fold;
    return FV_OK;
}

static fv_status read_lines(reader *r)
{
    const char *line = "";
    int length = 0;
    if (!next_line(r, &line, &length) || length != (int)strlen(HEADER) ||
        memcmp(line, HEADER, strlen(HEADER)) != 0)
        return fv_fail(r->ctx, FV_E_DATA, "\"%s\", line 1: expected \"%s\"; found \"%.*s\"",
                       r->path, HEADER, length, line);
    for (int64_t i = 0; i < r->set->len; i++)
        r->folds[i] = -1;
    while (next_line(r, &line, &length))
        if (read_sample(r, line, length))
            return fv_error(r->ctx);
    for (int64_t i = 0; i < r->set->len; i++)
        if (r->folds[i] < 0)
            return fv_fail(r->ctx, FV_E_DATA, "\"%s\" has no line for sample %lld of \"%s\"",
                           r->path, (long long)i, r->set->name);
    return FV_OK;
}

fv_status fv_folds_read(fv_dataset *set, const char *path, int *folds)
{
    if (standing_error(set))
        return standing_error(set);
    fv_ctx *ctx = set->object.ctx;
    size_t size;
    reader r = {.set = set, .ctx = ctx, .path = path};
    char *text = fv_read_file(ctx, path, &size);
    int64_t *counts = fv_alloc(ctx, (size_t)set->desc.classes, sizeof *counts);
    r.labels = text && counts ? fv_dataset_labels(set, counts) : NULL;
    r.folds = r.labels ? fv_alloc(ctx, (size_t)set->len, sizeof *folds) : NULL;
    if (r.folds) {
        r.at = text;
        r.end = text + size;
        if (!read_lines(&r))
            memcpy(folds, r.folds, (size_t)set->len * sizeof *folds);
    }
    fv_release(ctx, r.folds);
    fv_release(ctx, r.labels);
    fv_release(ctx, counts);
    fv_release(ctx, text);
    return fv_error(ctx);
}
