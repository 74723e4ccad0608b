/*
 * csv.c - rows of a .csv, put together in memory: what is written is whole or not there.
 *
 * Layer 6. Calls libc.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"

/* Grows the text by n bytes. */
static int reserve(csv *to, size_t n)
{
    if (to->used + n <= to->capacity)
        return EXIT_DONE;
    size_t capacity = 2 * (to->used + n);
    char *text = realloc(to->text, capacity);
    if (!text)
        return fail_memory("the rows of a file");
    to->text = text;
    to->capacity = capacity;
    return EXIT_DONE;
}

int csv_print(csv *to, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    int code = reserve(to, (size_t)n + 1);
    if (code)
        return code;
    va_start(args, format);
    vsnprintf(to->text + to->used, (size_t)n + 1, format, args);
    va_end(args);
    to->used += (size_t)n;
    return EXIT_DONE;
}

/* The field with "" for each " in it. */
static char *add_quoted(char *at, const char *field)
{
    *at++ = '"';
    for (; *field; field++) {
        if (*field == '"')
            *at++ = '"';
        *at++ = *field;
    }
    *at++ = '"';
    return at;
}

int csv_add(csv *to, const char *const *fields, int n)
{
    int code = EXIT_DONE;
    for (int i = 0; !code && i < n; i++) {
        const char *end = i + 1 < n ? "," : "\n";
        if (!strpbrk(fields[i], ",\"\r\n")) {
            code = csv_print(to, "%s%s", fields[i], end);
        } else if (!(code = reserve(to, 2 * strlen(fields[i]) + 3))) {
            char *at = add_quoted(to->text + to->used, fields[i]);
            *at++ = *end;
            to->used = (size_t)(at - to->text);
        }
    }
    return code;
}
