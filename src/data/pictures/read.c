/*
 * read.c - fv_picture_read: one picture file as an array. Layer 3, data. Calls the base.
 */
#include "data/pictures/decode.h"

fv_status fv_wish_check(fv_ctx *ctx, const char *function, int channels, int at_least,
                        fv_wish *wish)
{
    int height = at_least, width = at_least;
    if (at_least >= FV_HW(0, 0)) {
        height = at_least >> 15 & 0x7fff;
        width = at_least & 0x7fff;
    }
    *wish = (fv_wish){channels, height, width};
    if (channels != 0 && channels != 1 && channels != 3)
        return fv_fail(ctx, FV_E_ARG, "%s: channels is %d, but must be 1 (gray) or 3 (RGB)",
                       function, channels);
    if (at_least < 0)
        return fv_fail(ctx, FV_E_ARG, "%s: at_least is %d, but must be 0 or more", function,
                       at_least);
    return FV_OK;
}

fv_array *fv_picture_read_opt(fv_picture_args args)
{
    fv_wish wish;
    fv_ctx *ctx = args.ctx;
    if (fv_stopped(ctx, __func__) ||
        fv_wish_check(ctx, "fv_picture_read", args.channels, args.at_least, &wish))
        return NULL;
    if (!args.path) {
        fv_fail(ctx, FV_E_ARG, "fv_picture_read: path is NULL");
        return NULL;
    }
    fv_work work = {.ctx = ctx};
    fv_picture picture;
    bool ok = args.bytes
                  ? fv_picture_decode(&work, args.bytes, args.size, args.path, wish, &picture)
                  : fv_picture_load(&work, args.path, wish, &picture);
    return fv_picture_array(&work, ok, &picture);
}
