/*
 * shape.c - what the shape rules of all layers share, and the layers that are nothing but shape.
 *
 * Layer 2. Calls the base.
 */
#include "ops/op.h"

#include <stdio.h>
#include <string.h>

fv_hw fv_hw_of(int value, int fallback)
{
    if (value == 0)
        value = fallback;
    if (value > 0 && (value & 0x40000000))
        return (fv_hw){value >> 15 & 0x7fff, value & 0x7fff};
    return (fv_hw){value, value};
}

fv_status fv_check_hw(fv_ctx *ctx, const fv_def *def, const char *what, fv_hw value, int low)
{
    if (value.h >= low && value.w >= low && value.h <= 0x7fff && value.w <= 0x7fff)
        return FV_OK;
    return fv_fail(ctx, FV_E_ARG, "layer \"%s\": %s is %d x %d, but must be %d to %d each way\n"
                   "help: give one int, or FV_HW(rows, columns)",
                   def->name, what, value.h, value.w, low, 0x7fff);
}

fv_status fv_check_size(fv_ctx *ctx, const fv_def *def)
{
    const double most = 1 << 28;
    double out = (double)def->out.c * def->out.h * def->out.w;
    double weights = 1;
    for (int i = 0; i < def->weight_ndim; i++)
        weights *= (double)def->weight_dims[i];
    if (out <= most && weights <= most)
        return FV_OK;
    return fv_fail(ctx, FV_E_SHAPE,
                   "layer \"%s\": its output [N,%d,%d,%d] or its weight of %.0f numbers is larger "
                   "than %.0f numbers",
                   def->name, def->out.c, def->out.h, def->out.w, weights, most);
}

int fv_clamp_size(int64_t size)
{
    const int most = 1 << 28;
    return size < 0 ? 0 : size > most ? most + 1 : (int)size;
}

void fv_describe_word(char text[32], const char *word)
{
    size_t used = strlen(text);
    snprintf(text + used, 32 - used, " %s", word);
}

void fv_describe_pair(char text[32], const char *name, int h, int w, int usual)
{
    size_t used = strlen(text);
    if (h == usual && w == usual)
        return;
    if (h == w)
        snprintf(text + used, 32 - used, " %s%d", name, h);
    else
        snprintf(text + used, 32 - used, " %s%dx%d", name, h, w);
}

const fv_op fv_op_input = {.kind = "input"};

/* Batch last, [C][H][W][L] and [C*H*W][L] are the same numbers in the same order; channels last,
   features are in PyTorch's order, channel by channel, and [H][W][C] has to be turned. */
static void flatten_forward(const fv_run *r)
{
    size_t area = (size_t)r->def->in.h * r->def->in.w, image = fv_shape_count(r->def->in);
    for (int i = 0; i < r->turns; i++)
        r->k->turn(area, r->def->in.c, r->x + i * image, r->y + i * image);
}

static void flatten_backward(const fv_run *r)
{
    size_t area = (size_t)r->def->in.h * r->def->in.w, image = fv_shape_count(r->def->in);
    for (int i = 0; r->dx && i < r->turns; i++)
        r->k->turn(r->def->in.c, area, r->dy + i * image, r->dx + i * image);
}

const fv_op fv_op_flatten = {
    .kind = "flatten",
    .flags = FV_VIEW_BATCH,
    .forward = flatten_forward,
    .backward = flatten_backward,
};

static fv_status flatten_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    (void)args;
    def->op = &fv_op_flatten;
    def->out = (fv_shape){(int)fv_shape_count(def->in), 1, 1};
    return fv_error(ctx);
}

const fv_kind fv_kind_flatten = {
    .name = "flatten",
    .torch = "torch.nn.Flatten",
    .size = sizeof(fv_unary_args),
    .name_offset = offsetof(fv_unary_args, name),
    .inputs = 1,
    .places = 0,
    .fields = fv_no_fields,
    .shape = flatten_shape,
};
