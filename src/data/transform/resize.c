/*
 * resize.c - resizing as in PIL: each output pixel is a weighted sum of input pixels
 * under a filter that widens when a picture shrinks, first along rows, then columns, in integers
 * with weights of 22 bits, rounded to bytes in between.
 *
 * torchvision.transforms.Resize and RandomResizedCrop. Layer 3, data. Calls the base.
 */
#include "data/transform/transform.h"

#include <limits.h>
#include <math.h>

enum { WEIGHT_BITS = 22 };

/* Taps of n outputs: output o has count[o] <= most weights, for inputs from first[o] on. */
typedef struct taps {
    int most;
    int *first, *count;
    int32_t *weights;
} taps;

/* Triangle filter, and Keys's cubic (1981) with a = -1/2. */
static double filter(fv_interpolation interpolation, double x)
{
    x = fabs(x);
    if (interpolation == FV_BILINEAR)
        return x < 1 ? 1 - x : 0;
    if (x < 1)
        return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

/* Computes the weights of output o, which sum to 1; at most t->most. */
static void set_taps(const taps *t, int o, int from, double scale, fv_interpolation interpolation,
                     double *weights)
{
    double wide = scale < 1 ? 1 : scale, reach = (interpolation == FV_BICUBIC ? 2 : 1) * wide;
    double center = (o + 0.5) * scale, sum = 0, narrow = 1 / wide;
    int first = (int)(center - reach + 0.5), end = (int)(center + reach + 0.5);
    first = first < 0 ? 0 : first;
    end = end > from ? from : end;
    t->first[o] = first;
    t->count[o] = end - first;
    for (int i = first; i < end; i++)
        sum += weights[i - first] = filter(interpolation, (i - center + 0.5) * narrow);
    for (int i = 0; i < end - first; i++) {
        double w = weights[i] / sum * (1 << WEIGHT_BITS);
        t->weights[o * t->most + i] = (int32_t)(w < 0 ? w - 0.5 : w + 0.5);
    }
}

/* Computes the taps of n outputs from `from` inputs in a slot of the work. */
static bool make_taps(fv_work *work, int slot, int from, int n, fv_interpolation interpolation,
                      taps *t)
{
    double scale = (double)from / n, wide = scale < 1 ? 1 : scale;
    t->most = (int)ceil((interpolation == FV_BICUBIC ? 2 : 1) * wide) * 2 + 1;
    size_t doubles = (size_t)t->most * sizeof(double);
    size_t ints = (size_t)n * (size_t)(t->most + 2) * sizeof(int32_t);
    double *weights = fv_work_slot(work, slot, doubles + ints);
    if (!weights)
        return false;
    t->first = (int *)(weights + t->most);
    t->count = t->first + n;
    t->weights = t->count + n;
    for (int o = 0; o < n; o++)
        set_taps(t, o, from, scale, interpolation, weights);
    return true;
}

static uint8_t to_byte(int32_t sum)
{
    sum >>= WEIGHT_BITS;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void resize_row(const taps *t, const uint8_t *row, int n, uint8_t *to)
{
    for (int o = 0; o < n; o++) {
        const int32_t *w = t->weights + o * t->most;
        const uint8_t *x = row + t->first[o];
        int32_t sum = 1 << (WEIGHT_BITS - 1);
        for (int i = 0; i < t->count[o]; i++)
            sum += x[i] * w[i];
        to[o] = to_byte(sum);
    }
}

/* Computes output row o of n bytes; rows are stride bytes apart; sums holds n numbers. */
static void resize_column(const taps *t, int o, const uint8_t *rows, size_t stride, int n,
                          int32_t *sums, uint8_t *to)
{
    for (int x = 0; x < n; x++)
        sums[x] = 1 << (WEIGHT_BITS - 1);
    for (int i = 0; i < t->count[o]; i++) {
        const uint8_t *row = rows + (size_t)(t->first[o] + i) * stride;
        int32_t w = t->weights[o * t->most + i];
        for (int x = 0; x < n; x++)
            sums[x] += row[x] * w;
    }
    for (int x = 0; x < n; x++)
        to[x] = to_byte(sums[x]);
}

/* Runs both passes on a plane; skips a pass that would keep the size, as PIL does. */
static void resize_plane(const taps *across, const taps *down, const uint8_t *from, size_t stride,
                         fv_box box, const fv_picture *out, uint8_t *rows, int32_t *sums,
                         uint8_t *to)
{
    int width = out->width;
    if (box.width != width) {
        uint8_t *target = box.height == out->height ? to : rows;
        for (int y = 0; y < box.height; y++)
            resize_row(across, from + (size_t)y * stride, width,
                       target + (size_t)y * (size_t)width);
        from = target;
        stride = (size_t)width;
    }
    if (box.height != out->height)
        for (int y = 0; y < out->height; y++)
            resize_column(down, y, from, stride, width, sums, to + (size_t)y * (size_t)width);
}

/* Accumulates the position as PIL does: its rounding decides between two neighbors. */
static void nearest_plane(const uint8_t *from, size_t stride, fv_box box, const fv_picture *out,
                          int *columns, uint8_t *to)
{
    double step_x = (double)box.width / out->width, step_y = (double)box.height / out->height;
    double at_x = step_x * 0.5, at_y = step_y * 0.5;
    for (int x = 0; x < out->width; x++, at_x += step_x)
        columns[x] = (int)at_x < box.width ? (int)at_x : box.width - 1;
    for (int y = 0; y < out->height; y++, at_y += step_y) {
        int row = (int)at_y < box.height ? (int)at_y : box.height - 1;
        for (int x = 0; x < out->width; x++)
            *to++ = from[(size_t)row * stride + (size_t)columns[x]];
    }
}

bool fv_do_resize(fv_work *work, const fv_picture *in, fv_box box, int height, int width,
                  fv_interpolation interpolation, fv_picture *out)
{
    if (box.height == height && box.width == width)
        return fv_do_crop(work, in, box, FV_CONSTANT, &(fv_numbers){1, {0}}, out);
    taps across = {0}, down = {0};
    size_t row_bytes = ((size_t)box.height * (size_t)width + 63) / 64 * 64;
    if (!fv_picture_make(work, in, in->channels, height, width, FV_U8, out))
        return false;
    uint8_t *rows = fv_work_slot(work, FV_SLOT_SCRATCH,
                                 row_bytes + (size_t)width * sizeof(int32_t));
    if (!rows)
        return false;
    if (interpolation != FV_NEAREST &&
        (!make_taps(work, FV_SLOT_WEIGHTS, box.width, width, interpolation, &across) ||
         !make_taps(work, FV_SLOT_WEIGHTS + 1, box.height, height, interpolation, &down)))
        return false;
    int32_t *sums = (int32_t *)(void *)(rows + row_bytes);
    size_t stride = (size_t)in->width;
    for (int c = 0; c < in->channels; c++) {
        const uint8_t *from = (const uint8_t *)in->pixels + (size_t)box.left +
                              (size_t)(c * in->height + box.top) * stride;
        uint8_t *to = (uint8_t *)out->pixels + (size_t)c * (size_t)height * (size_t)width;
        if (interpolation == FV_NEAREST)
            nearest_plane(from, stride, box, out, sums, to);
        else
            resize_plane(&across, &down, from, stride, box, out, rows, sums, to);
    }
    return true;
}

/* ---- steps -------------------------------------------------------------------------------- */

enum { RESIZE_SIZE, RESIZE_INTERPOLATION };

/* A single number is the shorter side; the other keeps the aspect ratio, rounded down. */
static void size_after(const fv_numbers *size, int height, int width, int *new_height,
                       int *new_width)
{
    int n = (int)size->v[0];
    *new_height = fv_numbers_rows(size);
    *new_width = fv_numbers_columns(size);
    if (size->count == 1 && width <= height)
        *new_height = (int)fmin((double)n * height / width, INT_MAX);
    else if (size->count == 1)
        *new_width = (int)fmin((double)n * width / height, INT_MAX);
}

static bool run_resize(const fv_tstep *step, fv_work *work, fv_draw *draw, const fv_picture *in,
                       fv_picture *out)
{
    (void)draw;
    int height, width;
    size_after(&step->args[RESIZE_SIZE], in->height, in->width, &height, &width);
    return fv_do_resize(work, in, (fv_box){0, 0, in->height, in->width}, height, width,
                        (fv_interpolation)step->args[RESIZE_INTERPOLATION].v[0], out);
}

static void shape_resize(const fv_tstep *step, fv_picture_shape *shape)
{
    const fv_numbers *size = &step->args[RESIZE_SIZE];
    if (size->count == 2 || (shape->height > 0 && shape->width > 0))
        size_after(size, shape->height, shape->width, &shape->height, &shape->width);
    else
        shape->height = shape->width = 0;
}

enum { CROP_SIZE, CROP_SCALE, CROP_RATIO, CROP_INTERPOLATION };

static int round_root(double x)
{
    return (int)rint(sqrt(x));
}

/* The fallback when no random box fits: the largest centered box whose width / height is in
   range. */
static fv_box middle_box(const fv_picture *in, const fv_numbers *ratio)
{
    fv_box box = {0, 0, in->height, in->width};
    double is = (double)in->width / in->height;
    if (is < ratio->v[0])
        box.height = (int)rint(in->width / ratio->v[0]);
    else if (is > ratio->v[1])
        box.width = (int)rint(in->height * ratio->v[1]);
    box.height = box.height > 0 ? box.height : 1;
    box.width = box.width > 0 ? box.width : 1;
    box.top = (in->height - box.height) / 2;
    box.left = (in->width - box.width) / 2;
    return box;
}

/* exp and log are libm's: their last bit matters only where a side is within 1e-12 of a half. */
static fv_box draw_box(const fv_tstep *step, fv_draw *draw, const fv_picture *in)
{
    const fv_numbers *scale = &step->args[CROP_SCALE], *ratio = &step->args[CROP_RATIO];
    double area = (double)in->height * in->width;
    double low = log(ratio->v[0]), high = log(ratio->v[1]);
    for (int tries = 0; tries < 10; tries++) {
        double target = area * fv_draw_uniform(draw, scale->v[0], scale->v[1]);
        double aspect = exp(fv_draw_uniform(draw, low, high));
        fv_box box = {0, 0, round_root(target / aspect), round_root(target * aspect)};
        if (box.width < 1 || box.width > in->width || box.height < 1 || box.height > in->height)
            continue;
        box.top = fv_draw_int(draw, in->height - box.height + 1);
        box.left = fv_draw_int(draw, in->width - box.width + 1);
        return box;
    }
    return middle_box(in, ratio);
}

static bool run_random_resized_crop(const fv_tstep *step, fv_work *work, fv_draw *draw,
                                    const fv_picture *in, fv_picture *out)
{
    const fv_numbers *size = &step->args[CROP_SIZE];
    return fv_do_resize(work, in, draw_box(step, draw, in), fv_numbers_rows(size),
                        fv_numbers_columns(size),
                        (fv_interpolation)step->args[CROP_INTERPOLATION].v[0], out);
}

static void shape_random_resized_crop(const fv_tstep *step, fv_picture_shape *shape)
{
    shape->height = fv_numbers_rows(&step->args[CROP_SIZE]);
    shape->width = fv_numbers_columns(&step->args[CROP_SIZE]);
}

/* Resizes the shorter side to the longer side of the crop, then crops the center. */
static int eval_random_resized_crop(const fv_tstep *step, fv_tstep out[2])
{
    const fv_numbers *size = &step->args[CROP_SIZE];
    out[0] = fv_tstep_of(fv_resize_kinds, "resize");
    out[0].args[RESIZE_SIZE] = (fv_numbers){1, {fmax(size->v[0], size->v[size->count - 1])}};
    out[0].args[RESIZE_INTERPOLATION] = step->args[CROP_INTERPOLATION];
    out[1] = fv_tstep_of(fv_place_kinds, "center_crop");
    out[1].args[0] = *size;
    return 2;
}

const fv_tstep_kind fv_resize_kinds[] = {
    FV_TSTEP("resize", 0, FV_STEP_BYTES, run_resize, shape_resize, NULL, FV_ARG_OF_SIZE,
             FV_ARG_OF_INTERPOLATION(FV_BILINEAR)),
    FV_TSTEP("random_resized_crop", 0, FV_STEP_BYTES, run_random_resized_crop,
             shape_random_resized_crop, eval_random_resized_crop, FV_ARG_OF_SIZE,
             FV_TARG("scale", FV_ARG_RISING, FV_COUNT_2, 0.000001, 1, {2, {0.08, 1}}),
             FV_TARG("ratio", FV_ARG_RISING, FV_COUNT_2, 0.001, 1000, {2, {3.0 / 4, 4.0 / 3}}),
             FV_ARG_OF_INTERPOLATION(FV_BILINEAR)),
    {NULL, 0, 0, NULL, NULL, NULL, {{0}}},
};
