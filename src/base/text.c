/*
 * text.c - text that is put together piece by piece in a room of a known size; numbers in text, both
 * ways. Layer 1. Calls libc.
 */
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

bool fv_read_number(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return *text && *end == '\0' && strlen(text) < 40 && *value > -1e30 && *value < 1e30;
}

const char *fv_number_text(double value, bool is_float, char text[40])
{
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, 40, "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (is_float ? (float)back == (float)value : back == value)
            break;
    }
    return text;
}
