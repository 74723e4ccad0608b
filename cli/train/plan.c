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
    {NULL, "sgd", "cosine", 0.05, 0.9, 5e-4, true, 20, 0, "usual for batch norm"},
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
    int code = model_text(model, t->plan.model, sizeof t->plan.model);
    if (code)
        return code;
    const recipe *r = recipe_of(model);
    s->model = t->plan.model;
    t->plan.example_lines = r->model && strcmp(r->model, "mnist-cnn") == 0;
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

/* The number with as few digits as give it back: 0.9 and not 0.90000000000000002. */
static const char *number_text(double value, char text[32])
{
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, 32, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return text;
}

/* The options that stand for arguments of the optimizer, behind its name. */
static int optimizer_text(const training *t, csv *text)
{
    const settings *s = &t->used;
    const recipe *r = recipe_of(s->model);
    bool own = !typed(t, OPT_OPTIMIZER), sgd = own && strcmp(r->optimizer, "sgd") == 0;
    int code = csv_print(text, "%s", own ? r->optimizer : s->optimizer);
    const struct {
        option_id id;
        const char *name;
        double value;
    } numbers[] = {{OPT_LR, "lr", s->lr},
                   {OPT_MOMENTUM, "momentum", s->momentum},
                   {OPT_DAMPENING, "dampening", s->dampening},
                   {OPT_WEIGHT_DECAY, "weight_decay", s->weight_decay}};
    for (int i = 0; i < 4 && !code; i++) {
        char number[32];
        if (typed(t, numbers[i].id) || (own && i == 0) || (sgd && numbers[i].value != 0))
            code = csv_print(text, " %s=%s", numbers[i].name,
                             number_text(numbers[i].value, number));
    }
    if (!code && (typed(t, OPT_NESTEROV) || (sgd && s->nesterov)))
        code = csv_print(text, " nesterov");
    return code;
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

/* The first batch norm of the net, at 1 x 1 or anywhere; layer_count: there is none. */
static int find_batch_norm(const fv_net *net, bool at_1x1)
{
    int i = 0;
    for (; i < fv_layer_count(net); i++) {
        fv_layer l = fv_layer_at(net, i);
        if (strncmp(l.kind, "batch_norm", 10) == 0 && (!at_1x1 || l.height * l.width == 1))
            break;
    }
    return i;
}

int plan_batches(const training *t)
{
    int64_t len = fv_dataset_describe(t->data.train).len;
    int size = t->s->batch_size, better = size + 1, i = find_batch_norm(t->net, true);
    bool whole = t->s->folds && t->at.fold == 0; /* the folds come later */
    if (whole || i == fv_layer_count(t->net) || (size > 1 && len % size != 1))
        return EXIT_DONE;
    while (len % better == 1)
        better++;
    return fail(EXIT_USAGE, "E-ARGS",
                "%lld training images in batches of %d leave a batch of a single image, and layer\n"
                "\"%s\", a batch norm at 1 x 1, needs two or more\n"
                "help: --batch-size %d",
                (long long)len, size, fv_layer_at(t->net, i).name, better);
}

int plan_memory(training *t)
{
    const settings *s = t->s;
    t->plan.part = s->batch_size;
    if (!s->max_memory)
        return EXIT_DONE;
    double limit = bytes_of(s->max_memory);
    if (limit == 0)
        return fail(EXIT_USAGE, "E-ARGS", "--max-memory %s is not a size\nhelp: --max-memory 64M",
                    s->max_memory);
    while (t->plan.part > 1 &&
           memory_of(t, t->plan.part) > limit) /* whole blocks, so that sums stay */
        t->plan.part = t->plan.part > 16 ? (t->plan.part - 1) / 16 * 16 : t->plan.part / 2;
    if (memory_of(t, t->plan.part) > limit)
        return fail(EXIT_FAILED, "E-MEMORY",
                    "one image takes %.1f MB of memory, more than --max-memory %s\n"
                    "help: --max-memory %.0fM",
                    memory_of(t, 1) / (1 << 20), s->max_memory, memory_of(t, 1) / (1 << 20) + 1);
    if (t->plan.part < s->batch_size && find_batch_norm(t->net, false) < fv_layer_count(t->net))
        return fail(EXIT_FAILED, "E-MEMORY",
                    "a batch of %d takes %.1f MB of memory, more than --max-memory %s, and batch "
                    "norm\nlooks at the whole batch, which so cannot go in parts; %d images fit\n"
                    "help: --batch-size %d",
                    s->batch_size, memory_of(t, s->batch_size) / (1 << 20), s->max_memory,
                    t->plan.part, t->plan.part);
    return EXIT_DONE;
}

/* ---- optimizer and schedule ------------------------------------------------------------------ */

static bool begins_with(const char *text, const char *word)
{
    size_t n = strlen(word);
    return strncmp(text, word, n) == 0 && (text[n] == ' ' || text[n] == '\0');
}

/* Adds the schedule without the words by=step and by=epoch, which are ours: they say when it is
   stepped, and set t->plan.by_step. */
static int take_by(training *t, const char *schedule, csv *text)
{
    int code = EXIT_DONE;
    for (const char *at = schedule; !code && *(at += strspn(at, " "));) {
        size_t n = strcspn(at, " ;");
        if (strncmp(at, "by=", 3) != 0)
            code = csv_print(text, "%s%.*s", text->used ? " " : "", (int)n, at);
        else if (n == 7 && strncmp(at, "by=step", 7) == 0)
            t->plan.by_step = true;
        else if (n == 8 && strncmp(at, "by=epoch", 8) == 0)
            t->plan.by_step = false;
        else
            return fail(EXIT_USAGE, "E-ARGS",
                        "--schedule \"%s\": \"%.*s\" is neither by=step nor by=epoch\n"
                        "help: fovea help schedules",
                        schedule, (int)n, at);
        at += n;
        if (!code && *at == ';') {
            code = csv_print(text, ";");
            at++;
        }
    }
    return code;
}

/* The schedule as the library reads it. PyTorch steps one_cycle after each batch, the others after
   each epoch. Cosine and one_cycle without a length take the whole run. */
static int schedule_text(training *t, csv *text)
{
    const settings *s = t->s;
    const char *schedule = s->schedule && strcmp(s->schedule, "none") != 0 ? s->schedule : NULL;
    char gamma[32];
    if (s->gamma > 0)
        return csv_print(text, "step 1 gamma=%s", number_text(s->gamma, gamma));
    if (!schedule)
        return EXIT_DONE;
    t->plan.by_step = begins_with(schedule, "one_cycle");
    int code = take_by(t, schedule, text);
    if (code || !text->used)
        return code;
    long long length = t->plan.by_step ? s->epochs * (long long)fv_loader_len(t->loader.train)
                                       : s->epochs;
    if (t->plan.by_step && strstr(text->text, "plateau"))
        return fail(EXIT_USAGE, "E-ARGS",
                    "--schedule \"%s\": plateau goes by the validation loss, which is measured "
                    "once an epoch\nhelp: leave out by=step",
                    schedule);
    if (strcmp(text->text, "cosine") == 0)
        return csv_print(text, " %lld", length);
    if (begins_with(text->text, "one_cycle") && !strpbrk(text->text, ";&") &&
        !strstr(text->text, "total_steps=") && !strstr(text->text, "epochs="))
        return csv_print(text, " total_steps=%lld", length);
    return EXIT_DONE;
}

int plan_optimizer(training *t)
{
    csv text = {0};
    int code = optimizer_text(t, &text);
    if (!code && !(t->optim = fv_optim_text(t->net, text.text)))
        code = fail_context(t->ctx, "fovea help optimizers");
    text.used = 0;
    if (!code)
        code = schedule_text(t, &text);
    if (!code && text.used && !(t->schedule = fv_schedule_text(t->optim, text.text)))
        code = fail_context(t->ctx, "fovea help schedules");
    free(text.text);
    return code;
}
