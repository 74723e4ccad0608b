/*
 * sgd.c - optimizers: stochastic gradient descent with momentum. torch.optim.SGD.
 *
 * The parameters of a net are one array, its gradients another, the velocities a third, so a step
 * is one pass over three arrays. Layer 4. Calls the net's insides and the base.
 */
#include "net/net.h"

struct fv_optim {
    fv_object object;
    fv_net *net;
    double lr;
    fv_sgd_step step; /* but for lr */
    float *velocity;  /* [net->size]; NULL without momentum */
};

static void optim_destroy(void *self)
{
    fv_optim *optim = self;
    fv_release(optim->object.ctx, optim->velocity);
    fv_object_end(optim);
}

void fv_optim_free(fv_optim *optim)
{
    fv_object_free(optim);
}

/* Comparisons are written so that NaN fails them. */
static fv_status check_sgd(fv_ctx *ctx, const fv_sgd_args *a)
{
    const double most = 1e30;
    if (!(a->lr > 0 && a->lr < most))
        return fv_fail(ctx, FV_E_ARG, "fv_sgd: lr is %g, but must be more than 0", a->lr);
    if (!(a->momentum >= 0 && a->momentum < 1))
        return fv_fail(ctx, FV_E_ARG, "fv_sgd: momentum is %g, but must be in [0,1)", a->momentum);
    if (!(a->dampening >= 0 && a->dampening <= 1))
        return fv_fail(ctx, FV_E_ARG, "fv_sgd: dampening is %g, but must be in [0,1]",
                       a->dampening);
    if (!(a->weight_decay >= 0 && a->weight_decay < most))
        return fv_fail(ctx, FV_E_ARG, "fv_sgd: weight_decay is %g, but must be 0 or more",
                       a->weight_decay);
    if (a->nesterov && (a->momentum == 0 || a->dampening != 0))
        return fv_fail(ctx, FV_E_ARG,
                       "fv_sgd: nesterov wants momentum above 0 and dampening 0, not %g and %g",
                       a->momentum, a->dampening);
    return FV_OK;
}

fv_optim *fv_sgd_opt(fv_sgd_args args)
{
    if (!args.net || fv_error(args.net->object.ctx))
        return NULL;
    fv_ctx *ctx = args.net->object.ctx;
    if (args.lr == 0)
        args.lr = 0.001;
    if (check_sgd(ctx, &args))
        return NULL;
    fv_optim *optim = fv_object_new(ctx, sizeof *optim, optim_destroy);
    if (!optim)
        return NULL;
    optim->net = args.net;
    optim->lr = args.lr;
    optim->step = (fv_sgd_step){.momentum = (float)args.momentum,
                                .dampening = (float)args.dampening,
                                .weight_decay = (float)args.weight_decay,
                                .nesterov = args.nesterov,
                                .maximize = args.maximize,
                                .first = true};
    if (args.momentum > 0)
        optim->velocity = fv_alloc(ctx, args.net->size + 1, sizeof *optim->velocity);
    if (fv_error(ctx)) {
        fv_object_free(optim);
        return NULL;
    }
    return optim;
}

enum { FLOATS_PER_ITEM = 1 << 14 };

static void step_item(void *arg, int item, int thread)
{
    (void)thread;
    fv_optim *optim = arg;
    fv_net *net = optim->net;
    size_t from = (size_t)item * FLOATS_PER_ITEM, left = net->size - from;
    fv_sgd_step step = optim->step;
    step.lr = (float)optim->lr;
    net->object.ctx->kernels->sgd(left < FLOATS_PER_ITEM ? left : FLOATS_PER_ITEM, &step,
                                  net->values + from, net->grads + from,
                                  optim->velocity ? optim->velocity + from : NULL);
}

fv_status fv_step(fv_optim *optim)
{
    if (!optim)
        return FV_E_ARG;
    fv_ctx *ctx = optim->object.ctx;
    if (fv_error(ctx))
        return fv_error(ctx);
    int items = (int)((optim->net->size + FLOATS_PER_ITEM - 1) / FLOATS_PER_ITEM);
    fv_parallel(ctx, items, step_item, optim);
    optim->step.first = false;
    optim->net->changes++;
    return FV_OK;
}

fv_status fv_set_lr(fv_optim *optim, double lr)
{
    if (!optim)
        return FV_E_ARG;
    fv_ctx *ctx = optim->object.ctx;
    if (fv_error(ctx))
        return fv_error(ctx);
    if (!(lr > 0 && lr < 1e30))
        return fv_fail(ctx, FV_E_ARG, "fv_set_lr: lr is %g, but must be more than 0", lr);
    optim->lr = lr;
    return FV_OK;
}

double fv_lr(const fv_optim *optim)
{
    return optim ? optim->lr : 0;
}
