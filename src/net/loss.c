/*
 * loss.c - the public losses: arguments are checked, the op sums up, gradients of several losses on
 * one forward add up.
 *
 * Layer 3. Calls the ops and the base.
 */
#include "net/engine.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A call of a public loss. Its .loss is filled with the arguments first, then with what the net
   knows. */
typedef struct call {
    const char *name;
    fv_net *net;
    int output;
    float (*op)(const fv_loss *loss);
    fv_loss loss;
} call;

#define CALL(args, title, function, ...)                                                           \
    (&(call){.name = (title),                                                                      \
             .op = (function),                                                                     \
             .net = (args).net,                                                                    \
             .output = (args).output,                                                              \
             .loss = {.reduction = (args).reduction,                                               \
                      .losses = (args).losses,                                                     \
                      .scale = or_usual((args).scale, 1),                                          \
                      __VA_ARGS__}})

/* A number, or its default. */
static double or_usual(double value, double default_value)
{
    return value == 0 ? default_value : value == FV_ZERO ? 0 : value;
}

static fv_ctx *ctx_of(const call *c)
{
    return c->net->object.ctx;
}

static fv_shape shape_of(const call *c)
{
    return c->net->defs[c->net->outputs[c->output]].out;
}

/* ---- what can be wrong with every loss ---------------------------------------------------- */

static fv_status fail_range(const call *c, const char *what, double value, const char *range)
{
    return fv_fail(ctx_of(c), FV_E_ARG, "%s: %s is %g, but must be %s", c->name, what, value,
                   range);
}

/* Checks what all take, and fills in the output. */
static fv_status begin(call *c)
{
    fv_net *net = c->net;
    fv_loss *l = &c->loss;
    if (!net)
        return fv_absent(c->name);
    if (fv_error(ctx_of(c)))
        return fv_error(ctx_of(c));
    if (net->stage == FV_FRESH || !net->last)
        return fv_fail(ctx_of(c), FV_E_STATE, "a loss was asked for before any fv_forward");
    if (c->output < 0 || c->output >= net->n_outputs)
        return fv_fail(ctx_of(c), FV_E_ARG, "%s: there is no output %d: the net has %d, from 0 on",
                       c->name, c->output, net->n_outputs);
    if ((unsigned)l->reduction > FV_BATCH_MEAN)
        return fail_range(c, "reduction", l->reduction,
                          "FV_MEAN, FV_SUM, FV_NONE or FV_BATCH_MEAN");
    if (!isfinite(l->scale))
        return fail_range(c, "scale", l->scale, "finite");
    fv_shape out = shape_of(c);
    l->n = net->n;
    l->classes = out.c;
    l->area = (size_t)out.h * out.w;
    l->y = net->last->output[c->output];
    l->dy = l->reduction == FV_NONE ? NULL : net->last->doutput[c->output];
    return FV_OK;
}

/* An array of weights and its count, which may be that of the classes or `more`. */
static fv_status check_weight(const call *c, const char *what, const float *weight, size_t count,
                              size_t more)
{
    size_t classes = (size_t)c->loss.classes;
    if (weight ? count == classes || count == more : count == 0)
        return FV_OK;
    char other[32] = "";
    if (more != classes)
        snprintf(other, sizeof other, " or %zu", more);
    return fv_fail(ctx_of(c), FV_E_SHAPE,
                   "%s: %s has %zu numbers%s, but must have %zu%s, as the net's output\n"
                   "help: give the array as .%s and its count as .n_%s",
                   c->name, what, count, weight ? "" : " at NULL", classes, other, what, what);
}

/* The first gradient after a forward starts from 0, for all outputs. */
static void begin_gradients(fv_net *net)
{
    if (net->stage == FV_HAS_LOSS)
        return;
    for (int i = 0; i < net->n_outputs; i++)
        memset(net->last->doutput[i], 0,
               net->n * fv_shape_count(net->defs[net->outputs[i]].out) * sizeof(float));
    net->stage = FV_HAS_LOSS;
}

static float finish(call *c)
{
    if (c->loss.dy)
        begin_gradients(c->net);
    c->loss.exp = fv_host_kernels(ctx_of(c))->exp;
    float value = c->op(&c->loss);
    return c->loss.reduction == FV_NONE ? 0.0f : value;
}

/* ---- over classes ------------------------------------------------------------------------- */

/* Labels come from the batch of the last forward, unless they are given. */
static fv_status take_labels(call *c, const fv_batch *batch)
{
    fv_shape out = shape_of(c);
    if (c->loss.labels)
        return FV_OK;
    if (out.h != 1 || out.w != 1)
        return fv_fail(ctx_of(c), FV_E_SHAPE,
                       "a loss over classes takes an output [N,classes], but the net gives "
                       "[N,%d,%d,%d]\nhelp: end the net with fv_flatten and fv_linear, or give "
                       "labels for each pixel as .labels",
                       out.c, out.h, out.w);
    if (!batch || batch->n != c->net->n || !batch->labels)
        return fv_fail(ctx_of(c), FV_E_ARG,
                       "a loss takes the batch of the last fv_forward (%d images), with labels; "
                       "this one has %d images and %s labels",
                       c->net->n, batch ? batch->n : 0, batch && batch->labels ? "has" : "no");
    c->loss.labels = batch->labels;
    return FV_OK;
}

static fv_status check_labels(const call *c, const fv_batch *batch)
{
    const fv_loss *l = &c->loss;
    for (size_t i = 0; i < l->n * l->area; i++) {
        int64_t label = l->labels[i];
        if (label == l->ignore_index || (label >= 0 && label < l->classes))
            continue;
        char pixel[64] = "";
        size_t at = i % l->area, width = (size_t)shape_of(c).w;
        int64_t sample = (int64_t)(i / l->area);
        if (l->area > 1)
            snprintf(pixel, sizeof pixel, ", row %zu, column %zu", at / width, at % width);
        if (batch && batch->indices && batch->n == l->n)
            sample = batch->indices[sample];
        return fv_fail(ctx_of(c), FV_E_CLASS,
                       "label %lld of sample %lld%s: the net has %d classes, 0 to %d\n"
                       "help: fv_dataset_check finds such labels before training starts",
                       (long long)label, (long long)sample, pixel, l->classes, l->classes - 1);
    }
    return FV_OK;
}

static fv_status begin_classes(call *c, const fv_batch *batch)
{
    fv_loss *l = &c->loss;
    l->ignore_index = l->ignore_index == FV_CLASS_0 ? 0 : l->ignore_index ? l->ignore_index : -100;
    if (begin(c) || check_weight(c, "weight", l->weight, l->n_weight, (size_t)l->classes))
        return FV_E_ARG;
    return l->target ? FV_OK : take_labels(c, batch) ? FV_E_ARG : check_labels(c, batch);
}

/* Raw numbers taken for log-probabilities are a mistake that trains, badly. */
static void warn_of_raw_numbers(const call *c)
{
    const fv_loss *l = &c->loss;
    size_t image = l->classes * l->area;
    for (size_t i = 0; i < l->n * image && !c->net->warned[0]; i++) {
        if (!(l->y[i] > 1e-4f))
            continue;
        fv_note(ctx_of(c), FV_LOG_WARNING,
                "fv_nll_loss: the net's output is no log-probabilities, as %g of sample %zu is "
                "above 0; end the net with fv_log_softmax or use fv_cross_entropy_loss",
                (double)l->y[i], i / image);
        c->net->warned[0] = true;
    }
}

/* Whether the classes of a row are at least 0 and have the sum 1. */
static bool is_distribution(const fv_loss *l, const float *y)
{
    float sum = 0;
    for (int k = 0; k < l->classes; k++) {
        if (!(y[k * l->area] >= 0))
            return false;
        sum += y[k * l->area];
    }
    return fabsf(sum - 1) < 1e-4f;
}

/* So are probabilities where the loss makes its own. */
static void warn_of_probabilities(const call *c)
{
    const fv_loss *l = &c->loss;
    if (c->net->warned[1] || l->classes == 1)
        return;
    for (size_t i = 0; i < l->n * l->area; i++)
        if (!is_distribution(l, l->y + i / l->area * l->classes * l->area + i % l->area))
            return;
    fv_note(ctx_of(c), FV_LOG_WARNING,
            "fv_cross_entropy_loss: the net's output is probabilities, of which the loss takes the "
            "softmax once more; end the net without a softmax, or with fv_log_softmax");
    c->net->warned[1] = true;
}

float fv_nll_loss_opt(fv_nll_loss_args a)
{
    call *c = CALL(a, "fv_nll_loss", fv_nll, .labels = a.labels, .weight = a.weight,
                   .n_weight = (size_t)a.n_weight, .ignore_index = a.ignore_index);
    if (begin_classes(c, a.batch))
        return NAN;
    warn_of_raw_numbers(c);
    return finish(c);
}

float fv_cross_entropy_loss_opt(fv_cross_entropy_loss_args a)
{
    call *c = CALL(a, "fv_cross_entropy_loss", fv_cross_entropy, .labels = a.labels,
                   .weight = a.weight, .n_weight = (size_t)a.n_weight, .target = a.target,
                   .ignore_index = a.ignore_index, .label_smoothing = a.label_smoothing);
    if (begin_classes(c, a.batch))
        return NAN;
    if (fv_check_range(ctx_of(c), c->name, "label_smoothing", (fv_range)FV_BELOW_1,
                       a.label_smoothing))
        return NAN;
    if (a.labels && a.target) {
        fv_fail(ctx_of(c), FV_E_ARG, "%s takes .labels or .target, not both", c->name);
        return NAN;
    }
    warn_of_probabilities(c);
    return finish(c);
}

/* ---- element by element ------------------------------------------------------------------- */

static fv_status begin_elements(call *c)
{
    if (begin(c))
        return FV_E_ARG;
    fv_shape out = shape_of(c);
    if (!c->loss.target)
        return fv_fail(ctx_of(c), FV_E_ARG,
                       "%s without .target, which has the shape of the net's output, [%d,%d,%d,%d]",
                       c->name, c->net->n, out.c, out.h, out.w);
    return FV_OK;
}

static float of_elements(call *c)
{
    return begin_elements(c) ? NAN : finish(c);
}

float fv_mse_loss_opt(fv_mse_loss_args a)
{
    return of_elements(CALL(a, "fv_mse_loss", fv_mse, .target = a.target));
}

float fv_l1_loss_opt(fv_mse_loss_args a)
{
    return of_elements(CALL(a, "fv_l1_loss", fv_l1, .target = a.target));
}

/* The same for losses of a number that must be above 0. */
static float of_elements_with(call *c, const char *what, double value)
{
    if (begin_elements(c) || fv_check_range(ctx_of(c), c->name, what, (fv_range)FV_POSITIVE, value))
        return NAN;
    return finish(c);
}

float fv_smooth_l1_loss_opt(fv_smooth_l1_loss_args a)
{
    double beta = or_usual(a.beta, 1);
    return of_elements_with(
        CALL(a, "fv_smooth_l1_loss", fv_smooth_l1, .target = a.target, .beta = beta), "beta", beta);
}

float fv_huber_loss_opt(fv_huber_loss_args a)
{
    double delta = or_usual(a.delta, 1);
    return of_elements_with(CALL(a, "fv_huber_loss", fv_huber, .target = a.target, .delta = delta),
                            "delta", delta);
}

float fv_bce_with_logits_loss_opt(fv_bce_with_logits_loss_args a)
{
    call *c = CALL(a, "fv_bce_with_logits_loss", fv_bce_with_logits, .target = a.target,
                   .weight = a.weight, .n_weight = (size_t)a.n_weight, .pos_weight = a.pos_weight,
                   .n_pos_weight = (size_t)a.n_pos_weight);
    if (begin_elements(c))
        return NAN;
    size_t all = c->loss.n * c->loss.classes * c->loss.area;
    if (check_weight(c, "weight", a.weight, c->loss.n_weight, all) ||
        check_weight(c, "pos_weight", a.pos_weight, c->loss.n_pos_weight, all))
        return NAN;
    return finish(c);
}

float fv_kl_div_loss_opt(fv_kl_div_loss_args a)
{
    return of_elements(
        CALL(a, "fv_kl_div_loss", fv_kl_div, .target = a.target, .log_target = a.log_target));
}

float fv_focal_loss_opt(fv_focal_loss_args a)
{
    double gamma = or_usual(a.gamma, 2);
    call *c = CALL(a, "fv_focal_loss", fv_sigmoid_focal, .target = a.target,
                   .alpha = or_usual(a.alpha, 0.25), .gamma = gamma < 0 ? 0 : gamma);
    if (begin_elements(c))
        return NAN;
    if (!(a.alpha <= 1)) {
        fail_range(c, "alpha", a.alpha, "at most 1");
        return NAN;
    }
    if (!isfinite(a.gamma)) {
        fail_range(c, "gamma", a.gamma, "finite");
        return NAN;
    }
    return finish(c);
}

/* ---- the user's own ----------------------------------------------------------------------- */

fv_status fv_output_gradient_at(fv_net *net, int index, const float *gradient)
{
    if (!net)
        return fv_absent(__func__);
    fv_ctx *ctx = net->object.ctx;
    if (fv_error(ctx))
        return fv_error(ctx);
    if (!gradient || net->stage == FV_FRESH || !net->last || !net->last->program.train)
        return fv_fail(ctx, FV_E_STATE,
                       "fv_output_gradient takes [n,C,H,W] after a fv_forward in train mode");
    if (index < 0 || index >= net->n_outputs)
        return fv_fail(ctx, FV_E_ARG,
                       "fv_output_gradient: there is no output %d: the net has %d, from 0 on",
                       index, net->n_outputs);
    begin_gradients(net);
    float *dy = net->last->doutput[index];
    size_t count = net->n * fv_shape_count(net->defs[net->outputs[index]].out);
    for (size_t i = 0; i < count; i++)
        dy[i] += gradient[i];
    return FV_OK;
}

fv_status fv_output_gradient(fv_net *net, const float *gradient)
{
    return fv_output_gradient_at(net, 0, gradient);
}
