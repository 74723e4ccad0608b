/*
 * softmax.h - softmax and log_softmax, vectorized over columns, or along a row but for its sums.
 *
 * Included by simd.c alone; the contracts are in kernels.h.
 */
/* n columns of [D][n], rows step floats apart. */
static inline void softmax_strip(bool log, int D, size_t step, int n, const float *x, float *y)
{
    float top[STRIP], sum[STRIP] = {0};
    memcpy(top, x, (size_t)n * sizeof *x);
    for (int d = 1; d < D; d++)
        for (int l = 0; l < n; l++)
            top[l] = x[d * step + l] > top[l] ? x[d * step + l] : top[l];
    for (int d = 0; d < D; d++)
        for (int l = 0; l < n; l++) {
            y[d * step + l] = exp_f32(x[d * step + l] - top[l]);
            sum[l] += y[d * step + l];
        }
    for (int l = 0; log && l < n; l++)
        sum[l] = log_f32(sum[l]);
    for (int d = 0; d < D; d++)
        for (int l = 0; l < n; l++)
            y[d * step + l] = log ? x[d * step + l] - top[l] - sum[l] : y[d * step + l] / sum[l];
}

static inline void softmax_strip_backward(bool log, int D, size_t step, int n, const float *y,
                                          const float *dy, float *dx)
{
    float sum[STRIP] = {0};
    for (int d = 0; d < D; d++)
        for (int l = 0; l < n; l++) {
            float more = dy[d * step + l];
            sum[l] = log ? sum[l] + more : fmaf(more, y[d * step + l], sum[l]);
        }
    for (int d = 0; d < D; d++)
        for (int l = 0; l < n; l++) {
            float p = y[d * step + l], more = dy[d * step + l];
            dx[d * step + l] = log ? more - exp_f32(p) * sum[l] : p * (more - sum[l]);
        }
}

/* A row of adjacent numbers: exp and the quotients are vectorized along it, the sums are not. */
static inline void softmax_row(bool log, int D, const float *x, float *y)
{
    float top = x[0], sum = 0.0f;
    for (int d = 1; d < D; d++)
        top = x[d] > top ? x[d] : top;
    for (int d = 0; d < D; d++)
        y[d] = exp_f32(x[d] - top);
    for (int d = 0; d < D; d++)
        sum += y[d];
    float log_sum = log_f32(sum);
    for (int d = 0; d < D; d++)
        y[d] = log ? x[d] - top - log_sum : y[d] / sum;
}

static inline void softmax_row_backward(bool log, int D, const float *y, const float *dy, float *dx)
{
    float sum = 0.0f;
    for (int d = 0; d < D; d++)
        sum = log ? sum + dy[d] : fmaf(dy[d], y[d], sum);
    for (int d = 0; d < D; d++)
        dx[d] = log ? dy[d] - exp_f32(y[d]) * sum : y[d] * (dy[d] - sum);
}

static void softmax_forward(bool log, size_t outer, int D, size_t inner, const float *x, float *y)
{
    for (; outer > 0; outer--, x += D * inner, y += D * inner) {
        size_t i = 0;
        if (inner == 1) {
            softmax_row(log, D, x, y);
            continue;
        }
        for (; i + STRIP <= inner; i += STRIP)
            softmax_strip(log, D, inner, STRIP, x + i, y + i);
        if (i < inner)
            softmax_strip(log, D, inner, (int)(inner - i), x + i, y + i);
    }
}

static void softmax_backward(bool log, size_t outer, int D, size_t inner, const float *y,
                             const float *dy, float *dx)
{
    for (; outer > 0; outer--, y += D * inner, dy += D * inner, dx += D * inner) {
        size_t i = 0;
        if (inner == 1) {
            softmax_row_backward(log, D, y, dy, dx);
            continue;
        }
        for (; i + STRIP <= inner; i += STRIP)
            softmax_strip_backward(log, D, inner, STRIP, y + i, dy + i, dx + i);
        if (i < inner)
            softmax_strip_backward(log, D, inner, (int)(inner - i), y + i, dy + i, dx + i);
    }
}
