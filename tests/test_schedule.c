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

/* ---- functions and texts -------------------------------------------------------------------- */

static fv_optim *sgd(void)
{
    return fv_sgd(net, .lr = 0.1, .momentum = 0.9);
}

static void functions_make_what_texts_make(void **state)
{
    (void)state;
    const int milestones[] = {30, 80};
    const struct {
        fv_schedule *schedule;
        const char *text;
    } cases[] = {
        {fv_step_lr(sgd(), 10), "step 10"},
        {fv_step_lr(sgd(), 10, .gamma = 0.5), "step 10 gamma=0.5"},
        {fv_multi_step_lr(sgd(), milestones, 2, 0.5), "multi_step 30,80 gamma=0.5"},
        {fv_exponential_lr(sgd(), 0.9), "exponential 0.9"},
        {fv_linear_lr(sgd()), "linear 0.3333333333333333"},
        {fv_linear_lr(sgd(), 0.5, FV_ZERO, 7), "linear 0.5 end_factor=0 total_iters=7"},
        {fv_constant_lr(sgd(), 0.1, 4), "constant 0.1 total_iters=4"},
        {fv_cosine_annealing_lr(sgd(), 9, .eta_min = 0.01), "cosine 9 eta_min=0.01"},
        {fv_cosine_warm_restarts(sgd(), 9, .T_mult = 2), "cosine_warm_restarts 9 T_mult=2"},
        {fv_one_cycle_lr(sgd(), 0.5, .epochs = 3, .steps_per_epoch = 4, .anneal_strategy = "linear",
                         .pct_start = FV_ZERO, .three_phase = true),
         "one_cycle 0.5 epochs=3 steps_per_epoch=4 pct_start=0 anneal_strategy=linear three_phase"},
        {fv_one_cycle_lr(fv_adadelta(net), 0.5, 10, .no_cycle_momentum = true),
         "one_cycle 0.5 total_steps=10 no_cycle_momentum"},
        {fv_reduce_lr_on_plateau(sgd()), "plateau min"},
        {fv_reduce_lr_on_plateau(sgd(), .mode = "max", .patience = FV_ZERO, .cooldown = 1,
                                 .threshold_mode = "abs", .eps = FV_ZERO),
         "plateau max patience=0 threshold_mode=abs cooldown=1 eps=0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_fine(ctx);
        assert_string_equal(fv_schedule_describe(cases[i].schedule), cases[i].text);
        fv_optim *optim = strstr(cases[i].text, "no_cycle") ? fv_adadelta(net) : sgd();
        fv_schedule *again = fv_schedule_text(optim, cases[i].text);
        assert_fine(ctx);
        assert_string_equal(fv_schedule_describe(again), cases[i].text);
    }
}

static void members_make_what_texts_make(void **state)
{
    (void)state;
    fv_optim *optim = fv_sgd(net, .lr = 0.1);
    fv_schedule *chain[] = {fv_constant_lr(optim, 0.5, 2), fv_step_lr(optim, 3)};
    fv_schedule *parts[] = {fv_linear_lr(optim, 0.25, .total_iters = 4), fv_chained_lr(chain, 2),
                            fv_reduce_lr_on_plateau(optim)};
    fv_schedule *all = fv_sequential_lr(parts, 3, (int[]){4, 8});
    const char *text = "linear 0.25 total_iters=4; at 4 constant 0.5 total_iters=2 & step 3; "
                       "at 8 plateau min";
    const double want[] = {0.025, 0.04375, 0.0625, 0.08125, 0.05, 0.05, 0.1, 0.01, 0.1, 0.1};
    assert_fine(ctx);
    assert_string_equal(fv_schedule_describe(all), text);
    fv_optim *other = fv_sgd(net, .lr = 0.1);
    fv_schedule *again = fv_schedule_text(other, text);
    assert_string_equal(fv_schedule_describe(again), text);
    for (int i = 0; i < 10; i++) {
        assert_true(fabs(fv_lr(optim) - want[i]) < 1e-15 && fv_lr(optim) == fv_lr(other));
        fv_schedule_step_metric(all, 1);
        fv_schedule_step_metric(again, 1);
    }
    assert_fine(ctx);
    fv_schedule_free(parts[1]); /* is not the caller's any more */
    fv_schedule_step_metric(all, 1);
    assert_fine(ctx);
    fv_schedule_step(all);
    assert_error(ctx, FV_E_STATE,
                 "fv_schedule_step: plateau goes by a metric\n"
                 "help: fv_schedule_step_metric(schedule, metric)");
    fv_schedule_step(parts[0]);
    assert_error(ctx, FV_E_STATE,
                 "fv_schedule_step: the schedule is part of another one\n"
                 "help: step that one");
    fv_schedule_free(all);
    fv_schedule_free(again);
}

/* Whichever ends first, the optimizer or its schedules. */
static void ends_in_any_order(void **state)
{
    (void)state;
    fv_optim *optim = fv_optim_text(net, "sgd lr=0.5");
    fv_schedule *first = fv_schedule_text(optim, "step 1; at 2 constant 0.5");
    fv_schedule *second = fv_schedule_text(optim, "step 1 & constant 0.5");
    fv_schedule *third = fv_schedule_text(optim, "step 1");
    fv_schedule_free(second);
    fv_optim_free(optim);
    fv_schedule_free(first);
    assert_fine(ctx);
    (void)third; /* ends with the context */
}

/* ---- messages ------------------------------------------------------------------------------- */

static void arguments_out_of_range(void **state)
{
    (void)state;
    fv_optim *optim = sgd();
    fv_step_lr(optim);
    assert_error(ctx, FV_E_ARG, "fv_step_lr: step_size is 0, but must be 1 or more");
    fv_exponential_lr(optim);
    assert_error(ctx, FV_E_ARG, "fv_exponential_lr: gamma is 0, but must be more than 0");
    fv_linear_lr(optim, 1.5);
    assert_error(ctx, FV_E_ARG, "fv_linear_lr: start_factor is 1.5, but must be in (0,1]");
    fv_constant_lr(optim, .total_iters = -1);
    assert_error(ctx, FV_E_ARG, "fv_constant_lr: total_iters is -1, but must be 1 or more");
    fv_multi_step_lr(optim);
    assert_error(ctx, FV_E_ARG, "fv_multi_step_lr: there are 0 milestones; 1 to 64 are allowed");
    fv_multi_step_lr(optim, (int[]){5, 5}, 2);
    assert_error(ctx, FV_E_ARG,
                 "fv_multi_step_lr: milestone 1 is 5, but they must be 1 or more and ascend");
    fv_cosine_annealing_lr(optim, 5, .eta_min = -1);
    assert_error(ctx, FV_E_ARG, "fv_cosine_annealing_lr: eta_min is -1, but must be 0 or more");
    fv_cosine_warm_restarts(optim, 5, .T_mult = -1);
    assert_error(ctx, FV_E_ARG, "fv_cosine_warm_restarts: T_mult is -1, but must be 1 or more");
    fv_one_cycle_lr(optim, 0.1);
    assert_error(ctx, FV_E_ARG,
                 "fv_one_cycle_lr: total_steps is 0, epochs 0 and steps_per_epoch 0; "
                 "give the first, or the other two");
    fv_one_cycle_lr(optim, 0.1, 10, .anneal_strategy = "cosine");
    assert_error(ctx, FV_E_ARG,
                 "fv_one_cycle_lr: anneal_strategy is \"cosine\", but must be cos or linear");
    fv_one_cycle_lr(fv_sgd(net), 0.1, 10);
    assert_error(ctx, FV_E_STATE,
                 "fv_one_cycle_lr: there is no momentum to cycle in sgd\n"
                 "help: an optimizer with momentum above 0, or no_cycle_momentum");
    fv_one_cycle_lr(fv_adagrad(net), 0.1, 10);
    assert_error(ctx, FV_E_STATE,
                 "fv_one_cycle_lr: there is no momentum to cycle in adagrad\n"
                 "help: no_cycle_momentum");
    fv_reduce_lr_on_plateau(optim, .factor = 1);
    assert_error(ctx, FV_E_ARG, "fv_reduce_lr_on_plateau: factor is 1, but must be in (0,1)");
    fv_reduce_lr_on_plateau(optim, .mode = "least");
    assert_error(ctx, FV_E_ARG,
                 "fv_reduce_lr_on_plateau: mode is \"least\", but must be min or max");
    assert_true(fv_lr(optim) == 0.1);
}

/* As many steps as PyTorch allows, and not one more. */
static void one_cycle_ends(void **state)
{
    (void)state;
    fv_schedule *s = fv_one_cycle_lr(sgd(), 0.5, .total_steps = 7);
    for (int i = 0; i < 7; i++)
        fv_schedule_step(s);
    assert_fine(ctx);
    fv_schedule_step(s);
    assert_error(ctx, FV_E_STATE, "fv_schedule_step: one_cycle has come to the end of its 7 steps");
}

static void combinations_that_are_wrong(void **state)
{
    (void)state;
    fv_optim *optim = sgd();
    fv_schedule *a = fv_step_lr(optim, 1), *b = fv_step_lr(optim, 2), *c = fv_step_lr(optim, 3);
    fv_schedule *d = fv_step_lr(optim, 4), *e = fv_step_lr(optim, 5);
    const int at[] = {3, 3};
    fv_chained_lr((fv_schedule *[]){a}, 1);
    assert_error(ctx, FV_E_ARG, "fv_chained_lr: 1 schedules; 2 to 8 are allowed");
    fv_chained_lr((fv_schedule *[]){a, NULL}, 2);
    assert_error(ctx, FV_E_ARG, "fv_chained_lr: schedule 1 is NULL");
    fv_chained_lr((fv_schedule *[]){a, a}, 2);
    assert_error(ctx, FV_E_ARG, "fv_chained_lr: schedules 0 and 1 are one");
    fv_chained_lr((fv_schedule *[]){a, fv_step_lr(sgd(), 1)}, 2);
    assert_error(ctx, FV_E_ARG, "fv_chained_lr: schedules 0 and 1 are of two optimizers");
    fv_sequential_lr((fv_schedule *[]){a, b, c}, 3, at);
    assert_error(ctx, FV_E_ARG,
                 "fv_sequential_lr: milestone 1 is 3, but they must be 1 or more and ascend");
    fv_schedule *chain = fv_chained_lr((fv_schedule *[]){a, b}, 2);
    fv_chained_lr((fv_schedule *[]){a, c}, 2);
    assert_error(ctx, FV_E_ARG, "fv_chained_lr: schedule 0 is part of another one already");
    fv_chained_lr((fv_schedule *[]){chain, c}, 2);
    assert_error(ctx, FV_E_ARG,
                 "fv_chained_lr: schedule 0 is a chain, which is not part of a chain");
    fv_schedule *sequence = fv_sequential_lr((fv_schedule *[]){chain, c}, 2, at);
    assert_fine(ctx);
    fv_sequential_lr((fv_schedule *[]){d, sequence}, 2, at);
    assert_error(ctx, FV_E_ARG,
                 "fv_sequential_lr: schedule 1 is a sequence, which is not part of others");
    fv_sequential_lr((fv_schedule *[]){d, e}, 2, NULL);
    assert_error(ctx, FV_E_ARG, "fv_sequential_lr: there are no milestones");
}

static void texts_that_are_wrong(void **state)
{
    (void)state;
    fv_optim *optim = sgd();
    const struct {
        const char *text;
        fv_status code;
        const char *error;
    } cases[] = {
        {"", FV_E_NAME,
         "\"\": there is no schedule \"\"\nhelp: there are step, multi_step, "
         "exponential, linear, constant, cosine, cosine_warm_restarts, one_cycle, plateau"},
        {"cosin 10", FV_E_NAME,
         "\"cosin 10\": there is no schedule \"cosin\"\n"
         "help: did you mean cosine?"},
        {"step", FV_E_ARG, "\"step\": step_size is missing: a whole number, 1 or more"},
        {"step 0", FV_E_ARG, "\"step 0\": step_size is 0, but must be 1 or more"},
        {"step 1.5", FV_E_ARG,
         "\"step 1.5\": step_size is \"1.5\", but must be a whole number, 1 or more"},
        {"step 10 20", FV_E_ARG,
         "\"step 10 20\": \"20\" is one value too many\n"
         "help: arguments after the first 1 go by name"},
        {"step 10 step_size=20", FV_E_ARG, "\"step 10 step_size=20\": step_size is given twice"},
        {"step 10 lr=0.1", FV_E_NAME,
         "\"step 10 lr=0.1\": step has no argument \"lr\"\n"
         "help: it takes step_size, gamma"},
        {"multi_step 10,x", FV_E_ARG,
         "\"multi_step 10,x\": milestones is \"10,x\", but must be whole numbers with commas "
         "between them"},
        {"multi_step 30,10", FV_E_ARG,
         "\"multi_step 30,10\": milestone 1 is 10, but they must be 1 "
         "or more and ascend"},
        {"plateau best", FV_E_ARG, "\"plateau best\": mode is \"best\", but must be min or max"},
        {"one_cycle 0.1", FV_E_ARG,
         "\"one_cycle 0.1\": total_steps is 0, epochs 0 and "
         "steps_per_epoch 0; give the first, or the other two"},
        {"linear 0.1; cosine 10", FV_E_ARG,
         "\"cosine 10\": what comes after a semicolon begins with at and a step\n"
         "help: linear 0.1 total_iters=5; at 5 cosine 95"},
        {"linear 0.1; at 0 cosine 10", FV_E_ARG,
         "\"at 0 cosine 10\": what comes after a semicolon begins with at and a step\n"
         "help: linear 0.1 total_iters=5; at 5 cosine 95"},
        {"linear 0.1; at 5 cosine 10; at 5 step 3", FV_E_ARG,
         ": milestone 1 is 5, but they must be 1 or more and ascend"},
        {"linear 0.1 & cosine", FV_E_ARG,
         "\"cosine\": T_max is missing: a whole number, 1 or more"},
        {"linear 0.1 &", FV_E_NAME,
         "\"\": there is no schedule \"\"\nhelp: there are step, "
         "multi_step, exponential, linear, constant, cosine, "
         "cosine_warm_restarts, one_cycle, plateau"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char want[400];
        snprintf(want, sizeof want, "schedule text%s%s", cases[i].error[0] == ':' ? "" : " ",
                 cases[i].error);
        assert_null(fv_schedule_text(optim, cases[i].text));
        assert_error(ctx, cases[i].code, want);
        assert_true(fv_lr(optim) == 0.1 && *optim->momentum == 0.9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded),
        cmocka_unit_test(functions_make_what_texts_make),
        cmocka_unit_test(members_make_what_texts_make),
        cmocka_unit_test(ends_in_any_order),
        cmocka_unit_test(arguments_out_of_range),
        cmocka_unit_test(one_cycle_ends),
        cmocka_unit_test(combinations_that_are_wrong),
        cmocka_unit_test(texts_that_are_wrong),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
