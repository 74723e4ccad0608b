/*
 * inspect.c - reports the flaws of all samples of a set: broken and empty files, invalid labels,
 * duplicate pictures. Layer 3, data. Calls the base.
 */
#include "data/data.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Identifies a picture: its size and half of the SHA-256 of its pixels. */
typedef struct seen {
    char hash[32];
    int channels, height, width;
    int64_t label; /* not compared */
} seen;

typedef struct inspection {
    fv_dataset *set;
    bool (*report)(void *user, const fv_flaw *flaw);
    void *user;
    fv_work work;
    seen *seen;     /* [len] */
    int64_t *table; /* sample + 1 by hash, 0: empty; open addressing */
    size_t mask;
    int64_t flaws;
    bool stopped;
} inspection;

static void report(inspection *w, fv_flaw flaw)
{
    flaw.file = fv_dataset_file(w->set, flaw.index);
    w->flaws++;
    w->stopped = w->report && !w->report(w->user, &flaw);
}

/* Returns the first sample with the same pixels; if there is none, adds index and returns it. */
static int64_t find_same(inspection *w, int64_t index, const fv_picture *p, int64_t label)
{
    char hex[65];
    seen *mine = &w->seen[index];
    size_t count = (size_t)p->channels * (size_t)p->height * (size_t)p->width;
    fv_sha256(p->pixels, count * fv_type_size(p->type), hex);
    *mine = (seen){.channels = p->channels, .height = p->height, .width = p->width, .label = label};
    memcpy(mine->hash, hex, sizeof mine->hash);
    size_t at = 0;
    for (int i = 0; i < 16; i++)
        at = at * 31 + (unsigned char)hex[i];
    for (at &= w->mask; w->table[at]; at = (at + 1) & w->mask)
        if (memcmp(&w->seen[w->table[at] - 1], mine, offsetof(seen, label)) == 0)
            return w->table[at] - 1;
    w->table[at] = index + 1;
    return index;
}

static void name_sample(const inspection *w, int64_t index, char *text, size_t capacity)
{
    const char *file = fv_dataset_file(w->set, index);
    if (file)
        snprintf(text, capacity, "\"%s\"", file);
    else
        snprintf(text, capacity, "sample %lld", (long long)index);
}

static void report_same(inspection *w, int64_t index, int64_t label, int64_t first)
{
    const fv_dataset *set = w->set;
    int64_t other = w->seen[first].label, classes = set->desc.classes;
    char name[400], text[1024];
    name_sample(w, first, name, sizeof name);
    if (other == label)
        snprintf(text, sizeof text, "the same picture as %s", name);
    else if (set->class_names && label >= 0 && label < classes && other >= 0 && other < classes)
        snprintf(text, sizeof text, "the same picture as %s, but of class %s, not %s", name,
                 set->class_names[label], set->class_names[other]);
    else
        snprintf(text, sizeof text, "the same picture as %s, but of class %lld, not %lld", name,
                 (long long)label, (long long)other);
    report(w, (fv_flaw){.kind = other == label ? FV_FLAW_DUPLICATE : FV_FLAW_LABEL,
                        .index = index,
                        .label = label,
                        .same_as = first,
                        .text = text});
}

/* Reads a picture. On failure reports a flaw with the text of the error that a loader would set. */
static bool read_sample(inspection *w, int64_t index, fv_picture *picture, int64_t *label)
{
    fv_work *work = &w->work;
    struct stat st;
    if (fv_dataset_read(w->set, work, index, picture, label))
        return true;
    if (work->error == FV_E_MEMORY)
        return false;
    work->error = FV_OK;
    const char *file = fv_dataset_file(w->set, index);
    bool empty = file && stat(file, &st) == 0 && st.st_size == 0;
    report(w, (fv_flaw){.kind = empty ? FV_FLAW_EMPTY : FV_FLAW_BROKEN,
                        .index = index,
                        .label = *label,
                        .same_as = -1,
                        .text = work->error_text});
    return false;
}

static void inspect_sample(inspection *w, int64_t index)
{
    const int classes = w->set->desc.classes;
    fv_picture picture;
    char text[100];
    int64_t label = -1;
    if (!read_sample(w, index, &picture, &label))
        return;
    if (label < 0 || label >= classes) {
        snprintf(text, sizeof text, "its label is %lld, but the classes are 0 to %d",
                 (long long)label, classes - 1);
        report(w, (fv_flaw){.kind = FV_FLAW_LABEL,
                            .index = index,
                            .label = label,
                            .same_as = -1,
                            .text = text});
    }
    int64_t first = w->stopped ? index : find_same(w, index, &picture, label);
    if (first != index)
        report_same(w, index, label, first);
}

fv_status fv_dataset_inspect(fv_dataset *set, bool (*report_flaw)(void *user, const fv_flaw *flaw),
                             void *user, int64_t *flaws)
{
    if (!set)
        return fv_absent(__func__);
    fv_ctx *ctx = set->object.ctx;
    if (fv_error(ctx))
        return fv_error(ctx);
    size_t places = 16;
    while (places < 2 * (size_t)set->len)
        places *= 2;
    inspection w = {
        .set = set, .report = report_flaw, .user = user, .work = {.ctx = ctx}, .mask = places - 1};
    w.seen = fv_alloc(ctx, (size_t)set->len, sizeof *w.seen);
    w.table = w.seen ? fv_alloc(ctx, places, sizeof *w.table) : NULL;
    for (int64_t i = 0; w.table && i < set->len && !w.stopped && !w.work.error; i++)
        inspect_sample(&w, i);
    fv_work_report(&w.work);
    fv_work_end(&w.work);
    fv_release(ctx, w.seen);
    fv_release(ctx, w.table);
    if (flaws)
        *flaws = w.flaws;
    return fv_error(ctx);
}
