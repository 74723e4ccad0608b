/*
 * schedule.h - internals of learning rate schedules: schedule.c implements the kinds, schedules.c
 * their combinations, steps, text and state. Layer 4.
 */
#ifndef FV_SCHEDULE_H
#define FV_SCHEDULE_H

#include "learn/optim.h"

enum { FV_MEMBERS_MAX = 8 };

/* The variables of a schedule. */
typedef struct fv_schedule_counts {
    int64_t t;              /* the current step, from 0 */
    int64_t current, cycle; /* of warm restarts: the step within the cycle, and its length */
    int64_t bad, cooldown;  /* of plateau: steps without improvement, steps of cooldown left */
} fv_schedule_counts;

typedef struct fv_schedule_numbers {
    double first_lr; /* PyTorch's base_lr */
    double best;     /* of plateau: the best metric */
} fv_schedule_numbers;

typedef struct fv_schedule_kind fv_schedule_kind;

struct fv_schedule {
    fv_object object;
    const fv_schedule_kind *kind; /* NULL: members, chained or, with milestones, in sequence */
    fv_optim *optim;              /* NULL after the optimizer was freed */
    fv_schedule *next;            /* next schedule of the optimizer */
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
    /* Checks settled arguments beyond their ranges; may change the schedule. May be NULL. */
    fv_status (*check)(fv_ctx *ctx, const char *where, fv_schedule *s);
    /* Returns the learning rate at step counts.t from that of the previous step; at step 0, from
       the initial one. */
    double (*lr)(fv_schedule *s, double lr);
    int64_t (*last)(const fv_schedule *s); /* returns the last step; NULL: no end */
};

extern const fv_schedule_kind fv_lr_kind_step, fv_lr_kind_multi_step, fv_lr_kind_exponential,
    fv_lr_kind_linear, fv_lr_kind_constant, fv_lr_kind_cosine, fv_lr_kind_warm_restarts,
    fv_lr_kind_one_cycle, fv_lr_kind_plateau;

/* Returns a new schedule of a kind from the arguments of its function, which it settles. Errors
   begin with where, or with the name of that function if where is NULL. */
fv_schedule *fv_schedule_new(const fv_schedule_kind *kind, const char *where, fv_optim *optim,
                             const void *args);

/* Chains members, or runs them in sequence with n - 1 milestones. */
fv_schedule *fv_schedule_combine(const char *where, fv_schedule *const *members, int n,
                                 const int *milestones, bool chain);

/* Checks that milestones are 1 or more and ascending. */
fv_status fv_check_milestones(fv_ctx *ctx, const char *where, const int *milestones, int n);

#endif
