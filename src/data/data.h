/*
 * data.h - the insides of data sets, and the gzip reader. Layer 3 on the data side: calls the base,
 * never a net.
 */
#ifndef FV_DATA_H
#define FV_DATA_H

#include "base/base.h"

struct fv_dataset {
    fv_object object;
    fv_dataset_desc desc; /* get is NULL for a set in memory */
    int64_t len;
    size_t pixel_bytes; /* of one image */
    char *name, *files[2];
    fv_array *images; /* [len][C][H][W], only in memory */
    int64_t *labels;  /* [len], only in memory */
};

/* Sample index, which is in range, as fv_dataset_get gives it. */
fv_status fv_dataset_sample(fv_dataset *set, int64_t index, void *pixels, int64_t *label);

/* "60000 x 28 x 28 uint8" */
void fv_array_text(const fv_array *array, char *text, size_t room);

/* ---- gzip: a stream of bytes out of a buffer ----------------------------------------------- */

typedef struct fv_gzip fv_gzip;

bool fv_is_gzip(const uint8_t *bytes, size_t size);
/* name is what errors call it. NULL: FV_E_MEMORY, or FV_E_DEVICE in a build without zlib. */
fv_gzip *fv_gzip_open(fv_ctx *ctx, const uint8_t *bytes, size_t size, const char *name);
/* Up to size bytes into to; fewer only at the end of the stream, whose checksum is right then.
   *done says how many. FV_E_DATA with the offset for a damaged stream. */
fv_status fv_gzip_read(fv_gzip *gz, void *to, size_t size, size_t *done);
void fv_gzip_close(fv_gzip *gz);

#endif
