/*
 * rows.c - reads a CSV file row by row: commas, quotes, line ends of either kind. RFC 4180.
 *
 * Fields are terminated in place. Layer 3, data. Calls the base.
 */
#include "data/sets/rows.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool fv_rows_fail(const fv_rows *rows, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fv_fail(rows->ctx, FV_E_DATA, "\"%s\" line %d: %s", rows->path, rows->line, text);
    return false;
}

bool fv_read_integer(const char *text, int64_t *value)
{
    bool minus = *text == '-';
    int64_t n = 0;
    text += minus;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || n > INT64_MAX / 40)
            return false;
        n = n * 10 + (*text - '0');
    }
    *value = minus ? -n : n;
    return true;
}

/* Reads the quoted field at rows->at and advances behind it; "" stands for one quote. */
static bool cut_quoted(fv_rows *rows, char **field, char **to)
{
    char *p = rows->at + 1;
    *field = *to = p;
    for (; p < rows->end; p++) {
        if (*p == '"' && p + 1 < rows->end && p[1] == '"')
            p++;
        else if (*p == '"')
            break;
        rows->next_line += *p == '\n';
        *(*to)++ = *p;
    }
    if (p == rows->end)
        return fv_rows_fail(rows, "quotes are opened and not closed");
    rows->at = p + 1;
    bool ends = rows->at == rows->end || *rows->at == ',' || *rows->at == '\n' ||
                (*rows->at == '\r' && (rows->at + 1 == rows->end || rows->at[1] == '\n'));
    if (!ends)
        return fv_rows_fail(rows, "text follows the closing quotes of \"%.*s\"",
                            (int)(*to - *field), *field);
    rows->at += rows->at < rows->end && *rows->at == '\r';
    return true;
}

/* Reads the next field; *behind is the separator after it: a comma, a line end, or 0 at the end. */
static bool cut_field(fv_rows *rows, char **field, char *behind)
{
    char *to;
    if (rows->at < rows->end && *rows->at == '"') {
        if (!cut_quoted(rows, field, &to))
            return false;
    } else {
        *field = rows->at;
        while (rows->at < rows->end && *rows->at != ',' && *rows->at != '\n')
            rows->at++;
        to = rows->at;
        if (to > *field && to[-1] == '\r' && (rows->at == rows->end || *rows->at == '\n'))
            to--;
    }
    *behind = rows->at < rows->end ? *rows->at++ : '\0';
    *to = '\0'; /* the buffer has one byte more than the file */
    return true;
}

/* Reads the fields of a line. Returns their number, or -1 after an error. */
static int cut_row(fv_rows *rows, char **fields)
{
    char behind = ',';
    int count = 0;
    rows->line = rows->next_line;
    while (behind == ',') {
        if (count == FV_FIELDS_MAX) {
            fv_rows_fail(rows, "more than %d columns", FV_FIELDS_MAX);
            return -1;
        }
        if (!cut_field(rows, &fields[count++], &behind))
            return -1;
    }
    rows->next_line++;
    return count;
}

/* Reads the next row that is not blank. Returns 0 at the end, -1 after an error. */
static int next_row(fv_rows *rows, char **fields)
{
    while (rows->at < rows->end) {
        int count = cut_row(rows, fields);
        if (count != 1 || fields[0][0])
            return count;
    }
    return 0;
}

bool fv_rows_next(fv_rows *rows)
{
    int count = next_row(rows, rows->fields);
    if (count <= 0)
        return false;
    if (count == rows->count)
        return true;
    return fv_rows_fail(rows, "expected %d fields, as the header has, found %d", rows->count,
                        count);
}

int fv_rows_column(const fv_rows *rows, const char *name)
{
    for (int i = 0; i < rows->count; i++)
        if (strcmp(rows->header[i], name) == 0)
            return i;
    return -1;
}

void fv_rows_close(fv_rows *rows)
{
    fv_release(rows->ctx, rows->bytes);
}

static bool read_header(fv_rows *rows, size_t size)
{
    rows->at = rows->bytes;
    rows->end = rows->bytes + size;
    if (size >= 3 && memcmp(rows->bytes, "\xef\xbb\xbf", 3) == 0) /* UTF-8 byte order mark */
        rows->at += 3;
    if (memchr(rows->bytes, 0, size)) {
        fv_fail(rows->ctx, FV_E_DATA, "\"%s\" is no CSV in UTF-8: it has bytes that are 0",
                rows->path);
        return false;
    }
    rows->count = next_row(rows, rows->header);
    if (rows->count == 0)
        fv_fail(rows->ctx, FV_E_DATA, "\"%s\" is empty: it has no header", rows->path);
    return rows->count > 0;
}

bool fv_rows_open(fv_rows *rows, fv_ctx *ctx, const char *path)
{
    *rows = (fv_rows){.ctx = ctx, .path = path, .next_line = 1};
    size_t size;
    char *bytes = fv_read_file(ctx, path, &size);
    rows->bytes = bytes ? fv_grow(ctx, bytes, size + 1, 1) : NULL;
    if (bytes && !rows->bytes)
        fv_release(ctx, bytes);
    if (rows->bytes && read_header(rows, size))
        return true;
    fv_rows_close(rows);
    return false;
}
