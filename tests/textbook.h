/*
 * textbook.h - computes networks in double with plain loops, as textbooks define the layers: an
 * oracle for tests. Calls nothing of the library.
 */
#ifndef TEXTBOOK_H
#define TEXTBOOK_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "fovea.h"

/* ---- a network as the interpreter sees it ------------------------------------------------- */

typedef enum layer_kind {
    INPUT,
    CONV,
    TRANSPOSE,
    LINEAR,
    BATCH_NORM,
    GROUP_NORM,
    INSTANCE_NORM,
    LAYER_NORM, /* with parameters, from CONV on */
    RELU,
    TANH,
    SIGMOID,
    SILU,
    GELU,
    ELU,
    LEAKY,
    SOFTPLUS,
    MISH,
    SOFTMAX,
    LOG_SOFTMAX,
    MAX_POOL,
    AVG_POOL,
    ADAPTIVE,
    UPSAMPLE,
    PAD,
    FLATTEN,
    RESHAPE,
    PERMUTE,
    SLICE,
    ADD,
    MUL,
    CONCAT,
    AGAIN,
    KINDS
} layer_kind;

typedef struct layer {
    layer_kind kind;
    int in[3], inputs;
    int c, h, w;                   /* shape of the output */
    int out, k, s, p, groups, dim; /* arguments: channels, kernel, stride, padding, ... */
    int owner;                     /* layer whose parameters it uses, mostly itself */
    bool used;                     /* an output depends on it */
    int weights, biases;
    double *weight, *bias, *y;
    fv_node node;
} layer;

enum { LAYERS_MAX = 24, INPUTS_MAX = 3, OUTPUTS_MAX = 3 };

static layer net_layers[LAYERS_MAX];
static int count, n; /* number of layers, of images */
static double kink;  /* smallest distance of an activation or maximum from a kink */

static int area(const layer *l)
{
    return l->h * l->w;
}

static int numbers(const layer *l)
{
    return l->c * l->h * l->w;
}

static void near_kink(double distance)
{
    kink = fabs(distance) < kink ? fabs(distance) : kink;
}

/* ---- the interpreter ---------------------------------------------------------------------- */

static double at(const layer *l, int i, int c, int h, int w)
{
    bool inside = h >= 0 && w >= 0 && h < l->h && w < l->w;
    return inside ? l->y[((i * l->c + c) * l->h + h) * l->w + w] : 0;
}

static double convolution(const layer *l, const layer *x, int i, int o, int p, int q)
{
    int group_in = x->c / l->groups, group = o / (l->c / l->groups), K = l->k;
    double sum = l->biases ? l->bias[o] : 0;
    for (int c = 0; c < group_in; c++)
        for (int r = 0; r < K; r++)
            for (int s = 0; s < K; s++)
                sum += l->weight[((o * group_in + c) * K + r) * K + s] *
                       at(x, i, group * group_in + c, p * l->s - l->p + r, q * l->s - l->p + s);
    return sum;
}

static double transposed(const layer *l, const layer *x, int i, int o, int p, int q)
{
    double sum = l->biases ? l->bias[o] : 0;
    for (int c = 0; c < x->c; c++)
        for (int r = 0; r < l->k; r++)
            for (int s = 0; s < l->k; s++) {
                int h = p + l->p - r, w = q + l->p - s;
                if (h % l->s == 0 && w % l->s == 0)
                    sum += l->weight[((c * l->c + o) * l->k + r) * l->k + s] *
                           at(x, i, c, h / l->s, w / l->s);
            }
    return sum;
}

/* Normalizes elements first, first + step, ... in runs of length to mean 0 and variance 1. */
static void normalise(const layer *l, const layer *x, int first, int runs, int step, int length)
{
    double mean = 0, var = 0;
    for (int r = 0; r < runs; r++)
        for (int j = 0; j < length; j++)
            mean += x->y[first + r * step + j] / (runs * length);
    for (int r = 0; r < runs; r++)
        for (int j = 0; j < length; j++)
            var += pow(x->y[first + r * step + j] - mean, 2) / (runs * length);
    for (int r = 0; r < runs; r++)
        for (int j = 0; j < length; j++) {
            int k = first + r * step + j, in_image = k % numbers(x);
            int c = l->kind == LAYER_NORM ? in_image % l->weights : in_image / area(x);
            l->y[k] = (x->y[k] - mean) / sqrt(var + 0.1) * l->weight[c] + l->bias[c];
        }
}

static void norms(const layer *l, const layer *x)
{
    int image = numbers(x), part = l->kind == GROUP_NORM      ? image / l->groups
                                   : l->kind == INSTANCE_NORM ? area(x)
                                                              : l->weights;
    if (l->kind == BATCH_NORM)
        for (int c = 0; c < x->c; c++)
            normalise(l, x, c * area(x), n, image, area(x));
    else
        for (int k = 0; k < n * image; k += part)
            normalise(l, x, k, 1, 0, part);
}

static double activation(layer_kind kind, double x)
{
    switch (kind) {
    case RELU: near_kink(x); return x > 0 ? x : 0;
    case LEAKY: near_kink(x); return x > 0 ? x : 0.01 * x;
    case TANH: return tanh(x);
    case SIGMOID: return 1 / (1 + exp(-x));
    case SILU: return x / (1 + exp(-x));
    case GELU: return x * (1 + erf(x / sqrt(2.0))) / 2;
    case SOFTPLUS: return log1p(exp(2 * x)) / 2;
    case MISH: return x * tanh(log1p(exp(x)));
    default: return x > 0 ? x : exp(x) - 1;
    }
}

/* Softmax over dimension dim; element k belongs to the slice that starts at first. */
static void softmax(const layer *l, const layer *x)
{
    int sizes[] = {x->c, x->h, x->w}, inner = l->dim == 1 ? area(x) : l->dim == 2 ? x->w : 1;
    int size = sizes[l->dim - 1];
    for (int k = 0; k < n * numbers(x); k++) {
        int first = k - k / inner % size * inner;
        double max = -INFINITY, sum = 0;
        for (int j = 0; j < size; j++)
            max = fmax(max, x->y[first + j * inner]);
        for (int j = 0; j < size; j++)
            sum += exp(x->y[first + j * inner] - max);
        double log_y = x->y[k] - max - log(sum);
        l->y[k] = l->kind == SOFTMAX ? exp(log_y) : log_y;
    }
}

static double pooled(const layer *l, const layer *x, int i, int c, int p, int q)
{
    int from_h = p * l->s - l->p, from_w = q * l->s - l->p, to_h = from_h + l->k,
        to_w = from_w + l->k;
    if (l->kind == ADAPTIVE) {
        from_h = p * x->h / l->h, to_h = ((p + 1) * x->h + l->h - 1) / l->h;
        from_w = q * x->w / l->w, to_w = ((q + 1) * x->w + l->w - 1) / l->w;
    }
    double max = -INFINITY, second = -INFINITY, sum = 0;
    for (int h = from_h; h < to_h; h++)
        for (int w = from_w; w < to_w; w++) {
            if (l->kind == MAX_POOL && (h < 0 || w < 0 || h >= x->h || w >= x->w))
                continue;
            double v = at(x, i, c, h, w);
            sum += v;
            second = v > max ? max : fmax(second, v);
            max = fmax(max, v);
        }
    if (l->kind != MAX_POOL)
        return sum / ((to_h - from_h) * (to_w - from_w));
    near_kink(max - second);
    return max;
}

static double joined(const layer *l, int i, int c, int h, int w)
{
    int place[] = {c, h, w}, k = 0;
    for (;; k++) {
        const layer *x = net_layers + l->in[k];
        int sizes[] = {x->c, x->h, x->w};
        if (place[l->dim - 1] < sizes[l->dim - 1])
            break;
        place[l->dim - 1] -= sizes[l->dim - 1];
    }
    return at(net_layers + l->in[k], i, place[0], place[1], place[2]);
}

static double permuted(const layer *l, const layer *x, int i, int c, int h, int w)
{
    const int order[3] = {l->k, l->s, l->p}, place[3] = {c, h, w};
    int from[3];
    for (int d = 0; d < 3; d++)
        from[order[d] - 1] = place[d];
    return at(x, i, from[0], from[1], from[2]);
}

static double element(const layer *l, int i, int c, int h, int w)
{
    const layer *x = net_layers + l->in[0], *x2 = net_layers + l->in[1];
    switch (l->kind) {
    case CONV: return convolution(l, x, i, c, h, w);
    case TRANSPOSE: return transposed(l, x, i, c, h, w);
    case MAX_POOL:
    case AVG_POOL:
    case ADAPTIVE: return pooled(l, x, i, c, h, w);
    case UPSAMPLE: return at(x, i, c, h / 2, w / 2);
    case PAD: return at(x, i, c, h - l->p, w - l->k);
    case PERMUTE: return permuted(l, x, i, c, h, w);
    case SLICE:
        return at(x, i, c + (l->dim == 1 ? l->p : 0), h + (l->dim == 2 ? l->p : 0),
                  w + (l->dim == 3 ? l->p : 0));
    case ADD: return at(x, i, c, h, w) + at(x2, i, c, h, w);
    case MUL:
        return at(x, i, c, h, w) *
               at(x2, i, x2->c == 1 ? 0 : c, x2->h == 1 ? 0 : h, x2->w == 1 ? 0 : w);
    case CONCAT: return joined(l, i, c, h, w);
    case LINEAR: {
        double sum = l->biases ? l->bias[c] : 0;
        for (int k = 0; k < x->c; k++)
            sum += l->weight[c * x->c + k] * x->y[i * x->c + k];
        return sum;
    }
    default: return activation(l->kind, at(x, i, c, h, w));
    }
}

static void interpret(void)
{
    kink = INFINITY;
    for (int k = 0; k < count; k++) {
        layer *l = net_layers + k;
        l->weight = net_layers[l->owner].weight;
        l->bias = net_layers[l->owner].bias;
        if (l->kind == INPUT || !l->used)
            continue;
        if (l->kind == SOFTMAX || l->kind == LOG_SOFTMAX) {
            softmax(l, net_layers + l->in[0]);
        } else if (l->kind >= BATCH_NORM && l->kind <= LAYER_NORM) {
            norms(l, net_layers + l->in[0]);
        } else if (l->kind == FLATTEN || l->kind == RESHAPE) {
            memcpy(l->y, net_layers[l->in[0]].y, (size_t)n * numbers(l) * sizeof *l->y);
        } else {
            double *y = l->y;
            for (int i = 0; i < n; i++)
                for (int c = 0; c < l->c; c++)
                    for (int h = 0; h < l->h; h++)
                        for (int w = 0; w < l->w; w++)
                            *y++ = element(l, i, c, h, w);
        }
    }
}

#endif
