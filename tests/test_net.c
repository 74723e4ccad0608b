/*
 * test_net.c - a net through its public functions: gradients, accumulation, modes, batches of any
 * size, memory, threads, and the summary. test_golden.c compares values with PyTorch.
 */
#include "testing.h"

#include <math.h>

/* ---- gradients ---------------------------------------------------------------------------- */

static double loss_at(fv_net *net, const fv_batch *b)
{
    fv_forward(net, b);
    float losses[64];
    double sum = 0;
    fv_nll_loss(net, b, .reduction = FV_NONE, .losses = losses);
    for (int i = 0; i < b->n; i++)
        sum += (double)losses[i];
    return sum / b->n;
}

/* Along a random direction through all parameters and the input, the slope of the loss is the
   gradient times the direction: central differences, which float32 allows to some 1e-3. */
static void slope_is_gradient(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(&(fv_options){.seed = 3});
    fv_net *net = small_net(ctx);
    float *pixels;
    int64_t labels[19];
    fv_batch b = small_batch(19, &pixels, labels);
    run_step(net, &b);
    assert_fine(ctx);
    for (int i = -1; i < fv_param_count(net); i++) {
        fv_param p = fv_param_at(net, i);
        size_t n = i < 0 ? 19 * SMALL_PIXELS : p.count;
        const float *value = i < 0 ? pixels : p.value;
        float *direction = random_floats(n, 77), *moved = malloc(n * sizeof *moved);
        const float *grad = i < 0 ? fv_input_gradient(net) : p.grad;
        double slope = 0, size = 0, h = 2e-3, f[2];
        for (size_t k = 0; k < n; k++) {
            slope += (double)grad[k] * (double)direction[k];
            size += (double)grad[k] * (double)grad[k];
        }
        float *saved = malloc(n * sizeof *saved);
        memcpy(saved, value, n * sizeof *saved);
        for (int side = 0; side < 2; side++) {
            for (size_t k = 0; k < n; k++)
                moved[k] = saved[k] + (float)(side ? h : -h) * direction[k];
            if (i < 0)
                memcpy(pixels, moved, n * sizeof *moved);
            else
                fv_param_put(net, i, moved, NULL);
            f[side] = loss_at(net, &b);
        }
        if (i < 0)
            memcpy(pixels, saved, n * sizeof *saved);
        else
            fv_param_put(net, i, saved, NULL);
        double measured = (f[1] - f[0]) / (2 * h);
        if (!(fabs(measured - slope) < 1e-3 + 2e-2 * sqrt(size)) || size == 0)
            fail_msg("%s: slope %.6f, gradient says %.6f", i < 0 ? "input" : p.name, measured,
                     slope);
        free(saved);
        free(moved);
        free(direction);
    }
    free(pixels);
    fv_close(ctx);
}

/* Two backward passes without zero_grad give twice the gradient, exactly. */
static void gradients_accumulate(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(NULL);
    fv_net *net = small_net(ctx);
    float *pixels, once[2048];
    int64_t labels[5];
    fv_batch b = small_batch(5, &pixels, labels);
    run_step(net, &b);
    fv_param p = fv_param_at(net, 0);
    memcpy(once, p.grad, p.count * sizeof *once);
    fv_forward(net, &b);
    fv_nll_loss(net, &b);
    fv_backward(net);
    for (size_t i = 0; i < p.count; i++)
        assert_true(p.grad[i] == 2 * once[i]);
    fv_zero_grad(net);
    for (size_t i = 0; i < p.count; i++)
        assert_true(p.grad[i] == 0);
    assert_fine(ctx);
    free(pixels);
    fv_close(ctx);
}

/* ---- batches ------------------------------------------------------------------------------ */

/* An image gives the same bits alone, first, last or in the middle of any batch, in both modes. */
static void batch_does_not_matter(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(&(fv_options){.seed = 5});
    fv_net *net = small_net(ctx);
    float *pixels;
    int64_t labels[40];
    float whole[40][5];
    fv_batch b = small_batch(40, &pixels, labels);
    fv_forward(net, &b);
    memcpy(whole, fv_output(net), sizeof whole);
    fv_eval_mode(net);
    for (int n = 1; n <= 33; n += 8)
        for (int from = 0; from + n <= 40; from += 5) {
            fv_batch part = b;
            part.n = n;
            part.pixels = pixels + from * SMALL_PIXELS;
            fv_forward(net, &part);
            assert_memory_equal(fv_output(net), whole[from], n * sizeof whole[0]);
        }
    assert_fine(ctx);
    free(pixels);
    fv_close(ctx);
}

/* SHA-256 of all parameters after some steps with odd batch sizes. */
static void digest_after_training(int threads, const char *kernels, char hex[65])
{
    fv_ctx *ctx = fv_open(&(fv_options){.seed = 9, .threads = threads, .kernels = kernels});
    hex[0] = '\0';
    if (fv_error(ctx) != FV_E_DEVICE) {
        fv_net *net = small_net(ctx);
        fv_optim *sgd = fv_sgd(net, .lr = 0.05, .momentum = 0.9, .nesterov = true);
        float all[2048];
        size_t used = 0;
        for (int step = 0; step < 12; step++) {
            float *pixels;
            int64_t labels[300];
            fv_batch b = small_batch(1 + step * 27, &pixels, labels);
            run_step(net, &b);
            fv_step(sgd);
            free(pixels);
        }
        assert_fine(ctx);
        for (int i = 0; i < fv_param_count(net); i++) {
            fv_param p = fv_param_at(net, i);
            memcpy(all + used, p.value, p.count * sizeof *all);
            used += p.count;
        }
        fv_sha256(all, used * sizeof *all, hex);
    }
    fv_close(ctx);
}

static void threads_and_kernels_do_not_matter(void **state)
{
    (void)state;
    static const char *const sets[] = {"ref", "avx2", "avx512", "neon"};
    static const int threads[] = {1, 2, 3, 4, 8};
    char first[65], hex[65];
    digest_after_training(1, "ref", first);
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++)
        for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
            digest_after_training(threads[t], sets[s], hex);
            if (hex[0] && strcmp(hex, first) != 0)
                fail_msg("%s with %d threads trains to other bits than ref with 1", sets[s],
                         threads[t]);
        }
}

/* ---- memory ------------------------------------------------------------------------------- */

static void steps_allocate_nothing(void **state)
{
    (void)state;
    counting memory = {0};
    fv_ctx *ctx = fv_open(
        &(fv_options){.threads = 2, .allocate = counting_allocate, .user = &memory});
    fv_net *net = small_net(ctx);
    fv_optim *sgd = fv_sgd(net, .momentum = 0.5);
    float *pixels;
    int64_t labels[64];
    fv_batch b = small_batch(64, &pixels, labels);
    for (int step = 0; step < 5; step++) {
        if (step == 4)
            b.n = 10; /* the last, short batch of an epoch */
        run_step(net, &b);
        fv_step(sgd);
        if (step == 0)
            memory.calls = 0;
    }
    assert_fine(ctx);
    assert_int_equal(memory.calls, 0);
    free(pixels);
    fv_close(ctx);
    assert_int_equal(memory.live, 0);
}

/* The log gets the plan's bytes and the batch that is larger than the set; nobody else hears them. */
static void keep_log(void *user, fv_log_level level, const char *text)
{
    char *all = user;
    snprintf(all + strlen(all), 512 - strlen(all), "%d %s\n", (int)level, text);
}

static int64_t three(void *user)
{
    (void)user;
    return 3;
}

static int zeros(void *user, int64_t index, void *pixels, int64_t *label)
{
    (void)user, (void)index, (void)pixels;
    *label = 0;
    return 0;
}

static void notes_go_to_the_log(void **state)
{
    (void)state;
    char all[512] = "", want[512];
    fv_ctx *ctx = fv_open(&(fv_options){.threads = 1, .log = keep_log, .user = all});
    fv_net *net = fv_net_new(fv_relu(fv_input(ctx, 1, 1, 1)));
    fv_dataset *set = fv_dataset_new(ctx, &(fv_dataset_desc){.name = "tiny",
                                                             .channels = 1,
                                                             .height = 1,
                                                             .width = 1,
                                                             .classes = 1,
                                                             .len = three,
                                                             .get = zeros});
    fv_loader *loader = fv_loader_new(set, .batch_size = 4);
    fv_batch b;
    assert_true(fv_loader_next(loader, &b));
    fv_forward(net, &b);
    assert_fine(ctx);
    fv_memory m = fv_memory_plan(net, 3, true);
    snprintf(want, sizeof want,
             "1 \"tiny\" has 3 samples: each epoch is one batch of them, not of 4\n"
             "0 memory to train in batches of up to 3: %zu bytes\n",
             m.activations + m.scratch);
    assert_string_equal(all, want);
    fv_close(ctx);
}

/* Building, a step, a run: with any one allocation failing there is an error of memory and no crash,
   and nothing is left. The pool of threads alone is done without. */
static bool build_and_step(counting *memory)
{
    fv_ctx *ctx = fv_open(
        &(fv_options){.threads = 2, .allocate = counting_allocate, .user = memory});
    fv_net *net = small_net(ctx);
    fv_optim *sgd = fv_sgd(net, .momentum = 0.5);
    float *pixels;
    int64_t labels[40];
    fv_batch b = small_batch(40, &pixels, labels);
    run_step(net, &b);
    fv_step(sgd);
    fv_eval_mode(net);
    fv_forward(net, &b);
    fv_summary(net, 8);
    fv_status status = fv_error(ctx);
    assert_true(status == FV_OK || status == FV_E_MEMORY);
    if (status)
        assert_true(strstr(fv_error_text(ctx), "no memory") != NULL);
    free(pixels);
    fv_close(ctx);
    assert_int_equal(memory->live, 0);
    return status == FV_OK;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    counting memory = {0};
    assert_true(build_and_step(&memory));
    long calls = memory.calls, done_without = 0;
    assert_true(calls > 20);
    for (long n = 1; n <= calls; n++) {
        memory = (counting){.fail_at = n};
        done_without += build_and_step(&memory);
    }
    assert_int_equal(done_without, 1);
}

static void memory_is_known_before(void **state)
{
    (void)state;
    counting memory = {0};
    fv_ctx *ctx = fv_open(
        &(fv_options){.threads = 1, .allocate = counting_allocate, .user = &memory});
    fv_net *net = fv_model(ctx, "lenet5", 1, 28, 28, 10, NULL, NULL);
    fv_memory train = fv_memory_plan(net, 64, true), eval = fv_memory_plan(net, 64, false);
    assert_int_equal(train.parameters, 2 * 4 * 61760); /* 61,706, each tensor in whole vectors */
    assert_true(eval.activations < train.activations / 2);
    assert_true(fv_memory_plan(net, 128, true).activations > train.activations);
    assert_int_equal(fv_memory_plan(net, 0, true).activations, 0);

    uint8_t *pixels = calloc(64, 28 * 28);
    fv_batch b = {.n = 64, .channels = 1, .height = 28, .width = 28, .pixels = pixels};
    size_t planned[2] = {eval.activations + eval.scratch, train.activations + train.scratch};
    for (int mode = 0; mode < 2; mode++) {
        memory.bytes = 0;
        mode ? fv_train_mode(net) : fv_eval_mode(net);
        fv_forward(net, &b);
        assert_in_range(memory.bytes, planned[mode], planned[mode] + planned[mode] / 50);
    }
    free(pixels);
    assert_fine(ctx);
    fv_close(ctx);
}

/* ---- what it says of itself --------------------------------------------------------------- */

static void names_and_counts(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t dims[4];
    } want[] = {
        {"convnet.C1.weight", {6, 1, 5, 5}},    {"convnet.C1.bias", {6, 1, 1, 1}},
        {"convnet.C3.weight", {16, 6, 5, 5}},   {"convnet.C3.bias", {16, 1, 1, 1}},
        {"convnet.C5.weight", {120, 16, 5, 5}}, {"convnet.C5.bias", {120, 1, 1, 1}},
        {"fc.F6.weight", {84, 120, 1, 1}},      {"fc.F6.bias", {84, 1, 1, 1}},
        {"fc.F7.weight", {10, 84, 1, 1}},       {"fc.F7.bias", {10, 1, 1, 1}},
    };
    fv_ctx *ctx = fv_open(NULL);
    fv_net *net = fv_model(ctx, "lenet5", 1, 28, 28, 10, NULL, NULL);
    assert_int_equal(fv_param_count(net), 10);
    for (int i = 0; i < 10; i++) {
        fv_param p = fv_param_at(net, i);
        assert_string_equal(p.name, want[i].name);
        assert_memory_equal(p.dims, want[i].dims, sizeof p.dims);
    }
    int64_t parameters = 0, macs = 0;
    for (int i = 0; i < fv_layer_count(net); i++) {
        parameters += fv_layer_at(net, i).parameters;
        macs += fv_layer_at(net, i).macs;
    }
    assert_int_equal(parameters, 61706);
    assert_int_equal(macs, 416520);
    const char *summary = fv_summary(net, 64);
    assert_true(strstr(summary, "convnet.C3     conv2d       5x5        [64,16,10,10]          "
                                "2,416        240,000       409,600\n") != NULL);
    assert_true(strstr(summary, "parameters      61,706 in 10 tensors") != NULL);
    assert_true(strstr(summary, "multiply-adds   416,520 an image") != NULL);
    assert_null(fv_param_at(net, 10).name);
    assert_null(fv_layer_at(net, -1).name);
    assert_fine(ctx);
    fv_close(ctx);
}

/* Layers that lead nowhere are left out; names are made up where none is given. */
static void side_branches_and_names(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(NULL);
    fv_node x = fv_input(ctx, 1, 6, 6), dead = fv_conv2d(x, 3, 3);
    fv_node y = fv_conv2d(x, 2, 3);
    dead = fv_relu(dead);
    fv_net *net = fv_net_new(fv_relu(y));
    assert_fine(ctx);
    assert_int_equal(dead.index, 3);
    assert_int_equal(fv_layer_count(net), 3);
    assert_string_equal(fv_layer_at(net, 1).name, "conv2d2");
    assert_string_equal(fv_layer_at(net, 2).name, "relu2");
    fv_close(ctx);
}

/* uint8 pixels become (v/255 - mean)/std with a rounding after each operation. */
static void pixels_are_normalised(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(NULL);
    fv_node x = fv_input(ctx, 1, 16, 16, .mean = {0.1307f}, .std = {0.3081f});
    fv_net *net = fv_net_new(fv_flatten(x));
    uint8_t pixels[256];
    for (int i = 0; i < 256; i++)
        pixels[i] = (uint8_t)i;
    fv_batch b = {.n = 1, .channels = 1, .height = 16, .width = 16, .pixels = pixels};
    fv_forward(net, &b);
    const float *y = fv_output(net);
    for (int i = 0; i < 256; i++) {
        volatile float v = (float)i / 255.0f;
        v = v - 0.1307f;
        v = v / 0.3081f;
        assert_true(y[i] == v);
    }
    assert_true(fabsf(y[0] + 0.42421296f) < 1e-7f && fabsf(y[255] - 2.82148671f) < 5e-7f);
    fv_close(ctx);
}

/* A net that was not made for it gives the gradient of its input once it is asked to, whatever ran
   before: the same as one made with .requires_grad. */
static void gradient_of_input_on_demand(void **state)
{
    (void)state;
    enum { PIXELS = 2 * 6 * 6, N = 5 };
    fv_ctx *ctx = fv_open(NULL);
    float *pixels = random_floats(N * PIXELS, 5);
    int64_t labels[N] = {0, 2, 1, 0, 2};
    fv_batch b = {.n = N, .channels = 2, .height = 6, .width = 6, .type = FV_F32};
    b.pixels = pixels;
    b.labels = labels;
    const float *dx[2];
    for (int i = 0; i < 2; i++) {
        fv_manual_seed(ctx, 1);
        fv_node x = fv_input(ctx, 2, 6, 6, .requires_grad = i == 1);
        fv_net *net = fv_net_new(fv_linear(fv_flatten(fv_relu(fv_conv2d(x, 4, 3))), 3));
        for (int again = 0; again < 2; again++) { /* before it is asked for, and after */
            fv_zero_grad(net);
            fv_forward(net, &b);
            fv_cross_entropy_loss(net, &b);
            fv_backward(net);
            assert_int_equal(fv_input_gradient(net) != NULL, i == 1 || again == 1);
            if (!again)
                assert_int_equal(fv_input_requires_grad(net), FV_OK);
        }
        dx[i] = fv_input_gradient(net);
        assert_non_null(strstr(fv_text_of(net), "requires_grad"));
    }
    assert_memory_equal(dx[0], dx[1], N * PIXELS * sizeof(float));
    assert_int_equal(fv_input_requires_grad(NULL), FV_E_ARG);
    assert_fine(ctx);
    free(pixels);
    fv_close(ctx);
}

static fv_net *net_with_state(fv_ctx *ctx)
{
    fv_node x = fv_batch_norm2d(fv_conv2d(fv_input(ctx, 2, 9, 8), 6, 3));
    return fv_net_new(fv_log_softmax(fv_linear(fv_flatten(fv_relu(x)), 5)));
}

/* Fails unless both nets give the same bits, for batches of one image and of several. */
static void assert_same_outputs(fv_net *a, fv_net *b)
{
    float *pixels;
    int64_t labels[19];
    for (int n = 1; n <= 19; n += 18) {
        fv_batch batch = small_batch(n, &pixels, labels);
        fv_forward(a, &batch);
        fv_forward(b, &batch);
        assert_memory_equal(fv_output(a), fv_output(b), (size_t)n * 5 * sizeof(float));
        free(pixels);
    }
}

/* A forward in eval mode keeps its packed weights: a write must replace them. */
static void writes_count_at_once(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(NULL);
    fv_net *from = net_with_state(ctx), *by_state = net_with_state(ctx),
           *by_param = net_with_state(ctx);
    fv_net *const to[] = {by_state, by_param};
    float *pixels, other[19 * 5];
    int64_t labels[19];
    fv_batch b = small_batch(19, &pixels, labels);
    run_step(from, &b); /* running means and counts */
    fv_eval_mode(from);
    fv_forward(from, &b);
    for (int i = 0; i < fv_state_count(from); i++) /* before by_param packs */
        if (strstr(fv_state_at(from, i).name, "num_batches") ||
            strstr(fv_state_at(from, i).name, "running"))
            fv_state_put(by_param, i, fv_state_at(from, i).value);
    for (int i = 0; i < 2; i++) {
        fv_eval_mode(to[i]);
        fv_forward(to[i], &b);
        memcpy(other, fv_output(to[i]), sizeof other);
        assert_memory_not_equal(other, fv_output(from), sizeof other);
    }
    for (int i = 0; i < fv_param_count(from); i++) {
        fv_param p = fv_param_at(from, i);
        fv_param_put(by_param, i, p.value, NULL);
        fv_param_put(by_state, i, NULL, p.grad);
    }
    for (int i = 0; i < fv_state_count(from); i++) {
        fv_tensor t = fv_state_at(from, i);
        fv_state_put(by_state, i, t.value);
        assert_memory_equal(fv_state_at(by_state, i).value, t.value,
                            t.count * fv_type_size(t.type));
    }
    for (int i = 0; i < fv_param_count(from); i++) {
        fv_param p = fv_param_at(from, i), q = fv_param_at(by_state, i);
        assert_memory_equal(q.grad, p.grad, p.count * sizeof *p.grad);
    }
    assert_same_outputs(from, by_state);
    assert_same_outputs(from, by_param);
    assert_fine(ctx);
    free(pixels);
    fv_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slope_is_gradient),
        cmocka_unit_test(gradient_of_input_on_demand),
        cmocka_unit_test(gradients_accumulate),
        cmocka_unit_test(writes_count_at_once),
        cmocka_unit_test(batch_does_not_matter),
        cmocka_unit_test(threads_and_kernels_do_not_matter),
        cmocka_unit_test(steps_allocate_nothing),
        cmocka_unit_test(notes_go_to_the_log),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(memory_is_known_before),
        cmocka_unit_test(names_and_counts),
        cmocka_unit_test(side_branches_and_names),
        cmocka_unit_test(pixels_are_normalised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
