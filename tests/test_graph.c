/*
 * test_graph.c - networks that are not chains: several inputs and outputs, shared parameters,
 * dropout, and errors in texts.
 */
#include <math.h>

#include "testing.h"

#include "net/net.h"

static fv_ctx *ctx;

static int open_ctx(void **state)
{
    (void)state;
    ctx = fv_open(&(fv_options){.threads = 2, .seed = 3});
    return ctx == NULL;
}

static int close_ctx(void **state)
{
    (void)state;
    fv_close(ctx);
    return 0;
}

static fv_batch batch_of(int n, int c, int h, int w, const float *pixels)
{
    return (fv_batch){
        .n = n, .channels = c, .height = h, .width = w, .type = FV_F32, .pixels = pixels};
}

static void assert_near(const float *got, const float *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fabs((double)got[i] - (double)want[i]) > 1e-5)
            fail_msg("at %zu: %g instead of %g", i, (double)got[i], (double)want[i]);
}

/* Two inputs whose sum is the output: as one input that holds the sum. */
static void test_two_inputs(void **state)
{
    (void)state;
    enum { N = 19, PIXELS = 2 * 4 * 3 };
    fv_node a = fv_input(ctx, 2, 4, 3, .requires_grad = true, .name = "left");
    fv_node b = fv_input(ctx, 2, 4, 3, .requires_grad = true, .beside = a, .name = "right");
    fv_net *net = fv_net_new(fv_add(a, b));
    float *x = random_floats(N * PIXELS, 1), *y = random_floats(N * PIXELS, 2);
    float *sum = malloc(N * PIXELS * sizeof *sum);
    for (int i = 0; i < N * PIXELS; i++)
        sum[i] = x[i] + y[i];
    fv_batch batches[] = {batch_of(N, 2, 4, 3, x), batch_of(N, 2, 4, 3, y)};
    fv_forward_inputs(net, batches, 2);
    assert_fine(ctx);
    assert_memory_equal(fv_output(net), sum, N * PIXELS * sizeof *sum);
    fv_output_gradient(net, x);
    fv_backward(net);
    assert_memory_equal(fv_input_gradient(net), x, N * PIXELS * sizeof *x);
    assert_string_equal(
        fv_text_of(net),
        "input 2 4 3 requires_grad name=left; input 2 4 3 requires_grad name=right; "
        "add right from=left");
    fv_forward(net, &batches[0]);
    assert_error(ctx, FV_E_ARG, "the net has 2 inputs; fv_forward got 1 batches");
    batches[1].n = 3;
    fv_forward_inputs(net, batches, 2);
    assert_error(ctx, FV_E_SHAPE,
                 "fv_forward: the batch for input 1 has 3 images, that for input 0 has 19");
    free(x), free(y), free(sum);
    fv_net_free(net);
}

/* One output gives what the net without the other gives. */
static void test_two_outputs(void **state)
{
    (void)state;
    enum { N = 5 };
    float *x = random_floats(N * 6, 4);
    fv_batch batch = batch_of(N, 6, 1, 1, x);
    fv_net *both = fv_net_text(ctx, "input 6 1 1; linear 4 name=a; relu name=b; linear 3 name=c; "
                                    "output b c");
    fv_net *one = fv_net_text(ctx, "input 6 1 1; linear 4 name=a; relu");
    for (int i = 0; i < 2; i++)
        fv_param_put(one, i, fv_param_at(both, i).value, NULL);
    fv_forward(both, &batch);
    fv_forward(one, &batch);
    assert_fine(ctx);
    assert_memory_equal(fv_output_at(both, 0), fv_output(one), N * 4 * sizeof *x);
    assert_null(fv_output_at(both, 2));
    assert_string_equal(fv_text_of(both), "input 6 1 1; linear 4 name=a; relu name=b; "
                                          "linear 3 name=c; output b c");
    free(x);
    fv_net_free(both);
    fv_net_free(one);
}

/* A layer used twice has the sum of the gradients that two layers of the same values have. */
static void test_shared(void **state)
{
    (void)state;
    enum { N = 18 };
    for (int layout = 0; layout < FV_LAYOUTS; layout++) {
        float *x = random_floats(N * 2 * 4 * 4, 5), dw[36], db[2];
        fv_batch batch = batch_of(N, 2, 4, 4, x);
        fv_net *twice = fv_net_text(ctx, "input 2 4 4; conv2d 2 3 padding=1 name=a; relu; again a; "
                                         "flatten");
        fv_net *apart = fv_net_text(ctx, "input 2 4 4; conv2d 2 3 padding=1 name=a; relu; "
                                         "conv2d 2 3 padding=1 name=b; flatten");
        twice->layout = apart->layout = (fv_layout)layout;
        assert_int_equal(fv_param_count(twice), 2);
        for (int i = 0; i < 4; i++)
            fv_param_put(apart, i, fv_param_at(twice, i % 2).value, NULL);
        fv_forward(twice, &batch);
        fv_forward(apart, &batch);
        assert_fine(ctx);
        assert_memory_equal(fv_output(twice), fv_output(apart), N * 32 * sizeof *x);
        fv_output_gradient(twice, x);
        fv_output_gradient(apart, x);
        fv_backward(twice);
        fv_backward(apart);
        for (int i = 0; i < 36; i++)
            dw[i] = fv_param_at(apart, 0).grad[i] + fv_param_at(apart, 2).grad[i];
        for (int i = 0; i < 2; i++)
            db[i] = fv_param_at(apart, 1).grad[i] + fv_param_at(apart, 3).grad[i];
        assert_near(fv_param_at(twice, 0).grad, dw, 36);
        assert_near(fv_param_at(twice, 1).grad, db, 2);
        assert_string_equal(fv_text_of(twice), "input 2 4 4; conv2d 2 3 padding=1 name=a; relu; "
                                               "again a; flatten");
        free(x);
        fv_net_free(twice);
        fv_net_free(apart);
    }
}

/* ---- layers that lead to no output -------------------------------------------------------- */

enum { SAME_N = 18, SAME_PIXELS = 3 * 6 * 6 };

/* One training step of the text's net, whose last input takes x, with given parameters. */
static fv_net *step_of(const char *text, const float *x, const float *weights)
{
    fv_net *net = fv_net_text(ctx, text);
    assert_fine(ctx);
    fv_batch batches[FV_ENDS_MAX];
    for (int i = 0; i < net->n_inputs; i++)
        batches[i] = batch_of(SAME_N, 3, 6, 6, x + i * SAME_N * SAME_PIXELS);
    for (int i = 0; i < fv_param_count(net); i++)
        fv_param_put(net, i, weights, NULL);
    fv_forward_inputs(net, batches, net->n_inputs);
    fv_output_gradient(net, x);
    fv_backward(net);
    assert_fine(ctx);
    return net;
}

/* Texts of one function: in the second, layers lead to no output, among them owners of shared
   parameters. Outputs, gradients, names and texts are the same. */
static const char *const same_nets[][2] = {
    {"input 3 6 6 requires_grad; tanh; conv2d 4 1 name=a",
     "input 3 6 6 requires_grad; conv2d 4 1 name=a; tanh from=input; again a"},
    {"input 3 6 6 requires_grad; relu; batch_norm2d name=a; again a; conv2d 2 3",
     "input 3 6 6 requires_grad; batch_norm2d name=a; sigmoid; relu from=input; again a; again a; "
     "conv2d 2 3"},
    {"input 3 6 6 requires_grad; reshape 3 6 6; conv2d 3 3 padding=1 name=a; relu; again a; "
     "max_pool2d 2",
     "input 3 6 6 requires_grad; conv2d 7 3 name=before; conv2d 3 3 padding=1 name=a from=input; "
     "flatten; linear 5; tanh from=before; reshape 3 6 6 from=input; again a; relu; again a; "
     "max_pool2d 2 name=y; flatten; output y"},
};

static void test_dead_branches(void **state)
{
    (void)state;
    float *x = random_floats(2 * SAME_N * SAME_PIXELS, 8), *w = random_floats(2000, 9);
    for (size_t i = 0; i < sizeof same_nets / sizeof *same_nets; i++) {
        fv_net *plain = step_of(same_nets[i][0], x, w), *other = step_of(same_nets[i][1], x, w);
        assert_int_equal(other->size, plain->size);
        assert_int_equal(other->layers, plain->layers);
        assert_memory_equal(fv_output(other), fv_output(plain),
                            SAME_N * fv_shape_count(fv_net_out(plain)) * sizeof *x);
        assert_memory_equal(other->grads, plain->grads, plain->size * sizeof *x);
        assert_memory_equal(fv_input_gradient(other), fv_input_gradient(plain),
                            SAME_N * SAME_PIXELS * sizeof *x);
        for (int k = 0; k < fv_state_count(plain); k++)
            assert_string_equal(fv_state_at(other, k).name, fv_state_at(plain, k).name);
        fv_net_free(plain);
        fv_net_free(other);
    }
    free(x), free(w);
}

/* An input that nobody reads takes its batch all the same, and its gradient is 0. */
static void test_unread_inputs(void **state)
{
    (void)state;
    float *x = random_floats(2 * SAME_N * SAME_PIXELS, 8), *w = random_floats(2000, 9);
    for (int layout = 0; layout < FV_LAYOUTS; layout++) {
        fv_net *net = step_of("input 3 6 6 requires_grad; conv2d 3 3; input 3 6 6; conv2d 2 3; "
                              "relu",
                              x, w);
        fv_net *plain = step_of("input 3 6 6; conv2d 2 3; relu", x + SAME_N * SAME_PIXELS, w);
        assert_int_equal(net->n_inputs, 2);
        assert_memory_equal(fv_output(net), fv_output(plain), SAME_N * 32 * sizeof *x);
        for (int i = 0; i < SAME_N * SAME_PIXELS; i++)
            assert_true(fv_input_gradient(net)[i] == 0.0f);
        fv_net_free(net);
        fv_net_free(plain);
    }
    free(x), free(w);
}

/* An input that is written down after layers is loaded before them: its place in memory, and that of
   its gradient, are not theirs. */
static void test_late_inputs(void **state)
{
    (void)state;
    float *x = random_floats(2 * SAME_N * SAME_PIXELS, 8);
    fv_batch batches[] = {batch_of(SAME_N, 3, 6, 6, x),
                          batch_of(SAME_N, 3, 6, 6, x + SAME_N * SAME_PIXELS)};
    for (int train = 0; train < 2; train++)
        for (int layout = 0; layout < FV_LAYOUTS; layout++) {
            fv_net *early = fv_net_text(ctx, "input 3 6 6; input 3 6 6 name=b; permute 3 1 2 "
                                             "from=input; tanh; permute 2 3 1; add b");
            fv_net *late = fv_net_text(ctx,
                                       "input 3 6 6; permute 3 1 2; tanh; permute 2 3 1 name=a; "
                                       "input 3 6 6; add a");
            early->layout = late->layout = (fv_layout)layout;
            early->train = late->train = train;
            fv_forward_inputs(early, batches, 2);
            fv_forward_inputs(late, batches, 2);
            assert_fine(ctx);
            assert_memory_equal(fv_output(late), fv_output(early),
                                SAME_N * SAME_PIXELS * sizeof *x);
            fv_net_free(early);
            fv_net_free(late);
        }
    free(x);
}

/* What fv_again refuses: running means of other sizes, and layers of two networks. */
static void test_wrong_again(void **state)
{
    (void)state;
    assert_null(
        fv_net_text(ctx, "input 3 4 4; batch_norm2d no_affine name=a; conv2d 5 1; again a"));
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"batch_norm2d1\" cannot use the parameters of \"a\": its input [N,5,4,4] "
                 "(from \"conv2d1\") asks for others");
    fv_node a = fv_conv2d(fv_input(ctx, 3, 4, 4), 3, 1, .name = "a"), b = fv_input(ctx, 3, 4, 4);
    assert_null(fv_again(a, b).graph);
    assert_error(ctx, FV_E_STATE,
                 "fv_again: layer \"a\" is of another network than its input\n"
                 "help: begin the second input with fv_input(..., .beside = x), x of the first");
}

/* ---- dropout ------------------------------------------------------------------------------ */

/* The share of zeros is p, what is left is stretched, backward drops the same, the next step others;
   layouts and threads change nothing. */
static void check_dropout(const char *text, int whole)
{
    enum { N = 40, PIXELS = 5 * 6 * 7 };
    static float ones[N * PIXELS], kept[N * PIXELS];
    for (int i = 0; i < N * PIXELS; i++)
        ones[i] = 1;
    fv_batch batch = batch_of(N, 5, 6, 7, ones);
    for (int way = 0; way < 4; way++) {
        fv_ctx *own = fv_open(&(fv_options){.threads = way / 2 ? 3 : 1, .seed = 11});
        fv_net *net = fv_net_text(own, text);
        net->layout = (fv_layout)(way % 2);
        fv_forward(net, &batch);
        assert_fine(own);
        const float *y = fv_output(net);
        if (way == 0)
            memcpy(kept, y, sizeof kept);
        assert_memory_equal(y, kept, sizeof kept);
        fv_output_gradient(net, ones);
        fv_backward(net);
        assert_memory_equal(fv_input_gradient(net), kept, sizeof kept);
        fv_forward(net, &batch);
        assert_memory_not_equal(fv_output(net), kept, sizeof kept);
        fv_eval_mode(net);
        fv_forward(net, &batch);
        assert_memory_equal(fv_output(net), ones, sizeof ones);
        fv_close(own);
    }
    int zeros = 0, mixed = 0;
    for (int i = 0; i < N * PIXELS; i++) {
        zeros += kept[i] == 0.0f;
        mixed += kept[i] != kept[i / whole * whole];
        assert_true(kept[i] == 0.0f || kept[i] == 1 / 0.75f);
    }
    double p = (double)zeros / (N * PIXELS), draws = N * PIXELS / (double)whole;
    assert_true(fabs(p - 0.25) < 4 * sqrt(0.25 * 0.75 / draws));
    assert_int_equal(mixed, 0);
}

static void test_dropout(void **state)
{
    (void)state;
    check_dropout("input 5 6 7 requires_grad; dropout 0.25", 1);
    check_dropout("input 5 6 7 requires_grad; dropout2d 0.25", 42);
}

/* ---- texts -------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    fv_status code;
    const char *error;
} wrong[] = {
    {"conv2d 3 3", FV_E_STATE,
     "network text, statement 1 \"conv2d 3 3\": there is no input before it\n"
     "help: begin with input CHANNELS HEIGHT WIDTH"},
    {"# nothing\n\n", FV_E_DATA,
     "network text: there is no layer in it\nhelp: begin with input CHANNELS HEIGHT WIDTH"},
    {"input 3 8 8; convd 4 3", FV_E_NAME,
     "network text, statement 2 \"convd 4 3\": there is no layer \"convd\"\n"
     "help: did you mean conv2d?"},
    {"input 3 8 8; zzz", FV_E_NAME,
     "network text, statement 2 \"zzz\": there is no layer \"zzz\"\n"
     "help: there are conv2d, conv_transpose2d, max_pool2d, max_pool2d_indices, max_unpool2d, "
     "avg_pool2d, adaptive_avg_pool2d, adaptive_max_pool2d, upsample, pad2d, linear, relu, "
     "flatten, log_softmax, batch_norm2d, dropout, dropout2d, add, leaky_relu, relu6, sigmoid, "
     "tanh, gelu, silu, hardswish, hardsigmoid, elu, softplus, mish, softmax, layer_norm, "
     "group_norm, instance_norm2d, mul, concat, "
     "slice, reshape, squeeze, unsqueeze, permute"},
    {"input 3 8 8; conv 4 x", FV_E_ARG,
     "network text, statement 2 \"conv 4 x\": kernel_size is \"x\", but must be a size, 32, or "
     "rows x columns, 32x24, each 1 to 32767"},
    {"input 3 8 8; conv 4 3 padding=some", FV_E_ARG,
     "network text, statement 2 \"conv 4 3 padding=some\": padding is \"some\", but must be a "
     "size, 32, or rows x columns, 32x24, each 0 to 32767, or valid or same"},
    {"input 3 8 8; conv 4 3 1", FV_E_ARG,
     "network text, statement 2 \"conv 4 3 1\": \"1\" is one value too many\n"
     "help: arguments after the first 2 go by name"},
    {"input 3 8 8; linear 4 size=3", FV_E_NAME,
     "network text, statement 2 \"linear 4 size=3\": linear has no argument \"size\"\n"
     "help: it takes out_features, no_bias, in_features, name, from"},
    {"input 3 8 8; relu name=a; add b", FV_E_NAME,
     "network text, statement 3 \"add b\": there is no layer \"b\" before it\n"
     "help: give it name=b"},
    {"input 3 8 8; add", FV_E_ARG,
     "network text, statement 2 \"add\": add takes the layer before it and one more by name, not 0 "
     "more"},
    {"input 3 8 8; relu from=c", FV_E_NAME,
     "network text, statement 2 \"relu from=c\": there is no layer \"c\" before it\n"
     "help: give it name=c"},
    {"input 3 8; relu", FV_E_ARG,
     "network text, statement 1 \"input 3 8\": width is missing: a whole number, 1 or more"},
    {"input 3 8 8 mean=x", FV_E_ARG,
     "network text, statement 1 \"input 3 8 8 mean=x\": mean is \"x\", but must be 1, 2, 3 or 4 "
     "numbers with commas between them"},
    {"input 3 8 8; relu; again relu2", FV_E_NAME,
     "network text, statement 3 \"again relu2\": there is no layer \"relu2\" before it\n"
     "help: did you mean relu1?"},
    {"input 3 8 8; conv 2 1 name=a; again a", FV_E_SHAPE,
     "layer \"conv2d1\" cannot use the parameters of \"a\": its input [N,2,8,8] (from \"a\") asks "
     "for "
     "others"},
    {"input 3 8 8; conv 2 1 name=a; add input", FV_E_SHAPE,
     "layer \"add1\": adds [N,2,8,8] (from \"a\") and [N,3,8,8]; both must have one shape\n"
     "help: bring them to one size first, as a shortcut does with a 1 x 1 convolution"},
    {"input 3 8 8; dropout 1", FV_E_ARG,
     "network text, statement 2 \"dropout 1\": p is 1, but must be in [0,1)"},
    {"input 3 8 8; batch_norm momentum=2", FV_E_ARG,
     "layer \"batch_norm2d1\": momentum is 2, but must be in (0,1]\n"
     "help: .cumulative = true for a plain average over all batches"},
    {"input 3 8 8; batch_norm eps=-1", FV_E_ARG,
     "network text, statement 2 \"batch_norm eps=-1\": eps is -1, but must be more than 0"},
    {"input 3 8 8; batch_norm num_features=4", FV_E_SHAPE,
     "layer \"batch_norm2d1\": expects 4 channels but \"input\" gives 3 ([N,3,8,8])\n"
     "help: set num_features to 3, or leave it out"},
};

static void test_wrong_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_null(fv_net_text(ctx, wrong[i].text));
        assert_error(ctx, wrong[i].code, wrong[i].error);
    }
}

/* Lines, comments, blanks, short names and pairs: one canonical text. */
static void test_canonical(void **state)
{
    (void)state;
    fv_net *net = fv_net_text(ctx, "input 3 8 8 mean=0.1,0.25,0.3 std=1,2,3 # pixels\n"
                                   "  conv 4 3x3 padding=same bias_is=\n");
    assert_null(net);
    fv_error_clear(ctx);
    net = fv_net_text(ctx, "input 3 8 8 mean=0.1,0.25,0.3 std=1,2,3 # pixels\n"
                           "\tconv 4 3x3 padding=same no_bias ;;\n relu;max_pool 2 stride=2x1\n"
                           "# the end\nflatten\r\nlinear out_features=5 ; dropout p=0.125");
    assert_fine(ctx);
    assert_string_equal(fv_text_of(net),
                        "input 3 8 8 mean=0.1,0.25,0.3 std=1,2,3; "
                        "conv2d 4 3 padding=same no_bias; relu; max_pool2d 2 stride=2x1; flatten; "
                        "linear 5; dropout 0.125");
    fv_net_free(net);
    net = fv_net_new(fv_layers(fv_input(ctx, 4, 1, 1), "linear classes", 7));
    assert_string_equal(fv_text_of(net), "input 4 1 1; linear 7");
    fv_net_free(net);
}

/* The text of any net makes a net of the same text: layers that share parameters wherever they read,
   names, scopes, several inputs and outputs, sizes and numbers of every form. */
static fv_net *branches(void)
{
    fv_node x = fv_input(ctx, 3, 6, 6, .mean = {0.1f, 0.3f, 0.7f}, .std = {1, 0.2f, 3});
    fv_node a = fv_conv2d(x, 3, 1, .name = "a"), b = fv_conv2d(a, 3, 1);
    fv_node t = fv_tanh(a);
    fv_node c = fv_again(a, t), d = fv_again(c, a), e = fv_again(b, x);
    fv_node y = fv_input(ctx, 3, 6, 6, .beside = x, .requires_grad = true, .name = "second");
    y = fv_again(a, y);
    fv_node all = fv_concat(((fv_node[]){d, c, e, b, y, d}), 6);
    return fv_net_new_outputs((const fv_node[]){all, c, t}, 3);
}

static fv_net *scopes(void)
{
    char name[201];
    memset(name, 'n', sizeof name);
    name[200] = '\0';
    fv_node x = fv_scope_begin(fv_input(ctx, 4, 9, 9, .name = "pixels"), name);
    x = fv_conv2d(x, 4, FV_HW(3, 1), FV_HW(2, 2), FV_SAME - FV_SAME + FV_HW(0, 1), .name = name);
    x = fv_again(fv_relu(fv_adaptive_avg_pool2d(x, FV_HW(0, 3))), x);
    x = fv_scope_end(fv_batch_norm2d(x, .eps = 0.1 + 0.2, .momentum = 1.0 / 3));
    x = fv_dropout(fv_pad2d(x, .right = 2, .bottom = -1, .value = -1e-7), FV_ZERO);
    x = fv_slice(x, 3, .end = -1);
    return fv_net_new(fv_leaky_relu(fv_upsample(x, .size = FV_HW(5, 7)), 0.7));
}

static void test_texts_come_back(void **state)
{
    (void)state;
    fv_net *(*const nets[])(void) = {branches, scopes};
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        fv_net *net = nets[i]();
        assert_fine(ctx);
        char *text = strdup(fv_text_of(net));
        fv_net *again = fv_net_text(ctx, text);
        assert_fine(ctx);
        assert_string_equal(fv_text_of(again), text);
        assert_int_equal(fv_layer_count(again), fv_layer_count(net));
        assert_int_equal(fv_param_count(again), fv_param_count(net));
        fv_net_free(net);
        fv_net_free(again);
        free(text);
    }
    fv_net *net = fv_net_text(ctx, "input 3 6 6; conv2d 3 1 name=a; conv2d 3 1; tanh from=a; again "
                                   "a name=b; again a from=tanh1");
    assert_fine(ctx);
    assert_string_equal(fv_text_of(net),
                        "input 3 6 6; conv2d 3 1 name=a; tanh; again a name=conv2d2");
    fv_net_free(net);
}

/* A name that a text cannot hold is no name. */
static void test_names_in_texts(void **state)
{
    (void)state;
    static const char *const bad[] = {"a b", "a;b", "a=b", "a#", "a\n", "\t"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fv_node x = fv_input(ctx, 1, 2, 2);
        assert_null(fv_relu(x, .name = bad[i]).graph);
        assert_int_equal(fv_error(ctx), FV_E_NAME);
        fv_error_clear(ctx);
        assert_null(fv_scope_begin(x, bad[i]).graph);
        assert_int_equal(fv_error(ctx), FV_E_NAME);
        fv_error_clear(ctx);
    }
}

/* Words of any bytes end in an error or a net, never elsewhere. */
static void test_noise(void **state)
{
    (void)state;
    static const char *const pieces[] = {"input",    " ",      "3",    "8 8",    ";",     "conv",
                                         "add",      "x",      "=",    "name=a", "from=", "a",
                                         "again",    "output", "#",    "\n",     "-1",    "1e9",
                                         "padding=", "0x0",    "\xff", "linear", "relu"};
    uint32_t seed = 1;
    for (int i = 0; i < 3000; i++) {
        char text[400] = "";
        for (int k = 0; k < 20; k++) {
            seed = seed * 1664525u + 1013904223u;
            strcat(text, pieces[(seed >> 8) % (sizeof pieces / sizeof *pieces)]);
            strcat(text, seed >> 31 ? " " : "");
        }
        fv_net *net = fv_net_text(ctx, text);
        assert_true(net != NULL || fv_error(ctx) != FV_OK);
        fv_net_free(net);
        fv_error_clear(ctx);
    }
}

static void test_batch_of_one(void **state)
{
    (void)state;
    fv_net *net = fv_net_text(ctx, "input 2 1 1; batch_norm name=bn");
    const float x[] = {1, 2};
    fv_batch batch = batch_of(1, 2, 1, 1, x);
    fv_forward(net, &batch);
    assert_error(
        ctx, FV_E_SHAPE,
        "layer \"bn\": the mean over a batch needs more than one value per channel, but its "
        "input is [1,2,1,1]\nhelp: batches of 2 or more (.drop_last = true leaves out a "
        "last one of 1), or fv_eval_mode");
    fv_eval_mode(net);
    fv_forward(net, &batch);
    assert_fine(ctx);
    fv_net_free(net);
}

/* A layer without a name gets the first number that is free, in a long text, too. */
static void test_names(void **state)
{
    (void)state;
    fv_net *net = fv_net_text(ctx, "input 1 1 1; relu name=relu3; relu name=relu1; relu; relu");
    static const char *const names[] = {"input", "relu3", "relu1", "relu2", "relu4"};
    for (int i = 0; i < 5; i++)
        assert_string_equal(fv_layer_at(net, i).name, names[i]);
    assert_string_equal(fv_text_of(net), "input 1 1 1; relu name=relu3; relu; relu; relu");
    fv_net_free(net);
    enum { MANY = 3000 };
    static char text[20 + 6 * MANY] = "input 1 1 1";
    for (int i = 0; i < MANY; i++)
        strcpy(text + 11 + 6 * i, "; relu");
    net = fv_net_text(ctx, text);
    assert_fine(ctx);
    assert_string_equal(fv_layer_at(net, MANY).name, "relu3000");
    assert_string_equal(fv_text_of(net), text);
    fv_net_free(net);
}

/* Sizes that would not fit an int are refused, and what a size_t cannot count is not wrapped around:
   a network may come from anyone. Nothing of it is allocated. */
static void test_huge_sizes(void **state)
{
    (void)state;
    fv_net_text(ctx, "input 268435456 1 1 name=a; concat a a a a a a a name=c");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"c\": its output [N,268435457,1,1] or its weight of 1 numbers is larger "
                 "than 268435456 numbers");
    fv_net_text(ctx, "input 268435456 1 1; max_pool2d 2 stride=1 padding=1 name=p");
    assert_error(ctx, FV_E_SHAPE,
                 "layer \"p\": its output [N,268435456,2,2] or its weight of 1 numbers is larger "
                 "than 268435456 numbers");
    fv_net_text(ctx, "input 1 8 8; conv 1 3 padding=-2000000000 name=c");
    assert_error(ctx, FV_E_ARG,
                 "network text, statement 2 \"conv 1 3 padding=-2000000000 name=c\": padding is "
                 "-2000000000, but must be 0 to 32767");
    char text[600] = "input 1 1 1; upsample size=16384";
    for (int i = 0; i < 20; i++)
        strcat(text, "; conv2d 1 1");
    fv_net *net = fv_net_text(ctx, text);
    const int most = 2147483647;
    assert_true(fv_memory_plan(net, most, true).activations == SIZE_MAX);
    fv_memory eval = fv_memory_plan(net, most, false);
    assert_true(eval.activations > (size_t)1 << 60 && eval.activations < SIZE_MAX);
    assert_fine(ctx);
    fv_net_free(net);
}

/* Images that need no gradient are taken several at a time, as many as there is room for: what lies
   behind, the outputs, stays. */
static void test_first_layer_of_many_channels(void **state)
{
    (void)state;
    enum { N = 16, IN = 64 * 50 * 30, OUT = 16 * 50 * 30 };
    fv_ctx *one = fv_open(&(fv_options){.threads = 1});
    fv_net *net = fv_net_text(one, "input 64 50 30; conv2d 16 3 padding=1");
    float *x = random_floats((size_t)N * IN, 1), *dy = random_floats((size_t)N * OUT, 2);
    fv_batch batch = batch_of(N, 64, 50, 30, x);
    fv_param w = fv_param_at(net, 0);
    float *first = malloc(w.count * sizeof *first), *y = malloc((size_t)N * OUT * sizeof *y);
    for (int layout = 0; layout < FV_LAYOUTS; layout++) {
        net->layout = (fv_layout)layout;
        fv_zero_grad(net);
        fv_forward(net, &batch);
        memcpy(y, fv_output(net), (size_t)N * OUT * sizeof *y);
        fv_output_gradient(net, dy);
        fv_backward(net);
        assert_fine(one);
        assert_memory_equal(fv_output(net), y, (size_t)N * OUT * sizeof *y);
        double off = 0, all = 0;
        for (size_t i = 0; i < w.count; i++) {
            off += layout ? (w.grad[i] - first[i]) * (w.grad[i] - first[i]) : 0;
            all += w.grad[i] * w.grad[i];
            first[i] = w.grad[i];
        }
        assert_true(off <= 1e-10 * all && all > 0);
    }
    free(x), free(dy), free(first), free(y);
    fv_close(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_inputs),
        cmocka_unit_test(test_two_outputs),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_dead_branches),
        cmocka_unit_test(test_unread_inputs),
        cmocka_unit_test(test_wrong_again),
        cmocka_unit_test(test_late_inputs),
        cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_wrong_texts),
        cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_texts_come_back),
        cmocka_unit_test(test_names_in_texts),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_batch_of_one),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_huge_sizes),
        cmocka_unit_test(test_first_layer_of_many_channels),
    };
    return cmocka_run_group_tests(tests, open_ctx, close_ctx);
}
