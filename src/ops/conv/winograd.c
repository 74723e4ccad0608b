/*
 * winograd.c - conv2d of 3 x 3 by Winograd F(2x2,3x3): tiles of 2 x 2 outputs, 16 multiplications for 36.
 *
 * x [C][H][W]   w [O][C][3][3]   b [O]   y [O][P][Q], for the images of a block.
 * The 4 x 4 inputs of each tile are transformed to 16 points (kernels/winograd.h), at each of which a
 * 1 x 1 convolution sums over channels, and the results are transformed to outputs. Backward
 * transposes each step: gradients of outputs to transform points, where weights and inputs get
 * theirs, and from there to kernels and inputs.
 *
 * Tiles are grouped in strips that fit the second-level cache: some rows of tiles, or several images
 * if an image has few. Every sum runs tile by tile, however strips are cut. Layer 2. Calls the base
 * and the kernels.
 */
#include "ops/conv/conv.h"

#include <string.h>

enum {
    POINTS = 16,    /* transform points */
    BIAS_POINT = 5, /* row 1, column 1, which counts each output once */
};

/* The geometry of a layer, the same for all blocks. */
typedef struct geometry {
    fv_conv v;                /* the layer, P and Q rounded up to whole tiles */
    fv_tiles tiles;           /* of a strip */
    int strips, group;        /* strips of an image; images of a strip */
    fv_conv one;              /* at one transform point */
    size_t in, out;           /* floats of an image's strip at one point */
    size_t in_step, out_step; /* from one point to the next */
    size_t weights, packed;   /* at one point */
    size_t padded, dy;        /* floats of x with its padding, and of dy of whole tiles */
} geometry;

/* The 1 x 1 convolution at a point: a pixel for each tile, in a row, or channels last, where the last
   images may be missing, in a column. */
static fv_conv conv_of_tiles(const geometry *w, fv_layout layout, int tiles)
{
    fv_conv one = {.C = w->v.C, .O = w->v.O, .R = 1, .S = 1, .groups = 1};
    one.sh = one.sw = one.dh = one.dw = 1;
    one.H = one.P = layout == FV_BATCH_LAST ? 1 : tiles;
    one.W = one.Q = layout == FV_BATCH_LAST ? tiles : 1;
    return one;
}

static geometry geometry_of(const fv_def *def, fv_layout layout, int images)
{
    geometry w = {.v = def->conv, .group = 1};
    w.v.P += w.v.P % 2;
    w.v.Q += w.v.Q % 2;
    int rows = w.v.P / 2, cols = w.v.Q / 2, most = FV_STRIP_TILES / (rows * cols);
    w.tiles = (fv_tiles){def->form[layout].speed.band_rows / 2, cols};
    w.strips = rows / w.tiles.rows;
    if (layout == FV_CHANNELS_LAST && most > 1 && w.strips == 1)
        w.group = most < images ? most : images;
    size_t tiles = (size_t)w.tiles.rows * cols;
    w.one = conv_of_tiles(&w, layout, w.group * (int)tiles);
    w.in = fv_slice_floats(layout, tiles * w.v.C);
    w.out = fv_slice_floats(layout, tiles * w.v.O);
    w.in_step = fv_round_up(w.group * w.in), w.out_step = fv_round_up(w.group * w.out);
    w.weights = (size_t)w.v.O * w.v.C;
    w.packed = fv_round_up(fv_conv_packed(&w.one, FV_PACK_FORWARD));
    w.padded = fv_round_up(fv_conv_padded_floats(&w.v, layout));
    w.dy = fv_round_up(fv_slice_floats(layout, (size_t)w.v.O * w.v.P * w.v.Q));
    return w;
}

/* The floats of a row of pixels. */
static size_t row_of(fv_layout layout, int channels, int cols)
{
    return (size_t)cols * fv_width(layout, channels);
}

/* Scratch: for each image of a strip x with its padding, in backward its gradient and dy, too; the
   points of x and of y. For packing: the kernels at all points. Sums: the gradients of these, and
   batch last their sums over lanes. */
static fv_need winograd_need(const fv_def *def, fv_layout layout, int images)
{
    const geometry w = geometry_of(def, layout, images);
    size_t params = POINTS * w.weights + fv_biases(def);
    size_t call = w.group * (2 * w.padded + w.dy) + POINTS * (w.in_step + w.out_step) +
                  3 * FV_LANES;
    size_t pack = POINTS * w.weights;
    size_t sums = layout == FV_BATCH_LAST ? params * FV_LANES + params : params;
    return (fv_need){.scratch = call > pack ? call : pack,
                     .sums = fv_round_up(sums) + FV_LANES,
                     .partial = fv_round_up(fv_weights(def) + fv_biases(def)),
                     .packed = POINTS * w.packed};
}

static void winograd_pack(const fv_kernels *k, const fv_def *def, fv_layout layout, int images,
                          const float *weight, float *scratch, float *forward, float *backward)
{
    const geometry w = geometry_of(def, layout, images);
    k->winograd->weight(w.weights, weight, scratch);
    for (int i = 0; i < POINTS; i++, scratch += w.weights) {
        k->conv[layout].pack(&w.one, FV_PACK_FORWARD, scratch, forward + i * w.packed);
        if (backward)
            k->conv[layout].pack(&w.one, FV_PACK_INPUT, scratch, backward + i * w.packed);
    }
}

/* ---- forward -------------------------------------------------------------------------------- */

/* The transform points of a strip of x with its padding. */
static void strip_in(const fv_call *r, const geometry *w, const float *xp, int strip, float *to)
{
    size_t row = row_of(r->layout, w->v.C, fv_conv_cols(&w->v));
    r->k->winograd->in(&w->tiles, fv_planes(r->layout, w->v.C), fv_width(r->layout, w->v.C),
                       xp + (size_t)strip * w->tiles.rows * 2 * row, fv_conv_rows(&w->v) * row, row,
                       to, w->in_step);
}

static void sums_forward(const fv_call *r, const geometry *w, int images, const float *in,
                         float *out)
{
    int rows = r->layout == FV_BATCH_LAST ? 1 : images * w->tiles.rows * w->tiles.cols;
    for (int i = 0; i < POINTS; i++)
        r->k->conv[r->layout].forward[FV_DIRECT](
            &w->one, in + i * w->in_step, r->packed + i * w->packed, i == BIAS_POINT ? r->b : NULL,
            out + i * w->out_step, 0, rows);
}

void fv_winograd_forward(const fv_call *r, void (*put)(const fv_call *r, const fv_strip *strip))
{
    const geometry w = geometry_of(r->def, r->layout, r->block_images);
    float *in = r->scratch + w.group * w.padded + FV_LANES;
    float *out = in + POINTS * w.in_step + FV_LANES;
    for (int i = 0; i < r->slices; i += w.group) {
        int n = i + w.group < r->slices ? w.group : r->slices - i;
        const float *xp[FV_STRIP_TILES];
        for (int k = 0; k < n; k++)
            xp[k] = fv_conv_padded(r, &w.v, i + k, r->scratch + k * w.padded);
        for (int strip = 0; strip < w.strips; strip++) {
            for (int k = 0; k < n; k++)
                strip_in(r, &w, xp[k], strip, in + k * w.in);
            sums_forward(r, &w, n, in, out);
            for (int k = 0; k < n; k++)
                put(r, &(fv_strip){.slice = i + k,
                                   .row = strip * w.tiles.rows * 2,
                                   .tiles = w.tiles,
                                   .points = out + k * w.out,
                                   .step = w.out_step});
        }
    }
}

void fv_winograd_put(const fv_call *r, const fv_strip *s, float *y, int rows)
{
    const fv_conv *v = &r->def->conv;
    size_t row = row_of(r->layout, v->O, v->Q);
    r->k->winograd->out(&s->tiles, fv_planes(r->layout, v->O), fv_width(r->layout, v->O), s->points,
                        s->step, y, rows * row, row, v->P - s->row, v->Q);
}

static void put_output(const fv_call *r, const fv_strip *s)
{
    const fv_conv *v = &r->def->conv;
    float *y = r->y + s->slice * fv_slice_floats(r->layout, fv_shape_count(r->def->out));
    fv_winograd_put(r, s, y + s->row * row_of(r->layout, v->O, v->Q), v->P);
}

static void forward(const fv_call *r)
{
    fv_winograd_forward(r, put_output);
}

/* ---- backward ------------------------------------------------------------------------------- */

/* dy of a slice by pixels, with zeros for outputs past P and Q. */
static void whole_gradient(const fv_call *r, const geometry *w, int slice, fv_dy_writer *write,
                           float *dyp)
{
    size_t row = fv_slice_floats(r->layout, (size_t)w->v.O * w->v.Q);
    write(r, &r->def->conv, slice, dyp);
    if (w->v.P > r->def->conv.P)
        memset(dyp + r->def->conv.P * row, 0, row * sizeof *dyp);
}

static void strip_out_back(const fv_call *r, const geometry *w, const float *dyp, int strip,
                           float *to)
{
    size_t pixel = fv_slice_floats(r->layout, w->v.O), row = w->v.Q * pixel;
    r->k->winograd->out_back(&w->tiles, (int)pixel, dyp + (size_t)strip * w->tiles.rows * 2 * row,
                             row, to, w->out_step);
}

/* Adds the gradients of a strip's transform points to those of x with its padding. */
static void strip_in_back(const fv_call *r, const geometry *w, const float *in, int strip,
                          float *dxp)
{
    size_t row = row_of(r->layout, w->v.C, fv_conv_cols(&w->v));
    r->k->winograd->in_back(&w->tiles, fv_planes(r->layout, w->v.C), fv_width(r->layout, w->v.C),
                            in, w->in_step, dxp + (size_t)strip * w->tiles.rows * 2 * row,
                            fv_conv_rows(&w->v) * row, row);
}

/* Gradients of the kernels at all points, and of the inputs, which replace the inputs. */
static void sums_backward(const fv_call *r, const geometry *w, int images, float *in,
                          const float *out, bool first)
{
    const fv_conv_kernels *conv = &r->k->conv[r->layout];
    fv_conv row = conv_of_tiles(w, FV_BATCH_LAST, images * w->tiles.rows * w->tiles.cols);
    size_t lanes = fv_slice_floats(r->layout, 1);
    float *db = r->b ? r->sums + POINTS * w->weights * lanes : NULL;
    for (int i = 0; i < POINTS; i++, in += w->in_step, out += w->out_step) {
        if (r->partial)
            conv->backward_weight(&row, 1, in, 0, out, 0, 0, 1, r->sums + i * w->weights * lanes,
                                  i == BIAS_POINT ? db : NULL, first);
        if (r->dx)
            conv->backward_input(&w->one, out, r->packed + i * w->packed, in);
    }
}

/* dx of a slice: dxp without its padding. */
static void crop_padding(const fv_call *r, const geometry *w, int slice, const float *dxp)
{
    const fv_conv *v = &w->v;
    size_t row = row_of(r->layout, v->C, v->W), wide = row_of(r->layout, v->C, fv_conv_cols(v));
    float *dx = r->dx + slice * fv_slice_floats(r->layout, fv_shape_count(r->def->in));
    dxp += v->ph * wide + row_of(r->layout, v->C, v->pw);
    for (int i = 0; i < fv_planes(r->layout, v->C); i++, dxp += fv_conv_rows(v) * wide)
        for (int h = 0; h < v->H; h++, dx += row)
            memcpy(dx, dxp + h * wide, row * sizeof *dx);
}

/* dw and db of the chunk, from the gradients of the kernels at all points. */
static void kernels_back(const fv_call *r, const geometry *w)
{
    size_t params = POINTS * w->weights + fv_biases(r->def);
    float *u = r->sums;
    if (r->layout == FV_BATCH_LAST) {
        u += params * FV_LANES;
        memset(u, 0, params * sizeof *u);
        r->k->sum_lanes(params, 1, r->sums, 0, u);
    }
    r->k->winograd->weight_back(w->weights, u, w->weights, r->partial,
                                r->layout == FV_CHANNELS_LAST);
    memcpy(r->partial + fv_weights(r->def), u + POINTS * w->weights, fv_biases(r->def) * sizeof *u);
}

void fv_winograd_backward(const fv_call *r, fv_dy_writer *write)
{
    const geometry w = geometry_of(r->def, r->layout, r->block_images);
    float *xp = r->scratch, *dxp = xp + w.group * w.padded, *dyp = dxp + w.group * w.padded;
    float *in = dyp + w.group * w.dy + FV_LANES, *out = in + POINTS * w.in_step + FV_LANES;
    for (int i = 0; i < r->slices; i += w.group) {
        int n = i + w.group < r->slices ? w.group : r->slices - i;
        const float *x[FV_STRIP_TILES];
        for (int k = 0; k < n; k++) {
            x[k] = fv_conv_padded(r, &w.v, i + k, xp + k * w.padded);
            whole_gradient(r, &w, i + k, write, dyp + k * w.dy);
        }
        if (r->dx)
            memset(dxp, 0, n * w.padded * sizeof *dxp);
        for (int strip = 0; strip < w.strips; strip++) {
            for (int k = 0; k < n; k++) {
                if (r->partial)
                    strip_in(r, &w, x[k], strip, in + k * w.in);
                strip_out_back(r, &w, dyp + k * w.dy, strip, out + k * w.out);
            }
            sums_backward(r, &w, n, in, out, r->first && i == 0 && strip == 0);
            for (int k = 0; r->dx && k < n; k++)
                strip_in_back(r, &w, in + k * w.in, strip, dxp + k * w.padded);
        }
        for (int k = 0; r->dx && k < n; k++)
            crop_padding(r, &w, i + k, dxp + k * w.padded);
    }
    if (r->last && r->partial)
        kernels_back(r, &w);
}

static void backward(const fv_call *r)
{
    fv_winograd_backward(r, fv_conv_pad_dy);
}

const fv_op fv_op_winograd = {
    .flags = FV_KEEPS_X,
    .need = winograd_need,
    .pack = winograd_pack,
    .forward = forward,
    .backward = backward,
    .reduce_items = fv_conv_reduce_items,
    .reduce = fv_conv_reduce,
    .describe = fv_conv_describe,
};
