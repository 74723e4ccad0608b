/*
 * speed.h - what `fovea bench` and the programs of bench/ measure with.
 *
 * Layer 6. speed.c calls fovea.h, libc and POSIX; peak.c calls libc.
 */
#ifndef FOVEA_SPEED_H
#define FOVEA_SPEED_H

#include "common/clock.h"
#include "fovea.h"

/* Sorts values[count] and returns the one at share (0 to 1) of them: 0.5 is the median. */
double quantile(double *values, int count, double share);

/* ---- peak.c ---------------------------------------------------------------------------------- */

/* GFLOP/s of one core that does nothing but float32 multiply-adds, with the vectors of a set of
   kernels: "avx512", "avx2", else what any CPU of this kind has; 0 where this CPU has not got them.
   Takes 0.05 s. */
double peak_gflops(const char *kernels);

/* ---- speed.c: LeNet-5 on MNIST --------------------------------------------------------------- */

typedef struct speed {
    fv_ctx *ctx; /* not owned; holds the error, if there is one */
    fv_loader *train, *test, *single;
    fv_net *net;
    fv_optim *sgd;
    double flops; /* floating-point operations of a training step, per image */
} speed;

/* The tutorial's network and loaders, batch 64, ready to be measured with the context's threads. */
speed speed_open(fv_ctx *ctx, const char *root);

/* Each gives seconds an image. steps: so many at most; 0: a whole epoch. */
double speed_training(speed *s, int steps);
double speed_evaluation(speed *s, fv_result *result);
/* Of one image alone: the median, and in *late what one of a hundred exceeds. */
double speed_latency(speed *s, double *late);

#endif
