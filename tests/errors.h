/*
 * errors.h - shared by the tests of error messages: a context per test, and inputs.
 */
#ifndef ERRORS_H
#define ERRORS_H

#include "testing.h"

static fv_ctx *ctx;

static int open_context(void **state)
{
    (void)state;
    ctx = fv_open(&(fv_options){.threads = 2});
    return ctx == NULL;
}

static int close_context(void **state)
{
    (void)state;
    fv_close(ctx);
    return 0;
}

static inline fv_node image(int channels, int height, int width)
{
    return fv_input(ctx, channels, height, width);
}

#endif
