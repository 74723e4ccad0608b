/*
 * train_plan.c - what `fovea train` trains and how, where nothing was typed: recipes by model.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <stdlib.h>
#include <string.h>

#include "train.h"

typedef struct recipe {
    const char *model; /* NULL: any other */
    const char *optimizer, *schedule;
    double lr, momentum, weight_decay;
    bool nesterov;
    int epochs, log_interval;
} recipe;

/* The tutorial's; that of pytorch/examples mnist/main.py; one that does well with batch norm. */
static const recipe recipes[] = {
    {"lenet5", "sgd", NULL, 0.01, 0.5, 0, false, 1, 100},
    {"mnist-cnn", "adadelta", "step 1 gamma=0.7", 1.0, 0, 0, false, 14, 10},
    {NULL, "sgd", "cosine", 0.05, 0.9, 5e-4, true, 20, 100},
};

static const recipe *recipe_of(const char *model)
{
    const recipe *r = recipes;
    while (r->model && strcmp(r->model, model) != 0)
        r++;
    return r;
}

static bool typed(const training *t, option_id id)
{
    return t->used.given & TAKES(id);
}

int plan_recipe(training *t)
{
    settings *s = &t->used;
    bool small_gray = t->data.channels == 1 && t->data.height == 28 && t->data.width == 28;
    const char *model = s->model ? s->model : small_gray ? "lenet5" : "small";
    int code = model_text(model, t->model, sizeof t->model);
    if (code)
        return code;
    const recipe *r = recipe_of(model);
    s->model = t->model;
    t->example_lines = r->model && strcmp(r->model, "mnist-cnn") == 0;
    s->epochs = typed(t, OPT_EPOCHS) ? s->epochs : r->epochs;
    s->log_interval = typed(t, OPT_LOG_INTERVAL) ? s->log_interval : r->log_interval;
    if (typed(t, OPT_OPTIMIZER)) /* which has its own */
        return EXIT_DONE;
    s->lr = typed(t, OPT_LR) ? s->lr : r->lr;
    s->momentum = typed(t, OPT_MOMENTUM) ? s->momentum : r->momentum;
    s->weight_decay = typed(t, OPT_WEIGHT_DECAY) ? s->weight_decay : r->weight_decay;
    s->nesterov = typed(t, OPT_NESTEROV) || (r->nesterov && s->momentum > 0 && s->dampening == 0);
    if (!s->schedule)
        s->schedule = r->schedule;
    return EXIT_DONE;
}

/* The options that stand for arguments of the optimizer, behind its name. */
static void optimizer_text(const training *t, char *text, size_t room)
{
    const settings *s = &t->used;
    const recipe *r = recipe_of(s->model);
    bool own = !typed(t, OPT_OPTIMIZER), sgd = own && strcmp(r->optimizer, "sgd") == 0;
    size_t n = (size_t)snprintf(text, room, "%s", own ? r->optimizer : s->optimizer);
    const struct {
        option_id id;
        const char *name;
        double value;
    } numbers[] = {{OPT_LR, "lr", s->lr}, {OPT_MOMENTUM, "momentum", s->momentum},
                   {OPT_DAMPENING, "dampening", s->dampening},
                   {OPT_WEIGHT_DECAY, "weight_decay", s->weight_decay}};
    for (int i = 0; i < 4; i++)
        if (typed(t, numbers[i].id) || (own && i == 0) || (sgd && numbers[i].value != 0))
            n += (size_t)snprintf(text + n, room - n, " %s=%.17g", numbers[i].name,
                                  numbers[i].value);
    if (typed(t, OPT_NESTEROV) || (sgd && s->nesterov))
        snprintf(text + n, room - n, " nesterov");
}

int plan_optimizer(training *t)
{
    char text[CARD_ROOM], schedule[CARD_ROOM];
    optimizer_text(t, text, sizeof text);
    t->optim = fv_optim_text(t->net, text);
    if (!t->optim)
        return fail_context(t->ctx, "fovea help train");
    if (!t->s->schedule || strcmp(t->s->schedule, "none") == 0)
        return EXIT_DONE;
    bool bare = strcmp(t->s->schedule, "cosine") == 0; /* over the whole run */
    snprintf(schedule, sizeof schedule, bare ? "%s %d" : "%s", t->s->schedule, t->s->epochs);
    t->schedule = fv_schedule_text(t->optim, schedule);
    return t->schedule ? EXIT_DONE : fail_context(t->ctx, "fovea help train");
}
