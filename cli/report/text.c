/*
 * text.c - text in report.html: escaped, names of classes, the command line.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

/* ---- escaping ------------------------------------------------------------------------------- */

/* Bytes of the character of UTF-8 that text begins with, which XML allows; 0: it is none. */
static int character(const unsigned char *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* shorter forms are for less */
    int n = text[0] < 0x80       ? 1
            : text[0] >> 5 == 6  ? 2
            : text[0] >> 4 == 14 ? 3
            : text[0] >> 3 == 30 ? 4
                                 : 0;
    uint32_t code = n > 1 ? text[0] & (0x7fu >> n) : text[0];
    for (int i = 1; i < n; i++) {
        if (text[i] >> 6 != 2)
            return 0;
        code = code << 6 | (text[i] & 0x3f);
    }
    if (n == 1)
        return code >= ' ' ? code != 0x7f : code == '\n' || code == '\t';
    if (code < 0xa0 || code < least[n] || (code >= 0xd800 && code < 0xe000) || code >= 0x110000)
        return 0;
    return code == 0xfffe || code == 0xffff ? 0 : n;
}

static void put_part(FILE *f, const char *text, size_t length)
{
    static const char special[] = "&<>\"'";
    static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (const char *at = text, *end = text + length; at < end;) {
        const char *found = strchr(special, *at);
        int n = character((const unsigned char *)at);
        if (found)
            fputs(names[found - special], f);
        else if (n == 0)
            fputs("\xef\xbf\xbd", f);
        else
            fwrite(at, 1, (size_t)n, f);
        at += n > 0 ? n : 1;
    }
}

void put_html(FILE *f, const char *text)
{
    put_part(f, text, strlen(text));
}

void put_class(FILE *f, const training *t, int label)
{
    const char *name = fv_dataset_class_name(t->data.train, label);
    if (name)
        put_html(f, name);
    else
        fprintf(f, "%d", label);
}

/* ---- the command line ----------------------------------------------------------------------- */

/* As a word of a shell: in quotes unless nothing in it means anything there. */
static void put_word(FILE *f, const char *word)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_-./:=,+@%";
    if (*word && word[strspn(word, plain)] == '\0') {
        put_html(f, word);
        return;
    }
    fputs("&#39;", f);
    for (const char *quote; (quote = strchr(word, '\'')) != NULL; word = quote + 1) {
        put_part(f, word, (size_t)(quote - word));
        fputs("&#39;\\&#39;&#39;", f);
    }
    put_html(f, word);
    fputs("&#39;", f);
}

/* With as few digits as bring the same number back. */
static void put_number(FILE *f, double value)
{
    char text[40];
    int digits = 1;
    do
        snprintf(text, sizeof text, "%.*g", digits, value);
    while (digits++ < 17 && strtod(text, NULL) != value);
    fputs(text, f);
}

static void put_value(FILE *f, const option *o, const settings *s)
{
    const void *field = (const char *)s + o->field;
    if (o->kind == KIND_INT)
        fprintf(f, "%d", *(const int *)field);
    else if (o->kind == KIND_NUMBER)
        put_number(f, *(const double *)field);
    else if (o->kind == KIND_SEED)
        fprintf(f, "%llu", (unsigned long long)*(const uint64_t *)field);
    else
        put_word(f, *(const char *const *)field);
}

void put_command_line(FILE *f, const training *t)
{
    const uint64_t talk = TAKES(OPT_OUT) | TAKES(OPT_JSON) | TAKES(OPT_QUIET) | TAKES(OPT_VERBOSE) |
                          TAKES(OPT_NO_REPORT) | TAKES(OPT_LOG_INTERVAL);
    fputs("fovea train ", f);
    put_word(f, t->data.typed);
    for (option_id id = 0; id < OPT_COUNT; id++) {
        if (!(t->s->given & TAKES(id) & ~talk))
            continue;
        bool flag = options[id].kind == KIND_FLAG;
        fprintf(f, " --%s%s", options[id].name, flag ? "" : " ");
        if (!flag)
            put_value(f, &options[id], t->s);
    }
}
