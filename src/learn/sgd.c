/*
 * sgd.c - stochastic gradient descent with momentum: torch.optim.SGD.
 *
 * Layer 4. Calls the kernels and the base.
 */
#include "learn/optim.h"

static const fv_arg settings[] = {FV_FIRST(fv_sgd_args, lr, 0.001, FV_POSITIVE),
                                  FV_NUMBER(fv_sgd_args, momentum, 0, FV_BELOW_1),
                                  FV_NUMBER(fv_sgd_args, dampening, 0, FV_UP_TO_1),
                                  FV_NUMBER(fv_sgd_args, weight_decay, 0, FV_FROM_0),
                                  FV_FLAG(fv_sgd_args, nesterov),
                                  FV_FLAG(fv_sgd_args, maximize),
                                  {0}};

static fv_status needs(fv_ctx *ctx, const char *where, const void *args, unsigned *which)
{
    const fv_sgd_args *a = args;
    if (a->nesterov && (a->momentum == 0 || a->dampening != 0))
        return fv_fail(ctx, FV_E_ARG,
                       "%s: nesterov wants momentum above 0 and dampening 0, not %g and %g", where,
                       a->momentum, a->dampening);
    *which = a->momentum > 0;
    return FV_OK;
}

static void prepare(const void *args, const fv_move *move, fv_update *update)
{
    const fv_sgd_args *a = args;
    update->sgd = (fv_sgd_step){.lr = (float)move->lr,
                                .momentum = (float)a->momentum,
                                .dampening = (float)a->dampening,
                                .weight_decay = (float)move->weight_decay,
                                .nesterov = a->nesterov,
                                .maximize = a->maximize,
                                .first = move->t == 1};
}

static void step(const fv_kernels *k, size_t n, const fv_update *update, float *p, const float *g,
                 float *const memories[FV_MEMORIES_MAX])
{
    k->sgd(n, &update->sgd, p, g, memories[0]);
}

const fv_optim_kind fv_optim_kind_sgd = {
    .recipe = {"sgd", "fv_sgd", sizeof(fv_sgd_args), settings, 0},
    .memories = {"momentum_buffer"},
    .needs = needs,
    .prepare = prepare,
    .step = step};

fv_optim *fv_sgd_opt(fv_sgd_args args)
{
    return fv_optim_new(&fv_optim_kind_sgd, NULL, args.net, &args);
}
