/*
 * policy.c - autoaugment, randaugment, trivialaugment.
 *
 * Cubuk et al.: AutoAugment, CVPR 2019; RandAugment, 2019; Mueller, Hutter: TrivialAugment, ICCV
 * 2021. Operations, magnitudes and defaults are those of torchvision.transforms. Layer 3, data.
 * Calls the base.
 */
#include "data/transform/transform.h"

#include <math.h>

/* ---- operations --------------------------------------------------------------------------- */

bool fv_do_policy(fv_work *work, const fv_picture *in, fv_policy_op op, double magnitude,
                  fv_interpolation interpolation, const fv_numbers *fill, fv_picture *out)
{
    const double degrees = 57.29577951308232;
    const fv_numbers middle = {0}, corner = {2, {0, 0}};
    fv_affine affine = {.scale = 1};
    bool shears = op == FV_OP_SHEAR_X || op == FV_OP_SHEAR_Y;
    *out = *in;
    switch (op) {
    case FV_OP_SHEAR_X: affine.shear_x = atan(magnitude) * degrees; break;
    case FV_OP_SHEAR_Y: affine.shear_y = atan(magnitude) * degrees; break;
    case FV_OP_TRANSLATE_X: affine.x = (int)magnitude; break;
    case FV_OP_TRANSLATE_Y: affine.y = (int)magnitude; break;
    case FV_OP_ROTATE:
        return fv_do_rotate(work, in, magnitude, false, &middle, interpolation, fill, out);
    case FV_OP_BRIGHTNESS: return fv_do_color(work, in, FV_BRIGHTNESS, 1 + magnitude, out);
    case FV_OP_COLOR: return fv_do_color(work, in, FV_SATURATION, 1 + magnitude, out);
    case FV_OP_CONTRAST: return fv_do_color(work, in, FV_CONTRAST, 1 + magnitude, out);
    case FV_OP_SHARPNESS: return fv_do_sharpness(work, in, 1 + magnitude, out);
    case FV_OP_POSTERIZE: return fv_do_color(work, in, FV_POSTERIZE, magnitude, out);
    case FV_OP_SOLARIZE: return fv_do_color(work, in, FV_SOLARIZE, magnitude, out);
    case FV_OP_AUTOCONTRAST: return fv_do_color(work, in, FV_AUTOCONTRAST, 0, out);
    case FV_OP_EQUALIZE: return fv_do_color(work, in, FV_EQUALIZE, 0, out);
    case FV_OP_INVERT: return fv_do_color(work, in, FV_INVERT, 0, out);
    case FV_OP_IDENTITY:
    case FV_OP_COUNT: return true;
    }
    return fv_do_affine(work, in, &affine, shears ? &corner : &middle, interpolation, fill, out);
}

/* torch.linspace in float32, which computes each half from its own end. */
static double line(double start, double end, int i, int n)
{
    float step = (float)(end - start) / (float)(n - 1);
    return (double)(i < n / 2 ? (float)start + step * (float)i
                              : (float)end - step * (float)(n - 1 - i));
}

double fv_policy_magnitude(fv_policy_op op, bool wide, int bin, int bins, int height, int width)
{
    switch (op) {
    case FV_OP_SHEAR_X:
    case FV_OP_SHEAR_Y: return line(0, wide ? 0.99 : 0.3, bin, bins);
    case FV_OP_TRANSLATE_X: return line(0, wide ? 32 : 150.0 / 331.0 * width, bin, bins);
    case FV_OP_TRANSLATE_Y: return line(0, wide ? 32 : 150.0 / 331.0 * height, bin, bins);
    case FV_OP_ROTATE: return line(0, wide ? 135 : 30, bin, bins);
    case FV_OP_BRIGHTNESS:
    case FV_OP_COLOR:
    case FV_OP_CONTRAST:
    case FV_OP_SHARPNESS: return line(0, wide ? 0.99 : 0.9, bin, bins);
    case FV_OP_POSTERIZE:
        return 8 - rint((double)((float)bin / (float)((bins - 1) / (wide ? 6.0 : 4.0))));
    case FV_OP_SOLARIZE: return line(255, 0, bin, bins);
    default: return 0;
    }
}

static bool is_signed(fv_policy_op op)
{
    return op >= FV_OP_SHEAR_X && op <= FV_OP_SHARPNESS;
}

/* ---- autoaugment -------------------------------------------------------------------------- */

/* An operation, its probability in tenths, and its magnitude bin, 0 to 9. */
typedef struct policy_part {
    uint8_t op, tenths, bin;
} policy_part;

enum { POLICIES = 3, PAIRS = 25, AUTO_BINS = 10 };

#define SHEAR_X      FV_OP_SHEAR_X
#define SHEAR_Y      FV_OP_SHEAR_Y
#define TRANSLATE_X  FV_OP_TRANSLATE_X
#define TRANSLATE_Y  FV_OP_TRANSLATE_Y
#define ROTATE       FV_OP_ROTATE
#define BRIGHTNESS   FV_OP_BRIGHTNESS
#define COLOR        FV_OP_COLOR
#define CONTRAST     FV_OP_CONTRAST
#define SHARPNESS    FV_OP_SHARPNESS
#define POSTERIZE    FV_OP_POSTERIZE
#define SOLARIZE     FV_OP_SOLARIZE
#define AUTOCONTRAST FV_OP_AUTOCONTRAST
#define EQUALIZE     FV_OP_EQUALIZE
#define INVERT       FV_OP_INVERT

static const policy_part policies[POLICIES][PAIRS][2] = {
    {
        /* imagenet */
        {{POSTERIZE, 4, 8}, {ROTATE, 6, 9}},  {{SOLARIZE, 6, 5}, {AUTOCONTRAST, 6, 0}},
        {{EQUALIZE, 8, 0}, {EQUALIZE, 6, 0}}, {{POSTERIZE, 6, 7}, {POSTERIZE, 6, 6}},
        {{EQUALIZE, 4, 0}, {SOLARIZE, 2, 4}}, {{EQUALIZE, 4, 0}, {ROTATE, 8, 8}},
        {{SOLARIZE, 6, 3}, {EQUALIZE, 6, 0}}, {{POSTERIZE, 8, 5}, {EQUALIZE, 10, 0}},
        {{ROTATE, 2, 3}, {SOLARIZE, 6, 8}},   {{EQUALIZE, 6, 0}, {POSTERIZE, 4, 6}},
        {{ROTATE, 8, 8}, {COLOR, 4, 0}},      {{ROTATE, 4, 9}, {EQUALIZE, 6, 0}},
        {{EQUALIZE, 0, 0}, {EQUALIZE, 8, 0}}, {{INVERT, 6, 0}, {EQUALIZE, 10, 0}},
        {{COLOR, 6, 4}, {CONTRAST, 10, 8}},   {{ROTATE, 8, 8}, {COLOR, 10, 2}},
        {{COLOR, 8, 8}, {SOLARIZE, 8, 7}},    {{SHARPNESS, 4, 7}, {INVERT, 6, 0}},
        {{SHEAR_X, 6, 5}, {EQUALIZE, 10, 0}}, {{COLOR, 4, 0}, {EQUALIZE, 6, 0}},
        {{EQUALIZE, 4, 0}, {SOLARIZE, 2, 4}}, {{SOLARIZE, 6, 5}, {AUTOCONTRAST, 6, 0}},
        {{INVERT, 6, 0}, {EQUALIZE, 10, 0}},  {{COLOR, 6, 4}, {CONTRAST, 10, 8}},
        {{EQUALIZE, 8, 0}, {EQUALIZE, 6, 0}},
    },
    {
        /* cifar10 */
        {{INVERT, 1, 0}, {CONTRAST, 2, 6}},          {{ROTATE, 7, 2}, {TRANSLATE_X, 3, 9}},
        {{SHARPNESS, 8, 1}, {SHARPNESS, 9, 3}},      {{SHEAR_Y, 5, 8}, {TRANSLATE_Y, 7, 9}},
        {{AUTOCONTRAST, 5, 0}, {EQUALIZE, 9, 0}},    {{SHEAR_Y, 2, 7}, {POSTERIZE, 3, 7}},
        {{COLOR, 4, 3}, {BRIGHTNESS, 6, 7}},         {{SHARPNESS, 3, 9}, {BRIGHTNESS, 7, 9}},
        {{EQUALIZE, 6, 0}, {EQUALIZE, 5, 0}},        {{CONTRAST, 6, 7}, {SHARPNESS, 6, 5}},
        {{COLOR, 7, 7}, {TRANSLATE_X, 5, 8}},        {{EQUALIZE, 3, 0}, {AUTOCONTRAST, 4, 0}},
        {{TRANSLATE_Y, 4, 3}, {SHARPNESS, 2, 6}},    {{BRIGHTNESS, 9, 6}, {COLOR, 2, 8}},
        {{SOLARIZE, 5, 2}, {INVERT, 0, 0}},          {{EQUALIZE, 2, 0}, {AUTOCONTRAST, 6, 0}},
        {{EQUALIZE, 2, 0}, {EQUALIZE, 6, 0}},        {{COLOR, 9, 9}, {EQUALIZE, 6, 0}},
        {{AUTOCONTRAST, 8, 0}, {SOLARIZE, 2, 8}},    {{BRIGHTNESS, 1, 3}, {COLOR, 7, 0}},
        {{SOLARIZE, 4, 5}, {AUTOCONTRAST, 9, 0}},    {{TRANSLATE_Y, 9, 9}, {TRANSLATE_Y, 7, 9}},
        {{AUTOCONTRAST, 9, 0}, {SOLARIZE, 8, 3}},    {{EQUALIZE, 8, 0}, {INVERT, 1, 0}},
        {{TRANSLATE_Y, 7, 9}, {AUTOCONTRAST, 9, 0}},
    },
    {
        /* svhn */
        {{SHEAR_X, 9, 4}, {INVERT, 2, 0}},       {{SHEAR_Y, 9, 8}, {INVERT, 7, 0}},
        {{EQUALIZE, 6, 0}, {SOLARIZE, 6, 6}},    {{INVERT, 9, 0}, {EQUALIZE, 6, 0}},
        {{EQUALIZE, 6, 0}, {ROTATE, 9, 3}},      {{SHEAR_X, 9, 4}, {AUTOCONTRAST, 8, 0}},
        {{SHEAR_Y, 9, 8}, {INVERT, 4, 0}},       {{SHEAR_Y, 9, 5}, {SOLARIZE, 2, 6}},
        {{INVERT, 9, 0}, {AUTOCONTRAST, 8, 0}},  {{EQUALIZE, 6, 0}, {ROTATE, 9, 3}},
        {{SHEAR_X, 9, 4}, {SOLARIZE, 3, 3}},     {{SHEAR_Y, 8, 8}, {INVERT, 7, 0}},
        {{EQUALIZE, 9, 0}, {TRANSLATE_Y, 6, 6}}, {{INVERT, 9, 0}, {EQUALIZE, 6, 0}},
        {{CONTRAST, 3, 3}, {ROTATE, 8, 4}},      {{INVERT, 8, 0}, {TRANSLATE_Y, 0, 2}},
        {{SHEAR_Y, 7, 6}, {SOLARIZE, 4, 8}},     {{INVERT, 6, 0}, {ROTATE, 8, 4}},
        {{SHEAR_Y, 3, 7}, {TRANSLATE_X, 9, 3}},  {{SHEAR_X, 1, 6}, {INVERT, 6, 0}},
        {{SOLARIZE, 7, 2}, {TRANSLATE_Y, 6, 7}}, {{SHEAR_Y, 8, 4}, {INVERT, 8, 0}},
        {{SHEAR_X, 7, 9}, {TRANSLATE_Y, 8, 3}},  {{SHEAR_Y, 8, 5}, {AUTOCONTRAST, 7, 0}},
        {{SHEAR_X, 7, 2}, {INVERT, 1, 0}},
    },
};

enum { AUTO_POLICY, AUTO_INTERPOLATION, AUTO_FILL };

/* Draws a pair of the policy and applies each of the two with its probability. */
static bool run_autoaugment(const fv_tstep *step, fv_work *work, fv_draw *draw,
                            const fv_picture *in, fv_picture *out)
{
    const fv_numbers *a = step->args;
    const policy_part *pair = policies[(int)a[AUTO_POLICY].v[0]][fv_draw_int(draw, PAIRS)];
    *out = *in;
    for (int i = 0; i < 2; i++) {
        fv_picture from = *out;
        fv_policy_op op = (fv_policy_op)pair[i].op;
        double magnitude = fv_policy_magnitude(op, false, pair[i].bin, AUTO_BINS, in->height,
                                               in->width);
        bool happens = fv_draw_chance(draw, pair[i].tenths / 10.0);
        bool minus = fv_draw_chance(draw, 0.5) && is_signed(op);
        if (happens &&
            !fv_do_policy(work, &from, op, minus ? -magnitude : magnitude,
                          (fv_interpolation)a[AUTO_INTERPOLATION].v[0], &a[AUTO_FILL], out))
            return false;
    }
    return true;
}

/* ---- randaugment, trivialaugment ------------------------------------------------------------ */

/* Applies a random operation except invert, at the given bin; bin below 0: at a random one. */
static bool any_operation(fv_work *work, fv_draw *draw, bool wide, int bin, int bins,
                          const fv_numbers *interpolation, const fv_numbers *fill,
                          const fv_picture *in, fv_picture *out)
{
    fv_policy_op op = (fv_policy_op)fv_draw_int(draw, FV_OP_INVERT);
    int any = fv_draw_int(draw, bins);
    double magnitude = fv_policy_magnitude(op, wide, bin < 0 ? any : bin, bins, in->height,
                                           in->width);
    bool minus = fv_draw_chance(draw, 0.5) && is_signed(op);
    return fv_do_policy(work, in, op, minus ? -magnitude : magnitude,
                        (fv_interpolation)interpolation->v[0], fill, out);
}

enum { RAND_OPS, RAND_MAGNITUDE, RAND_BINS, RAND_INTERPOLATION, RAND_FILL };

static bool run_randaugment(const fv_tstep *step, fv_work *work, fv_draw *draw,
                            const fv_picture *in, fv_picture *out)
{
    const fv_numbers *a = step->args;
    int bin = (int)a[RAND_MAGNITUDE].v[0], bins = (int)a[RAND_BINS].v[0];
    if (bin >= bins)
        return fv_tstep_fail(step, work, FV_E_ARG,
                             "magnitude is %d, but there are %d bins, counted from 0", bin, bins);
    *out = *in;
    for (int i = 0; i < (int)a[RAND_OPS].v[0]; i++) {
        fv_picture from = *out;
        if (!any_operation(work, draw, false, bin, bins, &a[RAND_INTERPOLATION], &a[RAND_FILL],
                           &from, out))
            return false;
    }
    return true;
}

enum { TRIVIAL_BINS, TRIVIAL_INTERPOLATION, TRIVIAL_FILL };

static bool run_trivialaugment(const fv_tstep *step, fv_work *work, fv_draw *draw,
                               const fv_picture *in, fv_picture *out)
{
    const fv_numbers *a = step->args;
    *out = *in;
    return any_operation(work, draw, true, -1, (int)a[TRIVIAL_BINS].v[0], &a[TRIVIAL_INTERPOLATION],
                         &a[TRIVIAL_FILL], in, out);
}

#define BINS   FV_TARG("num_magnitude_bins", FV_ARG_WHOLE, FV_COUNT_1, 2, 1000, {1, {31}})
#define COLORS (FV_STEP_BYTES | FV_STEP_COLORS)

const fv_tstep_kind fv_policy_kinds[] = {
    FV_TSTEP("autoaugment", 0, COLORS, run_autoaugment, NULL, fv_eval_nothing,
             FV_TARG_WORD("policy", "imagenet cifar10 svhn", 0),
             FV_ARG_OF_INTERPOLATION(FV_NEAREST), FV_ARG_OF_FILL),
    FV_TSTEP("randaugment", 0, COLORS, run_randaugment, NULL, fv_eval_nothing,
             FV_TARG("num_ops", FV_ARG_WHOLE, FV_COUNT_1, 1, 100, {1, {2}}),
             FV_TARG("magnitude", FV_ARG_WHOLE, FV_COUNT_1, 0, 999, {1, {9}}), BINS,
             FV_ARG_OF_INTERPOLATION(FV_NEAREST), FV_ARG_OF_FILL),
    FV_TSTEP("trivialaugment", 0, COLORS, run_trivialaugment, NULL, fv_eval_nothing, BINS,
             FV_ARG_OF_INTERPOLATION(FV_NEAREST), FV_ARG_OF_FILL),
    {NULL, 0, 0, NULL, NULL, NULL, {{0}}},
};
