/*
 * help.c - `fovea help`: the commands, their options, and lists of what can be named in options. All
 * of it comes from the tables that are read when the command runs, so that it cannot differ.
 *
 * Layer 6. Calls fovea.h and libc.
 */
#include <string.h>

#include "common/cli.h"

enum { COLUMNS = 80, GROUPED_FROM = 16 };

/* ---- lists ---------------------------------------------------------------------------------- */

#define ARGUMENTS                                                                                  \
    "Each argument has the default that is shown; N or X must be given. Leading\n"                 \
    "arguments need no name; one without = is a switch."

static const struct topic {
    const char *name, *heading, *example;
    int (*list)(int index, char *text, size_t size);
    const char *notes;
} topics[] = {
    {"models", "Networks for --model NAME", "fovea train photos/ --model small", fv_model_list,
     "Or layers as text, such as \"conv 8 3; relu; flatten; linear classes\", or a file\n"
     "with them. docs/layers.md lists the layers."},
    {"augment", "Steps for --augment \"STEP; STEP\"",
     "fovea train photos/ --augment \"random_crop 32 padding=4; flip; rotation 10\"",
     fv_transform_list, ARGUMENTS},
    {"optimizers", "Optimizers for --optimizer \"TEXT\"",
     "fovea train mnist --optimizer \"adamw lr=0.001 weight_decay=0.01\"", fv_optim_list,
     ARGUMENTS},
    {"schedules", "Schedules of the learning rate for --schedule \"TEXT\"",
     "fovea train photos/ --schedule \"linear 0.1 total_iters=5; at 5 cosine 15\"",
     fv_schedule_list,
     ARGUMENTS
     "\nA schedule is stepped after each epoch, with by=step after each batch; one_cycle\n"
     "after each batch, as in PyTorch, or with by=epoch after each epoch. cosine\n"
     "without T_max and one_cycle without total_steps take the whole run."},
    {"losses", "Losses for fovea run --loss \"TEXT\"",
     "fovea run net.txt --loss \"cross_entropy label_smoothing=0.1\" ...", fv_loss_list, ARGUMENTS},
};

enum { TOPICS = sizeof topics / sizeof *topics };

static const struct topic *find_topic(const char *name)
{
    for (const struct topic *t = topics; t < topics + TOPICS; t++)
        if (strcmp(t->name, name) == 0)
            return t;
    return NULL;
}

/* Prints the words, the lines after the first indented. */
static void put_wrapped(const char *text)
{
    int used = printf("  %.*s", (int)strcspn(text, " "), text);
    for (text += strcspn(text, " "); *text;) {
        size_t blanks = strspn(text, " "), n = blanks + strcspn(text + blanks, " ");
        if (used + (int)n > COLUMNS)
            used = printf("\n     %.*s", (int)(n - blanks + 1), text + blanks - 1) - 1;
        else
            used += printf("%.*s", (int)n, text);
        text += n;
    }
    putchar('\n');
}

static void print_topic(const struct topic *t)
{
    char text[600];
    printf("%s:\n\n", t->heading);
    for (int i = 0; t->list(i, text, sizeof text); i++)
        put_wrapped(text);
    printf("\nexample\n  %s\n\n%s\n", t->example, t->notes);
}

/* ---- commands ------------------------------------------------------------------------------- */

const command *find_command(const command *const *commands, const char *name)
{
    fv_nearest best = {.word = name};
    for (int i = 0; commands[i]; i++) {
        if (strcmp(name, commands[i]->name) == 0)
            return commands[i];
        fv_nearest_try(&best, commands[i]->name);
    }
    if (best.name)
        fail(EXIT_USAGE, "E-ARGS", "no command \"%s\"; did you mean %s ?\nhelp: fovea help %s",
             name, best.name, best.name);
    else
        fail(EXIT_USAGE, "E-ARGS", "no command \"%s\"\nhelp: fovea help", name);
    return NULL;
}

void print_overview(const command *const *commands)
{
    puts("fovea - train and run convolutional networks on images. Offline, one program.\n\n"
         "  fovea train                          learn handwritten digits (MNIST)\n"
         "  fovea train photos/                  learn from folders named by class\n"
         "  fovea test runs/mnist-1              measure the accuracy of a trained network\n"
         "  fovea predict runs/mnist-1 mnist:0   classify an image\n\n"
         "commands");
    for (int i = 0; commands[i]; i++)
        printf("  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\nmore: fovea help train; lists:", stdout);
    for (int i = 0; i < TOPICS; i++)
        printf("%s %s", i ? "," : " fovea help", topics[i].name);
    putchar('\n');
}

static void print_option(const option *o)
{
    char left[32], letter[8] = "";
    if (o->letter)
        snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(left, sizeof left, "%s--%s %s", letter, o->name, o->value ? o->value : "");
    const char *initial = o->shown ? o->shown : o->initial ? o->initial : "";
    printf("  %-20s  %-*s%s\n", left, *initial ? 35 : 0, o->help, initial);
}

static int count_options(uint64_t set)
{
    int count = 0;
    for (option_id id = 0; id < OPT_COUNT; id++)
        count += (set & TAKES(id)) != 0;
    return count;
}

/* Many options have a heading for each group. */
static void print_options(uint64_t set)
{
    const char *heading = NULL;
    bool grouped = count_options(set) >= GROUPED_FROM;
    printf("\n%-59sdefault\n", "options");
    for (option_id id = 0; id < OPT_COUNT; id++) {
        if (options[id].group)
            heading = options[id].group;
        if (!(set & TAKES(id)))
            continue;
        if (grouped && heading)
            printf(" %s\n", heading);
        heading = NULL;
        print_option(&options[id]);
    }
    printf("  %-20s  %s\n", "-h, --help", "this text");
}

void print_help(const command *c)
{
    printf("%s.\n\n  fovea %s%s%s%s\n\nexamples\n", c->summary, c->name, *c->usage ? " " : "",
           c->usage, c->options ? " [options]" : "");
    for (int i = 0; i < 4 && c->examples[i][0]; i++)
        printf("  %-42s  %s\n", c->examples[i][0], c->examples[i][1]);
    print_options(c->options);
    if (c->notes)
        printf("\n%s\n", c->notes);
}

int show_help(const command *const *commands, const char *word)
{
    const struct topic *topic = word ? find_topic(word) : NULL;
    const command *c = word && !topic ? find_command(commands, word) : NULL;
    if (!word)
        print_overview(commands);
    else if (topic)
        print_topic(topic);
    else if (c)
        print_help(c);
    else
        return EXIT_USAGE;
    return EXIT_DONE;
}
