/*
 * schedules.c - what all schedules have in common: making one, chains and sequences of them, a
 * step, its text, and what is kept. Layer 4. Calls the base.
 */
#include "learn/schedule.h"

#include <stdio.h>
#include <string.h>

/* ---- making ------------------------------------------------------------------------------- */

static void schedule_destroy(void *self)
{
    fv_schedule *s = self;
    fv_ctx *ctx = s->object.ctx;
    for (int i = 0; i < s->n_members; i++)
        fv_object_free(s->members[i]);
    if (s->optim) {
        fv_schedule **at = &s->optim->schedules;
        while (*at != s)
            at = &(*at)->next;
        *at = s->next;
    }
    fv_state_release(ctx, s->state, s->n_state);
    fv_release(ctx, s->text);
    fv_object_end(s);
}

void fv_schedule_free(fv_schedule *schedule)
{
    if (schedule && !schedule->parent)
        fv_object_free(schedule);
}

/* Without members and kind. All schedules of an optimizer start from the rate it had before. */
static fv_schedule *schedule_empty(fv_optim *optim)
{
    fv_schedule *s = fv_object_new(optim->object.ctx, sizeof *s, schedule_destroy);
    if (!s)
        return NULL;
    s->optim = optim;
    if (!optim->schedules)
        optim->first_lr = *optim->lr;
    s->next = optim->schedules;
    optim->schedules = s;
    s->numbers.first_lr = optim->first_lr;
    return s;
}

/* Puts a schedule at its step 0, the learning rate of which starts from lr. */
static void start(fv_schedule *s, double lr)
{
    s->counts = (fv_schedule_counts){0};
    *s->optim->lr = lr;
    if (s->kind)
        *s->optim->lr = s->kind->lr(s, lr);
    for (int i = 0; i < (s->n_milestones ? 1 : s->n_members); i++)
        start(s->members[i], *s->optim->lr);
}

fv_schedule *fv_schedule_new(const fv_schedule_kind *kind, const char *where, fv_optim *optim,
                             const void *args)
{
    if (fv_stopped(optim ? optim->object.ctx : NULL, kind->recipe.function))
        return NULL;
    fv_ctx *ctx = optim->object.ctx;
    fv_args settled = {.bytes = {0}};
    memcpy(&settled, args, kind->recipe.size);
    where = where ? where : kind->recipe.function;
    if (fv_settle(ctx, where, kind->recipe.args, &settled))
        return NULL;
    fv_schedule *s = schedule_empty(optim);
    if (!s)
        return NULL;
    s->kind = kind;
    s->args = settled;
    if (kind->check && kind->check(ctx, where, s)) {
        fv_object_free(s);
        return NULL;
    }
    start(s, *optim->lr);
    return s;
}

/* ---- chains and sequences ----------------------------------------------------------------- */

fv_status fv_check_milestones(fv_ctx *ctx, const char *where, const int *milestones, int n)
{
    if (!milestones)
        return fv_fail(ctx, FV_E_ARG, "%s: there are no milestones", where);
    for (int i = 0; i < n; i++)
        if (milestones[i] < 1 || (i > 0 && milestones[i] <= milestones[i - 1]))
            return fv_fail(ctx, FV_E_ARG,
                           "%s: milestone %d is %d, but they must be 1 or more and "
                           "ascend",
                           where, i, milestones[i]);
    return FV_OK;
}

static fv_status check_members(fv_ctx *ctx, const char *where, fv_schedule *const *members, int n,
                               bool chain)
{
    if (n < 2 || n > FV_MEMBERS_MAX)
        return fv_fail(ctx, FV_E_ARG, "%s: %d schedules; 2 to %d are allowed", where, n,
                       FV_MEMBERS_MAX);
    for (int i = 0; i < n; i++) {
        const fv_schedule *s = members[i];
        if (!s)
            return fv_fail(ctx, FV_E_ARG, "%s: schedule %d is NULL", where, i);
        if (s->optim != members[0]->optim)
            return fv_fail(ctx, FV_E_ARG, "%s: schedules 0 and %d are of two optimizers", where, i);
        for (int k = 0; k < i; k++)
            if (members[k] == s)
                return fv_fail(ctx, FV_E_ARG, "%s: schedules %d and %d are one", where, k, i);
        if (s->parent || (!s->kind && (chain || s->n_milestones > 0)))
            return fv_fail(ctx, FV_E_ARG, "%s: schedule %d %s", where, i,
                           s->parent         ? "is part of another one already"
                           : s->n_milestones ? "is a sequence, which is not part of others"
                                             : "is a chain, which is not part of a chain");
    }
    return FV_OK;
}

fv_schedule *fv_schedule_combine(const char *where, fv_schedule *const *members, int n,
                                 const int *milestones, bool chain)
{
    bool none = !members || n < 1 || !members[0];
    if (fv_stopped(none ? NULL : members[0]->object.ctx, where))
        return NULL;
    fv_ctx *ctx = members[0]->object.ctx;
    if (check_members(ctx, where, members, n, chain) ||
        (!chain && fv_check_milestones(ctx, where, milestones, n - 1)))
        return NULL;
    fv_schedule *s = schedule_empty(members[0]->optim);
    if (!s)
        return NULL;
    for (int i = 0; i < n; i++) {
        s->members[i] = members[i];
        s->members[i]->parent = s;
    }
    s->n_members = n;
    if (!chain) {
        s->n_milestones = n - 1;
        memcpy(s->milestones, milestones, (size_t)(n - 1) * sizeof *milestones);
        start(s, s->numbers.first_lr);
    }
    return s;
}

fv_schedule *fv_chained_lr(fv_schedule *const *schedules, int n)
{
    return fv_schedule_combine("fv_chained_lr", schedules, n, NULL, true);
}

fv_schedule *fv_sequential_lr(fv_schedule *const *schedules, int n, const int *milestones)
{
    return fv_schedule_combine("fv_sequential_lr", schedules, n, milestones, false);
}

/* ---- a step ------------------------------------------------------------------------------- */

/* Which member of a sequence is at work at step t. */
static int member_at(const fv_schedule *s, int64_t t)
{
    int i = 0;
    while (i < s->n_milestones && t >= s->milestones[i])
        i++;
    return i;
}

/* Whether the next step can be made, before anything changes. */
static fv_status check_step(const fv_schedule *s, bool has_metric)
{
    fv_ctx *ctx = s->object.ctx;
    const char *name = s->kind ? s->kind->recipe.name : "";
    if (s->n_milestones)
        return check_step(s->members[member_at(s, s->counts.t + 1)], has_metric);
    for (int i = 0; i < s->n_members; i++)
        if (check_step(s->members[i], has_metric))
            return fv_error(ctx);
    if (s->kind && s->kind->wants_metric && !has_metric)
        return fv_fail(ctx, FV_E_STATE,
                       "fv_schedule_step: %s goes by a metric\n"
                       "help: fv_schedule_step_metric(schedule, metric)",
                       name);
    if (s->kind && s->kind->last && s->counts.t >= s->kind->last(s))
        return fv_fail(ctx, FV_E_STATE,
                       "fv_schedule_step: %s has come to the end of its %lld steps", name,
                       (long long)s->kind->last(s));
    return FV_OK;
}

static void advance(fv_schedule *s, double metric)
{
    double *lr = s->optim->lr;
    s->counts.t++;
    s->metric = metric;
    if (s->kind)
        *lr = s->kind->lr(s, *lr);
    if (s->n_milestones) {
        int i = member_at(s, s->counts.t);
        if (i > 0 && s->milestones[i - 1] == s->counts.t)
            start(s->members[i], s->members[i]->numbers.first_lr);
        else
            advance(s->members[i], metric);
        return;
    }
    for (int i = 0; i < s->n_members; i++)
        advance(s->members[i], metric);
}

static fv_status step(fv_schedule *s, bool has_metric, double metric)
{
    if (!s)
        return fv_absent(has_metric ? "fv_schedule_step_metric" : "fv_schedule_step");
    fv_ctx *ctx = s->object.ctx;
    if (fv_error(ctx))
        return fv_error(ctx);
    if (s->parent)
        return fv_fail(ctx, FV_E_STATE,
                       "fv_schedule_step: the schedule is part of another one\n"
                       "help: step that one");
    if (check_step(s, has_metric))
        return fv_error(ctx);
    advance(s, metric);
    return FV_OK;
}

fv_status fv_schedule_step(fv_schedule *schedule)
{
    return step(schedule, false, 0);
}

fv_status fv_schedule_step_metric(fv_schedule *schedule, double metric)
{
    return step(schedule, true, metric);
}

/* ---- text --------------------------------------------------------------------------------- */

static void put_schedule(fv_text *to, const void *of)
{
    const fv_schedule *s = of;
    if (s->kind) {
        fv_put(to, "%s", s->kind->recipe.name);
        fv_args_put(to, s->kind->recipe.args, s->kind->recipe.places, &s->args);
    }
    for (int i = 0; i < s->n_members; i++) {
        if (i > 0 && s->n_milestones)
            fv_put(to, "; at %d ", s->milestones[i - 1]);
        else if (i > 0)
            fv_put(to, " & ");
        put_schedule(to, s->members[i]);
    }
}

const char *fv_schedule_describe(fv_schedule *schedule)
{
    if (FV_STOPPED(schedule))
        return NULL;
    fv_release(schedule->object.ctx, schedule->text);
    return schedule->text = fv_text_new(schedule->object.ctx, put_schedule, schedule);
}

/* ---- what is kept ------------------------------------------------------------------------- */

static int count_all(const fv_schedule *s)
{
    int n = 1;
    for (int i = 0; i < s->n_members; i++)
        n += count_all(s->members[i]);
    return n;
}

static void list_state(fv_schedule *s, const char *prefix, fv_tensor **to)
{
    fv_ctx *ctx = s->object.ctx;
    char name[80];
    *(*to)++ = fv_state_of(ctx, prefix, "counts", FV_I64, sizeof s->counts / 8, &s->counts);
    *(*to)++ = fv_state_of(ctx, prefix, "numbers", FV_I64, sizeof s->numbers / 8, &s->numbers);
    for (int i = 0; i < s->n_members; i++) {
        snprintf(name, sizeof name, "%.60s%d.", prefix, i);
        list_state(s->members[i], name, to);
    }
}

const fv_tensor *fv_schedule_state(fv_schedule *schedule, int *n)
{
    fv_ctx *ctx = schedule->object.ctx;
    size_t count = 2 * (size_t)count_all(schedule);
    if (!schedule->state && (schedule->state = fv_alloc(ctx, count, sizeof(fv_tensor)))) {
        fv_tensor *to = schedule->state;
        list_state(schedule, "schedule.", &to);
        schedule->n_state = (int)count;
    }
    return fv_state_ready(ctx, &schedule->state, &schedule->n_state, n);
}
