/* 02_pictures.c - learns your pictures, in folders named by class: 02_pictures photos */
#include <fovea.h>
#include <stdio.h>
#include <stdlib.h>

enum { EPOCHS = 15 };

static const char AUGMENT[] = "random_resized_crop 48 scale=0.5,1; flip; color_jitter 0.2 0.2;"
                              "to_tensor; normalize mean=0.5 std=0.25";
static const char LAYERS[] = "conv2d 16 3 padding=1 no_bias; batch_norm2d; relu; max_pool2d 2;"
                             "conv2d 32 3 padding=1 no_bias; batch_norm2d; relu; max_pool2d 2;"
                             "conv2d 64 3 padding=1 no_bias; batch_norm2d; relu;"
                             "adaptive_max_pool2d 1; flatten; dropout 0.2; linear classes";

static double train_epoch(fv_net *net, fv_optim *optim, fv_loader *loader)
{
    double loss = 0;
    for (fv_batch b; fv_loader_next(loader, &b);) {
        fv_zero_grad(net);
        fv_forward(net, &b);
        loss += (double)fv_cross_entropy_loss(net, &b, .label_smoothing = 0.1);
        fv_backward(net);
        fv_step(optim);
    }
    return loss / (double)fv_loader_len(loader);
}

static fv_rate accuracy(fv_net *net, fv_loader *loader, fv_metrics *metrics)
{
    fv_metrics_reset(metrics);
    fv_eval_mode(net);
    for (fv_batch b; fv_loader_next(loader, &b);)
        if (!fv_forward(net, &b))
            fv_metrics_add(metrics, b.n, fv_output(net), b.labels);
    fv_train_mode(net);
    return fv_metrics_scores(metrics).accuracy;
}

/* The file says of itself all that `fovea predict pictures.safetensors x.jpg` needs to know. */
static void finish(fv_net *net, fv_dataset *set, fv_metrics *metrics, const char *transform)
{
    int classes = fv_dataset_describe(set).classes;
    char number[16], names[4096] = "";
    for (size_t c = 0, n = 0; c < (size_t)classes && n < sizeof names; c++) {
        const char *name = fv_dataset_class_name(set, (int64_t)c);
        fv_class_scores s = fv_metrics_class(metrics, (int)c);
        printf("%-16s precision %.3f   recall %.3f   F1 %.3f   of %d\n", name, s.precision.value,
               s.recall.value, s.f1, (int)s.support);
        n += (size_t)snprintf(names + n, sizeof names - n, c ? "\t%s" : "%s", name);
    }
    snprintf(number, sizeof number, "%d", classes);
    const fv_meta meta[] = {{"model", LAYERS},
                            {"input", "3x48x48"},
                            {"classes", number},
                            {"class_names", names},
                            {"transform", transform}};
    fv_save(net, "pictures.safetensors", meta, 5);
}

int main(int argc, char **argv)
{
    fv_ctx *fv = fv_open(&(fv_options){.seed = 1});
    fv_dataset *all = fv_dataset_folder(fv, argc > 1 ? argv[1] : "photos");
    int len = (int)fv_dataset_describe(all).len, classes = fv_dataset_describe(all).classes;
    int *folds = calloc((size_t)len + 1, sizeof *folds);
    fv_split_holdout(all, 0.2, folds, .seed = 1); /* a fifth of each class becomes 1 */
    fv_dataset *train = fv_subset_fold(all, folds, 0), *valid = fv_subset_fold(all, folds, 1);
    free(folds);

    fv_transform *augment = fv_transform_new(fv, AUGMENT), *plain = fv_transform_eval(augment);
    fv_loader *learn = fv_loader_new(train, .batch_size = 32, .shuffle = true, .num_workers = 2,
                                     .transform = augment);
    fv_loader *check = fv_loader_new(valid, .batch_size = 32, .transform = plain);

    fv_net *net = fv_net_new(fv_layers(fv_input(fv, 3, 48, 48), LAYERS, classes));
    fv_optim *adamw = fv_adamw(net, .lr = 0.005);
    fv_schedule *cosine = fv_cosine_annealing_lr(adamw, EPOCHS);
    fv_metrics *metrics = fv_metrics_new(fv, classes);
    for (int epoch = 1; epoch <= EPOCHS && !fv_error(fv); epoch++) {
        double loss = train_epoch(net, adamw, learn);
        fv_rate right = accuracy(net, check, metrics);
        fv_schedule_step(cosine);
        printf("epoch %2d   loss %.3f   accuracy %.3f   95 %% sure: %.3f to %.3f\n", epoch, loss,
               right.value, right.low, right.high);
    }
    finish(net, all, metrics, fv_transform_text(plain));
    bool failed = fv_error(fv) != FV_OK;
    if (failed)
        fprintf(stderr, "error: %s\n", fv_error_text(fv));
    fv_close(fv);
    return failed;
}
