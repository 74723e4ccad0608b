/*
 * kernels.h - the table of kernels, one table per instruction set, and the contract of each entry.
 *
 * A leaf: the kernels call libc only. Plain pointers and sizes go in, numbers come out; nothing is
 * allocated and nothing can fail.
 *
 * Layout. A batch is cut into blocks of FV_LANES images, and in a block the image is the innermost
 * index: a tensor [N,C,H,W] is stored as blocks of float [C][H][W][FV_LANES]. So every operation
 * works on FV_LANES images at once whatever the layer's shape, and pooling or softmax need no
 * shuffles. The lanes past the last image of a short batch hold zeros and get zero gradients.
 *
 * Numbers. An output is ONE accumulator that runs over its terms in the order written in its
 * contract, by fused multiply-add. So tile sizes, vector lengths and threads change no bit, and all
 * sets give the same. Sums over lanes use one tree: l += l+8, then l+4, l+2, l+1.
 */
#ifndef FV_KERNELS_H
#define FV_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FV_LANES = 16 };

/* The sizes of a convolution, per image. The letters are those of all kernels. */
typedef struct fv_conv {
    int C, H, W;    /* input: channels, rows, columns */
    int O, P, Q;    /* output */
    int R, S;       /* kernel */
    int sh, sw;     /* stride down and across */
    int ph, pw;     /* zeros above and to the left; below and right as many as P and Q ask for */
    int dh, dw;     /* dilation */
    int groups;     /* divides C and O */
} fv_conv;

/* The sizes of a pooling; the kernel is R x S, the padding is minus infinity. */
typedef struct fv_pool2d {
    int C, H, W, P, Q, R, S, sh, sw, ph, pw, dh, dw;
} fv_pool2d;

typedef struct fv_sgd_step {
    float lr, momentum, dampening, weight_decay;
    bool nesterov, maximize, first;
} fv_sgd_step;

typedef struct fv_kernels {
    const char *name;

    /* Convolution of one block. x [C][H][W][L], w [O][C/groups][R][S], b [O] or NULL,
       y [O][P][Q][L]; scratch has fv_conv_scratch floats. Terms outside the picture are left out
       or are products with 0: the same bits for finite numbers. */
    /* y = b, then += w*x over r, s, then c. */
    void (*conv_forward)(const fv_conv *v, const float *x, const float *w, const float *b, float *y,
                         float *scratch);
    /* dx = 0, then += w*dy over r, s, then o. */
    void (*conv_backward_input)(const fv_conv *v, const float *dy, const float *w, float *dx,
                                float *scratch);
    /* dw [O][C/groups][R][S][L], db [O][L] or NULL, each lane its own sum: from 0 if first, else
       from what is there, then += dy*x (dy) over p, then q. */
    void (*conv_backward_weight)(const fv_conv *v, const float *x, const float *dy, float *dw,
                                 float *db, bool first, float *scratch);

    /* Linear layer of one block: x [K][L], w [O][K], b [O] or NULL, y [O][L]. */
    /* y = b, then += w*x over k. */
    void (*linear_forward)(int K, int O, const float *x, const float *w, const float *b, float *y);
    /* dx = 0, then += w*dy over o. */
    void (*linear_backward_input)(int K, int O, const float *dy, const float *w, float *dx);
    /* Of the whole batch, for outputs from to to-1: dw [O][K] += dy*x over the images in order.
       dy [blocks] of [O][L], one every dy_step floats; xt [blocks] of [L][Kp], one every xt_step
       floats: x transposed, rows of Kp = fv_round_up(K) floats. */
    void (*linear_backward_weight)(int K, int blocks, const float *dy, size_t dy_step,
                                   const float *xt, size_t xt_step, float *dw, int from, int to);
    /* xt [L][Kp] from x [K][L]; what is past K in a row becomes 0. */
    void (*transpose)(int K, const float *x, float *xt);

    /* out[i] += the sum over lanes of (the sum of parts [count] of [n][L] in order, one every
       step floats). */
    void (*sum_lanes)(size_t n, int count, const float *parts, size_t step, float *out);

    /* Elementwise over n floats, a multiple of L. y = x < 0 ? 0 : x; dx = y <= 0 ? 0 : dy. In place
       allowed. */
    void (*relu_forward)(size_t n, const float *x, float *y);
    void (*relu_backward)(size_t n, const float *y, const float *dy, float *dx);

    /* Pooling of one block; winner [C][P][Q][L] is the place h*W + w in its plane that won (the
       first among equals, NaN over all), or NULL. dx = 0, then += dy at the winner over p, q. */
    void (*max_pool_forward)(const fv_pool2d *v, const float *x, float *y, int32_t *winner);
    void (*max_pool_backward)(const fv_pool2d *v, const float *dy, const int32_t *winner,
                              float *dx);

    /* Over the channels of [C][area][L]: y = x - max - log(sum of exp(x - max) over c);
       dx = dy - exp(y) * (sum of dy over c). */
    void (*log_softmax_forward)(int C, int area, const float *x, float *y);
    void (*log_softmax_backward)(int C, int area, const float *y, const float *dy, float *dx);

    /* x [n][L] from FV_LANES images of n pixels each: lane l of x[i] is table[pixels[l][i]], or
       (pixels[l][i] - mean) / std; 0 where pixels[l] is NULL. */
    void (*load_u8)(size_t n, const uint8_t *const *pixels, const float *table, float *x);
    void (*load_f32)(size_t n, const float *const *pixels, float mean, float std, float *x);
    /* rows [count][n] = the first count lanes of x [n][L]. */
    void (*store_rows)(size_t n, int count, const float *x, float *rows);

    /* One SGD step of n parameters; the formula is fv_sgd's. v NULL if momentum is 0. */
    void (*sgd)(size_t n, const fv_sgd_step *step, float *p, const float *g, float *v);
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

/* The scratch of a convolution is two lists of this many offsets (of taps, or of output rows), then
   a copy of x with its padding, or of dy with FV_EDGE zeros left and right. */
enum { FV_OFFSET_FLOATS = sizeof(ptrdiff_t) / sizeof(float), FV_EDGE = 3 };
static inline size_t fv_conv_offsets(const fv_conv *v)
{
    size_t taps = (size_t)v->R * v->S;
    return fv_round_up(taps > (size_t)v->P ? taps : (size_t)v->P);
}

/* Floats of scratch that the three convolution kernels of any set need. */
size_t fv_conv_scratch(const fv_conv *v);

/* The set of that name, or the widest that this CPU runs for NULL. *why says in a few words how it
   was chosen, or why it cannot be had when NULL comes back. */
const fv_kernels *fv_kernels_pick(const char *name, const char **why);

/* The names that fv_kernels_pick takes on this machine: "ref avx2 avx512". */
const char *fv_kernels_available(void);

/* exp and log of the loss functions, the same bits in every build: see scalar.h. */
float fv_exp(float x);
float fv_log(float x);

#endif
