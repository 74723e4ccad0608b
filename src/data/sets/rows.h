/*
 * rows.h - a CSV file row by row, as RFC 4180 has it. Layer 3, data. Calls the base.
 */
#ifndef FV_ROWS_H
#define FV_ROWS_H

#include "data/data.h"

enum { FV_FIELDS_MAX = 256 };

typedef struct fv_rows {
    fv_ctx *ctx;
    const char *path;
    char *bytes, *at, *end;
    int line, next_line; /* where the row began; where the next one will */
    int count;           /* of columns, the same in every row */
    char *header[FV_FIELDS_MAX], *fields[FV_FIELDS_MAX]; /* they live until fv_rows_close */
} fv_rows;

/* Reads the file and its header. On failure there is nothing to close. */
bool fv_rows_open(fv_rows *rows, fv_ctx *ctx, const char *path);
/* The next row that is not blank, into fields; false at the end or on an error. */
bool fv_rows_next(fv_rows *rows);
void fv_rows_close(fv_rows *rows);

/* The number of the column of this name; -1: there is none. */
int fv_rows_column(const fv_rows *rows, const char *name);
/* FV_E_DATA: "PATH" line N: and the text. Returns false. */
bool fv_rows_fail(const fv_rows *rows, const char *format, ...) FV_PRINTF(2, 3);

/* Whether text is an integer, and which. */
bool fv_read_integer(const char *text, int64_t *value);

#endif
