/*
 * epoch.c - seconds for one epoch of LeNet-5 on MNIST (60,000 images, batch 64, shuffling and
 * normalising included) and for running the 10,000 test images.
 *
 *   epoch [THREADS [KERNELS [SEED]]]      prints: train SECONDS test SECONDS accuracy PERCENT
 */
#include <fovea.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    fv_ctx *fv = fv_open(&(fv_options){.threads = argc > 1 ? atoi(argv[1]) : 1,
                                       .kernels = argc > 2 ? argv[2] : NULL,
                                       .seed = argc > 3 ? (uint64_t)atoll(argv[3]) : 0});
    fv_loader *train = fv_loader_new(fv_mnist(fv, "data", FV_TRAIN), .batch_size = 64,
                                     .shuffle = true);
    fv_loader *test = fv_loader_new(fv_mnist(fv, "data", FV_TEST), .batch_size = 64);
    const float mean = 0.1307f, std = 0.3081f;
    fv_net *net = fv_model(fv, "lenet5", 1, 28, 28, 10, &mean, &std);
    fv_optim *sgd = fv_sgd(net, .lr = 0.01, .momentum = 0.5);
    double start = now();
    for (fv_batch b; fv_loader_next(train, &b);) {
        fv_zero_grad(net);
        fv_forward(net, &b);
        fv_nll_loss(net, &b);
        fv_backward(net);
        fv_step(sgd);
    }
    double trained = now();
    fv_result r;
    fv_status status = fv_evaluate(net, test, &r);
    if (status)
        fprintf(stderr, "error: %s\n", fv_error_text(fv));
    else
        printf("train %.3f test %.3f accuracy %.2f\n", trained - start, now() - trained,
               100.0 * (double)r.correct / (double)r.total);
    fv_close(fv);
    return status != FV_OK;
}
