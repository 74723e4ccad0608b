/*
 * message.c - errors of the library in the words of the command, paths, and the context that the
 * commands work in.
 *
 * Layer 6. Calls fovea.h, libc and POSIX.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cli.h"

/* ---- the library's words ---------------------------------------------------------------------- */

/* What the library advises to a program in C, and what to type on the command line instead. */
static const struct {
    const char *library, *command;
} phrases[] = {
    {"padding FV_SAME", "padding=same"},
    {"x = fv_flatten(x) before it", "flatten before it"},
    {".scale_factor = 2, or .size = FV_HW(rows, columns)", "scale_factor=2, or size=ROWSxCOLUMNS"},
    {".mode = FV_UPSAMPLE_BILINEAR", "mode=bilinear"},
    {"FV_HW(0, 5)", "0x5"},
    {"give one int, or FV_HW(rows, columns)", "one number, or ROWSxCOLUMNS"},
    {".cumulative = true", "cumulative"},
    {"leave .name out", "leave name= out"},
    {"another .name, or a scope of its own", "another name="},
    {"end the net with fv_flatten and fv_linear, or give labels for each pixel as .labels",
     "end the net with \"flatten; linear classes\""},
    {"end the net with fv_log_softmax or use fv_cross_entropy_loss",
     "end the net with log_softmax, or take the loss cross_entropy"},
    {"end the net without a softmax, or with fv_log_softmax",
     "end the net without softmax, or with log_softmax"},
    {"give the folder that the names are relative to as .images",
     "write paths that are relative to the folder of the .csv"},
    {"give a table of id,name as .classes", "write names of classes in place of their numbers"},
    {"give the loader a transform that ends with a resize or a crop",
     "--size 64, or end --augment with a crop"},
    {"end the transform with a resize or a crop", "--size 64, or end --augment with a crop"},
    {"give the loader a transform to a fixed size, or ask for one picture by fv_dataset_picture",
     "--size 64, or end --augment with a crop"},
    {"add pictures, or ask for fewer parts", "add pictures, or train without validation: --val 0"},
    {"take fewer folds, or .no_stratify = true", "fewer --folds, or more pictures of that class"},
    {"only_mirrors, but no mirrors are given", "--only-mirror needs --mirror URL"},
    {"fv_dataset_check finds such labels before training starts",
     "correct the label, or make a net of more classes"},
    {"batches of 2 or more (.drop_last = true leaves out a last one of 1), or fv_eval_mode",
     "another --batch-size, so that no batch has a single image"},
};

/* Whether a help line speaks of C: fv_name, FV_NAME, .field = value. */
static bool speaks_of_c(const char *help)
{
    for (const char *at = help; *at; at++) {
        size_t name = *at == '.' ? strspn(at + 1, "abcdefghijklmnopqrstuvwxyz_") : 0;
        if (strncmp(at, "fv_", 3) == 0 || strncmp(at, "FV_", 3) == 0 ||
            (name > 0 && strncmp(at + 1 + name, " = ", 3) == 0))
            return true;
    }
    return false;
}

/* Adds the text with the phrases replaced, and without the function that it begins with:
   "fv_split_folds: ...". */
static int add_translated(csv *out, const char *text)
{
    enum { PHRASES = sizeof phrases / sizeof *phrases };
    size_t name = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    int code = EXIT_DONE;
    if (strncmp(text, "fv_", 3) == 0 && strncmp(text + name, ": ", 2) == 0)
        text += name + 2;
    while (!code && *text) {
        int i = 0;
        while (i < PHRASES && strncmp(text, phrases[i].library, strlen(phrases[i].library)) != 0)
            i++;
        if (i < PHRASES)
            code = csv_print(out, "%s", phrases[i].command);
        else
            code = csv_print(out, "%c", *text);
        text += i < PHRASES ? strlen(phrases[i].library) : 1;
    }
    return code;
}

char *in_our_words(const char *text, const char *help)
{
    csv out = {0};
    if (add_translated(&out, text) || csv_print(&out, "%s", "")) {
        free(out.text);
        return NULL;
    }
    char *own = strstr(out.text, "\nhelp: ");
    if (own && speaks_of_c(own)) {
        out.used = (size_t)(own - out.text);
        *own = '\0';
        own = NULL;
    }
    if (!own && help && csv_print(&out, "\nhelp: %s", help)) {
        free(out.text);
        return NULL;
    }
    return out.text;
}

int fail_context(const fv_ctx *ctx, const char *help)
{
    fv_status status = fv_error(ctx);
    int exit_code = status == FV_E_ARG ? EXIT_USAGE : EXIT_FAILED;
    char *text = in_our_words(fv_error_text(ctx), help);
    if (text)
        fail(exit_code, fv_status_name(status), "%s", text);
    free(text);
    return exit_code;
}

static void print_note(void *user, fv_log_level level, const char *text)
{
    const settings *s = user;
    if (level == FV_LOG_DEBUG || s->quiet)
        return;
    char *ours = in_our_words(text, NULL);
    fprintf(stderr, "%s%s\n",
            level == FV_LOG_WARNING ? "warning: " : "note:  ", ours ? ours : text);
    free(ours);
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
