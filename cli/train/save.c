/*
 * save.c - the run folder: model.safetensors, log.csv, run.json, split.csv where pictures are
 * files, skipped.txt where some could not be read; and runs/latest beside it.
 *
 * Each file is written anew as a whole, so that a crash leaves the one before.
 *
 * Layer 6. Calls fovea.h, cJSON, libc and POSIX.
 */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "train/train.h"

/* ---- folder --------------------------------------------------------------------------------- */

static int fail_folder(const char *path, const char *reason)
{
    return fail(EXIT_FAILED, "E-IO",
                "cannot make the folder \"%s\": %s\n"
                "help: choose another with --out, or save nothing: --no-save",
                path, reason);
}

/* Makes the parents of path that are missing. */
static int make_parents(run_folder *f)
{
    for (char *slash = strchr(f->path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int error = mkdir(f->path, 0777) == 0 ? 0 : errno;
        if (error == 0 && f->first_new == 0)
            f->first_new = strlen(f->path);
        int code = error && error != EEXIST ? fail_folder(f->path, strerror(error)) : EXIT_DONE;
        *slash = '/';
        if (code)
            return code;
    }
    return EXIT_DONE;
}

static bool is_empty(const char *path)
{
    int entries = 0;
    DIR *folder = opendir(path);
    while (folder && readdir(folder))
        entries++;
    if (folder)
        closedir(folder);
    return entries == 2; /* . and .. */
}

/* Makes path itself; the error of mkdir is returned, EEXIST for one that is in use. */
static int make_last(run_folder *f)
{
    if (mkdir(f->path, 0777) == 0) {
        f->first_new = f->first_new ? f->first_new : strlen(f->path);
        return 0;
    }
    if (errno != EEXIST)
        return errno;
    if (!is_empty(f->path))
        return EEXIST;
    return access(f->path, W_OK | X_OK) == 0 ? 0 : errno;
}

static int fail_taken(const char *path)
{
    return fail(EXIT_FAILED, "E-PATH",
                "\"%s\" already exists and is not overwritten\n"
                "help: fovea train --out %s-2",
                path, path);
}

static int make_given(run_folder *f, const char *out)
{
    size_t n = (size_t)snprintf(f->path, PATH_SIZE, "%s", out);
    while (n > 1 && n < PATH_SIZE && f->path[n - 1] == '/')
        f->path[--n] = '\0';
    if (n + 32 > PATH_SIZE)
        return fail_folder("...", "the path is too long");
    if (strcmp(f->path, "runs/latest") == 0)
        return fail_taken(f->path);
    int code = make_parents(f), error = code ? 0 : make_last(f);
    if (error == EEXIST)
        return fail_taken(f->path);
    return error ? fail_folder(f->path, strerror(error)) : code;
}

int folder_make(run_folder *f, const char *out, const char *name)
{
    *f = (run_folder){.path = ""};
    int code = EXIT_DONE, error = EEXIST;
    if (out) {
        code = make_given(f, out);
    } else {
        for (int i = 1; !code && error == EEXIST; i++) {
            snprintf(f->path, PATH_SIZE, "runs/%s-%d", name, i);
            code = make_parents(f);
            error = code ? 0 : mkdir(f->path, 0777) == 0 ? 0 : errno;
        }
        if (error)
            code = fail_folder(f->path, strerror(error));
        else if (!code && f->first_new == 0)
            f->first_new = strlen(f->path);
    }
    if (code)
        folder_remove(f);
    return code;
}

void folder_remove(const run_folder *f)
{
    char path[PATH_SIZE];
    strcpy(path, f->path);
    for (size_t n = strlen(path); f->first_new && n >= f->first_new;) {
        path[n] = '\0';
        rmdir(path);
        while (n > 0 && path[n] != '/')
            n--;
    }
}

/* ---- log.csv and run.json -------------------------------------------------------------------- */

/* Writes the text into the run's folder and frees it. */
static int write_file(training *t, const char *name, csv *text)
{
    char path[PATH_SIZE];
    join_path(path, t->folder.path, name);
    fv_status status = fv_write_file(t->ctx, path, text->text, text->used);
    free(text->text);
    return status ? fail_context(t->ctx, "is the disk full, or read-only?") : EXIT_DONE;
}

static int add_row(training *t, int set, double loss, double accuracy, double seconds)
{
    log_row *rows = t->folder.path[0]
                        ? realloc(t->log.row, (size_t)(t->log.count + 1) * sizeof *rows)
                        : NULL;
    if (!rows)
        return t->folder.path[0] ? fail_memory("the files of the run") : EXIT_DONE;
    t->log.row = rows;
    rows[t->log.count++] = (log_row){t->at.fold, t->at.epoch,     set,    loss,
                                     accuracy,   fv_lr(t->optim), seconds};
    return EXIT_DONE;
}

int save_log_row(training *t)
{
    const epoch_result *e = &t->last;
    int code = add_row(t, 0, e->train_loss, e->train_accuracy, e->train_seconds);
    if (!code && e->val.total)
        code = add_row(t, 1, e->val.loss, accuracy_of(e->val), e->val_seconds);
    return code || !e->test.total ? code : save_test_row(t);
}

int save_test_row(training *t)
{
    const epoch_result *e = &t->last;
    return add_row(t, 2, e->test.loss, accuracy_of(e->test), e->test_seconds);
}

static int write_log(training *t)
{
    csv out = {0};
    int code = csv_print(&out, "epoch,split,loss,accuracy,lr,seconds\n");
    for (const log_row *r = t->log.row; !code && r < t->log.row + t->log.count; r++) {
        if (r->fold)
            code = csv_print(&out, "%d:", r->fold);
        if (!code)
            code = csv_print(&out, "%d,%s,%.6f,%.6f,%g,%.3f\n", r->epoch, set_key(r->set), r->loss,
                             r->accuracy, r->lr, r->seconds);
    }
    return code ? code : write_file(t, "log.csv", &out);
}

/* ---- the best epoch -------------------------------------------------------------------------- */

static size_t state_bytes(const training *t)
{
    size_t bytes = 0;
    for (int i = 0; i < fv_state_count(t->net); i++) {
        fv_tensor tensor = fv_state_at(t->net, i);
        bytes += tensor.count * fv_type_size(tensor.type);
    }
    return bytes;
}

int keep_best(training *t)
{
    char *at = realloc(t->best.state, state_bytes(t) + 1);
    if (!at)
        return fail_memory("the files of the run");
    t->best.state = at;
    for (int i = 0; i < fv_state_count(t->net); i++) {
        fv_tensor tensor = fv_state_at(t->net, i);
        size_t bytes = tensor.count * fv_type_size(tensor.type);
        memcpy(at, tensor.value, bytes);
        at += bytes;
    }
    return EXIT_DONE;
}

void restore_best(training *t)
{
    const char *at = t->best.state;
    for (int i = 0; at && i < fv_state_count(t->net); i++) {
        fv_tensor tensor = fv_state_at(t->net, i);
        fv_state_put(t->net, i, at);
        at += tensor.count * fv_type_size(tensor.type);
    }
}

static int add_checksums(training *t)
{
    fv_dataset_info sets[] = {fv_dataset_describe(t->data.train),
                              fv_dataset_describe(t->data.test)};
    for (int i = 0; i < 4; i++) {
        const char *path = sets[i / 2].files[i % 2];
        char hex[65];
        struct stat st;
        if (!path || stat(path, &st) != 0 || !S_ISREG(st.st_mode)) /* or a folder of pictures */
            continue;
        if (fv_sha256_file(t->ctx, path, hex))
            return fail_context(t->ctx, "fovea help train");
        cJSON_AddItemToArray(t->files,
                             json_add(cJSON_CreateObject(), "name %s sha256 %s", path, hex));
    }
    return EXIT_DONE;
}

/* split.csv: which picture is in which set, if they are files. */
static int write_split(training *t)
{
    fv_dataset *sets[SETS] = {t->data.train, t->data.val, t->data.test};
    csv out = {0};
    if (!fv_dataset_file(sets[0], 0))
        return EXIT_DONE;
    int code = csv_add(&out, (const char *[]){"path", "class", "split"}, 3);
    for (int k = 0; k < SETS; k++)
        for (int64_t i = 0; !code && i < fv_dataset_describe(sets[k]).len; i++) {
            int64_t label = fv_dataset_label(sets[k], i);
            char number[24];
            const char *class = fv_dataset_class_name(sets[k], label);
            snprintf(number, sizeof number, "%lld", (long long)label);
            code = csv_add(
                &out,
                (const char *[]){fv_dataset_file(sets[k], i), class ? class : number, set_key(k)},
                3);
        }
    return code ? code : write_file(t, "split.csv", &out);
}

int save_start(training *t)
{
    if (!t->folder.path[0])
        return EXIT_DONE;
    t->files = cJSON_CreateArray();
    csv skipped = {0};
    int code = EXIT_DONE;
    if (t->data.n_skipped && !(code = csv_print(&skipped, "%s", t->data.skipped)))
        code = write_file(t, "skipped.txt", &skipped);
    if (!code)
        code = write_split(t);
    return code ? code : add_checksums(t);
}

static void add_option(cJSON *to, const option *o, const settings *s)
{
    const void *field = (const char *)s + o->field;
    char digits[32];
    if (o->kind == KIND_FLAG) {
        cJSON_AddBoolToObject(to, o->name, *(const bool *)field);
    } else if (o->kind == KIND_INT) {
        cJSON_AddNumberToObject(to, o->name, *(const int *)field);
    } else if (o->kind == KIND_NUMBER) {
        cJSON_AddNumberToObject(to, o->name, *(const double *)field);
    } else if (o->kind == KIND_SEED) { /* a double would not hold all of it */
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)*(const uint64_t *)field);
        cJSON_AddRawToObject(to, o->name, digits);
    } else {
        const char *text = *(const char *const *)field;
        cJSON_AddStringToObject(to, o->name, text ? text : "");
    }
}

void json_outcome(cJSON *to, const training *t)
{
    json_add(to, "epochs %d", t->at.done);
    if (t->at.done > 0) {
        json_add(to, "train_loss %g", t->last.train_loss);
        if (t->last.val.total)
            json_add(to, "val_loss %g val_acc %g best_epoch %d", t->last.val.loss,
                     accuracy_of(t->last.val), t->best.epoch);
        if (t->last.test.total)
            json_result(to, t->last.test);
    }
    if (t->at.stopped)
        json_add(cJSON_AddObjectToObject(to, "stopped"), "epoch %d steps %lld", t->at.epoch,
                 (long long)t->at.step + 1);
    json_add(to, "seconds %g", now() - t->at.start);
}

/* The options are those that were used: what was left open has been filled in. */
static char *run_json(const training *t)
{
    fv_device device = fv_device_describe(t->ctx);
    settings used = *t->s;
    used.threads = device.threads;
    used.kernels = device.kernels;
    used.out = t->folder.path;
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "version", fv_version());
    cJSON_AddStringToObject(root, "data", t->data.typed);
    for (option_id id = 0; id < OPT_COUNT; id++)
        if (TRAIN_OPTIONS & TAKES(id))
            add_option(root, &options[id], &used);
    cJSON_AddItemReferenceToObject(root, "files", t->files);
    json_outcome(cJSON_AddObjectToObject(root, "result"), t);
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    return text;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Only where the folder is called runs: elsewhere, a file "latest" may be somebody's own. */
static void write_latest(training *t)
{
    char path[PATH_SIZE], name[PATH_SIZE];
    const char *slash = strrchr(t->folder.path, '/');
    size_t n = slash ? (size_t)(slash - t->folder.path) : 0;
    if (n < 4 || strncmp(slash - 4, "runs", 4) != 0 || (n > 4 && slash[-5] != '/'))
        return;
    snprintf(path, sizeof path, "%.*s/latest", (int)n, t->folder.path);
    snprintf(name, sizeof name, "%s\n", slash + 1);
    fv_write_file(t->ctx, path, name, strlen(name));
}

int save_run(training *t)
{
    char path[PATH_SIZE];
    if (!t->folder.path[0])
        return EXIT_DONE;
    char *json = run_json(t);
    if (!json)
        return fail_memory("the files of the run");
    snprintf(t->plan.card.value[CARD_EPOCHS], sizeof t->plan.card.value[0], "%d", t->at.done);
    snprintf(t->plan.card.value[CARD_SEED], sizeof t->plan.card.value[0], "%llu",
             (unsigned long long)t->s->seed);
    join_path(path, t->folder.path, "model.safetensors");
    char *names = class_names_json(&t->data);
    card_save(&t->plan.card, t->net, path, names);
    cJSON_free(names);
    int code = write_log(t);
    join_path(path, t->folder.path, "run.json");
    fv_write_file(t->ctx, path, json, strlen(json));
    cJSON_free(json);
    if (code)
        return code;
    write_latest(t);
    return fv_error(t->ctx) ? fail_context(t->ctx, "is the disk full, or read-only?") : EXIT_DONE;
}

void save_end(training *t)
{
    free(t->log.row);
    free(t->best.state);
    cJSON_Delete(t->files);
}
