/*
 * pictures.c - the mistakes in report.html: the pictures that the net got most wrong, as it
 * gets them, but without normalize.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

enum { SHOWN_WIDTH = 112 }; /* CSS pixels, about: four times MNIST's */

/* What is done to a picture before the net, but for normalize; NULL: nothing. */
static fv_transform *viewing_transform(const training *t)
{
    char text[PATH_SIZE] = "";
    const char *step = t->data.plain ? fv_transform_text(t->data.plain) : "";
    for (size_t n = 0; *step;) {
        size_t length = strcspn(step, ";");
        if (strncmp(step, "normalize", 9) != 0 && n + length + 2 < sizeof text)
            n += (size_t)snprintf(text + n, sizeof text - n, "%.*s;", (int)length, step);
        step += length + (step[length] == ';');
        step += strspn(step, " ");
    }
    return *text ? fv_transform_new(t->ctx, text) : NULL;
}

/* Floats from 0 to 1 are what to_tensor makes; others are stretched from their own range. */
static void find_range(const fv_array *x, float *low, float *high)
{
    const float *value = x->data;
    *low = 0;
    *high = 1;
    for (size_t i = 0; x->type == FV_F32 && i < x->count; i++) {
        *low = value[i] < *low ? value[i] : *low;
        *high = value[i] > *high ? value[i] : *high;
    }
}

static uint8_t byte_of(const fv_array *x, size_t at, float low, float high)
{
    if (x->type == FV_U8)
        return ((const uint8_t *)x->data)[at];
    float share = (((const float *)x->data)[at] - low) / (high - low);
    return share > 0 && share <= 1 ? (uint8_t)(share * 255 + 0.5f) : 0; /* NaN, too */
}

/* [C,H,W] as bytes [H,W] or [H,W,3]; of other channels, the first. For free. */
static uint8_t *bytes_of(const fv_array *x, int *channels)
{
    size_t plane = (size_t)(x->dims[1] * x->dims[2]), n = x->dims[0] == 3 ? 3 : 1;
    uint8_t *to = malloc(plane * n);
    float low, high;
    find_range(x, &low, &high);
    for (size_t c = 0; to && c < n; c++)
        for (size_t i = 0; i < plane; i++)
            to[i * n + c] = byte_of(x, c * plane + i, low, high);
    *channels = (int)n;
    return to;
}

/* The sample as it is to be seen; NULL if it cannot be read any more. */
static fv_array *open_picture(const training *t, const mistake *m, const fv_transform *transform)
{
    fv_array *raw = fv_dataset_picture(m->set, m->index, NULL), *seen = raw;
    if (raw && transform) {
        seen = fv_transform_apply(transform, raw, 0, 0, m->index);
        fv_array_free(raw);
    }
    fv_error_clear(t->ctx);
    return seen && (seen->type == FV_U8 || seen->type == FV_F32) ? seen : NULL;
}

static void put_caption(FILE *f, const training *t, const mistake *m)
{
    const char *file = fv_dataset_file(m->set, m->index);
    fputs("<figcaption>", f);
    put_class(f, t, m->label);
    fputs(" \xe2\x86\x92 <b>", f);
    put_class(f, t, m->guess);
    fprintf(f, "</b> %.0f%%<br/><small>", 100 * m->share);
    if (file)
        put_html(f, file);
    else if (t->data.known && m->set == t->data.test) /* as fovea predict takes it */
        fprintf(f, "%s:%lld", t->data.known, (long long)m->index);
    else
        fprintf(f, "no. %lld", (long long)m->index);
    fputs("</small></figcaption></figure>\n", f);
}

static void put_mistake(FILE *f, const training *t, const mistake *m, const fv_transform *transform)
{
    int channels, width, height;
    fv_array *x = open_picture(t, m, transform);
    uint8_t *bytes = x ? bytes_of(x, &channels) : NULL;
    if (bytes) {
        height = (int)x->dims[1];
        width = (int)x->dims[2];
        int scale = width < SHOWN_WIDTH ? (SHOWN_WIDTH + width / 2) / width : 1;
        fprintf(f, "<figure style=\"width:%dpx\"><img width=\"%d\" height=\"%d\" alt=\"\" src=\"",
                width * scale, width * scale, height * scale);
        put_png(f, bytes, channels, height, width);
        fputs("\"/>", f);
        put_caption(f, t, m);
    }
    free(bytes);
    fv_array_free(x);
}

void put_mistakes(FILE *f, const training *t, const eval_record *r)
{
    if (r->mistakes == 0)
        return;
    fv_transform *transform = viewing_transform(t);
    int64_t wrong = r->result.total - r->result.correct;
    char n[32];
    fputs("<section>\n<h2>Mistakes</h2>\n<p>", f);
    if (wrong > r->mistakes)
        fprintf(f, "%d of %s, those with the highest loss", r->mistakes, with_commas(wrong, n));
    else
        fprintf(f, "All %d, the highest loss first", r->mistakes);
    fputs(": what it is \xe2\x86\x92 <b>what the net took it for</b>, and how sure it was.</p>\n"
          "<div class=\"pictures\">\n",
          f);
    for (int i = 0; i < r->mistakes; i++)
        put_mistake(f, t, &r->worst[i], transform);
    fputs("</div>\n</section>\n", f);
    fv_transform_free(transform);
}
