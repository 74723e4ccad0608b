/*
 * init.c - first values of parameters: torch.nn.init's, drawn in its order from the context's
 * random numbers.
 *
 * Uniform values are PyTorch's to the bit. Normal ones go through log, sqrt, cos and sin, which are
 * the C library's in double here and single-precision approximations there, so they agree to about
 * 1e-6. He et al., arXiv:1502.01852; Glorot and Bengio, AISTATS 2010; Saxe et al., arXiv:1312.6120.
 * Layer 3. Calls the ops and the base.
 */
#include "net/net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct fans {
    double in, out;
} fans;

/* Of a weight [O,C,R,S] or [O,K]: C*R*S and O*R*S. */
static fans fans_of(const fv_param *p)
{
    double field = (double)p->dims[2] * (double)p->dims[3];
    return (fans){(double)p->dims[1] * field, (double)p->dims[0] * field};
}

/* torch.nn.init.calculate_gain. */
static double gain_of(const fv_init_args *a)
{
    switch (a->nonlinearity) {
    case FV_GAIN_LEAKY_RELU: return sqrt(2.0 / (1 + a->a * a->a));
    case FV_GAIN_RELU: return sqrt(2.0);
    case FV_GAIN_TANH: return 5.0 / 3;
    case FV_GAIN_SELU: return 3.0 / 4;
    case FV_GAIN_LINEAR: break;
    }
    return 1;
}

/* ---- drawing ------------------------------------------------------------------------------ */

static void draw_uniform(fv_rng *rng, size_t n, float *x, double low, double high)
{
    for (size_t i = 0; i < n; i++)
        x[i] = fv_rng_uniform(rng, (float)low, (float)high);
}

/* *value of 8 uniform numbers and the 8 after them: Box and Muller. */
static void make_normal(float *x, double mean, double std)
{
    const double two_pi = 6.283185307179586;
    for (int i = 0; i < 8; i++) {
        double u = 1 - (double)x[i], angle = two_pi * (double)x[i + 8];
        double radius = sqrt(-2 * log(u));
        x[i] = (float)(radius * cos(angle) * std + mean);
        x[i + 8] = (float)(radius * sin(angle) * std + mean);
    }
}

/* As PyTorch's normal_ on a CPU: all uniform first, then 16 by 16; the last ones of a count that 16
   does not divide are drawn again. Fewer than 16 come in pairs of doubles. */
static void draw_normal(fv_rng *rng, size_t n, float *x, double mean, double std)
{
    if (n < 16) {
        for (size_t i = 0; i < n; i++)
            x[i] = (float)(fv_rng_normal(rng) * std + mean);
        return;
    }
    for (size_t i = 0; i < n; i++)
        x[i] = fv_rng_uniform(rng, 0.0f, 1.0f);
    for (size_t i = 0; i + 16 <= n; i += 16)
        make_normal(x + i, mean, std);
    if (n % 16 == 0)
        return;
    for (size_t i = n - 16; i < n; i++)
        x[i] = fv_rng_uniform(rng, 0.0f, 1.0f);
    make_normal(x + n - 16, mean, std);
}

/* ---- orthogonal --------------------------------------------------------------------------- */

/* One reflection that clears column k of q [rows][cols] below its diagonal, kept in place. */
static double reflect(double *q, size_t rows, size_t cols, size_t k)
{
    double norm = 0;
    for (size_t i = k; i < rows; i++)
        norm += q[i * cols + k] * q[i * cols + k];
    double head = q[k * cols + k], alpha = head > 0 ? -sqrt(norm) : sqrt(norm);
    double v0 = head - alpha, scale = norm - head * alpha; /* v.v / 2 */
    if (scale == 0)
        return alpha;
    q[k * cols + k] = v0;
    for (size_t j = k + 1; j < cols; j++) {
        double dot = 0;
        for (size_t i = k; i < rows; i++)
            dot += q[i * cols + k] * q[i * cols + j];
        for (size_t i = k; i < rows; i++)
            q[i * cols + j] -= dot / scale * q[i * cols + k];
    }
    return alpha;
}

/* Columns of q, of the reflections in a, times the signs of R's diagonal. */
static void unfold(const double *a, const double *diagonal, size_t rows, size_t cols, double *q)
{
    memset(q, 0, rows * cols * sizeof *q);
    for (size_t k = 0; k < cols; k++)
        q[k * cols + k] = diagonal[k] < 0 ? -1 : 1;
    for (size_t k = cols; k-- > 0;) {
        double scale = 0;
        for (size_t i = k; i < rows; i++)
            scale += a[i * cols + k] * a[i * cols + k] / 2;
        for (size_t j = k; j < cols && scale > 0; j++) {
            double dot = 0;
            for (size_t i = k; i < rows; i++)
                dot += a[i * cols + k] * q[i * cols + j];
            for (size_t i = k; i < rows; i++)
                q[i * cols + j] -= dot / scale * a[i * cols + k];
        }
    }
}

/* Rows or columns of the weight, [O][the rest], become orthonormal: Q of a normal matrix, with R's
   diagonal positive. */
static fv_status draw_orthogonal(fv_ctx *ctx, const fv_param *p, float *x, double gain)
{
    size_t O = (size_t)p->dims[0], K = p->count / O, rows = O < K ? K : O, cols = O < K ? O : K;
    double *a = fv_alloc(ctx, 2 * p->count + cols, sizeof *a), *q = a + p->count;
    double *diagonal = q + p->count;
    if (!a)
        return fv_error(ctx);
    draw_normal(&ctx->rng, p->count, x, 0, 1);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            a[i * cols + j] = (double)x[O < K ? j * K + i : i * K + j];
    for (size_t k = 0; k < cols; k++)
        diagonal[k] = reflect(a, rows, cols, k);
    unfold(a, diagonal, rows, cols, q);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            x[O < K ? j * K + i : i * K + j] = (float)(gain * q[i * cols + j]);
    fv_release(ctx, a);
    return FV_OK;
}

/* ---- the public function ------------------------------------------------------------------ */

/* Draws the values of a parameter into x. */
static fv_status draw(fv_ctx *ctx, const fv_init_args *a, const fv_param *p, float *x)
{
    fans f = fans_of(p);
    double gain = a->gain == 0 ? 1 : a->gain, std = a->std == 0 ? 1 : a->std;
    double xavier = gain * sqrt(2.0 / (f.in + f.out));
    double kaiming = gain_of(a) / sqrt(a->fan_out ? f.out : f.in);
    fv_rng *rng = &ctx->rng;
    bool needs_fans = a->kind <= FV_INIT_XAVIER_NORMAL || a->kind == FV_INIT_ORTHOGONAL;
    if (needs_fans && p->ndim < 2)
        return fv_fail(ctx, FV_E_SHAPE,
                       "fv_init: \"%s\" has %d dimension%s, but that initialiser is for weights of "
                       "2 or more\nhelp: a pattern that leaves biases out, such as \"*.weight\"",
                       p->name, p->ndim, p->ndim == 1 ? "" : "s");
    switch (a->kind) {
    case FV_INIT_KAIMING_UNIFORM:
        draw_uniform(rng, p->count, x, -sqrt(3.0) * kaiming, sqrt(3.0) * kaiming);
        break;
    case FV_INIT_KAIMING_NORMAL: draw_normal(rng, p->count, x, 0, kaiming); break;
    case FV_INIT_XAVIER_UNIFORM:
        draw_uniform(rng, p->count, x, -sqrt(3.0) * xavier, sqrt(3.0) * xavier);
        break;
    case FV_INIT_XAVIER_NORMAL: draw_normal(rng, p->count, x, 0, xavier); break;
    case FV_INIT_ORTHOGONAL: return draw_orthogonal(ctx, p, x, gain);
    case FV_INIT_UNIFORM:
        draw_uniform(rng, p->count, x, a->low, a->low == 0 && a->high == 0 ? 1 : a->high);
        break;
    case FV_INIT_NORMAL: draw_normal(rng, p->count, x, a->mean, std); break;
    case FV_INIT_CONSTANT:
        for (size_t i = 0; i < p->count; i++)
            x[i] = (float)a->value;
        break;
    }
    return fv_error(ctx);
}

fv_status fv_init_opt(fv_init_args a)
{
    if (!a.net)
        return fv_absent(__func__);
    fv_net *net = a.net;
    fv_ctx *ctx = net->object.ctx;
    if (fv_error(ctx))
        return fv_error(ctx);
    int met = 0;
    for (int i = 0; i < net->n_params; i++) {
        if (!fv_word_matches(a.pattern ? a.pattern : "*.weight", net->params[i].name))
            continue;
        met++;
        float *x = fv_alloc(ctx, net->params[i].count, sizeof *x);
        if (x && !draw(ctx, &a, &net->params[i], x))
            fv_param_put(net, i, x, NULL);
        fv_release(ctx, x);
        if (fv_error(ctx))
            return fv_error(ctx);
    }
    if (met)
        return FV_OK;
    return fv_fail(ctx, FV_E_NAME, "fv_init: no parameter is called \"%s\"; the first is \"%s\"",
                   a.pattern ? a.pattern : "*.weight", net->n_params ? net->params[0].name : "");
}
