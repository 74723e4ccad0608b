/*
 * train.c - `fovea train`: the tutorial's loop over the public API.
 *
 * Everything that can be wrong is looked at before the first step: options, data, labels, a place
 * for the run. Ctrl+C finishes the step and saves; a second one leaves at once.
 *
 * Layer 6. Calls fovea.h, libc and POSIX.
 */
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "train.h"

static atomic_int interrupts; /* how often Ctrl+C was pressed; a signal may come on any thread */

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    if (atomic_fetch_add(&interrupts, 1) > 0)
        _exit(EXIT_STOPPED);
}

static void catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

/* ---- one epoch ------------------------------------------------------------------------------ */

/* How many of the batch the last fv_forward got right. */
static int count_right(const training *t, const fv_batch *batch)
{
    int classes, right = 0;
    fv_output_shape(t->net, &classes, NULL, NULL);
    const float *y = fv_output(t->net);
    for (int i = 0; i < batch->n; i++, y += classes)
        right += fv_argmax(y, classes) == batch->labels[i];
    return right;
}

/* One step. *loss is that of the batch before the update; *right is how many were right then. */
static int train_step(training *t, const fv_batch *batch, float *loss, int *right)
{
    fv_zero_grad(t->net);
    fv_forward(t->net, batch);
    *loss = fv_nll_loss(t->net, batch);
    if (fv_error(t->ctx))
        return fail_context(t->ctx, "fovea help train");
    t->step = batch->index;
    t->recent[t->step % RECENT] = *loss;
    if (!isfinite(*loss))
        return fail_loss(t, (double)*loss, false);
    *right = count_right(t, batch);
    fv_backward(t->net);
    return fv_step(t->sgd) ? fail_context(t->ctx, "fovea help train") : EXIT_DONE;
}

static int train_epoch(training *t, epoch_result *result)
{
    double start = now(), loss_sum = 0;
    int64_t seen = 0, right_sum = 0;
    for (fv_batch batch; fv_loader_next(t->train_loader, &batch);) {
        float loss;
        int right = 0, code = train_step(t, &batch, &loss, &right);
        if (code)
            return code;
        loss_sum += (double)loss * batch.n;
        right_sum += right;
        seen += batch.n;
        show_step(t, &batch, loss);
        if (atomic_load(&interrupts))
            return EXIT_STOPPED;
    }
    if (fv_error(t->ctx))
        return fail_context(t->ctx, "fovea help train");
    result->train_loss = loss_sum / (double)seen;
    result->train_accuracy = (double)right_sum / (double)seen;
    result->train_seconds = now() - start;
    return EXIT_DONE;
}

static int test_epoch(training *t, epoch_result *result)
{
    double start = now();
    if (fv_evaluate(t->net, t->test_loader, &result->test))
        return fail_context(t->ctx, "fovea help train");
    result->test_seconds = now() - start;
    return isfinite(result->test.loss) ? EXIT_DONE : fail_loss(t, result->test.loss, true);
}

static int train_all(training *t)
{
    int code = EXIT_DONE;
    for (t->epoch = 1; t->epoch <= t->s->epochs; t->epoch++) {
        epoch_result result;
        if ((code = train_epoch(t, &result)) || (code = test_epoch(t, &result)))
            return code;
        t->last = result;
        t->done = t->epoch;
        if ((code = save_log_row(t)) || (code = save_run(t)) || (code = show_epoch(t)))
            return code;
        if (atomic_load(&interrupts))
            return EXIT_STOPPED;
    }
    return code;
}

/* ---- the whole run -------------------------------------------------------------------------- */

/* Data, net, loaders and optimizer. The net comes before the first epoch of a loader: that is the
   order in which the tutorial draws its random numbers. */
static int prepare(training *t)
{
    const settings *s = t->s;
    t->ctx = open_context(s);
    t->train = data_open(t->ctx, s, FV_TRAIN);
    t->test = data_open(t->ctx, s, FV_TEST);
    t->card = data_card(t->data, s->model);
    if (fv_error(t->ctx))
        return fail_context(t->ctx, "fovea help train");
    t->net = card_net(t->ctx, &t->card);
    if (!t->net)
        return EXIT_FAILED;
    int classes;
    fv_output_shape(t->net, &classes, NULL, NULL);
    fv_dataset_check(t->train, classes, NULL);
    fv_dataset_check(t->test, classes, NULL);
    t->train_loader = fv_loader_new(t->train, .batch_size = s->batch_size, .shuffle = true);
    t->test_loader = fv_loader_new(t->test, .batch_size = s->batch_size);
    t->sgd = fv_sgd(t->net, .lr = s->lr, .momentum = s->momentum, .dampening = s->dampening,
                    .weight_decay = s->weight_decay, .nesterov = s->nesterov);
    return fv_error(t->ctx) ? fail_context(t->ctx, "fovea help train") : EXIT_DONE;
}

static int train(training *t)
{
    int code = prepare(t);
    if (code)
        return code;
    catch_interrupts();
    if (!t->s->no_save && (code = folder_make(&t->folder, t->s->out, t->data)))
        return code;
    t->start = now();
    if (!(code = save_start(t))) {
        show_plan(t);
        code = train_all(t);
    }
    if (code == EXIT_STOPPED) {
        t->stopped = true;
        code = save_run(t);
        if (!code)
            return show_stop(t);
    }
    if (code == EXIT_DONE)
        return show_end(t);
    folder_remove(&t->folder);
    return code;
}

static int check_together(const settings *s)
{
    if (s->no_save && s->out)
        return fail(EXIT_USAGE, "E-ARGS", "--no-save and --out %s contradict each other\n"
                                          "help: leave out one of the two", s->out);
    if (s->nesterov && (s->momentum == 0 || s->dampening != 0))
        return fail(EXIT_USAGE, "E-ARGS", "--nesterov wants --momentum above 0 and --dampening 0, "
                                          "not %g and %g\nhelp: fovea train --nesterov",
                    s->momentum, s->dampening);
    return EXIT_DONE;
}

static int run_train(const settings *s)
{
    training t = {.s = s, .data = data_name(s->args[0], "fovea train mnist")};
    if (!t.data || check_together(s))
        return EXIT_USAGE;
    int code = train(&t);
    save_end(&t);
    fv_close(t.ctx);
    return code;
}

const command train_command = {
    .name = "train",
    .summary = "Train a network on a data set",
    .usage = "[mnist]",
    .examples = {{"fovea train", "the tutorial: an epoch on MNIST"},
                 {"fovea train --epochs 10 --lr 0.05", "longer, with larger steps"},
                 {"fovea train --json --no-save", "for programs, without files"}},
    .notes = "The loss in log.csv is the mean over the epoch. Ctrl+C saves and stops.",
    .options = TAKES(OPT_COUNT) - 1,
    .max_args = 1,
    .run = run_train,
};
