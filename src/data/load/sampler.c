/*
 * sampler.c - draws the samples of an epoch by weights, as torch.utils.data.WeightedRandomSampler
 * does, and computes weights that balance the classes.
 *
 * Layer 3, data. Calls the base.
 */
#include "data/load/loader.h"

#include <math.h>
#include <stdlib.h>

/* A sample and its sort key: draws without replacement take the largest keys. */
typedef struct keyed {
    double key;
    int64_t index;
} keyed;

struct fv_sampler {
    fv_object object;
    int64_t n, num_samples;
    bool no_replacement;
    double *weights; /* [n]; with replacement: cumulative sums, up to 1 */
    keyed *keys;     /* [n], only without replacement */
};

static void sampler_destroy(void *self)
{
    fv_sampler *sampler = self;
    fv_release(sampler->object.ctx, sampler->weights);
    fv_release(sampler->object.ctx, sampler->keys);
    fv_object_end(sampler);
}

void fv_sampler_free(fv_sampler *sampler)
{
    fv_object_free(sampler);
}

static fv_status check_weights(const fv_weighted_sampler_args *a, int64_t num_samples)
{
    int64_t positive = 0;
    double sum = 0;
    for (int64_t i = 0; i < a->n; i++) {
        if (!(a->weights[i] >= 0) || isinf(a->weights[i]))
            return fv_fail(a->ctx, FV_E_ARG,
                           "fv_weighted_sampler: weight %lld is %g, but must be 0 or more",
                           (long long)i, a->weights[i]);
        positive += a->weights[i] > 0;
        sum += a->weights[i];
    }
    if (positive == 0 || isinf(sum))
        return fv_fail(
            a->ctx, FV_E_ARG,
            "fv_weighted_sampler: the sum of %lld weights is %g, but must be more than 0",
            (long long)a->n, sum);
    if (a->no_replacement && num_samples > positive)
        return fv_fail(
            a->ctx, FV_E_ARG,
            "fv_weighted_sampler: cannot draw %lld different samples of %lld that have a "
            "weight above 0",
            (long long)num_samples, (long long)positive);
    return FV_OK;
}

static fv_status check_args(const fv_weighted_sampler_args *a)
{
    if (!a->weights || a->n < 1)
        return fv_fail(a->ctx, FV_E_ARG,
                       "fv_weighted_sampler: weights for n = %lld samples are "
                       "needed, 1 or more",
                       (long long)a->n);
    if (a->num_samples < 0)
        return fv_fail(a->ctx, FV_E_ARG,
                       "fv_weighted_sampler: num_samples is %lld, but must be 1 or more",
                       (long long)a->num_samples);
    return check_weights(a, a->num_samples ? a->num_samples : a->n);
}

/* Replaces the weights by their cumulative sums, divided by the total. */
static void accumulate(double *weights, int64_t n)
{
    for (int64_t i = 1; i < n; i++)
        weights[i] += weights[i - 1];
    double sum = weights[n - 1];
    for (int64_t i = 0; i < n; i++)
        weights[i] /= sum;
}

fv_sampler *fv_weighted_sampler_opt(fv_weighted_sampler_args args)
{
    fv_ctx *ctx = args.ctx;
    if (fv_stopped(ctx, __func__) || check_args(&args))
        return NULL;
    fv_sampler *sampler = fv_object_new(ctx, sizeof *sampler, sampler_destroy);
    if (!sampler)
        return NULL;
    sampler->n = args.n;
    sampler->num_samples = args.num_samples ? args.num_samples : args.n;
    sampler->no_replacement = args.no_replacement;
    sampler->weights = fv_alloc(ctx, (size_t)args.n, sizeof *sampler->weights);
    if (args.no_replacement)
        sampler->keys = fv_alloc(ctx, (size_t)args.n, sizeof *sampler->keys);
    if (fv_error(ctx)) {
        fv_object_free(sampler);
        return NULL;
    }
    for (int64_t i = 0; i < args.n; i++)
        sampler->weights[i] = args.weights[i];
    if (!args.no_replacement)
        accumulate(sampler->weights, args.n);
    return sampler;
}

int64_t fv_sampler_draws(const fv_sampler *sampler)
{
    return sampler->num_samples;
}

int64_t fv_sampler_len(const fv_sampler *sampler)
{
    return sampler->n;
}

/* Returns the first sample whose cumulative sum is not below a uniform random number. */
static int64_t draw_one(const fv_sampler *sampler, fv_rng *rng)
{
    double u = fv_rng_double(rng);
    int64_t low = 0, high = sampler->n - 1; /* the last sum is x / x = 1 */
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (sampler->weights[middle] < u)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int larger_first(const void *a, const void *b)
{
    const keyed *x = a, *y = b;
    if (x->key != y->key)
        return x->key > y->key ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Draws without replacement as torch.multinomial does: weights divided by exponential random
   numbers, largest first (Efraimidis, Spirakis 2006). libm's log1p may differ in the last bit of a
   key, which changes the order only of keys that are otherwise equal. */
static void draw_different(const fv_sampler *sampler, fv_rng *rng, int64_t *order)
{
    for (int64_t i = 0; i < sampler->n; i++) {
        double exponential = -log1p(-fv_rng_double(rng));
        double weight = sampler->weights[i];
        sampler->keys[i] = (keyed){weight > 0 ? weight / exponential : 0, i};
    }
    qsort(sampler->keys, (size_t)sampler->n, sizeof *sampler->keys, larger_first);
    for (int64_t i = 0; i < sampler->num_samples; i++)
        order[i] = sampler->keys[i].index;
}

void fv_sampler_draw(const fv_sampler *sampler, fv_rng *rng, int64_t *order)
{
    if (sampler->no_replacement)
        draw_different(sampler, rng, order);
    else
        for (int64_t i = 0; i < sampler->num_samples; i++)
            order[i] = draw_one(sampler, rng);
}

fv_status fv_class_weights(fv_dataset *set, double *weights)
{
    if (!set)
        return fv_absent(__func__);
    fv_ctx *ctx = set->object.ctx;
    if (fv_error(ctx))
        return fv_error(ctx);
    int64_t *counts = fv_alloc(ctx, (size_t)set->desc.classes, sizeof *counts);
    int64_t *labels = counts ? fv_dataset_labels(set, counts) : NULL;
    for (int64_t i = 0; labels && i < set->len; i++)
        weights[i] = 1.0 / (double)counts[labels[i]];
    fv_release(ctx, labels);
    fv_release(ctx, counts);
    return fv_error(ctx);
}
