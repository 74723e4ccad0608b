/*
 * duplicates.c - finds for each sample the first one with the same picture, by fv_dataset_inspect.
 * Layer 3, data. Calls the base.
 */
#include "data/data.h"

typedef struct finder {
    fv_ctx *ctx;
    int64_t *first;
    int64_t count;
} finder;

/* Records duplicates; an unreadable picture is an error. */
static bool take_flaw(void *user, const fv_flaw *flaw)
{
    finder *f = user;
    if (flaw->kind == FV_FLAW_BROKEN || flaw->kind == FV_FLAW_EMPTY)
        return fv_fail(f->ctx, FV_E_DATA, "%s", flaw->text), false;
    if (flaw->same_as >= 0) {
        f->first[flaw->index] = flaw->same_as;
        f->count++;
    }
    return true;
}

fv_status fv_find_duplicates(fv_dataset *set, int64_t *first, int64_t *count)
{
    if (!set)
        return fv_absent(__func__);
    finder f = {.ctx = set->object.ctx, .first = first};
    for (int64_t i = 0; i < set->len; i++)
        first[i] = i;
    fv_status status = fv_dataset_inspect(set, take_flaw, &f, NULL);
    if (count)
        *count = status ? 0 : f.count;
    return status;
}
