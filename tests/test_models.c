/*
 * test_models.c - the built-in networks against PyTorch's, recorded by golden/record_models.py:
 * number of parameters, initial values from a seed and so the output; and the errors of fv_model.
 */
#include <math.h>

#include "testing.h"

#include "golden.h"
#include "net/net.h"

static fv_ctx *ctx;

static int open_ctx(void **state)
{
    (void)state;
    ctx = fv_open(NULL);
    return ctx == NULL;
}

static int close_ctx(void **state)
{
    (void)state;
    fv_close(ctx);
    return 0;
}

static void check_model(const golden *g)
{
    char name[GOLDEN_NAME_MAX];
    int c = golden_int(g, "c"), h = golden_int(g, "h"), w = golden_int(g, "w");
    size_t pixels = (size_t)c * h * w * 2, count = 0;
    golden_text(g, "model", name);
    fv_manual_seed(ctx, 7);
    fv_net *net = fv_model(ctx, name, c, h, w, 10, NULL, NULL);
    assert_fine(ctx);
    for (int i = 0; i < fv_param_count(net); i++)
        count += fv_param_at(net, i).count;
    assert_int_equal(count, golden_int(g, "count"));
    float *x = malloc(pixels * sizeof *x);
    for (size_t i = 0; i < pixels; i++)
        x[i] = (float)sin((double)i);
    fv_batch batch = {.n = 2, .channels = c, .height = h, .width = w, .type = FV_F32, .pixels = x};
    fv_eval_mode(net);
    fv_forward(net, &batch);
    assert_fine(ctx);
    const float *y = fv_output(net), *want = golden_f32(g, "y", 20);
    double error = 0, norm = 0;
    for (int i = 0; i < 20; i++) {
        error += ((double)y[i] - (double)want[i]) * ((double)y[i] - (double)want[i]);
        norm += (double)want[i] * (double)want[i];
    }
    if (!(sqrt(error) <= 1e-4 * sqrt(norm)))
        fail_msg("%s: off by %g", name, sqrt(error / norm));
    free(x);
    fv_net *again = fv_net_text(ctx, fv_text_of(net));
    assert_fine(ctx);
    assert_string_equal(fv_text_of(net), fv_text_of(again));
    fv_net_free(again);
    fv_net_free(net);
}

static void test_models(void **state)
{
    (void)state;
    golden g;
    int cases = 0;
    for (golden_open(&g, "models.bin"); golden_next(&g); cases++)
        check_model(&g);
    golden_close(&g);
    assert_int_equal(cases, 7);
}

/* The paper's figures: C1 156, C3 1,516, C5 48,120, F6 10,164; 850 of the linear layer. */
static void test_classic(void **state)
{
    (void)state;
    for (int side = 28; side <= 32; side += 4) {
        fv_net *net = fv_model(ctx, "lenet5-classic", 1, side, side, 10, NULL, NULL);
        size_t count = 0, c3 = 0;
        assert_fine(ctx);
        for (int i = 0; i < fv_param_count(net); i++) {
            fv_param p = fv_param_at(net, i);
            count += p.count;
            c3 += strncmp(p.name, "C3.", 3) == 0 ? p.count : 0;
        }
        assert_int_equal(c3, 1516);
        assert_int_equal(count, 156 + 1516 + 48120 + 10164 + 850);
        float *x = random_floats((size_t)3 * 32 * 32, 1);
        fv_batch batch = {.n = 3,
                          .channels = 1,
                          .height = side,
                          .width = side,
                          .type = FV_F32,
                          .pixels = x,
                          .labels = (const int64_t[]){1, 2, 3}};
        float before = 0;
        fv_optim *sgd = fv_sgd(net, .lr = 0.1);
        for (int i = 0; i < 20; i++) {
            fv_zero_grad(net);
            fv_forward(net, &batch);
            float loss = fv_cross_entropy_loss(net, &batch);
            before = i == 0 ? loss : before;
            fv_backward(net);
            fv_step(sgd);
            assert_true(i == 0 || loss < before);
        }
        assert_fine(ctx);
        fv_optim_free(sgd);
        fv_net_free(net);
        free(x);
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_null(fv_model(ctx, "lenet", 1, 28, 28, 10, NULL, NULL));
    assert_error(ctx, FV_E_NAME,
                 "there is no model \"lenet\"\n"
                 "help: the built-in ones are lenet5, lenet5-classic, mnist-cnn, mlp, small, "
                 "resnet9, vgg11, resnet18, "
                 "resnet50, mobilenet-v2; or give layers as text, as \"conv 8 3; relu; flatten; "
                 "linear classes\"");
    fv_net *net = fv_model(ctx, "conv 2 3; flatten; linear classes", 1, 5, 5, 3, NULL, NULL);
    assert_fine(ctx);
    assert_string_equal(fv_text_of(net), "input 1 5 5; conv2d 2 3; flatten; linear 3");
    fv_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_classic),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, open_ctx, close_ctx);
}
