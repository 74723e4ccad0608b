/*
 * stats.c - statistics of the pixels of a data set, in one pass.
 *
 * Bytes are counted exactly in a histogram of 256 bins, from which the statistics follow. Floats
 * are summed in double, picture by picture in order; the moments of each picture are combined with
 * those of all before (Chan, Golub, LeVeque 1983). Layer 3, data. Calls the base.
 */
#include "data/data.h"

#include <limits.h>
#include <math.h>

/* Count, mean, and sum of squared deviations of the values so far. */
typedef struct moments {
    double n, mean, squares;
} moments;

static moments join(moments a, moments b)
{
    double n = a.n + b.n, d = b.mean - a.mean;
    return (moments){n, a.mean + d * (b.n / n), a.squares + b.squares + d * d * (a.n * b.n / n)};
}

static moments moments_of(const float *x, size_t n)
{
    moments m = {.n = (double)n};
    for (size_t i = 0; i < n; i++)
        m.mean += x[i];
    m.mean /= m.n;
    for (size_t i = 0; i < n; i++)
        m.squares += (x[i] - m.mean) * (x[i] - m.mean);
    return m;
}

static void add_floats(fv_channel_stats *c, moments *all, const float *x, size_t n)
{
    *all = all->n > 0 ? join(*all, moments_of(x, n)) : moments_of(x, n);
    for (size_t i = 0; i < n; i++) {
        c->min = x[i] < c->min ? x[i] : c->min;
        c->max = x[i] > c->max ? x[i] : c->max;
    }
}

static void add_picture(fv_stats *s, moments all[FV_CHANNELS_MAX], const fv_picture *p)
{
    size_t plane = (size_t)p->height * (size_t)p->width;
    for (int c = 0; c < p->channels; c++)
        if (p->type == FV_U8)
            for (size_t i = 0; i < plane; i++)
                s->channel[c].histogram[((const uint8_t *)p->pixels)[(size_t)c * plane + i]]++;
        else
            add_floats(s->channel + c, all + c, (const float *)p->pixels + (size_t)c * plane,
                       plane);
    s->pixels += (int64_t)plane;
    s->min_height = p->height < s->min_height ? p->height : s->min_height;
    s->max_height = p->height > s->max_height ? p->height : s->max_height;
    s->min_width = p->width < s->min_width ? p->width : s->min_width;
    s->max_width = p->width > s->max_width ? p->width : s->max_width;
    s->samples++;
}

/* Divides by n - 1, as torch.std does. */
static double deviation(double squares, double n)
{
    return n > 1 ? sqrt(squares / (n - 1)) : 0;
}

/* A byte v stands for v / 255, as after ToTensor. */
static void count_up(fv_channel_stats *c, int64_t n)
{
    int64_t sum = 0;
    double squares = 0;
    int low = 255, high = 0;
    for (int v = 0; v < 256; v++) {
        sum += c->histogram[v] * v;
        if (c->histogram[v] > 0) {
            low = v < low ? v : low;
            high = v;
        }
    }
    double mean = (double)sum / (double)n;
    for (int v = 0; v < 256; v++)
        squares += (double)c->histogram[v] * ((v - mean) * (v - mean));
    c->mean = mean / 255;
    c->std = deviation(squares, (double)n) / 255;
    c->min = low / 255.0;
    c->max = high / 255.0;
}

static fv_status read_all(fv_dataset *set, fv_work *work, fv_stats *s)
{
    moments all[FV_CHANNELS_MAX] = {{0}};
    fv_picture p;
    int64_t label;
    for (int64_t i = 0; i < set->len && fv_dataset_read(set, work, i, &p, &label); i++) {
        if (p.channels != s->channels)
            fv_work_fail(work, FV_E_SHAPE,
                         "\"%s\": sample %lld has %d channels, but the set has %d", set->name,
                         (long long)i, p.channels, s->channels);
        else
            add_picture(s, all, &p);
    }
    for (int c = 0; c < s->channels && s->pixels > 0; c++)
        if (set->desc.type == FV_U8) {
            count_up(s->channel + c, s->pixels);
        } else {
            s->channel[c].mean = all[c].mean;
            s->channel[c].std = deviation(all[c].squares, all[c].n);
        }
    return fv_work_report(work);
}

fv_status fv_dataset_stats(fv_dataset *set, fv_stats *stats)
{
    if (!set || !stats)
        return fv_absent(__func__);
    fv_ctx *ctx = set->object.ctx;
    if (fv_error(ctx))
        return fv_error(ctx);
    int channels = set->desc.channels;
    if (set->len == 0 || channels > FV_CHANNELS_MAX)
        return fv_fail(
            ctx, FV_E_DATA,
            "fv_dataset_stats: \"%s\" has %lld samples of %d channels, but 1 or more are "
            "needed of 1 to %d",
            set->name, (long long)set->len, channels, FV_CHANNELS_MAX);
    *stats = (fv_stats){.channels = channels, .min_height = INT_MAX, .min_width = INT_MAX};
    for (int c = 0; c < channels; c++)
        stats->channel[c] = (fv_channel_stats){.min = INFINITY, .max = -INFINITY};
    fv_work work = {.ctx = ctx};
    read_all(set, &work, stats);
    fv_work_end(&work);
    return fv_error(ctx);
}
