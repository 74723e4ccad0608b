/*
 * run.c - forward, loss, backward: a batch goes through the layers in blocks of FV_LANES images.
 *
 * Blocks are independent of each other, so a thread takes a chunk of them through all layers at
 * once, while their numbers are in its cache. Backward does the same from the last layer to the
 * first and leaves sums over its chunk; then the chunks' sums are added up in order, layer by
 * layer. Threads change who does what, never an order. Layer 3. Calls the ops and the base.
 */
#include "net/net.h"

#include <math.h>
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
    int blocks = (net->n + FV_LANES - 1) / FV_LANES;
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
    size_t part = def->op->need ? def->op->need(def).part : 0;
    return plan->memory + plan->region * plan->blocks + slot->part + part * chunk;
}

static float *scratch_of(const fv_plan *plan, int thread)
{
    return plan->memory + plan->region * plan->blocks + plan->parts + plan->scratch * thread;
}

static fv_run run_of(const pass *p, int i, float *region)
{
    const fv_def *def = p->net->defs + i;
    const fv_slot *slot = p->plan->slots + i;
    return (fv_run){
        .k = p->net->object.ctx->kernels,
        .def = def,
        .w = p->net->values + def->weight_offset,
        .b = def->biases ? p->net->values + def->bias_offset : NULL,
        .x = i > 0 ? region + slot[-1].y : NULL,
        .y = region + slot->y,
        .saved = p->plan->train ? region + slot->saved : NULL,
    };
}

/* Images of this block. */
static int lanes_in(const pass *p, int block)
{
    int left = p->net->n - block * FV_LANES;
    return left < FV_LANES ? left : FV_LANES;
}

/* ---- forward ------------------------------------------------------------------------------ */

/* x [C*H*W][L] from the batch's pixels [n][C*H*W], normalised. */
static void load_block(const pass *p, int block, float *x)
{
    const fv_net *net = p->net;
    const fv_def *input = net->defs;
    const fv_kernels *k = net->object.ctx->kernels;
    size_t area = (size_t)input->out.h * input->out.w, image = fv_shape_count(input->out);
    bool norm = input->image.normalize;
    for (int c = 0; c < input->out.c; c++, x += area * FV_LANES) {
        const uint8_t *u8[FV_LANES] = {0};
        const float *f32[FV_LANES] = {0};
        for (int l = 0; l < lanes_in(p, block); l++) {
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

static void forward_chunk(void *arg, int chunk, int thread)
{
    const pass *p = arg;
    const fv_net *net = p->net;
    size_t out = fv_shape_count(fv_net_out(net));
    for (int block = chunk_start(p, chunk); block < chunk_start(p, chunk + 1); block++) {
        float *region = region_of(p->plan, block);
        load_block(p, block, region + p->plan->slots[0].y);
        for (int i = 1; i < net->layers; i++) {
            fv_run run = run_of(p, i, region);
            run.scratch = scratch_of(p->plan, thread);
            if (run.def->op->forward)
                run.def->op->forward(&run);
        }
        net->object.ctx->kernels->store_rows(out, lanes_in(p, block),
                                             region + p->plan->slots[net->layers - 1].y,
                                             p->plan->output + block * FV_LANES * out);
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
    fv_parallel(ctx, p.chunks, forward_chunk, &p);
    net->stage = FV_RAN;
    return FV_OK;
}

const float *fv_output(const fv_net *net)
{
    return net && net->last ? net->last->output : NULL;
}

/* ---- loss --------------------------------------------------------------------------------- */

static fv_status check_loss(fv_net *net, const fv_loss_args *a)
{
    fv_ctx *ctx = net->object.ctx;
    fv_shape out = fv_net_out(net);
    if (net->stage == FV_FRESH || !net->last)
        return fv_fail(ctx, FV_E_STATE, "a loss was asked for before any fv_forward");
    if (out.h != 1 || out.w != 1)
        return fv_fail(ctx, FV_E_SHAPE,
                       "a loss over classes takes an output [N,classes], but the net gives "
                       "[N,%d,%d,%d]\nhelp: end the net with fv_flatten and fv_linear",
                       out.c, out.h, out.w);
    if (!a->batch || a->batch->n != net->n || !a->batch->labels)
        return fv_fail(ctx, FV_E_ARG,
                       "a loss takes the batch of the last fv_forward (%d images), with labels; "
                       "this one has %d images and %s labels",
                       net->n, a->batch ? a->batch->n : 0,
                       a->batch && a->batch->labels ? "has" : "no");
    for (int i = 0; i < net->n; i++) {
        int64_t label = a->batch->labels[i];
        if (label < 0 || label >= out.c)
            return fv_fail(ctx, FV_E_CLASS,
                           "label %lld of sample %lld: the net has %d classes, 0 to %d\n"
                           "help: fv_dataset_check finds such labels before training starts",
                           (long long)label,
                           (long long)(a->batch->indices ? a->batch->indices[i] : i), out.c,
                           out.c - 1);
    }
    return FV_OK;
}

static float loss(const fv_loss_args *a,
                  float (*of_rows)(int n, int classes, const float *y, const int64_t *labels,
                                   bool mean, float *losses, float *dy))
{
    fv_net *net = a->net;
    if (!net || fv_error(net->object.ctx) || check_loss(net, a))
        return NAN;
    bool train = net->last->train, none = a->reduction == FV_NONE;
    float value = of_rows(net->n, fv_net_out(net).c, net->last->output, a->batch->labels,
                          a->reduction == FV_MEAN, a->losses,
                          train && !none ? net->last->doutput : NULL);
    net->stage = train && !none ? FV_HAS_LOSS : FV_RAN;
    return none ? 0.0f : value;
}

float fv_nll_loss_opt(fv_loss_args args)
{
    return loss(&args, fv_nll);
}

float fv_cross_entropy_loss_opt(fv_loss_args args)
{
    return loss(&args, fv_cross_entropy);
}

fv_status fv_output_gradient(fv_net *net, const float *gradient)
{
    if (!net)
        return FV_E_ARG;
    fv_ctx *ctx = net->object.ctx;
    if (fv_error(ctx))
        return fv_error(ctx);
    if (!gradient || net->stage == FV_FRESH || !net->last || !net->last->train)
        return fv_fail(ctx, FV_E_STATE,
                       "fv_output_gradient takes [n,C,H,W] after a fv_forward in train mode");
    memcpy(net->last->doutput, gradient,
           net->n * fv_shape_count(fv_net_out(net)) * sizeof *gradient);
    net->stage = FV_HAS_LOSS;
    return FV_OK;
}

/* ---- backward ----------------------------------------------------------------------------- */

static void load_output_gradient(const pass *p, int block, float *dy)
{
    size_t out = fv_shape_count(fv_net_out(p->net));
    const float *rows[FV_LANES] = {0};
    for (int l = 0; l < lanes_in(p, block); l++)
        rows[l] = p->plan->doutput + (size_t)(block * FV_LANES + l) * out;
    p->net->object.ctx->kernels->load_f32(out, rows, 0.0f, 1.0f, dy);
}

static void backward_chunk(void *arg, int chunk, int thread)
{
    const pass *p = arg;
    const fv_net *net = p->net;
    const fv_slot *slots = p->plan->slots;
    int first = chunk_start(p, chunk), last = net->layers - 1;
    for (int block = first; block < chunk_start(p, chunk + 1); block++) {
        float *region = region_of(p->plan, block);
        load_output_gradient(p, block, region + slots[last].dy);
        for (int i = last; i > 0 && fv_wants_gradient(net, i); i--) {
            fv_run run = run_of(p, i, region);
            run.dy = region + slots[i].dy;
            run.dx = fv_wants_gradient(net, i - 1) ? region + slots[i - 1].dy : NULL;
            run.part = part_of(p->plan, run.def, slots + i, chunk);
            run.first = block == first;
            run.scratch = scratch_of(p->plan, thread);
            if (run.def->op->backward)
                run.def->op->backward(&run);
        }
        size_t image = fv_shape_count(fv_net_in(net));
        if (p->plan->dinput)
            net->object.ctx->kernels->store_rows(image, lanes_in(p, block), region + slots[0].dy,
                                                 p->plan->dinput + block * FV_LANES * image);
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
        int items = def->op->reduce_items ? def->op->reduce_items(def) : 0;
        if (item < items)
            break;
        item -= items;
    }
    const fv_def *def = net->defs + i;
    const fv_slot *slot = p->plan->slots + i;
    fv_sums sums = {
        .k = net->object.ctx->kernels,
        .def = def,
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
        items += net->defs[i].op->reduce_items ? net->defs[i].op->reduce_items(net->defs + i) : 0;
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
