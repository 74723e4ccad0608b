/*
 * plan.c - where every tensor lies: exact bytes first, memory after.
 *
 * Time runs 0..N-1 for the layers forward, N for outputs and losses, then 2N-i for layer i
 * backward, 2N+1 for the sums over the batch. Every tensor of a block lives from its first to its
 * last use, and two that never live at the same time may share their place. Layer 3. Calls the ops
 * and the base.
 */
#include "net/net.h"

#include <string.h>

/* A stretch of a block's region; size 0 where a layer has none. */
typedef struct buffer {
    size_t size;
    int first, last;
    size_t at;
} buffer;

enum { KINDS = 4 };

typedef struct lives {
    buffer *y, *dy, *saved, *extra; /* [layers] each, one array */
    buffer **order;                 /* [KINDS * layers] largest first */
    int *view;                      /* [layers] the layer of whose output it is a view, or itself */
    int *until;                     /* [layers] last time that the output or a view is read */
    int *y_root, *dy_root;          /* [layers] the layer whose buffer it shares, or itself */
    unsigned *aliased;              /* [layers] as fv_slot's */
} lives;

size_t fv_plan_work(const fv_net *net)
{
    size_t each = KINDS * (sizeof(buffer) + sizeof(buffer *)) + 4 * sizeof(int) + sizeof(unsigned);
    return (size_t)net->layers * each;
}

static lives cut_work(const fv_net *net, void *work)
{
    memset(work, 0, fv_plan_work(net));
    int n = net->layers;
    lives l = {.y = work};
    l.dy = l.y + n;
    l.saved = l.dy + n;
    l.extra = l.saved + n;
    l.order = (buffer **)(void *)(l.extra + n);
    l.view = (int *)(void *)(l.order + KINDS * n);
    l.until = l.view + n;
    l.y_root = l.until + n;
    l.dy_root = l.y_root + n;
    l.aliased = (unsigned *)(void *)(l.dy_root + n);
    return l;
}

fv_layout fv_plan_layout_for(const fv_net *net, int n, bool train)
{
    if (net->layout != FV_LAYOUTS)
        return net->layout;
    double batch = 0, channels = 0; /* multiply-adds with those of idle lanes */
    for (int i = 1; i < net->layers; i++) {
        const fv_def *def = net->defs + i;
        if (!def->macs)
            continue;
        bool depthwise = fv_conv_is_depthwise(&def->conv);
        double Cg = depthwise ? def->conv.C : def->conv.C / def->conv.groups;
        double Og = depthwise ? def->conv.O : def->conv.O / def->conv.groups;
        double macs = (double)def->macs, by_o = macs * fv_round_up((size_t)Og) / Og;
        double by_c = macs * fv_round_up((size_t)Cg) / Cg;
        bool to_input = net->defs[def->inputs[0]].wants_gradient;
        batch += train ? (to_input ? 3 : 2) * macs : macs;
        channels += train ? 2 * by_o + (to_input ? by_c : 0) : by_o;
    }
    /* Where both are full, channels last is some 10 % faster: its sums run longer. */
    return 1.1 * batch * fv_round_up(n) / n <= channels ? FV_BATCH_LAST : FV_CHANNELS_LAST;
}

static void live(buffer *b, size_t size, int first, int last)
{
    b->first = b->size == 0 || first < b->first ? first : b->first;
    b->last = b->size == 0 || last > b->last ? last : b->last;
    b->size = size > b->size ? size : b->size;
}

/* Floats that a tensor of a layer takes in a block. */
static size_t block_floats(const fv_plan *plan, fv_shape shape)
{
    return fv_round_up(fv_shape_count(shape) * plan->images);
}

static void read_at(const lives *l, int layer, int time)
{
    int *until = l->until + l->view[layer];
    *until = time > *until ? time : *until;
}

/* Until when the output of each layer, or a view of it, is read. */
static void find_reads(const fv_net *net, const lives *l, const fv_plan *plan)
{
    int n = net->layers;
    for (int i = 0; i < n; i++) {
        const fv_def *def = net->defs + i;
        int flags = def->op->flags, back = 2 * n - i;
        l->view[i] = fv_is_view(def, plan->layout, plan->train) ? l->view[def->inputs[0]] : i;
        read_at(l, i, plan->train && flags & FV_KEEPS_Y ? back : i);
        for (int k = 0; k < def->n_inputs; k++)
            read_at(l, def->inputs[k], plan->train && flags & FV_KEEPS_X ? back : i);
    }
    for (int i = 0; i < net->n_outputs; i++)
        read_at(l, net->outputs[i], n);
}

/* The layer whose place y of layer i takes: an input of an op that works in place, if nobody reads
   it later. */
static int root_of(const fv_net *net, const lives *l, int i)
{
    const fv_def *def = net->defs + i;
    if (l->view[i] != i)
        return l->y_root[l->view[i]];
    for (int k = 0; def->op->flags & FV_IN_PLACE && k < def->n_inputs; k++)
        if (l->until[l->view[def->inputs[k]]] == i)
            return l->y_root[def->inputs[k]];
    return i;
}

static void find_lives(const fv_net *net, const lives *l, const fv_plan *plan)
{
    int n = net->layers;
    for (int i = 0; i < n; i++) {
        const fv_def *def = net->defs + i;
        l->y_root[i] = root_of(net, l, i);
        int from = def->n_inputs ? i : 0; /* all inputs are loaded before the first layer */
        live(l->y + l->y_root[i], block_floats(plan, def->stored), from, l->until[l->view[i]]);
        bool reduces = plan->layout == FV_BATCH_LAST && def->op->flags & FV_REDUCES_DY;
        size_t saved = plan->train && def->op->need
                           ? def->op->need(def, plan->layout, plan->images).saved
                           : 0;
        if (saved)
            live(l->saved + i, saved, i, reduces ? 2 * n + 1 : 2 * n - i);
    }
}

/* The gradient of layer i lives from when it is first written, by the last of its readers, until
   its own backward; that of an input until all are stored, after the first layer's. */
static void live_gradient(const fv_net *net, const lives *l, const fv_plan *plan, int i, int time)
{
    const fv_def *def = net->defs + i;
    bool reduces = plan->layout == FV_BATCH_LAST && def->op->flags & FV_REDUCES_DY;
    live(l->dy + l->dy_root[i], block_floats(plan, def->stored), time,
         reduces ? 2 * net->layers + 1 : 2 * net->layers - (def->n_inputs ? i : 0));
}

/* Layer i's gradients of its inputs: where it is the first to write one, the input's buffer begins
   to live, and may be that of its own gradient; where it adds, it needs extra room. */
static void find_gradients_of(const fv_net *net, const lives *l, const fv_plan *plan, int i)
{
    const fv_def *def = net->defs + i;
    bool view = fv_is_view(def, plan->layout, true),
         aliases_dy = view || def->op->flags & FV_ALIASES_DY;
    bool shares_weights_of = aliases_dy || def->op->flags & FV_IN_PLACE;
    size_t extra = 0;
    for (int k = 0; k < def->n_inputs; k++) {
        int producer = def->inputs[k];
        if (!net->defs[producer].wants_gradient)
            continue;
        if (def->accumulates >> k & 1) {
            extra += aliases_dy ? 0 : block_floats(plan, net->defs[producer].stored);
            continue;
        }
        l->dy_root[producer] = producer;
        if (shares_weights_of) {
            l->dy_root[producer] = l->dy_root[i];
            l->aliased[i] |= 1u << k;
        }
        shares_weights_of = false;
        live_gradient(net, l, plan, producer, 2 * net->layers - i);
    }
    if (extra)
        live(l->extra + i, extra, 2 * net->layers - i, 2 * net->layers - i);
}

static void find_gradients(const fv_net *net, const lives *l, const fv_plan *plan)
{
    int n = net->layers;
    for (int i = 0; i < net->n_outputs; i++) {
        int layer = net->outputs[i];
        l->dy_root[layer] = layer;
        live_gradient(net, l, plan, layer, n);
    }
    for (int i = n - 1; i >= 0; i--)
        if (net->defs[i].wants_gradient)
            find_gradients_of(net, l, plan, i);
}

/* Pointers to the buffers in use, largest first; returns how many. */
static int sort_buffers(const fv_net *net, const lives *l)
{
    int count = 0;
    for (int i = 0; i < KINDS * net->layers; i++) {
        buffer *b = l->y + i; /* all kinds are one array */
        if (b->size == 0)
            continue;
        int k = count++;
        for (; k > 0 && l->order[k - 1]->size < b->size; k--)
            l->order[k] = l->order[k - 1];
        l->order[k] = b;
    }
    return count;
}

/* Each buffer to the lowest place that is free while it lives; returns the end of all. */
static size_t place_buffers(const lives *l, int count)
{
    size_t end = 0;
    for (int i = 0; i < count; i++) {
        buffer *b = l->order[i];
        for (int k = 0; k < i; k++) {
            const buffer *o = l->order[k];
            bool meet = b->first <= o->last && o->first <= b->last;
            if (meet && b->at < o->at + o->size && o->at < b->at + b->size) {
                b->at = o->at + o->size;
                k = -1; /* look at all again from the new place */
            }
        }
        end = b->at + b->size > end ? b->at + b->size : end;
    }
    return end;
}

void fv_plan_layout(const fv_net *net, fv_plan *plan, int batch, void *work)
{
    lives l = cut_work(net, work);
    bool few = plan->layout == FV_CHANNELS_LAST && batch < FV_LANES;
    plan->images = few ? batch : FV_LANES;
    find_reads(net, &l, plan);
    find_lives(net, &l, plan);
    if (plan->train)
        find_gradients(net, &l, plan);
    /* Kernels may read and write a vector at the end of a tensor, so the last one has more room. */
    plan->region = place_buffers(&l, sort_buffers(net, &l)) + FV_LANES;
    plan->batch = batch;
    plan->blocks = fv_blocks(batch, plan->images);
    plan->chunks = plan->blocks < FV_CHUNKS_MAX ? plan->blocks : FV_CHUNKS_MAX;
    plan->scratch = plan->sums = plan->partials = plan->packed = plan->shared = 0;
    for (int i = 0; i < net->layers; i++) {
        const fv_def *def = net->defs + i;
        fv_need need = {0};
        if (def->op->need)
            need = def->op->need(def, plan->layout, plan->images);
        plan->slots[i] = (fv_slot){.y = l.y[l.y_root[i]].at,
                                   .dy = l.dy[l.dy_root[i]].at,
                                   .saved = l.saved[i].at,
                                   .sums = plan->sums,
                                   .partial = plan->partials,
                                   .partial_size = need.partial,
                                   .shared = plan->shared,
                                   .extra = l.extra[i].at,
                                   .aliased = l.aliased[i],
                                   .packed = {plan->packed, plan->packed + need.packed}};
        size_t scratch = fv_round_up(need.scratch);
        plan->scratch = scratch > plan->scratch ? scratch : plan->scratch;
        plan->packed += need.packed * (plan->train ? 2 : 1);
        plan->sums += plan->train ? need.sums : 0;
        plan->partials += plan->train || fv_needs_stats(def, false) ? need.partial * plan->chunks
                                                                    : 0;
        plan->shared += fv_round_up(need.shared);
    }
}

/* The rows of outputs and gradients, behind all else: where they are once there is memory, and
   what they take. */
static size_t cut_rows(const fv_net *net, fv_plan *plan, float *base)
{
    size_t at = 0;
    for (int i = 0; i < net->n_outputs; i++) {
        size_t floats = fv_round_up(plan->batch * fv_shape_count(net->defs[net->outputs[i]].out));
        plan->output[i] = base ? base + at : NULL;
        plan->doutput[i] = base && plan->train ? base + at + floats : NULL;
        at += plan->train ? 2 * floats : floats;
    }
    for (int i = 0; i < net->n_inputs; i++) {
        const fv_def *input = net->defs + net->inputs[i];
        bool wanted = plan->train && input->image.requires_grad;
        plan->dinput[i] = base && wanted ? base + at : NULL;
        at += wanted ? fv_round_up(plan->batch * fv_shape_count(input->out)) : 0;
    }
    return at;
}

static size_t floats_before_rows(const fv_net *net, const fv_plan *plan)
{
    return plan->region * plan->blocks + plan->partials +
           (plan->scratch + plan->sums) * net->object.ctx->threads + plan->packed + plan->shared;
}

/* Sizes come from networks of others, too: what a size_t cannot count is SIZE_MAX, which no
   allocator gives. */
size_t fv_plan_bytes(const fv_net *net, const fv_plan *plan)
{
    fv_plan copy = *plan;
    size_t rows = cut_rows(net, &copy, NULL);
    double floats = (double)plan->region * plan->blocks + (double)plan->partials +
                    ((double)plan->scratch + (double)plan->sums) * net->object.ctx->threads +
                    (double)plan->packed + (double)plan->shared + (double)rows;
    if (floats > (double)(SIZE_MAX / 8))
        return SIZE_MAX;
    return (floats_before_rows(net, plan) + rows) * sizeof(float);
}

void fv_plan_free(fv_net *net, fv_plan *plan)
{
    fv_release(net->object.ctx, plan->memory);
    fv_release(net->object.ctx, plan->slots);
    plan->memory = NULL;
    plan->slots = NULL;
    plan->batch = 0;
}

static bool plan_memory(fv_net *net, fv_plan *plan, int batch)
{
    fv_ctx *ctx = net->object.ctx;
    void *work = fv_alloc(ctx, 1, fv_plan_work(net));
    plan->slots = fv_alloc(ctx, net->layers, sizeof *plan->slots);
    if (work && plan->slots) {
        fv_plan_layout(net, plan, batch, work);
        plan->memory = fv_alloc(ctx, 1, fv_plan_bytes(net, plan));
    }
    fv_release(ctx, work);
    if (!plan->memory)
        return false;
    cut_rows(net, plan, plan->memory + floats_before_rows(net, plan));
    return true;
}

fv_plan *fv_plan_ready(fv_net *net, int n)
{
    fv_layout layout = fv_plan_layout_for(net, n, net->train);
    fv_plan *plan = &net->plans[net->train][layout];
    if (n <= plan->batch)
        return plan;
    net->stage = FV_FRESH;
    net->last = NULL;
    fv_plan_free(net, plan);
    plan->train = net->train;
    plan->layout = layout;
    plan->packed_at = 0;
    if (plan_memory(net, plan, n)) {
        fv_note(net->object.ctx, FV_LOG_DEBUG, "memory to %s in batches of up to %d: %zu bytes",
                plan->train ? "train" : "run", n, fv_plan_bytes(net, plan));
        return plan;
    }
    fv_plan_free(net, plan);
    return NULL;
}
