/*
 * read.c - fv_picture_read: one picture file as an array. Layer 3, data. Calls the base.
 */
#include "data/pictures/decode.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- from a file --------------------------------------------------------------------------- */

static bool fail_file(fv_work *work, const char *path, int error)
{
    char reason[128];
    fv_work_fail(work, error == ENOENT || error == ENOTDIR ? FV_E_PATH : FV_E_IO,
                 "cannot read \"%s\": %s", path, fv_reason(error, reason));
    return false;
}

/* All of fd, of size bytes, into slot 0; *size becomes what there is. 0 or errno. */
static int read_bytes(int fd, uint8_t *to, size_t *size)
{
    size_t done = 0;
    while (done < *size) {
        ssize_t n = read(fd, to + done, *size - done);
        if (n < 0 && errno != EINTR)
            return errno;
        if (n == 0)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    *size = done;
    return 0;
}

bool fv_picture_load(fv_work *work, const char *path, fv_wish wish, fv_picture *picture)
{
    const off_t most = 1 << 30;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would make it wait */
    struct stat st;
    if (fd < 0)
        return fail_file(work, path, errno);
    int error = fstat(fd, &st) != 0 ? errno : 0;
    size_t size = error ? 0 : (size_t)st.st_size;
    uint8_t *bytes = NULL;
    if (!error && !S_ISREG(st.st_mode))
        fv_work_fail(work, FV_E_PATH, "\"%s\" is a folder or a device, not a picture", path);
    else if (!error && st.st_size > most)
        fv_work_fail(work, FV_E_DATA,
                     "\"%s\" has %lld bytes, more than the %lld of a picture that "
                     "is read",
                     path, (long long)st.st_size, (long long)most);
    else if (!error && (bytes = fv_work_slot(work, 0, size)))
        error = read_bytes(fd, bytes, &size);
    close(fd);
    if (error)
        return fail_file(work, path, error);
    return bytes && fv_picture_decode(work, bytes, size, path, wish, picture);
}

/* ---- the public function --------------------------------------------------------------------- */

fv_status fv_wish_check(fv_ctx *ctx, const char *function, int channels, int at_least,
                        fv_wish *wish)
{
    int height = at_least, width = at_least;
    if (at_least >= FV_HW(0, 0)) {
        height = at_least >> 15 & 0x7fff;
        width = at_least & 0x7fff;
    }
    *wish = (fv_wish){channels, height, width};
    if (channels != 0 && channels != 1 && channels != 3)
        return fv_fail(ctx, FV_E_ARG, "%s: channels is %d, but must be 1 (gray) or 3 (RGB)",
                       function, channels);
    if (at_least < 0)
        return fv_fail(ctx, FV_E_ARG, "%s: at_least is %d, but must be 0 or more", function,
                       at_least);
    return FV_OK;
}

fv_array *fv_picture_read_opt(fv_picture_args args)
{
    fv_wish wish;
    fv_ctx *ctx = args.ctx;
    if (fv_stopped(ctx, __func__) ||
        fv_wish_check(ctx, "fv_picture_read", args.channels, args.at_least, &wish))
        return NULL;
    if (!args.path) {
        fv_fail(ctx, FV_E_ARG, "fv_picture_read: path is NULL");
        return NULL;
    }
    fv_work work = {.ctx = ctx};
    fv_picture picture;
    bool ok = args.bytes
                  ? fv_picture_decode(&work, args.bytes, args.size, args.path, wish, &picture)
                  : fv_picture_load(&work, args.path, wish, &picture);
    return fv_picture_array(&work, ok, &picture);
}
