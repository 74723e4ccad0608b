/*
 * metrics.c - metrics of a classifier, from the confusion matrix. Layer 4. Calls the base.
 */
#include "base/base.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double Z95 = 1.959963984540054; /* two-sided 95 % quantile of the normal
                                                distribution */

struct fv_metrics {
    fv_object object;
    int classes, top_k;
    int64_t *confusion; /* [classes][classes], label by prediction */
    int64_t *support;   /* [classes] samples per label; exceeds the row sum if outputs were NaN */
    int64_t total, top; /* samples; those whose label was in the top k */
    char *text;
};

int fv_argmax(const float *x, int n)
{
    if (n < 1)
        return -1;
    int best = 0, numbers = !isnan(x[0]);
    float top = x[0];
    for (int i = 1; i < n; i++) { /* branch-free: branches would be mispredicted */
        numbers &= !isnan(x[i]);
        best = x[i] > top ? i : best;
        top = x[i] > top ? x[i] : top;
    }
    return numbers ? best : -1;
}

void fv_wilson(int64_t successes, int64_t trials, double z, double *low, double *high)
{
    double n = (double)trials, p = (double)successes / n, zz = z * z;
    double middle = (p + zz / (2 * n)) / (1 + zz / n);
    double reach = z / (1 + zz / n) * sqrt(p * (1 - p) / n + zz / (4 * n * n));
    *low = trials == 0 || successes == 0 ? 0 : middle - reach;
    *high = trials == 0 || successes == trials ? 1 : middle + reach;
}

/* ---- creation and counting ---------------------------------------------------------------- */

static void metrics_destroy(void *self)
{
    fv_metrics *m = self;
    fv_release(m->object.ctx, m->confusion);
    fv_release(m->object.ctx, m->support);
    fv_release(m->object.ctx, m->text);
    fv_object_end(m);
}

fv_metrics *fv_metrics_new_opt(fv_metrics_args args)
{
    fv_ctx *ctx = args.ctx;
    if (fv_stopped(ctx, __func__))
        return NULL;
    if (args.classes < 1) {
        fv_fail(ctx, FV_E_ARG, "fv_metrics_new: classes is %d, but must be 1 or more",
                args.classes);
        return NULL;
    }
    if (args.top_k < 0 || args.top_k > args.classes) {
        fv_fail(ctx, FV_E_ARG, "fv_metrics_new: top_k is %d, but must be 1 to %d, the classes",
                args.top_k, args.classes);
        return NULL;
    }
    fv_metrics *m = fv_object_new(ctx, sizeof *m, metrics_destroy);
    if (!m)
        return NULL;
    m->classes = args.classes;
    m->top_k = args.top_k ? args.top_k : args.classes < 5 ? args.classes : 5;
    m->support = fv_alloc(ctx, (size_t)m->classes, sizeof *m->support);
    m->confusion = fv_alloc(ctx, (size_t)m->classes, m->classes * sizeof *m->confusion);
    if (fv_error(ctx)) {
        fv_object_free(m);
        return NULL;
    }
    return m;
}

void fv_metrics_free(fv_metrics *m)
{
    fv_object_free(m);
}

fv_status fv_metrics_reset(fv_metrics *m)
{
    if (!m)
        return fv_absent(__func__);
    if (fv_error(m->object.ctx))
        return fv_error(m->object.ctx);
    memset(m->support, 0, (size_t)m->classes * sizeof *m->support);
    memset(m->confusion, 0, (size_t)m->classes * m->classes * sizeof *m->confusion);
    m->total = m->top = 0;
    return FV_OK;
}

/* Returns true if fewer than k outputs rank before the label's; ties go to the lower index. */
static bool among_top(const float *y, int classes, int64_t label, int k)
{
    int before = 0;
    for (int c = 0; c < classes; c++)
        before += y[c] > y[label] || (y[c] == y[label] && c < label);
    return before < k;
}

static fv_status check_samples(const fv_metrics *m, int n, const float *outputs,
                               const int64_t *labels)
{
    fv_ctx *ctx = m->object.ctx;
    if (n < 0 || (n > 0 && (!outputs || !labels)))
        return fv_fail(ctx, FV_E_ARG,
                       "fv_metrics_add takes outputs [n][%d] and labels [n]; n is %d, and %s",
                       m->classes, n, n < 0 ? "must be 0 or more" : "one of them is NULL");
    for (int i = 0; i < n; i++)
        if (labels[i] < 0 || labels[i] >= m->classes)
            return fv_fail(ctx, FV_E_CLASS,
                           "fv_metrics_add: label %lld of sample %d: there are %d classes, 0 to %d",
                           (long long)labels[i], i, m->classes, m->classes - 1);
    return FV_OK;
}

fv_status fv_metrics_add(fv_metrics *m, int n, const float *outputs, const int64_t *labels)
{
    if (!m)
        return fv_absent(__func__);
    if (fv_error(m->object.ctx) || check_samples(m, n, outputs, labels))
        return fv_error(m->object.ctx);
    for (int i = 0; i < n; i++, outputs += m->classes) {
        int guess = fv_argmax(outputs, m->classes);
        m->total++;
        m->support[labels[i]]++;
        if (guess < 0)
            continue;
        m->confusion[labels[i] * m->classes + guess]++;
        m->top += among_top(outputs, m->classes, labels[i], m->top_k);
    }
    return FV_OK;
}

/* ---- queries ------------------------------------------------------------------------------ */

static double ratio(double part, double whole)
{
    return whole == 0 ? 0 : part / whole;
}

static fv_rate rate_of(int64_t successes, int64_t trials)
{
    fv_rate rate = {.value = ratio((double)successes, (double)trials)};
    fv_wilson(successes, trials, Z95, &rate.low, &rate.high);
    return rate;
}

static fv_class_scores scores_of(int64_t right, int64_t guessed, int64_t support)
{
    return (fv_class_scores){
        .right = right,
        .guessed = guessed,
        .support = support,
        .precision = rate_of(right, guessed),
        .recall = rate_of(right, support),
        .f1 = ratio(2 * (double)right, (double)guessed + (double)support),
    };
}

fv_class_scores fv_metrics_class(const fv_metrics *m, int index)
{
    if (!FV_GIVEN(m) || index < 0 || index >= m->classes)
        return (fv_class_scores){0};
    int64_t guessed = 0;
    for (int label = 0; label < m->classes; label++)
        guessed += m->confusion[(size_t)label * m->classes + index];
    return scores_of(m->confusion[(size_t)index * m->classes + index], guessed, m->support[index]);
}

fv_scores fv_metrics_scores(const fv_metrics *m)
{
    fv_scores s = {0};
    if (!FV_GIVEN(m))
        return s;
    int64_t right = 0, guessed = 0;
    for (int c = 0; c < m->classes; c++) {
        fv_class_scores one = fv_metrics_class(m, c);
        right += one.right;
        guessed += one.guessed;
        s.macro_precision += one.precision.value / m->classes;
        s.macro_recall += one.recall.value / m->classes;
        s.macro_f1 += one.f1 / m->classes;
    }
    s.total = m->total;
    s.top_k = m->top_k;
    s.accuracy = rate_of(right, m->total);
    s.top_k_accuracy = rate_of(m->top, m->total);
    s.micro = scores_of(right, guessed, m->total);
    return s;
}

const int64_t *fv_metrics_confusion(const fv_metrics *m)
{
    return FV_GIVEN(m) ? m->confusion : NULL;
}

/* ---- as text ------------------------------------------------------------------------------ */

enum { SHOWN_CLASSES = 10, ROW_SIZE = 80 }; /* limits of the printed confusion matrix */

/* Returns the name of a class, or its number as text in number. */
static const char *name_of(const char *const *names, int c, char number[16])
{
    if (names && names[c])
        return names[c];
    snprintf(number, 16, "%d", c);
    return number;
}

static int name_width(const fv_metrics *m, const char *const *names)
{
    char number[16];
    size_t width = strlen("accuracy");
    for (int c = 0; c < m->classes; c++) {
        size_t n = strlen(name_of(names, c, number));
        width = n > width ? n : width;
    }
    return (int)width;
}

static void put_scores(fv_text *t, int width, const char *name, double precision, double recall,
                       double f1, int64_t support)
{
    fv_put(t, "%-*s  %9.4f  %9.4f  %9.4f  %9lld\n", width, name, precision, recall, f1,
           (long long)support);
}

static void put_rate(fv_text *t, int width, const char *name, const fv_rate *rate)
{
    fv_put(t, "%-*s  %9.4f  (95 %%: %.4f to %.4f)\n", width, name, rate->value, rate->low,
           rate->high);
}

static void put_confusion(fv_text *t, const fv_metrics *m, const char *const *names, int width)
{
    char number[16];
    fv_put(t, "\n%-*s  guess, by number\n%-*s", width, "label", width, "");
    for (int c = 0; c < m->classes; c++)
        fv_put(t, " %6d", c);
    for (int label = 0; label < m->classes; label++) {
        fv_put(t, "\n%-*s", width, name_of(names, label, number));
        for (int c = 0; c < m->classes; c++)
            fv_put(t, " %6lld", (long long)m->confusion[(size_t)label * m->classes + c]);
    }
    fv_put(t, "\n");
}

static void put_all(fv_text *t, const fv_metrics *m, const char *const *names, int width)
{
    char number[16];
    fv_scores s = fv_metrics_scores(m);
    fv_put(t, "%-*s  %9s  %9s  %9s  %9s\n", width, "class", "precision", "recall", "F1", "support");
    for (int c = 0; c < m->classes; c++) {
        fv_class_scores one = fv_metrics_class(m, c);
        put_scores(t, width, name_of(names, c, number), one.precision.value, one.recall.value,
                   one.f1, one.support);
    }
    fv_put(t, "\n");
    put_scores(t, width, "macro", s.macro_precision, s.macro_recall, s.macro_f1, s.total);
    put_scores(t, width, "micro", s.micro.precision.value, s.micro.recall.value, s.micro.f1,
               s.total);
    put_rate(t, width, "accuracy", &s.accuracy);
    if (m->top_k > 1 && m->top_k < m->classes) {
        snprintf(number, sizeof number, "top %d", m->top_k);
        put_rate(t, width, number, &s.top_k_accuracy);
    }
    if (m->classes <= SHOWN_CLASSES)
        put_confusion(t, m, names, width);
}

const char *fv_metrics_text(fv_metrics *m, const char *const *names)
{
    if (FV_STOPPED(m))
        return NULL;
    int width = name_width(m, names);
    size_t rows = (size_t)m->classes + 9;
    rows += m->classes <= SHOWN_CLASSES ? SHOWN_CLASSES * SHOWN_CLASSES : 0;
    fv_text t = {.left = rows * (ROW_SIZE + (size_t)width)};
    fv_release(m->object.ctx, m->text);
    m->text = t.at = fv_alloc(m->object.ctx, t.left, 1);
    if (m->text)
        put_all(&t, m, names, width);
    return m->text;
}
