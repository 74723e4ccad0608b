/*
 * data.c - `fovea bench DATA`: how fast the pictures of training come, and whether reading
 * them or their transforms takes the time.
 *
 * A first pass brings files into memory and does not count; then all ways alternate, because
 * machines drift, and the medians count.
 *
 * Layer 6. Calls fovea.h, cJSON and libc.
 */
#include <cjson/cJSON.h>

#include "bench/speed.h"
#include "common/cli.h"

enum { ROUNDS_MAX = 3, WORKERS = 3, QUICK_PICTURES = 640 };

#define ENOUGH 10.0 /* seconds after which no further round begins */

/* Seconds a picture, in each round: of reading alone, and of batches by 0, 1, 2 workers. */
typedef struct rates {
    int64_t most; /* pictures of a pass */
    double reading[ROUNDS_MAX], batches[WORKERS][ROUNDS_MAX];
} rates;

static double load(fv_dataset *set, const fv_transform *transform, const settings *s, int workers,
                   int64_t most)
{
    int64_t len = fv_dataset_describe(set).len, seen = 0;
    int size = s->batch_size < len ? s->batch_size : (int)len;
    fv_loader *loader = fv_loader_new(set, .batch_size = size, .shuffle = true,
                                      .transform = transform, .num_workers = workers);
    double start = now();
    for (fv_batch b; seen < most && fv_loader_next(loader, &b);)
        seen += b.n;
    double seconds = now() - start;
    fv_loader_free(loader);
    return seen ? seconds / (double)seen : 0;
}

/* Pictures that have sizes of their own make no batch without a transform. */
static double read_alone(fv_dataset *set, const settings *s, int64_t most)
{
    if (fv_dataset_describe(set).height > 0)
        return load(set, NULL, s, 0, most);
    double start = now();
    for (int64_t i = 0; i < most; i++) {
        fv_array *picture = fv_dataset_picture(set, i, NULL);
        if (!picture)
            return 0;
        fv_array_free(picture);
    }
    return (now() - start) / (double)most;
}

static fv_status measure(fv_ctx *ctx, const settings *s, const data *d, rates *r)
{
    int64_t len = fv_dataset_describe(d->train).len;
    int round = 0, rounds = s->quick ? 1 : ROUNDS_MAX;
    r->most = s->quick && len > QUICK_PICTURES ? QUICK_PICTURES : len;
    read_alone(d->train, s, r->most);
    double start = now();
    for (; round < rounds && !fv_error(ctx) && (round == 0 || now() - start < ENOUGH); round++) {
        r->reading[round] = read_alone(d->train, s, r->most);
        for (int i = 0; i < WORKERS; i++)
            r->batches[i][round] = load(d->train, d->augment, s, i, r->most);
    }
    r->reading[0] = quantile(r->reading, round, 0.5);
    for (int i = 0; i < WORKERS; i++)
        r->batches[i][0] = quantile(r->batches[i], round, 0.5);
    return fv_error(ctx);
}

/* What a batch takes more than reading: the transforms and putting them together. */
static double transforms_of(const rates *r)
{
    double more = r->batches[0][0] - r->reading[0];
    return more > 0 ? more : 0;
}

static int print_text(const data *d, const rates *r)
{
    char n[32];
    int64_t len = fv_dataset_describe(d->train).len;
    double rest = transforms_of(r), all = r->reading[0] + rest;
    printf("data        %s   %s pictures, %d x %d x %d\n", d->typed, with_commas(len, n),
           d->channels, d->height, d->width);
    printf("transforms  %s\n", d->augment ? fv_transform_text(d->augment) : "none");
    for (int i = 0; i < WORKERS; i++)
        printf("%d worker%s   %10s pictures/s   an epoch in %.3f s\n", i, i == 1 ? " " : "s",
               with_commas((int64_t)(1 / r->batches[i][0] + 0.5), n),
               r->batches[i][0] * (double)len);
    printf("reading     %10.1f us a picture   %.0f%%\ntransforms  %10.1f us a picture   %.0f%%\n",
           1e6 * r->reading[0], 100 * r->reading[0] / all, 1e6 * rest, 100 * rest / all);
    return EXIT_DONE;
}

static int print_json(const data *d, const rates *r)
{
    cJSON *root = json_add(cJSON_CreateObject(),
                           "data %s pictures %lld transforms %s reading_us %g transforms_us %g",
                           d->typed, (long long)fv_dataset_describe(d->train).len,
                           d->augment ? fv_transform_text(d->augment) : "", 1e6 * r->reading[0],
                           1e6 * transforms_of(r));
    cJSON *list = cJSON_AddArrayToObject(root, "runs");
    for (int i = 0; i < WORKERS; i++)
        cJSON_AddItemToArray(list,
                             json_add(cJSON_CreateObject(), "num_workers %d pictures_per_s %g", i,
                                      1 / r->batches[i][0]));
    return json_line(root);
}

int bench_data(const settings *s)
{
    data d;
    rates r = {0};
    int code = data_name(s->args[0], &d);
    if (code)
        return code;
    fv_ctx *ctx = open_context(s);
    code = data_open(ctx, s, &d);
    if (!code && measure(ctx, s, &d, &r))
        code = fail_data(ctx, &d);
    if (!code)
        code = (s->json ? print_json : print_text)(&d, &r);
    fv_close(ctx);
    return code;
}
