/*
 * settle.c - sets the errors of arguments in a context. Layer 1. Calls the arguments.
 */
#include "base/base.h"

fv_status fv_fail_args(fv_ctx *ctx, const char *where, const fv_arg_error *error)
{
    return fv_fail(ctx, error->code, "%s: %s", where, error->text);
}

fv_status fv_settle(fv_ctx *ctx, const char *where, const fv_arg *args, void *to)
{
    fv_arg_error error;
    return fv_args_settle(args, to, &error) ? FV_OK : fv_fail_args(ctx, where, &error);
}

fv_status fv_check_range(fv_ctx *ctx, const char *where, const char *name, fv_range range,
                         double value)
{
    fv_arg_error error;
    return fv_arg_check(name, range, value, &error) ? FV_OK : fv_fail_args(ctx, where, &error);
}

char *fv_text_new(fv_ctx *ctx, void (*put)(fv_text *to, const void *of), const void *of)
{
    fv_text to = {NULL, 0};
    put(&to, of);
    to.at = fv_alloc(ctx, ++to.left, 1);
    char *text = to.at;
    if (text)
        put(&to, of);
    return text;
}
