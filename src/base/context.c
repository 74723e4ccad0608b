/*
 * context.c - open, close, errors and notes.
 *
 * Layer 1. Calls libc.
 */
#ifdef __linux__
#define _DEFAULT_SOURCE /* madvise */
#include <sys/mman.h>
#endif
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Asks for pages of 2 MB where a block spans many: layers that write 200 MB ran 15 % faster. */
static void ask_for_large_pages(void *ptr, size_t size)
{
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const uintptr_t page = (uintptr_t)1 << 21, end = ((uintptr_t)ptr + size) / page * page;
    const uintptr_t first = ((uintptr_t)ptr + page - 1) / page * page;
    if (first + 4 * page <= end)
        madvise((void *)first, end - first, MADV_HUGEPAGE); /* failure does no harm */
#else
    (void)ptr, (void)size;
#endif
}

static void *libc_allocate(void *user, void *ptr, size_t size)
{
    (void)user;
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    void *block = realloc(ptr, size);
    if (block)
        ask_for_large_pages(block, size);
    return block;
}

static void set_threads(fv_ctx *ctx, int threads)
{
    ctx->threads = threads ? threads : fv_processors();
    if (threads >= 0 && threads <= FV_THREADS_MAX)
        return;
    ctx->threads = 1;
    fv_fail(ctx, FV_E_ARG, "threads is %d, but must be 1 to %d, or 0 for one per processor",
            threads, FV_THREADS_MAX);
}

fv_ctx *fv_ctx_open(const fv_options *options, size_t engine_size)
{
    fv_options o = options ? *options : (fv_options){0};
    if (!o.allocate)
        o.allocate = libc_allocate;
    fv_ctx *ctx = o.allocate(o.user, NULL, sizeof *ctx + engine_size);
    if (!ctx) {
        fv_error_clear(NULL);
        fv_fail(NULL, FV_E_MEMORY, "no memory for a context");
        return NULL;
    }
    memset(ctx, 0, sizeof *ctx + engine_size);
    ctx->engine = (fv_engine *)(void *)(ctx + 1);
    ctx->user = o.user;
    ctx->allocate = o.allocate;
    pthread_mutex_init(&ctx->allocating, NULL);
    ctx->log = o.log;
    ctx->seed = o.seed;
    fv_rng_seed(&ctx->rng, o.seed);
    set_threads(ctx, o.threads);
    return ctx;
}

void fv_close(fv_ctx *ctx)
{
    if (!ctx)
        return;
    while (ctx->newest)
        fv_object_free(ctx->newest);
    fv_pool_free(ctx);
    pthread_mutex_destroy(&ctx->allocating);
    ctx->allocate(ctx->user, ctx, 0);
}

fv_status fv_manual_seed(fv_ctx *ctx, uint64_t seed)
{
    if (fv_stopped(ctx, __func__))
        return fv_error(ctx);
    ctx->seed = seed;
    fv_rng_seed(&ctx->rng, seed);
    return FV_OK;
}

/* ---- errors and notes --------------------------------------------------------------------- */

/* The error of calls without a context, one per thread. It is the only writable variable of the
   library: check_symbols.sh lists it by name. */
static _Thread_local struct {
    fv_status code;
    char text[512];
} fv_thread_error;

fv_status fv_fail(fv_ctx *ctx, fv_status code, const char *format, ...)
{
    fv_status *error = ctx ? &ctx->error : &fv_thread_error.code;
    if (*error)
        return code;
    va_list args;
    va_start(args, format);
    vsnprintf(ctx ? ctx->error_text : fv_thread_error.text,
              ctx ? sizeof ctx->error_text : sizeof fv_thread_error.text, format, args);
    va_end(args);
    return *error = code;
}

fv_status fv_absent(const char *function)
{
    size_t length = strlen(function);
    if (length > 4 && strcmp(function + length - 4, "_opt") == 0)
        length -= 4;
    return fv_fail(NULL, FV_E_ARG,
                   "%.*s was given NULL, or what a failed call returned\n"
                   "help: fv_error of the context says which call failed first",
                   (int)length, function);
}

bool fv_stopped(fv_ctx *ctx, const char *function)
{
    return ctx ? ctx->error != FV_OK : fv_absent(function) != FV_OK;
}

void fv_fail_hint(fv_ctx *ctx, const char *format, ...)
{
    size_t used = strlen(ctx->error_text);
    fv_text to = {ctx->error_text + used, sizeof ctx->error_text - used};
    char hint[512];
    va_list args;
    va_start(args, format);
    vsnprintf(hint, sizeof hint, format, args);
    va_end(args);
    fv_put(&to, "%s%s", strstr(ctx->error_text, "\nhelp: ") ? "; or " : "\nhelp: ", hint);
}

void fv_note(fv_ctx *ctx, fv_log_level level, const char *format, ...)
{
    char text[512];
    if (!ctx->log)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ctx->log(ctx->user, level, text);
}

fv_status fv_error(const fv_ctx *ctx)
{
    return ctx ? ctx->error : fv_thread_error.code;
}

const char *fv_error_text(const fv_ctx *ctx)
{
    return ctx ? ctx->error_text : fv_thread_error.text;
}

void fv_error_clear(fv_ctx *ctx)
{
    fv_status *error = ctx ? &ctx->error : &fv_thread_error.code;
    char *text = ctx ? ctx->error_text : fv_thread_error.text;
    *error = FV_OK;
    text[0] = '\0';
}

const char *fv_status_name(fv_status status)
{
    static const char *const names[FV_E_STATUS_COUNT] = {
        [FV_OK] = "ok",
        [FV_E_ARG] = "E-ARGS",
        [FV_E_SHAPE] = "E-SHAPE",
        [FV_E_NAME] = "E-NAME",
        [FV_E_STATE] = "E-STATE",
        [FV_E_PATH] = "E-PATH",
        [FV_E_IO] = "E-IO",
        [FV_E_DATA] = "E-DATA",
        [FV_E_CLASS] = "E-CLASS",
        [FV_E_MEMORY] = "E-MEMORY",
        [FV_E_DEVICE] = "E-DEVICE",
    };
    return (unsigned)status < FV_E_STATUS_COUNT ? names[status] : "E-?";
}

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

const char *fv_version(void)
{
    return TEXT(FV_VERSION_MAJOR) "." TEXT(FV_VERSION_MINOR) "." TEXT(FV_VERSION_PATCH);
}
