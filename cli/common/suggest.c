/*
 * suggest.c - "did you mean": which name was meant by a word that is none.
 *
 * Layer 6. Calls libc.
 */
#include <string.h>

#include "common/cli.h"

enum { WORD_MAX = 63, FAR = 1000 };

static int least(int a, int b)
{
    return a < b ? a : b;
}

int edit_distance(const char *a, const char *b)
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

/* A slip of the finger moves, drops or doubles letters; letters that the name does not have speak
   for another word, and count twice: "epchos" is near to epochs, "resume" far from resize. */
static int distance_of(const char *word, const char *name)
{
    size_t n = strlen(word), m = strlen(name);
    if (n >= 3 && strncmp(word, name, n) == 0)
        return n < m;
    int distance = edit_distance(word, name) + foreign_letters(word, name);
    int most = m < 5 ? 2 : m < 8 ? 3 : m < 12 ? 4 : 5;
    return distance <= most && (m > 3 || word[0] == name[0]) ? distance : FAR;
}

bool looks_like(const char *word, const char *name)
{
    return distance_of(word, name) < FAR;
}

void nearest_try(nearest *n, const char *name)
{
    int distance = distance_of(n->word, name);
    if (distance == FAR || (n->name && distance >= n->distance))
        return;
    n->name = name;
    n->distance = distance;
}
