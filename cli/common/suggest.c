/*
 * suggest.c - "did you mean": how far two words are apart.
 *
 * Layer 6. Calls libc.
 */
#include <string.h>

#include "common/cli.h"

enum { WORD_MAX = 63 };

static int least(int a, int b)
{
    return a < b ? a : b;
}

int edit_distance(const char *a, const char *b)
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

bool looks_like(const char *word, const char *name)
{
    size_t n = strlen(word);
    int third = (int)strlen(name) / 3;
    return (n >= 3 && strncmp(word, name, n) == 0) ||
           edit_distance(word, name) <= (third > 1 ? third : 1);
}
