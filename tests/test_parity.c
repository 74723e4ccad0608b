/*
 * test_parity.c - training runs: the output of PyTorch, and the same bits on every machine.
 *
 * The tutorial's program must print what it prints under PyTorch from the same seed. Two correct
 * float32 implementations drift apart in training, PyTorch's own too, so the tolerance is 1e-6 for
 * the first line, 2e-3 for the second, 0.02 for all, and 0.3 points for the accuracy. Runs of Fovea
 * do not drift: every kernel set and number of threads gives the same bits.
 *
 * With FV_QUICK, for sanitizers, the runs are short.
 */
#include "testing.h"

#include <math.h>

#include "golden.h"

#ifdef FV_QUICK
enum { WHOLE_EPOCH = 0, LINES = 2, STEPS = 20, STEPS_REF = 4 };
#else
enum { WHOLE_EPOCH = 1, LINES = 10, STEPS = 200, STEPS_REF = 20 };
#endif

/* ---- the tutorial's program, a step at a time ----------------------------------------------- */

typedef struct run {
    fv_ctx *ctx;
    fv_net *net;
    fv_optim *sgd;
    fv_loader *loader;
} run;

/* false, and nothing left open: this machine or build cannot do that. */
static bool start(run *r, int seed, const char *kernels, int threads)
{
    fv_ctx *ctx = fv_open(
        &(fv_options){.seed = (uint64_t)seed, .kernels = kernels, .threads = threads});
    fv_net *net = fv_model(ctx, "lenet5", 1, 28, 28, 10, (float[]){0.1307f}, (float[]){0.3081f});
    *r = (run){.ctx = ctx, .net = net, .sgd = fv_sgd(net, .lr = 0.01, .momentum = 0.5)};
    r->loader = fv_loader_new(fv_mnist(ctx, FV_DATA_DIR, FV_TRAIN), .batch_size = 64,
                              .shuffle = true);
    if (fv_error(ctx) == FV_E_DEVICE) {
        print_message("%s\n", fv_error_text(ctx));
        fv_close(ctx);
        return false;
    }
    assert_fine(ctx);
    return true;
}

static float train(run *r, const fv_batch *batch)
{
    fv_zero_grad(r->net);
    fv_forward(r->net, batch);
    float loss = fv_nll_loss(r->net, batch);
    fv_backward(r->net);
    fv_step(r->sgd);
    assert_fine(r->ctx);
    return loss;
}

/* SHA-256 of all parameters. */
static void digest(const fv_net *net, char hex[65])
{
    static float all[LENET_PARAMETERS];
    lenet_parameters(net, all);
    fv_sha256(all, sizeof all, hex);
}

/* ---- an epoch beside PyTorch's -------------------------------------------------------------- */

/* 0 if got is as near as bound to what PyTorch printed, or else 1 and a message. */
static int is_off(int seed, const char *what, double got, double bound)
{
    char text[GOLDEN_LINE_MAX];
    golden_seed(seed, what, text);
    double off = fabs(got - strtod(text, NULL));
    if (off <= bound)
        return 0;
    print_error("seed %d %s: %.6f, PyTorch %s, more than %g apart\n", seed, what, got, text, bound);
    return 1;
}

/* The parameters after the epoch with seed 0, as `fovea train mnist` trains it, on every machine.
   Another number is right where a change gives other bits on purpose. */
static void has_the_pinned_bits(const fv_net *net)
{
    char hex[65];
    digest(net, hex);
    assert_string_equal(hex, "47db99dc335dc225222d7e1e8fc12a97fdb0c303a8aa74fa65ef2e5db27ca3b4");
}

/* Trains to the end of the epoch, and then as is_off. */
static int accuracy_is_off(run *r, int seed)
{
    fv_result result;
    for (fv_batch b; fv_loader_next(r->loader, &b);)
        train(r, &b);
    if (seed == 0)
        has_the_pinned_bits(r->net);
    fv_dataset *test = fv_mnist(r->ctx, FV_DATA_DIR, FV_TEST);
    fv_evaluate(r->net, fv_loader_new(test, .batch_size = 64), &result);
    assert_fine(r->ctx);
    assert_int_equal(result.total, 10000);
    return is_off(seed, "accuracy", 100.0 * (double)result.correct / (double)result.total, 0.3);
}

static void prints_what_pytorch_prints(void **state)
{
    static const double bounds[LINES] = {1e-6, 2e-3};
    int seed = *(const int *)*state, lines = 0, wrong = 0;
    run r;
    if (!start(&r, seed, NULL, 1))
        skip();
    for (fv_batch b; lines < LINES && fv_loader_next(r.loader, &b);) {
        float loss = train(&r, &b);
        if (b.index % 100 != 0)
            continue;
        char what[32];
        snprintf(what, sizeof what, "loss %d", (int)b.index);
        wrong += is_off(seed, what, loss, bounds[lines] > 0 ? bounds[lines] : 0.02);
        lines++;
    }
    assert_int_equal(lines, LINES);
    if (WHOLE_EPOCH)
        wrong += accuracy_is_off(&r, seed);
    fv_close(r.ctx);
    assert_int_equal(wrong, 0);
}

/* ---- the same bits everywhere --------------------------------------------------------------- */

/* The first run that comes to this step leaves its digest in first. For a later one: 0 if it has
   the same, or else 1 and a message. */
static int differs(const run *r, int step, char first[65])
{
    char hex[65];
    digest(r->net, hex);
    if (first[0] == '\0')
        memcpy(first, hex, sizeof hex);
    if (strcmp(hex, first) == 0)
        return 0;
    fv_device device = fv_device_describe(r->ctx);
    print_error("%s, threads %d, step %d: SHA-256 of the parameters %s, in the first run %s\n",
                device.kernels, device.threads, step, hex, first);
    return 1;
}

/* The plain kernels are slow, and go only the first few steps with the others. */
static void ends_in_the_same_bits(void **state)
{
    (void)state;
    static const char *const sets[] = {"ref", "avx2", "avx512", "neon"};
    char early[65] = "", late[65] = "";
    int wrong = 0;
    for (int i = 0; i < 12; i++) {
        run r;
        fv_batch b;
        if (!start(&r, 0, sets[i / 3], 1 + i % 3))
            continue;
        int steps = strcmp(sets[i / 3], "ref") == 0 ? STEPS_REF : STEPS;
        for (int step = 1; step <= steps && fv_loader_next(r.loader, &b); step++) {
            train(&r, &b);
            if (step == STEPS_REF)
                wrong += differs(&r, step, early);
            if (step == STEPS)
                wrong += differs(&r, step, late);
        }
        fv_close(r.ctx);
    }
    if (early[0] == '\0')
        skip();
    assert_int_equal(wrong, 0);
    assert_string_not_equal(early, late);
}

#define SEED(n)                                                                                    \
    {                                                                                              \
        "seed " #n, prints_what_pytorch_prints, NULL, NULL, &(int)                                 \
        {                                                                                          \
            n                                                                                      \
        }                                                                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        SEED(0),
#ifndef FV_QUICK
        SEED(1),
        SEED(2),
        SEED(3),
        SEED(4),
#endif
        cmocka_unit_test(ends_in_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
