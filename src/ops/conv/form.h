/*
 * form.h - how a convolution is computed, decided once, in form.c, when the layer's shape is known.
 *
 * `numbers` names the order of every sum. It decides bits, so every engine has to follow it;
 * docs/kernels.md has the table of the orders. `speed` changes no bit. What the kernels choose
 * beyond it (tiles, panels, a 1 x 1 kernel as one long row) changes none either.
 */
#ifndef FV_FORM_H
#define FV_FORM_H

#include "kernels/kernels.h"

/* Sums of weight gradients. Batch last, LINEAR, POOLED and ARGMAX differ from what the same layer
   does channels last. */
typedef enum fv_dw_sum {
    FV_DW_DIRECT, /* over rows and columns of dy, lane by lane, or image by image channels last */
    FV_DW_LINEAR, /* batch last only: over the images of the batch in order */
    FV_DW_POOLED, /* batch last only: window by window, left column, right column, lane by lane */
    FV_DW_ARGMAX, /* batch last only: image by image, each window's argmax alone */
    FV_DW_F2X2,   /* at each of the 16 transform points, tile by tile */
} fv_dw_sum;

/* Sums of input gradients. SELECT is batch last only. */
typedef enum fv_dx_sum {
    FV_DX_DIRECT,   /* over the taps that reach the input, then output channels */
    FV_DX_SELECT,   /* over the windows of the pooling, then output channels */
    FV_DX_F2X2,     /* over output channels at each transform point, then tile by tile */
    FV_DX_F2X2_5X5, /* conv_transpose2d, whose input gradient is a convolution's forward */
} fv_dx_sum;

typedef struct fv_conv_form {
    struct {
        fv_sum forward; /* FV_LINEAR, over c, r, s in place of r, s, c, is batch last only */
        fv_dw_sum weights;
        fv_dx_sum inputs;
    } numbers;
    struct {
        bool windows_as_lanes;  /* pooling windows fill the lanes of a vector; windows.c */
        bool pool_in_registers; /* the kernel stores the pooled outputs alone */
        bool keeps_padded;      /* forward leaves x with its padding for backward */
        int band_rows; /* output rows made before they are pooled, or of a Winograd strip */
    } speed;
} fv_conv_form;

#endif
