/*
 * safetensors.c - saving and loading the state of a net, in the format everybody reads.
 *
 * A file is the length of its header (8 bytes, little endian), the header in JSON, which gives
 * dtype, shape and place of each tensor by name, and the numbers, little endian, without gaps.
 * https://github.com/huggingface/safetensors. A file may come from anyone: nothing in it is
 * believed before it is checked. Layer 4. Calls cJSON, the net's public questions and the base.
 */
#include "files/safetensors.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

enum { HEADER_MAX = 100 * 1000 * 1000 };

/* ---- saving ------------------------------------------------------------------------------- */

static size_t bytes_of(const fv_tensor *t)
{
    return t->count * fv_type_size(t->type);
}

static const char *dtype_of(const fv_tensor *t)
{
    return t->type == FV_I64 ? "I64" : "F32";
}

static bool add_tensor(cJSON *root, const fv_tensor *t, size_t *offset)
{
    double end = (double)(*offset + bytes_of(t)), begin = (double)*offset;
    cJSON *tensor = cJSON_AddObjectToObject(root, t->name);
    cJSON *dtype = cJSON_AddStringToObject(tensor, "dtype", dtype_of(t));
    cJSON *shape = cJSON_AddArrayToObject(tensor, "shape");
    cJSON *place = cJSON_AddArrayToObject(tensor, "data_offsets");
    bool ok = tensor && dtype && shape && place;
    for (int d = 0; d < t->ndim; d++)
        ok = ok && cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)t->dims[d]));
    ok = ok && cJSON_AddItemToArray(place, cJSON_CreateNumber(begin));
    ok = ok && cJSON_AddItemToArray(place, cJSON_CreateNumber(end));
    *offset += bytes_of(t);
    return ok;
}

/* The types in the order of a file: the widest first, so that each number is aligned. */
static const fv_type file_order[] = {FV_I64, FV_F32};

/* The header as text, for cJSON_free; *data becomes the bytes of all numbers. */
static char *make_header(const fv_tensor *tensors, int n, const fv_meta *meta, int n_meta,
                         size_t *data)
{
    cJSON *root = cJSON_CreateObject();
    bool ok = root != NULL;
    *data = 0;
    if (n_meta > 0) {
        cJSON *pairs = cJSON_AddObjectToObject(root, "__metadata__");
        for (int i = 0; i < n_meta; i++)
            ok = ok && cJSON_AddStringToObject(pairs, meta[i].key, meta[i].value);
    }
    for (int i = 0; i < 2 * n; i++)
        if (tensors[i % n].type == file_order[i / n])
            ok = ok && add_tensor(root, &tensors[i % n], data);
    char *text = ok ? cJSON_PrintUnformatted(root) : NULL;
    cJSON_Delete(root);
    return text;
}

/* The whole file, for fv_release: header padded with blanks to a multiple of 8. */
static uint8_t *make_file(fv_ctx *ctx, const fv_tensor *tensors, int n, const char *header,
                          size_t data, size_t *size)
{
    size_t length = strlen(header), padded = (length + 7) / 8 * 8;
    *size = 8 + padded + data;
    uint8_t *file = fv_alloc(ctx, *size, 1), *at = file + 8 + padded;
    if (!file)
        return NULL;
    for (int i = 0; i < 8; i++)
        file[i] = (uint8_t)((uint64_t)padded >> 8 * i);
    memset(file + 8, ' ', padded);
    memcpy(file + 8, header, length);
    for (int i = 0; i < 2 * n; i++) {
        const fv_tensor *t = &tensors[i % n];
        if (t->type != file_order[i / n])
            continue;
        memcpy(at, t->value, bytes_of(t));
        fv_order_bytes(at, t->count, fv_type_size(t->type), false);
        at += bytes_of(t);
    }
    return file;
}

fv_status fv_save_tensors(fv_ctx *ctx, const char *path, const fv_tensor *tensors, int n,
                          const fv_meta *meta, int n_meta)
{
    if (fv_stopped(ctx, __func__))
        return fv_error(ctx);
    for (int i = 0; i < n; i++)
        if (!tensors[i].name || (tensors[i].type != FV_F32 && tensors[i].type != FV_I64))
            return fv_fail(ctx, FV_E_ARG,
                           "\"%s\": tensor %d has no name, or is not FV_F32 or FV_I64", path, i);
    size_t data, size;
    char *header = make_header(tensors, n, meta, n_meta, &data);
    if (!header)
        return fv_fail(ctx, FV_E_MEMORY, "no memory for the header of \"%s\"", path);
    uint8_t *file = make_file(ctx, tensors, n, header, data, &size);
    if (file)
        fv_write_file(ctx, path, file, size);
    fv_release(ctx, file);
    cJSON_free(header);
    return fv_error(ctx);
}

fv_status fv_save(fv_net *net, const char *path, const fv_meta *meta, int n_meta)
{
    if (!net)
        return fv_absent(__func__);
    return fv_save_tensors(net->object.ctx, path, net->state, net->n_state, meta, n_meta);
}

/* ---- reading ------------------------------------------------------------------------------ */

/* A file in memory: its header, and where its numbers are. */
typedef struct opened {
    fv_ctx *ctx;
    const char *path;
    uint8_t *bytes;
    uint8_t *data;
    size_t data_size;
    cJSON *root;
} opened;

static void close_file(opened *f)
{
    cJSON_Delete(f->root);
    fv_release(f->ctx, f->bytes);
}

static bool open_file(fv_ctx *ctx, const char *path, opened *f)
{
    size_t size;
    *f = (opened){.ctx = ctx, .path = path, .bytes = fv_read_file(ctx, path, &size)};
    if (!f->bytes)
        return false;
    uint64_t length = 0;
    for (int i = 7; i >= 0 && size >= 8; i--)
        length = length << 8 | f->bytes[i];
    if (size < 8 || length > HEADER_MAX || length > size - 8) {
        fv_fail(ctx, FV_E_DATA,
                "\"%s\" is no safetensors file: its first 8 bytes give a header of %llu bytes, but "
                "it has %zu bytes in all",
                path, (unsigned long long)length, size);
        close_file(f);
        return false;
    }
    f->data = f->bytes + 8 + length;
    f->data_size = size - 8 - (size_t)length;
    f->root = cJSON_ParseWithLength((const char *)f->bytes + 8, (size_t)length);
    if (cJSON_IsObject(f->root))
        return true;
    fv_fail(ctx, FV_E_DATA, "\"%s\": the header of %llu bytes is not JSON of an object", path,
            (unsigned long long)length);
    close_file(f);
    return false;
}

/* A whole number from 0 that a double holds exactly. */
static bool whole(const cJSON *item, size_t *value)
{
    const double most = 9007199254740992.0;
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= most))
        return false;
    *value = (size_t)item->valuedouble;
    return (double)*value == item->valuedouble;
}

static bool same_shape(const cJSON *shape, const fv_tensor *p)
{
    bool same = cJSON_IsArray(shape) && cJSON_GetArraySize(shape) == p->ndim;
    for (int d = 0; same && d < p->ndim; d++) {
        size_t dim;
        same = whole(cJSON_GetArrayItem(shape, d), &dim) && dim == (size_t)p->dims[d];
    }
    return same;
}

/* Where the numbers of p begin in the data, if the tensor's entry is sound. */
static bool placed(const opened *f, const cJSON *tensor, const fv_tensor *p, size_t *begin)
{
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(tensor, "dtype");
    const cJSON *place = cJSON_GetObjectItemCaseSensitive(tensor, "data_offsets");
    size_t end;
    if (!cJSON_IsString(dtype) || strcmp(dtype->valuestring, dtype_of(p)) != 0)
        return fv_fail(f->ctx, FV_E_DATA, "\"%s\": tensor \"%s\" has dtype %s, but must have %s",
                       f->path, p->name, cJSON_IsString(dtype) ? dtype->valuestring : "none",
                       dtype_of(p)),
               false;
    if (cJSON_IsArray(place) && cJSON_GetArraySize(place) == 2 &&
        whole(cJSON_GetArrayItem(place, 0), begin) && whole(cJSON_GetArrayItem(place, 1), &end) &&
        *begin <= end && end <= f->data_size && end - *begin == bytes_of(p))
        return true;
    return fv_fail(f->ctx, FV_E_DATA,
                   "\"%s\": tensor \"%s\" has data_offsets that are not %zu bytes inside the %zu "
                   "bytes of data",
                   f->path, p->name, bytes_of(p), f->data_size),
           false;
}

/* ---- what does not fit -------------------------------------------------------------------- */

/* "  missing     a b c ...\n", cut to what an error text holds. */
static void list_name(char *text, size_t capacity, const char *what, const char *name)
{
    size_t used = strlen(text);
    if (used + strlen(name) + 24 < capacity)
        snprintf(text + used, capacity - used, "  %-14s %s\n", what, name);
    else if (used + 8 < capacity)
        snprintf(text + used, capacity - used, "  ...\n");
}

static void list_shapes(char *text, size_t capacity, const cJSON *tensor, const fv_tensor *p)
{
    char line[400], ours[80] = "";
    cJSON *shape = cJSON_GetObjectItemCaseSensitive(tensor, "shape");
    char *theirs = shape ? cJSON_PrintUnformatted(shape) : NULL;
    for (int d = 0; d < p->ndim; d++) {
        size_t used = strlen(ours);
        snprintf(ours + used, sizeof ours - used, d ? ",%lld" : "%lld", (long long)p->dims[d]);
    }
    snprintf(line, sizeof line, "%.100s: %.100s, the net's is [%s]", p->name,
             theirs ? theirs : "none", ours);
    list_name(text, capacity, "another shape", line);
    cJSON_free(theirs);
}

/* All tensors of the file against all parameters of the net. */
static fv_status compare_names(const opened *f, const fv_net *net)
{
    char text[1400] = "";
    int count = net->n_state, met = 0;
    for (int i = 0; i < count; i++) {
        fv_tensor p = net->state[i];
        const cJSON *tensor = cJSON_GetObjectItemCaseSensitive(f->root, p.name);
        if (!tensor)
            list_name(text, sizeof text, "missing", p.name);
        else if (!same_shape(cJSON_GetObjectItemCaseSensitive(tensor, "shape"), &p))
            list_shapes(text, sizeof text, tensor, &p);
        met += tensor != NULL;
    }
    int found = 0;
    for (const cJSON *t = f->root->child; t; t = t->next) {
        bool known = strcmp(t->string, "__metadata__") == 0;
        found += !known;
        for (int i = 0; i < count && !known; i++)
            known = strcmp(net->state[i].name, t->string) == 0;
        if (!known)
            list_name(text, sizeof text, "unexpected", t->string);
        if (strlen(text) > sizeof text - 100)
            break;
    }
    if (text[0] == '\0' && found != met)
        list_name(text, sizeof text, "given twice", "a tensor");
    if (text[0] == '\0')
        return FV_OK;
    return fv_fail(f->ctx, FV_E_DATA,
                   "\"%s\" is not of this net:\n%shelp: load it into a net of the same layers, "
                   "names and sizes",
                   f->path, text);
}

/* Tensor number i, which begins there, against those before it, which are sound. */
static bool overlaps(const opened *f, const fv_net *net, int i, size_t begin)
{
    fv_tensor p = net->state[i];
    for (int k = 0; k < i; k++) {
        fv_tensor o = net->state[k];
        size_t other;
        placed(f, cJSON_GetObjectItemCaseSensitive(f->root, o.name), &o, &other);
        if (begin < other + bytes_of(&o) && other < begin + bytes_of(&p)) {
            fv_fail(f->ctx, FV_E_DATA, "\"%s\": tensors \"%s\" and \"%s\" overlap", f->path, o.name,
                    p.name);
            return true;
        }
    }
    return false;
}

/* Copies all tensors, if apply, after a run without has found all of them sound. */
static fv_status copy_tensors(const opened *f, fv_net *net, bool apply)
{
    size_t total = 0;
    for (int i = 0; i < net->n_state; i++) {
        fv_tensor p = net->state[i];
        size_t begin;
        if (!placed(f, cJSON_GetObjectItemCaseSensitive(f->root, p.name), &p, &begin) ||
            (!apply && overlaps(f, net, i, begin)))
            return fv_error(f->ctx);
        total += bytes_of(&p);
        if (apply) {
            fv_order_bytes(f->data + begin, p.count, fv_type_size(p.type), false);
            fv_state_put(net, i, f->data + begin);
        }
    }
    if (total == f->data_size)
        return FV_OK;
    return fv_fail(f->ctx, FV_E_DATA,
                   "\"%s\": expected %zu bytes of numbers after the header, found %zu", f->path,
                   total, f->data_size);
}

fv_status fv_load(fv_net *net, const char *path)
{
    if (!net)
        return fv_absent(__func__);
    fv_ctx *ctx = net->object.ctx;
    opened f;
    if (fv_error(ctx) || !open_file(ctx, path, &f))
        return fv_error(ctx);
    if (!compare_names(&f, net) && !copy_tensors(&f, net, false))
        copy_tensors(&f, net, true);
    close_file(&f);
    return fv_error(ctx);
}

fv_meta *fv_read_meta(fv_ctx *ctx, const char *path, int *n)
{
    opened f;
    *n = 0;
    if (!open_file(ctx, path, &f))
        return NULL;
    const cJSON *pairs = cJSON_GetObjectItemCaseSensitive(f.root, "__metadata__");
    int count = cJSON_GetArraySize(pairs);
    fv_meta *meta = count ? fv_alloc(ctx, (size_t)count, sizeof *meta) : NULL;
    for (const cJSON *p = pairs ? pairs->child : NULL; meta && p; p = p->next)
        if (cJSON_IsString(p)) {
            meta[*n] = (fv_meta){fv_copy_text(ctx, p->string), fv_copy_text(ctx, p->valuestring)};
            *n += 1;
        }
    close_file(&f);
    return meta;
}

fv_status fv_load_meta(fv_ctx *ctx, const char *path, const char *key, char *text, size_t size)
{
    opened f;
    if (size > 0)
        text[0] = '\0';
    if (fv_stopped(ctx, __func__) || !open_file(ctx, path, &f))
        return fv_error(ctx);
    const cJSON *pairs = cJSON_GetObjectItemCaseSensitive(f.root, "__metadata__");
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(pairs, key);
    if (cJSON_IsString(value) && size > 0)
        snprintf(text, size, "%s", value->valuestring);
    close_file(&f);
    return FV_OK;
}
