/*
 * test_layers.c - small networks in text form against results of PyTorch, forward and backward.
 *
 * golden/record_layers.py and record_layers_a.py to record_layers_c.py recorded them in float64;
 * Fovea's float32 may differ by 1e-5 (relative L2 of each tensor). Every case runs with every
 * kernel set of this machine, with 1 and 3 threads, in both layouts; all sets and threads must give
 * the same bits. Each text must be printed as a text that builds the same net and prints the same
 * again.
 */
#include <math.h>

#include "testing.h"

#include "golden.h"
#include "net/net.h"

static const double BOUND = 1e-5;

enum { MACHINES_MAX = 8 };

static struct {
    char name[40];
    fv_ctx *ctx;
} machines[MACHINES_MAX];
static int n_machines, wrong;

static int open_machines(void **state)
{
    (void)state;
    static const char *const sets[] = {"ref", "avx2", "avx512", "neon"};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        for (int threads = 1; threads <= 3; threads += 2) {
            fv_ctx *ctx = fv_open(&(fv_options){.kernels = sets[i], .threads = threads});
            if (fv_error(ctx)) {
                fv_close(ctx);
                continue;
            }
            snprintf(machines[n_machines].name, sizeof machines->name, "%s, %d threads", sets[i],
                     threads);
            machines[n_machines++].ctx = ctx;
        }
    return n_machines == 0;
}

static int close_machines(void **state)
{
    (void)state;
    while (n_machines > 0)
        fv_close(machines[--n_machines].ctx);
    return 0;
}

static void complain(const golden *g, int machine, const char *what)
{
    print_error("%s\n    [%s] %s\n", g->line, machines[machine].name, what);
    wrong++;
}

/* ---- one case ----------------------------------------------------------------------------- */

static double distance(float got, float want)
{
    if (got == want || (isnan(got) && isnan(want)))
        return 0;
    double d = fabs((double)got - (double)want);
    return isnan(d) ? INFINITY : d;
}

/* Against the recorded array of that name; the first machine's numbers are kept in *first, and must
   be the others' to the bit. */
static void compare(const golden *g, int machine, const char *name, const float *got, float **first)
{
    const golden_array *a = golden_get(g, name, 0);
    const float *want = golden_f32(g, name, 0);
    double error = 0, norm = 0;
    char text[200];
    for (size_t i = 0; i < a->count; i++) {
        double d = distance(got[i], want[i]);
        error += d * d;
        norm += isfinite(want[i]) ? (double)want[i] * (double)want[i] : 0;
    }
    /* Of numbers that should cancel to nothing, rounding is left. */
    double scale = sqrt(norm) > 1e-6 ? sqrt(norm) : 1.0;
    if (!(sqrt(error) <= BOUND * scale)) {
        snprintf(text, sizeof text, "%s: off by %.3g", name, sqrt(error) / scale);
        complain(g, machine, text);
    }
    if (!*first) {
        *first = malloc(a->count * sizeof **first);
        memcpy(*first, got, a->count * sizeof **first);
    } else if (memcmp(*first, got, a->count * sizeof **first) != 0) {
        snprintf(text, sizeof text, "%s: other bits than %s", name, machines[0].name);
        complain(g, machine, text);
    }
}

static char *text_of(const golden *g)
{
    static char text[GOLDEN_LINE_MAX + 100];
    const char *at = strstr(g->line, " text=") + 6;
    snprintf(text, sizeof text, "input %d %d %d requires_grad; %s", golden_int(g, "c"),
             golden_int(g, "h"), golden_int(g, "w"), at);
    for (char *p = text; *p; p++)
        *p = *p == '~' ? ' ' : *p;
    return text;
}

static void set_state(const golden *g, fv_net *net)
{
    for (int i = 0; i < net->n_state; i++) {
        char name[16];
        fv_tensor t = net->state[i];
        snprintf(name, sizeof name, "s%d", i);
        if (t.type == FV_F32)
            fv_state_put(net, i, golden_f32(g, name, t.count));
        else
            fv_state_put(net, i, golden_i64(g, name, t.count));
    }
}

static const float *gradient_of(const fv_net *net, const char *name)
{
    for (int i = 0; i < net->n_params; i++)
        if (net->params[i].name == name)
            return net->params[i].grad;
    return NULL;
}

static void compare_state(const golden *g, int machine, fv_net *net, float **first)
{
    for (int i = 0; i < net->n_state; i++) {
        char name[16];
        fv_tensor t = net->state[i];
        const float *gradient = gradient_of(net, t.name);
        snprintf(name, sizeof name, "%c%d", gradient ? 'g' : 'b', i);
        if (t.type == FV_F32)
            compare(g, machine, name, gradient ? gradient : t.value, first + i);
        else if (memcmp(t.value, golden_i64(g, name, t.count), t.count * sizeof(int64_t)) != 0)
            complain(g, machine, "another num_batches_tracked");
    }
}

/* The printed text makes a net that prints it again. */
static void check_text(const golden *g, int machine, fv_net *net)
{
    fv_net *again = fv_net_text(net->object.ctx, fv_text_of(net));
    if (!again || strcmp(fv_text_of(net), fv_text_of(again)) != 0)
        complain(g, machine, fv_text_of(net));
    fv_net_free(again);
}

enum { KEPT_MAX = 100 };

static void run_case(const golden *g, int machine, fv_layout layout, float *first[KEPT_MAX])
{
    fv_ctx *ctx = machines[machine].ctx;
    bool train = golden_is(g, "mode", "train");
    fv_net *net = fv_net_text(ctx, text_of(g));
    if (!net) {
        complain(g, machine, fv_error_text(ctx));
        fv_error_clear(ctx);
        return;
    }
    net->layout = layout;
    set_state(g, net);
    fv_batch batch = {.n = golden_int(g, "n"),
                      .channels = golden_int(g, "c"),
                      .height = golden_int(g, "h"),
                      .width = golden_int(g, "w"),
                      .type = FV_F32,
                      .pixels = golden_f32(g, "x", 0)};
    if (!train)
        fv_eval_mode(net);
    fv_forward(net, &batch);
    assert_fine(ctx);
    fv_shape out = fv_net_out(net);
    assert_int_equal(golden_get(g, "y", 0)->count, fv_shape_count(out) * batch.n);
    compare(g, machine, "y", fv_output(net), &first[0]);
    if (train) {
        fv_output_gradient(net, golden_f32(g, "dy", 0));
        fv_backward(net);
        assert_fine(ctx);
        compare(g, machine, "dx", fv_input_gradient(net), &first[1]);
        compare_state(g, machine, net, first + 2);
    }
    if (machine == 0 && layout == FV_BATCH_LAST)
        check_text(g, machine, net);
    fv_net_free(net);
}

static void test_cases(void **state)
{
    golden g;
    int cases = 0;
    for (golden_open(&g, *state); golden_next(&g); cases++)
        for (fv_layout layout = FV_BATCH_LAST; layout < FV_LAYOUTS; layout++) {
            float *first[KEPT_MAX] = {0};
            for (int m = 0; m < n_machines; m++)
                run_case(&g, m, layout, first);
            for (int i = 0; i < KEPT_MAX; i++)
                free(first[i]);
        }
    golden_close(&g);
    print_message("%d cases in 2 layouts on %d machines\n", cases, n_machines);
    assert_true(cases > 50);
    assert_int_equal(wrong, 0);
}

/* ---- slopes --------------------------------------------------------------------------------- */

/* The sum of dy * y for x moved by step * d. */
static double moved(fv_net *net, const golden *g, const float *d, double step, float *x)
{
    const golden_array *a = golden_get(g, "x", 0);
    const float *at = a->data, *dy = golden_f32(g, "dy", 0);
    for (size_t i = 0; i < a->count; i++)
        x[i] = (float)((double)at[i] + step * (double)d[i]);
    fv_batch batch = {.n = golden_int(g, "n"),
                      .channels = golden_int(g, "c"),
                      .height = golden_int(g, "h"),
                      .width = golden_int(g, "w"),
                      .type = FV_F32,
                      .pixels = x};
    fv_forward(net, &batch);
    const float *y = fv_output(net);
    double sum = 0;
    for (size_t i = 0; i < golden_get(g, "dy", 0)->count; i++)
        sum += (double)dy[i] * (double)y[i];
    return sum;
}

/* The slope along a direction, by Richardson's formula of differences, against the gradient. */
static void check_slope(const golden *g, fv_ctx *ctx)
{
    const golden_array *a = golden_get(g, "x", 0);
    const double h = 0.02;
    float *d = random_floats(a->count, 7), *x = malloc(a->count * sizeof *x);
    fv_net *net = fv_net_text(ctx, text_of(g));
    assert_fine(ctx);
    set_state(g, net);
    double wide = (moved(net, g, d, 2 * h, x) - moved(net, g, d, -2 * h, x)) / (4 * h);
    double close = (moved(net, g, d, h, x) - moved(net, g, d, -h, x)) / (2 * h);
    double measured = close + (close - wide) / 3, slope = 0, norm = 0;
    moved(net, g, d, 0, x);
    fv_output_gradient(net, golden_f32(g, "dy", 0));
    fv_backward(net);
    assert_fine(ctx);
    const float *dx = fv_input_gradient(net);
    for (size_t i = 0; i < a->count; i++) {
        slope += (double)dx[i] * (double)d[i];
        norm += (double)dx[i] * (double)dx[i];
    }
    /* d has about a third of its length along any direction. */
    if (!(fabs(measured - slope) <= 0.02 * sqrt(norm) + 2e-3)) {
        char text[120];
        snprintf(text, sizeof text, "slope %.6g, the gradient says %.6g", measured, slope);
        complain(g, 0, text);
    }
    fv_net_free(net);
    free(d), free(x);
}

/* All cases that are smooth, so that a small step tells the slope. */
static void test_slopes(void **state)
{
    (void)state;
    static const char *const files[] = {"layers.bin", "layers_a.bin", "layers_b.bin",
                                        "layers_c.bin"};
    /* layer_norm over 3 numbers: where they lie close, it bends within the step. */
    static const char *const kinks[] = {"relu",    "max_",    "hard",        "unpool",
                                        "indices", "nearest", "layer_norm~1"};
    int cases = 0;
    wrong = 0;
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        golden g;
        for (golden_open(&g, files[f]); golden_next(&g);) {
            bool smooth = golden_is(&g, "mode", "train");
            for (size_t k = 0; k < sizeof kinks / sizeof *kinks; k++)
                smooth = smooth && !strstr(g.line, kinks[k]);
            const float *x = golden_f32(&g, "x", 0);
            for (size_t i = 0; smooth && i < golden_get(&g, "x", 0)->count; i++)
                smooth = isfinite(x[i]) && fabs((double)x[i]) < 6;
            if (smooth)
                check_slope(&g, machines[0].ctx);
            cases += smooth;
        }
        golden_close(&g);
    }
    print_message("%d slopes\n", cases);
    assert_true(cases > 150);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_cases, (char[]){"layers.bin"}),
        cmocka_unit_test_prestate(test_cases, (char[]){"layers_a.bin"}),
        cmocka_unit_test_prestate(test_cases, (char[]){"layers_b.bin"}),
        cmocka_unit_test_prestate(test_cases, (char[]){"layers_c.bin"}),
        cmocka_unit_test(test_slopes),
    };
    return cmocka_run_group_tests(tests, open_machines, close_machines);
}
