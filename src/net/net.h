/*
 * net.h - internals of a graph (layers being declared) and of a net (layers that run).
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
    bool used;                /* a net was made from it */
};

/* A program and its memory, in one mode and layout. */
typedef struct fv_plan {
    fv_program program;
    float *memory;      /* the engine's; NULL: no program yet */
    uint64_t packed_at; /* net->changes when forward's weights were packed */
    float *output[FV_ENDS_MAX], *doutput[FV_ENDS_MAX]; /* [batch][out]; doutput in train mode */
    float *dinput[FV_ENDS_MAX]; /* [batch][in], if the input requires its gradient */
} fv_plan;

typedef enum fv_passed { FV_FRESH, FV_RAN, FV_HAS_LOSS } fv_passed;

struct fv_net {
    fv_object object;
    fv_graph *graph;
    fv_def *defs; /* [layers], owned by the graph; producers come before their consumers */
    int layers;
    int inputs[FV_ENDS_MAX], outputs[FV_ENDS_MAX], n_inputs, n_outputs; /* layers */
    float *values, *grads; /* [size] all parameters, each aligned to FV_LANES */
    size_t size;
    fv_param *params;
    int n_params;
    float *buffers; /* [buffer_size] state that is not a parameter: running statistics */
    size_t buffer_size;
    fv_tensor *state; /* parameters and buffers in the order of PyTorch's state_dict */
    int n_state;
    float *tables; /* [channels or 1][256] for each input: the value of a uint8 pixel */
    bool train;
    uint64_t steps;               /* forward passes in train mode: the key of dropout */
    uint64_t changes;             /* of the parameters, by steps and files */
    fv_layout layout;             /* FV_LAYOUTS: as the batch asks for; tests want one */
    fv_plan plans[2][FV_LAYOUTS]; /* eval, train */
    fv_plan *last;                /* of the last forward */
    int n;                        /* images of the last forward */
    fv_passed stage;              /* the last pass that has run */
    bool warned[2];               /* of raw numbers in NLL, of probabilities in cross-entropy */
    char *summary, *text;
};

/* ---- graph.c ------------------------------------------------------------------------------ */

extern const fv_node fv_node_failed;

/* Returns true if x is not a layer, which becomes an error of that function ("conv2d"), or after
   an earlier error. */
bool fv_node_broken(fv_node x, const char *function);

/* Writes the first of begin1, begin2, ... that is not the name of a layer. */
void fv_name_free(const fv_def *defs, int count, const char *begin, char text[2 * FV_SCOPE_MAX]);

/* Adds a layer of that type with the n inputs xs and a copy of its argument struct. */
fv_node fv_layer_add(const fv_layer_type *kind, const fv_node *xs, int n, const void *args);

/* fv_again with a name for the new layer; NULL: a generated name. */
fv_node fv_layer_again(fv_node layer, fv_node x, const char *name);

/* ---- net.c -------------------------------------------------------------------------------- */

/* Where tensor i of the state lies: in FV_VALUES or FV_BUFFERS. */
fv_place fv_state_place(const fv_net *net, int i);

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
