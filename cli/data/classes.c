/*
 * classes.c - how many samples of which class a data set has: the table and the JSON that `fovea
 * info` and `fovea check` have in common.
 *
 * Layer 6. Calls fovea.h, cJSON and libc.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"

static const char *const set_names[SETS] = {"training", "validation", "test"};
static const char *const set_keys[SETS] = {"train", "val", "test"};

const char *set_key(int k)
{
    return set_keys[k];
}

void counts_take(counts *c, fv_dataset *const sets[SETS])
{
    *c = (counts){.names = sets[0]};
    for (int k = 0; k < SETS; k++) {
        c->info[k] = fv_dataset_describe(sets[k]);
        c->of[k] = sets[k] ? calloc((size_t)c->info[0].classes + 1, sizeof **c->of) : NULL;
        if (c->of[k])
            fv_dataset_check(sets[k], c->info[0].classes, c->of[k]);
    }
}

void counts_free(counts *c)
{
    for (int k = 0; k < SETS; k++)
        free(c->of[k]);
}

/* ---- text ----------------------------------------------------------------------------------- */

void print_lengths(const counts *c)
{
    for (int k = 0; k < SETS; k++)
        if (c->of[k])
            printf("Number of %s data :  %lld\n", set_names[k], (long long)c->info[k].len);
}

const char *class_label(const fv_dataset *set, int label, char name[64])
{
    const char *given = fv_dataset_class_name(set, label);
    if (given)
        snprintf(name, 64, "%s", given);
    else
        snprintf(name, 64, "%d", label);
    hide_controls(name);
    return name;
}

static void print_class(const counts *c, int i, int width, int64_t most)
{
    char number[32], name[64];
    printf("%*s%s", width - columns_of(class_label(c->names, i, name)), "", name);
    for (int k = 0; k < SETS; k++)
        if (c->of[k])
            printf("  %*s", k == 1 ? 10 : k == 0 ? 8 : 6, with_commas(c->of[k][i], number));
    fputs("  ", stdout);
    put_bar(stdout, (double)c->of[0][i] / (double)most, 40, "#", "");
    putchar('\n');
}

void print_classes(const counts *c)
{
    int64_t most = 1;
    int classes = c->of[0] ? c->info[0].classes : 0, width = 5;
    for (int i = 0; i < classes; i++) {
        char name[64];
        int length = columns_of(class_label(c->names, i, name));
        width = length > width ? length : width;
        most = c->of[0][i] > most ? c->of[0][i] : most;
    }
    printf("classes  %d\n\n%*s  training%s%s\n", classes, width, "class",
           c->of[1] ? "  validation" : "", c->of[2] ? "    test" : "");
    for (int i = 0; i < classes; i++)
        print_class(c, i, width, most);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

void json_classes(cJSON *to, const counts *c)
{
    for (int k = 0; k < SETS; k++) {
        if (!c->of[k])
            continue;
        const fv_dataset_info *info = &c->info[k];
        cJSON *split = cJSON_AddObjectToObject(to, set_keys[k]);
        cJSON_AddNumberToObject(split, "count", (double)info->len);
        cJSON *list = cJSON_AddArrayToObject(split, "classes");
        for (int i = 0; i < c->info[0].classes; i++)
            cJSON_AddItemToArray(list, cJSON_CreateNumber((double)c->of[k][i]));
        cJSON *files = cJSON_AddArrayToObject(split, "files");
        for (int i = 0; i < 2; i++)
            if (info->files[i])
                cJSON_AddItemToArray(files, cJSON_CreateString(info->files[i]));
    }
}
