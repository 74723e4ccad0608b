/*
 * record.c - what report.html and the last lines show of a pass over the test or validation
 * set: counts of label by guess, and the worst mistakes; kept while the pass is made, so that none
 * is made twice.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <math.h>
#include <string.h>

#include "train/train.h"

/* The probability of class c, as softmax has it; of log-probabilities it is their exp. */
static double share_of(const float *y, int classes, int c)
{
    double sum = 0;
    for (int i = 0; i < classes; i++)
        sum += exp((double)y[i] - (double)y[c]);
    return 1 / sum;
}

/* Sorts the mistake in, behind those of the same loss, if it is among the worst. */
static void add_mistake(eval_record *r, const mistake *m)
{
    int at = r->mistakes;
    for (; at > 0 && r->worst[at - 1].loss < m->loss; at--)
        r->worst[at] = r->worst[at - 1];
    r->worst[at] = *m;
    r->mistakes += r->mistakes < WORST;
}

void record_start(training *t, fv_dataset *set)
{
    eval_record *r = &t->seen;
    int epoch = t->at.epoch;
    if (t->at.fold) {
        r->set = set;
        r->epoch = epoch;
        return;
    }
    if (r->set && r->set == t->data.val && r->epoch == t->best.epoch) {
        eval_record best = *r;
        *r = t->kept;
        t->kept = best;
    }
    *r = (eval_record){.set = set, .epoch = epoch, .metrics = r->metrics};
    if (r->metrics)
        fv_metrics_reset(r->metrics);
}

void record_batch(void *user, const fv_batch *batch, const float *outputs)
{
    training *t = user;
    eval_record *r = &t->seen;
    int classes;
    fv_output_shape(t->net, &classes, NULL, NULL);
    if (!r->metrics)
        r->metrics = metrics_for(t->ctx, t->net);
    count_batch(r->metrics, batch, outputs);
    r->result.total += batch->n;
    for (int i = 0; i < batch->n; i++, outputs += classes) {
        int guess = fv_argmax(outputs, classes), label = (int)batch->labels[i];
        r->result.correct += guess == label;
        if (guess < 0 || guess == label)
            continue;
        add_mistake(r, &(mistake){.set = r->set,
                                  .index = batch->indices ? batch->indices[i] : -1,
                                  .label = label,
                                  .guess = guess,
                                  .share = share_of(outputs, classes, guess),
                                  .loss = -log(share_of(outputs, classes, label))});
    }
}

/* Two bins become one. */
static void halve_bins(step_losses *l)
{
    for (int i = 0; i < STEP_BINS; i++) {
        int at = 2 * i;
        l->sum[i] = at < STEP_BINS ? l->sum[at] + l->sum[at + 1] : 0;
        l->count[i] = at < STEP_BINS ? l->count[at] + l->count[at + 1] : 0;
    }
    l->width *= 2;
}

void record_step(training *t, float loss)
{
    step_losses *l = &t->steps;
    int64_t step = (t->at.epoch - 1) * fv_loader_len(t->loader.train) + t->at.step;
    if (l->width == 0)
        l->width = 1;
    while (step / l->width >= STEP_BINS)
        halve_bins(l);
    l->sum[step / l->width] += (double)loss;
    l->count[step / l->width]++;
}

const eval_record *record_of(const training *t)
{
    bool is_val = t->seen.set && t->seen.set == t->data.val && !t->s->folds;
    return is_val && t->kept.set && t->kept.epoch == t->best.epoch ? &t->kept : &t->seen;
}
