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
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train/train.h"

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

/* How many of the batch the last fv_forward got right; of mixed images, with targets, the class of
   the larger share is right. */
static int count_right(const training *t, const fv_batch *batch, const float *targets)
{
    int classes, right = 0;
    fv_output_shape(t->net, &classes, NULL, NULL);
    const float *y = fv_output(t->net);
    for (int i = 0; i < batch->n; i++, y += classes) {
        int64_t label = batch->labels[i];
        if (targets)
            label = fv_argmax(targets + (size_t)i * (size_t)classes, classes);
        right += fv_argmax(y, classes) == label;
    }
    return right;
}

/* Forward and backward of some images of a batch, whose loss counts as their share of it. targets
   are those of mixed images, else NULL; cross-entropy of log-probabilities is their NLL. */
static float train_part(training *t, const fv_batch *part, const float *targets, double share,
                        int *right)
{
    fv_forward(t->net, part);
    float loss = targets ? fv_cross_entropy_loss(t->net, .target = targets, .scale = share)
                 : t->plan.log_probabilities ? fv_nll_loss(t->net, part, .scale = share)
                                             : fv_cross_entropy_loss(t->net, part, .scale = share);
    if (!fv_error(t->ctx) && isfinite(loss)) {
        *right += count_right(t, part, targets);
        fv_backward(t->net);
    }
    return loss;
}

/* One step, in parts if the memory asks for it: gradients add up in the order of the images. *loss
   is that of the batch before the update; *right is how many were right then. */
static int train_step(training *t, const fv_batch *batch, float *loss, int *right)
{
    fv_batch whole = *batch;
    int classes, code = mixes(t) ? mix_batch(t, &whole) : EXIT_DONE;
    if (code)
        return code;
    size_t image = (size_t)batch->channels * (size_t)batch->height * (size_t)batch->width *
                   fv_type_size(whole.type);
    double sum = 0;
    fv_output_shape(t->net, &classes, NULL, NULL);
    fv_zero_grad(t->net);
    for (int i = 0; i < batch->n; i += t->plan.part) {
        fv_batch part = whole;
        part.n = batch->n - i < t->plan.part ? batch->n - i : t->plan.part;
        part.pixels = (const char *)whole.pixels + (size_t)i * image;
        part.labels = batch->labels + i;
        part.indices = batch->indices ? batch->indices + i : NULL;
        const float *targets = mixes(t) ? t->mixed.targets + (size_t)i * (size_t)classes : NULL;
        sum += (double)train_part(t, &part, targets, (double)part.n / batch->n, right);
    }
    *loss = (float)sum;
    if (fv_error(t->ctx))
        return fail_context(t->ctx, "fovea help train");
    t->at.step = batch->index;
    t->at.recent[t->at.step % RECENT] = *loss;
    if (!isfinite(*loss))
        return fail_loss(t, (double)*loss, false);
    if (!fv_step(t->optim) && t->schedule && t->plan.by_step)
        fv_schedule_step(t->schedule);
    return fv_error(t->ctx) ? fail_context(t->ctx, "fovea help train") : EXIT_DONE;
}

static int train_epoch(training *t, epoch_result *result)
{
    double start = now(), loss_sum = 0;
    int64_t seen = 0, right_sum = 0;
    for (fv_batch batch; fv_loader_next(t->loader.train, &batch);) {
        float loss;
        int right = 0, code = train_step(t, &batch, &loss, &right);
        if (code)
            return code;
        loss_sum += (double)loss * batch.n;
        right_sum += right;
        seen += batch.n;
        record_step(t, loss);
        show_step(t, &batch, loss);
        if (atomic_load(&interrupts))
            return EXIT_STOPPED;
    }
    if (fv_error(t->ctx))
        return fail_data(t->ctx, &t->data);
    result->train_loss = loss_sum / (double)seen;
    result->train_accuracy = (double)right_sum / (double)seen;
    result->train_seconds = now() - start;
    return EXIT_DONE;
}

static int measure(training *t, fv_loader *loader, fv_result *result, double *seconds)
{
    double start = now();
    record_start(t, loader == t->loader.val ? t->data.val : t->data.test);
    if (fv_evaluate(t->net, loader, result, .each = t->at.fold ? NULL : record_batch, .user = t))
        return fail_data(t->ctx, &t->data);
    *seconds = now() - start;
    return isfinite(result->loss) ? EXIT_DONE : fail_loss(t, result->loss, true);
}

/* Without a validation set the test set is measured after every epoch, as in the tutorial. */
static int measure_epoch(training *t, epoch_result *result)
{
    int code = EXIT_DONE;
    if (t->loader.val)
        code = measure(t, t->loader.val, &result->val, &result->val_seconds);
    else if (t->loader.test)
        code = measure(t, t->loader.test, &result->test, &result->test_seconds);
    if (!code && t->loader.val && (t->best.epoch == 0 || result->val.loss < t->best.loss)) {
        t->best.loss = result->val.loss;
        t->best.accuracy = accuracy_of(result->val);
        t->best.epoch = t->at.epoch;
        code = keep_best(t);
    }
    return code;
}

static void next_rate(training *t, const epoch_result *result)
{
    double metric = t->loader.val ? result->val.loss : result->train_loss;
    if (t->schedule && !t->plan.by_step)
        fv_schedule_step_metric(t->schedule, metric);
}

static bool out_of_patience(const training *t)
{
    return t->s->patience > 0 && t->loader.val && t->at.epoch - t->best.epoch >= t->s->patience;
}

static int train_epochs(training *t)
{
    int code = EXIT_DONE;
    t->at.done = t->best.epoch = 0;
    for (t->at.epoch = 1; t->at.epoch <= t->s->epochs; t->at.epoch++) {
        epoch_result result = {0};
        if ((code = train_epoch(t, &result)) || (code = measure_epoch(t, &result)))
            return code;
        t->last = result;
        if (t->at.epoch == 1)
            t->first_loss = result.train_loss;
        t->at.done = t->at.epoch;
        if ((code = save_log_row(t)) || (code = save_run(t)) || (code = show_epoch(t)))
            return code;
        next_rate(t, &result);
        if (atomic_load(&interrupts))
            return EXIT_STOPPED;
        if (out_of_patience(t))
            break;
    }
    return fv_error(t->ctx) ? fail_context(t->ctx, "fovea help train") : code;
}

/* The epochs; then, if there was a validation set, the best epoch's weights meet the test set,
   once. */
static int train_all(training *t)
{
    int code = train_epochs(t);
    if (code || !t->loader.val || t->at.fold)
        return code;
    restore_best(t);
    t->at.epoch = t->best.epoch;
    if (t->loader.test)
        code = measure(t, t->loader.test, &t->last.test, &t->last.test_seconds);
    if (!code && t->loader.test && (code = save_test_row(t)) == EXIT_DONE)
        code = show_test(t);
    return code ? code : save_run(t);
}

/* ---- the whole run -------------------------------------------------------------------------- */

static bool gives_log_probabilities(const fv_net *net)
{
    return strcmp(fv_layer_at(net, fv_layer_count(net) - 1).kind, "log_softmax") == 0;
}

static fv_loader *plain_loader(const training *t, fv_dataset *set)
{
    int size = t->s->test_batch_size   ? t->s->test_batch_size
               : t->plan.example_lines ? 1000
                                       : t->s->batch_size;
    int64_t len = fv_dataset_describe(set).len;
    if (len > 0 && len < size)
        size = (int)len;
    return set ? fv_loader_new(set, .batch_size = size, .transform = t->data.plain,
                               .num_workers = t->s->num_workers)
               : NULL;
}

/* The net's output must be a number for each class. */
static int check_output(const training *t)
{
    int c, h, w;
    fv_output_shape(t->net, &c, &h, &w);
    if (h == 1 && w == 1 && c >= t->data.classes)
        return EXIT_DONE;
    return fail(EXIT_FAILED, "E-SHAPE",
                "the output of the net is [N,%d,%d,%d], but %s has %d classes\n"
                "help: end --model with \"flatten; linear classes\"",
                c, h, w, t->data.typed, t->data.classes);
}

/* The plan's network for the data, with new parameters. */
static int make_net(training *t)
{
    const data *d = &t->data;
    double mean[FV_CHANNELS_MAX], std[FV_CHANNELS_MAX];
    float means[FV_CHANNELS_MAX] = {0}, stds[FV_CHANNELS_MAX] = {0};
    int n = fv_read_numbers(d->mean, ',', mean, FV_CHANNELS_MAX);
    bool normal = n > 0 && fv_read_numbers(d->std, ',', std, FV_CHANNELS_MAX) == n;
    for (int c = 0; normal && c < n; c++)
        means[c] = (float)mean[c], stds[c] = (float)std[c];
    t->net = fv_model(t->ctx, t->plan.model, d->channels, d->height, d->width, d->classes,
                      normal ? means : NULL, normal ? stds : NULL);
    if (!t->net && fv_error(t->ctx) == FV_E_SHAPE && strpbrk(t->plan.model, " ;\n"))
        return fail_chain(t->ctx, t->plan.model, d->channels, d->height, d->width, d->classes);
    return t->net ? EXIT_DONE : fail_context(t->ctx, "fovea help models");
}

/* Net, loaders and optimizer. The net comes before the first epoch of a loader: that is the order
   in which the tutorial draws its random numbers. */
static int prepare_net(training *t)
{
    const settings *s = t->s;
    fv_loader_free(t->loader.train), fv_loader_free(t->loader.val), fv_loader_free(t->loader.test);
    fv_schedule_free(t->schedule), fv_optim_free(t->optim), fv_net_free(t->net);
    t->schedule = NULL;
    t->plan.by_step = false;
    t->optim = NULL;
    int code = make_net(t);
    if (code)
        return code;
    t->plan.log_probabilities = gives_log_probabilities(t->net);
    if ((code = check_output(t)) || (code = plan_batches(t)) || (code = plan_memory(t)))
        return code;
    int classes;
    fv_output_shape(t->net, &classes, NULL, NULL);
    fv_dataset_check(t->data.train, classes, NULL);
    if (t->data.test)
        fv_dataset_check(t->data.test, classes, NULL);
    t->loader.train = fv_loader_new(t->data.train, .batch_size = s->batch_size, .shuffle = true,
                                    .transform = t->data.augment, .num_workers = s->num_workers);
    t->loader.val = plain_loader(t, t->data.val);
    t->loader.test = plain_loader(t, t->data.test);
    if (fv_error(t->ctx))
        return fail_context(t->ctx, "fovea help train");
    return plan_optimizer(t);
}

static int prepare(training *t)
{
    t->ctx = open_context(t->s);
    int code = data_open(t->ctx, t->s, &t->data);
    if (!code)
        code = plan_recipe(t);
    if (code)
        return code;
    if (t->s->patience && !t->data.val && !t->s->folds)
        return fail(EXIT_USAGE, "E-ARGS",
                    "--patience waits for a better validation loss, and %s "
                    "has no validation set\nhelp: --val 0.1",
                    t->data.typed);
    data_card(&t->data, t->plan.model, &t->plan.card);
    return prepare_net(t);
}

static int train_one_fold(training *t)
{
    int code = prepare_net(t);
    return code ? code : train_epochs(t);
}

static int train(training *t)
{
    int code = prepare(t);
    if (code)
        return code;
    if (t->s->dry_run) {
        show_plan(t);
        return EXIT_DONE;
    }
    catch_interrupts();
    if (!t->s->no_save && (code = folder_make(&t->folder, t->s->out, t->data.name)))
        return code;
    t->at.start = now();
    if (!(code = save_start(t))) {
        show_plan(t);
        code = t->s->folds ? train_folds(t, train_one_fold) : train_all(t);
    }
    if (code == EXIT_STOPPED) {
        t->at.stopped = true;
        code = save_run(t);
        if (!code && !(code = report_write(t)))
            return show_stop(t);
    }
    if (code == EXIT_DONE && !(code = report_write(t)))
        return t->s->folds ? EXIT_DONE : show_end(t);
    folder_remove(&t->folder);
    return code;
}

static int check_together(const settings *s)
{
    if (s->schedule && s->gamma > 0)
        return fail(EXIT_USAGE, "E-ARGS",
                    "--gamma %g and --schedule both set how the learning rate changes\n"
                    "help: --schedule \"step 1 gamma=%g\"",
                    s->gamma, s->gamma);
    bool sgd = !s->optimizer || strncmp(s->optimizer, "sgd", 3) == 0;
    if (s->no_save && s->out)
        return fail(EXIT_USAGE, "E-ARGS",
                    "--no-save and --out %s contradict each other\n"
                    "help: leave out one of the two",
                    s->out);
    if (sgd && s->nesterov && (s->momentum == 0 || s->dampening != 0))
        return fail(EXIT_USAGE, "E-ARGS",
                    "--nesterov needs --momentum above 0 and --dampening 0, "
                    "not %g and %g\nhelp: fovea train --nesterov",
                    s->momentum, s->dampening);
    if (s->folds && s->given & TAKES(OPT_VAL))
        return fail(EXIT_USAGE, "E-ARGS",
                    "--folds and --val contradict each other: the folds take "
                    "turns as validation set\nhelp: leave out --val");
    return EXIT_DONE;
}

static int run_train(const settings *s)
{
    training *t = calloc(1, sizeof *t);
    if (!t)
        return fail_memory("the command");
    t->used = *s;
    t->s = &t->used;
    int code = data_name(s->args[0], &t->data);
    if (!code)
        code = check_together(s);
    if (!code)
        code = train(t);
    save_end(t);
    free(t->mixed.pixels);
    free(t->mixed.targets);
    fv_close(t->ctx);
    free(t);
    return code;
}

const command train_command = {
    .name = "train",
    .summary = "Train a network on a data set",
    .usage = "[DATA]",
    .examples = {{"fovea train", "the tutorial: an epoch on MNIST"},
                 {"fovea train photos/ --size 64", "folders named by class"},
                 {"fovea train cifar10 --model resnet9", "a larger network"},
                 {"fovea train mnist --model mnist-cnn", "the PyTorch example"}},
    .notes = "DATA is mnist, fashion-mnist, cifar10, digits or another known name; a folder\n"
             "with a folder for each class, or with train, val and test folders; a .csv with\n"
             "columns path,label; or a .npz. Every option has a default; --dry-run prints\n"
             "them all without training. Two values such as \"1, photos 20\" are those of the\n"
             "tutorial's LeNet-5 on MNIST, and of other data and networks.\n"
             "Picture files without a split are divided 80/10/10 by a hash of their content:\n"
             "a picture stays in its set when others are added, and copies stay together, so\n"
             "the share is approximate. split.csv of the run lists which picture is in which\n"
             "set. Of other data, --val takes its share of every class.\n"
             "With both --mixup and --cutmix, each batch uses one of the two; the training\n"
             "accuracy then counts the class with the larger share as right. The loss in\n"
             "log.csv is the mean over the epoch. Ctrl+C saves and stops.",
    .options = TRAIN_OPTIONS,
    .max_args = 1,
    .run = run_train,
};
