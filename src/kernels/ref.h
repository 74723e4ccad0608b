/*
 * ref.h - what the two files of the reference share: where numbers lie, and one output of a direct
 * convolution.
 */
#ifndef FV_REF_H
#define FV_REF_H

#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

/* Where image and channel c of pixel h, k are: in [C][H][W][L], pixel by pixel of L images, or in
   [H][W][C], pixel by pixel of one image. */
typedef struct place {
    int lanes; /* images side by side: FV_LANES or 1 */
    ptrdiff_t channel, row, pixel;
} place;

static inline place input_of(const fv_conv *v, fv_layout layout, int H, int W)
{
    return layout == FV_BATCH_LAST
               ? (place){FV_LANES, (ptrdiff_t)H * W * FV_LANES, (ptrdiff_t)W * FV_LANES, FV_LANES}
               : (place){1, 1, (ptrdiff_t)W * v->C, v->C};
}

static inline place output_of(const fv_conv *v, fv_layout layout, int P)
{
    return layout == FV_BATCH_LAST ? (place){FV_LANES, (ptrdiff_t)P * v->Q * FV_LANES,
                                             (ptrdiff_t)v->Q * FV_LANES, FV_LANES}
                                   : (place){1, 1, (ptrdiff_t)v->Q * v->O, v->O};
}

static inline place gradient_of(const fv_conv *v, fv_layout layout)
{
    int lanes = layout == FV_BATCH_LAST ? FV_LANES : 1;
    ptrdiff_t pixel = (ptrdiff_t)v->O * lanes;
    return (place){lanes, lanes, fv_conv_dy_cols(v) * pixel, pixel};
}

static inline const float *weight_of(const fv_conv *v, const float *w, int o, int c, int r, int s)
{
    return w + (((ptrdiff_t)o * (v->C / v->groups) + c) * v->R + r) * v->S + s;
}

/* Output o, p, q of image l. */
static inline float output_at(const fv_conv *v, const place *x, const float *xp, const float *w,
                              const float *b, int o, int p, int q, int l)
{
    int Cg = v->C / v->groups, Og = v->O / v->groups;
    float sum = b ? b[o] : 0.0f;
    for (int r = 0; r < v->R; r++)
        for (int s = 0; s < v->S; s++)
            for (int c = 0; c < Cg; c++)
                sum = fmaf(*weight_of(v, w, o, c, r, s),
                           xp[(o / Og * Cg + c) * x->channel + (p * v->sh + r * v->dh) * x->row +
                              (q * v->sw + s * v->dw) * x->pixel + l],
                           sum);
    return sum;
}

/* ref_tiles.c; the contracts are in kernels.h. */
void fv_ref_pack_f2x2_5x5(const fv_conv *v, const float *w, float *packed);
void fv_ref_forward_f2x2_5x5_batch(const fv_conv *v, const float *xp, const float *packed,
                                   const float *b, float *y, int from, int to);
void fv_ref_forward_f2x2_5x5_channels(const fv_conv *v, const float *xp, const float *packed,
                                      const float *b, float *y, int from, int to);
extern const fv_pooled_kernels fv_ref_pooled;
extern const fv_argmax_kernels fv_ref_argmax;
extern const fv_winograd_kernels fv_ref_winograd;

#endif
