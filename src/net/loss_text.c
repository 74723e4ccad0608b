/*
 * loss_text.c - losses as text: "cross_entropy label_smoothing=0.1 reduction=sum".
 *
 * Layer 3. Calls the losses and the base.
 */
#include "net/net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The arguments of all losses, as far as they are numbers. */
typedef struct numbers {
    int reduction;
    double label_smoothing, beta, delta, alpha, gamma;
    int64_t ignore_index;
    bool log_target;
} numbers;

#define REDUCTION FV_ARG(numbers, reduction, FV_ARG_WORD, .words = "mean sum batchmean")
#define IGNORE    FV_ARG(numbers, ignore_index, FV_ARG_LONG, .initial = {1, {-100}})
#define POSITIVE(member)                                                                           \
    FV_ARG(numbers, member, FV_ARG_NUMBER, .range = FV_POSITIVE, .initial = {1, {1}})

static const fv_arg nll_args[] = {REDUCTION, IGNORE, {0}};
static const fv_arg cross_entropy_args[] = {
    REDUCTION, IGNORE, FV_ARG(numbers, label_smoothing, FV_ARG_NUMBER, .range = FV_BELOW_1), {0}};
static const fv_arg plain_args[] = {REDUCTION, {0}};
static const fv_arg smooth_l1_args[] = {REDUCTION, POSITIVE(beta), {0}};
static const fv_arg huber_args[] = {REDUCTION, POSITIVE(delta), {0}};
static const fv_arg kl_div_args[] = {REDUCTION, FV_ARG(numbers, log_target, FV_ARG_FLAG), {0}};
static const fv_arg focal_args[] = {REDUCTION,
                                    FV_ARG(numbers, alpha, FV_ARG_NUMBER,
                                           .range = {-FV_NO_LIMIT, 1, FV_OPEN_LOW},
                                           .initial = {1, {0.25}}),
                                    FV_ARG(numbers, gamma, FV_ARG_NUMBER, .initial = {1, {2}}),
                                    {0}};

typedef enum loss_id { NLL, CROSS_ENTROPY, MSE, L1, SMOOTH_L1, HUBER, BCE, KL_DIV, FOCAL } loss_id;

static const struct {
    const char *name;
    const fv_arg *args;
    bool labels, floats; /* what the target may be */
} losses[] = {
    [NLL] = {"nll", nll_args, true, false},
    [CROSS_ENTROPY] = {"cross_entropy", cross_entropy_args, true, true},
    [MSE] = {"mse", plain_args, false, true},
    [L1] = {"l1", plain_args, false, true},
    [SMOOTH_L1] = {"smooth_l1", smooth_l1_args, false, true},
    [HUBER] = {"huber", huber_args, false, true},
    [BCE] = {"bce_with_logits", plain_args, false, true},
    [KL_DIV] = {"kl_div", kl_div_args, false, true},
    [FOCAL] = {"focal", focal_args, false, true},
};

enum { LOSSES = sizeof losses / sizeof *losses };

static const char *name_at(int i)
{
    return i < LOSSES ? losses[i].name : NULL;
}

int fv_loss_list(int index, char *text, size_t size)
{
    if (index < 0 || index >= LOSSES)
        return 0;
    int n = fv_args_list(losses[index].name, losses[index].args, text, size);
    size_t used = (size_t)n < size ? (size_t)n : size;
    return n + snprintf(text + used, size - used, "   (target: %s)",
                        !losses[index].floats  ? "labels"
                        : losses[index].labels ? "labels or floats"
                                               : "floats");
}

/* A settled number as the argument of a function, for which 0 means the default. */
static double or_zero(double number)
{
    return number == 0 ? FV_ZERO : number;
}

static float compute(loss_id id, const fv_loss_text_args *a, const numbers *n)
{
    fv_reduction reduction = n->reduction == 2 ? FV_BATCH_MEAN : (fv_reduction)n->reduction;
    int64_t ignored = n->ignore_index ? n->ignore_index : FV_CLASS_0;
    switch (id) {
    case NLL:
        return fv_nll_loss(a->net, a->batch, a->labels, .ignore_index = ignored,
                           .reduction = reduction);
    case CROSS_ENTROPY:
        return fv_cross_entropy_loss(a->net, a->batch, a->labels, .target = a->target,
                                     .ignore_index = ignored, .reduction = reduction,
                                     .label_smoothing = n->label_smoothing);
    case MSE: return fv_mse_loss(a->net, a->target, reduction);
    case L1: return fv_l1_loss(a->net, a->target, reduction);
    case SMOOTH_L1: return fv_smooth_l1_loss(a->net, a->target, n->beta, reduction);
    case HUBER: return fv_huber_loss(a->net, a->target, n->delta, reduction);
    case BCE: return fv_bce_with_logits_loss(a->net, a->target, .reduction = reduction);
    case KL_DIV: return fv_kl_div_loss(a->net, a->target, n->log_target, reduction);
    case FOCAL:
        return fv_focal_loss(a->net, a->target, or_zero(n->alpha), or_zero(n->gamma), reduction);
    }
    return NAN;
}

/* The loss that the statement says, and its arguments. */
static bool read_loss(const fv_statement *s, const fv_loss_text_args *a, loss_id *id, numbers *n,
                      fv_arg_error *error)
{
    const char *name = s->count ? s->words[0] : "";
    int i = 0;
    while (i < LOSSES && strcmp(losses[i].name, name) != 0)
        i++;
    if (i == LOSSES)
        return fv_arg_refuse_name(error, "loss", name, name_at);
    fv_args_reader r = {.name = name, .args = losses[i].args, .to = n};
    if (!fv_args_read(&r, s->words + 1, s->count - 1, error) ||
        !fv_args_settle(losses[i].args, n, error))
        return false;
    *id = (loss_id)i;
    if (a->target ? losses[i].floats : losses[i].labels)
        return true;
    return fv_arg_refuse(error, FV_E_ARG,
                         "%s takes %s, but the target holds %s\n"
                         "help: labels are int64, one for each image; other targets are float32",
                         name, losses[i].labels ? "labels" : "floats",
                         a->target ? "floats" : "labels");
}

float fv_loss_text_opt(fv_loss_text_args args)
{
    if (!args.net || !args.text || fv_error(args.net->object.ctx))
        return NAN;
    fv_ctx *ctx = args.net->object.ctx;
    fv_statement s = {.what = "loss text"};
    fv_arg_error error;
    numbers n = {0};
    loss_id id = NLL;
    char *copy = fv_copy_text(ctx, args.text), *at = copy;
    if (copy && (!fv_statement_next(&s, &at, "", &error) || !read_loss(&s, &args, &id, &n, &error)))
        fv_fail_args(ctx, s.where, &error);
    fv_release(ctx, copy);
    return fv_error(ctx) ? NAN : compute(id, &args, &n);
}
