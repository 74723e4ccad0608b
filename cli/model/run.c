/*
 * run.c - `fovea run`: one batch through a network, to compare numbers; `fovea init`: the
 * first weights of one.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"

enum { TENSORS_MAX = 2000 };

typedef struct compare {
    const settings *s;
    fv_ctx *ctx;
    fv_net *net;
    fv_batch batch;
    fv_array *target;
    fv_tensor tensors[TENSORS_MAX]; /* what goes to the file; names and values are for free */
    int count;
} compare;

/* ---- what comes in -------------------------------------------------------------------------- */

/* The array as float32 or uint8, as a batch holds it; integers and doubles become float32. */
static fv_array *read_input(compare *b)
{
    fv_array *x = fv_npy_read(b->ctx, b->s->input);
    if (!x || x->type == FV_U8 || x->type == FV_F32)
        return x;
    float *to = malloc((x->count + 1) * sizeof *to);
    for (size_t i = 0; to && i < x->count; i++)
        to[i] = x->type == FV_F64   ? (float)((const double *)x->data)[i]
                : x->type == FV_I64 ? (float)((const int64_t *)x->data)[i]
                                    : NAN;
    if (to && (x->type == FV_F64 || x->type == FV_I64)) {
        memcpy(x->data, to, x->count * sizeof *to); /* narrower: it fits */
        x->type = FV_F32;
    }
    free(to);
    return x;
}

static int open_input(compare *b)
{
    const fv_array *x = read_input(b);
    if (!x)
        return fail_context(b->ctx, "fovea help run");
    if (x->ndim < 2 || (x->type != FV_U8 && x->type != FV_F32))
        return fail(EXIT_FAILED, "E-DATA",
                    "%s is not a batch; expected [N,C,H,W] or [N,K] of uint8, float32, float64 or "
                    "int64\n"
                    "help: numpy.save(\"x.npy\", x.numpy())",
                    b->s->input);
    b->batch = (fv_batch){.n = (int)x->dims[0], .type = x->type, .pixels = x->data};
    b->batch.channels = (int)(x->ndim == 3 ? 1 : x->dims[1]);
    b->batch.height = (int)(x->ndim == 3 ? x->dims[1] : x->dims[2]);
    b->batch.width = (int)(x->ndim == 3 ? x->dims[2] : x->dims[3]);
    return EXIT_DONE;
}

static int open_net(compare *b)
{
    const settings *s = b->s;
    b->net = model_open(b->ctx, s->args[0], b->batch.channels, b->batch.height, b->batch.width);
    if (b->net && s->weights)
        fv_load(b->net, s->weights);
    if (b->net && s->grad)
        fv_input_requires_grad(b->net);
    if (b->net && !s->train && !s->grad && !s->steps)
        fv_eval_mode(b->net);
    return fv_error(b->ctx) ? fail_context(b->ctx, "fovea help run") : EXIT_DONE;
}

static int open_target(compare *b)
{
    const settings *s = b->s;
    if (!s->target)
        return EXIT_DONE;
    b->target = fv_npy_read(b->ctx, s->target);
    if (!b->target)
        return fail_context(b->ctx, "fovea help run");
    int c, h, w;
    fv_output_shape(b->net, &c, &h, &w);
    bool labels = b->target->type == FV_I64;
    size_t n = (size_t)b->batch.n, want = labels ? n * h * w : n * c * h * w;
    if ((labels || b->target->type == FV_F32) && b->target->count == want)
        return EXIT_DONE;
    return fail(EXIT_FAILED, "E-SHAPE",
                "%s has %zu numbers; the network's output [%d,%d,%d,%d] takes int64 labels [%d] or "
                "float32 [%d,%d,%d,%d]\nhelp: numpy.save(\"t.npy\", t.numpy())",
                s->target, b->target->count, b->batch.n, c, h, w, b->batch.n, b->batch.n, c, h, w);
}

/* ---- what goes out -------------------------------------------------------------------------- */

/* Keeps a copy under prefix + name. */
static void keep(compare *b, const char *prefix, const char *name, fv_tensor t)
{
    size_t bytes = t.count * fv_type_size(t.type), length = strlen(prefix) + strlen(name) + 1;
    char *full = malloc(length);
    void *value = malloc(bytes + 1);
    if (b->count == TENSORS_MAX || !full || !value) {
        free(full), free(value);
        return;
    }
    snprintf(full, length, "%s%s", prefix, name);
    memcpy(value, t.value, bytes);
    t.name = full;
    t.value = value;
    b->tensors[b->count++] = t;
}

/* Floats [n,C,H,W], or [n,C] if H and W are 1. */
static fv_tensor rows(int n, int c, int h, int w, const float *values)
{
    return (fv_tensor){.type = FV_F32,
                       .ndim = h == 1 && w == 1 ? 2 : 4,
                       .dims = {n, c, h, w},
                       .count = (size_t)n * c * h * w,
                       .value = values};
}

static void keep_gradients(compare *b)
{
    const fv_batch *x = &b->batch;
    if (fv_input_gradient(b->net))
        keep(b, "grad.", "input",
             rows(x->n, x->channels, x->height, x->width, fv_input_gradient(b->net)));
    for (int i = 0; i < fv_param_count(b->net); i++) {
        fv_param p = fv_param_at(b->net, i);
        fv_tensor t = {.type = FV_F32, .ndim = p.ndim, .count = p.count, .value = p.grad};
        memcpy(t.dims, p.dims, sizeof t.dims);
        keep(b, "grad.", p.name, t);
    }
}

static int write_out(compare *b)
{
    if (fv_save_tensors(b->ctx, b->s->out, b->tensors, b->count, NULL, 0))
        return fail_context(b->ctx, "fovea help run");
    for (int i = 0; i < b->count && !b->s->quiet; i++) {
        const fv_tensor *t = &b->tensors[i];
        printf("%-40s [", t->name);
        for (int d = 0; d < t->ndim; d++)
            printf(d ? ",%lld" : "%lld", (long long)t->dims[d]);
        if (t->count == 1 && t->type == FV_F32)
            printf("] %.9g\n", (double)*(const float *)t->value);
        else
            puts("]");
    }
    return EXIT_DONE;
}

/* ---- the work ------------------------------------------------------------------------------- */

/* Forward, loss and, where anybody wants it, backward; the first time it keeps what comes of
   them. */
static int pass(compare *b, bool first)
{
    const settings *s = b->s;
    int c, h, w;
    fv_zero_grad(b->net);
    if (fv_forward(b->net, &b->batch))
        return fail_context(b->ctx, "fovea help run");
    fv_output_shape(b->net, &c, &h, &w);
    if (first)
        keep(b, "", "output", rows(b->batch.n, c, h, w, fv_output(b->net)));
    if (s->loss) {
        bool labels = b->target->type == FV_I64;
        float loss = fv_loss_text(b->net, s->loss, .labels = labels ? b->target->data : NULL,
                                  .target = labels ? NULL : b->target->data);
        if (fv_error(b->ctx))
            return fail_context(b->ctx, "fovea help run");
        if (first)
            keep(b, "", "loss", (fv_tensor){.type = FV_F32, .count = 1, .value = &loss});
    } else if (s->grad) {
        size_t count = (size_t)b->batch.n * c * h * w;
        float *ones = malloc(count * sizeof *ones);
        for (size_t i = 0; ones && i < count; i++)
            ones[i] = 1;
        fv_output_gradient(b->net, ones);
        free(ones);
    }
    if ((s->grad || s->steps) && fv_backward(b->net))
        return fail_context(b->ctx, "fovea help run");
    if (first && s->grad)
        keep_gradients(b);
    return EXIT_DONE;
}

static int run_batch(compare *b)
{
    int code = open_input(b);
    if (code || (code = open_net(b)) || (code = open_target(b)) || (code = pass(b, true)))
        return code;
    const char *text = b->s->optimizer ? b->s->optimizer : "sgd lr=0.01";
    fv_optim *optim = b->s->steps ? fv_optim_text(b->net, text) : NULL;
    for (int i = 0; i < b->s->steps && !code; i++) {
        if (i > 0 && (code = pass(b, false)))
            return code;
        if (fv_step(optim))
            return fail_context(b->ctx, "fovea help run");
    }
    for (int i = 0; b->s->steps && i < fv_state_count(b->net); i++) {
        fv_tensor t = fv_state_at(b->net, i);
        keep(b, "", t.name, t);
    }
    return write_out(b);
}

static int check(const settings *s)
{
    if (!s->input || !s->out)
        return fail(EXIT_USAGE, "E-ARGS",
                    "fovea run needs --input and --out\n"
                    "help: fovea run lenet5 --input x.npy --out out.safetensors");
    if ((s->loss != NULL) != (s->target != NULL) || (s->steps && !s->loss))
        return fail(EXIT_USAGE, "E-ARGS",
                    "--loss, --target and --steps go together: a loss needs a target, steps need a "
                    "loss\n"
                    "help: --loss nll --target t.npy --steps 50");
    return EXIT_DONE;
}

static int run_run(const settings *s)
{
    int code = check(s);
    if (code)
        return code;
    compare *b = calloc(1, sizeof *b);
    if (!b)
        return fail_memory("the command");
    b->s = s;
    b->ctx = open_context(s);
    code = fv_error(b->ctx) ? fail_context(b->ctx, "fovea help run") : run_batch(b);
    for (int i = 0; i < b->count; i++) {
        free((void *)(uintptr_t)b->tensors[i].name);
        free((void *)(uintptr_t)b->tensors[i].value);
    }
    fv_close(b->ctx);
    free(b);
    return code;
}

/* ---- fovea init ----------------------------------------------------------------------------- */

static int run_init(const settings *s)
{
    int c = 1, h = 28, w = 28, end = 0;
    if (!s->out)
        return fail(EXIT_USAGE, "E-ARGS",
                    "fovea init needs --out\n"
                    "help: fovea init lenet5 --seed 0 --out w.safetensors");
    if (sscanf(s->shape, "%dx%dx%d%n", &c, &h, &w, &end) != 3 || s->shape[end])
        return fail(EXIT_USAGE, "E-ARGS",
                    "--shape %s: it takes channels, rows and columns\n"
                    "help: --shape 3x32x32",
                    s->shape);
    fv_ctx *ctx = open_context(s);
    fv_net *net = fv_error(ctx) ? NULL : model_open(ctx, s->args[0], c, h, w);
    fv_save(net, s->out, NULL, 0);
    int code = fv_error(ctx) ? fail_context(ctx, "fovea help init") : EXIT_DONE;
    for (int i = 0; !code && !s->quiet && i < fv_state_count(net); i++) {
        fv_tensor t = fv_state_at(net, i);
        printf("%-40s %zu\n", t.name, t.count);
    }
    fv_close(ctx);
    return code;
}

const command run_command = {
    .name = "run",
    .summary = "Run one batch through a network and save the results",
    .usage = "MODEL",
    .examples = {{"fovea run lenet5 --input x.npy --out o.st", "the output"},
                 {"fovea run net.txt --input x.npy --grad ...", "gradients of its sum"},
                 {"... --loss nll --target t.npy --steps 50", "and 50 training steps"}},
    .notes = "MODEL is a built-in name, layers as text, or a file with them. The .safetensors\n"
             "file holds output and loss; with --grad also grad.input and grad.PARAMETER of\n"
             "the loss (without --loss: of the sum of the output); with --steps the state of\n"
             "the network after them. Without --train, --grad and --steps the network is in\n"
             "eval mode. docs/from-pytorch.md shows how to check a port.",
    .options = TAKES(OPT_INPUT) | TAKES(OPT_WEIGHTS) | TAKES(OPT_TARGET) | TAKES(OPT_LOSS) |
               TAKES(OPT_OPTIMIZER) | TAKES(OPT_STEPS) | TAKES(OPT_TRAIN) | TAKES(OPT_GRAD) |
               TAKES(OPT_FILE) | TAKES(OPT_SEED) | TAKES(OPT_THREADS) | TAKES(OPT_KERNELS) |
               TAKES(OPT_QUIET),
    .min_args = 1,
    .max_args = 1,
    .run = run_run,
};

const command init_command = {
    .name = "init",
    .summary = "Write the initial weights of a network",
    .usage = "MODEL",
    .examples = {{"fovea init lenet5 --seed 0 --out w.st", "PyTorch's, for that seed"},
                 {"fovea init small --shape 3x32x32 --out w.st", "for other pictures"}},
    .options = TAKES(OPT_SHAPE) | TAKES(OPT_SEED) | TAKES(OPT_FILE) | TAKES(OPT_QUIET),
    .min_args = 1,
    .max_args = 1,
    .run = run_init,
};
