/*
 * confused.c - which classes a net takes for which: the end of what `fovea train` and `fovea test`
 * say of a test.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <string.h>

#include "common/cli.h"

/* A matrix of more classes would take more than 32 MB. */
enum { CLASSES_MOST = 2048, PAIRS = 3, COLUMNS = 80 };

fv_metrics *metrics_for(fv_ctx *ctx, const fv_net *net)
{
    int classes;
    fv_output_shape(net, &classes, NULL, NULL);
    return classes >= 1 && classes <= CLASSES_MOST ? fv_metrics_new(ctx, classes) : NULL;
}

void count_batch(void *metrics, const fv_batch *batch, const float *outputs)
{
    if (metrics)
        fv_metrics_add(metrics, batch->n, outputs, batch->labels);
}

/* The next cell off the diagonal behind that at last, by size and then by place; -1: none. */
static int64_t next_confused(const int64_t *matrix, int64_t classes, int64_t last)
{
    int64_t best = -1;
    for (int64_t i = 0; i < classes * classes; i++) {
        bool before = last >= 0 &&
                      (matrix[i] > matrix[last] || (matrix[i] == matrix[last] && i <= last));
        if (i / classes != i % classes && matrix[i] > 0 && !before &&
            (best < 0 || matrix[i] > matrix[best]))
            best = i;
    }
    return best;
}

void put_confused(FILE *f, const fv_metrics *metrics, const fv_net *net, const fv_dataset *names)
{
    int classes, used = 0;
    fv_output_shape(net, &classes, NULL, NULL);
    const int64_t *matrix = fv_metrics_confusion(metrics);
    int64_t at = matrix ? next_confused(matrix, classes, -1) : -1;
    for (int k = 0; k < PAIRS && at >= 0; k++, at = next_confused(matrix, classes, at)) {
        char label[64], guess[64], text[200];
        snprintf(text, sizeof text, "%s -> %s %lld", class_label(names, (int)(at / classes), label),
                 class_label(names, (int)(at % classes), guess), (long long)matrix[at]);
        if (k > 0 && used + 5 + columns_of(text) > COLUMNS)
            break;
        used += fprintf(f, k ? "     %s" : "        most confused   %s", text);
    }
    if (used)
        fputc('\n', f);
}
