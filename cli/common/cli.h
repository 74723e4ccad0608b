/*
 * cli.h - what the files of the command share: settings, commands, errors, screens.
 *
 * Layer 6. Calls fovea.h, libc, POSIX, and cJSON where it writes JSON. Results go to stdout, all
 * else to stderr. A function that returns int gives an exit code and has already said why.
 */
#ifndef FOVEA_CLI_H
#define FOVEA_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "args/args.h"
#include "fovea.h"
#include "common/clock.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_STOPPED = 130 };

/* A path that is longer is refused. */
enum { PATH_SIZE = 4096 };

enum { ARGS_MAX = 65 };

#if defined(__GNUC__)
#define LIKE_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define LIKE_PRINTF(text, first)
#endif

/* ---- options.c: the command line ----------------------------------------------------------- */

/* What was typed, or the default; a command looks at the options that it takes. */
typedef struct settings {
    const char *args[ARGS_MAX]; /* arguments that are not options: run, data, pictures; then NULL */
    uint64_t given;             /* TAKES(id) of the options that were typed */
    struct {                    /* training */
        int epochs, batch_size, test_batch_size, patience, folds;
        uint64_t seed;
        double val;
    };
    struct { /* the optimizer and its schedule */
        const char *optimizer, *schedule;
        double lr, momentum, dampening, weight_decay, gamma;
        bool nesterov;
    };
    struct { /* the network and its images */
        const char *model, *augment, *normalize, *shape;
        int size;
        double mixup, cutmix;
        bool fit, skip_bad;
    };
    struct { /* fovea run */
        const char *input, *weights, *target, *loss;
        int steps;
        bool train, grad;
    };
    struct { /* fovea get */
        const char *mirror, *from;
        int timeout;
        bool only_mirror;
    };
    struct { /* the machine */
        int threads, num_workers;
        const char *kernels, *max_memory;
    };
    struct { /* files and output */
        const char *root, *out, *submission;
        int log_interval;
        bool no_save, no_report, dry_run, quick, json, quiet, verbose;
    };
} settings;

/* In the order in which help lists them. */
/* clang-format off */
typedef enum option_id {
    OPT_EPOCHS, OPT_BATCH_SIZE, OPT_TEST_BATCH_SIZE, OPT_PATIENCE, OPT_SEED, OPT_MODEL, OPT_SIZE,
    OPT_NORMALIZE, OPT_AUGMENT, OPT_MIXUP, OPT_CUTMIX, OPT_OPTIMIZER, OPT_LR, OPT_MOMENTUM,
    OPT_DAMPENING, OPT_WEIGHT_DECAY, OPT_NESTEROV, OPT_SCHEDULE, OPT_GAMMA, OPT_ROOT, OPT_VAL,
    OPT_FOLDS, OPT_SKIP_BAD, OPT_NUM_WORKERS, OPT_INPUT, OPT_WEIGHTS, OPT_TARGET, OPT_LOSS,
    OPT_STEPS, OPT_TRAIN, OPT_GRAD, OPT_SHAPE, OPT_FIT, OPT_THREADS, OPT_KERNELS, OPT_MAX_MEMORY,
    OPT_MIRROR, OPT_ONLY_MIRROR, OPT_FROM, OPT_TIMEOUT, OPT_OUT, OPT_FILE, OPT_SUBMISSION,
    OPT_NO_SAVE, OPT_NO_REPORT, OPT_DRY_RUN, OPT_LOG_INTERVAL, OPT_QUICK, OPT_JSON, OPT_QUIET,
    OPT_VERBOSE, OPT_COUNT
} option_id;
/* clang-format on */

#define TAKES(id) (1ull << (id))

typedef enum option_kind {
    KIND_FLAG,   /* bool */
    KIND_INT,    /* int */
    KIND_SEED,   /* uint64_t */
    KIND_NUMBER, /* double */
    KIND_TEXT,   /* const char *, not empty */
    KIND_CHOICE  /* const char *, one of the choices */
} option_kind;

typedef struct option {
    const char *name;
    char letter; /* -q; 0: none */
    option_kind kind;
    size_t field;              /* its place in settings */
    const char *value;         /* what help calls the value: "N" */
    const char *initial;       /* the default as one would type it; NULL: 0, false or NULL */
    const char *shown;         /* the default in words, if it is not initial */
    double min, max;           /* of a number ... */
    bool above_min, below_max; /* ... which the value must not equal */
    const char *choices[5];    /* up to NULL */
    const char *also;          /* other words that people try, for "did you mean" */
    const char *help;
    const char *group; /* heading in help of this option and those after it; NULL: as before */
} option;

extern const option options[OPT_COUNT];

typedef struct command {
    const char *name;
    const char *summary;        /* for the list of commands */
    const char *usage;          /* "RUN [mnist]" */
    const char *examples[4][2]; /* what to type, what it does */
    const char *notes;          /* the end of its help, or NULL */
    uint64_t options;           /* TAKES(OPT_ROOT) | ... */
    int min_args, max_args;
    int (*run)(const settings *s);
} command;

extern const command get_command, train_command, test_command, info_command, predict_command,
    bench_command, device_command, version_command, run_command, init_command, check_command,
    split_command;

/* The place in argv of the command's name, which may stand behind options; 0: there is none. */
int find_command_word(int argc, char **argv);
bool asks_for_help(int argc, char **argv);

/* The command line that was typed, with instead (NULL: nothing) in the place of the argument arg, or
   of its beginning up to a colon; "fovea help COMMAND" where that would be long. */
const char *retyped(const char *arg, const char *instead, char line[160]);

/* Reads all of argv but the command's name, argv[word], into *s. */
int parse_options(const command *c, int word, int argc, char **argv, settings *s);

/* ---- help.c -------------------------------------------------------------------------------- */

/* The command of that name among those up to NULL; NULL after an error with the nearest one. */
const command *find_command(const command *const *commands, const char *name);
void print_overview(const command *const *commands);
void print_help(const command *c);
/* The overview (word NULL), the help of a command, or a list such as "optimizers". */
int show_help(const command *const *commands, const char *word);

/* ---- message.c: errors, paths, the context -------------------------------------------------- */

/* Prints the text in the form of all errors and returns exit_code:
     error: what happened
            evidence, a line or more
     help:  one thing to type                                                        [E-CODE]
   The lines of text are these, the last one begins with "help: ". */
int fail(int exit_code, const char *code, const char *format, ...) LIKE_PRINTF(3, 4);

int fail_memory(const char *what); /* "the folds" */

/* A text of the library in the words of the command line, for free: a help line that only makes sense
   in C becomes help, or is left out where that is NULL. NULL without memory, which is said. */
char *in_our_words(const char *text, const char *help);

/* The same for the context's error; help is for texts that have no way out of their own. */
int fail_context(const fv_ctx *ctx, const char *help);

/* A context with the seed, threads and kernels of the settings. Its error is the caller's. */
fv_ctx *open_context(const settings *s);

/* Makes a ? of every byte that would move the cursor of a terminal; for what came from outside. */
void hide_controls(char *text);

bool is_folder(const char *path);
bool is_file(const char *path); /* whatever is there and no folder */
/* path[PATH_SIZE] = folder/name; false if it is too long. */
bool join_path(char *path, const char *folder, const char *name);

/* ---- screen.c: terminals, bars, figures ----------------------------------------------------- */

bool is_terminal(FILE *f);
bool is_lively(FILE *f); /* a terminal that takes colours and a bar */
/* Whether stderr gets what is said beside the result. */
bool talks(const settings *s);
/* One of the escapes below if f is lively, else "". */
const char *colour(FILE *f, const char *escape);
#define RED   "\033[1;31m"
#define GREEN "\033[32m"
#define PLAIN "\033[0m"

int screen_width(void); /* of stderr, 40 to 100 */
const char *with_commas(int64_t n, char out[32]);
int columns_of(const char *text); /* on a terminal, of UTF-8 */
/* A line end in UTF-8 or ASCII: full for share (0 to 1) of the cells, empty for the rest. */
void put_bar(FILE *f, double share, int cells, const char *full, const char *empty);
/* "95.18%   9,518 of 10,000 right   (95% range 94.7 to 95.6)": the range is Wilson's. */
void put_accuracy(FILE *f, fv_result result);
/* The 95 % range itself, as shares. */
void wilson_range(fv_result result, double *low, double *high);
double accuracy_of(fv_result result); /* 0 to 1 */

/* Puts "head [bar] tail" in the place of the line on stderr; without a bar where it is narrow. */
void live_line(const char *head, double share, const char *tail);

/* The one live line of a run, on stderr. */
typedef struct progress {
    bool on, drawn;
    bool plain;         /* no terminal: a line now and then */
    bool shares_screen; /* stdout is the same terminal */
    int epochs;
    int64_t total; /* steps of the whole run */
    double start, last;
} progress;

/* plain: whether it is wanted where there is no terminal. */
progress progress_start(bool on, bool plain, int epochs, int64_t total);
void progress_step(progress *p, int epoch, int64_t done, double loss);
void progress_clear(progress *p);

/* ---- json.c --------------------------------------------------------------------------------- */

struct cJSON;
/* Adds members to an object and returns it. The format is a list of "NAME %TYPE": %s (NULL becomes
   null), %d, %lld or %g; the compiler checks the arguments as those of printf. */
struct cJSON *json_add(struct cJSON *to, const char *format, ...) LIKE_PRINTF(2, 3);
/* Prints root as one line on stdout and frees it. */
int json_line(struct cJSON *root);
void json_result(struct cJSON *to, fv_result result); /* test_loss, test_acc, right, total */

/* ---- card.c: the metadata of a model file ---------------------------------------------------- */

/* clang-format off */
typedef enum card_key {
    CARD_MODEL, CARD_INPUT, CARD_CLASSES, CARD_MEAN, CARD_STD, CARD_DATA, CARD_EPOCHS, CARD_SEED,
    CARD_FOVEA, CARD_TRANSFORM, CARD_COUNT
} card_key;
/* clang-format on */

enum { CARD_SIZE = 4096 };

/* The values as fovea.h documents them; mean and std are empty where the input is not normalised. */
typedef struct model_card {
    char value[CARD_COUNT][CARD_SIZE];
} model_card;

/* class_names: a JSON list; NULL: they have none. */
fv_status card_save(const model_card *c, fv_net *net, const char *path, const char *class_names);

/* ---- data.c: data sets by name, folder or file ---------------------------------------------- */

typedef struct data {
    const char *typed, *known;            /* known: the name, if it is one */
    char name[64];                        /* what a run is called after */
    fv_dataset *train, *val, *test;       /* val, test: NULL if there is none */
    fv_transform *augment, *plain;        /* of training, of the others; NULL: none */
    int channels, height, width, classes; /* as the net gets them */
    char mean[80], std[80];
    char skipped[1 << 16]; /* lines of pictures that are left out, with reasons; the first ones */
    int64_t n_skipped;
    char why_split[120];                             /* how the sets came about */
    const char *why_size, *why_augment, *why_pixels; /* likewise; "": it was typed */
} data;

/* skip.c: takes the pictures that cannot be read out of the set, if they are few; more than 5 % are
   an error, unless --skip-bad is given. */
int skip_broken(fv_ctx *ctx, const settings *s, data *d, fv_dataset **set);
/* What is wrong, without the name of the file in front of it. */
void flaw_reason(const fv_flaw *flaw, char *text, size_t capacity);

/* data_name.c: what was typed (NULL: mnist), or an error that says what there is. */
int data_name(const char *typed, data *d);
/* Whether that is data and no run. */
bool data_looks_like(const char *typed);
/* Whether it is nothing that is there, but near to the name of a data set. */
bool data_is_meant(const char *typed);
/* parts.c: opens the parts that d->typed has. After an error of its own not EXIT_DONE; or the error
   is the context's. */
int open_sets(fv_ctx *ctx, const settings *s, data *d);
/* Opens the sets that there are, as they are. */
int data_parts(fv_ctx *ctx, const settings *s, data *d);
/* That, and holds out what is missing. */
int data_sets(fv_ctx *ctx, const settings *s, data *d);
/* That, and finds size, transforms, mean and std. */
int data_open(fv_ctx *ctx, const settings *s, data *d);
/* The pictures to test on: of the data that the net was trained on (trained_on, with seed), those
   that were held back then; of other data, the test set, or all where there is no such split. NULL after the
   context's error. */
fv_dataset *data_test_set(fv_ctx *ctx, const settings *s, data *d, const char *trained_on,
                          uint64_t seed);
/* What the context says of its pictures, and how to find out more. */
int fail_data(const fv_ctx *ctx, const data *d);
/* What a net for this data needs to know. */
void data_card(const data *d, const char *model, model_card *c);
/* The names of the classes as a JSON list, for free; NULL where they have none, or are their numbers. */
char *class_names_json(const data *d);

/* ---- csv.c: rows of a file in memory --------------------------------------------------------- */

typedef struct csv {
    char *text; /* for free */
    size_t used, capacity;
} csv;

/* Adds text as printf has it. */
int csv_print(csv *to, const char *format, ...) LIKE_PRINTF(2, 3);
/* Adds a line of n fields with commas between them, in quotes where they must be. */
int csv_add(csv *to, const char *const *fields, int n);

/* ---- classes.c: samples by class ------------------------------------------------------------- */

enum { SETS = 3 }; /* training, validation, test */

typedef struct counts {
    const fv_dataset *names; /* names of the classes are its */
    fv_dataset_info info[SETS];
    int64_t *of[SETS]; /* [classes of the training set]; NULL: there is no such set */
} counts;

/* "train", "val", "test". */
const char *set_key(int k);
/* The name of a class of the set, or its number. */
const char *class_label(const fv_dataset *set, int label, char name[64]);
/* Labels that are no class are the context's error. */
void counts_take(counts *c, fv_dataset *const sets[SETS]);
void counts_free(counts *c);
void print_lengths(const counts *c);
void print_classes(const counts *c);
void json_classes(struct cJSON *to, const counts *c);

/* ---- confused.c: which class is taken for which ---------------------------------------------- */

/* For the net's classes; NULL where they are too many for a matrix. */
fv_metrics *metrics_for(fv_ctx *ctx, const fv_net *net);
/* For fv_evaluate: counts a batch; user is the metrics, or NULL. */
void count_batch(void *metrics, const fv_batch *batch, const float *outputs);
/* "        most confused   cat -> dog 5     dog -> cat 4"; nothing where nothing is wrong. */
void put_confused(FILE *f, const fv_metrics *metrics, const fv_net *net, const fv_dataset *names);

/* ---- bench_data.c: how fast data comes ------------------------------------------------------- */

int bench_data(const settings *s);

/* ---- model_open.c: networks by name, text or file ------------------------------------------- */

/* typed: a built-in name, layers as text, or a file with them; new parameters from the seed. NULL
   after an error. */
/* What a card holds of it: the name, or the text that a file of that name has. */
int model_text(const char *typed, char *to, size_t capacity);
fv_net *model_open(fv_ctx *ctx, const char *typed, int channels, int height, int width);

/* ---- model_chain.c: where a network as text does not fit ------------------------------------- */

/* Says the context's error with the shapes that lead there. */
int fail_chain(fv_ctx *ctx, const char *text, int channels, int height, int width, int classes);

/* ---- run_open.c: trained networks by path --------------------------------------------------- */

typedef struct trained_run {
    const fv_trained *trained; /* belongs to the context */
    fv_net *net;               /* these two are its */
    fv_transform *transform;
    const char *data; /* what it was trained on, with that seed */
    uint64_t seed;
} trained_run;

/* path: a run folder, runs/latest, or a safetensors file. */
int open_run(fv_ctx *ctx, const char *path, trained_run *r);

#endif
