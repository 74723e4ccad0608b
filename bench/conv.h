/*
 * conv.h - a convolution prepared for one engine: Fovea's kernels or oneDNN.
 */
#ifndef BENCH_CONV_H
#define BENCH_CONV_H

#include "kernels/kernels.h"

typedef enum conv_pass { FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT, PASS_COUNT } conv_pass;

typedef struct conv_engine {
    /* Returns memory for a pass, filled, in the engine's layout. NULL: unsupported. */
    void *(*prepare)(const fv_conv *v, int images, conv_pass pass);
    void (*run)(void *job); /* one pass on one thread */
    void (*release)(void *job);
} conv_engine;

extern const conv_engine fovea_engine, onednn_engine;

#endif
