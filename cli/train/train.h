/*
 * train.h - a training in progress, for the files that make up `fovea train`: train.c does it,
 * train_show.c says it, train_save.c keeps it, report.c draws it.
 */
#ifndef FOVEA_TRAIN_H
#define FOVEA_TRAIN_H

#include "common/cli.h"

/* What fovea train takes; run.json holds all of it. */
#define TRAIN_OPTIONS                                                                              \
    (TAKES(OPT_EPOCHS) | TAKES(OPT_BATCH_SIZE) | TAKES(OPT_TEST_BATCH_SIZE) | TAKES(OPT_LR) |      \
     TAKES(OPT_GAMMA) | TAKES(OPT_MOMENTUM) | TAKES(OPT_DAMPENING) | TAKES(OPT_WEIGHT_DECAY) |     \
     TAKES(OPT_NESTEROV) | TAKES(OPT_OPTIMIZER) | TAKES(OPT_SCHEDULE) | TAKES(OPT_MODEL) |         \
     TAKES(OPT_SIZE) | TAKES(OPT_AUGMENT) | TAKES(OPT_MIXUP) | TAKES(OPT_CUTMIX) |                 \
     TAKES(OPT_VAL) | TAKES(OPT_FOLDS) | TAKES(OPT_PATIENCE) | TAKES(OPT_NUM_WORKERS) |            \
     TAKES(OPT_NORMALIZE) | TAKES(OPT_MAX_MEMORY) | TAKES(OPT_SKIP_BAD) | TAKES(OPT_DRY_RUN) |     \
     TAKES(OPT_SEED) | TAKES(OPT_ROOT) | TAKES(OPT_OUT) | TAKES(OPT_NO_SAVE) |                     \
     TAKES(OPT_NO_REPORT) | TAKES(OPT_THREADS) | TAKES(OPT_KERNELS) | TAKES(OPT_LOG_INTERVAL) |    \
     TAKES(OPT_JSON) | TAKES(OPT_QUIET) | TAKES(OPT_VERBOSE))

/* A new folder for a run. */
typedef struct run_folder {
    char path[PATH_SIZE]; /* "" with --no-save */
    size_t first_new;     /* length of the shortest part of path that did not exist before; 0: all
                             was there */
} run_folder;

typedef struct epoch_result {
    double train_loss, train_accuracy, train_seconds; /* means over the samples, while training */
    fv_result val, test;                              /* total 0: not measured */
    double val_seconds, test_seconds;
} epoch_result;

/* ---- report_record.c: what the report shows of a pass over a set ---------------------------- */

enum { WORST = 24, STEP_BINS = 300 };

/* A sample whose guess is wrong. */
typedef struct mistake {
    fv_dataset *set;
    int64_t index;
    int label, guess;
    double share, loss; /* the probability of the guess; the cross-entropy */
} mistake;

typedef struct eval_record {
    fv_dataset *set; /* NULL: there was no pass */
    int epoch;
    fv_result result;         /* without the loss */
    fv_metrics *metrics;      /* NULL: nothing yet, or too many classes */
    mistake worst[WORST + 1]; /* by loss, the largest first; one more to sort in */
    int mistakes;             /* of them */
} eval_record;

/* Losses of the steps of the whole run, by width steps in a bin. */
typedef struct step_losses {
    double sum[STEP_BINS];
    int64_t count[STEP_BINS], width;
} step_losses;

/* A row of log.csv. */
typedef struct log_row {
    int fold, epoch, set; /* fold 0: no folds; set: as in set_key */
    double loss, accuracy, lr, seconds;
} log_row;

enum { RECENT = 4 };

typedef struct training {
    const settings *s; /* with the recipe's values where nothing was typed */
    settings used;
    data data;
    fv_ctx *ctx;
    fv_net *net;
    fv_optim *optim;
    fv_schedule *schedule; /* NULL: none */
    struct {
        fv_loader *train, *val, *test;
    } loader;
    struct {                    /* what follows from the settings and the net */
        char model[CARD_SIZE];  /* name or text */
        bool example_lines;     /* those of pytorch/examples, not the tutorial's */
        bool log_probabilities; /* what the net gives: else the loss is cross-entropy */
        bool by_step;           /* the schedule is stepped after each batch, else each epoch */
        int part;               /* images that go through the net at once: the batch, or fewer */
        model_card card;
    } plan;
    struct {                  /* where the training is */
        int fold, epoch;      /* from 1; fold 0: there are no --folds */
        int64_t step;         /* of this epoch, from 0 */
        int done;             /* epochs that are finished */
        bool stopped;         /* by Ctrl+C: the weights are those after the last step */
        double start;         /* when it began */
        float recent[RECENT]; /* losses of the last steps: step i is at i % RECENT */
    } at;
    struct {
        int epoch;             /* 0: none yet */
        double loss, accuracy; /* of validation */
        char *state;           /* the net's state then */
    } best;
    epoch_result last; /* of the last finished epoch */
    double first_loss; /* training loss of the first epoch */
    eval_record seen,
        kept; /* the last pass, of the test set if it was measured; the best epoch's */
    step_losses steps;
    struct { /* rows of log.csv so far */
        log_row *row;
        int count;
    } log;
    struct { /* the batch, with --mixup or --cutmix: pixels and [n][classes] */
        float *pixels, *targets;
    } mixed;
    struct cJSON *files; /* names and checksums of the data */
    run_folder folder;
    progress live;
} training;

/* ---- train_start.c: the plan ----------------------------------------------------------------- */

void show_plan(training *t);

/* ---- train_show.c --------------------------------------------------------------------------- */

void show_step(training *t, const fv_batch *batch, float loss);
int show_epoch(training *t);
int show_test(training *t); /* of the best epoch */
int show_end(training *t);
int show_stop(training *t);
int fail_loss(training *t, double loss, bool in_test);

/* ---- advice.c ------------------------------------------------------------------------------- */

/* Whether there was any. */
bool show_advice(const training *t);

/* ---- train_mix.c ---------------------------------------------------------------------------- */

/* Whether --mixup or --cutmix is given. */
bool mixes(const training *t);
/* Mixes the images of the batch, whose pixels then are floats, and puts targets into t->targets. */
int mix_batch(training *t, fv_batch *batch);

/* ---- train_save.c --------------------------------------------------------------------------- */

/* Makes the folder, with parents; an existing one must be empty. out NULL: runs/NAME-1, -2, ... */
int folder_make(run_folder *f, const char *out, const char *name);
/* Removes what folder_make made, unless something has been written there. */
void folder_remove(const run_folder *f);

/* Copies the net's state to or from memory: the best epoch's. */
int keep_best(training *t);
void restore_best(training *t);

/* ---- train_plan.c: what to train, and how ---------------------------------------------------- */

/* Model, optimizer, schedule and epochs where nothing was typed; the optimizer as text. */
int plan_recipe(training *t);
int plan_optimizer(training *t);
/* Where the numbers come from that were not typed: "as in the tutorial". */
const char *plan_reason(const training *t);
/* Refuses batches that batch norm cannot work on. */
int plan_batches(const training *t);
/* How many images of a batch fit into --max-memory at once. */
int plan_memory(training *t);

/* ---- train_folds.c --------------------------------------------------------------------------- */

/* Cross-validation: trains and measures each fold in turn. */
int train_folds(training *t, int (*train_one)(training *t));

/* What stays the same during the run: checksums of the data, the head of log.csv. */
int save_start(training *t);
int save_log_row(training *t);
int save_test_row(training *t);
/* Writes model.safetensors, log.csv, run.json and runs/latest. */
int save_run(training *t);
/* What came of the run so far; where it was stopped in an epoch, also where. */
void json_outcome(struct cJSON *to, const training *t);
void save_end(training *t);

/* ---- report.c and report_*.c ---------------------------------------------------------------- */

/* Before a pass over set; of folds, all passes count together. */
void record_start(training *t, fv_dataset *set);
/* For fv_evaluate: a batch of the pass; user is the training. */
void record_batch(void *user, const fv_batch *batch, const float *outputs);
void record_step(training *t, float loss);
/* The pass that speaks for the run: the test's, or else the best epoch's. */
const eval_record *record_of(const training *t);

/* Writes report.html into the run's folder, unless there is none, or --no-report. */
int report_write(training *t);

#endif
