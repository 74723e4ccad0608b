/*
 * data.h - internals of data sets, and the gzip and zip readers. Layer 3 on the data side: calls
 * the base, never a net.
 */
#ifndef FV_DATA_H
#define FV_DATA_H

#include "base/base.h"

/* ---- pictures and the workers that make samples --------------------------------------------- */

/* A picture in memory, [C,H,W], of FV_U8 (0..255) or FV_F32. */
typedef struct fv_picture {
    int channels, height, width;
    fv_type type;
    void *pixels; /* in a slot of the fv_work that made it, or owned by the data set */
} fv_picture;

enum { FV_WORK_SLOTS = 8 };

size_t fv_picture_bytes(const fv_picture *picture);              /* size of all pixels in bytes */
bool fv_picture_alike(const fv_picture *a, const fv_picture *b); /* same shape and type */
void fv_picture_text(const fv_picture *picture, char text[80]);  /* "3 x 32 x 32 uint8" */

/* State of one thread that makes samples: buffers reused from sample to sample, and an error of its
   own, since the context belongs to another thread. */
typedef struct fv_work {
    fv_ctx *ctx; /* only its allocator is used */
    void *slots[FV_WORK_SLOTS];
    size_t sizes[FV_WORK_SLOTS];
    fv_status error; /* the first error; FV_OK: none */
    char error_text[1024];
} fv_work;

/* Returns slot number `capacity` with size bytes or more; growing loses its contents. Returns NULL
   after FV_E_MEMORY in the work. */
void *fv_work_slot(fv_work *work, int slot, size_t size);
/* Calls the context's allocator: ptr NULL allocates, size 0 frees. NULL sets no error. */
void *fv_work_memory(fv_work *work, void *ptr, size_t size);
/* Stores an error in the work if it has none, as fv_fail does. */
fv_status fv_work_fail(fv_work *work, fv_status code, const char *format, ...) FV_PRINTF(3, 4);
/* Returns the system's text for errno. */
const char *fv_reason(int error, char text[128]);
/* Moves the work's error to the context; only for the thread that owns the context. */
fv_status fv_work_report(fv_work *work);
/* Frees its slots. */
void fv_work_end(fv_work *work);
/* Returns the picture, if ok, as an array of the context. Reports the work's error; ends the
   work. */
fv_array *fv_picture_array(fv_work *work, bool ok, const fv_picture *picture);

/* ---- data sets ------------------------------------------------------------------------------ */

struct fv_dataset {
    fv_object object;
    fv_dataset_desc desc; /* get is NULL for a set in memory; height and width are 0 if pictures
                             differ in size */
    int64_t len;
    size_t pixel_bytes; /* of one image; 0 if pictures differ in size */
    char *name, *files[2];
    const char *const *class_names; /* [desc.classes], in own or constant; NULL: no names */
    fv_array *images;               /* [len][C][H][W], only of a set in memory */
    int64_t *labels;                /* [len], of sets in memory or of files */
    /* For sets of pictures of different sizes, mostly files: read works as fv_dataset_read, on
       several threads at once; own is its state, freed by end. NULL for the other sets. */
    bool (*read)(fv_dataset *set, fv_work *work, int64_t index, fv_picture *picture,
                 int64_t *label);
    const char *(*file)(const fv_dataset *set, int64_t index); /* path of a sample's file */
    void (*end)(fv_dataset *set);
    void *own;
};

/* Returns a set without len and source of samples; desc->name must not be NULL. */
fv_dataset *fv_dataset_start(fv_ctx *ctx, const fv_dataset_desc *desc);
/* Checks type, shape and number of classes of desc. */
fv_status fv_dataset_check_desc(fv_ctx *ctx, const fv_dataset_desc *desc);
/* Returns a set that owns images. Frees labels, and on failure images too. Both may be NULL with
   the error set. If label_file is NULL, the arrays come from no files and image_file is a name. */
fv_dataset *fv_dataset_of_arrays(fv_ctx *ctx, fv_array *images, fv_array *labels, int classes,
                                 const char *image_file, const char *label_file);

/* Opens CIFAR-10, or CIFAR-100 if hundred, in the folder root. */
fv_dataset *fv_cifar(fv_ctx *ctx, bool hundred, const char *root, fv_split split);

/* Reads sample index, which must be in range, as a picture of its own size in slots 0 and 1 of the
   work or in the set's memory. Returns false with the error in the work. */
bool fv_dataset_read(fv_dataset *set, fv_work *work, int64_t index, fv_picture *picture,
                     int64_t *label);

/* Copies sample index, which must be in range, as fv_dataset_get does. */
fv_status fv_dataset_sample(fv_dataset *set, int64_t index, void *pixels, int64_t *label);

/* Returns shape and type of the set's pictures, without pixels; height and width 0: they differ. */
fv_picture fv_dataset_like(const fv_dataset *set);

/* Returns true if fv_dataset_read may run on several threads at once. */
bool fv_dataset_thread_safe(const fv_dataset *set);

/* Returns all labels, freed with fv_release, and counts them in histogram[classes]. Returns NULL
   after an error of fv_dataset_check or FV_E_MEMORY. */
int64_t *fv_dataset_labels(fv_dataset *set, int64_t *histogram);

/* ---- transforms ------------------------------------------------------------------------------ */

/* Applies all transforms in order; in->pixels stay unchanged. Random choices depend on seed, epoch
   and index only. The result is in slots 2 to 7 of the work, or is in->pixels if nothing changed.
   Several threads may call it at once. Returns false with the error in the work. */
bool fv_transform_run(const fv_transform *transform, fv_work *work, uint64_t seed, int64_t epoch,
                      int64_t index, const fv_picture *in, fv_picture *out);

/* ---- arrays --------------------------------------------------------------------------------- */

/* Returns an empty array owned by the context, with dims of 1; data must come from fv_alloc. */
fv_array *fv_array_start(fv_ctx *ctx);
/* Returns an array of zeros. */
fv_array *fv_array_new(fv_ctx *ctx, fv_type type, int ndim, const int64_t *dims);
/* Returns true if an array filled in by a user is valid; if not, FV_ARRAY_SOUND is the message. */
bool fv_array_is_sound(const fv_array *array);
#define FV_ARRAY_SOUND                                                                             \
    "an array must have 1 to 4 dimensions of 1 or more, their product as count, and data"
/* Returns a copy; channels_last: transposes [N,H,W,C] to [N,C,H,W]. */
fv_array *fv_array_copy(fv_ctx *ctx, const fv_array *from, bool channels_last);
/* "60000 x 28 x 28 uint8" */
void fv_array_text(const fv_array *array, char *text, size_t capacity);

/* ---- gzip: decompresses a buffer as a stream ------------------------------------------------ */

typedef struct fv_gzip fv_gzip;

bool fv_is_gzip(const uint8_t *bytes, size_t size);
/* name is used in errors. NULL after FV_E_MEMORY, or FV_E_DEVICE in a build without zlib. */
fv_gzip *fv_gzip_open(fv_ctx *ctx, const uint8_t *bytes, size_t size, const char *name);
/* Reads up to size bytes into `to` and sets *done; fewer only at the end of the stream, after its
   checksum was verified. Returns FV_E_DATA with the offset for a damaged stream. */
fv_status fv_gzip_read(fv_gzip *gz, void *to, size_t size, size_t *done);
void fv_gzip_close(fv_gzip *gz);
/* Inflates the deflate stream in from, which must produce exactly to_size bytes. */
fv_status fv_inflate(fv_ctx *ctx, const uint8_t *from, size_t size, void *to, size_t to_size,
                     const char *name);

/* ---- zip archives --------------------------------------------------------------------------- */

/* A zip archive in memory, and the position in its directory. */
typedef struct fv_zip {
    fv_ctx *ctx;
    const char *name; /* used in errors */
    const uint8_t *bytes;
    size_t size, at;  /* at: offset of the next entry */
    unsigned entries; /* entries left */
} fv_zip;

typedef struct fv_zip_entry {
    char name[256]; /* "" if longer */
    unsigned flags, method;
    unsigned kind; /* file type of Unix, 8 for a regular file; 0: unknown */
    uint32_t crc, packed, size, local;
} fv_zip_entry;

/* Returns false after FV_E_DATA. */
bool fv_zip_open(fv_zip *zip, fv_ctx *ctx, const uint8_t *bytes, size_t size, const char *name);
/* Returns false at the end or after FV_E_DATA. */
bool fv_zip_next(fv_zip *zip, fv_zip_entry *entry);
/* Returns the entry->size bytes, freed with fv_release, after verifying the checksum. Returns NULL
   after FV_E_DATA or FV_E_MEMORY. */
void *fv_zip_unpack(const fv_zip *zip, const fv_zip_entry *entry);

/* Returns the file `wanted` of a zip in memory, freed with fv_release; *out_size: its bytes. NULL
   after FV_E_DATA, which lists the names if there is no such file. name is used in errors. */
void *fv_zip_read(fv_ctx *ctx, const uint8_t *bytes, size_t size, const char *name,
                  const char *wanted, size_t *out_size);

#endif
