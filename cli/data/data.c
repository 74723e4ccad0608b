/*
 * data.c - the data sets of what was typed: how they are opened, split, resized and normalised.
 *
 * Layer 6. Calls fovea.h, libc and POSIX.
 */
#include <cjson/cJSON.h>

#include <stdlib.h>
#include <string.h>

#include "common/cli.h"

/* ---- splits ---------------------------------------------------------------------------------- */

/* Takes the share of *from, stratified, as a set of its own. */
static fv_dataset *hold_out(fv_ctx *ctx, fv_dataset **from, double fraction, uint64_t seed)
{
    int64_t len = fv_dataset_describe(*from).len;
    int *folds = calloc((size_t)len + 1, sizeof *folds);
    fv_dataset *whole = *from, *held = NULL;
    if (folds && !fv_split_holdout(whole, fraction, folds, .seed = seed)) {
        held = fv_subset_fold(whole, folds, 1);
        *from = fv_subset_rest(whole, folds, 1);
    }
    free(folds);
    return fv_error(ctx) ? NULL : held;
}

/* Where --val is not typed: a tenth of all, for a set without any split. What it says is a share of
   the pictures that are not for the test, or a number of them. */
static double val_share(const settings *s, bool own_split, double rest)
{
    if (!(s->given & TAKES(OPT_VAL)))
        return own_split ? 0 : 1.0 / 9;
    return s->val < 1 ? s->val : s->val / (rest > 1 ? rest : 1);
}

/* Pictures in files, of one set without any split: which are held back depends on what is in the
   files alone, and so stays when others are added. */
static void split_by_content(const settings *s, data *d)
{
    fv_dataset *whole = d->train;
    int64_t len = fv_dataset_describe(whole).len;
    double val = s->folds ? 0 : val_share(s, false, 0.9 * (double)len);
    int *folds = calloc((size_t)len + 1, sizeof *folds);
    if (folds && !fv_split_content(whole, (double[]){0.1, 0.9 * val}, val > 0 ? 2 : 1, folds,
                                   .seed = s->seed)) {
        d->test = fv_subset_fold(whole, folds, 1);
        d->val = val > 0 ? fv_subset_fold(whole, folds, 2) : NULL;
        d->train = fv_subset_fold(whole, folds, 0);
    }
    free(folds);
    snprintf(d->why_split, sizeof d->why_split, "%.0f/%.0f/10 by content, seed %llu",
             90 * (1 - val), 90 * val, (unsigned long long)s->seed);
}

/* What is not there yet is held out of the training pictures: a tenth to test, unless the set has a
   split of its own, and what --val asks for. */
static void split_sets(fv_ctx *ctx, const settings *s, data *d)
{
    bool own_split = d->val || d->test, files = fv_dataset_file(d->train, 0) != NULL;
    if (!own_split && files) {
        split_by_content(s, d);
        return;
    }
    snprintf(d->why_split, sizeof d->why_split, "%s",
             !own_split ? "a tenth each, of every class"
             : files    ? "by folders"
                        : "its own split");
    if (!d->test && d->val)
        return;
    if (!d->test)
        d->test = hold_out(ctx, &d->train, 0.1, s->seed);
    double len = (double)fv_dataset_describe(d->train).len;
    double val = val_share(s, own_split, len);
    if (!d->val && val > 0 && s->folds == 0 && !fv_error(ctx))
        d->val = hold_out(ctx, &d->train, val, s->seed);
}

/* ---- size and augmentation ------------------------------------------------------------------ */

/* The side that pictures are brought to: --size, or as the first is, between 28 and 64. */
static int side_of(const settings *s, data *d)
{
    if (s->size)
        return s->size;
    fv_array *first = fv_dataset_picture(d->train, 0, NULL);
    if (!first)
        return 0;
    int64_t h = first->dims[1], w = first->dims[2], side = h < w ? h : w;
    fv_array_free(first);
    return side < 28 ? 28 : side > 64 ? 64 : (int)side;
}

/* The transform of training: to one size, then what was asked for, or flips and shifts for colour
   pictures; and that of the other sets, which is what of it is no chance. */
static int make_transforms(fv_ctx *ctx, const settings *s, data *d)
{
    fv_dataset_info info = fv_dataset_describe(d->train);
    bool own_sizes = info.height == 0, colour = info.channels == 3;
    bool move = colour && (own_sizes || d->known);
    d->why_size = s->size     ? ""
                  : own_sizes ? "auto: the first one's shorter side, 28 to 64; --size 96"
                              : "";
    d->why_augment = s->augment ? ""
                     : move     ? "auto: for colour photos; --augment none"
                                : "auto: no --augment for these";
    int side = own_sizes || s->size       ? side_of(s, d)
               : info.width < info.height ? info.width
                                          : info.height;
    bool given = s->augment && strcmp(s->augment, "none") != 0;
    if (given && !fv_transform_new(ctx, s->augment)) /* alone, so that steps are counted as typed */
        return fail_context(ctx, "fovea help augment");
    csv text = {0};
    int code = EXIT_DONE;
    if (own_sizes || s->size)
        code = csv_print(&text, "resize %d; center_crop %d; ", side, side);
    if (!code && given)
        code = csv_print(&text, "%s", s->augment);
    else if (!code && !s->augment && move)
        code = csv_print(&text, "random_crop %d padding=%d; flip", side, side / 8);
    if (!code && text.used) {
        d->augment = fv_transform_new(ctx, text.text);
        d->plain = fv_transform_eval(d->augment);
    }
    free(text.text);
    return fv_error(ctx) ? fail_context(ctx, "fovea help augment") : code;
}

static fv_picture_shape shape_of(const data *d)
{
    fv_dataset_info info = fv_dataset_describe(d->train);
    fv_picture_shape shape = {info.channels, info.height, info.width, info.type};
    return d->plain ? fv_transform_shape(d->plain, shape) : shape;
}

/* ---- mean and standard deviation ------------------------------------------------------------ */

/* Of the training pictures as they are. */
static int measure_pixels(fv_ctx *ctx, data *d)
{
    fv_stats stats;
    if (fv_dataset_stats(d->train, &stats))
        return fail_data(ctx, d);
    for (int c = 0; c < stats.channels; c++) {
        size_t n = strlen(d->mean), k = strlen(d->std);
        double std = stats.channel[c].std;
        snprintf(d->mean + n, sizeof d->mean - n, c ? ",%.4f" : "%.4f", stats.channel[c].mean);
        snprintf(d->std + k, sizeof d->std - k, c ? ",%.4f" : "%.4f", std > 1e-3 ? std : 1.0);
    }
    return EXIT_DONE;
}

static int set_normalize(fv_ctx *ctx, const settings *s, data *d, fv_type type)
{
    d->why_pixels = "";
    if (s->normalize && strcmp(s->normalize, "none") == 0)
        return EXIT_DONE;
    if (d->known && strcmp(d->known, "mnist") == 0) { /* the tutorial's figures */
        d->why_pixels = "auto: as in the tutorial, those of all 60,000";
        strcpy(d->mean, "0.1307");
        strcpy(d->std, "0.3081");
        return EXIT_DONE;
    }
    bool bytes = type == FV_U8 && d->channels <= FV_CHANNELS_MAX;
    d->why_pixels = bytes ? "auto: of the training images"
                          : "auto: they are not 8 bits of 1 to 4 channels";
    return bytes ? measure_pixels(ctx, d) : EXIT_DONE;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int fail_shape(const data *d)
{
    return fail(
        EXIT_FAILED, "E-SHAPE",
        "the pictures of %s have different sizes, and the transforms do not make them equal\n"
        "help: --size 64, or end --augment with a crop",
        d->typed);
}

/* What --val asks for and cannot be had. */
static int check_val(const settings *s, const data *d)
{
    int64_t len = fv_dataset_describe(d->train).len;
    if (!(s->given & TAKES(OPT_VAL)))
        return EXIT_DONE;
    if (d->val)
        return fail(EXIT_USAGE, "E-ARGS",
                    "--val %g: %s already has validation pictures\n"
                    "help: leave out --val",
                    s->val, d->typed);
    if (s->val >= (double)len)
        return fail(EXIT_USAGE, "E-ARGS",
                    "--val %g: there are only %lld pictures to train on\nhelp: --val 0.1", s->val,
                    (long long)len);
    return EXIT_DONE;
}

int data_parts(fv_ctx *ctx, const settings *s, data *d)
{
    if (fv_error(ctx))
        return fail_context(ctx, "fovea device");
    int code = open_sets(ctx, s, d);
    if (code)
        return code;
    return fv_error(ctx) ? fail_context(ctx, "fovea help train") : EXIT_DONE;
}

/* Splits what can be read, after a note of what cannot. */
static int split_readable(fv_ctx *ctx, const settings *s, data *d)
{
    int code;
    if ((code = skip_broken(ctx, s, d, &d->train)) || (code = skip_broken(ctx, s, d, &d->val)) ||
        (code = skip_broken(ctx, s, d, &d->test)))
        return code;
    if (d->n_skipped && !s->quiet)
        fprintf(stderr,
                "note:  %lld picture%s cannot be read and %s skipped; the first:\n"
                "       %.*s\n",
                (long long)d->n_skipped, d->n_skipped > 1 ? "s" : "",
                d->n_skipped > 1 ? "are" : "is", (int)strcspn(d->skipped, "\n"), d->skipped);
    split_sets(ctx, s, d);
    return fv_error(ctx) ? fail_context(ctx, "more pictures, or another --val") : EXIT_DONE;
}

int data_sets(fv_ctx *ctx, const settings *s, data *d)
{
    int code = data_parts(ctx, s, d);
    if (code || (code = check_val(s, d)))
        return code;
    return split_readable(ctx, s, d);
}

int data_open(fv_ctx *ctx, const settings *s, data *d)
{
    int code = data_sets(ctx, s, d);
    if (!code)
        code = make_transforms(ctx, s, d);
    if (code)
        return code;
    fv_picture_shape shape = shape_of(d);
    d->channels = shape.channels;
    d->height = shape.height;
    d->width = shape.width;
    d->classes = fv_dataset_describe(d->train).classes;
    if (d->height < 1 || d->width < 1 || d->channels < 1)
        return fail_shape(d);
    return set_normalize(ctx, s, d, shape.type);
}

/* But for a slash at the end. */
static bool same_path(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    n -= n > 1 && a[n - 1] == '/';
    m -= m > 1 && b[m - 1] == '/';
    return n == m && strncmp(a, b, n) == 0;
}

int fail_data(const fv_ctx *ctx, const data *d)
{
    char help[PATH_SIZE + 20];
    snprintf(help, sizeof help, "fovea check %s", d->typed);
    return fail_context(ctx, help);
}

fv_dataset *data_test_set(fv_ctx *ctx, const settings *s, data *d, const char *trained_on,
                          uint64_t seed)
{
    settings used = *s;
    if (fv_error(ctx))
        return NULL;
    if (same_path(d->typed, trained_on)) {
        used.seed = seed;
        if (open_sets(ctx, s, d) || fv_error(ctx) || split_readable(ctx, &used, d))
            return NULL;
        return d->test ? d->test : d->val;
    }
    fv_dataset *set = fv_dataset_open(ctx, d->typed, FV_TEST, s->root, .optional = true);
    return set || fv_error(ctx) || d->known ? set : fv_dataset_open(ctx, d->typed);
}

char *class_names_json(const data *d)
{
    int numbers = 0;
    cJSON *list = cJSON_CreateArray();
    for (int i = 0; i < d->classes; i++) {
        const char *name = fv_dataset_class_name(d->train, i);
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        numbers += !name || strcmp(name, number) == 0;
        cJSON_AddItemToArray(list, cJSON_CreateString(name ? name : ""));
    }
    char *text = numbers < d->classes ? cJSON_PrintUnformatted(list) : NULL;
    cJSON_Delete(list);
    return text;
}

void data_card(const data *d, const char *model, model_card *c)
{
    *c = (model_card){{"", "", "", "", "", "", "0"}};
    snprintf(c->value[CARD_MODEL], CARD_SIZE, "%s", model);
    snprintf(c->value[CARD_INPUT], CARD_SIZE, "%dx%dx%d", d->channels, d->height, d->width);
    snprintf(c->value[CARD_CLASSES], CARD_SIZE, "%d", d->classes);
    snprintf(c->value[CARD_MEAN], CARD_SIZE, "%s", d->mean);
    snprintf(c->value[CARD_STD], CARD_SIZE, "%s", d->std);
    snprintf(c->value[CARD_DATA], CARD_SIZE, "%s", d->typed);
    snprintf(c->value[CARD_FOVEA], CARD_SIZE, "%s", fv_version());
    if (d->plain)
        snprintf(c->value[CARD_TRANSFORM], CARD_SIZE, "%s", fv_transform_text(d->plain));
}
