/*
 * engine.h - an engine: where a net's numbers live and are computed. The net makes programs and
 * checks calls; an engine runs the stages of a program.
 *
 * Layer 3, between the net and src/engines.
 */
#ifndef FV_ENGINE_H
#define FV_ENGINE_H

#include "net/net.h"

typedef struct fv_engine_kind {
    const char *name; /* "cpu" */
    /* Memory for a program, and where its FV_ROWS lie for the host. NULL: FV_E_MEMORY. */
    float *(*reserve)(fv_ctx *ctx, const fv_program *program, float **rows);
    void (*release)(fv_ctx *ctx, float *memory);
    /* Runs a stage of the plan on net->n images; batches, one for each input, are for FV_FORWARD. */
    void (*run)(fv_net *net, fv_plan *plan, const fv_stage *stage, const fv_batch *batches);
    /* Sets n floats of a space of the net's (FV_GRADS) to 0. */
    void (*zero)(fv_net *net, fv_place at, size_t n);
    /* Copies n floats of FV_VALUES or FV_GRADS to or from the host. */
    void (*get)(const fv_net *net, fv_place from, float *to, size_t n);
    void (*put)(fv_net *net, fv_place to, const float *from, size_t n);
} fv_engine_kind;

struct fv_engine {
    const fv_engine_kind *kind;
    const fv_kernels *kernels; /* for arrays in the memory of the host */
    const char *why;           /* how they were chosen */
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
