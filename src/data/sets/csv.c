/*
 * csv.c - data sets listed in a CSV: a file, a box and a class per row. Layer 3, data. Calls the
 * base.
 */
#include "data/sets/files.h"
#include "data/sets/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct csv {
    fv_ctx *ctx;
    const fv_csv_args *args;
    fv_files *files;
    fv_rows rows;
    const char *folder;  /* base of relative file names */
    int file, label;     /* columns; label -1: none */
    int box[4];          /* columns; -1: none */
    const char **labels; /* class of each row, as text */
    size_t labels_capacity;
} csv;

/* ---- columns ------------------------------------------------------------------------------- */

/* Finds the requested column, or one of two default names. */
static bool find_column(const csv *c, const char *asked, const char *by_default, const char *second,
                        int *column)
{
    const fv_rows *rows = &c->rows;
    fv_some names = {0};
    *column = fv_rows_column(rows, asked ? asked : by_default);
    if (*column < 0 && !asked)
        *column = fv_rows_column(rows, second);
    if (*column >= 0)
        return true;
    for (int i = 0; i < rows->count; i++)
        fv_some_add(&names, rows->header[i]);
    return fv_rows_fail(rows, "no column \"%s\"%s%s%s among: %s", asked ? asked : by_default,
                        asked ? "" : " or \"", asked ? "" : second, asked ? "" : "\"", names.text);
}

static bool find_columns(csv *c)
{
    static const char *const names[4] = {"bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2"};
    const fv_csv_args *args = c->args;
    int found = 0;
    c->label = -1;
    if (!find_column(c, args->file, "img_file", "path", &c->file) ||
        (!args->unlabelled && !find_column(c, args->label, "class", "label", &c->label)))
        return false;
    for (int i = 0; i < 4; i++)
        found += (c->box[i] = fv_rows_column(&c->rows, names[i])) >= 0;
    c->files->boxed = found == 4 && !args->whole;
    return found == 0 || found == 4 || args->whole ||
           fv_rows_fail(&c->rows, "a box needs all of bbox_x1, bbox_y1, bbox_x2 and bbox_y2, or "
                                  "none");
}

/* ---- rows ---------------------------------------------------------------------------------- */

/* Reads a number without exponent, rounded to an integer of magnitude below 1e9. */
static bool read_pixel(const char *text, int *value)
{
    double n = 0, unit = 1, sign = *text == '-' ? -1 : 1;
    bool digits = false, point = false;
    for (text += *text == '-'; *text; text++) {
        if (*text == '.' && !point) {
            point = true;
            continue;
        }
        if (*text < '0' || *text > '9')
            return false;
        digits = true;
        n = n * 10 + (*text - '0');
        unit *= point ? 10 : 1;
    }
    n = rint(sign * n / unit);
    *value = fabs(n) < 1e9 ? (int)n : 0;
    return digits && fabs(n) < 1e9;
}

static bool read_box(csv *c, fv_file *file)
{
    for (int i = 0; i < 4; i++) {
        const char *text = c->rows.fields[c->box[i]];
        if (!read_pixel(text, &file->box[i]))
            return fv_rows_fail(&c->rows, "%s is \"%.40s\", but must be a number",
                                c->rows.header[c->box[i]], text);
    }
    if (file->box[0] < file->box[2] && file->box[1] < file->box[3])
        return true;
    return fv_rows_fail(&c->rows,
                        "the box %d,%d,%d,%d is empty or reversed: expected x1 < x2 and "
                        "y1 < y2",
                        file->box[0], file->box[1], file->box[2], file->box[3]);
}

static bool keep_label(csv *c, const char *text)
{
    size_t row = c->files->count - 1;
    if (row >= c->labels_capacity) {
        size_t capacity = 2 * row + 64;
        const char **labels = fv_grow(c->ctx, c->labels, capacity, sizeof *labels);
        if (!labels)
            return false;
        c->labels = labels;
        c->labels_capacity = capacity;
    }
    c->labels[row] = text;
    return true;
}

static bool read_row(csv *c)
{
    const fv_rows *rows = &c->rows;
    const char *name = rows->fields[c->file];
    const char *text = c->label < 0 ? "" : rows->fields[c->label];
    if (!name[0])
        return fv_rows_fail(rows, "%s is empty", rows->header[c->file]);
    if (c->label >= 0 && !text[0])
        return fv_rows_fail(rows, "%s is empty", rows->header[c->label]);
    const char *path = fv_files_text(c->files, name[0] == '/' ? NULL : c->folder, name);
    if (!path || !fv_files_add(c->files, path, -1) || !keep_label(c, text))
        return false;
    fv_file *file = &c->files->list[c->files->count - 1];
    file->line = rows->line;
    return !c->files->boxed || read_box(c, file);
}

static bool read_rows(csv *c)
{
    while (fv_rows_next(&c->rows))
        if (!read_row(c))
            return false;
    if (!fv_error(c->ctx) && c->files->count == 0)
        fv_fail(c->ctx, FV_E_DATA, "\"%s\" has no rows below its header", c->rows.path);
    return !fv_error(c->ctx);
}

/* ---- classes ------------------------------------------------------------------------------- */

/* Reads a table of id,name; ids must be consecutive, from any first one. */
static bool read_table(fv_files *files, const char *path)
{
    fv_rows rows;
    int64_t id;
    if (!fv_rows_open(&rows, files->ctx, path))
        return false;
    int ids = fv_rows_column(&rows, "id"), names = fv_rows_column(&rows, "name");
    bool ok = ids >= 0 && names >= 0;
    if (!ok)
        fv_rows_fail(&rows, "a table of classes needs the columns id and name");
    while (ok && fv_rows_next(&rows)) {
        const char *text = rows.fields[ids];
        int64_t expected = files->first_id + (int64_t)files->class_count;
        if (!fv_read_integer(text, &id))
            ok = fv_rows_fail(&rows, "id is \"%.40s\", but must be an integer", text);
        else if (files->class_count == 0)
            files->first_id = id;
        else if (id != expected)
            ok = fv_rows_fail(&rows, "id %lld where %lld is expected: ids must follow one another",
                              (long long)id, (long long)expected);
        ok = ok && fv_files_class(files, rows.fields[names]);
    }
    if (ok && !fv_error(files->ctx) && files->class_count == 0)
        ok = fv_rows_fail(&rows, "a table without classes");
    files->by_id = true;
    fv_rows_close(&rows);
    return ok && !fv_error(files->ctx);
}

/* Adds classes that are numbers: from 0 or 1 to the largest, without a gap. */
static bool number_ids(csv *c, int64_t least, int64_t most)
{
    fv_files *files = c->files;
    if (least < 0 || least > 1 || most - least >= (int64_t)files->count) {
        fv_fail(c->ctx, FV_E_CLASS,
                "\"%s\": classes are numbered from %lld to %lld in %zu rows; expected from 0 or 1 "
                "on, all of them\nhelp: give a table of id,name as .classes",
                c->rows.path, (long long)least, (long long)most, files->count);
        return false;
    }
    files->by_id = true;
    files->first_id = least;
    size_t n = (size_t)(most - least + 1);
    const char **names = fv_alloc(c->ctx, n, sizeof *names);
    for (size_t i = 0; names && i < files->count; i++) {
        int64_t id;
        fv_read_integer(c->labels[i], &id);
        names[id - least] = c->labels[i];
    }
    bool ok = names;
    for (size_t i = 0; ok && i < n; i++) {
        if (!names[i])
            fv_fail(c->ctx, FV_E_CLASS,
                    "\"%s\": no row is of class %lld, but others are of classes up to %lld\n"
                    "help: give a table of id,name as .classes, or number the classes without gaps",
                    c->rows.path, (long long)(least + (int64_t)i), (long long)most);
        ok = names[i] && fv_files_class(files, names[i]);
    }
    fv_release(c->ctx, names);
    return ok;
}

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Adds classes that are words, sorted by bytes. */
static bool sort_names(csv *c)
{
    size_t n = c->files->count;
    const char **sorted = fv_alloc(c->ctx, n, sizeof *sorted);
    bool ok = sorted;
    if (ok) {
        memcpy(sorted, c->labels, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, compare_texts);
    }
    for (size_t i = 0; ok && i < n; i++)
        if (i == 0 || strcmp(sorted[i - 1], sorted[i]) != 0)
            ok = fv_files_class(c->files, sorted[i]);
    fv_release(c->ctx, sorted);
    return ok;
}

/* Adds the classes found in the rows. */
static bool find_classes(csv *c)
{
    int64_t id, least = INT64_MAX, most = INT64_MIN;
    for (size_t i = 0; i < c->files->count; i++) {
        if (!fv_read_integer(c->labels[i], &id))
            return sort_names(c);
        least = id < least ? id : least;
        most = id > most ? id : most;
    }
    return number_ids(c, least, most);
}

static bool set_label(csv *c, size_t row)
{
    fv_file *file = &c->files->list[row];
    const char *text = c->labels[row];
    int64_t id;
    if (c->files->by_id && fv_read_integer(text, &id))
        file->label = id - c->files->first_id;
    else
        file->label = fv_files_find_class(c->files, text);
    if (file->label >= 0 && file->label < (int64_t)c->files->class_count)
        return true;
    fv_fail(c->ctx, FV_E_CLASS, "\"%s\" line %d: \"%.100s\" is none of the %zu classes",
            c->rows.path, file->line, text, c->files->class_count);
    return false;
}

static bool set_labels(csv *c)
{
    const fv_csv_args *args = c->args;
    if (args->like) {
        if (fv_files_like(c->files, args->like))
            return false;
    } else if (args->classes) {
        if (!read_table(c->files, args->classes))
            return false;
    } else if (args->unlabelled) {
        return fv_files_class(c->files, "unknown");
    } else if (!find_classes(c)) {
        return false;
    }
    for (size_t i = 0; !args->unlabelled && i < c->files->count; i++)
        if (!set_label(c, i))
            return false;
    return true;
}

/* ---- files --------------------------------------------------------------------------------- */

static bool check_missing(csv *c)
{
    fv_some missing = {0};
    struct stat st;
    for (size_t i = 0; i < c->files->count; i++)
        if (stat(c->files->list[i].path, &st) != 0)
            fv_some_add(&missing, c->files->list[i].path);
    if (missing.count)
        fv_fail(c->ctx, FV_E_PATH,
                "\"%s\": %lld of %zu files are missing: %s\n"
                "help: give the folder that the names are relative to as .images",
                c->rows.path, (long long)missing.count, c->files->count, missing.text);
    return missing.count == 0;
}

/* Notes pictures in the folder that no row names; leaving them out may be intended. */
static bool note_unlisted(csv *c)
{
    fv_some unlisted = {0};
    fv_files *there = fv_files_new(c->ctx);
    size_t n = c->files->count;
    const char **listed = there ? fv_alloc(c->ctx, n, sizeof *listed) : NULL;
    bool ok = listed && fv_walk_pictures(there, c->folder, -1);
    for (size_t i = 0; ok && i < n; i++)
        listed[i] = c->files->list[i].path;
    if (ok)
        qsort(listed, n, sizeof *listed, compare_texts);
    for (size_t i = 0; ok && i < there->count; i++)
        if (!bsearch(&there->list[i].path, listed, n, sizeof *listed, compare_texts))
            fv_some_add(&unlisted, there->list[i].path);
    if (ok && unlisted.count)
        fv_note(c->ctx, FV_LOG_NOTE, "%lld pictures are not in \"%s\": %s",
                (long long)unlisted.count, c->rows.path, unlisted.text);
    fv_release(c->ctx, listed);
    fv_files_free(there);
    return ok;
}

/* ---- public -------------------------------------------------------------------------------- */

static fv_status check_args(const fv_csv_args *args, fv_wish *wish)
{
    fv_ctx *ctx = args->ctx;
    if (!args->path)
        return fv_fail(ctx, FV_E_ARG, "fv_dataset_csv: path is NULL");
    if (args->margin < 0 || args->margin > 1000000)
        return fv_fail(ctx, FV_E_ARG, "fv_dataset_csv: margin is %d, but must be 0 to 1000000",
                       args->margin);
    return fv_wish_check(ctx, "fv_dataset_csv", args->channels ? args->channels : 3, args->at_least,
                         wish);
}

/* Finds the base of relative names: .images, or the CSV's folder. NULL is the current folder. */
static bool find_folder(csv *c)
{
    const char *path = c->args->path, *slash = strrchr(path, '/');
    c->folder = c->args->images;
    if (c->folder || !slash)
        return true;
    char *folder = fv_copy_text(c->ctx, path);
    if (!folder)
        return false;
    folder[slash - path] = '\0';
    c->folder = fv_files_text(c->files, NULL, folder);
    fv_release(c->ctx, folder);
    return c->folder;
}

static bool read_csv(csv *c)
{
    c->files->source = fv_files_text(c->files, NULL, c->args->path);
    return c->files->source && find_folder(c) && find_columns(c) && read_rows(c) && set_labels(c) &&
           check_missing(c) && (!c->args->images || note_unlisted(c));
}

fv_dataset *fv_dataset_csv_opt(fv_csv_args args)
{
    fv_ctx *ctx = args.ctx;
    fv_wish wish;
    if (fv_stopped(ctx, __func__) || check_args(&args, &wish))
        return NULL;
    csv c = {.ctx = ctx, .args = &args, .files = fv_files_new(ctx)};
    bool ok = c.files && fv_rows_open(&c.rows, ctx, args.path);
    if (ok) {
        ok = read_csv(&c);
        fv_rows_close(&c.rows);
    }
    fv_release(ctx, c.labels);
    if (!ok) {
        fv_files_free(c.files);
        return NULL;
    }
    c.files->margin = args.margin;
    c.files->wish = wish;
    if (c.files->boxed) /* boxes are in pixels of the whole picture */
        c.files->wish.height = c.files->wish.width = 0;
    return fv_files_dataset(c.files, args.path);
}
