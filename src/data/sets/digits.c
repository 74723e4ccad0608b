/*
 * digits.c - synthetic digits, drawn as distorted strokes with noise. Each depends only on the seed
 * and its index. A data set that needs no file. Layer 3, data. Calls the base.
 */
#include "data/data.h"

#include <math.h>
#include <string.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE, CHUNK = 64, UP = -1 };

/* Polylines in a square of 20 x 20, x to the right, y down; UP lifts the pen. */
static const int8_t strokes[10][40] = {
    {10, 1, 6, 2, 4, 6, 4, 13, 6, 17, 10, 19, 14, 17, 16, 13, 16, 6, 14, 2, 10, 1, UP},
    {7, 5, 11, 1, 11, 19, UP},
    {4, 6, 6, 2, 10, 1, 14, 2, 16, 6, 14, 10, 4, 19, 16, 19, UP},
    {4, 3, 8, 1, 13, 2, 15, 5, 13, 9, 9, 10, 13, 11, 16, 14, 14, 18, 9, 19, 4, 17, UP},
    {13, 19, 13, 1, 4, 13, 17, 13, UP},
    {15, 1, 6, 1, 5, 9, 10, 8, 15, 10, 16, 14, 14, 18, 9, 19, 4, 17, UP},
    {14, 2, 9, 3, 5, 9, 4, 14, 7, 18, 11, 19, 15, 16, 15, 12, 11, 10, 7, 11, 4, 14, UP},
    {4, 1, 16, 1, 9, 19, UP},
    {10, 9,  6, 7,  5, 4,  8,  1,  12, 1,  15, 4,  14, 7, 10, 9,
     5,  12, 4, 16, 8, 19, 12, 19, 16, 16, 15, 12, 10, 9, UP},
    {15, 6, 12, 9, 8, 9, 5, 6, 6, 2, 10, 1, 14, 2, 15, 6, 14, 13, 10, 19, UP},
};

/* SplitMix64 (Steele, Lea, Flood 2014): the state is a counter, so samples need no order. */
static uint64_t draw(uint64_t *state)
{
    return fv_mix64(*state += 0x9e3779b97f4a7c15u);
}

static float uniform(uint64_t *state, float low, float high)
{
    return low + (high - low) * (float)(draw(state) >> 40) * 0x1p-24f;
}

/* Distortion of a digit: maps a point p of the square to m * (p - 10) + t. */
typedef struct hand {
    float m[2][2], t[2], thickness, ink;
} hand;

static hand draw_hand(uint64_t *state)
{
    hand h;
    float wide = uniform(state, 0.75f, 1.1f), high = uniform(state, 0.85f, 1.1f);
    float rotation = uniform(state, -0.2f, 0.2f), slant = uniform(state, -0.25f, 0.25f);
    h.m[0][0] = wide;
    h.m[0][1] = (rotation - slant) * high;
    h.m[1][0] = -rotation * wide;
    h.m[1][1] = high;
    h.t[0] = uniform(state, 12.0f, 15.0f);
    h.t[1] = uniform(state, 12.0f, 15.0f);
    h.thickness = uniform(state, 0.7f, 1.6f);
    h.ink = uniform(state, 180.0f, 255.0f);
    return h;
}

typedef struct point {
    float x, y;
} point;

static float between(float v, float low, float high)
{
    return v < low ? low : v > high ? high : v;
}

/* Returns the distance of (x, y) from the line segment a to b. */
static float distance(point a, point b, float x, float y)
{
    float dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
    float along = length > 0 ? ((x - a.x) * dx + (y - a.y) * dy) / length : 0;
    along = between(along, 0, 1);
    float ex = a.x + along * dx - x, ey = a.y + along * dy - y;
    return sqrtf(ex * ex + ey * ey);
}

/* Draws a line with soft edges; where lines overlap, the higher value stays. */
static void draw_line(uint8_t *pixels, const hand *h, point a, point b)
{
    const float reach = h->thickness + 1, last = SIDE - 1;
    int x1 = (int)between((a.x < b.x ? a.x : b.x) - reach, 0, last);
    int x2 = (int)between((a.x < b.x ? b.x : a.x) + reach, 0, last);
    int y1 = (int)between((a.y < b.y ? a.y : b.y) - reach, 0, last);
    int y2 = (int)between((a.y < b.y ? b.y : a.y) + reach, 0, last);
    for (int y = y1; y <= y2; y++)
        for (int x = x1; x <= x2; x++) {
            float cover = h->thickness + 0.5f - distance(a, b, (float)x, (float)y);
            uint8_t ink = (uint8_t)(h->ink * between(cover, 0, 1));
            if (ink > pixels[y * SIDE + x])
                pixels[y * SIDE + x] = ink;
        }
}

static point place(const hand *h, const int8_t *at, uint64_t *state)
{
    float x = (float)at[0] - 10 + uniform(state, -0.7f, 0.7f);
    float y = (float)at[1] - 10 + uniform(state, -0.7f, 0.7f);
    return (point){h->m[0][0] * x + h->m[0][1] * y + h->t[0],
                   h->m[1][0] * x + h->m[1][1] * y + h->t[1]};
}

static void draw_digit(uint8_t *pixels, int digit, uint64_t state)
{
    hand h = draw_hand(&state);
    const int8_t *at = strokes[digit];
    point from = place(&h, at, &state);
    for (at += 2; *at != UP; at += 2) {
        point to = place(&h, at, &state);
        draw_line(pixels, &h, from, to);
        from = to;
    }
    for (int i = 0; i < PIXELS; i += 8) { /* adds noise of 0 to 31 */
        uint64_t bits = draw(&state);
        for (int k = i; k < i + 8; k++, bits >>= 8) {
            int v = pixels[k] + (int)(bits & 31);
            pixels[k] = (uint8_t)(v < 255 ? v : 255);
        }
    }
}

/* ---- the set ------------------------------------------------------------------------------- */

typedef struct job {
    uint8_t *pixels;
    int64_t count;
    uint64_t seed;
} job;

static void draw_chunk(void *arg, int item, int thread)
{
    const job *j = arg;
    (void)thread;
    for (int64_t i = (int64_t)item * CHUNK; i < j->count && i < ((int64_t)item + 1) * CHUNK; i++) {
        uint64_t state = j->seed;
        state = draw(&state) ^ (uint64_t)i; /* otherwise neighboring seeds would share samples */
        draw_digit(j->pixels + i * PIXELS, (int)(i % 10), draw(&state));
    }
}

fv_dataset *fv_dataset_digits(fv_ctx *ctx, int64_t count, uint64_t seed)
{
    static const char *const names[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    if (fv_stopped(ctx, __func__))
        return NULL;
    if (count < 1 || count > INT32_MAX) {
        fv_fail(ctx, FV_E_ARG, "fv_dataset_digits: count is %lld, but must be 1 to %d",
                (long long)count, INT32_MAX);
        return NULL;
    }
    fv_array *images = fv_array_new(ctx, FV_U8, 3, (const int64_t[]){count, SIDE, SIDE});
    fv_array *labels = images ? fv_array_new(ctx, FV_U8, 1, &count) : NULL;
    if (labels) {
        job j = {images->data, count, seed};
        fv_parallel(ctx, (int)((count + CHUNK - 1) / CHUNK), draw_chunk, &j);
        for (int64_t i = 0; i < count; i++)
            ((uint8_t *)labels->data)[i] = (uint8_t)(i % 10);
    }
    fv_dataset *set = fv_dataset_of_arrays(ctx, images, labels, 10, "digits", NULL);
    if (set)
        set->class_names = names;
    return set;
}
