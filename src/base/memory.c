/*
 * memory.c - zeroed, aligned memory from the context's allocator, and the list of owned objects.
 *
 * The allocator guarantees only malloc's alignment, so a block starts at the next multiple of 64,
 * after a header that keeps the allocator's pointer. Layer 1. Calls libc.
 */
#include "base/base.h"

#include <string.h>

enum { ALIGNMENT = 64 };

/* Stored right before each block. */
typedef struct header {
    void *raw;   /* pointer from the allocator */
    size_t size; /* bytes of the block */
} header;

static header *header_of(void *ptr)
{
    return (header *)ptr - 1;
}

void *fv_allocate(fv_ctx *ctx, void *ptr, size_t size)
{
    pthread_mutex_lock(&ctx->allocating);
    void *at = ctx->allocate(ctx->user, ptr, size);
    pthread_mutex_unlock(&ctx->allocating);
    return at;
}

void *fv_alloc(fv_ctx *ctx, size_t count, size_t size)
{
    const size_t extra = sizeof(header) + ALIGNMENT;
    char *raw = NULL;
    if (size == 0 || count <= (SIZE_MAX - extra) / size)
        raw = fv_allocate(ctx, NULL, count * size + extra);
    if (!raw) {
        fv_fail(ctx, FV_E_MEMORY, "no memory for %zu x %zu bytes", count, size);
        return NULL;
    }
    uintptr_t start = ((uintptr_t)raw + extra) / ALIGNMENT * ALIGNMENT;
    char *ptr = raw + (start - (uintptr_t)raw);
    *header_of(ptr) = (header){raw, count * size};
    memset(ptr, 0, count * size);
    return ptr;
}

void *fv_grow(fv_ctx *ctx, void *ptr, size_t count, size_t size)
{
    char *larger = fv_alloc(ctx, count, size);
    if (larger && ptr) {
        size_t old = header_of(ptr)->size, most = header_of(larger)->size;
        memcpy(larger, ptr, old < most ? old : most);
        fv_release(ctx, ptr);
    }
    return larger;
}

void fv_release(fv_ctx *ctx, void *ptr)
{
    if (ptr)
        fv_allocate(ctx, header_of(ptr)->raw, 0);
}

char *fv_copy_text(fv_ctx *ctx, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = fv_alloc(ctx, size, 1);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

void fv_order_bytes(void *data, size_t count, size_t size, bool file_is_big_endian)
{
    const uint16_t one = 1;
    bool big_endian = *(const uint8_t *)&one == 0;
    if (size == 1 || big_endian == file_is_big_endian)
        return;
    uint8_t *p = data;
    for (size_t i = 0; i < count; i++, p += size)
        for (size_t a = 0, b = size - 1; a < b; a++, b--) {
            uint8_t byte = p[a];
            p[a] = p[b];
            p[b] = byte;
        }
}

/* ---- owned objects ------------------------------------------------------------------------ */

void *fv_object_new(fv_ctx *ctx, size_t size, void (*destroy)(void *self))
{
    fv_object *object = fv_alloc(ctx, 1, size);
    if (!object)
        return NULL;
    *object = (fv_object){.ctx = ctx, .destroy = destroy, .older = ctx->newest};
    if (ctx->newest)
        ctx->newest->newer = object;
    ctx->newest = object;
    return object;
}

void fv_object_end(void *self)
{
    fv_object *object = self;
    fv_ctx *ctx = object->ctx;
    if (object->older)
        object->older->newer = object->newer;
    if (object->newer)
        object->newer->older = object->older;
    else
        ctx->newest = object->older;
    fv_release(ctx, object);
}

void fv_object_free(void *self)
{
    fv_object *object = self;
    if (object)
        object->destroy(object);
}

size_t fv_type_size(fv_type type)
{
    static const size_t sizes[] = {
        [FV_U8] = 1,  [FV_I8] = 1,  [FV_I16] = 2, [FV_I32] = 4,
        [FV_F32] = 4, [FV_F64] = 8, [FV_I64] = 8,
    };
    return (size_t)type < sizeof sizes / sizeof *sizes ? sizes[type] : 0;
}
