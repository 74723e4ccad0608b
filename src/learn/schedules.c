/*
 * schedules.c - what all schedules have in common: making one, chains and sequences of them, a
 * step, the text, and what is kept. Layer 4. Calls the base.
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
    if (fv_settle(ctx, where, kind->recipe.settings, &settled))
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

/* Members in a chain, or with milestones in a sequence. */
static fv_schedule *combine(const char *where, fv_schedule *const *members, int n,
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
    return combine("fv_chained_lr", schedules, n, NULL, true);
}

fv_schedule *fv_sequential_lr(fv_schedule *const *schedules, int n, const int *milestones)
{
    return combine("fv_sequential_lr", schedules, n, milestones, false);
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

static const fv_recipe *const recipes[] = {
    &fv_lr_kind_step.recipe,          &fv_lr_kind_multi_step.recipe, &fv_lr_kind_exponential.recipe,
    &fv_lr_kind_linear.recipe,        &fv_lr_kind_constant.recipe,   &fv_lr_kind_cosine.recipe,
    &fv_lr_kind_warm_restarts.recipe, &fv_lr_kind_one_cycle.recipe,  &fv_lr_kind_plateau.recipe};
enum { KINDS = sizeof recipes / sizeof *recipes };

/* The schedule that the words of a statement from `first` on make. */
static fv_schedule *read_one(fv_optim *optim, fv_statement *s, int first)
{
    fv_ctx *ctx = optim->object.ctx;
    const char *name = first < s->count ? s->words[first] : "";
    for (int i = 0; i < KINDS; i++) {
        fv_args args = {.bytes = {0}};
        if (strcmp(recipes[i]->name, name) != 0)
            continue;
        if (fv_read_settings(ctx, s, first + 1, recipes[i], &args))
            return NULL;
        return fv_schedule_new((const fv_schedule_kind *)recipes[i], s->where, optim, &args);
    }
    fv_refuse_name(ctx, s, "schedule", name, recipes, KINDS);
    return NULL;
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
static fv_schedule *read_chain(fv_optim *optim, const char **text, int *milestone)
{
    fv_ctx *ctx = optim->object.ctx;
    fv_schedule *members[FV_MEMBERS_MAX], *chain = NULL;
    fv_statement s;
    int n = 0;
    for (bool more = true; more;) {
        int first = 0;
        size_t length = strcspn(*text, ";&");
        more = (*text)[length] == '&';
        if (fv_read_statement(ctx, "schedule text", text, ";&", &s) ||
            (n == 0 && milestone && read_at(ctx, &s, milestone, &first)))
            break;
        if (n == FV_MEMBERS_MAX) {
            fv_fail(ctx, FV_E_ARG, "%s: more than %d schedules", s.where, n);
            break;
        }
        if (!(members[n] = read_one(optim, &s, first)))
            break;
        n++;
    }
    if (!fv_error(ctx))
        chain = n == 1 ? members[0] : combine(s.where, members, n, NULL, true);
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
    const double lr = *optim->lr, momentum = optim->momentum ? *optim->momentum : 0;
    do {
        if (n == FV_MEMBERS_MAX)
            fv_fail(ctx, FV_E_ARG, "schedule text: more than %d schedules", n);
        else if ((members[n] = read_chain(optim, &text, n ? &milestones[n - 1] : NULL)))
            n++;
    } while (*text && !fv_error(ctx));
    if (!fv_error(ctx))
        all = n == 1 ? members[0] : combine("schedule text", members, n, milestones, false);
    if (!all) {
        free_members(members, n);
        *optim->lr = lr;
        if (optim->momentum)
            *optim->momentum = momentum;
    }
    return all;
}

static void put_schedule(fv_text *to, const fv_schedule *s)
{
    if (s->kind) {
        fv_put(to, "%s", s->kind->recipe.name);
        fv_put_settings(to, &s->kind->recipe, &s->args);
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
    enum { ROOM = 1000 }; /* of one schedule: 64 milestones of up to 10 digits */
    if (FV_STOPPED(schedule))
        return NULL;
    fv_ctx *ctx = schedule->object.ctx;
    size_t capacity = ROOM * (schedule->n_members ? FV_MEMBERS_MAX * FV_MEMBERS_MAX : 1);
    fv_release(ctx, schedule->text);
    schedule->text = fv_alloc(ctx, capacity, 1);
    if (schedule->text)
        put_schedule(&(fv_text){schedule->text, capacity}, schedule);
    return schedule->text;
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
