/*
 * loss.c - the losses: a number for an output and what was wanted of it, and the output's gradient.
 *
 * Those over classes take a label, or a probability for each class, of every row: an image, or a
 * pixel of one. The others look at each element by itself. Sums over a batch run in double, in the
 * order of the elements. Formulas are torch.nn's. Layer 2. Calls the kernels' exp and log.
 */
#include "ops/op.h"

#include <math.h>

static size_t rows_of(const fv_loss *l)
{
    return (size_t)l->n * l->area;
}

/* Returns the offset of class c of a row; classes are area apart. */
static size_t place(const fv_loss *l, size_t row, size_t c)
{
    return (row / l->area * (size_t)l->classes + c) * l->area + row % l->area;
}

/* Returns the divisor of the sum of losses for the reduction. */
static double divisor_of(const fv_loss *l, double many)
{
    return l->reduction == FV_MEAN ? many : l->reduction == FV_BATCH_MEAN ? l->n : 1;
}

/* Returns the factor of the gradient of a sum. If no element counts, there is no gradient. */
static float factor_of(const fv_loss *l, double divisor)
{
    return divisor == 0 ? 0.0f : (float)l->scale / (float)divisor;
}

static float result_of(const fv_loss *l, double sum, double divisor)
{
    return (float)(l->scale * (sum / divisor));
}

static void keep(const fv_loss *l, size_t at, double loss)
{
    if (l->losses)
        l->losses[at] = (float)(l->scale * loss);
}

/* ---- over classes ------------------------------------------------------------------------- */

static bool ignored(const fv_loss *l, size_t row)
{
    return !l->target && l->labels[row] == l->ignore_index;
}

/* Sums the weights of the labels that count; with class probabilities every row counts 1. */
static double weight_of_rows(const fv_loss *l)
{
    double sum = 0;
    for (size_t i = 0; i < rows_of(l); i++)
        if (!ignored(l, i))
            sum += l->target || !l->weight ? 1.0 : (double)l->weight[l->labels[i]];
    return sum;
}

/* loss = -weight[label] * y[label]. torch.nn.NLLLoss. */
float fv_nll(const fv_loss *l)
{
    double sum = 0, divisor = divisor_of(l, weight_of_rows(l));
    float factor = factor_of(l, divisor);
    for (size_t i = 0; i < rows_of(l); i++) {
        if (ignored(l, i)) {
            keep(l, i, 0);
            continue;
        }
        size_t label = (size_t)l->labels[i], at = place(l, i, label);
        float w = l->weight ? l->weight[label] : 1.0f;
        double loss = -(double)(w * l->y[at]);
        sum += loss;
        keep(l, i, loss);
        if (l->dy)
            l->dy[at] -= w * factor;
    }
    return result_of(l, sum, divisor);
}

/* Returns the target probability of class c of a row, smoothed and weighted; its offset is
   `at`. */
static float wanted(const fv_loss *l, size_t row, int c, size_t at)
{
    float t = l->target ? l->target[at] : l->labels[row] == c ? 1.0f : 0.0f;
    t = t * (float)(1 - l->label_smoothing) + (float)(l->label_smoothing / l->classes);
    return l->weight ? l->weight[c] * t : t;
}

enum { STRIP = 64 };

/* e = exp(y - top - log_sum) of the classes from c on, a strip of them at the most; how many. */
static int exp_strip(const fv_loss *l, const float *y, int c, float top, float log_sum,
                     float e[STRIP])
{
    const int n = l->classes - c < STRIP ? l->classes - c : STRIP;
    for (int i = 0; i < n; i++)
        e[i] = y[(size_t)(c + i) * l->area] - top - log_sum;
    for (int i = n; i < (int)fv_round_up(n); i++)
        e[i] = 0;
    l->exp(n, e, e);
    return n;
}

/* loss = sum of wanted * (log(sum of exp(y)) - y), where 0 times infinity is 0;
   dy = softmax(y) * sum of wanted - wanted. */
static double cross_entropy_row(const fv_loss *l, size_t row, float factor)
{
    const int K = l->classes, label = l->target ? 0 : (int)l->labels[row];
    const bool spread = l->target || l->label_smoothing != 0; /* else only the label is wanted */
    const size_t first = place(l, row, 0), step = l->area;
    const float *y = l->y + first;
    float top = y[0], sum = 0, e[STRIP];
    for (int c = 1; c < K; c++)
        top = y[c * step] > top ? y[c * step] : top;
    for (int c = 0; c < K; c += STRIP)
        for (int i = 0, n = exp_strip(l, y, c, top, 0, e); i < n; i++)
            sum += e[i];
    float log_sum = fv_log(sum);
    double loss = 0, all = 0;
    for (int c = spread ? 0 : label; c < (spread ? K : label + 1); c++) {
        float t = wanted(l, row, c, first + c * step);
        all += (double)t;
        if (t != 0)
            loss += (double)t * (double)(log_sum - (y[c * step] - top));
    }
    for (int c = 0; l->dy && c < K; c += STRIP)
        for (int i = 0, n = exp_strip(l, y, c, top, log_sum, e); i < n; i++) {
            const size_t at = first + (size_t)(c + i) * step;
            l->dy[at] += factor * ((float)all * e[i] - wanted(l, row, c + i, at));
        }
    return loss;
}

/* torch.nn.CrossEntropyLoss */
float fv_cross_entropy(const fv_loss *l)
{
    double sum = 0, divisor = divisor_of(l, weight_of_rows(l));
    float factor = factor_of(l, divisor);
    for (size_t i = 0; i < rows_of(l); i++) {
        double loss = ignored(l, i) ? 0 : cross_entropy_row(l, i, factor);
        sum += loss;
        keep(l, i, loss);
    }
    return result_of(l, sum, divisor);
}

/* ---- element by element ------------------------------------------------------------------- */

/* The loss of one element y with target t, and its derivative by y. */
typedef struct point {
    float loss, slope;
} point;

static float weight_at(const float *weight, size_t count, const fv_loss *l, size_t at)
{
    if (!weight)
        return 1.0f;
    return weight[count == (size_t)l->classes ? at / l->area % count : at];
}

static float over_elements(const fv_loss *l,
                           point (*of)(const fv_loss *l, float y, float t, float pos_weight))
{
    size_t count = rows_of(l) * (size_t)l->classes;
    double sum = 0, divisor = divisor_of(l, (double)count);
    float factor = factor_of(l, divisor);
    for (size_t i = 0; i < count; i++) {
        float w = weight_at(l->weight, l->n_weight, l, i);
        point p = of(l, l->y[i], l->target[i], weight_at(l->pos_weight, l->n_pos_weight, l, i));
        sum += (double)(w * p.loss);
        keep(l, i, (double)(w * p.loss));
        if (l->dy)
            l->dy[i] += factor * (w * p.slope);
    }
    return result_of(l, sum, divisor);
}

static float sign(float x)
{
    return x > 0 ? 1.0f : x < 0 ? -1.0f : x; /* NaN stays */
}

static point squared(const fv_loss *l, float y, float t, float pos_weight)
{
    (void)l, (void)pos_weight;
    float d = y - t;
    return (point){d * d, 2 * d};
}

static point absolute(const fv_loss *l, float y, float t, float pos_weight)
{
    (void)l, (void)pos_weight;
    float d = y - t;
    return (point){fabsf(d), sign(d)};
}

/* d^2 / (2 beta) below beta, |d| - beta/2 from there on */
static point smooth_absolute(const fv_loss *l, float y, float t, float pos_weight)
{
    (void)pos_weight;
    float d = y - t, size = fabsf(d), beta = (float)l->beta;
    if (size < beta)
        return (point){0.5f * d * d / beta, d / beta};
    return (point){size - 0.5f * beta, sign(d)};
}

/* d^2 / 2 up to delta, delta * (|d| - delta/2) beyond */
static point huber(const fv_loss *l, float y, float t, float pos_weight)
{
    (void)pos_weight;
    float d = y - t, size = fabsf(d), delta = (float)l->delta;
    if (size <= delta)
        return (point){0.5f * d * d, d};
    return (point){delta * (size - 0.5f * delta), delta * sign(d)};
}

/* 1 / (1 + e^-x), as exact for large |x| as for small. */
static float sigmoid(float x)
{
    float e = fv_exp(-fabsf(x));
    return (x < 0 ? e : 1.0f) / (1.0f + e);
}

/* log(1 + e^x). Where 1 + e rounds, the last factor makes up for it. */
static float softplus(float x)
{
    float e = fv_exp(-fabsf(x)), u = 1.0f + e;
    return (x > 0 ? x : 0.0f) + (u == 1.0f ? e : fv_log(u) * (e / (u - 1.0f)));
}

/* -(pos_weight * t * log(sigmoid(y)) + (1 - t) * log(1 - sigmoid(y))) */
static point bce_with_logits(const fv_loss *l, float y, float t, float pos_weight)
{
    (void)l;
    return (point){(1 - t) * softplus(y) + pos_weight * t * softplus(-y),
                   (1 - t) * sigmoid(y) - pos_weight * t * sigmoid(-y)};
}

/* x^a for x in [0,1] and a >= 0 */
static float power(float x, float a)
{
    return a == 0 ? 1.0f : x == 0 ? 0.0f : fv_exp(a * fv_log(x));
}

/* bce * alpha_t * miss^gamma: miss is the probability given to what is not wanted. */
static point sigmoid_focal(const fv_loss *l, float y, float t, float pos_weight)
{
    float p = sigmoid(y), q = sigmoid(-y), gamma = (float)l->gamma, alpha = (float)l->alpha;
    point bce = bce_with_logits(l, y, t, pos_weight);
    float miss = p * (1 - t) + q * t, miss_slope = p * q * (1 - 2 * t), f = power(miss, gamma);
    float f_slope = miss == 0 ? 0.0f : gamma * (f / miss) * miss_slope;
    float a = alpha < 0 ? 1.0f : alpha * t + (1 - alpha) * (1 - t);
    return (point){a * f * bce.loss, a * (f * bce.slope + f_slope * bce.loss)};
}

/* t * (log t - y), 0 where t is 0; t itself may be the logarithm. */
static point kl_div(const fv_loss *l, float y, float t, float pos_weight)
{
    (void)pos_weight;
    float p = l->log_target ? fv_exp(t) : t, log_p = l->log_target ? t : fv_log(t);
    return (point){p == 0 ? 0.0f : p * (log_p - y), -p};
}

float fv_mse(const fv_loss *l)
{
    return over_elements(l, squared);
}

float fv_l1(const fv_loss *l)
{
    return over_elements(l, absolute);
}

float fv_smooth_l1(const fv_loss *l)
{
    return over_elements(l, smooth_absolute);
}

float fv_huber(const fv_loss *l)
{
    return over_elements(l, huber);
}

float fv_bce_with_logits(const fv_loss *l)
{
    return over_elements(l, bce_with_logits);
}

float fv_sigmoid_focal(const fv_loss *l)
{
    return over_elements(l, sigmoid_focal);
}

float fv_kl_div(const fv_loss *l)
{
    return over_elements(l, kl_div);
}
