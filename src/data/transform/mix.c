/*
 * mix.c - mixup and CutMix: mixes the images of a batch, and their targets.
 *
 * Zhang et al.: mixup, ICLR 2018; Yun et al.: CutMix, ICCV 2019. Each image is mixed with the one
 * before it, the first with the last, with one lambda per batch, as in torchvision's reference
 * training. lambda uses libm's log, cos and pow, whose last bits vanish when it is rounded to
 * float. Layer 3, data. Calls the base.
 */
#include "data/transform/transform.h"

#include <math.h>
#include <string.h>

/* ---- lambda, from Beta(alpha, alpha) ------------------------------------------------------- */

static double draw_normal(fv_draw *draw)
{
    double radius = sqrt(-2 * log(1 - fv_draw_uniform(draw, 0, 1)));
    return radius * cos(fv_draw_uniform(draw, 0, 6.283185307179586));
}

/* Marsaglia, Tsang: A Simple Method for Generating Gamma Variables, ACM TOMS 26(3), 2000. */
static double draw_gamma(fv_draw *draw, double shape)
{
    double above = shape < 1 ? shape + 1 : shape, d = above - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = draw_normal(draw), v = 1 + c * x;
        v = v * v * v;
        double u = 1 - fv_draw_uniform(draw, 0, 1);
        if (v <= 0 || log(u) >= 0.5 * x * x + d - d * v + d * log(v))
            continue;
        return shape < 1 ? d * v * pow(1 - fv_draw_uniform(draw, 0, 1), 1 / shape) : d * v;
    }
}

static double draw_share(fv_draw *draw, double alpha)
{
    double a = draw_gamma(draw, alpha), b = draw_gamma(draw, alpha);
    if (a + b > 0)
        return a / (a + b);
    return fv_draw_chance(draw, 0.5); /* both underflow: alpha is near 0 */
}

/* ---- mixing ------------------------------------------------------------------------------- */

/* In each of n images [planes][height][width], the box becomes share * itself + (1 - share) * the
   previous image. */
typedef struct mixing {
    int n, planes, height, width;
    fv_box box;
    float share;
} mixing;

static void mix_image(const mixing *m, float *to, const float *from)
{
    for (int p = 0; p < m->planes; p++)
        for (int y = m->box.top; y < m->box.top + m->box.height; y++) {
            size_t row = (size_t)(p * m->height + y) * (size_t)m->width;
            for (size_t i = row + (size_t)m->box.left, k = 0; k < (size_t)m->box.width; i++, k++)
                to[i] = m->share * to[i] + (1 - m->share) * from[i];
        }
}

/* Mixes from the last image to the first, whose partner is the saved original of the last. */
static void mix_rows(const mixing *m, float *rows, float *buffer)
{
    size_t count = (size_t)m->planes * (size_t)m->height * (size_t)m->width;
    memcpy(buffer, rows + (size_t)(m->n - 1) * count, count * sizeof *buffer);
    for (int i = m->n - 1; i >= 0; i--)
        mix_image(m, rows + (size_t)i * count, i ? rows + (size_t)(i - 1) * count : buffer);
}

/* Sets one-hot targets of the labels. */
static void set_targets(const fv_mix_args *a)
{
    if (!a->labels)
        return;
    memset(a->targets, 0, (size_t)a->n * (size_t)a->classes * sizeof *a->targets);
    for (int i = 0; i < a->n; i++)
        a->targets[(size_t)i * (size_t)a->classes + (size_t)a->labels[i]] = 1;
}

/* Mixes the box of the images by share, and all targets by share_of_target. */
static fv_status mix(const fv_mix_args *a, fv_box box, double share, double share_of_target)
{
    mixing pixels = {a->n, a->channels, a->height, a->width, box, (float)share};
    mixing targets = {a->n, 1, 1, a->classes, {0, 0, 1, a->classes}, (float)share_of_target};
    size_t image = (size_t)a->channels * (size_t)a->height * (size_t)a->width;
    size_t classes = (size_t)a->classes;
    float *buffer = fv_alloc(a->ctx, image > classes ? image : classes, sizeof *buffer);
    if (!buffer)
        return fv_error(a->ctx);
    set_targets(a);
    mix_rows(&pixels, a->pixels, buffer);
    mix_rows(&targets, a->targets, buffer);
    fv_release(a->ctx, buffer);
    return FV_OK;
}

/* ---- public --------------------------------------------------------------------------------- */

static fv_status check(const fv_mix_args *a, const char *name)
{
    if (fv_stopped(a->ctx, name))
        return fv_error(a->ctx);
    if (a->n < 1 || a->channels < 1 || a->height < 1 || a->width < 1 || a->classes < 1 ||
        !a->pixels || !a->targets)
        return fv_fail(a->ctx, FV_E_ARG,
                       "%s: n, channels, height, width and classes must be 1 or more, pixels and "
                       "targets not NULL",
                       name);
    if (!(a->alpha >= 0 && a->alpha <= 1000000))
        return fv_fail(a->ctx, FV_E_ARG,
                       "%s: alpha is %g, but must be above 0 to 1000000, or 0 for 1", name,
                       a->alpha);
    for (int i = 0; a->labels && i < a->n; i++)
        if (a->labels[i] < 0 || a->labels[i] >= a->classes)
            return fv_fail(a->ctx, FV_E_CLASS,
                           "%s: label %lld of image %d, but the classes are 0 to %d", name,
                           (long long)a->labels[i], i, a->classes - 1);
    return FV_OK;
}

/* Index -1 is no picture's, so the batch's random numbers are independent of theirs. */
static fv_draw start(const fv_mix_args *a, double *share)
{
    fv_draw draw = fv_draw_start(a->seed, a->batch, -1);
    *share = draw_share(&draw, a->alpha > 0 ? a->alpha : 1);
    return draw;
}

fv_status fv_mixup_opt(fv_mix_args a)
{
    double share;
    if (check(&a, "fv_mixup"))
        return fv_error(a.ctx);
    start(&a, &share);
    return mix(&a, (fv_box){0, 0, a.height, a.width}, share, share);
}

fv_status fv_cutmix_opt(fv_mix_args a)
{
    double share;
    if (check(&a, "fv_cutmix"))
        return fv_error(a.ctx);
    fv_draw draw = start(&a, &share);
    int x = fv_draw_int(&draw, a.width), y = fv_draw_int(&draw, a.height);
    int half_x = (int)(0.5 * sqrt(1 - share) * a.width);
    int half_y = (int)(0.5 * sqrt(1 - share) * a.height);
    int left = x > half_x ? x - half_x : 0, top = y > half_y ? y - half_y : 0;
    int right = x + half_x < a.width ? x + half_x : a.width;
    int bottom = y + half_y < a.height ? y + half_y : a.height;
    double area = (double)(bottom - top) * (right - left) / ((double)a.height * a.width);
    return mix(&a, (fv_box){top, left, bottom - top, right - left}, 0, 1 - area);
}
