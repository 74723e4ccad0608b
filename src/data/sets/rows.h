/*
 * rows.h - reads a CSV file row by row (RFC 4180). Layer 3, data. Calls the base.
 */
#ifndef FV_ROWS_H
#define FV_ROWS_H

#include "data/data.h"

enum { FV_FIELDS_MAX = 256 };

typedef struct fv_rows {
    fv_ctx *ctx;
    const char *path;
    char *bytes, *at, *end;
    int line, next_line; /* first line of this row and of the next */
    int count;           /* columns, the same in every row */
    char *header[FV_FIELDS_MAX], *fields[FV_FIELDS_MAX]; /* valid until fv_rows_close */
} fv_rows;

/* Reads the file and its header. On failure nothing needs to be closed. */
bool fv_rows_open(fv_rows *rows, fv_ctx *ctx, const char *path);
/* Reads the next row that is not blank into fields. Returns false at the end or after an error. */
bool fv_rows_next(fv_rows *rows);
void fv_rows_close(fv_rows *rows);

/* Returns the index of the column of this name, or -1. */
int fv_rows_column(const fv_rows *rows, const char *name);
/* Sets FV_E_DATA: "PATH" line N: and the text. Returns false. */
bool fv_rows_fail(const fv_rows *rows, const char *format, ...) FV_PRINTF(2, 3);

/* Returns true and sets *value if text is an integer. */
bool fv_read_integer(const char *text, int64_t *value);

#endif
