/*
 * resnet9.c - one training step of the built-in ResNet-9 on 64 random pictures of 3 x 32 x 32 with
 * SGD and momentum: the median of several steps after a warm-up step.
 *
 *   resnet9 [THREADS [KERNELS]]
 *   prints: step SECONDS
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/speed.h"

enum { BATCH = 64, PIXELS = 3 * 32 * 32, STEPS = 5 };

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double step(fv_net *net, fv_optim *sgd, const fv_batch *batch)
{
    double start = now();
    fv_zero_grad(net);
    fv_forward(net, batch);
    fv_cross_entropy_loss(net, batch);
    fv_backward(net);
    fv_step(sgd);
    return now() - start;
}

int main(int argc, char **argv)
{
    static uint8_t pixels[BATCH * PIXELS];
    int64_t labels[BATCH];
    double seconds[STEPS];
    fv_ctx *fv = fv_open(&(fv_options){.threads = argc > 1 ? atoi(argv[1]) : 1,
                                       .kernels = argc > 2 ? argv[2] : NULL});
    fv_net *net = fv_model(fv, "resnet9", 3, 32, 32, 10, NULL, NULL);
    fv_optim *sgd = fv_sgd(net, .lr = 0.01, .momentum = 0.9);
    for (int i = 0; i < BATCH * PIXELS; i++)
        pixels[i] = (uint8_t)((uint32_t)i * 2654435761u >> 24);
    for (int i = 0; i < BATCH; i++)
        labels[i] = i % 10;
    const fv_batch batch = {.n = BATCH,
                            .channels = 3,
                            .height = 32,
                            .width = 32,
                            .type = FV_U8,
                            .pixels = pixels,
                            .labels = labels};
    step(net, sgd, &batch);
    for (int i = 0; i < STEPS; i++)
        seconds[i] = step(net, sgd, &batch);
    qsort(seconds, STEPS, sizeof *seconds, compare);
    if (fv_error(fv))
        fprintf(stderr, "error: %s\n", fv_error_text(fv));
    else
        printf("step %.4f\n", seconds[STEPS / 2]);
    int status = fv_error(fv) != FV_OK;
    fv_close(fv);
    return status;
}
