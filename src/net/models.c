/*
 * models.c - the built-in networks, each written as its user would write it. Layer 3.
 */
#include "net/net.h"

#include <string.h>

/* The tutorial's simple_CNN: LeNet-5 with ReLU and max pooling. For [N,1,28,28] and 10 classes it
   has 61,706 parameters and 416,520 multiply-adds an image. */
static fv_node lenet5(fv_node x, int classes)
{
    x = fv_scope_begin(x, "convnet");
    x = fv_conv2d(x, 6, 5, .padding = 2, .name = "C1"); /* [N,6,28,28] */
    x = fv_relu(x, .name = "relu1");
    x = fv_max_pool2d(x, 2, .name = "S2");              /* [N,6,14,14] */
    x = fv_conv2d(x, 16, 5, .name = "C3");              /* [N,16,10,10] */
    x = fv_relu(x, .name = "relu3");
    x = fv_max_pool2d(x, 2, .name = "S4");              /* [N,16,5,5] */
    x = fv_conv2d(x, 120, 5, .name = "C5");             /* [N,120,1,1] */
    x = fv_relu(x, .name = "relu5");
    x = fv_scope_end(x);
    x = fv_flatten(x, .name = "flatten");               /* [N,120] */
    x = fv_scope_begin(x, "fc");
    x = fv_linear(x, 84, .name = "F6");                 /* [N,84] */
    x = fv_relu(x, .name = "relu6");
    x = fv_linear(x, classes, .name = "F7");            /* [N,10] */
    x = fv_log_softmax(x, .name = "sig7");
    return fv_scope_end(x);
}

static const struct {
    const char *name;
    fv_node (*layers)(fv_node x, int classes);
} models[] = {
    {"lenet5", lenet5},
};

fv_net *fv_model(fv_ctx *ctx, const char *name, int channels, int height, int width, int classes,
                 const float *mean, const float *std)
{
    if (!ctx || fv_error(ctx))
        return NULL;
    if ((mean || std) && (!mean || !std || channels > FV_CHANNELS_MAX)) {
        fv_fail(ctx, FV_E_ARG, "fv_model: mean and std go together, for 1 to %d channels",
                FV_CHANNELS_MAX);
        return NULL;
    }
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        if (!name || strcmp(name, models[i].name) != 0)
            continue;
        fv_input_args input = {.ctx = ctx, .channels = channels, .height = height, .width = width};
        for (int c = 0; mean && c < channels; c++) {
            input.mean[c] = mean[c];
            input.std[c] = std[c];
        }
        return fv_net_new(models[i].layers(fv_input_opt(input), classes));
    }
    fv_fail(ctx, FV_E_NAME, "there is no model \"%s\"\nhelp: the built-in one is lenet5",
            name ? name : "");
    return NULL;
}
