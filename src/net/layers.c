/*
 * layers.c - the public layer functions: each adds a layer of its type to the graph. Layer 3. Calls
 * the ops.
 */
#include "net/net.h"

#define FUNCTION(its_name, its_args, ...)                                                          \
    fv_node fv_##its_name##_opt(its_args args)                                                     \
    {                                                                                              \
        const fv_node xs[] = {__VA_ARGS__};                                                        \
        return fv_layer_add(&fv_layer_type_##its_name, xs, sizeof xs / sizeof *xs, &args);         \
    }
#define OWN(...)
FV_LAYER_TYPES(FUNCTION, OWN)

fv_node fv_concat_opt(fv_concat_args args)
{
    if (!args.xs || args.n < 1) {
        fv_absent(__func__);
        return fv_node_failed;
    }
    if (fv_node_broken(args.xs[0], "concat"))
        return fv_node_failed;
    if (args.n > FV_INPUTS_MAX) {
        fv_fail(args.xs[0].graph->object.ctx, FV_E_ARG,
                "a concat layer takes 2 to %d inputs, not %d", FV_INPUTS_MAX, args.n);
        return fv_node_failed;
    }
    return fv_layer_add(&fv_layer_type_concat, args.xs, args.n, &args);
}

fv_node fv_custom_opt(fv_custom_args args)
{
    return fv_layer_add(&fv_layer_type_custom, &args.x, 1, &args);
}
