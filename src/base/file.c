/*
 * file.c - reads a whole file, and writes one atomically.
 *
 * Layer 1. Calls libc and POSIX.
 */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static fv_status fail_no_path(fv_ctx *ctx)
{
    return fv_fail(ctx, FV_E_ARG, "a path must be given, but it is NULL");
}

fv_status fv_fail_errno(fv_ctx *ctx, const char *what, const char *path, int error)
{
    char reason[128] = "";
    if (strerror_r(error, reason, sizeof reason) != 0)
        snprintf(reason, sizeof reason, "error %d", error);
    return fv_fail(ctx, error == ENOENT || error == ENOTDIR ? FV_E_PATH : FV_E_IO,
                   "cannot %s \"%s\": %s", what, path, reason);
}

bool fv_file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* ---- reading ------------------------------------------------------------------------------ */

/* Reads size bytes, fewer only at the end of the file. Returns -1 with errno set on failure. */
static ssize_t read_full(int fd, char *to, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(fd, to + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* Reads fd to its end. The size of the file is only a hint: a pipe has none, and a file may
   grow. */
static char *read_all(fv_ctx *ctx, int fd, const char *path, size_t hint, size_t *size)
{
    size_t capacity = hint + 1, have = 0;
    char *bytes = fv_alloc(ctx, capacity, 1);
    while (bytes) {
        ssize_t n = read_full(fd, bytes + have, capacity - have);
        if (n < 0) {
            fv_fail_errno(ctx, "read", path, errno);
            break;
        }
        have += (size_t)n;
        if (have < capacity) {
            *size = have;
            return bytes;
        }
        char *more = fv_grow(ctx, bytes, capacity *= 2, 1);
        if (!more)
            break;
        bytes = more;
    }
    fv_release(ctx, bytes);
    return NULL;
}

void *fv_read_file(fv_ctx *ctx, const char *path, size_t *size)
{
    if (!path) {
        fail_no_path(ctx);
        return NULL;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        fv_fail_errno(ctx, "open", path, errno);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    char *bytes = NULL;
    if (S_ISDIR(st.st_mode))
        fv_fail(ctx, FV_E_PATH, "\"%s\" is a folder, not a file", path);
    else
        bytes = read_all(ctx, fd, path, st.st_size > 0 ? (size_t)st.st_size : 4095, size);
    close(fd);
    return bytes;
}

/* ---- writing ------------------------------------------------------------------------------ */

static int write_full(int fd, const char *from, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, from, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        from += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Length of the folder part of path, with its slash. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* Creates a new file in path's folder, exclusively, and writes its name to name[capacity]. The name
   does not contain path's, which may already have the maximum length. */
static int open_temporary(const char *path, char *name, size_t capacity)
{
    for (int i = 0; i < 100; i++) {
        snprintf(name, capacity, "%.*s.fovea-%ld-%d.tmp", (int)folder_length(path), path,
                 (long)getpid(), i);
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

/* Fills and closes the file and renames it to path; deletes it on failure. Returns 0 or errno. */
static int fill_and_move(int fd, const char *name, const char *path, const void *bytes, size_t size)
{
    int error = write_full(fd, bytes, size) != 0 || fsync(fd) != 0 ? errno : 0;
    if (close(fd) != 0 && !error)
        error = errno;
    if (!error && rename(name, path) != 0)
        error = errno;
    if (error)
        unlink(name);
    return error;
}

/* Makes the rename durable by syncing the folder. Errors are ignored: some file systems cannot. */
static void sync_folder(char *name)
{
    size_t n = folder_length(name);
    name[n] = '\0';
    int fd = open(n ? name : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

fv_status fv_write_file(fv_ctx *ctx, const char *path, const void *bytes, size_t size)
{
    if (fv_stopped(ctx, __func__))
        return fv_error(ctx);
    if (!path)
        return fail_no_path(ctx);
    struct stat old;
    bool there = stat(path, &old) == 0;
    /* A rename would replace a device: root would lose /dev/null. */
    if (there && !S_ISREG(old.st_mode))
        return fv_fail(ctx, FV_E_PATH, "cannot write \"%s\": it is a %s, not a file", path,
                       S_ISDIR(old.st_mode) ? "folder" : "device or pipe");
    size_t capacity = strlen(path) + 64;
    char *name = fv_alloc(ctx, capacity, 1);
    if (!name)
        return ctx->error;
    int fd = open_temporary(path, name, capacity);
    if (fd >= 0 && there)
        fchmod(fd, old.st_mode & 0777); /* keeps the permissions of the old file */
    int error = fd < 0 ? errno : fill_and_move(fd, name, path, bytes, size);
    if (error)
        fv_fail_errno(ctx, "write", path, error);
    else
        sync_folder(name);
    fv_release(ctx, name);
    return ctx->error;
}
