/*
 * net.h - the insides of a graph (layers being written down) and of a net (layers that run).
 *
 * Layer 3. Calls the ops, the kernels and the base.
 */
#ifndef FV_NET_H
#define FV_NET_H

#include "net/program.h"

enum { FV_SCOPE_MAX = 256 };

struct fv_graph {
    fv_object object;
    fv_def *defs;
    int count, capacity;
    char scope[FV_SCOPE_MAX]; /* "" or "convnet." */
    int depth;                /* of scopes */
    bool used;                /* a net was made of it */
};

/* A program and its memory, in one mode and layout. */
typedef struct fv_plan {
    fv_program program;
    float *memory;      /* the engine's; NULL: there is no program yet */
    uint64_t packed_at; /* the net's changes when forward's weights were packed */
    float *output[FV_ENDS_MAX], *doutput[FV_ENDS_MAX]; /* [batch][out]; doutput in train mode */
    float *dinput[FV_ENDS_MAX]; /* [batch][in], if the input wants its gradient */
} fv_plan;

typedef enum fv_passed { FV_FRESH, FV_RAN, FV_HAS_LOSS } fv_passed;

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
    fv_layout layout;             /* FV_LAYOUTS: as the batch asks for; tests want one */
    fv_plan plans[2][FV_LAYOUTS]; /* eval, train */
    fv_plan *last;                /* of the last forward */
    int n;                        /* images of the last forward */
    fv_passed stage;              /* what the net has gone through */
    bool warned[2];               /* of raw numbers in NLL, of probabilities in cross-entropy */
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

/* fv_again with a name for the new layer; NULL: one made up for it. */
fv_node fv_layer_again(fv_node layer, fv_node x, const char *name);

/* ---- pass.c ------------------------------------------------------------------------------- */

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
