/*
 * test_loss.c - every loss with every argument against PyTorch in float64 (golden/record_loss.py),
 * several losses after one forward, log messages, errors.
 *
 * A net without layers returns its input, so that tests can choose the output of forward.
 */
#include "testing.h"

#include "golden.h"

#include <math.h>

static const double BOUND = 1e-5; /* relative, of the L2 norm */

enum { NUMBERS_MAX = 256 };

typedef struct log_lines {
    int warnings;
    char last[512];
} log_lines;

static void take_line(void *user, fv_log_level level, const char *text)
{
    log_lines *log = user;
    if (level != FV_LOG_WARNING)
        return;
    log->warnings++;
    snprintf(log->last, sizeof log->last, "%s", text);
}

static fv_ctx *ctx;
static log_lines logged;

static int open_context(void **state)
{
    (void)state;
    logged = (log_lines){0};
    ctx = fv_open(&(fv_options){.user = &logged, .log = take_line});
    return ctx == NULL;
}

static int close_context(void **state)
{
    (void)state;
    fv_close(ctx);
    return 0;
}

static fv_batch batch_of(int n, int c, int h, int w, const float *y)
{
    return (fv_batch){.n = n, .channels = c, .height = h, .width = w, .type = FV_F32, .pixels = y};
}

/* A net whose output is the batch that went in. */
static fv_net *forward(const fv_batch *b)
{
    fv_net *net = fv_net_new(
        fv_input(ctx, b->channels, b->height, b->width, .requires_grad = true));
    fv_forward(net, b);
    return net;
}

/* ---- against PyTorch ------------------------------------------------------------------------ */

static double number(const golden *g, const char *key, double otherwise)
{
    char text[GOLDEN_NAME_MAX];
    return golden_text(g, key, text) ? golden_double(g, key) : otherwise;
}

static fv_reduction reduction_of(const golden *g)
{
    return golden_is(g, "reduction", "sum")          ? FV_SUM
           : golden_is(g, "reduction", "none")       ? FV_NONE
           : golden_is(g, "reduction", "batch_mean") ? FV_BATCH_MEAN
                                                     : FV_MEAN;
}

static const float *optional(const golden *g, const char *name, int *count)
{
    const golden_array *a = golden_find(g, name);
    *count = a ? (int)a->count : 0;
    return a ? a->data : NULL;
}

static float loss_over_classes(const golden *g, fv_net *net, fv_batch b, float *losses)
{
    int n_weight, n_target;
    const float *weight = optional(g, "weight", &n_weight);
    const float *target = optional(g, "target", &n_target);
    const int64_t *labels = target ? NULL : golden_i64(g, "labels", 0), *given = NULL;
    int64_t ignore_index = (int64_t)number(g, "ignore_index", 0);
    char text[GOLDEN_NAME_MAX];
    if (ignore_index == 0 && golden_text(g, "ignore_index", text))
        ignore_index = FV_CLASS_0;
    if (b.height * b.width > 1)
        given = labels;
    else
        b.labels = labels;
    if (golden_is(g, "loss", "nll"))
        return fv_nll_loss(net, &b, .labels = given, .weight = weight, .n_weight = n_weight,
                           .ignore_index = ignore_index, .reduction = reduction_of(g),
                           .losses = losses, .scale = number(g, "scale", 0));
    return fv_cross_entropy_loss(
        net, &b, .labels = given, .target = target, .weight = weight, .n_weight = n_weight,
        .ignore_index = ignore_index, .label_smoothing = number(g, "label_smoothing", 0),
        .reduction = reduction_of(g), .losses = losses, .scale = number(g, "scale", 0));
}

static float loss_of_elements(const golden *g, fv_net *net, float *losses)
{
    int n_weight, n_pos_weight;
    const float *target = golden_f32(g, "target", 0), *weight = optional(g, "weight", &n_weight);
    const float *pos_weight = optional(g, "pos_weight", &n_pos_weight);
#define COMMON                                                                                     \
    net, target, .reduction = reduction_of(g), .losses = losses, .scale = number(g, "scale", 0)
    if (golden_is(g, "loss", "mse"))
        return fv_mse_loss(COMMON);
    if (golden_is(g, "loss", "l1"))
        return fv_l1_loss(COMMON);
    if (golden_is(g, "loss", "smooth_l1"))
        return fv_smooth_l1_loss(COMMON, .beta = number(g, "beta", 0));
    if (golden_is(g, "loss", "huber"))
        return fv_huber_loss(COMMON, .delta = number(g, "delta", 0));
    if (golden_is(g, "loss", "kl_div"))
        return fv_kl_div_loss(COMMON, .log_target = number(g, "log_target", 0) != 0);
    if (golden_is(g, "loss", "focal"))
        return fv_focal_loss(COMMON, .alpha = golden_double(g, "alpha"),
                             .gamma = golden_double(g, "gamma"));
    assert_true(golden_is(g, "loss", "bce_with_logits"));
    return fv_bce_with_logits_loss(COMMON, .weight = weight, .n_weight = n_weight,
                                   .pos_weight = pos_weight, .n_pos_weight = n_pos_weight);
}

static bool same_kind(float a, float b)
{
    return isfinite(b) ? isfinite(a) : isnan(b) ? isnan(a) : a == b;
}

/* Finite numbers are within BOUND all together, the others the same one by one. */
static void compare(const golden *g, const char *name, const float *found)
{
    const golden_array *a = golden_get(g, name, 0);
    const float *expected = a->data;
    double off = 0, size = 0;
    for (size_t i = 0; i < a->count; i++) {
        double e = (double)expected[i], f = (double)found[i];
        if (!same_kind(found[i], expected[i]))
            fail_msg("%s: %s[%zu] is %g, not %g", g->line, name, i, f, e);
        off += isfinite(e) ? (f - e) * (f - e) : 0;
        size += isfinite(e) ? e * e : 0;
    }
    if (!(sqrt(off) <= BOUND * sqrt(size)))
        fail_msg("%s: %s is off by %g of %g", g->line, name, sqrt(off), sqrt(size));
}

static void against_pytorch(void **state)
{
    (void)state;
    golden g;
    int count = 0;
    golden_open(&g, "loss.bin");
    for (; golden_next(&g); count++) {
        float losses[NUMBERS_MAX];
        const golden_array *x = golden_get(&g, "x", 0);
        fv_batch b = batch_of(golden_int(&g, "n"), golden_int(&g, "c"), golden_int(&g, "h"),
                              golden_int(&g, "w"), x->data);
        fv_net *net = forward(&b);
        bool classes = golden_is(&g, "loss", "nll") || golden_is(&g, "loss", "cross_entropy");
        assert_true(x->count <= NUMBERS_MAX);
        float loss = classes ? loss_over_classes(&g, net, b, losses)
                             : loss_of_elements(&g, net, losses);
        if (fv_error(ctx))
            fail_msg("%s: %s", g.line, fv_error_text(ctx));
        compare(&g, "losses", losses);
        if (reduction_of(&g) != FV_NONE) {
            fv_backward(net);
            compare(&g, "loss", &loss);
            compare(&g, "dx", fv_input_gradient(net));
            assert_fine(ctx);
        } else {
            assert_true(loss == 0);
            assert_int_equal(fv_backward(net), FV_E_STATE);
            fv_error_clear(ctx);
        }
        fv_net_free(net);
    }
    golden_close(&g);
    assert_true(count > 300);
}

/* ---- what PyTorch does not say -------------------------------------------------------------- */

/* Focal loss at many points, against differences of its own formula in double. */
static double focal(double y, double t, double alpha, double gamma)
{
    double p = 1 / (1 + exp(-y)), weight = alpha * t + (1 - alpha) * (1 - t);
    return weight * (-t * pow(1 - p, gamma) * log(p) - (1 - t) * pow(p, gamma) * log(1 - p));
}

static void focal_slopes(void **state)
{
    (void)state;
    enum { N = 121 };
    float y[N], t[N];
    for (int i = 0; i < N; i++) {
        y[i] = (float)(i - 60) * 0.1f;
        t[i] = (float)(i % 2);
    }
    fv_batch b = batch_of(1, N, 1, 1, y);
    fv_net *net = forward(&b);
    for (double gamma = 0.5; gamma < 4; gamma += 0.75)
        for (double alpha = 0.25; alpha < 1; alpha += 0.25) {
            fv_forward(net, &b);
            fv_focal_loss(net, t, .alpha = alpha, .gamma = gamma, .reduction = FV_SUM);
            fv_backward(net);
            assert_fine(ctx);
            for (int i = 0; i < N; i++) {
                double h = 1e-4, at = (double)y[i], want = (double)t[i];
                double slope = (focal(at + h, want, alpha, gamma) -
                                focal(at - h, want, alpha, gamma)) /
                               (2 * h);
                double found = (double)fv_input_gradient(net)[i];
                if (!(fabs(found - slope) <= 1e-5 * fabs(slope) + 1e-8))
                    fail_msg("y %g, t %g: %g, not %g", at, want, found, slope);
            }
        }
}

/* However small a loss and its slope are, their digits are right. */
static void small_losses(void **state)
{
    (void)state;
    for (float y = -80; y <= 80; y += 0.625f)
        for (int t = 0; t < 2; t++) {
            float target = (float)t;
            fv_batch b = batch_of(1, 1, 1, 1, &y);
            fv_net *net = forward(&b);
            double x = t ? -(double)y : (double)y, slope = (t ? -1 : 1) / (1 + exp(-x));
            double loss = (double)fv_bce_with_logits_loss(net, &target);
            fv_backward(net);
            assert_fine(ctx);
            assert_true(fabs(loss / (fmax(x, 0) + log1p(exp(-fabs(x)))) - 1) < BOUND);
            assert_true(fabs((double)*fv_input_gradient(net) / slope - 1) < BOUND);
            fv_net_free(net);
        }
}

/* A class that is not wanted may be impossible; PyTorch has NaN here. */
static void impossible_classes(void **state)
{
    (void)state;
    const float y[] = {1, -INFINITY, 2, 0}, t[] = {0.25f, 0, 0.75f, 0};
    fv_batch b = batch_of(1, 4, 1, 1, y);
    fv_net *net = forward(&b);
    float loss = fv_cross_entropy_loss(net, .target = t);
    double log_sum = log(exp(1) + exp(2) + exp(0));
    assert_true(fabs((double)loss - (0.25 * (log_sum - 1) + 0.75 * (log_sum - 2))) < 1e-6);
    fv_backward(net);
    const float *dx = fv_input_gradient(net);
    assert_true(dx[1] == 0);
    assert_true(fabs((double)dx[0] - (exp(1 - log_sum) - 0.25)) < 1e-6);

    fv_forward(net, &b);
    assert_true(isfinite(fv_kl_div_loss(net, t)));
    assert_fine(ctx);
}

/* A row of weights of 0 is a mean over nothing: NaN, without a gradient. */
static void nothing_counts(void **state)
{
    (void)state;
    const float y[] = {-1, -2, -3, -4}, weight[] = {0, 1};
    const int64_t labels[] = {0, 0};
    fv_batch b = batch_of(2, 2, 1, 1, y);
    b.labels = labels;
    fv_net *net = forward(&b);
    for (int i = 0; i < 2; i++) {
        fv_forward(net, &b);
        float loss = i ? fv_nll_loss(net, &b, .weight = weight, .n_weight = 2)
                       : fv_cross_entropy_loss(net, &b, .weight = weight, .n_weight = 2);
        assert_true(isnan(loss));
        fv_backward(net);
        for (int k = 0; k < 4; k++)
            assert_true(fv_input_gradient(net)[k] == 0);
    }
    assert_fine(ctx);
}

/* ---- several losses on one forward ---------------------------------------------------------- */

enum { ROWS = 3, K = 4 };
static const int64_t row_labels[ROWS] = {1, 0, 3};

static void gradient(fv_net *net, float dx[ROWS * K])
{
    fv_backward(net);
    assert_fine(ctx);
    memcpy(dx, fv_input_gradient(net), ROWS * K * sizeof *dx);
}

static void losses_add_up(void **state)
{
    (void)state;
    float *y = random_floats(ROWS * K, 1), *t = random_floats(ROWS * K, 2);
    float both[ROWS * K], first[ROWS * K], second[ROWS * K], own[ROWS * K];
    fv_batch b = batch_of(ROWS, K, 1, 1, y);
    b.labels = row_labels;
    fv_net *net = forward(&b);
    float one = fv_cross_entropy_loss(net, &b);
    gradient(net, first);
    fv_forward(net, &b);
    float other = fv_mse_loss(net, t, .scale = 0.125);
    gradient(net, second);
    fv_forward(net, &b);
    assert_true(fv_cross_entropy_loss(net, &b) + fv_mse_loss(net, t, .scale = 0.125) ==
                one + other);
    fv_mse_loss(net, t, .reduction = FV_NONE); /* only looks */
    fv_output_gradient(net, t);
    assert_true(isnan(fv_mse_loss(net, NULL))); /* fails, and changes nothing */
    fv_error_clear(ctx);
    gradient(net, both);
    for (int i = 0; i < ROWS * K; i++)
        assert_true(both[i] == first[i] + second[i] + t[i]);

    fv_forward(net, &b); /* nothing is left of what was before */
    fv_cross_entropy_loss(net, &b);
    fv_forward(net, &b);
    fv_output_gradient(net, t);
    gradient(net, own);
    assert_memory_equal(own, t, sizeof own);
    free(y);
    free(t);
}

/* Each output takes its own losses; one without any has the gradient 0. */
static void losses_of_outputs(void **state)
{
    (void)state;
    float *y = random_floats(ROWS * K, 3), *t = random_floats(ROWS * K, 4);
    fv_batch b = batch_of(ROWS, K, 1, 1, y);
    b.labels = row_labels;
    fv_node x = fv_input(ctx, K, 1, 1);
    fv_node outputs[] = {fv_linear(x, K, .name = "a"), fv_linear(x, K, .name = "b")};
    fv_net *net = fv_net_new_outputs(outputs, 2);
    for (int used = 0; used < 2; used++) {
        fv_zero_grad(net);
        fv_forward(net, &b);
        fv_cross_entropy_loss(net, &b, .output = 1 - used);
        fv_backward(net);
        fv_zero_grad(net);
        fv_forward(net, &b);
        float loss = fv_mse_loss(net, t, .output = used);
        double sum = 0;
        for (int i = 0; i < ROWS * K; i++) {
            double d = (double)fv_output_at(net, used)[i] - (double)t[i];
            sum += d * d;
        }
        assert_true(fabs((double)loss - sum / (ROWS * K)) < 1e-6);
        fv_backward(net);
        for (int i = 0; i < 4; i++) { /* a.weight, a.bias, b.weight, b.bias */
            fv_param p = fv_param_at(net, i);
            assert_int_equal(p.grad[0] != 0, i / 2 == used);
        }
    }
    fv_forward(net, &b);
    fv_zero_grad(net);
    fv_output_gradient_at(net, 1, t);
    fv_backward(net);
    assert_true(fv_param_at(net, 0).grad[0] == 0 && fv_param_at(net, 2).grad[0] != 0);
    assert_fine(ctx);
    free(y);
    free(t);
}

/* ---- the log -------------------------------------------------------------------------------- */

static void warnings(void **state)
{
    (void)state;
    const float raw[] = {0.5f, 0, -1, 2}, probabilities[] = {0.25f, 0.75f, 1, 0};
    const float negative[] = {-0.5f, -1, 0, 1e-5f};
    const int64_t labels[] = {1, 0};
    fv_batch b = batch_of(2, 2, 1, 1, negative);
    b.labels = labels;
    fv_net *net = forward(&b);
    fv_nll_loss(net, &b);
    fv_cross_entropy_loss(net, &b);
    b.pixels = raw;
    fv_forward(net, &b);
    fv_cross_entropy_loss(net, &b);
    assert_int_equal(logged.warnings, 0);
    for (int i = 0; i < 2; i++)
        fv_nll_loss(net, &b);
    assert_int_equal(logged.warnings, 1);
    assert_string_equal(logged.last,
                        "fv_nll_loss: the net's output is no log-probabilities, as 0.5 of sample 0 "
                        "is above 0; end the net with fv_log_softmax or use fv_cross_entropy_loss");
    b.pixels = probabilities;
    fv_forward(net, &b);
    for (int i = 0; i < 2; i++)
        fv_cross_entropy_loss(net, &b);
    assert_int_equal(logged.warnings, 2);
    assert_string_equal(logged.last,
                        "fv_cross_entropy_loss: the net's output is probabilities, of which the "
                        "loss takes the softmax once more; end the net without a softmax, or with "
                        "fv_log_softmax");
    assert_fine(ctx);
}

/* ---- what is refused ------------------------------------------------------------------------ */

#define assert_refused(call, code, text)                                                           \
    do {                                                                                           \
        assert_true(isnan(call));                                                                  \
        assert_error(ctx, code, text);                                                             \
    } while (0)

static void refused_of_classes(void **state)
{
    (void)state;
    const int64_t labels[ROWS] = {1, -100, 4}, sane[ROWS] = {0}, indices[ROWS] = {70, 80, 90};
    float y[ROWS * K] = {0};
    fv_batch b = batch_of(ROWS, K, 1, 1, y);
    fv_net *net = forward(&b);
    assert_refused(fv_nll_loss(net), FV_E_ARG,
                   "a loss takes the batch of the last fv_forward (3 images), with labels; this "
                   "one has 0 images and no labels");
    b.labels = labels;
    b.indices = indices;
    assert_refused(fv_cross_entropy_loss(net, &b), FV_E_CLASS,
                   "label 4 of sample 90: the net has 4 classes, 0 to 3\n"
                   "help: fv_dataset_check finds such labels before training starts");
    assert_refused(fv_cross_entropy_loss(net, &b, .ignore_index = 4), FV_E_CLASS,
                   "label -100 of sample 80: the net has 4 classes, 0 to 3\n"
                   "help: fv_dataset_check finds such labels before training starts");
    b.labels = sane;
    assert_refused(fv_nll_loss(net, &b, .weight = y, .n_weight = 3), FV_E_SHAPE,
                   "fv_nll_loss: weight has 3 numbers, but must have 4, as the net's output\n"
                   "help: give the array as .weight and its count as .n_weight");
    assert_refused(fv_nll_loss(net, &b, .n_weight = 4), FV_E_SHAPE,
                   "fv_nll_loss: weight has 4 numbers at NULL, but must have 4, as the net's "
                   "output\nhelp: give the array as .weight and its count as .n_weight");
    assert_refused(fv_cross_entropy_loss(net, &b, .label_smoothing = 1), FV_E_ARG,
                   "fv_cross_entropy_loss: label_smoothing is 1, but must be in [0,1)");
    assert_refused(fv_cross_entropy_loss(net, &b, .label_smoothing = -0.1), FV_E_ARG,
                   "fv_cross_entropy_loss: label_smoothing is -0.1, but must be in [0,1)");
    assert_refused(fv_cross_entropy_loss(net, .labels = sane, .target = y), FV_E_ARG,
                   "fv_cross_entropy_loss takes .labels or .target, not both");

    b = batch_of(1, 2, 2, 3, y);
    b.labels = sane;
    net = forward(&b);
    assert_refused(fv_nll_loss(net, &b), FV_E_SHAPE,
                   "a loss over classes takes an output [N,classes], but the net gives [N,2,2,3]\n"
                   "help: end the net with fv_flatten and fv_linear, or give labels for each pixel "
                   "as .labels");
    const int64_t pixels[] = {0, 1, 0, 1, 2, 0};
    assert_refused(fv_nll_loss(net, &b, .labels = pixels), FV_E_CLASS,
                   "label 2 of sample 0, row 1, column 1: the net has 2 classes, 0 to 1\n"
                   "help: fv_dataset_check finds such labels before training starts");
}

static void refused_of_elements(void **state)
{
    (void)state;
    float y[ROWS * K] = {0};
    fv_batch b = batch_of(1, 2, 2, 3, y);
    fv_net *fresh = fv_net_new(fv_input(ctx, 2, 2, 3)), *net = forward(&b);
    assert_refused(fv_mse_loss(fresh, y), FV_E_STATE, "a loss was asked for before any fv_forward");
    assert_refused(fv_l1_loss(net, y, .output = 1), FV_E_ARG,
                   "fv_l1_loss: there is no output 1: the net has 1, from 0 on");
    assert_refused(fv_kl_div_loss(net), FV_E_ARG,
                   "fv_kl_div_loss without .target, which has the shape of the net's output, "
                   "[1,2,2,3]");
    assert_refused(fv_mse_loss(net, y, .reduction = (fv_reduction)4), FV_E_ARG,
                   "fv_mse_loss: reduction is 4, but must be FV_MEAN, FV_SUM, FV_NONE or "
                   "FV_BATCH_MEAN");
    assert_refused(fv_mse_loss(net, y, .scale = INFINITY), FV_E_ARG,
                   "fv_mse_loss: scale is inf, but must be finite");
    assert_refused(fv_smooth_l1_loss(net, y, .beta = -1), FV_E_ARG,
                   "fv_smooth_l1_loss: beta is -1, but must be more than 0");
    assert_refused(fv_huber_loss(net, y, .delta = -0.5), FV_E_ARG,
                   "fv_huber_loss: delta is -0.5, but must be more than 0");
    assert_refused(fv_focal_loss(net, y, .alpha = 1.5), FV_E_ARG,
                   "fv_focal_loss: alpha is 1.5, but must be at most 1");
    assert_refused(fv_focal_loss(net, y, .gamma = INFINITY), FV_E_ARG,
                   "fv_focal_loss: gamma is inf, but must be finite");
    assert_refused(fv_bce_with_logits_loss(net, y, .pos_weight = y, .n_pos_weight = 3), FV_E_SHAPE,
                   "fv_bce_with_logits_loss: pos_weight has 3 numbers, but must have 2 or 12, as "
                   "the net's output\nhelp: give the array as .pos_weight and its count as "
                   ".n_pos_weight");
    fv_output_gradient_at(net, 1, y);
    assert_error(ctx, FV_E_ARG,
                 "fv_output_gradient: there is no output 1: the net has 1, from 0 on");
    assert_true(isnan(fv_mse_loss(NULL, y)));
}

/* A loss by name is the loss of the function, for every loss and argument. */
static void losses_as_text(void **state)
{
    (void)state;
    static const float y[] = {-1, 0.5f, -2, -0.25f, -3, -1.5f}, t[] = {0.5f, 0.25f, 0.25f, 1, 0, 0};
    static const int64_t labels[] = {2, 0};
    fv_batch b = batch_of(2, 3, 1, 1, y);
    fv_net *net = forward(&b);
    b.labels = labels;
    const float pairs[][2] = {
        {fv_loss_text(net, "cross_entropy", &b), fv_cross_entropy_loss(net, &b)},
        {fv_loss_text(net, " cross_entropy label_smoothing=1/10  reduction=sum ", .labels = labels),
         fv_cross_entropy_loss(net, &b, .label_smoothing = 0.1, .reduction = FV_SUM)},
        {fv_loss_text(net, "cross_entropy", .target = t), fv_cross_entropy_loss(net, .target = t)},
        {fv_loss_text(net, "cross_entropy ignore_index=0", &b),
         fv_cross_entropy_loss(net, &b, .ignore_index = FV_CLASS_0)},
        {fv_loss_text(net, "nll ignore_index=2", &b), fv_nll_loss(net, &b, .ignore_index = 2)},
        {fv_loss_text(net, "mse reduction=batchmean", .target = t),
         fv_mse_loss(net, t, FV_BATCH_MEAN)},
        {fv_loss_text(net, "l1", .target = t), fv_l1_loss(net, t)},
        {fv_loss_text(net, "smooth_l1 beta=2", .target = t), fv_smooth_l1_loss(net, t, 2)},
        {fv_loss_text(net, "huber delta=0.5", .target = t), fv_huber_loss(net, t, 0.5)},
        {fv_loss_text(net, "bce_with_logits", .target = t), fv_bce_with_logits_loss(net, t)},
        {fv_loss_text(net, "kl_div log_target", .target = t), fv_kl_div_loss(net, t, true)},
        {fv_loss_text(net, "focal alpha=-1 gamma=3", .target = t), fv_focal_loss(net, t, -1, 3)},
        {fv_loss_text(net, "focal gamma=0", .target = t), fv_focal_loss(net, t, .gamma = -1)},
        {fv_loss_text(net, "focal alpha=0", .target = t), fv_focal_loss(net, t, FV_ZERO)},
    };
    assert_int_equal(fv_error(ctx), FV_OK);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_true(pairs[i][0] == pairs[i][1]);
    assert_true(fv_focal_loss(net, t, FV_ZERO) != fv_focal_loss(net, t));
}

static void texts_refused(void **state)
{
    (void)state;
    static const float y[] = {-1, -2}, t[] = {0, 1};
    static const int64_t labels[] = {1};
    static const struct {
        const char *text, *error;
        bool floats;
    } cases[] = {
        {"cross_entropie", "there is no loss \"cross_entropie\"\nhelp: did you mean cross_entropy?",
         false},
        {"",
         "there is no loss \"\"\nhelp: there are nll, cross_entropy, mse, l1, smooth_l1, huber, "
         "bce_with_logits, kl_div, focal",
         false},
        {"nll beta=1", "nll has no argument \"beta\"\nhelp: it takes reduction, ignore_index",
         false},
        {"nll ignore_index=1e30", "ignore_index is \"1e30\", but must be a whole number", false},
        {"nll ignore_index=nan", "ignore_index is \"nan\", but must be a whole number", false},
        {"nll ignore_index=0.5", "ignore_index is \"0.5\", but must be a whole number", false},
        {"nll ignore_index=1.9", "ignore_index is \"1.9\", but must be a whole number", false},
        {"nll reduction=none", "reduction is \"none\", but must be mean, sum or batchmean", false},
        {"huber delta=0", "delta is 0, but must be more than 0", true},
        {"focal alpha=2", "alpha is 2, but must be at most 1", true},
        {"mse reduction=sum reduction=sum", "reduction is given twice", true},
        {"kl_div log_target=1", "log_target is \"1\", but must be true or false", true},
        {"nll",
         "nll takes labels, but the target holds floats\n"
         "help: labels are int64, one for each image; other targets are float32",
         true},
        {"mse",
         "mse takes floats, but the target holds labels\n"
         "help: labels are int64, one for each image; other targets are float32",
         false},
    };
    fv_batch b = batch_of(1, 2, 1, 1, y);
    fv_net *net = forward(&b);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char want[400];
        assert_true(
            isnan(fv_loss_text(net, cases[i].text, .labels = cases[i].floats ? NULL : labels,
                               .target = cases[i].floats ? t : NULL)));
        snprintf(want, sizeof want, "loss text \"%s\": %s", cases[i].text, cases[i].error);
        assert_string_equal(fv_error_text(ctx), want);
        fv_error_clear(ctx);
    }
    char text[1000] = "cross_entropy"; /* no letter of a long text is lost */
    memset(text + strlen(text), ' ', 900);
    strcpy(text + 900, "label_smoothing=2");
    assert_true(isnan(fv_loss_text(net, text, .labels = labels)));
    assert_string_equal(fv_error_text(ctx), "loss text \"cross_entropy label_smoothing=2\": "
                                            "label_smoothing is 2, but must be in [0,1)");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_context, close_context)
    const struct CMUnitTest tests[] = {
        TEST(against_pytorch),     TEST(focal_slopes),   TEST(small_losses),
        TEST(impossible_classes),  TEST(nothing_counts), TEST(losses_add_up),
        TEST(losses_of_outputs),   TEST(warnings),       TEST(refused_of_classes),
        TEST(refused_of_elements), TEST(losses_as_text), TEST(texts_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
