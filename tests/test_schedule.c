/*
 * test_schedule.c - schedules against PyTorch's recorded learning rates and momentums
 * (golden/record_optim.py), their texts, and their messages.
 */
#include <math.h>

#include "testing.h"

#include "golden.h"
#include "learn/optim.h"

static fv_ctx *ctx;
static fv_net *net;

static int open_context(void **state)
{
    (void)state;
    ctx = fv_open(&(fv_options){.threads = 1});
    net = fv_net_new(fv_linear(fv_input(ctx, 2, 1, 1), 1));
    return net == NULL;
}

static int close_context(void **state)
{
    (void)state;
    fv_close(ctx);
    return 0;
}

/* ---- recorded ------------------------------------------------------------------------------ */

enum { STEPS = 60 };

static double bits(const int64_t *recorded, int i)
{
    double value;
    memcpy(&value, recorded + i, sizeof value);
    return value;
}

static void compare(const golden *g, const char *name, int step, double got)
{
    double want = bits(golden_i64(g, name, STEPS + 1), step);
    if (!(fabs(got - want) <= 1e-12 * fabs(want) + 1e-17))
        fail_msg("%s: %s at %d is %.17g, PyTorch %.17g", g->line, name, step, got, want);
}

static void recorded(void **state)
{
    (void)state;
    golden g;
    int cases = 0;
    for (golden_open(&g, "schedule.bin"); golden_next(&g); cases++) {
        char text[GOLDEN_LINE_MAX];
        strcpy(text, g.line + 5);
        char *bar = strchr(text, '|');
        *bar = '\0';
        fv_optim *optim = fv_optim_text(net, text);
        fv_schedule *schedule = fv_schedule_text(optim, bar + 1);
        const golden_array *metric = golden_find(&g, "metric");
        for (int i = 0; i <= STEPS; i++) {
            assert_fine(ctx);
            compare(&g, "lr", i, fv_lr(optim));
            compare(&g, "momentum", i, *optim->momentum);
            if (i < STEPS && metric)
                fv_schedule_step_metric(schedule, bits(golden_i64(&g, "metric", STEPS), i));
            else if (i < STEPS)
                fv_schedule_step(schedule);
        }
        fv_schedule_free(schedule);
        fv_optim_free(optim);
    }
    golden_close(&g);
    assert_true(cases > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
