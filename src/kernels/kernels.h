/*
 * kernels.h - the table of kernels, one table per instruction set, and the contract of each entry.
 *
 * A leaf: the kernels call libc only. Plain pointers and sizes go in, numbers come out; nothing is
 * allocated and nothing can fail.
 *
 * Layouts. A batch is cut into blocks of up to FV_LANES images, and in a block a tensor [N,C,H,W]
 * is stored in one of two ways (fv_layout):
 *   batch last      [C][H][W][FV_LANES]   every operation works on FV_LANES images at once, for
 *                                         any number of channels; lanes past the last image hold
 *                                         zeros and get zero gradients
 *   channels last   [N][H][W][C]          every operation works on many channels at once, image by
 *                                         image
 * Where an entry takes `planes` and `width`, it sees both as [planes][H][W][width]: C and FV_LANES,
 * or 1 and C. A buffer has room up to the next multiple of FV_LANES floats, which may be read and
 * written.
 *
 * Numbers. An output is ONE accumulator that runs over its terms in the order written in its
 * contract, by fused multiply-add. So tile sizes, vector lengths and threads change no bit, and all
 * sets give the same; forward gives the same bits in both layouts. Sums over lanes use one tree:
 * l += l+8, then l+4, l+2, l+1.
 */
#ifndef FV_KERNELS_H
#define FV_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FV_LANES = 16, FV_POOLED_TAPS = 5, FV_ARGMAX_TAPS_MAX = 64, FV_FOUND = 32 };
enum { FV_WINOGRAD5_CHANNELS_MAX = 16 };

/* The sizes of a convolution, per image. The letters are those of all kernels. */
typedef struct fv_conv {
    int C, H, W;     /* input: channels, rows, columns */
    int O, P, Q;     /* output */
    int R, S;        /* kernel */
    int sh, sw;      /* stride down and across */
    int ph, pw;      /* zeros above and to the left; below and right as many as P and Q ask for */
    int dh, dw;      /* dilation */
    int groups;      /* divides C and O */
    int left, right; /* zeros before and after each row of dyp; fv_conv_margins has what
                        backward_input needs, 0 is enough for backward_weight */
} fv_conv;

/* Algorithms of a forward convolution; each has its own order of the sum. The kernels have the
   first FV_KERNEL_SUMS; the ops build the others from 1 x 1 convolutions. */
typedef enum fv_sum {
    FV_DIRECT,
    FV_F2X2_5X5, /* Winograd's minimal filtering, 2 x 2 outputs of a 5 x 5 kernel */
    FV_KERNEL_SUMS,
    FV_F2X2_3X3 = FV_KERNEL_SUMS,
    FV_LINEAR, /* a kernel as large as its input */
} fv_sum;

/* The kernel that packed weights are for. */
typedef enum fv_packing {
    FV_PACK_FORWARD,  /* conv.forward[FV_DIRECT] */
    FV_PACK_POOLED,   /* forward_pooled[FV_DIRECT] */
    FV_PACK_F2X2_5X5, /* conv.forward and forward_pooled [FV_F2X2_5X5] */
    FV_PACK_INPUT,    /* conv.backward_input */
    FV_PACK_SELECT,   /* input_pooled */
} fv_packing;

/* The sizes of a pooling; the kernel is R x S, the padding is minus infinity. */
typedef struct fv_pool2d {
    int C, H, W, P, Q, R, S, sh, sw, ph, pw, dh, dw;
} fv_pool2d;

/* What one row, or column, of an output is made of: count rows of the input one after the other,
   the first with one weight, the others with another. from is 0 where count is. */
typedef struct fv_span {
    int from, count;
    float first, other;
} fv_span;

/* Weighted sums over rows and columns; see resample_forward. */
typedef struct fv_resample {
    int H, W, P, Q;
    const fv_span *rows, *cols; /* [P], [Q] */
    float none;
} fv_resample;

/* Which elements drop out; see dropout. */
typedef struct fv_dropout {
    uint32_t first, row_step, col_step, threshold;
    float scale;
} fv_dropout;

typedef struct fv_sgd_step {
    float lr, momentum, dampening, weight_decay;
    bool nesterov, maximize, first;
} fv_sgd_step;

/* Activations y = f(x), with a number a. backward takes y before FV_ACT_BY_Y, x from there on. */
typedef enum fv_act {
    FV_ACT_LEAKY_RELU, /* a > 0: the slope below 0 */
    FV_ACT_RELU6,
    FV_ACT_SIGMOID,
    FV_ACT_TANH,
    FV_ACT_HARDSIGMOID,
    FV_ACT_ELU, /* a > 0: alpha */
    FV_ACT_BY_Y,
    FV_ACT_GELU = FV_ACT_BY_Y,
    FV_ACT_GELU_TANH,
    FV_ACT_SILU,
    FV_ACT_HARDSWISH,
    FV_ACTS
} fv_act;

/* A step of Adam and its like, worked out once for a tensor; see adam. sign is -1 to maximize. */
typedef struct fv_adam_step {
    float sign, weight_decay, shrink, beta1, take1, beta2, take2, of_g, of_m, scale, eps;
} fv_adam_step;

/* The same of those that divide by a root and have one rate; see adagrad. */
typedef struct fv_scaled_step {
    float sign, weight_decay, lr, eps, keep, take, momentum;
} fv_scaled_step;

/* Tiles of 2 x 2 outputs, side by side; see winograd.h. */
typedef struct fv_tiles {
    int rows, cols;
} fv_tiles;

/* Weight gradients by the argmax of a pooling, image by image; see argmax.h. A row of a kernel is
   its taps by its channels, side by side as in x [H][W][C]. */
typedef struct fv_argmax_job {
    int O, cells;     /* outputs, and windows of each */
    int groups;       /* lists of each, one for FV_FOUND windows */
    int C, R, row;    /* channels, rows of a kernel, and floats of one */
    int rows, places; /* rows of x, and places of a kernel in one */
    int pixel, line;  /* floats of x from one place to the next, and to the one below */
    size_t image;     /* floats from one image to the next */
    size_t lists;     /* and lists */
} fv_argmax_job;

/* A list of pixels that won: the gradients, and where in x the first taps are that were multiplied
   into them. */
typedef struct fv_found {
    float g[FV_FOUND];
    int32_t at[FV_FOUND];
} fv_found;

typedef enum fv_layout { FV_BATCH_LAST, FV_CHANNELS_LAST, FV_LAYOUTS } fv_layout;

/* Convolution in one layout. Batch last works on a block at once: a pixel below is one of L images.
   Channels last works on one image, but for backward_weight. A linear layer is a 1 x 1 convolution
   of a 1 x 1 picture, or of one row of images. */
typedef struct fv_conv_kernels {
    /* w [O][C/groups][R][S] in the order that forward, or backward_input, reads it, which is each
       set's own affair. packed has room for fv_conv_packed floats. Batch last, a linear layer needs
       no packing: w will do. */
    void (*pack)(const fv_conv *v, fv_packing use, const float *w, float *packed);

    /* Rows from to to-1 of the output, y [O][to-from][Q][L] or [to-from][Q][O] = b [O] or 0, then
       += w*xp over r, s, then c; by tiles of 2 x 2 of them where fv_conv_is_winograd5, see winograd.h.
       xp [C][Hp][Wp][L] or [Hp][Wp][C] is x with its padding, or x itself where
       fv_conv_is_padded. */
    void (*forward[FV_KERNEL_SUMS])(const fv_conv *v, const float *xp, const float *packed,
                                    const float *b, float *y, int from, int to);

    /* dx [C][H][W][L] or [H][W][C] = 0, then += w*dy over r, s, then o. dyp [P][Qp][O][L] or
       [P][Qp][O] is dy with fv_conv_left zeros before and fv_conv_right after each row, which a
       kernel may multiply with: no bit of a finite sum changes. */
    void (*backward_input)(const fv_conv *v, const float *dyp, const float *packed, float *dx);

    /* dw, db (or NULL) = 0 if first, else what is there, then += dy*xp (dy) over images, p, q, for
       rows from to to-1. dyp is as above, but starts at row from.
       Batch last: dw [O][C/groups][R][S][L], db [O][L], each lane its own sum; images is 1.
       Channels last: dw [groups][R][S][C/groups][O/groups], or [R][S][C] if depthwise, and db [O];
       image i is x_step and dy_step floats on. dyp has FV_LANES more floats to read at its end. */
    void (*backward_weight)(const fv_conv *v, int images, const float *xp, size_t x_step,
                            const float *dyp, size_t dy_step, int from, int to, float *dw,
                            float *db, bool first);
} fv_conv_kernels;

/* Batch last, a convolution, relu and a max pooling by windows of 2 x 2 side by side, in one. y, dy and argmax are [O][P/2][Q/2][L]. */
typedef struct fv_pooled_kernels {
    /* Batch last: forward of all rows, max_pool_forward by windows of 2 x 2 that lie side by side,
       and relu_forward, in one. v is pooled; y and argmax, or NULL, are [O][P/2][Q/2][L]. */
    void (*forward[FV_KERNEL_SUMS])(const fv_conv *v, const float *xp, const float *packed,
                                    const float *b, float *y, int32_t *argmax);

    /* backward_weight of what forward_pooled made; stride and dilation 1, no groups, no more than
       FV_POOLED_TAPS columns of taps. dw, db (or NULL) = 0 if first, else what is there, then for
       each window, in order, += x * g of its left column, and += x * g of its right one; g is 0 for
       the column that lost. */
    void (*weight)(const fv_conv *v, const float *xp, const float *y, const float *dy,
                   const int32_t *argmax, float *dw, float *db, bool first);

    /* backward_input of what forward_pooled made; stride and dilation 1, no groups; v is chosen.
       dx = 0, then += g * the weight by which the argmax sees the input, or 0, over those windows,
       in order, that reach any of the 2 x 2 inputs it is one of, then o. Those start, padding
       included, in even rows and columns. work has room for fv_select_work floats. */
    void (*input)(const fv_conv *v, const float *packed, const float *y, const float *dy,
                  const int32_t *argmax, float *work, float *dx);
} fv_pooled_kernels;

/* Batch last, a convolution with stride and dilation 1 whose pooling has its windows, of up to
   FV_ARGMAX_TAPS_MAX pixels, side by side. Gradients of idle lanes are 0.
   transpose: to [L][pixels][C], image floats apart, of x [C][pixels][L].
   spread: to [rows][places][row, rounded up] of x [rows][..][C]: a place's pixels in a piece
   that no other shares, so that its vectors are aligned; what is past a row becomes anything.
   find: for each image and output the argmax in order, but for those whose y <= 0 or
   gradient 0: found [L][O][groups], `lists` from one image to the next, of which as many are
   there as counts, in the same order, says; db [O][L] += g, lane by lane. v is the pooling; y,
   dy and argmax are [O][P][Q][L].
   weight: dw [O][R][row, rounded up] += g * x of an image over its argmax, in order. x, turned
   or spread, has FV_LANES more floats to read at its end; what is past a row becomes
   anything. */
typedef struct fv_argmax_kernels {
    void (*transpose)(const fv_argmax_job *w, size_t pixels, const float *x, float *to);
    void (*spread)(const fv_argmax_job *w, const float *x, float *to);
    void (*find)(const fv_argmax_job *w, const fv_pool2d *v, const float *y, const float *dy,
                 const int32_t *argmax, float *db, fv_found *found, int32_t *counts);
    void (*weight)(const fv_argmax_job *w, const float *x, const fv_found *found,
                   const int32_t *counts, float *dw);
} fv_argmax_kernels;

/* Winograd's filtering for kernels of 3 x 3 and stride 1: the 16 positions of tiles, one `step`
   floats after the other, of inputs, outputs or kernels. Gradients go through the transposed
   transforms.
   weight: u [16][n] of w [n][9]. weight_back: dw [n][9], or apart [9][n], of u [n] a position.
   in: v [planes][rows][cols][width] of x [planes][][][width], planes and rows so many floats
   apart. in_back: dx += of v.
   out: y, as x, of m, as v, but for outputs past P and Q.
   out_back: m [rows][cols][pixel] of dyp [][][pixel], rows so many floats apart. */
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

typedef struct fv_kernels {
    const char *name;
    fv_conv_kernels conv[FV_LAYOUTS];

    const fv_pooled_kernels *pooled;
    const fv_argmax_kernels *argmax;
    const fv_winograd_kernels *winograd;

    /* to [planes][Hp][Wp][width] = from [planes][H][W][width] moved down by top and right by left,
       zeros elsewhere; what falls outside is cut. */
    void (*pad)(int planes, int width, int H, int W, const float *from, int Hp, int Wp, int top,
                int left, float *to);
    /* dyp as conv.backward_weight wants it, and backward_input unless bare, of dy
       [planes][P][Q][width]. */
    void (*pad_gradient)(const fv_conv *v, int planes, int width, const float *dy, float *dyp);

    /* out[i] += the sum, in order, of parts [count] of [n], one every step floats. */
    void (*sum_partials)(size_t n, int count, const float *partials, size_t step, float *out);
    /* Outputs from to to-1 of dw [O][C/groups][R][S] += the sum, in order, of parts [count] of
       conv.backward_weight, channels last, one every step floats. */
    void (*sum_channels)(const fv_conv *v, int count, const float *partials, size_t step, float *dw,
                         int from, int to);

    /* Weight gradients of a linear layer, batch last. */
    /* Of the whole batch, for outputs from to to-1: dw [O][K] += dy*x over the images in order.
       dy [blocks] of [O][L], one every dy_step floats; xt [blocks] of [L][Kp], one every xt_step
       floats: x transposed, rows of Kp = fv_round_up(K) floats. */
    void (*linear_backward_weight)(int K, int blocks, const float *dy, size_t dy_step,
                                   const float *xt, size_t xt_step, float *dw, int from, int to);
    /* xt [L][Kp] from x [K][L]; what is past K in a row becomes 0. */
    void (*transpose_lanes)(int K, const float *x, float *xt);

    /* out[i] += the sum over lanes of (the sum of parts [count] of [n][L] in order, one every
       step floats). */
    void (*sum_lanes)(size_t n, int count, const float *partials, size_t step, float *out);

    /* Elementwise over n floats, rounded up to a multiple of L; in place allowed.
       y = x < 0 ? 0 : x; dx = y <= 0 ? 0 : dy. */
    void (*relu_forward)(size_t n, const float *x, float *y);
    void (*relu_backward)(size_t n, const float *y, const float *dy, float *dx);

    /* to = a + b, in place allowed. */
    void (*add)(size_t n, const float *a, const float *b, float *to);

    /* Normalisation, over rows of x [rows][width]; columns from live on are idle. relu_y, if not
       NULL, is the output of a relu that comes after: its gradient is dy where relu_y > 0, else 0.
       moments: sum[i] += x - pivot[i], square[i] += (x - pivot[i])^2, in float over 32 rows, four
       by four, then in double; moments_backward: sum[i] += dy, square[i] += dy * (x - pivot[i]). */
    void (*moments)(size_t rows, int width, int live, const float *x, const float *pivot,
                    double *sum, double *square);
    void (*moments_backward)(size_t rows, int width, int live, const float *x, const float *dy,
                             const float *relu_y, const float *pivot, double *sum, double *square);
    /* y = (x - pivot[i]) * scale[i] + shift[i], then relu if relu. */
    void (*norm_forward)(size_t rows, int width, const float *x, const float *pivot,
                         const float *scale, const float *shift, bool relu, float *y);
    /* dx = dy * scale[i] + (x - pivot[i]) * slope[i] + shift[i], in idle columns 0. */
    void (*norm_backward)(size_t rows, int width, int live, const float *x, const float *dy,
                          const float *relu_y, const float *pivot, const float *scale,
                          const float *slope, const float *shift, float *dx);

    /* y [rows][width] = x * scale where a hash of element number first + i*row_step + j*col_step
       and of keys[j] is threshold or more of 2^24, else 0. */
    void (*dropout)(size_t rows, int width, const fv_dropout *d, const uint64_t *keys,
                    const float *x, float *y);

    /* Pooling; y and argmax [planes][P][Q][width], planes step floats apart. argmax is the tap
       r*S + s that won (the first among equals, the last NaN over all), or NULL.
       dx [planes][H][W][width] = 0, then += dy at the argmax over p, q. v->C is not used. */
    void (*max_pool_forward)(const fv_pool2d *v, int planes, int width, const float *x, float *y,
                             int32_t *argmax, size_t step);
    void (*max_pool_backward)(const fv_pool2d *v, int planes, int width, const float *dy,
                              const int32_t *argmax, float *dx);
    /* Gradients through relu and a row of pooling whose windows lie side by side, to the R rows
       they come from: dx [R][Wp][planes][width] from column left on = dy at the argmax, or 0 where
       y <= 0. dy, argmax and y [planes][Q][width], planes step floats apart. */
    void (*pool_row_backward)(const fv_pool2d *v, int planes, int width, const float *y,
                              const float *dy, const int32_t *argmax, size_t step, int Wp, int left,
                              float *dx);

    /* y [planes][P][Q][width] = the sum over the rows of rows[p], then the columns of cols[q], of
       (weight of row * weight of column) * x [planes][H][W][width]; none where there are none.
       dx = 0, then += the same weights * dy over p, q. */
    void (*resample_forward)(const fv_resample *v, int planes, int width, const float *x, float *y);
    void (*resample_backward)(const fv_resample *v, int planes, int width, const float *dy,
                              float *dx);

    /* Activations by their curve; see fv_act. In place allowed. */
    struct {
        void (*forward)(size_t n, float a, const float *x, float *y);
        void (*backward)(size_t n, float a, const float *from, const float *dy, float *dx);
    } acts[FV_ACTS];

    /* Over the D numbers of [outer][D][inner]: e = exp(x - max), y = e / (sum of e in order), or
       with log y = x - max - log(sum of e). dx = y * (dy - (sum of dy*y in order)), with log
       dy - exp(y) * (sum of dy). */
    void (*softmax_forward)(bool log, size_t outer, int D, size_t inner, const float *x, float *y);
    void (*softmax_backward)(bool log, size_t outer, int D, size_t inner, const float *y,
                             const float *dy, float *dx);
    /* y = fv_exp(x); elementwise as relu_forward. */
    void (*exp)(size_t n, const float *x, float *y);

    /* y [rows][width] = x * w + b, or x * w where b is NULL, in place allowed; row r and column i
       take number r*row_step + i*col_step of w and b. */
    void (*scale)(size_t rows, int width, size_t row_step, size_t col_step, const float *x,
                  const float *w, const float *b, float *y);
    /* The number there of sums += a * b, or a where b is NULL, of [rows][width], row by row; where
       row_step is 0, 32 rows are summed up before. */
    void (*scale_sums)(size_t rows, int width, size_t row_step, size_t col_step, const float *a,
                       const float *b, float *sums);

    /* x [n][L] from FV_LANES images of n pixels each: lane l of x[i] is table[pixels[l][i]], or
       (pixels[l][i] - mean) / std; 0 from the first NULL of pixels on. */
    void (*load_u8)(size_t n, const uint8_t *const *pixels, const float *table, float *x);
    void (*load_f32)(size_t n, const float *const *pixels, float mean, float std, float *x);
    /* rows [count][n] = the first count lanes of n vectors x, x_step floats apart. */
    void (*store_rows)(size_t n, int count, const float *x, size_t x_step, float *rows);
    /* x [rows][n][L] from rows of numbers, `row` floats apart: lane l of x[k][i] is number
       l*step + i of row k, or one past its end. */
    void (*load_windows)(size_t rows, size_t n, size_t step, const float *from, size_t row,
                         float *x);
    /* y [n][m] = x [m][n] turned. */
    void (*transpose)(size_t m, size_t n, const float *x, float *y);

    /* Asks for p [n] to write to: since it was written, other threads have read it. */
    void (*prefetch_for_write)(size_t n, const float *p);
    /* One SGD step of n parameters; the formula is fv_sgd's. v NULL if momentum is 0. */
    void (*sgd)(size_t n, const fv_sgd_step *step, float *p, const float *g, float *v);

    /* Steps of the other optimizers. d = sign * g + weight_decay * p, a fused multiply-add.
       adam:     m = beta1 * m + take1 * d; v = beta2 * v + take2 * d^2
                 p -= shrink * p + (of_g * d + of_m * m) / (sqrt(v) * scale + eps)
       amsgrad:  of_g is 0, and top = max(top, v) stands under the root.
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

/* n rounded up to whole vectors of FV_LANES floats. */
static inline size_t fv_round_up(size_t n)
{
    return (n + FV_LANES - 1) / FV_LANES * FV_LANES;
}

/* Rows and columns of the input with its padding, as far as any tap looks. */
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

/* Each channel with its own kernel and nothing else. */
static inline bool fv_conv_is_depthwise(const fv_conv *v)
{
    return v->groups > 1 && v->groups == v->C && v->C == v->O;
}

/* Floats of weights and of work for input_pooled. */
static inline size_t fv_select_packed(const fv_conv *v)
{
    return (size_t)(v->R / 2 + 1) * (v->S / 2 + 1) * v->O * v->C * 16;
}

static inline size_t fv_select_work(const fv_conv *v)
{
    return (size_t)(v->P / 2) * (v->Q / 2) * v->O * 2 * FV_LANES;
}

/* Floats that pack needs, in any layout, for any set. */
static inline size_t fv_conv_packed(const fv_conv *v, fv_packing use)
{
    size_t Cg = fv_round_up(v->C / v->groups), Og = fv_round_up(v->O / v->groups);
    size_t taps = use == FV_PACK_F2X2_5X5 ? 36 : (size_t)v->R * v->S;
    if (use == FV_PACK_SELECT)
        return fv_select_packed(v);
    return fv_conv_is_depthwise(v) ? taps * fv_round_up(v->C) : v->groups * taps * Cg * Og;
}

/* The set of that name, or the widest that this CPU runs for NULL. *why says in a few words how it
   was chosen, or why it cannot be had when NULL comes back. */
const fv_kernels *fv_kernels_pick(const char *name, const char **why);

/* Whether there is a set of that name, on this machine or another. */
bool fv_kernels_known(const char *name);

/* The names that fv_kernels_pick takes on this machine: "ref avx2 avx512". */
const char *fv_kernels_available(void);

/* The same bits in every build: see scalar.h. */
float fv_exp(float x);
float fv_log(float x);
float fv_tanh_f32(float x);
float fv_sigmoid_f32(float x);
float fv_normal_f32(float x); /* (1 + erf(x / sqrt 2)) / 2 */

#endif
