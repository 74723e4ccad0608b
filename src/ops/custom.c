/*
 * custom.c - a layer written by the user: two functions over one image [C,H,W].
 *
 * Blocks are converted to images and back, so the functions do not depend on layouts. This type
 * has no text form. Layer 2. Calls the base and the kernels.
 */
#include "ops/op.h"

/* Converts images between a block's layout and [N,C,H,W]. */
static void to_images(const fv_call *r, fv_shape s, const float *block, float *images)
{
    size_t count = fv_shape_count(s), area = (size_t)s.h * s.w;
    if (r->layout == FV_BATCH_LAST)
        r->k->store_rows(count, r->images, block, FV_LANES, images);
    for (int i = 0; r->layout == FV_CHANNELS_LAST && i < r->images; i++)
        r->k->transpose(area, s.c, block + i * count, images + i * count);
}

static void from_images(const fv_call *r, fv_shape s, const float *images, float *block)
{
    size_t count = fv_shape_count(s), area = (size_t)s.h * s.w;
    const float *lanes[FV_LANES] = {0};
    for (int i = 0; i < r->images; i++)
        lanes[i] = images + i * count;
    if (r->layout == FV_BATCH_LAST)
        r->k->load_f32(count, lanes, 0.0f, 1.0f, block);
    for (int i = 0; r->layout == FV_CHANNELS_LAST && i < r->images; i++)
        r->k->transpose(s.c, area, lanes[i], block + i * count);
}

/* Images of x, y, dy and dx. */
static fv_need custom_need(const fv_def *def, fv_layout layout, int images)
{
    (void)layout;
    size_t in = fv_shape_count(def->in), out = fv_shape_count(def->out);
    return (fv_need){.scratch = 2 * images * (in + out)};
}

static void custom_forward(const fv_call *r)
{
    const fv_custom_args *a = r->def->args;
    size_t in = fv_shape_count(r->def->in), out = fv_shape_count(r->def->out);
    float *x = r->scratch, *y = x + in * r->images;
    to_images(r, r->def->in, r->x, x);
    for (int i = 0; i < r->images; i++)
        a->forward(a->user, x + i * in, y + i * out);
    from_images(r, r->def->out, y, r->y);
}

static void custom_backward(const fv_call *r)
{
    const fv_custom_args *a = r->def->args;
    size_t in = fv_shape_count(r->def->in), out = fv_shape_count(r->def->out), n = r->images;
    float *x = r->scratch, *y = x + in * n, *dy = y + out * n, *dx = dy + out * n;
    if (!r->dx)
        return;
    to_images(r, r->def->in, r->x, x);
    to_images(r, r->def->out, r->y, y);
    to_images(r, r->def->out, r->dy, dy);
    for (size_t i = 0; i < n; i++)
        a->backward(a->user, x + i * in, y + i * out, dy + i * out, dx + i * in);
    from_images(r, r->def->in, dx, r->dx);
}

static const fv_op custom = {
    .flags = FV_KEEPS_X | FV_KEEPS_Y,
    .need = custom_need,
    .forward = custom_forward,
    .backward = custom_backward,
};

static fv_status custom_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_custom_args *a = args;
    if (!a->forward || !a->backward)
        return fv_fail(ctx, FV_E_ARG, "layer \"%s\": it must have .forward and .backward",
                       def->name);
    def->out = def->in;
    if (a->channels || a->height || a->width)
        def->out = (fv_shape){a->channels, a->height, a->width};
    if (def->out.c < 1 || def->out.h < 1 || def->out.w < 1)
        return fv_fail(ctx, FV_E_SHAPE,
                       "layer \"%s\": [N,%d,%d,%d] is no shape of an image; each must be 1 or "
                       "more\n"
                       "help: give .channels, .height and .width, or none for that of x",
                       def->name, def->out.c, def->out.h, def->out.w);
    def->op = &custom;
    return fv_check_size(ctx, def);
}

const fv_layer_type fv_layer_type_custom = {
    .name = "custom",
    .torch = "torch.autograd.Function",
    .size = sizeof(fv_custom_args),
    .name_offset = offsetof(fv_custom_args, name),
    .inputs = 1,
    .shape = custom_shape,
};
