/*
 * op.h - the interface of operations: shape rule, memory needs, forward and backward.
 *
 * Layer 2. Calls the base and the kernels. An op processes one block of images in one of two
 * layouts (see kernels.h) and knows nothing of nets, plans or threads: the net passes it
 * pointers. Gradients of parameters, which sum over the whole batch, are computed in a second
 * pass, `reduce`.
 */
#ifndef FV_OP_H
#define FV_OP_H

#include "base/base.h"
#include "kernels/kernels.h"
#include "ops/layer_types.h"
#include "ops/conv/form.h"

/* A normalization over channels of a batch, groups or all of an image; relu: fused with the next
   layer. */
typedef struct fv_norm {
    float eps;
    double momentum; /* of the running statistics; below 0: cumulative average */
    bool track;      /* keeps running means and variances */
    bool per_image;  /* statistics are of an image, not of the batch */
    bool relu;
    int groups;
    int dims; /* layer_norm: number of trailing dimensions; else 0 */
} fv_norm;

/* How rows or columns of a picture are resampled: each output is a weighted sum of adjacent
   inputs. Used by average pooling, resizing and padding. */
typedef struct fv_axis fv_axis;
struct fv_axis {
    int in, out;
    fv_span (*span)(const fv_axis *axis,
                    int i);   /* the inputs of output i; NULL: not such a layer */
    int taps, stride, before; /* of pooling windows; padding uses only `before` */
    int divisor;              /* of sums; 0: the count of inputs */
    bool inside;              /* count only inputs outside the padding */
    double scale, shift;      /* output i reads at scale * (i + shift) - shift */
};

typedef struct fv_shape {
    int c, h, w; /* of one image, as in [N,C,H,W] */
} fv_shape;

static inline size_t fv_shape_count(fv_shape s)
{
    return (size_t)s.c * s.h * s.w;
}

typedef struct fv_op fv_op;
typedef struct fv_layer_type fv_layer_type;

enum { FV_INPUTS_MAX = 8 }; /* of a layer */

/* Initial values of a parameter. */
typedef enum fv_start {
    FV_START_0,
    FV_START_1,
    FV_START_KAIMING, /* kaiming_uniform_(a=sqrt(5)), as PyTorch starts weights */
    FV_START_FAN_IN   /* uniform in +-1/sqrt(fan_in), as it starts their biases */
} fv_start;

/* A parameter of a layer; count 0: it has none of that number. */
typedef struct fv_param_def {
    const char *name; /* "weight" */
    int ndim;
    int64_t dims[4];
    size_t count, offset; /* offset: in the net's array of parameters */
    fv_start start;
} fv_param_def;

enum { FV_PARAMS_MAX = 4, FV_WEIGHT = 0, FV_BIAS = 1 };

/* A layer: what it is, its sizes, its parameters. */
typedef struct fv_def {
    const fv_op *op;
    char *name;           /* "convnet.C1" */
    const char *producer; /* name of the layer that computes its first input */
    int inputs[FV_INPUTS_MAX],
        n_inputs; /* the layers that compute its inputs; 0: an input of the net */
    fv_shape in, ins[FV_INPUTS_MAX]; /* of the first input; of all inputs */
    fv_shape out;
    const fv_layer_type *kind;     /* NULL: an input of the net */
    void *args;                    /* a copy of its argument struct, in which pointers are stale */
    fv_shape stored;               /* shape that forward writes: out, except for fused layers */
    int shares_weights_of;         /* the layer whose parameters it uses, -1: its own */
    int consumers;                 /* layers and outputs that read its output */
    bool wants_gradient;           /* backward computes its gradient */
    unsigned accumulates;          /* bit k: the gradient of input k is added to the existing one */
    fv_conv conv;                  /* conv2d; for conv_transpose2d, with input and output swapped */
    fv_conv_form form[FV_LAYOUTS]; /* how conv2d and conv_transpose2d are computed */
    fv_pool2d pool;                /* poolings, and a conv2d fused with a pooling */
    fv_norm norm;
    fv_axis rows, cols; /* average pooling, upsample, pad2d, a conv2d whose padding is not zeros */
    int padding_mode;   /* fv_padding_mode */
    double number;      /* dropout: p; pad2d: value; an activation's first parameter */
    double number2;     /* an activation's second parameter */
    fv_act act;
    struct {
        int dim, start, step; /* softmax, concat, slice */
        int order[3];         /* permute: for each output dimension, the input dimension, 1 to 3 */
    } along;
    bool whole; /* dropout: drops whole channels */
    struct {
        float mean[FV_CHANNELS_MAX], std[FV_CHANNELS_MAX];
        bool normalize, requires_grad;
        size_t table; /* offset in the net's tables */
    } image;          /* input */
    fv_param_def params[FV_PARAMS_MAX];
    size_t buffers, buffer_offset; /* floats of state that is no parameter, in net->buffers */
    int64_t macs;                  /* multiply-adds of forward, an image */
} fv_def;

static inline size_t fv_weights(const fv_def *def)
{
    return def->params[FV_WEIGHT].count;
}

static inline size_t fv_biases(const fv_def *def)
{
    return def->params[FV_BIAS].count;
}

/* What an op needs beside its input and output, in floats, for blocks of so many images. */
typedef struct fv_need {
    size_t saved;   /* per block: written by forward in train mode, read by backward and reduce */
    size_t scratch; /* per thread, during one call */
    size_t sums;    /* per thread: a chunk's gradients before they become its partial sums */
    size_t partial; /* a chunk's sums, read by reduce or stats_finish */
    size_t packed;  /* packed weights, once for forward and once for backward */
    size_t shared;  /* written by stats_finish for all blocks */
} fv_need;

/* The call of an op on one block. Batch last, one slice holds all images; channels last, each image
   is a slice. In backward dx is NULL if that gradient is not needed. */
typedef struct fv_call {
    const fv_kernels *k;
    const fv_def *def;
    fv_layout layout;
    int slices;       /* batch last 1, channels last one for each image of the block */
    int images;       /* of the block */
    int block_images; /* images that a block of the plan may have */
    int first_image;  /* number of the block's first image in the batch */
    uint64_t key;     /* of random choices: another for each layer and step */
    const float *packed, *params[FV_PARAMS_MAX]; /* NULL where there is none */
    const float *w, *b;                          /* = params[FV_WEIGHT], params[FV_BIAS] */
    const float *x;                              /* [in], in the layout; = xs[0] */
    const float *xs[FV_INPUTS_MAX];
    float *y; /* [out] */
    const float *dy;
    float *dx, *dxs[FV_INPUTS_MAX];
    float *saved; /* NULL in eval mode */
    float *scratch;
    float *sums, *partial; /* partial NULL: a convolution skips dw and db */
    float *shared;         /* written by stats_finish */
    bool first, last; /* first, last block of its chunk: partial sums start from 0, are complete */
} fv_call;

/* Statistics over the batch, combined from the partial sums of the chunks between two passes. */
typedef struct fv_batch_stats {
    const fv_def *def;
    fv_layout layout;
    bool train;
    int images, chunks;
    int block_images;     /* images of a full block */
    const float *partial; /* chunk i at i * part_size */
    size_t partial_size;
    float *shared;
    const float *params[FV_PARAMS_MAX]; /* NULL where there is none */
    float *grads[FV_PARAMS_MAX];        /* their gradients */
    float *buffers;                     /* [def->buffers] */
} fv_batch_stats;

/* Returns the number of blocks of a batch. */
static inline int fv_blocks(int batch, int images)
{
    return (batch - 1) / images + 1;
}

/* Returns the floats of one slice with count elements per image. */
static inline size_t fv_slice_floats(fv_layout layout, size_t count)
{
    return layout == FV_BATCH_LAST ? count * FV_LANES : count;
}

/* Returns whether [C,H,W] and [H,W,C] have the same order in memory. */
static inline bool fv_is_plain(fv_shape s)
{
    return s.c == 1 || (s.h == 1 && s.w == 1);
}

/* Returns whether a reshape, which is defined in the order of [C,H,W], leaves a channels last
   tensor as it is. */
static inline bool fv_same_order(fv_shape from, fv_shape to)
{
    return from.c == to.c || (fv_is_plain(from) && fv_is_plain(to));
}

/* The slices of a tensor along dimension 1, 2 or 3: [outer][size][inner]. */
typedef struct fv_along {
    size_t outer, inner;
    int size;
} fv_along;

static inline fv_along fv_along_of(fv_layout layout, fv_shape s, int dim, int slices)
{
    size_t C = s.c, H = s.h, W = s.w, end = layout == FV_BATCH_LAST ? FV_LANES : C;
    size_t start = layout == FV_BATCH_LAST ? C : (size_t)slices;
    if (dim == 2)
        return (fv_along){start, W * end, s.h};
    if (dim == 3)
        return (fv_along){start * H, end, s.w};
    return layout == FV_BATCH_LAST ? (fv_along){1, H * W * FV_LANES, s.c}
                                   : (fv_along){slices * H * W, 1, s.c};
}

static inline int *fv_side(fv_shape *s, int dim)
{
    return dim == 1 ? &s->c : dim == 2 ? &s->h : &s->w;
}

/* The planes of c channels as the kernels see them in both layouts: [planes][H][W][width]. */
static inline int fv_planes(fv_layout layout, int c)
{
    return layout == FV_BATCH_LAST ? c : 1;
}

static inline int fv_width(fv_layout layout, int c)
{
    return layout == FV_BATCH_LAST ? FV_LANES : c;
}

/* The second pass of backward: dw, db += the sums over the batch. The work of a layer is split
   into items that may run on different threads. Block i is at i*step from the first. */
typedef struct fv_sums {
    const fv_kernels *k;
    const fv_def *def;
    fv_layout layout;
    int blocks, chunks;
    size_t step;
    const float *dy, *saved;
    const float *partial;        /* chunk i at i * need.part */
    float *grads[FV_PARAMS_MAX]; /* NULL where there is none */
} fv_sums;

enum {
    FV_KEEPS_X = 1,      /* backward reads x */
    FV_KEEPS_Y = 2,      /* backward reads y */
    FV_IN_PLACE = 4,     /* y may overwrite x, and dx dy */
    FV_VIEW = 8,         /* y is x with other dimensions; no forward or backward */
    FV_VIEW_BATCH = 16,  /* a view if the order of elements is unchanged: batch last, and */
                         /* channels last if fv_same_order */
    FV_REDUCES_DY = 32,  /* batch last, reduce reads dy of all blocks */
    FV_VIEW_EVAL = 64,   /* a view in eval mode */
    FV_ALIASES_DY = 128, /* the gradient of every input is dy; no backward */
};

enum { FV_BUFFERS_MAX = 3 };

typedef struct fv_buffer {
    const char *name; /* "running_mean" */
    fv_type type;     /* FV_F32 or FV_I64 */
    int ndim;         /* 0 or 1 */
    int64_t count;
    size_t offset; /* in floats, from the layer's first */
} fv_buffer;

struct fv_op {
    int flags;
    fv_need (*need)(const fv_def *def, fv_layout layout, int images);
    /* Packs w for forward, and for backward unless that is NULL. pack is NULL if there are no
       weights. */
    void (*pack)(const fv_kernels *k, const fv_def *def, fv_layout layout, int images,
                 const float *w, float *scratch, float *forward, float *backward);
    void (*forward)(const fv_call *call);
    void (*backward)(const fv_call *call);
    int (*reduce_items)(const fv_def *def, fv_layout layout); /* NULL: no parameters */
    void (*reduce)(const fv_sums *sums, int item);
    /* An op over the whole batch. stats_accumulate reads each block, stats_finish combines the
       chunks' sums, then forward runs; likewise backward. If needs_stats returns false,
       stats_finish alone runs before the first layer. All NULL for other ops. */
    bool (*needs_stats)(const fv_def *def, bool train);
    void (*stats_accumulate)(const fv_call *call);
    void (*stats_finish)(const fv_batch_stats *stats);
    void (*stats_accumulate_backward)(const fv_call *call);
    void (*stats_finish_backward)(const fv_batch_stats *stats);
    /* Buffers (state that is not a parameter): describes tensor i of at most FV_BUFFERS_MAX (name
       NULL: the end), and the initial values of all. NULL if there are none. */
    fv_buffer (*buffer)(const fv_def *def, int i);
    void (*start)(const fv_def *def, float *buffers);
    /* Writes the column "kernel" of the summary: "5x5 p2". NULL: empty. */
    void (*describe)(const fv_def *def, char text[32]);
};

static inline bool fv_is_view(const fv_def *def, fv_layout layout, bool train)
{
    int flags = def->op->flags;
    return flags & FV_VIEW || (flags & FV_VIEW_EVAL && !train) ||
           (flags & FV_VIEW_BATCH && (layout == FV_BATCH_LAST || fv_same_order(def->in, def->out)));
}

static inline bool fv_needs_stats(const fv_def *def, bool train)
{
    return def->op->needs_stats && def->op->needs_stats(def, train);
}

extern const fv_op fv_op_input;

/* Appends " name HxW" or " name N" to text unless it is the default. */
void fv_describe_pair(char text[32], const char *name, int h, int w, int default_value);

void fv_describe_word(char text[32], const char *word);

/* ---- layer types --------------------------------------------------------------------------- */

/* A layer type, for graph.c, the text form and the docs. Its argument struct begins with the node
   x. In a number 0 means the default until the arguments are settled, which is done before shape
   is called. */
struct fv_layer_type {
    const char *name;     /* "conv2d" */
    const char *alias;    /* "conv", for the text form; or NULL */
    const char *torch;    /* "torch.nn.Conv2d" */
    size_t size;          /* of the argument struct */
    size_t name_offset;   /* of .name in it */
    int inputs;           /* 1, 2, or 0: two or more */
    int places;           /* this many leading arguments need no name in text */
    const fv_arg *fields; /* ends with an argument without a name; NULL: no text form */
    fv_act act;           /* of activations with one kernel */
    /* The shape rule: completes def, in which name, producer, inputs and in are set, or fails with
       a message that names the layer. */
    fv_status (*shape)(fv_ctx *ctx, fv_def *def, const void *args);
};

/* Defines a type. */
/* clang-format off */
#define FV_LAYER_TYPE(its_name, args, its_torch, ...)                                              \
    const fv_layer_type fv_layer_type_##its_name = {                                               \
        .name = #its_name, .torch = its_torch, .size = sizeof(args),                               \
        .name_offset = offsetof(args, name), __VA_ARGS__}
/* clang-format on */

#define FV_DECLARE(name, ...) extern const fv_layer_type fv_layer_type_##name;
FV_LAYER_TYPES(FV_DECLARE, FV_DECLARE)
#undef FV_DECLARE
extern const fv_layer_type fv_layer_type_custom; /* has no text form and is not in fv_layer_types */

/* All types in the order of the header, NULL-terminated. */
extern const fv_layer_type *const fv_layer_types[];

/* The arguments of a layer without any but its name. */
extern const fv_arg fv_no_fields[];

/* Shared by the shape rules. */
typedef struct fv_hw {
    int h, w;
} fv_hw;

/* An int or FV_HW; 0 means fallback. */
fv_hw fv_hw_of(int value, int fallback);

/* Fails unless low <= both sides: `layer "C1": stride is 0; ...`. */
fv_status fv_check_hw(fv_ctx *ctx, const fv_def *def, const char *what, fv_hw value, int low);

/* Fails unless channels, an argument of that name, is 0 or as many as the input has. */
fv_status fv_check_features(fv_ctx *ctx, const fv_def *def, const char *name, int channels);

/* dim, 0 for 1, if it is 1 to 3; else 0 and fails. */
int fv_check_dim(fv_ctx *ctx, const fv_def *def, int dim);

/* Gives the layer parameter number i of those dimensions. */
void fv_set_param(fv_def *def, int i, const char *name, fv_start start, int ndim,
                  const int64_t *dims);
/* The same for a weight [dims] and, unless no_bias, a bias [biases], which start as PyTorch's of
   convolutions and linear layers do. */
void fv_set_weight_and_bias(fv_def *def, int ndim, const int64_t *dims, bool no_bias, int biases);

/* Refuses outputs and weights past 2^28 numbers, for which int would not do. */
fv_status fv_check_size(fv_ctx *ctx, const fv_def *def);

/* Converts the size of an output to int; fv_check_size refuses a size that was too large. */
int fv_clamp_size(int64_t size);

/* Returns whether the layer is that op without fusion. */
bool fv_is_conv2d(const fv_def *def);
bool fv_is_relu(const fv_def *def);
bool fv_is_max_pool2d(const fv_def *def);

/* Layer fusion: runs a conv2d with the relu and max_pool2d after it as one pass, if the pooling's
   windows do not overlap; the two become views of its output. Likewise a batch_norm2d with the relu
   after it. The intermediate outputs must have no other consumer. */
void fv_fuse_layers(fv_def *defs, int count);
void fv_fuse_conv_pool(fv_def *conv, fv_def *relu, fv_def *pool);
void fv_fuse_batch_norm(fv_def *norm, fv_def *relu);
extern const fv_op fv_op_relu_done; /* a relu that is fused into the previous layer */

/* Running means and variances of channels as state of a layer, with num_batches_tracked. */
size_t fv_running_floats(const fv_def *def);
fv_buffer fv_running_buffer(const fv_def *def, int i);
void fv_running_start(const fv_def *def, float *buffers);

void fv_pool_describe(const fv_def *def, char text[32]);
/* Computes and checks the output shape of a pooling; sets def->pool and def->out. */
fv_status fv_pool_shape(fv_ctx *ctx, fv_def *def, fv_hw kernel, fv_hw stride, fv_hw padding,
                        fv_hw dilation, bool ceil_mode);
extern const fv_arg fv_max_pool2d_fields[];

/* One slice of a layer with def->rows and def->cols; work holds fv_resample_work floats. */
size_t fv_resample_work(const fv_def *def);
void fv_resample_forward(const fv_call *call, const float *x, float *y, float *work);
void fv_resample_backward(const fv_call *call, const float *dy, float *dx, float *work);

/* A layer that is nothing else. */
fv_need fv_resample_need(const fv_def *def, fv_layout layout, int images);
void fv_resample_run_forward(const fv_call *call);
void fv_resample_run_backward(const fv_call *call);
#define FV_RESAMPLE_OP(its_describe)                                                               \
    {                                                                                              \
        .need = fv_resample_need, .forward = fv_resample_run_forward,                              \
        .backward = fv_resample_run_backward, .describe = its_describe,                            \
    }

/* Sets the axes of adaptive pooling and the output shape. */
fv_status fv_adaptive_shape(fv_ctx *ctx, fv_def *def, int output_size);
extern const fv_arg fv_adaptive_fields[];
void fv_adaptive_describe(const fv_def *def, char text[32]);

/* Sets the axes for padding of that many rows and columns in that mode. */
fv_status fv_pad_axes(fv_ctx *ctx, fv_def *def, fv_padding_mode mode, fv_hw before, fv_hw after);
const char *fv_padding_word(fv_padding_mode mode);

/* ---- losses ------------------------------------------------------------------------------- */

/* A loss of an output y [n][classes][area] and its target. The gradient is added to dy, unless
   that is NULL. losses, or NULL, is [n][area] for a loss over classes, else shaped as y. */
typedef struct fv_loss {
    int n, classes;
    size_t area;
    const float *y;
    float *dy, *losses;
    void (*exp)(size_t n, const float *x, float *y); /* of the kernels */
    fv_reduction reduction;
    double scale;          /* of the loss, the losses and the gradient */
    const int64_t *labels; /* [n][area] classes, checked by the caller, or ignore_index */
    int64_t ignore_index;
    const float *target;              /* as y */
    const float *weight, *pos_weight; /* NULL: 1; [classes], or one for each element */
    size_t n_weight, n_pos_weight;
    double label_smoothing, beta, delta, alpha, gamma;
    bool log_target;
} fv_loss;

/* Each returns the reduced loss; for FV_NONE the sum. */
float fv_nll(const fv_loss *loss);
float fv_cross_entropy(const fv_loss *loss);
float fv_mse(const fv_loss *loss);
float fv_l1(const fv_loss *loss);
float fv_smooth_l1(const fv_loss *loss);
float fv_huber(const fv_loss *loss);
float fv_bce_with_logits(const fv_loss *loss);
float fv_sigmoid_focal(const fv_loss *loss);
float fv_kl_div(const fv_loss *loss);

#endif
