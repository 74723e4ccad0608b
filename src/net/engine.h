/*
 * engine.h - the interface of engines, which hold a net's tensors and compute. The net makes
 * programs and checks calls; an engine runs the stages of a program.
 *
 * Layer 3, between the net and src/engines.
 */
#ifndef FV_ENGINE_H
#define FV_ENGINE_H

#include "net/net.h"

typedef struct fv_engine_kind {
    const char *name; /* "cpu" */
    /* Allocates memory for a program and sets *rows to its FV_ROWS on the host. Returns NULL after
       FV_E_MEMORY. */
    float *(*reserve)(fv_ctx *ctx, const fv_program *program, float **rows);
    void (*release)(fv_ctx *ctx, float *memory);
    /* Runs a stage of the plan on net->n images; FV_FORWARD reads batches, one for each input. */
    void (*run)(fv_net *net, fv_plan *plan, const fv_stage *stage, const fv_batch *batches);
    /* Sets n floats of one of the net's spaces (FV_GRADS) to 0. */
    void (*zero)(fv_net *net, fv_place at, size_t n);
    /* Copies bytes of FV_VALUES, FV_GRADS or FV_BUFFERS, which may be counts, to or from the host. */
    void (*get)(const fv_net *net, fv_place from, void *to, size_t bytes);
    void (*put)(fv_net *net, fv_place to, const void *from, size_t bytes);
} fv_engine_kind;

struct fv_engine {
    const fv_engine_kind *kind;
    const fv_kernels *kernels; /* for arrays in host memory */
    const char *why;           /* why these kernels were selected */
};

static inline const fv_engine_kind *fv_engine_of(const fv_net *net)
{
    return net->object.ctx->engine->kind;
}

static inline const fv_kernels *fv_host_kernels(const fv_ctx *ctx)
{
    return ctx->engine->kernels;
}

#endif
