/*
 * get.c - fv_get: downloads or copies the files of a data set and verifies them.
 *
 * A file gets its name only after its checksum was verified; until then it is NAME.part. An
 * interrupted download continues from its .part file, which is deleted if the complete file is
 * wrong.
 *
 * Layer 3, data. Calls the base and POSIX.
 */
#include "data/get/get.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, URL_SIZE = 1024, TIMEOUT = 30, TIMEOUT_MOST = 86400 };

typedef struct getting {
    fv_ctx *ctx;
    const fv_get_args *args;
    const fv_get_set *set;
    const fv_get_file *file;
    char folder[PATH_SIZE], path[PATH_SIZE], part[PATH_SIZE], url[URL_SIZE];
    char failed[1500]; /* addresses and their errors, a line each */
    char found[65];    /* digest of the last file checked */
} getting;

/* Reports progress (news.path NULL: g->path). Returns false, with an error, to stop. */
static bool tell(getting *g, fv_get_news news)
{
    const fv_get_args *a = g->args;
    if (!news.path)
        news.path = g->path;
    if (!a->progress || a->progress(a->user, &news) == 0)
        return true;
    fv_fail(g->ctx, FV_E_IO, "stopped while \"%s\" was on its way", g->path);
    return false;
}

/* Sets path to folder/name. Returns false after FV_E_ARG if it is too long. */
static bool join(getting *g, char *path, const char *folder, const char *name)
{
    size_t n = strlen(folder);
    const char *slash = n == 0 || *name == '\0' || folder[n - 1] == '/' ? "" : "/";
    if (snprintf(path, PATH_SIZE, "%s%s%s", folder, slash, name) < PATH_SIZE - 8)
        return true;
    fv_fail(g->ctx, FV_E_ARG, "fv_get: the path of a folder is too long: %.60s...", folder);
    return false;
}

static fv_status make_folders(getting *g, const char *folder)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s", folder);
    for (char *p = path + 1;; p++) {
        char c = *p;
        if (c != '/' && c != '\0')
            continue;
        *p = '\0';
        struct stat st;
        if (stat(path, &st) != 0 && mkdir(path, 0777) != 0 && errno != EEXIST)
            return fv_fail_errno(g->ctx, "make the folder", path, errno);
        if (c == '\0')
            return FV_OK;
        *p = c;
    }
}

/* ---- checksums ------------------------------------------------------------------------------ */

static const char *digest_name(const fv_get_file *file)
{
    return file->sha256 ? "SHA-256" : "MD5";
}

/* Returns true if the bytes have the digest (NULL: unknown) of function `of`; sets g->found. */
static bool has_digest(getting *g, void (*of)(const void *bytes, size_t size, char *hex),
                       const void *bytes, size_t size, const char *digest)
{
    if (digest)
        of(bytes, size, g->found);
    return digest && strcmp(g->found, digest) == 0;
}

/* Returns true if a .gz contains the right data, however it was compressed. Its last four bytes
   hold the size of the data. */
static bool has_content(getting *g, const uint8_t *bytes, size_t size)
{
    char found[65];
    const size_t most = 1 << 26;
    if (!g->file->content || !fv_is_gzip(bytes, size) || size < 18)
        return false;
    const uint8_t *end = bytes + size - 4;
    size_t done = 0, expected = (size_t)end[3] << 24 | (size_t)end[2] << 16 | end[1] << 8 | end[0];
    uint8_t *content = expected < most ? fv_alloc(g->ctx, expected + 1, 1) : NULL;
    fv_gzip *gz = content ? fv_gzip_open(g->ctx, bytes, size, g->path) : NULL;
    if (gz && !fv_gzip_read(gz, content, expected + 1, &done))
        fv_sha256(content, done, found);
    bool right = done == expected && gz && !g->ctx->error && strcmp(found, g->file->content) == 0;
    fv_gzip_close(gz);
    fv_release(g->ctx, content);
    if (g->ctx->error != FV_E_MEMORY)
        fv_error_clear(g->ctx); /* a damaged .gz just is not the right file */
    return right;
}

static bool right_bytes(getting *g, const uint8_t *bytes, size_t size)
{
    return has_digest(g, fv_md5, bytes, size, g->file->md5) ||
           has_digest(g, fv_sha256, bytes, size, g->file->sha256) || has_content(g, bytes, size);
}

/* Returns true if the file at path has a right checksum. */
static bool right_file(getting *g, const char *path)
{
    size_t size;
    uint8_t *bytes = fv_read_file(g->ctx, path, &size);
    bool right = bytes && right_bytes(g, bytes, size);
    fv_release(g->ctx, bytes);
    return right;
}

/* ---- files that exist already -------------------------------------------------------------- */

/* Checks the file without .gz, which is read in preference to the .gz: a wrong one is an error. */
static bool unpacked_is_there(getting *g)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%.*s", (int)strlen(g->path) - 3, g->path);
    if (!g->file->content || !fv_file_exists(path))
        return false;
    size_t size;
    void *bytes = fv_read_file(g->ctx, path, &size);
    bool right = bytes && has_digest(g, fv_sha256, bytes, size, g->file->content);
    fv_release(g->ctx, bytes);
    if (right)
        return tell(g, (fv_get_news){.event = FV_GET_THERE, .path = path});
    return fv_fail(g->ctx, FV_E_DATA,
                   "\"%s\" is not that of %s, and is read before the .gz:\n"
                   "SHA-256 expected %s\n        found    %s\n"
                   "help: move it away, and get it again",
                   path, g->set->name, g->file->content, g->found) == FV_OK;
}

static bool is_there(getting *g)
{
    if (unpacked_is_there(g))
        return true;
    if (g->ctx->error || !fv_file_exists(g->path) || !right_file(g, g->path))
        return false;
    return tell(g, (fv_get_news){.event = FV_GET_THERE});
}

/* ---- from a folder -------------------------------------------------------------------------- */

/* Finds the file as DIR/NAME, or in the set's folder below DIR if DIR is a root. */
static bool find_source(getting *g, char path[PATH_SIZE])
{
    char folder[PATH_SIZE];
    if (!join(g, path, g->args->from, g->file->name))
        return false;
    if (fv_file_exists(path))
        return true;
    if (!join(g, folder, g->args->from, g->set->folder) || !join(g, path, folder, g->file->name))
        return false;
    if (fv_file_exists(path))
        return true;
    fv_fail(g->ctx, FV_E_PATH,
            "\"%s\" has no %s, neither there nor in %s\n"
            "help: give the folder in which the files of %s are",
            g->args->from, g->file->name, *g->set->folder ? g->set->folder : "it", g->set->name);
    return false;
}

static fv_status copy_file(getting *g)
{
    char from[PATH_SIZE];
    size_t size;
    if (!find_source(g, from) || !tell(g, (fv_get_news){.event = FV_GET_START, .from = from}))
        return g->ctx->error;
    uint8_t *bytes = fv_read_file(g->ctx, from, &size);
    if (bytes && right_bytes(g, bytes, size)) {
        if (!make_folders(g, g->folder) && !fv_write_file(g->ctx, g->path, bytes, size))
            tell(g, (fv_get_news){.event = FV_GET_DONE, .from = from, .done = (int64_t)size});
    } else if (bytes && !g->ctx->error) {
        fv_fail(g->ctx, FV_E_DATA,
                "\"%s\" is not that of %s:\n%s expected %s\n%*s found    %s\n"
                "help: give another folder, or get it from the network",
                from, g->set->name, digest_name(g->file),
                g->file->sha256 ? g->file->sha256 : g->file->md5, (int)strlen(digest_name(g->file)),
                "", g->found);
    }
    fv_release(g->ctx, bytes);
    return g->ctx->error;
}

/* ---- from the network ----------------------------------------------------------------------- */

static int64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

static bool on_bytes(void *user, int64_t done, int64_t total)
{
    getting *g = user;
    return tell(g,
                (fv_get_news){.event = FV_GET_BYTES, .from = g->url, .done = done, .total = total});
}

/* Renames the complete and verified .part file. */
static bool finish(getting *g, const char *from)
{
    int64_t size = size_of(g->part);
    if (rename(g->part, g->path) != 0) {
        fv_fail_errno(g->ctx, "write", g->path, errno);
        return false;
    }
    return tell(g, (fv_get_news){.event = FV_GET_DONE, .from = from, .done = size});
}

/* Downloads the file from g->url. Returns false with the reason in why, or a context error. */
static bool try_address(getting *g, char why[240])
{
    const char *begin = strstr(g->file->name, ".zip") ? "PK" : "\x1f\x8b";
    for (;;) {
        fv_fetch f = {.ctx = g->ctx,
                      .url = g->url,
                      .part = g->part,
                      .had = size_of(g->part),
                      .most = 2 * g->file->size,
                      .begin = begin,
                      .go_on = on_bytes,
                      .user = g,
                      .timeout = g->args->timeout ? g->args->timeout : TIMEOUT};
        if (!tell(g, (fv_get_news){.event = FV_GET_START, .from = g->url, .done = f.had}))
            return false;
        bool whole = fv_fetch_run(&f);
        if (whole && right_file(g, g->part))
            return finish(g, g->url);
        snprintf(why, 240, "%s", f.why);
        if (whole)
            snprintf(why, 240, "it sent another file, of %s %s", digest_name(g->file), g->found);
        if (g->ctx->error || (!whole && !f.spoiled))
            return false;
        /* The earlier bytes may be the wrong ones: try once more from the start. */
        if (unlink(g->part) != 0 || f.had == 0)
            return false;
    }
}

/* Appends the file name to the next address of a list separated by spaces. Returns the rest. */
static const char *next_address(getting *g, const char *list)
{
    list += strspn(list, " ");
    int n = (int)strcspn(list, " ");
    if (n == 0)
        return NULL;
    snprintf(g->url, sizeof g->url, "%.*s%s%s", n, list, list[n - 1] == '/' ? "" : "/",
             g->file->name);
    return list + n;
}

/* Tries the addresses in order. Returns true once one has the file or trying more is useless. */
static bool try_addresses(getting *g, const char *list)
{
    for (const char *rest = list; rest && (rest = next_address(g, rest));) {
        char why[240];
        if (try_address(g, why) || g->ctx->error)
            return true;
        size_t used = strlen(g->failed);
        snprintf(g->failed + used, sizeof g->failed - used, "%.200s\n  %s\n", g->url, why);
        if (!tell(g, (fv_get_news){.event = FV_GET_FAILED, .from = g->url, .why = why}))
            return true;
    }
    return false;
}

static fv_status fetch_file(getting *g)
{
    g->failed[0] = '\0';
    if (make_folders(g, g->folder))
        return g->ctx->error;
    if (fv_file_exists(g->part) && right_file(g, g->part)) /* only the rename was missing */
        return finish(g, g->part) ? FV_OK : g->ctx->error;
    bool done = g->ctx->error || try_addresses(g, g->args->mirrors);
    for (int i = 0; i < FV_GET_MIRRORS && !done && !g->args->only_mirrors; i++)
        done = try_addresses(g, g->set->mirrors[i]);
    if (size_of(g->part) == 0)
        unlink(g->part);
    if (done)
        return g->ctx->error;
    return fv_fail(
        g->ctx, FV_E_IO,
        "%s of %s could not be fetched; each address failed:\n%s"
        "help: fovea get %s again later, or --mirror URL, or --from a folder that has it",
        g->file->name, g->set->name, g->failed, g->set->name);
}

/* ---- all files ----------------------------------------------------------------------------- */

static fv_status get_file(getting *g)
{
    if (!join(g, g->folder, g->args->root, g->set->folder) ||
        !join(g, g->path, g->folder, g->file->name))
        return g->ctx->error;
    snprintf(g->part, sizeof g->part, "%.*s.part", PATH_SIZE - 6, g->path);
    if (is_there(g) || g->ctx->error)
        return g->ctx->error;
    return g->args->from ? copy_file(g) : fetch_file(g);
}

/* Unpacks the files of the archive that are missing or have changed. */
static fv_status unpack(getting *g)
{
    char folder[PATH_SIZE];
    size_t size;
    if (!join(g, folder, g->args->root, g->set->unpack) ||
        !tell(g, (fv_get_news){.event = FV_GET_UNPACK, .from = g->path, .path = folder}) ||
        make_folders(g, folder))
        return g->ctx->error;
    uint8_t *bytes = fv_read_file(g->ctx, g->path, &size);
    if (bytes)
        fv_unpack(g->ctx, bytes, size, g->path, g->set->inside, folder);
    fv_release(g->ctx, bytes);
    return g->ctx->error;
}

fv_status fv_get_files(const fv_get_set *set, const fv_get_args *args)
{
    getting *g = fv_alloc(args->ctx, 1, sizeof *g);
    if (!g)
        return args->ctx->error;
    *g = (getting){.ctx = args->ctx, .args = args, .set = set};
    for (int i = 0; i < FV_GET_FILES && set->files[i].name && !g->ctx->error; i++) {
        g->file = &set->files[i];
        get_file(g);
    }
    if (!g->ctx->error && set->inside)
        unpack(g);
    fv_release(args->ctx, g);
    return args->ctx->error;
}

/* Checks that all mirrors are HTTP addresses. */
static fv_status check_mirrors(const fv_get_args *a)
{
    const char *p = a->mirrors ? a->mirrors + strspn(a->mirrors, " ") : "";
    if (!*p && a->only_mirrors)
        return fv_fail(a->ctx, FV_E_ARG, "fv_get: only_mirrors, but no mirrors are given");
    for (size_t n; *p; p += n, p += strspn(p, " ")) {
        n = strcspn(p, " ");
        if (n > URL_SIZE - 100)
            return fv_fail(a->ctx, FV_E_ARG, "the mirror \"%.60s...\" is longer than %d characters",
                           p, URL_SIZE - 100);
        if (strncmp(p, "http://", 7) != 0 && strncmp(p, "https://", 8) != 0)
            return fv_fail(a->ctx, FV_E_ARG,
                           "the mirror \"%.*s\" is no address of HTTP\n"
                           "help: it begins with http:// or https://",
                           n < 200 ? (int)n : 200, p);
    }
    return FV_OK;
}

fv_status fv_get_opt(fv_get_args args)
{
    if (fv_stopped(args.ctx, __func__))
        return fv_error(args.ctx);
    if (!args.name || !args.root)
        return fv_fail(args.ctx, FV_E_ARG, "fv_get: %s is NULL", args.name ? "root" : "name");
    if (args.timeout < 0 || args.timeout > TIMEOUT_MOST)
        return fv_fail(args.ctx, FV_E_ARG, "fv_get: timeout is %d, but must be 1 to %d seconds",
                       args.timeout, TIMEOUT_MOST);
    if (args.from && args.mirrors)
        return fv_fail(args.ctx, FV_E_ARG,
                       "a folder to copy from and a mirror to fetch from "
                       "contradict each other\nhelp: leave out one of the two");
    if (check_mirrors(&args))
        return args.ctx->error;
    const fv_get_set *set = fv_get_find(args.ctx, args.name);
    return set ? fv_get_files(set, &args) : args.ctx->error;
}
