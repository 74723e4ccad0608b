/*
 * text.c - a network as text: "conv2d 6 5 padding=2 name=C1; relu; max_pool2d 2".
 *
 * One layer a statement; statements end with ; or the line, # begins a comment. A layer takes what
 * the one before it gives, or what from=NAME names. The types of layers say what arguments there
 * are, so this file knows none of them. What is printed here is read here as the same network.
 * Layer 3. Calls the ops and the base.
 */
#include "net/net.h"

#include <string.h>

/* ---- reading ------------------------------------------------------------------------------ */

typedef struct reader {
    fv_ctx *ctx;
    fv_graph *graph; /* NULL until there is an input */
    fv_node x, outputs[FV_ENDS_MAX];
    int n_outputs;
    int classes; /* what the word "classes" stands for; 0: nothing */
    fv_statement s;
    fv_arg_error error;
} reader;

/* What every layer takes beside its own arguments. */
typedef struct common {
    const char *name, *from;
} common;

static const fv_arg common_args[] = {
    FV_ARG(common, name, FV_ARG_TEXT), FV_ARG(common, from, FV_ARG_TEXT), {0}};

/* The node of that name; after an error none. */
static fv_node node_named(reader *r, const char *name)
{
    fv_nearest near = {.word = name};
    for (int i = 0; r->graph && i < r->graph->count; i++) {
        if (strcmp(r->graph->defs[i].name, name) == 0)
            return (fv_node){r->graph, i};
        fv_nearest_try(&near, r->graph->defs[i].name);
    }
    fv_arg_refuse(&r->error, FV_E_NAME,
                  near.name ? "there is no layer \"%.60s\" before it\nhelp: did you mean %.60s?"
                            : "there is no layer \"%.60s\" before it\nhelp: give it name=%.60s",
                  name, near.name ? near.name : name);
    return fv_node_failed;
}

/* The layer that `from` names (NULL: the one before), into *x. */
static bool take_input(reader *r, const char *from, fv_node *x)
{
    *x = from ? node_named(r, from) : r->x;
    return x->graph || from ||
           fv_arg_refuse(&r->error, FV_E_STATE,
                         "there is no input before it\n"
                         "help: begin with input CHANNELS HEIGHT WIDTH");
}

/* Words without = of a layer with several inputs name those after the first. */
static bool take_inputs(reader *r, const fv_layer_type *kind, fv_node *xs, int *n)
{
    int kept = 1;
    for (int i = 1; kind->inputs != 1 && i < r->s.count; i++) {
        if (strchr(r->s.words[i], '=')) {
            r->s.words[kept++] = r->s.words[i];
            continue;
        }
        if (*n == FV_INPUTS_MAX)
            return fv_arg_refuse(&r->error, FV_E_ARG, "more than %d inputs", FV_INPUTS_MAX);
        xs[*n] = node_named(r, r->s.words[i]);
        if (!xs[(*n)++].graph)
            return false;
    }
    r->s.count = kind->inputs == 1 ? r->s.count : kept;
    return true;
}

static bool read_layer(reader *r, const fv_layer_type *kind)
{
    union {
        max_align_t align;
        char bytes[256];
    } args = {.bytes = {0}};
    common also = {0};
    fv_node xs[FV_INPUTS_MAX];
    int n = 1;
    fv_args_reader words = {.name = kind->name,
                            .args = kind->fields,
                            .places = kind->places,
                            .to = args.bytes,
                            .more = common_args,
                            .more_to = &also,
                            .symbol = r->classes > 0 ? "classes" : NULL,
                            .value = r->classes};
    if (!take_inputs(r, kind, xs, &n) ||
        !fv_args_read(&words, r->s.words + 1, r->s.count - 1, &r->error) ||
        !take_input(r, also.from, &xs[0]) || !xs[0].graph)
        return false;
    if (kind->inputs == 2 && n != 2)
        return fv_arg_refuse(&r->error, FV_E_ARG,
                             "%s takes the layer before it and one more by name, not %d more",
                             kind->name, n - 1);
    memcpy(args.bytes + kind->name_offset, &also.name, sizeof also.name);
    r->x = fv_layer_add(kind, xs, n, args.bytes);
    return true;
}

/* input CHANNELS HEIGHT WIDTH mean=... std=... name=... requires_grad */
static bool read_input(reader *r)
{
    static const fv_arg own[] = {
        FV_ARG(fv_input_args, channels, FV_ARG_INT, .flags = FV_ARG_NEEDED, .range = FV_FROM_1),
        FV_ARG(fv_input_args, height, FV_ARG_INT, .flags = FV_ARG_NEEDED, .range = FV_FROM_1),
        FV_ARG(fv_input_args, width, FV_ARG_INT, .flags = FV_ARG_NEEDED, .range = FV_FROM_1),
        FV_ARG(fv_input_args, requires_grad, FV_ARG_FLAG),
        FV_ARG(fv_input_args, name, FV_ARG_TEXT),
        {0}};
    static const fv_arg lists[] = {
        {.name = "mean", .counts = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4},
        {.name = "std", .counts = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4},
        {0}};
    fv_input_args a = {.ctx = r->ctx, .beside = {r->graph, r->graph ? 0 : -1}};
    fv_numbers values[2] = {{0}};
    fv_args_reader words = {
        .name = "input", .args = own, .places = 3, .to = &a, .more = lists, .more_to = values};
    if (!fv_args_read(&words, r->s.words + 1, r->s.count - 1, &r->error))
        return false;
    for (int i = 0; i < values[0].count; i++)
        a.mean[i] = (float)values[0].v[i];
    for (int i = 0; i < values[1].count; i++)
        a.std[i] = (float)values[1].v[i];
    r->x = fv_input_opt(a);
    r->graph = r->x.graph;
    return true;
}

/* again NAME: a layer like that one, with its parameters. */
static bool read_again(reader *r)
{
    typedef struct again_args {
        const char *layer;
    } again_args;
    static const fv_arg own[] = {FV_ARG(again_args, layer, FV_ARG_TEXT, .flags = FV_ARG_NEEDED),
                                 {0}};
    again_args a = {0};
    common also = {0};
    fv_args_reader words = {
        .name = "again", .args = own, .places = 1, .to = &a, .more = common_args, .more_to = &also};
    fv_node x;
    if (!fv_args_read(&words, r->s.words + 1, r->s.count - 1, &r->error) ||
        !take_input(r, also.from, &x) || !x.graph)
        return false;
    fv_node layer = node_named(r, a.layer);
    r->x = layer.graph ? fv_layer_again(layer, x, also.name) : layer;
    return layer.graph != NULL;
}

/* output NAME...: what the net gives. */
static bool read_outputs(reader *r)
{
    for (int i = 1; i < r->s.count; i++) {
        if (r->n_outputs == FV_ENDS_MAX)
            return fv_arg_refuse(&r->error, FV_E_ARG, "more than %d outputs", FV_ENDS_MAX);
        fv_node output = node_named(r, r->s.words[i]);
        if (!output.graph)
            return false;
        r->outputs[r->n_outputs++] = output;
    }
    return true;
}

static const char *name_at(int i)
{
    return fv_layer_types[i] ? fv_layer_types[i]->name : NULL;
}

static bool read_statement(reader *r)
{
    const char *word = r->s.words[0];
    if (strcmp(word, "input") == 0)
        return read_input(r);
    if (strcmp(word, "again") == 0)
        return read_again(r);
    if (strcmp(word, "output") == 0)
        return read_outputs(r);
    for (int i = 0; fv_layer_types[i]; i++) {
        const char *alias = fv_layer_types[i]->alias;
        if (strcmp(fv_layer_types[i]->name, word) == 0 || (alias && strcmp(alias, word) == 0))
            return read_layer(r, fv_layer_types[i]);
    }
    return fv_arg_refuse_name(&r->error, "layer", word, name_at);
}

static bool read_text(reader *r, const char *text)
{
    char *copy = fv_copy_text(r->ctx, text), *at = copy;
    r->s = (fv_statement){.what = "network text, statement", .counted = true};
    while (copy && *at && !fv_error(r->ctx))
        if (!fv_statement_next(&r->s, &at, ";\n#", &r->error) ||
            (r->s.count > 0 && !read_statement(r)))
            fv_fail_args(r->ctx, r->s.where, &r->error);
    fv_release(r->ctx, copy);
    return !fv_error(r->ctx);
}

fv_node fv_layers(fv_node x, const char *text, int classes)
{
    if (fv_node_broken(x, "layers"))
        return fv_node_failed;
    if (!text)
        fv_fail(x.graph->object.ctx, FV_E_ARG, "fv_layers: text is NULL");
    reader r = {.ctx = x.graph->object.ctx, .graph = x.graph, .x = x, .classes = classes};
    return text && read_text(&r, text) ? r.x : fv_node_failed;
}

fv_net *fv_net_text(fv_ctx *ctx, const char *text)
{
    if (fv_stopped(ctx, __func__))
        return NULL;
    reader r = {.ctx = ctx, .x = fv_node_failed};
    if (!text)
        fv_fail(ctx, FV_E_ARG, "fv_net_text: text is NULL");
    if (!text || !read_text(&r, text))
        return NULL;
    if (!r.graph) {
        fv_fail(ctx, FV_E_DATA,
                "network text: there is no layer in it\n"
                "help: begin with input CHANNELS HEIGHT WIDTH");
        return NULL;
    }
    return r.n_outputs ? fv_net_new_outputs(r.outputs, r.n_outputs) : fv_net_new(r.x);
}

/* ---- printing ----------------------------------------------------------------------------- */

/* The name of layer i, unless it is what the layer would get without one. */
static void put_name(fv_text *to, const fv_net *net, int i, const char *kind)
{
    char text[2 * FV_SCOPE_MAX] = "input";
    if (i > 0)
        fv_name_free(net->defs, i, kind, text);
    if (strcmp(net->defs[i].name, text) != 0)
        fv_put(to, " name=%s", net->defs[i].name);
}

static void put_list(fv_text *to, const char *name, const float *list, int n)
{
    char text[40];
    fv_put(to, " %s=", name);
    for (int i = 0; i < n; i++)
        fv_put(to, "%s%s", i ? "," : "", fv_number_text((double)list[i], true, text));
}

static void put_input(fv_text *to, const fv_def *def)
{
    fv_put(to, "input %d %d %d", def->out.c, def->out.h, def->out.w);
    if (def->image.normalize) {
        put_list(to, "mean", def->image.mean, def->out.c);
        put_list(to, "std", def->image.std, def->out.c);
    }
    fv_put(to, def->image.requires_grad ? " requires_grad" : "");
}

static void put_layer(fv_text *to, const fv_net *net, int i)
{
    const fv_def *def = net->defs + i;
    if (def->shares_weights_of >= 0)
        fv_put(to, "again %s", net->defs[def->shares_weights_of].name);
    else
        fv_put(to, "%s", def->kind->name);
    for (int k = 1; k < def->n_inputs; k++)
        fv_put(to, " %s", net->defs[def->inputs[k]].name);
    if (def->shares_weights_of < 0)
        fv_args_put(to, def->kind->fields, def->kind->places, def->args);
    if (def->inputs[0] != i - 1)
        fv_put(to, " from=%s", net->defs[def->inputs[0]].name);
}

static void put_net(fv_text *to, const void *of)
{
    const fv_net *net = of;
    for (int i = 0; i < net->layers; i++) {
        const fv_def *def = net->defs + i;
        fv_put(to, i > 0 ? "; " : "");
        if (def->n_inputs == 0)
            put_input(to, def);
        else
            put_layer(to, net, i);
        put_name(to, net, i, def->n_inputs ? def->kind->name : "input");
    }
    if (net->n_outputs == 1 && net->outputs[0] == net->layers - 1)
        return;
    fv_put(to, "; output");
    for (int i = 0; i < net->n_outputs; i++)
        fv_put(to, " %s", net->defs[net->outputs[i]].name);
}

const char *fv_text_of(fv_net *net)
{
    if (FV_STOPPED(net))
        return NULL;
    for (int i = 0; i < net->layers; i++)
        if (net->defs[i].kind && !net->defs[i].kind->fields) {
            fv_fail(net->object.ctx, FV_E_STATE,
                    "layer \"%s\" is a function of yours, which has no text\n"
                    "help: write such a net down in C",
                    net->defs[i].name);
            return NULL;
        }
    fv_release(net->object.ctx, net->text);
    return net->text = fv_text_new(net->object.ctx, put_net, net);
}
