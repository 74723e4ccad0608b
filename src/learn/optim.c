/*
 * optim.c - what all optimizers have in common: making one, its groups, a step, its text, and what
 * is kept of it.
 *
 * The parameters of a net are one array, and so are its gradients and each thing an optimizer
 * remembers: a step is one pass over them. Layer 4. Calls the net's insides, the kernels and the
 * base.
 */
#include "learn/schedule.h"
#include "net/engine.h"

#include <stdio.h>
#include <string.h>

/* ---- making ------------------------------------------------------------------------------- */

static void optim_destroy(void *self)
{
    fv_optim *optim = self;
    fv_ctx *ctx = optim->object.ctx;
    for (fv_schedule *s = optim->schedules; s; s = s->next)
        s->optim = NULL; /* whose own end may come later */
    for (int i = 0; i < FV_MEMORIES_MAX; i++)
        fv_release(ctx, optim->memories[i]);
    for (int i = 0; i < optim->n_groups; i++)
        fv_release(ctx, optim->groups[i].pattern);
    fv_state_release(ctx, optim->state, optim->n_state);
    fv_release(ctx, optim->groups);
    fv_release(ctx, optim->group_of);
    fv_release(ctx, optim->steps);
    fv_release(ctx, optim->products);
    fv_release(ctx, optim->updates);
    fv_release(ctx, optim->text);
    fv_object_end(optim);
}

void fv_optim_free(fv_optim *optim)
{
    fv_object_free(optim);
}

static bool make_memories(fv_optim *optim, unsigned needs)
{
    fv_ctx *ctx = optim->object.ctx;
    size_t n = optim->net->size;
    float start = optim->kind->start ? optim->kind->start(&optim->args) : 0.0f;
    for (int m = 0; m < FV_MEMORIES_MAX; m++) {
        if (!(needs >> m & 1))
            continue;
        optim->memories[m] = fv_alloc(ctx, n + 1, sizeof *optim->memories[m]);
        for (size_t i = 0; optim->memories[m] && i < n; i++)
            optim->memories[m][i] = start;
    }
    return !fv_error(ctx);
}

static bool make_tables(fv_optim *optim)
{
    fv_ctx *ctx = optim->object.ctx;
    size_t n = (size_t)optim->net->n_params + 1;
    optim->groups = fv_alloc(ctx, 1, sizeof *optim->groups);
    optim->group_of = fv_alloc(ctx, n, sizeof *optim->group_of);
    optim->steps = fv_alloc(ctx, n, sizeof *optim->steps);
    optim->products = fv_alloc(ctx, n, sizeof *optim->products);
    optim->updates = fv_alloc(ctx, n, sizeof *optim->updates);
    if (fv_error(ctx))
        return false;
    for (size_t i = 0; i < n; i++)
        optim->products[i] = 1;
    double decay = *fv_number_at(optim->kind->recipe.args, &optim->args, "weight_decay");
    optim->groups[0] = (fv_optim_group){.lr_scale = 1, .weight_decay = decay};
    optim->n_groups = 1;
    return true;
}

fv_optim *fv_optim_new(const fv_optim_kind *kind, const char *where, fv_net *net, const void *args)
{
    if (fv_stopped(net ? net->object.ctx : NULL, kind->recipe.function))
        return NULL;
    fv_ctx *ctx = net->object.ctx;
    const fv_arg *settings = kind->recipe.args;
    unsigned needs = 0;
    fv_args settled = {.bytes = {0}};
    memcpy(&settled, args, kind->recipe.size);
    where = where ? where : kind->recipe.function;
    if (fv_settle(ctx, where, settings, &settled) || kind->needs(ctx, where, &settled, &needs))
        return NULL;
    fv_optim *optim = fv_object_new(ctx, sizeof *optim, optim_destroy);
    if (!optim)
        return NULL;
    optim->kind = kind;
    optim->net = net;
    optim->args = optim->made = settled;
    optim->lr = fv_number_at(settings, &optim->args, "lr");
    optim->momentum = fv_number_at(settings, &optim->args, "momentum");
    if (!optim->momentum)
        optim->momentum = fv_number_at(settings, &optim->args, "betas");
    if (make_tables(optim) && make_memories(optim, needs))
        return optim;
    fv_object_free(optim);
    return NULL;
}

/* ---- groups ------------------------------------------------------------------------------- */

/* A pattern that names nothing: the error lists the names, as many as fit. */
static fv_status refuse_pattern(const fv_optim *optim, const char *where, const char *pattern)
{
    char names[1200];
    fv_text to = {names, sizeof names};
    int i = 0;
    for (; i < optim->net->n_params && to.left > FV_SCOPE_MAX + 40; i++)
        fv_put(&to, " %s", optim->net->params[i].name);
    if (i < optim->net->n_params)
        fv_put(&to, " and %d more", optim->net->n_params - i);
    return fv_fail(optim->object.ctx, FV_E_NAME,
                   "%s: no parameter is called \"%.100s\"\n"
                   "help: the names are%s",
                   where, pattern, names);
}

static fv_status settle_group(const fv_optim *optim, const char *where, fv_group_args *a)
{
    const fv_arg settings[] = {
        FV_NUMBER(fv_group_args, lr_scale, 1, FV_POSITIVE),
        FV_NUMBER(fv_group_args, weight_decay, optim->groups[0].weight_decay, FV_FROM_0),
        {0}};
    fv_ctx *ctx = optim->object.ctx;
    if (a->lr != 0 && a->lr_scale != 0)
        return fv_fail(ctx, FV_E_ARG, "%s: lr is %g and lr_scale %g; give one of them", where,
                       a->lr, a->lr_scale);
    if (a->lr != 0 && fv_check_range(ctx, where, "lr", (fv_range)FV_POSITIVE, a->lr))
        return fv_error(ctx);
    if (a->lr != 0)
        a->lr_scale = a->lr / *optim->lr;
    return fv_settle(ctx, where, settings, a);
}

/* Without groups that no parameter is in any more. */
static void drop_empty_groups(fv_optim *optim)
{
    int kept = 1;
    for (int g = 1; g < optim->n_groups; g++) {
        int members = 0;
        for (int i = 0; i < optim->net->n_params; i++)
            if (optim->group_of[i] == g)
                optim->group_of[i] = kept, members++;
        if (members)
            optim->groups[kept++] = optim->groups[g];
        else
            fv_release(optim->object.ctx, optim->groups[g].pattern);
    }
    optim->n_groups = kept;
}

fv_status fv_group_add(fv_optim *optim, const char *where, fv_group_args a)
{
    fv_ctx *ctx = optim->object.ctx;
    const fv_net *net = optim->net;
    const char *pattern = a.pattern ? a.pattern : "";
    bool met = false;
    if (settle_group(optim, where, &a))
        return fv_error(ctx);
    for (int i = 0; i < net->n_params; i++)
        met = met || fv_word_matches(pattern, net->params[i].name);
    if (!met)
        return refuse_pattern(optim, where, pattern);
    fv_optim_group group = {fv_copy_text(ctx, pattern), a.lr_scale, a.weight_decay, a.frozen};
    fv_optim_group *groups = fv_grow(ctx, optim->groups, (size_t)optim->n_groups + 1,
                                     sizeof *groups);
    if (fv_error(ctx)) {
        optim->groups = groups ? groups : optim->groups;
        fv_release(ctx, group.pattern);
        return fv_error(ctx);
    }
    optim->groups = groups;
    groups[optim->n_groups] = group;
    for (int i = 0; i < net->n_params; i++)
        if (fv_word_matches(pattern, net->params[i].name))
            optim->group_of[i] = optim->n_groups;
    optim->n_groups++;
    drop_empty_groups(optim);
    return FV_OK;
}

fv_status fv_group_opt(fv_group_args args)
{
    if (!args.optim)
        return fv_absent(__func__);
    fv_status error = fv_error(args.optim->object.ctx);
    return error ? error : fv_group_add(args.optim, "fv_group", args);
}

/* ---- a step ------------------------------------------------------------------------------- */

typedef struct cutting {
    const fv_net *net;
    size_t length;
    void (*work)(void *arg, const fv_stretch *s);
    void *arg;
} cutting;

static void cut_piece(void *arg, int item, int thread)
{
    (void)thread;
    const cutting *c = arg;
    size_t from = (size_t)item * c->length, to = from + c->length;
    for (int i = 0; i < c->net->n_params; i++) {
        size_t start = (size_t)(c->net->params[i].value - c->net->values);
        size_t end = start + c->net->params[i].count;
        start = start < from ? from : start;
        end = end > to ? to : end;
        if (start < end)
            c->work(c->arg, &(fv_stretch){item, i, start, end - start});
    }
}

int fv_each_stretch(const fv_net *net, void (*work)(void *arg, const fv_stretch *s), void *arg)
{
    const size_t least = 1 << 13, even = fv_round_up(net->size / FV_PIECES_MAX + 1);
    cutting c = {net, even < least ? least : even, work, arg};
    int pieces = (int)((net->size + c.length - 1) / c.length);
    fv_parallel(net->object.ctx, pieces, cut_piece, &c);
    return pieces;
}

enum { OWNED = 4096 }; /* at a time */

static void step_stretch(void *arg, const fv_stretch *s)
{
    const fv_optim *optim = arg;
    const fv_net *net = optim->net;
    const fv_kernels *k = fv_host_kernels(net->object.ctx);
    float *memories[FV_MEMORIES_MAX];
    if (fv_optim_frozen(optim, s->param))
        return;
    for (size_t at = 0; at < s->count; at += OWNED) {
        const size_t n = s->count - at < OWNED ? s->count - at : OWNED, from = s->from + at;
        for (int m = 0; m < FV_MEMORIES_MAX; m++)
            memories[m] = optim->memories[m] ? optim->memories[m] + from : NULL;
        if (net->object.ctx->threads > 1)
            k->prefetch_for_write(n, net->values + from);
        optim->kind->step(k, n, &optim->updates[s->param], net->values + from, net->grads + from,
                          memories);
    }
}

fv_status fv_step(fv_optim *optim)
{
    if (!optim)
        return fv_absent(__func__);
    if (fv_error(optim->object.ctx))
        return fv_error(optim->object.ctx);
    for (int i = 0; i < optim->net->n_params; i++) {
        const fv_optim_group *group = &optim->groups[optim->group_of[i]];
        if (group->frozen)
            continue;
        fv_move move = {.lr = *optim->lr * group->lr_scale,
                        .weight_decay = group->weight_decay,
                        .t = ++optim->steps[i],
                        .product = &optim->products[i]};
        optim->kind->prepare(&optim->args, &move, &optim->updates[i]);
    }
    fv_each_stretch(optim->net, step_stretch, optim);
    optim->net->changes++;
    return FV_OK;
}

fv_status fv_set_lr(fv_optim *optim, double lr)
{
    if (!optim)
        return fv_absent(__func__);
    fv_ctx *ctx = optim->object.ctx;
    if (fv_error(ctx) || fv_check_range(ctx, "fv_set_lr", "lr", (fv_range)FV_POSITIVE, lr))
        return fv_error(ctx);
    *optim->lr = lr;
    return FV_OK;
}

double fv_lr(const fv_optim *optim)
{
    return FV_GIVEN(optim) ? *optim->lr : 0;
}

/* ---- text --------------------------------------------------------------------------------- */

static void put_optim(fv_text *to, const void *of)
{
    const fv_optim *optim = of;
    fv_put(to, "%s", optim->kind->recipe.name);
    fv_args_put(to, optim->kind->recipe.args, optim->kind->recipe.places, &optim->made);
    for (int g = 1; g < optim->n_groups; g++) {
        const fv_optim_group *group = &optim->groups[g];
        char number[40];
        fv_put(to, "; group %s", group->pattern);
        if (group->lr_scale != 1)
            fv_put(to, " lr_scale=%s", fv_number_text(group->lr_scale, false, number));
        if (group->weight_decay != optim->groups[0].weight_decay)
            fv_put(to, " weight_decay=%s", fv_number_text(group->weight_decay, false, number));
        fv_put(to, group->frozen ? " frozen" : "");
    }
}

const char *fv_optim_describe(fv_optim *optim)
{
    if (FV_STOPPED(optim))
        return NULL;
    fv_release(optim->object.ctx, optim->text);
    return optim->text = fv_text_new(optim->object.ctx, put_optim, optim);
}

/* ---- what is kept ------------------------------------------------------------------------- */

fv_tensor fv_state_of(fv_ctx *ctx, const char *prefix, const char *name, fv_type type, size_t count,
                      void *value)
{
    char text[2 * FV_SCOPE_MAX + 64];
    snprintf(text, sizeof text, "%s%s", prefix, name);
    return (fv_tensor){fv_copy_text(ctx, text), type, 1, {(int64_t)count, 1, 1, 1}, count, value};
}

void fv_state_release(fv_ctx *ctx, fv_tensor *state, int n)
{
    for (int i = 0; i < n; i++)
        fv_release(ctx, (void *)(uintptr_t)state[i].name);
    fv_release(ctx, state);
}

const fv_tensor *fv_state_ready(fv_ctx *ctx, fv_tensor **state, int *n_state, int *n)
{
    if (fv_error(ctx)) {
        fv_state_release(ctx, *state, *n_state);
        *state = NULL;
        *n_state = 0;
    }
    *n = *n_state;
    return *state;
}

static void list_memories(fv_optim *optim, int m)
{
    const fv_net *net = optim->net;
    char prefix[40];
    snprintf(prefix, sizeof prefix, "%s.", optim->kind->memories[m]);
    for (int i = 0; i < net->n_params && optim->memories[m]; i++) {
        const fv_param *p = &net->params[i];
        fv_tensor *t = &optim->state[optim->n_state++];
        *t = fv_state_of(optim->object.ctx, prefix, p->name, FV_F32, p->count,
                         optim->memories[m] + (p->value - net->values));
        t->ndim = p->ndim;
        memcpy(t->dims, p->dims, sizeof t->dims);
    }
}

const fv_tensor *fv_optim_state(fv_optim *optim, int *n)
{
    fv_ctx *ctx = optim->object.ctx;
    size_t params = (size_t)optim->net->n_params;
    if (!optim->state && (optim->state = fv_alloc(ctx, 4 + 3 * params, sizeof(fv_tensor)))) {
        fv_tensor *t = optim->state;
        *t++ = fv_state_of(ctx, "", "step", FV_I64, params, optim->steps);
        *t++ = fv_state_of(ctx, "", "mu_product", FV_I64, params, optim->products);
        *t++ = fv_state_of(ctx, "", "lr", FV_I64, 1, optim->lr);
        if (optim->momentum)
            *t++ = fv_state_of(ctx, "", "momentum", FV_I64, 1, optim->momentum);
        optim->n_state = (int)(t - optim->state);
        for (int m = 0; m < FV_MEMORIES_MAX; m++)
            list_memories(optim, m);
    }
    return fv_state_ready(ctx, &optim->state, &optim->n_state, n);
}
