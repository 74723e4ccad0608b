/*
 * test_optim.c - optimizers against PyTorch's recorded steps (golden/record_optim.py), parameter
 * groups, clipping, averages of weights, and bit-exact resuming from a saved state.
 */
#include <math.h>
#include <unistd.h>

#include "testing.h"

#include "golden.h"
#include "learn/optim.h"

/* ---- machines: every set of kernels, 1 and 3 threads ---------------------------------------- */

static const char *const sets[] = {"ref", "avx2", "avx512", "neon"};
enum { MACHINES = 8 };

/* Machine i, NULL if this CPU or build cannot be that one. */
static fv_ctx *machine(int i)
{
    fv_ctx *ctx = fv_open(&(fv_options){.threads = i % 2 ? 3 : 1, .kernels = sets[i / 2]});
    if (fv_error(ctx) == FV_OK)
        return ctx;
    fv_close(ctx);
    return NULL;
}

static fv_net *linear_net(fv_ctx *ctx, int in, int out)
{
    return fv_net_new(fv_linear(fv_input(ctx, in, 1, 1), out, .name = "fc"));
}

/* All parameters, or gradients, one after the other. */
static size_t all_values(const fv_net *net, float *to)
{
    size_t n = 0;
    for (int i = 0; i < fv_param_count(net); i++) {
        fv_param p = fv_param_at(net, i);
        memcpy(to + n, p.value, p.count * sizeof *to);
        n += p.count;
    }
    return n;
}

static void set_grads(fv_net *net, const float *from)
{
    for (int i = 0; i < fv_param_count(net); i++) {
        fv_param p = fv_param_at(net, i);
        fv_param_put(net, i, NULL, from);
        from += p.count;
    }
}

/* ---- recorded steps ------------------------------------------------------------------------- */

enum { ROWS = 5, SIZE = 24 };

/* The parameters after every 10th of the recorded steps. */
static void run_recorded(const golden *problem, const char *text, fv_ctx *ctx,
                         float seen[ROWS][SIZE])
{
    const float *g = golden_f32(problem, "g", 10 * ROWS * SIZE);
    fv_net *net = linear_net(ctx, 5, 4);
    fv_optim *optim = fv_optim_text(net, text);
    assert_fine(ctx);
    fv_param_put(net, 0, golden_f32(problem, "weight", 20), NULL);
    fv_param_put(net, 1, golden_f32(problem, "bias", 4), NULL);
    for (int i = 0; i < 10 * ROWS; i++) {
        set_grads(net, g + (size_t)i * SIZE);
        fv_step(optim);
        if (i % 10 == 9)
            assert_int_equal(all_values(net, seen[i / 10]), SIZE);
    }
    assert_fine(ctx);
}

static void compare_rows(const char *text, const float *got, const float *want)
{
    for (int row = 0; row < ROWS; row++, got += SIZE, want += SIZE) {
        double error = 0, norm = 0;
        for (int i = 0; i < SIZE; i++) {
            double d = (double)got[i] - (double)want[i];
            error += d * d;
            norm += (double)want[i] * (double)want[i];
        }
        if (!(sqrt(error) <= 1e-5 * sqrt(norm)))
            fail_msg("%s: after %d steps off by %.3g", text, 10 * row + 10, sqrt(error / norm));
    }
}

static void recorded_steps(void **state)
{
    (void)state;
    golden problem, g;
    int cases = 0;
    golden_open(&problem, "optim.bin");
    golden_open(&g, "optim.bin");
    assert_true(golden_next(&problem) && golden_next(&g));
    for (; golden_next(&g); cases++) {
        float first[ROWS][SIZE], seen[ROWS][SIZE];
        for (int i = 0; i < MACHINES; i++) {
            fv_ctx *ctx = machine(i);
            if (!ctx)
                continue;
            run_recorded(&problem, g.line + 5, ctx, i ? seen : first);
            if (i == 0)
                compare_rows(g.line + 5, first[0], golden_f32(&g, "p", ROWS * SIZE));
            else if (memcmp(first, seen, sizeof seen) != 0)
                fail_msg("%s: other bits with %s", g.line + 5, sets[i / 2]);
            fv_close(ctx);
        }
    }
    golden_close(&g);
    golden_close(&problem);
    assert_true(cases > 50);
}

/* A net of several pieces of work gives the same bits everywhere, with every recorded optimizer. */
static void same_bits_everywhere(void **state)
{
    (void)state;
    enum { IN = 300, OUT = 101, ALL = IN * OUT + OUT };
    float *first = malloc(ALL * sizeof *first), *seen = malloc(ALL * sizeof *seen);
    fv_ctx *machines[MACHINES];
    fv_net *nets[MACHINES];
    golden g;
    for (int i = 0; i < MACHINES; i++) {
        machines[i] = machine(i);
        nets[i] = machines[i] ? linear_net(machines[i], IN, OUT) : NULL;
    }
    golden_open(&g, "optim.bin");
    for (assert_true(golden_next(&g)); golden_next(&g);)
        for (int i = 0; i < MACHINES; i++) {
            if (!machines[i])
                continue;
            float *grads = random_floats(3 * ALL, 5), *start = random_floats(ALL, 6);
            fv_optim *optim = fv_optim_text(nets[i], g.line + 5);
            for (int k = 0; k < 2; k++)
                fv_param_put(nets[i], k, start + k * IN * OUT, NULL);
            for (int k = 0; k < 3; k++) {
                set_grads(nets[i], grads + k * ALL);
                fv_step(optim);
            }
            assert_int_equal(all_values(nets[i], i ? seen : first), ALL);
            if (i > 0 && memcmp(first, seen, ALL * sizeof *seen) != 0)
                fail_msg("%s: other bits with %s", g.line + 5, sets[i / 2]);
            assert_fine(machines[i]);
            fv_optim_free(optim);
            free(grads);
            free(start);
        }
    golden_close(&g);
    for (int i = 0; i < MACHINES; i++)
        fv_close(machines[i]);
    free(first);
    free(seen);
}

/* ---- arguments and texts ------------------------------------------------------------------ */

static fv_ctx *ctx;

static int open_context(void **state)
{
    (void)state;
    ctx = fv_open(&(fv_options){.threads = 2});
    return ctx == NULL;
}

static int close_context(void **state)
{
    (void)state;
    fv_close(ctx);
    return 0;
}

/* Three steps with those gradients, or with the same of the other sign. */
static void three_steps(const char *text, float sign, float *values)
{
    fv_net *net = linear_net(ctx, 5, 3);
    fv_optim *optim = fv_optim_text(net, text);
    float *start = random_floats(18, 1), *grads = random_floats(3 * 18, 2);
    for (int i = 0; i < 3 * 18; i++)
        grads[i] *= sign;
    fv_param_put(net, 0, start, NULL);
    fv_param_put(net, 1, start + 15, NULL);
    for (int i = 0; i < 3; i++) {
        set_grads(net, grads + i * 18);
        fv_step(optim);
    }
    assert_int_equal(all_values(net, values), 18);
    assert_fine(ctx);
    free(start);
    free(grads);
}

/* To climb along g is to descend along -g. */
static void maximize_turns_the_gradient(void **state)
{
    (void)state;
    static const char *const names[] = {"sgd",  "adam",    "adamw",    "nadam",  "radam",
                                        "lion", "adagrad", "adadelta", "rmsprop"};
    char text[60];
    float up[18], down[18], other[18];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(text, sizeof text, "%s lr=0.1 weight_decay=0.01 maximize", names[i]);
        three_steps(text, 1.0f, up);
        text[strlen(text) - strlen(" maximize")] = '\0';
        three_steps(text, -1.0f, down);
        three_steps(text, 1.0f, other);
        assert_memory_equal(up, down, sizeof up);
        assert_memory_not_equal(up, other, sizeof up);
    }
}

static void functions_make_what_texts_make(void **state)
{
    (void)state;
    fv_net *net = linear_net(ctx, 3, 2);
    const struct {
        fv_optim *optim;
        const char *text;
    } cases[] = {
        {fv_sgd(net), "sgd lr=0.001"},
        {fv_sgd(net, 0.1, 0.9, .weight_decay = 0.01, .nesterov = true),
         "sgd lr=0.1 momentum=0.9 weight_decay=0.01 nesterov"},
        {fv_sgd(net, .momentum = 0.5, .dampening = 1, .maximize = true),
         "sgd lr=0.001 momentum=0.5 dampening=1 maximize"},
        {fv_adam(net), "adam lr=0.001"},
        {fv_adam(net, 0.1 + 0.2, {0.5, 0.75}, 1e-3, 0.125, true, true),
         "adam lr=0.30000000000000004 betas=0.5,0.75 eps=0.001 weight_decay=0.125 amsgrad "
         "maximize"},
        {fv_adam(net, .betas = {FV_ZERO, 0.5}, .eps = FV_ZERO), "adam lr=0.001 betas=0,0.5 eps=0"},
        {fv_adamw(net), "adamw lr=0.001"},
        {fv_adamw(net, .weight_decay = FV_ZERO), "adamw lr=0.001 weight_decay=0"},
        {fv_nadam(net), "nadam lr=0.002"},
        {fv_nadam(net, .weight_decay = 1, .momentum_decay = FV_ZERO),
         "nadam lr=0.002 weight_decay=1 momentum_decay=0"},
        {fv_nadam(net, .maximize = true), "nadam lr=0.002 maximize"},
        {fv_radam(net, .eps = 0.5, .maximize = true), "radam lr=0.001 eps=0.5 maximize"},
        {fv_lion(net), "lion lr=0.0001"},
        {fv_lion(net, .betas = {0.9, 0.999}, .maximize = true),
         "lion lr=0.0001 betas=0.9,0.999 maximize"},
        {fv_adagrad(net), "adagrad lr=0.01"},
        {fv_adagrad(net, .lr_decay = 0.5, .initial_accumulator_value = 2, .maximize = true),
         "adagrad lr=0.01 lr_decay=0.5 initial_accumulator_value=2 maximize"},
        {fv_adadelta(net), "adadelta lr=1"},
        {fv_adadelta(net, .rho = FV_ZERO, .eps = 0.5), "adadelta lr=1 rho=0 eps=0.5"},
        {fv_rmsprop(net), "rmsprop lr=0.01"},
        {fv_rmsprop(net, .alpha = 0.5, .momentum = 0.25, .centered = true),
         "rmsprop lr=0.01 alpha=0.5 momentum=0.25 centered"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_fine(ctx);
        assert_string_equal(fv_optim_describe(cases[i].optim), cases[i].text);
        fv_optim *again = fv_optim_text(net, cases[i].text);
        assert_fine(ctx);
        assert_string_equal(fv_optim_describe(again), cases[i].text);
    }
    fv_optim *optim = fv_optim_text(net, "  adam\n eps=1e-8 lr=2e-3 ;group *.bias weight_decay=1 "
                                         "frozen=false; group fc.weight frozen lr=0.001;");
    assert_fine(ctx);
    const char *text = "adam lr=0.002; group *.bias weight_decay=1; "
                       "group fc.weight lr_scale=0.5 frozen";
    assert_string_equal(fv_optim_describe(optim), text);
    assert_string_equal(fv_optim_describe(fv_optim_text(net, text)), text);
    fv_group(optim, "*"); /* both groups are without members then */
    assert_string_equal(fv_optim_describe(optim), "adam lr=0.002; group *");
    fv_set_lr(optim, 1);
    assert_string_equal(fv_optim_describe(optim), "adam lr=0.002; group *");
    assert_fine(ctx);
}

/* ---- groups ------------------------------------------------------------------------------- */

/* lr and weight decay of a group against a loop; lr_scale follows the optimizer's lr. */
static void groups_have_their_own_numbers(void **state)
{
    (void)state;
    fv_net *net = linear_net(ctx, 5, 4);
    fv_optim *optim = fv_sgd(net, .lr = 0.5, .weight_decay = 0.25);
    fv_group(optim, "*.bias", .lr = 0.125, .weight_decay = FV_ZERO);
    float *g = random_floats(SIZE, 3), p[SIZE], got[SIZE];
    all_values(net, p);
    for (int step = 0; step < 2; step++) {
        set_grads(net, g);
        fv_step(optim);
        float lr = step ? 0.25f : 0.5f;
        for (int i = 0; i < SIZE; i++)
            p[i] = i < 20 ? fmaf(-lr, fmaf(0.25f, p[i], g[i]), p[i])
                          : fmaf(-lr / 4, fmaf(0.0f, p[i], g[i]), p[i]);
        all_values(net, got);
        assert_memory_equal(got, p, sizeof p);
        fv_set_lr(optim, 0.25);
    }
    assert_fine(ctx);
    free(g);
}

/* What is frozen keeps its value and memory and counts no steps: let go, it does as at first. */
static void frozen_parameters_rest(void **state)
{
    (void)state;
    const char *const kinds[] = {"sgd momentum=0.9 dampening=0.5", "adam lr=0.1", "nadam lr=0.1",
                                 "radam lr=0.1", "adagrad lr=0.1 lr_decay=0.5"};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        fv_net *late = linear_net(ctx, 5, 4), *fresh = linear_net(ctx, 5, 4);
        fv_optim *optim = fv_optim_text(late, kinds[k]), *other = fv_optim_text(fresh, kinds[k]);
        float *g = random_floats(SIZE, 3), before[SIZE], after[SIZE];
        all_values(late, before);
        fv_group(optim, "*.weight", .frozen = true);
        for (int i = 0; i < 3; i++) {
            set_grads(late, g);
            fv_step(optim);
        }
        all_values(late, after);
        assert_memory_equal(before, after, 20 * sizeof *before);
        assert_memory_not_equal(before + 20, after + 20, 4 * sizeof *before);
        fv_group(optim, "*");
        fv_param_put(fresh, 0, before, NULL);
        for (int i = 0; i < 2; i++) {
            set_grads(late, g);
            set_grads(fresh, g);
            fv_step(optim);
            fv_step(other);
        }
        assert_memory_equal(fv_param_at(late, 0).value, fv_param_at(fresh, 0).value, 80);
        assert_memory_not_equal(fv_param_at(late, 0).value, before, 80);
        assert_fine(ctx);
        free(g);
    }
}

/* ---- gradients ---------------------------------------------------------------------------- */

static void gradients_are_clipped(void **state)
{
    (void)state;
    enum { IN = 200, OUT = 103, ALL = IN * OUT + OUT };
    fv_net *net = linear_net(ctx, IN, OUT);
    float *g = random_floats(ALL, 9);
    double sum = 0, most = 0;
    for (int i = 0; i < ALL; i++) {
        sum += (double)g[i] * (double)g[i];
        most = fmax(most, fabs((double)g[i]));
    }
    const struct {
        double max_norm, norm_type, norm;
    } cases[] = {{1, 0, sqrt(sum)}, {1e3, 2, sqrt(sum)}, {0.01, INFINITY, most}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        double factor = cases[k].max_norm / (cases[k].norm + 1e-6);
        set_grads(net, g);
        double norm = fv_clip_grad_norm(net, cases[k].max_norm, cases[k].norm_type);
        assert_fine(ctx);
        assert_true(fabs(norm - cases[k].norm) <= 1e-13 * norm);
        float with = factor < 1 ? (float)factor : 1.0f;
        for (int i = 0; i < ALL; i++) {
            fv_param p = fv_param_at(net, i >= IN * OUT);
            assert_true(p.grad[i % (IN * OUT)] == with * g[i]);
        }
    }
    set_grads(net, g);
    fv_clip_grad_value(net, 0.25);
    for (int i = 0; i < IN * OUT; i++)
        assert_true((double)fv_param_at(net, 0).grad[i] == fmax(-0.25, fmin(0.25, (double)g[i])));
    set_grads(net, g);
    fv_scale_grad(net, 1.0 / 3);
    for (int i = 0; i < IN * OUT; i++)
        assert_true(fv_param_at(net, 0).grad[i] == g[i] * (float)(1.0 / 3));
    assert_fine(ctx);
    free(g);
}

static void frozen_gradients_are_left_out(void **state)
{
    (void)state;
    fv_net *net = linear_net(ctx, 5, 4);
    fv_optim *optim = fv_sgd(net);
    float g[SIZE] = {[3] = 7, [20] = 3, [21] = -4};
    fv_group(optim, "*.weight", .frozen = true);
    set_grads(net, g);
    assert_true(fv_clip_grad_norm(net, 100, .optim = optim) == 5);
    assert_true(fv_clip_grad_norm(net, 100, INFINITY, optim) == 4);
    assert_true(fv_clip_grad_norm(net, 100, INFINITY) == 7);
    assert_fine(ctx);
}

/* Two halves of a batch, each a mean, are the batch. */
static void parts_of_a_batch_add_up(void **state)
{
    (void)state;
    fv_net *net = small_net(ctx);
    float *pixels, whole[8];
    int64_t labels[12];
    fv_batch b = small_batch(12, &pixels, labels);
    run_step(net, &b);
    fv_param p = fv_param_at(net, 0);
    memcpy(whole, p.grad, sizeof whole);
    fv_zero_grad(net);
    for (int half = 0; half < 2; half++) {
        b.n = 6, b.pixels = pixels + half * 6 * SMALL_PIXELS, b.labels = labels + half * 6;
        fv_forward(net, &b);
        fv_nll_loss(net, &b);
        fv_backward(net);
    }
    fv_scale_grad(net, 0.5);
    for (int i = 0; i < 8; i++)
        assert_true(fabsf(p.grad[i] - whole[i]) <= 1e-6f);
    assert_fine(ctx);
    free(pixels);
}

/* Gradients that are no numbers: who has them, and nothing is changed. */
static void norms_that_are_not_finite(void **state)
{
    (void)state;
    fv_net *net = linear_net(ctx, 5, 4);
    float g[SIZE] = {[3] = 7, [21] = NAN}, sum = 0;
    set_grads(net, g);
    for (int type = 0; type < 2; type++) {
        assert_true(isnan(fv_clip_grad_norm(net, 1, type ? INFINITY : 2)));
        assert_int_equal(fv_error(ctx), FV_E_DATA);
        assert_non_null(strstr(fv_error_text(ctx), "one of \"fc.bias\""));
        fv_error_clear(ctx);
    }
    g[21] = 0, g[5] = -INFINITY;
    set_grads(net, g);
    assert_true(isinf(fv_clip_grad_norm(net, 1)));
    assert_error(
        ctx, FV_E_DATA,
        "fv_clip_grad_norm: the norm of the gradients is inf; the first that is not finite "
        "is one of \"fc.weight\"\nhelp: a smaller learning rate, or leave this step out");
    fv_param w = fv_param_at(net, 0);
    for (size_t i = 0; i < w.count; i++)
        sum += i == 5 ? 0 : w.grad[i];
    assert_true(sum == 7 && isinf(w.grad[5]));
}

/* ---- averages ----------------------------------------------------------------------------- */

/* Of parameters and running means, which batch norm has, against a loop; counts are taken over. */
static void averages_follow(void **state)
{
    (void)state;
    enum { MOST = 64 };
    fv_node x = fv_batch_norm2d(fv_conv2d(fv_input(ctx, 2, 9, 8), 3, 3));
    fv_net *net = fv_net_new(fv_log_softmax(fv_linear(fv_flatten(fv_relu(x)), 5)));
    fv_optim *optim = fv_sgd(net, .lr = 0.5);
    fv_ema *ema = fv_ema_new(net, .decay = 0.75);
    float *pixels, want[20][MOST], own[20][MOST];
    int64_t labels[12];
    fv_batch b = small_batch(12, &pixels, labels);
    for (int i = 0; i < fv_state_count(net); i++) {
        fv_tensor t = fv_state_at(net, i);
        memcpy(want[i], t.value, 4 * (t.count < MOST ? t.count : MOST));
    }
    for (int step = 0; step < 3; step++) {
        run_step(net, &b);
        fv_step(optim);
        fv_ema_update(ema);
        for (int i = 0; i < fv_state_count(net); i++) {
            fv_tensor t = fv_state_at(net, i);
            for (size_t k = 0; t.type == FV_F32 && k < t.count && k < MOST; k++) {
                own[i][k] = ((float *)t.value)[k];
                want[i][k] += 0.25f * (own[i][k] - want[i][k]);
            }
        }
    }
    for (int twice = 0; twice < 2; twice++) {
        fv_ema_swap(ema);
        for (int i = 0; i < fv_state_count(net); i++) {
            fv_tensor t = fv_state_at(net, i);
            size_t n = t.count < MOST ? t.count : MOST;
            if (t.type == FV_F32)
                assert_memory_equal(t.value, twice ? own[i] : want[i], n * 4);
            else
                assert_int_equal(*(int64_t *)t.value, 3);
        }
        if (!twice) {
            fv_ema_update(ema);
            assert_error(ctx, FV_E_STATE,
                         "fv_ema_update: the net has the averages, not its own weights\n"
                         "help: fv_ema_swap(ema) once more before it");
        }
    }
    assert_fine(ctx);
    free(pixels);
}

/* The net computes with the averages at once, though its weights are packed. */
static void swapped_weights_are_used(void **state)
{
    (void)state;
    fv_net *net = small_net(ctx);
    fv_optim *optim = fv_adam(net, .lr = 0.01);
    float *pixels, first[20], last[20];
    int64_t labels[4];
    fv_batch b = small_batch(4, &pixels, labels);
    fv_eval_mode(net);
    fv_forward(net, &b);
    memcpy(first, fv_output(net), sizeof first);
    fv_ema *ema = fv_ema_new(net);
    fv_train_mode(net);
    run_step(net, &b);
    fv_step(optim);
    fv_eval_mode(net);
    fv_forward(net, &b);
    memcpy(last, fv_output(net), sizeof last);
    fv_ema_swap(ema);
    fv_forward(net, &b);
    assert_memory_equal(fv_output(net), first, sizeof first);
    fv_ema_swap(ema);
    fv_forward(net, &b);
    assert_memory_equal(fv_output(net), last, sizeof last);
    assert_memory_not_equal(first, last, sizeof first);
    assert_fine(ctx);
    free(pixels);
}

/* ---- going on to the bit ------------------------------------------------------------------ */

typedef struct training {
    fv_net *net;
    fv_optim *optim;
    fv_schedule *schedule;
    fv_ema *ema;
} training;

static training training_new(const char *optim, const char *schedule)
{
    training t = {.net = linear_net(ctx, 5, 4)};
    t.optim = fv_optim_text(t.net, optim);
    t.schedule = schedule[0] ? fv_schedule_text(t.optim, schedule) : NULL;
    t.ema = fv_ema_new(t.net, .decay = 0.9);
    assert_fine(ctx);
    return t;
}

static void train(training *t, const float *g, int from, int to)
{
    for (int i = from; i < to; i++) {
        set_grads(t->net, g + i * SIZE);
        fv_step(t->optim);
        fv_ema_update(t->ema);
        if (t->schedule)
            fv_schedule_step_metric(t->schedule, (double)g[i]);
    }
}

static void copy_state(const fv_tensor *from, int n_from, const fv_tensor *to, int n_to)
{
    assert_int_equal(n_from, n_to);
    for (int i = 0; i < n_from; i++) {
        assert_string_equal(from[i].name, to[i].name);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(from[i].name, from[k].name);
        memcpy((void *)(uintptr_t)to[i].value, from[i].value,
               from[i].count * fv_type_size(from[i].type));
    }
}

/* From one training to another that is at its start. */
static void copy_all(training *from, training *to)
{
    int n, m;
    const fv_tensor *a = fv_optim_state(from->optim, &n), *b = fv_optim_state(to->optim, &m);
    copy_state(a, n, b, m);
    a = fv_ema_state(from->ema, &n), b = fv_ema_state(to->ema, &m);
    copy_state(a, n, b, m);
    for (int i = 0; i < fv_param_count(from->net); i++)
        fv_param_put(to->net, i, fv_param_at(from->net, i).value, NULL);
    if (!from->schedule)
        return;
    a = fv_schedule_state(from->schedule, &n), b = fv_schedule_state(to->schedule, &m);
    copy_state(a, n, b, m);
}

static void training_goes_on_to_the_bit(void **state)
{
    (void)state;
    const char *const cases[][2] = {
        {"sgd lr=0.1 momentum=0.9", "one_cycle 0.5 total_steps=60"},
        {"sgd lr=0.1", "linear 0.1; at 5 cosine 40; at 30 plateau patience=1"},
        {"adam lr=0.1 amsgrad; group *.bias lr_scale=0.5", "constant 0.3 & exponential 0.9"},
        {"adamw lr=0.1", "one_cycle 0.5 total_steps=60 three_phase"},
        {"nadam lr=0.1", "cosine_warm_restarts 4 T_mult=2"},
        {"radam lr=0.1", "plateau patience=2 cooldown=1"},
        {"lion lr=0.1", "multi_step 10,30"},
        {"adagrad lr=0.1 lr_decay=0.1 initial_accumulator_value=1", ""},
        {"adadelta", ""},
        {"rmsprop lr=0.1 momentum=0.9 centered", "linear 0.1 total_iters=30"},
    };
    float *g = random_floats(50 * SIZE, 11), want[SIZE], got[SIZE], stale[SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        training first = training_new(cases[i][0], cases[i][1]);
        training second = training_new(cases[i][0], cases[i][1]);
        train(&first, g, 0, 20);
        copy_all(&first, &second);
        train(&first, g, 20, 50);
        train(&second, g, 20, 50);
        assert_int_equal(all_values(first.net, want), SIZE);
        all_values(second.net, got);
        assert_memory_equal(got, want, sizeof want);
        assert_true(fv_lr(first.optim) == fv_lr(second.optim));
        fv_ema_swap(first.ema);
        fv_ema_swap(second.ema);
        all_values(first.net, stale);
        all_values(second.net, got);
        assert_memory_equal(got, stale, sizeof got);
        assert_memory_not_equal(want, stale, sizeof want);
        assert_fine(ctx);
    }
    free(g);
}

/* What is kept can be saved: names and types are such as a model file takes. */
static void state_is_saved(void **state)
{
    (void)state;
    char path[] = "/tmp/fovea_optim_XXXXXX", sum[65];
    int n, fd = mkstemp(path);
    training t = training_new("adam amsgrad", "linear 0.1; at 5 cosine 40");
    const fv_tensor *tensors = fv_optim_state(t.optim, &n);
    assert_int_equal(n, 4 + 3 * 2);
    assert_string_equal(tensors[4].name, "exp_avg.fc.weight");
    assert_int_equal(tensors[4].ndim, 2);
    fv_save_tensors(ctx, path, tensors, n, NULL, 0);
    tensors = fv_schedule_state(t.schedule, &n);
    assert_int_equal(n, 6);
    assert_string_equal(tensors[2].name, "schedule.0.counts");
    fv_save_tensors(ctx, path, tensors, n, NULL, 0);
    tensors = fv_ema_state(t.ema, &n);
    assert_string_equal(tensors[1].name, "ema.fc.bias");
    fv_save_tensors(ctx, path, tensors, n, NULL, 0);
    fv_sha256_file(ctx, path, sum);
    assert_fine(ctx);
    remove(path);
    close(fd);
}

/* ---- nothing, and little memory ----------------------------------------------------------- */

static void nothing_passes_through(void **state)
{
    (void)state;
    assert_null(fv_adam(NULL));
    assert_null(fv_optim_text(NULL, "sgd"));
    assert_null(fv_optim_describe(NULL));
    assert_null(fv_ema_new(NULL));
    assert_null(fv_schedule_text(NULL, "step 10"));
    assert_null(fv_step_lr(NULL, 10));
    assert_null(fv_chained_lr(NULL, 2));
    assert_null(fv_schedule_describe(NULL));
    assert_int_not_equal(fv_group(NULL, "*"), FV_OK);
    assert_int_not_equal(fv_ema_update(NULL), FV_OK);
    assert_int_not_equal(fv_ema_swap(NULL), FV_OK);
    assert_int_not_equal(fv_schedule_step(NULL), FV_OK);
    assert_int_not_equal(fv_clip_grad_value(NULL, 1), FV_OK);
    assert_int_not_equal(fv_scale_grad(NULL, 1), FV_OK);
    assert_true(isnan(fv_clip_grad_norm(NULL, 1)));
    fv_ema_free(NULL);
    fv_schedule_free(NULL);
    assert_fine(ctx);
}

static bool make_all(counting *memory)
{
    fv_ctx *little = fv_open(
        &(fv_options){.threads = 1, .allocate = counting_allocate, .user = memory});
    fv_net *net = linear_net(little, 5, 4);
    fv_optim *optim = fv_optim_text(net, "adam amsgrad; group *.bias frozen; group fc.weight");
    fv_schedule *s = fv_schedule_text(optim, "linear 0.1 & step 3; at 2 cosine 5");
    fv_ema *ema = fv_ema_new(net);
    int n;
    fv_step(optim);
    fv_schedule_step(s);
    fv_ema_update(ema);
    fv_optim_describe(optim);
    fv_schedule_describe(s);
    if (optim)
        fv_optim_state(optim, &n);
    if (s)
        fv_schedule_state(s, &n);
    if (ema)
        fv_ema_state(ema, &n);
    fv_status status = fv_error(little);
    assert_true(status == FV_OK || status == FV_E_MEMORY);
    fv_close(little);
    assert_int_equal(memory->live, 0);
    return status == FV_OK;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    counting memory = {0};
    assert_true(make_all(&memory));
    long calls = memory.calls;
    assert_true(calls > 40);
    for (long n = 1; n <= calls; n++) {
        memory = (counting){.fail_at = n};
        assert_false(make_all(&memory));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_steps),
        cmocka_unit_test(same_bits_everywhere),
        cmocka_unit_test(maximize_turns_the_gradient),
        cmocka_unit_test(functions_make_what_texts_make),
        cmocka_unit_test(groups_have_their_own_numbers),
        cmocka_unit_test(frozen_parameters_rest),
        cmocka_unit_test(gradients_are_clipped),
        cmocka_unit_test(frozen_gradients_are_left_out),
        cmocka_unit_test(parts_of_a_batch_add_up),
        cmocka_unit_test(norms_that_are_not_finite),
        cmocka_unit_test(averages_follow),
        cmocka_unit_test(swapped_weights_are_used),
        cmocka_unit_test(training_goes_on_to_the_bit),
        cmocka_unit_test(state_is_saved),
        cmocka_unit_test(nothing_passes_through),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
