/*
 * run_open.c - a trained network by path: a run folder, runs/latest, or a safetensors file.
 *
 * Layer 6. Calls fovea.h, libc and POSIX.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"

/* ---- a run that is not there ---------------------------------------------------------------- */

enum { CANDIDATES_MAX = 100, SHOWN_MAX = 3 };

typedef struct candidate {
    char name[64];
    int distance;
} candidate;

static int nearer(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    return x->distance != y->distance ? x->distance - y->distance : strcmp(x->name, y->name);
}

/* The runs in runs/, those first whose names are nearest to name; how many. */
static int list_runs(const char *name, candidate *found)
{
    int count = 0;
    DIR *folder = opendir("runs");
    for (struct dirent *e; folder && count < CANDIDATES_MAX && (e = readdir(folder)) != NULL;) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "runs/%s/model.safetensors", e->d_name);
        if (strlen(e->d_name) >= sizeof found->name || !is_file(path))
            continue;
        strcpy(found[count].name, e->d_name);
        found[count++].distance = fv_edit_distance(name, e->d_name);
    }
    if (folder)
        closedir(folder);
    qsort(found, (size_t)count, sizeof *found, nearer);
    return count;
}

static int fail_missing(const char *path)
{
    char best[80], line[160];
    candidate found[CANDIDATES_MAX];
    char typed[PATH_SIZE], list[SHOWN_MAX * 80] = "";
    snprintf(typed, sizeof typed, "%s", path);
    for (size_t n = strlen(typed); n > 1 && typed[n - 1] == '/'; n--)
        typed[n - 1] = '\0';
    const char *slash = strrchr(typed, '/');
    int count = list_runs(slash ? slash + 1 : typed, found);
    for (int i = 0; i < count && i < SHOWN_MAX; i++)
        strcat(strcat(list, i ? ", runs/" : "runs/"), found[i].name);
    const char *what = is_folder(path) ? "is not a run: it holds no model.safetensors"
                                       : "is not a run: there is no such folder or file";
    if (count == 0)
        return fail(EXIT_FAILED, "E-PATH",
                    "\"%s\" %s\nand runs/ holds no run yet\n"
                    "help: fovea train",
                    path, what);
    snprintf(best, sizeof best, "runs/%s", found[0].name);
    return fail(EXIT_FAILED, "E-PATH", "\"%s\" %s\nbut there is %s\nhelp: %s", path, what, list,
                retyped(path, best, line));
}

/* ---- opening -------------------------------------------------------------------------------- */

/* If path is the file runs/latest: the run beside it, whose name it holds. */
static void follow_latest(char path[PATH_SIZE])
{
    char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path, name[256] = "";
    FILE *f = strcmp(last, "latest") == 0 && is_file(path) ? fopen(path, "r") : NULL;
    if (!f)
        return;
    if (fgets(name, sizeof name, f) && name[0] != '\n')
        snprintf(last, (size_t)(path + PATH_SIZE - last), "%.*s", (int)strcspn(name, "\n"), name);
    fclose(f);
}

/* Reads the card. A file without one, say of PyTorch, is taken for what fovea train makes. */
static int read_card(fv_ctx *ctx, bool quiet, run *r)
{
    static const char *const usual[] = {
        [CARD_MODEL] = "lenet5", [CARD_INPUT] = "1x28x28", [CARD_CLASSES] = "10",
        [CARD_MEAN] = "0.1307",  [CARD_STD] = "0.3081",    [CARD_DATA] = "mnist"};
    bool found = false;
    for (int i = 0; i < CARD_COUNT; i++) {
        if (fv_load_meta(ctx, r->file, card_keys[i], r->card.value[i], sizeof r->card.value[i]))
            return fail_context(ctx, "fovea train");
        if (i != CARD_CLASS_NAMES)
            hide_controls(r->card.value[i]);
        found = found || r->card.value[i][0];
    }
    for (int i = CARD_MODEL; i <= CARD_DATA; i++)
        if (!r->card.value[i][0] && (!found || (i != CARD_MEAN && i != CARD_STD)))
            strcpy(r->card.value[i], usual[i]);
    if (!found && !quiet)
        fprintf(stderr, "note:  %s has no description of its network; assumed to be %s for MNIST\n",
                r->file, usual[CARD_MODEL]);
    return EXIT_DONE;
}

int open_run(fv_ctx *ctx, const char *path, bool quiet, run *r)
{
    if (fv_error(ctx))
        return fail_context(ctx, "fovea device");
    char at[PATH_SIZE];
    snprintf(at, sizeof at, "%s", path);
    follow_latest(at);
    if (is_file(at))
        strcpy(r->file, at);
    else if (!join_path(r->file, at, "model.safetensors") || !is_file(r->file))
        return fail_missing(path);
    int code = read_card(ctx, quiet, r);
    if (code)
        return code;
    r->net = card_net(ctx, &r->card);
    if (!r->net)
        return EXIT_FAILED;
    const char *transform = r->card.value[CARD_TRANSFORM];
    r->transform = *transform ? fv_transform_new(ctx, transform) : NULL;
    return fv_load(r->net, r->file) ? fail_context(ctx, "fovea train") : EXIT_DONE;
}
