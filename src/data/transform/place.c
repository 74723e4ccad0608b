/*
 * place.c - geometry without interpolation: crop, pad, flip, quarter turns.
 *
 * Padding and cropping are one operation, a crop whose box may exceed the picture, so a padded
 * picture is never made only to be cropped again. All work on uint8 and float32.
 * torchvision.transforms. Layer 3, data. Calls the base.
 */
#include "data/transform/transform.h"

#include <math.h>
#include <string.h>

/* ---- crop --------------------------------------------------------------------------------- */

int fv_place_in(int i, int n, fv_border border)
{
    if (i >= 0 && i < n)
        return i;
    if (border == FV_CONSTANT)
        return -1;
    if (border == FV_EDGE || n == 1)
        return i < 0 ? 0 : n - 1;
    int period = border == FV_REFLECT ? 2 * n - 2 : 2 * n; /* forward and backward */
    i = (i % period + period) % period;
    return i < n ? i : border == FV_REFLECT ? period - i : period - 1 - i;
}

void fv_fill_pixels(void *to, size_t n, fv_type type, double value)
{
    if (type == FV_U8) {
        memset(to, (int)fmin(fmax(value, 0), 255), n);
        return;
    }
    float *floats = to;
    for (size_t i = 0; i < n; i++)
        floats[i] = (float)value;
}

/* memcpy, without a call for rows of small pictures. */
static void copy_bytes(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n < 8 || n > 64) {
        memcpy(to, from, n);
        return;
    }
    for (size_t i = 0; i + 8 < n; i += 8)
        memcpy(to + i, from + i, 8);
    memcpy(to + n - 8, from + n - 8, 8);
}

/* Copies columns left..left+width-1 of a row of n pixels, extended by the border mode. */
static void crop_row(const uint8_t *row, int n, int left, int width, size_t size, fv_border border,
                     uint8_t *to)
{
    int first = left < 0 ? -left : 0, end = n - left; /* columns inside the row */
    first = first < width ? first : width;
    end = end < first ? first : end < width ? end : width;
    copy_bytes(to + (size_t)first * size, row + (ptrdiff_t)(left + first) * (ptrdiff_t)size,
               (size_t)(end - first) * size);
    for (int x = 0; border != FV_CONSTANT && x < width; x++) {
        x = x == first ? end : x;
        if (x < width)
            memcpy(to + (size_t)x * size, row + (size_t)fv_place_in(left + x, n, border) * size,
                   size);
    }
}

bool fv_do_crop(fv_work *work, const fv_picture *in, fv_box box, fv_border border,
                const fv_numbers *fill, fv_picture *out)
{
    *out = *in;
    if (memcmp(&box, &(fv_box){0, 0, in->height, in->width}, sizeof box) == 0)
        return true;
    if (!fv_picture_make(work, in, in->channels, box.height, box.width, in->type, out))
        return false;
    bool inside = box.top >= 0 && box.left >= 0 && box.top + box.height <= in->height &&
                  box.left + box.width <= in->width;
    size_t size = fv_type_size(in->type), row_size = (size_t)box.width * size;
    for (int c = 0; c < in->channels; c++) {
        const uint8_t *plane = (const uint8_t *)in->pixels +
                               (size_t)c * (size_t)in->height * (size_t)in->width * size;
        uint8_t *to = (uint8_t *)out->pixels + (size_t)c * (size_t)box.height * row_size;
        if (border == FV_CONSTANT && !inside)
            fv_fill_pixels(to, (size_t)box.height * (size_t)box.width, in->type,
                           fv_numbers_of_channel(fill, c));
        for (int y = 0; y < box.height; y++) {
            int row = fv_place_in(box.top + y, in->height, border);
            if (row >= 0)
                crop_row(plane + (size_t)row * (size_t)in->width * size, in->width, box.left,
                         box.width, size, border, to + (size_t)y * row_size);
        }
    }
    return true;
}

/* ---- flip and rotate90 -------------------------------------------------------------------- */

/* Reverses eight bytes at a time in a register. */
static void mirror_bytes(const uint8_t *row, int n, uint8_t *to)
{
    int x = 0;
    for (; x + 8 <= n; x += 8) {
        uint64_t v;
        memcpy(&v, row + n - 8 - x, 8);
        v = (v & 0x00ff00ff00ff00ffu) << 8 | (v >> 8 & 0x00ff00ff00ff00ffu);
        v = (v & 0x0000ffff0000ffffu) << 16 | (v >> 16 & 0x0000ffff0000ffffu);
        v = v << 32 | v >> 32;
        memcpy(to + x, &v, 8);
    }
    for (; x < n; x++)
        to[x] = row[n - 1 - x];
}

static void mirror_row(const void *row, int n, fv_type type, void *to)
{
    if (type == FV_U8) {
        mirror_bytes(row, n, to);
        return;
    }
    const float *from = row;
    float *floats = to;
    for (int x = 0; x < n; x++)
        floats[x] = from[n - 1 - x];
}

bool fv_do_flip(fv_work *work, const fv_picture *in, bool vertical, fv_picture *out)
{
    if (!fv_picture_like(work, in, out))
        return false;
    size_t row = (size_t)in->width * fv_type_size(in->type);
    for (int c = 0; c < in->channels; c++)
        for (int y = 0; y < in->height; y++) {
            int from_y = vertical ? in->height - 1 - y : y;
            const uint8_t *from = (const uint8_t *)in->pixels +
                                  (size_t)(c * in->height + from_y) * row;
            uint8_t *to = (uint8_t *)out->pixels + (size_t)(c * in->height + y) * row;
            if (vertical)
                memcpy(to, from, row);
            else
                mirror_row(from, in->width, in->type, to);
        }
    return true;
}

bool fv_do_rotate90(fv_work *work, const fv_picture *in, int quarters, fv_picture *out)
{
    bool lies = quarters == 1 || quarters == 3;
    int height = lies ? in->width : in->height, width = lies ? in->height : in->width;
    if (!fv_picture_make(work, in, in->channels, height, width, in->type, out))
        return false;
    size_t size = fv_type_size(in->type);
    uint8_t *to = out->pixels;
    for (int c = 0; c < in->channels; c++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++, to += size) {
                int from_y = quarters == 1 ? x : quarters == 2 ? height - 1 - y : width - 1 - x;
                int from_x = quarters == 1 ? height - 1 - y : quarters == 2 ? width - 1 - x : y;
                size_t at = (size_t)((c * in->height + from_y) * in->width + from_x);
                memcpy(to, (const uint8_t *)in->pixels + at * size, size);
            }
    return true;
}

/* ---- steps -------------------------------------------------------------------------------- */

enum { HORIZONTAL, VERTICAL };

static bool run_flip(const fv_tstep *step, fv_work *work, fv_draw *draw, const fv_picture *in,
                     fv_picture *out)
{
    if (!fv_draw_chance(draw, step->args[0].v[0]))
        return true;
    return fv_do_flip(work, in, step->kind->op == VERTICAL, out);
}

/* Pixels added on each side; padding has 1, 2 (left and right, top and bottom) or 4 numbers. */
typedef struct margins {
    int left, top, right, bottom;
} margins;

static margins margins_of(const fv_numbers *padding)
{
    const double *v = padding->v;
    switch (padding->count) {
    case 1: return (margins){(int)v[0], (int)v[0], (int)v[0], (int)v[0]};
    case 2: return (margins){(int)v[0], (int)v[1], (int)v[0], (int)v[1]};
    case 4: return (margins){(int)v[0], (int)v[1], (int)v[2], (int)v[3]};
    default: return (margins){0};
    }
}

enum { PAD_PADDING, PAD_FILL, PAD_MODE };

static bool run_pad(const fv_tstep *step, fv_work *work, fv_draw *draw, const fv_picture *in,
                    fv_picture *out)
{
    (void)draw;
    margins m = margins_of(&step->args[PAD_PADDING]);
    fv_box box = {-m.top, -m.left, in->height + m.top + m.bottom, in->width + m.left + m.right};
    return fv_do_crop(work, in, box, (fv_border)step->args[PAD_MODE].v[0], &step->args[PAD_FILL],
                      out);
}

static void shape_pad(const fv_tstep *step, fv_picture_shape *shape)
{
    margins m = margins_of(&step->args[PAD_PADDING]);
    if (shape->height > 0)
        shape->height += m.top + m.bottom;
    if (shape->width > 0)
        shape->width += m.left + m.right;
}

static void shape_size(const fv_tstep *step, fv_picture_shape *shape)
{
    shape->height = fv_numbers_rows(&step->args[0]);
    shape->width = fv_numbers_columns(&step->args[0]);
}

enum { CENTER_SIZE, CENTER_FILL, CENTER_MODE };

/* Returns the start of a centered crop of size `of` in n; negative if the crop is larger. */
static int middle(int n, int of)
{
    return of > n ? -((of - n) / 2) : (int)rint((n - of) / 2.0);
}

static bool run_center_crop(const fv_tstep *step, fv_work *work, fv_draw *draw,
                            const fv_picture *in, fv_picture *out)
{
    (void)draw;
    int height = fv_numbers_rows(&step->args[CENTER_SIZE]);
    int width = fv_numbers_columns(&step->args[CENTER_SIZE]);
    fv_box box = {middle(in->height, height), middle(in->width, width), height, width};
    return fv_do_crop(work, in, box, (fv_border)step->args[CENTER_MODE].v[0],
                      &step->args[CENTER_FILL], out);
}

enum { CROP_SIZE, CROP_PADDING, CROP_IF_NEEDED, CROP_FILL, CROP_MODE };

/* Adds to both margins what the padded size lacks, as torchvision's pad_if_needed. */
static void pad_to(int size, int n, int *before, int *after)
{
    int lacks = size - (*before + n + *after);
    if (lacks > 0) {
        *before += lacks;
        *after += lacks;
    }
}

static bool run_random_crop(const fv_tstep *step, fv_work *work, fv_draw *draw,
                            const fv_picture *in, fv_picture *out)
{
    margins m = margins_of(&step->args[CROP_PADDING]);
    fv_box box = {0, 0, fv_numbers_rows(&step->args[CROP_SIZE]),
                  fv_numbers_columns(&step->args[CROP_SIZE])};
    if (step->args[CROP_IF_NEEDED].v[0] == 1) {
        pad_to(box.height, in->height, &m.top, &m.bottom);
        pad_to(box.width, in->width, &m.left, &m.right);
    }
    int rows = m.top + in->height + m.bottom - box.height;
    int columns = m.left + in->width + m.right - box.width;
    if (rows < 0 || columns < 0)
        return fv_tstep_fail(step, work, FV_E_SHAPE,
                             "the crop is larger than the picture of %d x %d with its padding\n"
                             "help: a resize before it, or pad_if_needed=true",
                             in->height, in->width);
    box.top = fv_draw_int(draw, rows + 1) - m.top;
    box.left = fv_draw_int(draw, columns + 1) - m.left;
    return fv_do_crop(work, in, box, (fv_border)step->args[CROP_MODE].v[0], &step->args[CROP_FILL],
                      out);
}

/* The center crop of the padded picture. */
static int eval_random_crop(const fv_tstep *step, fv_tstep out[2])
{
    const fv_numbers *a = step->args;
    int n = 0;
    if (a[CROP_PADDING].count > 0) {
        out[n] = fv_tstep_of(fv_place_kinds, "pad");
        out[n].args[PAD_PADDING] = a[CROP_PADDING];
        out[n].args[PAD_FILL] = a[CROP_FILL];
        out[n++].args[PAD_MODE] = a[CROP_MODE];
    }
    out[n] = fv_tstep_of(fv_place_kinds, "center_crop");
    out[n].args[CENTER_SIZE] = a[CROP_SIZE];
    out[n].args[CENTER_FILL] = a[CROP_FILL];
    out[n++].args[CENTER_MODE] = a[CROP_MODE];
    return n;
}

#define PADDING(flags)                                                                             \
    FV_TARG("padding", FV_ARG_WHOLE | (flags), FV_COUNT_1 | FV_COUNT_2 | FV_COUNT_4, 0,            \
            FV_SIDE_MAX, {0})
#define MODE FV_TARG_WORD("padding_mode", "constant edge reflect symmetric", 0)

const fv_tstep_kind fv_place_kinds[] = {
    FV_TSTEP("pad", 0, 0, run_pad, shape_pad, NULL, PADDING(FV_ARG_NEEDED | FV_ARG_BARE),
             FV_ARG_OF_FILL, MODE),
    FV_TSTEP("center_crop", 0, 0, run_center_crop, shape_size, NULL, FV_ARG_OF_SIZE, FV_ARG_OF_FILL,
             MODE),
    FV_TSTEP("random_crop", 0, 0, run_random_crop, shape_size, eval_random_crop, FV_ARG_OF_SIZE,
             PADDING(0), FV_TARG_FLAG("pad_if_needed"), FV_ARG_OF_FILL, MODE),
    FV_TSTEP("flip", HORIZONTAL, 0, run_flip, NULL, fv_eval_sure, FV_ARG_OF_P(0.5)),
    FV_TSTEP("vflip", VERTICAL, 0, run_flip, NULL, fv_eval_sure, FV_ARG_OF_P(0.5)),
    {NULL, 0, 0, NULL, NULL, NULL, {{0}}},
};
