/*
 * words.c - "did you mean", words of a list, and names against patterns. Layer 0. Calls libc.
 */
#include "args/args.h"

#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 63, FAR = 1000 };

static int least(int a, int b)
{
    return a < b ? a : b;
}

int fv_edit_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > WORD_MAX || m > WORD_MAX)
        return FAR;
    int d[WORD_MAX + 1][WORD_MAX + 1]; /* of the first i letters of a and j of b */
    for (size_t i = 0; i <= n; i++) {
        for (size_t j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = (int)(i + j);
                continue;
            }
            d[i][j] = least(d[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
                            least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[n][m];
}

/* How many letters of word the name does not have, each counted as often as it occurs. */
static int foreign_letters(const char *word, const char *name)
{
    int count[256] = {0}, foreign = 0;
    for (; *name; name++)
        count[(unsigned char)*name]++;
    for (; *word; word++)
        foreign += count[(unsigned char)*word]-- <= 0;
    return foreign;
}

/* A slip of the finger moves, drops or doubles letters; letters that the name does not have suggest
   another word, and count twice: "epchos" is near to epochs, "resume" far from resize. */
static int distance_of(const char *word, const char *name)
{
    size_t n = strlen(word), m = strlen(name);
    if (n >= 3 && strncmp(word, name, n) == 0)
        return n < m;
    int distance = fv_edit_distance(word, name) + foreign_letters(word, name);
    int most = m < 5 ? 2 : m < 8 ? 3 : m < 12 ? 4 : 5;
    return distance <= most && (m > 3 || word[0] == name[0]) ? distance : FAR;
}

bool fv_looks_like(const char *word, const char *name)
{
    return distance_of(word, name) < FAR;
}

void fv_nearest_try(fv_nearest *nearest, const char *name)
{
    int distance = distance_of(nearest->word, name);
    if (distance == FAR || (nearest->name && distance >= nearest->distance))
        return;
    nearest->name = name;
    nearest->distance = distance;
}

int fv_word_place(const char *words, const char *word)
{
    size_t n = strlen(word);
    int place = 0;
    for (const char *at = words; at && *at; place++) {
        size_t length = strcspn(at, " ");
        if (length == n && strncmp(at, word, n) == 0)
            return place;
        at += length + (at[length] == ' ');
    }
    return -1;
}

const char *fv_word_at(const char *words, int place, char text[40])
{
    while (place-- > 0)
        words += strcspn(words, " ") + 1;
    snprintf(text, 40, "%.*s", (int)strcspn(words, " "), words);
    return text;
}

/* Where the rest does not match, only the last * may stand for more: what came before it is as
   short as can be. So the time is that of the two lengths, whatever the pattern. */
bool fv_word_matches(const char *pattern, const char *name)
{
    const char *star = NULL, *rest = NULL;
    while (*name) {
        if (*pattern == '*') {
            star = ++pattern;
            rest = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star;
            name = ++rest;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}
