/*
 * winograd.h - the transforms of Winograd F(2x2,3x3) and F(2x2,5x5).
 *
 * Two outputs in a line with a kernel of 3 taps are 6 products. Winograd's minimal filtering needs 4:
 * y = A'((G w) . (B' x)) of 4 inputs, the kernel and 2 outputs, at the points 0, 1, -1 and infinity.
 * Down and across that is 16 for 36. The products are summed over channels before A', so each of the
 * 16 transform points of a tile is a 1 x 1 convolution of its own, which the usual kernels compute.
 * Here are A', B' and G, and for backward their transposes A, B and G'. 5 x 5, at the end, has 36
 * products for 100, and forward only. Lavin and Gray, Fast Algorithms for Convolutional Neural
 * Networks, 2016.
 *
 * A `unit` is one or more adjacent numbers, with its operations defined before this file is included.
 */
#ifndef FV_WINOGRAD_H
#define FV_WINOGRAD_H

#include "kernels/kernels.h"

/* ---- a line of a tile, in place, numbers `a` units apart ---------------------- */

/* B': 4 inputs. */
INLINE void line_in(unit *d, const int a)
{
    const unit d0 = d[0], d1 = d[a], d2 = d[2 * a], d3 = d[3 * a];
    d[0] = d0 - d2;
    d[a] = d1 + d2;
    d[2 * a] = d2 - d1;
    d[3 * a] = d3 - d1;
}

/* B: back to the inputs. */
INLINE void line_in_back(unit *d, const int a)
{
    const unit v0 = d[0], v1 = d[a], v2 = d[2 * a], v3 = d[3 * a];
    d[a] = (v1 - v2) - v3;
    d[2 * a] = (v1 + v2) - v0;
}

/* A': to 2 outputs. */
INLINE void line_out(unit *d, const int a)
{
    const unit m0 = d[0], m1 = d[a], m2 = d[2 * a], m3 = d[3 * a];
    d[0] = m0 + (m1 + m2);
    d[a] = (m1 - m2) + m3;
}

/* A: from the 2. */
INLINE void line_out_back(unit *d, const int a)
{
    const unit y0 = d[0], y1 = d[a];
    d[a] = y0 + y1;
    d[2 * a] = y0 - y1;
    d[3 * a] = y1;
}

/* G: 3 taps to 4. */
INLINE void line_weight(unit *g, const int a)
{
    const unit g0 = g[0], g1 = g[a], g2 = g[2 * a], half = unit_of(0.5f);
    g[a] = half * ((g0 + g2) + g1);
    g[2 * a] = half * ((g0 + g2) - g1);
    g[3 * a] = g2;
}

/* G'. */
INLINE void line_weight_back(unit *g, const int a)
{
    const unit u0 = g[0], u1 = g[a], u2 = g[2 * a], u3 = g[3 * a], half = unit_of(0.5f);
    g[0] = u0 + half * (u1 + u2);
    g[a] = half * (u1 - u2);
    g[2 * a] = u3 + half * (u1 + u2);
}

/* ---- tiles ------------------------------ */

INLINE void read_tile(const int rows, const int cols, const float *from, size_t row, size_t step,
                      int partial, unit d[16])
{
    UNIT_UNROLLED (r, rows)
        UNIT_UNROLLED (s, cols)
            d[r * 4 + s] = unit_load(from + r * row + s * step, partial);
}

INLINE void write_tile(const unit d[16], float *to, size_t step, int partial)
{
    UNIT_UNROLLED (i, 16)
        unit_store(to + i * step, d[i], partial);
}

/* Calls LINE(d, a) on the first `lines` columns of d, or rows. */
#define DOWN(LINE, lines)                                                                          \
    UNIT_UNROLLED (s, (lines))                                                                     \
    LINE(d + s, 4)
#define ACROSS(LINE, lines)                                                                        \
    UNIT_UNROLLED (r, (lines))                                                                     \
    LINE(d + r * 4, 1)

INLINE void tile_in(const float *x, size_t row, size_t pixel, float *v, size_t step, int partial)
{
    unit d[16];
    read_tile(4, 4, x, row, pixel, partial, d);
    DOWN(line_in, 4);
    ACROSS(line_in, 4);
    write_tile(d, v, step, partial);
}

/* Adds to dx, because the inputs of tiles overlap. */
INLINE void tile_in_back(const float *v, size_t step, float *dx, size_t row, size_t pixel,
                         int partial)
{
    unit d[16];
    read_tile(4, 4, v, 4 * step, step, partial, d);
    DOWN(line_in_back, 4);
    ACROSS(line_in_back, 4);
    UNIT_UNROLLED (r, 4)
        UNIT_UNROLLED (s, 4) {
            float *to = dx + r * row + s * pixel;
            unit_store(to, unit_load(to, partial) + d[r * 4 + s], partial);
        }
}

/* Stores the first rows and cols of the tile's outputs, which exist. */
INLINE void tile_out(const float *m, size_t step, float *y, size_t row, size_t pixel, int rows,
                     int cols, int partial)
{
    unit d[16];
    read_tile(4, 4, m, 4 * step, step, partial, d);
    DOWN(line_out, 4);
    ACROSS(line_out, 2);
    UNIT_UNROLLED (r, 2)
        UNIT_UNROLLED (s, 2)
            if (r < rows && s < cols)
                unit_store(y + r * row + s * pixel, d[r * 4 + s], partial);
}

INLINE void tile_out_back(const float *dy, size_t row, size_t pixel, float *m, size_t step,
                          int partial)
{
    unit d[16];
    read_tile(2, 2, dy, row, pixel, partial, d);
    ACROSS(line_out_back, 2);
    DOWN(line_out_back, 4);
    write_tile(d, m, step, partial);
}

/* For each unit of n numbers DO(i, partial) from number i on: partial is 0, a constant, if it is full. */
#define EACH_UNIT(n, DO)                                                                           \
    for (int i_ = 0; i_ < (n); i_ += UNIT) {                                                       \
        if ((n)-i_ >= UNIT)                                                                        \
            DO(i_, 0);                                                                             \
        else                                                                                       \
            DO(i_, (n)-i_);                                                                        \
    }

static void winograd_in(const fv_tiles *t, int planes, int width, const float *x, size_t plane,
                        size_t row, float *v, size_t step)
{
    for (int k = 0; k < planes; k++, x += plane)
        for (int r = 0; r < t->rows; r++)
            for (int q = 0; q < t->cols; q++, v += width) {
                const float *from = x + 2 * r * row + 2 * (size_t)q * width;
#define IN(i, partial) tile_in(from + i, row, width, v + i, step, partial)
                EACH_UNIT(width, IN)
            }
}

static void winograd_in_back(const fv_tiles *t, int planes, int width, const float *v, size_t step,
                             float *dx, size_t plane, size_t row)
{
    for (int k = 0; k < planes; k++, dx += plane)
        for (int r = 0; r < t->rows; r++)
            for (int q = 0; q < t->cols; q++, v += width) {
                float *to = dx + 2 * r * row + 2 * (size_t)q * width;
#define IN_BACK(i, partial) tile_in_back(v + i, step, to + i, row, width, partial)
                EACH_UNIT(width, IN_BACK)
            }
}

static void winograd_out(const fv_tiles *t, int planes, int width, const float *m, size_t step,
                         float *y, size_t plane, size_t row, int P, int Q)
{
    for (int k = 0; k < planes; k++, y += plane)
        for (int r = 0; r < t->rows; r++)
            for (int q = 0; q < t->cols; q++, m += width) {
                float *to = y + 2 * r * row + 2 * (size_t)q * width;
#define OUT(i, partial) tile_out(m + i, step, to + i, row, width, P - 2 * r, Q - 2 * q, partial)
                EACH_UNIT(width, OUT)
            }
}

static void winograd_out_back(const fv_tiles *t, int pixel, const float *dyp, size_t row, float *m,
                              size_t step)
{
    for (int r = 0; r < t->rows; r++)
        for (int q = 0; q < t->cols; q++, m += pixel) {
            const float *from = dyp + 2 * r * row + 2 * (size_t)q * pixel;
#define OUT_BACK(i, partial) tile_out_back(from + i, row, pixel, m + i, step, partial)
            EACH_UNIT(pixel, OUT_BACK)
        }
}

/* ---- kernels: [n][9], or if apart [9][n] --------- */

static void winograd_weight(size_t n, const float *w, float *u)
{
    float taps[9 * UNIT] = {0};
    for (size_t i = 0; i < n; i += UNIT, w += 9 * UNIT) {
        const int some = n - i < UNIT ? (int)(n - i) : UNIT;
        unit d[16];
        for (int k = 0; k < some; k++)
            for (int tap = 0; tap < 9; tap++)
                taps[tap * UNIT + k] = w[k * 9 + tap];
        read_tile(3, 3, taps, 3 * UNIT, UNIT, 0, d);
        ACROSS(line_weight, 3);
        DOWN(line_weight, 4);
        write_tile(d, u + i, n, some % UNIT);
    }
}

static void winograd_weight_back(size_t n, const float *u, size_t step, float *dw, bool apart)
{
    float taps[9 * UNIT];
    for (size_t i = 0; i < n; i += UNIT) {
        const int some = n - i < UNIT ? (int)(n - i) : UNIT;
        unit d[16];
        read_tile(4, 4, u + i, 4 * step, step, some % UNIT, d);
        DOWN(line_weight_back, 4);
        ACROSS(line_weight_back, 3);
        for (int tap = 0; tap < 9; tap++)
            if (apart)
                unit_store(dw + tap * n + i, d[tap / 3 * 4 + tap % 3], some % UNIT);
            else
                unit_store(taps + tap * UNIT, d[tap / 3 * 4 + tap % 3], 0);
        for (int k = 0; !apart && k < some; k++)
            for (int tap = 0; tap < 9; tap++)
                dw[(i + k) * 9 + tap] = taps[tap * UNIT + k];
    }
}

/* ---- 5 x 5 ---------------------------------------------------------------------------------- */

/* Two outputs in a line with 5 taps are 6 products for 10, at the points 0, +-3/4, +-3/2 and infinity,
   which have the least rounding error in float32. The squares of the points: */
#define FIVE_A 0.5625f
#define FIVE_B 2.25f

/* B': 6 inputs. */
INLINE void line5_in(unit *d, const int a)
{
    const unit d1 = d[a], d2 = d[2 * a], d3 = d[3 * a], d4 = d[4 * a];
    const unit less_a = unit_of(-FIVE_A), less_b = unit_of(-FIVE_B);
    const unit both = unit_of(-FIVE_A - FIVE_B), product = unit_of(FIVE_A * FIVE_B);
    const unit even_a = unit_fma(less_b, d2, d4), odd_a = unit_fma(less_b, d1, d3);
    const unit even_b = unit_fma(less_a, d2, d4), odd_b = unit_fma(less_a, d1, d3);
    d[0] = unit_fma(product, d[0], unit_fma(both, d2, d4));
    d[5 * a] = unit_fma(product, d1, unit_fma(both, d3, d[5 * a]));
    d[a] = unit_fma(unit_of(0.75f), odd_a, even_a);
    d[2 * a] = unit_fma(unit_of(-0.75f), odd_a, even_a);
    d[3 * a] = unit_fma(unit_of(1.5f), odd_b, even_b);
    d[4 * a] = unit_fma(unit_of(-1.5f), odd_b, even_b);
}

/* A': 6 numbers to 2 outputs. */
INLINE void line5_out(const unit m[6], unit *y0, unit *y1)
{
    const unit near = unit_fma(unit_of(-0.75f), m[2], unit_fma(unit_of(0.75f), m[1], m[5]));
    *y0 = m[0] + m[1] + m[2] + m[3] + m[4];
    *y1 = unit_fma(unit_of(-1.5f), m[4], unit_fma(unit_of(1.5f), m[3], near));
}

/* G: 5 taps to 6. */
INLINE void line5_weight(unit *g, const int a)
{
    const unit g0 = g[0], g1 = g[a], g2 = g[2 * a], g3 = g[3 * a], g4 = g[4 * a];
    const unit A = unit_of(FIVE_A), B = unit_of(FIVE_B);
    const unit even_a = unit_fma(A, unit_fma(A, g4, g2), g0), odd_a = unit_fma(A, g3, g1);
    const unit even_b = unit_fma(B, unit_fma(B, g4, g2), g0), odd_b = unit_fma(B, g3, g1);
    const unit by_a = unit_of(1.0f / (2.0f * FIVE_A * (FIVE_A - FIVE_B)));
    const unit by_b = unit_of(1.0f / (2.0f * FIVE_B * (FIVE_B - FIVE_A)));
    g[0] = unit_of(1.0f / (FIVE_A * FIVE_B)) * g0;
    g[a] = by_a * unit_fma(unit_of(0.75f), odd_a, even_a);
    g[2 * a] = by_a * unit_fma(unit_of(-0.75f), odd_a, even_a);
    g[3 * a] = by_b * unit_fma(unit_of(1.5f), odd_b, even_b);
    g[4 * a] = by_b * unit_fma(unit_of(-1.5f), odd_b, even_b);
    g[5 * a] = g4;
}

/* Down, for tiles side by side: t [6][n], rows `step` floats apart, of 6 rows of n floats of x. The
   last row may be the one before if no output needs it. */
INLINE void tiles5_down(const float *x, size_t row, size_t last_row, size_t n, float *t,
                        size_t step)
{
    for (size_t i = 0; i < n; i += UNIT) {
        const int partial = n - i < UNIT ? (int)(n - i) : 0;
        unit d[6];
        UNIT_UNROLLED (r, 6)
            d[r] = unit_load(x + (r < 5 ? r * row : last_row) + i, partial);
        line5_in(d, 1);
        UNIT_UNROLLED (r, 6)
            unit_store(t + r * step + i, d[r], 0);
    }
}

/* Across: v [36] of a tile, points `apart` floats apart. last_pixel is like last_row. */
INLINE void tile5_across(const float *t, size_t step, size_t pixel, size_t last_pixel, int partial,
                         float *v, const int apart)
{
    for (int r = 0; r < 6; r++, t += step, v += 6 * apart) {
        unit d[6];
        UNIT_UNROLLED (s, 6)
            d[s] = unit_load(t + (s < 5 ? s * pixel : last_pixel), partial);
        line5_in(d, 1);
        UNIT_UNROLLED (s, 6)
            unit_store(v + s * apart, d[s], 0);
    }
}

/* The kernels of one output, w [C][5][5], at all transform points: u [36][FV_WINOGRAD5_CHANNELS_MAX]. */
static void weights5(int C, const float *w, float *u)
{
    float taps[25 * FV_WINOGRAD5_CHANNELS_MAX] = {0};
    for (int c = 0; c < C; c++)
        for (int tap = 0; tap < 25; tap++)
            taps[tap * FV_WINOGRAD5_CHANNELS_MAX + c] = w[c * 25 + tap];
    for (int c = 0; c < FV_WINOGRAD5_CHANNELS_MAX; c += UNIT) {
        unit d[36];
        UNIT_UNROLLED (r, 5) {
            UNIT_UNROLLED (s, 5)
                d[r * 6 + s] = unit_load(taps + (r * 5 + s) * FV_WINOGRAD5_CHANNELS_MAX + c, 0);
            line5_weight(d + r * 6, 1);
        }
        UNIT_UNROLLED (s, 6)
            line5_weight(d + s, 6);
        UNIT_UNROLLED (i, 36)
            unit_store(u + i * FV_WINOGRAD5_CHANNELS_MAX + c, d[i], 0);
    }
}

#define FV_WINOGRAD_ENTRIES                                                                        \
    {                                                                                              \
        winograd_weight, winograd_weight_back, winograd_in, winograd_in_back, winograd_out,        \
            winograd_out_back                                                                      \
    }

#endif
