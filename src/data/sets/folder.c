/*
 * folder.c - pictures in folders named by their class, as torchvision.datasets.ImageFolder finds
 * them: every folder below a class's own is its too, links are followed, and the order is by the
 * path of the folder and then by name. Layer 3, data. Calls the base.
 */
#include "data/sets/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

typedef struct folder {
    const char *path;
    size_t parent; /* its own number: it has none */
    dev_t device;
    ino_t inode;
} folder;

/* Folders that are still to be read, and those that were. */
typedef struct walk {
    fv_ctx *ctx;
    fv_files *files;
    folder *folders;
    size_t count, capacity, at; /* at: the one that is being read */
    int64_t label;
    fv_some hidden, heic; /* heic: photos of phones, of which no pixel is read here */
} walk;

static bool fail_errno(fv_ctx *ctx, const char *what, const char *path, int error)
{
    char reason[128];
    fv_fail(ctx, error == ENOENT || error == ENOTDIR ? FV_E_PATH : FV_E_IO, "cannot %s \"%s\": %s",
            what, path, fv_reason(error, reason));
    return false;
}

/* Appends a folder of that at w->at, unless it is one of those that it is in: a link leads back. */
static bool push(walk *w, const char *path, const struct stat *st)
{
    for (size_t i = w->at; i < w->count; i = w->folders[i].parent) {
        const folder *above = &w->folders[i];
        if (above->device == st->st_dev && above->inode == st->st_ino) {
            fv_fail(w->ctx, FV_E_PATH,
                    "\"%s\" is a link back to \"%s\", which it is in: its pictures have no end\n"
                    "help: remove the link",
                    path, above->path);
            return false;
        }
        if (above->parent == i)
            break;
    }
    if (w->count == w->capacity) {
        size_t capacity = 2 * w->capacity + 16;
        folder *folders = fv_grow(w->ctx, w->folders, capacity, sizeof *folders);
        if (!folders)
            return false;
        w->folders = folders;
        w->capacity = capacity;
    }
    w->folders[w->count] = (folder){path, w->at, st->st_dev, st->st_ino};
    w->count++;
    return true;
}

/* Calls take for every entry but "." and "..", sets errors; false as soon as take gives false. */
static bool each_entry(fv_ctx *ctx, const char *path, void *user,
                       bool (*take)(void *user, const char *path, const char *name))
{
    DIR *dir = opendir(path);
    if (!dir)
        return fail_errno(ctx, "open the folder", path, errno);
    bool ok = true;
    struct dirent *entry;
    while (ok && (errno = 0, entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = take(user, path, entry->d_name);
    if (ok && errno)
        ok = fail_errno(ctx, "read the folder", path, errno);
    closedir(dir);
    return ok;
}

/* ---- the pictures of a class --------------------------------------------------------------- */

static bool take_entry(void *user, const char *path, const char *name)
{
    walk *w = user;
    struct stat st;
    const char *whole = fv_files_text(w->files, path, name);
    if (!whole)
        return false;
    bool there = stat(whole, &st) == 0;
    if (!there && errno == ELOOP)
        return fail_errno(w->ctx, "follow the link", whole, errno);
    bool is_folder = there && S_ISDIR(st.st_mode);
    const char *end = strrchr(name, '.');
    if (!is_folder && end && name[0] != '.' &&
        (strcasecmp(end, ".heic") == 0 || strcasecmp(end, ".heif") == 0))
        fv_some_add(&w->heic, whole);
    if (!is_folder && !fv_is_picture_name(name))
        return true;
    if (name[0] == '.') {
        fv_some_add(&w->hidden, whole);
        return true;
    }
    return is_folder ? push(w, whole, &st) : fv_files_add(w->files, whole, w->label);
}

/* By class, by the path of the folder, by name; all of them by bytes. */
static int compare_files(const void *left, const void *right)
{
    const fv_file *a = left, *b = right;
    if (a->label != b->label)
        return a->label < b->label ? -1 : 1;
    int shorter = a->folder < b->folder ? a->folder : b->folder;
    int order = memcmp(a->path, b->path, (size_t)shorter);
    if (order == 0)
        order = a->folder - b->folder;
    return order ? order : strcmp(a->path + a->folder, b->path + b->folder);
}

bool fv_walk_pictures(fv_files *files, const char *root, int64_t label)
{
    walk w = {.ctx = files->ctx, .files = files, .label = label};
    struct stat st;
    size_t first = files->count;
    bool ok = stat(root, &st) == 0 || fail_errno(w.ctx, "open the folder", root, errno);
    ok = ok && push(&w, root, &st);
    for (; ok && w.at < w.count; w.at++)
        ok = each_entry(w.ctx, w.folders[w.at].path, &w, take_entry);
    fv_release(w.ctx, w.folders);
    if (!ok)
        return false;
    if (w.hidden.count)
        fv_note(w.ctx, FV_LOG_NOTE, "\"%s\": %lld hidden pictures and folders are left out: %s",
                root, (long long)w.hidden.count, w.hidden.text);
    if (w.heic.count)
        fv_note(w.ctx, FV_LOG_WARNING,
                "\"%s\": %lld HEIC photos are left out, for they are not read; convert them to "
                "JPEG: %s",
                root, (long long)w.heic.count, w.heic.text);
    if (files->count > first)
        qsort(files->list + first, files->count - first, sizeof *files->list, compare_files);
    return true;
}

/* ---- the classes --------------------------------------------------------------------------- */

typedef struct classes {
    fv_files *files, *names; /* names: every folder in the root */
    fv_some hidden;
    int64_t loose; /* pictures beside the folders */
} classes;

static bool take_class(void *user, const char *path, const char *name)
{
    classes *c = user;
    struct stat st;
    const char *whole = fv_files_text(c->files, path, name);
    if (!whole)
        return false;
    if (stat(whole, &st) != 0 || !S_ISDIR(st.st_mode)) {
        c->loose += fv_is_picture_name(name);
        return true;
    }
    if (name[0] == '.') {
        fv_some_add(&c->hidden, name);
        return true;
    }
    return fv_files_class(c->names, name);
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* The names of the class folders of root, sorted. */
static bool find_classes(classes *c, const char *root)
{
    fv_ctx *ctx = c->files->ctx;
    if (!each_entry(ctx, root, c, take_class))
        return false;
    if (c->hidden.count)
        fv_note(ctx, FV_LOG_NOTE, "\"%s\": hidden folders are no classes: %s", root,
                c->hidden.text);
    if (c->names->class_count == 0) {
        fv_fail(ctx, FV_E_PATH,
                "\"%s\" has no class folders, and %lld pictures of no class\n"
                "help: put the pictures of each class into a folder of its name: %s/cat/1.jpg",
                root, (long long)c->loose, root);
        return false;
    }
    if (c->loose)
        fv_note(ctx, FV_LOG_WARNING, "\"%s\": %lld pictures are in no class folder, and left out",
                root, (long long)c->loose);
    qsort(c->names->classes, c->names->class_count, sizeof *c->names->classes, compare_names);
    return true;
}

/* The ids: of the folders' own order, or of another set's names, which must know them all. */
static bool number_classes(classes *c, const char *root, const fv_dataset *like)
{
    fv_ctx *ctx = c->files->ctx;
    fv_some unknown = {0};
    if (like && fv_files_like(c->files, like))
        return false;
    for (size_t i = 0; i < c->names->class_count; i++)
        if (!like && !fv_files_class(c->files, c->names->classes[i]))
            return false;
        else if (like && fv_files_find_class(c->files, c->names->classes[i]) < 0)
            fv_some_add(&unknown, c->names->classes[i]);
    if (unknown.count)
        fv_fail(ctx, FV_E_CLASS,
                "\"%s\" has %lld classes that \"%s\" has not: %s\n"
                "help: rename the folders to those of \"%s\", or add the classes there",
                root, (long long)unknown.count, like->name, unknown.text, like->name);
    return unknown.count == 0;
}

static bool find_pictures(classes *c, const char *root)
{
    fv_ctx *ctx = c->files->ctx;
    fv_some without = {0};
    for (size_t i = 0; i < c->names->class_count; i++) {
        const char *name = c->names->classes[i], *path = fv_files_text(c->files, root, name);
        size_t before = c->files->count;
        if (!path || !fv_walk_pictures(c->files, path, fv_files_find_class(c->files, name)))
            return false;
        if (c->files->count == before)
            fv_some_add(&without, name);
    }
    char endings[200] = "";
    fv_put_picture_endings(&(fv_text){endings, sizeof endings});
    if (without.count)
        fv_fail(ctx, FV_E_DATA,
                "\"%s\" has %lld class folders without pictures: %s\n"
                "help: add pictures (%s), or remove the folders",
                root, (long long)without.count, without.text, endings);
    return without.count == 0;
}

fv_dataset *fv_dataset_folder_opt(fv_folder_args args)
{
    fv_ctx *ctx = args.ctx;
    fv_wish wish;
    int channels = args.channels ? args.channels : 3;
    if (fv_stopped(ctx, __func__) ||
        fv_wish_check(ctx, "fv_dataset_folder", channels, args.at_least, &wish))
        return NULL;
    if (!args.root) {
        fv_fail(ctx, FV_E_ARG, "fv_dataset_folder: root is NULL");
        return NULL;
    }
    classes c = {.files = fv_files_new(ctx), .names = fv_files_new(ctx)};
    bool ok = c.files && c.names && find_classes(&c, args.root) &&
              number_classes(&c, args.root, args.like) && find_pictures(&c, args.root);
    fv_files_free(c.names);
    if (!ok) {
        fv_files_free(c.files);
        return NULL;
    }
    c.files->wish = wish;
    return fv_files_dataset(c.files, args.root);
}
