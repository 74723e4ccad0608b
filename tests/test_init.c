/*
 * test_init.c - initializers against torch.nn.init, recorded by golden/record_init.py, and the
 * random numbers drawn after them.
 */
#include <math.h>

#include "testing.h"

#include "base/base.h"
#include "golden.h"

static const char *const kinds[] = {"kaiming_uniform", "kaiming_normal", "xavier_uniform",
                                    "xavier_normal",   "orthogonal",     "uniform",
                                    "normal",          "constant"};

static fv_init_kind kind_of(const golden *g)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (golden_is(g, "kind", kinds[i]))
            return (fv_init_kind)i;
    golden_fail(g, "no kind", "");
}

static double number(const golden *g, const char *key)
{
    char text[GOLDEN_NAME_MAX];
    return golden_text(g, key, text) ? golden_double(g, key) : 0;
}

static void check_case(const golden *g)
{
    fv_ctx *ctx = fv_open(&(fv_options){.seed = 7, .threads = 1});
    int C = golden_int(g, "C"), R = golden_int(g, "R"), S = golden_int(g, "S");
    fv_net *net = fv_net_new(fv_conv2d(fv_input(ctx, C, R, S), golden_int(g, "O"), FV_HW(R, S)));
    fv_init(net, NULL, kind_of(g), .fan_out = number(g, "fan_out") != 0,
            .nonlinearity = (fv_gain)number(g, "nonlinearity"), .a = number(g, "a"),
            .gain = number(g, "gain"), .low = number(g, "low"), .high = number(g, "high"),
            .mean = number(g, "mean"), .std = number(g, "std"), .value = number(g, "value"));
    assert_fine(ctx);
    fv_param w = fv_param_at(net, 0);
    const float *want = golden_f32(g, "w", w.count);
    bool exact = strstr(kinds[kind_of(g)], "uniform") != NULL;
    for (size_t i = 0; i < w.count; i++)
        if (fabs((double)w.value[i] - (double)want[i]) > (exact ? 0 : 2e-6))
            fail_msg("%s\n  at %zu: %.9g, PyTorch %.9g", g->line, i, (double)w.value[i],
                     (double)want[i]);
    float next = fv_rng_uniform(&ctx->rng, 0.0f, 1.0f);
    assert_memory_equal(&next, golden_f32(g, "next", 1), sizeof next);
    fv_close(ctx);
}

static void test_values(void **state)
{
    (void)state;
    golden g;
    int cases = 0;
    for (golden_open(&g, "init.bin"); golden_next(&g); cases++)
        check_case(&g);
    golden_close(&g);
    assert_int_equal(cases, 90);
}

static void test_errors(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(NULL);
    fv_net *net = fv_net_new(fv_linear(fv_input(ctx, 3, 1, 1), 2, .name = "last"));
    fv_init(net, "*.bias", FV_INIT_KAIMING_NORMAL);
    assert_error(
        ctx, FV_E_SHAPE,
        "fv_init: \"last.bias\" has 1 dimension, but that initialiser is for weights of 2 or "
        "more\nhelp: a pattern that leaves biases out, such as \"*.weight\"");
    fv_init(net, "first.*", FV_INIT_NORMAL);
    assert_error(ctx, FV_E_NAME,
                 "fv_init: no parameter is called \"first.*\"; the first is \"last.weight\"");
    fv_init(net, "*.bias", FV_INIT_CONSTANT, .value = 0.5);
    assert_fine(ctx);
    assert_true(fv_param_at(net, 1).value[1] == 0.5f);
    fv_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
