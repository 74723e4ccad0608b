/*
 * summary.c - a net as a table: layers, shapes, parameters, multiply-adds, bytes.
 *
 * Layer 3. Calls the ops and the base.
 */
#include "net/engine.h"

#include <stdio.h>
#include <string.h>

int fv_layer_count(const fv_net *net)
{
    return FV_GIVEN(net) ? net->layers : 0;
}

fv_layer fv_layer_at(const fv_net *net, int index)
{
    if (!FV_GIVEN(net) || index < 0 || index >= net->layers)
        return (fv_layer){0};
    const fv_def *def = net->defs + index;
    fv_layer layer = {
        .name = def->name,
        .kind = def->kind ? def->kind->name : "input",
        .channels = def->out.c,
        .height = def->out.h,
        .width = def->out.w,
        .macs = def->macs,
        .bytes = fv_shape_count(def->out) * sizeof(float),
    };
    for (int k = 0; k < FV_PARAMS_MAX; k++)
        layer.parameters += (int64_t)def->params[k].count;
    if (def->op->describe)
        def->op->describe(def, layer.kernel);
    return layer;
}

/* ---- table -------------------------------------------------------------------------------- */

/* 61706 as "61,706". */
static const char *with_commas(int64_t n, char out[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)n), k = 0;
    for (int i = 0; i < length; i++) {
        out[k++] = digits[i];
        if (i + 1 < length && (length - 1 - i) % 3 == 0)
            out[k++] = ',';
    }
    out[k] = '\0';
    return out;
}

static void put_row(fv_text *t, int name_width, const fv_layer *layer, int batch)
{
    char shape[64], parameters[32], macs[32], bytes[32];
    if (layer->height == 1 && layer->width == 1)
        snprintf(shape, sizeof shape, "[%d,%d]", batch, layer->channels);
    else
        snprintf(shape, sizeof shape, "[%d,%d,%d,%d]", batch, layer->channels, layer->height,
                 layer->width);
    fv_put(t, "%-*s  %-11s  %-10s %-16s %11s %14s %13s\n", name_width, layer->name, layer->kind,
           layer->kernel, shape,
           layer->parameters ? with_commas(layer->parameters, parameters) : "",
           layer->macs ? with_commas(layer->macs, macs) : "",
           with_commas((int64_t)layer->bytes * batch, bytes));
}

static void put_totals(fv_text *t, const fv_net *net, int batch)
{
    char a[32], b[32], c[32], d[32];
    int64_t parameters = 0, macs = 0;
    for (int i = 0; i < net->layers; i++) {
        parameters += fv_layer_at(net, i).parameters;
        macs += net->defs[i].macs;
    }
    fv_memory train = fv_memory_plan(net, batch, true), eval = fv_memory_plan(net, batch, false);
    fv_put(t, "\nparameters      %s in %d tensors, %s bytes with their gradients\n",
           with_commas(parameters, a), net->n_params, with_commas((int64_t)train.parameters, b));
    fv_put(t, "multiply-adds   %s an image, forward\n", with_commas(macs, a));
    fv_put(t, "memory          training %s bytes for activations and %s for scratch\n",
           with_commas((int64_t)train.activations, a), with_commas((int64_t)train.scratch, b));
    fv_put(t, "                running  %s bytes for activations and %s for scratch\n",
           with_commas((int64_t)eval.activations, c), with_commas((int64_t)eval.scratch, d));
    fv_put(t, "                in batches of %d, %d threads, kernels %s\n", batch,
           net->object.ctx->threads, fv_host_kernels(net->object.ctx)->name);
}

const char *fv_summary(fv_net *net, int batch_size)
{
    if (FV_STOPPED(net))
        return NULL;
    fv_ctx *ctx = net->object.ctx;
    if (batch_size < 1) {
        fv_fail(ctx, FV_E_ARG, "fv_summary: batch_size is %d, but must be 1 or more", batch_size);
        return NULL;
    }
    int name_width = 5;
    for (int i = 0; i < net->layers; i++) {
        int n = (int)strlen(net->defs[i].name);
        name_width = n > name_width ? n : name_width;
    }
    size_t capacity = (size_t)(net->layers + 2) * (name_width + 120) + 800;
    fv_release(ctx, net->summary);
    net->summary = fv_alloc(ctx, capacity, 1);
    if (!net->summary)
        return NULL;
    fv_text t = {net->summary, capacity};
    fv_put(&t, "%-*s  %-11s  %-10s %-16s %11s %14s %13s\n", name_width, "layer", "kind", "kernel",
           "output", "parameters", "multiply-adds", "bytes");
    for (int i = 0; i < net->layers; i++) {
        fv_layer layer = fv_layer_at(net, i);
        put_row(&t, name_width, &layer, batch_size);
    }
    put_totals(&t, net, batch_size);
    return net->summary;
}
