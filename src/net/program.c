/*
 * program.c - the program of a net: where every tensor lies, and in which stages it is computed.
 *
 * Time runs 0..N-1 for the layers forward, N for outputs and losses, then 2N-i for layer i
 * backward, 2N+1 for the sums over the batch. Every tensor of a block lives from its first to its
 * last use, and two that never live at the same time may share their place. Layer 3. Calls the ops
 * and the base.
 */
#include "net/net.h"
#include "net/program.h"

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
    unsigned *aliased;              /* [layers] bit k: the gradient of input k lies where dy is */
} lives;

static size_t work_size(const fv_net *net)
{
    size_t each = KINDS * (sizeof(buffer) + sizeof(buffer *)) + 4 * sizeof(int) + sizeof(unsigned);
    return (size_t)net->layers * each;
}

static lives cut_work(const fv_net *net, void *work)
{
    memset(work, 0, work_size(net));
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

fv_layout fv_layout_for(const fv_net *net, int n, bool train)
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
static size_t block_floats(const fv_program *program, fv_shape shape)
{
    return fv_round_up(fv_shape_count(shape) * program->block_images);
}

static void read_at(const lives *l, int layer, int time)
{
    int *until = l->until + l->view[layer];
    *until = time > *until ? time : *until;
}

/* Until when the output of each layer, or a view of it, is read. */
static void find_reads(const fv_net *net, const lives *l, const fv_program *program)
{
    int n = net->layers;
    for (int i = 0; i < n; i++) {
        const fv_def *def = net->defs + i;
        int flags = def->op->flags, back = 2 * n - i;
        l->view[i] = fv_is_view(def, program->layout, program->train) ? l->view[def->inputs[0]] : i;
        read_at(l, i, program->train && flags & FV_KEEPS_Y ? back : i);
        for (int k = 0; k < def->n_inputs; k++)
            read_at(l, def->inputs[k], program->train && flags & FV_KEEPS_X ? back : i);
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

static void find_lives(const fv_net *net, const lives *l, const fv_program *program)
{
    int n = net->layers;
    for (int i = 0; i < n; i++) {
        const fv_def *def = net->defs + i;
        l->y_root[i] = root_of(net, l, i);
        int from = def->n_inputs ? i : 0; /* all inputs are loaded before the first layer */
        live(l->y + l->y_root[i], block_floats(program, def->stored), from, l->until[l->view[i]]);
        bool reduces = program->layout == FV_BATCH_LAST && def->op->flags & FV_REDUCES_DY;
        size_t saved = program->train && def->op->need
                           ? def->op->need(def, program->layout, program->block_images).saved
                           : 0;
        if (saved)
            live(l->saved + i, saved, i, reduces ? 2 * n + 1 : 2 * n - i);
    }
}

/* The gradient of layer i lives from when it is first written, by the last of its readers, until
   its own backward; that of an input until all are stored, after the first layer's. */
static void live_gradient(const fv_net *net, const lives *l, const fv_program *program, int i,
                          int time)
{
    const fv_def *def = net->defs + i;
    bool reduces = program->layout == FV_BATCH_LAST && def->op->flags & FV_REDUCES_DY;
    live(l->dy + l->dy_root[i], block_floats(program, def->stored), time,
         reduces ? 2 * net->layers + 1 : 2 * net->layers - (def->n_inputs ? i : 0));
}

/* Layer i's gradients of its inputs: where it is the first to write one, the input's buffer begins
   to live, and may be that of its own gradient; where it adds, it needs extra memory. */
static void find_gradients_of(const fv_net *net, const lives *l, const fv_program *program, int i)
{
    const fv_def *def = net->defs + i;
    bool view = fv_is_view(def, program->layout, true),
         aliases_dy = view || def->op->flags & FV_ALIASES_DY;
    bool shares_weights_of = aliases_dy || def->op->flags & FV_IN_PLACE;
    size_t extra = 0;
    for (int k = 0; k < def->n_inputs; k++) {
        int producer = def->inputs[k];
        if (!net->defs[producer].wants_gradient)
            continue;
        if (def->accumulates >> k & 1) {
            extra += aliases_dy ? 0 : block_floats(program, net->defs[producer].stored);
            continue;
        }
        l->dy_root[producer] = producer;
        if (shares_weights_of) {
            l->dy_root[producer] = l->dy_root[i];
            l->aliased[i] |= 1u << k;
        }
        shares_weights_of = false;
        live_gradient(net, l, program, producer, 2 * net->layers - i);
    }
    if (extra)
        live(l->extra + i, extra, 2 * net->layers - i, 2 * net->layers - i);
}

static void find_gradients(const fv_net *net, const lives *l, const fv_program *program)
{
    int n = net->layers;
    for (int i = 0; i < net->n_outputs; i++) {
        int layer = net->outputs[i];
        l->dy_root[layer] = layer;
        live_gradient(net, l, program, layer, n);
    }
    for (int i = n - 1; i >= 0; i--)
        if (net->defs[i].wants_gradient)
            find_gradients_of(net, l, program, i);
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
            bool overlap = b->first <= o->last && o->first <= b->last;
            if (overlap && b->at < o->at + o->size && o->at < b->at + b->size) {
                b->at = o->at + o->size;
                k = -1; /* look at all again from the new place */
            }
        }
        end = b->at + b->size > end ? b->at + b->size : end;
    }
    return end;
}

/* Where every layer's tensors lie, without what the ops need beside them. */
static void place_tensors(const fv_net *net, fv_program *program, const lives *l)
{
    find_reads(net, l, program);
    find_lives(net, l, program);
    if (program->train)
        find_gradients(net, l, program);
    /* Kernels may read and write a vector at the end of a tensor, so the region has one more. */
    program->floats[FV_BLOCK] = place_buffers(l, sort_buffers(net, l)) + FV_LANES;
}

/* Gradients of the inputs of layer i. */
static void set_gradients(const fv_net *net, const fv_program *program, const lives *l, int i)
{
    fv_op_step *step = program->steps + i;
    const fv_def *def = step->def;
    bool aliases_dy = fv_is_view(def, program->layout, true) || def->op->flags & FV_ALIASES_DY;
    size_t extra = l->extra[i].at;
    for (int k = 0; k < def->n_inputs; k++) {
        int producer = def->inputs[k];
        step->floats[k] = block_floats(program, net->defs[producer].stored);
        if (!program->train || !net->defs[producer].wants_gradient)
            continue;
        fv_place to = {FV_BLOCK, l->dy[l->dy_root[producer]].at};
        step->gradient[k] = step->dx[k] = to;
        step->accumulates[k] = def->accumulates >> k & 1;
        step->copies[k] = aliases_dy && !step->accumulates[k] && !(l->aliased[i] >> k & 1);
        if (step->accumulates[k] && !aliases_dy) {
            step->dx[k].at = extra;
            extra += step->floats[k];
        }
    }
}

/* size floats more of a space. */
static fv_place place(fv_program *program, fv_space space, size_t size)
{
    fv_place at = {space, program->floats[space]};
    program->floats[space] += size;
    return at;
}

/* Scratch of a thread: all layers use the same. */
static void set_scratch(const fv_net *net, fv_program *program)
{
    size_t most = 0;
    for (int i = 0; i < net->layers; i++) {
        const fv_def *def = net->defs + i;
        fv_need need = {0};
        if (def->op->need)
            need = def->op->need(def, program->layout, program->block_images);
        most = fv_round_up(need.scratch) > most ? fv_round_up(need.scratch) : most;
        program->steps[i].scratch = (fv_place){FV_THREAD, 0};
    }
    program->floats[FV_THREAD] = most;
}

static void set_step(const fv_net *net, fv_program *program, const lives *l, int i)
{
    const fv_def *def = net->defs + i;
    fv_op_step *step = program->steps + i;
    fv_need need = {0};
    if (def->op->need)
        need = def->op->need(def, program->layout, program->block_images);
    step->def = def;
    step->view = !def->op->forward || fv_is_view(def, program->layout, program->train);
    for (int k = 0; k < def->n_inputs; k++)
        step->x[k] = program->steps[def->inputs[k]].y;
    step->y = (fv_place){FV_BLOCK, l->y[l->y_root[i]].at};
    step->dy = (fv_place){FV_BLOCK, l->dy[l->dy_root[i]].at};
    if (program->train)
        step->saved = (fv_place){FV_BLOCK, l->saved[i].at};
    set_gradients(net, program, l, i);
    step->packed[0] = place(program, FV_PACKED, need.packed);
    step->packed[1] = place(program, FV_PACKED, program->train ? need.packed : 0);
    step->partial_size = need.partial;
    step->partial = place(
        program, FV_PARTIAL,
        program->train || fv_needs_stats(def, false) ? need.partial * program->chunks : 0);
    step->sums = place(program, FV_THREAD, program->train ? need.sums : 0);
    step->shared = place(program, FV_SHARED, fv_round_up(need.shared));
    for (int k = 0; k < FV_PARAMS_MAX; k++)
        if (def->params[k].count)
            step->params[k] = (fv_place){FV_VALUES, def->params[k].offset};
    step->buffers = (fv_place){FV_BUFFERS, def->buffer_offset};
}

/* The rows of outputs and gradients. */
static void set_rows(const fv_net *net, fv_program *program)
{
    for (int i = 0; i < net->n_outputs; i++) {
        fv_shape out = net->defs[net->outputs[i]].out;
        size_t floats = fv_round_up(program->batch * fv_shape_count(out));
        program->output[i] = place(program, FV_ROWS, floats);
        if (program->train)
            program->doutput[i] = place(program, FV_ROWS, floats);
    }
    for (int i = 0; i < net->n_inputs; i++) {
        const fv_def *input = net->defs + net->inputs[i];
        if (program->train && input->image.requires_grad)
            program->dinput[i] = place(program, FV_ROWS,
                                       fv_round_up(program->batch * fv_shape_count(input->out)));
    }
}

/* ---- stages ------------------------------------------------------------------------------- */

static void add_stage(fv_program *program, fv_verb verb, int from, int to)
{
    program->stages[program->n_forward + program->n_backward] = (fv_stage){verb, from, to};
    *(verb < FV_BACKWARD ? &program->n_forward : &program->n_backward) += 1;
}

static bool needs_stats_backward(const fv_def *def)
{
    return def->op->stats_accumulate_backward && def->wants_gradient && fv_needs_stats(def, true);
}

/* A layer that needs statistics over the batch ends a stage: they are finished before it runs. */
static void set_stages(const fv_net *net, fv_program *program)
{
    const int n = net->layers;
    add_stage(program, FV_PACK, 0, n);
    add_stage(program, FV_PREPARE, 0, n);
    for (int from = 0, to = 1; from < n; from = to++) {
        while (to < n && !fv_needs_stats(net->defs + to, program->train))
            to++;
        add_stage(program, FV_FORWARD, from, to);
        if (to < n)
            add_stage(program, FV_FINISH, to, to + 1);
    }
    if (!program->train)
        return;
    for (int to = n, from = n; from > 0; to = from--) {
        while (from > 0 && !needs_stats_backward(net->defs + from - 1))
            from--;
        add_stage(program, FV_BACKWARD, from, to);
        if (from == 0)
            break;
        add_stage(program, FV_FINISH_BACKWARD, from - 1, from);
    }
    add_stage(program, FV_REDUCE, 0, n);
}

fv_status fv_program_make(const fv_net *net, bool train, fv_layout layout, int batch,
                          fv_program *program)
{
    fv_ctx *ctx = net->object.ctx;
    bool few = layout == FV_CHANNELS_LAST && batch < FV_LANES;
    *program = (fv_program){.train = train, .layout = layout, .batch = batch};
    program->block_images = few ? batch : FV_LANES;
    program->blocks = fv_blocks(batch, program->block_images);
    program->chunks = program->blocks < FV_CHUNKS_MAX ? program->blocks : FV_CHUNKS_MAX;
    program->steps = fv_alloc(ctx, net->layers, sizeof *program->steps);
    program->stages = fv_alloc(ctx, 4 * (size_t)net->layers + 4, sizeof *program->stages);
    void *work = fv_alloc(ctx, 1, work_size(net));
    bool made = program->steps && program->stages && work;
    if (made) {
        lives l = cut_work(net, work);
        place_tensors(net, program, &l);
        set_scratch(net, program);
        for (int i = 0; i < net->layers; i++)
            set_step(net, program, &l, i);
        set_rows(net, program);
        set_stages(net, program);
    } else {
        fv_program_free(ctx, program);
    }
    fv_release(ctx, work);
    return made ? FV_OK : FV_E_MEMORY;
}

void fv_program_free(fv_ctx *ctx, fv_program *program)
{
    fv_release(ctx, program->steps);
    fv_release(ctx, program->stages);
    *program = (fv_program){0};
}

size_t fv_program_bytes(const fv_program *program, int threads)
{
    const size_t *n = program->floats;
    double floats = (double)n[FV_BLOCK] * program->blocks + (double)n[FV_THREAD] * threads +
                    (double)n[FV_PARTIAL] + (double)n[FV_PACKED] + (double)n[FV_SHARED] +
                    (double)n[FV_ROWS];
    if (floats > (double)(SIZE_MAX / 8))
        return SIZE_MAX;
    return (n[FV_BLOCK] * program->blocks + n[FV_THREAD] * threads + n[FV_PARTIAL] + n[FV_PACKED] +
            n[FV_SHARED] + n[FV_ROWS]) *
           sizeof(float);
}
