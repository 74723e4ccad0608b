/*
 * text.c - optimizers and schedules as text: the lists of them, and reading.
 *
 * "adam lr=0.001; group *.bias weight_decay=0", "linear 0.1 total_iters=5; at 5 cosine 95".
 * Layer 4. Calls the base.
 */
#include "learn/schedule.h"

static const fv_optim_kind *const optims[] = {
    &fv_optim_kind_sgd,     &fv_optim_kind_adam,     &fv_optim_kind_adamw,
    &fv_optim_kind_nadam,   &fv_optim_kind_radam,    &fv_optim_kind_lion,
    &fv_optim_kind_adagrad, &fv_optim_kind_adadelta, &fv_optim_kind_rmsprop};

static const fv_schedule_kind *const schedules[] = {
    &fv_lr_kind_step,          &fv_lr_kind_multi_step, &fv_lr_kind_exponential,
    &fv_lr_kind_linear,        &fv_lr_kind_constant,   &fv_lr_kind_cosine,
    &fv_lr_kind_warm_restarts, &fv_lr_kind_one_cycle,  &fv_lr_kind_plateau};

enum { OPTIMS = sizeof optims / sizeof *optims, SCHEDULES = sizeof schedules / sizeof *schedules };

static const char *optim_at(int i)
{
    return i < OPTIMS ? optims[i]->recipe.name : NULL;
}

static const char *schedule_at(int i)
{
    return i < SCHEDULES ? schedules[i]->recipe.name : NULL;
}

int fv_optim_list(int index, char *text, size_t size)
{
    if (index < 0 || index >= OPTIMS)
        return 0;
    return fv_args_list(optims[index]->recipe.name, optims[index]->recipe.args, text, size);
}

int fv_schedule_list(int index, char *text, size_t size)
{
    if (index < 0 || index >= SCHEDULES)
        return 0;
    return fv_args_list(schedules[index]->recipe.name, schedules[index]->recipe.args, text, size);
}

/* The place of the name in a list; -1 after an error that says there is no WHAT of that name. */
static int find(fv_ctx *ctx, const fv_statement *s, const char *what, const char *name,
                const char *(*name_at)(int i))
{
    fv_arg_error error;
    for (int i = 0; name_at(i); i++)
        if (strcmp(name_at(i), name) == 0)
            return i;
    fv_arg_refuse_name(&error, what, name, name_at);
    fv_fail_args(ctx, s->where, &error);
    return -1;
}

static fv_status next_statement(fv_ctx *ctx, fv_statement *s, char **text, const char *ends)
{
    fv_arg_error error;
    return fv_statement_next(s, text, ends, &error) ? FV_OK : fv_fail_args(ctx, s->what, &error);
}

/* The words of a statement from number `first` on, into args. */
static fv_status read_args(fv_ctx *ctx, const fv_statement *s, int first, const char *name,
                           const fv_arg *args, int places, void *to, int list[FV_LIST_MAX])
{
    fv_arg_error error;
    fv_args_reader r = {.name = name, .args = args, .places = places, .to = to, .list = list};
    return fv_args_read(&r, s->words + first, s->count - first, &error)
               ? FV_OK
               : fv_fail_args(ctx, s->where, &error);
}

/* ---- optimizers --------------------------------------------------------------------------- */

static const fv_arg group_args[] = {FV_NUMBER(fv_group_args, lr_scale, 0, FV_POSITIVE),
                                    FV_NUMBER(fv_group_args, lr, 0, FV_POSITIVE),
                                    FV_NUMBER(fv_group_args, weight_decay, 0, FV_FROM_0),
                                    FV_FLAG(fv_group_args, frozen),
                                    {0}};

/* The optimizer alone, without groups. */
static fv_optim *read_optim(fv_net *net, const fv_statement *s)
{
    fv_args args = {.bytes = {0}};
    fv_ctx *ctx = net->object.ctx;
    int i = find(ctx, s, "optimizer", s->count ? s->words[0] : "", optim_at);
    const fv_recipe *recipe = i < 0 ? NULL : &optims[i]->recipe;
    if (!recipe || read_args(ctx, s, 1, recipe->name, recipe->args, recipe->places, &args, NULL))
        return NULL;
    return fv_optim_new(optims[i], s->where, net, &args);
}

static fv_status read_group(fv_optim *optim, const fv_statement *s)
{
    fv_ctx *ctx = optim->object.ctx;
    fv_group_args group = {0};
    if (s->count < 2 || strcmp(s->words[0], "group") != 0)
        return fv_fail(ctx, FV_E_ARG,
                       "%s: only groups come after the optimizer\n"
                       "help: sgd lr=0.1; group *.bias weight_decay=0",
                       s->where);
    if (read_args(ctx, s, 2, "group", group_args, 0, &group, NULL))
        return fv_error(ctx);
    group.optim = optim;
    group.pattern = s->words[1];
    return fv_group_add(optim, s->where, group);
}

fv_optim *fv_optim_text(fv_net *net, const char *text)
{
    if (FV_STOPPED(net))
        return NULL;
    fv_ctx *ctx = net->object.ctx;
    if (!text) {
        fv_fail(ctx, FV_E_ARG, "fv_optim_text: text is NULL");
        return NULL;
    }
    fv_statement s = {.what = "optimizer text"};
    fv_optim *optim = NULL;
    char *copy = fv_copy_text(ctx, text), *at = copy;
    if (copy && !next_statement(ctx, &s, &at, ";"))
        optim = read_optim(net, &s);
    while (optim && *at)
        if (next_statement(ctx, &s, &at, ";") || (s.count && read_group(optim, &s))) {
            fv_object_free(optim);
            optim = NULL;
        }
    fv_release(ctx, copy);
    return optim;
}

/* ---- schedules ---------------------------------------------------------------------------- */

/* The schedule that the words of a statement from `first` on make. */
static fv_schedule *read_one(fv_optim *optim, const fv_statement *s, int first)
{
    fv_ctx *ctx = optim->object.ctx;
    fv_args args = {.bytes = {0}};
    int list[FV_LIST_MAX];
    int i = find(ctx, s, "schedule", first < s->count ? s->words[first] : "", schedule_at);
    const fv_recipe *recipe = i < 0 ? NULL : &schedules[i]->recipe;
    if (!recipe ||
        read_args(ctx, s, first + 1, recipe->name, recipe->args, recipe->places, &args, list))
        return NULL;
    return fv_schedule_new(schedules[i], s->where, optim, &args);
}

/* "at 5" before all but the first of a sequence; *first is then behind it. */
static fv_status read_at(fv_ctx *ctx, const fv_statement *s, int *milestone, int *first)
{
    if (s->count < 2 || strcmp(s->words[0], "at") != 0 || !fv_read_int(s->words[1], milestone) ||
        *milestone < 1)
        return fv_fail(ctx, FV_E_ARG,
                       "%s: what comes after a semicolon begins with at and a step\n"
                       "help: linear 0.1 total_iters=5; at 5 cosine 95",
                       s->where);
    *first = 2;
    return FV_OK;
}

static void free_members(fv_schedule *const *members, int n)
{
    for (int i = n - 1; i >= 0; i--)
        fv_schedule_free(members[i]);
}

/* A chain up to the next semicolon, "constant 0.5 & step 10"; *milestone NULL: without "at". */
static fv_schedule *read_chain(fv_optim *optim, char **text, int *milestone)
{
    fv_ctx *ctx = optim->object.ctx;
    fv_schedule *members[FV_MEMBERS_MAX], *chain = NULL;
    fv_statement s = {.what = "schedule text"};
    int n = 0;
    do {
        int first = 0;
        if (next_statement(ctx, &s, text, ";&") ||
            (n == 0 && milestone && read_at(ctx, &s, milestone, &first)))
            break;
        if (n == FV_MEMBERS_MAX) {
            fv_fail(ctx, FV_E_ARG, "%s: more than %d schedules", s.where, n);
            break;
        }
        if (!(members[n] = read_one(optim, &s, first)))
            break;
        n++;
    } while (s.end == '&');
    if (!fv_error(ctx))
        chain = n == 1 ? members[0] : fv_schedule_combine(s.where, members, n, NULL, true);
    if (!chain)
        free_members(members, n);
    return chain;
}

fv_schedule *fv_schedule_text(fv_optim *optim, const char *text)
{
    if (FV_STOPPED(optim))
        return NULL;
    fv_ctx *ctx = optim->object.ctx;
    if (!text) {
        fv_fail(ctx, FV_E_ARG, "fv_schedule_text: text is NULL");
        return NULL;
    }
    fv_schedule *members[FV_MEMBERS_MAX] = {NULL}, *all = NULL;
    int milestones[FV_MEMBERS_MAX] = {0}, n = 0;
    char *copy = fv_copy_text(ctx, text), *at = copy;
    const double lr = *optim->lr, momentum = optim->momentum ? *optim->momentum : 0;
    do {
        if (!copy)
            break;
        if (n == FV_MEMBERS_MAX)
            fv_fail(ctx, FV_E_ARG, "schedule text: more than %d schedules", n);
        else if ((members[n] = read_chain(optim, &at, n ? &milestones[n - 1] : NULL)))
            n++;
    } while (*at && !fv_error(ctx));
    if (!fv_error(ctx))
        all = n == 1 ? members[0]
                     : fv_schedule_combine("schedule text", members, n, milestones, false);
    if (!all) {
        free_members(members, n);
        *optim->lr = lr;
        if (optim->momentum)
            *optim->momentum = momentum;
    }
    fv_release(ctx, copy);
    return all;
}
