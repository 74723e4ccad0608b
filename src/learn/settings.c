/*
 * settings.c - arguments of optimizers and schedules: defaults, ranges, and their text form.
 *
 * Layer 4. Calls the base.
 */
#include "learn/settings.h"

#include <stdio.h>
#include <string.h>

/* ---- ranges and defaults ------------------------------------------------------------------ */

static const struct {
    double low, high;
    bool with_low, with_high;
    const char *text;
} ranges[] = {
    [FV_POSITIVE] = {0, 1e30, false, true, "more than 0"},
    [FV_FROM_0] = {0, 1e30, true, true, "0 or more"},
    [FV_BELOW_1] = {0, 1, true, false, "in [0,1)"},
    [FV_UP_TO_1] = {0, 1, true, true, "in [0,1]"},
    [FV_SHARE] = {0, 1, false, false, "in (0,1)"},
    [FV_FACTOR] = {0, 1, false, true, "in (0,1]"},
    [FV_FROM_1] = {1, 1e30, true, true, "1 or more"},
};

/* NaN is in no range. */
static bool in_range(fv_range range, double value)
{
    double low = ranges[range].low, high = ranges[range].high;
    return (value > low || (ranges[range].with_low && value == low)) &&
           (value < high || (ranges[range].with_high && value == high));
}

fv_status fv_check_range(fv_ctx *ctx, const char *where, const char *name, fv_range range,
                         double value)
{
    if (in_range(range, value))
        return FV_OK;
    return fv_fail(ctx, FV_E_ARG, "%s: %s is %g, but must be %s", where, name, value,
                   ranges[range].text);
}

static int numbers_of(const fv_setting *s)
{
    return s->type == FV_SET_NUMBER || s->type == FV_SET_COUNT ? 1 : s->type == FV_SET_PAIR ? 2 : 0;
}

static double get_number(const fv_setting *s, const void *args, int i)
{
    int count;
    double number;
    const char *at = (const char *)args + s->offset;
    if (s->type == FV_SET_COUNT) {
        memcpy(&count, at, sizeof count);
        return count;
    }
    memcpy(&number, at + (size_t)i * sizeof number, sizeof number);
    return number;
}

static void set_number(const fv_setting *s, void *args, int i, double number)
{
    int count = s->type == FV_SET_COUNT ? (int)number : 0;
    char *at = (char *)args + s->offset;
    if (s->type == FV_SET_COUNT)
        memcpy(at, &count, sizeof count);
    else
        memcpy(at + (size_t)i * sizeof number, &number, sizeof number);
}

static const char *get_word(const fv_setting *s, const void *args)
{
    const char *word;
    memcpy(&word, (const char *)args + s->offset, sizeof word);
    return word ? word : s->words[0];
}

/* The words as "min or max". */
static fv_status refuse_word(fv_ctx *ctx, const char *where, const fv_setting *s, const char *word)
{
    char known[100] = "";
    fv_text to = {known, sizeof known};
    for (int i = 0; s->words[i]; i++)
        fv_put(&to, "%s%s", i ? " or " : "", s->words[i]);
    return fv_fail(ctx, FV_E_ARG, "%s: %s is \"%.40s\", but must be %s", where, s->name, word,
                   known);
}

/* The field points to our own copy of the word from then on. */
static fv_status set_word(fv_ctx *ctx, const char *where, const fv_setting *s, void *args,
                          const char *word)
{
    for (int i = 0; s->words[i]; i++)
        if (strcmp(s->words[i], word) == 0) {
            memcpy((char *)args + s->offset, &s->words[i], sizeof s->words[i]);
            return FV_OK;
        }
    return refuse_word(ctx, where, s, word);
}

fv_status fv_settle(fv_ctx *ctx, const char *where, const fv_setting *settings, void *args)
{
    for (const fv_setting *s = settings; s->name; s++) {
        if (s->type == FV_SET_WORD && set_word(ctx, where, s, args, get_word(s, args)))
            return fv_error(ctx);
        for (int i = 0; i < numbers_of(s); i++) {
            double value = get_number(s, args, i);
            value = value == 0 ? s->usual[i] : value == FV_ZERO ? 0 : value;
            if (fv_check_range(ctx, where, s->name, s->range, value))
                return fv_error(ctx);
            set_number(s, args, i, value);
        }
    }
    return FV_OK;
}

double *fv_setting_at(const fv_setting *settings, void *args, const char *name)
{
    for (const fv_setting *s = settings; s->name; s++)
        if (strcmp(s->name, name) == 0)
            return (double *)(void *)((char *)args + s->offset);
    return NULL;
}

/* ---- reading ------------------------------------------------------------------------------ */

fv_status fv_read_statement(fv_ctx *ctx, const char *what, const char **text, const char *ends,
                            fv_statement *s)
{
    const char *blanks = " \t\r\n", *from = *text + strspn(*text, blanks);
    size_t length = strcspn(from, ends);
    *text = from + length + (from[length] != '\0');
    while (length > 0 && strchr(blanks, from[length - 1]))
        length--;
    snprintf(s->where, sizeof s->where, "%s \"%.*s%s\"", what, length > 100 ? 100 : (int)length,
             from, length > 100 ? "..." : "");
    if (length >= sizeof s->text)
        return fv_fail(ctx, FV_E_ARG, "%s: it has %zu characters; %zu are allowed", s->where,
                       length, sizeof s->text - 1);
    memcpy(s->text, from, length);
    s->text[length] = '\0';
    s->count = 0;
    for (char *at = s->text; *(at += strspn(at, blanks));) {
        if (s->count == sizeof s->words / sizeof *s->words)
            return fv_fail(ctx, FV_E_ARG, "%s: it has more than %d words", s->where, s->count);
        s->words[s->count++] = at;
        at += strcspn(at, blanks);
        if (*at)
            *at++ = '\0';
    }
    return FV_OK;
}

static bool is_whole(double number)
{
    return number >= -2e9 && number <= 2e9 && number == (double)(int)number;
}

static bool read_list(fv_statement *s, const fv_setting *f, const char *text, void *args)
{
    double numbers[FV_LIST_MAX];
    const int n = fv_read_numbers(text, ',', numbers, FV_LIST_MAX), *list = s->list;
    for (int i = 0; i < n; i++) {
        if (!is_whole(numbers[i]))
            return false;
        s->list[i] = (int)numbers[i];
    }
    if (n < 1)
        return false;
    memcpy((char *)args + f->offset, &list, sizeof list);
    memcpy((char *)args + f->offset + sizeof list, &n, sizeof n);
    return true;
}

static fv_status read_value(fv_ctx *ctx, fv_statement *s, const fv_setting *f, const char *text,
                            void *args)
{
    static const char *const takes[] = {
        [FV_SET_NUMBER] = "a number",
        [FV_SET_PAIR] = "two numbers as 0.9,0.999",
        [FV_SET_COUNT] = "a whole number",
        [FV_SET_FLAG] = "true or false",
        [FV_SET_WORD] = "",
        [FV_SET_LIST] = "whole numbers as 30,80",
    };
    double numbers[2];
    int n = numbers_of(f);
    bool good = true, flag = strcmp(text, "true") == 0;
    if (f->type == FV_SET_WORD)
        return set_word(ctx, s->where, f, args, text);
    if (n > 0)
        good = fv_read_numbers(text, ',', numbers, n) == n;
    if (f->type == FV_SET_COUNT)
        good = good && is_whole(numbers[0]);
    if (f->type == FV_SET_LIST)
        good = read_list(s, f, text, args);
    if (f->type == FV_SET_FLAG)
        good = flag || strcmp(text, "false") == 0;
    if (!good)
        return fv_fail(ctx, FV_E_ARG, "%s: %s is \"%.40s\"; it takes %s", s->where, f->name, text,
                       takes[f->type]);
    for (int i = 0; i < n; i++) {
        if (fv_check_range(ctx, s->where, f->name, f->range, numbers[i]))
            return fv_error(ctx);
        set_number(f, args, i, numbers[i] == 0 ? FV_ZERO : numbers[i]);
    }
    if (f->type == FV_SET_FLAG)
        memcpy((char *)args + f->offset, &flag, sizeof flag);
    return FV_OK;
}

static fv_status refuse_setting(fv_ctx *ctx, const fv_statement *s, const fv_recipe *recipe,
                                const char *word)
{
    char known[300] = "";
    fv_text to = {known, sizeof known};
    for (const fv_setting *f = recipe->settings; f->name; f++)
        fv_put(&to, " %s", f->name);
    return fv_fail(ctx, FV_E_NAME, "%s: %s has no argument \"%.40s\"\nhelp: it has%s", s->where,
                   recipe->name, word, known);
}

static const fv_setting *setting_named(const fv_recipe *recipe, const char *name)
{
    const fv_setting *f = recipe->settings;
    while (f->name && strcmp(f->name, name) != 0)
        f++;
    return f;
}

fv_status fv_read_settings(fv_ctx *ctx, fv_statement *s, int first, const fv_recipe *recipe,
                           void *args)
{
    uint32_t seen = 0;
    int place = 0;
    for (int i = first; i < s->count; i++) {
        char *word = s->words[i], *value = strchr(word, '=');
        if (value)
            *value++ = '\0';
        const fv_setting *f = setting_named(recipe, word);
        if (!value && !f->name && place < recipe->places)
            f = recipe->settings + place++, value = word;
        if (!f->name)
            return refuse_setting(ctx, s, recipe, word);
        uint32_t bit = 1u << (f - recipe->settings);
        if (seen & bit)
            return fv_fail(ctx, FV_E_ARG, "%s: %s is given twice", s->where, f->name);
        seen |= bit;
        if (read_value(ctx, s, f, value ? value : f->type == FV_SET_FLAG ? "true" : "", args))
            return fv_error(ctx);
    }
    return FV_OK;
}

fv_status fv_refuse_name(fv_ctx *ctx, const fv_statement *s, const char *what, const char *name,
                         const fv_recipe *const *recipes, int n)
{
    char known[300] = "";
    fv_text to = {known, sizeof known};
    fv_nearest near = {.word = name};
    for (int i = 0; i < n; i++) {
        fv_nearest_try(&near, recipes[i]->name);
        fv_put(&to, " %s", recipes[i]->name);
    }
    if (near.best)
        return fv_fail(ctx, FV_E_NAME, "%s: there is no %s \"%.40s\"\nhelp: did you mean %s?",
                       s->where, what, name, near.best);
    return fv_fail(ctx, FV_E_NAME, "%s: there is no %s \"%.40s\"\nhelp: there are%s", s->where,
                   what, name, known);
}

/* ---- printing ----------------------------------------------------------------------------- */

static void put_list(fv_text *to, const fv_setting *s, const void *args)
{
    const int *list;
    int n;
    memcpy(&list, (const char *)args + s->offset, sizeof list);
    memcpy(&n, (const char *)args + s->offset + sizeof list, sizeof n);
    for (int i = 0; i < n; i++)
        fv_put(to, "%s%d", i ? "," : "", list[i]);
}

static bool is_default(const fv_setting *s, const void *args)
{
    bool flag = false;
    if (s->type == FV_SET_FLAG)
        memcpy(&flag, (const char *)args + s->offset, sizeof flag);
    if (flag || s->type == FV_SET_LIST ||
        (s->type == FV_SET_WORD && get_word(s, args) != s->words[0]))
        return false;
    for (int i = 0; i < numbers_of(s); i++)
        if (get_number(s, args, i) != s->usual[i])
            return false;
    return true;
}

static void put_value(fv_text *to, const fv_setting *s, const void *args)
{
    char number[40];
    if (s->type == FV_SET_LIST)
        put_list(to, s, args);
    if (s->type == FV_SET_WORD)
        fv_put(to, "%s", get_word(s, args));
    for (int i = 0; i < numbers_of(s); i++)
        fv_put(to, "%s%s", i ? "," : "", fv_number_text(get_number(s, args, i), false, number));
}

void fv_put_settings(fv_text *to, const fv_recipe *recipe, const void *args)
{
    for (const fv_setting *s = recipe->settings; s->name; s++) {
        if (s != recipe->settings && is_default(s, args))
            continue;
        if (s - recipe->settings < recipe->places)
            fv_put(to, " ");
        else
            fv_put(to, s->type == FV_SET_FLAG ? " %s" : " %s=", s->name);
        put_value(to, s, args);
    }
}

int fv_list_recipe(const fv_recipe *recipe, char *text, size_t size)
{
    char line[600];
    fv_text to = {line, sizeof line};
    fv_args args = {.bytes = {0}};
    fv_put(&to, "%s", recipe->name);
    for (const fv_setting *s = recipe->settings; s->name; s++) {
        bool given = s->type == FV_SET_LIST ||
                     ((s->type == FV_SET_NUMBER || s->type == FV_SET_COUNT) &&
                      !in_range(s->range, s->usual[0]));
        for (int i = 0; i < numbers_of(s); i++)
            set_number(s, &args, i, s->usual[i]);
        fv_put(&to, s->type == FV_SET_FLAG ? " %s" : " %s=", s->name);
        if (given)
            fv_put(&to, s->type == FV_SET_LIST ? "N,N" : s->type == FV_SET_COUNT ? "N" : "X");
        else
            put_value(&to, s, &args);
    }
    return snprintf(text, size, "%s", line);
}
