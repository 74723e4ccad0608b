/*
 * main.c - the command `fovea`: a table of subcommands, one file each.
 *
 * Layer 6. Exit codes: 0 done, 1 the work failed, 2 wrong usage, 130 stopped by Ctrl+C.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "common/cli.h"

static const command help_command;

static const command *const commands[] = {
    &get_command,    &check_command,   &split_command, &train_command, &test_command,
    &info_command,   &predict_command, &run_command,   &init_command,  &bench_command,
    &device_command, &version_command, &help_command,  NULL,
};

static int run_help(const settings *s)
{
    return show_help(commands, s->args[0]);
}

static const command help_command = {
    .name = "help",
    .summary = "Explain a command, or list models, transforms and others",
    .usage = "[COMMAND|models|augment|optimizers|schedules|losses]",
    .examples = {{"fovea help", "all commands"},
                 {"fovea help train", "one of them"},
                 {"fovea help optimizers", "what --optimizer can be"}},
    .max_args = 1,
    .run = run_help,
};

/* Options but no command: --help and --version have an answer. */
static int without_command(int argc, char **argv)
{
    if (argc <= 1 || asks_for_help(argc, argv))
        return show_help(commands, NULL);
    if (strcmp(argv[1], "--version") == 0)
        return version_command.run(NULL);
    return fail(EXIT_USAGE, "E-ARGS", "no command is given, only \"%s\"\nhelp: fovea help",
                argv[1]);
}

static int dispatch(int argc, char **argv)
{
    int word = find_command_word(argc, argv);
    if (word == 0)
        return without_command(argc, argv);
    const command *c = find_command(commands, argv[word]);
    if (!c)
        return EXIT_USAGE;
    if (asks_for_help(argc, argv)) {
        print_help(c);
        return EXIT_DONE;
    }
    settings s;
    int code = parse_options(c, word, argc, argv, &s);
    return code ? code : c->run(&s);
}

int main(int argc, char **argv)
{
    /* A reader that goes away (fovea train | head) must not end a run before it is saved. */
    signal(SIGPIPE, SIG_IGN);
    int code = dispatch(argc, argv);
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_DONE)
        return fail(EXIT_FAILED, "E-IO",
                    "the result could not be written to standard output: %s\n"
                    "help: is the disk full, or has the program that reads the output ended?",
                    errno ? strerror(errno) : "an earlier line failed");
    return code;
}
