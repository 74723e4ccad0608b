/*
 * cpu.c - the stages of a program on the processor: a batch goes through the layers in blocks.
 *
 * Blocks are independent of each other, so a thread takes a chunk of them through all layers at
 * once, while their numbers are in its cache. Backward does the same from the last layer to the
 * first and leaves sums over its chunk; then the sums of all chunks are added in order, layer by
 * layer. Statistics over the batch are accumulated by chunks and finished between two stages.
 * Threads change who computes what, never an order. Layer 3. Calls the ops, the kernels and the base.
 */
#include "engines/cpu.h"

#include <string.h>

static int chunk_start(const fv_cpu_pass *p, int chunk)
{
    return (int)((int64_t)p->blocks * chunk / p->chunks);
}

static float *address(float *const *base, fv_place place)
{
    return place.space ? base[place.space] + place.at : NULL;
}

/* The spaces of a thread; base[FV_BLOCK] is that of block 0. */
static void set_base(const fv_cpu_pass *p, int thread, float *base[FV_SPACES])
{
    memcpy(base, p->base, sizeof p->base);
    base[FV_THREAD] += p->program->floats[FV_THREAD] * thread;
}

/* Numbers of a kind for each layer and step, from the seed. */
static uint64_t key_of(const fv_net *net, int layer)
{
    return fv_mix64(net->object.ctx->seed + 0x9e3779b97f4a7c15u * (net->steps * 4096 + layer + 1));
}

/* The call of layer i for a block of a chunk, field by field: made elsewhere and copied it would
   take as long as a small layer. */
static void set_call(fv_call *call, const fv_cpu_pass *p, int i, int block, int chunk,
                     float *const *base)
{
    const fv_program *program = p->program;
    const fv_op_step *step = program->steps + i;
    const fv_def *def = step->def;
    call->k = p->k;
    call->def = def;
    call->layout = program->layout;
    call->images = fv_cpu_images(p, block);
    call->slices = program->layout == FV_BATCH_LAST ? 1 : call->images;
    call->block_images = program->block_images;
    call->first_image = block * program->block_images;
    call->key = key_of(p->net, i);
    call->packed = base[FV_PACKED] + step->packed[0].at;
    for (int k = 0; k < FV_PARAMS_MAX; k++)
        call->params[k] = address(base, step->params[k]);
    call->w = call->params[FV_WEIGHT];
    call->b = call->params[FV_BIAS];
    call->y = base[FV_BLOCK] + step->y.at;
    call->dy = call->dx = NULL;
    call->saved = address(base, step->saved);
    call->scratch = base[FV_THREAD] + step->scratch.at;
    call->sums = base[FV_THREAD] + step->sums.at;
    call->partial = base[FV_PARTIAL] + step->partial.at + step->partial_size * chunk;
    call->shared = base[FV_SHARED] + step->shared.at;
    call->first = block == chunk_start(p, chunk);
    call->last = block == chunk_start(p, chunk + 1) - 1;
    for (int k = 0; k < def->n_inputs; k++) {
        call->xs[k] = base[FV_BLOCK] + step->x[k].at;
        call->dxs[k] = NULL;
    }
    call->x = def->n_inputs ? call->xs[0] : NULL;
}

/* ---- between passes over the blocks -------------------------------------------------------- */

static void set_grads(const fv_cpu_pass *p, const fv_op_step *step, float *grads[FV_PARAMS_MAX])
{
    for (int k = 0; k < FV_PARAMS_MAX; k++)
        grads[k] = step->params[k].space ? p->base[FV_GRADS] + step->params[k].at : NULL;
}

static void finish_stats(const fv_cpu_pass *p, int i, bool backward)
{
    fv_net *net = p->net;
    const fv_op_step *step = p->program->steps + i;
    const fv_def *def = step->def;
    fv_batch_stats stats = {
        .def = def,
        .layout = p->program->layout,
        .train = p->program->train,
        .images = net->n,
        .chunks = p->chunks,
        .block_images = p->program->block_images,
        .partial = p->base[FV_PARTIAL] + step->partial.at,
        .partial_size = step->partial_size,
        .shared = p->base[FV_SHARED] + step->shared.at,
        .buffers = address(p->base, step->buffers),
    };
    for (int k = 0; k < FV_PARAMS_MAX; k++)
        stats.params[k] = address(p->base, step->params[k]);
    set_grads(p, step, stats.grads);
    (backward ? def->op->stats_finish_backward : def->op->stats_finish)(&stats);
}

/* Layers over the whole batch that need no statistics in this mode get ready. */
static void prepare(const fv_cpu_pass *p)
{
    for (int i = 0; i < p->net->layers; i++)
        if (p->net->defs[i].op->stats_finish &&
            !fv_needs_stats(p->net->defs + i, p->program->train))
            finish_stats(p, i, false);
}

/* Packs the weights of layer i for both passes in train mode, else for forward. */
static void pack_layer(void *arg, int i, int thread)
{
    const fv_cpu_pass *p = arg;
    const fv_op_step *step = p->program->steps + i;
    float *base[FV_SPACES];
    if (!step->def->op->pack)
        return;
    set_base(p, thread, base);
    step->def->op->pack(p->k, step->def, p->program->layout, p->program->block_images,
                        address(base, step->params[FV_WEIGHT]), address(base, step->scratch),
                        address(base, step->packed[0]),
                        p->program->train ? address(base, step->packed[1]) : NULL);
}

enum { FEW_WEIGHTS = 1 << 15 }; /* packed sooner than another thread is called */

static void pack_layers(fv_cpu_pass *p)
{
    if (p->program->floats[FV_PACKED] >= FEW_WEIGHTS) {
        fv_parallel(p->net->object.ctx, p->net->layers, pack_layer, p);
        return;
    }
    for (int i = 0; i < p->net->layers; i++)
        pack_layer(p, i, 0);
}

/* ---- forward ------------------------------------------------------------------------------ */

static void forward_chunk(void *arg, int chunk, int thread)
{
    const fv_cpu_pass *p = arg;
    const int from = p->stage->from, to = p->stage->to, end = chunk_start(p, chunk + 1);
    float *base[FV_SPACES];
    fv_call call;
    set_base(p, thread, base);
    base[FV_BLOCK] += p->program->floats[FV_BLOCK] * chunk_start(p, chunk);
    for (int block = chunk_start(p, chunk); block < end;
         block++, base[FV_BLOCK] += p->program->floats[FV_BLOCK]) {
        if (from == 0)
            fv_cpu_load_inputs(p, block, base[FV_BLOCK]);
        for (int i = from; i < to; i++) {
            if (p->program->steps[i].view)
                continue;
            set_call(&call, p, i, block, chunk, base);
            call.def->op->forward(&call);
        }
        if (to == p->net->layers) {
            fv_cpu_store_outputs(p, block, base[FV_BLOCK]);
        } else {
            set_call(&call, p, to, block, chunk, base);
            call.def->op->stats_accumulate(&call);
        }
    }
}

/* ---- backward ----------------------------------------------------------------------------- */

/* Gradients of layer i's inputs in a block: the first consumer to write one writes or aliases it,
   the others add theirs. */
static void backward_layer(const fv_cpu_pass *p, int i, int block, int chunk, float *const *base)
{
    const fv_op_step *step = p->program->steps + i;
    const fv_def *def = step->def;
    bool aliases_dy = fv_is_view(def, p->program->layout, true) || def->op->flags & FV_ALIASES_DY;
    fv_call call;
    set_call(&call, p, i, block, chunk, base);
    call.packed = base[FV_PACKED] + step->packed[1].at;
    call.dy = base[FV_BLOCK] + step->dy.at;
    for (int k = 0; k < def->n_inputs; k++)
        call.dxs[k] = address(base, step->dx[k]);
    call.dx = call.dxs[0];
    if (!aliases_dy && def->op->backward)
        def->op->backward(&call);
    for (int k = 0; k < def->n_inputs; k++) {
        float *to = base[FV_BLOCK] + step->gradient[k].at;
        if (step->accumulates[k])
            p->k->add(step->floats[k], to, aliases_dy ? call.dy : call.dxs[k], to);
        else if (step->copies[k])
            memcpy(to, call.dy, step->floats[k] * sizeof *to);
    }
}

static void backward_chunk(void *arg, int chunk, int thread)
{
    const fv_cpu_pass *p = arg;
    const int from = p->stage->from, to = p->stage->to, end = chunk_start(p, chunk + 1);
    float *base[FV_SPACES];
    set_base(p, thread, base);
    base[FV_BLOCK] += p->program->floats[FV_BLOCK] * chunk_start(p, chunk);
    for (int block = chunk_start(p, chunk); block < end;
         block++, base[FV_BLOCK] += p->program->floats[FV_BLOCK]) {
        if (to == p->net->layers)
            fv_cpu_load_gradients(p, block, base[FV_BLOCK]);
        for (int i = to - 1; i >= from; i--)
            if (p->net->defs[i].n_inputs > 0 && p->net->defs[i].wants_gradient)
                backward_layer(p, i, block, chunk, base);
        if (from == 0) {
            fv_cpu_store_gradients(p, block, base[FV_BLOCK]);
        } else {
            fv_call call;
            set_call(&call, p, from - 1, block, chunk, base);
            call.dy = base[FV_BLOCK] + p->program->steps[from - 1].dy.at;
            call.def->op->stats_accumulate_backward(&call);
        }
    }
}

static int items_of(const fv_cpu_pass *p, int i)
{
    const fv_def *def = p->net->defs + i;
    return def->op->reduce_items && def->shares_weights_of < 0
               ? def->op->reduce_items(def, p->program->layout)
               : 0;
}

static void reduce_layer(const fv_cpu_pass *p, int i, int item)
{
    const fv_op_step *step = p->program->steps + i;
    fv_sums sums = {
        .k = p->k,
        .def = step->def,
        .layout = p->program->layout,
        .blocks = p->blocks,
        .chunks = p->chunks,
        .step = p->program->floats[FV_BLOCK],
        .dy = address(p->base, step->dy),
        .saved = address(p->base, step->saved),
        .partial = address(p->base, step->partial),
    };
    set_grads(p, step, sums.grads);
    step->def->op->reduce(&sums, item);
}

/* Item number `item` of the sums of all layers, counted from the first layer on; layers that share
   their parameters add theirs one after the other. */
static void reduce_item(void *arg, int item, int thread)
{
    (void)thread;
    const fv_cpu_pass *p = arg;
    int i = 0;
    for (; item >= items_of(p, i); i++)
        item -= items_of(p, i);
    reduce_layer(p, i, item);
    for (int k = i + 1; k < p->net->layers; k++)
        if (p->net->defs[k].shares_weights_of == i)
            reduce_layer(p, k, item);
}

static void reduce(fv_cpu_pass *p)
{
    int items = 0;
    for (int i = 0; i < p->net->layers; i++)
        items += items_of(p, i);
    fv_parallel(p->net->object.ctx, items, reduce_item, p);
}

/* ---- the engine --------------------------------------------------------------------------- */

/* Where a space begins in the memory of a program; FV_SPACES: the end of all. */
static size_t start_of(const fv_program *program, int threads, fv_space space)
{
    size_t at = 0;
    for (int s = FV_BLOCK; s < (int)space && s <= FV_ROWS; s++)
        at += program->floats[s] * (s == FV_BLOCK    ? (size_t)program->blocks
                                    : s == FV_THREAD ? (size_t)threads
                                                     : 1);
    return at;
}

static float *reserve(fv_ctx *ctx, const fv_program *program, float **rows)
{
    float *memory = fv_alloc(ctx, 1, fv_program_bytes(program, ctx->threads));
    if (memory)
        *rows = memory + start_of(program, ctx->threads, FV_ROWS);
    return memory;
}

static void release(fv_ctx *ctx, float *memory)
{
    fv_release(ctx, memory);
}

static void run(fv_net *net, fv_plan *plan, const fv_stage *stage, const fv_batch *batches)
{
    fv_ctx *ctx = net->object.ctx;
    const fv_program *program = &plan->program;
    fv_cpu_pass p = {
        .net = net,
        .program = program,
        .stage = stage,
        .batches = batches,
        .k = ctx->engine->kernels,
        .blocks = fv_blocks(net->n, program->block_images),
        .base = {[FV_VALUES] = net->values, [FV_GRADS] = net->grads, [FV_BUFFERS] = net->buffers}};
    p.chunks = p.blocks < FV_CHUNKS_MAX ? p.blocks : FV_CHUNKS_MAX;
    for (int s = FV_BLOCK; s <= FV_ROWS; s++)
        p.base[s] = plan->memory + start_of(program, ctx->threads, (fv_space)s);
    switch (stage->verb) {
    case FV_PACK: pack_layers(&p); break;
    case FV_PREPARE: prepare(&p); break;
    case FV_FORWARD: fv_parallel(ctx, p.chunks, forward_chunk, &p); break;
    case FV_FINISH: finish_stats(&p, stage->from, false); break;
    case FV_BACKWARD: fv_parallel_back(ctx, p.chunks, backward_chunk, &p); break;
    case FV_FINISH_BACKWARD: finish_stats(&p, stage->from, true); break;
    case FV_REDUCE: reduce(&p); break;
    }
}

/* In a space that a net keeps between passes. */
static float *net_address(const fv_net *net, fv_place place)
{
    float *start = place.space == FV_VALUES  ? net->values
                   : place.space == FV_GRADS ? net->grads
                                             : net->buffers;
    return start + place.at;
}

enum { ZERO_FLOATS = 1 << 14 }; /* of an item */

typedef struct zeros {
    float *at;
    size_t n;
} zeros;

static void zero_piece(void *arg, int item, int thread)
{
    (void)thread;
    const zeros *z = arg;
    size_t from = (size_t)item * ZERO_FLOATS, left = z->n - from;
    memset(z->at + from, 0, (left < ZERO_FLOATS ? left : ZERO_FLOATS) * sizeof *z->at);
}

static void zero(fv_net *net, fv_place at, size_t n)
{
    zeros z = {net_address(net, at), n};
    fv_parallel(net->object.ctx, (int)((n + ZERO_FLOATS - 1) / ZERO_FLOATS), zero_piece, &z);
}

static void get(const fv_net *net, fv_place from, void *to, size_t bytes)
{
    memcpy(to, net_address(net, from), bytes);
}

static void put(fv_net *net, fv_place to, const void *from, size_t bytes)
{
    memcpy(net_address(net, to), from, bytes);
}

static const fv_engine_kind cpu = {
    .name = "cpu",
    .reserve = reserve,
    .release = release,
    .run = run,
    .zero = zero,
    .get = get,
    .put = put,
};

void fv_cpu_open(fv_ctx *ctx, const char *kernels)
{
    fv_engine *engine = ctx->engine;
    engine->kind = &cpu;
    engine->kernels = fv_kernels_pick(kernels, &engine->why);
    if (engine->kernels)
        return;
    fv_fail(ctx, fv_kernels_known(kernels) ? FV_E_DEVICE : FV_E_ARG,
            "kernels \"%s\" cannot be used: %s\nhelp: this machine has %s", kernels, engine->why,
            fv_kernels_available());
    engine->kernels = fv_kernels_pick(NULL, &engine->why);
}
