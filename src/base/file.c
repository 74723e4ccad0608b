/*
 * file.c - reading a whole file, and writing one so that it appears whole or not at all.
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

/* FV_E_PATH or FV_E_IO with the system's reason in words. */
static fv_status fail_errno(fv_ctx *ctx, const char *what, const char *path, int error)
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

/* Reads up to size bytes; fewer only at the end of the file. -1: errno says why. */
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

/* All of fd, whose size is a hint: a pipe has none, and a file may grow. */
static char *read_all(fv_ctx *ctx, int fd, const char *path, size_t hint, size_t *size)
{
    size_t room = hint + 1, have = 0;
    char *bytes = fv_alloc(ctx, room, 1);
    while (bytes) {
        ssize_t n = read_full(fd, bytes + have, room - have);
        if (n < 0) {
            fail_errno(ctx, "read", path, errno);
            break;
        }
        have += (size_t)n;
        if (have < room) {
            *size = have;
            return bytes;
        }
        char *more = fv_grow(ctx, bytes, room *= 2, 1);
        if (!more)
            break;
        bytes = more;
    }
    fv_release(ctx, bytes);
    return NULL;
}

void *fv_read_file(fv_ctx *ctx, const char *path, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        fail_errno(ctx, "open", path, errno);
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

/* A new file beside path that nobody else has; its name goes to name[room]. */
static int open_temporary(const char *path, char *name, size_t room)
{
    for (int i = 0; i < 100; i++) {
        snprintf(name, room, "%s.%ld-%d.tmp", path, (long)getpid(), i);
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

/* The rename is on disk only when the folder is. Not every file system can; then that is that. */
static void sync_folder(const char *path, char *folder)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    memcpy(folder, slash ? path : "./", slash ? n : 2);
    folder[slash ? n : 2] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

fv_status fv_write_file(fv_ctx *ctx, const char *path, const void *bytes, size_t size)
{
    if (!ctx || ctx->error)
        return fv_error(ctx);
    size_t room = strlen(path) + 64;
    char *name = fv_alloc(ctx, room, 1);
    if (!name)
        return ctx->error;
    int fd = open_temporary(path, name, room), error = 0;
    if (fd < 0) {
        error = errno;
    } else {
        if (write_full(fd, bytes, size) != 0 || fsync(fd) != 0)
            error = errno;
        if (close(fd) != 0 && !error)
            error = errno;
        if (!error && rename(name, path) != 0)
            error = errno;
        if (error)
            unlink(name);
        else
            sync_folder(path, name);
    }
    if (error)
        fail_errno(ctx, "write", path, error);
    fv_release(ctx, name);
    return ctx->error;
}
