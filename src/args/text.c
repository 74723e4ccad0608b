/*
 * text.c - text that is put together piece by piece in a buffer of a known size; numbers in text,
 * both ways; errors; statements cut into words. Layer 0. Calls libc.
 */
#include "args/args.h"

#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_SIZE = 40 };

void fv_put(fv_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text->at, text->at ? text->left : 0, format, args);
    va_end(args);
    if (!text->at) {
        text->left += n < 0 ? 0 : (size_t)n;
        return;
    }
    size_t done = n < 0 ? 0 : (size_t)n < text->left ? (size_t)n : text->left - 1;
    text->at += done;
    text->left -= done;
}

/* ---- numbers ------------------------------------------------------------------------------ */

/* strtod and printf go by the thread's locale, which may write 0,5. */
static locale_t plain_begin(locale_t *before)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    *before = uselocale(plain);
    return plain;
}

static void plain_end(locale_t plain, locale_t before)
{
    uselocale(before);
    if (plain)
        freelocale(plain);
}

/* A number that is no fraction. */
static bool read_decimal(const char *text, double *value)
{
    locale_t before, plain = plain_begin(&before);
    char *end;
    *value = strtod(text, &end);
    plain_end(plain, before);
    return *text && *end == '\0' && strlen(text) < NUMBER_SIZE && fabs(*value) < 1e30 &&
           text[strspn(text, "+-.0123456789eE")] == '\0';
}

bool fv_read_number(const char *text, double *value)
{
    const char *slash = strchr(text, '/');
    char above[NUMBER_SIZE];
    double below;
    if (!slash)
        return read_decimal(text, value);
    size_t n = (size_t)(slash - text);
    if (n >= sizeof above)
        return false;
    memcpy(above, text, n);
    above[n] = '\0';
    if (!read_decimal(above, value) || !read_decimal(slash + 1, &below) || !(below > 0))
        return false;
    *value /= below;
    return fabs(*value) < 1e30;
}

bool fv_read_int(const char *text, int *value)
{
    double number;
    bool good = fv_read_number(text, &number) && number >= -2147483648.0 &&
                number <= 2147483647.0 && number == (double)(int)number;
    *value = good ? (int)number : 0;
    return good;
}

int fv_read_numbers(const char *text, char between, double *values, int capacity)
{
    const char ends[] = {between, '\0'};
    char one[NUMBER_SIZE];
    for (int n = 0; n < capacity;) {
        size_t length = strcspn(text, ends);
        if (length >= sizeof one)
            return -1;
        memcpy(one, text, length);
        one[length] = '\0';
        if (!fv_read_number(one, &values[n++]))
            return -1;
        if (text[length] == '\0')
            return n;
        text += length + 1;
    }
    return -1;
}

/* Up to 15 digits come back as they are; whole numbers of as many have no exponent. */
const char *fv_number_text(double value, bool is_float, char text[40])
{
    locale_t before, plain = plain_begin(&before);
    bool whole = fabs(value) < 1e15 && value == floor(value);
    for (int digits = whole ? 15 : 6; digits <= 17; digits++) {
        snprintf(text, NUMBER_SIZE, "%.*g", digits, value + 0.0); /* no -0 */
        double back = strtod(text, NULL);
        if (is_float ? (float)back == (float)value : back == value)
            break;
    }
    plain_end(plain, before);
    return text;
}

void fv_some_add(fv_some *some, const char *name)
{
    enum { MOST = 5 };
    size_t used = strlen(some->text), capacity = sizeof some->text - used;
    if (some->count < MOST)
        snprintf(some->text + used, capacity, "%s\"%.100s\"", used ? ", " : "", name);
    else if (some->count == MOST)
        snprintf(some->text + used, capacity, ", ...");
    some->count++;
}

/* ---- errors, statements ------------------------------------------------------------------- */

bool fv_arg_refuse(fv_arg_error *error, fv_status code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    error->code = code;
    return false;
}

bool fv_statement_next(fv_statement *s, char **at, const char *ends, fv_arg_error *error)
{
    const char *blanks = " \t\r\n";
    fv_text to = {s->where, sizeof s->where};
    s->count = 0;
    while (**at && s->count == 0) {
        char *end = *at + strcspn(*at, ends), *next = end;
        s->end = *end;
        if (*end == '#')
            next += strcspn(end, "\n");
        next += *next != '\0';
        *end = '\0';
        for (char *word = *at; *(word += strspn(word, blanks));) {
            if (s->count == FV_WORDS_MAX)
                return fv_arg_refuse(error, FV_E_ARG, "a statement has more than %d words",
                                     FV_WORDS_MAX);
            s->words[s->count++] = word;
            word += strcspn(word, blanks);
            if (*word)
                *word++ = '\0';
        }
        *at = next;
    }
    s->number += s->count > 0;
    fv_put(&to, "%s", s->what);
    if (s->counted)
        fv_put(&to, " %d", s->number);
    fv_put(&to, " \"");
    to.left = to.left > 105 ? 105 : to.left;
    for (int i = 0; i < s->count; i++)
        fv_put(&to, "%s%s", i ? " " : "", s->words[i]);
    strcpy(to.left > 1 ? to.at : to.at - 3, to.left > 1 ? "\"" : "...\"");
    return true;
}
