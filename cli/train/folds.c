/*
 * folds.c - cross-validation: `fovea train DATA --folds 5`.
 *
 * All pictures that are not the test's are dealt into folds, stratified. For each fold a net is
 * trained on the others and measured on it, so that every picture gets a prediction of a net that
 * has not seen it.
 *
 * Layer 6. Calls fovea.h, cJSON and libc.
 */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/train.h"

/* Rows of out_of_fold.csv for the pictures of this fold, in the order of the whole set. */
static int predict_fold(training *t, const int *folds, int fold, int64_t len, int *labels,
                        int *predicted)
{
    int64_t at = 0;
    fv_eval_mode(t->net);
    record_start(t, t->data.val);
    int64_t most = fv_dataset_describe(t->data.val).len;
    fv_loader *loader = fv_loader_new(t->data.val, .batch_size = most < 256 ? (int)most : 256,
                                      .transform = t->data.plain);
    for (fv_batch b; fv_loader_next(loader, &b);) {
        int classes;
        if (fv_forward(t->net, &b))
            break;
        fv_output_shape(t->net, &classes, NULL, NULL);
        record_batch(t, &b, fv_output(t->net));
        for (int i = 0; i < b.n; i++, at++) {
            while (at < len && folds[at] != fold)
                at++;
            labels[at] = (int)b.labels[i];
            predicted[at] = fv_argmax(fv_output(t->net) + (size_t)i * (size_t)classes, classes);
        }
    }
    fv_loader_free(loader);
    fv_train_mode(t->net);
    return fv_error(t->ctx) ? fail_data(t->ctx, &t->data) : EXIT_DONE;
}

static int write_predictions(training *t, int64_t len, const int *folds, const int *labels,
                             const int *predicted)
{
    csv out = {0};
    char path[PATH_SIZE];
    if (!t->folder.path[0])
        return EXIT_DONE;
    int code = csv_print(&out, "index,label,fold,predicted\n");
    for (int64_t i = 0; !code && i < len; i++)
        code = csv_print(&out, "%lld,%d,%d,%d\n", (long long)i, labels[i], folds[i], predicted[i]);
    join_path(path, t->folder.path, "out_of_fold.csv");
    if (!code && fv_write_file(t->ctx, path, out.text, out.used))
        code = fail_context(t->ctx, "is the disk full, or read-only?");
    free(out.text);
    return code;
}

static int show_fold(const training *t, double accuracy)
{
    if (!t->s->json) {
        printf("Fold %d/%d: Accuracy: %.2f%%\n", t->at.fold, t->s->folds, 100 * accuracy);
        fflush(stdout);
        return EXIT_DONE;
    }
    return json_line(json_add(cJSON_CreateObject(), "event %s fold %d val_acc %g", "fold",
                              t->at.fold, accuracy));
}

static int show_folds(const training *t, const double *accuracy)
{
    int k = t->s->folds;
    double mean = 0, square = 0;
    for (int i = 0; i < k; i++)
        mean += accuracy[i] / k;
    for (int i = 0; i < k; i++)
        square += (accuracy[i] - mean) * (accuracy[i] - mean);
    double std = sqrt(square / (k - 1));
    if (!t->s->json) {
        printf("\n%d folds: accuracy %.2f%% +- %.2f   (mean and standard deviation)\n", k,
               100 * mean, 100 * std);
        return EXIT_DONE;
    }
    return json_line(json_add(cJSON_CreateObject(), "event %s folds %d val_acc %g std %g run %s",
                              "result", k, mean, std, t->folder.path[0] ? t->folder.path : NULL));
}

static int run_folds(training *t, int (*train_one)(training *t), int *folds, int *labels,
                     int *predicted)
{
    int k = t->s->folds, code = EXIT_DONE;
    double accuracy[100];
    fv_dataset *all = t->data.train;
    int64_t len = fv_dataset_describe(all).len;
    if (fv_split_folds(all, k, folds, .seed = t->s->seed))
        return fail_context(t->ctx, "fovea help train");
    for (t->at.fold = 1; t->at.fold <= k && !code; t->at.fold++) {
        t->data.train = fv_subset_rest(all, folds, t->at.fold - 1);
        t->data.val = fv_subset_fold(all, folds, t->at.fold - 1);
        fv_manual_seed(t->ctx, t->s->seed);
        code = train_one(t);
        if (!code) {
            accuracy[t->at.fold - 1] = accuracy_of(t->last.val);
            code = show_fold(t, accuracy[t->at.fold - 1]);
        }
        if (!code)
            code = predict_fold(t, folds, t->at.fold - 1, len, labels, predicted);
    }
    t->data.train = all;
    if (!code)
        code = write_predictions(t, len, folds, labels, predicted);
    return code ? code : show_folds(t, accuracy);
}

int train_folds(training *t, int (*train_one)(training *t))
{
    size_t len = (size_t)fv_dataset_describe(t->data.train).len;
    int *folds = calloc(3 * len + 3, sizeof *folds);
    if (!folds)
        return fail_memory("the folds");
    int code = run_folds(t, train_one, folds, folds + len, folds + 2 * len);
    free(folds);
    return code;
}
