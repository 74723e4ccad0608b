/*
 * schedule.c - the kinds of schedules: torch.optim.lr_scheduler's, by its own recurrences, so that
 * they also chain as there.
 *
 * Learning rates are in double; a step rounds them to float, where the last bits of the C library's
 * cos vanish. Layer 4. Calls the base.
 */
#include "learn/schedule.h"

#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

/* A kind and its public function, from the struct of arguments. */
#define ARGS(type) const type *a = (const type *)(const void *)&s->args

/* ---- factors ------------------------------------------------------------------------------ */

static const fv_arg step_settings[] = {FV_NEEDED(fv_step_lr_args, step_size, FV_ARG_INT, FV_FROM_1),
                                       FV_NUMBER(fv_step_lr_args, gamma, 0.1, FV_POSITIVE),
                                       {0}};

static double step_lr(fv_schedule *s, double lr)
{
    ARGS(fv_step_lr_args);
    return s->counts.t == 0 || s->counts.t % a->step_size != 0 ? lr : lr * a->gamma;
}

const fv_schedule_kind fv_lr_kind_step = {
    .recipe = {"step", "fv_step_lr", sizeof(fv_step_lr_args), step_settings, 1}, .lr = step_lr};

fv_schedule *fv_step_lr_opt(fv_step_lr_args args)
{
    return fv_schedule_new(&fv_lr_kind_step, NULL, args.optim, &args);
}

static const fv_arg multi_step_settings[] = {
    FV_ARG(fv_multi_step_lr_args, milestones, FV_ARG_INTS, .flags = FV_ARG_NEEDED),
    FV_NUMBER(fv_multi_step_lr_args, gamma, 0.1, FV_POSITIVE),
    {0}};

/* Keeps the milestones with the schedule. */
static fv_status check_multi_step(fv_ctx *ctx, const char *where, fv_schedule *s)
{
    fv_multi_step_lr_args *a = (fv_multi_step_lr_args *)(void *)&s->args;
    if (!a->milestones || a->n_milestones < 1 || a->n_milestones > FV_LIST_MAX)
        return fv_fail(ctx, FV_E_ARG, "%s: there are %d milestones; 1 to %d are allowed", where,
                       a->milestones ? a->n_milestones : 0, FV_LIST_MAX);
    if (fv_check_milestones(ctx, where, a->milestones, a->n_milestones))
        return fv_error(ctx);
    memcpy(s->milestones, a->milestones, (size_t)a->n_milestones * sizeof *a->milestones);
    a->milestones = s->milestones;
    return FV_OK;
}

static double multi_step_lr(fv_schedule *s, double lr)
{
    ARGS(fv_multi_step_lr_args);
    for (int i = 0; i < a->n_milestones; i++)
        if (s->counts.t == a->milestones[i])
            return lr * a->gamma;
    return lr;
}

const fv_schedule_kind fv_lr_kind_multi_step = {.recipe = {"multi_step", "fv_multi_step_lr",
                                                           sizeof(fv_multi_step_lr_args),
                                                           multi_step_settings, 1},
                                                .check = check_multi_step,
                                                .lr = multi_step_lr};

fv_schedule *fv_multi_step_lr_opt(fv_multi_step_lr_args args)
{
    return fv_schedule_new(&fv_lr_kind_multi_step, NULL, args.optim, &args);
}

static const fv_arg exponential_settings[] = {
    FV_NEEDED(fv_exponential_lr_args, gamma, FV_ARG_NUMBER, FV_POSITIVE), {0}};

static double exponential_lr(fv_schedule *s, double lr)
{
    ARGS(fv_exponential_lr_args);
    return s->counts.t == 0 ? lr : lr * a->gamma;
}

const fv_schedule_kind fv_lr_kind_exponential = {.recipe = {"exponential", "fv_exponential_lr",
                                                            sizeof(fv_exponential_lr_args),
                                                            exponential_settings, 1},
                                                 .lr = exponential_lr};

fv_schedule *fv_exponential_lr_opt(fv_exponential_lr_args args)
{
    return fv_schedule_new(&fv_lr_kind_exponential, NULL, args.optim, &args);
}

/* ---- warm-up ------------------------------------------------------------------------------ */

static const fv_arg linear_settings[] = {
    FV_FIRST(fv_linear_lr_args, start_factor, 1.0 / 3, FV_FACTOR),
    FV_NUMBER(fv_linear_lr_args, end_factor, 1, FV_UP_TO_1),
    FV_COUNT(fv_linear_lr_args, total_iters, 5, FV_FROM_1),
    {0}};

static double linear_lr(fv_schedule *s, double lr)
{
    ARGS(fv_linear_lr_args);
    double rise = a->end_factor - a->start_factor;
    if (s->counts.t == 0)
        return lr * a->start_factor;
    if (s->counts.t > a->total_iters)
        return lr;
    return lr * (1 + rise / (a->total_iters * a->start_factor + (double)(s->counts.t - 1) * rise));
}

const fv_schedule_kind fv_lr_kind_linear = {
    .recipe = {"linear", "fv_linear_lr", sizeof(fv_linear_lr_args), linear_settings, 1},
    .lr = linear_lr};

fv_schedule *fv_linear_lr_opt(fv_linear_lr_args args)
{
    return fv_schedule_new(&fv_lr_kind_linear, NULL, args.optim, &args);
}

static const fv_arg constant_settings[] = {
    FV_FIRST(fv_constant_lr_args, factor, 1.0 / 3, FV_FACTOR),
    FV_COUNT(fv_constant_lr_args, total_iters, 5, FV_FROM_1),
    {0}};

static double constant_lr(fv_schedule *s, double lr)
{
    ARGS(fv_constant_lr_args);
    return s->counts.t == 0                ? lr * a->factor
           : s->counts.t == a->total_iters ? lr * (1 / a->factor)
                                           : lr;
}

const fv_schedule_kind fv_lr_kind_constant = {
    .recipe = {"constant", "fv_constant_lr", sizeof(fv_constant_lr_args), constant_settings, 1},
    .lr = constant_lr};

fv_schedule *fv_constant_lr_opt(fv_constant_lr_args args)
{
    return fv_schedule_new(&fv_lr_kind_constant, NULL, args.optim, &args);
}

/* ---- cosines ------------------------------------------------------------------------------ */

static const fv_arg cosine_settings[] = {
    FV_NEEDED(fv_cosine_annealing_lr_args, T_max, FV_ARG_INT, FV_FROM_1),
    FV_NUMBER(fv_cosine_annealing_lr_args, eta_min, 0, FV_FROM_0),
    {0}};

static double cosine_lr(fv_schedule *s, double lr)
{
    ARGS(fv_cosine_annealing_lr_args);
    const double T = a->T_max, t = (double)s->counts.t, low = a->eta_min;
    if (s->counts.t == 0)
        return lr;
    if ((s->counts.t - 1 - a->T_max) % (2 * (int64_t)a->T_max) == 0) /* from the bottom up again */
        return lr + (s->numbers.first_lr - low) * (1 - cos(pi / T)) / 2;
    return (1 + cos(pi * t / T)) / (1 + cos(pi * (t - 1) / T)) * (lr - low) + low;
}

const fv_schedule_kind fv_lr_kind_cosine = {.recipe = {"cosine", "fv_cosine_annealing_lr",
                                                       sizeof(fv_cosine_annealing_lr_args),
                                                       cosine_settings, 1},
                                            .lr = cosine_lr};

fv_schedule *fv_cosine_annealing_lr_opt(fv_cosine_annealing_lr_args args)
{
    return fv_schedule_new(&fv_lr_kind_cosine, NULL, args.optim, &args);
}

static const fv_arg restarts_settings[] = {
    FV_NEEDED(fv_cosine_warm_restarts_args, T_0, FV_ARG_INT, FV_FROM_1),
    FV_COUNT(fv_cosine_warm_restarts_args, T_mult, 1, FV_FROM_1),
    FV_NUMBER(fv_cosine_warm_restarts_args, eta_min, 0, FV_FROM_0),
    {0}};

static double restarts_lr(fv_schedule *s, double lr)
{
    ARGS(fv_cosine_warm_restarts_args);
    fv_schedule_counts *c = &s->counts;
    (void)lr;
    c->current++;
    if (c->t == 0)
        c->current = 0, c->cycle = a->T_0;
    if (c->current >= c->cycle) {
        c->current -= c->cycle;
        c->cycle *= c->cycle < INT32_MAX ? a->T_mult : 1;
    }
    double wave = 1 + cos(pi * (double)c->current / (double)c->cycle);
    return a->eta_min + (s->numbers.first_lr - a->eta_min) * wave / 2;
}

const fv_schedule_kind fv_lr_kind_warm_restarts = {
    .recipe = {"cosine_warm_restarts", "fv_cosine_warm_restarts",
               sizeof(fv_cosine_warm_restarts_args), restarts_settings, 1},
    .lr = restarts_lr};

fv_schedule *fv_cosine_warm_restarts_opt(fv_cosine_warm_restarts_args args)
{
    return fv_schedule_new(&fv_lr_kind_warm_restarts, NULL, args.optim, &args);
}

/* ---- one cycle ---------------------------------------------------------------------------- */

static const char *const strategies[] = {"cos", "linear", NULL};

#define CYCLE(member, default_value, ...)                                                          \
    FV_NUMBER(fv_one_cycle_lr_args, member, default_value, __VA_ARGS__)
static const fv_arg one_cycle_settings[] = {
    FV_NEEDED(fv_one_cycle_lr_args, max_lr, FV_ARG_NUMBER, FV_POSITIVE),
    FV_COUNT(fv_one_cycle_lr_args, total_steps, 0, FV_FROM_0),
    FV_COUNT(fv_one_cycle_lr_args, epochs, 0, FV_FROM_0),
    FV_COUNT(fv_one_cycle_lr_args, steps_per_epoch, 0, FV_FROM_0),
    CYCLE(pct_start, 0.3, FV_UP_TO_1),
    FV_ARG(fv_one_cycle_lr_args, anneal_strategy, FV_ARG_NAME, .names = strategies),
    FV_FLAG(fv_one_cycle_lr_args, no_cycle_momentum),
    CYCLE(base_momentum, 0.85, FV_BELOW_1),
    CYCLE(max_momentum, 0.95, FV_BELOW_1),
    CYCLE(div_factor, 25, FV_POSITIVE),
    CYCLE(final_div_factor, 1e4, FV_POSITIVE),
    FV_FLAG(fv_one_cycle_lr_args, three_phase),
    {0}};

static int64_t one_cycle_last(const fv_schedule *s)
{
    ARGS(fv_one_cycle_lr_args);
    return a->total_steps ? a->total_steps : (int64_t)a->epochs * a->steps_per_epoch;
}

static fv_status check_one_cycle(fv_ctx *ctx, const char *where, fv_schedule *s)
{
    ARGS(fv_one_cycle_lr_args);
    const double *momentum = s->optim->momentum;
    if (one_cycle_last(s) < 1 || (a->total_steps && (a->epochs || a->steps_per_epoch)))
        return fv_fail(ctx, FV_E_ARG,
                       "%s: total_steps is %d, epochs %d and steps_per_epoch %d; give "
                       "the first, or the other two",
                       where, a->total_steps, a->epochs, a->steps_per_epoch);
    const char *name = s->optim->kind->recipe.name;
    bool beta = momentum && !fv_number_at(s->optim->kind->recipe.args, &s->optim->args, "momentum");
    if (!a->no_cycle_momentum && (!momentum || (!beta && *momentum == 0)))
        return fv_fail(ctx, FV_E_STATE,
                       "%s: there is no momentum to cycle in %s\nhelp: %s"
                       "no_cycle_momentum",
                       where, name, momentum ? "an optimizer with momentum above 0, or " : "");
    s->optim->first_lr = s->numbers.first_lr = a->max_lr / a->div_factor; /* of others too */
    return FV_OK;
}

static double anneal(const fv_one_cycle_lr_args *a, double start, double end, double share)
{
    if (a->anneal_strategy == strategies[1])
        return (end - start) * share + start;
    return end + (start - end) / 2 * (cos(pi * share) + 1);
}

/* Each phase goes from one of low, high, end to another; the momentum from one of its two to the
   other, or stays. A phase without length is over as it begins. */
static double one_cycle_lr(fv_schedule *s, double lr)
{
    ARGS(fv_one_cycle_lr_args);
    enum { LOW, HIGH, END };
    const int two[][2] = {{LOW, HIGH}, {HIGH, END}};
    const int three[][2] = {{LOW, HIGH}, {HIGH, LOW}, {LOW, END}};
    const double total = (double)one_cycle_last(s), t = (double)s->counts.t;
    const double rates[] = {s->numbers.first_lr, a->max_lr,
                            s->numbers.first_lr / a->final_div_factor};
    const double momentums[] = {a->max_momentum, a->base_momentum, a->max_momentum};
    const double ends[] = {a->pct_start * total - 1,
                           a->three_phase ? 2 * a->pct_start * total - 2 : total - 1, total - 1};
    int last = a->three_phase ? 2 : 1, i = 0;
    (void)lr;
    while (i < last && t > ends[i])
        i++;
    double from = i ? ends[i - 1] : 0, length = ends[i] - from;
    double share = length != 0 ? (t - from) / length : 1;
    const int *phase = a->three_phase ? three[i] : two[i];
    if (!a->no_cycle_momentum)
        *s->optim->momentum = anneal(a, momentums[phase[0]], momentums[phase[1]], share);
    return anneal(a, rates[phase[0]], rates[phase[1]], share);
}

const fv_schedule_kind fv_lr_kind_one_cycle = {
    .recipe = {"one_cycle", "fv_one_cycle_lr", sizeof(fv_one_cycle_lr_args), one_cycle_settings, 1},
    .check = check_one_cycle,
    .lr = one_cycle_lr,
    .last = one_cycle_last};

fv_schedule *fv_one_cycle_lr_opt(fv_one_cycle_lr_args args)
{
    return fv_schedule_new(&fv_lr_kind_one_cycle, NULL, args.optim, &args);
}

/* ---- plateau ------------------------------------------------------------------------------ */

static const char *const modes[] = {"min", "max", NULL};
static const char *const threshold_modes[] = {"rel", "abs", NULL};

#define PLATEAU(member, default_value, ...)                                                        \
    FV_NUMBER(fv_reduce_lr_on_plateau_args, member, default_value, __VA_ARGS__)
static const fv_arg plateau_settings[] = {
    FV_ARG(fv_reduce_lr_on_plateau_args, mode, FV_ARG_NAME, .flags = FV_ARG_SHOWN, .names = modes),
    PLATEAU(factor, 0.1, FV_SHARE),
    FV_COUNT(fv_reduce_lr_on_plateau_args, patience, 10, FV_FROM_0),
    PLATEAU(threshold, 1e-4, FV_FROM_0),
    FV_ARG(fv_reduce_lr_on_plateau_args, threshold_mode, FV_ARG_NAME, .names = threshold_modes),
    FV_COUNT(fv_reduce_lr_on_plateau_args, cooldown, 0, FV_FROM_0),
    PLATEAU(min_lr, 0, FV_FROM_0),
    PLATEAU(eps, 1e-8, FV_FROM_0),
    {0}};

static bool is_better(const fv_reduce_lr_on_plateau_args *a, double metric, double best)
{
    bool max = a->mode == modes[1], absolute = a->threshold_mode == threshold_modes[1];
    double much = a->threshold;
    if (max)
        return metric > (absolute ? best + much : best * (1 + much));
    return metric < (absolute ? best - much : best * (1 - much));
}

static double plateau_lr(fv_schedule *s, double lr)
{
    ARGS(fv_reduce_lr_on_plateau_args);
    fv_schedule_counts *c = &s->counts;
    if (c->t == 0) {
        s->numbers.best = a->mode == modes[1] ? -INFINITY : INFINITY;
        c->bad = c->cooldown = 0;
        return lr;
    }
    c->bad++;
    if (is_better(a, s->metric, s->numbers.best))
        s->numbers.best = s->metric, c->bad = 0;
    if (c->cooldown > 0)
        c->cooldown--, c->bad = 0;
    if (c->bad <= a->patience)
        return lr;
    c->cooldown = a->cooldown;
    c->bad = 0;
    double less = lr * a->factor > a->min_lr ? lr * a->factor : a->min_lr;
    return lr - less > a->eps ? less : lr;
}

const fv_schedule_kind fv_lr_kind_plateau = {.recipe = {"plateau", "fv_reduce_lr_on_plateau",
                                                        sizeof(fv_reduce_lr_on_plateau_args),
                                                        plateau_settings, 1},
                                             .wants_metric = true,
                                             .lr = plateau_lr};

fv_schedule *fv_reduce_lr_on_plateau_opt(fv_reduce_lr_on_plateau_args args)
{
    return fv_schedule_new(&fv_lr_kind_plateau, NULL, args.optim, &args);
}
