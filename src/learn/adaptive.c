/*
 * adaptive.c - optimizers that divide by the root of a sum or mean of squared gradients: Adagrad,
 * Adadelta, RMSprop. torch.optim.
 *
 * Layer 4. Calls the kernels and the base.
 */
#include "learn/optim.h"

/* Fields that all three set in the same way. */
static fv_scaled_step common(const fv_move *move, double eps, double keep, bool maximize)
{
    return (fv_scaled_step){.sign = maximize ? -1.0f : 1.0f,
                            .weight_decay = (float)move->weight_decay,
                            .lr = (float)move->lr,
                            .eps = (float)eps,
                            .keep = (float)keep,
                            .take = (float)(1 - keep)};
}

/* ---- Adagrad ------------------------------------------------------------------------------ */

static const fv_arg adagrad_settings[] = {
    FV_FIRST(fv_adagrad_args, lr, 0.01, FV_POSITIVE),
    FV_NUMBER(fv_adagrad_args, lr_decay, 0, FV_FROM_0),
    FV_NUMBER(fv_adagrad_args, weight_decay, 0, FV_FROM_0),
    FV_NUMBER(fv_adagrad_args, initial_accumulator_value, 0, FV_FROM_0),
    FV_NUMBER(fv_adagrad_args, eps, 1e-10, FV_FROM_0),
    FV_FLAG(fv_adagrad_args, maximize),
    {0}};

static fv_status adagrad_needs(fv_ctx *ctx, const char *where, const void *args, unsigned *which)
{
    (void)ctx, (void)where, (void)args;
    *which = 1;
    return FV_OK;
}

static float start_adagrad(const void *args)
{
    const fv_adagrad_args *a = args;
    return (float)a->initial_accumulator_value;
}

static void prepare_adagrad(const void *args, const fv_move *move, fv_update *update)
{
    const fv_adagrad_args *a = args;
    update->scaled = common(move, a->eps, 0, a->maximize);
    update->scaled.lr = (float)(move->lr / (1 + (double)(move->t - 1) * a->lr_decay));
}

static void step_adagrad(const fv_kernels *k, size_t n, const fv_update *update, float *p,
                         const float *g, float *const memories[FV_MEMORIES_MAX])
{
    k->adagrad(n, &update->scaled, p, g, memories[0]);
}

const fv_optim_kind fv_optim_kind_adagrad = {
    .recipe = {"adagrad", "fv_adagrad", sizeof(fv_adagrad_args), adagrad_settings, 0},
    .memories = {"sum"},
    .needs = adagrad_needs,
    .start = start_adagrad,
    .prepare = prepare_adagrad,
    .step = step_adagrad};

fv_optim *fv_adagrad_opt(fv_adagrad_args args)
{
    return fv_optim_new(&fv_optim_kind_adagrad, NULL, args.net, &args);
}

/* ---- Adadelta ----------------------------------------------------------------------------- */

static const fv_arg adadelta_settings[] = {FV_FIRST(fv_adadelta_args, lr, 1, FV_POSITIVE),
                                           FV_NUMBER(fv_adadelta_args, rho, 0.9, FV_UP_TO_1),
                                           FV_NUMBER(fv_adadelta_args, eps, 1e-6, FV_FROM_0),
                                           FV_NUMBER(fv_adadelta_args, weight_decay, 0, FV_FROM_0),
                                           FV_FLAG(fv_adadelta_args, maximize),
                                           {0}};

static fv_status adadelta_needs(fv_ctx *ctx, const char *where, const void *args, unsigned *which)
{
    (void)ctx, (void)where, (void)args;
    *which = 1 << 0 | 1 << 1;
    return FV_OK;
}

static void prepare_adadelta(const void *args, const fv_move *move, fv_update *update)
{
    const fv_adadelta_args *a = args;
    update->scaled = common(move, a->eps, a->rho, a->maximize);
}

static void step_adadelta(const fv_kernels *k, size_t n, const fv_update *update, float *p,
                          const float *g, float *const memories[FV_MEMORIES_MAX])
{
    k->adadelta(n, &update->scaled, p, g, memories[0], memories[1]);
}

const fv_optim_kind fv_optim_kind_adadelta = {
    .recipe = {"adadelta", "fv_adadelta", sizeof(fv_adadelta_args), adadelta_settings, 0},
    .memories = {"square_avg", "acc_delta"},
    .needs = adadelta_needs,
    .prepare = prepare_adadelta,
    .step = step_adadelta};

fv_optim *fv_adadelta_opt(fv_adadelta_args args)
{
    return fv_optim_new(&fv_optim_kind_adadelta, NULL, args.net, &args);
}

/* ---- RMSprop ------------------------------------------------------------------------------ */

static const fv_arg rmsprop_settings[] = {FV_FIRST(fv_rmsprop_args, lr, 0.01, FV_POSITIVE),
                                          FV_NUMBER(fv_rmsprop_args, alpha, 0.99, FV_UP_TO_1),
                                          FV_NUMBER(fv_rmsprop_args, eps, 1e-8, FV_FROM_0),
                                          FV_NUMBER(fv_rmsprop_args, weight_decay, 0, FV_FROM_0),
                                          FV_NUMBER(fv_rmsprop_args, momentum, 0, FV_BELOW_1),
                                          FV_FLAG(fv_rmsprop_args, centered),
                                          FV_FLAG(fv_rmsprop_args, maximize),
                                          {0}};

static fv_status rmsprop_needs(fv_ctx *ctx, const char *where, const void *args, unsigned *which)
{
    const fv_rmsprop_args *a = args;
    (void)ctx, (void)where;
    *which = 1u << 0 | (unsigned)a->centered << 1 | (unsigned)(a->momentum > 0) << 2;
    return FV_OK;
}

static void prepare_rmsprop(const void *args, const fv_move *move, fv_update *update)
{
    const fv_rmsprop_args *a = args;
    update->scaled = common(move, a->eps, a->alpha, a->maximize);
    update->scaled.momentum = (float)a->momentum;
}

static void step_rmsprop(const fv_kernels *k, size_t n, const fv_update *update, float *p,
                         const float *g, float *const memories[FV_MEMORIES_MAX])
{
    k->rmsprop(n, &update->scaled, p, g, memories[0], memories[1], memories[2]);
}

const fv_optim_kind fv_optim_kind_rmsprop = {
    .recipe = {"rmsprop", "fv_rmsprop", sizeof(fv_rmsprop_args), rmsprop_settings, 0},
    .memories = {"square_avg", "grad_avg", "momentum_buffer"},
    .needs = rmsprop_needs,
    .prepare = prepare_rmsprop,
    .step = step_rmsprop};

fv_optim *fv_rmsprop_opt(fv_rmsprop_args args)
{
    return fv_optim_new(&fv_optim_kind_rmsprop, NULL, args.net, &args);
}
