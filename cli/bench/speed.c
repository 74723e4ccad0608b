/*
 * speed.c - LeNet-5 on MNIST against the clock.
 *
 * Shuffling and normalising are inside the measured time, opening the data is not.
 *
 * Layer 6. Calls fovea.h, libc and POSIX.
 */
#include <stdlib.h>

#include "bench/speed.h"

enum { SINGLES = 1000, WARM_UP = 20 };

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double quantile(double *values, int count, double share)
{
    qsort(values, (size_t)count, sizeof *values, by_size);
    return values[(int)(share * (count - 1) + 0.5)];
}

/* A multiply-add is two operations. The weight gradients take as many as the forward pass, the
   input gradients too, but for the first layer, which needs none. */
static double training_flops(const fv_net *net)
{
    int64_t macs = 0, first = 0;
    for (int i = 0; i < fv_layer_count(net); i++) {
        int64_t m = fv_layer_at(net, i).macs;
        macs += m;
        first = first ? first : m;
    }
    return 2.0 * (double)(3 * macs - first);
}

speed speed_open(fv_ctx *ctx, const char *root)
{
    const float mean = 0.1307f, std = 0.3081f;
    fv_dataset *test = fv_mnist(ctx, root, FV_TEST);
    speed s = {.ctx = ctx, .net = fv_model(ctx, "lenet5", 1, 28, 28, 10, &mean, &std)};
    s.train = fv_loader_new(fv_mnist(ctx, root, FV_TRAIN), .batch_size = 64, .shuffle = true);
    s.test = fv_loader_new(test, .batch_size = 64);
    s.single = fv_loader_new(test, .batch_size = 1);
    s.sgd = fv_sgd(s.net, .lr = 0.01, .momentum = 0.5);
    s.flops = training_flops(s.net);
    return s;
}

double speed_training(speed *s, int steps)
{
    int64_t images = 0;
    double start = now();
    for (fv_batch b; fv_loader_next(s->train, &b);) {
        fv_zero_grad(s->net);
        fv_forward(s->net, &b);
        fv_nll_loss(s->net, &b);
        fv_backward(s->net);
        fv_step(s->sgd);
        images += b.n;
        if (b.index + 1 == steps)
            break;
    }
    double seconds = now() - start;
    fv_loader_rewind(s->train);
    return images ? seconds / (double)images : 0;
}

double speed_evaluation(speed *s, fv_result *result)
{
    double start = now();
    if (fv_evaluate(s->net, s->test, result))
        return 0;
    return (now() - start) / (double)result->total;
}

double speed_latency(speed *s, double *late)
{
    double seconds[SINGLES];
    int count = -WARM_UP;
    fv_eval_mode(s->net);
    for (fv_batch b; count < SINGLES && fv_loader_next(s->single, &b); count++) {
        double start = now();
        fv_forward(s->net, &b);
        if (count >= 0)
            seconds[count] = now() - start;
    }
    fv_loader_rewind(s->single);
    fv_train_mode(s->net);
    *late = count > 0 ? quantile(seconds, count, 0.99) : 0;
    return count > 0 ? quantile(seconds, count, 0.5) : 0;
}
