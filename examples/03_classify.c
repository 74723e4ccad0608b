/* 03_classify.c - a trained network classifies pictures:  03_classify runs/photos-1 a.jpg b.png */
#include <fovea.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    fv_ctx *fv = fv_open(NULL);
    const fv_trained *net = argc > 1 ? fv_trained_open(fv, argv[1]) : NULL;
    float *p = net ? malloc((size_t)net->classes * sizeof *p) : NULL;
    for (int i = 2; p && i < argc; i++) {
        int class = fv_classify(net, argv[i], .probabilities = p);
        if (class < 0)
            break;
        if (net->class_names)
            printf("%s  %s  %.1f%%\n", argv[i], net->class_names[class], 100.0 * (double)p[class]);
        else
            printf("%s  %d  %.1f%%\n", argv[i], class, 100.0 * (double)p[class]);
    }
    free(p);
    int failed = argc < 3 || fv_error(fv) != FV_OK;
    if (failed)
        fprintf(stderr, "error: %s\n", argc < 3 ? "usage: 03_classify RUN PICTURE..."
                                                : fv_error_text(fv));
    fv_close(fv);
    return failed;
}
