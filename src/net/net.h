/*
 * net.h - the insides of a graph (layers being written down) and of a net (layers that run).
 *
 * Layer 3. Calls the ops, the kernels and the base.
 */
#ifndef FV_NET_H
#define FV_NET_H

#include "ops/op.h"

enum { FV_SCOPE_MAX = 256, FV_CHUNKS_MAX = 16 };

struct fv_graph {
    fv_object object;
    fv_def *defs;
    int count, capacity;
    char scope[FV_SCOPE_MAX]; /* "" or "convnet." */
    int depth;                /* of scopes */
    bool used;                /* a net was made of it */
};

/* Where the tensors of a layer lie: floats from the start of a block's region, but for sums,
   which count from the end of a thread's scratch, and part, packed and shared, from the start of
   all. */
typedef struct fv_slot {
    size_t y, dy, saved, sums, partial, shared, packed[2]; /* packed: of forward, of backward */
    size_t partial_size;                                   /* of one chunk */
    size_t extra;     /* gradients of inputs that are to be added to what is there */
    unsigned aliased; /* bit k: the gradient of input k lies where dy is */
} fv_slot;

/* All memory of running the net in one mode and layout, for batches up to a size. The blocks of a
   batch lie one region after the other. Gradients of parameters sum up over a chunk of blocks,
   chunks are cut by the batch alone, and so no sum depends on threads. */
typedef struct fv_plan {
    bool train;
    fv_layout layout;
    int images;                /* of a block: FV_LANES, but for channels last and small batches */
    int batch, blocks, chunks; /* the most it has room for */
    fv_slot *slots;            /* [layers] */
    size_t region;             /* floats of a block */
    size_t partials;           /* floats of all partial gradients, all chunks */
    size_t scratch, sums;      /* floats of one thread */
    size_t packed, shared;     /* floats of all packed weights, of all that meetings leave */
    uint64_t packed_at;        /* the net's changes when forward's weights were packed */
    float *memory;             /* regions, parts, scratch, packed, shared, then the rows below */
    float *output[FV_ENDS_MAX], *doutput[FV_ENDS_MAX]; /* [batch][out]; doutput in train mode */
    float *dinput[FV_ENDS_MAX]; /* [batch][in], if the input wants its gradient */
} fv_plan;

typedef enum fv_stage { FV_FRESH, FV_RAN, FV_HAS_LOSS } fv_stage;

struct fv_net {
    fv_object object;
    fv_graph *graph;
    fv_def *defs; /* [layers], the graph's; inputs come before those that read them */
    int layers;
    int inputs[FV_ENDS_MAX], outputs[FV_ENDS_MAX], n_inputs, n_outputs; /* layers */
    float *values, *grads; /* [size] all parameters, each from a multiple of FV_LANES */
    size_t size;
    fv_param *params;
    int n_params;
    float *buffers; /* [buffer_size] state that is no parameter: running means */
    size_t buffer_size;
    fv_tensor *state; /* parameters and buffers in the order of PyTorch's state_dict */
    int n_state;
    float *tables; /* [channels or 1][256] for each input, what a uint8 pixel becomes */
    bool train;
    uint64_t steps;               /* forward passes in train mode: the key of dropout */
    uint64_t changes;             /* of the parameters, by steps and files */
    bool shown;                   /* fv_param_at has said where they are: they may change unseen */
    fv_layout layout;             /* FV_LAYOUTS: as the batch asks for; tests want one */
    fv_plan plans[2][FV_LAYOUTS]; /* eval, train */
    fv_plan *last;                /* of the last forward */
    int n;                        /* images of the last forward */
    fv_stage stage;
    bool warned[2]; /* of raw numbers in NLL, of probabilities in cross-entropy */
    char *summary, *text;
};

/* ---- graph.c ------------------------------------------------------------------------------ */

extern const fv_node fv_node_failed;

/* Whether x is no layer, which is an error of that function ("conv2d"), or there is an error. */
bool fv_node_broken(fv_node x, const char *function);

/* The first of begin1, begin2, ... that none of the layers is called. */
void fv_name_free(const fv_def *defs, int count, const char *begin, char text[2 * FV_SCOPE_MAX]);

/* One more layer of that kind after the n nodes xs, with a copy of its struct of arguments. */
fv_node fv_layer_add(const fv_layer_type *kind, const fv_node *xs, int n, const void *args);

/* ---- plan.c ------------------------------------------------------------------------------- */

/* The layout for a batch of n images: the one that leaves fewer lanes of the vectors idle. */
fv_layout fv_plan_layout_for(const fv_net *net, int n, bool train);

/* Sizes and slots for batches of up to batch images; plan->slots has room for all layers. Needs no
   memory but for work, room for fv_plan_work(net) bytes. */
size_t fv_plan_work(const fv_net *net);
void fv_plan_layout(const fv_net *net, fv_plan *plan, int batch, void *work);
size_t fv_plan_bytes(const fv_net *net, const fv_plan *plan);

/* The plan of the net's mode and of n's layout, with memory for n images. NULL: FV_E_MEMORY. */
fv_plan *fv_plan_ready(fv_net *net, int n);
void fv_plan_free(fv_net *net, fv_plan *plan);

/* Shapes of the first input and the first output. */
static inline fv_shape fv_net_in(const fv_net *net)
{
    return net->defs[net->inputs[0]].out;
}

static inline fv_shape fv_net_out(const fv_net *net)
{
    return net->defs[net->outputs[0]].out;
}

#endif
