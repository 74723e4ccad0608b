/*
 * chart.c - loss and accuracy over the epochs, as SVG: lines with their names at their ends.
 *
 * The numbers are those of log.csv. What was measured while training is the mean of an epoch, and
 * stands at its middle; what was measured after it, at its end.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <math.h>
#include <string.h>

#include "report/report.h"

enum { TRAIN = 0 }; /* of set_key */
enum { WIDTH = 420, HEIGHT = 230, LEFT = 44, RIGHT = 104, TOP = 28, BOTTOM = 34 };
enum { POINTS_MOST = 600, DOTS_MOST = 30 }; /* of a line; more are thinned out, have no dots */

typedef struct chart {
    FILE *f;
    const training *t;
    int epochs;
    bool loss;
    double end;       /* epochs from left to right */
    double low, high; /* values from bottom to top */
} chart;

/* ---- numbers -------------------------------------------------------------------------------- */

static double value_of(const chart *c, const log_row *p)
{
    return c->loss ? p->loss : 100 * p->accuracy;
}

static double place_of(const log_row *p)
{
    return p->set == TRAIN ? p->epoch - 0.5 : p->epoch;
}

/* 1, 2 or 5 times a power of ten, so that at most n of them make up the span. */
static double tick_of(double span, int n)
{
    double power = pow(10, floor(log10(span / n)));
    double factor = span / n / power;
    return power * (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10);
}

/* From 0 for losses. The first steps may be far above all else, and are cut off then. */
static void find_range(chart *c)
{
    double low = INFINITY, high = -INFINITY, guess = log(c->t->data.classes);
    const step_losses *steps = &c->t->steps;
    for (int i = 0; i < c->t->log.count; i++) {
        low = fmin(low, value_of(c, &c->t->log.row[i]));
        high = fmax(high, value_of(c, &c->t->log.row[i]));
    }
    for (int i = 0; c->loss && i < STEP_BINS; i++)
        if (steps->count[i])
            high = fmax(high, fmin(steps->sum[i] / (double)steps->count[i], 1.1 * guess));
    low = c->loss ? 0 : isfinite(low) ? low : 0;
    high = isfinite(high) && high > low ? high : low + 1;
    double tick = tick_of(high - low, 4);
    c->low = floor(low / tick) * tick;
    c->high = c->loss ? high * 1.03 : fmin(100, ceil(high / tick) * tick);
    if (c->high <= c->low)
        c->low = c->high - tick;
}

/* ---- drawing -------------------------------------------------------------------------------- */

static double x_of(const chart *c, double epoch)
{
    return LEFT + (WIDTH - LEFT - RIGHT) * epoch / c->end;
}

static double y_of(const chart *c, double value)
{
    return TOP + (HEIGHT - TOP - BOTTOM) * (c->high - value) / (c->high - c->low);
}

static void put_axes(const chart *c)
{
    double bottom = y_of(c, c->low), tick = tick_of(c->high - c->low, 4);
    for (double v = ceil(c->low / tick) * tick; v <= c->high + tick * 1e-6; v += tick) {
        fprintf(c->f, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>", LEFT, y_of(c, v), WIDTH - RIGHT);
        fprintf(c->f,
                "<text class=\"tick\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.*f%s"
                "</text>\n",
                LEFT - 6, y_of(c, v) + 4, tick < 1 ? (int)ceil(-log10(tick) - 1e-9) : 0, v,
                c->loss ? "" : "%");
    }
    double step = fmax(1, tick_of(c->end, 6));
    for (double e = 0; e <= c->end + 1e-6; e += step)
        fprintf(c->f,
                "<path class=\"axis\" d=\"M%.1f %.1fv4\"/><text class=\"tick\" x=\"%.1f\" "
                "y=\"%.1f\" text-anchor=\"middle\">%s%.0f</text>\n",
                x_of(c, e), bottom, x_of(c, e), bottom + 16,
                e + step > c->end + 1e-6 ? "epoch " : "", e);
    fprintf(c->f, "<path class=\"axis\" d=\"M%d %.1fH%d\"/>\n", LEFT, bottom, WIDTH - RIGHT);
}

/* Where equal guesses for all classes would be, if that is on the chart. */
static void put_guess(const chart *c)
{
    int classes = c->t->data.classes;
    double guess = c->loss ? log(classes) : 100.0 / classes;
    if (guess <= c->low || guess >= c->high)
        return;
    fprintf(c->f,
            "<path class=\"guess\" d=\"M%d %.1fH%d\"/><text class=\"tick\" x=\"%d\" "
            "y=\"%.1f\" text-anchor=\"end\">",
            LEFT, y_of(c, guess), WIDTH - RIGHT, WIDTH - RIGHT, y_of(c, guess) - 4);
    fprintf(c->f, c->loss ? "ln %d: equal guesses</text>\n" : "chance: 1 in %d</text>\n", classes);
}

static void put_steps(const chart *c)
{
    const step_losses *s = &c->t->steps;
    double steps = (double)fv_loader_len(c->t->loader.train);
    fprintf(c->f, "<polyline class=\"steps\" points=\"");
    for (int i = 0; i < STEP_BINS; i++)
        if (s->count[i]) {
            double at = ((double)i * (double)s->width + (double)s->count[i] / 2) / steps;
            double y = y_of(c, s->sum[i] / (double)s->count[i]);
            fprintf(c->f, "%.1f,%.1f ", x_of(c, at), y < TOP ? TOP : y);
        }
    fputs("\"/>\n", c->f);
}

/* The line of a split of a fold, and in *last, where it ends. */
static void put_line(const chart *c, int fold, int split, const log_row **last)
{
    int n = 0, stride = c->epochs / POINTS_MOST + 1;
    fprintf(c->f, "<polyline class=\"line %s\" points=\"", set_key(split));
    for (int i = 0; i < c->t->log.count; i++) {
        const log_row *p = &c->t->log.row[i];
        if (p->fold != fold || p->set != split)
            continue;
        *last = p;
        if (n++ % stride == 0)
            fprintf(c->f, "%.1f,%.1f ", x_of(c, place_of(p)), y_of(c, value_of(c, p)));
    }
    if (n > 0 && (n - 1) % stride)
        fprintf(c->f, "%.1f,%.1f", x_of(c, place_of(*last)), y_of(c, value_of(c, *last)));
    fputs("\"/>\n", c->f);
    for (int i = 0; i < c->t->log.count && n <= DOTS_MOST; i++) {
        const log_row *p = &c->t->log.row[i];
        if (p->fold == fold && p->set == split)
            fprintf(c->f, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%s\"/>", set_key(split),
                    x_of(c, place_of(p)), y_of(c, value_of(c, p)), n == 1 ? "3.5" : "2");
    }
    fputc('\n', c->f);
}

/* Names and last values at the right, near their lines but not on one another. */
static void put_names(const chart *c, const log_row *const last[SETS])
{
    double above = -INFINITY;
    bool put[SETS] = {false};
    for (int i = 0; i < SETS; i++) {
        int next = -1;
        for (int k = 0; k < SETS; k++)
            if (last[k] && !put[k] && (next < 0 || value_of(c, last[k]) > value_of(c, last[next])))
                next = k;
        if (next < 0)
            return;
        put[next] = true;
        double y = fmax(y_of(c, value_of(c, last[next])) + 4, above + 14);
        above = y;
        fprintf(c->f, "<text class=\"name %s\" x=\"%d\" y=\"%.1f\">%s", set_key(next),
                WIDTH - RIGHT + 8, y, set_key(next));
        if (!c->t->s->folds) /* each has another */
            fprintf(c->f, c->loss ? " %.4f" : " %.2f%%", value_of(c, last[next]));
        fputs("</text>\n", c->f);
    }
}

static void put_best(const chart *c)
{
    if (c->t->best.epoch == 0 || c->t->s->folds)
        return;
    double x = x_of(c, c->t->best.epoch);
    fprintf(c->f,
            "<path class=\"guess\" d=\"M%.1f %dV%.1f\"/><text class=\"tick\" x=\"%.1f\" "
            "y=\"%d\" text-anchor=\"middle\">best: epoch %d</text>\n",
            x, TOP - 12, y_of(c, c->low), x, TOP - 16, c->t->best.epoch);
}

static void put_chart(chart *c, bool loss)
{
    const log_row *last[SETS] = {NULL};
    c->loss = loss;
    find_range(c);
    fprintf(c->f,
            "<figure class=\"chart\"><figcaption>%s</figcaption>\n"
            "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s by epoch\">\n",
            loss ? "Loss" : "Accuracy", WIDTH, HEIGHT, loss ? "Loss" : "Accuracy");
    put_axes(c);
    put_guess(c);
    put_best(c);
    if (loss && !c->t->s->folds)
        put_steps(c);
    for (int fold = c->t->s->folds ? 1 : 0; fold <= c->t->s->folds; fold++)
        for (int split = 0; split < SETS; split++)
            put_line(c, fold, split, &last[split]);
    put_names(c, last);
    fputs("</svg></figure>\n", c->f);
}

void put_charts(FILE *f, const training *t)
{
    chart c = {.f = f, .t = t};
    for (int i = 0; i < t->log.count; i++)
        c.epochs = t->log.row[i].epoch > c.epochs ? t->log.row[i].epoch : c.epochs;
    c.end = c.epochs;
    if (t->at.stopped && t->at.epoch > t->at.done) /* in an epoch */
        c.end += (double)(t->at.step + 1) / (double)fv_loader_len(t->loader.train);
    c.end = c.end > 0 ? c.end : 1;
    fputs("<section>\n<h2>Learning</h2>\n<div class=\"charts\">\n", f);
    put_chart(&c, true);
    if (t->log.count > 0)
        put_chart(&c, false);
    fputs("</div>\n", f);
    if (t->s->folds)
        fprintf(f, "<p class=\"note\">A line for each of the %d folds.</p>\n", t->s->folds);
    else
        fputs("<p class=\"note\">train: the mean of each epoch, at its middle; thin: step by step."
              "</p>\n",
              f);
    fputs("</section>\n", f);
}
