/*
 * run.c - forward and backward: a batch goes through the layers in blocks of FV_LANES images.
 *
 * Blocks are independent of each other, so a thread takes a chunk of them through all layers at
 * once, while their numbers are in its cache. Backward does the same from the last layer to the
 * first and leaves sums over its chunk; then the chunks' sums are added up in order, layer by
 * layer. A layer over the whole batch, such as batch normalisation, parts a pass in two: before it
 * all chunks meet. Threads change who does what, never an order. Layer 3. Calls the ops and the
 * base.
 */
#include "net/net.h"

#include <string.h>

/* What the threads share during one pass. */
typedef struct pass {
    fv_net *net;
    fv_plan *plan;
    const fv_batch *batches; /* one for each input; forward only */
    int blocks, chunks;
    int from, to; /* the layers to go through; at `to` the chunks meet */
} pass;

static pass pass_of(fv_net *net, fv_plan *plan, const fv_batch *batches)
{
    int blocks = fv_blocks(net->n, plan->images);
    return (pass){.net = net,
                  .plan = plan,
                  .batches = batches,
                  .blocks = blocks,
                  .chunks = blocks < FV_CHUNKS_MAX ? blocks : FV_CHUNKS_MAX};
}

static int chunk_start(const pass *p, int chunk)
{
    return (int)((int64_t)p->blocks * chunk / p->chunks);
}

static float *region_of(const fv_plan *plan, int block)
{
    return plan->memory + plan->region * block;
}

/* A layer's sums over a chunk. */
static float *partial_of(const fv_plan *plan, const fv_slot *slot, int chunk)
{
    return plan->memory + plan->region * plan->blocks + slot->partial + slot->partial_size * chunk;
}

static float *scratch_of(const fv_plan *plan, int thread)
{
    return plan->memory + plan->region * plan->blocks + plan->partials +
           (plan->scratch + plan->sums) * thread;
}

/* A layer's weights as forward, or backward, reads them. */
static float *packed_of(const fv_net *net, const fv_plan *plan, const fv_slot *slot, bool backward)
{
    return scratch_of(plan, net->object.ctx->threads) + slot->packed[backward];
}

/* What a meeting of a layer leaves. */
static float *shared_of(const fv_net *net, const fv_plan *plan, const fv_slot *slot)
{
    return scratch_of(plan, net->object.ctx->threads) + plan->packed + slot->shared;
}

/* Images of this block. */
static int images_in(const pass *p, int block)
{
    int left = p->net->n - block * p->plan->images;
    return left < p->plan->images ? left : p->plan->images;
}

/* Numbers of a kind for each layer and step, from the seed. */
static uint64_t key_of(const fv_net *net, int layer)
{
    return fv_mix64(net->object.ctx->seed + 0x9e3779b97f4a7c15u * (net->steps * 4096 + layer + 1));
}

/* The run of layer i over a block of a chunk, field by field: made elsewhere and copied it would
   take as long as a small layer. */
static void set_call(fv_call *call, const pass *p, int i, int block, int chunk, int thread)
{
    const fv_net *net = p->net;
    const fv_plan *plan = p->plan;
    const fv_def *def = net->defs + i;
    const fv_slot *slot = plan->slots + i;
    float *region = region_of(plan, block);
    call->k = net->object.ctx->kernels;
    call->def = def;
    call->layout = plan->layout;
    call->images = images_in(p, block);
    call->slices = plan->layout == FV_BATCH_LAST ? 1 : call->images;
    call->block_images = plan->images;
    call->first_image = block * plan->images;
    call->key = key_of(net, i);
    call->packed = packed_of(net, plan, slot, false);
    call->w = def->weights ? net->values + def->weight_offset : NULL;
    call->b = def->biases ? net->values + def->bias_offset : NULL;
    call->y = region + slot->y;
    call->dy = call->dx = NULL;
    call->saved = plan->train ? region + slot->saved : NULL;
    call->scratch = scratch_of(plan, thread);
    call->sums = call->scratch + plan->scratch + slot->sums;
    call->partial = partial_of(plan, slot, chunk);
    call->shared = shared_of(net, plan, slot);
    call->first = block == chunk_start(p, chunk);
    call->last = block == chunk_start(p, chunk + 1) - 1;
    for (int k = 0; k < def->n_inputs; k++) {
        call->xs[k] = region + plan->slots[def->inputs[k]].y;
        call->dxs[k] = NULL;
    }
    call->x = def->n_inputs ? call->xs[0] : NULL;
}

static void meet(const pass *p, int i, bool backward)
{
    fv_net *net = p->net;
    const fv_def *def = net->defs + i;
    const fv_slot *slot = p->plan->slots + i;
    fv_batch_stats meeting = {
        .def = def,
        .layout = p->plan->layout,
        .train = p->plan->train,
        .images = net->n,
        .chunks = p->chunks,
        .block_images = p->plan->images,
        .partial = partial_of(p->plan, slot, 0),
        .partial_size = slot->partial_size,
        .shared = shared_of(net, p->plan, slot),
        .w = def->weights ? net->values + def->weight_offset : NULL,
        .b = def->biases ? net->values + def->bias_offset : NULL,
        .dw = def->weights ? net->grads + def->weight_offset : NULL,
        .db = def->biases ? net->grads + def->bias_offset : NULL,
        .buffers = net->buffers + def->buffer_offset,
    };
    (backward ? def->op->stats_finish_backward : def->op->stats_finish)(&meeting);
}

/* Packs the weights of layer i for both passes in train mode, else for forward. */
static void pack_layer(void *arg, int i, int thread)
{
    const pass *p = arg;
    const fv_def *def = p->net->defs + i;
    const fv_slot *slot = p->plan->slots + i;
    if (def->op->pack)
        def->op->pack(p->net->object.ctx->kernels, def, p->plan->layout, p->plan->images,
                      p->net->values + def->weight_offset, scratch_of(p->plan, thread),
                      packed_of(p->net, p->plan, slot, false),
                      p->plan->train ? packed_of(p->net, p->plan, slot, true) : NULL);
}

/* ---- forward ------------------------------------------------------------------------------ */

/* x [C][H*W][L] from the batch's pixels [n][C][H*W], normalised. */
static void load_lanes(const pass *p, const fv_def *input, const fv_batch *batch, int block,
                       float *x)
{
    const fv_kernels *k = p->net->object.ctx->kernels;
    const float *tables = p->net->tables + input->image.table;
    size_t area = (size_t)input->out.h * input->out.w, image = fv_shape_count(input->out);
    bool norm = input->image.normalize;
    for (int c = 0; c < input->out.c; c++, x += area * FV_LANES) {
        const uint8_t *u8[FV_LANES] = {0};
        const float *f32[FV_LANES] = {0};
        for (int l = 0; l < images_in(p, block); l++) {
            size_t at = (size_t)(block * FV_LANES + l) * image + c * area;
            if (batch->type == FV_U8)
                u8[l] = (const uint8_t *)batch->pixels + at;
            else
                f32[l] = (const float *)batch->pixels + at;
        }
        if (batch->type == FV_U8)
            k->load_u8(area, u8, tables + (norm ? c * 256 : 0), x);
        else
            k->load_f32(area, f32, norm ? input->image.mean[c] : 0.0f,
                        norm ? input->image.std[c] : 1.0f, x);
    }
}

/* x [n], step floats apart, from a table; four at a time, for compilers do not. */
static void look_up(size_t n, const uint8_t *pixels, const float *table, size_t step, float *x)
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4, x += 4 * step) {
        x[0] = table[pixels[i]];
        x[step] = table[pixels[i + 1]];
        x[2 * step] = table[pixels[i + 2]];
        x[3 * step] = table[pixels[i + 3]];
    }
    for (; i < n; i++, x += step)
        *x = table[pixels[i]];
}

/* x [H*W][C] of one image from its pixels [C][H*W], normalised. */
static void load_image(const pass *p, const fv_def *input, const fv_batch *batch, int image,
                       float *x)
{
    size_t area = (size_t)input->out.h * input->out.w, C = input->out.c, at = image * C * area;
    bool norm = input->image.normalize;
    for (size_t c = 0; c < C; c++, at += area) {
        const uint8_t *u8 = (const uint8_t *)batch->pixels + at;
        const float *f32 = (const float *)batch->pixels + at;
        const float *table = p->net->tables + input->image.table + (norm ? c * 256 : 0);
        float mean = norm ? input->image.mean[c] : 0.0f, std = norm ? input->image.std[c] : 1.0f;
        if (batch->type == FV_U8)
            look_up(area, u8, table, C, x + c);
        for (size_t i = 0; batch->type == FV_F32 && i < area; i++)
            x[i * C + c] = (f32[i] - mean) / std;
    }
}

static void load_block(const pass *p, int input, int block)
{
    const fv_def *def = p->net->defs + p->net->inputs[input];
    const fv_batch *batch = p->batches + input;
    float *x = region_of(p->plan, block) + p->plan->slots[p->net->inputs[input]].y;
    if (p->plan->layout == FV_BATCH_LAST) {
        load_lanes(p, def, batch, block, x);
        return;
    }
    size_t image = fv_shape_count(def->out);
    for (int i = 0; i < images_in(p, block); i++)
        load_image(p, def, batch, block * p->plan->images + i, x + i * image);
}

/* rows [n][C*H*W] of the batch from a block of a tensor, or the other way round. */
static void store_block(const pass *p, int block, fv_shape shape, const float *x, float *rows)
{
    const fv_kernels *k = p->net->object.ctx->kernels;
    size_t image = fv_shape_count(shape);
    rows += block * p->plan->images * image;
    if (p->plan->layout == FV_BATCH_LAST) {
        k->store_rows(image, images_in(p, block), x, FV_LANES, rows);
        return;
    }
    for (int i = 0; i < images_in(p, block); i++)
        k->transpose((size_t)shape.h * shape.w, shape.c, x + i * image, rows + i * image);
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
            k->transpose(shape.c, (size_t)shape.h * shape.w, rows + i * image, x + i * image);
    if (p->plan->layout == FV_BATCH_LAST)
        k->load_f32(image, lanes, 0.0f, 1.0f, x);
}

/* Inputs before the first layer, outputs after the last. */
static void load_inputs(const pass *p, int block)
{
    for (int i = 0; i < p->net->n_inputs; i++)
        load_block(p, i, block);
}

static void store_outputs(const pass *p, int block)
{
    const fv_net *net = p->net;
    for (int i = 0; i < net->n_outputs; i++)
        store_block(p, block, net->defs[net->outputs[i]].out,
                    region_of(p->plan, block) + p->plan->slots[net->outputs[i]].y,
                    p->plan->output[i]);
}

static void forward_chunk(void *arg, int chunk, int thread)
{
    const pass *p = arg;
    const fv_net *net = p->net;
    fv_call call;
    for (int block = chunk_start(p, chunk); block < chunk_start(p, chunk + 1); block++) {
        if (p->from == 0)
            load_inputs(p, block);
        for (int i = p->from; i < p->to; i++) {
            const fv_def *def = net->defs + i;
            if (!def->op->forward || fv_is_view(def, p->plan->layout, p->plan->train))
                continue;
            set_call(&call, p, i, block, chunk, thread);
            def->op->forward(&call);
        }
        if (p->to == net->layers) {
            store_outputs(p, block);
        } else {
            set_call(&call, p, p->to, block, chunk, thread);
            call.def->op->stats_accumulate(&call);
        }
    }
}

static fv_status check_batch(fv_net *net, const fv_batch *batches, int index)
{
    fv_ctx *ctx = net->object.ctx;
    const fv_batch *b = batches + index;
    fv_shape in = net->defs[net->inputs[index]].out;
    if (b->n < 1 || !b->pixels || (b->type != FV_U8 && b->type != FV_F32))
        return fv_fail(ctx, FV_E_ARG,
                       "fv_forward: a batch must have 1 or more images of uint8 or float32 pixels");
    if (b->n != batches->n)
        return fv_fail(ctx, FV_E_SHAPE,
                       "fv_forward: the batch for input %d has %d images, that for input 0 has %d",
                       index, b->n, batches->n);
    if (b->channels != in.c || b->height != in.h || b->width != in.w)
        return fv_fail(ctx, FV_E_SHAPE,
                       "the net takes images [N,%d,%d,%d], but the batch has [%d,%d,%d,%d]\n"
                       "help: resize the images, or build the net with fv_input(ctx, %d, %d, %d)",
                       in.c, in.h, in.w, b->n, b->channels, b->height, b->width, b->channels,
                       b->height, b->width);
    return FV_OK;
}

/* A mean and a variance need more than one number. */
static fv_status check_stats(fv_net *net, int n)
{
    for (int i = 0; i < net->layers; i++) {
        const fv_def *def = net->defs + i;
        if (fv_needs_stats(def, net->train) && (size_t)n * def->in.h * def->in.w < 2)
            return fv_fail(net->object.ctx, FV_E_SHAPE,
                           "layer \"%s\": the mean over a batch needs more than one value per "
                           "channel, but its input is [1,%d,1,1]\n"
                           "help: batches of 2 or more (.drop_last = true leaves out a last one of "
                           "1), or fv_eval_mode",
                           def->name, def->in.c);
    }
    return FV_OK;
}

enum { FEW_WEIGHTS = 1 << 15 }; /* packed sooner than another thread is called */

static void pack_layers(pass *p)
{
    if (p->plan->packed >= FEW_WEIGHTS) {
        fv_parallel(p->net->object.ctx, p->net->layers, pack_layer, p);
        return;
    }
    for (int i = 0; i < p->net->layers; i++)
        pack_layer(p, i, 0);
}

/* Packs weights where they may have changed; ops over the whole batch that do not meet in this mode
   get ready. */
static void prepare(pass *p)
{
    fv_net *net = p->net;
    fv_plan *plan = p->plan;
    net->steps += plan->train;
    if (plan->train || net->shown || plan->packed_at != net->changes)
        pack_layers(p);
    plan->packed_at = net->changes;
    for (int i = 0; i < net->layers; i++)
        if (net->defs[i].op->stats_finish && !fv_needs_stats(net->defs + i, plan->train))
            meet(p, i, false);
}

fv_status fv_forward_inputs(fv_net *net, const fv_batch *batches, int n)
{
    if (!net)
        return fv_absent(__func__);
    fv_ctx *ctx = net->object.ctx;
    if (fv_error(ctx))
        return fv_error(ctx);
    if (!batches || n != net->n_inputs)
        return fv_fail(ctx, FV_E_ARG, "the net has %d inputs; fv_forward got %d batches",
                       net->n_inputs, batches ? n : 0);
    for (int i = 0; i < n; i++)
        if (check_batch(net, batches, i))
            return fv_error(ctx);
    fv_plan *plan = check_stats(net, batches->n) ? NULL : fv_plan_ready(net, batches->n);
    if (!plan)
        return fv_error(ctx);
    net->n = batches->n;
    net->last = plan;
    pass p = pass_of(net, plan, batches);
    prepare(&p);
    for (p.to = 0; p.to < net->layers; p.from = p.to) {
        do
            p.to++;
        while (p.to < net->layers && !fv_needs_stats(net->defs + p.to, plan->train));
        fv_parallel(ctx, p.chunks, forward_chunk, &p);
        if (p.to < net->layers)
            meet(&p, p.to, false);
    }
    net->stage = FV_RAN;
    return FV_OK;
}

fv_status fv_forward(fv_net *net, const fv_batch *batch)
{
    return net ? fv_forward_inputs(net, batch, 1) : fv_absent(__func__);
}

const float *fv_output_at(const fv_net *net, int index)
{
    return FV_GIVEN(net) && net->last && index >= 0 && index < net->n_outputs
               ? net->last->output[index]
               : NULL;
}

const float *fv_output(const fv_net *net)
{
    return fv_output_at(net, 0);
}

/* ---- backward ----------------------------------------------------------------------------- */

/* Gradients of layer i's inputs in a block: where nobody has written before it writes, or has
   passed on, else it adds. */
static void backward_layer(const pass *p, int i, int block, int chunk, int thread)
{
    const fv_net *net = p->net;
    const fv_slot *slots = p->plan->slots;
    const fv_def *def = net->defs + i;
    float *region = region_of(p->plan, block), *extra = region + slots[i].extra;
    bool aliases_dy = fv_is_view(def, p->plan->layout, true) || def->op->flags & FV_ALIASES_DY;
    size_t floats[FV_INPUTS_MAX];
    fv_call call;
    set_call(&call, p, i, block, chunk, thread);
    call.packed = packed_of(net, p->plan, slots + i, true);
    call.dy = region + slots[i].dy;
    for (int k = 0; k < def->n_inputs; k++) {
        const fv_def *producer = net->defs + def->inputs[k];
        floats[k] = fv_round_up(fv_shape_count(producer->stored) * p->plan->images);
        if (!producer->wants_gradient)
            continue;
        call.dxs[k] = region + slots[def->inputs[k]].dy;
        if (def->accumulates >> k & 1 && !aliases_dy) {
            call.dxs[k] = extra;
            extra += floats[k];
        }
    }
    call.dx = call.dxs[0];
    if (!aliases_dy && def->op->backward)
        def->op->backward(&call);
    for (int k = 0; k < def->n_inputs; k++) {
        float *to = region + slots[def->inputs[k]].dy;
        if (call.dxs[k] && def->accumulates >> k & 1)
            call.k->add(floats[k], to, aliases_dy ? call.dy : call.dxs[k], to);
        else if (call.dxs[k] && aliases_dy && !(slots[i].aliased >> k & 1))
            memcpy(to, call.dy, floats[k] * sizeof *to);
    }
}

static void load_gradients(const pass *p, int block)
{
    const fv_net *net = p->net;
    for (int i = 0; i < net->n_outputs; i++)
        load_rows(p, block, net->defs[net->outputs[i]].out, p->plan->doutput[i],
                  region_of(p->plan, block) + p->plan->slots[net->outputs[i]].dy);
}

static void store_gradients(const pass *p, int block)
{
    const fv_net *net = p->net;
    for (int i = 0; i < net->n_inputs; i++) /* of an input that nobody reads it stays 0 */
        if (p->plan->dinput[i] && net->defs[net->inputs[i]].consumers)
            store_block(p, block, net->defs[net->inputs[i]].out,
                        region_of(p->plan, block) + p->plan->slots[net->inputs[i]].dy,
                        p->plan->dinput[i]);
}

/* Layers from p->to - 1 down to p->from. */
static void backward_chunk(void *arg, int chunk, int thread)
{
    const pass *p = arg;
    const fv_net *net = p->net;
    for (int block = chunk_start(p, chunk); block < chunk_start(p, chunk + 1); block++) {
        if (p->to == net->layers)
            load_gradients(p, block);
        for (int i = p->to - 1; i >= p->from; i--)
            if (net->defs[i].n_inputs > 0 && net->defs[i].wants_gradient)
                backward_layer(p, i, block, chunk, thread);
        if (p->from == 0) {
            store_gradients(p, block);
        } else {
            fv_call call;
            set_call(&call, p, p->from - 1, block, chunk, thread);
            call.dy = region_of(p->plan, block) + p->plan->slots[p->from - 1].dy;
            call.def->op->stats_accumulate_backward(&call);
        }
    }
}

static int items_of(const pass *p, int i)
{
    const fv_def *def = p->net->defs + i;
    return def->op->reduce_items && def->shares_weights_of < 0
               ? def->op->reduce_items(def, p->plan->layout)
               : 0;
}

static void reduce_layer(const pass *p, int i, int item)
{
    const fv_net *net = p->net;
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
        .partial = partial_of(p->plan, slot, 0),
        .dw = net->grads + def->weight_offset,
        .db = def->biases ? net->grads + def->bias_offset : NULL,
    };
    def->op->reduce(&sums, item);
}

/* Item number `item` of all layers' sums, counted from the first layer on; layers that share their
   parameters add theirs one after the other. */
static void reduce_item(void *arg, int item, int thread)
{
    (void)thread;
    const pass *p = arg;
    int i = 0;
    for (; item >= items_of(p, i); i++)
        item -= items_of(p, i);
    reduce_layer(p, i, item);
    for (int k = i + 1; k < p->net->layers; k++)
        if (p->net->defs[k].shares_weights_of == i)
            reduce_layer(p, k, item);
}

static bool needs_stats_backward(const fv_def *def)
{
    return def->op->stats_accumulate_backward && def->wants_gradient && fv_needs_stats(def, true);
}

fv_status fv_backward(fv_net *net)
{
    if (!net)
        return fv_absent(__func__);
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
    p.from = net->layers;
    for (bool met = false; !met || p.from > 0; met = true) {
        p.to = p.from;
        if (met)
            meet(&p, --p.from, true);
        while (p.from > 0 && !needs_stats_backward(net->defs + p.from - 1))
            p.from--;
        fv_parallel_back(ctx, p.chunks, backward_chunk, &p);
    }
    for (int i = 0; i < net->layers; i++)
        items += items_of(&p, i);
    fv_parallel(ctx, items, reduce_item, &p);
    net->stage = FV_RAN;
    return FV_OK;
}

const float *fv_input_gradient(const fv_net *net)
{
    return FV_GIVEN(net) && net->last ? net->last->dinput[0] : NULL;
}

enum { ZERO_FLOATS = 1 << 14 }; /* of an item */

static void zero_piece(void *arg, int item, int thread)
{
    (void)thread;
    fv_net *net = arg;
    size_t from = (size_t)item * ZERO_FLOATS, left = net->size - from;
    memset(net->grads + from, 0, (left < ZERO_FLOATS ? left : ZERO_FLOATS) * sizeof *net->grads);
}

fv_status fv_zero_grad(fv_net *net)
{
    if (!net)
        return fv_absent(__func__);
    if (fv_error(net->object.ctx))
        return fv_error(net->object.ctx);
    fv_parallel(net->object.ctx, (int)((net->size + ZERO_FLOATS - 1) / ZERO_FLOATS), zero_piece,
                net);
    return FV_OK;
}
