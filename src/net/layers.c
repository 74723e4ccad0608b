/*
 * layers.c - the public layer functions: each takes a place in the graph, asks the op for its shape
 * rule and gives the node. Layer 3. Calls the ops and the base.
 */
#include "net/net.h"

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
    if (!args.ctx || fv_error(args.ctx))
        return fv_node_failed;
    fv_graph *graph = args.beside.graph ? args.beside.graph : fv_graph_new(args.ctx);
    if (!graph)
        return fv_node_failed;
    const fv_node nothing = {graph, -1};
    bool first = graph->count == 0;
    fv_def *def = fv_layer_start(&nothing, 1, args.name || !first ? args.name : "input", "input");
    if (!def)
        return fv_node_failed;
    input_shape(args.ctx, def, &args);
    return fv_layer_finish(graph);
}

fv_node fv_conv2d_opt(fv_conv2d_args args)
{
    fv_def *def = fv_layer_start(&args.x, 1, args.name, "conv2d");
    if (!def)
        return fv_node_failed;
    fv_conv2d_shape(args.x.graph->object.ctx, def, &args);
    return fv_layer_finish(args.x.graph);
}

fv_node fv_linear_opt(fv_linear_args args)
{
    fv_def *def = fv_layer_start(&args.x, 1, args.name, "linear");
    if (!def)
        return fv_node_failed;
    fv_linear_shape(args.x.graph->object.ctx, def, &args);
    return fv_layer_finish(args.x.graph);
}

fv_node fv_max_pool2d_opt(fv_max_pool2d_args args)
{
    fv_def *def = fv_layer_start(&args.x, 1, args.name, "max_pool2d");
    if (!def)
        return fv_node_failed;
    fv_max_pool2d_shape(args.x.graph->object.ctx, def, &args);
    return fv_layer_finish(args.x.graph);
}

static fv_node unary(fv_unary_args args, const char *kind, void (*shape)(fv_def *def))
{
    fv_def *def = fv_layer_start(&args.x, 1, args.name, kind);
    if (!def)
        return fv_node_failed;
    shape(def);
    return fv_layer_finish(args.x.graph);
}

fv_node fv_relu_opt(fv_unary_args args)
{
    return unary(args, "relu", fv_relu_shape);
}

fv_node fv_flatten_opt(fv_unary_args args)
{
    return unary(args, "flatten", fv_flatten_shape);
}

fv_node fv_log_softmax_opt(fv_unary_args args)
{
    return unary(args, "log_softmax", fv_log_softmax_shape);
}

fv_node fv_batch_norm2d_opt(fv_batch_norm2d_args args)
{
    fv_def *def = fv_layer_start(&args.x, 1, args.name, "batch_norm2d");
    if (!def)
        return fv_node_failed;
    fv_batch_norm2d_shape(args.x.graph->object.ctx, def, &args);
    return fv_layer_finish(args.x.graph);
}

static fv_node dropout(fv_dropout_args args, const char *kind, bool channels)
{
    fv_def *def = fv_layer_start(&args.x, 1, args.name, kind);
    if (!def)
        return fv_node_failed;
    fv_dropout_shape(args.x.graph->object.ctx, def, &args, channels);
    return fv_layer_finish(args.x.graph);
}

fv_node fv_dropout_opt(fv_dropout_args args)
{
    return dropout(args, "dropout", false);
}

fv_node fv_dropout2d_opt(fv_dropout_args args)
{
    return dropout(args, "dropout2d", true);
}

fv_node fv_add_opt(fv_binary_args args)
{
    const fv_node xs[] = {args.x, args.y};
    fv_def *def = fv_layer_start(xs, 2, args.name, "add");
    if (!def)
        return fv_node_failed;
    fv_add_shape(args.x.graph->object.ctx, def);
    return fv_layer_finish(args.x.graph);
}
