/*
 * data.h - the insides of data sets, and the gzip reader. Layer 3 on the data side: calls the base,
 * never a net.
 */
#ifndef FV_DATA_H
#define FV_DATA_H

#include "base/base.h"

/* ---- pictures and the workers that make them ------------------------------------------------ */

/* A picture in memory, [C,H,W], of FV_U8 (0..255) or FV_F32. */
typedef struct fv_picture {
    int channels, height, width;
    fv_type type;
    void *pixels; /* a stretch of memory of the fv_work it was made with, or someone else's */
} fv_picture;

enum { FV_WORK_SLOTS = 8 };

size_t fv_picture_bytes(const fv_picture *picture);              /* of all pixels */
bool fv_picture_alike(const fv_picture *a, const fv_picture *b); /* of one shape and type */
void fv_picture_text(const fv_picture *picture, char text[80]);  /* "3 x 32 x 32 uint8" */

/* What one thread has while it makes samples: memory that is kept from one to the next, and its own
   error, for the context belongs to another thread. */
typedef struct fv_work {
    fv_ctx *ctx; /* for its allocator alone */
    void *slots[FV_WORK_SLOTS];
    size_t sizes[FV_WORK_SLOTS];
    fv_status error; /* the first; FV_OK: none */
    char error_text[1024];
} fv_work;

/* Room number `room`, of size bytes or more, for anything; what was in it is lost when it grows.
   NULL: FV_E_MEMORY is in the work. */
void *fv_work_slot(fv_work *work, int capacity, size_t size);
/* The context's allocator, as its allocate: ptr NULL: new, size 0: free. NULL sets no error. */
void *fv_work_memory(fv_work *work, void *ptr, size_t size);
/* Keeps the first error, as fv_fail does. */
fv_status fv_work_fail(fv_work *work, fv_status code, const char *format, ...) FV_PRINTF(3, 4);
/* The system's words for errno. */
const char *fv_reason(int error, char text[128]);
/* Hands the work's error on to the context, in the thread that owns it, and forgets it. */
fv_status fv_work_report(fv_work *work);
/* Frees its rooms. */
void fv_work_end(fv_work *work);
/* The picture, if ok, as an array of the context's. Hands the work's error on and ends it. */
fv_array *fv_picture_array(fv_work *work, bool ok, const fv_picture *picture);

/* ---- data sets ------------------------------------------------------------------------------ */

struct fv_dataset {
    fv_object object;
    fv_dataset_desc desc; /* get is NULL for a set in memory; height and width are 0 for pictures
                             that have sizes of their own */
    int64_t len;
    size_t pixel_bytes; /* of one image; 0 for own sizes */
    char *name, *files[2];
    const char *const *class_names; /* [desc.classes], of own or constant; NULL: they have none */
    fv_array *images;               /* [len][C][H][W], only in memory */
    int64_t *labels;                /* [len], in memory and of files */
    /* Sets whose pictures have sizes of their own, files above all: as fv_dataset_read, and what it
       needs, which end frees. NULL for the others. May run on several threads at once. */
    bool (*read)(fv_dataset *set, fv_work *work, int64_t index, fv_picture *picture,
                 int64_t *label);
    const char *(*file)(const fv_dataset *set, int64_t index); /* the path of a sample's file */
    void (*end)(fv_dataset *set);
    void *own;
};

/* A set with all but len and where its samples come from; desc->name is given. */
fv_dataset *fv_dataset_start(fv_ctx *ctx, const fv_dataset_desc *desc);
/* Whether the images of desc have a type, a shape and classes. */
fv_status fv_dataset_check_desc(fv_ctx *ctx, const fv_dataset_desc *desc);
/* The set that takes over images; labels are freed, and images too on failure. Both may be NULL
   with the error set. label_file NULL: the arrays are of no files, and image_file is a name. */
fv_dataset *fv_dataset_of_arrays(fv_ctx *ctx, fv_array *images, fv_array *labels, int classes,
                                 const char *image_file, const char *label_file);

/* CIFAR-10, or CIFAR-100, under root. */
fv_dataset *fv_cifar(fv_ctx *ctx, bool hundred, const char *root, fv_split split);

/* Sample index, which is in range, as a picture of its own size, in rooms 0 and 1 of the work or in
   the set. Returns false with the error in the work. */
bool fv_dataset_read(fv_dataset *set, fv_work *work, int64_t index, fv_picture *picture,
                     int64_t *label);

/* Sample index, which is in range, as fv_dataset_get gives it. */
fv_status fv_dataset_sample(fv_dataset *set, int64_t index, void *pixels, int64_t *label);

/* What each picture of the set is like, without pixels; height and width 0: not all the same. */
fv_picture fv_dataset_like(const fv_dataset *set);

/* Whether fv_dataset_read may run on several threads at once. */
bool fv_dataset_thread_safe(const fv_dataset *set);

/* All labels, for fv_release; histogram[classes] counts them. NULL: what fv_dataset_check said of
   them, or FV_E_MEMORY. */
int64_t *fv_dataset_labels(fv_dataset *set, int64_t *histogram);

/* ---- transforms ------------------------------------------------------------------------------ */

/* The picture that comes out of all transforms in turn; in->pixels stay as they are. Random choices
   depend on seed, epoch and index alone. What comes out lies in rooms 2 to 7 of the work, or in
   in->pixels where nothing was changed. May run on several threads at once. Returns false with the
   error in the work. */
bool fv_transform_run(const fv_transform *transform, fv_work *work, uint64_t seed, int64_t epoch,
                      int64_t index, const fv_picture *in, fv_picture *out);

/* ---- arrays --------------------------------------------------------------------------------- */

/* An array of the context's with nothing in it: dims are 1, data is to come from fv_alloc. */
fv_array *fv_array_start(fv_ctx *ctx);
/* One of zeros. */
fv_array *fv_array_new(fv_ctx *ctx, fv_type type, int ndim, const int64_t *dims);
/* Whether what a user wrote down by hand is an array; if not, FV_ARRAY_SOUND is the message. */
bool fv_array_is_sound(const fv_array *array);
#define FV_ARRAY_SOUND                                                                             \
    "an array must have 1 to 4 dimensions of 1 or more, their product as count, and data"
/* A copy; [N,H,W,C] becomes [N,C,H,W] with channels_last. */
fv_array *fv_array_copy(fv_ctx *ctx, const fv_array *from, bool channels_last);
/* "60000 x 28 x 28 uint8" */
void fv_array_text(const fv_array *array, char *text, size_t capacity);

/* ---- gzip: a stream of bytes out of a buffer ----------------------------------------------- */

typedef struct fv_gzip fv_gzip;

bool fv_is_gzip(const uint8_t *bytes, size_t size);
/* name is what errors call it. NULL: FV_E_MEMORY, or FV_E_DEVICE in a build without zlib. */
fv_gzip *fv_gzip_open(fv_ctx *ctx, const uint8_t *bytes, size_t size, const char *name);
/* Up to size bytes into to; fewer only at the end of the stream, whose checksum is right then.
   *done says how many. FV_E_DATA with the offset for a damaged stream. */
fv_status fv_gzip_read(fv_gzip *gz, void *to, size_t size, size_t *done);
void fv_gzip_close(fv_gzip *gz);
/* The deflate stream in from, which must make exactly to_size bytes. */
fv_status fv_inflate(fv_ctx *ctx, const uint8_t *from, size_t size, void *to, size_t to_size,
                     const char *name);

/* ---- zip: files in a file ------------------------------------------------------------------- */

/* A zip in memory, and the next file of its directory. */
typedef struct fv_zip {
    fv_ctx *ctx;
    const char *name; /* what errors call it */
    const uint8_t *bytes;
    size_t size, at;  /* at: where the next entry is */
    unsigned entries; /* left */
} fv_zip;

typedef struct fv_zip_entry {
    char name[256]; /* "" for one that is longer */
    unsigned flags, method;
    unsigned kind; /* Unix's type of file, 8 a plain one; 0: it says none */
    uint32_t crc, packed, size, local;
} fv_zip_entry;

/* False: FV_E_DATA. */
bool fv_zip_open(fv_zip *zip, fv_ctx *ctx, const uint8_t *bytes, size_t size, const char *name);
/* False at the end, or FV_E_DATA. */
bool fv_zip_next(fv_zip *zip, fv_zip_entry *entry);
/* Its entry->size bytes, for fv_release, with the checksum that the entry gives. NULL: FV_E_DATA or
   FV_E_MEMORY. */
void *fv_zip_unpack(const fv_zip *zip, const fv_zip_entry *entry);

/* The file called wanted in a zip in memory, for fv_release; *out_size its bytes. NULL: FV_E_DATA,
   where there is none of that name with the names that there are. name is what errors call it. */
void *fv_zip_read(fv_ctx *ctx, const uint8_t *bytes, size_t size, const char *name,
                  const char *wanted, size_t *out_size);

#endif
