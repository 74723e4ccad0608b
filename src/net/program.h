/*
 * program.h - the program of a net, as data: the place of every tensor and the stages of a pass.
 *
 * A program is made for a net, a mode (train or eval) and the largest batch. It holds no pointer
 * into memory: a place is a space and an offset in floats. The memory plan, the summary and the
 * engines read this one structure. Layer 3. Calls the ops and the base.
 */
#ifndef FV_PROGRAM_H
#define FV_PROGRAM_H

#include "ops/op.h"

enum { FV_CHUNKS_MAX = 16 };

typedef enum fv_space {
    FV_NOWHERE, /* no such tensor */
    FV_BLOCK,   /* of each block: outputs, gradients, what forward saves for backward */
    FV_PARTIAL, /* sums of each chunk of blocks */
    FV_THREAD,  /* scratch of each thread */
    FV_PACKED,  /* weights in the order in which the kernels read them */
    FV_SHARED,  /* finished statistics over the batch, read by all blocks */
    FV_ROWS,    /* outputs, their gradients and the gradients of inputs: [batch][C][H][W] */
    FV_VALUES,  /* all parameters */
    FV_GRADS,   /* their gradients, each at the offset of its parameter */
    FV_BUFFERS, /* running statistics and other state that is not a parameter */
    FV_SPACES
} fv_space;

typedef struct fv_place {
    fv_space space;
    size_t at; /* offset in floats from the start of the block, thread, ... */
} fv_place;

/* One layer of the net. */
typedef struct fv_op_step {
    const fv_def *def;
    bool view;                               /* y is x: no forward, no backward */
    fv_place x[FV_INPUTS_MAX], y, dy;        /* FV_BLOCK */
    fv_place dx[FV_INPUTS_MAX];              /* where backward writes; FV_NOWHERE: not wanted */
    fv_place gradient[FV_INPUTS_MAX];        /* of the input: dx is added to it, or is it */
    bool accumulates[FV_INPUTS_MAX];         /* dx, or dy of a view, is added to what is there */
    bool copies[FV_INPUTS_MAX];              /* dy is copied: it is the gradient of that input */
    size_t floats[FV_INPUTS_MAX];            /* of a block of each input */
    fv_place saved, scratch, sums, shared;   /* as in fv_call */
    fv_place packed[2];                      /* for forward, for backward */
    fv_place partial;                        /* of chunk 0 */
    size_t partial_size;                     /* from one chunk to the next */
    fv_place params[FV_PARAMS_MAX], buffers; /* FV_VALUES, FV_BUFFERS */
} fv_op_step;

typedef enum fv_verb {
    FV_PACK,            /* the weights of each layer */
    FV_PREPARE,         /* layers over the whole batch that need no statistics in this mode */
    FV_FORWARD,         /* layers from..to-1 of each block; then the statistics of layer `to` */
    FV_FINISH,          /* the statistics of layer `from` */
    FV_BACKWARD,        /* layers to-1..from of each block; then the statistics of layer from-1 */
    FV_FINISH_BACKWARD, /* the statistics of layer `from` */
    FV_REDUCE           /* gradients of parameters over all chunks */
} fv_verb;

/* All threads wait for each other after each stage. */
typedef struct fv_stage {
    fv_verb verb;
    int from, to; /* layers */
} fv_stage;

typedef struct fv_program {
    bool train;
    fv_layout layout;
    int block_images;          /* of a block: FV_LANES, but for channels last and small batches */
    int batch, blocks, chunks; /* the most */
    size_t floats[FV_SPACES];  /* of one block, of one thread, of all else in the other spaces */
    fv_op_step *steps;         /* [layers] */
    fv_stage *stages;          /* those of forward, then those of backward */
    int n_forward, n_backward;
    fv_place output[FV_ENDS_MAX], doutput[FV_ENDS_MAX], dinput[FV_ENDS_MAX]; /* FV_ROWS */
} fv_program;

/* The layout for a batch of n images: the one that leaves fewer lanes of the vectors idle. */
fv_layout fv_layout_for(const fv_net *net, int n, bool train);

/* The program of the net for batches of up to `batch` images, in that layout. FV_E_MEMORY. */
fv_status fv_program_make(const fv_net *net, bool train, fv_layout layout, int batch,
                          fv_program *program);
void fv_program_free(fv_ctx *ctx, fv_program *program);

/* All bytes that it needs with so many threads; SIZE_MAX, which no allocator gives, for more than a
   size_t can count. */
size_t fv_program_bytes(const fv_program *program, int threads);

#endif
