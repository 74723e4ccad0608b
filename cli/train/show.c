/*
 * show.c - what `fovea train` says while it trains and after. To stdout the tutorial's lines,
 * byte for byte, or JSON; to stderr a row for each epoch, a terminal's live line, and the end.
 *
 * Layer 6. Calls fovea.h, cJSON and libc.
 */
#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "train/train.h"

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
    int64_t steps = fv_loader_len(t->loader.train);
    bool wanted = !s->json && !s->quiet && s->log_interval > 0;
    if (wanted && batch->index % s->log_interval == 0) {
        make_way(t);
        printf("Train Epoch: %d [%lld/%lld (%.0f%%)]\tLoss: %.6f\n", t->at.epoch,
               (long long)(batch->index * batch->n),
               (long long)fv_dataset_describe(t->data.train).len,
               100. * (double)batch->index / (double)steps, (double)loss);
        fflush(stdout);
    }
    progress_step(&t->live, t->at.epoch, (t->at.epoch - 1) * steps + batch->index + 1,
                  (double)loss);
}

static int epoch_json(const training *t)
{
    const epoch_result *e = &t->last;
    cJSON *line = json_add(cJSON_CreateObject(), "event %s", "epoch");
    if (t->at.fold)
        json_add(line, "fold %d", t->at.fold);
    json_add(line, "epoch %d train_loss %g", t->at.epoch, e->train_loss);
    if (e->val.total)
        json_add(line, "val_loss %g val_acc %g", e->val.loss, accuracy_of(e->val));
    if (e->test.total)
        json_add(line, "test_loss %g test_acc %g", e->test.loss, accuracy_of(e->test));
    json_add(line, "lr %g seconds %g", fv_lr(t->optim),
             e->train_seconds + e->val_seconds + e->test_seconds);
    return json_line(line);
}

int show_test(training *t)
{
    const fv_result *r = &t->last.test;
    if (t->s->json)
        return EXIT_DONE;
    if (t->plan.example_lines)
        printf("%sTest set: Average loss: %.4f, Accuracy: %lld/%lld (%.0f%%)\n%s",
               t->s->quiet ? "" : "\n", r->loss, (long long)r->correct, (long long)r->total,
               100. * accuracy_of(*r), t->s->quiet ? "" : "\n");
    else
        printf("%sTest set: Accuracy: %.2f%%\n", t->s->quiet ? "" : "\n",
               100. * (double)r->correct / (double)r->total);
    fflush(stdout);
    return EXIT_DONE;
}

/* A row for each epoch; of many, 30 or so, the best ones and the last. */
static void show_row(training *t)
{
    enum { ROWS = 30 };
    const epoch_result *e = &t->last;
    int apart = (t->s->epochs + ROWS - 1) / ROWS;
    bool best = t->best.epoch == t->at.epoch, last = t->at.epoch == t->s->epochs;
    char rate[32];
    progress_clear(&t->live);
    if (t->at.epoch == 1)
        fprintf(stderr, "epoch   train loss   val loss   val acc   images/s    time\n");
    if (t->at.epoch % apart && !best && !last)
        return;
    double images = (double)fv_dataset_describe(t->data.train).len;
    with_commas((int64_t)(images / (e->train_seconds > 1e-9 ? e->train_seconds : 1e-9)), rate);
    fprintf(stderr, "%5d   %10.4f   %8.4f   %6.1f%%   %8s   %5.1fs%s\n", t->at.epoch, e->train_loss,
            e->val.loss, 100 * accuracy_of(e->val), rate, e->train_seconds + e->val_seconds,
            best ? "  *" : "");
}

int show_epoch(training *t)
{
    const epoch_result *e = &t->last;
    make_way(t);
    if (t->s->json)
        return epoch_json(t);
    if (e->val.total && !t->s->quiet && t->s->log_interval == 0)
        show_row(t);
    else if (e->val.total && !t->s->quiet)
        printf("\nEpoch %d: train loss %.4f, accuracy %.2f%%; validation loss %.4f, accuracy "
               "%.2f%%%s\n",
               t->at.epoch, e->train_loss, 100 * e->train_accuracy, e->val.loss,
               100 * accuracy_of(e->val), t->best.epoch == t->at.epoch ? " *" : "");
    fflush(stdout);
    return e->test.total ? show_test(t) : EXIT_DONE;
}

/* ---- after ---------------------------------------------------------------------------------- */

static int json_end(const training *t, const char *event)
{
    cJSON *line = json_add(cJSON_CreateObject(), "event %s", event);
    json_outcome(line, t);
    json_add(line, "run %s", t->folder.path[0] ? t->folder.path : NULL);
    return json_line(line);
}

/* "wrote   runs/mnist-1/model.safetensors   243 KB", a line for each file that people open. */
static void show_files(const training *t)
{
    static const char *const names[] = {"model.safetensors", "report.html"};
    char path[PATH_SIZE];
    struct stat st;
    for (int i = 0, n = 0; i < 2; i++)
        if (join_path(path, t->folder.path, names[i]) && stat(path, &st) == 0)
            fprintf(stderr, "%s%s   %lld KB\n", n++ ? "        " : "wrote   ", path,
                    (long long)(st.st_size + 512) / 1024);
}

/* Three commands to paste. */
static void show_next(const training *t)
{
    const char *folder = t->folder.path, *picture = fv_dataset_file(t->data.test, 0);
    bool plain = picture && !strpbrk(picture, " \t\n\"'\\`$&|;<>()*?[]#~!");
    char root[PATH_SIZE] = "", name[PATH_SIZE];
    snprintf(name, sizeof name, "%s", t->data.known ? t->data.known : plain ? picture : "PICTURE");
    hide_controls(name);
    if (t->s->given & TAKES(OPT_ROOT))
        snprintf(root, sizeof root, " --root %s", t->s->root);
    fprintf(stderr, "next    fovea predict %s %s%s%s\n        fovea test %s%s\n", folder, name,
            t->data.known ? ":0" : "", root, folder, root);
    fprintf(stderr, "        fovea info %s\n", folder);
}

int show_end(training *t)
{
    progress_clear(&t->live);
    int code = t->s->json ? json_end(t, "result") : EXIT_DONE;
    if (!talks(t->s))
        return code;
    fprintf(stderr, "\ndone    %d epoch%s in %.1f s.", t->at.done, t->at.done > 1 ? "s" : "",
            now() - t->at.start);
    if (t->best.epoch)
        fprintf(stderr, "  Best: epoch %d (val acc %.1f%%)%s", t->best.epoch,
                100 * t->best.accuracy, t->folder.path[0] ? ", kept as model.safetensors" : "");
    fputs("\n\n", stderr);
    if (t->last.test.total) {
        put_accuracy(stderr, t->last.test);
        put_confused(stderr, record_of(t)->metrics, t->net, t->data.train);
        fputc('\n', stderr);
    }
    if (show_advice(t))
        fputc('\n', stderr);
    if (t->folder.path[0]) {
        show_files(t);
        show_next(t);
    }
    return code;
}

int show_stop(training *t)
{
    progress_clear(&t->live);
    int code = t->s->json ? json_end(t, "stopped") : EXIT_DONE;
    fprintf(stderr, "stopped after step %lld of %lld in epoch %d; ", (long long)t->at.step + 1,
            (long long)fv_loader_len(t->loader.train), t->at.epoch);
    if (t->folder.path[0])
        fprintf(stderr, "saved in %s\nnext    fovea test %s\n", t->folder.path, t->folder.path);
    else
        fputs("nothing is saved because of --no-save\n", stderr);
    return code ? code : EXIT_STOPPED;
}

/* "largest weight in fc.F7.weight (1.2e+19)". */
static void find_largest(const training *t, char *text, size_t capacity)
{
    double most = -1;
    for (int i = 0; i < fv_param_count(t->net); i++) {
        fv_param p = fv_param_at(t->net, i);
        for (size_t k = 0; k < p.count; k++) {
            double size = isfinite(p.value[k]) ? fabs((double)p.value[k]) : INFINITY;
            if (size > most) {
                most = size;
                snprintf(text, capacity, "largest weight in %s (%.2g)", p.name, size);
            }
        }
    }
}

int fail_loss(training *t, double loss, bool in_test)
{
    char recent[200] = "", safe[PATH_SIZE + 100], where[80], largest[200] = "";
    int64_t first = t->at.step < RECENT ? 0 : t->at.step - RECENT + 1;
    for (int64_t i = first, n = 0; i <= t->at.step; i++)
        n += snprintf(recent + n, sizeof recent - (size_t)n, "  step %lld  %.4g", (long long)i,
                      isnan(t->at.recent[i % RECENT]) ? NAN : (double)t->at.recent[i % RECENT]);
    progress_clear(&t->live);
    if (t->at.done > 0 && t->folder.path[0])
        snprintf(safe, sizeof safe,
                 "the weights of epoch %d (%s accuracy %.2f%%) are safe in %s/model.safetensors",
                 t->at.done, t->last.val.total ? "validation" : "test",
                 100 * accuracy_of(t->last.val.total ? t->last.val : t->last.test), t->folder.path);
    else
        strcpy(safe, t->at.done > 0 ? "nothing is saved because of --no-save"
                                    : "no epoch was finished before, so nothing is saved");
    snprintf(where, sizeof where, in_test ? "in the test after epoch %d" : "at epoch %d, step %lld",
             t->at.epoch, (long long)t->at.step);
    bool own = t->s->given & TAKES(OPT_OPTIMIZER) && !(t->s->given & TAKES(OPT_LR));
    double start = own ? fv_lr(t->optim) : t->s->lr;
    find_largest(t, largest, sizeof largest);
    return fail(EXIT_FAILED, "E-INF",
                "the loss became %s %s%s\n%s\n%s; learning rate %g\n%s\n"
                "help: fovea train %s --lr %g        ten times smaller",
                isnan(loss) ? "not a number" : "infinite", where,
                in_test ? "" : "; stopped before the update", recent, largest, fv_lr(t->optim),
                safe, t->data.typed, start / 10);
}
