/*
 * shape.c - what the shape rules of all layers share, and the layers that are nothing but another
 * shape: flatten, reshape, squeeze, unsqueeze.
 *
 * Layer 2. Calls the base and the kernels.
 */
#include "ops/op.h"

#include <stdio.h>
#include <string.h>

const fv_arg fv_no_fields[] = {{0}};

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
    return fv_fail(ctx, FV_E_ARG,
                   "layer \"%s\": %s is %d x %d, but must be %d to %d each way\n"
                   "help: give one int, or FV_HW(rows, columns)",
                   def->name, what, value.h, value.w, low, 0x7fff);
}

fv_status fv_check_features(fv_ctx *ctx, const fv_def *def, const char *name, int channels)
{
    fv_shape in = def->in;
    if (channels == 0 || channels == in.c)
        return FV_OK;
    return fv_fail(ctx, FV_E_SHAPE,
                   "layer \"%s\": expects %d channels but \"%s\" gives %d ([N,%d,%d,%d])\n"
                   "help: set %s to %d, or leave it out",
                   def->name, channels, def->producer, in.c, in.c, in.h, in.w, name, in.c);
}

int fv_check_dim(fv_ctx *ctx, const fv_def *def, int dim)
{
    if (dim >= 1 && dim <= 3)
        return dim;
    fv_fail(ctx, FV_E_ARG,
            "layer \"%s\": dim is %d, but must be 1 to 3 of [N,C,H,W]\n"
            "help: 1 for the channels, 2 for the rows, 3 for the columns",
            def->name, dim);
    return 0;
}

void fv_set_param(fv_def *def, int i, const char *name, fv_start start, int ndim,
                  const int64_t *dims)
{
    fv_param_def *p = def->params + i;
    *p = (fv_param_def){.name = name, .ndim = ndim, .count = 1, .start = start};
    for (int d = 0; d < ndim; d++) {
        p->dims[d] = dims[d];
        p->count *= (size_t)dims[d];
    }
}

void fv_set_weight_and_bias(fv_def *def, int ndim, const int64_t *dims, bool no_bias, int biases)
{
    fv_set_param(def, FV_WEIGHT, "weight", FV_START_KAIMING, ndim, dims);
    if (!no_bias)
        fv_set_param(def, FV_BIAS, "bias", FV_START_FAN_IN, 1, &(int64_t){biases});
}

fv_status fv_check_size(fv_ctx *ctx, const fv_def *def)
{
    const double most = 1 << 28;
    double out = (double)def->out.c * def->out.h * def->out.w;
    double weights = 1;
    for (int i = 0; i < def->params[FV_WEIGHT].ndim; i++)
        weights *= (double)def->params[FV_WEIGHT].dims[i];
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

void fv_describe_pair(char text[32], const char *name, int h, int w, int default_value)
{
    size_t used = strlen(text);
    if (h == default_value && w == default_value)
        return;
    if (h == w)
        snprintf(text + used, 32 - used, " %s%d", name, h);
    else
        snprintf(text + used, 32 - used, " %s%dx%d", name, h, w);
}

const fv_op fv_op_input = {0};

/* ---- another shape ------------------------------------------------------------------------ */

/* Numbers keep their order, that of [C,H,W]. Batch last, they stay where they are; channels last,
   [H][W][C] is transposed to it, and back in the other shape. */
static void reshape(const fv_call *r, fv_shape from, fv_shape to, const float *x, float *y)
{
    size_t image = fv_shape_count(from), in = (size_t)from.h * from.w, out = (size_t)to.h * to.w;
    for (int i = 0; i < r->slices; i++, x += image, y += image) {
        float *plain = fv_is_plain(to) ? y : r->scratch;
        if (fv_is_plain(from)) {
            r->k->transpose(to.c, out, x, y);
            continue;
        }
        r->k->transpose(in, from.c, x, plain);
        if (plain != y)
            r->k->transpose(to.c, out, plain, y);
    }
}

static fv_need reshape_need(const fv_def *def, fv_layout layout, int images)
{
    (void)images;
    return (fv_need){.scratch = layout == FV_BATCH_LAST ? 0 : fv_shape_count(def->in)};
}

static void reshape_forward(const fv_call *r)
{
    reshape(r, r->def->in, r->def->out, r->x, r->y);
}

static void reshape_backward(const fv_call *r)
{
    if (r->dx)
        reshape(r, r->def->out, r->def->in, r->dy, r->dx);
}

static const fv_op reshaped = {
    .flags = FV_VIEW_BATCH,
    .need = reshape_need,
    .forward = reshape_forward,
    .backward = reshape_backward,
};

static fv_status flatten_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    (void)args;
    def->op = &reshaped;
    def->out = (fv_shape){(int)fv_shape_count(def->in), 1, 1};
    return fv_error(ctx);
}

/* What a size of -1 stands for; 0 if there is no such number. */
static int size_left(const fv_shape_args *a, size_t count)
{
    double known = 1;
    const int sizes[] = {a->c, a->h, a->w};
    for (int i = 0; i < 3; i++)
        known *= sizes[i] == -1 || sizes[i] == 0 ? 1 : sizes[i];
    double left = known < 1 ? 0 : (double)count / known;
    return left == (int)left ? (int)left : 0;
}

static fv_status reshape_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_shape_args *a = args;
    const int sizes[] = {a->c, a->h, a->w};
    size_t count = fv_shape_count(def->in);
    int left = size_left(a, count), unknown = 0;
    double product = 1;
    def->op = &reshaped;
    for (int i = 0; i < 3; i++) {
        int size = sizes[i] == -1 ? left : sizes[i] == 0 ? 1 : sizes[i];
        unknown += sizes[i] == -1;
        product *= size > 0 ? size : 0;
        *fv_side(&def->out, i + 1) = size;
    }
    if (product == (double)count && unknown <= 1)
        return FV_OK;
    return fv_fail(ctx, FV_E_SHAPE,
                   "layer \"%s\": [N,%d,%d,%d] (from \"%s\") has %zu numbers an image and cannot "
                   "become [N,%d,%d,%d]\n"
                   "help: sizes whose product is %zu; one of them may be -1",
                   def->name, def->in.c, def->in.h, def->in.w, def->producer, count,
                   a->c ? a->c : 1, a->h ? a->h : 1, a->w ? a->w : 1, count);
}

/* Takes dimension dim out, or puts one of size 1 in; those behind it move. */
static fv_status squeeze_shape(fv_ctx *ctx, fv_def *def, const void *args)
{
    const fv_dim_args *a = args;
    int dim = fv_check_dim(ctx, def, a->dim);
    bool in = def->kind == &fv_layer_type_unsqueeze;
    def->op = &reshaped;
    if (!dim)
        return fv_error(ctx);
    if (*fv_side(&def->in, in ? 3 : dim) != 1)
        return fv_fail(ctx, FV_E_SHAPE,
                       in ? "layer \"%s\": [N,%d,%d,%d] (from \"%s\") has no room for one more "
                            "dimension; dimension %d must be of size 1"
                          : "layer \"%s\": of [N,%d,%d,%d] (from \"%s\") dimension %d is not of "
                            "size 1",
                       def->name, def->in.c, def->in.h, def->in.w, def->producer, in ? 3 : dim);
    for (int i = 1, from = 1; i <= 3; i++) {
        from += !in && from == dim;
        bool new = in ? i == dim : from > 3;
        *fv_side(&def->out, i) = new ? 1 : *fv_side(&def->in, from++);
    }
    return FV_OK;
}

static const fv_arg reshape_fields[] = {
    FV_ARG(fv_shape_args, c, FV_ARG_INT),
    FV_ARG(fv_shape_args, h, FV_ARG_INT),
    FV_ARG(fv_shape_args, w, FV_ARG_INT),
    {0},
};

static const fv_arg squeeze_fields[] = {
    FV_ARG(fv_dim_args, dim, FV_ARG_INT, .initial = {1, {1}}),
    {0},
};

FV_LAYER_TYPE(flatten, fv_unary_args, "torch.nn.Flatten", .inputs = 1, .fields = fv_no_fields,
              .shape = flatten_shape);
FV_LAYER_TYPE(reshape, fv_shape_args, "torch.reshape", .alias = "view", .inputs = 1, .places = 3,
              .fields = reshape_fields, .shape = reshape_shape);
FV_LAYER_TYPE(squeeze, fv_dim_args, "torch.squeeze", .inputs = 1, .places = 1,
              .fields = squeeze_fields, .shape = squeeze_shape);
FV_LAYER_TYPE(unsqueeze, fv_dim_args, "torch.unsqueeze", .inputs = 1, .places = 1,
              .fields = squeeze_fields, .shape = squeeze_shape);
