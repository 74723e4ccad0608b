/*
 * device.c - `fovea device`: what this machine and this build compute with.
 *
 * Layer 6. Calls fovea.h, cJSON and libc.
 */
#include <cjson/cJSON.h>

#include "common/cli.h"

static int run_device(const settings *s)
{
    fv_ctx *ctx = open_context(s);
    int code = EXIT_DONE;
    fv_device d = fv_device_describe(ctx);
    if (fv_error(ctx))
        code = fail_context(ctx, "fovea device");
    else if (s->json)
        code = json_line(json_add(cJSON_CreateObject(),
                                  "kernels %s why %s available %s threads %d processors %d",
                                  d.kernels, d.why, d.available, d.threads, d.processors));
    else
        printf("kernels     %s, %s\navailable   %s\nthreads     %d\nprocessors  %d\n", d.kernels,
               d.why, d.available, d.threads, d.processors);
    fv_close(ctx);
    return code;
}

const command device_command = {
    .name = "device",
    .summary = "Show the kernels and threads of this machine",
    .usage = "",
    .examples = {{"fovea device", "kernels and threads in use"},
                 {"fovea device --kernels ref", "whether a set can be used here"}},
    .options = TAKES(OPT_THREADS) | TAKES(OPT_KERNELS) | TAKES(OPT_JSON),
    .run = run_device,
};
