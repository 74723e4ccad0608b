/*
 * conv_fovea.c - a convolution as a net of this one layer runs it, by the layer's own forward and
 * backward, in the layout that its plan would choose. The measured time includes packing the
 * weights, padding the inputs, and bringing weight gradients into PyTorch's order.
 */
#include <stdlib.h>

#include "conv.h"
#include "net/engine.h"

typedef struct job {
    fv_ctx *ctx;
    const fv_def *def;
    conv_pass pass;
    int images, blocks, in_block;
    size_t in, out, dw;                    /* floats of a block, and of the weights */
    float *x, *y, *w, *packed[2], *dw_sum; /* in backward, y is dy */
    fv_call run;
} job;

static float *filled(fv_ctx *ctx, size_t count)
{
    float *p = fv_alloc(ctx, fv_round_up(count) + FV_LANES, sizeof *p);
    for (size_t i = 0; p && i < fv_round_up(count) + FV_LANES; i++)
        p[i] = (float)(i % 17) * 0.1f - 0.8f;
    return p;
}

static void release(void *handle)
{
    job *j = handle;
    float *all[] = {j->x,      j->y,           j->w,        j->packed[0], j->packed[1],
                    j->dw_sum, j->run.scratch, j->run.sums, j->run.dx,    j->run.partial};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        fv_release(j->ctx, all[i]);
    fv_close(j->ctx);
    free(j);
}

/* Returns a net of the layer. Inputs of up to 3 channels need no gradient unless it is measured. */
static const fv_net *net_of(fv_ctx *ctx, const fv_conv *v, conv_pass pass)
{
    fv_node x = fv_input(ctx, v->C, v->H, v->W,
                         .requires_grad = pass == INPUT_GRADIENT || v->C > 3);
    x = fv_conv2d(x, v->O, FV_HW(v->R, v->S), .stride = FV_HW(v->sh, v->sw),
                  .padding = FV_HW(v->ph, v->pw), .groups = v->groups, .no_bias = true);
    return fv_net_new(x);
}

static bool give_memory(job *j, fv_layout layout)
{
    const fv_def *def = j->def;
    fv_need need = def->op->need(def, layout, j->in_block);
    j->in = fv_round_up(fv_shape_count(def->in) * FV_LANES);
    j->out = fv_round_up(fv_shape_count(def->out) * FV_LANES);
    j->x = filled(j->ctx, j->in * j->blocks);
    j->y = filled(j->ctx, j->out * j->blocks);
    j->w = filled(j->ctx, fv_weights(def));
    j->dw_sum = filled(j->ctx, fv_weights(def));
    j->packed[0] = filled(j->ctx, need.packed), j->packed[1] = filled(j->ctx, need.packed);
    j->run.scratch = filled(j->ctx, need.scratch);
    j->run.sums = filled(j->ctx, need.sums);
    j->run.dx = filled(j->ctx, j->pass == INPUT_GRADIENT ? j->in * j->blocks : 0);
    j->run.partial = filled(j->ctx, need.partial);
    return j->x && j->y && j->w && j->dw_sum && j->packed[0] && j->packed[1] && j->run.scratch &&
           j->run.sums && j->run.dx && j->run.partial;
}

static void *prepare(const fv_conv *v, int images, conv_pass pass)
{
    job *j = calloc(1, sizeof *j);
    fv_ctx *ctx = fv_open(&(fv_options){.threads = 1});
    const fv_net *net = j && ctx ? net_of(ctx, v, pass) : NULL;
    if (!net)
        return NULL;
    fv_layout layout = fv_layout_for(net, images, true);
    *j = (job){.ctx = ctx, .def = net->defs + 1, .pass = pass, .images = images};
    j->in_block = FV_LANES, j->blocks = images / FV_LANES;
    j->run = (fv_call){.k = fv_host_kernels(ctx),
                       .def = j->def,
                       .layout = layout,
                       .images = FV_LANES,
                       .block_images = FV_LANES,
                       .slices = layout == FV_BATCH_LAST ? 1 : FV_LANES};
    if (give_memory(j, layout))
        return j;
    release(j);
    return NULL;
}

static void run(void *handle)
{
    const job *j = handle;
    const fv_op *op = j->def->op;
    if (j->pass != WEIGHT_GRADIENT)
        op->pack(j->run.k, j->def, j->run.layout, j->in_block, j->w, j->run.scratch, j->packed[0],
                 j->pass == INPUT_GRADIENT ? j->packed[1] : NULL);
    for (int i = 0; i < j->blocks; i++) {
        fv_call r = j->run;
        r.x = j->x + i * j->in;
        r.y = j->y + i * j->out;
        r.dy = r.y;
        r.first = i == 0, r.last = i == j->blocks - 1;
        r.packed = j->packed[j->pass == INPUT_GRADIENT];
        r.dx = j->pass == INPUT_GRADIENT ? r.dx + i * j->in : NULL;
        r.partial = j->pass == WEIGHT_GRADIENT ? r.partial : NULL;
        (j->pass == FORWARD ? op->forward : op->backward)(&r);
    }
    fv_sums sums = {.k = j->run.k,
                    .def = j->def,
                    .layout = j->run.layout,
                    .blocks = j->blocks,
                    .chunks = 1,
                    .partial = j->run.partial,
                    .grads = {j->dw_sum}};
    for (int i = 0; j->pass == WEIGHT_GRADIENT && i < op->reduce_items(j->def, j->run.layout); i++)
        op->reduce(&sums, i);
}

const conv_engine fovea_engine = {prepare, run, release};
