/*
 * test_optim.c - optimizers against PyTorch's recorded steps (golden/record_optim.py), groups,
 * clipping, averages of weights, and going on to the bit from what was kept.
 */
#include <math.h>

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

static void set_grads(const fv_net *net, const float *from)
{
    for (int i = 0; i < fv_param_count(net); i++) {
        fv_param p = fv_param_at(net, i);
        memcpy(p.grad, from, p.count * sizeof *from);
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
    memcpy(fv_param_at(net, 0).value, golden_f32(problem, "weight", 20), 20 * sizeof *g);
    memcpy(fv_param_at(net, 1).value, golden_f32(problem, "bias", 4), 4 * sizeof *g);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
