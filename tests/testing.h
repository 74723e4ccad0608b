/*
 * testing.h - shared by the test programs: cmocka's includes, small nets and batches, and an
 * allocator that counts and fails.
 */
#ifndef TESTING_H
#define TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fovea.h"

/* ---- memory ------------------------------------------------------------------------------- */

typedef struct counting {
    long calls;   /* allocations requested so far */
    long fail_at; /* number of the allocation that fails, from 1; 0: none */
    long live;    /* blocks not freed */
    size_t bytes; /* requested in total */
} counting;

static inline void *counting_allocate(void *user, void *ptr, size_t size)
{
    counting *c = user;
    if (size == 0) {
        c->live -= ptr != NULL;
        free(ptr);
        return NULL;
    }
    if (++c->calls == c->fail_at)
        return NULL;
    c->live += ptr == NULL;
    c->bytes += size;
    return realloc(ptr, size);
}

/* ---- nets and batches --------------------------------------------------------------------- */

static inline float *random_floats(size_t n, uint32_t seed)
{
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / (1 << 23) - 1.0f;
    }
    return x;
}

/* Returns a net of several types of layers for [N,2,9,8] and 5 classes. */
static inline fv_net *small_net(fv_ctx *ctx)
{
    fv_node x = fv_input(ctx, 2, 9, 8, .requires_grad = true);
    x = fv_scope_begin(x, "body");
    x = fv_conv2d(x, 6, FV_HW(3, 2), .padding = FV_HW(1, 0), .stride = FV_HW(2, 1), .name = "a");
    x = fv_relu(x);                                     /* [N,6,5,7] */
    x = fv_max_pool2d(x, 2, .stride = 1, .padding = 1); /* [N,6,6,8] */
    x = fv_conv2d(x, 4, 3, .groups = 2, .no_bias = true);
    x = fv_scope_end(fv_relu(x));                      /* [N,4,4,6] */
    x = fv_conv2d(x, 7, FV_HW(4, 6), .name = "whole"); /* [N,7,1,1] */
    x = fv_linear(fv_flatten(x), 5, .name = "last");
    return fv_net_new(fv_log_softmax(x));
}

enum { SMALL_PIXELS = 2 * 9 * 8 };

/* Returns n float images with labels; the caller frees *pixels with free. */
static inline fv_batch small_batch(int n, float **pixels, int64_t *labels)
{
    *pixels = random_floats((size_t)n * SMALL_PIXELS, (uint32_t)n);
    for (int i = 0; i < n; i++)
        labels[i] = (i * 7 + 3) % 5;
    return (fv_batch){.n = n,
                      .channels = 2,
                      .height = 9,
                      .width = 8,
                      .type = FV_F32,
                      .pixels = *pixels,
                      .labels = labels};
}

/* Runs a training step without the optimizer. Returns the loss. */
static inline float run_step(fv_net *net, const fv_batch *b)
{
    fv_zero_grad(net);
    fv_forward(net, b);
    float loss = fv_nll_loss(net, b);
    fv_backward(net);
    return loss;
}

#define assert_fine(ctx)                                                                           \
    do {                                                                                           \
        if (fv_error(ctx))                                                                         \
            fail_msg("%s [%s]", fv_error_text(ctx), fv_status_name(fv_error(ctx)));                \
    } while (0)

/* Checks the context's error and its exact text, then clears it. */
#define assert_error(ctx, code, text)                                                              \
    do {                                                                                           \
        assert_string_equal(fv_error_text(ctx), text);                                             \
        assert_int_equal(fv_error(ctx), code);                                                     \
        fv_error_clear(ctx);                                                                       \
    } while (0)

#endif
