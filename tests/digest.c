/*
 * digest.c - one digest of all results: trains LeNet-5 and runs layers of odd shapes with every
 * kernel set and number of threads of this machine, and compares the SHA-256 of all results with
 * the constant below.
 *
 * The program needs no cmocka, zlib or cJSON, so that test_neon.sh can build it for another
 * processor and run it in an emulator. After a deliberate change of bits (another order of a sum in
 * kernels.h, other initial weights) it prints the new digest.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fovea.h"

/* Of all but later_layers, and of all. */
static const char pinned[] = "ccbc81bf4d177d55c16c90803a711ff1e0e2e2e1913b0e1e4448a0d452800233";
static const char pinned_later[] =
    "951a90049c7fad1e4b0072b5a86a34583718ea95042871cddb38467526d06692";

enum { LENET_BATCH = 64, LENET_PIXELS = 28 * 28, STEPS = 6, ODD_BATCH = 19 };

/* ---- numbers to work on ------------------------------------------------------------------- */

static uint32_t draw(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* n numbers in -1..1, some of them 0 as after a ReLU. The caller frees them. */
static float *numbers(size_t n, uint32_t seed)
{
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; x && i < n; i++)
        x[i] = draw(&seed) % 4 ? (float)draw(&seed) / (1 << 23) - 1.0f : 0.0f;
    return x;
}

/* ---- the digest: each addition is the SHA-256 of the digest before and that of the numbers --- */

static void add(char sum[65], const float *x, size_t n)
{
    char both[129];
    memcpy(both, sum, 64);
    fv_sha256(x, n * sizeof *x, both + 64);
    fv_sha256(both, 128, sum);
}

static void add_output(char sum[65], const fv_net *net, int images)
{
    int c, h, w;
    fv_output_shape(net, &c, &h, &w);
    if (fv_output(net))
        add(sum, fv_output(net), (size_t)images * c * h * w);
}

static void add_parameters(char sum[65], const fv_net *net)
{
    for (int i = 0; i < fv_param_count(net); i++) {
        fv_param p = fv_param_at(net, i);
        add(sum, p.value, p.count);
        add(sum, p.grad, p.count);
    }
}

/* ---- what is computed --------------------------------------------------------------------- */

/* The last batch is short, and then a shorter one goes through in eval mode. */
static void train_lenet(fv_ctx *ctx, char sum[65])
{
    static unsigned char pixels[LENET_BATCH * LENET_PIXELS];
    int64_t labels[LENET_BATCH];
    uint32_t seed = 1;
    fv_net *net = fv_model(ctx, "lenet5", 1, 28, 28, 10, (float[]){0.1307f}, (float[]){0.3081f});
    fv_optim *sgd = fv_sgd(net, .lr = 0.05, .momentum = 0.5, .weight_decay = 1e-3);
    fv_batch b = {.channels = 1, .height = 28, .width = 28, .pixels = pixels, .labels = labels};
    for (int step = 0; step < STEPS; step++) {
        b.n = step < STEPS - 1 ? LENET_BATCH : 37;
        for (size_t i = 0; i < sizeof pixels; i++)
            pixels[i] = draw(&seed) % 3 ? 0 : (unsigned char)draw(&seed);
        for (int i = 0; i < LENET_BATCH; i++)
            labels[i] = draw(&seed) % 10;
        fv_zero_grad(net);
        fv_forward(net, &b);
        float loss = fv_nll_loss(net, &b);
        fv_backward(net);
        fv_step(sgd);
        add(sum, &loss, 1);
        add_output(sum, net, b.n);
    }
    add_parameters(sum, net);
    b.n = 5;
    fv_eval_mode(net);
    fv_forward(net, &b);
    add_output(sum, net, b.n);
}

/* Forward and backward of a net that ends at `last`, for images of C x H x W floats. */
static void pass(fv_ctx *ctx, fv_node last, int C, int H, int W, const float *x, char sum[65])
{
    int c, h, w;
    fv_net *net = fv_net_new(last);
    fv_batch b = {
        .n = ODD_BATCH, .channels = C, .height = H, .width = W, .type = FV_F32, .pixels = x};
    if (fv_forward(net, &b))
        return;
    add_output(sum, net, b.n);
    fv_output_shape(net, &c, &h, &w);
    float *dy = numbers((size_t)b.n * c * h * w, 3);
    fv_output_gradient(net, dy);
    fv_backward(net);
    free(dy);
    if (fv_error(ctx))
        return;
    add_parameters(sum, net);
    add(sum, fv_input_gradient(net), (size_t)b.n * C * H * W);
}

static void odd_convolutions(fv_ctx *ctx, char sum[65])
{
    static const struct {
        int C, H, W, O, kernel, stride, padding, dilation, groups;
    } shapes[] = {
        {1, 9, 7, 5, FV_HW(3, 2), FV_HW(2, 1), FV_HW(1, 0), 1, 1},
        {3, 11, 10, 17, 3, 1, 1, FV_HW(2, 1), 1},
        {6, 8, 13, 9, FV_HW(1, 5), FV_HW(1, 3), FV_HW(0, 2), FV_HW(1, 2), 3},
        {7, 6, 6, 7, 3, 2, 1, 1, 7},
        {20, 5, 4, 33, 1, 1, 0, 1, 1},
        {4, 3, 5, 11, FV_HW(3, 5), 1, 0, 1, 1},
        {2, 7, 7, 13, 4, 3, 2, 2, 1},
        {16, 12, 3, 16, FV_HW(7, 3), FV_HW(1, 2), FV_HW(3, 1), 1, 2},
        {35, 5, 8, 65, 3, 1, 1, 1, 1}, /* by tiles */
        {32, 1, 300, 32, FV_HW(1, 3), 1, FV_HW(0, 1), 1, 1},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        int C = shapes[i].C, H = shapes[i].H, W = shapes[i].W;
        float *x = numbers((size_t)ODD_BATCH * C * H * W, (uint32_t)i);
        fv_node y = fv_conv2d(fv_input(ctx, C, H, W, .requires_grad = true), shapes[i].O,
                              shapes[i].kernel, .stride = shapes[i].stride,
                              .padding = shapes[i].padding, .dilation = shapes[i].dilation,
                              .groups = shapes[i].groups, .no_bias = i % 3 == 2);
        pass(ctx, y, C, H, W, x, sum);
        free(x);
    }
}

/* ReLU and pooling choose, and do not compute: NaN and -0 come out as they went in. Each for
   itself, since one would hide what the other does with a zero. */
static void other_layers(fv_ctx *ctx, char sum[65])
{
    enum { C = 3, H = 7, W = 8, N = ODD_BATCH * C * H * W };
    const fv_input_args input = {
        .ctx = ctx, .channels = C, .height = H, .width = W, .requires_grad = true};
    float *x = numbers(N, 2);
    if (!x)
        return;
    fv_node y = fv_linear(fv_relu(fv_linear(fv_flatten(fv_input_opt(input)), 37)), 11);
    pass(ctx, fv_log_softmax(y), C, H, W, x, sum);
    for (size_t i = 0; i < N; i += 5)
        x[i] = i % 3 ? -0.0f : NAN;
    pass(ctx, fv_relu(fv_input_opt(input)), C, H, W, x, sum);
    y = fv_max_pool2d(fv_input_opt(input), FV_HW(3, 2), .stride = FV_HW(2, 1), .padding = 1,
                      .ceil_mode = true);
    pass(ctx, fv_max_pool2d(y, 2), C, H, W, x, sum);
    free(x);
}

/* Once batch last, and once behind convolutions of so many channels that all is channels last. */
static void texts_both_ways(fv_ctx *ctx, const char *const *texts, int count, char sum[65])
{
    enum { C = 16, H = 3, W = 4 };
    float *x = numbers((size_t)ODD_BATCH * C * H * W, 4);
    for (int i = 0; x && i < 2 * count; i++) {
        fv_node y = fv_input(ctx, C, H, W, .requires_grad = true);
        if (i % 2)
            y = fv_conv2d(fv_conv2d(y, 32, 1), C, 1);
        pass(ctx, fv_layers(y, texts[i / 2], 0), C, H, W, x, sum);
    }
    free(x);
}

static void small_layers(fv_ctx *ctx, char sum[65])
{
    static const char *const texts[] = {
        "leaky_relu; elu; tanh; hardswish; silu; gelu; gelu tanh; hardsigmoid; sigmoid; relu6",
        "softmax 1; softmax 2; softmax 3; log_softmax 1; log_softmax 2; log_softmax 3",
        "group_norm 1; layer_norm 1; layer_norm 2; layer_norm 3; group_norm 4",
        ("tanh name=t; mul t; slice 2 0 1; slice 3 1 2 name=s; mul s from=t; concat t; permute 2 3 "
         "1"),
    };
    texts_both_ways(ctx, texts, sizeof texts / sizeof *texts, sum);
}

/* Layers that are not in the first digest. */
static void later_layers(fv_ctx *ctx, char sum[65])
{
    static const char *const texts[] = {
        "softplus; mish; softplus 2 3",
        ("instance_norm2d; instance_norm2d affine track_running_stats; instance_norm2d "
         "track_running_stats momentum=0.5"),
    };
    texts_both_ways(ctx, texts, sizeof texts / sizeof *texts, sum);
}

/* ---- every machine that this one can be --------------------------------------------------- */

typedef struct tally {
    int ran, wrong;
} tally;

/* Nothing if this machine does not have the set. */
static void compare(const char *kernels, int threads, tally *count)
{
    char sum[65] = "0000000000000000000000000000000000000000000000000000000000000000";
    fv_ctx *ctx = fv_open(&(fv_options){.kernels = kernels, .threads = threads});
    if (fv_error(ctx) != FV_E_DEVICE) {
        train_lenet(ctx, sum);
        odd_convolutions(ctx, sum);
        other_layers(ctx, sum);
        small_layers(ctx, sum);
        bool same = strcmp(sum, pinned) == 0;
        later_layers(ctx, sum);
        bool failed = fv_error(ctx) != FV_OK;
        same = same && strcmp(sum, pinned_later) == 0;
        printf("%-6s %d threads  %s%s\n", kernels, threads, failed ? fv_error_text(ctx) : sum,
               same || failed ? "" : "  differs");
        count->ran++;
        count->wrong += failed || !same;
    }
    fv_close(ctx);
}

/* digest [SET [THREADS]]: only these */
int main(int argc, char **argv)
{
    static const char *const sets[] = {"ref", "avx2", "avx512", "neon"};
    static const int threads[] = {1, 2, 3, 4, 8};
    tally count = {0};
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++)
        for (size_t t = 0; t < sizeof threads / sizeof *threads; t++)
            if ((argc < 2 || strcmp(argv[1], sets[s]) == 0) &&
                (argc < 3 || atoi(argv[2]) == threads[t]))
                compare(sets[s], threads[t], &count);
    if (count.wrong)
        printf("pinned is         %s\n", pinned_later);
    return count.ran == 0 || count.wrong > 0;
}
