/*
 * transform.h - internals of transforms: steps and their arguments, random numbers, and the
 * operations with all parameters given.
 *
 * A step of a transform draws its parameters and calls an operation, fv_do_...; tests call the
 * operations directly. transform.c runs the steps, steps.c has what the families share, kinds.c
 * lists and reads all kinds. Layer 3, data. Calls the base.
 */
#ifndef FV_TRANSFORM_H
#define FV_TRANSFORM_H

#include "data/data.h"

/* ---- random numbers ------------------------------------------------------------------------- */

/* SplitMix64, seeded by a hash of seed, epoch and index: the same in every thread. */
typedef struct fv_draw {
    uint64_t state;
} fv_draw;

fv_draw fv_draw_start(uint64_t seed, int64_t epoch, int64_t index);
uint64_t fv_draw_bits(fv_draw *draw);
double fv_draw_uniform(fv_draw *draw, double low, double high); /* in [low, high), 53 bits */
int fv_draw_int(fv_draw *draw, int n);                          /* 0 to n-1, for n >= 1 */
bool fv_draw_chance(fv_draw *draw, double p);

/* ---- arguments and kinds -------------------------------------------------------------------- */

enum { FV_ARGS_MAX = 7, FV_SIDE_MAX = 32767 };

typedef struct fv_tstep_kind fv_tstep_kind;

typedef struct fv_tstep {
    const fv_tstep_kind *kind;
    int number; /* in its transform, from 1 */
    fv_numbers args[FV_ARGS_MAX];
    float (*table)[256]; /* to_tensor: float for each byte, by channel */
    int tables;          /* number of tables; 1: for all channels */
    bool folded;         /* normalize, folded into the tables of the to_tensor before it */
} fv_tstep;

typedef enum fv_tstep_flags {
    FV_STEP_BYTES = 1,  /* only uint8 */
    FV_STEP_FLOATS = 2, /* only float32 */
    FV_STEP_COLORS = 4, /* only 1 or 3 channels */
} fv_tstep_flags;

struct fv_tstep_kind {
    const char *name;
    int op;         /* selects among operations that share run */
    unsigned flags; /* fv_tstep_flags */
    /* Applies the step. *out starts as *in, which a step that changes nothing leaves. */
    bool (*run)(const fv_tstep *step, fv_work *work, fv_draw *draw, const fv_picture *in,
                fv_picture *out);
    /* Computes the output shape; 0: depends on the picture. NULL: unchanged. */
    void (*shape)(const fv_tstep *step, fv_picture_shape *shape);
    /* Writes the equivalent steps without randomness to out, returns their number. NULL: itself. */
    int (*eval)(const fv_tstep *step, fv_tstep out[2]);
    fv_arg args[FV_ARGS_MAX + 1]; /* FV_ARG_NUMBERS; ends at one without name */
};

/* A row of a family's table, with its arguments; {0} for none. */
#define FV_TSTEP(name, op, flags, run, shape, eval, ...)                                           \
    {                                                                                              \
        name, op, flags, run, shape, eval,                                                         \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

/* The kinds of each file; each list ends at one without name. */
extern const fv_tstep_kind fv_place_kinds[], fv_resize_kinds[], fv_warp_kinds[], fv_color_kinds[],
    fv_filter_kinds[], fv_erase_kinds[], fv_digit_kinds[], fv_policy_kinds[], fv_float_kinds[];

/* Returns a step of the named kind of a family, with default arguments. The kind must exist. */
fv_tstep fv_tstep_of(const fv_tstep_kind *family, const char *name);

/* Returns the argument of that name, or NULL if the kind has none. */
const fv_numbers *fv_numbers_named(const fv_tstep *step, const char *name);

/* For .eval: leave out a random step; a step with the argument p stays if p is 1. */
int fv_eval_nothing(const fv_tstep *step, fv_tstep out[2]);
int fv_eval_sure(const fv_tstep *step, fv_tstep out[2]);

/* ---- arguments of several kinds -------------------------------------------------------------- */

#define FV_COUNT_1 (1u << 1)
#define FV_COUNT_2 (1u << 2)
#define FV_COUNT_3 (1u << 3)
#define FV_COUNT_4 (1u << 4)
/* clang-format off */
#define FV_TARG(its_name, its_flags, its_counts, low, high, ...)                                   \
    {.name = its_name, .flags = its_flags, .counts = its_counts, .range = {low, high, 0},          \
     .initial = __VA_ARGS__}
#define FV_TARG_WORD(its_name, its_words, place)                                                   \
    {.name = its_name, .counts = FV_COUNT_1, .words = its_words, .initial = {1, {place}}}
/* clang-format on */
#define FV_TARG_FLAG(its_name) FV_TARG_WORD(its_name, "false true", 0)
#define FV_ARG_OF_SIZE                                                                             \
    FV_TARG("size", FV_ARG_NEEDED | FV_ARG_BARE | FV_ARG_WHOLE | FV_ARG_SIDES,                     \
            FV_COUNT_1 | FV_COUNT_2, 1, FV_SIDE_MAX, {0})
#define FV_ARG_OF_P(p) FV_TARG("p", 0, FV_COUNT_1, 0, 1, {1, {p}})
#define FV_ARG_OF_FILL                                                                             \
    FV_TARG("fill", FV_ARG_WHOLE | FV_ARG_CHANNELS, FV_COUNT_1 | FV_COUNT_3, 0, 255, {1, {0}})
#define FV_ARG_OF_INTERPOLATION(x) FV_TARG_WORD("interpolation", "nearest bilinear bicubic", x)

/* kinds.c: parses text into *steps, freed with fv_release. Returns their number; -1: an error. */
int fv_tsteps_read(fv_ctx *ctx, const char *text, fv_tstep **steps);
/* Appends a step as text, "resize 40": the shortest form, arguments in the order of the kind. */
void fv_tstep_put(fv_text *to, const fv_tstep *step);

/* Sets an error that starts with the step's number and text. Returns false. */
bool fv_tstep_fail(const fv_tstep *step, fv_work *work, fv_status code, const char *format, ...)
    FV_PRINTF(4, 5);

/* Returns the fill value of a channel. */
static inline double fv_numbers_of_channel(const fv_numbers *fill, int channel)
{
    return fill->v[fill->count > 1 ? channel : 0];
}

/* The sides of a size: 32 means 32 x 32. */
static inline int fv_numbers_rows(const fv_numbers *size)
{
    return (int)size->v[0];
}

static inline int fv_numbers_columns(const fv_numbers *size)
{
    return (int)size->v[size->count - 1];
}

/* ---- pictures ------------------------------------------------------------------------------- */

/* Makes a picture in that one of the two result slots that does not hold in. */
bool fv_picture_make(fv_work *work, const fv_picture *in, int channels, int height, int width,
                     fv_type type, fv_picture *out);

static inline bool fv_picture_like(fv_work *work, const fv_picture *in, fv_picture *out)
{
    return fv_picture_make(work, in, in->channels, in->height, in->width, in->type, out);
}

/* Slots of a work: results alternate between the first two, the others are scratch. */
enum { FV_SLOT_RESULT = 2, FV_SLOT_WEIGHTS = 4, FV_SLOT_SCRATCH = 6 };

typedef struct fv_box {
    int top, left, height, width;
} fv_box;

typedef enum fv_border { FV_CONSTANT, FV_EDGE, FV_REFLECT, FV_SYMMETRIC } fv_border;
typedef enum fv_interpolation { FV_NEAREST, FV_BILINEAR, FV_BICUBIC } fv_interpolation;

/* Maps any position i to 0..n-1 by the border mode, as numpy.pad; -1 outside a constant border. */
int fv_place_in(int i, int n, fv_border border);

/* ---- operations: parameters as torchvision.transforms.functional names them ------------------ */

/* place.c. A fill is one value, or one per channel. */
bool fv_do_crop(fv_work *work, const fv_picture *in, fv_box box, fv_border border,
                const fv_numbers *fill, fv_picture *out); /* the box may exceed the picture */
bool fv_do_flip(fv_work *work, const fv_picture *in, bool vertical, fv_picture *out);
/* Rotates by quarter turns, counterclockwise. */
bool fv_do_rotate90(fv_work *work, const fv_picture *in, int quarters, fv_picture *out);

void fv_fill_pixels(void *to, size_t n, fv_type type, double value);

/* resize.c */
bool fv_do_resize(fv_work *work, const fv_picture *in, fv_box box, int height, int width,
                  fv_interpolation interpolation, fv_picture *out);

/* warp.c. An output pixel reads from x = (m0 x + m1 y + m2) / (m6 x + m7 y + 1), and y with m3 to
   m5. Pixels outside are fill. */
typedef struct fv_warp {
    double m[8];
    int height, width;
    fv_interpolation interpolation;
    const fv_numbers *fill;
} fv_warp;

bool fv_do_warp(fv_work *work, const fv_picture *in, const fv_warp *warp, fv_picture *out);
/* Rotates counterclockwise by degrees about center (x, y), by default (count 0) the middle. */
bool fv_do_rotate(fv_work *work, const fv_picture *in, double angle, bool expand,
                  const fv_numbers *center, fv_interpolation interpolation, const fv_numbers *fill,
                  fv_picture *out);

typedef struct fv_affine {
    double angle, scale, shear_x, shear_y; /* degrees, clockwise */
    int x, y;                              /* translation */
} fv_affine;

bool fv_do_affine(fv_work *work, const fv_picture *in, const fv_affine *affine,
                  const fv_numbers *center, fv_interpolation interpolation, const fv_numbers *fill,
                  fv_picture *out);
/* Computes the m of a warp that maps the picture's corners, clockwise from the top left, to ends
   (x, y). Returns false if there is none. */
bool fv_perspective(int height, int width, const int ends[4][2], double m[8]);

/* color.c */
typedef enum fv_color {
    FV_INVERT,
    FV_POSTERIZE, /* amount: bits to keep, 0 to 8 */
    FV_SOLARIZE,  /* amount: threshold; bytes from it on are inverted */
    FV_AUTOCONTRAST,
    FV_EQUALIZE,
    FV_BRIGHTNESS, /* these three: a factor; 1 changes nothing */
    FV_CONTRAST,
    FV_SATURATION,
    FV_HUE, /* -0.5 to 0.5 of the color circle */
    FV_COLOR_COUNT
} fv_color;

bool fv_do_color(fv_work *work, const fv_picture *in, fv_color op, double amount, fv_picture *out);
bool fv_do_grayscale(fv_work *work, const fv_picture *in, int channels, fv_picture *out);
/* PIL's Image.blend: a with alpha 0, b with alpha 1; alpha may exceed [0,1]. */
uint8_t fv_blend(int a, int b, float alpha);

/* filter.c */
bool fv_do_sharpness(fv_work *work, const fv_picture *in, double factor, fv_picture *out);
bool fv_do_gaussian_blur(fv_work *work, const fv_picture *in, int rows, int columns, double sigma,
                         fv_picture *out);

/* erase.c. Erases the part of the box inside the picture. */
bool fv_do_erase(fv_work *work, const fv_picture *in, fv_box box, const fv_numbers *value,
                 fv_picture *out);

/* digit.c */
bool fv_do_center_mass(fv_work *work, const fv_picture *in, int height, int width, int box,
                       fv_picture *out);

/* policy.c, in torchvision's order. */
typedef enum fv_policy_op {
    FV_OP_IDENTITY,
    FV_OP_SHEAR_X,
    FV_OP_SHEAR_Y,
    FV_OP_TRANSLATE_X,
    FV_OP_TRANSLATE_Y,
    FV_OP_ROTATE,
    FV_OP_BRIGHTNESS,
    FV_OP_COLOR,
    FV_OP_CONTRAST,
    FV_OP_SHARPNESS,
    FV_OP_POSTERIZE,
    FV_OP_SOLARIZE,
    FV_OP_AUTOCONTRAST,
    FV_OP_EQUALIZE,
    FV_OP_INVERT,
    FV_OP_COUNT
} fv_policy_op;

bool fv_do_policy(fv_work *work, const fv_picture *in, fv_policy_op op, double magnitude,
                  fv_interpolation interpolation, const fv_numbers *fill, fv_picture *out);
/* Returns the unsigned magnitude of bin 0..bins-1; wide: as in TrivialAugmentWide. */
double fv_policy_magnitude(fv_policy_op op, bool wide, int bin, int bins, int height, int width);

#endif
