/*
 * fovea.h - train and run convolutional networks on images, in C.
 *
 * This header is the manual. Its sections go from simple to advanced:
 *
 *   1  Context                   open and close, seed, threads, memory, errors, log
 *   2  Data sets                 pictures, CSV, NumPy, MNIST, CIFAR, checks, transforms
 *   3  Loader                    batches, workers, samplers, splits, folds, statistics
 *   4  Network                   layers, scopes, text, built-in networks, initial values
 *   5  Forward, loss, backward   losses, gradients, parameters, evaluation, metrics
 *   6  Optimizers                SGD, Adam, ..., groups, clipping, averages, schedules
 *   7  Save and load             safetensors, checksums
 *   8  What a net and a machine look like   layers, shapes, memory, processors
 *
 * A complete program: LeNet's first half learns MNIST for one epoch.
 *
 *   #include <fovea.h>
 *   #include <stdio.h>
 *
 *   int main(void)
 *   {
 *       fv_ctx *fv = fv_open(&(fv_options){.seed = 1});
 *       fv_loader *train = fv_loader_new(fv_mnist(fv, "data", FV_TRAIN), .batch_size = 64,
 *                                        .shuffle = true);
 *       fv_loader *test = fv_loader_new(fv_mnist(fv, "data", FV_TEST), .batch_size = 1000);
 *       fv_node x = fv_input(fv, 1, 28, 28, .mean = {0.1307f}, .std = {0.3081f});
 *       x = fv_max_pool2d(fv_relu(fv_conv2d(x, 6, 5, .padding = 2)), 2);
 *       fv_net *net = fv_net_new(fv_linear(fv_flatten(x), 10));
 *       fv_optim *optim = fv_sgd(net, .lr = 0.01, .momentum = 0.9);
 *       for (fv_batch b; fv_loader_next(train, &b); fv_step(optim)) {
 *           fv_zero_grad(net);
 *           fv_forward(net, &b);
 *           fv_cross_entropy_loss(net, &b);
 *           fv_backward(net);
 *       }
 *       fv_result r = {0};
 *       fv_evaluate(net, test, &r);
 *       fv_save(net, "net.safetensors", NULL, 0);
 *       printf("%d of %d right  %s\n", (int)r.correct, (int)r.total, fv_error_text(fv));
 *       fv_close(fv);
 *   }
 *
 * Conventions
 *   Shapes      [N,C,H,W]: images, channels, rows, columns. Labels are class ids from 0, int64.
 *   Names       arguments, defaults and meanings are PyTorch's wherever PyTorch has them.
 *   Options     designated initialisers: fv_conv2d(x, 6, 5, .padding = 2). An option that is left
 *               out is 0, and 0 means the default that the field's comment gives. Each such call is
 *               a macro over a function ..._opt that takes the same options as a struct.
 *   Zeros       Since 0 means the default, three constants ask for another meaning. FV_ZERO is the
 *               number 0 itself, in a number of a layer, loss, optimizer or schedule:
 *               .weight_decay = FV_ZERO. FV_CLASS_0 is class 0 in .ignore_index, whose default is
 *               PyTorch's -100. FV_SAME, in .padding of fv_conv2d, is PyTorch's padding='same'.
 *               In texts (conv2d 6 5 padding=same; adamw weight_decay=0) 0 is 0: none is needed.
 *   Functions   There are three kinds. One that makes something returns a pointer, NULL after a
 *               failure. One that does something returns fv_status, FV_OK (0) after success. One
 *               that answers a question returns the value.
 *   Errors      The context keeps the first error until fv_error_clear. Every function accepts NULL
 *               and failed objects; while the context holds an error, functions that make or do
 *               something do nothing and fail as well. So one look at fv_error at the end of a chain
 *               of calls is enough. A call whose objects are all NULL has no context: its error is
 *               kept for the thread, see fv_error(NULL).
 *   Memory      fv_close frees everything that was made from the context. A pointer that a function
 *               returns belongs to the object it was asked from, unless its comment says otherwise.
 *               The library never prints, exits or reads the environment.
 *   Threads     A context and all objects made from it belong to one thread at a time. Two contexts
 *               are independent.
 */
#ifndef FOVEA_H
#define FOVEA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FV_VERSION_MAJOR 0
#define FV_VERSION_MINOR 1
#define FV_VERSION_PATCH 0

#if defined(__GNUC__)
#define FV_API __attribute__((visibility("default")))
#else
#define FV_API
#endif

/* ------------------------------------------------------------------------------------------- */
/* 1  Context: seed, threads, memory, errors                                                   */
/* ------------------------------------------------------------------------------------------- */

typedef struct fv_ctx fv_ctx;             /* owns all else; not shared between threads */
typedef struct fv_dataset fv_dataset;     /* images and labels by index */
typedef struct fv_transform fv_transform; /* steps that each picture goes through */
typedef struct fv_sampler fv_sampler;     /* draws the order of the samples of each epoch */
typedef struct fv_loader fv_loader;       /* gives the batches of a data set, epoch by epoch */
typedef struct fv_graph fv_graph;         /* the layers of a network while it is written down */
typedef struct fv_net fv_net;             /* a network with parameters and gradients */
typedef struct fv_optim fv_optim;         /* an optimizer over the parameters of one net */

typedef enum fv_status {
    FV_OK = 0,
    FV_E_ARG,    /* an argument outside its range */
    FV_E_SHAPE,  /* shapes that do not fit each other */
    FV_E_NAME,   /* a name that is empty, taken or unknown */
    FV_E_STATE,  /* a call out of order: backward before forward */
    FV_E_PATH,   /* no such file or folder */
    FV_E_IO,     /* the system could not read or write */
    FV_E_DATA,   /* a damaged or unsuitable file or sample */
    FV_E_CLASS,  /* a label that is none of the classes */
    FV_E_MEMORY, /* the allocator returned NULL */
    FV_E_DEVICE, /* this machine or build cannot do that */
    FV_E_STATUS_COUNT
} fv_status;

typedef enum fv_log_level { FV_LOG_DEBUG, FV_LOG_NOTE, FV_LOG_WARNING } fv_log_level;

typedef struct fv_options {
    uint64_t seed;       /* of the random numbers, as torch.manual_seed */
    int threads;         /* default: one per processor; at most FV_THREADS_MAX */
    const char *kernels; /* "ref", "avx2", "avx512", "neon"; default: the widest of this CPU */
    void *user;          /* passed to the two functions below */
    /* All memory of the context comes from here; default: realloc and free.
       ptr NULL: allocate; size 0: free (returns NULL); otherwise resize. Called on one thread at a
       time, a loader's workers among them. */
    void *(*allocate)(void *user, void *ptr, size_t size);
    /* Receives notes for people, one line each without a line end; default: notes are dropped. */
    void (*log)(void *user, fv_log_level level, const char *text);
} fv_options;

#define FV_THREADS_MAX 256

/* Opens a context; options may be NULL for all defaults.
   Returns NULL only if there is no memory for the context. Invalid options (threads < 0, kernels
   that are unknown or not for this CPU) give a context that holds the error.
   The caller owns the context and frees it with fv_close. */
FV_API fv_ctx *fv_open(const fv_options *options);

/* Frees the context and everything made from it. NULL is fine. */
FV_API void fv_close(fv_ctx *ctx);

/* Restarts the random numbers from seed. torch.manual_seed. */
FV_API fv_status fv_manual_seed(fv_ctx *ctx, uint64_t seed);

/* Returns the first error since fv_open or the last fv_error_clear; FV_OK if there is none.
   fv_error(NULL) returns the first error of this thread in a call that has no context to keep it
   in: an fv_open that failed, or a function that got NULL or a node that was never made. If ctx
   holds an error as well, that one came first: the result of a failed call was passed on. */
FV_API fv_status fv_error(const fv_ctx *ctx);

/* Returns the text of the error: what, where, expected and found, in one or more lines. If there is
   a way out, the last line states it and starts with "help: ". "" without an error. Valid until
   fv_close. */
FV_API const char *fv_error_text(const fv_ctx *ctx);

/* Clears the error, so that the context can be used again; NULL: the error of the thread. */
FV_API void fv_error_clear(fv_ctx *ctx);

/* Returns the code to search for: "E-SHAPE", "E-DATA", ...; "ok" for FV_OK. */
FV_API const char *fv_status_name(fv_status status);

/* Returns the version of the linked library: "0.1.0". */
FV_API const char *fv_version(void);

/* ------------------------------------------------------------------------------------------- */
/* 2  Data sets: an image and a label by index                                                 */
/* ------------------------------------------------------------------------------------------- */

typedef enum fv_type { FV_U8, FV_I8, FV_I16, FV_I32, FV_F32, FV_F64, FV_I64 } fv_type;
typedef enum fv_split { FV_TRAIN, FV_TEST, FV_VAL } fv_split;

/* An array as a file holds it, in this machine's byte order, last dimension fastest. */
typedef struct fv_array {
    fv_type type;
    int ndim;        /* 1 to 4 */
    int64_t dims[4]; /* unused ones are 1 */
    size_t count;    /* product of dims */
    void *data;      /* count elements of type */
} fv_array;

/* Returns the bytes of one element. */
FV_API size_t fv_type_size(fv_type type);

/* Reads an IDX file, plain or gzip (told apart by content, not by name), all six element types,
   1 to 4 dimensions. Format: http://yann.lecun.com/exdb/mnist/. Errors say the byte offset, what
   was expected there and what was found: FV_E_PATH, FV_E_IO, FV_E_DATA.
   The array belongs to the context; fv_array_free frees it earlier. */
FV_API fv_array *fv_idx_read(fv_ctx *ctx, const char *path);

/* Reads an IDX file from size bytes in memory; errors call it by name. */
FV_API fv_array *fv_idx_parse(fv_ctx *ctx, const void *bytes, size_t size, const char *name);
FV_API void fv_array_free(fv_array *array);

/* Reads a NumPy .npy file: bool, uint8, int8 to int64, float32, float64, of either byte order,
   in C order, 1 to 4 dimensions. Every field is checked: FV_E_PATH, FV_E_IO, FV_E_DATA.
   numpy.lib.format. */
FV_API fv_array *fv_npy_read(fv_ctx *ctx, const char *path);

/* Reads the array named key from a .npz file, stored or compressed (FV_E_DEVICE without zlib). */
FV_API fv_array *fv_npz_read(fv_ctx *ctx, const char *path, const char *key);

/* Writes an array as .npy, little endian, byte for byte as numpy.save does. The write is atomic:
   the file is complete or absent. */
FV_API fv_status fv_npy_write(fv_ctx *ctx, const char *path, const fv_array *array);

/* fv_picture_read(ctx, "cat.jpg", .channels = 3)     -> [C,H,W] uint8
   JPEG, PNG, WebP, BMP, GIF, PPM and PGM, told apart by content. The pixels are those of PIL's
   Image.open(path).convert("RGB") or "L": palettes are looked up, alpha is dropped, CMYK becomes
   RGB; of 16 bits the upper 8 are kept, also of gray, which PIL would clip to white. The Exif
   orientation is applied (PIL's ImageOps.exif_transpose). Of a GIF the first picture is read.
   A file that is damaged, truncated, an animated WebP, or larger than 178,956,970 pixels: FV_E_DATA
   with the reason. A format that this build leaves out: FV_E_DEVICE. Also FV_E_PATH, FV_E_IO.
   The array belongs to the context. The decoding libraries allocate with malloc. */
typedef struct fv_picture_args {
    fv_ctx *ctx;
    const char *path;  /* with bytes: their name in errors */
    int channels;      /* 1: gray, 3: RGB; default: as the file has it */
    int at_least;      /* int or FV_HW; a large JPEG is decoded at 1/2, 1/4 or 1/8 no smaller */
    const void *bytes; /* size bytes in memory in place of the file, if not NULL */
    size_t size;
    int _end;
} fv_picture_args;
#define fv_picture_read(...) fv_picture_read_opt((fv_picture_args){__VA_ARGS__, ._end = 0})
FV_API fv_array *fv_picture_read_opt(fv_picture_args args);

/* Opens MNIST as torchvision.datasets.MNIST stores it: ROOT/MNIST/raw/train-images-idx3-ubyte and
   its three companions, each raw or as .gz. Images [1,28,28] uint8, classes 0 to 9.
   Missing files are listed by name (FV_E_PATH). The data set belongs to the context. */
FV_API fv_dataset *fv_mnist(fv_ctx *ctx, const char *root, fv_split split);

/* Opens a data set by its name, where torchvision stores it: "mnist"; "fashion-mnist" in
   ROOT/FashionMNIST/raw, "kmnist", "qmnist", "emnist-byclass", "emnist-bymerge", "emnist-balanced",
   "emnist-letters", "emnist-digits", "emnist-mnist" likewise (EMNIST's images are stored
   transposed, and stay so, as in torchvision); "cifar10" in ROOT/cifar-10-batches-bin and
   "cifar100" in ROOT/cifar-100-binary, the binary versions, [3,32,32]. Classes have names.
   An unknown name is FV_E_NAME with the known ones. Missing files are listed (FV_E_PATH). */
FV_API fv_dataset *fv_dataset_named(fv_ctx *ctx, const char *name, const char *root,
                                    fv_split split);

/* Makes count synthetic digits, [1,28,28] uint8, sample i of class i % 10: a data set that needs no
   file. A sample depends only on the seed and its number, on every machine. */
FV_API fv_dataset *fv_dataset_digits(fv_ctx *ctx, int64_t count, uint64_t seed);

/* Opens two IDX files as a data set: images uint8 or float32 [N,H,W] or [N,C,H,W], labels integers
   [N]. classes 0: one more than the largest label. */
FV_API fv_dataset *fv_dataset_idx(fv_ctx *ctx, const char *images, const char *labels, int classes);

/* The same for two .npy files, and for the arrays x_train and y_train, or x_test and y_test, of a
   .npz, as Keras names them. Images that can only be [N,H,W,C] become [N,C,H,W], with a note;
   labels are [N] or [N,1]. */
FV_API fv_dataset *fv_dataset_npy(fv_ctx *ctx, const char *images, const char *labels, int classes);
FV_API fv_dataset *fv_dataset_npz(fv_ctx *ctx, const char *path, fv_split split, int classes);

/* A data set of your own by three functions, like PyTorch's Dataset with __len__ and __getitem__.
   The thread that uses the loader calls them; the loader's workers call get as well if the set is
   thread_safe. */
typedef struct fv_dataset_desc {
    const char *name;            /* its name in errors; default "data set" */
    fv_type type;                /* of a pixel: FV_U8 (default) or FV_F32 */
    int channels, height, width; /* of every image, at least 1 each */
    int classes;                 /* labels are 0 to classes-1, at least 1 */
    void *user; /* passed to the three functions; must live until close is called */
    /* Returns the number of samples. Called once. */
    int64_t (*len)(void *user);
    /* Writes image [C,H,W] and label of sample index (0 to len-1). Returns 0; another value is a
       failure. */
    int (*get)(void *user, int64_t index, void *pixels, int64_t *label);
    /* Called once when the data set is freed, also when fv_dataset_new fails. May be NULL. */
    void (*close)(void *user);
    bool thread_safe; /* get may be called on several threads at once */
} fv_dataset_desc;

/* The data set belongs to the context and must outlive its loaders. */
FV_API fv_dataset *fv_dataset_new(fv_ctx *ctx, const fv_dataset_desc *desc);
FV_API void fv_dataset_free(fv_dataset *set);

/* fv_dataset_arrays(ctx, &images, &labels)     a data set of arrays in memory, which are copied. An
   array of your own: (fv_array){FV_U8, 3, {n, 28, 28}, n * 28 * 28, pixels}. */
typedef struct fv_arrays_args {
    fv_ctx *ctx;
    const fv_array *images; /* FV_U8 or FV_F32, [N,H,W] or [N,C,H,W] */
    const fv_array *labels; /* any integers, [N] */
    int classes;            /* default: one more than the largest label */
    bool channels_last;     /* images are [N,H,W,C] */
    const char *name;       /* its name in errors; default "arrays" */
    int _end;
} fv_arrays_args;
#define fv_dataset_arrays(...) fv_dataset_arrays_opt((fv_arrays_args){__VA_ARGS__, ._end = 0})
FV_API fv_dataset *fv_dataset_arrays_opt(fv_arrays_args args);

/* fv_dataset_folder(ctx, "photos/train")     the pictures photos/train/CLASS/.../NAME.jpg
   Classes are the folders in root, sorted by bytes, from 0; with .like those of another set, and a
   folder that is none of them is an error (FV_E_CLASS). Pictures are files whose names end in .jpg,
   .jpeg, .jpe, .jfif, .png, .webp, .bmp, .gif, .ppm or .pgm, in any case, in subfolders too; links
   are followed. Hidden files and folders (names that begin with a dot) are skipped, with a note.
   Their sizes may differ: height and width of the set are 0, and a loader needs a transform to a
   fixed size. A file is read when its sample is.
   No class folders: FV_E_PATH. Classes without pictures: FV_E_DATA with their names. A folder that
   cannot be read, or links that lead in a circle: FV_E_IO, FV_E_PATH.
   torchvision.datasets.ImageFolder. */
typedef struct fv_folder_args {
    fv_ctx *ctx;
    const char *root;
    int channels;     /* 3: RGB (default), 1: gray */
    int at_least;     /* as for fv_picture_read, for pictures that a transform makes smaller */
    fv_dataset *like; /* use the classes of this set, usually the training set */
    int _end;
} fv_folder_args;
#define fv_dataset_folder(...) fv_dataset_folder_opt((fv_folder_args){__VA_ARGS__, ._end = 0})
FV_API fv_dataset *fv_dataset_folder_opt(fv_folder_args args);

/* fv_dataset_csv(ctx, "train.csv", .images = "train", .classes = "class.csv", .margin = 16)
   Each row is a picture. Columns bbox_x1, bbox_y1, bbox_x2, bbox_y2 crop it to x1 <= x < x2, y1 <=
   y < y2 and the margin, clipped to the picture. Classes are names, numbered in the order of
   their bytes; or ids from 0 or 1 on without gaps; or ids of the table, whose first becomes 0.
   Commas and line ends in quotes, and CRLF, are fine.
   A mistake in a row: FV_E_DATA or FV_E_CLASS with file and line. Files that are missing: FV_E_PATH
   with how many and the first of them. Pictures in .images that no row names: a note. */
typedef struct fv_csv_args {
    fv_ctx *ctx;
    const char *path;       /* the CSV, UTF-8, with a header */
    const char *images;     /* the folder of the files; default: the CSV's own */
    const char *file;       /* the column of the file's name; default "img_file", or else "path" */
    const char *label;      /* the column of its class; default "class", or else "label" */
    const char *classes;    /* a CSV of id,name: names of the classes, and the first id */
    fv_dataset *like;       /* in place of classes: those of this set */
    bool unlabelled;        /* there is no class column, as in a set to predict; labels are -1 */
    bool whole;             /* ignore the boxes */
    int margin;             /* pixels around each box */
    int channels, at_least; /* as for fv_dataset_folder; at_least does nothing with boxes */
    int _end;
} fv_csv_args;
#define fv_dataset_csv(...) fv_dataset_csv_opt((fv_csv_args){__VA_ARGS__, ._end = 0})
FV_API fv_dataset *fv_dataset_csv_opt(fv_csv_args args);

/* fv_dataset_open(ctx, "photos", .split = FV_TEST)     a data set by its name or path
   The path is a known name (fv_dataset_known: mnist, cifar10, digits, ...; its files are below
   root), a folder of class folders, or of folders train, val and test with class folders in them, a
   .csv or a .npz; endings in any case. A folder of class folders and a .csv are all FV_TRAIN;
   FV_VAL only folders have. Another name: FV_E_NAME with the known ones. A part that the data do
   not have: FV_E_NAME, or with .optional NULL without an error. The data set belongs to the
   context. */
typedef struct fv_dataset_open_args {
    fv_ctx *ctx;
    const char *path;
    fv_split split;
    const char *root; /* of known names; default "data" */
    fv_dataset *like; /* of folders and .csv: take over the classes of this set */
    bool optional;
    int channels, at_least; /* of folders and .csv, as for fv_dataset_folder */
    int _end;
} fv_dataset_open_args;
#define fv_dataset_open(...) fv_dataset_open_opt((fv_dataset_open_args){__VA_ARGS__, ._end = 0})
FV_API fv_dataset *fv_dataset_open_opt(fv_dataset_open_args args);

/* Whether fv_dataset_open can open a path: a known name, a folder, or an ending that it knows. */
FV_API bool fv_dataset_is(const char *path);

/* Known name number index, from 0; NULL past the last one. */
FV_API const char *fv_dataset_known(int index);

typedef struct fv_dataset_info {
    const char *name;
    int64_t len; /* samples */
    fv_type type;
    int channels, height, width; /* height and width 0: pictures have sizes of their own */
    int classes;
    const char *files[2]; /* the files it was read from, NULL where there is none */
} fv_dataset_info;

/* All zero for NULL. */
FV_API fv_dataset_info fv_dataset_describe(const fv_dataset *set);

/* Reads one sample: pixels must hold one image [C,H,W] of the set's type, label may be NULL.
   Index outside 0..len-1: FV_E_ARG. Pictures that have sizes of their own: FV_E_STATE. */
FV_API fv_status fv_dataset_get(fv_dataset *set, int64_t index, void *pixels, int64_t *label);

/* Reads one sample of any set in its own size, [C,H,W]; label may be NULL. The array belongs to the
   context. */
FV_API fv_array *fv_dataset_picture(fv_dataset *set, int64_t index, int64_t *label);

/* Return the name of a class, the file of a sample (NULL if there is none), and the label of a
   sample if it is known without reading the sample, as for arrays and files; else -1. */
FV_API const char *fv_dataset_class_name(const fv_dataset *set, int64_t label);
FV_API const char *fv_dataset_file(const fv_dataset *set, int64_t index);
FV_API int64_t fv_dataset_label(const fv_dataset *set, int64_t index);

/* Counts the labels by class into histogram[classes] (may be NULL). A label outside 0..classes-1:
   FV_E_CLASS with its sample and value. Run it before training; classes 0 takes the set's own
   number. Pictures in files are not read; fv_dataset_inspect does that. */
FV_API fv_status fv_dataset_check(fv_dataset *set, int classes, int64_t *histogram);

typedef enum fv_flaw_kind {
    FV_FLAW_BROKEN,    /* it cannot be read */
    FV_FLAW_EMPTY,     /* its file has 0 bytes */
    FV_FLAW_LABEL,     /* its label is no class, or an equal picture has another class */
    FV_FLAW_DUPLICATE, /* an earlier sample has the same picture */
} fv_flaw_kind;

typedef struct fv_flaw {
    fv_flaw_kind kind;
    int64_t index;    /* the sample */
    int64_t label;    /* of it */
    int64_t same_as;  /* the first sample of the same pixels, or -1 */
    const char *file; /* of the sample, or NULL */
    const char *text; /* what is wrong, in words */
} fv_flaw;

/* Reads every sample and reports each flaw, in order; a flaw is valid during the call of report.
   If report returns false, the inspection ends; if report is NULL, flaws are only counted. *flaws
   (may be NULL) is set to their number. A flaw is no error of the context. */
FV_API fv_status fv_dataset_inspect(fv_dataset *set,
                                    bool (*report)(void *user, const fv_flaw *flaw), void *user,
                                    int64_t *flaws);

/* ---- Transforms: steps that each picture goes through --------------------------------------- */

/* A list of steps, each its name and arguments, as torchvision.transforms.Compose:
     "resize 40; random_crop 32 padding=4; flip; to_tensor; normalize mean=0.5 std=0.25"
   Steps end with ; or the line. Arguments stand in order, or as name=value; several numbers have
   commas between them, a size is 32 or rows x columns, 32x24.
   Meaning and defaults are those of torchvision's functions on PIL images, to the bit unless the
   list below says otherwise. Pictures are uint8 up to to_tensor and float32 after it;
   without a to_tensor they stay uint8, which a net's input takes just as well.

   Steps that take uint8 and float32:
     pad PADDING fill=0 padding_mode=constant   padding is 1 number, 2 (left and right, top and
                                   bottom) or 4 (left, top, right, bottom); a fill is 1 number, or 1
                                   for each channel; modes constant, edge, reflect, symmetric
     center_crop SIZE fill=0 padding_mode=constant   the fill is for pictures that are smaller
     random_crop SIZE padding= pad_if_needed=false fill=0 padding_mode=constant
     flip p=0.5                    RandomHorizontalFlip
     vflip p=0.5                   RandomVerticalFlip
     random_erasing p=0.5 scale=0.02,0.33 ratio=0.3,3.3 value=0
     cutout LENGTH holes=1 fill=0  squares about random pixels; DeVries, Taylor 2017
   uint8 alone:
     resize SIZE interpolation=bilinear   one number is the shorter side's; nearest, bilinear or
                                   bicubic, the latter two without aliasing
     random_resized_crop SIZE scale=0.08,1 ratio=3/4,4/3 interpolation=bilinear
     rotation DEGREES interpolation=nearest expand=false center= fill=0
     affine DEGREES translate= scale= shear= interpolation=nearest fill=0 center=
     perspective distortion_scale=0.5 p=0.5 interpolation=bilinear fill=0     the matrices of these
                                   two are rounded otherwise than torchvision's
     color_jitter brightness=0 contrast=0 saturation=0 hue=0
     grayscale num_output_channels=1, random_grayscale p=0.1
     invert, posterize BITS, solarize THRESHOLD, autocontrast, equalize, sharpness FACTOR, and with
                                   p=0.5 as last argument random_invert, random_posterize, ...
     gaussian_blur KERNEL_SIZE sigma=0.1,2   within 1 of torchvision's bytes; 5x7 is rows x columns
     autoaugment policy=imagenet interpolation=nearest fill=0   also cifar10, svhn
     randaugment num_ops=2 magnitude=9 num_magnitude_bins=31 interpolation=nearest fill=0
     trivialaugment num_magnitude_bins=31 interpolation=nearest fill=0
     invert_if_light               inverts a picture whose border is light on average
     center_mass SIZE box=20       gray: scales the pixels above 0 into the box and moves their
                                   center of mass to the middle of SIZE, as in MNIST
     to_tensor                     v becomes v/255
   float32 alone:
     normalize mean= std=          1 number, or 1 for each channel
     denormalize mean= std=        the inverse: x * std + mean

   The transform belongs to the context and does not change, so threads may share it. Unknown names:
   FV_E_NAME; values out of range: FV_E_ARG; a step for uint8 after to_tensor: FV_E_STATE. "" or
   NULL is the transform that changes nothing. */
FV_API fv_transform *fv_transform_new(fv_ctx *ctx, const char *text);
FV_API void fv_transform_free(fv_transform *transform);

/* Writes kind of step number index, from 0, with its arguments and their defaults: "random_crop
   SIZE padding=0 ...". Returns the length of the text, as snprintf; 0 past the last one. */
FV_API int fv_transform_list(int index, char *text, size_t size);

/* Returns the canonical text of the transform, from which fv_transform_new makes the same. It
   belongs to the transform. */
FV_API const char *fv_transform_text(const fv_transform *transform);

/* Makes the transform without randomness, for evaluation and prediction: random_crop becomes its
   pad and a center_crop; random_resized_crop SIZE a resize, of the shorter side to SIZE's longer
   one, and a center_crop SIZE. Other random steps are left out unless they always do the same:
   flips and colors with p=1, a rotation or blur whose range is one value. */
FV_API fv_transform *fv_transform_eval(const fv_transform *transform);

/* A picture without its pixels. */
typedef struct fv_picture_shape {
    int channels, height, width; /* 0: not known, or not the same for all pictures */
    fv_type type;
} fv_picture_shape;

/* Returns the output shape for pictures of this shape. */
FV_API fv_picture_shape fv_transform_shape(const fv_transform *transform, fv_picture_shape in);

/* Applies the transform to a picture, uint8 or float32 [C,H,W] or [H,W]. Returns a new array
   [C,H,W], which belongs to the context. Randomness depends only on seed, epoch and index (of the
   sample). A picture that a step cannot take: FV_E_SHAPE. */
FV_API fv_array *fv_transform_apply(const fv_transform *transform, const fv_array *picture,
                                    uint64_t seed, int64_t epoch, int64_t index);

/* fv_mixup(ctx, n, channels, height, width, classes, pixels, targets, labels, .alpha = 0.2)
   Mixes each image of a batch with the one before it, and the first with the last, by one share:
     x = share * x + (1 - share) * other, and targets likewise
   for a loss that takes class probabilities. fv_cutmix puts a box of the other image into each
   instead, at one place for the batch; targets have the areas as their shares.
   Labels that are no class: FV_E_CLASS. RandomMixup and RandomCutmix of torchvision's reference
   training. */
typedef struct fv_mix_args {
    fv_ctx *ctx;
    int n, channels, height, width, classes;
    float *pixels;         /* [n,C,H,W], mixed in place */
    float *targets;        /* [n,classes] probabilities, mixed as the images are */
    const int64_t *labels; /* [n]: targets are set from them first; NULL: they are set */
    double alpha;          /* the share of each image is drawn from Beta(alpha, alpha); default 1 */
    uint64_t seed;
    int64_t batch; /* randomness depends only on seed and this number */
    int _end;
} fv_mix_args;
#define fv_mixup(...) fv_mixup_opt((fv_mix_args){__VA_ARGS__, ._end = 0})
FV_API fv_status fv_mixup_opt(fv_mix_args args);
#define fv_cutmix(...) fv_cutmix_opt((fv_mix_args){__VA_ARGS__, ._end = 0})
FV_API fv_status fv_cutmix_opt(fv_mix_args args);

/* ---- Download ------------------------------------------------------------------------------ */

typedef enum fv_get_event {
    FV_GET_THERE,  /* path exists already, with the right checksum */
    FV_GET_START,  /* the file comes from `from`, to path, after the done bytes of an earlier try */
    FV_GET_BYTES,  /* done of total bytes have arrived; total 0: the server does not say */
    FV_GET_FAILED, /* the address `from` is given up, for the reason why; the next one is tried */
    FV_GET_DONE,   /* path is whole, with the right checksum; done: its bytes */
    FV_GET_UNPACK  /* the archive `from` is unpacked, to the folder path */
} fv_get_event;

typedef struct fv_get_news {
    fv_get_event event;
    const char *from, *path, *why; /* NULL where the event does not need them */
    int64_t done, total;
} fv_get_news;

/* fv_get(ctx, "mnist", "data", .progress = show), as torchvision's download=True.
   Puts the files of a data set where torchvision looks for them: in ROOT/MNIST/raw and likewise
   FashionMNIST, KMNIST, QMNIST, EMNIST; in ROOT/cifar-10-batches-bin and ROOT/cifar-100-binary,
   which are unpacked from the .tar.gz in ROOT. A .gz stays one: Fovea reads it as it is. Each file
   has several addresses and pinned checksums, SHA-256 and torchvision's MD5, of MNIST and
   Fashion-MNIST also of what is in the .gz, and gets its name only when one of them is right; one
   that is there and right is not fetched again. An interrupted
   download is kept as NAME.part, and the next call continues it. emnist takes some
   700 MB of memory while it is unpacked, the others less than 350.
   FV_E_IO with all addresses and what each said; FV_E_NAME; FV_E_DATA for wrong files; FV_E_PATH
   for a folder `from` that lacks them; FV_E_DEVICE in a build without libcurl (except for `from`).
   The network is libcurl's: its own memory, and proxies as http_proxy, https_proxy and no_proxy
   say. No other function of Fovea uses a network. */
typedef struct fv_get_args {
    fv_ctx *ctx;
    const char *name;    /* mnist, fashion-mnist, kmnist, qmnist, emnist, cifar10, cifar100 */
    const char *root;    /* as torchvision's root; made if it is not there */
    const char *mirrors; /* addresses of folders to try first, separated by spaces; http, https */
    bool only_mirrors;   /* no other address */
    const char *from;    /* a folder that has the files: they are copied, no network is used */
    int timeout;         /* seconds for a connection, and under 1000 bytes a second; default 30 */
    int (*progress)(void *user, const fv_get_news *news); /* not 0: stop; may be NULL */
    void *user;
    int _end;
} fv_get_args;
#define fv_get(...) fv_get_opt((fv_get_args){__VA_ARGS__, ._end = 0})
FV_API fv_status fv_get_opt(fv_get_args args);

/* ------------------------------------------------------------------------------------------- */
/* 3  Loader: batches, epoch by epoch                                                          */
/* ------------------------------------------------------------------------------------------- */

typedef struct fv_batch {
    int n;                       /* images in this batch; the last one of an epoch may be short */
    int channels, height, width; /* of each image */
    fv_type type;                /* FV_U8 (0..255) or FV_F32 */
    const void *pixels;          /* [n,C,H,W] */
    const int64_t *labels;       /* [n]; NULL where there are none */
    const int64_t *indices;      /* [n] sample numbers in the data set; may be NULL */
    int64_t index;               /* number of this batch in its epoch, from 0 */
} fv_batch;

/* fv_loader_new(set, .batch_size = 64, .shuffle = true), as torch.utils.data.DataLoader.
   The start of an epoch draws from the context's random numbers exactly as PyTorch does. The random
   numbers of the transform depend on that draw, on the sample and on its position in the epoch.
   The batches are the same for any number of workers. Workers are not used where they do not help:
   for images in memory without a transform, and, with a note, for a set of your own functions that
   is not thread_safe.
   The first picture gives the batches their shape; another shape later: FV_E_SHAPE with its sample.
   The cache keeps decoded pictures of files or of your functions from the first epoch on, up to its
   size. The set, the transform and the sampler must live as long as the loader. */
typedef struct fv_loader_args {
    fv_dataset *set;
    int batch_size;  /* default 1 */
    bool shuffle;    /* a new order every epoch, the same as PyTorch's for the same seed */
    bool drop_last;  /* leave out the last batch if it is short */
    int num_workers; /* threads that prepare samples; default 0: the calling thread */
    int prefetch;    /* batches ahead per worker, PyTorch's prefetch_factor; default 2 */
    const fv_transform *transform; /* applied to each picture */
    const fv_sampler *sampler;     /* draws the order, in place of shuffle */
    size_t cache; /* bytes for pictures as they were read, before the transform; default: none */
    int _end;
} fv_loader_args;
#define fv_loader_new(...) fv_loader_new_opt((fv_loader_args){__VA_ARGS__, ._end = 0})
FV_API fv_loader *fv_loader_new_opt(fv_loader_args args);
FV_API void fv_loader_free(fv_loader *loader);

/* Puts the next batch into *batch and returns true. Returns false at the end of the epoch (the next
   call starts another one) or after an error, which is reported at the batch of its sample. The
   batch belongs to the loader and is valid until the next call. */
FV_API bool fv_loader_next(fv_loader *loader, fv_batch *batch);

/* Ends the epoch early: the next fv_loader_next starts a new one. Waits for the samples that the
   workers have begun, as fv_loader_free does. */
FV_API void fv_loader_rewind(fv_loader *loader);

/* Returns the number of batches in an epoch, as len(loader). */
FV_API int64_t fv_loader_len(const fv_loader *loader);

/* fv_weighted_sampler(ctx, weights, n, num_samples)     for .sampler of a loader of n samples: each
   epoch draws num_samples of them with probabilities in proportion to the weights, by the context's
   random numbers, as PyTorch draws them. A weight below 0, or all 0: FV_E_ARG. Belongs to the
   context. torch.utils.data.WeightedRandomSampler. */
typedef struct fv_weighted_sampler_args {
    fv_ctx *ctx;
    const double *weights; /* [n] relative frequencies of the samples; copied */
    int64_t n;
    int64_t num_samples; /* of an epoch; default n */
    bool no_replacement; /* no sample twice in an epoch */
    int _end;
} fv_weighted_sampler_args;
#define fv_weighted_sampler(...)                                                                   \
    fv_weighted_sampler_opt((fv_weighted_sampler_args){__VA_ARGS__, ._end = 0})
FV_API fv_sampler *fv_weighted_sampler_opt(fv_weighted_sampler_args args);
FV_API void fv_sampler_free(fv_sampler *sampler);

/* Weights[len] with which all classes of the set are drawn equally often: 1 over the samples of the
   sample's class. Reads every label. */
FV_API fv_status fv_class_weights(fv_dataset *set, double *weights);

/* Views of data sets, which must live as long as the view does; names of classes and files of
   samples are theirs.
     fv_subset(set, indices, n)   the n samples of these numbers, in this order; a number outside
                                  0..len-1: FV_E_ARG                      torch.utils.data.Subset
     fv_dataset_concat(sets, n)   all samples of n sets of one type and shape (FV_E_SHAPE), one set
                                  after the other                  torch.utils.data.ConcatDataset */
FV_API fv_dataset *fv_subset(fv_dataset *set, const int64_t *indices, int64_t n);
FV_API fv_dataset *fv_dataset_concat(fv_dataset *const *sets, int n);

/* ---- splits: a number for every sample ------------------------------------------------------ */

/* fv_split_holdout(set, 0.1, folds, .seed = 1)     holds out fraction * len samples, and within one
   sample the same fraction of each class. A class that one part lacks is noted. With .groups both
   figures are as near as the groups allow. A part without samples: FV_E_DATA. */
typedef struct fv_holdout_args {
    fv_dataset *set;
    double fraction;       /* of the samples that are held out, between 0 and 1 */
    int *folds;            /* [len] becomes 1 for what is held out, 0 for the rest */
    uint64_t seed;         /* of the choice; the context's random numbers are left alone */
    bool no_stratify;      /* do not look at the classes */
    const int64_t *groups; /* [len] samples with the same number stay together; NULL: none do */
    int _end;
} fv_holdout_args;
#define fv_split_holdout(...) fv_split_holdout_opt((fv_holdout_args){__VA_ARGS__, ._end = 0})
FV_API fv_status fv_split_holdout_opt(fv_holdout_args args);

/* fv_split_folds(set, 5, folds, .seed = 1)     for cross-validation: folds of the same size within
   one sample, each class spread over them within one sample. With .groups as even as the groups
   allow, by putting the largest first. A class of fewer than k samples, or fewer than k groups:
   FV_E_DATA. */
typedef struct fv_folds_args {
    fv_dataset *set;
    int k;         /* folds, at least 2 */
    int *folds;    /* [len] becomes 0 to k-1 */
    uint64_t seed; /* these three as for fv_split_holdout */
    bool no_stratify;
    const int64_t *groups;
    int _end;
} fv_folds_args;
#define fv_split_folds(...) fv_split_folds_opt((fv_folds_args){__VA_ARGS__, ._end = 0})
FV_API fv_status fv_split_folds_opt(fv_folds_args args);

/* fv_split_content(set, (double[]){0.1, 0.1}, 2, folds)     by a hash of what each sample's file
   contains, or of its pixels where it has no file. A sample stays in its part when others are added
   or files renamed, copies of one content share a part, and which samples are in a part does not
   depend on the shares of later ones. So the shares are approximate; but a class of 3 or more
   different contents has some in part 1 and some outside of it, and so for each later part while 2
   are left of it. The key of a sample is
   SHA-256("HASH:SEED") of the SHA-256 of its content; part p takes what has the p-th 16 digits of
   the key, as a fraction, below its share of what earlier parts have left. Reads every file. Too
   few contents for a part: FV_E_DATA. */
typedef struct fv_content_args {
    fv_dataset *set;
    const double *shares; /* [n_shares] of parts 1, 2, ...; the rest of the samples is part 0 */
    int n_shares;         /* 1 to 4 */
    int *folds;           /* [len] becomes the part of each sample */
    uint64_t seed;
    int _end;
} fv_content_args;
#define fv_split_content(...) fv_split_content_opt((fv_content_args){__VA_ARGS__, ._end = 0})
FV_API fv_status fv_split_content_opt(fv_content_args args);

/* The samples whose number is fold, and all the others, as views:
     fv_dataset *train = fv_subset_rest(set, folds, 0), *valid = fv_subset_fold(set, folds, 0); */
FV_API fv_dataset *fv_subset_fold(fv_dataset *set, const int *folds, int fold);
FV_API fv_dataset *fv_subset_rest(fv_dataset *set, const int *folds, int fold);

/* A split as a file of lines "index,label,fold" under that header. Read, every sample must be there
   once with the label it has in the set; otherwise FV_E_DATA with the line, and folds[len] stay as
   they were. */
FV_API fv_status fv_folds_write(fv_dataset *set, const int *folds, const char *path);
FV_API fv_status fv_folds_read(fv_dataset *set, const char *path, int *folds);

/* Finds samples with the same pixels: first[len] takes for each sample the number of the first one
   with its picture, its own if there is none before; *count (may be NULL) those that repeat one. As
   .groups of a split, first keeps duplicates together; of fv_dataset_concat it tells what two sets
   both have. Reads every sample; one that cannot be read: FV_E_DATA. fv_dataset_inspect tells
   more. */
FV_API fv_status fv_find_duplicates(fv_dataset *set, int64_t *first, int64_t *count);

/* ---- statistics ----------------------------------------------------------------------------- */

#define FV_CHANNELS_MAX 4 /* of an input with .mean and .std, and of statistics */

typedef struct fv_channel_stats {
    double mean, std, min, max; /* std divides by one less than pixels, as torch.std */
    int64_t histogram[256];     /* of uint8 pixels, how many have each value */
} fv_channel_stats;

typedef struct fv_stats {
    int64_t samples, pixels; /* pixels of all samples, in each channel */
    int channels;
    fv_channel_stats channel[FV_CHANNELS_MAX]; /* [channels] */
    int min_height, max_height, min_width, max_width;
} fv_stats;

/* Reads every sample once. Mean, std, min and max are of pixels as a net sees them before it
   normalises: uint8 as v/255, float32 as they are. Samples by class: fv_dataset_check.
   No samples, or more than FV_CHANNELS_MAX channels: FV_E_DATA. */
FV_API fv_status fv_dataset_stats(fv_dataset *set, fv_stats *stats);

/* ------------------------------------------------------------------------------------------- */
/* 4  Network: layers by expression                                                            */
/* ------------------------------------------------------------------------------------------- */

/* The output of a layer, by value. A failed one may go into every layer function. */
typedef struct fv_node {
    fv_graph *graph;
    int index;
} fv_node;

/* Where PyTorch takes an int or a pair: 2 is (2, 2), FV_HW(2, 1) is 2 rows by 1 column. Each side
   is at most 32767. */
#define FV_HW(h, w) (0x40000000 | (h) << 15 | (w))

/* For .padding of fv_conv2d: as much as keeps the size (stride 1), as PyTorch's padding='same'. */
#define FV_SAME (-1)

/* fv_input(ctx, 1, 28, 28, .mean = {0.1307f}, .std = {0.3081f})   -> [N,C,H,W]
   Starts a network, or gives one a further input. A uint8 pixel v becomes v/255, as ToTensor, then
   (v/255 - mean) / std, as Normalize, rounded to float after each operation. float32 pixels are
   only normalised. */
typedef struct fv_input_args {
    fv_ctx *ctx;
    int channels, height, width;
    float mean[FV_CHANNELS_MAX]; /* per channel, of pixels in 0..1 */
    float std[FV_CHANNELS_MAX];  /* all 0: no normalising */
    bool requires_grad;          /* backward also makes fv_input_gradient */
    fv_node beside;              /* another input of the network that this node is of */
    const char *name;            /* default "input" */
    int _end;
} fv_input_args;
#define fv_input(...) fv_input_opt((fv_input_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_input_opt(fv_input_args args);

/* Names of the layers made from here on start with "name."; scopes nest. Names of layers and scopes
   have no blanks and none of ; = # so that a text can hold them. Each begin has its end.
     x = fv_scope_begin(x, "convnet");
     x = fv_conv2d(x, 6, 5, .name = "C1");       parameters convnet.C1.weight, convnet.C1.bias
     x = fv_scope_end(x); */
FV_API fv_node fv_scope_begin(fv_node x, const char *name);
FV_API fv_node fv_scope_end(fv_node x);

/* How pixels outside the picture are filled: with zeros or a constant, by reflection without
   repeating the edge, by repeating the edge, or by wrapping around. */
typedef enum fv_padding_mode {
    FV_PADDING_ZEROS,
    FV_PADDING_REFLECT, /* less than the picture's size */
    FV_PADDING_REPLICATE,
    FV_PADDING_CIRCULAR /* at most the picture's size */
} fv_padding_mode;

/* fv_conv2d(x, out_channels, kernel_size, ...)     [N,C,H,W] -> [N,O,P,Q]
     y[n,o,p,q] = bias[o] + sum over c,r,s of
                  weight[o,c,r,s] * x[n, c, p*stride - padding + r*dilation, likewise q and s]
     P = (H + 2*padding - dilation*(R-1) - 1) / stride + 1, rounded down; likewise Q
   padding_mode fills x outside the picture.
   weight [O, C/groups, R, S], bias [O]; both start uniform in +-1/sqrt(C/groups*R*S).
   torch.nn.Conv2d(C, O, R) is fv_conv2d(x, O, R): x has the C channels. fv_conv2d(x, C, O, R) would
   be C outputs, a kernel of O and a stride of R: a stride that looks like this mistake logs a
   warning, and the next shape error mentions it. */
typedef struct fv_conv2d_args {
    fv_node x;
    int out_channels;
    int kernel_size; /* int or FV_HW */
    int stride;      /* int or FV_HW; default 1 */
    int padding;     /* int, FV_HW or FV_SAME; default 0 */
    int dilation;    /* int or FV_HW; default 1 */
    int groups;      /* default 1 */
    bool no_bias;
    fv_padding_mode padding_mode; /* default FV_PADDING_ZEROS */
    int in_channels;              /* default: as many as x has; given, it is checked */
    const char *name;             /* default: conv2d1, conv2d2, ... */
    int _end;
} fv_conv2d_args;
#define fv_conv2d(...) fv_conv2d_opt((fv_conv2d_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_conv2d_opt(fv_conv2d_args args);

/* fv_conv_transpose2d(x, out_channels, kernel_size, ...)     [N,C,H,W] -> [N,O,P,Q]
     y[n,o,p,q] = bias[o] + sum over c,h,w,r,s with p = h*stride - padding + r*dilation, likewise q,
                  of weight[c,o,r,s] * x[n,c,h,w]
     P = (H-1)*stride - 2*padding + dilation*(R-1) + output_padding + 1; likewise Q
   weight [C, O/groups, R, S], bias [O]; both start uniform in +-1/sqrt(O/groups*R*S).
   torch.nn.ConvTranspose2d. */
typedef struct fv_conv_transpose2d_args {
    fv_node x;
    int out_channels;
    int kernel_size;    /* int or FV_HW */
    int stride;         /* int or FV_HW; default 1 */
    int padding;        /* int or FV_HW; removed from each side of the output; default 0 */
    int output_padding; /* int or FV_HW; added below and to the right, less than stride or
                           dilation; default 0 */
    int dilation;       /* int or FV_HW; default 1 */
    int groups;         /* default 1 */
    bool no_bias;
    int in_channels; /* default: as many as x has; given, it is checked */
    const char *name;
    int _end;
} fv_conv_transpose2d_args;
#define fv_conv_transpose2d(...)                                                                   \
    fv_conv_transpose2d_opt((fv_conv_transpose2d_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_conv_transpose2d_opt(fv_conv_transpose2d_args args);

/* fv_max_pool2d(x, kernel_size, ...)     [N,C,H,W] -> [N,C,P,Q]
   The maximum of each window. The gradient goes to the argmax, the first of equal values; NaN is
   larger than all numbers, and the last of several NaN is the argmax. torch.nn.MaxPool2d. */
typedef struct fv_max_pool2d_args {
    fv_node x;
    int kernel_size; /* int or FV_HW */
    int stride;      /* int or FV_HW; default kernel_size */
    int padding;     /* int or FV_HW; of minus infinity; at most kernel_size/2; default 0 */
    int dilation;    /* int or FV_HW; default 1 */
    bool ceil_mode;  /* round the output size up; a window never starts in the far padding */
    const char *name;
    int _end;
} fv_max_pool2d_args;
#define fv_max_pool2d(...) fv_max_pool2d_opt((fv_max_pool2d_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_max_pool2d_opt(fv_max_pool2d_args args);

/* fv_max_pool2d_indices(x, kernel_size, ...)     [N,C,H,W] -> [N,C,P,Q]
   The position h*W + w of the maximum of each window, as float, for planes of up to 2^24 pixels. It
   is an input of fv_max_unpool2d or an output of the net; it has no gradient.
   torch.nn.MaxPool2d(return_indices=True). */
#define fv_max_pool2d_indices(...)                                                                 \
    fv_max_pool2d_indices_opt((fv_max_pool2d_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_max_pool2d_indices_opt(fv_max_pool2d_args args);

/* fv_max_unpool2d(x, indices, kernel_size, ...)     [N,C,H,W] -> [N,C,P,Q]
   Writes each value of x to the position of its index, the last one where indices are equal; 0
   elsewhere. Values whose index is not in 0..P*Q-1 are ignored. torch.nn.MaxUnpool2d.
     fv_node r = fv_relu(x), p = fv_max_pool2d(r, 2), i = fv_max_pool2d_indices(r, 2);
     y = fv_max_unpool2d(p, i, 2); */
typedef struct fv_max_unpool2d_args {
    fv_node x;
    fv_node indices; /* of x's shape: fv_max_pool2d_indices of the input of the pooling */
    int kernel_size; /* int or FV_HW; this and the next two as in the pooling */
    int stride;      /* int or FV_HW; default kernel_size */
    int padding;     /* int or FV_HW; default 0 */
    int output_size; /* int or FV_HW; default (H-1)*stride - 2*padding + kernel_size; it differs
                        from that by less than a stride */
    const char *name;
    int _end;
} fv_max_unpool2d_args;
#define fv_max_unpool2d(...) fv_max_unpool2d_opt((fv_max_unpool2d_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_max_unpool2d_opt(fv_max_unpool2d_args args);

/* fv_avg_pool2d(x, kernel_size, ...)     [N,C,H,W] -> [N,C,P,Q]
   The mean of each window. torch.nn.AvgPool2d. */
typedef struct fv_avg_pool2d_args {
    fv_node x;
    int kernel_size;      /* int or FV_HW */
    int stride;           /* int or FV_HW; default kernel_size */
    int padding;          /* int or FV_HW; of zeros; at most kernel_size/2; default 0 */
    bool ceil_mode;       /* round the output size up; a window never starts in the far padding */
    bool exclude_pad;     /* padding is not counted: torch's count_include_pad=False */
    int divisor_override; /* divides the sum of a window; default: its number of pixels */
    const char *name;
    int _end;
} fv_avg_pool2d_args;
#define fv_avg_pool2d(...) fv_avg_pool2d_opt((fv_avg_pool2d_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_avg_pool2d_opt(fv_avg_pool2d_args args);

/* fv_adaptive_avg_pool2d(x, output_size)     [N,C,H,W] -> [N,C,P,Q]
   The mean, or the largest value as in fv_max_pool2d, of rows p*H/P rounded down to (p+1)*H/P
   rounded up, likewise columns. Output size 1 is global pooling.
     fv_adaptive_avg_pool2d(x, output_size)     torch.nn.AdaptiveAvgPool2d
     fv_adaptive_max_pool2d(x, output_size)     torch.nn.AdaptiveMaxPool2d */
typedef struct fv_adaptive_pool2d_args {
    fv_node x;
    int output_size; /* int or FV_HW; a 0 in FV_HW(0, 5) keeps the size: torch's None */
    const char *name;
    int _end;
} fv_adaptive_pool2d_args;
#define fv_adaptive_avg_pool2d(...)                                                                \
    fv_adaptive_avg_pool2d_opt((fv_adaptive_pool2d_args){__VA_ARGS__, ._end = 0})
#define fv_adaptive_max_pool2d(...)                                                                \
    fv_adaptive_max_pool2d_opt((fv_adaptive_pool2d_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_adaptive_avg_pool2d_opt(fv_adaptive_pool2d_args args);
FV_API fv_node fv_adaptive_max_pool2d_opt(fv_adaptive_pool2d_args args);

typedef enum fv_upsample_mode { FV_UPSAMPLE_NEAREST, FV_UPSAMPLE_BILINEAR } fv_upsample_mode;

/* fv_upsample(x, scale_factor, ...)     [N,C,H,W] -> [N,C,P,Q], larger or smaller
     P = H * scale_factor rounded down, scale = 1 / scale_factor; or P = size, scale = H / size
     nearest    y[p] = x[p * scale rounded down]
     bilinear   between the two next to max(0, (p + 0.5) * scale - 0.5), and with align_corners to
                p * (H-1) / (P-1); likewise columns
   torch.nn.Upsample, torch.nn.functional.interpolate. */
typedef struct fv_upsample_args {
    fv_node x;
    double scale_factor;   /* this or size */
    double scale_factor_w; /* of the columns; default scale_factor */
    int size;              /* int or FV_HW: the output's rows and columns */
    fv_upsample_mode mode; /* default FV_UPSAMPLE_NEAREST */
    bool align_corners;    /* bilinear: the middles of the corner pixels lie on each other */
    const char *name;
    int _end;
} fv_upsample_args;
#define fv_upsample(...) fv_upsample_opt((fv_upsample_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_upsample_opt(fv_upsample_args args);

/* fv_pad2d(x, left, right, top, bottom, ...)     [N,C,H,W] -> [N,C,H+top+bottom,W+left+right]
   torch.nn.functional.pad; torch.nn.ZeroPad2d, ConstantPad2d, ReflectionPad2d, ReplicationPad2d. */
typedef struct fv_pad2d_args {
    fv_node x;
    int left, right, top, bottom; /* columns and rows to add; negative numbers crop, only in mode
                                     FV_PADDING_ZEROS */
    fv_padding_mode mode;         /* default FV_PADDING_ZEROS; in a text "constant" */
    double value;                 /* in place of the zeros */
    const char *name;
    int _end;
} fv_pad2d_args;
#define fv_pad2d(...) fv_pad2d_opt((fv_pad2d_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_pad2d_opt(fv_pad2d_args args);

/* fv_linear(x, out_features, ...)     [N,K] -> [N,O]
     y[n,o] = bias[o] + sum over k of weight[o,k] * x[n,k]
   weight [O,K], bias [O]; both start uniform in +-1/sqrt(K). torch.nn.Linear.
   x must be flat: [N,K,1,1], as fv_flatten makes it. */
typedef struct fv_linear_args {
    fv_node x;
    int out_features;
    bool no_bias;
    int in_features; /* default: as many as x has; given, it is checked */
    const char *name;
    int _end;
} fv_linear_args;
#define fv_linear(...) fv_linear_opt((fv_linear_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_linear_opt(fv_linear_args args);

/* fv_relu(x)          y = max(x, 0), any shape; NaN stays NaN. torch.nn.ReLU. */
typedef struct fv_unary_args {
    fv_node x;
    const char *name;
    int _end;
} fv_unary_args;
#define fv_relu(...) fv_relu_opt((fv_unary_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_relu_opt(fv_unary_args args);

/* fv_flatten(x)       [N,C,H,W] -> [N,C*H*W,1,1], channel by channel. torch.nn.Flatten. */
#define fv_flatten(...) fv_flatten_opt((fv_unary_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_flatten_opt(fv_unary_args args);

typedef struct fv_leaky_relu_args {
    fv_node x;
    double negative_slope; /* > 0; default 0.01 */
    const char *name;
    int _end;
} fv_leaky_relu_args;

typedef struct fv_elu_args {
    fv_node x;
    double alpha; /* > 0; default 1 */
    const char *name;
    int _end;
} fv_elu_args;

typedef struct fv_softplus_args {
    fv_node x;
    double beta;      /* > 0; default 1 */
    double threshold; /* > 0; default 20 */
    const char *name;
    int _end;
} fv_softplus_args;

typedef enum fv_approximate { FV_APPROXIMATE_NONE, FV_APPROXIMATE_TANH } fv_approximate;

/* Activations, elementwise, any shape; NaN stays NaN.
     fv_leaky_relu(x, negative_slope)   x, below 0 negative_slope * x     torch.nn.LeakyReLU
     fv_relu6(x)         min(max(x, 0), 6)                                torch.nn.ReLU6
     fv_sigmoid(x)       1 / (1 + exp(-x))                                torch.nn.Sigmoid
     fv_tanh(x)          tanh(x)                                          torch.nn.Tanh
     fv_gelu(x)          x * (1 + erf(x / sqrt(2))) / 2, or with FV_APPROXIMATE_TANH
                         x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2    torch.nn.GELU
     fv_silu(x)          x * sigmoid(x)                                   torch.nn.SiLU
     fv_hardswish(x)     x * min(max(x + 3, 0), 6) / 6                    torch.nn.Hardswish
     fv_hardsigmoid(x)   min(max(x + 3, 0), 6) / 6                        torch.nn.Hardsigmoid
     fv_elu(x, alpha)    x, below 0 alpha * (exp(x) - 1)                  torch.nn.ELU
     fv_softplus(x, beta, threshold)    log(1 + exp(beta * x)) / beta, where beta * x > threshold
                         x itself                                         torch.nn.Softplus
     fv_mish(x)          x * tanh(log(1 + exp(x)))                        torch.nn.Mish */
typedef struct fv_gelu_args {
    fv_node x;
    fv_approximate approximate; /* default FV_APPROXIMATE_NONE */
    const char *name;
    int _end;
} fv_gelu_args;
#define fv_leaky_relu(...)  fv_leaky_relu_opt((fv_leaky_relu_args){__VA_ARGS__, ._end = 0})
#define fv_relu6(...)       fv_relu6_opt((fv_unary_args){__VA_ARGS__, ._end = 0})
#define fv_sigmoid(...)     fv_sigmoid_opt((fv_unary_args){__VA_ARGS__, ._end = 0})
#define fv_tanh(...)        fv_tanh_opt((fv_unary_args){__VA_ARGS__, ._end = 0})
#define fv_gelu(...)        fv_gelu_opt((fv_gelu_args){__VA_ARGS__, ._end = 0})
#define fv_silu(...)        fv_silu_opt((fv_unary_args){__VA_ARGS__, ._end = 0})
#define fv_hardswish(...)   fv_hardswish_opt((fv_unary_args){__VA_ARGS__, ._end = 0})
#define fv_hardsigmoid(...) fv_hardsigmoid_opt((fv_unary_args){__VA_ARGS__, ._end = 0})
#define fv_elu(...)         fv_elu_opt((fv_elu_args){__VA_ARGS__, ._end = 0})
#define fv_softplus(...)    fv_softplus_opt((fv_softplus_args){__VA_ARGS__, ._end = 0})
#define fv_mish(...)        fv_mish_opt((fv_unary_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_leaky_relu_opt(fv_leaky_relu_args args);
FV_API fv_node fv_relu6_opt(fv_unary_args args);
FV_API fv_node fv_sigmoid_opt(fv_unary_args args);
FV_API fv_node fv_tanh_opt(fv_unary_args args);
FV_API fv_node fv_gelu_opt(fv_gelu_args args);
FV_API fv_node fv_silu_opt(fv_unary_args args);
FV_API fv_node fv_hardswish_opt(fv_unary_args args);
FV_API fv_node fv_hardsigmoid_opt(fv_unary_args args);
FV_API fv_node fv_elu_opt(fv_elu_args args);
FV_API fv_node fv_softplus_opt(fv_softplus_args args);
FV_API fv_node fv_mish_opt(fv_unary_args args);

/* Along one dimension, any shape:
     fv_softmax(x, dim)       y = exp(x - max) / (sum of exp(x - max))      torch.nn.Softmax
     fv_log_softmax(x, dim)   y = x - max - log(sum of exp(x - max))        torch.nn.LogSoftmax */
typedef struct fv_dim_args {
    fv_node x;
    int dim; /* 1 to 3 of [N,C,H,W]; default 1, the channels */
    const char *name;
    int _end;
} fv_dim_args;
#define fv_softmax(...)     fv_softmax_opt((fv_dim_args){__VA_ARGS__, ._end = 0})
#define fv_log_softmax(...) fv_log_softmax_opt((fv_dim_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_softmax_opt(fv_dim_args args);
FV_API fv_node fv_log_softmax_opt(fv_dim_args args);

/* fv_batch_norm2d(x, ...)     any shape, for each channel c:
     y = (x - mean[c]) / sqrt(var[c] + eps) * weight[c] + bias[c]
   mean and var are over batch, rows and columns in train mode (var divided by their number), and
   the running ones in eval mode: after each batch
     running = (1 - momentum) * running + momentum * batch's    (variances divided by number - 1)
   weight [C] starts as 1, bias [C] as 0; running_mean [C] 0, running_var [C] 1 and
   num_batches_tracked 0 are saved with the parameters. torch.nn.BatchNorm2d. */
typedef struct fv_batch_norm2d_args {
    fv_node x;
    double eps;      /* default 1e-5 */
    double momentum; /* in (0,1]; default 0.1 */
    bool cumulative; /* running means are plain averages: torch's momentum=None */
    bool no_affine;
    bool no_track_running_stats; /* use the statistics of the batch in eval mode too */
    int num_features;            /* default: as many as x has; given, it is checked */
    const char *name;
    int _end;
} fv_batch_norm2d_args;
#define fv_batch_norm2d(...) fv_batch_norm2d_opt((fv_batch_norm2d_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_batch_norm2d_opt(fv_batch_norm2d_args args);

/* fv_group_norm(x, num_groups, ...)     any shape, for each image and group of channels:
     y = (x - mean) / sqrt(var + eps) * weight[c] + bias[c]
   mean and var (divided by their number) are over the channels of the group, rows and columns, in
   train and in eval mode. weight [C] starts as 1, bias [C] as 0. torch.nn.GroupNorm. */
typedef struct fv_group_norm_args {
    fv_node x;
    int num_groups;   /* divides the channels of x */
    int num_channels; /* default: as many as x has; given, it is checked */
    double eps;       /* default 1e-5 */
    bool no_affine;
    const char *name;
    int _end;
} fv_group_norm_args;
#define fv_group_norm(...) fv_group_norm_opt((fv_group_norm_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_group_norm_opt(fv_group_norm_args args);

/* fv_instance_norm2d(x, ...)     any shape, for each image and channel c:
     y = (x - mean) / sqrt(var + eps) * weight[c] + bias[c]
   mean and var (divided by their number) are over rows and columns. With track_running_stats eval
   mode takes the running ones: after each batch in train mode
     running = (1 - momentum) * running + momentum * mean over the images   (of variances divided by
   number - 1). weight [C] starts as 1, bias [C] as 0; running_mean [C] 0, running_var [C] 1 and
   num_batches_tracked, which stays 0 as in PyTorch, are saved with the parameters.
   torch.nn.InstanceNorm2d. */
typedef struct fv_instance_norm2d_args {
    fv_node x;
    double eps;               /* default 1e-5 */
    double momentum;          /* of the running statistics, in (0,1]; default 0.1 */
    bool affine;              /* has weight and bias */
    bool track_running_stats; /* has running_mean and running_var, which eval mode uses */
    int num_features;         /* default: as many as x has; given, it is checked */
    const char *name;
    int _end;
} fv_instance_norm2d_args;
#define fv_instance_norm2d(...)                                                                    \
    fv_instance_norm2d_opt((fv_instance_norm2d_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_instance_norm2d_opt(fv_instance_norm2d_args args);

/* fv_layer_norm(x, ...)     any shape, for each image:
     y = (x - mean) / sqrt(var + eps) * weight + bias
   mean and var (divided by their number) are over the last dims of [C,H,W], whose shape is
   PyTorch's normalized_shape: [C,H,W], [H,W] or [W]. weight and bias have that shape and start as 1
   and 0.
   Over the channels alone: fv_permute(x, 2, 3, 1), dims 1, and back by fv_permute(x, 3, 1, 2).
   torch.nn.LayerNorm; no_affine is its elementwise_affine=False. */
typedef struct fv_layer_norm_args {
    fv_node x;
    int dims;   /* the last so many, 1 to 3; default 3: normalized_shape is [C,H,W] */
    double eps; /* default 1e-5 */
    bool no_affine;
    const char *name;
    int _end;
} fv_layer_norm_args;
#define fv_layer_norm(...) fv_layer_norm_opt((fv_layer_norm_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_layer_norm_opt(fv_layer_norm_args args);

/* fv_dropout(x, p)    any shape. In train mode each number becomes 0 with probability p, the others
   x / (1 - p); in eval mode y = x. fv_dropout2d drops whole channels of an image. The random
   choice depends on the context's seed, the step, the layer, the image and the element, not on
   threads.
     fv_dropout(x, p)      torch.nn.Dropout
     fv_dropout2d(x, p)    torch.nn.Dropout2d */
typedef struct fv_dropout_args {
    fv_node x;
    double p; /* in [0,1); default 0.5 */
    const char *name;
    int _end;
} fv_dropout_args;
#define fv_dropout(...)   fv_dropout_opt((fv_dropout_args){__VA_ARGS__, ._end = 0})
#define fv_dropout2d(...) fv_dropout2d_opt((fv_dropout_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_dropout_opt(fv_dropout_args args);
FV_API fv_node fv_dropout2d_opt(fv_dropout_args args);

/* fv_add(x, y)        the sum of two tensors of one shape, as in a residual block. torch.add. */
typedef struct fv_binary_args {
    fv_node x, y;
    const char *name;
    int _end;
} fv_binary_args;
#define fv_add(...) fv_add_opt((fv_binary_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_add_opt(fv_binary_args args);

/* fv_mul(x, y)        the product, of the shape of x. y has that shape, or 1 channel, or 1 row
   and 1 column, or both, which are broadcast, as in squeeze-and-excitation. torch.mul. */
#define fv_mul(...) fv_mul_opt((fv_binary_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_mul_opt(fv_binary_args args);

typedef struct fv_concat_args {
    const fv_node *xs; /* FV_NODES(a, b, ...) sets xs and n */
    int n;             /* 2 to 8 */
    int dim;           /* 1 to 3 of [N,C,H,W]; default 1, the channels */
    const char *name;
    int _end;
} fv_concat_args;

/* fv_concat(FV_NODES(a, b, c), .dim = 1)     concatenates along a dimension; the other two
   dimensions must be equal. torch.cat. */
#define FV_NODES(...)                                                                              \
    (const fv_node[]){__VA_ARGS__}, (int)(sizeof((const fv_node[]){__VA_ARGS__}) / sizeof(fv_node))
#define fv_concat(...) fv_concat_opt((fv_concat_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_concat_opt(fv_concat_args args);

/* fv_slice(x, dim, start, end)     a part of x: Python's x[:, start:end:step], for dim 1. A range
   outside x is an error. torch.narrow. */
typedef struct fv_slice_args {
    fv_node x;
    int dim;   /* 1 to 3 of [N,C,H,W]; default 1, the channels */
    int start; /* below 0: from the end */
    int end;   /* exclusive; below 0: from the end; default: to the end */
    int step;  /* default 1 */
    const char *name;
    int _end;
} fv_slice_args;
#define fv_slice(...) fv_slice_opt((fv_slice_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_slice_opt(fv_slice_args args);

/* Other shapes for the same numbers of an image, which keep their order, that of [C,H,W]:
     fv_reshape(x, c, h, w)   [N,c,h,w]; one may be -1: inferred; default 1         torch.reshape
     fv_squeeze(x, dim)       without dimension dim, which must be of size 1: those behind it
                              move up, and the last becomes 1                       torch.squeeze
     fv_unsqueeze(x, dim)     with a dimension of size 1 before dim: those from there on move
                              back, and the last must be 1                          torch.unsqueeze
   dim is 1 (default) to 3. In text reshape is view too. */
typedef struct fv_shape_args {
    fv_node x;
    int c, h, w;
    const char *name;
    int _end;
} fv_shape_args;
#define fv_reshape(...)   fv_reshape_opt((fv_shape_args){__VA_ARGS__, ._end = 0})
#define fv_squeeze(...)   fv_squeeze_opt((fv_dim_args){__VA_ARGS__, ._end = 0})
#define fv_unsqueeze(...) fv_unsqueeze_opt((fv_dim_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_reshape_opt(fv_shape_args args);
FV_API fv_node fv_squeeze_opt(fv_dim_args args);
FV_API fv_node fv_unsqueeze_opt(fv_dim_args args);

/* fv_permute(x, c, h, w)     the dimensions in another order: those of x, 1 to 3, that become
   channels, rows and columns. fv_permute(x, 2, 3, 1) is torch.permute(x, (0, 2, 3, 1)). */
#define fv_permute(...) fv_permute_opt((fv_shape_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_permute_opt(fv_shape_args args);

/* fv_custom(x, .forward = f, .backward = df)     a layer of your own without parameters, image by
   image. Several threads call the functions at once, for different images in any order; they must
   only read user. The layer has no text: fv_text_of fails for its net.
   torch.autograd.Function. */
typedef struct fv_custom_args {
    fv_node x;
    /* y [out] = f(x [C,H,W]), and dx [C,H,W] = the gradient of x for dy [out]. Both write every
       number. */
    void (*forward)(void *user, const float *x, float *y);
    void (*backward)(void *user, const float *x, const float *y, const float *dy, float *dx);
    void *user;                  /* passed to both; must live as long as the net */
    int channels, height, width; /* of y; default: those of x */
    const char *name;
    int _end;
} fv_custom_args;
#define fv_custom(...) fv_custom_opt((fv_custom_args){__VA_ARGS__, ._end = 0})
FV_API fv_node fv_custom_opt(fv_custom_args args);

/* fv_again(layer, x)   applies a layer like that one to x, with the same parameters: gradients of
   both add up, and both update running means. The layer must have one input. A layer
   that leads to no output is not part of the net; its parameters are, where another shares them. */
FV_API fv_node fv_again(fv_node layer, fv_node x);

/* Layers as text, after x:
     "conv2d 6 5 padding=2 name=C1; relu; max_pool2d 2; flatten; linear classes"
   A statement is the name of a layer function without fv_, arguments in its order, the others as
   name=value; a bool by its name alone; a pair as 3x2. It ends with ; or the line; # begins a
   comment. The input of a layer is the output of the statement before it, or from=NAME; add and
   concat take that and the layers they name. The word classes stands for the caller's number of
   classes. Errors say which statement. conv, max_pool and batch_norm are short for their 2d. Here
   and in all other texts a number may be a fraction, 1/3, and a 0 that is written is 0, not the
   default. */
FV_API fv_node fv_layers(fv_node x, const char *text, int classes);

/* A whole network as text. Beside layers there are
     input CHANNELS HEIGHT WIDTH mean=0.49,0.48,0.45 std=0.2,0.2,0.2    first, or for more inputs
     again NAME       one more layer like NAME, with its parameters; from= and name= as for others
     output NAME...   the outputs of the net; default: the last layer */
FV_API fv_net *fv_net_text(fv_ctx *ctx, const char *text);

/* Returns the text of a net, on one line, from which fv_net_text makes the same net. It belongs to
   the net and is valid until the next call. NULL after an error. */
FV_API const char *fv_text_of(fv_net *net);

/* Makes the network whose output is x, with parameters drawn from the context's random numbers in
   the order in which the layers were written, bit for bit as PyTorch draws them. It starts in train
   mode. A graph makes one net; layers that do not lead to an output are left out. The net belongs
   to the context. */
FV_API fv_net *fv_net_new(fv_node x);

/* Makes a network with n outputs, 1 to FV_ENDS_MAX, of one graph. */
FV_API fv_net *fv_net_new_outputs(const fv_node *outputs, int n);
#define FV_ENDS_MAX 8 /* inputs and outputs of a net, at most */
FV_API void fv_net_free(fv_net *net);

typedef enum fv_init_kind {
    FV_INIT_KAIMING_UNIFORM,
    FV_INIT_KAIMING_NORMAL,
    FV_INIT_XAVIER_UNIFORM,
    FV_INIT_XAVIER_NORMAL,
    FV_INIT_ORTHOGONAL,
    FV_INIT_UNIFORM,
    FV_INIT_NORMAL,
    FV_INIT_CONSTANT,
} fv_init_kind;

/* The nonlinearity of kaiming's gain: sqrt(2 / (1 + a^2)), sqrt(2), 5/3, 3/4, 1. */
typedef enum fv_gain {
    FV_GAIN_LEAKY_RELU,
    FV_GAIN_RELU,
    FV_GAIN_TANH,
    FV_GAIN_SELU,
    FV_GAIN_LINEAR
} fv_gain;

/* Initialises parameters again, from the context's random numbers, in the order of the layers:
     fv_init(net, "*.weight", FV_INIT_KAIMING_NORMAL, .fan_out = true)
   torch.nn.init; uniform values are its bits, normal ones agree to about 1e-6. A pattern that
   matches no parameter: FV_E_NAME. Fans exist for weights [O,C,R,S] or [O,K]; for a bias:
   FV_E_SHAPE. */
typedef struct fv_init_args {
    fv_net *net;
    const char *pattern; /* names of parameters, * for anything; default "*.weight" */
    fv_init_kind kind;
    bool fan_out;         /* kaiming: preserves backward instead of forward */
    fv_gain nonlinearity; /* kaiming */
    double a;             /* kaiming: the slope of leaky_relu; default 0 */
    double gain;          /* xavier, orthogonal; default 1 */
    double low, high;     /* uniform; default 0, 1 */
    double mean, std;     /* normal; default 0, 1 */
    double value;         /* constant */
    int _end;
} fv_init_args;
#define fv_init(...) fv_init_opt((fv_init_args){__VA_ARGS__, ._end = 0})
FV_API fv_status fv_init_opt(fv_init_args args);

/* Makes a built-in network for images of this shape, normalised by mean and std, each [channels] or
   NULL:
     lenet5           the tutorial's: convnet.C1 ... fc.F7, log_softmax; 61,706 parameters
     lenet5-classic   of 1998: tanh, averages, C3 not fully connected; 28 x 28 or 32 x 32
     mnist-cnn        of pytorch/examples, for 28 x 28; log_softmax
     mlp              two hidden layers
     small            four convolutions with batch norm, for pictures of any size
     resnet9          for 32 x 32
     vgg11, resnet18, resnet50, mobilenet-v2     torchvision's, with its names and first values
   Or layers as text, as fv_layers has them. Unknown name: FV_E_NAME with the known ones. */
FV_API fv_net *fv_model(fv_ctx *ctx, const char *name, int channels, int height, int width,
                        int classes, const float *mean, const float *std);

/* Writes built-in network number index, from 0: its name, blanks, and a description. Returns the
   length of the text, as snprintf; 0 past the last one. */
FV_API int fv_model_list(int index, char *text, size_t size);

/* ------------------------------------------------------------------------------------------- */
/* 5  Forward, loss, backward                                                                  */
/* ------------------------------------------------------------------------------------------- */

/* Train mode keeps what backward needs; eval mode does not.
     fv_train_mode(net)   torch.nn.Module.train
     fv_eval_mode(net)    torch.nn.Module.eval */
FV_API fv_status fv_train_mode(fv_net *net);
FV_API fv_status fv_eval_mode(fv_net *net);

/* Runs the batch through the net. The first step at a batch size may allocate; a later one of
   that size or smaller does not. Shapes that differ from the net's input: FV_E_SHAPE. */
FV_API fv_status fv_forward(fv_net *net, const fv_batch *batch);

/* The same for a net of several inputs: n batches with the same number of images, in the order in
   which the inputs were written, including those that no layer reads. Only losses read labels. */
FV_API fv_status fv_forward_inputs(fv_net *net, const fv_batch *batches, int n);

/* Returns the output of the last fv_forward, [n,C,H,W] of fv_output_shape; valid until the next.
   NULL before the first. fv_output_at gives that of output `index`, fv_output the first. */
FV_API const float *fv_output(const fv_net *net);
FV_API const float *fv_output_at(const fv_net *net, int index);

/* Writes channels, height and width of the first output; pointers may be NULL. */
FV_API void fv_output_shape(const fv_net *net, int *channels, int *height, int *width);

/* The number 0 itself, where 0 in a number of a layer, loss, optimizer or schedule means another
   default:
     fv_adamw(net, .weight_decay = FV_ZERO) */
#define FV_ZERO (-2147483647 - 1)

/* Losses. Each compares an output of the last fv_forward with its target, returns one number and,
   in train mode, adds the gradient to those of the other losses since that forward. So
   several losses make a sum, for one fv_backward:
     float loss = fv_nll_loss(net, &batch) + fv_mse_loss(net, mask, .output = 1, .scale = 0.1);
   With FV_NONE, or in eval mode, there is no gradient.
   After a failure a loss returns NaN, sets the error and leaves all gradients as they were: no
   forward before (FV_E_STATE), an argument out of its range (FV_E_ARG), a label that is none of the
   classes (FV_E_CLASS), an output or an array that does not fit (FV_E_SHAPE). */
typedef enum fv_reduction {
    FV_MEAN, /* see each loss for what it is over */
    FV_SUM,
    FV_NONE,      /* the losses are in .losses; returns 0, and has no gradient */
    FV_BATCH_MEAN /* the sum divided by n */
} fv_reduction;

/* Arguments of all losses. */
#define FV_LOSS_FIELDS                                                                             \
    fv_reduction reduction; /* default FV_MEAN */                                                  \
    float *losses;          /* takes the loss of each row, or each element, if not NULL */         \
    double scale;           /* of the loss, the losses and the gradient; default 1 */              \
    int output;             /* of the net; default 0, the first */                                 \
    int _end;

/* Losses over K classes take an output [n,K] with labels [n], or [n,K,H,W] with labels [n,H,W]. The
   mean is over the labels that count, each with the weight of its class; where none does it is NaN,
   and the gradient 0. */

#define FV_CLASS_0 INT64_MIN /* for .ignore_index: class 0, as 0 stands for the default */

/* fv_nll_loss(net, &batch)     -weight[label] * y[label]
   y are log-probabilities, as of fv_log_softmax. If one is above 0.0001, a warning goes to the log,
   once for a net. torch.nn.NLLLoss. */
typedef struct fv_nll_loss_args {
    fv_net *net;
    const fv_batch *batch; /* of which only the labels are read */
    const int64_t *labels; /* in place of the batch's: [n] or [n,H,W] */
    const float *weight;   /* [n_weight], of each class; default 1 */
    int n_weight;          /* K */
    int64_t ignore_index;  /* labels of this number do not count; default -100 */
    FV_LOSS_FIELDS
} fv_nll_loss_args;
#define fv_nll_loss(...) fv_nll_loss_opt((fv_nll_loss_args){__VA_ARGS__, ._end = 0})
FV_API float fv_nll_loss_opt(fv_nll_loss_args args);

/* fv_cross_entropy_loss(net, &batch)     sum over the classes c of
     weight[c] * t[c] * -log_softmax(y)[c], t = (1-s) * (1 for the label, else 0) + s/K
   A class with t = 0 counts 0, even at y = -infinity. With .target, t[c] begins as that, nothing is
   ignored, and the mean is over the rows, whatever their weights. Of log-probabilities it is their
   NLL: log_softmax twice changes nothing. Of probabilities, as of a softmax, it trains badly: if
   the numbers of every row are at least 0 and have the sum 1, a warning goes to the log, once for a
   net. torch.nn.CrossEntropyLoss. */
typedef struct fv_cross_entropy_loss_args {
    fv_net *net;
    const fv_batch *batch;
    const int64_t *labels;
    const float *weight;
    int n_weight;
    int64_t ignore_index;
    double label_smoothing; /* s in [0,1): this much of the target probability is spread evenly
                               over all K classes */
    const float *target;    /* in place of labels: class probabilities, shaped as the output */
    FV_LOSS_FIELDS
} fv_cross_entropy_loss_args;
#define fv_cross_entropy_loss(...)                                                                 \
    fv_cross_entropy_loss_opt((fv_cross_entropy_loss_args){__VA_ARGS__, ._end = 0})
FV_API float fv_cross_entropy_loss_opt(fv_cross_entropy_loss_args args);

/* The other losses look at each element y of the output and t of the target, which has the output's
   shape [n,C,H,W]. The mean is over all elements. */

/* fv_mse_loss(net, target)    (y - t)^2.   torch.nn.MSELoss.
   fv_l1_loss(net, target)     |y - t|.     torch.nn.L1Loss. */
typedef struct fv_mse_loss_args {
    fv_net *net;
    const float *target;
    FV_LOSS_FIELDS
} fv_mse_loss_args;
#define fv_mse_loss(...) fv_mse_loss_opt((fv_mse_loss_args){__VA_ARGS__, ._end = 0})
#define fv_l1_loss(...)  fv_l1_loss_opt((fv_mse_loss_args){__VA_ARGS__, ._end = 0})
FV_API float fv_mse_loss_opt(fv_mse_loss_args args);
FV_API float fv_l1_loss_opt(fv_mse_loss_args args);

/* fv_smooth_l1_loss(net, target)     with d = |y - t|: d < beta ? d^2 / (2 beta) : d - beta/2
   torch.nn.SmoothL1Loss. */
typedef struct fv_smooth_l1_loss_args {
    fv_net *net;
    const float *target;
    double beta; /* > 0; default 1 */
    FV_LOSS_FIELDS
} fv_smooth_l1_loss_args;
#define fv_smooth_l1_loss(...)                                                                     \
    fv_smooth_l1_loss_opt((fv_smooth_l1_loss_args){__VA_ARGS__, ._end = 0})
FV_API float fv_smooth_l1_loss_opt(fv_smooth_l1_loss_args args);

/* fv_huber_loss(net, target)     with d = |y - t|: d <= delta ? d^2 / 2 : delta * (d - delta/2)
   torch.nn.HuberLoss. */
typedef struct fv_huber_loss_args {
    fv_net *net;
    const float *target;
    double delta; /* > 0; default 1 */
    FV_LOSS_FIELDS
} fv_huber_loss_args;
#define fv_huber_loss(...) fv_huber_loss_opt((fv_huber_loss_args){__VA_ARGS__, ._end = 0})
FV_API float fv_huber_loss_opt(fv_huber_loss_args args);

/* fv_bce_with_logits_loss(net, target)
     -weight * (pos_weight * t * log(sigmoid(y)) + (1-t) * log(1 - sigmoid(y)))
   torch.nn.BCEWithLogitsLoss. */
typedef struct fv_bce_with_logits_loss_args {
    fv_net *net;
    const float *target;     /* probabilities in [0,1] */
    const float *weight;     /* of each channel [C], or of each element; default 1 */
    int n_weight;            /* C, or n*C*H*W */
    const float *pos_weight; /* of the positive term; likewise */
    int n_pos_weight;
    FV_LOSS_FIELDS
} fv_bce_with_logits_loss_args;
#define fv_bce_with_logits_loss(...)                                                               \
    fv_bce_with_logits_loss_opt((fv_bce_with_logits_loss_args){__VA_ARGS__, ._end = 0})
FV_API float fv_bce_with_logits_loss_opt(fv_bce_with_logits_loss_args args);

/* fv_kl_div_loss(net, target)     t * (log t - y), 0 where t = 0; y are log-probabilities
   The divergence itself is that of .reduction = FV_BATCH_MEAN. torch.nn.KLDivLoss. */
typedef struct fv_kl_div_loss_args {
    fv_net *net;
    const float *target;
    bool log_target; /* the target is log t */
    FV_LOSS_FIELDS
} fv_kl_div_loss_args;
#define fv_kl_div_loss(...) fv_kl_div_loss_opt((fv_kl_div_loss_args){__VA_ARGS__, ._end = 0})
FV_API float fv_kl_div_loss_opt(fv_kl_div_loss_args args);

/* fv_focal_loss(net, target)     with p = sigmoid(y):
     -alpha * (1-p)^gamma * log(p) where t = 1, -(1-alpha) * p^gamma * log(1-p) where t = 0
   For one of K classes, t is 1 for the label and 0 for the others. torchvision's default reduction
   is none, this one's FV_MEAN as everywhere. torchvision.ops.sigmoid_focal_loss. */
typedef struct fv_focal_loss_args {
    fv_net *net;
    const float *target; /* 1 or 0 */
    double alpha;        /* weight of targets 1, at most 1; default 0.25; below 0: no weights */
    double gamma;        /* default 2; below 0: as 0, which is binary cross-entropy */
    FV_LOSS_FIELDS
} fv_focal_loss_args;
#define fv_focal_loss(...) fv_focal_loss_opt((fv_focal_loss_args){__VA_ARGS__, ._end = 0})
FV_API float fv_focal_loss_opt(fv_focal_loss_args args);

/* fv_loss_text(net, "cross_entropy label_smoothing=0.1", &batch)     a loss by its name
     nll, cross_entropy: ignore_index=; cross_entropy: label_smoothing=, and .target may be given
     mse, l1, smooth_l1 beta=, huber delta=, bce_with_logits, kl_div log_target, focal alpha= gamma=
   and reduction=mean, sum or batchmean of each. Errors of the text say what it may be. */
typedef struct fv_loss_text_args {
    fv_net *net;
    const char *text;
    const fv_batch *batch; /* of which only the labels are read */
    const int64_t *labels; /* in place of the batch's */
    const float *target;   /* in place of labels; as the output */
    int _end;
} fv_loss_text_args;
#define fv_loss_text(...) fv_loss_text_opt((fv_loss_text_args){__VA_ARGS__, ._end = 0})
FV_API float fv_loss_text_opt(fv_loss_text_args args);

/* Writes loss number index, as fv_loss_text takes it, with the defaults of its arguments and what
   its target may be. Returns the length of the text, as snprintf; 0 past the last one. */
FV_API int fv_loss_list(int index, char *text, size_t size);

/* A loss of your own: adds its gradient, [n,C,H,W] as the output, to those of the losses since the
   last fv_forward, which was in train mode (FV_E_STATE). _at: of output `index`, else the first. */
FV_API fv_status fv_output_gradient(fv_net *net, const float *gradient);
FV_API fv_status fv_output_gradient_at(fv_net *net, int index, const float *gradient);

/* Adds the gradients of the losses since the last fv_forward to the gradients of the parameters.
   May be called once for a forward; without a loss, or in eval mode: FV_E_STATE. */
FV_API fv_status fv_backward(fv_net *net);

/* Returns the gradient of the last fv_backward for the input as the first layer sees it
   (normalised), [n,C,H,W]; NULL unless the input was made with .requires_grad, or before the first
   backward. */
FV_API const float *fv_input_gradient(const fv_net *net);

/* Makes fv_backward compute fv_input_gradient, as if each input of the net had .requires_grad. The
   output of the last fv_forward becomes invalid. */
FV_API fv_status fv_input_requires_grad(fv_net *net);

/* Sets all gradients to 0. Until then they accumulate. */
FV_API fv_status fv_zero_grad(fv_net *net);

/* A parameter of the net under its name in PyTorch's state_dict. */
typedef struct fv_param {
    const char *name; /* "convnet.C1.weight" */
    int ndim;
    int64_t dims[4]; /* unused ones are 1 */
    size_t count;
    /* Host copies [dims] of the values and of the gradients: read-only; ask again after a call that
       changes them. */
    const float *value, *grad;
} fv_param;

/* How many parameters (tensors) the net has, and the one at index, in the order of the layers. An
   index out of range gives an empty one (name NULL). */
FV_API int fv_param_count(const fv_net *net);
FV_API fv_param fv_param_at(const fv_net *net, int index);

/* Writes the parameter at index: count floats of values, of gradients, or of both; NULL leaves
   them unchanged. FV_E_ARG for an index out of range. */
FV_API fv_status fv_param_put(fv_net *net, int index, const float *value, const float *grad);

typedef struct fv_result {
    double loss;            /* mean over the samples of the cross-entropy */
    int64_t correct, total; /* samples whose fv_argmax of the outputs is their label */
} fv_result;

/* fv_evaluate(net, loader, &result)     measures the net in eval mode over one epoch of the loader;
   the mode is then as before. An error of the context that .each leaves ends it.
   Cross-entropy of log-probabilities is their NLL: the figure is right for both kinds of output. */
typedef struct fv_evaluate_args {
    fv_net *net;
    fv_loader *loader;
    fv_result *result;
    /* Called after each batch with the outputs [n,classes]; may be NULL. */
    void (*each)(void *user, const fv_batch *batch, const float *outputs);
    void *user;
    int _end;
} fv_evaluate_args;
#define fv_evaluate(...) fv_evaluate_opt((fv_evaluate_args){__VA_ARGS__, ._end = 0})
FV_API fv_status fv_evaluate_opt(fv_evaluate_args args);

/* Metrics of a classifier. The prediction for a sample is the fv_argmax of the outputs; outputs
   with a NaN are no prediction: they count as wrong and are in no column of the confusion matrix. A
   quotient by 0 is 0, as with scikit-learn's zero_division=0. */

/* Returns the index of the first maximum of n numbers; -1 if one is NaN, or n is 0. */
FV_API int fv_argmax(const float *x, int n);

/* Returns the Wilson interval of a proportion after `successes` of `trials`, for the confidence of
   z: 1.959964 is 95 %. 0 <= successes <= trials; 0 to 1 without trials.
   E. B. Wilson, J. Am. Stat. Assoc. 22 (1927). */
FV_API void fv_wilson(int64_t successes, int64_t trials, double z, double *low, double *high);

typedef struct fv_metrics fv_metrics;

/* fv_metrics_new(ctx, classes)     counts nothing yet. It belongs to the context. */
typedef struct fv_metrics_args {
    fv_ctx *ctx;
    int classes;
    int top_k; /* 1 to classes; default 5, or all if there are fewer */
    int _end;
} fv_metrics_args;
#define fv_metrics_new(...) fv_metrics_new_opt((fv_metrics_args){__VA_ARGS__, ._end = 0})
FV_API fv_metrics *fv_metrics_new_opt(fv_metrics_args args);
FV_API void fv_metrics_free(fv_metrics *metrics);

/* Counts n samples, outputs [n][classes] and labels [n]:
     fv_metrics_add(metrics, batch.n, fv_output(net), batch.labels)
   If a label is none of the classes (FV_E_CLASS), none of the samples counts. */
FV_API fv_status fv_metrics_add(fv_metrics *metrics, int n, const float *outputs,
                                const int64_t *labels);

/* Removes all samples. */
FV_API fv_status fv_metrics_reset(fv_metrics *metrics);

/* A proportion, with its Wilson interval for 95 %. */
typedef struct fv_rate {
    double value, low, high;
} fv_rate;

typedef struct fv_class_scores {
    fv_rate precision;               /* right / guessed */
    fv_rate recall;                  /* right / support */
    double f1;                       /* 2 * right / (guessed + support) */
    int64_t right, guessed, support; /* samples: both guess and label, guess, label */
} fv_class_scores;

typedef struct fv_scores {
    int64_t total; /* samples */
    int top_k;
    fv_rate accuracy;
    fv_rate top_k_accuracy; /* the label is among the top_k largest; of equals, the first count */
    fv_class_scores micro;  /* of all classes together */
    double macro_precision, macro_recall, macro_f1; /* means over all classes */
} fv_scores;

/* All members are 0 for NULL, and for a class that does not exist. */
FV_API fv_scores fv_metrics_scores(const fv_metrics *metrics);
FV_API fv_class_scores fv_metrics_class(const fv_metrics *metrics, int index);

/* Samples [classes][classes] by label (row) and guess (column); they change with fv_metrics_add. */
FV_API const int64_t *fv_metrics_confusion(const fv_metrics *metrics);

/* Returns all scores as a table for people, the confusion matrix included if there are at most 10
   classes. names [classes], or NULL for numbers. Belongs to the metrics, until the next call. */
FV_API const char *fv_metrics_text(fv_metrics *metrics, const char *const *names);

/* ------------------------------------------------------------------------------------------- */
/* 6  Optimizers, moving averages, schedules of learning rates                                   */
/* ------------------------------------------------------------------------------------------- */

/* An optimizer updates all parameters p of a net by their gradients g. With .maximize g is -g;
   except for AdamW and Lion, weight_decay * p is added to g. sqrt(v), g * g and quotients are
   elementwise; t counts the steps from 1. An optimizer belongs to the context and is freed before
   its net. A number outside its range: FV_E_ARG. */

/* fv_sgd(net, .lr = 0.01, .momentum = 0.5)
     v  = g at the first step, then momentum * v + (1 - dampening) * g
     g  = v, or g + momentum * v with nesterov        (both only if momentum > 0)
     p -= lr * g
   torch.optim.SGD. */
typedef struct fv_sgd_args {
    fv_net *net;
    double lr;           /* > 0; default 0.001 */
    double momentum;     /* in [0,1) */
    double dampening;    /* in [0,1] */
    double weight_decay; /* >= 0 */
    bool nesterov;       /* needs momentum > 0 and dampening 0 */
    bool maximize;
    int _end;
} fv_sgd_args;
#define fv_sgd(...) fv_sgd_opt((fv_sgd_args){__VA_ARGS__, ._end = 0})
FV_API fv_optim *fv_sgd_opt(fv_sgd_args args);

/* fv_adam(net, .lr = 3e-4)
     m  = betas[0] * m + (1 - betas[0]) * g           M = m / (1 - betas[0]^t)
     v  = betas[1] * v + (1 - betas[1]) * g * g       V = v / (1 - betas[1]^t)
     p -= lr * M / (sqrt(V) + eps)
   torch.optim.Adam. */
typedef struct fv_adam_args {
    fv_net *net;
    double lr;           /* > 0; default 0.001 */
    double betas[2];     /* in [0,1); default 0.9, 0.999 */
    double eps;          /* >= 0; default 1e-8 */
    double weight_decay; /* >= 0 */
    bool amsgrad;        /* the largest v so far in place of v */
    bool maximize;
    int _end;
} fv_adam_args;
#define fv_adam(...) fv_adam_opt((fv_adam_args){__VA_ARGS__, ._end = 0})
FV_API fv_optim *fv_adam_opt(fv_adam_args args);

/* fv_adamw(net, .weight_decay = 0.05)     Adam, but weight_decay, default 0.01, is not in g:
     p -= lr * weight_decay * p before the step. torch.optim.AdamW. */
#define fv_adamw(...) fv_adamw_opt((fv_adam_args){__VA_ARGS__, ._end = 0})
FV_API fv_optim *fv_adamw_opt(fv_adam_args args);

/* fv_nadam(net)     m, v and V of Adam; u(t) = betas[0] * (1 - 0.96^(t * momentum_decay) / 2)
     p -= lr * ((1 - u(t)) / (1 - u(1)...u(t)) * g + u(t+1) / (1 - u(1)...u(t+1)) * m)
          / (sqrt(V) + eps)
   torch.optim.NAdam, whose 1.13 had one u(t) too many in the second product. */
typedef struct fv_nadam_args {
    fv_net *net;
    double lr;             /* > 0; default 0.002 */
    double betas[2];       /* in [0,1); default 0.9, 0.999 */
    double eps;            /* >= 0; default 1e-8 */
    double weight_decay;   /* >= 0 */
    double momentum_decay; /* >= 0; default 0.004 */
    bool maximize;
    int _end;
} fv_nadam_args;
#define fv_nadam(...) fv_nadam_opt((fv_nadam_args){__VA_ARGS__, ._end = 0})
FV_API fv_optim *fv_nadam_opt(fv_nadam_args args);

/* fv_radam(net)     m, v and M of Adam; R = 2 / (1 - betas[1]) - 1
     r  = R - 2 * t * betas[1]^t / (1 - betas[1]^t)
     p -= lr * M                                               while r <= 5
     p -= lr * M * sqrt((r-4) * (r-2) * R / ((R-4) * (R-2) * r)) * sqrt(1 - betas[1]^t)
          / (sqrt(v) + eps)                                    from then on
   torch.optim.RAdam. */
typedef struct fv_radam_args {
    fv_net *net;
    double lr;           /* > 0; default 0.001 */
    double betas[2];     /* in [0,1); default 0.9, 0.999 */
    double eps;          /* >= 0; default 1e-8 */
    double weight_decay; /* >= 0 */
    bool maximize;
    int _end;
} fv_radam_args;
#define fv_radam(...) fv_radam_opt((fv_radam_args){__VA_ARGS__, ._end = 0})
FV_API fv_optim *fv_radam_opt(fv_radam_args args);

/* fv_lion(net, .weight_decay = 0.1)     sign(0) is 0
     p -= lr * (sign(betas[0] * m + (1 - betas[0]) * g) + weight_decay * p)
     m  = betas[1] * m + (1 - betas[1]) * g
   Chen et al., arXiv:2302.06675. */
typedef struct fv_lion_args {
    fv_net *net;
    double lr;           /* > 0; default 0.0001 */
    double betas[2];     /* in [0,1); default 0.9, 0.99 */
    double weight_decay; /* >= 0 */
    bool maximize;
    int _end;
} fv_lion_args;
#define fv_lion(...) fv_lion_opt((fv_lion_args){__VA_ARGS__, ._end = 0})
FV_API fv_optim *fv_lion_opt(fv_lion_args args);

/* fv_adagrad(net)
     v += g * g
     p -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(v) + eps)
   torch.optim.Adagrad. */
typedef struct fv_adagrad_args {
    fv_net *net;
    double lr;                        /* > 0; default 0.01 */
    double lr_decay;                  /* >= 0 */
    double weight_decay;              /* >= 0 */
    double initial_accumulator_value; /* >= 0; of v */
    double eps;                       /* >= 0; default 1e-10 */
    bool maximize;
    int _end;
} fv_adagrad_args;
#define fv_adagrad(...) fv_adagrad_opt((fv_adagrad_args){__VA_ARGS__, ._end = 0})
FV_API fv_optim *fv_adagrad_opt(fv_adagrad_args args);

/* fv_adadelta(net)
     v  = rho * v + (1 - rho) * g * g
     w  = sqrt(u + eps) / sqrt(v + eps) * g
     u  = rho * u + (1 - rho) * w * w
     p -= lr * w
   torch.optim.Adadelta. */
typedef struct fv_adadelta_args {
    fv_net *net;
    double lr;           /* > 0; default 1 */
    double rho;          /* in [0,1]; default 0.9 */
    double eps;          /* >= 0; default 1e-6 */
    double weight_decay; /* >= 0 */
    bool maximize;
    int _end;
} fv_adadelta_args;
#define fv_adadelta(...) fv_adadelta_opt((fv_adadelta_args){__VA_ARGS__, ._end = 0})
FV_API fv_optim *fv_adadelta_opt(fv_adadelta_args args);

/* fv_rmsprop(net, .momentum = 0.9)
     v  = alpha * v + (1 - alpha) * g * g
     a  = alpha * a + (1 - alpha) * g                          0 without centered
     w  = g / (sqrt(v - a * a) + eps)
     u  = momentum * u + w
     p -= lr * u
   torch.optim.RMSprop. */
typedef struct fv_rmsprop_args {
    fv_net *net;
    double lr;           /* > 0; default 0.01 */
    double alpha;        /* in [0,1]; default 0.99 */
    double eps;          /* >= 0; default 1e-8 */
    double weight_decay; /* >= 0 */
    double momentum;     /* in [0,1) */
    bool centered;
    bool maximize;
    int _end;
} fv_rmsprop_args;
#define fv_rmsprop(...) fv_rmsprop_opt((fv_rmsprop_args){__VA_ARGS__, ._end = 0})
FV_API fv_optim *fv_rmsprop_opt(fv_rmsprop_args args);

/* Writes optimizer number index, from 0, as fv_optim_text takes it, with the defaults of its
   arguments: "sgd lr=0.001 momentum=0 ...". Returns the length of the text, as snprintf; 0 past the
   last. */
FV_API int fv_optim_list(int index, char *text, size_t size);

/* An optimizer as text, its name and arguments, and groups after a semicolon each:
     fv_optim_text(net, "sgd lr=0.1 momentum=0.9 nesterov; group *.bias weight_decay=0")
   Names: sgd adam adamw nadam radam lion adagrad adadelta rmsprop. Arguments are the fields above;
   two numbers are betas=0.9,0.99. In the text 0 is 0; an argument that is left out has its default.
   */
FV_API fv_optim *fv_optim_text(fv_net *net, const char *text);

/* Returns the text of the optimizer as it was made, with its groups; later changes by schedules and
   fv_set_lr are not included. It belongs to the optimizer and is valid until the next call. */
FV_API const char *fv_optim_describe(fv_optim *optim);
FV_API void fv_optim_free(fv_optim *optim);

/* Updates the parameters once by their gradients. Gradients accumulate until fv_zero_grad, so a
   batch of k micro-batches is k times fv_forward, loss and fv_backward, then fv_scale_grad(net, 1.0
   / k) if each loss is a mean, and fv_step. */
FV_API fv_status fv_step(fv_optim *optim);

/* Sets the learning rate from the next step on; > 0. */
FV_API fv_status fv_set_lr(fv_optim *optim, double lr);
FV_API double fv_lr(const fv_optim *optim);

/* fv_group(optim, "*.bias", .weight_decay = FV_ZERO)
   Gives parameters whose names match other settings from the next step on. If two groups match, the
   later one applies as a whole: fv_group(optim, "fc.*") resets these. The optimizer's state of
   frozen parameters is kept. No match: FV_E_NAME with the existing names. Running means of batch
   norm are no parameters: they change in train mode. torch.optim's parameter groups. */
typedef struct fv_group_args {
    fv_optim *optim;
    const char *pattern; /* of names of parameters, * stands for anything: "convnet.*", "*.bias" */
    double lr_scale;     /* > 0; default 1: times the optimizer's lr, whatever that becomes */
    double lr;           /* > 0; in place of lr_scale: the group's lr for now, which stays the same
                            multiple of the optimizer's */
    double weight_decay; /* >= 0; default: the optimizer's */
    bool frozen;         /* does not move, is not counted as a step */
    int _end;
} fv_group_args;
#define fv_group(...) fv_group_opt((fv_group_args){__VA_ARGS__, ._end = 0})
FV_API fv_status fv_group_opt(fv_group_args args);

/* fv_clip_grad_norm(net, 1.0)     between fv_backward and fv_step: the norm of all gradients as one
   vector; they are multiplied by max_norm / (norm + 1e-6) if that is less than 1. A norm that is
   infinite or NaN is an error that names the parameter (FV_E_DATA), and nothing is changed.
   Returns the norm before; NaN with errors of arguments. torch.nn.utils.clip_grad_norm_. */
typedef struct fv_clip_grad_norm_args {
    fv_net *net;
    double max_norm;  /* > 0 */
    double norm_type; /* 2 (default) or INFINITY: the largest absolute value */
    fv_optim *optim;  /* its frozen parameters are left out; default: none are */
    int _end;
} fv_clip_grad_norm_args;
#define fv_clip_grad_norm(...)                                                                     \
    fv_clip_grad_norm_opt((fv_clip_grad_norm_args){__VA_ARGS__, ._end = 0})
FV_API double fv_clip_grad_norm_opt(fv_clip_grad_norm_args args);

/* Clips each gradient to -clip_value .. clip_value, > 0. torch.nn.utils.clip_grad_value_. */
FV_API fv_status fv_clip_grad_value(fv_net *net, double clip_value);

/* Multiplies all gradients by a finite factor. */
FV_API fv_status fv_scale_grad(fv_net *net, double factor);

typedef struct fv_ema fv_ema; /* moving averages of the weights of one net */

/* fv_ema_new(net, .decay = 0.9999)     starts from the current weights. The whole state of the net
   is averaged, running means too; counts are copied. It belongs to the context and is freed before
   its net. torch.optim.swa_utils.AveragedModel with get_ema_multi_avg_fn and use_buffers. */
typedef struct fv_ema_args {
    fv_net *net;
    double decay; /* in (0,1); default 0.999 */
    int _end;
} fv_ema_args;
#define fv_ema_new(...) fv_ema_new_opt((fv_ema_args){__VA_ARGS__, ._end = 0})
FV_API fv_ema *fv_ema_new_opt(fv_ema_args args);
FV_API void fv_ema_free(fv_ema *ema);

/* After a step: average += (1 - decay) * (weight - average). FV_E_STATE while swapped. */
FV_API fv_status fv_ema_update(fv_ema *ema);

/* Swaps the averages with the weights of the net, for fv_evaluate or fv_save; a second call swaps
   them back. No step may be made in between. */
FV_API fv_status fv_ema_swap(fv_ema *ema);

/* Schedules change an optimizer's learning rate, one step at a time. A new schedule sets its first
   learning rate at once. It belongs to the context and is freed before its optimizer. */

typedef struct fv_schedule fv_schedule;

/* Sets the next learning rate. Call it after each epoch, or after each fv_step, whichever the
   numbers of the schedule count. fv_reduce_lr_on_plateau needs a metric (FV_E_STATE without); the
   others ignore it. torch.optim.lr_scheduler's step. */
FV_API fv_status fv_schedule_step(fv_schedule *schedule);
FV_API fv_status fv_schedule_step_metric(fv_schedule *schedule, double metric);
FV_API void fv_schedule_free(fv_schedule *schedule);

/* fv_step_lr(optim, 30)     lr *= gamma every step_size steps. StepLR. */
typedef struct fv_step_lr_args {
    fv_optim *optim;
    int step_size; /* >= 1 */
    double gamma;  /* > 0; default 0.1 */
    int _end;
} fv_step_lr_args;
#define fv_step_lr(...) fv_step_lr_opt((fv_step_lr_args){__VA_ARGS__, ._end = 0})
FV_API fv_schedule *fv_step_lr_opt(fv_step_lr_args args);

/* fv_multi_step_lr(optim, (int[]){30, 80}, 2)     lr *= gamma at each milestone. MultiStepLR. */
typedef struct fv_multi_step_lr_args {
    fv_optim *optim;
    const int *milestones; /* [n_milestones], ascending, >= 1; copied */
    int n_milestones;      /* 1 to 64 */
    double gamma;          /* > 0; default 0.1 */
    int _end;
} fv_multi_step_lr_args;
#define fv_multi_step_lr(...) fv_multi_step_lr_opt((fv_multi_step_lr_args){__VA_ARGS__, ._end = 0})
FV_API fv_schedule *fv_multi_step_lr_opt(fv_multi_step_lr_args args);

/* fv_exponential_lr(optim, 0.95)     lr *= gamma every step. ExponentialLR. */
typedef struct fv_exponential_lr_args {
    fv_optim *optim;
    double gamma; /* > 0 */
    int _end;
} fv_exponential_lr_args;
#define fv_exponential_lr(...)                                                                     \
    fv_exponential_lr_opt((fv_exponential_lr_args){__VA_ARGS__, ._end = 0})
FV_API fv_schedule *fv_exponential_lr_opt(fv_exponential_lr_args args);

/* fv_linear_lr(optim, 0.1, .total_iters = 10)     a warm-up: lr times a factor that changes
   linearly from start_factor to end_factor. LinearLR. */
typedef struct fv_linear_lr_args {
    fv_optim *optim;
    double start_factor; /* in (0,1]; default 1/3 */
    double end_factor;   /* in [0,1]; default 1 */
    int total_iters;     /* >= 1; default 5 */
    int _end;
} fv_linear_lr_args;
#define fv_linear_lr(...) fv_linear_lr_opt((fv_linear_lr_args){__VA_ARGS__, ._end = 0})
FV_API fv_schedule *fv_linear_lr_opt(fv_linear_lr_args args);

/* fv_constant_lr(optim, 0.1)     lr * factor for total_iters steps, then lr. ConstantLR. */
typedef struct fv_constant_lr_args {
    fv_optim *optim;
    double factor;   /* in (0,1]; default 1/3 */
    int total_iters; /* >= 1; default 5 */
    int _end;
} fv_constant_lr_args;
#define fv_constant_lr(...) fv_constant_lr_opt((fv_constant_lr_args){__VA_ARGS__, ._end = 0})
FV_API fv_schedule *fv_constant_lr_opt(fv_constant_lr_args args);

/* fv_cosine_annealing_lr(optim, 90)     half a cosine from lr to eta_min in T_max steps, and back.
   CosineAnnealingLR. */
typedef struct fv_cosine_annealing_lr_args {
    fv_optim *optim;
    int T_max;      /* >= 1 */
    double eta_min; /* >= 0 */
    int _end;
} fv_cosine_annealing_lr_args;
#define fv_cosine_annealing_lr(...)                                                                \
    fv_cosine_annealing_lr_opt((fv_cosine_annealing_lr_args){__VA_ARGS__, ._end = 0})
FV_API fv_schedule *fv_cosine_annealing_lr_opt(fv_cosine_annealing_lr_args args);

/* fv_cosine_warm_restarts(optim, 10, .T_mult = 2)     half a cosine from lr to eta_min in T_0
   steps, then again, T_mult times as long each time. CosineAnnealingWarmRestarts. */
typedef struct fv_cosine_warm_restarts_args {
    fv_optim *optim;
    int T_0;        /* >= 1 */
    int T_mult;     /* >= 1; default 1 */
    double eta_min; /* >= 0 */
    int _end;
} fv_cosine_warm_restarts_args;
#define fv_cosine_warm_restarts(...)                                                               \
    fv_cosine_warm_restarts_opt((fv_cosine_warm_restarts_args){__VA_ARGS__, ._end = 0})
FV_API fv_schedule *fv_cosine_warm_restarts_opt(fv_cosine_warm_restarts_args args);

/* fv_one_cycle_lr(optim, 0.1, .total_steps = 1000)     up and down once, and the momentum of SGD
   and RMSprop, which is then > 0, or betas[0] down and up. Its first lr is where later schedules of
   the optimizer start from, too. More than total_steps steps: FV_E_STATE. OneCycleLR. */
typedef struct fv_one_cycle_lr_args {
    fv_optim *optim;
    double max_lr;               /* > 0 */
    int total_steps;             /* >= 1; or epochs * steps_per_epoch */
    int epochs, steps_per_epoch; /* >= 1 */
    double pct_start;            /* in [0,1]; default 0.3: the share of steps in which lr rises */
    const char *anneal_strategy; /* "cos" (default) or "linear" */
    bool no_cycle_momentum;
    double base_momentum;    /* in [0,1); default 0.85 */
    double max_momentum;     /* in [0,1); default 0.95 */
    double div_factor;       /* > 0; default 25: the first lr is max_lr / div_factor */
    double final_div_factor; /* > 0; default 1e4: the last is the first / final_div_factor */
    bool three_phase;        /* up, down as fast, and then to the last */
    int _end;
} fv_one_cycle_lr_args;
#define fv_one_cycle_lr(...) fv_one_cycle_lr_opt((fv_one_cycle_lr_args){__VA_ARGS__, ._end = 0})
FV_API fv_schedule *fv_one_cycle_lr_opt(fv_one_cycle_lr_args args);

/* fv_reduce_lr_on_plateau(optim, .patience = 5)     lr *= factor after more than patience steps
   without a better metric. ReduceLROnPlateau. */
typedef struct fv_reduce_lr_on_plateau_args {
    fv_optim *optim;
    const char *mode;           /* "min" (default): less is better, or "max" */
    double factor;              /* in (0,1); default 0.1 */
    int patience;               /* >= 0; default 10: steps without improvement */
    double threshold;           /* >= 0; default 1e-4: how much better counts as better */
    const char *threshold_mode; /* "rel" (default): times the best so far, or "abs" */
    int cooldown;               /* >= 0: steps after a cut that are not counted */
    double min_lr;              /* >= 0 */
    double eps;                 /* >= 0; default 1e-8: smaller cuts are not made */
    int _end;
} fv_reduce_lr_on_plateau_args;
#define fv_reduce_lr_on_plateau(...)                                                               \
    fv_reduce_lr_on_plateau_opt((fv_reduce_lr_on_plateau_args){__VA_ARGS__, ._end = 0})
FV_API fv_schedule *fv_reduce_lr_on_plateau_opt(fv_reduce_lr_on_plateau_args args);

/* Several of one optimizer as one schedule, which then owns them: only it is stepped and freed.
   fv_chained_lr: all are stepped each time, in order. ChainedScheduler.
   fv_sequential_lr: the first, then from step milestones[0] on the second as if it started there,
   and so on; milestones [n-1] ascend, >= 1, and are copied. SequentialLR. Its members may be
   chained schedules; no other nesting. 2 to 8 members. */
FV_API fv_schedule *fv_chained_lr(fv_schedule *const *schedules, int n);
FV_API fv_schedule *fv_sequential_lr(fv_schedule *const *schedules, int n, const int *milestones);

/* Writes schedule number index, as fv_schedule_text takes it, likewise; N or X stands for a number
   that must be given: "step N gamma=0.1". */
FV_API int fv_schedule_list(int index, char *text, size_t size);

/* A schedule as text, name and arguments: step multi_step exponential linear constant cosine
   cosine_warm_restarts one_cycle plateau. The first argument needs no name, & chains, and "; at N"
   begins the next of a sequence:
     fv_schedule_text(optim, "linear 0.1 total_iters=5; at 5 cosine 95")
     fv_schedule_text(optim, "constant 0.5 & multi_step 30,80 gamma=0.2") */
FV_API fv_schedule *fv_schedule_text(fv_optim *optim, const char *text);

/* Returns the text of the schedule. It belongs to the schedule and is valid until the next call. */
FV_API const char *fv_schedule_describe(fv_schedule *schedule);

/* ------------------------------------------------------------------------------------------- */
/* 7  Save and load                                                                            */
/* ------------------------------------------------------------------------------------------- */

/* A key and a value in the metadata of a model file. */
typedef struct fv_meta {
    const char *key, *value;
} fv_meta;

/* A tensor under its name. */
typedef struct fv_tensor {
    const char *name;
    fv_type type;    /* FV_F32 or FV_I64 */
    int ndim;        /* 0 to 4 */
    int64_t dims[4]; /* unused ones are 1 */
    size_t count;    /* product of dims */
    const void *value;
} fv_tensor;

/* Parameters and what else is state of the net, running means above all, in the order of PyTorch's
   state_dict: how many tensors, and the one at index; its value is a read-only host copy, as in
   fv_param. An index out of range gives an empty one (name NULL). */
FV_API int fv_state_count(const fv_net *net);
FV_API fv_tensor fv_state_at(const fv_net *net, int index);

/* Writes the tensor at index: count elements of its type. FV_E_ARG for an index out of range. */
FV_API fv_status fv_state_put(fv_net *net, int index, const void *value);

/* Writes tensors of any names as safetensors; otherwise as fv_save. */
FV_API fv_status fv_save_tensors(fv_ctx *ctx, const char *path, const fv_tensor *tensors, int n,
                                 const fv_meta *meta, int n_meta);

/* Writes the state as safetensors: little endian, PyTorch's names, so that
   safetensors.torch.load_file gives a state_dict. meta holds n_meta pairs (may be NULL, 0). The
   file appears whole or not at all: temporary file, fsync, rename.
   https://github.com/huggingface/safetensors */
FV_API fv_status fv_save(fv_net *net, const char *path, const fv_meta *meta, int n_meta);

/* Reads the state that fv_save or anyone else wrote (dtypes F32, I64 for counts). All names and
   shapes must be the net's; otherwise FV_E_DATA lists what is missing, unexpected and of another
   shape, and the net stays as it was. Every field of the file is checked before it is used. */
FV_API fv_status fv_load(fv_net *net, const char *path);

/* The value of a metadata key of a model file, copied into text[size]; "" if it is not there. */
FV_API fv_status fv_load_meta(fv_ctx *ctx, const char *path, const char *key, char *text,
                              size_t size);

/* What `fovea train` writes into the metadata of a model file, and fv_trained_open reads:
     model        a built-in network's name, or its layers as text
     input        channels x height x width: "1x28x28"
     classes      how many: "10"
     mean, std    of each channel, with commas between them; absent without normalisation
     transform    of each picture before the network, as fv_transform_new reads it; may be absent
     class_names  a JSON list of their names: ["cat","dog"]; absent where there are none
     data, epochs, seed, fovea    what it was trained on and by which version */

/* A trained network, and what its file says of it. All of it belongs to the context. */
typedef struct fv_trained {
    fv_net *net;             /* in eval mode */
    fv_transform *transform; /* of each picture; NULL: none */
    int channels, height, width, classes;
    const char *const *class_names; /* [classes]; NULL: they have none */
    const char *file;               /* the .safetensors file */
    const fv_meta *meta;            /* [n_meta] all pairs of its metadata */
    int n_meta;
} fv_trained;

/* Opens a trained network: path is a run folder, runs/latest or a .safetensors file. A file without
   metadata, of another program, is assumed to be lenet5 for MNIST, which a warning says.
   fv_trained_meta gives the value of a key, "" if it is absent. */
FV_API const fv_trained *fv_trained_open(fv_ctx *ctx, const char *path);
FV_API const char *fv_trained_meta(const fv_trained *trained, const char *key);
FV_API void fv_trained_free(const fv_trained *trained);

/* fv_classify(trained, "a.jpg")      the class of a picture, 0 to classes - 1; -1 after an error
   The picture is a file, or with .picture an array [C,H,W] of uint8 as fv_picture_read gives it;
   the network's transform is applied. A network whose outputs are not numbers is FV_E_DATA. */
typedef struct fv_classify_args {
    const fv_trained *trained;
    const char *path;
    const fv_array *picture; /* in place of path */
    float *probabilities;    /* [classes]; NULL: not wanted */
    int _end;
} fv_classify_args;
#define fv_classify(...) fv_classify_opt((fv_classify_args){__VA_ARGS__, ._end = 0})
FV_API int fv_classify_opt(fv_classify_args args);

/* Writes size bytes to path so that it appears whole or not at all. */
FV_API fv_status fv_write_file(fv_ctx *ctx, const char *path, const void *bytes, size_t size);

/* SHA-256 (FIPS 180-4) of a file's content as 64 hexadecimal digits and a 0. */
FV_API fv_status fv_sha256_file(fv_ctx *ctx, const char *path, char hex[65]);
FV_API void fv_sha256(const void *bytes, size_t size, char hex[65]);

/* ------------------------------------------------------------------------------------------- */
/* 8  What a net and a machine look like                                                       */
/* ------------------------------------------------------------------------------------------- */

/* One layer, as a row of the summary. */
typedef struct fv_layer {
    const char *name;            /* "convnet.C1" */
    const char *kind;            /* "conv2d" */
    char kernel[32];             /* "5x5 p2": kernel size, stride, padding, dilation, groups */
    int channels, height, width; /* of its output [N,C,H,W] */
    int64_t parameters;          /* weights and biases */
    int64_t macs;                /* multiply-adds of the forward pass, an image */
    size_t bytes;                /* of its output, an image */
} fv_layer;

FV_API int fv_layer_count(const fv_net *net);
FV_API fv_layer fv_layer_at(const fv_net *net, int index);

/* Bytes that training or running a batch of this size takes, before anything is allocated. */
typedef struct fv_memory {
    size_t parameters;  /* values and gradients */
    size_t activations; /* what lives between layers, gradients of it included in train mode */
    size_t scratch;     /* working space of all threads */
} fv_memory;

FV_API fv_memory fv_memory_plan(const fv_net *net, int batch_size, bool train);

/* The table of all layers with totals, for batches of this size: layer, kernel, output shape,
   parameters, multiply-adds, bytes. Belongs to the net, until the next call. NULL on errors. */
FV_API const char *fv_summary(fv_net *net, int batch_size);

typedef struct fv_device {
    const char *kernels;   /* the set in use: "ref", "avx2", "avx512", "neon" */
    const char *why;       /* "the widest this CPU has", "asked for" */
    const char *available; /* "ref avx2 avx512": what this build and CPU can do */
    int threads;           /* in use */
    int processors;        /* the machine's */
} fv_device;

FV_API fv_device fv_device_describe(const fv_ctx *ctx);

#ifdef __cplusplus
}
#endif
#endif
