/*
 * loss_text.c - a loss by name: "cross_entropy label_smoothing=0.1 reduction=sum".
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"

typedef struct loss_args {
    fv_net *net;
    const float *target; /* one of the two */
    const int64_t *labels;
    fv_reduction reduction;
    double label_smoothing, beta, delta, alpha, gamma;
    double ignore_index;
    bool log_target;
} loss_args;

static int64_t ignored(const loss_args *a)
{
    return a->ignore_index == 0 ? FV_CLASS_0 : (int64_t)a->ignore_index;
}

static float nll(const loss_args *a)
{
    return fv_nll_loss(a->net, .labels = a->labels, .ignore_index = ignored(a),
                       .reduction = a->reduction);
}

static float cross_entropy(const loss_args *a)
{
    return fv_cross_entropy_loss(a->net, .labels = a->labels, .target = a->target,
                                 .ignore_index = a->labels ? ignored(a) : 0,
                                 .label_smoothing = a->label_smoothing, .reduction = a->reduction);
}

static float mse(const loss_args *a)
{
    return fv_mse_loss(a->net, a->target, .reduction = a->reduction);
}

static float l1(const loss_args *a)
{
    return fv_l1_loss(a->net, a->target, .reduction = a->reduction);
}

static float smooth_l1(const loss_args *a)
{
    return fv_smooth_l1_loss(a->net, a->target, .beta = a->beta, .reduction = a->reduction);
}

static float huber(const loss_args *a)
{
    return fv_huber_loss(a->net, a->target, .delta = a->delta, .reduction = a->reduction);
}

static float bce_with_logits(const loss_args *a)
{
    return fv_bce_with_logits_loss(a->net, a->target, .reduction = a->reduction);
}

static float kl_div(const loss_args *a)
{
    return fv_kl_div_loss(a->net, a->target, .log_target = a->log_target,
                          .reduction = a->reduction);
}

static float focal(const loss_args *a)
{
    return fv_focal_loss(a->net, a->target, .alpha = a->alpha, .gamma = a->gamma,
                         .reduction = a->reduction);
}

static const struct {
    const char *name, *arguments;
    bool labels, floats; /* what the target may be */
    float (*of)(const loss_args *a);
} losses[] = {
    {"nll", "reduction=mean ignore_index=-100", true, false, nll},
    {"cross_entropy", "reduction=mean ignore_index=-100 label_smoothing=0", true, true,
     cross_entropy},
    {"mse", "reduction=mean", false, true, mse},
    {"l1", "reduction=mean", false, true, l1},
    {"smooth_l1", "reduction=mean beta=1", false, true, smooth_l1},
    {"huber", "reduction=mean delta=1", false, true, huber},
    {"bce_with_logits", "reduction=mean", false, true, bce_with_logits},
    {"kl_div", "reduction=mean log_target=false", false, true, kl_div},
    {"focal", "reduction=mean alpha=0.25 gamma=2", false, true, focal},
};

enum { LOSSES = sizeof losses / sizeof *losses };

int loss_list(int index, char *text, size_t size)
{
    if (index < 0 || index >= LOSSES)
        return 0;
    return snprintf(text, size, "%s %s   (target: %s)", losses[index].name, losses[index].arguments,
                    !losses[index].floats  ? "labels"
                    : losses[index].labels ? "labels or floats"
                                           : "floats");
}

/* Whether the list names that argument. */
static bool lists(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = list; n && (at = strstr(at, word)) != NULL; at++)
        if ((at == list || at[-1] == ' ') && at[n] == '=')
            return true;
    return false;
}

static bool read_argument(const char *name, const char *value, loss_args *a)
{
    static const char *const reductions[] = {"mean", "sum", "none", "batchmean"};
    const struct {
        const char *name;
        double *to;
    } numbers[] = {{"label_smoothing", &a->label_smoothing},
                   {"beta", &a->beta},
                   {"delta", &a->delta},
                   {"alpha", &a->alpha},
                   {"gamma", &a->gamma},
                   {"ignore_index", &a->ignore_index}};
    char *end;
    if (strcmp(name, "log_target") == 0)
        return (a->log_target = strcmp(value, "true") == 0) || strcmp(value, "false") == 0;
    for (int i = 0; strcmp(name, "reduction") == 0 && i < 4; i++)
        if (i != FV_NONE && strcmp(value, reductions[i]) == 0) {
            a->reduction = (fv_reduction)i;
            return true;
        }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].to = strtod(value, &end);
            return *value && *end == '\0';
        }
    return false;
}

static int refuse(const char *text, int which)
{
    char known[300] = "";
    for (int i = 0; i < LOSSES; i++)
        strcat(strcat(known, i ? ", " : ""), losses[i].name);
    if (which == LOSSES)
        return fail(EXIT_USAGE, "E-ARGS",
                    "--loss \"%s\" is unknown; there are %s\n"
                    "help: --loss \"cross_entropy label_smoothing=0.1\"",
                    text, known);
    return fail(EXIT_USAGE, "E-ARGS",
                "--loss \"%s\": %s takes %s\n"
                "help: reduction is mean, sum or batchmean, log_target is true or false, others "
                "are numbers",
                text, losses[which].name, losses[which].arguments);
}

float loss_by_text(fv_net *net, const char *text, const fv_array *target, int *code)
{
    char words[200];
    loss_args a = {.net = net, .ignore_index = -100};
    int which = 0;
    snprintf(words, sizeof words, "%s", text);
    char *rest, *word = strtok_r(words, " ", &rest);
    while (which < LOSSES && (!word || strcmp(word, losses[which].name) != 0))
        which++;
    *code = which == LOSSES ? refuse(text, which) : EXIT_DONE;
    while (!*code && (word = strtok_r(NULL, " ", &rest)) != NULL) {
        char *value = strchr(word, '=');
        if (value)
            *value++ = '\0';
        if (!value || !lists(losses[which].arguments, word) || !read_argument(word, value, &a))
            *code = refuse(text, which);
    }
    if (*code)
        return NAN;
    bool labels = target->type == FV_I64;
    if (labels ? !losses[which].labels : !losses[which].floats) {
        *code = fail(EXIT_USAGE, "E-ARGS",
                     "--loss %s takes %s, but the target holds %s\n"
                     "help: labels are int64, one for each image; other targets are float32",
                     losses[which].name, losses[which].labels ? "labels" : "floats",
                     labels ? "integers" : "floats");
        return NAN;
    }
    a.labels = labels ? target->data : NULL;
    a.target = labels ? NULL : target->data;
    return losses[which].of(&a);
}
