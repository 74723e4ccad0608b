/*
 * work.c - buffers and error of one thread that makes samples.
 *
 * Layer 3, data. Calls the base.
 */
#include "data/data.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void *fv_work_memory(fv_work *work, void *ptr, size_t size)
{
    return ptr || size > 0 ? fv_allocate(work->ctx, ptr, size) : NULL;
}

void *fv_work_slot(fv_work *work, int slot, size_t size)
{
    if (size <= work->sizes[slot] && work->slots[slot])
        return work->slots[slot];
    fv_work_memory(work, work->slots[slot], 0);
    size += size / 4 + 64; /* avoids a reallocation for each slightly larger picture */
    work->slots[slot] = fv_work_memory(work, NULL, size);
    work->sizes[slot] = work->slots[slot] ? size : 0;
    if (!work->slots[slot])
        fv_work_fail(work, FV_E_MEMORY, "out of memory: %zu bytes for a picture", size);
    return work->slots[slot];
}

fv_status fv_work_fail(fv_work *work, fv_status code, const char *format, ...)
{
    if (work->error)
        return work->error;
    va_list args;
    va_start(args, format);
    vsnprintf(work->error_text, sizeof work->error_text, format, args);
    va_end(args);
    return work->error = code;
}

const char *fv_reason(int error, char text[128])
{
    if (strerror_r(error, text, 128) != 0)
        snprintf(text, 128, "error %d", error);
    return text;
}

fv_status fv_work_report(fv_work *work)
{
    if (work->error)
        fv_fail(work->ctx, work->error, "%s", work->error_text);
    work->error = FV_OK;
    return fv_error(work->ctx);
}

void fv_work_end(fv_work *work)
{
    for (int i = 0; i < FV_WORK_SLOTS; i++) {
        fv_work_memory(work, work->slots[i], 0);
        work->slots[i] = NULL;
        work->sizes[i] = 0;
    }
}
