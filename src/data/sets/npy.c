/*
 * npy.c - reads and writes NumPy's array files: .npy, and reads .npz, a zip of them.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * "\x93NUMPY", a version and a length are followed by a Python dict as text:
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
 * and the elements; only C order is supported. Layer 3, data. Calls the base.
 */
#include "data/data.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *code; /* descr without its byte order */
    fv_type type;
} types[] = {{"u1", FV_U8},  {"i1", FV_I8},  {"i2", FV_I16}, {"i4", FV_I32},
             {"i8", FV_I64}, {"f4", FV_F32}, {"f8", FV_F64}, {"b1", FV_U8}};

typedef struct npy {
    fv_ctx *ctx;
    const char *name;
    const uint8_t *bytes;
    size_t size;
    const char *at, *end; /* unread part of the dict */
    char descr[32];
    bool fortran, big_endian;
    bool has[3]; /* descr, fortran_order, shape */
    fv_array *array;
} npy;

/* ---- the dict ------------------------------------------------------------------------------ */

static bool fail_dict(const npy *n, const char *expected)
{
    size_t left = (size_t)(n->end - n->at);
    fv_fail(n->ctx, FV_E_DATA, "\"%s\": its header is not NumPy's: expected %s at \"%.*s\"",
            n->name, expected, (int)(left < 20 ? left : 20), n->at);
    return false;
}

/* Skips blanks, then consumes c if it is next. Returns whether it was. */
static bool take(npy *n, char c)
{
    while (n->at < n->end && isspace((unsigned char)*n->at))
        n->at++;
    bool here = n->at < n->end && *n->at == c;
    n->at += here;
    return here;
}

static bool take_text(npy *n, char *text, size_t capacity)
{
    char quote = '\'';
    if (!take(n, '\'') && !take(n, quote = '"'))
        return fail_dict(n, "a text in quotes");
    size_t used = 0;
    while (n->at < n->end && *n->at != quote && used + 1 < capacity)
        text[used++] = *n->at++;
    text[used] = '\0';
    return take(n, quote) || fail_dict(n, "the end of a text");
}

static bool take_word(npy *n, const char *word)
{
    take(n, ' ');
    size_t size = strlen(word);
    bool here = (size_t)(n->end - n->at) >= size && memcmp(n->at, word, size) == 0;
    n->at += here ? size : 0;
    return here;
}

/* (2, 3) or (2,) or (2L, 3L) */
static bool take_shape(npy *n)
{
    fv_array *a = n->array;
    if (!take(n, '('))
        return fail_dict(n, "a shape");
    while (!take(n, ')')) {
        int64_t dim = 0;
        const char *start = n->at;
        for (; n->at < n->end && isdigit((unsigned char)*n->at) && dim < INT64_MAX / 20; n->at++)
            dim = dim * 10 + (*n->at - '0');
        if (n->at == start)
            return fail_dict(n, "a dimension");
        if (a->ndim < 4)
            a->dims[a->ndim] = dim;
        a->ndim++;
        take(n, 'L');
        if (!take(n, ',') && (n->at == n->end || *n->at != ')'))
            return fail_dict(n, "\",\" or \")\"");
    }
    return true;
}

static bool take_item(npy *n)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    char key[32];
    if (!take_text(n, key, sizeof key))
        return false;
    int k = 0;
    while (k < 3 && strcmp(keys[k], key) != 0)
        k++;
    if (k == 3 || n->has[k] || !take(n, ':'))
        return fail_dict(n, "descr, fortran_order and shape, once each,");
    n->has[k] = true;
    if (k == 0 && take(n, '['))
        return fv_fail(n->ctx, FV_E_DATA, "\"%s\" is an array of records, which is not read",
                       n->name) == FV_OK;
    if (k == 0)
        return take_text(n, n->descr, sizeof n->descr);
    if (k == 2)
        return take_shape(n);
    n->fortran = take_word(n, "True");
    return n->fortran || take_word(n, "False") || fail_dict(n, "True or False");
}

static bool read_dict(npy *n)
{
    if (!take(n, '{'))
        return fail_dict(n, "{");
    while (!take(n, '}')) {
        if (!take_item(n))
            return false;
        if (!take(n, ',') && (n->at == n->end || *n->at != '}'))
            return fail_dict(n, "\",\" or \"}\"");
    }
    take(n, '\n'); /* skips the blanks before it too */
    if (n->at != n->end || !n->has[0] || !n->has[1] || !n->has[2])
        return fail_dict(n, "descr, fortran_order and shape, once each,");
    return true;
}

/* ---- the file ------------------------------------------------------------------------------ */

static bool read_header(npy *n)
{
    const uint8_t *p = n->bytes;
    if (n->size < 10 || memcmp(p, "\x93NUMPY", 6) != 0) {
        fv_fail(n->ctx, FV_E_DATA, "\"%s\" is not a .npy: it does not begin with 93 NUMPY",
                n->name);
        return false;
    }
    size_t start = p[6] == 1 ? 10 : 12, length = p[8] | (size_t)p[9] << 8;
    if (p[6] < 1 || p[6] > 3) {
        fv_fail(n->ctx, FV_E_DATA, "\"%s\": version %d.%d of .npy is not read; 1 to 3 are", n->name,
                p[6], p[7]);
        return false;
    }
    if (p[6] > 1 && n->size >= 12)
        length |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    if (n->size < start || length > n->size - start) {
        fv_fail(n->ctx, FV_E_DATA, "\"%s\" is cut off in its header", n->name);
        return false;
    }
    n->at = (const char *)p + start;
    n->end = n->at + length;
    return read_dict(n);
}

static bool check_type(npy *n)
{
    const char *d = n->descr;
    bool marked = d[0] && strchr("<>|=", d[0]);
    n->big_endian = d[0] == '>';
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        if (strcmp(d + marked, types[t].code) == 0) {
            n->array->type = types[t].type;
            return true;
        }
    fv_fail(n->ctx, FV_E_DATA,
            "\"%s\": elements of type \"%s\" are not read; u1 i1 i2 i4 i8 f4 f8 b1 are\n"
            "help: array.astype('float32') before it is saved",
            n->name, d);
    return false;
}

/* Checks order, number of dimensions and the size of the data. */
static bool check_shape(npy *n)
{
    fv_array *a = n->array;
    if (n->fortran)
        return fv_fail(n->ctx, FV_E_DATA,
                       "\"%s\" is in Fortran order, which is not read\n"
                       "help: numpy.save(path, numpy.ascontiguousarray(array))",
                       n->name) == FV_OK;
    if (a->ndim < 1 || a->ndim > 4)
        return fv_fail(n->ctx, FV_E_DATA, "\"%s\" has %d dimensions; 1 to 4 are read", n->name,
                       a->ndim) == FV_OK;
    size_t element = fv_type_size(a->type),
           have = n->size - (size_t)(n->end - (const char *)n->bytes);
    bool fits = true;
    a->count = 1;
    for (int d = 0; d < a->ndim; d++) {
        size_t dim = (size_t)a->dims[d];
        fits = fits && (dim == 0 || a->count <= SIZE_MAX / 16 / dim);
        a->count = fits ? a->count * dim : 0;
    }
    char text[120];
    fv_array_text(a, text, sizeof text);
    if (fits && a->count * element == have)
        return true;
    fv_fail(n->ctx, FV_E_DATA, "\"%s\": %s need %zu bytes behind the header, but it has %zu",
            n->name, text, fits ? a->count * element : SIZE_MAX, have);
    return false;
}

static fv_array *parse(fv_ctx *ctx, const uint8_t *bytes, size_t size, const char *name)
{
    npy n = {.ctx = ctx, .name = name, .bytes = bytes, .size = size, .array = fv_array_start(ctx)};
    fv_array *a = n.array;
    if (a && read_header(&n) && check_type(&n) && check_shape(&n)) {
        size_t element = fv_type_size(a->type);
        a->data = fv_alloc(ctx, a->count, element);
        if (a->data && a->count) {
            memcpy(a->data, n.end, a->count * element);
            fv_order_bytes(a->data, a->count, element, n.big_endian);
        }
    }
    if (a && !fv_error(ctx))
        return a;
    fv_array_free(a);
    return NULL;
}

fv_array *fv_npy_read(fv_ctx *ctx, const char *path)
{
    if (fv_stopped(ctx, __func__))
        return NULL;
    size_t size;
    uint8_t *bytes = fv_read_file(ctx, path, &size);
    fv_array *array = bytes ? parse(ctx, bytes, size, path) : NULL;
    fv_release(ctx, bytes);
    return array;
}

/* Reads the array `key` of a .npz in memory. */
static fv_array *parse_key(fv_ctx *ctx, const uint8_t *bytes, size_t size, const char *path,
                           const char *key)
{
    char entry[300], name[512];
    snprintf(entry, sizeof entry, "%.250s.npy", key);
    snprintf(name, sizeof name, "%.250s: %.250s", path, entry);
    size_t length;
    uint8_t *inner = fv_zip_read(ctx, bytes, size, path, entry, &length);
    fv_array *array = inner ? parse(ctx, inner, length, name) : NULL;
    fv_release(ctx, inner);
    return array;
}

fv_array *fv_npz_read(fv_ctx *ctx, const char *path, const char *key)
{
    if (fv_stopped(ctx, __func__))
        return NULL;
    if (!key) {
        fv_fail(ctx, FV_E_ARG, "fv_npz_read: key is NULL");
        return NULL;
    }
    size_t size;
    uint8_t *bytes = fv_read_file(ctx, path, &size);
    fv_array *array = bytes ? parse_key(ctx, bytes, size, path, key) : NULL;
    fv_release(ctx, bytes);
    return array;
}

/* ---- writing ------------------------------------------------------------------------------- */

/* Writes the header as NumPy does, padded so that elements start at a multiple of 64 bytes. */
static size_t write_header(const fv_array *array, char *to, size_t capacity)
{
    size_t t = 0;
    while (types[t].type != array->type)
        t++;
    size_t used = 10 + (size_t)snprintf(to + 10, capacity - 10,
                                        "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                                        fv_type_size(array->type) == 1 ? '|' : '<', types[t].code);
    for (int d = 0; d < array->ndim; d++)
        used += (size_t)snprintf(to + used, capacity - used, "%lld%s", (long long)array->dims[d],
                                 d + 1 < array->ndim ? ", "
                                 : array->ndim == 1  ? ","
                                                     : "");
    used += (size_t)snprintf(to + used, capacity - used, "), }");
    size_t size = (used + 1 + 63) / 64 * 64;
    memset(to + used, ' ', size - used);
    to[size - 1] = '\n';
    memcpy(to, "\x93NUMPY\1\0", 8);
    to[8] = (char)((size - 10) & 0xff);
    to[9] = (char)((size - 10) >> 8);
    return size;
}

fv_status fv_npy_write(fv_ctx *ctx, const char *path, const fv_array *array)
{
    if (fv_stopped(ctx, __func__))
        return fv_error(ctx);
    if (!fv_array_is_sound(array))
        return fv_fail(ctx, FV_E_ARG, "fv_npy_write: " FV_ARRAY_SOUND);
    char header[256];
    size_t start = write_header(array, header, sizeof header), element = fv_type_size(array->type);
    size_t size = start + array->count * element;
    char *bytes = fv_alloc(ctx, size, 1);
    if (!bytes)
        return fv_error(ctx);
    memcpy(bytes, header, start);
    memcpy(bytes + start, array->data, array->count * element);
    fv_order_bytes(bytes + start, array->count, element, false);
    fv_status status = fv_write_file(ctx, path, bytes, size);
    fv_release(ctx, bytes);
    return status;
}

/* ---- data sets ----------------------------------------------------------------------------- */

/* Keras stores channels last: transposes [N,H,W,C] to [N,C,H,W] where C can only be last. */
static fv_array *planes_first(fv_ctx *ctx, fv_array *images, const char *name)
{
    bool last = images && images->ndim == 4 && images->dims[1] != 1 && images->dims[1] != 3 &&
                (images->dims[3] == 1 || images->dims[3] == 3) && images->count;
    if (!last)
        return images;
    fv_note(ctx, FV_LOG_NOTE,
            "\"%s\": images of %lld x %lld x %lld are taken as rows, columns, "
            "channels",
            name, (long long)images->dims[1], (long long)images->dims[2],
            (long long)images->dims[3]);
    fv_array *transposed = fv_array_copy(ctx, images, true);
    fv_array_free(images);
    return transposed;
}

fv_dataset *fv_dataset_npy(fv_ctx *ctx, const char *images, const char *labels, int classes)
{
    fv_array *pixels = fv_npy_read(ctx, images), *ids = fv_npy_read(ctx, labels);
    pixels = planes_first(ctx, pixels, images);
    return fv_dataset_of_arrays(ctx, pixels, ids, classes, images, labels);
}

fv_dataset *fv_dataset_npz(fv_ctx *ctx, const char *path, fv_split split, int classes)
{
    if (fv_stopped(ctx, __func__))
        return NULL;
    bool train = split == FV_TRAIN;
    size_t size;
    uint8_t *bytes = fv_read_file(ctx, path, &size);
    fv_array *images = NULL, *labels = NULL;
    if (bytes)
        images = parse_key(ctx, bytes, size, path, train ? "x_train" : "x_test");
    if (images)
        labels = parse_key(ctx, bytes, size, path, train ? "y_train" : "y_test");
    fv_release(ctx, bytes);
    images = planes_first(ctx, images, path);
    return fv_dataset_of_arrays(ctx, images, labels, classes, path, path);
}
