/*
 * test_optim_errors.c - every invalid call for an optimizer, a parameter group or an average, with
 * its exact message.
 */
#include <math.h>

#include "errors.h"

#include "learn/optim.h"

static fv_net *linear_net(int in, int out)
{
    return fv_net_new(fv_linear(fv_input(ctx, in, 1, 1), out, .name = "fc"));
}

static void arguments_out_of_range(void **state)
{
    (void)state;
    fv_net *net = linear_net(5, 4);
    fv_adam(net, .lr = -1);
    assert_error(ctx, FV_E_ARG, "fv_adam: lr is -1, but must be more than 0");
    fv_adam(net, .lr = NAN);
    assert_int_equal(fv_error(ctx), FV_E_ARG);
    fv_error_clear(ctx);
    fv_adamw(net, .betas = {0.9, 1});
    assert_error(ctx, FV_E_ARG, "fv_adamw: betas is 1, but must be in [0,1)");
    fv_radam(net, .betas = {-0.5});
    assert_error(ctx, FV_E_ARG, "fv_radam: betas is -0.5, but must be in [0,1)");
    fv_nadam(net, .momentum_decay = -1);
    assert_error(ctx, FV_E_ARG, "fv_nadam: momentum_decay is -1, but must be 0 or more");
    fv_lion(net, .weight_decay = INFINITY);
    assert_error(ctx, FV_E_ARG, "fv_lion: weight_decay is inf, but must be 0 or more");
    fv_adagrad(net, .lr_decay = -1);
    assert_error(ctx, FV_E_ARG, "fv_adagrad: lr_decay is -1, but must be 0 or more");
    fv_adadelta(net, .rho = 1.5);
    assert_error(ctx, FV_E_ARG, "fv_adadelta: rho is 1.5, but must be 0 to 1");
    fv_rmsprop(net, .momentum = 1);
    assert_error(ctx, FV_E_ARG, "fv_rmsprop: momentum is 1, but must be in [0,1)");
    fv_ema_new(net, .decay = 1);
    assert_error(ctx, FV_E_ARG, "fv_ema_new: decay is 1, but must be in (0,1)");
    fv_clip_grad_value(net, 0);
    assert_error(ctx, FV_E_ARG, "fv_clip_grad_value: clip_value is 0, but must be more than 0");
    fv_scale_grad(net, INFINITY);
    assert_error(ctx, FV_E_ARG, "fv_scale_grad: factor is inf, but must be finite");
    assert_true(isnan(fv_clip_grad_norm(net)));
    assert_error(ctx, FV_E_ARG, "fv_clip_grad_norm: max_norm is 0, but must be more than 0");
    assert_true(isnan(fv_clip_grad_norm(net, 1, .norm_type = 1)));
    assert_error(ctx, FV_E_ARG, "fv_clip_grad_norm: norm_type is 1, but must be 2 or INFINITY");
    fv_clip_grad_norm(net, 1, .optim = fv_sgd(linear_net(2, 2)));
    assert_error(ctx, FV_E_ARG, "fv_clip_grad_norm: optim is the optimizer of another net");
}

static void groups_that_are_wrong(void **state)
{
    (void)state;
    fv_optim *optim = fv_sgd(linear_net(5, 4), .lr = 0.1);
    fv_group(optim, "conv*");
    assert_error(ctx, FV_E_NAME,
                 "fv_group: no parameter is called \"conv*\"\n"
                 "help: the names are fc.weight fc.bias");
    fv_group(optim);
    assert_error(ctx, FV_E_NAME,
                 "fv_group: no parameter is called \"\"\n"
                 "help: the names are fc.weight fc.bias");
    fv_group(optim, "*", .lr = 0.1, .lr_scale = 2);
    assert_error(ctx, FV_E_ARG, "fv_group: lr is 0.1 and lr_scale 2; give one of them");
    fv_group(optim, "*", .lr = -1);
    assert_error(ctx, FV_E_ARG, "fv_group: lr is -1, but must be more than 0");
    fv_group(optim, "*", .weight_decay = -1);
    assert_error(ctx, FV_E_ARG, "fv_group: weight_decay is -1, but must be 0 or more");
    assert_string_equal(fv_optim_describe(optim), "sgd lr=0.1");
}

static void texts_that_are_wrong(void **state)
{
    (void)state;
    fv_net *net = linear_net(5, 4);
    const struct {
        const char *text;
        fv_status code;
        const char *error;
    } cases[] = {
        {"", FV_E_NAME,
         "\"\": there is no optimizer \"\"\nhelp: there are sgd, adam, adamw, nadam, "
         "radam, lion, adagrad, adadelta, rmsprop"},
        {"adm lr=1", FV_E_NAME,
         "\"adm lr=1\": there is no optimizer \"adm\"\n"
         "help: did you mean adam?"},
        {"adam momentum=0.9", FV_E_NAME,
         "\"adam momentum=0.9\": adam has no argument \"momentum\"\n"
         "help: it takes lr, betas, eps, weight_decay, amsgrad, maximize"},
        {"adam 0.1", FV_E_NAME,
         "\"adam 0.1\": adam has no argument \"0.1\"\n"
         "help: it takes lr, betas, eps, weight_decay, amsgrad, maximize"},
        {"adam lr=x", FV_E_ARG, "\"adam lr=x\": lr is \"x\", but must be a number, more than 0"},
        {"adam lr=0.1,0.2", FV_E_ARG,
         "\"adam lr=0.1,0.2\": lr is \"0.1,0.2\", but must be a number, more than 0"},
        {"adam lr", FV_E_ARG, "\"adam lr\": lr is \"\", but must be a number, more than 0"},
        {"adam lr=0", FV_E_ARG, "\"adam lr=0\": lr is 0, but must be more than 0"},
        {"adam betas=0.9", FV_E_ARG,
         "\"adam betas=0.9\": betas is \"0.9\", but must be 2 numbers with commas between them, "
         "each in [0,1)"},
        {"adam betas=0.9,2", FV_E_ARG, "\"adam betas=0.9,2\": betas is 2, but must be in [0,1)"},
        {"adam amsgrad=1", FV_E_ARG,
         "\"adam amsgrad=1\": amsgrad is \"1\", but must be true or false"},
        {"adam lr=1 lr=2", FV_E_ARG, "\"adam lr=1 lr=2\": lr is given twice"},
        {"sgd weight_decay=-1", FV_E_ARG,
         "\"sgd weight_decay=-1\": weight_decay is -1, but must be 0 or more"},
        {"sgd nesterov", FV_E_ARG,
         "\"sgd nesterov\": nesterov wants momentum above 0 and dampening "
         "0, not 0 and 0"},
        {"sgd; step 10", FV_E_ARG,
         "\"step 10\": only groups come after the optimizer\n"
         "help: sgd lr=0.1; group *.bias weight_decay=0"},
        {"sgd; group fd.* frozen", FV_E_NAME,
         "\"group fd.* frozen\": no parameter is called "
         "\"fd.*\"\nhelp: the names are fc.weight fc.bias"},
        {"sgd; group * momentum=1", FV_E_NAME,
         "\"group * momentum=1\": group has no argument "
         "\"momentum\"\nhelp: it takes lr_scale, lr, "
         "weight_decay, frozen"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char want[400];
        snprintf(want, sizeof want, "optimizer text %s", cases[i].error);
        assert_null(fv_optim_text(net, cases[i].text));
        assert_error(ctx, cases[i].code, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_out_of_range),
        cmocka_unit_test(groups_that_are_wrong),
        cmocka_unit_test(texts_that_are_wrong),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
