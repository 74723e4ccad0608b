/*
 * kernels.h - the table of kernels, one table per instruction set, and the contract of each entry.
 *
 * The kernels call libc only. They take plain pointers and sizes, allocate nothing and cannot fail.
 *
 * Layouts. A batch is cut into blocks of up to FV_LANES images. In a block a tensor [N,C,H,W] is
 * stored in one of two layouts (fv_layout):
 *   batch last      [C][H][W][FV_LANES]   a vector holds FV_LANES images, for any number of channels;
 *                                         lanes past the last image are idle: they hold zeros and
 *                                         get zero gradients
 *   channels last   [N][H][W][C]          a vector holds channels of one image
 * Entries that take `planes` and `width` see both as [planes][H][W][width]: C and FV_LANES, or 1 and
 * C. Every buffer extends to the next multiple of FV_LANES floats, which may be read and written.
 *
 * Order of sums. An output is ONE accumulator that runs over its terms in the order written in its
 * contract, by fused multiply-add. So tile sizes, vector lengths and threads change no bit, and all
 * sets give the same; a forward kernel gives the same bits in both layouts. Sums over lanes use one
 * tree: l += l+8, then l+4, l+2, l+1. docs/kernels.md lists the order of every sum, layer by layer.
 */
#ifndef FV_KERNELS_H
#define FV_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/activation.h"

enum { FV_LANES = 16, FV_POOLED_TAPS = 5, FV_ARGMAX_TAPS_MAX = 64, FV_FOUND = 32 };
enum { FV_WINOGRAD5_CHANNELS_MAX = 16 };

typedef enum fv_layout { FV_BATCH_LAST, FV_CHANNELS_LAST, FV_LAYOUTS } fv_layout;

/* ---- convolution ---------------------------------------------------------------------------- */

/* The sizes of a convolution, per image. All kernels use these letters. */
typedef struct fv_conv {
    int C, H, W;     /* input: channels, rows, columns */
    int O, P, Q;     /* output */
    int R, S;        /* kernel */
    int sh, sw;      /* stride down and across */
    int ph, pw;      /* zeros above and to the left; below and right as many as P and Q need */
    int dh, dw;      /* dilation */
    int groups;      /* divides C and O */
    int left, right; /* zeros before and after each row of dyp: fv_conv_margins for
                        backward_input, any number for the others */
} fv_conv;

/* Algorithms of a forward convolution; each has its own order of the sum. The kernels have the
   first FV_KERNEL_SUMS; the ops build the others from 1 x 1 convolutions. */
typedef enum fv_sum {
    FV_DIRECT,   /* bias, then over r, s, c */
    FV_F2X2_5X5, /* Winograd's minimal filtering, 2 x 2 outputs of a 5 x 5 kernel */
    FV_KERNEL_SUMS,
    FV_F2X2_3X3 = FV_KERNEL_SUMS,
    FV_LINEAR, /* a kernel as large as its input: bias, then over c, r, s */
} fv_sum;

/* The kernel that packed weights are for. */
typedef enum fv_packing {
    FV_PACK_FORWARD,  /* conv.forward[FV_DIRECT] */
    FV_PACK_POOLED,   /* pooled->forward[FV_DIRECT] */
    FV_PACK_F2X2_5X5, /* conv.forward and pooled->forward [FV_F2X2_5X5] */
    FV_PACK_INPUT,    /* conv.backward_input */
    FV_PACK_SELECT,   /* pooled->input */
} fv_packing;

/* Convolution in one layout. Batch last an entry works on a block, and a pixel below is one of L
   images; channels last on one image, except backward_weight. A linear layer is a 1 x 1 convolution
   of a 1 x 1 picture, or of one column of images. */
typedef struct fv_conv_kernels {
    /* packed = w [O][C/groups][R][S] in the order in which that kernel of this set reads it;
       fv_conv_packed floats. Batch last a linear layer reads w itself. */
    void (*pack)(const fv_conv *v, fv_packing use, const float *w, float *packed);

    /* y [O][to-from][Q][L] or [to-from][Q][O], rows from to to-1 of the output.
       Direct: y = b [O] or 0, then += w*xp over r, s, then c.
       F(2x2,5x5): tiles of 2 x 2 outputs, see winograd.h; at each transform point a sum over c, then
       the output transform, then + b.
       xp [C][Hp][Wp][L] or [Hp][Wp][C] is x with its padding, or x itself if fv_conv_is_padded. */
    void (*forward[FV_KERNEL_SUMS])(const fv_conv *v, const float *xp, const float *packed,
                                    const float *b, float *y, int from, int to);

    /* dx [C][H][W][L] or [H][W][C] = 0, then += w*dy over r, s, then o. dyp [P][Qp][O][L] or
       [P][Qp][O] is dy with v->left zeros before and v->right after each row, by which a kernel may
       multiply: that changes no bit of a finite sum. */
    void (*backward_input)(const fv_conv *v, const float *dyp, const float *packed, float *dx);

    /* dw, db (or NULL) = 0 if first, else their values, then += dy*xp (dy) over images, p, q, for
       rows from to to-1. dyp is as above, but starts at row from.
       Batch last: dw [O][C/groups][R][S][L], db [O][L], each lane its own sum; images is 1.
       Channels last: dw [groups][R][S][C/groups][O/groups], or [R][S][C] if depthwise, and db [O];
       images are x_step and dy_step floats apart. dyp has FV_LANES readable floats after its end. */
    void (*backward_weight)(const fv_conv *v, int images, const float *xp, size_t x_step,
                            const float *dyp, size_t dy_step, int from, int to, float *dw,
                            float *db, bool first);
} fv_conv_kernels;

/* Tiles of 2 x 2 outputs, side by side; see winograd.h. */
typedef struct fv_tiles {
    int rows, cols;
} fv_tiles;

/* Transforms of Winograd F(2x2,3x3): the 16 transform points of tiles of inputs, outputs or kernels,
   one every `step` floats. Gradients use the transposed transforms.
   weight: u [16][n] of w [n][9]. weight_back: dw [n][9], or if apart [9][n], of u [16] of [n].
   in: v [planes][rows][cols][width] of x [planes][][][width], whose planes and rows are `plane` and
   `row` floats apart. in_back: dx += of v.
   out: y, laid out as x, of m, laid out as v, without outputs past P and Q.
   out_back: m [rows][cols][pixel] of dyp [][][pixel], rows `row` floats apart. */
typedef struct fv_winograd_kernels {
    void (*weight)(size_t n, const float *w, float *u);
    void (*weight_back)(size_t n, const float *u, size_t step, float *dw, bool apart);
    void (*in)(const fv_tiles *t, int planes, int width, const float *x, size_t plane, size_t row,
               float *v, size_t step);
    void (*in_back)(const fv_tiles *t, int planes, int width, const float *v, size_t step,
                    float *dx, size_t plane, size_t row);
    void (*out)(const fv_tiles *t, int planes, int width, const float *m, size_t step, float *y,
                size_t plane, size_t row, int P, int Q);
    void (*out_back)(const fv_tiles *t, int pixel, const float *dyp, size_t row, float *m,
                     size_t step);
} fv_winograd_kernels;

/* ---- pooling -------------------------------------------------------------------------------- */

/* The sizes of a pooling; the kernel is R x S, the padding is minus infinity. */
typedef struct fv_pool2d {
    int C, H, W, P, Q, R, S, sh, sw, ph, pw, dh, dw;
} fv_pool2d;

/* Batch last, a convolution, relu and max pooling by 2 x 2 windows side by side, as one layer. y, dy
   and argmax are [O][P/2][Q/2][L]; a window's gradient g is dy, or 0 where y <= 0. The gradients
   need stride and dilation 1 and no groups. */
typedef struct fv_pooled_kernels {
    /* conv.forward of all rows, max_pool_forward and relu_forward. argmax may be NULL. */
    void (*forward[FV_KERNEL_SUMS])(const fv_conv *v, const float *xp, const float *packed,
                                    const float *b, float *y, int32_t *argmax);

    /* Up to FV_POOLED_TAPS columns of taps. dw, db (or NULL) = 0 if first, else their values, then
       for each window, in order, += x * g of its left column, then += x * g of its right column,
       where g is 0 in the column without the argmax. */
    void (*weight)(const fv_conv *v, const float *xp, const float *y, const float *dy,
                   const int32_t *argmax, float *dw, float *db, bool first);

    /* dx = 0, then += g * the weight between the argmax and the input, or 0, over the windows, in
       order, that reach any input of the same 2 x 2, then o. These 2 x 2 start, padding included, in
       even rows and columns. work holds fv_select_work floats. */
    void (*input)(const fv_conv *v, const float *packed, const float *y, const float *dy,
                  const int32_t *argmax, float *work, float *dx);
} fv_pooled_kernels;

/* Sparse weight gradients from the argmax of a pooling, image by image; see argmax.h. A row of a
   kernel is its taps by its channels, side by side as in x [H][W][C]. */
typedef struct fv_argmax_job {
    int O, cells;     /* outputs, and windows of each */
    int groups;       /* lists of each output, one for FV_FOUND windows */
    int C, R, row;    /* channels, rows of a kernel, floats of one row */
    int rows, places; /* rows of x, positions of a kernel in one of them */
    int pixel, line;  /* floats of x from one position to the next, and to the one below */
    size_t image;     /* floats from one image to the next */
    size_t lists;     /* lists from one image to the next */
} fv_argmax_job;

/* A list of the argmax of windows: their gradients, and where in x the first taps are by which the
   kernel was multiplied. */
typedef struct fv_found {
    float g[FV_FOUND];
    int32_t at[FV_FOUND];
} fv_found;

/* Batch last, a convolution with stride and dilation 1 and pooling windows of up to
   FV_ARGMAX_TAPS_MAX pixels side by side. Gradients of idle lanes are 0.
   transpose: to [L][pixels][C], images w->image floats apart, of x [C][pixels][L].
   spread: to [rows][places][row, rounded up] of x [rows][..][C]: each position has its own copy of
   its pixels, aligned to vectors; floats past a row are undefined.
   find: for each image and output, in order, the argmax of windows whose gradient is not 0: found
   [L][O][groups], counts of the same shape, w->lists from one image to the next; db [O][L] += g, lane
   by lane. v is the pooling; y, dy and argmax are [O][P][Q][L].
   weight: dw [O][R][row, rounded up] += g * x over the lists of an image, in order. x, transposed or
   spread, has FV_LANES readable floats after its end; floats past a row are undefined. */
typedef struct fv_argmax_kernels {
    void (*transpose)(const fv_argmax_job *w, size_t pixels, const float *x, float *to);
    void (*spread)(const fv_argmax_job *w, const float *x, float *to);
    void (*find)(const fv_argmax_job *w, const fv_pool2d *v, const float *y, const float *dy,
                 const int32_t *argmax, float *db, fv_found *found, int32_t *counts);
    void (*weight)(const fv_argmax_job *w, const float *x, const fv_found *found,
                   const int32_t *counts, float *dw);
} fv_argmax_kernels;

/* One row, or column, of a resampled output: a weighted sum of `count` adjacent rows of the input,
   the first with one weight, the others with another. from is 0 if count is. */
typedef struct fv_span {
    int from, count;
    float first, other;
} fv_span;

typedef struct fv_resample {
    int H, W, P, Q;
    const fv_span *rows, *cols; /* [P], [Q] */
    float none;                 /* the output of an empty span */
} fv_resample;

/* ---- elementwise ---------------------------------------------------------------------------- */

/* Activations y = f(x) with parameters a and b. backward reads y before FV_ACT_BY_Y, x from there
   on. */
#define FV_ACT_NAME(NAME, ...) FV_ACT_##NAME,
typedef enum fv_act {
    FV_ACTIVATIONS_BY_Y(FV_ACT_NAME) FV_ACT_BY_Y,
    FV_ACT_LAST_BY_Y = FV_ACT_BY_Y - 1, /* the next one is FV_ACT_BY_Y */
    FV_ACTIVATIONS_BY_X(FV_ACT_NAME) FV_ACTS
} fv_act;
#undef FV_ACT_NAME

/* Which elements dropout keeps; see dropout. */
typedef struct fv_dropout {
    uint32_t first, row_step, col_step, threshold;
    float scale;
} fv_dropout;

/* ---- optimizers ----------------------------------------------------------------------------- */

typedef struct fv_sgd_step {
    float lr, momentum, dampening, weight_decay;
    bool nesterov, maximize, first;
} fv_sgd_step;

/* A step of adam, amsgrad or lion, computed once for a tensor. sign is -1 to maximize. */
typedef struct fv_adam_step {
    float sign, weight_decay, shrink, beta1, take1, beta2, take2, of_g, of_m, scale, eps;
} fv_adam_step;

/* A step of adagrad, adadelta or rmsprop. */
typedef struct fv_scaled_step {
    float sign, weight_decay, lr, eps, keep, take, momentum;
} fv_scaled_step;

/* ---- the table ------------------------------------------------------------------------------ */

typedef struct fv_kernels {
    const char *name;

    /* Convolution. */
    fv_conv_kernels conv[FV_LAYOUTS];
    const fv_pooled_kernels *pooled;
    const fv_argmax_kernels *argmax;
    const fv_winograd_kernels *winograd;

    /* to [planes][Hp][Wp][width] = from [planes][H][W][width] moved down by top and right by left,
       zeros elsewhere, cropped to Hp x Wp. */
    void (*pad)(int planes, int width, int H, int W, const float *from, int Hp, int Wp, int top,
                int left, float *to);
    /* dyp of conv.backward_input and backward_weight, of dy [planes][P][Q][width]. */
    void (*pad_gradient)(const fv_conv *v, int planes, int width, const float *dy, float *dyp);

    /* Linear layer, batch last: dw [O][K] += dy*x over the images of the batch in order, for outputs
       from to to-1. dy [blocks] of [O][L], dy_step floats apart; xt [blocks] of [L][Kp], xt_step
       floats apart: x transposed, rows of Kp = fv_round_up(K) floats. */
    void (*linear_backward_weight)(int K, int blocks, const float *dy, size_t dy_step,
                                   const float *xt, size_t xt_step, float *dw, int from, int to);
    /* xt [L][Kp] of x [K][L]; past K it becomes 0. */
    void (*transpose_lanes)(int K, const float *x, float *xt);

    /* Sums over chunks. out[i] += the sum, in order, of partials [count] of [n], step floats apart. */
    void (*sum_partials)(size_t n, int count, const float *partials, size_t step, float *out);
    /* The same of partials [n][L]: lane by lane in order, then by the tree over lanes. */
    void (*sum_lanes)(size_t n, int count, const float *partials, size_t step, float *out);
    /* The same for outputs from to to-1 of dw [O][C/groups][R][S], of partials of
       conv.backward_weight channels last. */
    void (*sum_channels)(const fv_conv *v, int count, const float *partials, size_t step, float *dw,
                         int from, int to);

    /* Pooling. y and argmax [planes][P][Q][width], planes step floats apart. argmax is the tap
       r*S + s of the maximum (the first of equals, the last NaN before all), or NULL.
       dx [planes][H][W][width] = 0, then += dy at the argmax over p, q. v->C is not read. */
    void (*max_pool_forward)(const fv_pool2d *v, int planes, int width, const float *x, float *y,
                             int32_t *argmax, size_t step);
    void (*max_pool_backward)(const fv_pool2d *v, int planes, int width, const float *dy,
                              const int32_t *argmax, float *dx);
    /* Through relu and one row of a pooling with windows side by side: R rows of
       dx [R][Wp][planes][width], from column left on, = dy at the argmax, or 0 where y <= 0. dy,
       argmax and y [planes][Q][width], planes step floats apart. */
    void (*pool_row_backward)(const fv_pool2d *v, int planes, int width, const float *y,
                              const float *dy, const int32_t *argmax, size_t step, int Wp, int left,
                              float *dx);
    /* Average pooling, upsampling, padding. y [planes][P][Q][width] = the sum over the rows of
       rows[p], then the columns of cols[q], of (row weight * column weight) * x [planes][H][W][width],
       or v->none if there are none. dx = 0, then += the same weights * dy over p, q. */
    void (*resample_forward)(const fv_resample *v, int planes, int width, const float *x, float *y);
    void (*resample_backward)(const fv_resample *v, int planes, int width, const float *dy,
                              float *dx);

    /* Normalisation of rows of x [rows][width]; columns from live on are idle. relu_y, or NULL, is
       the output of a relu fused behind it: the gradient is dy where relu_y > 0, else 0.
       moments: sum[i] += x - pivot[i], square[i] += (x - pivot[i])^2. Each 32 rows are summed in
       float, in four sums of every fourth row, then added in double. moments_backward: likewise
       sum[i] += dy, square[i] += dy * (x - pivot[i]). */
    void (*moments)(size_t rows, int width, int live, const float *x, const float *pivot,
                    double *sum, double *square);
    void (*moments_backward)(size_t rows, int width, int live, const float *x, const float *dy,
                             const float *relu_y, const float *pivot, double *sum, double *square);
    /* y = (x - pivot[i]) * scale[i] + shift[i], then relu if asked. */
    void (*norm_forward)(size_t rows, int width, const float *x, const float *pivot,
                         const float *scale, const float *shift, bool relu, float *y);
    /* dx = dy * scale[i] + (x - pivot[i]) * slope[i] + shift[i]; 0 in idle columns. */
    void (*norm_backward)(size_t rows, int width, int live, const float *x, const float *dy,
                          const float *relu_y, const float *pivot, const float *scale,
                          const float *slope, const float *shift, float *dx);
    /* y [rows][width] = x * w + b, or x * w if b is NULL, in place allowed; row r and column i use
       element r*row_step + i*col_step of w and b. */
    void (*scale)(size_t rows, int width, size_t row_step, size_t col_step, const float *x,
                  const float *w, const float *b, float *y);
    /* sums, at that element, += a * b, or a if b is NULL, of [rows][width], row by row; if row_step
       is 0, each 32 rows are summed first. */
    void (*scale_sums)(size_t rows, int width, size_t row_step, size_t col_step, const float *a,
                       const float *b, float *sums);

    /* Elementwise over n floats, rounded up to a multiple of L; in place allowed.
       relu: y = x < 0 ? 0 : x; dx = y <= 0 ? 0 : dy. add: to = a + b. exp: y = fv_exp(x). */
    void (*relu_forward)(size_t n, const float *x, float *y);
    void (*relu_backward)(size_t n, const float *y, const float *dy, float *dx);
    void (*add)(size_t n, const float *a, const float *b, float *to);
    void (*exp)(size_t n, const float *x, float *y);
    struct {
        void (*forward)(size_t n, float a, float b, const float *x, float *y);
        void (*backward)(size_t n, float a, float b, const float *from, const float *dy, float *dx);
    } acts[FV_ACTS];
    /* y [rows][width] = x * scale where a hash of keys[j] and of element number
       first + i*row_step + j*col_step is threshold or more of 2^24, else 0. */
    void (*dropout)(size_t rows, int width, const fv_dropout *d, const uint64_t *keys,
                    const float *x, float *y);

    /* Softmax over the D numbers of [outer][D][inner]: e = exp(x - max), y = e / (sum of e in order),
       or if log y = x - max - log(sum of e). dx = y * (dy - (sum of dy*y in order)), or if log
       dy - exp(y) * (sum of dy). */
    void (*softmax_forward)(bool log, size_t outer, int D, size_t inner, const float *x, float *y);
    void (*softmax_backward)(bool log, size_t outer, int D, size_t inner, const float *y,
                             const float *dy, float *dx);

    /* Loading and storing. x [n][L] of FV_LANES images of n pixels: lane l of x[i] is
       table[pixels[l][i]], or (pixels[l][i] - mean) / std; 0 from the first NULL of pixels on. */
    void (*load_u8)(size_t n, const uint8_t *const *pixels, const float *table, float *x);
    void (*load_f32)(size_t n, const float *const *pixels, float mean, float std, float *x);
    /* rows [count][n] = the first count lanes of n vectors x, x_step floats apart. */
    void (*store_rows)(size_t n, int count, const float *x, size_t x_step, float *rows);
    /* x [rows][n][L] of rows of numbers, `row` floats apart: lane l of x[k][i] is number
       l*step + i of row k, which may be one past its end. */
    void (*load_windows)(size_t rows, size_t n, size_t step, const float *from, size_t row,
                         float *x);
    /* y [n][m] = the transpose of x [m][n]. */
    void (*transpose)(size_t m, size_t n, const float *x, float *y);

    /* Prefetches p [n] for writing, after other threads have read it. */
    void (*prefetch_for_write)(size_t n, const float *p);
    /* One SGD step of n parameters; the formula is fv_sgd's. v NULL if momentum is 0. */
    void (*sgd)(size_t n, const fv_sgd_step *step, float *p, const float *g, float *v);
    /* The other optimizers. d = sign * g + weight_decay * p, a fused multiply-add.
       adam:     m = beta1 * m + take1 * d; v = beta2 * v + take2 * d^2
                 p -= shrink * p + (of_g * d + of_m * m) / (sqrt(v) * scale + eps)
       amsgrad:  of_g is 0, and the root is of top = max(top, v).
       lion:     p -= shrink * p + of_m * sign(beta1 * m + take1 * d), and then
                 m = beta2 * m + take2 * d, with d = sign * g. */
    void (*adam)(size_t n, const fv_adam_step *step, float *p, const float *g, float *m, float *v);
    void (*amsgrad)(size_t n, const fv_adam_step *step, float *p, const float *g, float *m,
                    float *v, float *top);
    void (*lion)(size_t n, const fv_adam_step *step, float *p, const float *g, float *m);
    /* adagrad:  v += d^2; p -= lr * d / (sqrt(v) + eps)
       adadelta: v = keep * v + take * d^2; w = sqrt(u + eps) / sqrt(v + eps) * d
                 u = keep * u + take * w^2; p -= lr * w
       rmsprop:  v as in adadelta; mean = keep * mean + take * d, or NULL
                 w = d / (sqrt(v, or v - mean^2 but not below 0) + eps)
                 u = momentum * u + w, or u is NULL; p -= lr * u, or lr * w. */
    void (*adagrad)(size_t n, const fv_scaled_step *step, float *p, const float *g, float *v);
    void (*adadelta)(size_t n, const fv_scaled_step *step, float *p, const float *g, float *v,
                     float *u);
    void (*rmsprop)(size_t n, const fv_scaled_step *step, float *p, const float *g, float *v,
                    float *mean, float *u);
} fv_kernels;

/* ---- sizes ---------------------------------------------------------------------------------- */

/* n rounded up to a multiple of FV_LANES. */
static inline size_t fv_round_up(size_t n)
{
    return (n + FV_LANES - 1) / FV_LANES * FV_LANES;
}

/* Rows and columns of the input with its padding, as far as any tap reads. */
static inline int fv_conv_rows(const fv_conv *v)
{
    int seen = (v->P - 1) * v->sh + (v->R - 1) * v->dh + 1;
    return v->ph == 0 && seen < v->H ? v->H : seen;
}

static inline int fv_conv_cols(const fv_conv *v)
{
    int seen = (v->Q - 1) * v->sw + (v->S - 1) * v->dw + 1;
    return v->pw == 0 && seen < v->W ? v->W : seen;
}

static inline bool fv_conv_is_padded(const fv_conv *v)
{
    return v->ph == 0 && v->pw == 0 && fv_conv_rows(v) == v->H && fv_conv_cols(v) == v->W;
}

/* Sets left and right to the zeros that taps of backward_input read past the ends of a row. */
static inline void fv_conv_margins(fv_conv *v)
{
    int left = (v->S - 1) * v->dw - v->pw, right = (v->W - 1 + v->pw) / v->sw - (v->Q - 1);
    v->left = left < 0 ? 0 : (left + v->sw - 1) / v->sw;
    v->right = right < 0 ? 0 : right;
}

static inline int fv_conv_dy_cols(const fv_conv *v)
{
    return v->left + v->Q + v->right;
}

static inline bool fv_conv_is_plain(const fv_conv *v)
{
    return v->sh == 1 && v->sw == 1 && v->dh == 1 && v->dw == 1 && v->groups == 1;
}

/* One kernel for each channel, which reads that channel alone. */
static inline bool fv_conv_is_depthwise(const fv_conv *v)
{
    return v->groups > 1 && v->groups == v->C && v->C == v->O;
}

/* Floats of packed weights and of work for pooled->input. */
static inline size_t fv_select_packed(const fv_conv *v)
{
    return (size_t)(v->R / 2 + 1) * (v->S / 2 + 1) * v->O * v->C * 16;
}

static inline size_t fv_select_work(const fv_conv *v)
{
    return (size_t)(v->P / 2) * (v->Q / 2) * v->O * 2 * FV_LANES;
}

/* Floats that pack writes, in any layout, of any set. */
static inline size_t fv_conv_packed(const fv_conv *v, fv_packing use)
{
    size_t Cg = fv_round_up(v->C / v->groups), Og = fv_round_up(v->O / v->groups);
    size_t taps = use == FV_PACK_F2X2_5X5 ? 36 : (size_t)v->R * v->S;
    if (use == FV_PACK_SELECT)
        return fv_select_packed(v);
    return fv_conv_is_depthwise(v) ? taps * fv_round_up(v->C) : v->groups * taps * Cg * Og;
}

/* Returns the set of that name, or for NULL the widest that this CPU runs. *why says in a few words
   how it was selected, or why the set is not available if the result is NULL. */
const fv_kernels *fv_kernels_pick(const char *name, const char **why);

/* Whether a set of that name exists, on this machine or another. */
bool fv_kernels_known(const char *name);

/* The names that fv_kernels_pick accepts on this machine: "ref avx2 avx512". */
const char *fv_kernels_available(void);

/* The same bits in every build, unlike those of libm; see scalar.h. */
float fv_exp(float x);
float fv_log(float x);
float fv_tanh_f32(float x);
float fv_sigmoid_f32(float x);
float fv_normal_f32(float x); /* (1 + erf(x / sqrt 2)) / 2 */

#endif
