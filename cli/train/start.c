/*
 * start.c - what `fovea train` says before it starts: the plan, and of all that was not typed
 * why it is so.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <stdlib.h>
#include <string.h>

#include "train/train.h"

enum { COLUMNS = 80, INDENT = 8, TABLE_MOST = 20, BAR = 20 };

/* "label   text   (why)", with why, unless it is "", on a line of its own where one is too
   narrow. */
static void put_line(const char *label, const char *text, const char *why)
{
    bool fits = INDENT + columns_of(text) + 5 + columns_of(why) <= COLUMNS;
    fprintf(stderr, "%-*s%s", INDENT, label, text);
    if (*why)
        fprintf(stderr, fits ? "   (%s)" : "\n        (%s)", why);
    fputc('\n', stderr);
}

static bool typed(const training *t, uint64_t any_of)
{
    return (t->s->given & any_of) != 0;
}

/* ---- data ----------------------------------------------------------------------------------- */

static int64_t sum_of(const counts *c, int label)
{
    int64_t sum = 0;
    for (int k = 0; k < SETS; k++)
        sum += c->of[k] ? c->of[k][label] : 0;
    return sum;
}

/* How many images each class has; of many classes the least and the most. */
static void show_classes(const training *t, const counts *c)
{
    int classes = t->data.classes, width = 5;
    int64_t most = 1, least = INT64_MAX;
    char name[64], n[32];
    for (int i = 0; i < classes; i++) {
        int columns = columns_of(class_label(c->names, i, name));
        width = columns > width ? columns : width;
        most = sum_of(c, i) > most ? sum_of(c, i) : most;
        least = sum_of(c, i) < least ? sum_of(c, i) : least;
    }
    if (classes > TABLE_MOST)
        fprintf(stderr, "        %lld to %lld images of a class\n", (long long)least,
                (long long)most);
    for (int i = 0; i < classes && classes <= TABLE_MOST; i++) {
        class_label(c->names, i, name);
        fprintf(stderr, "          %s%*s  %7s  ", name, width - columns_of(name), "",
                with_commas(sum_of(c, i), n));
        put_bar(stderr, (double)sum_of(c, i) / (double)most, BAR, "#", "");
        fputc('\n', stderr);
    }
}

static void show_sets(const training *t, const counts *c)
{
    static const char *const names[SETS] = {"training", "validation", "test"};
    char text[200] = "", n[32];
    for (int k = 0; k < SETS; k++)
        if (c->of[k])
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s %s", k ? ", " : "",
                     with_commas(c->info[k].len, n), names[k]);
    put_line("", text, t->data.why_split);
    if (!c->of[1] && !t->s->folds)
        put_line("", "no validation set: --val 0.1 makes one", "");
}

static void show_pictures(const training *t)
{
    const data *d = &t->data;
    char text[2 * CARD_SIZE];
    fv_dataset_info info = fv_dataset_describe(d->train);
    const char *colours = d->channels == 1 ? " gray" : d->channels == 3 ? " RGB" : "";
    if (d->n_skipped)
        fprintf(stderr, "        %lld unreadable, skipped%s%s%s\n", (long long)d->n_skipped,
                t->folder.path[0] ? "; names in " : "", t->folder.path,
                t->folder.path[0] ? "/skipped.txt" : "");
    bool as_is = info.height == d->height && info.width == d->width;
    snprintf(text, sizeof text, "%s%d x %d%s", as_is ? "" : "resized to ", d->width, d->height,
             colours);
    put_line("", text, d->why_size);
    snprintf(text, sizeof text, "transforms %s",
             d->augment ? fv_transform_text(d->augment) : "none");
    put_line("", text, d->why_augment);
    if (d->mean[0])
        snprintf(text, sizeof text, "mean %s   std %s", d->mean, d->std);
    put_line("", d->mean[0] ? text : "pixels are not normalised", d->why_pixels);
    if (info.height == 0 || d->augment) {
        snprintf(text, sizeof text, "%d workers read pictures ahead", t->s->num_workers);
        put_line("", t->s->num_workers ? text : "pictures are read between steps",
                 typed(t, TAKES(OPT_NUM_WORKERS)) ? "" : "auto; --num-workers 2 reads ahead");
    }
}

/* What comes of always saying the class that is most frequent in training. */
static void show_chance(const counts *c)
{
    int k = c->of[2] ? 2 : c->of[1] ? 1 : 0, largest = 0;
    for (int i = 1; c->of[0] && i < c->info[0].classes; i++)
        largest = c->of[0][i] > c->of[0][largest] ? i : largest;
    if (c->of[k] && c->info[k].len > 0)
        fprintf(stderr, "        always guessing the largest class would score %.1f%%\n",
                100.0 * (double)c->of[k][largest] / (double)c->info[k].len);
}

static void show_data(const training *t, const counts *c)
{
    char text[PATH_SIZE + 100], n[32];
    int64_t all = 0;
    for (int k = 0; k < SETS; k++)
        all += c->of[k] ? c->info[k].len : 0;
    snprintf(text, sizeof text, "%s   %s images in %d classes", t->data.typed, with_commas(all, n),
             t->data.classes);
    put_line("data", text, "");
    if (!t->data.known)
        show_classes(t, c);
    show_sets(t, c);
    show_pictures(t);
}

/* ---- net and training ------------------------------------------------------------------------ */

static void show_model(const training *t)
{
    int64_t parameters = 0, macs = 0;
    char text[300], a[32], b[32];
    bool own = typed(t, TAKES(OPT_MODEL));
    for (int i = 0; i < fv_layer_count(t->net); i++) {
        parameters += fv_layer_at(t->net, i).parameters;
        macs += fv_layer_at(t->net, i).macs;
    }
    snprintf(text, sizeof text, "%.60s   %s parameters   %s multiply-adds an image", t->plan.model,
             with_commas(parameters, a), with_commas(macs, b));
    text[strcspn(text, "\n")] = '\0'; /* of a network in a file, its first line */
    put_line("model", text,
             own                                    ? ""
             : strcmp(t->plan.model, "lenet5") == 0 ? "auto: for 28 x 28 gray"
                                                    : "auto: for photos");
}

static void show_recipe(const training *t)
{
    const settings *s = t->s;
    char text[2 * CARD_SIZE], why[200] = "", n[32];
    int64_t steps = fv_loader_len(t->loader.train);
    int64_t last = fv_dataset_describe(t->data.train).len - (steps - 1) * s->batch_size;
    bool epochs = typed(t, TAKES(OPT_EPOCHS)), batch = typed(t, TAKES(OPT_BATCH_SIZE));
    snprintf(text, sizeof text, "%d epoch%s x %s batch%s of %lld", s->epochs,
             s->epochs > 1 ? "s" : "", with_commas(steps, n), steps > 1 ? "es" : "",
             steps > 1 ? s->batch_size : (long long)last);
    if (last < s->batch_size && steps > 1)
        snprintf(text + strlen(text), 40, " (last %lld)", (long long)last);
    snprintf(text + strlen(text), 40, "   seed %llu", (unsigned long long)s->seed);
    if (!epochs || !batch)
        snprintf(why, sizeof why, "auto: %s%s%s %s", epochs ? "" : "epochs",
                 epochs || batch ? "" : " and ", batch ? "" : "batch size", plan_reason(t));
    put_line("train", text, why);
    snprintf(text, sizeof text, "%s%s%s%s", fv_optim_describe(t->optim), t->schedule ? "   " : "",
             t->schedule ? fv_schedule_describe(t->schedule) : "",
             t->plan.by_step ? " by=step" : "");
    uint64_t parts = TAKES(OPT_LR) | TAKES(OPT_MOMENTUM) | TAKES(OPT_WEIGHT_DECAY) |
                     TAKES(OPT_SCHEDULE) | TAKES(OPT_GAMMA) | TAKES(OPT_DAMPENING) |
                     TAKES(OPT_NESTEROV);
    snprintf(why, sizeof why, typed(t, parts) ? "auto: the rest %s" : "auto: %s", plan_reason(t));
    put_line("", text, typed(t, TAKES(OPT_OPTIMIZER)) ? "" : why);
    bool both = s->mixup > 0 && s->cutmix > 0;
    if (mixes(t))
        fprintf(stderr, "        %s %g%s", s->mixup > 0 ? "mixup" : "cutmix",
                s->mixup > 0 ? s->mixup : s->cutmix, both ? "" : "\n");
    if (both)
        fprintf(stderr, " and cutmix %g, for half of the batches each\n", s->cutmix);
    if (t->plan.part < s->batch_size) {
        snprintf(text, sizeof text, "%d images at a time, as --max-memory says", t->plan.part);
        put_line("", text, "");
    }
}

static void show_device(const training *t)
{
    fv_device device = fv_device_describe(t->ctx);
    bool threads = typed(t, TAKES(OPT_THREADS));
    fprintf(stderr, "fovea %s   kernels %s, threads %d   %s%s\n", fv_version(), device.kernels,
            device.threads, t->folder.path[0] ? "run " : "nothing is saved", t->folder.path);
    if (!typed(t, TAKES(OPT_KERNELS)) || !threads)
        fprintf(stderr, "        (kernels: %s; threads: %s)\n", device.why,
                threads ? "asked for" : "auto, all processors");
    fputc('\n', stderr);
}

void show_plan(training *t)
{
    int64_t steps = fv_loader_len(t->loader.train);
    if (!t->s->dry_run)
        t->live = progress_start(!t->s->quiet, t->s->log_interval == 0 && !t->s->json, t->s->epochs,
                                 steps * t->s->epochs);
    if (!talks(t->s) && !t->s->dry_run)
        return;
    counts c;
    counts_take(&c, (fv_dataset *[]){t->data.train, t->data.val, t->data.test});
    show_device(t);
    show_data(t, &c);
    show_model(t);
    show_recipe(t);
    show_chance(&c);
    fputc('\n', stderr);
    counts_free(&c);
}
