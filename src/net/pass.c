/*
 * pass.c - forward and backward: checks of the calls, and the stages of the net's program one after
 * the other, run by the engine.
 *
 * Layer 3. Calls the engine and the base.
 */
#include "net/engine.h"

/* ---- plans -------------------------------------------------------------------------------- */

void fv_plan_free(fv_net *net, fv_plan *plan)
{
    fv_ctx *ctx = net->object.ctx;
    if (plan->memory)
        fv_engine_of(net)->release(ctx, plan->memory);
    fv_program_free(ctx, &plan->program);
    plan->memory = NULL;
}

static bool make_plan(fv_net *net, fv_plan *plan, fv_layout layout, int batch)
{
    fv_ctx *ctx = net->object.ctx;
    fv_program *p = &plan->program;
    float *rows = NULL;
    if (fv_program_make(net, net->train, layout, batch, p) ||
        !(plan->memory = fv_engine_of(net)->reserve(ctx, p, &rows)))
        return false;
    for (int i = 0; i < FV_ENDS_MAX; i++) {
        plan->output[i] = p->output[i].space ? rows + p->output[i].at : NULL;
        plan->doutput[i] = p->doutput[i].space ? rows + p->doutput[i].at : NULL;
        plan->dinput[i] = p->dinput[i].space ? rows + p->dinput[i].at : NULL;
    }
    plan->packed_at = 0;
    fv_note(ctx, FV_LOG_DEBUG, "memory to %s in batches of up to %d: %zu bytes",
            p->train ? "train" : "run", batch, fv_program_bytes(p, ctx->threads));
    return true;
}

/* The plan of the net's mode and of n's layout, with memory for n images. NULL: FV_E_MEMORY. */
static fv_plan *plan_for(fv_net *net, int n)
{
    fv_layout layout = fv_layout_for(net, n, net->train);
    fv_plan *plan = &net->plans[net->train][layout];
    if (plan->memory && n <= plan->program.batch)
        return plan;
    net->stage = FV_FRESH;
    net->last = NULL;
    fv_plan_free(net, plan);
    if (make_plan(net, plan, layout, n))
        return plan;
    fv_plan_free(net, plan);
    return NULL;
}

/* ---- forward ------------------------------------------------------------------------------ */

static fv_status check_batch(fv_net *net, const fv_batch *batches, int index)
{
    fv_ctx *ctx = net->object.ctx;
    const fv_batch *b = batches + index;
    fv_shape in = net->defs[net->inputs[index]].out;
    if (b->n < 1 || !b->pixels || (b->type != FV_U8 && b->type != FV_F32))
        return fv_fail(ctx, FV_E_ARG,
                       "fv_forward: a batch must have 1 or more images of uint8 or float32 pixels");
    if (b->n != batches->n)
        return fv_fail(ctx, FV_E_SHAPE,
                       "fv_forward: the batch for input %d has %d images, that for input 0 has %d",
                       index, b->n, batches->n);
    if (b->channels != in.c || b->height != in.h || b->width != in.w)
        return fv_fail(ctx, FV_E_SHAPE,
                       "the net takes images [N,%d,%d,%d], but the batch has [%d,%d,%d,%d]\n"
                       "help: resize the images, or build the net with fv_input(ctx, %d, %d, %d)",
                       in.c, in.h, in.w, b->n, b->channels, b->height, b->width, b->channels,
                       b->height, b->width);
    return FV_OK;
}

/* A mean and a variance need more than one number. */
static fv_status check_stats(fv_net *net, int n)
{
    for (int i = 0; i < net->layers; i++) {
        const fv_def *def = net->defs + i;
        bool per_image = def->norm.per_image;
        if (fv_needs_stats(def, net->train) &&
            (size_t)(per_image ? 1 : n) * def->in.h * def->in.w < 2)
            return fv_fail(net->object.ctx, FV_E_SHAPE,
                           "layer \"%s\": the mean over %s needs more than one value per "
                           "channel, but its input is [%s,%d,1,1]\n"
                           "help: %sfv_eval_mode",
                           def->name, per_image ? "an image" : "a batch", per_image ? "N" : "1",
                           def->in.c,
                           per_image ? ""
                                     : "batches of 2 or more (.drop_last = true leaves out a "
                                       "last one of 1), or ");
    }
    return FV_OK;
}

fv_status fv_forward_inputs(fv_net *net, const fv_batch *batches, int n)
{
    if (!net)
        return fv_absent(__func__);
    fv_ctx *ctx = net->object.ctx;
    if (fv_error(ctx))
        return fv_error(ctx);
    if (!batches || n != net->n_inputs)
        return fv_fail(ctx, FV_E_ARG, "the net has %d inputs; fv_forward got %d batches",
                       net->n_inputs, batches ? n : 0);
    for (int i = 0; i < n; i++)
        if (check_batch(net, batches, i))
            return fv_error(ctx);
    fv_plan *plan = check_stats(net, batches->n) ? NULL : plan_for(net, batches->n);
    if (!plan)
        return fv_error(ctx);
    net->n = batches->n;
    net->last = plan;
    net->steps += net->train;
    const fv_program *p = &plan->program;
    bool packed = !net->train && plan->packed_at == net->changes;
    for (const fv_stage *s = p->stages; s < p->stages + p->n_forward; s++)
        if (s->verb != FV_PACK || !packed)
            fv_engine_of(net)->run(net, plan, s, batches);
    plan->packed_at = net->changes;
    net->stage = FV_RAN;
    return FV_OK;
}

fv_status fv_forward(fv_net *net, const fv_batch *batch)
{
    return net ? fv_forward_inputs(net, batch, 1) : fv_absent(__func__);
}

const float *fv_output_at(const fv_net *net, int index)
{
    return FV_GIVEN(net) && net->last && index >= 0 && index < net->n_outputs
               ? net->last->output[index]
               : NULL;
}

const float *fv_output(const fv_net *net)
{
    return fv_output_at(net, 0);
}

/* ---- backward ----------------------------------------------------------------------------- */

fv_status fv_backward(fv_net *net)
{
    if (!net)
        return fv_absent(__func__);
    fv_ctx *ctx = net->object.ctx;
    if (fv_error(ctx))
        return fv_error(ctx);
    if (net->stage != FV_HAS_LOSS)
        return fv_fail(ctx, FV_E_STATE,
                       "fv_backward without a loss to start from\n"
                       "help: in train mode, fv_forward, then a loss of mean or sum, then "
                       "fv_backward once");
    const fv_program *p = &net->last->program;
    for (const fv_stage *s = p->stages + p->n_forward; s < p->stages + p->n_forward + p->n_backward;
         s++)
        fv_engine_of(net)->run(net, net->last, s, NULL);
    net->stage = FV_RAN;
    return FV_OK;
}

const float *fv_input_gradient(const fv_net *net)
{
    return FV_GIVEN(net) && net->last ? net->last->dinput[0] : NULL;
}

fv_status fv_zero_grad(fv_net *net)
{
    if (!net)
        return fv_absent(__func__);
    if (fv_error(net->object.ctx))
        return fv_error(net->object.ctx);
    fv_engine_of(net)->zero(net, (fv_place){FV_GRADS, 0}, net->size);
    return FV_OK;
}
