/*
 * color.c - color and tone operations on uint8 pictures, as in PIL's ImageOps and ImageEnhance.
 *
 * Most are a lookup table of 256 bytes per channel. Layer 3, data. Calls the base.
 */
#include "data/transform/transform.h"

#include <math.h>
#include <string.h>

typedef uint8_t table[256];

static size_t area_of(const fv_picture *in)
{
    return (size_t)in->height * (size_t)in->width;
}

static uint8_t *plane_of(const fv_picture *in, int channel)
{
    return (uint8_t *)in->pixels + (size_t)channel * area_of(in);
}

static uint8_t clip(double v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

uint8_t fv_blend(int a, int b, float alpha)
{
    float v = (float)a + alpha * (float)(b - a);
    return (uint8_t)(v <= 0 ? 0 : v >= 255 ? 255 : v);
}

/* Planes of red, green and blue; a gray picture's plane three times, so that its luma is itself.
   Local copies: stores of bytes may alias the pointers in a picture. */
typedef struct rgb {
    uint8_t *r, *g, *b;
} rgb;

static rgb rgb_of(const fv_picture *in)
{
    bool colors = in->channels == 3;
    return (rgb){plane_of(in, 0), plane_of(in, colors ? 1 : 0), plane_of(in, colors ? 2 : 0)};
}

/* ITU-R 601-2 luma in 16-bit fixed point, rounded. */
static int gray_at(rgb x, size_t i)
{
    return (x.r[i] * 19595 + x.g[i] * 38470 + x.b[i] * 7471 + 0x8000) >> 16;
}

/* ---- tables ------------------------------------------------------------------------------- */

static void count_bytes(const fv_picture *in, int channel, int64_t histogram[256])
{
    const uint8_t *x = plane_of(in, channel);
    size_t n = area_of(in);
    memset(histogram, 0, 256 * sizeof *histogram);
    for (size_t i = 0; i < n; i++)
        histogram[x[i]]++;
}

static void make_invert(const fv_picture *in, int channel, double amount, table t)
{
    (void)in, (void)channel, (void)amount;
    for (int v = 0; v < 256; v++)
        t[v] = (uint8_t)(255 - v);
}

static void make_posterize(const fv_picture *in, int channel, double bits, table t)
{
    (void)in, (void)channel;
    for (int v = 0; v < 256; v++)
        t[v] = (uint8_t)(v & (0xff00 >> (int)bits));
}

static void make_solarize(const fv_picture *in, int channel, double threshold, table t)
{
    (void)in, (void)channel;
    for (int v = 0; v < 256; v++)
        t[v] = (uint8_t)(v < threshold ? v : 255 - v);
}

/* Maps the darkest byte to 0 and the lightest to 255. */
static void make_autocontrast(const fv_picture *in, int channel, double amount, table t)
{
    (void)amount;
    int64_t histogram[256];
    int low = 0, high = 255;
    count_bytes(in, channel, histogram);
    while (low < 255 && histogram[low] == 0)
        low++;
    while (high > 0 && histogram[high] == 0)
        high--;
    double scale = high > low ? 255.0 / (high - low) : 1, offset = high > low ? -low * scale : 0;
    for (int v = 0; v < 256; v++)
        t[v] = clip(v * scale + offset);
}

/* Histogram equalization. */
static void make_equalize(const fv_picture *in, int channel, double amount, table t)
{
    (void)amount;
    int64_t histogram[256];
    int last = 255;
    count_bytes(in, channel, histogram);
    while (last > 0 && histogram[last] == 0)
        last--;
    int64_t step = ((int64_t)area_of(in) - histogram[last]) / 255, n = step / 2;
    for (int v = 0; v < 256; n += histogram[v++])
        t[v] = step == 0 ? (uint8_t)v : clip((double)(n / step));
}

static void make_brightness(const fv_picture *in, int channel, double factor, table t)
{
    (void)in, (void)channel;
    for (int v = 0; v < 256; v++)
        t[v] = fv_blend(0, v, (float)factor);
}

/* Blends with the picture's mean gray. */
static void make_contrast(const fv_picture *in, int channel, double factor, table t)
{
    (void)channel;
    uint64_t sum = 0;
    rgb x = rgb_of(in);
    size_t n = area_of(in);
    for (size_t i = 0; i < n; i++)
        sum += (uint64_t)gray_at(x, i);
    int mean = (int)((double)sum / (double)n + 0.5);
    for (int v = 0; v < 256; v++)
        t[v] = fv_blend(mean, v, (float)factor);
}

static const struct {
    void (*make)(const fv_picture *in, int channel, double amount, table t);
    bool by_channel; /* one table per channel */
} tables[FV_COLOR_COUNT] = {
    [FV_INVERT] = {make_invert, false},     [FV_POSTERIZE] = {make_posterize, false},
    [FV_SOLARIZE] = {make_solarize, false}, [FV_AUTOCONTRAST] = {make_autocontrast, true},
    [FV_EQUALIZE] = {make_equalize, true},  [FV_BRIGHTNESS] = {make_brightness, false},
    [FV_CONTRAST] = {make_contrast, false},
};

/* ---- colors ------------------------------------------------------------------------------- */

static void saturate(const fv_picture *in, double factor, const fv_picture *out)
{
    rgb x = rgb_of(in), y = rgb_of(out);
    size_t n = area_of(in);
    for (size_t i = 0; i < n; i++) {
        int dull = gray_at(x, i);
        y.r[i] = fv_blend(dull, x.r[i], (float)factor);
        y.g[i] = fv_blend(dull, x.g[i], (float)factor);
        y.b[i] = fv_blend(dull, x.b[i], (float)factor);
    }
}

typedef struct hsv {
    uint8_t h, s, v;
} hsv;

/* Uses float and double exactly where PIL does, so that the bytes are equal. */
static hsv to_hsv(uint8_t r, uint8_t g, uint8_t b)
{
    uint8_t most = r > g ? r : g, least = r < g ? r : g;
    most = b > most ? b : most;
    least = b < least ? b : least;
    if (most == least)
        return (hsv){0, 0, most};
    float range = (float)(most - least), s = range / (float)most, h;
    float to_r = (float)(most - r) / range, to_g = (float)(most - g) / range;
    float to_b = (float)(most - b) / range;
    if (r == most)
        h = to_b - to_g;
    else if (g == most)
        h = (float)(2.0 + (double)to_r - (double)to_b);
    else
        h = (float)(4.0 + (double)to_g - (double)to_r);
    h = (float)fmod((double)h / 6.0 + 1.0, 1.0);
    return (hsv){clip((double)h * 255.0), clip((double)s * 255.0), most};
}

static void to_rgb(hsv x, uint8_t *r, uint8_t *g, uint8_t *b)
{
    int sixth = (int)floor(x.h * 6.0 / 255.0);
    float f = (float)(x.h * 6.0 / 255.0 - sixth), s = (float)(x.s / 255.0);
    uint8_t p = clip(round(x.v * (1.0 - (double)s)));
    uint8_t q = clip(round(x.v * (1.0 - (double)(s * f))));
    uint8_t t = clip(round(x.v * (1.0 - (double)s * (1.0 - (double)f))));
    const uint8_t turn[6][3] = {{x.v, t, p}, {q, x.v, p}, {p, x.v, t},
                                {p, q, x.v}, {t, p, x.v}, {x.v, p, q}};
    const uint8_t *mixed = turn[sixth % 6];
    *r = x.s == 0 ? x.v : mixed[0];
    *g = x.s == 0 ? x.v : mixed[1];
    *b = x.s == 0 ? x.v : mixed[2];
}

static void shift_hue(const fv_picture *in, double amount, const fv_picture *out)
{
    uint8_t shift = (uint8_t)(int)(amount * 255);
    rgb x = rgb_of(in), y = rgb_of(out);
    size_t n = area_of(in);
    for (size_t i = 0; i < n; i++) {
        hsv color = to_hsv(x.r[i], x.g[i], x.b[i]);
        color.h = (uint8_t)(color.h + shift);
        to_rgb(color, y.r + i, y.g + i, y.b + i);
    }
}

static void look_up(const fv_picture *in, fv_color op, double amount, const fv_picture *out)
{
    table t;
    size_t n = area_of(in);
    for (int c = 0; c < in->channels; c++) {
        const uint8_t *x = plane_of(in, c);
        uint8_t *y = plane_of(out, c);
        if (c == 0 || tables[op].by_channel)
            tables[op].make(in, c, amount, t);
        for (size_t i = 0; i < n; i++)
            y[i] = t[x[i]];
    }
}

bool fv_do_color(fv_work *work, const fv_picture *in, fv_color op, double amount, fv_picture *out)
{
    *out = *in;
    if ((op == FV_SATURATION || op == FV_HUE) && in->channels == 1)
        return true;
    if (!fv_picture_like(work, in, out))
        return false;
    if (op == FV_SATURATION)
        saturate(in, amount, out);
    else if (op == FV_HUE)
        shift_hue(in, amount, out);
    else
        look_up(in, op, amount, out);
    return true;
}

bool fv_do_grayscale(fv_work *work, const fv_picture *in, int channels, fv_picture *out)
{
    *out = *in;
    if (in->channels == 1 && channels == 1)
        return true;
    if (!fv_picture_make(work, in, channels, in->height, in->width, FV_U8, out))
        return false;
    size_t n = area_of(in);
    rgb x = rgb_of(in);
    uint8_t *y = out->pixels;
    for (size_t i = 0; i < n; i++)
        y[i] = (uint8_t)gray_at(x, i);
    for (int c = 1; c < channels; c++)
        memcpy(plane_of(out, c), y, n);
    return true;
}

/* ---- steps -------------------------------------------------------------------------------- */

/* Kinds without p always apply; an amount is the first argument. */
static bool run_color(const fv_tstep *step, fv_work *work, fv_draw *draw, const fv_picture *in,
                      fv_picture *out)
{
    const fv_numbers *p = fv_numbers_named(step, "p");
    if (p && !fv_draw_chance(draw, p->v[0]))
        return true;
    return fv_do_color(work, in, (fv_color)step->kind->op, step->args[0].v[0], out);
}

static bool run_grayscale(const fv_tstep *step, fv_work *work, fv_draw *draw, const fv_picture *in,
                          fv_picture *out)
{
    (void)draw;
    return fv_do_grayscale(work, in, (int)step->args[0].v[0], out);
}

static void shape_grayscale(const fv_tstep *step, fv_picture_shape *shape)
{
    shape->channels = (int)step->args[0].v[0];
}

static bool run_random_grayscale(const fv_tstep *step, fv_work *work, fv_draw *draw,
                                 const fv_picture *in, fv_picture *out)
{
    if (!fv_draw_chance(draw, step->args[0].v[0]))
        return true;
    return fv_do_grayscale(work, in, in->channels, out);
}

/* A number x means the range 1-x to 1+x, at least 0; for hue -x to x. */
static double draw_amount(fv_draw *draw, const fv_numbers *arg, fv_color op)
{
    double low = arg->v[0], high = arg->v[1];
    if (arg->count == 1) {
        double center = op == FV_HUE ? 0 : 1;
        high = center + arg->v[0];
        low = op == FV_HUE ? -arg->v[0] : fmax(0, center - arg->v[0]);
    }
    return fv_draw_uniform(draw, low, high);
}

/* Applies the four changes in a random order and skips those whose amount changes nothing. */
static bool run_color_jitter(const fv_tstep *step, fv_work *work, fv_draw *draw,
                             const fv_picture *in, fv_picture *out)
{
    fv_color order[4] = {FV_BRIGHTNESS, FV_CONTRAST, FV_SATURATION, FV_HUE};
    for (int i = 3; i > 0; i--) {
        int other = fv_draw_int(draw, i + 1);
        fv_color swap = order[i];
        order[i] = order[other];
        order[other] = swap;
    }
    *out = *in;
    for (int i = 0; i < 4; i++) {
        fv_picture from = *out;
        double amount = draw_amount(draw, &step->args[order[i] - FV_BRIGHTNESS], order[i]);
        if (amount != (order[i] == FV_HUE ? 0 : 1) &&
            !fv_do_color(work, &from, order[i], amount, out))
            return false;
    }
    return true;
}

#define P           FV_ARG_OF_P(0.5)
#define BITS        FV_TARG("bits", FV_ARG_NEEDED | FV_ARG_BARE | FV_ARG_WHOLE, FV_COUNT_1, 0, 8, {0})
#define THRESHOLD   FV_TARG("threshold", FV_ARG_NEEDED | FV_ARG_BARE, FV_COUNT_1, 0, 256, {0})
#define RANGE(name) FV_TARG(name, FV_ARG_RISING, FV_COUNT_1 | FV_COUNT_2, 0, 1000, {1, {0}})
#define COLORS      (FV_STEP_BYTES | FV_STEP_COLORS)

const fv_tstep_kind fv_color_kinds[] = {
    FV_TSTEP("invert", FV_INVERT, COLORS, run_color, NULL, NULL, {0}),
    FV_TSTEP("random_invert", FV_INVERT, COLORS, run_color, NULL, fv_eval_sure, P),
    FV_TSTEP("posterize", FV_POSTERIZE, COLORS, run_color, NULL, NULL, BITS),
    FV_TSTEP("random_posterize", FV_POSTERIZE, COLORS, run_color, NULL, fv_eval_sure, BITS, P),
    FV_TSTEP("solarize", FV_SOLARIZE, COLORS, run_color, NULL, NULL, THRESHOLD),
    FV_TSTEP("random_solarize", FV_SOLARIZE, COLORS, run_color, NULL, fv_eval_sure, THRESHOLD, P),
    FV_TSTEP("autocontrast", FV_AUTOCONTRAST, COLORS, run_color, NULL, NULL, {0}),
    FV_TSTEP("random_autocontrast", FV_AUTOCONTRAST, COLORS, run_color, NULL, fv_eval_sure, P),
    FV_TSTEP("equalize", FV_EQUALIZE, COLORS, run_color, NULL, NULL, {0}),
    FV_TSTEP("random_equalize", FV_EQUALIZE, COLORS, run_color, NULL, fv_eval_sure, P),
    FV_TSTEP("grayscale", 0, COLORS, run_grayscale, shape_grayscale, NULL,
             FV_TARG("num_output_channels", FV_ARG_WHOLE | FV_ARG_ODD, FV_COUNT_1, 1, 3, {1, {1}})),
    FV_TSTEP("random_grayscale", 0, COLORS, run_random_grayscale, NULL, fv_eval_sure,
             FV_ARG_OF_P(0.1)),
    FV_TSTEP("color_jitter", 0, COLORS, run_color_jitter, NULL, fv_eval_nothing,
             RANGE("brightness"), RANGE("contrast"), RANGE("saturation"),
             FV_TARG("hue", FV_ARG_RISING | FV_ARG_SPREAD, FV_COUNT_1 | FV_COUNT_2, -0.5, 0.5,
                     {1, {0}})),
    {NULL, 0, 0, NULL, NULL, NULL, {{0}}},
};
