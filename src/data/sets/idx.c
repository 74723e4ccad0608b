/*
 * idx.c - reads IDX, the format of MNIST: 00 00, element type, number of dimensions, dimensions as
 * big-endian 32-bit numbers, then the elements, big-endian too. http://yann.lecun.com/exdb/mnist/
 *
 * Bytes are read sequentially from memory or a gzip stream; data memory is allocated only after the
 * header was checked. Layer 3, data. Calls the base.
 */
#include "data/data.h"

#include <string.h>

typedef struct source {
    fv_ctx *ctx;
    const char *name;
    const uint8_t *bytes; /* unread bytes of a plain file */
    size_t left;
    fv_gzip *gz; /* NULL for a plain file */
    size_t at;   /* bytes read so far */
} source;

static fv_status read_some(source *s, void *to, size_t size, size_t *done)
{
    if (s->gz) {
        if (fv_gzip_read(s->gz, to, size, done))
            return fv_error(s->ctx);
    } else {
        *done = size < s->left ? size : s->left;
        if (*done > 0) {
            memcpy(to, s->bytes, *done);
            s->bytes += *done;
            s->left -= *done;
        }
    }
    s->at += *done;
    return FV_OK;
}

/* ---- header ------------------------------------------------------------------------------- */

/* The element types and their codes in the file. */
static const struct {
    uint8_t code;
    fv_type type;
} types[] = {
    {0x08, FV_U8}, {0x09, FV_I8}, {0x0b, FV_I16}, {0x0c, FV_I32}, {0x0d, FV_F32}, {0x0e, FV_F64},
};

static fv_status read_magic(source *s, fv_array *array)
{
    uint8_t magic[4];
    size_t n;
    if (read_some(s, magic, sizeof magic, &n))
        return fv_error(s->ctx);
    if (n < sizeof magic)
        return fv_fail(s->ctx, FV_E_DATA,
                       "\"%s\": too short for IDX: expected a header of 4 bytes, found %zu",
                       s->name, n);
    if (magic[0] != 0 || magic[1] != 0)
        return fv_fail(s->ctx, FV_E_DATA,
                       "\"%s\" is not IDX: expected 00 00 at byte 0, found %02x %02x", s->name,
                       magic[0], magic[1]);
    size_t t = 0;
    while (t < sizeof types / sizeof *types && types[t].code != magic[2])
        t++;
    if (t == sizeof types / sizeof *types)
        return fv_fail(s->ctx, FV_E_DATA,
                       "\"%s\": unknown element type at byte 2: expected 08 (uint8), 09 (int8), "
                       "0b (int16), 0c (int32), 0d (float32) or 0e (float64), found %02x",
                       s->name, magic[2]);
    if (magic[3] < 1 || magic[3] > 4)
        return fv_fail(s->ctx, FV_E_DATA,
                       "\"%s\": bad number of dimensions at byte 3: expected 1 to 4, found %d",
                       s->name, magic[3]);
    array->type = types[t].type;
    array->ndim = magic[3];
    return FV_OK;
}

static fv_status read_dims(source *s, fv_array *array)
{
    uint8_t raw[16];
    char text[80];
    size_t n, size = 4 * (size_t)array->ndim;
    if (read_some(s, raw, size, &n))
        return fv_error(s->ctx);
    if (n < size)
        return fv_fail(s->ctx, FV_E_DATA,
                       "\"%s\": cut off in its header: expected %zu bytes for %d dimensions, found "
                       "%zu",
                       s->name, 4 + size, array->ndim, 4 + n);
    array->count = 1;
    bool fits = true;
    for (int d = 0; d < 4; d++) {
        const uint8_t *p = raw + 4 * d;
        array->dims[d] = 1;
        if (d < array->ndim)
            array->dims[d] = (int64_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
        size_t dim = (size_t)array->dims[d], most = SIZE_MAX / 16;
        fits = fits && (dim == 0 || array->count <= most / dim);
        array->count = fits ? array->count * dim : 0;
    }
    if (fits)
        return FV_OK;
    fv_array_text(array, text, sizeof text);
    return fv_fail(s->ctx, FV_E_DATA,
                   "\"%s\": the dimensions at byte 4, %s, are more than any memory holds", s->name,
                   text);
}

/* ---- data --------------------------------------------------------------------------------- */

static fv_status fail_cut_off(const source *s, const fv_array *array, size_t header, size_t found)
{
    char text[80];
    fv_array_text(array, text, sizeof text);
    return fv_fail(s->ctx, FV_E_DATA, "\"%s\" is cut off: expected %zu bytes for %s, found %zu",
                   s->name, header + array->count * fv_type_size(array->type), text,
                   header + found);
}

/* Checks the size before allocation; deflate expands at most by 1032. */
static fv_status check_size(const source *s, const fv_array *array, size_t gz_size)
{
    size_t size = array->count * fv_type_size(array->type);
    if (!s->gz && size > s->left)
        return fail_cut_off(s, array, s->at, s->left);
    if (s->gz && size / 1032 > gz_size)
        return fv_fail(s->ctx, FV_E_DATA,
                       "\"%s\" is cut off: its header promises %zu bytes, more than the %zu bytes "
                       "of the .gz can hold",
                       s->name, size, gz_size);
    return FV_OK;
}

static fv_status read_data(source *s, fv_array *array)
{
    size_t element = fv_type_size(array->type), size = array->count * element, n, header = s->at;
    uint8_t more;
    array->data = fv_alloc(s->ctx, array->count, element);
    if (!array->data || read_some(s, array->data, size, &n))
        return fv_error(s->ctx);
    if (n < size)
        return fail_cut_off(s, array, header, n);
    if (read_some(s, &more, 1, &n))
        return fv_error(s->ctx);
    if (n > 0)
        return fv_fail(s->ctx, FV_E_DATA,
                       "\"%s\" goes on after its end: expected %zu bytes, found %s%zu", s->name,
                       header + size, s->gz ? "at least " : "", s->at + s->left);
    fv_order_bytes(array->data, array->count, element, true);
    return FV_OK;
}

/* ---- public ------------------------------------------------------------------------------- */

fv_array *fv_idx_parse(fv_ctx *ctx, const void *bytes, size_t size, const char *name)
{
    if (fv_stopped(ctx, __func__))
        return NULL;
    source s = {.ctx = ctx, .name = name ? name : "memory", .bytes = bytes, .left = size};
    fv_array *array = fv_array_start(ctx);
    if (array && fv_is_gzip(bytes, size)) {
        s.gz = fv_gzip_open(ctx, bytes, size, s.name);
        s.left = 0;
    }
    if (!fv_error(ctx) && !read_magic(&s, array) && !read_dims(&s, array) &&
        !check_size(&s, array, size))
        read_data(&s, array);
    fv_gzip_close(s.gz);
    if (!fv_error(ctx))
        return array;
    fv_array_free(array);
    return NULL;
}

fv_array *fv_idx_read(fv_ctx *ctx, const char *path)
{
    if (fv_stopped(ctx, __func__))
        return NULL;
    size_t size;
    void *bytes = fv_read_file(ctx, path, &size);
    fv_array *array = bytes ? fv_idx_parse(ctx, bytes, size, path) : NULL;
    fv_release(ctx, bytes);
    return array;
}
