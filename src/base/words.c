/*
 * words.c - "did you mean", and names against patterns. Layer 1. Calls libc.
 */
#include "base/base.h"

#include <string.h>

enum { WORD_MAX = 63 };

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Letters to insert, delete, change or swap (Damerau and Levenshtein's distance). */
static int edit_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > WORD_MAX || m > WORD_MAX)
        return WORD_MAX;
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

int fv_word_distance(const char *word, const char *name)
{
    size_t n = strlen(word);
    int third = (int)strlen(name) / 3, distance = edit_distance(word, name);
    if (n >= 3 && strncmp(word, name, n) == 0)
        return distance < 1 ? distance : 1;
    return distance <= (third > 1 ? third : 1) ? distance : -1;
}

bool fv_word_matches(const char *pattern, const char *name)
{
    if (*pattern == '*')
        return fv_word_matches(pattern + 1, name) || (*name && fv_word_matches(pattern, name + 1));
    return *pattern == *name && (*name == '\0' || fv_word_matches(pattern + 1, name + 1));
}
