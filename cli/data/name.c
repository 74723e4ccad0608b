/*
 * name.c - data as it is typed: a known name, a folder, a .csv or a .npz; and what was meant
 * where there is none of these.
 *
 * Layer 6. Calls libc and POSIX.
 */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "common/cli.h"

/* The known name that typed is, with or without a slash at its end; NULL for others. */
static const char *known_name(const char *typed)
{
    size_t n = strlen(typed);
    n -= n > 1 && typed[n - 1] == '/';
    for (int i = 0; fv_dataset_known(i); i++)
        if (strlen(fv_dataset_known(i)) == n && strncmp(fv_dataset_known(i), typed, n) == 0)
            return fv_dataset_known(i);
    return NULL;
}

/* Whether that is a folder for --root. */
static bool is_a_root(const char *typed)
{
    char path[PATH_SIZE];
    return join_path(path, typed, "MNIST/raw") && is_folder(path);
}

bool data_looks_like(const char *typed)
{
    char path[PATH_SIZE];
    if (!is_folder(typed) || known_name(typed))
        return fv_dataset_is(typed);
    return !(join_path(path, typed, "model.safetensors") && is_file(path));
}

/* ---- what was meant -------------------------------------------------------------------------- */

/* Folders in a folder that are not hidden. */
static int count_folders(const char *path)
{
    char below[PATH_SIZE];
    int count = 0;
    DIR *folder = opendir(path);
    for (struct dirent *e; folder && (e = readdir(folder)) != NULL;)
        count += e->d_name[0] != '.' && join_path(below, path, e->d_name) && is_folder(below);
    if (folder)
        closedir(folder);
    return count;
}

/* What typed is in, and its last part. */
static void cut_path(const char *typed, char parent[PATH_SIZE], char last[PATH_SIZE])
{
    snprintf(parent, PATH_SIZE, "%s", typed);
    for (size_t n = strlen(parent); n > 1 && parent[n - 1] == '/'; n--)
        parent[n - 1] = '\0';
    char *slash = strrchr(parent, '/');
    snprintf(last, PATH_SIZE, "%s", slash ? slash + 1 : parent);
    strcpy(slash ? slash + (slash == parent) : parent, slash ? "" : ".");
}

/* The folder with folders, or the .csv or .npz, whose name is nearest to last, in its parent. */
static bool nearest_entry(const char *parent, const char *last, char near[PATH_SIZE])
{
    char path[PATH_SIZE];
    int least = 1000;
    DIR *folder = opendir(parent);
    for (struct dirent *e; folder && (e = readdir(folder)) != NULL;) {
        const char *name = e->d_name;
        if (name[0] == '.' || !fv_looks_like(last, name) || !join_path(path, parent, name) ||
            !(is_folder(path) ? count_folders(path) > 0 : fv_dataset_is(name)))
            continue;
        int distance = fv_edit_distance(last, name);
        if (distance < least || (distance == least && strcmp(path, near) < 0)) {
            least = distance;
            strcpy(near, strncmp(path, "./", 2) == 0 ? path + 2 : path);
        }
    }
    if (folder)
        closedir(folder);
    return least < 1000;
}

/* A folder or file that is not there. near: one of a name like it, or "". */
static int fail_path(const char *typed, const char *parent, const char *near)
{
    char here[PATH_SIZE] = "", there[PATH_SIZE + 100] = "", quoted[PATH_SIZE];
    bool folder = is_folder(near), is_list = fv_dataset_is(typed);
    if (strcmp(parent, ".") != 0)
        snprintf(here, sizeof here, "in %s", parent);
    else if (getcwd(quoted, sizeof quoted))
        snprintf(here, sizeof here, "here (%.*s)", PATH_SIZE - 10, quoted);
    int folders = folder ? count_folders(near) : 0;
    if (folder)
        snprintf(there, sizeof there, "but there is \"%s/\", with %d class folder%s\n", near,
                 folders, folders > 1 ? "s" : "");
    else if (*near)
        snprintf(there, sizeof there, "but there is \"%s\"\n", near);
    char fixed[PATH_SIZE + 1], line[160];
    snprintf(fixed, sizeof fixed, "%s%s", near, folder ? "/" : "");
    return fail(EXIT_USAGE, "E-PATH", "there is no %s \"%s\" %s\n%shelp: %s",
                is_list ? "file" : "folder", typed, here, there,
                *near ? retyped(typed, fixed, line) : "fovea help train");
}

/* The known names that typed may stand for, "cifar10 or cifar100": all that begin so, or the nearest.
   near->name is the first one, or NULL. */
static bool list_near(const char *typed, fv_nearest *near, char list[300])
{
    size_t n = strlen(typed);
    int count = 0;
    *near = (fv_nearest){.word = typed};
    for (int i = 0; fv_dataset_known(i); i++) {
        fv_nearest_try(near, fv_dataset_known(i));
        if (n >= 3 && strncmp(fv_dataset_known(i), typed, n) == 0)
            strcat(strcat(list, count++ ? " or " : ""), fv_dataset_known(i));
    }
    if (near->name && count == 0)
        strcat(list, near->name);
    return near->name != NULL;
}

bool data_is_meant(const char *typed)
{
    char list[300] = "";
    fv_nearest near;
    return !is_folder(typed) && !is_file(typed) && list_near(typed, &near, list);
}

static int fail_name(const char *typed)
{
    char list[300] = "", meant[300] = "", parent[PATH_SIZE], last[PATH_SIZE], line[160];
    char path[PATH_SIZE] = "";
    bool is_root = is_a_root(typed);
    fv_nearest near;
    bool meant_one = list_near(typed, &near, meant);
    cut_path(typed, parent, last);
    for (int i = 0; fv_dataset_known(i); i++)
        strcat(strcat(list, i ? ", " : ""), fv_dataset_known(i));
    bool found = !is_root && nearest_entry(parent, last, path);
    bool is_path = strchr(typed, '/') || fv_dataset_is(typed);
    if (is_root)
        return fail(EXIT_USAGE, "E-NAME",
                    "\"%s\" is the folder of downloaded data sets, not a data set\n"
                    "known are %s\nhelp: fovea train mnist --root %s",
                    typed, list, typed);
    if (!meant_one && (found || is_path))
        return fail_path(typed, parent, path);
    return fail(EXIT_USAGE, "E-NAME",
                "there is no data set, folder, .csv or .npz \"%s\"%s%s%s\n"
                "known are %s\nhelp: %s",
                typed, meant_one ? "; did you mean " : "", meant, meant_one ? " ?" : "", list,
                meant_one ? retyped(typed, near.name, line) : "fovea train mnist");
}

/* ---- what it is ------------------------------------------------------------------------------ */

/* The last part of a path without its ending: what runs are called after. */
static void name_of_path(const char *path, char name[64])
{
    char copy[PATH_SIZE];
    snprintf(copy, sizeof copy, "%s", path);
    for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
        copy[n - 1] = '\0';
    const char *slash = strrchr(copy, '/'), *last = slash ? slash + 1 : copy;
    size_t n = is_folder(path) ? strlen(last) : strcspn(last, ".");
    snprintf(name, 64, "%.*s", (int)(n > 0 ? n : strlen(last)), last);
}

int data_name(const char *typed, data *d)
{
    *d = (data){.typed = typed ? typed : "mnist"};
    d->known = known_name(d->typed);
    if (d->known)
        snprintf(d->name, sizeof d->name, "%s", d->known);
    else if (is_a_root(d->typed))
        return fail_name(d->typed);
    else if (data_looks_like(d->typed) && (is_folder(d->typed) || is_file(d->typed)))
        name_of_path(d->typed, d->name);
    else
        return fail_name(d->typed);
    return EXIT_DONE;
}
