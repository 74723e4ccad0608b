/*
 * warp.c - rotation, affine and perspective transforms as in PIL: each output pixel reads
 * its source position in the input.
 *
 * sin, cos and tan are libm's, rounded to 15 decimals as in PIL's rotate, so that their last bits
 * do not matter. Only uint8. torchvision.transforms RandomRotation, RandomAffine,
 * RandomPerspective.
 * Layer 3, data. Calls the base.
 */
#include "data/transform/transform.h"

#include <math.h>
#include <string.h>

static const double degree = 0.017453292519943295; /* pi / 180 */

/* ---- sampling ----------------------------------------------------------------------------- */

static int clamp(int i, int n)
{
    return i < 0 ? 0 : i < n ? i : n - 1;
}

static double linear(double a, double b, double t)
{
    return a + (b - a) * t;
}

/* Keys's cubic with a = -1 through b and c, with the slopes of a to c and b to d. */
static double cubic(double a, double b, double c, double d, double t)
{
    double p2 = -a + c, p3 = 2 * (a - b) + c - d, p4 = -a + b - c + d;
    return b + t * (p2 + t * (p3 + t * p4));
}

/* Interpolates a row at x + t from 2 or 4 pixels. */
static double row_at(const uint8_t *row, int width, int x, double t, fv_interpolation way)
{
    double b = row[clamp(x, width)], c = row[clamp(x + 1, width)];
    if (way == FV_BILINEAR)
        return linear(b, c, t);
    return cubic(row[clamp(x - 1, width)], b, c, row[clamp(x + 2, width)], t);
}

/* Returns floor(x - 0.5) for x >= 0: the last pixel whose center is not beyond x. */
static int before(double x)
{
    int at = (int)x;
    return x - at < 0.5 ? at - 1 : at;
}

static uint8_t value_at(const uint8_t *plane, int height, int width, double x, double y,
                        fv_interpolation way)
{
    int left = before(x), top = before(y);
    double across = x - 0.5 - left, down = y - 0.5 - top, v[4], value;
    for (int i = 0; i < 4; i++)
        if (way == FV_BICUBIC || i == 1 || i == 2)
            v[i] = row_at(plane + (size_t)clamp(top - 1 + i, height) * (size_t)width, width, left,
                          across, way);
    value = way == FV_BILINEAR ? linear(v[1], v[2], down) : cubic(v[0], v[1], v[2], v[3], down);
    return (uint8_t)(value <= 0 ? 0 : value >= 255 ? 255 : value);
}

static void fill_planes(const fv_picture *out, const fv_numbers *fill)
{
    size_t area = (size_t)out->height * (size_t)out->width;
    for (int c = 0; c < out->channels; c++)
        memset((uint8_t *)out->pixels + (size_t)c * area, (int)fv_numbers_of_channel(fill, c),
               area);
}

/* Sets output pixel (x, y) from (from_x, from_y); outside the input it keeps the fill value. */
static void set_pixel(const fv_picture *in, const fv_picture *out, int x, int y, double from_x,
                      double from_y, fv_interpolation way)
{
    if (!(from_x >= 0 && from_x < in->width && from_y >= 0 && from_y < in->height))
        return;
    size_t area = (size_t)in->height * (size_t)in->width;
    size_t to_area = (size_t)out->height * (size_t)out->width;
    size_t nearest = (size_t)from_y * (size_t)in->width + (size_t)from_x;
    uint8_t *to = (uint8_t *)out->pixels + (size_t)y * (size_t)out->width + (size_t)x;
    for (int c = 0; c < in->channels; c++) {
        const uint8_t *plane = (const uint8_t *)in->pixels + (size_t)c * area;
        to[(size_t)c * to_area] = way == FV_NEAREST
                                      ? plane[nearest]
                                      : value_at(plane, in->height, in->width, from_x, from_y, way);
    }
}

/* ---- three loops over the output ---------------------------------------------------------- */

static void warp_exactly(const fv_picture *in, const fv_warp *w, const fv_picture *out)
{
    const double *m = w->m;
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++) {
            double px = x + 0.5, py = y + 0.5, depth = m[6] * px + m[7] * py + 1;
            double from_x = m[0] * px + m[1] * py + m[2], from_y = m[3] * px + m[4] * py + m[5];
            set_pixel(in, out, x, y, from_x / depth, from_y / depth, w->interpolation);
        }
}

/* Nearest neighbor without rotation: accumulates the step, as PIL does. */
static void warp_upright(const fv_picture *in, const fv_warp *w, const fv_picture *out)
{
    double from_y = w->m[5] + w->m[4] * 0.5;
    for (int y = 0; y < out->height; y++, from_y += w->m[4]) {
        double from_x = w->m[2] + w->m[0] * 0.5;
        for (int x = 0; x < out->width; x++, from_x += w->m[0])
            set_pixel(in, out, x, y, from_x, from_y, FV_NEAREST);
    }
}

static int64_t to_fixed(double v)
{
    return (int64_t)floor(v * 65536 + 0.5);
}

/* Nearest neighbor with rotation: fixed point in 1/65536 of a pixel, as in PIL. */
static void warp_fixed(const fv_picture *in, const fv_warp *w, const fv_picture *out)
{
    const double *m = w->m;
    int64_t step_x = to_fixed(m[0]), step_y = to_fixed(m[3]);
    int64_t row_x = to_fixed(m[2] + m[0] * 0.5 + m[1] * 0.5);
    int64_t row_y = to_fixed(m[5] + m[3] * 0.5 + m[4] * 0.5);
    for (int y = 0; y < out->height; y++, row_x += to_fixed(m[1]), row_y += to_fixed(m[4])) {
        int64_t from_x = row_x, from_y = row_y;
        for (int x = 0; x < out->width; x++, from_x += step_x, from_y += step_y)
            set_pixel(in, out, x, y, (double)from_x / 65536, (double)from_y / 65536, FV_NEAREST);
    }
}

/* Returns true if every source position fits PIL's 32-bit fixed point. */
static bool fits_fixed(const fv_warp *w)
{
    const double *m = w->m;
    bool fits = true;
    for (int corner = 0; corner < 4; corner++) {
        double x = corner & 1 ? w->width : 0, y = corner & 2 ? w->height : 0;
        fits = fits && fabs(m[0] * x + m[1] * y + m[2]) < 32768 &&
               fabs(m[3] * x + m[4] * y + m[5]) < 32768;
    }
    return fits;
}

bool fv_do_warp(fv_work *work, const fv_picture *in, const fv_warp *warp, fv_picture *out)
{
    if (!fv_picture_make(work, in, in->channels, warp->height, warp->width, FV_U8, out))
        return false;
    const double *m = warp->m;
    bool flat = m[6] == 0 && m[7] == 0 && warp->interpolation == FV_NEAREST;
    fill_planes(out, warp->fill);
    if (flat && m[1] == 0 && m[3] == 0)
        warp_upright(in, warp, out);
    else if (flat && fits_fixed(warp))
        warp_fixed(in, warp, out);
    else
        warp_exactly(in, warp, out);
    return true;
}

/* ---- matrices ----------------------------------------------------------------------------- */

static double cut(double v)
{
    return rint(v * 1e15) / 1e15;
}

/* Applies the first two rows of m to (x, y). */
static void move(const double m[8], double x, double y, double *to_x, double *to_y)
{
    *to_x = m[0] * x + m[1] * y + m[2];
    *to_y = m[3] * x + m[4] * y + m[5];
}

/* Enlarges the output to hold the whole rotated picture. */
static void expand_warp(fv_warp *w)
{
    double low_x = 0, high_x = 0, low_y = 0, high_y = 0;
    for (int corner = 0; corner < 4; corner++) {
        double x, y;
        move(w->m, corner & 1 ? w->width : 0, corner & 2 ? w->height : 0, &x, &y);
        low_x = corner == 0 ? x : fmin(low_x, x);
        high_x = corner == 0 ? x : fmax(high_x, x);
        low_y = corner == 0 ? y : fmin(low_y, y);
        high_y = corner == 0 ? y : fmax(high_y, y);
    }
    int width = (int)(ceil(high_x) - floor(low_x)), height = (int)(ceil(high_y) - floor(low_y));
    move(w->m, -(width - w->width) / 2.0, -(height - w->height) / 2.0, &w->m[2], &w->m[5]);
    w->width = width;
    w->height = height;
}

bool fv_do_rotate(fv_work *work, const fv_picture *in, double angle, bool expand,
                  const fv_numbers *center, fv_interpolation interpolation, const fv_numbers *fill,
                  fv_picture *out)
{
    angle -= floor(angle / 360) * 360;
    *out = *in;
    if (center->count == 0) {
        bool fits = expand || in->height == in->width;
        if (angle == 0)
            return true;
        if (angle == 180 || (fits && (angle == 90 || angle == 270)))
            return fv_do_rotate90(work, in, (int)angle / 90, out);
    }
    double x = center->count ? center->v[0] : in->width / 2.0;
    double y = center->count ? center->v[1] : in->height / 2.0;
    double c = cut(cos(-angle * degree)), s = cut(sin(-angle * degree));
    fv_warp w = {{c, s, 0, -s, c, 0, 0, 0}, in->height, in->width, interpolation, fill};
    move(w.m, -x, -y, &w.m[2], &w.m[5]);
    w.m[2] += x;
    w.m[5] += y;
    if (expand)
        expand_warp(&w);
    return fv_do_warp(work, in, &w, out);
}

/* The matrix is the inverse of: shear, scale and rotate about the center, then translate. */
bool fv_do_affine(fv_work *work, const fv_picture *in, const fv_affine *affine,
                  const fv_numbers *center, fv_interpolation interpolation, const fv_numbers *fill,
                  fv_picture *out)
{
    double rotation = affine->angle * degree, sx = affine->shear_x * degree;
    double sy = affine->shear_y * degree, scale = affine->scale;
    double x = center->count ? center->v[0] : in->width * 0.5;
    double y = center->count ? center->v[1] : in->height * 0.5;
    double a = cos(rotation - sy) / cos(sy), c = sin(rotation - sy) / cos(sy);
    double b = -a * tan(sx) - sin(rotation), d = -c * tan(sx) + cos(rotation);
    fv_warp w = {{cut(d / scale), cut(-b / scale), 0, cut(-c / scale), cut(a / scale), 0, 0, 0},
                 in->height,
                 in->width,
                 interpolation,
                 fill};
    move(w.m, -x - affine->x, -y - affine->y, &w.m[2], &w.m[5]);
    w.m[2] += x;
    w.m[5] += y;
    return fv_do_warp(work, in, &w, out);
}

/* Solves 8 linear equations [8 coefficients, right side] by elimination with partial pivoting. */
static bool solve(double rows[8][9], double x[8])
{
    for (int i = 0; i < 8; i++) {
        int best = i;
        for (int r = i + 1; r < 8; r++)
            best = fabs(rows[r][i]) > fabs(rows[best][i]) ? r : best;
        if (fabs(rows[best][i]) < 1e-9)
            return false;
        for (int k = 0; k < 9; k++) {
            double swap = rows[i][k];
            rows[i][k] = rows[best][k];
            rows[best][k] = swap;
        }
        for (int r = 0; r < 8; r++) {
            double times = r == i ? 0 : rows[r][i] / rows[i][i];
            for (int k = i; k < 9; k++)
                rows[r][k] -= times * rows[i][k];
        }
    }
    for (int i = 0; i < 8; i++)
        x[i] = rows[i][8] / rows[i][i];
    return true;
}

bool fv_perspective(int height, int width, const int ends[4][2], double m[8])
{
    const int corners[4][2] = {{0, 0}, {width - 1, 0}, {width - 1, height - 1}, {0, height - 1}};
    double rows[8][9] = {{0}};
    for (int i = 0; i < 4; i++) {
        double x = ends[i][0], y = ends[i][1];
        for (int k = 0; k < 2; k++) {
            double *row = rows[2 * i + k], to = corners[i][k];
            row[3 * k] = x;
            row[3 * k + 1] = y;
            row[3 * k + 2] = 1;
            row[6] = -to * x;
            row[7] = -to * y;
            row[8] = to;
        }
    }
    return solve(rows, m);
}

/* ---- steps -------------------------------------------------------------------------------- */

/* A number x means the range -x to x. */
static double draw_spread(fv_draw *draw, const fv_numbers *arg)
{
    return arg->count == 1 ? fv_draw_uniform(draw, -arg->v[0], arg->v[0])
                           : fv_draw_uniform(draw, arg->v[0], arg->v[1]);
}

enum { ROTATE_DEGREES, ROTATE_INTERPOLATION, ROTATE_EXPAND, ROTATE_CENTER, ROTATE_FILL };

static bool run_rotation(const fv_tstep *step, fv_work *work, fv_draw *draw, const fv_picture *in,
                         fv_picture *out)
{
    const fv_numbers *a = step->args;
    return fv_do_rotate(work, in, draw_spread(draw, &a[ROTATE_DEGREES]), a[ROTATE_EXPAND].v[0] == 1,
                        &a[ROTATE_CENTER], (fv_interpolation)a[ROTATE_INTERPOLATION].v[0],
                        &a[ROTATE_FILL], out);
}

static void shape_rotation(const fv_tstep *step, fv_picture_shape *shape)
{
    if (step->args[ROTATE_EXPAND].v[0] == 1)
        shape->height = shape->width = 0;
}

/* A range of one angle is not random. */
static int eval_rotation(const fv_tstep *step, fv_tstep out[2])
{
    const fv_numbers *degrees = &step->args[ROTATE_DEGREES];
    out[0] = *step;
    return degrees->count == 2 && degrees->v[0] == degrees->v[1];
}

enum {
    AFFINE_DEGREES,
    AFFINE_TRANSLATE,
    AFFINE_SCALE,
    AFFINE_SHEAR,
    AFFINE_INTERPOLATION,
    AFFINE_FILL,
    AFFINE_CENTER
};

static bool run_affine(const fv_tstep *step, fv_work *work, fv_draw *draw, const fv_picture *in,
                       fv_picture *out)
{
    const fv_numbers *a = step->args, *shear = &a[AFFINE_SHEAR];
    fv_affine affine = {.angle = draw_spread(draw, &a[AFFINE_DEGREES]), .scale = 1};
    if (a[AFFINE_TRANSLATE].count) {
        double most_x = a[AFFINE_TRANSLATE].v[0] * in->width;
        double most_y = a[AFFINE_TRANSLATE].v[1] * in->height;
        affine.x = (int)rint(fv_draw_uniform(draw, -most_x, most_x));
        affine.y = (int)rint(fv_draw_uniform(draw, -most_y, most_y));
    }
    if (a[AFFINE_SCALE].count)
        affine.scale = fv_draw_uniform(draw, a[AFFINE_SCALE].v[0], a[AFFINE_SCALE].v[1]);
    if (shear->count)
        affine.shear_x = draw_spread(draw, shear);
    if (shear->count == 4)
        affine.shear_y = fv_draw_uniform(draw, shear->v[2], shear->v[3]);
    return fv_do_affine(work, in, &affine, &a[AFFINE_CENTER],
                        (fv_interpolation)a[AFFINE_INTERPOLATION].v[0], &a[AFFINE_FILL], out);
}

enum { PERSPECTIVE_DISTORTION, PERSPECTIVE_P, PERSPECTIVE_INTERPOLATION, PERSPECTIVE_FILL };

/* Moves each corner inwards by up to distortion_scale of half a side. */
static bool run_perspective(const fv_tstep *step, fv_work *work, fv_draw *draw,
                            const fv_picture *in, fv_picture *out)
{
    const fv_numbers *a = step->args;
    if (!fv_draw_chance(draw, a[PERSPECTIVE_P].v[0]))
        return true;
    int most_x = (int)(a[PERSPECTIVE_DISTORTION].v[0] * (in->width / 2));
    int most_y = (int)(a[PERSPECTIVE_DISTORTION].v[0] * (in->height / 2));
    int ends[4][2];
    for (int i = 0; i < 4; i++) {
        int x = fv_draw_int(draw, most_x + 1), y = fv_draw_int(draw, most_y + 1);
        ends[i][0] = i == 0 || i == 3 ? x : in->width - 1 - x;
        ends[i][1] = i < 2 ? y : in->height - 1 - y;
    }
    fv_warp w = {.height = in->height,
                 .width = in->width,
                 .fill = &a[PERSPECTIVE_FILL],
                 .interpolation = (fv_interpolation)a[PERSPECTIVE_INTERPOLATION].v[0]};
    if (!fv_perspective(in->height, in->width, (const int(*)[2])ends, w.m))
        return true;
    return fv_do_warp(work, in, &w, out);
}

#define DEGREES                                                                                    \
    FV_TARG("degrees", FV_ARG_NEEDED | FV_ARG_BARE | FV_ARG_SPREAD | FV_ARG_RISING,                \
            FV_COUNT_1 | FV_COUNT_2, -3600, 3600, {0})
#define CENTER FV_TARG("center", 0, FV_COUNT_2, -FV_SIDE_MAX, FV_SIDE_MAX, {0})

const fv_tstep_kind fv_warp_kinds[] = {
    FV_TSTEP("rotation", 0, FV_STEP_BYTES, run_rotation, shape_rotation, eval_rotation, DEGREES,
             FV_ARG_OF_INTERPOLATION(FV_NEAREST), FV_TARG_FLAG("expand"), CENTER, FV_ARG_OF_FILL),
    FV_TSTEP("affine", 0, FV_STEP_BYTES, run_affine, NULL, fv_eval_nothing, DEGREES,
             FV_TARG("translate", 0, FV_COUNT_2, 0, 1, {0}),
             FV_TARG("scale", FV_ARG_RISING, FV_COUNT_2, 0.001, 1000, {0}),
             FV_TARG("shear", FV_ARG_SPREAD | FV_ARG_RISING, FV_COUNT_1 | FV_COUNT_2 | FV_COUNT_4,
                     -89, 89, {0}),
             FV_ARG_OF_INTERPOLATION(FV_NEAREST), FV_ARG_OF_FILL, CENTER),
    FV_TSTEP("perspective", 0, FV_STEP_BYTES, run_perspective, NULL, fv_eval_nothing,
             FV_TARG("distortion_scale", 0, FV_COUNT_1, 0, 1, {1, {0.5}}), FV_ARG_OF_P(0.5),
             FV_ARG_OF_INTERPOLATION(FV_BILINEAR), FV_ARG_OF_FILL),
    {NULL, 0, 0, NULL, NULL, NULL, {{0}}},
};
