/*
 * net.c - a net: its parameters, their first values, and the questions one may ask of it.
 *
 * Layer 3. Calls the ops and the base.
 */
#include "net/net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void net_destroy(void *self)
{
    fv_net *net = self;
    fv_ctx *ctx = net->object.ctx;
    for (int i = 0; i < net->n_params; i++)
        fv_release(ctx, (void *)(uintptr_t)net->params[i].name);
    for (int i = 0; i < 2 * FV_LAYOUTS; i++)
        fv_plan_free(net, &net->plans[i / FV_LAYOUTS][i % FV_LAYOUTS]);
    fv_release(ctx, net->params);
    fv_release(ctx, net->values);
    fv_release(ctx, net->grads);
    fv_release(ctx, net->tables);
    fv_release(ctx, net->summary);
    fv_object_free(net->graph);
    fv_object_end(net);
}

void fv_net_free(fv_net *net)
{
    fv_object_free(net);
}

/* ---- parameters --------------------------------------------------------------------------- */

static bool add_param(fv_net *net, const fv_def *def, const char *what, int ndim,
                      const int64_t *dims, size_t count, size_t offset)
{
    char text[2 * FV_SCOPE_MAX + 16];
    snprintf(text, sizeof text, "%s.%s", def->name, what);
    fv_param p = {.name = fv_copy_text(net->object.ctx, text), .ndim = ndim, .dims = {1, 1, 1, 1},
                  .count = count, .value = net->values + offset, .grad = net->grads + offset};
    memcpy(p.dims, dims, ndim * sizeof *dims);
    net->params[net->n_params] = p;
    net->n_params += p.name != NULL;
    return p.name != NULL;
}

static bool make_params(fv_net *net)
{
    fv_ctx *ctx = net->object.ctx;
    int count = 0;
    for (int i = 0; i < net->layers; i++) {
        fv_def *def = net->defs + i;
        def->weight_offset = net->size;
        def->bias_offset = net->size + fv_round_up(def->weights);
        net->size = def->bias_offset + fv_round_up(def->biases);
        count += (def->weights > 0) + (def->biases > 0);
    }
    net->values = fv_alloc(ctx, net->size + 1, sizeof *net->values);
    net->grads = fv_alloc(ctx, net->size + 1, sizeof *net->grads);
    net->params = fv_alloc(ctx, count + 1, sizeof *net->params);
    if (!net->values || !net->grads || !net->params)
        return false;
    for (int i = 0; i < net->layers; i++) {
        const fv_def *def = net->defs + i;
        int64_t biases = (int64_t)def->biases;
        if (def->weights && !add_param(net, def, "weight", def->weight_ndim, def->weight_dims,
                                       def->weights, def->weight_offset))
            return false;
        if (def->biases &&
            !add_param(net, def, "bias", 1, &biases, def->biases, def->bias_offset))
            return false;
    }
    return true;
}

/* PyTorch's reset_parameters of Conv2d and Linear: the weight by kaiming_uniform_(a=sqrt(5)), whose
   bound k is worked out in double as Python does, then the bias in +-1/sqrt(fan_in). */
static void draw_params(fv_net *net)
{
    fv_rng *rng = &net->object.ctx->rng;
    for (int i = 0; i < net->layers; i++) {
        const fv_def *def = net->defs + i;
        double a = sqrt(5.0), gain = sqrt(2.0 / (1.0 + a * a));
        double k = sqrt(3.0) * (gain / sqrt((double)def->fan_in));
        for (size_t w = 0; w < def->weights; w++)
            net->values[def->weight_offset + w] = fv_rng_uniform(rng, (float)-k, (float)k);
        k = 1.0 / sqrt((double)def->fan_in);
        for (size_t b = 0; b < def->biases; b++)
            net->values[def->bias_offset + b] = fv_rng_uniform(rng, (float)-k, (float)k);
    }
}

/* ToTensor, then Normalize: a division by 255, a subtraction and a division, each rounded. */
static bool make_tables(fv_net *net)
{
    const fv_def *input = net->defs;
    int tables = input->image.normalize ? input->out.c : 1;
    net->tables = fv_alloc(net->object.ctx, (size_t)tables * 256, sizeof *net->tables);
    for (int i = 0; net->tables && i < tables * 256; i++) {
        float x = (float)(i % 256) / 255.0f;
        if (input->image.normalize)
            x = (x - input->image.mean[i / 256]) / input->image.std[i / 256];
        net->tables[i] = x;
    }
    return net->tables != NULL;
}

/* ---- making ------------------------------------------------------------------------------- */

/* The layers from the input to x, moved to the front; those that lead elsewhere are dropped. */
static int keep_path(fv_graph *graph, int last)
{
    for (int i = graph->count - 1, wanted = last; i >= 0; i--) {
        if (i == wanted)
            wanted = graph->defs[i].input;
        else
            fv_release(graph->object.ctx, graph->defs[i].name), graph->defs[i].name = NULL;
    }
    int kept = 0;
    for (int i = 0; i < graph->count; i++)
        if (graph->defs[i].name)
            graph->defs[kept++] = graph->defs[i];
    return graph->count = kept;
}

fv_net *fv_net_new(fv_node x)
{
    fv_graph *graph = x.graph;
    if (!graph || fv_error(graph->object.ctx))
        return NULL;
    fv_ctx *ctx = graph->object.ctx;
    if (graph->used || graph->depth) {
        fv_fail(ctx, FV_E_STATE, graph->used ? "a net was made of these layers before"
                                             : "a scope was begun and not ended\n"
                                               "help: x = fv_scope_end(x) before fv_net_new(x)");
        return NULL;
    }
    fv_net *net = fv_object_new(ctx, sizeof *net, net_destroy);
    if (!net)
        return NULL;
    graph->used = true;
    net->graph = graph;
    net->layers = keep_path(graph, x.index);
    net->defs = graph->defs;
    net->train = true;
    net->changes = 1;
    net->layout = FV_LAYOUTS;
    for (int i = 0; i + 2 < net->layers; i++)
        fv_fuse_conv_pool(net->defs + i, net->defs + i + 1, net->defs + i + 2);
    if (!make_params(net) || !make_tables(net)) {
        fv_object_free(net);
        return NULL;
    }
    draw_params(net);
    return net;
}

/* ---- asking ------------------------------------------------------------------------------- */

static fv_status set_mode(fv_net *net, bool train)
{
    if (!net)
        return FV_E_ARG;
    if (fv_error(net->object.ctx))
        return fv_error(net->object.ctx);
    net->train = train;
    return FV_OK;
}

fv_status fv_train_mode(fv_net *net)
{
    return set_mode(net, true);
}

fv_status fv_eval_mode(fv_net *net)
{
    return set_mode(net, false);
}

int fv_param_count(const fv_net *net)
{
    return net ? net->n_params : 0;
}

fv_param fv_param_at(const fv_net *net, int index)
{
    if (!net || index < 0 || index >= net->n_params)
        return (fv_param){0};
    ((fv_net *)(uintptr_t)net)->shown = true;
    return net->params[index];
}

void fv_output_shape(const fv_net *net, int *channels, int *height, int *width)
{
    fv_shape out = net ? fv_net_out(net) : (fv_shape){0, 0, 0};
    if (channels)
        *channels = out.c;
    if (height)
        *height = out.h;
    if (width)
        *width = out.w;
}

fv_memory fv_memory_plan(const fv_net *net, int batch_size, bool train)
{
    fv_memory memory = {0};
    if (!net || batch_size < 1)
        return memory;
    fv_ctx *ctx = net->object.ctx;
    fv_plan plan = {.train = train, .layout = fv_plan_layout_for(net, batch_size, train)};
    void *work = fv_alloc(ctx, 1, fv_plan_work(net));
    plan.slots = fv_alloc(ctx, net->layers, sizeof *plan.slots);
    if (work && plan.slots) {
        fv_plan_layout(net, &plan, batch_size, work);
        memory.parameters = 2 * net->size * sizeof(float);
        memory.scratch = (plan.scratch + plan.lanes) * ctx->threads * sizeof(float);
        memory.activations = fv_plan_bytes(net, &plan) - memory.scratch;
    }
    fv_release(ctx, work);
    fv_release(ctx, plan.slots);
    return memory;
}
