/*
 * loss.c - the public losses: what a net gave against labels, and the gradient it starts from.
 *
 * Layer 3. Calls the ops and the base.
 */
#include "net/net.h"

#include <math.h>
#include <string.h>

static fv_status check_loss(fv_net *net, const fv_loss_args *a)
{
    fv_ctx *ctx = net->object.ctx;
    fv_shape out = fv_net_out(net);
    if (net->stage == FV_FRESH || !net->last)
        return fv_fail(ctx, FV_E_STATE, "a loss was asked for before any fv_forward");
    if (out.h != 1 || out.w != 1)
        return fv_fail(ctx, FV_E_SHAPE,
                       "a loss over classes takes an output [N,classes], but the net gives "
                       "[N,%d,%d,%d]\nhelp: end the net with fv_flatten and fv_linear",
                       out.c, out.h, out.w);
    if (!a->batch || a->batch->n != net->n || !a->batch->labels)
        return fv_fail(ctx, FV_E_ARG,
                       "a loss takes the batch of the last fv_forward (%d images), with labels; "
                       "this one has %d images and %s labels",
                       net->n, a->batch ? a->batch->n : 0,
                       a->batch && a->batch->labels ? "has" : "no");
    for (int i = 0; i < net->n; i++) {
        int64_t label = a->batch->labels[i];
        if (label < 0 || label >= out.c)
            return fv_fail(ctx, FV_E_CLASS,
                           "label %lld of sample %lld: the net has %d classes, 0 to %d\n"
                           "help: fv_dataset_check finds such labels before training starts",
                           (long long)label,
                           (long long)(a->batch->indices ? a->batch->indices[i] : i), out.c,
                           out.c - 1);
    }
    return FV_OK;
}

static float loss(const fv_loss_args *a,
                  float (*of_rows)(int n, int classes, const float *y, const int64_t *labels,
                                   bool mean, float *losses, float *dy))
{
    fv_net *net = a->net;
    if (!net || fv_error(net->object.ctx) || check_loss(net, a))
        return NAN;
    bool train = net->last->train, none = a->reduction == FV_NONE;
    float value = of_rows(net->n, fv_net_out(net).c, net->last->output[0], a->batch->labels,
                          a->reduction == FV_MEAN, a->losses,
                          train && !none ? net->last->doutput[0] : NULL);
    net->stage = train && !none ? FV_HAS_LOSS : FV_RAN;
    return none ? 0.0f : value;
}

float fv_nll_loss_opt(fv_loss_args args)
{
    return loss(&args, fv_nll);
}

float fv_cross_entropy_loss_opt(fv_loss_args args)
{
    return loss(&args, fv_cross_entropy);
}

fv_status fv_output_gradient(fv_net *net, const float *gradient)
{
    if (!net)
        return FV_E_ARG;
    fv_ctx *ctx = net->object.ctx;
    if (fv_error(ctx))
        return fv_error(ctx);
    if (!gradient || net->stage == FV_FRESH || !net->last || !net->last->train)
        return fv_fail(ctx, FV_E_STATE,
                       "fv_output_gradient takes [n,C,H,W] after a fv_forward in train mode");
    memcpy(net->last->doutput[0], gradient,
           net->n * fv_shape_count(fv_net_out(net)) * sizeof *gradient);
    net->stage = FV_HAS_LOSS;
    return FV_OK;
}
