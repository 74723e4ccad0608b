/*
 * split.c - splits a data set for training and validation: one fold number per sample.
 *
 * Samples are shuffled and sorted by class; then the held-out ones are taken at even distances, or
 * all are dealt to the folds in turn. So each class, and the whole, is divided to within one
 * sample. Groups of samples are assigned greedily, the largest first, to the part that most lacks
 * their classes.
 *
 * Layer 3, data. Calls the base.
 */
#include "data/data.h"

#include <stdlib.h>

/* State of a split in progress. */
typedef struct split {
    const char *name; /* function name for errors */
    fv_dataset *set;
    fv_ctx *ctx;
    int64_t len;
    int *folds;      /* [len] the result */
    int64_t *labels; /* [len]; all 0 with no_stratify */
    int64_t *counts; /* [classes] samples of each label */
    int64_t *order;  /* [len] shuffled, sorted by class */
} split;

static void split_end(split *s)
{
    fv_release(s->ctx, s->labels);
    fv_release(s->ctx, s->counts);
    fv_release(s->ctx, s->order);
}

static void order_by_class(split *s, uint64_t seed)
{
    fv_rng rng;
    fv_rng_seed(&rng, seed);
    int64_t *shuffled = fv_alloc(s->ctx, (size_t)s->len, sizeof *shuffled);
    int64_t *at = fv_alloc(s->ctx, (size_t)s->set->desc.classes, sizeof *at);
    if (at && shuffled) {
        fv_rng_permute(&rng, shuffled, s->len);
        for (int c = 1; c < s->set->desc.classes; c++)
            at[c] = at[c - 1] + s->counts[c - 1];
        for (int64_t i = 0; i < s->len; i++)
            s->order[at[s->labels[shuffled[i]]]++] = shuffled[i];
    }
    fv_release(s->ctx, at);
    fv_release(s->ctx, shuffled);
}

/* s has its name, set and folds. Fills in the rest. */
static fv_status split_start(split *s, uint64_t seed, bool no_stratify)
{
    s->ctx = s->set->object.ctx;
    s->len = s->set->len;
    if (!s->folds)
        return fv_fail(s->ctx, FV_E_ARG, "%s: folds is NULL, but must have room for %lld numbers",
                       s->name, (long long)s->len);
    s->counts = fv_alloc(s->ctx, (size_t)s->set->desc.classes, sizeof *s->counts);
    s->order = fv_alloc(s->ctx, (size_t)s->len, sizeof *s->order);
    if (fv_error(s->ctx))
        return fv_error(s->ctx);
    s->labels = no_stratify ? fv_alloc(s->ctx, (size_t)s->len, sizeof *s->labels)
                            : fv_dataset_labels(s->set, s->counts);
    if (no_stratify)
        s->counts[0] = s->len;
    if (s->labels)
        order_by_class(s, seed);
    return fv_error(s->ctx);
}

/* ---- groups ------------------------------------------------------------------------------- */

typedef struct member {
    int64_t group, index, rank; /* position in the order; after sorting, of the group's first */
    int64_t size;               /* samples in the group */
} member;

static int ascending(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_group(const void *a, const void *b)
{
    const member *x = a, *y = b;
    return x->group != y->group ? ascending(x->group, y->group) : ascending(x->rank, y->rank);
}

static int largest_first(const void *a, const void *b)
{
    const member *x = a, *y = b;
    if (x->size != y->size)
        return ascending(y->size, x->size);
    return x->rank != y->rank ? ascending(x->rank, y->rank) : ascending(x->index, y->index);
}

/* Returns all samples sorted by group, the largest group first; sets *n_groups. */
static member *sort_groups(split *s, const int64_t *groups, int64_t *n_groups)
{
    member *all = fv_alloc(s->ctx, (size_t)s->len, sizeof *all);
    *n_groups = 0;
    if (!all)
        return NULL;
    for (int64_t i = 0; i < s->len; i++)
        all[i] = (member){groups[s->order[i]], s->order[i], i, 0};
    qsort(all, (size_t)s->len, sizeof *all, by_group);
    for (int64_t first = 0, end; first < s->len; first = end, ++*n_groups) {
        for (end = first; end < s->len && all[end].group == all[first].group; end++)
            all[end].rank = all[first].rank;
        for (int64_t i = first; i < end; i++)
            all[i].size = end - first;
    }
    qsort(all, (size_t)s->len, sizeof *all, largest_first);
    return all;
}

/* How full a part would be with this group: its classes, relative to the part's share. */
static double fullness(const split *s, int64_t *filled, double share, const member *group)
{
    double sum = 0;
    for (int64_t i = 0; i < group->size; i++)
        filled[s->labels[group[i].index]]++;
    for (int64_t i = 0; i < group->size; i++) {
        int64_t c = s->labels[group[i].index];
        sum += (double)filled[c] / (share * (double)s->counts[c]);
    }
    for (int64_t i = 0; i < group->size; i++)
        filled[s->labels[group[i].index]]--;
    return sum;
}

/* Assigns each group to the part that is then least full; ties go to the smaller part. */
static fv_status deal_groups(split *s, const member *all, const double *shares, int parts)
{
    size_t classes = (size_t)s->set->desc.classes;
    int64_t *filled = fv_alloc(s->ctx, (size_t)parts * classes, sizeof *filled);
    int64_t *totals = fv_alloc(s->ctx, (size_t)parts, sizeof *totals);
    for (int64_t g = 0; filled && totals && g < s->len; g += all[g].size) {
        int best = 0;
        double least = 0;
        for (int p = 0; p < parts; p++) {
            double full = fullness(s, filled + (size_t)p * classes, shares[p], all + g);
            bool smaller = (double)totals[p] / shares[p] < (double)totals[best] / shares[best];
            if (p == 0 || full < least || (full == least && smaller))
                best = p, least = full;
        }
        totals[best] += all[g].size;
        for (int64_t i = g; i < g + all[g].size; i++) {
            filled[(size_t)best * classes + (size_t)s->labels[all[i].index]]++;
            s->folds[all[i].index] = best;
        }
    }
    for (int p = 0; totals && p < parts; p++)
        if (totals[p] == 0)
            fv_fail(s->ctx, FV_E_DATA, "%s: the groups are too large: part %d would be empty",
                    s->name, p);
    fv_release(s->ctx, filled);
    fv_release(s->ctx, totals);
    return fv_error(s->ctx);
}

static fv_status split_groups(split *s, const int64_t *groups, const double *shares, int parts)
{
    int64_t n_groups;
    member *all = sort_groups(s, groups, &n_groups);
    if (all && n_groups < parts)
        fv_fail(s->ctx, FV_E_DATA, "%s: %lld groups are too few for %d parts", s->name,
                (long long)n_groups, parts);
    else if (all)
        deal_groups(s, all, shares, parts);
    fv_release(s->ctx, all);
    return fv_error(s->ctx);
}

/* ---- hold-out ----------------------------------------------------------------------------- */

/* Warns of classes that are missing on one side. */
static void note_missing(const split *s)
{
    int64_t *held = fv_alloc(s->ctx, (size_t)s->set->desc.classes, sizeof *held);
    for (int64_t i = 0; held && i < s->len; i++)
        held[s->labels[i]] += s->folds[i];
    for (int c = 0; held && c < s->set->desc.classes; c++)
        if (s->counts[c] > 0 && (held[c] == 0 || held[c] == s->counts[c]))
            fv_note(s->ctx, FV_LOG_WARNING,
                    "class %d of \"%s\": %lld of its %lld samples are held out", c, s->set->name,
                    (long long)held[c], (long long)s->counts[c]);
    fv_release(s->ctx, held);
}

static fv_status hold_out(split *s, const fv_holdout_args *a)
{
    if (!(a->fraction > 0 && a->fraction < 1))
        return fv_fail(s->ctx, FV_E_ARG,
                       "fv_split_holdout: fraction is %g, but must be between 0 and 1",
                       a->fraction);
    int64_t n = (int64_t)(a->fraction * (double)s->len + 0.5);
    if (n < 1 || n >= s->len)
        return fv_fail(
            s->ctx, FV_E_DATA,
            "fv_split_holdout: %g of the %lld samples of \"%s\" are %lld, but both parts "
            "need some",
            a->fraction, (long long)s->len, s->set->name, (long long)n);
    if (a->groups)
        return split_groups(s, a->groups, (double[]){1 - a->fraction, a->fraction}, 2);
    for (int64_t i = 0; i < s->len; i++)
        s->folds[s->order[i]] = (i + 1) * n / s->len > i * n / s->len;
    return FV_OK;
}

fv_status fv_split_holdout_opt(fv_holdout_args args)
{
    if (!args.set)
        return fv_absent(__func__);
    if (fv_error(args.set->object.ctx))
        return fv_error(args.set->object.ctx);
    split s = {.name = "fv_split_holdout", .set = args.set, .folds = args.folds};
    if (!split_start(&s, args.seed, args.no_stratify) && !hold_out(&s, &args))
        note_missing(&s);
    split_end(&s);
    return fv_error(s.ctx);
}

/* ---- folds -------------------------------------------------------------------------------- */

static fv_status check_folds(const split *s, int k)
{
    if (k < 2)
        return fv_fail(s->ctx, FV_E_ARG, "fv_split_folds: k is %d, but must be 2 or more", k);
    if (k > s->len)
        return fv_fail(s->ctx, FV_E_DATA,
                       "fv_split_folds: \"%s\" has %lld samples, too few for %d "
                       "folds",
                       s->set->name, (long long)s->len, k);
    for (int c = 0; c < s->set->desc.classes; c++)
        if (s->counts[c] > 0 && s->counts[c] < k)
            return fv_fail(s->ctx, FV_E_DATA,
                           "fv_split_folds: class %d of \"%s\" has %lld samples, too few for %d "
                           "folds\n"
                           "help: take fewer folds, or .no_stratify = true",
                           c, s->set->name, (long long)s->counts[c], k);
    return FV_OK;
}

static fv_status deal_folds(split *s, const fv_folds_args *a)
{
    if (check_folds(s, a->k))
        return fv_error(s->ctx);
    for (int64_t i = 0; i < s->len; i++)
        s->folds[s->order[i]] = (int)(i % a->k);
    double *shares = a->groups ? fv_alloc(s->ctx, (size_t)a->k, sizeof *shares) : NULL;
    for (int p = 0; shares && p < a->k; p++)
        shares[p] = 1.0 / a->k;
    if (shares)
        split_groups(s, a->groups, shares, a->k);
    fv_release(s->ctx, shares);
    return fv_error(s->ctx);
}

fv_status fv_split_folds_opt(fv_folds_args args)
{
    if (!args.set)
        return fv_absent(__func__);
    if (fv_error(args.set->object.ctx))
        return fv_error(args.set->object.ctx);
    split s = {.name = "fv_split_folds", .set = args.set, .folds = args.folds};
    if (!split_start(&s, args.seed, args.no_stratify))
        deal_folds(&s, &args);
    split_end(&s);
    return fv_error(s.ctx);
}
