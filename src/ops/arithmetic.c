/*
 * arithmetic.c - add: what several layers give, number by number. Layer 2. Calls the base and the
 * kernels.
 */
#include "ops/op.h"

static size_t floats_of(const fv_run *r)
{
    return fv_turn(r->layout, fv_shape_count(r->def->out)) * r->turns;
}

static void add_forward(const fv_run *r)
{
    for (int i = 1; i < r->def->n_inputs; i++)
        r->k->add(floats_of(r), i == 1 ? r->xs[0] : r->y, r->xs[i], r->y);
}

/* Not in place: y must not be an input that is added later. */
static const fv_op add = {
    .kind = "add",
    .flags = FV_PASSES,
    .forward = add_forward,
};

static fv_status add_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    (void)args;
    for (int i = 1; i < def->n_inputs; i++)
        if (def->ins[i].c != def->in.c || def->ins[i].h != def->in.h || def->ins[i].w != def->in.w)
            return fv_fail(ctx, FV_E_SHAPE,
                           "layer \"%s\": adds [N,%d,%d,%d] (from \"%s\") and [N,%d,%d,%d]; both "
                           "must have one shape\n"
                           "help: bring them to one size first, as a shortcut does with a 1 x 1 "
                           "convolution",
                           def->name, def->in.c, def->in.h, def->in.w, def->giver, def->ins[i].c,
                           def->ins[i].h, def->ins[i].w);
    def->op = &add;
    def->out = def->in;
    return FV_OK;
}

const fv_kind fv_kind_add = {
    .name = "add",
    .torch = "torch.add",
    .size = sizeof(fv_binary_args),
    .name_offset = offsetof(fv_binary_args, name),
    .inputs = 2,
    .places = 0,
    .fields = fv_no_fields,
    .shape = add_shape,
};
