/*
 * base.h - what every layer stands on: the context, errors, memory, random numbers, threads, files.
 *
 * Layer 1. May call libc and pthreads.
 */
#ifndef FV_BASE_H
#define FV_BASE_H

#include "args/args.h"

#include <pthread.h>

/* ---- random numbers: MT19937 as PyTorch draws from it ------------------------------------- */

typedef struct fv_rng {
    uint32_t state[624];
    int next;      /* 624: a new block of numbers is due */
    double normal; /* the second of a pair, if has_normal */
    bool has_normal;
} fv_rng;

void fv_rng_seed(fv_rng *rng, uint64_t seed); /* the low 32 bits count, as in PyTorch */
uint32_t fv_rng_u32(fv_rng *rng);
uint64_t fv_rng_u63(fv_rng *rng); /* two draws, high half first, less the top bit */
float fv_rng_uniform(fv_rng *rng, float low, float high);
double fv_rng_normal(fv_rng *rng); /* mean 0, deviation 1; Box and Muller's come in pairs */
double fv_rng_double(fv_rng *rng); /* in [0,1), 53 bits */
void fv_rng_permute(fv_rng *rng, int64_t *order, int64_t n); /* torch.randperm(n) */

/* A key stirred until each of its bits has changed about half of them all: SplitMix64's. */
uint64_t fv_mix64(uint64_t key);

/* ---- context ------------------------------------------------------------------------------ */

/* The first member of everything a context owns, so that fv_close finds and ends it. */
typedef struct fv_object {
    fv_ctx *ctx;
    void (*destroy)(void *self); /* frees the insides and self */
    struct fv_object *older, *newer;
} fv_object;

typedef struct fv_pool fv_pool;
typedef struct fv_engine fv_engine;

struct fv_ctx {
    void *user;
    void *(*allocate)(void *user, void *ptr, size_t size); /* through fv_allocate */
    pthread_mutex_t allocating;
    void (*log)(void *user, fv_log_level level, const char *text);
    fv_status error;
    char error_text[2048];
    uint64_t seed; /* for what is keyed by it, such as dropout */
    fv_rng rng;    /* PyTorch's default generator */
    int threads;
    fv_pool *pool;     /* NULL until the first parallel work, and with one thread */
    fv_engine *engine; /* where the numbers of its nets are computed; see net/engine.h */
    fv_object *newest; /* list of owned objects */
};

/* A context without an engine: fv_open less the kernels. NULL: no memory. */
fv_ctx *fv_ctx_open(const fv_options *options);

/* Keeps the first error and returns code. The text says what, where, expected and found; the way
   out goes on a last line that starts with "help: ". ctx may be NULL. */
fv_status fv_fail(fv_ctx *ctx, fv_status code, const char *format, ...) FV_PRINTF(3, 4);
/* Adds to the help line of the error that there is. */
void fv_fail_hint(fv_ctx *ctx, const char *format, ...) FV_PRINTF(2, 3);

/* A public function was given NULL for an object: an error of the thread's; returns FV_E_ARG. */
fv_status fv_absent(const char *function);

/* Whether there is no context, which is such an error, or one that holds an error. */
bool fv_stopped(fv_ctx *ctx, const char *function);
#define FV_STOPPED(made) fv_stopped((made) ? (made)->object.ctx : NULL, __func__)
#define FV_GIVEN(made)   ((made) || !fv_absent(__func__)) /* of a function that asks */
void fv_note(fv_ctx *ctx, fv_log_level level, const char *format, ...) FV_PRINTF(3, 4);

/* ---- memory: zeroed, aligned to 64 bytes, from the context's allocator --------------------- */

/* The context's allocator as it is, for one thread at a time. NULL sets no error: it is for threads
   that do not own the context, too. */
void *fv_allocate(fv_ctx *ctx, void *ptr, size_t size);
void *fv_alloc(fv_ctx *ctx, size_t count, size_t size);           /* NULL: FV_E_MEMORY is set */
void *fv_grow(fv_ctx *ctx, void *ptr, size_t count, size_t size); /* keeps what fits; on failure
                                                                     NULL, and ptr stays valid */
void fv_release(fv_ctx *ctx, void *ptr);                          /* NULL is fine */
char *fv_copy_text(fv_ctx *ctx, const char *text);

/* Between the byte order of a file and this machine's: nothing where they are the same. */
void fv_order_bytes(void *data, size_t count, size_t size, bool file_is_big_endian);

/* A zeroed object of size bytes that begins with an fv_object and is in the context's list. */
void *fv_object_new(fv_ctx *ctx, size_t size, void (*destroy)(void *self));
void fv_object_end(void *object);  /* out of the list; frees the memory itself. For destroy. */
void fv_object_free(void *object); /* destroys it; NULL is fine. For the public fv_..._free. */

/* ---- arguments ---------------------------------------------------------------------------- */

/* What args.h found wrong, as the context's error: "where: ...". */
fv_status fv_fail_args(fv_ctx *ctx, const char *where, const fv_arg_error *error);
/* fv_args_settle with the context's error. */
fv_status fv_settle(fv_ctx *ctx, const char *where, const fv_arg *args, void *to);
/* Checks one number against a range. */
fv_status fv_check_range(fv_ctx *ctx, const char *where, const char *name, fv_range range,
                         double value);
/* A text of as many characters as put writes, which is called twice; for fv_release. */
char *fv_text_new(fv_ctx *ctx, void (*put)(fv_text *to, const void *of), const void *of);

/* ---- threads ------------------------------------------------------------------------------ */

/* Calls work(arg, item, thread) for every item 0..items-1, thread 0..ctx->threads-1, and returns
   when all are done. Which thread takes which item is open: results must not depend on it. But a
   thread begins with the same items whenever there are so many, and _back with the last of them:
   what it used last is still in its cache. Items compute and do not wait: where those of a thread
   wait, the caller takes it that others have the processor, and works alone for a while. */
void fv_parallel(fv_ctx *ctx, int items, void (*work)(void *arg, int item, int thread), void *arg);
void fv_parallel_back(fv_ctx *ctx, int items, void (*work)(void *arg, int item, int thread),
                      void *arg);
void fv_pool_free(fv_ctx *ctx);
int fv_processors(void);

/* ---- files -------------------------------------------------------------------------------- */

/* The whole file, for fv_release. NULL: FV_E_PATH or FV_E_IO with the system's reason. */
void *fv_read_file(fv_ctx *ctx, const char *path, size_t *size);
bool fv_file_exists(const char *path);
/* FV_E_PATH or FV_E_IO with the system's reason in words: cannot WHAT "PATH": ... */
fv_status fv_fail_errno(fv_ctx *ctx, const char *what, const char *path, int error);

/* Runs block over bytes, 64 at a time, and over the padding behind them. */
void fv_digest_blocks(uint32_t *state, void (*block)(uint32_t *state, const uint8_t *p),
                      bool big_endian, const void *bytes, size_t size);
/* RFC 1321, in hexadecimal. For files of which nothing better than an MD5 is published. */
void fv_md5(const void *bytes, size_t size, char hex[33]);

#endif
