/*
 * device.c - `fovea device`: what this machine and this build compute with.
 *
 * Layer 6. Calls fovea.h, cJSON and libc.
 */
#include <cjson/cJSON.h>

#include "common/cli.h"

static int print_json(const fv_device *d)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "kernels", d->kernels);
    cJSON_AddStringToObject(root, "why", d->why);
    cJSON_AddStringToObject(root, "available", d->available);
    cJSON_AddNumberToObject(root, "threads", d->threads);
    cJSON_AddNumberToObject(root, "processors", d->processors);
    return json_line(root);
}

static int run_device(const settings *s)
{
    fv_ctx *ctx = open_context(s);
    int code = EXIT_DONE;
    fv_device d = fv_device_describe(ctx);
    if (fv_error(ctx))
        code = fail_context(ctx, "fovea device");
    else if (s->json)
        code = print_json(&d);
    else
        printf("kernels     %s, %s\navailable   %s\nthreads     %d\nprocessors  %d\n", d.kernels,
               d.why, d.available, d.threads, d.processors);
    fv_close(ctx);
    return code;
}

const command device_command = {
    .name = "device",
    .summary = "Show what this machine computes with",
    .usage = "",
    .examples = {{"fovea device", "kernels and threads in use"},
                 {"fovea device --kernels ref", "whether a set can be used here"}},
    .options = TAKES(OPT_THREADS) | TAKES(OPT_KERNELS) | TAKES(OPT_JSON),
    .run = run_device,
};
