/*
 * fail.c - how errors look: what happened, evidence, and one thing to type.
 *
 * Layer 6. Calls libc.
 */
#include <stdarg.h>
#include <string.h>

#include "common/cli.h"

enum { CODE_COLUMN = 78 };

void hide_controls(char *text)
{
    for (; *text; text++)
        if (((unsigned char)*text < ' ' && *text != '\n') || *text == 0x7f)
            *text = '?';
}

static void print_error(const char *code, char *text)
{
    const char *red = colour(stderr, RED), *plain = colour(stderr, PLAIN);
    const char *help = "fovea help";
    bool first = true;
    hide_controls(text);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "help: ", 6) == 0)
            help = line + 6;
        else if (first)
            fprintf(stderr, "%serror:%s %s\n", red, plain, line);
        else
            fprintf(stderr, "       %s\n", line);
        first = false;
    }
    int width = CODE_COLUMN - (int)strlen("help:    []") - (int)strlen(code);
    fprintf(stderr, "help:  %-*s  [%s]\n", width, help, code);
}

int fail(int exit_code, const char *code, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    print_error(code, text);
    return exit_code;
}

int fail_memory(const char *what)
{
    return fail(EXIT_FAILED, "E-MEMORY", "not enough memory for %s\nhelp: close other programs",
                what);
}
