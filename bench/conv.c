/*
 * conv.c - nine convolutions, three passes each, float32, one thread: Fovea's kernels and, if built
 * with it, oneDNN, alternating; prints medians.
 *
 *   conv [WORDS]   prints a line each: SHAPE PASS FOVEA ONEDNN RATIO, in GFLOP/s, and the mean
 *                  ratio; only shapes whose name contains WORDS
 *
 * Both run 64 images, or 16 large ones. Multiply-adds with padding zeros count, as is usual,
 * although oneDNN skips many of them.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conv.h"
#include "bench/speed.h"

enum { ROUNDS = 9, ENGINES = 2 };
#define ROUND_SECONDS 0.01

#ifdef HAVE_ONEDNN
#include <dnnl_version.h>
#define ONEDNN_VERSION DNNL_VERSION_MAJOR, DNNL_VERSION_MINOR, DNNL_VERSION_PATCH
static const conv_engine *const engines[ENGINES] = {&fovea_engine, &onednn_engine};
#else
#define ONEDNN_VERSION 0, 0, 0
static const conv_engine *const engines[ENGINES] = {&fovea_engine, NULL};
#endif

static const char *const passes[PASS_COUNT] = {"forward", "input", "weight"};

static const struct {
    int C, O, k, stride, pad, size, images;
} shapes[] = {
    {1, 6, 5, 1, 2, 28, 64},     {6, 16, 5, 1, 0, 14, 64},   {64, 64, 3, 1, 1, 56, 64},
    {128, 128, 3, 1, 1, 28, 64}, {256, 64, 1, 1, 0, 56, 64}, {3, 64, 7, 2, 3, 224, 16},
    {64, 128, 3, 2, 1, 56, 64},  {3, 64, 3, 1, 1, 224, 16},  {512, 512, 3, 1, 1, 7, 64},
};

/* Returns the seconds of a pass, averaged over passes_at_a_go for a coarse clock. */
static double time_passes(const conv_engine *e, void *job, int passes_at_a_go)
{
    double start = now();
    for (int i = 0; i < passes_at_a_go; i++)
        e->run(job);
    return (now() - start) / passes_at_a_go;
}

/* Sets the median seconds of a pass for each engine; 0 if the engine cannot run it. */
static void measure(const fv_conv *v, int images, conv_pass pass, double seconds[ENGINES])
{
    void *jobs[ENGINES] = {NULL};
    int at_a_go[ENGINES];
    double times[ENGINES][ROUNDS] = {{0}};
    for (int e = 0; e < ENGINES; e++) {
        jobs[e] = engines[e] ? engines[e]->prepare(v, images, pass) : NULL;
        if (!jobs[e])
            continue;
        engines[e]->run(jobs[e]); /* the first run is slow */
        at_a_go[e] = 1 + (int)(ROUND_SECONDS / time_passes(engines[e], jobs[e], 1));
    }
    for (int round = 0; round < ROUNDS; round++)
        for (int e = 0; e < ENGINES; e++)
            if (jobs[e])
                times[e][round] = time_passes(engines[e], jobs[e], at_a_go[e]);
    for (int e = 0; e < ENGINES; e++) {
        seconds[e] = quantile(times[e], ROUNDS, 0.5);
        if (jobs[e])
            engines[e]->release(jobs[e]);
    }
}

static void print_speed(double flops, double seconds)
{
    if (seconds > 0)
        printf(" %9.1f", 1e-9 * flops / seconds);
    else
        printf(" %9s", "-");
}

/* Prints the line of one pass. Returns Fovea's speed over oneDNN's, or 0 without oneDNN or if the
   name does not contain words. */
static double compare(int shape, conv_pass pass, const char *words)
{
    int C = shapes[shape].C, O = shapes[shape].O, k = shapes[shape].k, size = shapes[shape].size;
    int stride = shapes[shape].stride, pad = shapes[shape].pad, images = shapes[shape].images;
    int out = (size + 2 * pad - k) / stride + 1;
    fv_conv v = {.C = C,
                 .H = size,
                 .W = size,
                 .O = O,
                 .P = out,
                 .Q = out,
                 .R = k,
                 .S = k,
                 .sh = stride,
                 .sw = stride,
                 .ph = pad,
                 .pw = pad,
                 .dh = 1,
                 .dw = 1,
                 .groups = 1};
    double flops = 2.0 * images * O * C * k * k * out * out, seconds[ENGINES];
    char name[40];
    snprintf(name, sizeof name, "%d->%d k%d%s %dx%d", C, O, k, stride == 2 ? " s2" : "", size,
             size);
    if (!strstr(name, words))
        return 0;
    measure(&v, images, pass, seconds);
    printf("%-22s %-8s", name, passes[pass]);
    print_speed(flops, seconds[0]);
    print_speed(flops, seconds[1]);
    double ratio = seconds[0] > 0 ? seconds[1] / seconds[0] : 0;
    printf(ratio > 0 ? " %9.2f\n" : "         -\n", ratio);
    fflush(stdout);
    return ratio;
}

int main(int argc, char **argv)
{
    if (!getenv("OMP_NUM_THREADS")) { /* OpenMP read it before main: start again */
        setenv("OMP_NUM_THREADS", "1", 1);
        execv("/proc/self/exe", argv);
    }
    int count = 0;
    double logs = 0, least = INFINITY;
    for (int i = 0; i < (int)(sizeof shapes / sizeof *shapes); i++)
        for (conv_pass pass = 0; pass < PASS_COUNT; pass++) {
            double ratio = compare(i, pass, argc > 1 ? argv[1] : "");
            if (ratio > 0) {
                logs += log(ratio);
                least = ratio < least ? ratio : least;
                count++;
            }
        }
    if (count)
        printf("mean %.2f least %.2f of %d ratios, oneDNN %d.%d.%d\n", exp(logs / count), least,
               count, ONEDNN_VERSION);
    return 0;
}
