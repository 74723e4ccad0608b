/*
 * csv.c - rows of a .csv, put together in memory: what is written is whole or not there.
 *
 * Layer 6. Calls libc.
 */
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"

static char *add_field(char *at, const char *field)
{
    if (!strpbrk(field, ",\"\r\n"))
        return at + sprintf(at, "%s", field);
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
    size_t most = to->used + 1;
    for (int i = 0; i < n; i++)
        most += 2 * strlen(fields[i]) + 3;
    if (most > to->capacity) {
        char *text = realloc(to->text, 2 * most);
        if (!text)
            return fail(EXIT_FAILED, "E-MEMORY", "no memory for the rows\nhelp: fewer pictures");
        to->text = text;
        to->capacity = 2 * most;
    }
    char *at = to->text + to->used;
    for (int i = 0; i < n; i++) {
        at = add_field(at, fields[i]);
        *at++ = i + 1 < n ? ',' : '\n';
    }
    to->used = (size_t)(at - to->text);
    return EXIT_DONE;
}
