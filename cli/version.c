/*
 * version.c - `fovea version`.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include "common/cli.h"

static int run_version(const settings *s)
{
    (void)s;
    printf("fovea %s\n", fv_version());
    return EXIT_DONE;
}

const command version_command = {
    .name = "version",
    .summary = "Print the version",
    .usage = "",
    .examples = {{"fovea version", "the library's and the command's"}},
    .run = run_version,
};
