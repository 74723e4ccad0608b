/*
 * linear.c - linear: shape rule, forward, backward.
 *
 * x [K]   w [O][K]   b [O]   y [O], each for FV_LANES images at once. torch.nn.Linear.
 * Layer 2. Calls the base and the kernels.
 */
#include "ops/op.h"

static int features_of(const fv_def *def)
{
    return (int)fv_shape_count(def->in);
}

/* Saved: x turned to [L][Kp], rows of images, which the weight gradients want. */
fv_need fv_linear_need(const fv_def *def)
{
    return (fv_need){.saved = FV_LANES * fv_round_up(features_of(def))};
}

void fv_linear_run_forward(const fv_run *r)
{
    r->k->linear_forward(features_of(r->def), r->def->out.c, r->x, r->w, r->b, r->y);
}

void fv_linear_run_backward(const fv_run *r)
{
    int K = features_of(r->def);
    r->k->transpose(K, r->x, r->saved);
    if (r->dx)
        r->k->linear_backward_input(K, r->def->out.c, r->dy, r->w, r->dx);
}

enum { ROWS_PER_ITEM = 16 };

int fv_linear_reduce_items(const fv_def *def)
{
    return (def->out.c + ROWS_PER_ITEM - 1) / ROWS_PER_ITEM;
}

void fv_linear_reduce(const fv_sums *s, int item)
{
    int O = s->def->out.c, from = item * ROWS_PER_ITEM;
    int to = from + ROWS_PER_ITEM < O ? from + ROWS_PER_ITEM : O;
    s->k->linear_backward_weight(features_of(s->def), s->blocks, s->dy, s->step, s->saved, s->step,
                                 s->dw, from, to);
    if (s->db)
        s->k->sum_lanes(to - from, s->blocks, s->dy + (size_t)from * FV_LANES, s->step,
                        s->db + from);
}

static const fv_op linear = {
    .kind = "linear",
    .flags = FV_REDUCES_DY | FV_KEEPS_X,
    .need = fv_linear_need,
    .forward = fv_linear_run_forward,
    .backward = fv_linear_run_backward,
    .reduce_items = fv_linear_reduce_items,
    .reduce = fv_linear_reduce,
};

fv_status fv_linear_shape(fv_ctx *ctx, fv_def *def, const fv_linear_args *a)
{
    fv_shape in = def->in;
    if (a->out_features < 1)
        return fv_fail(ctx, FV_E_ARG, "layer \"%s\": out_features is %d, but must be 1 or more",
                       def->name, a->out_features);
    if (in.h != 1 || in.w != 1)
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": a linear layer takes [N,K], but \"%s\" gives [N,%d,%d,%d]\n"
                       "help: x = fv_flatten(x) before it",
                       def->name, def->giver, in.c, in.h, in.w);
    if (a->in_features != 0 && a->in_features != in.c)
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": expects %d input features but \"%s\" gives %d\n"
                       "help: set in_features to %d, or leave it out",
                       def->name, a->in_features, def->giver, in.c, in.c);
    def->op = &linear;
    def->out = (fv_shape){a->out_features, 1, 1};
    def->weight_ndim = 2;
    def->weight_dims[0] = a->out_features, def->weight_dims[1] = in.c;
    if (fv_check_size(ctx, def))
        return fv_error(ctx);
    def->fan_in = in.c;
    def->weights = (size_t)a->out_features * in.c;
    def->biases = a->no_bias ? 0 : a->out_features;
    def->macs = (int64_t)def->weights;
    return FV_OK;
}
