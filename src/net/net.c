/*
 * net.c - a net: its parameters, their first values, and the questions one may ask of it.
 *
 * Layer 3. Calls the ops and the base.
 */
#include "net/engine.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void net_destroy(void *self)
{
    fv_net *net = self;
    fv_ctx *ctx = net->object.ctx;
    for (int i = 0; i < net->n_state; i++)
        fv_release(ctx, (void *)(uintptr_t)net->state[i].name);
    for (int i = 0; i < 2 * FV_LAYOUTS; i++)
        fv_plan_free(net, &net->plans[i / FV_LAYOUTS][i % FV_LAYOUTS]);
    fv_release(ctx, net->params);
    fv_release(ctx, net->state);
    fv_release(ctx, net->values);
    fv_release(ctx, net->grads);
    fv_release(ctx, net->buffers);
    fv_release(ctx, net->tables);
    fv_release(ctx, net->summary);
    fv_release(ctx, net->text);
    fv_object_free(net->graph);
    fv_object_end(net);
}

void fv_net_free(fv_net *net)
{
    fv_object_free(net);
}

/* ---- parameters and buffers ----------------------------------------------------------------- */

/* Each layer's place in the arrays; returns how many tensors there may be. */
static int place_params(fv_net *net)
{
    int count = 0;
    for (int i = 0; i < net->layers; i++) {
        fv_def *def = net->defs + i;
        if (def->shares_weights_of >= 0) {
            for (int k = 0; k < FV_PARAMS_MAX; k++)
                def->params[k].offset = net->defs[def->shares_weights_of].params[k].offset;
            def->buffer_offset = net->defs[def->shares_weights_of].buffer_offset;
            continue;
        }
        for (int k = 0; k < FV_PARAMS_MAX; k++) {
            def->params[k].offset = net->size;
            net->size += fv_round_up(def->params[k].count);
        }
        def->buffer_offset = net->buffer_size;
        net->buffer_size += fv_round_up(def->buffers);
        count += FV_PARAMS_MAX + (def->buffers ? FV_BUFFERS_MAX : 0);
    }
    return count;
}

/* A tensor of the state under "layer.what"; NULL without memory for the name. */
static fv_tensor *add_state(fv_net *net, const fv_def *def, fv_tensor t)
{
    char text[2 * FV_SCOPE_MAX + 32];
    snprintf(text, sizeof text, "%s.%s", def->name, t.name);
    t.name = fv_copy_text(net->object.ctx, text);
    if (!t.name)
        return NULL;
    for (int i = t.ndim; i < 4; i++)
        t.dims[i] = 1;
    net->state[net->n_state] = t;
    return &net->state[net->n_state++];
}

static bool add_param(fv_net *net, const fv_def *def, const fv_param_def *of)
{
    fv_tensor t = {.name = of->name,
                   .type = FV_F32,
                   .ndim = of->ndim,
                   .count = of->count,
                   .value = net->values + of->offset};
    memcpy(t.dims, of->dims, sizeof t.dims);
    fv_tensor *s = add_state(net, def, t);
    if (!s)
        return false;
    fv_param p = {.name = s->name,
                  .ndim = s->ndim,
                  .count = s->count,
                  .value = net->values + of->offset,
                  .grad = net->grads + of->offset};
    memcpy(p.dims, s->dims, sizeof p.dims);
    net->params[net->n_params++] = p;
    return true;
}

static bool name_state(fv_net *net, const fv_def *def)
{
    for (int k = 0; k < FV_PARAMS_MAX; k++)
        if (def->params[k].count && !add_param(net, def, def->params + k))
            return false;
    for (int i = 0; def->op->buffer && def->buffers && i < FV_BUFFERS_MAX; i++) {
        fv_buffer b = def->op->buffer(def, i);
        fv_tensor t = {.name = b.name,
                       .type = b.type,
                       .ndim = b.ndim,
                       .dims = {b.count},
                       .count = (size_t)b.count,
                       .value = net->buffers + def->buffer_offset + b.offset};
        if (b.name && !add_state(net, def, t))
            return false;
    }
    return true;
}

static bool make_params(fv_net *net)
{
    fv_ctx *ctx = net->object.ctx;
    int count = place_params(net);
    net->values = fv_alloc(ctx, net->size + 1, sizeof *net->values);
    net->grads = fv_alloc(ctx, net->size + 1, sizeof *net->grads);
    net->params = fv_alloc(ctx, count + 1, sizeof *net->params);
    net->buffers = fv_alloc(ctx, net->buffer_size + 1, sizeof *net->buffers);
    net->state = fv_alloc(ctx, count + 1, sizeof *net->state);
    if (fv_error(ctx))
        return false;
    for (int i = 0; i < net->layers; i++)
        if (net->defs[i].shares_weights_of < 0 && !name_state(net, net->defs + i))
            return false;
    return true;
}

/* PyTorch's reset_parameters of Conv2d and Linear: the weight by kaiming_uniform_(a=sqrt(5)), whose
   bound k is computed in double as Python does, then the bias in +-1/sqrt(fan_in). */
static void start_param(fv_rng *rng, const fv_param_def *p, const fv_param_def *weight, float *x)
{
    double fan_in = 1, a = sqrt(5.0), gain = sqrt(2.0 / (1.0 + a * a));
    for (int d = 1; d < weight->ndim; d++)
        fan_in *= (double)weight->dims[d];
    double k = p->start == FV_START_KAIMING ? sqrt(3.0) * (gain / sqrt(fan_in))
                                            : 1.0 / sqrt(fan_in);
    for (size_t i = 0; i < p->count; i++)
        x[i] = p->start == FV_START_0   ? 0.0f
               : p->start == FV_START_1 ? 1.0f
                                        : fv_rng_uniform(rng, (float)-k, (float)k);
}

/* In the order in which PyTorch makes the layers. */
static void start_params(fv_net *net)
{
    for (int i = 0; i < net->layers; i++) {
        const fv_def *def = net->defs + i;
        if (def->shares_weights_of >= 0)
            continue;
        for (int k = 0; k < FV_PARAMS_MAX; k++)
            start_param(&net->object.ctx->rng, def->params + k, def->params + FV_WEIGHT,
                        net->values + def->params[k].offset);
        if (def->buffers)
            def->op->start(def, net->buffers + def->buffer_offset);
    }
}

static int tables_of(const fv_def *input)
{
    return input->image.normalize ? input->out.c : 1;
}

/* ToTensor, then Normalize: a division by 255, a subtraction and a division, each rounded. */
static void fill_tables(const fv_def *input, float *table)
{
    for (int i = 0; i < tables_of(input) * 256; i++) {
        float x = (float)(i % 256) / 255.0f;
        if (input->image.normalize)
            x = (x - input->image.mean[i / 256]) / input->image.std[i / 256];
        table[i] = x;
    }
}

static bool make_tables(fv_net *net)
{
    size_t count = 0;
    for (int i = 0; i < net->n_inputs; i++) {
        fv_def *input = net->defs + net->inputs[i];
        input->image.table = count * 256;
        count += tables_of(input);
    }
    net->tables = fv_alloc(net->object.ctx, count * 256, sizeof *net->tables);
    for (int i = 0; net->tables && i < net->n_inputs; i++) {
        const fv_def *input = net->defs + net->inputs[i];
        fill_tables(input, net->tables + input->image.table);
    }
    return net->tables != NULL;
}

/* ---- making ------------------------------------------------------------------------------- */

/* Marks with place[i] = 0 each layer that leads to an output, and each input: batches are given to
   inputs by their order. The others keep -1. */
static void mark_paths(const fv_graph *graph, const fv_node *outputs, int n, int *place)
{
    for (int i = 0; i < graph->count; i++)
        place[i] = graph->defs[i].n_inputs == 0 ? 0 : -1;
    for (int i = 0; i < n; i++)
        place[outputs[i].index] = 0;
    for (int i = graph->count - 1; i >= 0; i--) {
        const fv_def *def = graph->defs + i;
        for (int k = 0; place[i] == 0 && k < def->n_inputs; k++)
            place[def->inputs[k]] = 0;
    }
}

/* Parameters whose owner leads to no output belong to the first layer that shares them and does: it
   takes the owner's name too, under which they are saved. */
static void pass_on_parameters(fv_graph *graph, const int *place)
{
    for (int i = 0; i < graph->count; i++) {
        fv_def *def = graph->defs + i;
        int owner = def->shares_weights_of;
        if (place[i] < 0 || owner < 0 || place[owner] >= 0)
            continue;
        char *name = def->name;
        def->name = graph->defs[owner].name;
        graph->defs[owner].name = name;
        for (int k = i; k < graph->count; k++)
            if (graph->defs[k].shares_weights_of == owner)
                graph->defs[k].shares_weights_of = k == i ? -1 : i;
    }
}

/* Drops the layers that lead to no output; place[i] becomes where layer i is now, or -1. */
static int keep_paths(fv_graph *graph, const fv_node *outputs, int n, int *place)
{
    int kept = 0;
    mark_paths(graph, outputs, n, place);
    pass_on_parameters(graph, place);
    for (int i = 0; i < graph->count; i++) {
        if (place[i] < 0) {
            fv_release(graph->object.ctx, graph->defs[i].name);
            fv_release(graph->object.ctx, graph->defs[i].args);
            continue;
        }
        fv_def *def = graph->defs + kept;
        *def = graph->defs[i];
        for (int k = 0; k < def->n_inputs; k++)
            def->inputs[k] = place[def->inputs[k]];
        if (def->n_inputs)
            def->producer = graph->defs[def->inputs[0]].name;
        def->shares_weights_of = def->shares_weights_of >= 0 ? place[def->shares_weights_of] : -1;
        place[i] = kept++;
    }
    return graph->count = kept;
}

static bool has_params(const fv_def *def)
{
    size_t count = 0;
    for (int k = 0; k < FV_PARAMS_MAX; k++)
        count += def->params[k].count;
    return count > 0;
}

/* Which layers backward goes through: what has parameters, or an input that asks for its gradient,
   and all that comes after it. */
static void find_gradients(fv_net *net)
{
    for (int i = 0; i < net->layers; i++) {
        fv_def *def = net->defs + i;
        def->wants_gradient = has_params(def) || def->image.requires_grad;
        for (int k = 0; k < def->n_inputs; k++)
            def->wants_gradient |= net->defs[def->inputs[k]].wants_gradient;
    }
}

static void count_consumers(fv_net *net)
{
    for (int i = 0; i < net->n_outputs; i++)
        net->defs[net->outputs[i]].consumers++;
    for (int i = 0; i < net->layers; i++)
        for (int k = 0; k < net->defs[i].n_inputs; k++)
            net->defs[net->defs[i].inputs[k]].consumers++;
}

static bool is_output(const fv_net *net, int layer)
{
    for (int i = 0; i < net->n_outputs; i++)
        if (net->outputs[i] == layer)
            return true;
    return false;
}

/* Gradients of an input that others, later layers or the losses, have written before. */
static void find_sums(fv_net *net)
{
    for (int i = 0; i < net->layers; i++)
        for (int k = 0; k < net->defs[i].n_inputs; k++) {
            int producer = net->defs[i].inputs[k];
            bool written = is_output(net, producer);
            for (int j = i; j < net->layers; j++)
                for (int m = 0; m < net->defs[j].n_inputs; m++)
                    written |= net->defs[j].inputs[m] == producer && (j > i || m < k);
            net->defs[i].accumulates |= (unsigned)written << k;
        }
}

static void find_ends(fv_net *net, const fv_node *outputs, int n, const int *place)
{
    for (int i = 0; i < n; i++)
        net->outputs[net->n_outputs++] = place[outputs[i].index];
    for (int i = 0; i < net->layers; i++)
        if (net->defs[i].n_inputs == 0)
            net->inputs[net->n_inputs++] = i;
}

static fv_net *net_of(fv_graph *graph, const fv_node *outputs, int n)
{
    fv_ctx *ctx = graph->object.ctx;
    int *place = fv_alloc(ctx, graph->count, sizeof *place);
    fv_net *net = place ? fv_object_new(ctx, sizeof *net, net_destroy) : NULL;
    if (net) {
        graph->used = true;
        net->graph = graph;
        net->layers = keep_paths(graph, outputs, n, place);
        net->defs = graph->defs;
        net->train = true;
        net->changes = 1;
        net->layout = FV_LAYOUTS;
        find_ends(net, outputs, n, place);
        count_consumers(net);
        find_gradients(net);
        find_sums(net);
        fv_fuse_layers(net->defs, net->layers);
    }
    fv_release(ctx, place);
    if (!net || (make_params(net) && make_tables(net)))
        return net;
    fv_object_free(net);
    return NULL;
}

static fv_status check_outputs(fv_ctx *ctx, const fv_graph *graph, const fv_node *outputs, int n)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++)
            if (outputs[i].graph != graph || outputs[i].index == outputs[k].index)
                return fv_fail(ctx, FV_E_STATE,
                               "fv_net_new_outputs: outputs %d and %d are one layer, or of two "
                               "networks",
                               k, i);
    if (graph->used)
        return fv_fail(ctx, FV_E_STATE, "a net was made of these layers before");
    if (graph->depth)
        return fv_fail(ctx, FV_E_STATE,
                       "a scope was begun and not ended\n"
                       "help: x = fv_scope_end(x) before fv_net_new(x)");
    int inputs = 0;
    for (int i = 0; i < graph->count; i++)
        inputs += graph->defs[i].n_inputs == 0;
    if (inputs > FV_ENDS_MAX || n > FV_ENDS_MAX)
        return fv_fail(ctx, FV_E_ARG,
                       "a net has 1 to %d inputs and outputs; this one has %d and %d", FV_ENDS_MAX,
                       inputs, n);
    return FV_OK;
}

fv_net *fv_net_new_outputs(const fv_node *outputs, int n)
{
    for (int i = 0; i < n; i++)
        if (fv_node_broken(outputs[i], "net_new"))
            return NULL;
    if (n < 1) {
        fv_fail(NULL, FV_E_ARG, "fv_net_new_outputs: n is %d, but must be 1 to %d", n, FV_ENDS_MAX);
        return NULL;
    }
    fv_graph *graph = outputs[0].graph;
    if (check_outputs(graph->object.ctx, graph, outputs, n))
        return NULL;
    fv_net *net = net_of(graph, outputs, n);
    if (net)
        start_params(net);
    return net;
}

fv_net *fv_net_new(fv_node x)
{
    return fv_net_new_outputs(&x, 1);
}

/* ---- asking ------------------------------------------------------------------------------- */

static fv_status set_mode(fv_net *net, bool train)
{
    if (!net)
        return fv_absent(train ? "fv_train_mode" : "fv_eval_mode");
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

fv_status fv_input_requires_grad(fv_net *net)
{
    if (!net)
        return fv_absent(__func__);
    if (fv_error(net->object.ctx))
        return fv_error(net->object.ctx);
    for (int i = 0; i < net->n_inputs; i++)
        net->defs[net->inputs[i]].image.requires_grad = true;
    find_gradients(net);
    for (int i = 0; i < FV_LAYOUTS; i++)
        fv_plan_free(net, &net->plans[true][i]);
    fv_release(net->object.ctx, net->text); /* which says it, too */
    net->text = NULL;
    net->stage = FV_FRESH;
    net->last = NULL;
    return FV_OK;
}

int fv_param_count(const fv_net *net)
{
    return FV_GIVEN(net) ? net->n_params : 0;
}

fv_param fv_param_at(const fv_net *net, int index)
{
    if (!FV_GIVEN(net) || index < 0 || index >= net->n_params)
        return (fv_param){0};
    return net->params[index];
}

fv_status fv_param_put(fv_net *net, int index, const float *value, const float *grad)
{
    if (FV_STOPPED(net))
        return net ? fv_error(net->object.ctx) : FV_E_ARG;
    if (index < 0 || index >= net->n_params)
        return fv_fail(net->object.ctx, FV_E_ARG,
                       "fv_param_put: index is %d, but the net has %d parameters", index,
                       net->n_params);
    const fv_param *p = net->params + index;
    size_t at = (size_t)(p->value - net->values), bytes = p->count * sizeof *value;
    if (value)
        fv_engine_of(net)->put(net, (fv_place){FV_VALUES, at}, value, bytes);
    if (grad)
        fv_engine_of(net)->put(net, (fv_place){FV_GRADS, at}, grad, bytes);
    net->changes += value != NULL;
    return FV_OK;
}

fv_place fv_state_place(const fv_net *net, int i)
{
    uintptr_t at = (uintptr_t)net->state[i].value, buffers = (uintptr_t)net->buffers;
    bool buffer = at >= buffers && at < buffers + net->buffer_size * sizeof *net->buffers;
    size_t bytes = at - (buffer ? buffers : (uintptr_t)net->values);
    return (fv_place){buffer ? FV_BUFFERS : FV_VALUES, bytes / sizeof(float)};
}

int fv_state_count(const fv_net *net)
{
    return FV_GIVEN(net) ? net->n_state : 0;
}

fv_tensor fv_state_at(const fv_net *net, int index)
{
    if (!FV_GIVEN(net) || index < 0 || index >= net->n_state)
        return (fv_tensor){0};
    return net->state[index];
}

fv_status fv_state_put(fv_net *net, int index, const void *value)
{
    if (FV_STOPPED(net))
        return net ? fv_error(net->object.ctx) : FV_E_ARG;
    if (index < 0 || index >= net->n_state || !value)
        return fv_fail(
            net->object.ctx, FV_E_ARG,
            "fv_state_put: index is %d, but the state has %d tensors, and value must not "
            "be NULL",
            index, net->n_state);
    const fv_tensor *t = net->state + index;
    fv_engine_of(net)->put(net, fv_state_place(net, index), value,
                           t->count * fv_type_size(t->type));
    net->changes++;
    return FV_OK;
}

void fv_output_shape(const fv_net *net, int *channels, int *height, int *width)
{
    fv_shape out = FV_GIVEN(net) ? fv_net_out(net) : (fv_shape){0, 0, 0};
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
    if (!FV_GIVEN(net) || batch_size < 1)
        return memory;
    fv_ctx *ctx = net->object.ctx;
    fv_program program;
    if (fv_program_make(net, train, fv_layout_for(net, batch_size, train), batch_size, &program))
        return memory;
    size_t all = fv_program_bytes(&program, ctx->threads);
    memory.parameters = 2 * net->size * sizeof(float);
    memory.scratch = program.floats[FV_THREAD] * ctx->threads * sizeof(float);
    memory.activations = all - (all == SIZE_MAX ? 0 : memory.scratch);
    fv_program_free(ctx, &program);
    return memory;
}
