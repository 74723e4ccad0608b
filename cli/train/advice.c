/*
 * advice.c - one piece of advice at the end of a training: the first of a list that holds, what
 * weighs most before what weighs less. No option is advised that was typed.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/train.h"

/* What the advice goes by. */
typedef struct outcome {
    const training *t;
    fv_result seen; /* of the test; or else of validation */
    int64_t *count; /* training images of each class */
    int classes;
    int least, largest; /* the classes with the fewest and the most training images */
    int worst;          /* the class that is least often right; -1: not known */
    double share;       /* of the largest class */
} outcome;

static bool was_typed(const outcome *o, uint64_t any_of)
{
    return (o->t->s->given & any_of) != 0;
}

static const char *name_of(const outcome *o, int label, char name[64])
{
    return class_label(o->t->data.train, label, name);
}

/* ---- the list ------------------------------------------------------------------------------- */

static bool learned_nothing(const outcome *o, char *text, size_t capacity)
{
    const training *t = o->t;
    if (was_typed(o, TAKES(OPT_LR) | TAKES(OPT_OPTIMIZER)) || t->at.done < 2 ||
        t->last.train_loss < 0.98 * t->first_loss || accuracy_of(o->seen) > o->share + 0.02)
        return false;
    snprintf(text, capacity,
             "the network has learned nothing: the training loss was %.4f after the first\n"
             "epoch and is %.4f. Another learning rate may help: --lr %g",
             t->first_loss, t->last.train_loss, t->s->lr / 10);
    return true;
}

static bool never_predicted(const outcome *o, char *text, size_t capacity)
{
    char name[64];
    for (int k = 0; k < o->classes; k++) {
        fv_class_scores c = fv_metrics_class(record_of(o->t)->metrics, k);
        if (c.support < 3 || c.guessed > 0) /* of fewer it may be chance */
            continue;
        bool rare = 2 * o->count[k] <= o->count[o->largest];
        snprintf(text, capacity,
                 "the network never predicts %s, which has %lld training images.\n%s",
                 name_of(o, k, name), (long long)o->count[k],
                 rare ? "More of them will help more than more epochs."
                      : "It has not learned enough yet: more epochs may help.");
        return true;
    }
    return false;
}

static bool learned_by_heart(const outcome *o, char *text, size_t capacity)
{
    const training *t = o->t;
    double gap = t->last.train_accuracy - accuracy_of(t->last.val);
    if (!t->last.val.total || t->last.val.loss <= 1.05 * t->best.loss || gap <= 0.05)
        return false;
    snprintf(
        text, capacity,
        "the network is overfitting: since epoch %d the\n"
        "validation loss rises, and the training accuracy is %.0f points higher. More pictures\n"
        "%swill help more than more epochs.",
        t->best.epoch, 100 * gap, was_typed(o, TAKES(OPT_AUGMENT)) ? "" : "or more --augment ");
    return true;
}

static bool unbalanced(const outcome *o, char *text, size_t capacity)
{
    char least[64], largest[64];
    if (o->worst != o->least || 2 * o->count[o->least] > o->count[o->largest] ||
        fv_metrics_class(record_of(o->t)->metrics, o->worst).recall.value >= accuracy_of(o->seen))
        return false;
    name_of(o, o->least, least);
    name_of(o, o->largest, largest);
    snprintf(text, capacity,
             "%s has %lld images, %s %lld, and %s is wrong most often.\n"
             "More %s images will help more than more epochs.",
             least, (long long)o->count[o->least], largest, (long long)o->count[o->largest], least,
             least);
    return true;
}

static bool too_few(const outcome *o, char *text, size_t capacity)
{
    int64_t all = 0;
    for (int k = 0; k < o->classes; k++)
        all += o->count[k];
    if (all >= 50 * (int64_t)o->classes || accuracy_of(o->seen) >= 0.95)
        return false;
    snprintf(text, capacity,
             "%lld training images in %d classes are few: more of them will help most.",
             (long long)all, o->classes);
    return true;
}

static bool still_falling(const outcome *o, char *text, size_t capacity)
{
    const training *t = o->t;
    if (t->best.epoch == 0 || t->best.epoch != t->at.done || was_typed(o, TAKES(OPT_EPOCHS)))
        return false;
    snprintf(text, capacity, "the validation loss is still falling: --epochs %d will help.",
             2 * t->s->epochs);
    return true;
}

static bool too_small_to_tell(const outcome *o, char *text, size_t capacity)
{
    double low, high;
    fv_result val = o->t->last.val;
    wilson_range(val, &low, &high);
    if (!val.total || high - low < 0.2 || was_typed(o, TAKES(OPT_VAL)))
        return false;
    snprintf(text, capacity,
             "%lld validation images are too few to tell a better epoch from luck: their\n"
             "accuracy is known within %.0f points. More images, or --val 0.2, or --folds 5.",
             (long long)val.total, 100 * (high - low));
    return true;
}

/* ---- choosing ------------------------------------------------------------------------------- */

static void look_at_classes(outcome *o)
{
    int64_t all = 0;
    double lowest = 2;
    o->worst = -1;
    for (int k = 0; k < o->classes; k++) {
        fv_class_scores c = fv_metrics_class(record_of(o->t)->metrics, k);
        all += o->count[k];
        o->least = o->count[k] < o->count[o->least] ? k : o->least;
        o->largest = o->count[k] > o->count[o->largest] ? k : o->largest;
        if (c.support > 0 && c.recall.value < lowest) {
            lowest = c.recall.value;
            o->worst = k;
        }
    }
    o->share = all > 0 ? (double)o->count[o->largest] / (double)all : 0;
}

/* The lines of the text, the later ones under the first. */
static void put_advice(const char *text)
{
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
        fprintf(stderr, "%s%.*s\n", line == text ? "advice  " : "        ",
                (int)strcspn(line, "\n"), line);
}

bool show_advice(const training *t)
{
    static bool (*const list[])(const outcome *o, char *text, size_t capacity) = {
        learned_nothing, never_predicted, learned_by_heart, unbalanced,
        too_few,         still_falling,   too_small_to_tell};
    outcome o = {.t = t, .seen = t->last.test.total ? t->last.test : t->last.val};
    char text[400] = "";
    o.classes = t->data.classes;
    o.count = calloc((size_t)o.classes + 1, sizeof *o.count);
    if (o.count && !fv_dataset_check(t->data.train, o.classes, o.count)) {
        look_at_classes(&o);
        for (size_t i = 0; i < sizeof list / sizeof *list && !text[0]; i++)
            list[i](&o, text, sizeof text);
        put_advice(text);
    }
    free(o.count);
    return text[0] != '\0';
}
