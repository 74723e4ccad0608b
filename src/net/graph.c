/*
 * graph.c - writing a network down, layer by layer: names, scopes, inputs, one more layer.
 *
 * A failed call returns a node without a graph, which every other layer function takes and returns,
 * so that an expression needs one check at its end. Layer 3. Calls the ops and the base.
 */
#include "net/net.h"

#include <stdio.h>
#include <string.h>

const fv_node fv_node_failed = {NULL, -1};

static void graph_destroy(void *self)
{
    fv_graph *graph = self;
    for (int i = 0; i < graph->count; i++) {
        fv_release(graph->object.ctx, graph->defs[i].name);
        fv_release(graph->object.ctx, graph->defs[i].args);
    }
    fv_release(graph->object.ctx, graph->defs);
    fv_object_end(graph);
}

bool fv_node_broken(fv_node x, const char *function)
{
    if (x.graph)
        return fv_error(x.graph->object.ctx) != FV_OK;
    fv_fail(NULL, FV_E_ARG, "fv_%s: its input %s", function,
            x.index < 0 ? "is of a call that failed\n"
                          "help: fv_error of the context says which call failed first"
                        : "was never made\n"
                          "help: begin with fv_node x = fv_input(ctx, channels, height, width)");
    return true;
}

/* ---- names -------------------------------------------------------------------------------- */

/* Numbers mostly come in order, so that one look at all names finds the first that is free; another
   one is for those that do not. */
void fv_name_free(const fv_def *defs, int count, const char *begin, char text[2 * FV_SCOPE_MAX])
{
    int number = 1;
    snprintf(text, 2 * FV_SCOPE_MAX, "%s%d", begin, number);
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < count; i++)
            if (strcmp(defs[i].name, text) == 0) {
                snprintf(text, 2 * FV_SCOPE_MAX, "%s%d", begin, ++number);
                moved = true;
            }
    }
}

static bool name_taken(const fv_graph *graph, const char *name)
{
    for (int i = 0; i < graph->count; i++)
        if (strcmp(graph->defs[i].name, name) == 0)
            return true;
    return false;
}

/* Whether a text can hold the name: no blanks, and nothing that ends a word or a statement. */
static bool is_word(fv_ctx *ctx, const char *name)
{
    for (const char *at = name; *at; at++)
        if ((unsigned char)*at <= ' ' || strchr(";=#\x7f", *at)) {
            fv_fail(
                ctx, FV_E_NAME,
                "the name \"%.60s\" has a character that names of layers and scopes cannot have\n"
                "help: letters, digits, _ and -",
                name);
            return false;
        }
    return true;
}

/* "scope.name"; without a name, the kind and its number: the first of that name that is free. */
static char *full_name(fv_graph *graph, const char *name, const char *kind)
{
    fv_ctx *ctx = graph->object.ctx;
    char text[2 * FV_SCOPE_MAX];
    size_t most = graph->scope[0] ? FV_SCOPE_MAX - 1 : 2 * FV_SCOPE_MAX - 1;
    if (name && (name[0] == '\0' || strlen(name) > most)) {
        fv_fail(ctx, FV_E_NAME,
                "a %s layer has a name of %zu characters; 1 to %zu are allowed\n"
                "help: leave .name out for a name made up for it",
                kind, strlen(name), most);
        return NULL;
    }
    if (name && !is_word(ctx, name))
        return NULL;
    if (name) {
        fv_put(&(fv_text){text, sizeof text}, "%s%s", graph->scope, name);
        if (name_taken(graph, text)) {
            fv_fail(ctx, FV_E_NAME,
                    "two layers are called \"%s\"\n"
                    "help: give the second another .name, or a scope of its own",
                    text);
            return NULL;
        }
    } else {
        char begin[2 * FV_SCOPE_MAX - 16];
        snprintf(begin, sizeof begin, "%s%s", graph->scope, kind);
        fv_name_free(graph->defs, graph->count, begin, text);
    }
    return fv_copy_text(ctx, text);
}

fv_node fv_scope_begin(fv_node x, const char *name)
{
    if (fv_node_broken(x, "scope_begin"))
        return fv_node_failed;
    fv_graph *graph = x.graph;
    size_t used = strlen(graph->scope), more = name ? strlen(name) : 0;
    if (more == 0 || used + more + 2 > FV_SCOPE_MAX) {
        fv_fail(graph->object.ctx, FV_E_NAME,
                "the name of a scope has %zu characters, inside \"%s\"; it must have 1 or more, "
                "and all of them together at most %d",
                more, graph->scope, FV_SCOPE_MAX - 2);
        return fv_node_failed;
    }
    if (!is_word(graph->object.ctx, name))
        return fv_node_failed;
    snprintf(graph->scope + used, FV_SCOPE_MAX - used, "%s.", name);
    graph->depth++;
    return x;
}

fv_node fv_scope_end(fv_node x)
{
    if (fv_node_broken(x, "scope_end"))
        return fv_node_failed;
    fv_graph *graph = x.graph;
    if (graph->depth == 0) {
        fv_fail(graph->object.ctx, FV_E_STATE, "fv_scope_end without a fv_scope_begin before it");
        return fv_node_failed;
    }
    size_t n = strlen(graph->scope) - 1; /* the dot of this scope */
    while (n > 0 && graph->scope[n - 1] != '.')
        n--;
    graph->scope[n] = '\0';
    graph->depth--;
    return x;
}

/* ---- one more layer ----------------------------------------------------------------------- */

static bool grow_layers(fv_graph *graph)
{
    if (graph->count < graph->capacity)
        return true;
    int capacity = graph->capacity ? 2 * graph->capacity : 16;
    fv_def *defs = fv_grow(graph->object.ctx, graph->defs, capacity, sizeof *defs);
    if (!defs)
        return false;
    graph->defs = defs;
    graph->capacity = capacity;
    return true;
}

/* The graph of all inputs; NULL with an error, or after one. */
static fv_graph *common_graph(const fv_node *xs, int n, const char *kind)
{
    for (int i = 0; i < n; i++)
        if (fv_node_broken(xs[i], kind))
            return NULL;
    fv_graph *graph = xs[0].graph;
    fv_ctx *ctx = graph->object.ctx;
    for (int i = 1; i < n; i++)
        if (xs[i].graph != graph) {
            fv_fail(ctx, FV_E_STATE,
                    "a %s layer takes layers of two networks\n"
                    "help: begin the second input with fv_input(..., .beside = x), x of the first",
                    kind);
            return NULL;
        }
    if (graph->used)
        fv_fail(ctx, FV_E_STATE,
                "a %s layer was added after fv_net_new had made a net of the layers", kind);
    return graph->used ? NULL : graph;
}

/* Memory for one more layer after the n nodes xs, with its name and what it gets. It counts only when
   finish, after the shape rule, has found no error. */
static fv_def *start(const fv_node *xs, int n, const char *name, const char *kind)
{
    fv_graph *graph = common_graph(xs, n, kind);
    if (!graph || !grow_layers(graph))
        return NULL;
    fv_def *def = graph->defs + graph->count;
    *def = (fv_def){.name = full_name(graph, name, kind), .shares_weights_of = -1};
    if (!def->name)
        return NULL;
    for (int i = 0; i < n && xs[i].index >= 0; i++) {
        def->inputs[def->n_inputs++] = xs[i].index;
        def->ins[i] = graph->defs[xs[i].index].out;
    }
    def->in = def->ins[0];
    def->producer = def->n_inputs ? graph->defs[def->inputs[0]].name : NULL;
    return def;
}

static fv_node finish(fv_graph *graph)
{
    fv_def *def = graph->defs + graph->count;
    fv_ctx *ctx = graph->object.ctx;
    if (fv_error(ctx)) {
        fv_release(ctx, def->name);
        fv_release(ctx, def->args);
        return fv_node_failed;
    }
    def->stored = def->out;
    return (fv_node){graph, graph->count++};
}

static void check_same_parameters(fv_ctx *ctx, const fv_def *def, const fv_def *owner)
{
    bool same = true;
    for (int i = 0; same && def->buffers && i < FV_BUFFERS_MAX; i++)
        same = def->op->buffer(def, i).count == owner->op->buffer(owner, i).count;
    for (int i = 0; i < FV_PARAMS_MAX; i++)
        same = same && def->params[i].count == owner->params[i].count &&
               memcmp(def->params[i].dims, owner->params[i].dims, sizeof owner->params[i].dims) ==
                   0;
    if (!same && !fv_error(ctx))
        fv_fail(ctx, FV_E_SHAPE,
                "layer \"%s\" cannot use the parameters of \"%s\": its input [N,%d,%d,%d] (from "
                "\"%s\") asks for others",
                def->name, owner->name, def->in.c, def->in.h, def->in.w, def->producer);
}

/* PyTorch's arguments of a convolution begin with in_channels, ours with out_channels: Conv2d(3, 6, 5)
   written as fv_conv2d(x, 3, 6, 5) has 3 output channels, kernel 6 and stride 5. Signs of it are as
   many channels out as in with a stride above 2, and, unless the layer itself has failed, a stride
   larger than the kernel. */
static bool has_torch_order(const fv_def *def, bool failed)
{
    bool conv = def->kind == &fv_layer_type_conv2d,
         back = def->kind == &fv_layer_type_conv_transpose2d;
    if (!def->args || (!conv && !back))
        return false;
    const fv_conv2d_args *a = def->args;
    const fv_conv_transpose2d_args *t = def->args;
    int out = conv ? a->out_channels : t->out_channels, groups = conv ? a->groups : t->groups;
    fv_hw kernel = fv_hw_of(conv ? a->kernel_size : t->kernel_size, 0);
    fv_hw stride = fv_hw_of(conv ? a->stride : t->stride, 1);
    bool skips = (kernel.h > 1 && stride.h > kernel.h) || (kernel.w > 1 && stride.w > kernel.w);
    bool same = out == def->in.c && groups <= 1 && kernel.h > 1 && stride.h > 2;
    return same || (skips && !failed);
}

#define TORCH_ORDER "arguments are out_channels, kernel_size, stride, without PyTorch's in_channels"

/* After the shape rule: a warning for such a layer; after an error, a hint at the nearest one. */
static void check_order(fv_graph *graph, const fv_def *def)
{
    fv_ctx *ctx = graph->object.ctx;
    fv_status error = fv_error(ctx);
    bool odd = has_torch_order(def, error != FV_OK);
    if (!error && odd)
        fv_note(
            ctx, FV_LOG_WARNING,
            "layer \"%s\" turns [N,%d,%d,%d] into [N,%d,%d,%d] with a stride that is unusual for "
            "its kernel; its " TORCH_ORDER,
            def->name, def->in.c, def->in.h, def->in.w, def->out.c, def->out.h, def->out.w);
    while (error == FV_E_SHAPE && !odd && def->n_inputs) {
        def = graph->defs + def->inputs[0];
        odd = has_torch_order(def, false);
    }
    if (error == FV_E_SHAPE && odd)
        fv_fail_hint(ctx, "look at layer \"%s\": its " TORCH_ORDER, def->name);
}

fv_node fv_layer_add(const fv_layer_type *kind, const fv_node *xs, int n, const void *args)
{
    const char *name;
    memcpy(&name, (const char *)args + kind->name_offset, sizeof name);
    fv_def *def = start(xs, n, name, kind->name);
    if (!def)
        return fv_node_failed;
    fv_ctx *ctx = xs[0].graph->object.ctx;
    def->kind = kind;
    def->args = fv_alloc(ctx, 1, kind->size);
    if (def->args) {
        memcpy(def->args, args, kind->size);
        char where[2 * FV_SCOPE_MAX + 10];
        snprintf(where, sizeof where, "layer \"%s\"", def->name);
        if (!kind->fields || !fv_settle(ctx, where, kind->fields, def->args))
            kind->shape(ctx, def, def->args);
        check_order(xs[0].graph, def);
    }
    return finish(xs[0].graph);
}

fv_node fv_again(fv_node layer, fv_node x)
{
    return fv_layer_again(layer, x, NULL);
}

fv_node fv_layer_again(fv_node layer, fv_node x, const char *name)
{
    if (fv_node_broken(layer, "again") || fv_node_broken(x, "again"))
        return fv_node_failed;
    fv_graph *graph = layer.graph;
    const fv_def *like = graph->defs + layer.index;
    fv_ctx *ctx = graph->object.ctx;
    if (x.graph != graph) {
        fv_fail(ctx, FV_E_STATE,
                "fv_again: layer \"%s\" is of another network than its input\n"
                "help: begin the second input with fv_input(..., .beside = x), x of the first",
                like->name);
        return fv_node_failed;
    }
    if (!like->kind || like->n_inputs != 1) {
        fv_fail(ctx, FV_E_ARG, "fv_again: layer \"%s\" is an input, or has several", like->name);
        return fv_node_failed;
    }
    int owner = like->shares_weights_of >= 0 ? like->shares_weights_of : layer.index;
    const fv_layer_type *kind = like->kind;
    fv_def *def = start(&x, 1, name, kind->name);
    if (!def)
        return fv_node_failed;
    like = graph->defs + layer.index; /* start may have moved them */
    def->kind = kind;
    def->shares_weights_of = owner;
    def->args = fv_alloc(ctx, 1, kind->size);
    if (def->args) {
        memcpy(def->args, like->args, kind->size);
        kind->shape(ctx, def, def->args);
        check_same_parameters(ctx, def, graph->defs + owner);
    }
    return finish(graph);
}

/* ---- inputs ------------------------------------------------------------------------------- */

static fv_status input_shape(fv_ctx *ctx, fv_def *def, const fv_input_args *a)
{
    const int most = 1 << 28;
    if (a->channels < 1 || a->height < 1 || a->width < 1 ||
        (double)a->channels * a->height * a->width > most)
        return fv_fail(ctx, FV_E_SHAPE,
                       "input \"%s\": [N,%d,%d,%d] is no shape of an image; each must be 1 or more "
                       "and their product at most %d",
                       def->name, a->channels, a->height, a->width, most);
    def->op = &fv_op_input;
    def->in = def->out = (fv_shape){a->channels, a->height, a->width};
    def->image.requires_grad = a->requires_grad;
    int given = 0;
    for (int c = 0; c < FV_CHANNELS_MAX; c++)
        if (a->mean[c] != 0 || a->std[c] != 0)
            given = c + 1;
    def->image.normalize = given > 0;
    if (given > 0 && given != a->channels)
        return fv_fail(ctx, FV_E_SHAPE,
                       "input \"%s\": mean and std are given for %d channels, the images have %d\n"
                       "help: one mean and one std for each channel, at most %d",
                       def->name, given, a->channels, FV_CHANNELS_MAX);
    for (int c = 0; c < given; c++) {
        if (!(a->std[c] > 0) || a->std[c] > 1e30f || !(a->mean[c] > -1e30f && a->mean[c] < 1e30f))
            return fv_fail(ctx, FV_E_ARG,
                           "input \"%s\": mean %g and std %g of channel %d; std must be more than "
                           "0 and both finite",
                           def->name, (double)a->mean[c], (double)a->std[c], c);
        def->image.mean[c] = a->mean[c];
        def->image.std[c] = a->std[c];
    }
    return FV_OK;
}

fv_node fv_input_opt(fv_input_args args)
{
    if (fv_stopped(args.ctx, __func__))
        return fv_node_failed;
    fv_graph *graph = args.beside.graph;
    if (!graph)
        graph = fv_object_new(args.ctx, sizeof *graph, graph_destroy);
    if (!graph)
        return fv_node_failed;
    const fv_node nothing = {graph, -1};
    bool first = graph->count == 0;
    fv_def *def = start(&nothing, 1, args.name || !first ? args.name : "input", "input");
    if (!def)
        return fv_node_failed;
    input_shape(args.ctx, def, &args);
    return finish(graph);
}
