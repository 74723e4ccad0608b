/*
 * adam.c - optimizers with first and second moments: Adam, AdamW, NAdam, RAdam; and Lion.
 * torch.optim; Lion is Chen et al., arXiv:2302.06675.
 *
 * Everything that depends only on the step number is computed here in double and rounded once; the
 * kernel does the rest. Powers are products, equal on every system; NAdam's 0.96^x is libm's pow,
 * whose last bit vanishes in float. Layer 4. Calls the kernels and the base.
 */
#include "learn/optim.h"

#include <math.h>

/* Returns x^n by squaring. */
static double power(double x, int64_t n)
{
    double y = 1;
    for (; n > 0; n >>= 1, x *= x)
        if (n & 1)
            y *= x;
    return y;
}

#define BETAS(args, second)                                                                        \
    FV_ARG(args, betas, FV_ARG_PAIR, .range = FV_BELOW_1, .initial = {2, {0.9, second}})
#define EPS(args) FV_NUMBER(args, eps, 1e-8, FV_FROM_0)

/* The step of Adam: m / (1 - beta1^t) over the root of v / (1 - beta2^t). */
static fv_adam_step common(const double betas[2], double eps, const fv_move *move, bool maximize)
{
    double correction = 1 - power(betas[1], move->t);
    return (fv_adam_step){.sign = maximize ? -1.0f : 1.0f,
                          .weight_decay = (float)move->weight_decay,
                          .beta1 = (float)betas[0],
                          .take1 = (float)(1 - betas[0]),
                          .beta2 = (float)betas[1],
                          .take2 = (float)(1 - betas[1]),
                          .of_m = (float)(move->lr / (1 - power(betas[0], move->t))),
                          .scale = (float)(1 / sqrt(correction)),
                          .eps = (float)eps};
}

static fv_status two_moments(fv_ctx *ctx, const char *where, const void *args, unsigned *which)
{
    (void)ctx, (void)where, (void)args;
    *which = 1 << 0 | 1 << 1;
    return FV_OK;
}

static void step(const fv_kernels *k, size_t n, const fv_update *update, float *p, const float *g,
                 float *const memories[FV_MEMORIES_MAX])
{
    if (memories[2])
        k->amsgrad(n, &update->adam, p, g, memories[0], memories[1], memories[2]);
    else
        k->adam(n, &update->adam, p, g, memories[0], memories[1]);
}

/* ---- Adam, AdamW -------------------------------------------------------------------------- */

#define ADAM_SETTINGS(usual_decay)                                                                 \
    {                                                                                              \
        FV_FIRST(fv_adam_args, lr, 0.001, FV_POSITIVE), BETAS(fv_adam_args, 0.999),                \
            EPS(fv_adam_args), FV_NUMBER(fv_adam_args, weight_decay, usual_decay, FV_FROM_0),      \
            FV_FLAG(fv_adam_args, amsgrad), FV_FLAG(fv_adam_args, maximize),                       \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
static const fv_arg adam_settings[] = ADAM_SETTINGS(0);
static const fv_arg adamw_settings[] = ADAM_SETTINGS(0.01);

static fv_status adam_needs(fv_ctx *ctx, const char *where, const void *args, unsigned *which)
{
    const fv_adam_args *a = args;
    two_moments(ctx, where, args, which);
    *which |= (unsigned)a->amsgrad << 2;
    return FV_OK;
}

static void prepare_adam(const void *args, const fv_move *move, fv_update *update)
{
    const fv_adam_args *a = args;
    update->adam = common(a->betas, a->eps, move, a->maximize);
}

static void prepare_adamw(const void *args, const fv_move *move, fv_update *update)
{
    prepare_adam(args, move, update);
    update->adam.shrink = (float)(move->lr * move->weight_decay);
    update->adam.weight_decay = 0.0f;
}

const fv_optim_kind fv_optim_kind_adam = {
    .recipe = {"adam", "fv_adam", sizeof(fv_adam_args), adam_settings, 0},
    .memories = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"},
    .needs = adam_needs,
    .prepare = prepare_adam,
    .step = step};

const fv_optim_kind fv_optim_kind_adamw = {
    .recipe = {"adamw", "fv_adamw", sizeof(fv_adam_args), adamw_settings, 0},
    .memories = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"},
    .needs = adam_needs,
    .prepare = prepare_adamw,
    .step = step};

fv_optim *fv_adam_opt(fv_adam_args args)
{
    return fv_optim_new(&fv_optim_kind_adam, NULL, args.net, &args);
}

fv_optim *fv_adamw_opt(fv_adam_args args)
{
    return fv_optim_new(&fv_optim_kind_adamw, NULL, args.net, &args);
}

/* ---- NAdam -------------------------------------------------------------------------------- */

static const fv_arg nadam_settings[] = {FV_FIRST(fv_nadam_args, lr, 0.002, FV_POSITIVE),
                                        BETAS(fv_nadam_args, 0.999),
                                        EPS(fv_nadam_args),
                                        FV_NUMBER(fv_nadam_args, weight_decay, 0, FV_FROM_0),
                                        FV_NUMBER(fv_nadam_args, momentum_decay, 0.004, FV_FROM_0),
                                        FV_FLAG(fv_nadam_args, maximize),
                                        {0}};

static double momentum_at(const fv_nadam_args *a, int64_t t)
{
    return a->betas[0] * (1 - 0.5 * pow(0.96, (double)t * a->momentum_decay));
}

static void prepare_nadam(const void *args, const fv_move *move, fv_update *update)
{
    const fv_nadam_args *a = args;
    double now = momentum_at(a, move->t), next = momentum_at(a, move->t + 1);
    double product = *move->product *= now;
    update->adam = common(a->betas, a->eps, move, a->maximize);
    update->adam.of_g = (float)(move->lr * (1 - now) / (1 - product));
    update->adam.of_m = (float)(move->lr * next / (1 - product * next));
}

const fv_optim_kind fv_optim_kind_nadam = {
    .recipe = {"nadam", "fv_nadam", sizeof(fv_nadam_args), nadam_settings, 0},
    .memories = {"exp_avg", "exp_avg_sq"},
    .needs = two_moments,
    .prepare = prepare_nadam,
    .step = step};

fv_optim *fv_nadam_opt(fv_nadam_args args)
{
    return fv_optim_new(&fv_optim_kind_nadam, NULL, args.net, &args);
}

/* ---- RAdam -------------------------------------------------------------------------------- */

static const fv_arg radam_settings[] = {FV_FIRST(fv_radam_args, lr, 0.001, FV_POSITIVE),
                                        BETAS(fv_radam_args, 0.999),
                                        EPS(fv_radam_args),
                                        FV_NUMBER(fv_radam_args, weight_decay, 0, FV_FROM_0),
                                        FV_FLAG(fv_radam_args, maximize),
                                        {0}};

/* While r <= 5 the variance of v is intractable: the update is m, not divided by the root. */
static void prepare_radam(const void *args, const fv_move *move, fv_update *update)
{
    const fv_radam_args *a = args;
    double last = power(a->betas[1], move->t), most = 2 / (1 - a->betas[1]) - 1;
    double r = most - 2 * (double)move->t * last / (1 - last);
    update->adam = common(a->betas, a->eps, move, a->maximize);
    update->adam.scale = r > 5;
    if (r <= 5) {
        update->adam.eps = 1.0f;
        return;
    }
    double rectify = sqrt((r - 4) * (r - 2) * most / ((most - 4) * (most - 2) * r));
    double lr = move->lr / (1 - power(a->betas[0], move->t));
    update->adam.of_m = (float)(lr * rectify * sqrt(1 - last));
}

const fv_optim_kind fv_optim_kind_radam = {
    .recipe = {"radam", "fv_radam", sizeof(fv_radam_args), radam_settings, 0},
    .memories = {"exp_avg", "exp_avg_sq"},
    .needs = two_moments,
    .prepare = prepare_radam,
    .step = step};

fv_optim *fv_radam_opt(fv_radam_args args)
{
    return fv_optim_new(&fv_optim_kind_radam, NULL, args.net, &args);
}

/* ---- Lion --------------------------------------------------------------------------------- */

static const fv_arg lion_settings[] = {FV_FIRST(fv_lion_args, lr, 1e-4, FV_POSITIVE),
                                       BETAS(fv_lion_args, 0.99),
                                       FV_NUMBER(fv_lion_args, weight_decay, 0, FV_FROM_0),
                                       FV_FLAG(fv_lion_args, maximize),
                                       {0}};

static fv_status lion_needs(fv_ctx *ctx, const char *where, const void *args, unsigned *which)
{
    (void)ctx, (void)where, (void)args;
    *which = 1;
    return FV_OK;
}

static void prepare_lion(const void *args, const fv_move *move, fv_update *update)
{
    const fv_lion_args *a = args;
    update->adam = common(a->betas, 0, move, a->maximize);
    update->adam.of_m = (float)move->lr;
    update->adam.shrink = (float)(move->lr * move->weight_decay);
}

static void step_lion(const fv_kernels *k, size_t n, const fv_update *update, float *p,
                      const float *g, float *const memories[FV_MEMORIES_MAX])
{
    k->lion(n, &update->adam, p, g, memories[0]);
}

const fv_optim_kind fv_optim_kind_lion = {
    .recipe = {"lion", "fv_lion", sizeof(fv_lion_args), lion_settings, 0},
    .memories = {"exp_avg"},
    .needs = lion_needs,
    .prepare = prepare_lion,
    .step = step_lion};

fv_optim *fv_lion_opt(fv_lion_args args)
{
    return fv_optim_new(&fv_optim_kind_lion, NULL, args.net, &args);
}
