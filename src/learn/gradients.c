/*
 * gradients.c - clips and scales gradients between backward and a step.
 *
 * Sums of squares are in double, where the square of a float is exact, and in an order that depends
 * only on the size of the net. Layer 4. Calls the net's internals and the base.
 */
#include "learn/optim.h"

#include <math.h>

/* ---- norms -------------------------------------------------------------------------------- */

typedef struct norms {
    const fv_net *net;
    const fv_optim *optim;
    bool largest;
    double pieces[FV_PIECES_MAX];
} norms;

/* Returns NaN if either is NaN. */
static double larger(double a, double b)
{
    return a >= b || isnan(a) ? a : b;
}

/* Reduces to FV_LANES partial sums first, which vectorises. */
static double measure(bool largest, const float *g, size_t n)
{
    double lanes[FV_LANES] = {0}, all = 0;
    size_t whole = n - n % FV_LANES;
    for (size_t i = 0; i < whole; i += FV_LANES)
        for (int l = 0; l < FV_LANES; l++) {
            double x = (double)g[i + (size_t)l];
            lanes[l] = largest ? larger(lanes[l], fabs(x)) : lanes[l] + x * x;
        }
    for (size_t i = whole; i < n; i++) {
        double x = (double)g[i];
        lanes[i - whole] = largest ? larger(lanes[i - whole], fabs(x)) : lanes[i - whole] + x * x;
    }
    for (int l = 0; l < FV_LANES; l++)
        all = largest ? larger(all, lanes[l]) : all + lanes[l];
    return all;
}

static void measure_stretch(void *arg, const fv_stretch *s)
{
    norms *v = arg;
    if (v->optim && fv_optim_frozen(v->optim, s->param))
        return;
    double x = measure(v->largest, v->net->grads + s->from, s->count), *sum = &v->pieces[s->piece];
    *sum = v->largest ? larger(*sum, x) : *sum + x;
}

static double norm_of(norms *v)
{
    double all = 0;
    int n = fv_each_stretch(v->net, measure_stretch, v);
    for (int i = 0; i < n; i++)
        all = v->largest ? larger(all, v->pieces[i]) : all + v->pieces[i];
    return v->largest ? all : sqrt(all);
}

/* Sets an error that names the first parameter with a gradient that is not finite. */
static void refuse_norm(const norms *v, double norm)
{
    for (int i = 0; i < v->net->n_params; i++) {
        const fv_param *p = &v->net->params[i];
        if ((v->optim && fv_optim_frozen(v->optim, i)) ||
            isfinite(measure(true, p->grad, p->count)))
            continue;
        fv_fail(
            v->net->object.ctx, FV_E_DATA,
            "fv_clip_grad_norm: the norm of the gradients is %g; the first that is not finite is "
            "one of \"%s\"\nhelp: a smaller learning rate, or leave this step out",
            norm, p->name);
    }
}

/* ---- scaling and clipping ----------------------------------------------------------------- */

typedef struct change {
    float *grads, factor, most;
} change;

static void scale_stretch(void *arg, const fv_stretch *s)
{
    const change *c = arg;
    for (size_t i = 0; i < s->count; i++)
        c->grads[s->from + i] *= c->factor;
}

static void cut_stretch(void *arg, const fv_stretch *s)
{
    const change *c = arg;
    float *g = c->grads + s->from, most = c->most;
    for (size_t i = 0; i < s->count; i++) {
        float x = g[i] > most ? most : g[i];
        g[i] = x < -most ? -most : x;
    }
}

double fv_clip_grad_norm_opt(fv_clip_grad_norm_args a)
{
    if (FV_STOPPED(a.net))
        return NAN;
    fv_ctx *ctx = a.net->object.ctx;
    bool largest = isinf(a.norm_type) && a.norm_type > 0;
    if (fv_check_range(ctx, "fv_clip_grad_norm", "max_norm", (fv_range)FV_POSITIVE, a.max_norm))
        return NAN;
    if (!largest && a.norm_type != 0 && a.norm_type != 2) {
        fv_fail(ctx, FV_E_ARG, "fv_clip_grad_norm: norm_type is %g, but must be 2 or INFINITY",
                a.norm_type);
        return NAN;
    }
    if (a.optim && a.optim->net != a.net) {
        fv_fail(ctx, FV_E_ARG, "fv_clip_grad_norm: optim is the optimizer of another net");
        return NAN;
    }
    norms v = {.net = a.net, .optim = a.optim, .largest = largest};
    double norm = norm_of(&v), factor = a.max_norm / (norm + 1e-6);
    if (!isfinite(norm))
        refuse_norm(&v, norm);
    else if (factor < 1)
        fv_each_stretch(a.net, scale_stretch, &(change){a.net->grads, (float)factor, 0});
    return norm;
}

fv_status fv_clip_grad_value(fv_net *net, double clip_value)
{
    if (!net)
        return fv_absent(__func__);
    fv_ctx *ctx = net->object.ctx;
    if (fv_error(ctx) ||
        fv_check_range(ctx, "fv_clip_grad_value", "clip_value", (fv_range)FV_POSITIVE, clip_value))
        return fv_error(ctx);
    fv_each_stretch(net, cut_stretch, &(change){net->grads, 0, (float)clip_value});
    return FV_OK;
}

fv_status fv_scale_grad(fv_net *net, double factor)
{
    if (!net)
        return fv_absent(__func__);
    fv_ctx *ctx = net->object.ctx;
    if (fv_error(ctx))
        return fv_error(ctx);
    if (!isfinite((float)factor))
        return fv_fail(ctx, FV_E_ARG, "fv_scale_grad: factor is %g, but must be finite", factor);
    fv_each_stretch(net, scale_stretch, &(change){net->grads, (float)factor, 0});
    return FV_OK;
}
