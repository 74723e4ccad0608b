/*
 * test_transforms.c - transforms against torchvision's recorded pictures, their text and its
 * errors, and what chance does. Uses fovea.h, and data/transform.h for operations whose parameters
 * no text can pin.
 */
#include <math.h>

#include "data_files.h"
#include "golden.h"

#include "data/transform.h"

/* ---- torchvision's pictures ----------------------------------------------------------------- */

enum { PICTURES_MAX = 8 };

static struct {
    char name[GOLDEN_NAME_MAX];
    fv_array array;
} pictures[PICTURES_MAX];
static int picture_count;

static fv_array array_of(fv_type type, int channels, int height, int width, const void *data)
{
    return (fv_array){type,
                      3,
                      {channels, height, width, 1},
                      (size_t)channels * (size_t)height * (size_t)width,
                      (void *)(uintptr_t)data};
}

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
    fv_arg center = {0}, fill = {3, {9, 8, 7}};
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
    fv_arg fill = {3, {9, 8, 7}};
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
    fv_arg fill = {3, {9, 8, 7}};
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
                "normalize mean=-0.5,0.125,123456.789012345 std=0.000001,1,1000000");
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
               "help: did you mean p?");
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
    wrong_text(
        "resize", FV_E_ARG,
        "transform, step 1 \"resize\": size is missing: a size, 32, or rows x columns, 32x24");
    wrong_text("resize 0", FV_E_ARG,
               "transform, step 1 \"resize 0\": size is 0, but must be 1 to 32767");
    wrong_text("resize 10x99999", FV_E_ARG,
               "transform, step 1 \"resize 10x99999\": size is 99999, but must be 1 to 32767");
    wrong_text(
        "resize 1.5", FV_E_ARG,
        "transform, step 1 \"resize 1.5\": size is \"1.5\", but must be a size, 32, or rows x "
        "columns, 32x24");
    wrong_text("resize 3x4x5", FV_E_ARG,
               "transform, step 1 \"resize 3x4x5\": size is \"3x4x5\", but must be a size, 32, or "
               "rows x columns, 32x24");
    wrong_text(
        "resize 40 bilinaer", FV_E_ARG,
        "transform, step 1 \"resize 40 bilinaer\": interpolation is \"bilinaer\", but must be "
        "one of nearest bilinear bicubic");
    wrong_text("flip 1.5", FV_E_ARG,
               "transform, step 1 \"flip 1.5\": p is 1.5, but must be 0 to 1");
    wrong_text("flip p=-0.25", FV_E_ARG,
               "transform, step 1 \"flip p=-0.25\": p is -0.25, but must be 0 to 1");
    wrong_text("flip p=half", FV_E_ARG,
               "transform, step 1 \"flip p=half\": p is \"half\", but must be a number");
    wrong_text("flip p=0.1234567890123456", FV_E_ARG,
               "transform, step 1 \"flip p=0.1234567890123456\": p is \"0.1234567890123456\", but "
               "must be a number");
    wrong_text("flip p=", FV_E_ARG,
               "transform, step 1 \"flip p=\": p is \"\", but must be a number");
    wrong_text("flip 0.5 0.5", FV_E_ARG,
               "transform, step 1 \"flip 0.5 0.5\": \"0.5\" is one value too many");
    wrong_text("flip 0.5 p=0.5", FV_E_ARG,
               "transform, step 1 \"flip 0.5 p=0.5\": p is given twice");
    wrong_text("pad 1,2,3", FV_E_ARG,
               "transform, step 1 \"pad 1,2,3\": padding is \"1,2,3\", but must be 1, 2 or 4 whole "
               "numbers with commas between them");
    wrong_text(
        "pad 1,2,3,4,5", FV_E_ARG,
        "transform, step 1 \"pad 1,2,3,4,5\": padding is \"1,2,3,4,5\", but must be 1, 2 or 4 "
        "whole numbers with commas between them");
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
        "commas between them");
    wrong_text("normalize mean=0.5 std=0", FV_E_ARG,
               "transform, step 1 \"normalize mean=0.5 std=0\": std is 0, but must be 0.000001 to "
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
        "4 numbers with commas between them");
    wrong_text("autoaugment cifar", FV_E_ARG,
               "transform, step 1 \"autoaugment cifar\": policy is \"cifar\", but must be one of "
               "imagenet cifar10 svhn");
    wrong_text("grayscale 2", FV_E_ARG,
               "transform, step 1 \"grayscale 2\": num_output_channels is 2, but must be odd");
    wrong_text("to_tensor; resize 40", FV_E_STATE,
               "transform, step 2 \"resize 40\": it takes uint8 pictures, but to_tensor before it "
               "makes float32 of them\nhelp: put it before to_tensor");
    char many[65 * 5 + 1] = "";
    for (int i = 0; i < 65; i++)
        strcat(many, "flip;");
    wrong_text(many, FV_E_ARG, "a transform has at most 64 steps of 511 characters");
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

/* ---- chance --------------------------------------------------------------------------------- */

/* A picture whose pixels say where they are: row * 16 + column. */
static fv_array places(uint8_t bytes[256])
{
    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    return array_of(FV_U8, 1, 16, 16, bytes);
}

static void crops_at_random(void **state)
{
    (void)state;
    uint8_t bytes[256];
    fv_array in = places(bytes);
    fv_transform *t = fv_transform_new(fv, "random_crop 14x12; flip p=0.25");
    int tops[3] = {0}, lefts[5] = {0}, flips = 0;
    enum { N = 3000 };
    for (int i = 0; i < N; i++) {
        fv_array *out = fv_transform_apply(t, &in, 11, 5, i);
        uint8_t *y = out->data;
        bool flipped = y[0] > y[1];
        int corner = flipped ? y[11] : y[0];
        assert_in_range(corner / 16, 0, 2);
        assert_in_range(corner % 16, 0, 4);
        for (int k = 0; k < 14 * 12; k++)
            assert_int_equal(y[k], corner + k / 12 * 16 + (flipped ? 11 - k % 12 : k % 12));
        tops[corner / 16]++;
        lefts[corner % 16]++;
        flips += flipped;
        fv_array_free(out);
    }
    /* Within 4 standard deviations of a binomial. */
    for (int i = 0; i < 3; i++)
        assert_true(fabs(tops[i] - N / 3.0) < 4 * sqrt(N * 2 / 9.0));
    for (int i = 0; i < 5; i++)
        assert_true(fabs(lefts[i] - N / 5.0) < 4 * sqrt(N * 4 / 25.0));
    assert_true(fabs(flips - N / 4.0) < 4 * sqrt(N * 3 / 16.0));
}

/* The padding of a random crop is that of pad, whatever the mode. */
static void crop_of_padding(void **state)
{
    (void)state;
    static const char *const modes[] = {"constant", "edge", "reflect", "symmetric"};
    uint8_t bytes[256];
    fv_array in = places(bytes);
    for (int m = 0; m < 4; m++) {
        char text[100];
        snprintf(text, sizeof text, "pad 3,5 fill=77 padding_mode=%s", modes[m]);
        fv_array *padded = fv_transform_apply(fv_transform_new(fv, text), &in, 0, 0, 0);
        snprintf(text, sizeof text, "random_crop 9 3,5 fill=77 padding_mode=%s", modes[m]);
        fv_transform *cut = fv_transform_new(fv, text);
        fv_transform *of_padded = fv_transform_new(fv, "random_crop 9");
        for (int i = 0; i < 100; i++) {
            fv_array *a = fv_transform_apply(cut, &in, 1, 1, i);
            fv_array *b = fv_transform_apply(of_padded, padded, 1, 1, i);
            assert_fine(fv);
            assert_memory_equal(a->data, b->data, 81);
        }
    }
}

/* Boxes of random_resized_crop: the part of a ramp is seen from its first and last value. */
static void boxes_at_random(void **state)
{
    (void)state;
    enum { W = 240, N = 400 };
    static uint8_t ramp[W * W];
    for (int i = 0; i < W * W; i++)
        ramp[i] = (uint8_t)(i % W);
    fv_array in = array_of(FV_U8, 1, W, W, ramp);
    fv_transform *t = fv_transform_new(
        fv, "random_resized_crop 240 scale=0.25,0.81 ratio=1,1 interpolation=nearest");
    double sum = 0;
    for (int i = 0; i < N; i++) {
        fv_array *out = fv_transform_apply(t, &in, 3, 0, i);
        uint8_t *y = out->data;
        int side = y[W - 1] - y[0] + 1;
        assert_in_range(side, 119, 217);
        sum += (double)side * side / (W * W);
        fv_array_free(out);
    }
    assert_true(fabs(sum / N - 0.53) < 4 * 0.56 / sqrt(12.0 * N));
    /* No square of at least half of the picture lies in this one: the middle square. */
    uint8_t bytes[40];
    for (int i = 0; i < 40; i++)
        bytes[i] = (uint8_t)i;
    in = array_of(FV_U8, 1, 2, 20, bytes);
    t = fv_transform_new(fv, "random_resized_crop 2 scale=0.5,1 ratio=1,1");
    fv_array *out = fv_transform_apply(t, &in, 0, 0, 0);
    assert_memory_equal(out->data, "\x09\x0a\x1d\x1e", 4);
}

/* The same key gives the same picture; another seed, epoch or index gives others. */
static void keys(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed;
        int64_t epoch, index;
    } others[] = {{8, 3, 100}, {7, 4, 100}, {7, 3, 101}, {7 + (1ull << 40), 3, 100}, {3, 7, 100}};
    uint8_t bytes[256];
    fv_array in = places(bytes);
    fv_transform *t = fv_transform_new(fv, "random_crop 3; flip; vflip");
    for (size_t o = 0; o < sizeof others / sizeof *others; o++) {
        int same = 0;
        for (int i = 0; i < 100; i++) {
            fv_array *a = fv_transform_apply(t, &in, 7, 3, 100 + i);
            fv_array *b = fv_transform_apply(t, &in, 7, 3, 100 + i);
            fv_array *c = fv_transform_apply(t, &in, others[o].seed, others[o].epoch,
                                             others[o].index + i);
            assert_memory_equal(a->data, b->data, 9);
            same += memcmp(a->data, c->data, 9) == 0;
        }
        assert_in_range(same, 0, 5); /* by chance 1 in 784 */
    }
}

static uint8_t first_byte(const fv_transform *t, const fv_array *in, int64_t index)
{
    fv_array *out = fv_transform_apply(t, in, 1, 0, index);
    assert_fine(fv);
    uint8_t v = *(uint8_t *)out->data;
    fv_array_free(out);
    return v;
}

/* Amounts are uniform in their range, and the four changes come in every order. */
static void jitter_at_random(void **state)
{
    (void)state;
    enum { N = 2000 };
    fv_array in = array_of(FV_U8, 3, 1, 1, "\x64\x64\x64");
    fv_transform *t = fv_transform_new(fv, "color_jitter brightness=0.5");
    double sum = 0;
    int least = 255, most = 0;
    for (int i = 0; i < N; i++) {
        int v = first_byte(t, &in, i);
        sum += v;
        least = v < least ? v : least;
        most = v > most ? v : most;
    }
    assert_in_range(least, 50, 51);
    assert_in_range(most, 148, 150);
    assert_true(fabs(sum / N - 99.5) < 4 * 100 / sqrt(12.0 * N)); /* cut to whole bytes */
    /* Contrast 0 makes both pixels their mean: of 50 and 150, or of 150 and 255, brighter ones. */
    in = array_of(FV_U8, 1, 1, 2, "\x32\x96");
    t = fv_transform_new(fv, "color_jitter brightness=3,3 contrast=0,0");
    int first = 0;
    for (int i = 0; i < N; i++) {
        int v = first_byte(t, &in, i);
        assert_true(v == 255 || v == 203);
        first += v == 203;
    }
    assert_true(fabs(first - N / 2.0) < 4 * sqrt(N / 4.0));
}

/* Translations are whole, uniform, and no larger than asked for. */
static void shifts_at_random(void **state)
{
    (void)state;
    enum { N = 3000 };
    uint8_t bytes[256];
    fv_array in = places(bytes);
    fv_transform *t = fv_transform_new(fv, "affine 0,0 translate=0.25,0.125");
    int across[9] = {0}, down[5] = {0};
    for (int i = 0; i < N; i++) {
        fv_array *out = fv_transform_apply(t, &in, 5, 0, i);
        int middle = ((uint8_t *)out->data)[8 * 16 + 8]; /* came from (8, 8) less the shift */
        assert_in_range(middle / 16, 6, 10);
        assert_in_range(middle % 16, 4, 12);
        down[middle / 16 - 6]++;
        across[middle % 16 - 4]++;
        fv_array_free(out);
    }
    for (int i = 0; i < 9; i++) { /* the outermost ones are rounded to from half a pixel */
        double p = i % 8 == 0 ? 1 / 16.0 : 1 / 8.0;
        assert_true(fabs(across[i] - N * p) < 4 * sqrt(N * p * (1 - p)));
    }
    for (int i = 0; i < 5; i++) {
        double p = i % 4 == 0 ? 1 / 8.0 : 1 / 4.0;
        assert_true(fabs(down[i] - N * p) < 4 * sqrt(N * p * (1 - p)));
    }
}

/* A rotated bar shows its angle: uniform in the range, here by the mean and the extremes. */
static void turns_at_random(void **state)
{
    (void)state;
    enum { W = 201, N = 300 };
    static uint8_t bar[W * W];
    for (int x = 150; x < W; x++)
        bar[100 * W + x] = 255;
    fv_array in = array_of(FV_U8, 1, W, W, bar);
    fv_transform *t = fv_transform_new(fv, "rotation -10,30");
    double sum = 0, least = 100, most = -100;
    for (int i = 0; i < N; i++) {
        fv_array *out = fv_transform_apply(t, &in, 5, 0, i);
        double x = 0, y = 0;
        for (int k = 0; k < W * W; k++)
            if (((uint8_t *)out->data)[k]) {
                x += k % W - 100;
                y += 100 - k / W;
            }
        double angle = atan2(y, x) * 57.29578;
        sum += angle;
        least = fmin(least, angle);
        most = fmax(most, angle);
        fv_array_free(out);
    }
    assert_true(least > -10.5 && least < -8 && most < 30.5 && most > 28);
    assert_true(fabs(sum / N - 10) < 4 * 40 / sqrt(12.0 * N));
}

/* What is erased is a box of the asked for area and ratio, at its probability, and nothing else. */
static void erasing_at_random(void **state)
{
    (void)state;
    enum { W = 64, N = 800 };
    static float ones[W * W];
    for (int i = 0; i < W * W; i++)
        ones[i] = 1;
    fv_array in = array_of(FV_F32, 1, W, W, ones);
    fv_transform *t = fv_transform_new(fv, "random_erasing p=0.25 scale=0.1,0.2 ratio=0.5,2 -3.5");
    int count = 0;
    double sum = 0;
    for (int i = 0; i < N; i++) {
        fv_array *out = fv_transform_apply(t, &in, 5, 0, i);
        const float *y = out->data;
        int top = W, bottom = -1, left = W, right = -1, erased = 0;
        for (int k = 0; k < W * W; k++) {
            assert_true(y[k] == 1 || y[k] == -3.5f);
            if (y[k] == 1)
                continue;
            erased++;
            top = k / W < top ? k / W : top;
            bottom = k / W;
            left = k % W < left ? k % W : left;
            right = k % W > right ? k % W : right;
        }
        fv_array_free(out);
        if (erased == 0)
            continue;
        double height = bottom - top + 1, width = right - left + 1;
        assert_true(height * width == erased);
        assert_true(erased > 0.09 * W * W && erased < 0.21 * W * W);
        assert_true(height / width > 0.47 && height / width < 2.13);
        sum += erased / (double)(W * W);
        count++;
    }
    assert_true(fabs(count - N / 4.0) < 4 * sqrt(N * 3 / 16.0));
    assert_true(fabs(sum / count - 0.15) < 4 * 0.1 / sqrt(12.0 * count) + 0.001);
}

/* Holes are squares about a pixel, cut off at the borders: of 16 x 16 pixels, a hole of 4 x 4 takes
   (4 * 13 + 2 + 3) / 16 columns on average, for its middle may lie anywhere. */
static void cutout_at_random(void **state)
{
    (void)state;
    enum { N = 2000 };
    uint8_t bytes[3 * 256];
    memset(bytes, 200, sizeof bytes);
    fv_array in = array_of(FV_U8, 3, 16, 16, bytes);
    fv_transform *t = fv_transform_new(fv, "cutout 4 fill=7,8,9");
    double sum = 0;
    for (int i = 0; i < N; i++) {
        fv_array *out = fv_transform_apply(t, &in, 5, 0, i);
        const uint8_t *y = out->data;
        int erased = 0;
        for (int k = 0; k < 256; k++) {
            bool hole = y[k] != 200;
            assert_true(!hole || (y[k] == 7 && y[k + 256] == 8 && y[k + 512] == 9));
            erased += hole;
        }
        assert_in_range(erased, 4, 16);
        sum += erased;
        fv_array_free(out);
    }
    double columns = (4 * 13 + 2 + 3 + 3) / 16.0;
    assert_true(fabs(sum / N - columns * columns) < 0.3);
    t = fv_transform_new(fv, "cutout 4 holes=50");
    fv_array *out = fv_transform_apply(t, &in, 5, 0, 0);
    int erased = 0;
    for (int k = 0; k < 256; k++)
        erased += ((uint8_t *)out->data)[k] == 0;
    assert_in_range(erased, 180, 256);
}

/* All operations of a policy occur, each about as often; the result has the picture's shape. */
static void policies_at_random(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "autoaugment",
        "autoaugment cifar10",
        "autoaugment svhn",
        "randaugment",
        "trivialaugment",
        "perspective p=1",
        "affine 180 0.5,0.5 0.5,2 45 bicubic",
        "randaugment num_ops=9 30",
    };
    uint8_t bytes[3 * 9 * 14];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * i % 251);
    for (int channels = 1; channels <= 3; channels += 2)
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
            fv_array in = array_of(FV_U8, channels, 9, 14, bytes);
            fv_transform *t = fv_transform_new(fv, texts[k]);
            int changed = 0;
            for (int i = 0; i < 100; i++) {
                fv_array *out = fv_transform_apply(t, &in, 5, 0, i);
                assert_fine(fv);
                assert_memory_equal(out->dims, in.dims, sizeof in.dims);
                changed += memcmp(out->data, bytes, out->count) != 0;
                fv_array_free(out);
            }
            assert_in_range(changed, 50, 100);
        }
}

/* ---- digits --------------------------------------------------------------------------------- */

/* A bar and a dot, drawn anywhere: fits into the box, its center of mass in the middle. */
static void digits(void **state)
{
    (void)state;
    static uint8_t page[100 * 80];
    memset(page, 0, sizeof page);
    for (int y = 5; y < 65; y++)
        memset(page + y * 80 + 40, 255, 10);
    memset(page + 64 * 80 + 40, 255, 30);
    fv_array in = array_of(FV_U8, 1, 100, 80, page);
    fv_array *out = fv_transform_apply(fv_transform_new(fv, "center_mass 28"), &in, 0, 0, 0);
    assert_fine(fv);
    const uint8_t *v = out->data;
    double sum = 0, x = 0, y = 0;
    int top = 28, bottom = -1;
    for (int i = 0; i < 28 * 28; i++) {
        sum += v[i];
        x += v[i] * (i % 28 + 0.5);
        y += v[i] * (i / 28 + 0.5);
        if (v[i]) {
            top = i / 28 < top ? i / 28 : top;
            bottom = i / 28;
        }
    }
    assert_int_equal(bottom - top + 1, 20);
    assert_true(fabs(x / sum - 14) <= 0.5 && fabs(y / sum - 14) <= 0.5);
    /* Dark on light becomes light on dark, and stays so; a blank page gives black. */
    uint8_t light[6] = {250, 240, 230, 9, 220, 210};
    in = array_of(FV_U8, 1, 2, 3, light);
    fv_transform *t = fv_transform_new(fv, "invert_if_light");
    out = fv_transform_apply(t, &in, 0, 0, 0);
    assert_memory_equal(out->data, "\x05\x0f\x19\xf6\x23\x2d", 6);
    fv_array *again = fv_transform_apply(t, out, 0, 0, 0);
    assert_memory_equal(again->data, out->data, 6);
    /* Only the border counts, not what is inside. */
    uint8_t ring[16];
    memset(ring, 120, sizeof ring);
    ring[5] = ring[6] = ring[9] = ring[10] = 255;
    in = array_of(FV_U8, 1, 4, 4, ring);
    out = fv_transform_apply(t, &in, 0, 0, 0);
    assert_memory_equal(out->data, ring, 16);
    memset(light, 0, sizeof light);
    in = array_of(FV_U8, 1, 2, 3, light);
    out = fv_transform_apply(fv_transform_new(fv, "center_mass 4x5"), &in, 0, 0, 0);
    assert_int_equal(out->count, 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal(((uint8_t *)out->data)[i], 0);
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
        TEST(floats_as_bytes),
        TEST(normalize_alone),
        TEST(shapes),
        TEST(evaluation),
        TEST(crops_at_random),
        TEST(crop_of_padding),
        TEST(boxes_at_random),
        TEST(keys),
        TEST(jitter_at_random),
        TEST(shifts_at_random),
        TEST(turns_at_random),
        TEST(erasing_at_random),
        TEST(cutout_at_random),
        TEST(policies_at_random),
        TEST(digits),
        TEST(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
