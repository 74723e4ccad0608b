/*
 * conv.h - a convolution that is ready to run, by Fovea's kernels or by oneDNN.
 */
#ifndef BENCH_CONV_H
#define BENCH_CONV_H

#include "kernels/kernels.h"

typedef enum conv_pass { FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT, PASS_COUNT } conv_pass;

typedef struct conv_engine {
    /* Memory for a pass over so many images, filled, in the engine's own layout; NULL: cannot. */
    void *(*prepare)(const fv_conv *v, int images, conv_pass pass);
    void (*run)(void *job); /* the pass once, on one thread */
    void (*release)(void *job);
} conv_engine;

extern const conv_engine fovea_engine, onednn_engine;

#endif
