/*
 * help.c - `fovea help`: what there is, and how to type it. All of it comes from the tables of
 * commands and options, so that it cannot differ from what is read.
 *
 * Layer 6. Calls libc.
 */
#include <string.h>

#include "common/cli.h"

const command *find_command(const char *name)
{
    const command *best = NULL;
    int distance = 1000;
    for (int i = 0; commands[i]; i++) {
        int d = fv_edit_distance(name, commands[i]->name);
        if (d == 0)
            return commands[i];
        if (fv_looks_like(name, commands[i]->name) && d < distance) {
            best = commands[i];
            distance = d;
        }
    }
    if (best)
        fail(EXIT_USAGE, "E-ARGS", "no command \"%s\"; did you mean %s ?\nhelp: fovea help %s",
             name, best->name, best->name);
    else
        fail(EXIT_USAGE, "E-ARGS", "no command \"%s\"\nhelp: fovea help", name);
    return NULL;
}

void print_overview(void)
{
    puts("fovea - train and run convolutional networks on images. Offline, one program.\n\n"
         "  fovea train                          learn handwritten digits (MNIST)\n"
         "  fovea train photos/                  learn from folders named by class\n"
         "  fovea test runs/mnist-1              measure what it has learned\n"
         "  fovea predict runs/mnist-1 mnist:0   use it on an image\n\n"
         "commands");
    for (int i = 0; commands[i]; i++)
        printf("  %-9s %s\n", commands[i]->name, commands[i]->summary);
    puts("\nmore: fovea help train");
}

static void print_option(const option *o)
{
    char left[32], letter[8] = "";
    if (o->letter)
        snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(left, sizeof left, "%s--%s %s", letter, o->name, o->value ? o->value : "");
    const char *initial = o->shown ? o->shown : o->initial ? o->initial : "";
    printf("  %-18s  %-*s%s\n", left, *initial ? 36 : 0, o->help, initial);
}

void print_help(const command *c)
{
    printf("%s.\n\n  fovea %s%s%s%s\n\nexamples\n", c->summary, c->name, *c->usage ? " " : "",
           c->usage, c->options ? " [options]" : "");
    for (int i = 0; i < 4 && c->examples[i][0]; i++)
        printf("  %-42s  %s\n", c->examples[i][0], c->examples[i][1]);
    printf("\n%-56s  default\n", "options");
    for (option_id id = 0; id < OPT_COUNT; id++)
        if (c->options & TAKES(id))
            print_option(&options[id]);
    printf("  %-18s  %s\n", "-h, --help", "this text");
    if (c->notes)
        printf("\n%s\n", c->notes);
}

static int run_help(const settings *s)
{
    if (!s->args[0]) {
        print_overview();
        return EXIT_DONE;
    }
    const command *c = find_command(s->args[0]);
    if (c)
        print_help(c);
    return c ? EXIT_DONE : EXIT_USAGE;
}

const command help_command = {
    .name = "help",
    .summary = "Say what a command does and takes",
    .usage = "[COMMAND]",
    .examples = {{"fovea help", "all commands"}, {"fovea help train", "one of them"}},
    .max_args = 1,
    .run = run_help,
};
