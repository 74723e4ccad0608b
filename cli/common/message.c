/*
 * message.c - how errors look, paths, and the context that the commands work in.
 *
 * Layer 6. Calls fovea.h, libc and POSIX.
 */
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

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

int fail_context(const fv_ctx *ctx, const char *help)
{
    fv_status status = fv_error(ctx);
    const char *text = fv_error_text(ctx);
    bool has_help = strstr(text, "\nhelp: ") != NULL;
    return fail(status == FV_E_ARG ? EXIT_USAGE : EXIT_FAILED, fv_status_name(status), "%s%s%s",
                text, has_help ? "" : "\nhelp: ", has_help ? "" : help);
}

static void print_note(void *user, fv_log_level level, const char *text)
{
    const settings *s = user;
    if (level == FV_LOG_DEBUG || s->quiet)
        return;
    fprintf(stderr, "%s%s\n", level == FV_LOG_WARNING ? "warning: " : "note:  ", text);
}

fv_ctx *open_context(const settings *s)
{
    return fv_open(&(fv_options){.seed = s->seed,
                                 .threads = s->threads,
                                 .kernels = s->kernels,
                                 .user = (void *)(uintptr_t)s,
                                 .log = print_note});
}

bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

bool join_path(char *path, const char *folder, const char *name)
{
    size_t n = strlen(folder);
    int length = snprintf(path, PATH_SIZE, "%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/",
                          name);
    return length > 0 && length < PATH_SIZE;
}
