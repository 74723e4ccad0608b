/*
 * run.c - forward and backward: a batch goes through the layers in blocks of FV_LANES images.
 *
 * Blocks are independent of each other, so a thread takes a chunk of them through all layers at
 * once, while their numbers are in its cache. Backward does the same from the last layer to the
 * first and leaves sums over its chunk; then the chunks' sums are added up in order, layer by
 * layer. Threads change who does what, never an order. Layer 3. Calls the ops and the base.
 */
#include "net/net.h"

#include <string.h>

/* What the threads share during one pass. */
typedef struct pass {
    fv_net *net;
    fv_plan *plan;
    const fv_batch *batch; /* forward only */
    int blocks, chunks;
} pass;

static pass pass_of(fv_net *net, fv_plan *plan, const fv_batch *batch)
{
    int blocks = (net->n + plan->images - 1) / plan->images;
    return (pass){net, plan, batch, blocks, blocks < FV_CHUNKS_MAX ? blocks : FV_CHUNKS_MAX};
}

static int chunk_start(const pass *p, int chunk)
{
    return (int)((int64_t)p->blocks * chunk / p->chunks);
}

static float *region_of(const fv_plan *plan, int block)
{
    return plan->memory + plan->region * block;
}

/* The first partial gradient of a layer, for a chunk. */
static float *part_of(const fv_plan *plan, const fv_def *def, const fv_slot *slot, int chunk)
{
    size_t part = def->op->need ? def->op->need(def, plan->layout, plan->images).part : 0;
    return plan->memory + plan->region * plan->blocks + slot->part + part * chunk;
}

static float *scratch_of(const fv_plan *plan, int thread)
{
    return plan->memory + plan->region * plan->blocks + plan->parts +
           (plan->scratch + plan->lanes) * thread;
}

/* A layer's weights as forward, or backward, reads them. */
static float *packed_of(const fv_net *net, const fv_plan *plan, const fv_slot *slot, bool backward)
{
    return scratch_of(plan, net->object.ctx->threads) + slot->packed[backward];
}

/* Images of this block. */
static int images_in(const pass *p, int block)
{
    int left = p->net->n - block * p->plan->images;
    return left < p->plan->images ? left : p->plan->images;
}

static fv_run run_of(const pass *p, int i, int block, int thread, bool backward)
{
    const fv_def *def = p->net->defs + i;
    const fv_slot *slot = p->plan->slots + i;
    float *region = region_of(p->plan, block);
    return (fv_run){
        .k = p->net->object.ctx->kernels,
        .def = def,
        .layout = p->plan->layout,
        .turns = p->plan->layout == FV_BATCH_LAST ? 1 : images_in(p, block),
        .room = p->plan->images,
        .packed = packed_of(p->net, p->plan, slot, backward),
        .b = def->biases ? p->net->values + def->bias_offset : NULL,
        .x = i > 0 ? region + slot[-1].y : NULL,
        .y = region + slot->y,
        .saved = p->plan->train ? region + slot->saved : NULL,
        .scratch = scratch_of(p->plan, thread),
        .lanes = scratch_of(p->plan, thread) + p->plan->scratch + slot->lanes,
    };
}

/* Packs the weights of layer i for both passes in train mode, else for forward. */
static void pack_layer(void *arg, int i, int thread)
{
    (void)thread;
    const pass *p = arg;
    const fv_def *def = p->net->defs + i;
    for (int backward = 0; def->op->pack && backward <= p->plan->train; backward++)
        def->op->pack(p->net->object.ctx->kernels, def, p->plan->layout, p->plan->images, backward,
                      p->net->values + def->weight_offset,
                      packed_of(p->net, p->plan, p->plan->slots + i, backward));
}

/* ---- forward ------------------------------------------------------------------------------ */

/* x [C][H*W][L] from the batch's pixels [n][C][H*W], normalised. */
static void load_lanes(const pass *p, int block, float *x)
{
    const fv_net *net = p->net;
    const fv_def *input = net->defs;
    const fv_kernels *k = net->object.ctx->kernels;
    size_t area = (size_t)input->out.h * input->out.w, image = fv_shape_count(input->out);
    bool norm = input->image.normalize;
    for (int c = 0; c < input->out.c; c++, x += area * FV_LANES) {
        const uint8_t *u8[FV_LANES] = {0};
        const float *f32[FV_LANES] = {0};
        for (int l = 0; l < images_in(p, block); l++) {
            size_t at = (size_t)(block * FV_LANES + l) * image + c * area;
            if (p->batch->type == FV_U8)
                u8[l] = (const uint8_t *)p->batch->pixels + at;
            else
                f32[l] = (const float *)p->batch->pixels + at;
        }
        if (p->batch->type == FV_U8)
            k->load_u8(area, u8, net->tables + (norm ? c * 256 : 0), x);
        else
            k->load_f32(area, f32, norm ? input->image.mean[c] : 0.0f,
                        norm ? input->image.std[c] : 1.0f, x);
    }
}

/* x [H*W][C] of one image from its pixels [C][H*W], normalised. */
static void load_image(const pass *p, int image, float *x)
{
    const fv_def *input = p->net->defs;
    size_t area = (size_t)input->out.h * input->out.w, C = input->out.c, at = image * C * area;
    bool norm = input->image.normalize;
    for (size_t c = 0; c < C; c++, at += area) {
        const uint8_t *u8 = (const uint8_t *)p->batch->pixels + at;
        const float *f32 = (const float *)p->batch->pixels + at;
        const float *table = p->net->tables + (norm ? c * 256 : 0);
        float mean = norm ? input->image.mean[c] : 0.0f, std = norm ? input->image.std[c] : 1.0f;
        for (size_t i = 0; i < area; i++)
            x[i * C + c] = p->batch->type == FV_U8 ? table[u8[i]] : (f32[i] - mean) / std;
    }
}

static void load_block(const pass *p, int block, float *x)
{
    if (p->plan->layout == FV_BATCH_LAST) {
        load_lanes(p, block, x);
        return;
    }
    size_t image = fv_shape_count(fv_net_in(p->net));
    for (int i = 0; i < images_in(p, block); i++)
        load_image(p, block * p->plan->images + i, x + i * image);
}

/* rows [n][C*H*W] of the batch from a block of a tensor, or the other way round. */
static void store_block(const pass *p, int block, fv_shape shape, const float *x, float *rows)
{
    const fv_kernels *k = p->net->object.ctx->kernels;
    size_t image = fv_shape_count(shape);
    rows += block * p->plan->images * image;
    if (p->plan->layout == FV_BATCH_LAST) {
        k->store_rows(image, images_in(p, block), x, rows);
        return;
    }
    for (int i = 0; i < images_in(p, block); i++)
        k->turn((size_t)shape.h * shape.w, shape.c, x + i * image, rows + i * image);
}

static void load_rows(const pass *p, int block, fv_shape shape, const float *rows, float *x)
{
    const fv_kernels *k = p->net->object.ctx->kernels;
    const float *lanes[FV_LANES] = {0};
    size_t image = fv_shape_count(shape);
    rows += block * p->plan->images * image;
    for (int i = 0; i < images_in(p, block); i++)
        if (p->plan->layout == FV_BATCH_LAST)
            lanes[i] = rows + i * image;
        else
            k->turn(shape.c, (size_t)shape.h * shape.w, rows + i * image, x + i * image);
    if (p->plan->layout == FV_BATCH_LAST)
        k->load_f32(image, lanes, 0.0f, 1.0f, x);
}

static void forward_chunk(void *arg, int chunk, int thread)
{
    const pass *p = arg;
    const fv_net *net = p->net;
    for (int block = chunk_start(p, chunk); block < chunk_start(p, chunk + 1); block++) {
        float *region = region_of(p->plan, block);
        load_block(p, block, region + p->plan->slots[0].y);
        for (int i = 1; i < net->layers; i++) {
            fv_run run = run_of(p, i, block, thread, false);
            if (run.def->op->forward && !fv_is_view(run.def, run.layout))
                run.def->op->forward(&run);
        }
        store_block(p, block, fv_net_out(net), region + p->plan->slots[net->layers - 1].y,
                    p->plan->output);
    }
}

static fv_status check_batch(fv_net *net, const fv_batch *b)
{
    fv_ctx *ctx = net->object.ctx;
    fv_shape in = fv_net_in(net);
    if (!b || b->n < 1 || !b->pixels || (b->type != FV_U8 && b->type != FV_F32))
        return fv_fail(ctx, FV_E_ARG,
                       "fv_forward: a batch must have 1 or more images of uint8 or float32 pixels");
    if (b->channels != in.c || b->height != in.h || b->width != in.w)
        return fv_fail(ctx, FV_E_SHAPE,
                       "the net takes images [N,%d,%d,%d], but the batch has [%d,%d,%d,%d]\n"
                       "help: resize the images, or build the net with fv_input(ctx, %d, %d, %d)",
                       in.c, in.h, in.w, b->n, b->channels, b->height, b->width, b->channels,
                       b->height, b->width);
    return FV_OK;
}

fv_status fv_forward(fv_net *net, const fv_batch *batch)
{
    if (!net)
        return FV_E_ARG;
    fv_ctx *ctx = net->object.ctx;
    if (fv_error(ctx) || check_batch(net, batch))
        return fv_error(ctx);
    fv_plan *plan = fv_plan_ready(net, batch->n);
    if (!plan)
        return fv_error(ctx);
    net->n = batch->n;
    net->last = plan;
    pass p = pass_of(net, plan, batch);
    if (plan->train || net->shown || plan->packed_at != net->changes)
        fv_parallel(ctx, net->layers, pack_layer, &p);
    plan->packed_at = net->changes;
    fv_parallel(ctx, p.chunks, forward_chunk, &p);
    net->stage = FV_RAN;
    return FV_OK;
}

const float *fv_output(const fv_net *net)
{
    return net && net->last ? net->last->output : NULL;
}

/* ---- backward ----------------------------------------------------------------------------- */

/* Chunks go the other way round than in forward: what ran last is still in a cache. */
static void backward_chunk(void *arg, int item, int thread)
{
    const pass *p = arg;
    const int chunk = p->chunks - 1 - item;
    const fv_net *net = p->net;
    const fv_slot *slots = p->plan->slots;
    int first = chunk_start(p, chunk), end = chunk_start(p, chunk + 1), last = net->layers - 1;
    for (int block = first; block < end; block++) {
        float *region = region_of(p->plan, block);
        load_rows(p, block, fv_net_out(net), p->plan->doutput, region + slots[last].dy);
        for (int i = last; i > 0 && fv_wants_gradient(net, i); i--) {
            fv_run run = run_of(p, i, block, thread, true);
            run.dy = region + slots[i].dy;
            run.dx = fv_wants_gradient(net, i - 1) ? region + slots[i - 1].dy : NULL;
            run.part = part_of(p->plan, run.def, slots + i, chunk);
            run.first = block == first;
            run.last = block == end - 1;
            if (run.def->op->backward && !fv_is_view(run.def, run.layout))
                run.def->op->backward(&run);
        }
        if (p->plan->dinput)
            store_block(p, block, fv_net_in(net), region + slots[0].dy, p->plan->dinput);
    }
}

/* Item number `item` of all layers' sums, counted from the first layer on. */
static void reduce_item(void *arg, int item, int thread)
{
    (void)thread;
    const pass *p = arg;
    const fv_net *net = p->net;
    int i = 0;
    for (;; i++) {
        const fv_def *def = net->defs + i;
        int items = def->op->reduce_items ? def->op->reduce_items(def, p->plan->layout) : 0;
        if (item < items)
            break;
        item -= items;
    }
    const fv_def *def = net->defs + i;
    const fv_slot *slot = p->plan->slots + i;
    fv_sums sums = {
        .k = net->object.ctx->kernels,
        .def = def,
        .layout = p->plan->layout,
        .blocks = p->blocks,
        .chunks = p->chunks,
        .step = p->plan->region,
        .dy = p->plan->memory + slot->dy,
        .saved = p->plan->memory + slot->saved,
        .part = part_of(p->plan, def, slot, 0),
        .dw = net->grads + def->weight_offset,
        .db = def->biases ? net->grads + def->bias_offset : NULL,
    };
    def->op->reduce(&sums, item);
}

fv_status fv_backward(fv_net *net)
{
    if (!net)
        return FV_E_ARG;
    fv_ctx *ctx = net->object.ctx;
    if (fv_error(ctx))
        return fv_error(ctx);
    if (net->stage != FV_HAS_LOSS)
        return fv_fail(ctx, FV_E_STATE,
                       "fv_backward without a loss to start from\n"
                       "help: in train mode, fv_forward, then a loss of mean or sum, then "
                       "fv_backward once");
    pass p = pass_of(net, net->last, NULL);
    int items = 0;
    for (int i = 0; i < net->layers; i++)
        if (net->defs[i].op->reduce_items)
            items += net->defs[i].op->reduce_items(net->defs + i, net->last->layout);
    fv_parallel(ctx, p.chunks, backward_chunk, &p);
    fv_parallel(ctx, items, reduce_item, &p);
    net->stage = FV_RAN;
    return FV_OK;
}

const float *fv_input_gradient(const fv_net *net)
{
    return net && net->last ? net->last->dinput : NULL;
}

fv_status fv_zero_grad(fv_net *net)
{
    if (!net)
        return FV_E_ARG;
    if (fv_error(net->object.ctx))
        return fv_error(net->object.ctx);
    memset(net->grads, 0, net->size * sizeof *net->grads);
    return FV_OK;
}
