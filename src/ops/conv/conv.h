/*
 * conv.h - what the files of the convolution family share. conv.c and pool.c list the ops; nothing in
 * the family calls them. form.c decides, direct.c has the common parts.
 */
#ifndef FV_CONV_H
#define FV_CONV_H

#include "ops/op.h"

/* ---- form.c --------------------------------------------------------------------------------- */

enum { FV_STRIP_TILES = 64 }; /* most tiles of a Winograd strip */

/* The form of a conv2d, of which def->conv, padding_mode and, if it pools, pool are set. */
fv_conv_form fv_conv_form_of(const fv_def *def, fv_layout layout);
fv_conv_form fv_conv_transpose_form_of(const fv_def *def);
/* Whether a kernel is as large as its input, which makes it a linear layer. */
bool fv_conv_covers_input(const fv_def *def);

static inline const fv_conv_form *fv_form(const fv_call *call)
{
    return &call->def->form[call->layout];
}

/* ---- direct.c: the direct convolution, and what all forms share ------------------------------ */

fv_need fv_conv_need(const fv_def *def, fv_layout layout, int images);
void fv_conv_pack(const fv_kernels *k, const fv_def *def, fv_layout layout, int images,
                  const float *w, float *scratch, float *forward, float *backward);
void fv_conv_forward(const fv_call *call);
void fv_conv_backward(const fv_call *call);
int fv_conv_reduce_items(const fv_def *def, fv_layout layout);
void fv_conv_reduce(const fv_sums *sums, int item);

/* The kernel for which a form's forward weights are packed. */
static inline fv_packing fv_conv_packing(const fv_conv_form *f)
{
    return f->numbers.forward == FV_F2X2_5X5 ? FV_PACK_F2X2_5X5
           : f->speed.pool_in_registers      ? FV_PACK_POOLED
                                             : FV_PACK_FORWARD;
}

/* Writes dy of a slice, [P][left + Q + right][O], with the zeros that v has. */
typedef void fv_dy_writer(const fv_call *call, const fv_conv *v, int slice, float *dyp);
fv_dy_writer fv_conv_pad_dy;
/* The direct backward of dy as `write` writes it. */
void fv_conv_backward_of(const fv_call *call, fv_dy_writer *write);

/* def->conv, without zeros beside dy where no gradient of x is wanted. */
fv_conv fv_conv_for_backward(const fv_call *call);
/* Floats of x with its padding, and of dy with its zeros, for one slice. */
size_t fv_conv_padded_floats(const fv_conv *v, fv_layout layout);
size_t fv_conv_dy_floats(const fv_conv *v, fv_layout layout);
/* x of a slice with the padding that v has: x itself, or a copy at `to`. */
const float *fv_conv_padded(const fv_call *call, const fv_conv *v, int slice, float *to);
/* Partial sums of db, behind those of dw; NULL without bias. */
float *fv_conv_db(const fv_call *call);
/* Rows of `row` floats that one item of reduce sums: some 8,192 parameters, as an item of an
   optimizer step has, so that mostly the same thread sums and steps them. */
int fv_rows_of_item(size_t row);
void fv_conv_describe(const fv_def *def, char text[32]);
/* Fails unless groups divide the input's channels and out_channels, which are 1 or more. */
fv_status fv_check_channels(fv_ctx *ctx, const fv_def *def, int out_channels, int in_channels,
                            int groups);

/* ---- linear.c, winograd.c ------------------------------------------------------------------- */

extern const fv_op fv_op_linear, fv_op_winograd;

/* Some rows of outputs of F(2x2,3x3), still at the transform points. */
typedef struct fv_strip {
    int slice, row; /* the first of the output's rows */
    fv_tiles tiles;
    const float *points;
    size_t step; /* floats from one point to the next */
} fv_strip;

/* Forward, which hands each strip to `put`, and the transform of a strip to y, whose planes have
   `rows` rows. */
void fv_winograd_forward(const fv_call *call,
                         void (*put)(const fv_call *call, const fv_strip *strip));
void fv_winograd_put(const fv_call *call, const fv_strip *strip, float *y, int rows);
void fv_winograd_backward(const fv_call *call, fv_dy_writer *write);

/* ---- argmax.c: sparse weight gradients of a conv2d that pools, FV_DW_ARGMAX -------------------- */

fv_need fv_argmax_need(const fv_def *def);
void fv_argmax_backward(const fv_call *call);

/* ---- windows.c: forward of a conv2d that pools, windows as lanes, without its relu ------------- */

size_t fv_windows_scratch(const fv_def *def);
void fv_windows_pack(const fv_kernels *k, const fv_def *def, fv_layout layout, int images,
                     const float *w, float *scratch, float *forward, float *backward);
void fv_windows_forward(const fv_call *call);

#endif
