/*
 * plan.c - where every tensor lies: exact bytes first, memory after.
 *
 * Time runs 0..N-1 for the layers forward, N for the loss, then 2N-i for layer i backward, 2N+1 for
 * the sums over the batch. Every tensor of a block lives from its first to its last use, and two
 * that never live at the same time may share their place. Layer 3. Calls the ops and the base.
 */
#include "net/net.h"

#include <string.h>

/* A stretch of a block's region; size 0 where a layer has none. */
typedef struct buffer {
    size_t size;
    int first, last;
    size_t at;
} buffer;

typedef struct lives {
    buffer *y, *dy, *saved; /* [layers] */
    int *y_root, *dy_root;  /* [layers] the layer whose buffer it shares, or itself */
    buffer **order;         /* [3 * layers] largest first */
} lives;

size_t fv_plan_work(const fv_net *net)
{
    return (size_t)net->layers * (3 * sizeof(buffer) + 3 * sizeof(buffer *) + 2 * sizeof(int));
}

static lives cut_work(const fv_net *net, void *work)
{
    memset(work, 0, fv_plan_work(net));
    int n = net->layers;
    lives l = {.y = work};
    l.dy = l.y + n;
    l.saved = l.dy + n;
    l.order = (buffer **)(void *)(l.saved + n);
    l.y_root = (int *)(void *)(l.order + 3 * n);
    l.dy_root = l.y_root + n;
    return l;
}

bool fv_wants_gradient(const fv_net *net, int layer)
{
    bool wants = layer >= 0 && net->defs[0].image.requires_grad;
    for (int i = 0; i <= layer; i++)
        wants = wants || net->defs[i].weights > 0;
    return wants;
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
        bool to_input = fv_wants_gradient(net, i - 1);
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

/* y may take the place of x if nobody reads x later. */
static bool overwrites_input(const fv_net *net, int i, const fv_plan *plan)
{
    int giver = i - 1;
    while (giver > 0 && fv_is_view(net->defs + giver, plan->layout))
        giver--;
    return net->defs[i].op->flags & FV_IN_PLACE &&
           !(plan->train && net->defs[giver].op->flags & FV_KEEPS_Y);
}

/* Floats that a tensor of a layer takes in a block. */
static size_t block_floats(const fv_plan *plan, fv_shape shape)
{
    return fv_round_up(fv_shape_count(shape) * plan->images);
}

static void find_lives(const fv_net *net, const lives *l, const fv_plan *plan)
{
    int n = net->layers;
    bool train = plan->train, batch_last = plan->layout == FV_BATCH_LAST;
    for (int i = 0; i < n; i++) {
        const fv_def *def = net->defs + i;
        int flags = def->op->flags, back = 2 * n - i, end = 2 * n + 1;
        bool shares = i > 0 && (fv_is_view(def, plan->layout) || overwrites_input(net, i, plan));
        l->y_root[i] = shares ? l->y_root[i - 1] : i;
        int last = i + 1 < n ? i + 1 : i;
        if (train && flags & FV_KEEPS_Y)
            last = back;
        if (train && i + 1 < n && net->defs[i + 1].op->flags & FV_KEEPS_X)
            last = back - 1 > last ? back - 1 : last;
        live(l->y + l->y_root[i], block_floats(plan, def->stored), i, last);
        if (train && def->op->need) {
            size_t saved = def->op->need(def, plan->layout, plan->images).saved;
            if (saved)
                live(l->saved + i, saved, i, batch_last && flags & FV_REDUCES_DY ? end : back);
        }
    }
    for (int i = n - 1; train && i >= 0; i--) {
        const fv_def *next = net->defs + i + 1;
        l->dy_root[i] = i;
        if (i + 1 < n && (fv_is_view(next, plan->layout) || next->op->flags & FV_IN_PLACE))
            l->dy_root[i] = l->dy_root[i + 1];
        bool reduces = batch_last && net->defs[i].op->flags & FV_REDUCES_DY;
        if (fv_wants_gradient(net, i))
            live(l->dy + l->dy_root[i], block_floats(plan, net->defs[i].stored), 2 * n - i - 1,
                 reduces ? 2 * n + 1 : 2 * n - i);
    }
}

/* Pointers to the buffers in use, largest first; returns how many. */
static int sort_buffers(const fv_net *net, const lives *l)
{
    int count = 0;
    for (int i = 0; i < 3 * net->layers; i++) {
        buffer *b = l->y + i; /* y, dy and saved are one array */
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
    find_lives(net, &l, plan);
    /* Kernels may read and write a vector at the end of a tensor, so the last one has more room. */
    plan->region = place_buffers(&l, sort_buffers(net, &l)) + FV_LANES;
    plan->batch = batch;
    plan->blocks = (batch + plan->images - 1) / plan->images;
    plan->chunks = plan->blocks < FV_CHUNKS_MAX ? plan->blocks : FV_CHUNKS_MAX;
    plan->scratch = plan->lanes = plan->parts = plan->packed = 0;
    for (int i = 0; i < net->layers; i++) {
        const fv_def *def = net->defs + i;
        fv_need need = {0};
        if (def->op->need)
            need = def->op->need(def, plan->layout, plan->images);
        plan->slots[i] = (fv_slot){.y = l.y[l.y_root[i]].at,
                                   .dy = l.dy[l.dy_root[i]].at,
                                   .saved = l.saved[i].at,
                                   .lanes = plan->lanes,
                                   .part = plan->parts,
                                   .packed = {plan->packed, plan->packed + need.packed}};
        size_t scratch = fv_round_up(need.scratch);
        plan->scratch = scratch > plan->scratch ? scratch : plan->scratch;
        plan->packed += need.packed * (plan->train ? 2 : 1);
        plan->lanes += plan->train ? need.lanes : 0;
        plan->parts += plan->train ? need.part * plan->chunks : 0;
    }
}

static size_t row_floats(const fv_net *net, const fv_plan *plan)
{
    size_t out = fv_round_up(plan->batch * fv_shape_count(fv_net_out(net)));
    size_t in = fv_round_up(plan->batch * fv_shape_count(fv_net_in(net)));
    bool dinput = plan->train && net->defs[0].image.requires_grad;
    return out * (plan->train ? 2 : 1) + (dinput ? in : 0);
}

size_t fv_plan_bytes(const fv_net *net, const fv_plan *plan)
{
    size_t floats = plan->region * plan->blocks + plan->parts +
                    (plan->scratch + plan->lanes) * net->object.ctx->threads + plan->packed +
                    row_floats(net, plan);
    return floats * sizeof(float);
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
    size_t out = fv_round_up(batch * fv_shape_count(fv_net_out(net)));
    plan->output = plan->memory + plan->region * plan->blocks + plan->parts +
                   (plan->scratch + plan->lanes) * ctx->threads + plan->packed;
    plan->doutput = plan->train ? plan->output + out : NULL;
    plan->dinput = plan->train && net->defs[0].image.requires_grad ? plan->doutput + out : NULL;
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
