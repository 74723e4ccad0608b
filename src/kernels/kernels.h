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

    /* to [C][Hp][Wp][L] = from [C][H][W][L] moved down by top and right by left, zeros elsewhere;
       what falls outside is cut. */
    void (*pad)(int C, int H, int W, const float *from, int Hp, int Wp, int top, int left,
                float *to);

    /* Convolution of one block. xp [C][Hp][Wp][L] is x with its padding, or x itself where
       fv_conv_is_padded; w [O][C/groups][R][S], b [O] or NULL. */
    /* Rows from to to-1 of the output, y [O][to-from][Q][L] = b, then += w*xp over r, s, then c. */
    void (*conv_forward)(const fv_conv *v, const float *xp, const float *w, const float *b, float *y,
                         int from, int to);
    /* dx [C][H][W][L] = 0, then += w*dy over r, s, then o. dyp [O][P][FV_EDGE + Q + FV_EDGE][L] is dy
       with zeros to its sides, which a kernel may multiply with: no bit of a finite sum changes. */
    void (*conv_backward_input)(const fv_conv *v, const float *dyp, const float *w, float *dx);
    /* dw [O][C/groups][R][S][L], db [O][L] or NULL, each lane its own sum: from 0 if first, else
       from what is there, then += dy*xp (dy) over p, then q. dy [O][P][Q][L]. */
    void (*conv_backward_weight)(const fv_conv *v, const float *xp, const float *dy, float *dw,
                                 float *db, bool first);

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

    /* Pooling of one block; y and winner [C][P][Q][L], channels y_step floats apart. winner is the
       tap r*S + s that won (the first among equals, the last NaN over all), or NULL.
       dx = 0, then += dy at the winner over p, q. */
    void (*max_pool_forward)(const fv_pool2d *v, const float *x, float *y, int32_t *winner,
                             size_t y_step);
    void (*max_pool_backward)(const fv_pool2d *v, const float *dy, const int32_t *winner,
                              float *dx);

    /* Over the channels of [C][area][L]: y = x - max - log(sum of exp(x - max) over c);
       dx = dy - exp(y) * (sum of dy over c). */
    void (*log_softmax_forward)(int C, int area, const float *x, float *y);
    void (*log_softmax_backward)(int C, int area, const float *y, const float *dy, float *dx);

    /* x [n][L] from FV_LANES images of n pixels each: lane l of x[i] is table[pixels[l][i]], or
       (pixels[l][i] - mean) / std; 0 from the first NULL of pixels on. */
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

static inline bool fv_conv_is_padded(const fv_conv *v)
{
    return v->ph == 0 && v->pw == 0 && fv_conv_rows(v) == v->H && fv_conv_cols(v) == v->W;
}

/* Columns of zeros beside dy for conv_backward_input: the widest tile less one. */
enum { FV_EDGE = 3 };

/* The set of that name, or the widest that this CPU runs for NULL. *why says in a few words how it
   was chosen, or why it cannot be had when NULL comes back. */
const fv_kernels *fv_kernels_pick(const char *name, const char **why);

/* The names that fv_kernels_pick takes on this machine: "ref avx2 avx512". */
const char *fv_kernels_available(void);

/* exp and log of the loss functions, the same bits in every build: see scalar.h. */
float fv_exp(float x);
float fv_log(float x);

#endif
