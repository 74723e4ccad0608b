/*
 * test_transforms.c - transforms against torchvision's recorded pictures, text, errors, shapes.
 * Uses fovea.h, and data/transform/transform.h for operations with parameters no text can fix.
 */
#include <math.h>
#include <pthread.h>

#include "pictures.h"
#include "golden.h"

#include "data/transform/transform.h"

/* ---- torchvision's pictures ----------------------------------------------------------------- */

enum { PICTURES_MAX = 8 };

static struct {
    char name[GOLDEN_NAME_MAX];
    fv_array array;
} pictures[PICTURES_MAX];
static int picture_count;

static fv_array *picture_named(const char *name)
{
    for (int i = 0; i < picture_count; i++)
        if (strcmp(pictures[i].name, name) == 0)
            return &pictures[i].array;
    fail_msg("no picture %s", name);
    return NULL;
}

/* The array that a case describes, where it lies in the file. */
static fv_array recorded(const golden *g, fv_type type, const char *name)
{
    return array_of(type, golden_int(g, "channels"), golden_int(g, "height"),
                    golden_int(g, "width"), golden_get(g, name, 0)->data);
}

/* Every byte, and every bit of every float, must be torchvision's. */
static void compare(const golden *g, const fv_array *out)
{
    bool floats = golden_find(g, "f") != NULL;
    fv_array right = recorded(g, floats ? FV_F32 : FV_U8, floats ? "f" : "y");
    if (out->type != right.type || memcmp(out->dims, right.dims, sizeof right.dims) != 0)
        fail_msg("%s: [%d,%d,%d]", g->line, (int)out->dims[0], (int)out->dims[1],
                 (int)out->dims[2]);
    for (size_t i = 0; i < right.count; i++) {
        double found = floats ? (double)((float *)out->data)[i] : ((uint8_t *)out->data)[i];
        double wanted = floats ? (double)((float *)right.data)[i] : ((uint8_t *)right.data)[i];
        if (found != wanted)
            fail_msg("%s: %g instead of %g at %zu", g->line, found, wanted, i);
    }
}

static void recorded_pictures(void **state)
{
    (void)state;
    golden g;
    char name[GOLDEN_NAME_MAX];
    int cases = 0;
    golden_open(&g, "transforms.bin");
    for (picture_count = 0; golden_next(&g); cases++) {
        const char *text = strstr(g.line, " | ");
        if (golden_text(&g, "picture", pictures[picture_count].name)) {
            pictures[picture_count++].array = recorded(&g, FV_U8, "x");
            continue;
        }
        if (!text || !golden_text(&g, "in", name))
            continue;
        fv_transform *t = fv_transform_new(fv, text + 3);
        fv_array *out = fv_transform_apply(t, picture_named(name), 1, 2, 3);
        if (!out)
            fail_msg("%s: %s", g.line, fv_error_text(fv));
        compare(&g, out);
        fv_array_free(out);
        fv_transform_free(t);
    }
    assert_in_range(cases, 300, 1000);
    golden_close(&g);
}

/* ---- operations by themselves --------------------------------------------------------------- */

static fv_interpolation way_of(const golden *g)
{
    return golden_is(g, "way", "nearest")    ? FV_NEAREST
           : golden_is(g, "way", "bilinear") ? FV_BILINEAR
                                             : FV_BICUBIC;
}

static fv_picture picture_of(const fv_array *a)
{
    return (fv_picture){(int)a->dims[0], (int)a->dims[1], (int)a->dims[2], a->type, a->data};
}

/* An operation's picture of ours against the case's. */
static void compare_picture(const golden *g, const fv_picture *out)
{
    fv_array array = array_of(out->type, out->channels, out->height, out->width, out->pixels);
    compare(g, &array);
}

static void do_affine(const golden *g, fv_work *work, const fv_picture *in)
{
    fv_affine affine = {.angle = golden_double(g, "angle"),
                        .scale = golden_double(g, "scale"),
                        .shear_x = 8,
                        .shear_y = -3,
                        .x = golden_int(g, "x"),
                        .y = golden_int(g, "y")};
    fv_numbers center = {0}, fill = {3, {9, 8, 7}};
    fv_picture out;
    assert_true(fv_do_affine(work, in, &affine, &center, way_of(g), &fill, &out));
    compare_picture(g, &out);
}

/* torchvision solves for the matrix in float32: ours agrees to that, and its picture comes out of
   its own matrix. */
static void do_perspective(const golden *g, fv_work *work, const fv_picture *in)
{
    const int64_t *recorded_ends = golden_i64(g, "ends", 8);
    const float *m = golden_f32(g, "m", 8);
    int ends[4][2];
    double ours[8];
    for (int i = 0; i < 8; i++)
        ends[i / 2][i % 2] = (int)recorded_ends[i];
    assert_true(fv_perspective(in->height, in->width, (const int(*)[2])ends, ours));
    fv_numbers fill = {3, {9, 8, 7}};
    fv_warp warp = {
        .height = in->height, .width = in->width, .interpolation = way_of(g), .fill = &fill};
    for (int i = 0; i < 8; i++) {
        assert_true(fabs(ours[i] - (double)m[i]) < 1e-4 * fmax(1, fabs(ours[i])));
        warp.m[i] = (double)m[i];
    }
    fv_picture out;
    assert_true(fv_do_warp(work, in, &warp, &out));
    compare_picture(g, &out);
}

static void do_policy(const golden *g, fv_work *work, const fv_picture *in)
{
    fv_numbers fill = {3, {9, 8, 7}};
    fv_picture out;
    assert_true(fv_do_policy(work, in, (fv_policy_op)golden_int(g, "op"),
                             golden_double(g, "magnitude"), FV_BILINEAR, &fill, &out));
    compare_picture(g, &out);
}

/* The last bit of torch.linspace is another on other machines. */
static void do_magnitudes(const golden *g, fv_work *work, const fv_picture *in)
{
    (void)work;
    (void)in;
    int bins = golden_int(g, "bins");
    assert_int_equal(g->count, FV_OP_INVERT);
    for (int op = 0; op < FV_OP_INVERT; op++) {
        const float *right = golden_f32(g, g->arrays[op].name, (size_t)bins);
        for (int i = 0; i < bins; i++) {
            double found = fv_policy_magnitude((fv_policy_op)op, golden_int(g, "wide") == 1, i,
                                               bins, golden_int(g, "height"),
                                               golden_int(g, "width"));
            if (fabs(found - (double)right[i]) > 2e-7 * fabs(found))
                fail_msg("%s: %s is %.9g instead of %.9g at %d", g->line, g->arrays[op].name, found,
                         (double)right[i], i);
        }
    }
}

static void recorded_operations(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*check)(const golden *g, fv_work *work, const fv_picture *in);
    } operations[] = {{"affine", do_affine},
                      {"perspective", do_perspective},
                      {"policy", do_policy},
                      {"magnitudes", do_magnitudes}};
    golden g;
    int cases = 0;
    golden_open(&g, "transforms.bin");
    for (picture_count = 0; golden_next(&g);) {
        if (golden_text(&g, "picture", pictures[picture_count].name))
            pictures[picture_count++].array = recorded(&g, FV_U8, "x");
        for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
            if (!golden_is(&g, "do", operations[i].name))
                continue;
            fv_work work = {.ctx = fv};
            fv_picture in = picture_of(picture_named("color"));
            operations[i].check(&g, &work, &in);
            fv_work_end(&work);
            cases++;
        }
    }
    assert_in_range(cases, 43, 1000);
    golden_close(&g);
}

/* ---- text ----------------------------------------------------------------------------------- */

/* What text becomes in its one form, and that this form becomes itself. */
static void assert_form(const char *text, const char *form)
{
    fv_transform *t = fv_transform_new(fv, text);
    assert_fine(fv);
    assert_string_equal(fv_transform_text(t), form);
    assert_string_equal(fv_transform_text(fv_transform_new(fv, form)), form);
}

static void one_form(void **state)
{
    (void)state;
    assert_form("", "");
    assert_form(" ;\n; ", "");
    assert_null(fv_transform_text(NULL));
    assert_form("resize 40; random_crop 32 padding=4; flip; to_tensor; "
                "normalize mean=0.49,0.48,0.45 std=0.2,0.2,0.2",
                "resize 40; random_crop 32 padding=4; flip; to_tensor; "
                "normalize mean=0.49,0.48,0.45 std=0.2,0.2,0.2");
    assert_form("\tflip   p=0.50\n resize size=08x007 bicubic;random_crop 9 3 true fill=1,2,3",
                "flip; resize 8x7 interpolation=bicubic; "
                "random_crop 9 padding=3 pad_if_needed=true fill=1,2,3");
    assert_form("random_resized_crop 5 ratio=.75,1.3333333333 scale=0.08,1.0",
                "random_resized_crop 5 ratio=0.75,1.3333333333");
    assert_form("normalize mean=-0.5,00.125,123456.789012345 std=0.000001,1,1000000",
                "normalize mean=-0.5,0.125,123456.789012345 std=1e-06,1,1000000");
    assert_form("flip 0.12345678901234", "flip p=0.12345678901234");
    assert_form("pad 1,2,3,4 padding_mode=reflect", "pad 1,2,3,4 padding_mode=reflect");
    assert_form("affine 10 translate=0.1,0.1 scale=0.5,2 shear=-1,1,-2,2 fill=1,2,3 center=0,-4",
                "affine 10 translate=0.1,0.1 scale=0.5,2 shear=-1,1,-2,2 fill=1,2,3 center=0,-4");
    assert_form("color_jitter 0.5 0.5,1.5 0 -0.1,0.1; autoaugment cifar10; cutout 8",
                "color_jitter brightness=0.5 contrast=0.5,1.5 hue=-0.1,0.1; "
                "autoaugment policy=cifar10; cutout 8");
    assert_form("random_crop 4 pad_if_needed=false padding=0", "random_crop 4 padding=0");
}

static void wrong_text(const char *text, fv_status code, const char *message)
{
    assert_null(fv_transform_new(fv, text));
    assert_error(fv, code, message);
}

static void wrong_names(void **state)
{
    (void)state;
    wrong_text("flip; rezise 40", FV_E_NAME,
               "transform, step 2 \"rezise 40\": there is no transform \"rezise\"\n"
               "help: did you mean resize?");
    wrong_text("resize 40 interpolatoin=bicubic", FV_E_NAME,
               "transform, step 1 \"resize 40 interpolatoin=bicubic\": resize has no argument "
               "\"interpolatoin\"\nhelp: did you mean interpolation?");
    wrong_text("flip q=1", FV_E_NAME,
               "transform, step 1 \"flip q=1\": flip has no argument \"q\"\n"
               "help: it takes p");
    wrong_text("resize 40 antialias=true", FV_E_NAME,
               "transform, step 1 \"resize 40 antialias=true\": resize has no argument "
               "\"antialias\"\nhelp: it takes size, interpolation");
    wrong_text("to_tensor x=1", FV_E_NAME,
               "transform, step 1 \"to_tensor x=1\": to_tensor has no argument \"x\"\n"
               "help: it takes none");
    assert_null(fv_transform_new(fv, "mirror"));
    assert_int_equal(fv_error(fv), FV_E_NAME);
    assert_memory_equal(fv_error_text(fv),
                        "transform, step 1 \"mirror\": there is no transform \"mirror\"\n"
                        "help: there are pad, center_crop, random_crop, flip, vflip, resize, ",
                        120);
    fv_error_clear(fv);
}

static void wrong_values(void **state)
{
    (void)state;
    wrong_text("resize", FV_E_ARG,
               "transform, step 1 \"resize\": size is missing: a size, 32, or rows x columns, "
               "32x24, each 1 to 32767");
    wrong_text("resize 0", FV_E_ARG,
               "transform, step 1 \"resize 0\": size is 0, but must be 1 to 32767");
    wrong_text("resize 10x99999", FV_E_ARG,
               "transform, step 1 \"resize 10x99999\": size is 99999, but must be 1 to 32767");
    wrong_text(
        "resize 1.5", FV_E_ARG,
        "transform, step 1 \"resize 1.5\": size is \"1.5\", but must be a size, 32, or rows x "
        "columns, 32x24, each 1 to 32767");
    wrong_text("resize 3x4x5", FV_E_ARG,
               "transform, step 1 \"resize 3x4x5\": size is \"3x4x5\", but must be a size, 32, or "
               "rows x columns, 32x24, each 1 to 32767");
    wrong_text(
        "resize 40 bilinaer", FV_E_ARG,
        "transform, step 1 \"resize 40 bilinaer\": interpolation is \"bilinaer\", but must be "
        "nearest, bilinear or bicubic");
    wrong_text("flip 1.5", FV_E_ARG,
               "transform, step 1 \"flip 1.5\": p is 1.5, but must be 0 to 1");
    wrong_text("flip p=-0.25", FV_E_ARG,
               "transform, step 1 \"flip p=-0.25\": p is -0.25, but must be 0 to 1");
    wrong_text("flip p=half", FV_E_ARG,
               "transform, step 1 \"flip p=half\": p is \"half\", but must be a number, 0 to 1");
    wrong_text("flip p=0x1", FV_E_ARG,
               "transform, step 1 \"flip p=0x1\": p is \"0x1\", but must be a number, 0 to 1");
    wrong_text("flip p=", FV_E_ARG,
               "transform, step 1 \"flip p=\": p is \"\", but must be a number, 0 to 1");
    wrong_text("flip 0.5 0.5", FV_E_ARG,
               "transform, step 1 \"flip 0.5 0.5\": \"0.5\" is one value too many");
    wrong_text("flip 0.5 p=0.5", FV_E_ARG,
               "transform, step 1 \"flip 0.5 p=0.5\": p is given twice");
    wrong_text("pad 1,2,3", FV_E_ARG,
               "transform, step 1 \"pad 1,2,3\": padding is \"1,2,3\", but must be 1, 2 or 4 whole "
               "numbers with commas between them, each 0 to 32767");
    wrong_text(
        "pad 1,2,3,4,5", FV_E_ARG,
        "transform, step 1 \"pad 1,2,3,4,5\": padding is \"1,2,3,4,5\", but must be 1, 2 or 4 "
        "whole numbers with commas between them, each 0 to 32767");
    wrong_text(
        "random_crop 3 pad_if_needed=yes", FV_E_ARG,
        "transform, step 1 \"random_crop 3 pad_if_needed=yes\": pad_if_needed is \"yes\", but "
        "must be true or false");
    wrong_text("random_resized_crop 5 scale=1,0.5", FV_E_ARG,
               "transform, step 1 \"random_resized_crop 5 scale=1,0.5\": scale goes from 1 to 0.5; "
               "the smaller number comes first");
    wrong_text(
        "normalize mean=0.5", FV_E_ARG,
        "transform, step 1 \"normalize mean=0.5\": std is missing: 1, 2, 3 or 4 numbers with "
        "commas between them, each 1e-06 to 1000000");
    wrong_text("normalize mean=0.5 std=0", FV_E_ARG,
               "transform, step 1 \"normalize mean=0.5 std=0\": std is 0, but must be 1e-06 to "
               "1000000");
    wrong_text("gaussian_blur 4", FV_E_ARG,
               "transform, step 1 \"gaussian_blur 4\": kernel_size is 4, but must be odd");
    wrong_text("rotation -5", FV_E_ARG,
               "transform, step 1 \"rotation -5\": degrees is -5, but must be 0 to 3600");
    wrong_text("color_jitter hue=-0.1", FV_E_ARG,
               "transform, step 1 \"color_jitter hue=-0.1\": hue is -0.1, but must be 0 to 0.5");
    wrong_text(
        "color_jitter hue=-0.1,0.6", FV_E_ARG,
        "transform, step 1 \"color_jitter hue=-0.1,0.6\": hue is 0.6, but must be -0.5 to 0.5");
    wrong_text(
        "affine 10 shear=-1,1,9,8", FV_E_ARG,
        "transform, step 1 \"affine 10 shear=-1,1,9,8\": shear goes from 9 to 8; the smaller "
        "number comes first");
    wrong_text(
        "affine 10 shear=1,2,3", FV_E_ARG,
        "transform, step 1 \"affine 10 shear=1,2,3\": shear is \"1,2,3\", but must be 1, 2 or "
        "4 numbers with commas between them, each -89 to 89");
    wrong_text("autoaugment cifar", FV_E_ARG,
               "transform, step 1 \"autoaugment cifar\": policy is \"cifar\", but must be "
               "imagenet, cifar10 or svhn");
    wrong_text("grayscale 2", FV_E_ARG,
               "transform, step 1 \"grayscale 2\": num_output_channels is 2, but must be odd");
    wrong_text("to_tensor; resize 40", FV_E_STATE,
               "transform, step 2 \"resize 40\": it takes uint8 pictures, but to_tensor before it "
               "makes float32 of them\nhelp: put it before to_tensor");
}

/* ---- pictures that do not fit --------------------------------------------------------------- */

static void wrong_picture(const char *text, fv_array picture, fv_status code, const char *message)
{
    fv_transform *t = fv_transform_new(fv, text);
    assert_fine(fv);
    assert_null(fv_transform_apply(t, &picture, 0, 0, 0));
    assert_error(fv, code, message);
    fv_transform_free(t);
}

static void wrong_pictures(void **state)
{
    (void)state;
    static const float zeros[4 * 64];
    fv_array gray = array_of(FV_U8, 1, 8, 8, zeros), four = array_of(FV_F32, 4, 8, 8, zeros);
    wrong_picture("flip; random_crop 12x8 padding=1", gray, FV_E_SHAPE,
                  "transform, step 2 \"random_crop 12x8 padding=1\": the crop is larger than the "
                  "picture of 8 x 8 with its padding\n"
                  "help: a resize before it, or pad_if_needed=true");
    wrong_picture(
        "pad 1 fill=1,2,3", gray, FV_E_SHAPE,
        "transform, step 1 \"pad 1 fill=1,2,3\": fill has 3 numbers, but the picture has 1 "
        "channels");
    wrong_picture("to_tensor; normalize mean=1,2,3 std=1", gray, FV_E_SHAPE,
                  "transform, step 2 \"normalize mean=1,2,3 std=1\": mean has 3 numbers, but the "
                  "picture has 1 channels");
    wrong_picture(
        "normalize mean=1 std=1", gray, FV_E_SHAPE,
        "transform, step 1 \"normalize mean=1 std=1\": it takes float32 pictures, and this "
        "one is uint8\nhelp: to_tensor before it");
    wrong_picture(
        "resize 5", four, FV_E_SHAPE,
        "transform, step 1 \"resize 5\": it takes uint8 pictures, and this one is float32");
    wrong_picture("pad 32000", gray, FV_E_SHAPE,
                  "a transform makes a picture of 1 x 64008 x 64008, more than 268435456 numbers");
    wrong_picture(
        "resize 30000", array_of(FV_U8, 1, 1, 200, zeros), FV_E_SHAPE,
        "a transform makes a picture of 1 x 30000 x 6000000, more than 268435456 numbers");
    wrong_picture("flip", array_of(FV_I16, 1, 8, 8, zeros), FV_E_ARG,
                  "fv_transform_apply: a picture is uint8 or float32, [C,H,W] or [H,W]");
    wrong_picture("flip", array_of(FV_U8, 1, 8, 8, NULL), FV_E_ARG,
                  "fv_transform_apply: a picture is uint8 or float32, [C,H,W] or [H,W]");
    fv_transform *t = fv_transform_new(fv, "flip");
    assert_null(fv_transform_apply(t, NULL, 0, 0, 0));
    assert_int_equal(fv_error(fv), FV_E_ARG);
    assert_null(fv_transform_apply(t, &gray, 0, 0, 0));
    assert_null(fv_transform_eval(t));
    assert_null(fv_transform_new(fv, "flip"));
    assert_null(fv_transform_apply(NULL, &gray, 0, 0, 0));
}

/* ---- float pictures, chains, inverses ------------------------------------------------------- */

/* Steps for both types do the same to floats as to bytes. */
static void floats_as_bytes(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "flip p=1",
        "vflip p=1",
        "pad 3,1 padding_mode=reflect",
        "pad 2 fill=9",
        "center_crop 7x30",
        "random_crop 5x6 padding=2 fill=5",
        "flip; vflip; random_crop 9 pad_if_needed=true",
    };
    uint8_t bytes[3 * 8 * 11];
    float floats[3 * 8 * 11];
    for (size_t i = 0; i < sizeof bytes; i++)
        floats[i] = bytes[i] = (uint8_t)(i * 37 % 256);
    fv_array as_bytes = array_of(FV_U8, 3, 8, 11, bytes), as_floats = as_bytes;
    as_floats.type = FV_F32;
    as_floats.data = floats;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fv_transform *t = fv_transform_new(fv, texts[i]);
        fv_array *a = fv_transform_apply(t, &as_bytes, 7, 0, (int64_t)i);
        fv_array *b = fv_transform_apply(t, &as_floats, 7, 0, (int64_t)i);
        assert_fine(fv);
        assert_int_equal(b->type, FV_F32);
        assert_int_equal(a->count, b->count);
        for (size_t k = 0; k < a->count; k++)
            assert_true(((float *)b->data)[k] == ((uint8_t *)a->data)[k]);
    }
}

/* As torchvision, posterize takes 0 bits, of which nothing stays; numbers may be fractions. */
static void edges_of_arguments(void **state)
{
    (void)state;
    uint8_t bytes[6] = {0, 1, 127, 128, 254, 255};
    fv_array picture = array_of(FV_U8, 1, 2, 3, bytes);
    fv_transform *t = fv_transform_new(fv, "posterize 0");
    fv_array *out = fv_transform_apply(t, &picture, 0, 0, 0);
    assert_fine(fv);
    for (int i = 0; i < 6; i++)
        assert_int_equal(((uint8_t *)out->data)[i], 0);
    t = fv_transform_new(fv, "random_resized_crop 32 ratio=3/4,4/3; random_posterize 0 1");
    assert_fine(fv);
    assert_string_equal(fv_transform_text(t), "random_resized_crop 32; random_posterize 0 p=1");
    wrong_text("flip 1/0", FV_E_ARG,
               "transform, step 1 \"flip 1/0\": p is \"1/0\", but must be a number, 0 to 1");
    wrong_text("flip p=nan", FV_E_ARG,
               "transform, step 1 \"flip p=nan\": p is \"nan\", but must be a number, 0 to 1");
}

/* A text of any length is kept whole. */
static void long_texts(void **state)
{
    (void)state;
    enum { STEPS = 200 };
    char text[STEPS * 100] = "";
    for (int i = 0; i < STEPS; i++)
        strcat(strcat(text, i ? "; " : ""), "affine 0.12345678901234567 shear=-1.2345678901234567,"
                                            "2.3456789012345678,-3.4567890123456789,4");
    fv_transform *t = fv_transform_new(fv, text);
    assert_fine(fv);
    fv_transform *again = fv_transform_new(fv, fv_transform_text(t));
    assert_fine(fv);
    assert_string_equal(fv_transform_text(again), fv_transform_text(t));
}

/* normalize by itself gives the bits that it gives in to_tensor's tables, and denormalize is its
   inverse. */
static void normalize_alone(void **state)
{
    (void)state;
    uint8_t bytes[256];
    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    fv_array in = array_of(FV_U8, 1, 16, 16, bytes);
    const char *together = "to_tensor; normalize mean=0.47 std=0.23";
    fv_array *a = fv_transform_apply(fv_transform_new(fv, together), &in, 0, 0, 0);
    fv_array *b = fv_transform_apply(
        fv_transform_new(fv, "to_tensor; vflip p=0; normalize mean=0.47 std=0.23"), &in, 0, 0, 0);
    fv_array *c = fv_transform_apply(fv_transform_new(fv, "denormalize mean=0.47 std=0.23"), b, 0,
                                     0, 0);
    assert_fine(fv);
    assert_memory_equal(a->data, b->data, 256 * sizeof(float));
    for (int i = 0; i < 256; i++)
        assert_true(fabs(((float *)c->data)[i] - i / 255.0) < 1e-6);
    assert_true(((float *)a->data)[255] == (1.0f - 0.47f) / 0.23f);
}

/* ---- shapes and evaluation ------------------------------------------------------------------ */

static void assert_shape(const char *text, int height, int width, int new_height, int new_width)
{
    fv_transform *t = fv_transform_new(fv, text);
    fv_picture_shape s = fv_transform_shape(t, (fv_picture_shape){3, height, width, FV_U8});
    assert_fine(fv);
    assert_int_equal(s.channels, 3);
    assert_int_equal(s.height, new_height);
    assert_int_equal(s.width, new_width);
    assert_int_equal(s.type, strstr(text, "to_tensor") ? FV_F32 : FV_U8);
    if (height > 0 && new_height > 0) { /* and so it comes out */
        fv_array in = array_of(FV_U8, 3, height, width, calloc(3 * (size_t)height, (size_t)width));
        fv_array *out = fv_transform_apply(t, &in, 0, 0, 0);
        assert_fine(fv);
        assert_int_equal(out->dims[1], new_height);
        assert_int_equal(out->dims[2], new_width);
        free(in.data);
    }
    fv_transform_free(t);
}

static void shapes(void **state)
{
    (void)state;
    assert_shape("", 5, 6, 5, 6);
    assert_shape("flip; to_tensor", 5, 6, 5, 6);
    assert_shape("resize 10", 30, 21, 14, 10);
    assert_shape("resize 10", 21, 30, 10, 14);
    assert_shape("resize 10", 0, 0, 0, 0);
    assert_shape("resize 10x12; flip", 0, 0, 10, 12);
    assert_shape("resize 40; random_crop 32 padding=4; to_tensor", 0, 0, 32, 32);
    assert_shape("pad 1,2,3,4", 5, 6, 11, 10);
    assert_shape("pad 1", 0, 0, 0, 0);
    assert_shape("center_crop 9x4", 5, 6, 9, 4);
    assert_shape("random_resized_crop 7x8", 50, 60, 7, 8);
    assert_shape("rotation 30 expand=true", 50, 60, 0, 0);
    assert_shape("rotation 30; affine 3; color_jitter 1; autoaugment; cutout 9", 5, 6, 5, 6);
    fv_picture_shape s = fv_transform_shape(fv_transform_new(fv, "grayscale; center_mass 28x30"),
                                            (fv_picture_shape){3, 0, 0, FV_U8});
    assert_int_equal(s.channels, 1);
    assert_int_equal(s.height, 28);
    assert_int_equal(s.width, 30);
}

static void assert_eval(const char *text, const char *eval)
{
    fv_transform *t = fv_transform_eval(fv_transform_new(fv, text));
    assert_fine(fv);
    assert_string_equal(fv_transform_text(t), eval);
}

static void evaluation(void **state)
{
    (void)state;
    assert_eval("", "");
    assert_eval("resize 40; random_crop 32; flip; vflip p=1; to_tensor; normalize mean=1 std=2",
                "resize 40; center_crop 32; vflip p=1; to_tensor; normalize mean=1 std=2");
    assert_eval("random_crop 32 padding=4,2 fill=7 padding_mode=edge",
                "pad 4,2 fill=7 padding_mode=edge; center_crop 32 fill=7 padding_mode=edge");
    assert_eval("random_resized_crop 32x24 scale=0.5,1 interpolation=bicubic",
                "resize 32 interpolation=bicubic; center_crop 32x24");
    assert_eval("rotation 10; rotation 90,90; affine 5; perspective p=1; color_jitter 0.5; "
                "gaussian_blur 3; gaussian_blur 3 sigma=1; random_erasing; cutout 4; autoaugment; "
                "randaugment; trivialaugment; random_grayscale; random_invert p=1; invert; "
                "random_posterize 4; random_solarize 128; random_equalize; random_sharpness 2; "
                "invert_if_light; center_mass 28",
                "rotation 90,90; gaussian_blur 3 sigma=1; random_invert p=1; invert; "
                "invert_if_light; center_mass 28");
    /* A picture of the crop's size comes through as it is. */
    uint8_t bytes[3 * 16 * 16];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 89);
    fv_array in = array_of(FV_U8, 3, 16, 16, bytes);
    fv_transform *t = fv_transform_new(fv, "random_crop 16 padding=4; flip");
    fv_array *out = fv_transform_apply(fv_transform_eval(t), &in, 0, 0, 0);
    assert_fine(fv);
    assert_memory_equal(out->data, bytes, sizeof bytes);
    /* The same numbers come out of the evaluation's own tables. */
    t = fv_transform_new(fv, "to_tensor; normalize mean=0.4 std=0.3");
    out = fv_transform_apply(t, &in, 0, 0, 0);
    fv_array *again = fv_transform_apply(fv_transform_eval(t), &in, 0, 0, 0);
    assert_memory_equal(out->data, again->data, out->count * sizeof(float));
}

/* ---- threads -------------------------------------------------------------------------------- */

enum { THREADS = 4, SAMPLES = 200, SAMPLE_BYTES = 3 * 10 * 10 };

typedef struct sharing {
    const fv_transform *transform;
    const fv_picture *in;
    uint8_t (*out)[SAMPLE_BYTES];
    int first, step;
} sharing;

/* Every step-th sample, with memory of the thread's own. */
static void *make_samples(void *arg)
{
    sharing *s = arg;
    fv_work work = {.ctx = fv};
    for (int i = s->first; i < SAMPLES; i += s->step) {
        fv_picture out;
        if (fv_transform_run(s->transform, &work, 9, 8, i, s->in, &out))
            memcpy(s->out[i], out.pixels, SAMPLE_BYTES);
    }
    fv_work_end(&work);
    return NULL;
}

/* One transform for several threads: each picture is what one thread makes of it. */
static void one_for_all_threads(void **state)
{
    (void)state;
    static uint8_t alone[SAMPLES][SAMPLE_BYTES], shared[SAMPLES][SAMPLE_BYTES];
    uint8_t bytes[3 * 16 * 16];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * i % 253);
    fv_picture in = {3, 16, 16, FV_U8, bytes};
    fv_transform *t = fv_transform_new(fv, "random_resized_crop 12; random_crop 10; flip; "
                                           "rotation 20; color_jitter 0.5 0.5; autoaugment");
    pthread_t threads[THREADS];
    sharing parts[THREADS];
    make_samples(&(sharing){t, &in, alone, 0, 1});
    for (int i = 0; i < THREADS; i++) {
        parts[i] = (sharing){t, &in, shared, i, THREADS};
        assert_int_equal(pthread_create(&threads[i], NULL, make_samples, &parts[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_memory_equal(alone, shared, sizeof alone);
    int same = 0;
    for (int i = 1; i < SAMPLES; i++)
        same += memcmp(alone[0], alone[i], SAMPLE_BYTES) == 0;
    assert_int_equal(same, 0);
}

/* ---- memory --------------------------------------------------------------------------------- */

/* Whichever allocation fails, the error says so and nothing is left over. */
static void no_memory(void **state)
{
    (void)state;
    uint8_t bytes[256];
    fv_array in = places(bytes);
    const char *text = "resize 12; random_crop 10 padding=2; flip p=1; gaussian_blur 3; "
                       "rotation 20; color_jitter 0.5; sharpness 2; center_mass 9; cutout 4; "
                       "to_tensor; normalize mean=0.5 std=0.5";
    for (long fail_at = 1;; fail_at++) {
        mem.fail_at = mem.calls + fail_at;
        fv_transform *t = fv_transform_new(fv, text);
        fv_transform *eval = fv_transform_eval(t);
        fv_array *out = fv_transform_apply(t, &in, 0, 0, 0);
        mem.fail_at = 0;
        bool done = out && eval;
        if (!done)
            assert_int_equal(fv_error(fv), FV_E_MEMORY);
        fv_error_clear(fv);
        fv_array_free(out);
        fv_transform_free(eval);
        fv_transform_free(t);
        assert_int_equal(mem.live, 0 + 1); /* the context */
        if (done)
            break;
        assert_in_range(fail_at, 1, 50);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(recorded_pictures),
        TEST(recorded_operations),
        TEST(one_form),
        TEST(wrong_names),
        TEST(wrong_values),
        TEST(wrong_pictures),
        TEST(edges_of_arguments),
        TEST(long_texts),
        TEST(floats_as_bytes),
        TEST(normalize_alone),
        TEST(shapes),
        TEST(evaluation),
        TEST(one_for_all_threads),
        TEST(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
