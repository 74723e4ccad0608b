/*
 * ema.c - exponential moving average of a net's parameters and buffers.
 *
 * Layer 4. Calls the net's internals and the base.
 */
#include "learn/optim.h"

#include <string.h>

struct fv_ema {
    fv_object object;
    fv_net *net;
    float rate;      /* 1 - decay */
    bool swapped;    /* the net holds the averages, and this object its weights */
    float *values;   /* [net->size] */
    float *buffers;  /* [net->buffer_size] */
    fv_tensor *kept; /* see fv_ema_state */
    int n_kept;
};

static void ema_destroy(void *self)
{
    fv_ema *ema = self;
    fv_ctx *ctx = ema->object.ctx;
    fv_state_release(ctx, ema->kept, ema->n_kept);
    fv_release(ctx, ema->values);
    fv_release(ctx, ema->buffers);
    fv_object_end(ema);
}

void fv_ema_free(fv_ema *ema)
{
    fv_object_free(ema);
}

fv_ema *fv_ema_new_opt(fv_ema_args args)
{
    const fv_arg settings[] = {FV_NUMBER(fv_ema_args, decay, 0.999, FV_SHARE), {0}};
    if (FV_STOPPED(args.net))
        return NULL;
    fv_ctx *ctx = args.net->object.ctx;
    const fv_net *net = args.net;
    if (fv_settle(ctx, "fv_ema_new", settings, &args))
        return NULL;
    fv_ema *ema = fv_object_new(ctx, sizeof *ema, ema_destroy);
    if (!ema)
        return NULL;
    ema->net = args.net;
    ema->rate = (float)(1 - args.decay);
    ema->values = fv_alloc(ctx, net->size + 1, sizeof *ema->values);
    ema->buffers = fv_alloc(ctx, net->buffer_size + 1, sizeof *ema->buffers);
    if (fv_error(ctx)) {
        fv_object_free(ema);
        return NULL;
    }
    memcpy(ema->values, net->values, net->size * sizeof *net->values);
    memcpy(ema->buffers, net->buffers, net->buffer_size * sizeof *net->buffers);
    return ema;
}

static void average(float rate, const float *from, float *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] += rate * (from[i] - to[i]);
}

static void average_stretch(void *arg, const fv_stretch *s)
{
    const fv_ema *ema = arg;
    average(ema->rate, ema->net->values + s->from, ema->values + s->from, s->count);
}

/* Returns the average that belongs to a tensor of the net's state. */
static float *average_at(const fv_ema *ema, fv_place of)
{
    return (of.space == FV_BUFFERS ? ema->buffers : ema->values) + of.at;
}

fv_status fv_ema_update(fv_ema *ema)
{
    if (!ema)
        return fv_absent(__func__);
    fv_ctx *ctx = ema->object.ctx;
    const fv_net *net = ema->net;
    if (fv_error(ctx))
        return fv_error(ctx);
    if (ema->swapped)
        return fv_fail(ctx, FV_E_STATE,
                       "fv_ema_update: the net has the averages, not its own "
                       "weights\nhelp: fv_ema_swap(ema) once more before it");
    fv_each_stretch(net, average_stretch, ema);
    for (int i = 0; i < net->n_state; i++) {
        const fv_tensor *t = &net->state[i];
        fv_place of = fv_state_place(net, i);
        if (of.space == FV_BUFFERS && t->type == FV_F32)
            average(ema->rate, t->value, average_at(ema, of), t->count);
        else if (of.space == FV_BUFFERS) /* counts are copied */
            memcpy(average_at(ema, of), t->value, t->count * fv_type_size(t->type));
    }
    return FV_OK;
}

/* Swaps bytes, since counts are not floats. */
static void exchange(float *a, float *b, size_t n)
{
    enum { LINE = 256 };
    float line[LINE];
    for (size_t from = 0; from < n; from += LINE) {
        size_t size = (n - from < LINE ? n - from : LINE) * sizeof *line;
        memcpy(line, a + from, size);
        memcpy(a + from, b + from, size);
        memcpy(b + from, line, size);
    }
}

static void exchange_stretch(void *arg, const fv_stretch *s)
{
    fv_ema *ema = arg;
    exchange(ema->values + s->from, ema->net->values + s->from, s->count);
}

fv_status fv_ema_swap(fv_ema *ema)
{
    if (!ema)
        return fv_absent(__func__);
    if (fv_error(ema->object.ctx))
        return fv_error(ema->object.ctx);
    fv_each_stretch(ema->net, exchange_stretch, ema);
    exchange(ema->buffers, ema->net->buffers, ema->net->buffer_size);
    ema->swapped = !ema->swapped;
    ema->net->changes++;
    return FV_OK;
}

const fv_tensor *fv_ema_state(fv_ema *ema, int *n)
{
    fv_ctx *ctx = ema->object.ctx;
    int count = ema->net->n_state;
    if (!ema->kept && (ema->kept = fv_alloc(ctx, (size_t)count + 1, sizeof *ema->kept)))
        for (; ema->n_kept < count; ema->n_kept++) {
            const fv_tensor *t = &ema->net->state[ema->n_kept];
            fv_tensor *kept = &ema->kept[ema->n_kept];
            *kept = fv_state_of(ctx, "ema.", t->name, t->type, t->count,
                                average_at(ema, fv_state_place(ema->net, ema->n_kept)));
            kept->ndim = t->ndim;
            memcpy(kept->dims, t->dims, sizeof kept->dims);
        }
    return fv_state_ready(ctx, &ema->kept, &ema->n_kept, n);
}
