/*
 * test_augmentation.c - random transforms: ranges, means, what the random numbers depend on; digits
 * made like MNIST's; mixup and CutMix. Uses only fovea.h.
 */
#include <math.h>

#include "pictures.h"

/* ---- chance --------------------------------------------------------------------------------- */

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
    in = array_of(FV_U8, 1, 20, 2, bytes);
    out = fv_transform_apply(t, &in, 0, 0, 0);
    assert_memory_equal(out->data, "\x12\x13\x14\x15", 4);
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

/* Of all of one bright color, cifar10's policy changes what it makes brighter, darker, inverts or
   solarizes: 4.4 of 25 pairs, by their probabilities. */
static void policy_probabilities(void **state)
{
    (void)state;
    enum { N = 4000 };
    uint8_t bytes[3 * 8 * 8];
    memset(bytes, 200, sizeof bytes);
    fv_array in = array_of(FV_U8, 3, 8, 8, bytes);
    fv_transform *t = fv_transform_new(fv, "autoaugment cifar10 fill=200");
    int changed = 0;
    for (int i = 0; i < N; i++) {
        fv_array *out = fv_transform_apply(t, &in, 4, 0, i);
        changed += memcmp(out->data, bytes, sizeof bytes) != 0;
        fv_array_free(out);
    }
    double p = 4.4 / 25;
    assert_true(fabs(changed - N * p) < 4 * sqrt(N * p * (1 - p)));
}

/* One of 14 operations shifts the columns, by 150/331 of the width either way. */
static void policy_signs(void **state)
{
    (void)state;
    enum { N = 3000 };
    uint8_t bytes[256];
    fv_array in = places(bytes);
    fv_transform *t = fv_transform_new(fv, "randaugment num_ops=1 magnitude=30");
    int right = 0, left = 0;
    for (int i = 0; i < N; i++) {
        fv_array *out = fv_transform_apply(t, &in, 4, 0, i);
        const uint8_t *row = (uint8_t *)out->data + 8 * 16;
        right += memcmp(row + 7, bytes + 8 * 16, 9) == 0;
        left += memcmp(row, bytes + 8 * 16 + 7, 9) == 0;
        fv_array_free(out);
    }
    double p = 1 / 28.0;
    assert_true(fabs(right - N * p) < 4 * sqrt(N * p * (1 - p)));
    assert_true(fabs(left - N * p) < 4 * sqrt(N * p * (1 - p)));
}

/* How much is up to distortion_scale, how often up to p. */
static void perspectives(void **state)
{
    (void)state;
    enum { N = 1000 };
    uint8_t bytes[256];
    fv_array in = places(bytes);
    fv_transform *still = fv_transform_new(fv, "perspective 0 p=1 nearest");
    fv_transform *third = fv_transform_new(fv, "perspective 0.9 p=0.3 nearest");
    int changed = 0;
    for (int i = 0; i < N; i++) {
        fv_array *a = fv_transform_apply(still, &in, 4, 0, i);
        fv_array *b = fv_transform_apply(third, &in, 4, 0, i);
        assert_memory_equal(a->data, bytes, 256);
        changed += memcmp(b->data, bytes, 256) != 0;
        fv_array_free(a);
        fv_array_free(b);
    }
    assert_true(fabs(changed - N * 0.3) < 4 * sqrt(N * 0.3 * 0.7));
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

/* ---- mixed batches -------------------------------------------------------------------------- */

enum { MIXED = 4, MIXED_CLASSES = 3, MIXED_PIXELS = 2 * 6 * 5 };

static const int64_t mixed_labels[MIXED] = {2, 0, 1, 0};

/* Image i is all 10^i, so that what it is mixed of can be read from it. */
static void mixed_batch(float pixels[MIXED * MIXED_PIXELS])
{
    for (int i = 0; i < MIXED * MIXED_PIXELS; i++)
        pixels[i] = (float)pow(10, i / MIXED_PIXELS);
}

/* The share of image 1 by its targets; those of all images must be of the same share. */
static float share_of(const float targets[MIXED * MIXED_CLASSES])
{
    float share = targets[1 * MIXED_CLASSES + 0];
    for (int i = 0; i < MIXED; i++)
        for (int c = 0; c < MIXED_CLASSES; c++) {
            int64_t own = mixed_labels[i], other = mixed_labels[(i + MIXED - 1) % MIXED];
            float right = (c == own ? share : 0) + (c == other ? 1 - share : 0);
            assert_true(fabsf(targets[i * MIXED_CLASSES + c] - right) < 1e-6f);
        }
    return share;
}

static void mixup(void **state)
{
    (void)state;
    enum { N = 2000 };
    static const double alphas[] = {0.2, 1, 4};
    float pixels[MIXED * MIXED_PIXELS], targets[MIXED * MIXED_CLASSES];
    for (size_t a = 0; a < 3; a++) {
        double sum = 0, squares = 0, alpha = alphas[a];
        for (int k = 0; k < N; k++) {
            mixed_batch(pixels);
            assert_int_equal(fv_mixup(fv, MIXED, 2, 6, 5, MIXED_CLASSES, pixels, targets,
                                      mixed_labels, .alpha = alpha, .seed = 3, .batch = k),
                             FV_OK);
            float share = share_of(targets);
            assert_true(share >= 0 && share <= 1);
            for (int i = 0; i < MIXED * MIXED_PIXELS; i++) {
                int image = i / MIXED_PIXELS, other = (image + MIXED - 1) % MIXED;
                double right = share * pow(10, image) + (1 - share) * pow(10, other);
                assert_true(fabs((double)pixels[i] - right) <= 1e-5 * right);
            }
            sum += (double)share;
            squares += (double)share * (double)share;
        }
        /* Beta(a, a): mean 1/2, variance 1 / (4 (2a + 1)), whose own deviation is at most 1/4. */
        double variance = 1 / (4 * (2 * alpha + 1)), found = squares / N - sum / N * sum / N;
        assert_true(fabs(sum / N - 0.5) < 4 * sqrt(variance / N));
        assert_true(fabs(found - variance) < 4 * 0.25 * sqrt(variance / N));
    }
}

static void cutmix(void **state)
{
    (void)state;
    enum { N = 500 };
    float pixels[MIXED * MIXED_PIXELS], targets[MIXED * MIXED_CLASSES];
    int first_rows = 0;
    for (int k = 0; k < N; k++) {
        mixed_batch(pixels);
        assert_int_equal(fv_cutmix(fv, MIXED, 2, 6, 5, MIXED_CLASSES, pixels, targets, mixed_labels,
                                   .seed = 3, .batch = k),
                         FV_OK);
        float share = share_of(targets);
        int own = 0, top = 6, bottom = -1, left = 5, right = -1;
        for (int i = 0; i < MIXED * MIXED_PIXELS; i++) {
            int image = i / MIXED_PIXELS, at = i % 30;
            bool is_own = pixels[i] == (float)pow(10, image);
            assert_true(is_own || pixels[i] == (float)pow(10, (image + MIXED - 1) % MIXED));
            assert_true(is_own == (pixels[at] == 1)); /* one box for all planes of all images */
            own += image == 0 && is_own;
            if (is_own)
                continue;
            top = at / 5 < top ? at / 5 : top;
            bottom = at / 5 > bottom ? at / 5 : bottom;
            left = at % 5 < left ? at % 5 : left;
            right = at % 5 > right ? at % 5 : right;
        }
        assert_true(fabsf(share - (float)own / MIXED_PIXELS) < 1e-6f);
        int box = bottom < 0 ? 0 : (bottom - top + 1) * (right - left + 1);
        assert_int_equal(2 * box, MIXED_PIXELS - own);
        first_rows += top == 0;
    }
    assert_in_range(first_rows, N / 10, N - N / 10);
}

static void mixes(void **state)
{
    (void)state;
    float pixels[MIXED * MIXED_PIXELS], again[MIXED * MIXED_PIXELS];
    float targets[MIXED * MIXED_CLASSES];
    /* Targets that are probabilities already stay so; the key decides; alpha near 0 is all or
       nothing. */
    for (int i = 0; i < MIXED * MIXED_CLASSES; i++)
        targets[i] = 1.0f / MIXED_CLASSES;
    mixed_batch(pixels);
    mixed_batch(again);
    fv_mixup(fv, MIXED, 2, 6, 5, MIXED_CLASSES, pixels, targets, .seed = 5, .batch = 6);
    fv_mixup(fv, MIXED, 2, 6, 5, MIXED_CLASSES, again, targets, .seed = 5, .batch = 6);
    assert_fine(fv);
    assert_memory_equal(pixels, again, sizeof pixels);
    for (int i = 0; i < MIXED * MIXED_CLASSES; i++)
        assert_true(fabsf(targets[i] - 1.0f / MIXED_CLASSES) < 1e-6f);
    mixed_batch(again);
    fv_mixup(fv, MIXED, 2, 6, 5, MIXED_CLASSES, again, targets, .seed = 6, .batch = 5);
    assert_memory_not_equal(pixels, again, sizeof pixels);
    fv_mixup(fv, MIXED, 2, 6, 5, MIXED_CLASSES, pixels, targets, mixed_labels, .alpha = 1e-9);
    assert_true(share_of(targets) == 0 || share_of(targets) == 1);

    assert_int_equal(fv_mixup(fv, 0, 2, 6, 5, MIXED_CLASSES, pixels, targets), FV_E_ARG);
    assert_error(fv, FV_E_ARG,
                 "fv_mixup: n, channels, height, width and classes must be 1 or more, pixels and "
                 "targets not NULL");
    fv_cutmix(fv, MIXED, 2, 6, 5, MIXED_CLASSES, pixels, targets, .alpha = -1);
    assert_error(fv, FV_E_ARG,
                 "fv_cutmix: alpha is -1, but must be above 0 to 1000000, or 0 for 1");
    assert_int_equal(fv_cutmix(fv, MIXED, 2, 6, 5, 2, pixels, targets, mixed_labels), FV_E_CLASS);
    assert_error(fv, FV_E_CLASS, "fv_cutmix: label 2 of image 0, but the classes are 0 to 1");
    assert_int_equal(fv_mixup(NULL), FV_E_ARG);
    fv_error_clear(NULL);
    memcpy(again, pixels, sizeof pixels);
    mem.fail_at = mem.calls + 1;
    assert_int_equal(fv_mixup(fv, MIXED, 2, 6, 5, MIXED_CLASSES, pixels, targets, mixed_labels),
                     FV_E_MEMORY);
    mem.fail_at = 0;
    assert_memory_equal(pixels, again, sizeof pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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
        TEST(policy_probabilities),
        TEST(policy_signs),
        TEST(perspectives),
        TEST(digits),
        TEST(mixup),
        TEST(cutmix),
        TEST(mixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
