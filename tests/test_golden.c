/*
 * test_golden.c - every layer, loss, optimizer and the tutorial's net against results of PyTorch.
 *
 * golden/record.py recorded them in float64; Fovea's float32 may differ by 1e-5 (relative L2 of
 * each tensor). Everything goes through fovea.h. Every kernel set of this machine runs every case,
 * and all sets and thread counts must give the same bits. A test runs all its cases before it
 * fails, and prints the line of each failed case.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden.h"
#include "net/net.h"

static const double BOUND = 1e-5;

/* ---- machines: a context for each set of kernels and number of threads ---------------------- */

typedef struct machine {
    char name[32]; /* "avx2, 3 threads" */
    fv_ctx *ctx;
} machine;

enum { MACHINES_MAX = 8 };

static machine machines[MACHINES_MAX]; /* the first is ref with one thread */
static int n_machines;

static int open_machines(void **state)
{
    (void)state;
    static const char *const sets[] = {"ref", "avx2", "avx512", "neon"};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        for (int threads = 1; threads <= 3; threads += 2) {
            machine *m = &machines[n_machines];
            m->ctx = fv_open(&(fv_options){.kernels = sets[i], .threads = threads});
            snprintf(m->name, sizeof m->name, "%s, %d thread%s", sets[i], threads,
                     threads > 1 ? "s" : "");
            if (fv_error(m->ctx) == FV_OK) {
                n_machines++;
                continue;
            }
            if (i == 0 || fv_error(m->ctx) != FV_E_DEVICE)
                return -1;
            print_message("%s: not on this machine\n", m->name);
            fv_close(m->ctx);
        }
    return 0;
}

static int close_machines(void **state)
{
    (void)state;
    while (n_machines > 0)
        fv_close(machines[--n_machines].ctx);
    return 0;
}

/* ---- what went wrong ------------------------------------------------------------------------ */

static int wrong; /* in the current test */

static void complain(const golden *g, const machine *m, const char *what)
{
    print_error("%s\n    [%s] %s\n", g->line, m->name, what);
    wrong++;
}

/* true, and the error forgotten, if the context has one. */
static bool failed(const golden *g, const machine *m)
{
    if (fv_error(m->ctx) == FV_OK)
        return false;
    complain(g, m, fv_error_text(m->ctx));
    fv_error_clear(m->ctx);
    return true;
}

/* How far got is from want at one element; NaN agrees with NaN and an infinity with itself. */
static double distance(float got, float want)
{
    if (got == want || (isnan(got) && isnan(want)))
        return 0;
    double d = fabs((double)got - (double)want);
    return isnan(d) ? INFINITY : d;
}

static void compare(const golden *g, const machine *m, const char *name, const float *got,
                    const float *want, size_t count)
{
    double error = 0, norm = 0;
    size_t worst = 0;
    for (size_t i = 0; i < count; i++) {
        double d = distance(got[i], want[i]);
        error += d * d;
        norm += isfinite(want[i]) ? (double)want[i] * (double)want[i] : 0;
        if (d > distance(got[worst], want[worst]))
            worst = i;
    }
    if (sqrt(error) <= BOUND * sqrt(norm))
        return;
    char text[256];
    snprintf(text, sizeof text, "%s: off by %.3g; worst at %zu of %zu: %.9g, PyTorch %.9g", name,
             sqrt(error / norm), worst, count, (double)got[worst], (double)want[worst]);
    complain(g, m, text);
}

/* ---- results: what a machine computed, by the names of the recorded arrays ------------------ */

enum { RESULTS_MAX = 12 };

typedef struct result {
    const char *name;
    size_t count;
    float *values;
} result;

typedef struct results {
    result list[RESULTS_MAX];
    int count;
} results;

static void keep(results *r, const char *name, const float *values, size_t count)
{
    assert_non_null(values);
    assert_true(r->count < RESULTS_MAX);
    result *new = &r->list[r->count++];
    *new = (result){name, count, malloc(count * sizeof *values)};
    assert_non_null(new->values);
    memcpy(new->values, values, count * sizeof *values);
}

static void drop(results *r)
{
    while (r->count > 0)
        free(r->list[--r->count].values);
}

static void compare_recorded(const golden *g, const machine *m, const results *r)
{
    for (int i = 0; i < r->count; i++) {
        const result *t = &r->list[i];
        compare(g, m, t->name, t->values, golden_f32(g, t->name, t->count), t->count);
    }
}

/* Whether they are the same bits; the bits within a NaN are free. */
static bool same_bits(const golden *g, const machine *m, const result *a, const result *first)
{
    for (size_t i = 0; i < a->count; i++) {
        float x = a->values[i], y = first->values[i];
        if (memcmp(&x, &y, sizeof x) == 0 || (isnan(x) && isnan(y)))
            continue;
        char text[256];
        snprintf(text, sizeof text, "%s: other bits at %zu of %zu: %.9g, with %s %.9g", a->name, i,
                 a->count, (double)x, machines[0].name, (double)y);
        complain(g, m, text);
        return false;
    }
    return true;
}

/* Runs the current case on every machine. One that has the first machine's bits is as far from
   PyTorch's numbers as that one is, and needs no comparison of its own. */
static void run_everywhere(const golden *g, void (*run)(const golden *g, machine *m, results *r))
{
    results first = {.count = 0};
    run(g, &machines[0], &first);
    compare_recorded(g, &machines[0], &first);
    for (machine *m = machines + 1; m < machines + n_machines; m++) {
        results r = {.count = 0};
        bool same = true;
        run(g, m, &r);
        if (r.count != first.count)
            complain(g, m, "other results than the first machine's");
        for (int i = 0; i < r.count && r.count == first.count; i++)
            same = same_bits(g, m, &r.list[i], &first.list[i]) && same;
        if (!same)
            compare_recorded(g, m, &r);
        drop(&r);
    }
    drop(&first);
}

/* ---- ops.bin: one layer or loss ------------------------------------------------------------- */

static fv_layout layout; /* of the nets to come: each case runs in both */

static int hw_of(const golden *g, const char *key)
{
    int h, w;
    golden_pair(g, key, &h, &w);
    return FV_HW(h, w);
}

static fv_node conv_of(const golden *g, fv_node x)
{
    return fv_conv2d(x, golden_int(g, "out"), hw_of(g, "kernel"), .stride = hw_of(g, "stride"),
                     .padding = golden_int(g, "same") ? FV_SAME : hw_of(g, "padding"),
                     .dilation = hw_of(g, "dilation"), .groups = golden_int(g, "groups"),
                     .no_bias = !golden_int(g, "bias"));
}

static fv_node layer_of(const golden *g, fv_node x)
{
    if (golden_is(g, "op", "conv2d"))
        return conv_of(g, x);
    if (golden_is(g, "op", "conv_relu_pool"))
        return fv_max_pool2d(fv_relu(conv_of(g, x)), hw_of(g, "pool"));
    if (golden_is(g, "op", "max_pool2d"))
        return fv_max_pool2d(x, hw_of(g, "kernel"), .stride = hw_of(g, "stride"),
                             .padding = hw_of(g, "padding"), .dilation = hw_of(g, "dilation"),
                             .ceil_mode = golden_int(g, "ceil"));
    if (golden_is(g, "op", "linear"))
        return fv_linear(x, golden_int(g, "out"), .no_bias = !golden_int(g, "bias"));
    if (golden_is(g, "op", "relu"))
        return fv_relu(x);
    return golden_is(g, "op", "log_softmax") ? fv_log_softmax(x) : fv_flatten(x);
}

/* Writes the recorded weight and bias into the net, which must have just those. */
static void set_parameters(const golden *g, const machine *m, fv_net *net)
{
    static const char *const names[] = {"weight", "bias"};
    int count = 0;
    for (int i = 0; i < 2; i++) {
        const golden_array *a = golden_find(g, names[i]);
        if (!a)
            continue;
        fv_param p = fv_param_at(net, count++);
        bool fits = p.ndim == a->ndim;
        for (int d = 0; d < a->ndim; d++)
            fits = fits && (size_t)p.dims[d] == a->dims[d];
        if (fits)
            fv_param_put(net, count - 1, a->data, NULL);
        else
            complain(g, m, "a parameter of another shape than PyTorch's");
    }
    if (fv_param_count(net) != count)
        complain(g, m, "another number of parameters than PyTorch's");
}

static bool shape_agrees(const golden *g, const machine *m, const fv_net *net)
{
    int c, h, w;
    char text[128];
    const golden_array *y = golden_get(g, "y", 0);
    fv_output_shape(net, &c, &h, &w);
    if ((size_t)c == y->dims[1] && (size_t)h == y->dims[2] && (size_t)w == y->dims[3])
        return true;
    snprintf(text, sizeof text, "output [N,%d,%d,%d], PyTorch's [N,%zu,%zu,%zu]", c, h, w,
             y->dims[1], y->dims[2], y->dims[3]);
    complain(g, m, text);
    return false;
}

static void keep_gradients(const fv_net *net, size_t inputs, results *r)
{
    static const char *const names[] = {"dweight", "dbias"};
    keep(r, "dx", fv_input_gradient(net), inputs);
    for (int i = 0; i < fv_param_count(net); i++) {
        fv_param p = fv_param_at(net, i);
        keep(r, names[i], p.grad, p.count);
    }
}

static void run_loss(const golden *g, machine *m, fv_net *net, const fv_batch *batch, results *r)
{
    fv_reduction reduction = golden_is(g, "reduction", "mean")  ? FV_MEAN
                             : golden_is(g, "reduction", "sum") ? FV_SUM
                                                                : FV_NONE;
    float losses[64];
    assert_true(batch->n <= 64);
    float loss = golden_is(g, "op", "nll_loss")
                     ? fv_nll_loss(net, batch, .reduction = reduction, .losses = losses)
                     : fv_cross_entropy_loss(net, batch, .reduction = reduction, .losses = losses);
    if (failed(g, m))
        return;
    keep(r, "losses", losses, (size_t)batch->n);
    if (reduction != FV_NONE) {
        keep(r, "loss", &loss, 1);
        return;
    }
    if (loss != 0)
        complain(g, m, "reduction none returned another loss than 0");
    if (fv_backward(net) != FV_E_STATE)
        complain(g, m, "reduction none left something for fv_backward");
    fv_error_clear(m->ctx);
}

static void run_net(const golden *g, machine *m, fv_net *net, results *r)
{
    bool is_loss = golden_find(g, "labels") != NULL;
    const golden_array *x = golden_get(g, "x", 0);
    fv_batch batch = {.n = golden_int(g, "n"),
                      .channels = golden_int(g, "c"),
                      .height = golden_int(g, "h"),
                      .width = golden_int(g, "w"),
                      .type = FV_F32,
                      .pixels = x->data,
                      .labels = is_loss ? golden_i64(g, "labels", 0) : NULL};
    fv_forward(net, &batch);
    if (failed(g, m))
        return;
    if (is_loss) {
        run_loss(g, m, net, &batch, r);
        if (golden_is(g, "reduction", "none"))
            return;
    } else if (shape_agrees(g, m, net)) {
        size_t count = golden_get(g, "y", 0)->count;
        keep(r, "y", fv_output(net), count);
        fv_output_gradient(net, golden_f32(g, "dy", count));
    }
    fv_backward(net);
    if (!failed(g, m))
        keep_gradients(net, x->count, r);
}

static void run_op(const golden *g, machine *m, results *r)
{
    fv_node x = fv_input(m->ctx, golden_int(g, "c"), golden_int(g, "h"), golden_int(g, "w"),
                         .requires_grad = true);
    fv_net *net = fv_net_new(layer_of(g, x));
    if (net)
        net->layout = layout;
    if (failed(g, m))
        return;
    set_parameters(g, m, net);
    run_net(g, m, net, r);
    fv_net_free(net);
}

/* All cases of the op whose name is the test's. */
static void test_op(void **state)
{
    golden g;
    int cases = 0;
    wrong = 0;
    for (golden_open(&g, "ops.bin"); golden_next(&g);)
        if (golden_is(&g, "op", *state)) {
            for (layout = FV_BATCH_LAST; layout < FV_LAYOUTS; layout++)
                run_everywhere(&g, run_op);
            cases++;
        }
    golden_close(&g);
    assert_true(cases >= 3);
    assert_int_equal(wrong, 0);
}

/* ---- sgd.bin -------------------------------------------------------------------------------- */

static golden problem; /* weight, bias and the gradients [steps,24] that all cases share */

static void run_sgd(const golden *g, machine *m, results *r)
{
    enum { ROWS = 5, SIZE = 24 };
    int steps = golden_int(&problem, "steps");
    const float *gradients = golden_f32(&problem, "g", (size_t)(steps * SIZE));
    float seen[ROWS][SIZE];
    fv_net *net = fv_net_new(fv_linear(fv_input(m->ctx, 5, 1, 1), 4));
    fv_optim *sgd = fv_sgd(
        net, .lr = golden_double(g, "lr"), .momentum = golden_double(g, "momentum"),
        .dampening = golden_double(g, "dampening"),
        .weight_decay = golden_double(g, "weight_decay"), .nesterov = golden_int(g, "nesterov"),
        .maximize = golden_int(g, "maximize"));
    if (failed(g, m))
        return;
    set_parameters(&problem, m, net);
    fv_param w = fv_param_at(net, 0), b = fv_param_at(net, 1);
    char text[GOLDEN_NAME_MAX];
    for (int i = 0; i < steps; i++, gradients += SIZE) {
        if (i == 25 && golden_text(g, "lr_after_25", text))
            fv_set_lr(sgd, golden_double(g, "lr_after_25"));
        fv_param_put(net, 0, NULL, gradients);
        fv_param_put(net, 1, NULL, gradients + w.count);
        fv_step(sgd);
        if (i % 10 == 9) {
            memcpy(seen[i / 10], w.value, w.count * sizeof *w.value);
            memcpy(seen[i / 10] + w.count, b.value, b.count * sizeof *b.value);
        }
    }
    if (!failed(g, m))
        keep(r, "p", seen[0], ROWS * SIZE);
    fv_optim_free(sgd);
    fv_net_free(net);
}

static void test_sgd(void **state)
{
    (void)state;
    golden g;
    int cases = 0;
    wrong = 0;
    golden_open(&problem, "sgd.bin");
    golden_open(&g, "sgd.bin");
    assert_true(golden_next(&problem) && golden_next(&g));
    for (; golden_next(&g); cases++)
        run_everywhere(&g, run_sgd);
    golden_close(&g);
    golden_close(&problem);
    assert_true(cases >= 10);
    assert_int_equal(wrong, 0);
}

/* ---- lenet.txt: initial weights, and the order of samples ----------------------------------- */

static void check_digest(int seed, const char *what, const void *bytes, size_t size)
{
    char got[65], want[GOLDEN_LINE_MAX];
    fv_sha256(bytes, size, got);
    golden_seed(seed, what, want);
    if (strcmp(got, want) != 0) {
        print_error("seed %d %s: SHA-256 %s, PyTorch's %s\n", seed, what, got, want);
        wrong++;
    }
}

static fv_net *new_lenet(fv_ctx *ctx)
{
    return fv_model(ctx, "lenet5", 1, 28, 28, 10, (float[]){0.1307f}, (float[]){0.3081f});
}

static void check_initial(int seed, const fv_net *net)
{
    static float all[LENET_PARAMETERS];
    lenet_parameters(net, all);
    check_digest(seed, "initial", all, sizeof all);
}

enum { SAMPLES = 60000 };

static int64_t samples(void *user)
{
    (void)user;
    return SAMPLES;
}

/* A sample whose label is its own number. */
static int number_of(void *user, int64_t index, void *pixels, int64_t *label)
{
    (void)user;
    *(uint8_t *)pixels = 0;
    *label = index;
    return 0;
}

static void check_order(int seed, const char *what, fv_loader *loader)
{
    int64_t *order = malloc(SAMPLES * sizeof *order);
    int64_t count = 0;
    assert_non_null(order);
    for (fv_batch b; fv_loader_next(loader, &b); count += b.n) {
        assert_int_equal(b.n, count + 64 <= SAMPLES ? 64 : SAMPLES - count);
        assert_memory_equal(b.indices, b.labels, (size_t)b.n * sizeof *b.indices);
        memcpy(order + count, b.indices, (size_t)b.n * sizeof *order);
    }
    assert_int_equal(count, SAMPLES);
    check_digest(seed, what, order, SAMPLES * sizeof *order);
    free(order);
}

static void test_seeds(void **state)
{
    (void)state;
    wrong = 0;
    for (int seed = 0; seed < 5; seed++) {
        fv_ctx *ctx = fv_open(&(fv_options){.seed = (uint64_t)seed, .threads = 1});
        fv_net *net = new_lenet(ctx);
        fv_dataset *set = fv_dataset_new(ctx, &(fv_dataset_desc){.channels = 1,
                                                                 .height = 1,
                                                                 .width = 1,
                                                                 .classes = SAMPLES,
                                                                 .len = samples,
                                                                 .get = number_of});
        fv_loader *loader = fv_loader_new(set, .batch_size = 64, .shuffle = true);
        assert_string_equal(fv_error_text(ctx), "");
        check_initial(seed, net);
        check_order(seed, "order1", loader);
        check_order(seed, "order2", loader);
        fv_close(ctx);
    }
    assert_int_equal(wrong, 0);
}

/* ---- lenet.bin: the tutorial's first batch -------------------------------------------------- */

static fv_batch first_batch; /* of seed 0, real MNIST */

static void run_lenet(const golden *g, machine *m, results *r)
{
    fv_manual_seed(m->ctx, 0);
    fv_net *net = new_lenet(m->ctx);
    fv_forward(net, &first_batch);
    float loss = fv_nll_loss(net, &first_batch);
    fv_backward(net);
    if (failed(g, m))
        return;
    keep(r, "loss", &loss, 1);
    for (int i = 0; i < fv_param_count(net); i++) {
        fv_param p = fv_param_at(net, i);
        const golden_array *a = golden_get(g, p.name, p.count);
        keep(r, a->name, p.grad, p.count);
    }
    if (r->count != g->count)
        complain(g, m, "other parameters than PyTorch's");
    fv_net_free(net);
}

static void test_lenet(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(&(fv_options){.seed = 0, .threads = 1});
    fv_net *net = new_lenet(ctx);
    fv_dataset *train = fv_mnist(ctx, FV_DATA_DIR, FV_TRAIN);
    fv_loader *loader = fv_loader_new(train, .batch_size = 64, .shuffle = true);
    fv_net_free(net); /* its weights were drawn before the order is */
    fv_loader_next(loader, &first_batch);
    if (fv_error(ctx) == FV_E_DEVICE) { /* built without zlib */
        fv_close(ctx);
        skip();
    }
    assert_string_equal(fv_error_text(ctx), "");
    golden g;
    wrong = 0;
    golden_open(&g, "lenet.bin");
    assert_true(golden_next(&g));
    run_everywhere(&g, run_lenet);
    golden_close(&g);
    fv_close(ctx);
    assert_int_equal(wrong, 0);
}

#define OP(name)                                                                                   \
    {                                                                                              \
        name, test_op, NULL, NULL, name                                                            \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        OP("conv2d"),
        OP("conv_relu_pool"),
        OP("max_pool2d"),
        OP("linear"),
        OP("relu"),
        OP("log_softmax"),
        OP("nll_loss"),
        OP("cross_entropy_loss"),
        cmocka_unit_test(test_sgd),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_lenet),
    };
    return cmocka_run_group_tests(tests, open_machines, close_machines);
}
