/*
 * decode.h - how picture files become pictures: the wishes, one decoding, and the decoders.
 *
 * A decoder reads the header, asks fv_decode_start for a place, and hands over one row after the
 * other; turning them upright, to the channels wanted and to planes is done here, once for all.
 * Layer 3, data. Calls the base.
 */
#ifndef FV_DECODE_H
#define FV_DECODE_H

#include "data/data.h"

/* PIL's: twice what makes it warn. Nothing is allocated for a picture of more. */
enum { FV_PIXELS_MAX = 178956970 };

typedef struct fv_wish {
    int channels;      /* 1: gray, 3: RGB, 0: as the file has it */
    int height, width; /* JPEG may be decoded at 1/2, 1/4 or 1/8 that is no smaller; 0: whole */
} fv_wish;

typedef struct fv_decoding {
    fv_work *work;
    const char *name; /* what errors call it */
    const uint8_t *bytes;
    size_t size;
    fv_wish wish;
    int orientation;               /* Exif's, 1 to 8; set before fv_decode_start; 0 is 1 */
    int height, width, samples;    /* as coded; samples of a pixel: 1 gray, 3 RGB */
    ptrdiff_t origin, down, right; /* where in a plane (0,0) lies, and from one pixel to the next */
    uint8_t *spare;                /* the bytes that fv_decode_start was asked for */
    fv_picture *picture;
} fv_decoding;

/* The picture in a file, or in size bytes of memory, as [C,H,W] uint8, upright as Exif says. It
   is in slot 1 of the work; slot 0 holds the file. Errors call the bytes by name. */
bool fv_picture_load(fv_work *work, const char *path, fv_wish wish, fv_picture *picture);
bool fv_picture_decode(fv_work *work, const uint8_t *bytes, size_t size, const char *name,
                       fv_wish wish, fv_picture *picture);

/* The wish out of a public function's arguments, at_least an int or FV_HW. */
fv_status fv_wish_check(fv_ctx *ctx, const char *function, int channels, int at_least,
                        fv_wish *wish);

/* Checks the size, allocates the picture and spare bytes of the decoder's own. */
bool fv_decode_start(fv_decoding *d, int64_t height, int64_t width, int samples, size_t spare);
/* Row y as coded: [width][samples]. */
void fv_decode_row(fv_decoding *d, int y, const uint8_t *row);
/* FV_E_DATA: "NAME": and the text. Returns false. */
bool fv_decode_fail(fv_decoding *d, const char *format, ...) FV_PRINTF(2, 3);
/* Whether width and height are a picture's, before anything is allocated. */
bool fv_decode_check(fv_decoding *d, int64_t height, int64_t width);
/* 1 to 8 out of the TIFF header that Exif consists of; 1 where it has none or is damaged. */
int fv_exif_orientation(const uint8_t *tiff, size_t size);

/* Whether the file has these bytes at that offset. */
bool fv_decode_has(const fv_decoding *d, size_t offset, const char *bytes, size_t size);

/* A format of picture files; formats.c lists them. */
typedef struct fv_picture_format {
    const char *name;    /* "JPEG" */
    const char *endings; /* of file names: ".jpg .jpeg" */
    const char *library; /* that decode needs; NULL: none */
    bool (*is)(const fv_decoding *d);
    bool (*decode)(fv_decoding *d); /* false with the error in the work; NULL in a build without */
} fv_picture_format;

/* Whether a file's name ends like a picture's, in any case; and all such endings, for messages. */
bool fv_is_picture_name(const char *name);
void fv_put_picture_endings(fv_text *to);

#endif
