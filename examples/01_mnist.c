/* 01_mnist.c - LeNet-5 learns handwritten digits: load, look, build, train, test, save. */
#include <fovea.h>
#include <stdio.h>

int main(void)
{
    fv_ctx *fv = fv_open(&(fv_options){.seed = 1});
    fv_dataset *train = fv_mnist(fv, "data", FV_TRAIN), *test = fv_mnist(fv, "data", FV_TEST);
    fv_loader *loader = fv_loader_new(train, .batch_size = 64, .shuffle = true);
    unsigned char image[28][28]; int64_t label = -1;
    fv_dataset_get(train, 0, image, &label);
    printf("training images: %d, the first shows a %d\n", (int)fv_dataset_describe(train).len, (int)label);

    fv_node x = fv_input(fv, 1, 28, 28, .mean = {0.1307f}, .std = {0.3081f}); /* [N,1,28,28] */
    x = fv_scope_begin(x, "convnet");
    x = fv_relu(fv_conv2d(x, 6, 5, .padding = 2, .name = "C1"));              /* [N,6,28,28] */
    x = fv_max_pool2d(x, 2, .name = "S2");                                    /* [N,6,14,14] */
    x = fv_relu(fv_conv2d(x, 16, 5, .name = "C3"));                           /* [N,16,10,10] */
    x = fv_max_pool2d(x, 2, .name = "S4");                                    /* [N,16,5,5] */
    x = fv_relu(fv_conv2d(x, 120, 5, .name = "C5"));                          /* [N,120,1,1] */
    x = fv_scope_begin(fv_flatten(fv_scope_end(x)), "fc");                    /* [N,120] */
    x = fv_relu(fv_linear(x, 84, .name = "F6"));                              /* [N,84] */
    x = fv_log_softmax(fv_linear(x, 10, .name = "F7"));                       /* [N,10] */
    fv_net *net = fv_net_new(fv_scope_end(x));
    fv_optim *sgd = fv_sgd(net, .lr = 0.01, .momentum = 0.5);

    for (fv_batch b; fv_loader_next(loader, &b);) {
        fv_zero_grad(net);
        fv_forward(net, &b);
        float loss = fv_nll_loss(net, &b);
        fv_backward(net);
        fv_step(sgd);
        if (b.index % 100 == 0)
            printf("Train Epoch: 1 [%d/60000 (%.0f%%)]\tLoss: %.6f\n", (int)b.index * b.n,
                   100.0 * (double)b.index / (double)fv_loader_len(loader), loss);
    }
    fv_result r;
    if (!fv_evaluate(net, fv_loader_new(test, .batch_size = 64), &r))
        printf("\nTest set: Accuracy: %.2f%%\n", 100.0 * (double)r.correct / (double)r.total);
    bool failed = fv_save(net, "lenet5.safetensors", NULL, 0) != FV_OK;
    if (failed)
        fprintf(stderr, "error: %s\n", fv_error_text(fv)); /* the first of all calls */
    fv_close(fv);
    return failed;
}
