/*
 * cpu.h - the engine that runs programs on the processor: cpu.c the stages, cpu_load.c batches in and
 * rows out. Layer 3.
 */
#ifndef FV_CPU_H
#define FV_CPU_H

#include "net/engine.h"

/* Makes the context's engine this one, with that set of kernels, NULL: the widest. A set that cannot
   be had is the context's error. */
void fv_cpu_open(fv_ctx *ctx, const char *kernels);

/* A stage that runs, as all threads see it. */
typedef struct fv_cpu_pass {
    fv_net *net;
    const fv_program *program;
    const fv_stage *stage;
    const fv_batch *batches; /* one for each input; forward only */
    const fv_kernels *k;
    int blocks, chunks;
    float *base[FV_SPACES]; /* of block 0 and thread 0 */
} fv_cpu_pass;

/* Images of this block. */
static inline int fv_cpu_images(const fv_cpu_pass *p, int block)
{
    int left = p->net->n - block * p->program->block_images;
    return left < p->program->block_images ? left : p->program->block_images;
}

/* Between rows [n][C*H*W] and the tensors of a block, which begins at `region`. */
void fv_cpu_load_inputs(const fv_cpu_pass *p, int block, float *region);
void fv_cpu_store_outputs(const fv_cpu_pass *p, int block, const float *region);
void fv_cpu_load_gradients(const fv_cpu_pass *p, int block, float *region);
void fv_cpu_store_gradients(const fv_cpu_pass *p, int block, const float *region);

#endif
