/*
 * text.c - text that is put together piece by piece in a room of a known size. Layer 1. Calls libc.
 */
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>

void fv_put(fv_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text->at, text->left, format, args);
    va_end(args);
    size_t done = n < 0 ? 0 : (size_t)n < text->left ? (size_t)n : text->left - 1;
    text->at += done;
    text->left -= done;
}
