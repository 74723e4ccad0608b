/*
 * open.c - fv_open: a context and its engine. The list of engines.
 *
 * Layer 3. Calls the engines, the kernels (for the sets that there are) and the base.
 */
#include "engines/cpu.h"

fv_ctx *fv_open(const fv_options *options)
{
    fv_ctx *ctx = fv_ctx_open(options, sizeof(fv_engine));
    if (ctx)
        fv_cpu_open(ctx, options ? options->kernels : NULL);
    return ctx;
}

fv_device fv_device_describe(const fv_ctx *ctx)
{
    if (!ctx)
        return (fv_device){0};
    const fv_engine *e = ctx->engine;
    return (fv_device){e->kernels->name, e->why, fv_kernels_available(), ctx->threads,
                       fv_processors()};
}
