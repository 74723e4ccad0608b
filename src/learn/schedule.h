/*
 * schedule.h - the insides of schedules of learning rates: schedule.c has the kinds, schedules.c
 * their combinations, steps, text and state. Layer 4.
 */
#ifndef FV_SCHEDULE_H
#define FV_SCHEDULE_H

#include "learn/optim.h"

enum { FV_MEMBERS_MAX = 8 };

/* The numbers of a schedule that change. */
typedef struct fv_schedule_counts {
    int64_t t;              /* the step it is at, from 0 */
    int64_t current, cycle; /* of warm restarts: the step within the cycle, and its length */
    int64_t bad, cooldown;  /* of plateau: steps without a better metric, steps not to be counted */
} fv_schedule_counts;

typedef struct fv_schedule_numbers {
    double first_lr; /* PyTorch's base_lr */
    double best;     /* of plateau: the best metric */
} fv_schedule_numbers;

typedef struct fv_schedule_kind fv_schedule_kind;

struct fv_schedule {
    fv_object object;
    const fv_schedule_kind *kind; /* NULL: members, in a chain or, with milestones, in a sequence */
    fv_optim *optim;              /* NULL: it is freed */
    fv_schedule *next;            /* of the optimizer's */
    fv_args args;                 /* settled */
    int milestones[FV_LIST_MAX], n_milestones;
    fv_schedule *parent, *members[FV_MEMBERS_MAX];
    int n_members;
    fv_schedule_counts counts;
    fv_schedule_numbers numbers;
    double metric; /* of this step */
    fv_tensor *state;
    int n_state;
    char *text;
};

struct fv_schedule_kind {
    fv_recipe recipe;
    bool wants_metric;
    /* What settled arguments must be beyond their ranges; may change the schedule. May be NULL. */
    fv_status (*check)(fv_ctx *ctx, const char *where, fv_schedule *s);
    /* The learning rate at step counts.t, given that of the step before; at step 0, given what it
       is to start from. */
    double (*lr)(fv_schedule *s, double lr);
    int64_t (*last)(const fv_schedule *s); /* the last step there is; NULL: no end */
};

extern const fv_schedule_kind fv_lr_kind_step, fv_lr_kind_multi_step, fv_lr_kind_exponential,
    fv_lr_kind_linear, fv_lr_kind_constant, fv_lr_kind_cosine, fv_lr_kind_warm_restarts,
    fv_lr_kind_one_cycle, fv_lr_kind_plateau;

/* A new schedule of a kind; args are those of its function, to be settled. Errors begin with where,
   NULL: the name of that function. */
fv_schedule *fv_schedule_new(const fv_schedule_kind *kind, const char *where, fv_optim *optim,
                             const void *args);

/* Members in a chain, or in a sequence with n - 1 milestones. */
fv_schedule *fv_schedule_combine(const char *where, fv_schedule *const *members, int n,
                                 const int *milestones, bool chain);

/* They must be 1 or more and ascend. */
fv_status fv_check_milestones(fv_ctx *ctx, const char *where, const int *milestones, int n);

#endif
