/*
 * form.c - decides how a convolution is computed: the algorithm and the order of each sum, and what
 * only makes the same sums faster. See form.h.
 *
 * Layer 2. Calls the kernels.
 */
#include "ops/conv/conv.h"

enum {
    WINOGRAD_CHANNELS = 32, /* F(2x2,3x3): least channels of x and of y, */
    WINOGRAD_BOTH = 96,     /* and of both together */
    STRIP_LANES = 16,   /* tiles of a Winograd strip, batch last, a tile being one of 16 images */
    STRIP_TILES = 64,   /* and channels last */
    ARGMAX_OUTPUTS = 8, /* sparse weight gradients: least outputs, */
    ARGMAX_ROWS = 64,   /* and floats of the rows of a kernel, as whole vectors */
    BAND = 1 << 12,     /* floats of a band of rows that is pooled at once */
    KEPT = 1 << 16,     /* most floats of x with its padding that are kept for backward */
};

/* ---- numbers -------------------------------------------------------------------------------- */

static bool has_f2x2_3x3(const fv_conv *v)
{
    return v->R == 3 && v->S == 3 && fv_conv_is_plain(v) && v->C >= WINOGRAD_CHANNELS &&
           v->O >= WINOGRAD_CHANNELS && v->C + v->O >= WINOGRAD_BOTH;
}

/* So few channels that all transform points of a tile stay in the first cache. */
static bool has_f2x2_5x5(const fv_conv *v)
{
    return v->R == 5 && v->S == 5 && fv_conv_is_plain(v) && v->C >= 3 &&
           v->C <= FV_WINOGRAD5_CHANNELS_MAX && v->O >= 8 && v->C * v->O >= 48 && v->P >= 2 &&
           v->Q >= 2;
}

bool fv_conv_covers_input(const fv_def *def)
{
    const fv_conv *v = &def->conv;
    return def->padding_mode == FV_PADDING_ZEROS && v->R == v->H && v->S == v->W && v->ph == 0 &&
           v->pw == 0 && v->P == 1 && v->Q == 1 && v->groups == 1;
}

static fv_sum forward_of(const fv_def *def, fv_layout layout)
{
    if (has_f2x2_5x5(&def->conv))
        return FV_F2X2_5X5;
    if (fv_conv_covers_input(def)) /* flattening x costs nothing batch last */
        return layout == FV_BATCH_LAST ? FV_LINEAR : FV_DIRECT;
    return def->padding_mode == FV_PADDING_ZEROS && has_f2x2_3x3(&def->conv) ? FV_F2X2_3X3
                                                                             : FV_DIRECT;
}

static bool pools(const fv_def *def)
{
    return def->pool.R > 0;
}

static bool pools_2x2(const fv_def *def)
{
    return def->pool.R == 2 && def->pool.S == 2;
}

/* Sparse weight gradients add one row of taps and channels for each window, where the dense ones
   add one for each of its pixels. They pay where rows fill three quarters of their vectors. */
static bool argmax_pays(const fv_def *def)
{
    const fv_conv *v = &def->conv;
    const size_t row = (size_t)v->S * v->C, whole = fv_round_up(row);
    const size_t image = (size_t)v->C * fv_conv_rows(v) * fv_conv_cols(v);
    const int pixels = def->pool.R * def->pool.S;
    return fv_conv_is_plain(v) && v->O >= ARGMAX_OUTPUTS && v->R * whole >= ARGMAX_ROWS &&
           pixels <= FV_ARGMAX_TAPS_MAX && pixels * row >= 3 * whole && image < INT32_MAX / 2;
}

static fv_dw_sum weights_of(const fv_def *def, fv_layout layout, fv_sum forward)
{
    if (forward == FV_F2X2_3X3)
        return FV_DW_F2X2;
    if (forward == FV_LINEAR)
        return FV_DW_LINEAR;
    if (!pools(def) || layout == FV_CHANNELS_LAST)
        return FV_DW_DIRECT;
    if (argmax_pays(def))
        return FV_DW_ARGMAX;
    return pools_2x2(def) && fv_conv_is_plain(&def->conv) && def->conv.S <= FV_POOLED_TAPS
               ? FV_DW_POOLED
               : FV_DW_DIRECT;
}

/* A select takes as long as a multiply-add. Under a window are R + 1 rows and S + 1 columns of
   inputs, or one more, which all four pixels would reach by R * S weights each. */
static bool select_pays(const fv_def *def)
{
    const fv_conv *v = &def->conv;
    return pools_2x2(def) && fv_conv_is_plain(v) && def->padding_mode == FV_PADDING_ZEROS &&
           2 * (v->R / 2 + 1) * (v->S / 2 + 1) <= v->R * v->S;
}

static fv_dx_sum inputs_of(const fv_def *def, fv_layout layout, fv_sum forward)
{
    if (forward == FV_F2X2_3X3)
        return FV_DX_F2X2;
    return layout == FV_BATCH_LAST && select_pays(def) ? FV_DX_SELECT : FV_DX_DIRECT;
}

/* ---- speed ---------------------------------------------------------------------------------- */

/* Channels last, few outputs leave at least half of the lanes idle that windows would fill. */
static bool windows_pay(const fv_def *def, fv_layout layout, fv_sum forward)
{
    const fv_conv *v = &def->conv;
    size_t lanes = def->pool.Q * fv_round_up(v->O), idle = v->O * fv_round_up(def->pool.Q);
    return layout == FV_CHANNELS_LAST && pools(def) && forward == FV_DIRECT &&
           def->padding_mode == FV_PADDING_ZEROS && v->groups == 1 && lanes >= 2 * idle;
}

/* Rows of a Winograd strip: the most that divide all rows of tiles and make no more tiles than fit
   the second cache, or one. */
static int strip_rows(const fv_conv *v, fv_layout layout)
{
    const int rows = (v->P + 1) / 2, cols = (v->Q + 1) / 2;
    const int most = layout == FV_BATCH_LAST ? STRIP_LANES : STRIP_TILES;
    for (int n = rows; n > 1; n--)
        if (rows % n == 0 && n * cols <= most)
            return 2 * n;
    return 2;
}

/* As many rows of windows as make a small band, or one. */
static int pooled_rows(const fv_def *def, fv_layout layout)
{
    const int rows = def->pool.R, windows = def->pool.P;
    const int most = (int)(BAND /
                           fv_slice_floats(layout, (size_t)def->conv.O * rows * def->conv.Q));
    return rows * (most < 1 ? 1 : most < windows ? most : windows);
}

fv_conv_form fv_conv_form_of(const fv_def *def, fv_layout layout)
{
    const fv_conv *v = &def->conv;
    const fv_sum forward = forward_of(def, layout);
    fv_conv_form f = {.numbers = {.forward = forward,
                                  .weights = weights_of(def, layout, forward),
                                  .inputs = inputs_of(def, layout, forward)}};
    f.speed.windows_as_lanes = windows_pay(def, layout, forward);
    f.speed.pool_in_registers = pools_2x2(def) && forward != FV_F2X2_3X3 &&
                                (layout == FV_BATCH_LAST || f.speed.windows_as_lanes);
    f.speed.keeps_padded = f.numbers.weights == FV_DW_POOLED && !fv_conv_is_padded(v) &&
                           def->padding_mode == FV_PADDING_ZEROS &&
                           fv_conv_padded_floats(v, layout) <= KEPT;
    f.speed.band_rows = forward == FV_F2X2_3X3 ? strip_rows(v, layout)
                        : pools(def)           ? pooled_rows(def, layout)
                                               : 0;
    return f;
}

fv_conv_form fv_conv_transpose_form_of(const fv_def *def)
{
    return (fv_conv_form){.numbers.inputs = has_f2x2_5x5(&def->conv) ? FV_DX_F2X2_5X5
                                                                     : FV_DX_DIRECT};
}
