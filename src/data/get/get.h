/*
 * get.h - the insides of fv_get: what the data sets consist of, one transfer, archives.
 *
 * Layer 3 on the data side. Calls the base.
 */
#ifndef FV_GET_H
#define FV_GET_H

#include "data/data.h"

enum { FV_GET_MIRRORS = 4, FV_GET_FILES = 4 };

typedef struct fv_get_file {
    const char *name;
    int64_t size; /* about; no file may be more than twice as large */
    /* Of the file as published, in hexadecimal; NULL: not known. One that matches is enough. */
    const char *sha256, *md5;
    const char *content; /* SHA-256 of what a .gz contains, which any mirror may have packed anew;
                            NULL: not known */
} fv_get_file;

typedef struct fv_get_set {
    const char *name;
    const char *folder; /* below the root: "MNIST/raw"; "": the root itself */
    const char *mirrors[FV_GET_MIRRORS];
    fv_get_file files[FV_GET_FILES];
    const char *inside; /* of an archive: the folder in it that is unpacked, with its slash */
    const char *unpack; /* ... and where to, below the root */
} fv_get_set;

/* The set of that name; NULL: FV_E_NAME. */
const fv_get_set *fv_get_find(fv_ctx *ctx, const char *name);

/* What fv_get does, for any set. */
fv_status fv_get_files(const fv_get_set *set, const fv_get_args *args);

/* ---- fetch.c: one transfer ------------------------------------------------------------------ */

typedef struct fv_fetch {
    fv_ctx *ctx;
    const char *url;
    const char *part;  /* the file that it is added to; made when the first byte comes */
    int64_t had;       /* bytes that are in part already */
    int64_t most;      /* a longer file is refused */
    const char *begin; /* two bytes that the file begins with */
    int timeout;       /* seconds */
    bool (*go_on)(void *user, int64_t done, int64_t total); /* false: stop */
    void *user;
    bool spoiled;  /* set: what is in part cannot be how the file begins */
    char why[240]; /* set: why it failed */
} fv_fetch;

/* True: it has come whole, as far as the server says. False: why says why, or the context has an
   error, which another address would not help. */
bool fv_fetch_run(fv_fetch *fetch);

/* ---- archive.c ------------------------------------------------------------------------------ */

/* Unpacks the files that lie right in the folder `inside` of a .tar.gz or .zip into folder, which
   is there; those that are there and the same are left alone. Everything else in the archive, and
   all links and strange names, are ignored. path is what errors call the archive. */
fv_status fv_unpack(fv_ctx *ctx, const uint8_t *bytes, size_t size, const char *path,
                    const char *inside, const char *folder);

#endif
