/*
 * content.c - splits by a hash of the file contents. A picture keeps its side when others are
 * added, removed or renamed, and all copies of a picture are on one side.
 *
 * Each part uses its own digits of the hash and is chosen from the samples that the parts before it
 * have left, so it does not depend on later parts. Layer 3, data. Calls the base.
 */
#include "data/data.h"

#include <stdio.h>
#include <string.h>

enum { DIGITS = 16, MOST_PARTS = 64 / DIGITS };

typedef struct key {
    char hex[65];
} key;

/* Remaining samples of a class while a part is chosen: those with the smallest and largest draw. */
typedef struct ends {
    int64_t least, largest; /* -1: no samples */
    bool held, rest;        /* it has samples inside, and outside the part */
} ends;

typedef struct content {
    const fv_content_args *args;
    fv_ctx *ctx;
    int64_t len;
    key *keys;       /* [len] */
    int64_t *labels; /* [len] */
    ends *classes;   /* [classes] */
} content;

/* ---- hashes --------------------------------------------------------------------------------- */

/* Computes the SHA-256 of the sample's file, or of its pixels if it has no file. */
static bool hash_sample(fv_dataset *set, fv_work *work, int64_t index, char hex[65])
{
    const char *file = fv_dataset_file(set, index);
    fv_picture p;
    int64_t label;
    if (file)
        return fv_sha256_file(set->object.ctx, file, hex) == FV_OK;
    if (!fv_dataset_read(set, work, index, &p, &label))
        return false;
    fv_sha256(p.pixels, fv_picture_bytes(&p), hex);
    return true;
}

/* Sets each key to the SHA-256 of "HASH:SEED", so that each seed gives another split. */
static fv_status make_keys(content *c)
{
    fv_work work = {.ctx = c->ctx};
    char hex[65], text[100];
    for (int64_t i = 0; i < c->len && hash_sample(c->args->set, &work, i, hex); i++) {
        int n = snprintf(text, sizeof text, "%s:%llu", hex, (unsigned long long)c->args->seed);
        fv_sha256(text, (size_t)n, c->keys[i].hex);
    }
    fv_work_report(&work);
    fv_work_end(&work);
    return fv_error(c->ctx);
}

/* Returns the digits of a part as a number from 0 to 1. */
static double draw(const content *c, int64_t index, int part)
{
    const char *digit = c->keys[index].hex + (part - 1) * DIGITS;
    double value = 0;
    for (int i = DIGITS - 1; i >= 0; i--)
        value = (value + (digit[i] <= '9' ? digit[i] - '0' : digit[i] - 'a' + 10)) / 16;
    return value;
}

/* ---- parts ---------------------------------------------------------------------------------- */

/* Returns true if no earlier part holds the sample. */
static bool is_left(const content *c, int64_t index, int part)
{
    return c->args->folds[index] == 0 || c->args->folds[index] == part;
}

static void add_to_ends(const content *c, ends *e, int64_t index, int part)
{
    double x = draw(c, index, part);
    if (e->least < 0 || x < draw(c, e->least, part))
        e->least = index;
    if (e->largest < 0 || x > draw(c, e->largest, part))
        e->largest = index;
    e->held = e->held || c->args->folds[index] == part;
    e->rest = e->rest || c->args->folds[index] == 0;
}

static bool same_content(const content *c, int64_t a, int64_t b)
{
    return memcmp(&c->keys[a], &c->keys[b], sizeof *c->keys) == 0;
}

/* Moves a sample, and all samples with the same content, from one part to another. */
static void move(const content *c, int64_t index, int from, int to)
{
    for (int64_t i = 0; i < c->len; i++)
        if (c->args->folds[i] == from && same_content(c, i, index))
            c->args->folds[i] = to;
}

/* If one of the two sides has none of these samples, moves the nearest one there. */
static void even_out(const content *c, const ends *e, int part)
{
    if (e->least < 0 || same_content(c, e->least, e->largest))
        return;
    if (!e->held)
        move(c, e->least, 0, part);
    else if (!e->rest)
        move(c, e->largest, part, 0);
}

/* Counts the different contents of a class among the remaining samples, up to 3. */
static int count_contents(const content *c, int64_t label, const ends *e, int part)
{
    if (e->least < 0 || same_content(c, e->least, e->largest))
        return e->least >= 0;
    for (int64_t i = 0; i < c->len; i++)
        if (c->labels[i] == label && is_left(c, i, part) && !same_content(c, i, e->least) &&
            !same_content(c, i, e->largest))
            return 3;
    return 2;
}

static fv_status choose_part(content *c, int part, double share)
{
    const fv_content_args *a = c->args;
    int classes = a->set->desc.classes;
    ends all = {-1, -1, false, false};
    for (int k = 0; k < classes; k++)
        c->classes[k] = all;
    for (int64_t i = 0; i < c->len; i++)
        if (a->folds[i] == 0 && draw(c, i, part) < share)
            a->folds[i] = part;
    for (int64_t i = 0; i < c->len; i++)
        if (is_left(c, i, part))
            add_to_ends(c, &c->classes[c->labels[i]], i, part);
    /* The first part, the test set, needs classes of 3 or more pictures to be given one. */
    for (int k = 0; k < classes; k++)
        if ((!c->classes[k].held || !c->classes[k].rest) &&
            count_contents(c, k, &c->classes[k], part) >= (part == 1 ? 3 : 2))
            even_out(c, &c->classes[k], part);
    for (int64_t i = 0; i < c->len; i++)
        if (is_left(c, i, part))
            add_to_ends(c, &all, i, part);
    even_out(c, &all, part);
    if (all.least >= 0 && ((all.held && all.rest) || !same_content(c, all.least, all.largest)))
        return FV_OK;
    return fv_fail(
        c->ctx, FV_E_DATA,
        "fv_split_content: \"%s\" has too few different pictures: a part would be empty\n"
        "help: add pictures, or ask for fewer parts",
        a->set->name);
}

static fv_status check(const fv_content_args *a, fv_ctx *ctx)
{
    double sum = 0;
    if (!a->folds || !a->shares || a->n_shares < 1 || a->n_shares > MOST_PARTS)
        return fv_fail(ctx, FV_E_ARG,
                       "fv_split_content: folds or shares is NULL, or n_shares, %d, not 1 to %d",
                       a->n_shares, MOST_PARTS);
    for (int p = 0; p < a->n_shares; p++) {
        sum += a->shares[p];
        if (!(a->shares[p] > 0 && sum < 1))
            return fv_fail(ctx, FV_E_ARG,
                           "fv_split_content: share %d is %g, but all must be above 0, and their "
                           "sum below 1",
                           p, a->shares[p]);
    }
    return FV_OK;
}

static fv_status split(content *c)
{
    double left = 1;
    if (make_keys(c))
        return fv_error(c->ctx);
    memset(c->args->folds, 0, (size_t)c->len * sizeof *c->args->folds);
    for (int p = 0; p < c->args->n_shares; left -= c->args->shares[p++])
        if (choose_part(c, p + 1, c->args->shares[p] / left))
            break;
    return fv_error(c->ctx);
}

fv_status fv_split_content_opt(fv_content_args args)
{
    if (!args.set)
        return fv_absent(__func__);
    fv_ctx *ctx = args.set->object.ctx;
    if (fv_error(ctx) || check(&args, ctx))
        return fv_error(ctx);
    content c = {.args = &args, .ctx = ctx, .len = args.set->len};
    size_t classes = (size_t)args.set->desc.classes;
    c.keys = fv_alloc(ctx, (size_t)c.len, sizeof *c.keys);
    c.classes = fv_alloc(ctx, classes, sizeof *c.classes);
    int64_t *counts = fv_alloc(ctx, classes, sizeof *counts);
    c.labels = counts && c.classes && c.keys ? fv_dataset_labels(args.set, counts) : NULL;
    if (c.labels)
        split(&c);
    fv_release(ctx, counts);
    fv_release(ctx, c.labels);
    fv_release(ctx, c.classes);
    fv_release(ctx, c.keys);
    return fv_error(ctx);
}
