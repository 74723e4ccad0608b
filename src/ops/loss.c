/*
 * loss.c - the losses: a number for rows of outputs and labels, and the gradient of the outputs.
 *
 * y [n][classes]   labels [n] in 0..classes-1, which the caller has checked   dy [n][classes]
 * The sum over a batch runs in double over the samples in order. Layer 2. Calls the kernels' exp
 * and log.
 */
#include "ops/op.h"

#include <string.h>

/* loss = -y[label];  dy = -1 (or -1/n for the mean) at the label. torch.nn.NLLLoss. */
float fv_nll(int n, int classes, const float *y, const int64_t *labels, bool mean, float *losses,
             float *dy)
{
    double sum = 0;
    float scale = mean ? 1.0f / (float)n : 1.0f;
    if (dy)
        memset(dy, 0, (size_t)n * classes * sizeof *dy);
    for (int i = 0; i < n; i++) {
        size_t at = (size_t)i * classes + (size_t)labels[i];
        sum -= (double)y[at];
        if (losses)
            losses[i] = -y[at];
        if (dy)
            dy[at] = -scale;
    }
    return (float)(mean ? sum / n : sum);
}

/* loss = log(sum of exp(y)) - y[label];  dy = softmax(y) - 1 at the label.
   torch.nn.CrossEntropyLoss. */
float fv_cross_entropy(int n, int classes, const float *y, const int64_t *labels, bool mean,
                       float *losses, float *dy)
{
    double total = 0;
    float scale = mean ? 1.0f / (float)n : 1.0f;
    for (int i = 0; i < n; i++, y += classes) {
        float top = y[0], sum = 0;
        for (int c = 1; c < classes; c++)
            top = y[c] > top ? y[c] : top;
        for (int c = 0; c < classes; c++)
            sum += fv_exp(y[c] - top);
        float log_sum = fv_log(sum), loss = log_sum - (y[labels[i]] - top);
        total += (double)loss;
        if (losses)
            losses[i] = loss;
        for (int c = 0; dy && c < classes; c++)
            dy[c] = scale * (fv_exp(y[c] - top - log_sum) - (c == labels[i] ? 1.0f : 0.0f));
        dy = dy ? dy + classes : NULL;
    }
    return (float)(mean ? total / n : total);
}
