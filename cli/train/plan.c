/*
 * plan.c - what `fovea train` trains and how, where nothing was typed: recipes by model.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <stdlib.h>
#include <string.h>

#include "train/train.h"

typedef struct recipe {
    const char *model; /* NULL: any other */
    const char *optimizer, *schedule;
    double lr, momentum, weight_decay;
    bool nesterov;
    int epochs, log_interval;
    const char *reason; /* where it comes from */
} recipe;

/* The tutorial's; that of pytorch/examples mnist/main.py; one that does well with batch norm. */
static const recipe recipes[] = {
    {"lenet5", "sgd", NULL, 0.01, 0.5, 0, false, 1, 100, "as in the tutorial"},
    {"mnist-cnn", "adadelta", "step 1 gamma=0.7", 1.0, 0, 0, false, 14, 10,
     "as in the PyTorch example"},
    {NULL, "sgd", "cosine", 0.05, 0.9, 5e-4, true, 20, 0, "of a recipe for batch norm"},
};

static const recipe *recipe_of(const char *model)
{
    const recipe *r = recipes;
    while (r->model && strcmp(r->model, model) != 0)
        r++;
    return r;
}

const char *plan_reason(const training *t)
{
    return recipe_of(t->s->model)->reason;
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
static void optimizer_text(const training *t, char *text, size_t capacity)
{
    const settings *s = &t->used;
    const recipe *r = recipe_of(s->model);
    bool own = !typed(t, OPT_OPTIMIZER), sgd = own && strcmp(r->optimizer, "sgd") == 0;
    size_t n = (size_t)snprintf(text, capacity, "%s", own ? r->optimizer : s->optimizer);
    const struct {
        option_id id;
        const char *name;
        double value;
    } numbers[] = {{OPT_LR, "lr", s->lr},
                   {OPT_MOMENTUM, "momentum", s->momentum},
                   {OPT_DAMPENING, "dampening", s->dampening},
                   {OPT_WEIGHT_DECAY, "weight_decay", s->weight_decay}};
    for (int i = 0; i < 4; i++)
        if (typed(t, numbers[i].id) || (own && i == 0) || (sgd && numbers[i].value != 0))
            n += (size_t)snprintf(text + n, capacity - n, " %s=%.17g", numbers[i].name,
                                  numbers[i].value);
    if (typed(t, OPT_NESTEROV) || (sgd && s->nesterov))
        snprintf(text + n, capacity - n, " nesterov");
}

/* ---- memory --------------------------------------------------------------------------------- */

/* "64M" in bytes; 0 if it is no size. */
static double bytes_of(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    double unit = *end == 'k' || *end == 'K' ? 1 << 10
                  : *end == 'M'              ? 1 << 20
                  : *end == 'G'              ? 1 << 30
                                             : 1;
    end += unit > 1;
    return *end == '\0' && value > 0 && value < 1e15 ? value * unit : 0;
}

/* Bytes of training in parts of n images; SGD's velocity and Adam's moments are not in it. */
static double memory_of(const training *t, int n)
{
    fv_memory m = fv_memory_plan(t->net, n, true);
    return (double)m.parameters + (double)m.activations + (double)m.scratch;
}

static bool has_batch_norm(const fv_net *net)
{
    for (int i = 0; i < fv_layer_count(net); i++)
        if (strcmp(fv_layer_at(net, i).kind, "batch_norm2d") == 0)
            return true;
    return false;
}

int plan_memory(training *t)
{
    const settings *s = t->s;
    t->part = s->batch_size;
    if (!s->max_memory)
        return EXIT_DONE;
    double limit = bytes_of(s->max_memory);
    if (limit == 0)
        return fail(EXIT_USAGE, "E-ARGS", "--max-memory %s is no size\nhelp: --max-memory 64M",
                    s->max_memory);
    while (t->part > 1 && memory_of(t, t->part) > limit) /* whole blocks, so that sums stay */
        t->part = t->part > 16 ? (t->part - 1) / 16 * 16 : t->part / 2;
    if (memory_of(t, t->part) > limit)
        return fail(EXIT_FAILED, "E-MEMORY",
                    "one image takes %.1f MB of memory, more than --max-memory %s\n"
                    "help: --max-memory %.0fM",
                    memory_of(t, 1) / (1 << 20), s->max_memory, memory_of(t, 1) / (1 << 20) + 1);
    if (t->part < s->batch_size && has_batch_norm(t->net))
        return fail(EXIT_FAILED, "E-MEMORY",
                    "a batch of %d takes %.1f MB of memory, more than --max-memory %s, and batch "
                    "norm\nlooks at the whole batch, which so cannot go in parts; %d images fit\n"
                    "help: --batch-size %d",
                    s->batch_size, memory_of(t, s->batch_size) / (1 << 20), s->max_memory, t->part,
                    t->part);
    return EXIT_DONE;
}

int plan_optimizer(training *t)
{
    char text[CARD_SIZE], schedule[CARD_SIZE];
    const char *given[] = {t->s->optimizer, t->s->schedule};
    for (int i = 0; i < 2; i++)
        if (given[i] && strlen(given[i]) > CARD_SIZE / 2)
            return fail(EXIT_USAGE, "E-ARGS",
                        "--%s is longer than %d letters\n"
                        "help: fovea help train",
                        i ? "schedule" : "optimizer", CARD_SIZE / 2);
    optimizer_text(t, text, sizeof text);
    t->optim = fv_optim_text(t->net, text);
    if (!t->optim)
        return fail_context(t->ctx, "fovea help train");
    bool none = !t->s->schedule || strcmp(t->s->schedule, "none") == 0;
    if (none && t->s->gamma == 0)
        return EXIT_DONE;
    bool bare = !none && strcmp(t->s->schedule, "cosine") == 0; /* over the whole run */
    snprintf(schedule, sizeof schedule, bare ? "%s %d" : "%s", none ? "" : t->s->schedule,
             t->s->epochs);
    if (t->s->gamma > 0)
        snprintf(schedule, sizeof schedule, "step 1 gamma=%.17g", t->s->gamma);
    t->schedule = fv_schedule_text(t->optim, schedule);
    return t->schedule ? EXIT_DONE : fail_context(t->ctx, "fovea help train");
}
