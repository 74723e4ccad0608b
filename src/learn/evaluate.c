/*
 * evaluate.c - loss and accuracy of a net on a data set. Layer 4. Uses public calls only.
 */
#include "net/net.h"

static fv_status measure(const fv_evaluate_args *args)
{
    fv_net *net = args->net;
    fv_result *result = args->result;
    fv_ctx *ctx = net->object.ctx;
    int classes;
    double loss = 0;
    fv_output_shape(net, &classes, NULL, NULL);
    for (fv_batch b; fv_loader_next(args->loader, &b);) {
        if (fv_forward(net, &b))
            return fv_error(ctx);
        loss += (double)fv_cross_entropy_loss(net, &b, .reduction = FV_SUM);
        if (fv_error(ctx))
            return fv_error(ctx);
        const float *y = fv_output(net);
        for (int i = 0; i < b.n; i++)
            result->correct += fv_argmax(y + (size_t)i * classes, classes) == b.labels[i];
        result->total += b.n;
        if (args->each)
            args->each(args->user, &b, y);
    }
    result->loss = result->total ? loss / (double)result->total : 0;
    return fv_error(ctx);
}

fv_status fv_evaluate_opt(fv_evaluate_args args)
{
    fv_net *net = args.net;
    if (args.result)
        *args.result = (fv_result){0};
    if (!net || !args.loader || !args.result)
        return fv_absent(__func__);
    bool train = net->train;
    if (fv_eval_mode(net))
        return fv_error(net->object.ctx);
    fv_loader_rewind(args.loader);
    fv_status status = measure(&args);
    if (status)
        fv_loader_rewind(args.loader);
    net->train = train;
    return status;
}
