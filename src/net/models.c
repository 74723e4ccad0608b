/*
 * models.c - the built-in networks, each written as its user would write it. Layer 3.
 *
 * Names of layers are those of the PyTorch original, so that its state_dict fits.
 */
#include "net/net.h"

#include <stdio.h>
#include <string.h>

/* ---- small ones --------------------------------------------------------------------------- */

/* The tutorial's simple_CNN: LeNet-5 with ReLU and max pooling. For [N,1,28,28] and 10 classes it
   has 61,706 parameters and 416,520 multiply-adds an image. */
static fv_node lenet5(fv_node x, int classes)
{
    x = fv_scope_begin(x, "convnet");
    x = fv_conv2d(x, 6, 5, .padding = 2, .name = "C1"); /* [N,6,28,28] */
    x = fv_relu(x, .name = "relu1");
    x = fv_max_pool2d(x, 2, .name = "S2"); /* [N,6,14,14] */
    x = fv_conv2d(x, 16, 5, .name = "C3"); /* [N,16,10,10] */
    x = fv_relu(x, .name = "relu3");
    x = fv_max_pool2d(x, 2, .name = "S4");  /* [N,16,5,5] */
    x = fv_conv2d(x, 120, 5, .name = "C5"); /* [N,120,1,1] */
    x = fv_relu(x, .name = "relu5");
    x = fv_scope_end(x);
    x = fv_flatten(x, .name = "flatten"); /* [N,120] */
    x = fv_scope_begin(x, "fc");
    x = fv_linear(x, 84, .name = "F6"); /* [N,84] */
    x = fv_relu(x, .name = "relu6");
    x = fv_linear(x, classes, .name = "F7"); /* [N,10] */
    x = fv_log_softmax(x, .name = "sig7");
    return fv_scope_end(x);
}

/* Which of S2's 6 maps each of C3's 16 looks at: table I of the paper. */
static const char *const classic_inputs[16] = {"012",  "123",  "234",  "345",   "045",  "015",
                                               "0123", "1234", "2345", "0345",  "0145", "0125",
                                               "0134", "1245", "0235", "012345"};

/* C3's map number i, over the maps that it looks at. */
static fv_node classic_map(const fv_node maps[6], int i)
{
    fv_node seen[6];
    char name[16];
    int n = (int)strlen(classic_inputs[i]);
    for (int k = 0; k < n; k++)
        seen[k] = maps[classic_inputs[i][k] - '0'];
    snprintf(name, sizeof name, "C3.%d", i);
    return fv_conv2d(fv_concat(seen, n), 1, 5, .name = name);
}

/* LeCun et al., Gradient-Based Learning Applied to Document Recognition, Proc. IEEE 86 (1998):
   tanh, averages, and a C3 that is no full convolution; without the factors of S2 and S4, and with
   a linear layer in place of the radial basis functions. Made for 32 x 32; smaller pictures are
   padded. */
static fv_node lenet5_classic(fv_node x, int classes)
{
    const fv_node start = x;
    fv_node maps[6], partials[16];
    if (start.graph && start.graph->defs[0].out.h == 28)
        x = fv_pad2d(x, 2, 2, 2, 2);                /* [N,1,32,32] */
    x = fv_tanh(fv_conv2d(x, 6, 5, .name = "C1"));  /* [N,6,28,28] */
    x = fv_tanh(fv_avg_pool2d(x, 2, .name = "S2")); /* [N,6,14,14] */
    for (int i = 0; i < 6; i++)
        maps[i] = fv_slice(x, 1, i, i + 1);
    for (int i = 0; i < 16; i++)
        partials[i] = classic_map(maps, i);
    x = fv_concat(FV_NODES(fv_concat(partials, 8), fv_concat(partials + 8, 8)), .name = "C3");
    x = fv_tanh(fv_avg_pool2d(fv_tanh(x), 2, .name = "S4")); /* [N,16,5,5] */
    x = fv_tanh(fv_conv2d(x, 120, 5, .name = "C5"));         /* [N,120,1,1] */
    x = fv_tanh(fv_linear(fv_flatten(x), 84, .name = "F6"));
    return fv_linear(x, classes, .name = "output");
}

/* The net of pytorch/examples, mnist/main.py. */
static fv_node mnist_cnn(fv_node x, int classes)
{
    x = fv_relu(fv_conv2d(x, 32, 3, .name = "conv1")); /* [N,32,26,26] */
    x = fv_relu(fv_conv2d(x, 64, 3, .name = "conv2")); /* [N,64,24,24] */
    x = fv_dropout(fv_max_pool2d(x, 2), 0.25, .name = "dropout1");
    x = fv_relu(fv_linear(fv_flatten(x), 128, .name = "fc1"));
    x = fv_dropout(x, 0.5, .name = "dropout2");
    return fv_log_softmax(fv_linear(x, classes, .name = "fc2"));
}

/* Two hidden layers. */
static fv_node mlp(fv_node x, int classes)
{
    x = fv_relu(fv_linear(fv_flatten(x), 256, .name = "fc1"));
    x = fv_relu(fv_linear(x, 128, .name = "fc2"));
    return fv_linear(x, classes, .name = "fc3");
}

static fv_node conv_norm_relu(fv_node x, int channels, const char *scope)
{
    x = fv_scope_begin(x, scope);
    x = fv_conv2d(x, channels, 3, .padding = 1, .no_bias = true, .name = "0");
    x = fv_relu(fv_batch_norm2d(x, .name = "1"), .name = "2");
    return fv_scope_end(x);
}

/* What `fovea train` takes for pictures of any size: three stages, each half as large and twice as
   wide, and a mean over what is left. */
static fv_node small(fv_node x, int classes)
{
    x = fv_max_pool2d(conv_norm_relu(x, 32, "conv1"), 2);
    x = fv_max_pool2d(conv_norm_relu(x, 64, "conv2"), 2);
    x = conv_norm_relu(conv_norm_relu(x, 128, "conv3"), 128, "conv4");
    x = fv_adaptive_avg_pool2d(x, 1, .name = "avgpool");
    return fv_linear(fv_flatten(x), classes, .name = "fc");
}

static fv_node residual(fv_node x, int channels, const char *scope)
{
    x = fv_scope_begin(x, scope);
    fv_node y = conv_norm_relu(conv_norm_relu(x, channels, "0"), channels, "1");
    return fv_scope_end(fv_add(x, y, .name = "add"));
}

/* After David Page, How to Train Your ResNet (2018): for pictures of 32 x 32. */
static fv_node resnet9(fv_node x, int classes)
{
    x = conv_norm_relu(x, 64, "conv1");
    x = fv_max_pool2d(conv_norm_relu(x, 128, "conv2"), 2);
    x = residual(x, 128, "res1");
    x = fv_max_pool2d(conv_norm_relu(x, 256, "conv3"), 2);
    x = fv_max_pool2d(conv_norm_relu(x, 512, "conv4"), 2);
    x = fv_max_pool2d(residual(x, 512, "res2"), 4);
    return fv_linear(fv_flatten(x), classes, .name = "linear");
}

/* ---- VGG: Simonyan and Zisserman, arXiv:1409.1556 ------------------------------------------- */

static fv_node vgg11(fv_node x, int classes)
{
    static const int channels[] = {64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0};
    int number = 0; /* of the module in torchvision's Sequential */
    char name[16];
    x = fv_scope_begin(x, "features");
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        snprintf(name, sizeof name, "%d", number++);
        if (channels[i] == 0) { /* a pooling */
            x = fv_max_pool2d(x, 2, .name = name);
            continue;
        }
        x = fv_conv2d(x, channels[i], 3, .padding = 1, .name = name);
        snprintf(name, sizeof name, "%d", number++);
        x = fv_relu(x, .name = name);
    }
    x = fv_flatten(fv_adaptive_avg_pool2d(fv_scope_end(x), 7, .name = "avgpool"));
    x = fv_scope_begin(x, "classifier");
    x = fv_dropout(fv_relu(fv_linear(x, 4096, .name = "0"), .name = "1"), 0.5, .name = "2");
    x = fv_dropout(fv_relu(fv_linear(x, 4096, .name = "3"), .name = "4"), 0.5, .name = "5");
    return fv_scope_end(fv_linear(x, classes, .name = "6"));
}

/* He's normal values for all convolutions, as torchvision's models have them. */
static void start_convolutions(fv_net *net)
{
    for (int i = 0; i < net->n_params; i++)
        if (net->params[i].ndim == 4)
            fv_init(net, net->params[i].name, FV_INIT_KAIMING_NORMAL, .fan_out = true);
}

static void start_vgg(fv_net *net)
{
    fv_init(net, "*.bias", FV_INIT_CONSTANT);
    start_convolutions(net);
    fv_init(net, "classifier.*.weight", FV_INIT_NORMAL, .std = 0.01);
}

/* ---- ResNet: He et al., arXiv:1512.03385 ---------------------------------------------------- */

/* Two convolutions of 3 x 3. */
static fv_node basic_block(fv_node x, int channels, int stride)
{
    x = fv_conv2d(x, channels, 3, stride, .padding = 1, .no_bias = true, .name = "conv1");
    x = fv_relu(fv_batch_norm2d(x, .name = "bn1"), .name = "relu");
    x = fv_conv2d(x, channels, 3, .padding = 1, .no_bias = true, .name = "conv2");
    return fv_batch_norm2d(x, .name = "bn2");
}

/* 1 x 1 down to a quarter, 3 x 3 there, 1 x 1 up again. */
static fv_node bottleneck(fv_node x, int channels, int stride)
{
    int inner = channels / 4;
    x = fv_conv2d(x, inner, 1, .no_bias = true, .name = "conv1");
    x = fv_relu(fv_batch_norm2d(x, .name = "bn1"), .name = "relu1");
    x = fv_conv2d(x, inner, 3, stride, .padding = 1, .no_bias = true, .name = "conv2");
    x = fv_relu(fv_batch_norm2d(x, .name = "bn2"), .name = "relu2");
    x = fv_conv2d(x, channels, 1, .no_bias = true, .name = "conv3");
    return fv_batch_norm2d(x, .name = "bn3");
}

/* A block and what goes past it: x itself, or where sizes differ a convolution of 1 x 1. */
static fv_node with_shortcut(fv_node (*block)(fv_node x, int channels, int stride), fv_node x,
                             int channels, int stride, bool resized, int number)
{
    char name[16];
    snprintf(name, sizeof name, "%d", number);
    x = fv_scope_begin(x, name);
    fv_node y = block(x, channels, stride);
    if (resized) {
        x = fv_scope_begin(x, "downsample");
        x = fv_conv2d(x, channels, 1, stride, .no_bias = true, .name = "0");
        x = fv_scope_end(fv_batch_norm2d(x, .name = "1"));
    }
    return fv_scope_end(fv_relu(fv_add(y, x, .name = "add"), .name = "out"));
}

static fv_node resnet(fv_node x, int classes, const int blocks[4], bool deep)
{
    x = fv_conv2d(x, 64, 7, 2, .padding = 3, .no_bias = true, .name = "conv1");
    x = fv_relu(fv_batch_norm2d(x, .name = "bn1"), .name = "relu");
    x = fv_max_pool2d(x, 3, 2, .padding = 1, .name = "maxpool");
    for (int stage = 0; stage < 4; stage++) {
        char name[16];
        snprintf(name, sizeof name, "layer%d", stage + 1);
        x = fv_scope_begin(x, name);
        for (int i = 0; i < blocks[stage]; i++) {
            int channels = (deep ? 256 : 64) << stage, stride = i == 0 && stage > 0 ? 2 : 1;
            x = with_shortcut(deep ? bottleneck : basic_block, x, channels, stride,
                              i == 0 && (deep || stage > 0), i);
        }
        x = fv_scope_end(x);
    }
    x = fv_adaptive_avg_pool2d(x, 1, .name = "avgpool");
    return fv_linear(fv_flatten(x), classes, .name = "fc");
}

static fv_node resnet18(fv_node x, int classes)
{
    return resnet(x, classes, (const int[]){2, 2, 2, 2}, false);
}

static fv_node resnet50(fv_node x, int classes)
{
    return resnet(x, classes, (const int[]){3, 4, 6, 3}, true);
}

/* ---- MobileNetV2: Sandler et al., arXiv:1801.04381 ------------------------------------------ */

/* A convolution of that kernel, normalised, with relu6. */
static fv_node conv_norm_relu6(fv_node x, int channels, int kernel, int stride, int groups,
                               const char *scope)
{
    x = fv_scope_begin(x, scope);
    x = fv_conv2d(x, channels, kernel, stride, .padding = kernel / 2, .groups = groups,
                  .no_bias = true, .name = "0");
    return fv_scope_end(fv_relu6(fv_batch_norm2d(x, .name = "1"), .name = "2"));
}

/* Wider by a factor, each channel by itself, narrow again. */
static fv_node inverted_residual(fv_node x, int in, int out, int stride, int factor, int number)
{
    char name[16];
    const fv_node start = x;
    int wide = in * factor, next = 0;
    snprintf(name, sizeof name, "%d", number);
    x = fv_scope_begin(fv_scope_begin(x, name), "conv");
    if (factor > 1)
        x = conv_norm_relu6(x, wide, 1, 1, 1, next++ ? "1" : "0");
    x = conv_norm_relu6(x, wide, 3, stride, wide, next++ ? "1" : "0");
    x = fv_conv2d(x, out, 1, .no_bias = true, .name = next == 2 ? "2" : "1");
    x = fv_scope_end(fv_batch_norm2d(x, .name = next == 2 ? "3" : "2"));
    if (stride == 1 && in == out)
        x = fv_add(start, x, .name = "add");
    return fv_scope_end(x);
}

static fv_node mobilenet_v2(fv_node x, int classes)
{
    static const struct {
        int factor, channels, blocks, stride;
    } stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                  {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    int in = 32, number = 1;
    x = conv_norm_relu6(fv_scope_begin(x, "features"), in, 3, 2, 1, "0");
    for (size_t s = 0; s < sizeof stages / sizeof *stages; s++)
        for (int i = 0; i < stages[s].blocks; i++, in = stages[s].channels)
            x = inverted_residual(x, in, stages[s].channels, i == 0 ? stages[s].stride : 1,
                                  stages[s].factor, number++);
    x = fv_scope_end(conv_norm_relu6(x, 1280, 1, 1, 1, "18"));
    x = fv_flatten(fv_adaptive_avg_pool2d(x, 1, .name = "avgpool"));
    x = fv_dropout(fv_scope_begin(x, "classifier"), 0.2, .name = "0");
    return fv_scope_end(fv_linear(x, classes, .name = "1"));
}

static void start_mobilenet(fv_net *net)
{
    start_convolutions(net);
    fv_init(net, "classifier.1.weight", FV_INIT_NORMAL, .std = 0.01);
    fv_init(net, "classifier.1.bias", FV_INIT_CONSTANT);
}

/* ---- by name ------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    const char *summary;
    fv_node (*layers)(fv_node x, int classes);
    void (*start)(fv_net *net); /* first values other than the layers' own; or NULL */
} models[] = {
    {"lenet5", "for 28 x 28 gray: the tutorial's LeNet-5 with ReLU", lenet5, NULL},
    {"lenet5-classic", "for 28 x 28 or 32 x 32 gray: LeNet-5 as of 1998, tanh and averages",
     lenet5_classic, NULL},
    {"mnist-cnn", "for 28 x 28 gray: pytorch/examples mnist/main.py", mnist_cnn, NULL},
    {"mlp", "two hidden layers", mlp, NULL},
    {"small", "four convolutions with batch norm, for pictures of any size", small, NULL},
    {"resnet9", "for 32 x 32: David Page, 2018", resnet9, NULL},
    {"vgg11", "torchvision's", vgg11, start_vgg},
    {"resnet18", "torchvision's", resnet18, start_convolutions},
    {"resnet50", "torchvision's", resnet50, start_convolutions},
    {"mobilenet-v2", "torchvision's", mobilenet_v2, start_mobilenet},
};

int fv_model_list(int index, char *text, size_t size)
{
    if (index < 0 || index >= (int)(sizeof models / sizeof *models))
        return 0;
    return snprintf(text, size, "%-14s  %s", models[index].name, models[index].summary);
}

/* One word is a name; more are layers as text. */
static bool is_text(const char *name)
{
    return strpbrk(name, " ;\n") != NULL;
}

static fv_net *fail_name(fv_ctx *ctx, const char *name)
{
    char known[200] = "";
    fv_text to = {known, sizeof known};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        fv_put(&to, "%s%s", i ? ", " : "", models[i].name);
    fv_fail(ctx, FV_E_NAME,
            "there is no model \"%.60s\"\nhelp: the built-in ones are %s; or give "
            "layers as text, as \"conv 8 3; relu; flatten; linear classes\"",
            name, known);
    return NULL;
}

fv_net *fv_model(fv_ctx *ctx, const char *name, int channels, int height, int width, int classes,
                 const float *mean, const float *std)
{
    if (fv_stopped(ctx, __func__))
        return NULL;
    name = name ? name : "";
    if ((mean || std) && (!mean || !std || channels > FV_CHANNELS_MAX)) {
        fv_fail(ctx, FV_E_ARG, "fv_model: mean and std go together, for 1 to %d channels",
                FV_CHANNELS_MAX);
        return NULL;
    }
    fv_input_args input = {.ctx = ctx, .channels = channels, .height = height, .width = width};
    for (int c = 0; mean && c < channels; c++) {
        input.mean[c] = mean[c];
        input.std[c] = std[c];
    }
    if (is_text(name))
        return fv_net_new(fv_layers(fv_input_opt(input), name, classes));
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        if (strcmp(name, models[i].name) != 0)
            continue;
        fv_net *net = fv_net_new(models[i].layers(fv_input_opt(input), classes));
        if (net && models[i].start)
            models[i].start(net);
        return net;
    }
    return fail_name(ctx, name);
}
