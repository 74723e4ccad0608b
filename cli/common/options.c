/*
 * options.c - the command line: one table of options, from which come reading, defaults, ranges,
 * errors and the lines of help.
 *
 * Options stand anywhere, as --name value or --name=value; "--" ends them. What was typed is never
 * ignored: a value that does not fit and an unknown option are errors. Of an option given twice the
 * last one counts, as everywhere, so that an alias can be overruled; both values must fit.
 *
 * Layer 6. Calls libc.
 */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"

#define FIELD(name) offsetof(settings, name)

const option options[OPT_COUNT] = {
    [OPT_EPOCHS] = {"epochs", .kind = KIND_INT, .field = FIELD(epochs), .value = "N",
                    .initial = "1", .min = 1, .max = 1000000, .also = "epoch iterations",
                    .shown = "1, photos 20", .group = "training",
                    .help = "passes over the training images"},
    [OPT_BATCH_SIZE] = {"batch-size", .kind = KIND_INT, .field = FIELD(batch_size), .value = "N",
                        .initial = "64", .min = 1, .max = 65536, .also = "batch bs",
                        .help = "images per training step"},
    [OPT_TEST_BATCH_SIZE] = {"test-batch-size", .kind = KIND_INT, .field = FIELD(test_batch_size),
                             .value = "N", .min = 1, .max = 65536, .shown = "batch-size",
                             .help = "images per test batch"},
    [OPT_PATIENCE] = {"patience", .kind = KIND_INT, .field = FIELD(patience), .value = "N",
                      .initial = "0", .max = 1000000, .also = "early-stopping",
                      .help = "stop after N without improvement"},
    [OPT_SEED] = {"seed", .kind = KIND_SEED, .field = FIELD(seed), .value = "N", .initial = "0",
                  .help = "of the random numbers"},
    [OPT_MODEL] = {"model", .kind = KIND_TEXT, .field = FIELD(model), .value = "NAME",
                   .also = "net network", .shown = "lenet5, photos small",
                   .group = "network and images", .help = "name, layers as text, or a file"},
    [OPT_SIZE] = {"size", .kind = KIND_INT, .field = FIELD(size), .value = "N", .min = 8,
                  .max = 512, .also = "image-size resize", .shown = "auto, 28 to 64",
                  .help = "resize pictures to N x N"},
    [OPT_NORMALIZE] = {"normalize", .kind = KIND_CHOICE, .field = FIELD(normalize), .value = "HOW",
                       .initial = "auto", .choices = {"auto", "none"}, .also = "standardize",
                       .help = "by mean and std, or not at all"},
    [OPT_AUGMENT] = {"augment", .kind = KIND_TEXT, .field = FIELD(augment), .value = "TEXT",
                     .also = "transform augmentation", .shown = "photos: shift, flip",
                     .help = "steps: fovea help augment; or none"},
    [OPT_MIXUP] = {"mixup", .kind = KIND_NUMBER, .field = FIELD(mixup), .value = "ALPHA",
                   .shown = "none", .max = 1000000, .above_min = true, .also = "mixup-alpha mix",
                   .help = "mix images, Beta(ALPHA, ALPHA)"},
    [OPT_CUTMIX] = {"cutmix", .kind = KIND_NUMBER, .field = FIELD(cutmix), .value = "ALPHA",
                    .shown = "none", .max = 1000000, .above_min = true, .also = "cutmix-alpha",
                    .help = "paste boxes of other images"},
    [OPT_OPTIMIZER] = {"optimizer", .kind = KIND_TEXT, .field = FIELD(optimizer), .value = "TEXT",
                       .also = "optim", .shown = "sgd", .group = "optimizer",
                       .help = "name: fovea help optimizers"},
    [OPT_LR] = {"lr", .kind = KIND_NUMBER, .field = FIELD(lr), .value = "X", .initial = "0.01",
                .above_min = true, .max = 1e30, .below_max = true, .also = "learning-rate rate",
                .shown = "0.01, photos 0.05", .help = "learning rate"},
    [OPT_MOMENTUM] = {"momentum", .kind = KIND_NUMBER, .field = FIELD(momentum), .value = "X",
                      .initial = "0.5", .max = 1, .below_max = true, .shown = "0.5, photos 0.9",
                      .help = "fraction of the last update kept"},
    [OPT_DAMPENING] = {"dampening", .kind = KIND_NUMBER, .field = FIELD(dampening), .value = "X",
                       .initial = "0", .max = 1, .help = "fraction of the gradient left out"},
    [OPT_WEIGHT_DECAY] = {"weight-decay", .kind = KIND_NUMBER, .field = FIELD(weight_decay),
                          .value = "X", .initial = "0", .max = 1e30, .below_max = true,
                          .also = "wd decay l2", .shown = "0, photos 0.0005", .help = "L2 penalty"},
    [OPT_NESTEROV] = {"nesterov", .field = FIELD(nesterov), .shown = "photos yes",
                      .help = "use Nesterov momentum"},
    [OPT_SCHEDULE] = {"schedule", .kind = KIND_TEXT, .field = FIELD(schedule), .value = "TEXT",
                      .also = "scheduler", .shown = "none, photos cosine",
                      .help = "of lr: fovea help schedules"},
    [OPT_GAMMA] = {"gamma", .kind = KIND_NUMBER, .field = FIELD(gamma), .value = "X", .max = 1,
                   .above_min = true, .shown = "none", .help = "factor of lr after each epoch"},
    [OPT_ROOT] = {"root", .kind = KIND_TEXT, .field = FIELD(root), .value = "DIR",
                  .initial = "data", .also = "data dir folder", .group = "data",
                  .help = "folder of downloaded data sets"},
    [OPT_VAL] = {"val", .kind = KIND_NUMBER, .field = FIELD(val), .value = "X", .max = 1e9,
                 .also = "validation", .shown = "photos 0.1",
                 .help = "share or number for validation"},
    [OPT_FOLDS] = {"folds", 'k', .kind = KIND_INT, .field = FIELD(folds), .value = "K",
                   .shown = "none", .min = 2, .max = 100, .also = "kfold cv k",
                   .help = "folds of a cross-validation"},
    [OPT_SKIP_BAD] = {"skip-bad", .field = FIELD(skip_bad), .also = "skip-broken ignore-errors",
                      .help = "leave out all unreadable pictures"},
    [OPT_NUM_WORKERS] = {"num-workers", .kind = KIND_INT, .field = FIELD(num_workers), .value = "N",
                         .initial = "0", .max = 64, .also = "workers",
                         .help = "threads that read pictures ahead"},
    [OPT_INPUT] = {"input", .kind = KIND_TEXT, .field = FIELD(input), .value = "X.npy",
                   .also = "x in", .group = "batch", .help = "the batch, [N,C,H,W] or [N,K]"},
    [OPT_WEIGHTS] = {"weights", .kind = KIND_TEXT, .field = FIELD(weights), .value = "FILE",
                     .shown = "drawn from the seed", .also = "load checkpoint",
                     .help = "parameters, a .safetensors file"},
    [OPT_TARGET] = {"target", .kind = KIND_TEXT, .field = FIELD(target), .value = "T.npy",
                    .also = "labels y", .help = "labels [N], or floats"},
    [OPT_LOSS] = {"loss", .kind = KIND_TEXT, .field = FIELD(loss), .value = "TEXT",
                  .also = "criterion", .help = "name: fovea help losses"},
    [OPT_STEPS] = {"steps", .kind = KIND_INT, .field = FIELD(steps), .value = "N", .initial = "0",
                   .max = 1000000, .help = "training steps on this batch"},
    [OPT_TRAIN] = {"train", .field = FIELD(train), .help = "train mode instead of eval mode"},
    [OPT_GRAD] = {"grad", .field = FIELD(grad), .also = "gradients backward",
                  .help = "also gradients, in train mode"},
    [OPT_SHAPE] = {"shape", .kind = KIND_TEXT, .field = FIELD(shape), .value = "CxHxW",
                   .initial = "1x28x28", .help = "shape of the pictures"},
    [OPT_FIT] = {"fit", .field = FIELD(fit), .also = "resize",
                 .help = "make pictures of other sizes fit"},
    [OPT_THREADS] = {"threads", .kind = KIND_INT, .field = FIELD(threads), .value = "N", .min = 1,
                     .max = FV_THREADS_MAX, .also = "jobs cpus", .shown = "all processors",
                     .group = "machine", .help = "1 to 256"},
    [OPT_KERNELS] = {"kernels", .kind = KIND_CHOICE, .field = FIELD(kernels), .value = "SET",
                     .shown = "the widest there is", .choices = {"ref", "avx2", "avx512", "neon"},
                     .also = "simd isa", .help = "ref, avx2, avx512 or neon"},
    [OPT_MAX_MEMORY] = {"max-memory", .kind = KIND_TEXT, .field = FIELD(max_memory),
                        .value = "SIZE", .shown = "no limit", .also = "memory ram",
                        .help = "memory of the net; splits batches"},
    [OPT_MIRROR] = {"mirror", .kind = KIND_TEXT, .field = FIELD(mirror), .value = "URL",
                    .shown = "the set's own", .also = "mirrors url",
                    .help = "address to try first"},
    [OPT_ONLY_MIRROR] = {"only-mirror", .field = FIELD(only_mirror),
                         .help = "try no other address"},
    [OPT_FROM] = {"from", .kind = KIND_TEXT, .field = FIELD(from), .value = "DIR",
                  .shown = "the network", .also = "source copy",
                  .help = "copy from a folder instead"},
    [OPT_TIMEOUT] = {"timeout", .kind = KIND_INT, .field = FIELD(timeout), .value = "N",
                     .initial = "30", .min = 1, .max = 3600, .also = "wait seconds",
                     .help = "seconds to wait for an answer"},
    [OPT_OUT] = {"out", 'o', .kind = KIND_TEXT, .field = FIELD(out), .value = "DIR",
                 .shown = "runs/DATA-1, -2, ...", .also = "output save name", .group = "output",
                 .help = "new folder for the run"},
    [OPT_FILE] = {"out", 'o', .kind = KIND_TEXT, .field = FIELD(out), .value = "FILE",
                  .also = "output save name", .help = "output file"},
    [OPT_SUBMISSION] = {"submission", .kind = KIND_TEXT, .field = FIELD(submission),
                        .value = "OUT.csv", .also = "csv output",
                        .help = "write rows file,class to a file"},
    [OPT_NO_SAVE] = {"no-save", .field = FIELD(no_save), .help = "write no files"},
    [OPT_NO_REPORT] = {"no-report", .field = FIELD(no_report), .also = "report html",
                       .help = "write no report.html"},
    [OPT_DRY_RUN] = {"dry-run", .field = FIELD(dry_run), .also = "check plan",
                     .help = "print the plan and stop"},
    [OPT_LOG_INTERVAL] = {"log-interval", .kind = KIND_INT, .field = FIELD(log_interval),
                          .value = "N", .initial = "100", .max = 1000000000, .also = "log interval",
                          .shown = "100, photos 0", .help = "steps between lines; 0: none"},
    [OPT_QUICK] = {"quick", .field = FIELD(quick), .also = "fast short",
                   .help = "fewer images, one repetition"},
    [OPT_JSON] = {"json", .field = FIELD(json), .help = "JSON for programs, an object a line"},
    [OPT_QUIET] = {"quiet", 'q', .field = FIELD(quiet), .help = "print only the result"},
    [OPT_VERBOSE] = {"verbose", 'v', .field = FIELD(verbose),
                     .help = "print all a terminal would get"},
};

static bool is_option(const char *arg)
{
    return arg[0] == '-' && arg[1] != '\0';
}

/* The option that arg ("--lr", "--lr=1", "-q") names among those of the set; OPT_COUNT: none. */
static option_id find_option(const char *arg, uint64_t set)
{
    size_t n = strcspn(arg, "=");
    for (option_id id = 0; id < OPT_COUNT; id++) {
        const option *o = &options[id];
        bool is_long = strncmp(arg, "--", 2) == 0 && strlen(o->name) == n - 2 &&
                       strncmp(arg + 2, o->name, n - 2) == 0;
        bool is_short = o->letter && arg[1] == o->letter && arg[2] == '\0';
        if ((set & TAKES(id)) && (is_long || is_short))
            return id;
    }
    return OPT_COUNT;
}

int find_command_word(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!is_option(argv[i]))
            return i;
        option_id id = find_option(argv[i], ~0ull);
        if (id != OPT_COUNT && options[id].kind != KIND_FLAG && !strchr(argv[i], '='))
            i++;
    }
    return 0;
}

bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* ---- values -------------------------------------------------------------------------------- */

static bool read_seed(const char *text, uint64_t *seed)
{
    errno = 0;
    *seed = strtoull(text, NULL, 10);
    return *text && !text[strspn(text, "0123456789")] && errno == 0;
}

/* The option as an argument of the settings, for the one reader of arguments. */
static fv_arg argument_of(const option *o)
{
    static const fv_arg_type types[] = {
        [KIND_FLAG] = FV_ARG_FLAG, [KIND_INT] = FV_ARG_INT,     [KIND_NUMBER] = FV_ARG_NUMBER,
        [KIND_TEXT] = FV_ARG_TEXT, [KIND_CHOICE] = FV_ARG_NAME, [KIND_SEED] = FV_ARG_TEXT};
    unsigned open = (o->above_min ? FV_OPEN_LOW : 0) | (o->below_max ? FV_OPEN_HIGH : 0);
    return (fv_arg){.name = o->name,
                    .type = types[o->kind],
                    .range = {o->min, o->max, open},
                    .names = o->kind == KIND_CHOICE ? o->choices : NULL,
                    .offset = o->field};
}

/* Puts the value into its field, if it is one for this option. */
static bool take_value(const option *o, const char *text, settings *s)
{
    const fv_arg args[] = {argument_of(o), {0}};
    fv_arg_error error;
    if (o->kind == KIND_SEED)
        return read_seed(text, (uint64_t *)(void *)((char *)s + o->field));
    return fv_arg_read_value(args, o->kind == KIND_FLAG ? "true" : text, s, &error) &&
           fv_args_settle(args, s, &error);
}

/* ---- errors -------------------------------------------------------------------------------- */

typedef struct reader {
    const command *command;
    int word, argc;
    char **argv;
    settings *s;
} reader;

/* What a value must be, in words. */
static void describe_range(const option *o, char *text, size_t capacity)
{
    fv_arg arg = argument_of(o);
    if (o->kind == KIND_SEED)
        snprintf(text, capacity, "a whole number, 0 to %llu", (unsigned long long)UINT64_MAX);
    else
        fv_arg_describe(&arg, &(fv_text){text, capacity});
}

/* What is wrong with the text, and what to type instead. */
static void explain_value(const option *o, const char *text, char why[160], char fix[40])
{
    double number;
    settings unused;
    char with_dot[40];
    snprintf(with_dot, sizeof with_dot, "%s", text);
    if (strchr(with_dot, ','))
        *strchr(with_dot, ',') = '.';
    bool is_number = fv_read_number(text, &number) &&
                     (o->kind == KIND_NUMBER || number == floor(number));
    bool above = is_number && number > o->max, below = is_number && number < o->min;
    snprintf(fix, 40, "%s",
             o->initial               ? o->initial
             : o->kind == KIND_NUMBER ? "0.1"
             : o == &options[OPT_OUT] ? "runs/mine"
             : o->value               ? o->value
                                      : "");
    if (o->kind == KIND_INT && (above || below || !o->initial)) /* the bound that is nearer */
        snprintf(fix, 40, "%.0f", above ? o->max : o->min);
    if (o->kind == KIND_NUMBER && above && !o->below_max)
        snprintf(fix, 40, "%g", o->max);
    if (o->kind == KIND_NUMBER && below && !o->above_min)
        snprintf(fix, 40, "%g", o->min);
    fv_nearest near = {.word = text};
    for (int i = 0; o->kind == KIND_CHOICE && i < 4 && o->choices[i]; i++)
        fv_nearest_try(&near, o->choices[i]);
    if (o->kind == KIND_CHOICE)
        snprintf(fix, 40, "%s", near.name ? near.name : o->choices[0]);
    if (o->kind == KIND_TEXT)
        snprintf(why, 160, "\"\" is empty");
    else if (o->kind == KIND_CHOICE)
        snprintf(why, 160, "\"%.60s\" is none of the choices", text);
    else if (is_number)
        snprintf(why, 160, "%.60s is out of range", text);
    else if (o->kind == KIND_NUMBER && take_value(o, with_dot, &unused))
        snprintf(why, 160, "\"%.60s\" is not a number; write %s", text, strcpy(fix, with_dot));
    else
        snprintf(why, 160, "\"%.60s\" is not a %snumber", text,
                 o->kind == KIND_NUMBER ? "" : "whole ");
}

/* The command line as a shell takes it, with instead in the place of argument at (NULL: nothing), and
   value behind it if that is not NULL (in the place of what stands there); what is longer than a
   line becomes a call for help. */
static const char *corrected(const reader *r, int at, const char *instead, const char *value,
                             char line[160])
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "_@%+=:,./-";
    size_t n = (size_t)snprintf(line, 160, "fovea %s", r->command->name);
    for (int i = 1; i < r->argc && n < 160; i++) {
        const char *arg = i == at ? instead : i == at + 1 && value ? value : r->argv[i];
        if (i == r->word || !arg)
            continue;
        bool quote = !*arg || arg[strspn(arg, safe)];
        n += (size_t)snprintf(line + n, 160 - n, quote ? " '%s'" : " %s", arg);
    }
    if (n > 100 || strchr(line, '\n'))
        snprintf(line, 160, "fovea help %s", r->command->name);
    return line;
}

static reader typed; /* what main was given; for suggestions that keep the rest of it */

const char *retyped(const char *arg, const char *instead, char line[160])
{
    char whole[PATH_SIZE];
    size_t n = strlen(arg);
    for (int i = 1; i < typed.argc; i++) {
        const char *at = typed.argv[i];
        if (i == typed.word || strncmp(at, arg, n) != 0 || (at[n] != '\0' && at[n] != ':'))
            continue;
        snprintf(whole, sizeof whole, "%s%s", instead ? instead : "", at + n);
        return corrected(&typed, i, instead ? whole : NULL, NULL, line);
    }
    snprintf(line, 160, "fovea help %s", typed.command->name);
    return line;
}

static int fail_value(const reader *r, const option *o, int at, const char *text, bool joined)
{
    char why[160], fix[40], range[120], whole[80], line[160];
    explain_value(o, text, why, fix);
    describe_range(o, range, sizeof range);
    snprintf(whole, sizeof whole, "--%s=%s", o->name, fix);
    const char *initial = o->shown ? o->shown : o->initial;
    return fail(EXIT_USAGE, "E-ARGS", "--%s: %s\n--%s takes %s%s%s\nhelp: %s", o->name, why,
                o->name, range, initial ? "; default: " : "", initial ? initial : "",
                joined ? corrected(r, at, whole, NULL, line)
                       : corrected(r, at, r->argv[at], fix, line));
}

/* The option that somebody who typed name may have meant, or OPT_COUNT. */
static option_id nearest_option(const char *name, uint64_t set)
{
    option_id best = OPT_COUNT;
    fv_nearest near = {.word = name};
    for (option_id id = 0; id < OPT_COUNT; id++) {
        char words[80];
        fv_nearest one = near;
        snprintf(words, sizeof words, "%s %s", options[id].name,
                 options[id].also ? options[id].also : "");
        for (char *w = strtok(words, " "); w && (set & TAKES(id)); w = strtok(NULL, " "))
            fv_nearest_try(&one, w);
        if (one.name == near.name)
            continue;
        best = id;
        near = (fv_nearest){name, options[id].name, one.distance};
    }
    return best;
}

static int fail_unknown(const reader *r, int at)
{
    const char *arg = r->argv[at], *equals = strchr(arg, '='), *text = equals ? equals + 1 : NULL;
    char name[64], right[120], why[160] = "", fix[40], line[160];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(arg, "="), arg);
    option_id id = nearest_option(name + strspn(name, "-"), r->command->options);
    if (id == OPT_COUNT)
        return fail(EXIT_USAGE, "E-ARGS", "no option \"%s\" for \"fovea %s\"\nhelp: fovea help %s",
                    name, r->command->name, r->command->name);
    const option *o = &options[id];
    settings unused;
    bool takes = o->kind != KIND_FLAG;
    bool next = takes && !text && at + 1 < r->argc && at + 1 != r->word;
    if (next)
        text = r->argv[at + 1];
    snprintf(fix, sizeof fix, "%.39s", text ? text : "");
    if (takes && text && !take_value(o, text, &unused))
        explain_value(o, text, why, fix);
    snprintf(right, sizeof right, takes && equals ? "--%s=%s" : "--%s", o->name, fix);
    return fail(EXIT_USAGE, "E-ARGS",
                "no option \"%s\" for \"fovea %s\"; did you mean --%s ?%s%s\nhelp: %s", name,
                r->command->name, o->name, *why ? "\nand " : "", why,
                corrected(r, at, right, next ? fix : NULL, line));
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Reads the option at argv[*at], and its value, on which *at then stands. */
static int read_option(reader *r, int *at)
{
    const char *arg = r->argv[*at], *equals = strchr(arg, '='), *text = equals ? equals + 1 : "";
    option_id id = find_option(arg, r->command->options);
    if (id == OPT_COUNT)
        return fail_unknown(r, *at);
    const option *o = &options[id];
    int place = *at;
    r->s->given |= TAKES(id);
    if (o->kind == KIND_FLAG && equals)
        return fail(EXIT_USAGE, "E-ARGS",
                    "--%s takes no value, but \"%s\" is given\nhelp: leave out the %s", o->name,
                    text, equals);
    if (o->kind != KIND_FLAG && !equals) {
        if (place + 1 >= r->argc || strncmp(r->argv[place + 1], "--", 2) == 0)
            return fail(EXIT_USAGE, "E-ARGS",
                        "--%s needs a value: --%s %s\n"
                        "help: fovea help %s",
                        o->name, o->name, o->value, r->command->name);
        text = r->argv[++*at];
    }
    return take_value(o, text, r->s) ? EXIT_DONE : fail_value(r, o, place, text, equals != NULL);
}

static int check_args(const reader *r, int given, int extra)
{
    const command *c = r->command;
    char line[160];
    if (given > c->max_args)
        return fail(EXIT_USAGE, "E-ARGS",
                    "unexpected argument \"%s\" for \"fovea %s\"\n"
                    "usage: fovea %s%s%s [options]\nhelp: %s",
                    r->argv[extra], c->name, c->name, *c->usage ? " " : "", c->usage,
                    given == c->max_args + 1 ? corrected(r, extra, NULL, NULL, line)
                                             : c->examples[0][0]);
    if (given < c->min_args)
        return fail(EXIT_USAGE, "E-ARGS", "missing argument: fovea %s %s\nhelp: %s", c->name,
                    c->usage, c->examples[0][0]);
    return EXIT_DONE;
}

int parse_options(const command *c, int word, int argc, char **argv, settings *s)
{
    reader r = typed = (reader){c, word, argc, argv, s};
    int code = EXIT_DONE, given = 0, extra = 0;
    bool ended = false;
    *s = (settings){0};
    for (option_id id = 0; id < OPT_COUNT; id++)
        if (options[id].initial)
            take_value(&options[id], options[id].initial, s);
    for (int i = 1; i < argc && !code; i++) {
        if (i == word)
            continue;
        if (!ended && strcmp(argv[i], "--") == 0)
            ended = true;
        else if (!ended && is_option(argv[i]))
            code = read_option(&r, &i);
        else if (given++ < c->max_args)
            s->args[given - 1] = argv[i];
        else
            extra = extra ? extra : i;
    }
    if (!code && s->quiet && s->verbose)
        code = fail(EXIT_USAGE, "E-ARGS",
                    "--quiet and --verbose contradict each other\n"
                    "help: leave out one of the two");
    return code ? code : check_args(&r, given, extra);
}
