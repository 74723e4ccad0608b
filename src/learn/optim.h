/*
 * optim.h - internals of optimizers, moving averages and schedules, and their state for an exact
 * resume.
 *
 * An optimizer is a kind, its arguments, and up to three arrays as long as the net's parameters.
 * Layer 4. Calls the net's internals, the kernels and the base.
 */
#ifndef FV_OPTIM_H
#define FV_OPTIM_H

#include "learn/recipe.h"
#include "net/net.h"

enum { FV_MEMORIES_MAX = 3 };

/* The values for one step of a parameter. */
typedef struct fv_move {
    double lr, weight_decay; /* of its group */
    int64_t t;               /* the number of its step, from 1 */
    double *product;         /* NAdam's product of momentums, 1 before the first step */
} fv_move;

typedef union fv_update {
    fv_sgd_step sgd;
    fv_adam_step adam;
    fv_scaled_step scaled;
} fv_update;

/* A kind of optimizer. args is the settled struct of arguments of its function. */
typedef struct fv_optim_kind {
    fv_recipe recipe; /* with settings lr and weight_decay, and perhaps momentum or betas */
    const char *memories[FV_MEMORIES_MAX]; /* the state of a parameter, by PyTorch's names */
    /* Sets bit i if memories[i] is needed, or fails for incompatible arguments. */
    fv_status (*needs)(fv_ctx *ctx, const char *where, const void *args, unsigned *needs);
    float (*start)(const void *args); /* initial value of all memories; NULL: 0 */
    void (*prepare)(const void *args, const fv_move *move, fv_update *update);
    void (*step)(const fv_kernels *k, size_t n, const fv_update *update, float *p, const float *g,
                 float *const memories[FV_MEMORIES_MAX]);
} fv_optim_kind;

extern const fv_optim_kind fv_optim_kind_sgd, fv_optim_kind_adam, fv_optim_kind_adamw,
    fv_optim_kind_nadam, fv_optim_kind_radam, fv_optim_kind_lion, fv_optim_kind_adagrad,
    fv_optim_kind_adadelta, fv_optim_kind_rmsprop;

typedef struct fv_optim_group {
    char *pattern;
    double lr_scale, weight_decay;
    bool frozen;
} fv_optim_group;

struct fv_optim {
    fv_object object;
    const fv_optim_kind *kind;
    fv_net *net;
    fv_args args, made;     /* current and initial arguments */
    double *lr, *momentum;  /* in args; momentum NULL if there is none */
    double first_lr;        /* PyTorch's initial_lr, from which schedules start, if set */
    fv_schedule *schedules; /* list of its schedules */
    fv_optim_group *groups; /* groups[0] has all parameters that no pattern matches */
    int n_groups;
    float *memories[FV_MEMORIES_MAX]; /* [net->size] or NULL */
    /* [n_params] */
    int *group_of;
    int64_t *steps;
    double *products;
    fv_update *updates;
    fv_tensor *state; /* see fv_optim_state */
    int n_state;
    char *text;
};

/* Returns a new optimizer from the arguments of the kind's function, which it settles. Errors
   begin with where, or with the name of that function if where is NULL. */
fv_optim *fv_optim_new(const fv_optim_kind *kind, const char *where, fv_net *net, const void *args);

/* Adds a group of the parameters whose names match args.pattern. Errors begin with where. */
fv_status fv_group_add(fv_optim *optim, const char *where, fv_group_args args);

/* Returns whether parameter i is frozen. */
static inline bool fv_optim_frozen(const fv_optim *optim, int i)
{
    return optim->groups[optim->group_of[i]].frozen;
}

/* ---- pieces of work ----------------------------------------------------------------------- */

enum { FV_PIECES_MAX = 64 };

/* A stretch of the net's arrays within one parameter, and the piece of work it belongs to. */
typedef struct fv_stretch {
    int piece, param;
    size_t from, count;
} fv_stretch;

/* Calls work for all stretches; those of a piece come in order, on one thread. Pieces are cut by
   the size of the net alone. Returns how many there are, at most FV_PIECES_MAX. */
int fv_each_stretch(const fv_net *net, void (*work)(void *arg, const fv_stretch *s), void *arg);

/* ---- state for an exact resume ------------------------------------------------------------- */

/* Tensors under names of their own, to save with fv_save_tensors and to write back into an object
   made in the same way. Doubles are given as the FV_I64 of their bits. *n is how many; NULL: no
   memory. They belong to the object and stay where they are.
     optimizer  "step", "mu_product" [parameters], "lr", "momentum", "exp_avg.fc.weight", ...
     schedule   "schedule.counts" and "schedule.numbers", for members "schedule.0.counts", ...
     averages   "ema.fc.weight", ... */
const fv_tensor *fv_optim_state(fv_optim *optim, int *n);
const fv_tensor *fv_schedule_state(fv_schedule *schedule, int *n);
const fv_tensor *fv_ema_state(fv_ema *ema, int *n);

/* Frees a list of such tensors with their names. */
void fv_state_release(fv_ctx *ctx, fv_tensor *state, int n);

/* Returns the list and its length if all its memory was allocated; otherwise frees it. */
const fv_tensor *fv_state_ready(fv_ctx *ctx, fv_tensor **state, int *n_state, int *n);

/* Returns a tensor of one dimension named "prefix" "name"; its name is NULL after FV_E_MEMORY. */
fv_tensor fv_state_of(fv_ctx *ctx, const char *prefix, const char *name, fv_type type, size_t count,
                      void *value);

#endif
