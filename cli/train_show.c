/*
 * train_show.c - what `fovea train` says. To stdout the tutorial's lines, byte for byte, or JSON;
 * to a terminal on stderr the plan, the live line, and what to type next.
 *
 * Layer 6. Calls fovea.h, cJSON and libc.
 */
#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "train.h"

/* ---- before --------------------------------------------------------------------------------- */

static void show_sets(const training *t)
{
    const data *d = &t->data;
    const struct {
        const char *name;
        fv_dataset *set;
    } sets[] = {{"training", d->train}, {"validation", d->val}, {"test", d->test}};
    char n[32];
    fprintf(stderr, "data    %s  ", d->typed);
    for (int i = 0; i < 3; i++)
        if (sets[i].set)
            fprintf(stderr, " %s %s%s", with_commas(fv_dataset_describe(sets[i].set).len, n),
                    sets[i].name, i < 2 && (sets[i + 1].set || (i == 0 && d->test)) ? "," : "");
    fprintf(stderr, " images, %d x %d x %d, %d classes\n", d->channels, d->height, d->width,
            d->classes);
    if (d->augment)
        fprintf(stderr, "        transforms %s\n", fv_transform_text(d->augment));
    if (d->mean[0])
        fprintf(stderr, "        mean %s   std %s\n", d->mean, d->std);
}

void show_plan(training *t)
{
    const settings *s = t->s;
    fv_device device = fv_device_describe(t->ctx);
    int64_t parameters = 0, macs = 0, steps = fv_loader_len(t->train_loader);
    char a[32], b[32];
    if (!s->dry_run)
        t->live = progress_start(!s->quiet, s->epochs, steps * s->epochs);
    if (!talks(t->s) && !s->dry_run)
        return;
    for (int i = 0; i < fv_layer_count(t->net); i++) {
        parameters += fv_layer_at(t->net, i).parameters;
        macs += fv_layer_at(t->net, i).macs;
    }
    fprintf(stderr, "fovea %s   kernels %s, threads %d   %s%s\n\n", fv_version(), device.kernels,
            device.threads, t->folder.path[0] ? "run " : "nothing is saved", t->folder.path);
    show_sets(t);
    fprintf(stderr, "model   %.60s   %s parameters   %s multiply-adds an image\n", s->model,
            with_commas(parameters, a), with_commas(macs, b));
    fprintf(stderr, "train   %d epoch%s x %s batches of %d   %s%s%s\n\n", s->epochs,
            s->epochs > 1 ? "s" : "", with_commas(steps, a), s->batch_size,
            fv_optim_describe(t->optim), t->schedule ? "   " : "",
            t->schedule ? fv_schedule_describe(t->schedule) : "");
}

/* ---- during --------------------------------------------------------------------------------- */

/* Clears the live line if what comes next on stdout would run into it. */
static void make_way(training *t)
{
    if (t->live.shares_screen)
        progress_clear(&t->live);
}

void show_step(training *t, const fv_batch *batch, float loss)
{
    const settings *s = t->s;
    int64_t steps = fv_loader_len(t->train_loader);
    bool wanted = !s->json && !s->quiet && s->log_interval > 0;
    if (wanted && batch->index % s->log_interval == 0) {
        make_way(t);
        printf("Train Epoch: %d [%lld/%lld (%.0f%%)]\tLoss: %.6f\n", t->epoch,
               (long long)(batch->index * batch->n),
               (long long)fv_dataset_describe(t->data.train).len,
               100. * (double)batch->index / (double)steps, (double)loss);
        fflush(stdout);
    }
    progress_step(&t->live, t->epoch, (t->epoch - 1) * steps + batch->index + 1, (double)loss);
}

static int epoch_json(const training *t)
{
    const epoch_result *e = &t->last;
    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "event", "epoch");
    if (t->fold)
        cJSON_AddNumberToObject(line, "fold", t->fold);
    cJSON_AddNumberToObject(line, "epoch", t->epoch);
    cJSON_AddNumberToObject(line, "train_loss", e->train_loss);
    if (e->val.total) {
        cJSON_AddNumberToObject(line, "val_loss", e->val.loss);
        cJSON_AddNumberToObject(line, "val_acc", accuracy_of(e->val));
    }
    if (e->test.total) {
        cJSON_AddNumberToObject(line, "test_loss", e->test.loss);
        cJSON_AddNumberToObject(line, "test_acc", accuracy_of(e->test));
    }
    cJSON_AddNumberToObject(line, "lr", fv_lr(t->optim));
    cJSON_AddNumberToObject(line, "seconds", e->train_seconds + e->val_seconds + e->test_seconds);
    return json_line(line);
}

int show_test(training *t)
{
    const fv_result *r = &t->last.test;
    if (t->s->json)
        return EXIT_DONE;
    if (t->example_lines)
        printf("%sTest set: Average loss: %.4f, Accuracy: %lld/%lld (%.0f%%)\n%s",
               t->s->quiet ? "" : "\n", r->loss, (long long)r->correct, (long long)r->total,
               100. * accuracy_of(*r), t->s->quiet ? "" : "\n");
    else
        printf("%sTest set: Accuracy: %.2f%%\n", t->s->quiet ? "" : "\n",
               100. * (double)r->correct / (double)r->total);
    fflush(stdout);
    return EXIT_DONE;
}

int show_epoch(training *t)
{
    const epoch_result *e = &t->last;
    make_way(t);
    if (t->s->json)
        return epoch_json(t);
    if (e->val.total && !t->s->quiet)
        printf("\nEpoch %d: train loss %.4f, accuracy %.2f%%; validation loss %.4f, accuracy "
               "%.2f%%%s\n", t->epoch, e->train_loss, 100 * e->train_accuracy, e->val.loss,
               100 * accuracy_of(e->val), t->best_epoch == t->epoch ? " *" : "");
    fflush(stdout);
    return e->test.total ? show_test(t) : EXIT_DONE;
}

/* ---- after ---------------------------------------------------------------------------------- */

static int json_end(const training *t, const char *event)
{
    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "event", event);
    json_outcome(line, t);
    if (t->folder.path[0])
        cJSON_AddStringToObject(line, "run", t->folder.path);
    else
        cJSON_AddNullToObject(line, "run");
    return json_line(line);
}

/* The gap between what was seen and what was not, in a plain sentence. */
static void show_advice(const training *t)
{
    double gap = t->last.train_accuracy - accuracy_of(t->last.val);
    if (!t->last.val.total)
        return;
    if (t->last.val.loss > 1.05 * t->best && gap > 0.05)
        fprintf(stderr,
                "advice  the net has begun to learn its pictures by heart: since epoch %d the\n"
                "        validation loss grows, and training is %.0f points ahead. More pictures\n"
                "        or more --augment will help more than more epochs.\n",
                t->best_epoch, 100 * gap);
    else if (t->best_epoch == t->done)
        fprintf(stderr, "advice  the validation loss is still falling: more --epochs will help.\n");
}

static void show_file(const training *t, const char *head, const char *name)
{
    char path[PATH_ROOM];
    struct stat st = {0};
    join_path(path, t->folder.path, name);
    stat(path, &st);
    fprintf(stderr, "%s  %s   %lld KB\n", head, path, (long long)(st.st_size + 512) / 1024);
}

int show_end(training *t)
{
    progress_clear(&t->live);
    int code = t->s->json ? json_end(t, "result") : EXIT_DONE;
    if (!talks(t->s))
        return code;
    fputc('\n', stderr);
    if (t->last.test.total)
        put_accuracy(stderr, t->last.test);
    if (t->best_epoch)
        fprintf(stderr, "best    epoch %d (validation loss %.4f), kept as model.safetensors\n",
                t->best_epoch, t->best);
    show_advice(t);
    if (t->folder.path[0]) {
        show_file(t, "wrote ", "model.safetensors");
        if (!t->s->no_report)
            show_file(t, "      ", "report.html");
        fprintf(stderr, "next    fovea test %s%s%s\n        fovea predict %s %s%s\n"
                        "        fovea info %s\n",
                t->folder.path, strcmp(t->data.typed, "mnist") ? " " : "",
                strcmp(t->data.typed, "mnist") ? t->data.typed : "", t->folder.path,
                t->data.known ? t->data.known : "PICTURE", t->data.known ? ":0" : "",
                t->folder.path);
    }
    return code;
}

int show_stop(training *t)
{
    progress_clear(&t->live);
    int code = t->s->json ? json_end(t, "stopped") : EXIT_DONE;
    fprintf(stderr, "stopped after step %lld of %lld in epoch %d; ", (long long)t->step + 1,
            (long long)fv_loader_len(t->train_loader), t->epoch);
    if (t->folder.path[0])
        fprintf(stderr, "saved in %s\nnext    fovea test %s\n", t->folder.path, t->folder.path);
    else
        fputs("nothing is saved, as --no-save says\n", stderr);
    return code ? code : EXIT_STOPPED;
}

int fail_loss(training *t, double loss, bool in_test)
{
    char recent[200] = "", safe[PATH_ROOM + 100], where[80];
    int64_t first = t->step < RECENT ? 0 : t->step - RECENT + 1;
    for (int64_t i = first, n = 0; i <= t->step; i++)
        n += snprintf(recent + n, sizeof recent - (size_t)n, "  step %lld  %.4g", (long long)i,
                      isnan(t->recent[i % RECENT]) ? NAN : (double)t->recent[i % RECENT]);
    progress_clear(&t->live);
    if (t->done > 0 && t->folder.path[0])
        snprintf(safe, sizeof safe, "the weights of epoch %d (%s accuracy %.2f%%) are safe in %s",
                 t->done, t->last.val.total ? "validation" : "test",
                 100 * accuracy_of(t->last.val.total ? t->last.val : t->last.test),
                 t->folder.path);
    else
        strcpy(safe, t->done > 0 ? "nothing is saved, as --no-save says"
                                 : "no epoch was finished before, so nothing is saved");
    snprintf(where, sizeof where, in_test ? "in the test after epoch %d" : "at epoch %d, step %lld",
             t->epoch, (long long)t->step);
    return fail(EXIT_FAILED, "E-INF", "the loss became %s %s%s\n%s\n%s\n"
                                      "help: fovea train --lr %g        ten times smaller",
                isnan(loss) ? "not a number" : "infinite", where,
                in_test ? "" : "; stopped before the update", recent, safe, t->s->lr / 10);
}
