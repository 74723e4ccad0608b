/*
 * screen.c - terminals: what they can show, bars, figures for people, the one live line of a run.
 *
 * Only glyphs that are one column wide everywhere: ASCII and braille.
 *
 * Layer 6. Calls libc and POSIX.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/cli.h"

#define REFRESH       0.25 /* seconds from one live line to the next */
#define PLAIN_REFRESH 30   /* the same where it is not a terminal, and lines stay */

bool is_terminal(FILE *f)
{
    return isatty(fileno(f)) == 1;
}

bool is_lively(FILE *f)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    return is_terminal(f) && term && strcmp(term, "dumb") != 0 && !(no_color && *no_color);
}

bool talks(const settings *s)
{
    return s->verbose || (is_terminal(stderr) && !s->quiet);
}

const char *colour(FILE *f, const char *escape)
{
    return is_lively(f) ? escape : "";
}

int screen_width(void)
{
    struct winsize size;
    int width = ioctl(fileno(stderr), TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
    return width < 40 ? 40 : width > 100 ? 100 : width;
}

const char *with_commas(int64_t n, char out[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)n), k = 0;
    for (int i = 0; i < length; i++) {
        out[k++] = digits[i];
        if (i + 1 < length && (length - 1 - i) % 3 == 0)
            out[k++] = ',';
    }
    out[k] = '\0';
    return out;
}

/* Letters of Hangul, Chinese and Japanese are two columns wide: their UTF-8 begins with E1 to ED,
   but for E2, which has symbols and braille. */
int columns_of(const char *text)
{
    int columns = 0;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c & 0xc0) != 0x80)
            columns += c >= 0xe1 && c <= 0xed && c != 0xe2 ? 2 : 1;
    }
    return columns;
}

/* ---- results -------------------------------------------------------------------------------- */

double accuracy_of(fv_result result)
{
    return result.total > 0 ? (double)result.correct / (double)result.total : 0;
}

void wilson_range(fv_result result, double *low, double *high)
{
    fv_wilson(result.correct, result.total, 1.959964, low, high);
}

void put_accuracy(FILE *f, fv_result result)
{
    char right[32], total[32];
    double low, high;
    wilson_range(result, &low, &high);
    fprintf(f, "test    %.2f%%   %s of %s right   (95%% range %.1f to %.1f)\n",
            100 * accuracy_of(result), with_commas(result.correct, right),
            with_commas(result.total, total), 100 * low, 100 * high);
}

/* ---- bars ----------------------------------------------------------------------------------- */

void put_bar(FILE *f, double share, int cells, const char *full, const char *empty)
{
    int filled = (int)(share * cells + 0.5);
    for (int i = 0; i < cells; i++)
        fputs(i < filled ? full : empty, f);
}

static bool has_utf8(void)
{
    const char *names[] = {"LC_ALL", "LC_CTYPE", "LANG"}; /* the first that is set decides */
    for (int i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strstr(value, "UTF-8") || strstr(value, "utf8") || strstr(value, "UTF8");
    }
    return false;
}

progress progress_start(bool on, bool plain, int epochs, int64_t total)
{
    double time = now();
    bool lively = on && is_lively(stderr);
    return (progress){.on = lively,
                      .plain = on && plain && !lively,
                      .shares_screen = is_terminal(stdout),
                      .epochs = epochs,
                      .total = total,
                      .start = time,
                      .last = lively ? time - REFRESH : time}; /* the first step shows at once */
}

void live_line(const char *head, double share, const char *tail)
{
    int capacity = screen_width() - 1 - (int)strlen(head); /* a full line could not be erased */
    int cells = capacity - (int)strlen(tail) - 3;
    fprintf(stderr, "\r\033[K%s", head);
    if (cells >= 4) { /* a shorter bar says nothing */
        bool utf8 = has_utf8();
        fputc('[', stderr);
        put_bar(stderr, share, cells, utf8 ? "\u28ff" : "#", utf8 ? "\u28c0" : ".");
        fputs("] ", stderr);
    }
    fprintf(stderr, "%.*s", capacity > 0 ? capacity : 0, tail);
    fflush(stderr);
}

void progress_step(progress *p, int epoch, int64_t done, double loss)
{
    double time = now(), share = (double)done / (double)p->total;
    if ((!p->on && !p->plain) || time - p->last < (p->on ? REFRESH : PLAIN_REFRESH))
        return;
    char head[40], tail[120];
    snprintf(head, sizeof head, "epoch %d/%d  ", epoch, p->epochs);
    snprintf(tail, sizeof tail, "%2.0f%%   loss %.3f   %.0fs left", 100 * share, loss,
             (time - p->start) * (1 - share) / share);
    p->last = time;
    p->drawn = p->on;
    if (p->on)
        live_line(head, share, tail);
    else
        fprintf(stderr, "%s%s\n", head, tail);
}

void progress_clear(progress *p)
{
    if (p->drawn)
        fputs("\r\033[K", stderr);
    p->drawn = false;
}
