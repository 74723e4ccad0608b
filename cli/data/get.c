/*
 * get.c - `fovea get`: data sets from the network or a folder. The one command that uses a network.
 *
 * To stdout, a line for each thing that happens, like torchvision's; to stderr the bar on a
 * terminal, and addresses that failed. Ctrl+C keeps what has come; a second one leaves at once.
 *
 * Layer 6. Calls fovea.h, libc and POSIX.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/cli.h"

#define REFRESH 0.25 /* seconds from one live line to the next */

static volatile sig_atomic_t interrupts; /* how often Ctrl+C was pressed */

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    if (interrupts++ > 0)
        _exit(EXIT_STOPPED);
}

typedef struct show {
    bool quiet, lively, drawn;
    double start, last;
    int64_t resumed; /* bytes that an earlier try has left */
    bool parted;     /* something of the file that comes now is kept, should it stop */
} show;

static void clear_line(show *s)
{
    if (s->drawn)
        fputs("\r\033[K", stderr);
    s->drawn = false;
}

static void show_bytes(show *s, const fv_get_news *n)
{
    double time = now(), seconds = time - s->start;
    s->parted = s->parted || n->done > 0;
    if (!s->lively || n->total <= 0 || time - s->last < REFRESH)
        return;
    const char *slash = strrchr(n->path, '/');
    char head[80], tail[80];
    double pace = seconds > 0 ? (double)(n->done - s->resumed) / seconds : 0;
    snprintf(head, sizeof head, "%.40s  ", slash ? slash + 1 : n->path);
    snprintf(tail, sizeof tail, "%.1f of %.1f MB  %.1f MB/s", (double)n->done / 1e6,
             (double)n->total / 1e6, pace / 1e6);
    live_line(head, (double)n->done / (double)n->total, tail);
    s->last = time;
    s->drawn = true;
}

static void show_line(const show *s, const fv_get_news *n)
{
    char bytes[32];
    if (n->event == FV_GET_FAILED && !s->quiet)
        fprintf(stderr, "failed: %s\n        %s\n", n->from, n->why);
    if (s->quiet)
        return;
    if (n->event == FV_GET_START && n->done > 0)
        printf("Downloading %s to %s, continuing after %s bytes\n", n->from, n->path,
               with_commas(n->done, bytes));
    else if (n->event == FV_GET_START)
        printf("%s %s to %s\n", strncmp(n->from, "http", 4) ? "Copying" : "Downloading", n->from,
               n->path);
    else if (n->event == FV_GET_DONE)
        printf("%s bytes, checksum right\n", with_commas(n->done, bytes));
    else if (n->event == FV_GET_THERE)
        printf("%s: already there, checksum right\n", n->path);
    else if (n->event == FV_GET_UNPACK)
        printf("Extracting %s to %s\n", n->from, n->path);
    fflush(stdout);
}

static int on_news(void *user, const fv_get_news *n)
{
    show *s = user;
    if (n->event == FV_GET_BYTES) {
        show_bytes(s, n);
        return interrupts > 0;
    }
    clear_line(s);
    if (n->event == FV_GET_START) {
        s->start = now();
        s->last = s->start - REFRESH;
        s->resumed = n->done;
        s->parted = n->done > 0;
    } else if (n->event == FV_GET_DONE) {
        s->parted = false;
    }
    show_line(s, n);
    return interrupts > 0;
}

static int show_stop(const settings *s, const show *shown)
{
    if (shown->parted)
        fprintf(stderr,
                "stopped; the part that was downloaded is kept as .part\n"
                "next    fovea get %s         continues from there\n",
                s->args[0]);
    else
        fprintf(stderr, "stopped; no part of a file was left behind\n");
    return EXIT_STOPPED;
}

static int run_get(const settings *s)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    fv_ctx *ctx = open_context(s);
    show shown = {.quiet = s->quiet, .lively = is_lively(stderr) && !s->quiet};
    int code = EXIT_DONE;
    if (fv_get(ctx, s->args[0], s->root, .mirrors = s->mirror, .only_mirrors = s->only_mirror,
               .from = s->from, .timeout = s->timeout, .progress = on_news, .user = &shown)) {
        clear_line(&shown);
        code = interrupts ? show_stop(s, &shown) : fail_context(ctx, "fovea help get");
        if (fv_error(ctx) == FV_E_NAME)
            code = EXIT_USAGE;
    } else if (!s->quiet) {
        puts("Done!");
    }
    fv_close(ctx);
    return code;
}

const command get_command = {
    .name = "get",
    .summary = "Fetch a data set: mnist, cifar10 and others",
    .usage = "SET",
    .examples = {{"fovea get mnist", "to data/MNIST/raw, 12 MB"},
                 {"fovea get cifar10 --root sets", "170 MB, and unpacks it"},
                 {"fovea get mnist --from ~/Downloads", "no network: copies, checks"}},
    .notes = "The sets: mnist, fashion-mnist, kmnist, qmnist, emnist (562 MB), cifar10,\n"
             "cifar100, in torchvision's folders. Each file has several addresses and a\n"
             "checksum. Files that are complete are not downloaded again, and an interrupted\n"
             "download continues. Several mirrors are one value, separated by spaces.\n"
             "Proxies are those of http_proxy, https_proxy and no_proxy. No other command\n"
             "uses a network.",
    .options = TAKES(OPT_ROOT) | TAKES(OPT_MIRROR) | TAKES(OPT_ONLY_MIRROR) | TAKES(OPT_FROM) |
               TAKES(OPT_TIMEOUT) | TAKES(OPT_QUIET),
    .min_args = 1,
    .max_args = 1,
    .run = run_get,
};
