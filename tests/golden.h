/*
 * golden.h - reads recorded results of PyTorch, for tests.
 *
 * golden/record.py writes them and describes the format: cases, each a line `case key=value ...`,
 * with named arrays. The file is read whole, and arrays are used in place. If the file is damaged
 * or lacks what a test needs, the program ends with a message: a test without its data has failed.
 * Plain C11.
 *
 *     golden g;
 *     golden_open(&g, "ops.bin");
 *     while (golden_next(&g))
 *         use(g.line, golden_int(&g, "n"), golden_f32(&g, "x", count));
 *     golden_close(&g);
 */
#ifndef FV_GOLDEN_H
#define FV_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fovea.h"

#ifndef FV_GOLDEN_DIR
#define FV_GOLDEN_DIR "tests/golden"
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the golden files are little endian, and read as they lie"
#endif

enum { GOLDEN_ARRAYS_MAX = 96, GOLDEN_LINE_MAX = 512, GOLDEN_NAME_MAX = 32 };

typedef struct golden_array {
    char name[GOLDEN_NAME_MAX];
    bool is_f32; /* float; otherwise int64_t */
    int ndim;
    size_t dims[4]; /* unused ones are 1 */
    size_t count;
    const void *data;
} golden_array;

typedef struct golden {
    char path[512];
    char *bytes;                /* size bytes and a terminating 0 */
    size_t size, at;            /* at: start of the next line */
    char line[GOLDEN_LINE_MAX]; /* line of the current case, from "case " on */
    golden_array arrays[GOLDEN_ARRAYS_MAX];
    int count; /* arrays in the current case */
} golden;

/* ---- errors ------------------------------------------------------------------------------- */

static inline _Noreturn void golden_fail(const golden *g, const char *what, const char *name)
{
    fprintf(stderr, "%s: %s %s\n  %s at byte %zu of %zu\n", g->path, what, name,
            g->line[0] ? g->line : "before the first case,", g->at, g->size);
    exit(1);
}

/* ---- open, next case, close ----------------------------------------------------------------- */

/* Reads the file of that name, such as "ops.bin". */
static inline void golden_open(golden *g, const char *name)
{
    memset(g, 0, sizeof *g);
    snprintf(g->path, sizeof g->path, "%s/%s", FV_GOLDEN_DIR, name);
    FILE *file = fopen(g->path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        golden_fail(g, "cannot be opened;", "golden/record.py writes it");
    long size = ftell(file);
    rewind(file);
    g->size = size > 0 ? (size_t)size : 0;
    g->bytes = malloc(g->size + 1);
    if (!g->bytes || fread(g->bytes, 1, g->size, file) != g->size)
        golden_fail(g, "cannot be read", "");
    g->bytes[g->size] = 0;
    fclose(file);
}

static inline void golden_close(golden *g)
{
    free(g->bytes);
    memset(g, 0, sizeof *g);
}

/* Copies the next line without its end into line and advances behind it. */
static inline void golden_take_line(golden *g, char line[GOLDEN_LINE_MAX])
{
    const char *start = g->bytes + g->at;
    const char *end = memchr(start, '\n', g->size - g->at);
    if (!end || end - start >= GOLDEN_LINE_MAX)
        golden_fail(g, "damaged: no end of a line", "");
    memcpy(line, start, (size_t)(end - start));
    line[end - start] = 0;
    g->at += (size_t)(end - start) + 1;
}

static inline void golden_take_array(golden *g)
{
    char line[GOLDEN_LINE_MAX], type[4];
    golden_array *a = &g->arrays[g->count];
    golden_take_line(g, line);
    *a = (golden_array){.dims = {1, 1, 1, 1}, .count = 1};
    int found = sscanf(line, "%31s %3s %d %zu %zu %zu %zu", a->name, type, &a->ndim, &a->dims[0],
                       &a->dims[1], &a->dims[2], &a->dims[3]);
    a->is_f32 = found >= 3 && strcmp(type, "f32") == 0;
    if (found < 4 || found != 3 + a->ndim || (!a->is_f32 && strcmp(type, "i64") != 0))
        golden_fail(g, "damaged: not an array:", line);
    for (int d = 0; d < a->ndim; d++)
        a->count *= a->dims[d];
    size_t bytes = a->count * (a->is_f32 ? sizeof(float) : sizeof(int64_t));
    if (g->at % 8 != 0 || bytes > g->size - g->at)
        golden_fail(g, "damaged: no aligned and whole data of", line);
    a->data = g->bytes + g->at;
    g->at += bytes;
    g->count++;
}

/* Reads the next case, whose line becomes g->line. Returns false at the end of the file. */
static inline bool golden_next(golden *g)
{
    if (g->at == g->size)
        return false;
    g->count = 0;
    golden_take_line(g, g->line);
    if (strncmp(g->line, "case ", 5) != 0)
        golden_fail(g, "damaged: no case where one should start", "");
    while (g->at < g->size && strncmp(g->bytes + g->at, "case ", 5) != 0) {
        if (g->count == GOLDEN_ARRAYS_MAX)
            golden_fail(g, "more arrays in a case than golden.h has room for", "");
        golden_take_array(g);
    }
    return true;
}

/* ---- arrays of the current case ------------------------------------------------------------- */

/* Returns NULL if the case has no array of that name. */
static inline const golden_array *golden_find(const golden *g, const char *name)
{
    for (int i = 0; i < g->count; i++)
        if (strcmp(g->arrays[i].name, name) == 0)
            return &g->arrays[i];
    return NULL;
}

static inline const golden_array *golden_get(const golden *g, const char *name, size_t count)
{
    const golden_array *a = golden_find(g, name);
    if (!a || (count && a->count != count))
        golden_fail(g, a ? "another size than asked for:" : "no array", name);
    return a;
}

/* Returns an array of count numbers; count 0 accepts any size. */
static inline const float *golden_f32(const golden *g, const char *name, size_t count)
{
    const golden_array *a = golden_get(g, name, count);
    if (!a->is_f32)
        golden_fail(g, "not float32:", name);
    return a->data;
}

static inline const int64_t *golden_i64(const golden *g, const char *name, size_t count)
{
    const golden_array *a = golden_get(g, name, count);
    if (a->is_f32)
        golden_fail(g, "not int64:", name);
    return a->data;
}

/* ---- keys of the current case --------------------------------------------------------------- */

/* Copies the value of "key=" up to the next blank to text. Returns false without such a key. */
static inline bool golden_text(const golden *g, const char *key, char text[GOLDEN_NAME_MAX])
{
    size_t length = strlen(key);
    for (const char *at = strchr(g->line, ' '); at; at = strchr(at + 1, ' '))
        if (strncmp(at + 1, key, length) == 0 && at[1 + length] == '=') {
            if (sscanf(at + length + 2, "%31s", text) != 1)
                golden_fail(g, "damaged: no value of key", key);
            return true;
        }
    return false;
}

static inline bool golden_is(const golden *g, const char *key, const char *value)
{
    char text[GOLDEN_NAME_MAX];
    return golden_text(g, key, text) && strcmp(text, value) == 0;
}

static inline double golden_double(const golden *g, const char *key)
{
    char text[GOLDEN_NAME_MAX], *end = text;
    double value = golden_text(g, key, text) ? strtod(text, &end) : 0;
    if (end == text || *end)
        golden_fail(g, "no number under key", key);
    return value;
}

static inline int golden_int(const golden *g, const char *key)
{
    return (int)golden_double(g, key);
}

/* Reads a value such as "3x2". */
static inline void golden_pair(const golden *g, const char *key, int *h, int *w)
{
    char text[GOLDEN_NAME_MAX], more;
    if (!golden_text(g, key, text) || sscanf(text, "%dx%d%c", h, w, &more) != 2)
        golden_fail(g, "no pair under key", key);
}

/* ---- lenet.txt: PyTorch's results for a seed ---------------------------------------------- */

/* Reads the value of line `seed N what`; what is "initial", "order1", "loss 100" or "accuracy". */
static inline void golden_seed(int seed, const char *what, char value[GOLDEN_LINE_MAX])
{
    golden g = {.path = FV_GOLDEN_DIR "/lenet.txt"};
    char key[64], line[GOLDEN_LINE_MAX];
    size_t length = (size_t)snprintf(key, sizeof key, "seed %d %s ", seed, what);
    FILE *file = fopen(g.path, "r");
    if (!file)
        golden_fail(&g, "cannot be opened;", "golden/record.py writes it");
    bool found = false;
    while (!found && fgets(line, sizeof line, file))
        found = strncmp(line, key, length) == 0;
    fclose(file);
    if (!found || sscanf(line + length, "%s", value) != 1)
        golden_fail(&g, "no value of", key);
}

/* ---- LeNet-5 -------------------------------------------------------------------------------- */

enum { LENET_PARAMETERS = 61706 };

/* Copies all parameters of the tutorial's net, concatenated. */
static inline void lenet_parameters(const fv_net *net, float all[LENET_PARAMETERS])
{
    size_t count = 0;
    for (int i = 0; i < fv_param_count(net); i++) {
        fv_param p = fv_param_at(net, i);
        assert_true(count + p.count <= LENET_PARAMETERS);
        memcpy(all + count, p.value, p.count * sizeof *all);
        count += p.count;
    }
    assert_int_equal(count, LENET_PARAMETERS);
}

#endif
