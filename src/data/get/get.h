/*
 * get.h - internals of fv_get: files of the data sets, one transfer, archives.
 *
 * Layer 3 on the data side. Calls the base.
 */
#ifndef FV_GET_H
#define FV_GET_H

#include "data/data.h"

enum { FV_GET_MIRRORS = 4, FV_GET_FILES = 4 };

typedef struct fv_get_file {
    const char *name;
    int64_t size; /* approximate; a file of more than twice the size is refused */
    /* Digests of the published file, in hexadecimal; NULL: unknown. One match is enough. */
    const char *sha256, *md5;
    const char *content; /* SHA-256 of the data in a .gz, since mirrors may compress it anew;
                            NULL: unknown */
} fv_get_file;

typedef struct fv_get_set {
    const char *name;
    const char *folder; /* below the root: "MNIST/raw"; "": the root itself */
    const char *mirrors[FV_GET_MIRRORS];
    fv_get_file files[FV_GET_FILES];
    const char *inside; /* folder in an archive that is unpacked, with its slash */
    const char *unpack; /* its destination, below the root */
} fv_get_set;

/* Returns the set of that name. NULL after FV_E_NAME. */
const fv_get_set *fv_get_find(fv_ctx *ctx, const char *name);

/* Does the work of fv_get for any set. */
fv_status fv_get_files(const fv_get_set *set, const fv_get_args *args);

/* ---- fetch.c: one transfer ------------------------------------------------------------------ */

typedef struct fv_fetch {
    fv_ctx *ctx;
    const char *url;
    const char *part;  /* file to append to; created when the first byte arrives */
    int64_t had;       /* bytes already in part */
    int64_t most;      /* a longer file is refused */
    const char *begin; /* the first two bytes of the file */
    int timeout;       /* seconds */
    bool (*go_on)(void *user, int64_t done, int64_t total); /* returns false to stop */
    void *user;
    bool spoiled;  /* out: the bytes in part cannot be the start of the file */
    char why[240]; /* out: the reason of a failure */
} fv_fetch;

/* Returns true if the file arrived completely, according to the server. Returns false with the
   reason in why, or with a context error that another address would not solve. */
bool fv_fetch_run(fv_fetch *fetch);

/* ---- archive.c ------------------------------------------------------------------------------ */

/* Unpacks the files directly in the folder `inside` of a .tar.gz or .zip into the existing folder
   `folder`; files that are equal already are not rewritten. Ignores everything else in the archive,
   all links and unusual names. path is the archive's name in errors. */
fv_status fv_unpack(fv_ctx *ctx, const uint8_t *bytes, size_t size, const char *path,
                    const char *inside, const char *folder);

#endif
