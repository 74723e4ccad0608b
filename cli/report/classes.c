/*
 * classes.c - each class in report.html: how many, precision and recall with their ranges;
 * what was taken for what.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <math.h>
#include <string.h>

#include "report/report.h"

enum { MATRIX_MOST = 30, PAIRS = 20, BAR = 120 };

/* ---- precision and recall ------------------------------------------------------------------- */

/* The percentage that all ranges of the table are above, in tens. */
static int common_low(const eval_record *r, int classes)
{
    double low = 1;
    for (int c = 0; c < classes; c++) {
        fv_class_scores s = fv_metrics_class(r->metrics, c);
        low = s.guessed ? fmin(low, s.precision.low) : low;
        low = s.support ? fmin(low, s.recall.low) : low;
    }
    int tens = (int)(low * 10) * 10;
    return tens > 90 ? 90 : tens;
}

static void put_rate(FILE *f, const fv_rate *rate, int64_t of, int from)
{
    double scale = BAR / (100.0 - from);
    if (of == 0) {
        fputs("<td>-</td><td></td>", f);
        return;
    }
    fprintf(f,
            "<td>%.1f%%</td><td class=\"range\"><svg width=\"%d\" height=\"12\" role=\"img\" "
            "aria-label=\"%.1f to %.1f\">",
            100 * rate->value, BAR + 8, 100 * rate->low, 100 * rate->high);
    fprintf(f,
            "<path class=\"grid\" d=\"M4 6h%d\"/><path class=\"bar\" d=\"M%.1f 6H%.1f\"/>"
            "<circle class=\"val\" cx=\"%.1f\" cy=\"6\" r=\"3\"/></svg></td>",
            BAR, 4 + (100 * rate->low - from) * scale, 4 + (100 * rate->high - from) * scale,
            4 + (100 * rate->value - from) * scale);
}

static void put_scores(FILE *f, const training *t, const eval_record *r, int classes)
{
    char n[32];
    int from = common_low(r, classes);
    fprintf(f,
            "<table class=\"scores\">\n<thead><tr><th>class</th><th>count</th>"
            "<th colspan=\"2\">recall <small>%d to 100%%</small></th>"
            "<th colspan=\"2\">precision <small>%d to 100%%</small></th></tr></thead>\n"
            "<tbody>\n",
            from, from);
    for (int c = 0; c < classes; c++) {
        fv_class_scores s = fv_metrics_class(r->metrics, c);
        fputs("<tr><th>", f);
        put_class(f, t, c);
        fprintf(f, "</th><td>%s</td>", with_commas(s.support, n));
        put_rate(f, &s.recall, s.support, from);
        put_rate(f, &s.precision, s.guessed, from);
        fputs("</tr>\n", f);
    }
    fputs("</tbody></table>\n<p class=\"note\">Recall: how many of the class were found. "
          "Precision: how many that were taken for it are of it. Bars: 95% range.</p>\n",
          f);
}

/* ---- what was taken for what ---------------------------------------------------------------- */

/* A cell's shade is its share of the row; of mistakes its root, or the few would not be seen. */
static void put_cell(FILE *f, int64_t count, int64_t support, bool right)
{
    double share = support ? (double)count / (double)support : 0;
    char n[32];
    if (count == 0)
        fputs("<td class=\"none\">0</td>", f);
    else
        fprintf(f, "<td class=\"%s\" style=\"--p:%.3f\">%s</td>", right ? "hit" : "miss",
                0.6 * (right ? share : sqrt(share)), with_commas(count, n));
}

/* Whether names would make the columns wide, and so stand upright. */
static bool has_long_names(const training *t, int classes)
{
    for (int c = 0; c < classes; c++) {
        const char *name = fv_dataset_class_name(t->data.train, c);
        if (name && strlen(name) > 4)
            return true;
    }
    return false;
}

static void put_matrix(FILE *f, const training *t, const eval_record *r, int classes)
{
    const int64_t *confusion = fv_metrics_confusion(r->metrics);
    fprintf(f, "<table class=\"confusion%s\">\n<thead><tr><th></th>",
            has_long_names(t, classes) ? " upright" : "");
    for (int c = 0; c < classes; c++) {
        fputs("<th><span>", f);
        put_class(f, t, c);
        fputs("</span></th>", f);
    }
    fputs("</tr></thead>\n<tbody>\n", f);
    for (int label = 0; label < classes; label++) {
        fputs("<tr><th>", f);
        put_class(f, t, label);
        fputs("</th>", f);
        for (int c = 0; c < classes; c++)
            put_cell(f, confusion[label * classes + c], fv_metrics_class(r->metrics, label).support,
                     c == label);
        fputs("</tr>\n", f);
    }
    fputs("</tbody></table>\n<p class=\"note\">A row for what they are, a column for what the net "
          "took them for.</p>\n",
          f);
}

typedef struct pair {
    int label, guess;
    int64_t count;
} pair;

/* The largest counts off the diagonal, at most PAIRS; how many. */
static int find_pairs(const eval_record *r, int classes, pair pairs[PAIRS + 1])
{
    const int64_t *confusion = fv_metrics_confusion(r->metrics);
    int n = 0;
    for (int i = 0; i < classes * classes; i++) {
        pair p = {i / classes, i % classes, confusion[i]};
        int at = n;
        if (p.label == p.guess || p.count == 0)
            continue;
        for (; at > 0 && pairs[at - 1].count < p.count; at--)
            pairs[at] = pairs[at - 1];
        pairs[at] = p;
        n += n < PAIRS;
    }
    return n;
}

static void put_pairs(FILE *f, const training *t, const eval_record *r, int classes)
{
    pair pairs[PAIRS + 1];
    int n = find_pairs(r, classes, pairs);
    if (n == 0)
        return;
    fputs("<h3>Most confused</h3>\n<table class=\"pairs\">\n<tbody>\n", f);
    for (int i = 0; i < n; i++) {
        char count[32], of[32];
        fputs("<tr><th>", f);
        put_class(f, t, pairs[i].label);
        fputs(" \xe2\x86\x92 ", f);
        put_class(f, t, pairs[i].guess);
        fprintf(f, "</th><td>%s of %s</td></tr>\n", with_commas(pairs[i].count, count),
                with_commas(fv_metrics_class(r->metrics, pairs[i].label).support, of));
    }
    fputs("</tbody></table>\n", f);
}

void put_classes(FILE *f, const training *t, const eval_record *r)
{
    int classes;
    if (!r->metrics)
        return;
    fv_output_shape(t->net, &classes, NULL, NULL);
    fputs("<section>\n<h2>Classes</h2>\n<div class=\"wide\">\n", f);
    put_scores(f, t, r, classes);
    fputs("</div>\n", f);
    if (classes <= MATRIX_MOST) {
        fputs("<h3>What was taken for what</h3>\n<div class=\"wide\">\n", f);
        put_matrix(f, t, r, classes);
        fputs("</div>\n", f);
    } else
        put_pairs(f, t, r, classes);
    fputs("</section>\n", f);
}
