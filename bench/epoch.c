/*
 * epoch.c - LeNet-5 on MNIST: one epoch (60,000 images, batch 64, shuffling and normalization
 * included), the 10,000 test images, and single images.
 *
 *   epoch [THREADS [KERNELS [SEED]]]
 *   prints: train SECONDS test SECONDS accuracy PERCENT latency US late US
 *
 * test is the second of two runs; late is the 99th percentile of the latency.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/speed.h"

int main(int argc, char **argv)
{
    fv_ctx *fv = fv_open(&(fv_options){.threads = argc > 1 ? atoi(argv[1]) : 1,
                                       .kernels = argc > 2 ? argv[2] : NULL,
                                       .seed = argc > 3 ? (uint64_t)atoll(argv[3]) : 0});
    speed s = speed_open(fv, "data");
    fv_result r;
    double late, train = 60000 * speed_training(&s, 0);
    speed_evaluation(&s, &r); /* warm-up: allocates memory */
    double test = 10000 * speed_evaluation(&s, &r);
    double latency = 1e6 * speed_latency(&s, &late);
    fv_status status = fv_error(fv);
    if (status)
        fprintf(stderr, "error: %s\n", fv_error_text(fv));
    else
        printf("train %.3f test %.4f accuracy %.2f latency %.2f late %.2f\n", train, test,
               100.0 * (double)r.correct / (double)r.total, latency, 1e6 * late);
    fv_close(fv);
    return status != FV_OK;
}
