/*
 * run_open.c - a trained network by path: a run folder, runs/latest, or a safetensors file.
 *
 * Layer 6. Calls fovea.h, libc and POSIX.
 */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

enum { NEAREST = 3 };

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The run folders in runs/ whose names are nearest to name, the nearest first; how many. */
static int nearest_runs(const char *name, char found[NEAREST][64])
{
    int count = 0, distance[NEAREST];
    DIR *folder = opendir("runs");
    for (struct dirent *e; folder && (e = readdir(folder)) != NULL;) {
        char path[PATH_ROOM];
        snprintf(path, sizeof path, "runs/%s/model.safetensors", e->d_name);
        if (strlen(e->d_name) >= sizeof found[0] || !is_file(path))
            continue;
        int d = edit_distance(name, e->d_name), at = count < NEAREST ? count++ : NEAREST;
        while (at > 0 && (d < distance[at - 1] ||
                          (d == distance[at - 1] && strcmp(e->d_name, found[at - 1]) < 0))) {
            if (at < NEAREST) {
                distance[at] = distance[at - 1];
                memcpy(found[at], found[at - 1], sizeof found[0]);
            }
            at--;
        }
        if (at < NEAREST) {
            distance[at] = d;
            strcpy(found[at], e->d_name);
        }
    }
    if (folder)
        closedir(folder);
    return count;
}

static int fail_missing(const char *path, const char *verb)
{
    char typed[PATH_ROOM], found[NEAREST][64], list[NEAREST * 72] = "";
    snprintf(typed, sizeof typed, "%s", path);
    for (size_t n = strlen(typed); n > 1 && typed[n - 1] == '/'; n--)
        typed[n - 1] = '\0';
    int count = nearest_runs(last_part(typed), found);
    for (int i = 0; i < count; i++) {
        strcat(list, "  runs/");
        strcat(list, found[i]);
    }
    const char *what = is_folder(path) ? "holds no model.safetensors: it is no run"
                                       : "is no run: there is no such folder or file";
    if (count == 0)
        return fail(EXIT_FAILED, "E-PATH", "\"%s\" %s\nand runs/ holds no run either\n"
                                           "help: fovea train", path, what);
    return fail(EXIT_FAILED, "E-PATH", "\"%s\" %s\nbut there is%s\nhelp: fovea %s runs/%s", path,
                what, list, verb, found[0]);
}

/* runs/latest holds the name of the run beside it. */
static bool follow_latest(const char *path, char to[PATH_ROOM])
{
    FILE *f = strcmp(last_part(path), "latest") == 0 && is_file(path) ? fopen(path, "r") : NULL;
    char name[256] = "";
    bool ok = f && fgets(name, sizeof name, f);
    if (f)
        fclose(f);
    name[strcspn(name, "\n")] = '\0';
    snprintf(to, PATH_ROOM, "%.*s", (int)(last_part(path) - path), path);
    return ok && *name && join_path(to, *to ? strdup_free(to) : ".", name);
}
