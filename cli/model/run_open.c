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

int open_run(fv_ctx *ctx, const char *path, trained_run *r)
{
    if (fv_error(ctx))
        return fail_context(ctx, "fovea device");
    r->trained = fv_trained_open(ctx, path);
    if (fv_error(ctx) == FV_E_PATH)
        return fail_missing(path);
    if (!r->trained)
        return fail_context(ctx, "fovea train");
    r->net = r->trained->net;
    r->transform = r->trained->transform;
    const char *trained_on = fv_trained_meta(r->trained, "data");
    r->data = *trained_on ? trained_on : "mnist";
    r->seed = strtoull(fv_trained_meta(r->trained, "seed"), NULL, 10);
    return EXIT_DONE;
}
