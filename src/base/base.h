/*
 * base.h - what every layer is built on: context, errors, memory, random numbers, threads, files.
 *
 * Layer 1. May call libc and pthreads.
 */
#ifndef FV_BASE_H
#define FV_BASE_H

#include "args/args.h"

#include <pthread.h>

/* ---- random numbers: MT19937 with PyTorch's way of drawing -------------------------------- */

typedef struct fv_rng {
    uint32_t state[624];
    int next;      /* next index in state; 624: generate a new block first */
    double normal; /* second value of the Box-Muller pair, if has_normal */
    bool has_normal;
} fv_rng;

void fv_rng_seed(fv_rng *rng, uint64_t seed); /* uses the low 32 bits, as PyTorch does */
uint32_t fv_rng_u32(fv_rng *rng);
uint64_t fv_rng_u63(fv_rng *rng); /* two draws, high half first, without the top bit */
float fv_rng_uniform(fv_rng *rng, float low, float high);
double fv_rng_normal(fv_rng *rng);                           /* mean 0, deviation 1; Box-Muller */
double fv_rng_double(fv_rng *rng);                           /* in [0,1), 53 bits */
void fv_rng_permute(fv_rng *rng, int64_t *order, int64_t n); /* torch.randperm(n) */

/* Returns a hash of key (SplitMix64's finalizer): each bit of key flips about half of the bits. */
uint64_t fv_mix64(uint64_t key);

/* ---- context ------------------------------------------------------------------------------ */

/* First member of every object that a context owns; fv_close frees all of them. */
typedef struct fv_object {
    fv_ctx *ctx;
    void (*destroy)(void *self); /* frees the members and self */
    struct fv_object *older, *newer;
} fv_object;

typedef struct fv_pool fv_pool;
typedef struct fv_engine fv_engine;

struct fv_ctx {
    void *user;
    void *(*allocate)(void *user, void *ptr, size_t size); /* call it through fv_allocate */
    pthread_mutex_t allocating;
    void (*log)(void *user, fv_log_level level, const char *text);
    fv_status error;
    char error_text[2048];
    uint64_t seed; /* key of counter-based random numbers, such as dropout's */
    fv_rng rng;    /* PyTorch's default generator */
    int threads;
    fv_pool *pool;     /* NULL until the first fv_parallel, and always with one thread */
    fv_engine *engine; /* computes the nets of this context; see net/engine.h */
    fv_object *newest; /* list of owned objects */
};

/* A context and, in the same block, engine_size bytes of zeros for its engine. NULL: no memory. */
fv_ctx *fv_ctx_open(const fv_options *options, size_t engine_size);

/* Stores an error if the context has none, and returns code. The text says what, where, expected
   and found; a last line "help: ..." says how to fix it. ctx NULL: stores it for the thread. */
fv_status fv_fail(fv_ctx *ctx, fv_status code, const char *format, ...) FV_PRINTF(3, 4);
/* Appends to the help line of the current error. */
void fv_fail_hint(fv_ctx *ctx, const char *format, ...) FV_PRINTF(2, 3);

/* Sets the thread's error for a public function whose object is NULL. Returns FV_E_ARG. */
fv_status fv_absent(const char *function);

/* Returns true if ctx holds an error or is NULL; NULL sets the error of fv_absent. */
bool fv_stopped(fv_ctx *ctx, const char *function);
#define FV_STOPPED(made) fv_stopped((made) ? (made)->object.ctx : NULL, __func__)
#define FV_GIVEN(made)   ((made) || !fv_absent(__func__)) /* for queries */
void fv_note(fv_ctx *ctx, fv_log_level level, const char *format, ...) FV_PRINTF(3, 4);

/* ---- memory: zeroed, aligned to 64 bytes, from the context's allocator --------------------- */

/* Calls the context's allocator under a mutex. Returns NULL without setting an error, so threads
   that do not own the context may call it too. */
void *fv_allocate(fv_ctx *ctx, void *ptr, size_t size);
void *fv_alloc(fv_ctx *ctx, size_t count, size_t size); /* NULL after FV_E_MEMORY */
/* Keeps the contents that fit. Returns NULL on failure; ptr stays valid. */
void *fv_grow(fv_ctx *ctx, void *ptr, size_t count, size_t size);
void fv_release(fv_ctx *ctx, void *ptr); /* ptr may be NULL */
char *fv_copy_text(fv_ctx *ctx, const char *text);

/* Swaps between a file's byte order and this machine's in place; does nothing if they agree. */
void fv_order_bytes(void *data, size_t count, size_t size, bool file_is_big_endian);

/* Returns a zeroed object of size bytes that begins with an fv_object, in the context's list. */
void *fv_object_new(fv_ctx *ctx, size_t size, void (*destroy)(void *self));
void fv_object_end(void *object);  /* unlinks it and frees its memory; for destroy */
void fv_object_free(void *object); /* calls destroy; NULL is fine; for fv_..._free */

/* ---- arguments ---------------------------------------------------------------------------- */

/* Sets an error of args.h as the context's error: "where: ...". */
fv_status fv_fail_args(fv_ctx *ctx, const char *where, const fv_arg_error *error);
/* Calls fv_args_settle and sets its error in the context. */
fv_status fv_settle(fv_ctx *ctx, const char *where, const fv_arg *args, void *to);
/* Checks one number against a range. */
fv_status fv_check_range(fv_ctx *ctx, const char *where, const char *name, fv_range range,
                         double value);
/* Returns a text of as many characters as put writes (put is called twice). Free: fv_release. */
char *fv_text_new(fv_ctx *ctx, void (*put)(fv_text *to, const void *of), const void *of);

/* ---- threads ------------------------------------------------------------------------------ */

/* Calls work(arg, item, thread) for every item 0..items-1, thread 0..ctx->threads-1, and returns
   when all are done. Any thread may run any item, so results must not depend on it. Yet each thread
   starts with the same items in every call of the same size (_back: from the last of them), whose
   data are still in its cache. Items must compute and not block: the caller takes a blocked thread
   for a preempted one and then works without its threads for a while. */
void fv_parallel(fv_ctx *ctx, int items, void (*work)(void *arg, int item, int thread), void *arg);
void fv_parallel_back(fv_ctx *ctx, int items, void (*work)(void *arg, int item, int thread),
                      void *arg);
void fv_pool_free(fv_ctx *ctx);
int fv_processors(void);

/* ---- files -------------------------------------------------------------------------------- */

/* Returns the contents, freed with fv_release. NULL after FV_E_PATH or FV_E_IO with errno's
   text. */
void *fv_read_file(fv_ctx *ctx, const char *path, size_t *size);
bool fv_file_exists(const char *path);
/* Sets FV_E_PATH or FV_E_IO with errno's text: cannot WHAT "PATH": ... */
fv_status fv_fail_errno(fv_ctx *ctx, const char *what, const char *path, int error);

/* Runs block on each 64 bytes of bytes and on the padding after them. */
void fv_digest_blocks(uint32_t *state, void (*block)(uint32_t *state, const uint8_t *p),
                      bool big_endian, const void *bytes, size_t size);
/* MD5 (RFC 1321) in hexadecimal, for files with no better published digest. */
void fv_md5(const void *bytes, size_t size, char hex[33]);

#endif
