/*
 * args.c - a table of arguments: settling, reading, printing. Layer 0. Calls libc.
 */
#include "args/args.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- errors ------------------------------------------------------------------------------- */

bool fv_arg_refuse_name(fv_arg_error *error, const char *what, const char *name,
                        const char *(*name_at)(int i))
{
    char known[1200] = "";
    fv_text to = {known, sizeof known};
    fv_nearest near = {.word = name};
    for (int i = 0; name_at(i); i++) {
        fv_nearest_try(&near, name_at(i));
        fv_put(&to, "%s%s", i ? ", " : "", name_at(i));
    }
    if (near.name)
        return fv_arg_refuse(error, FV_E_NAME, "there is no %s \"%.60s\"\nhelp: did you mean %s?",
                             what, name, near.name);
    return fv_arg_refuse(error, FV_E_NAME, "there is no %s \"%.60s\"\nhelp: there are %s", what,
                         name, known);
}

static bool refuse_argument(const fv_args_reader *r, const char *name, fv_arg_error *error)
{
    char known[600] = "";
    fv_text to = {known, sizeof known};
    fv_nearest near = {.word = name};
    const fv_arg *lists[] = {r->args, r->more};
    for (int k = 0; k < 2; k++)
        for (const fv_arg *a = lists[k]; a && a->name; a++) {
            fv_nearest_try(&near, a->name);
            fv_put(&to, "%s%s", *known ? ", " : "", a->name);
        }
    if (near.name)
        return fv_arg_refuse(error, FV_E_NAME,
                             "%s has no argument \"%.60s\"\nhelp: did you mean %s?", r->name, name,
                             near.name);
    return fv_arg_refuse(error, FV_E_NAME, "%s has no argument \"%.60s\"\nhelp: it takes %s",
                         r->name, name, *known ? known : "none");
}

static bool refuse_surplus(const fv_args_reader *r, const char *word, fv_arg_error *error)
{
    if (r->places == 0)
        return refuse_argument(r, word, error);
    if (r->args[r->places].name || r->more)
        return fv_arg_refuse(error, FV_E_ARG,
                             "\"%.60s\" is one value too many\n"
                             "help: arguments after the first %d go by name",
                             word, r->places);
    return fv_arg_refuse(error, FV_E_ARG, "\"%.60s\" is one value too many", word);
}

/* ---- types -------------------------------------------------------------------------------- */

static const char *words_of(const fv_arg *a)
{
    return a->type == FV_ARG_FLAG ? "false true" : a->words;
}

static bool is_flag(const fv_arg *a)
{
    return words_of(a) && strcmp(words_of(a), "false true") == 0;
}

/* The place of a word among those that the argument takes; -1: it is none, or there are none. */
static int place_of_word(const fv_arg *a, const char *word)
{
    if (!a->names)
        return fv_word_place(words_of(a), word);
    for (int i = 0; a->names[i]; i++)
        if (strcmp(a->names[i], word) == 0)
            return i;
    return -1;
}

static const char *word_at(const fv_arg *a, int place, char text[40])
{
    return a->names ? a->names[place] : fv_word_at(words_of(a), place, text);
}

static bool has_sides(const fv_arg *a)
{
    return a->type == FV_ARG_SIZE || a->flags & FV_ARG_SIDES;
}

static bool is_whole(const fv_arg *a)
{
    return a->type == FV_ARG_INT || a->type == FV_ARG_LONG || a->type == FV_ARG_SIZE ||
           a->flags & FV_ARG_WHOLE;
}

/* Whether 0 stands for the default until it is settled. */
static bool has_default_0(const fv_arg *a)
{
    return a->type == FV_ARG_INT || a->type == FV_ARG_LONG || a->type == FV_ARG_NUMBER ||
           a->type == FV_ARG_PAIR;
}

/* Bit n is set where n numbers are allowed. */
static unsigned counts_of(const fv_arg *a)
{
    return a->type == FV_ARG_NUMBERS ? a->counts
           : a->type == FV_ARG_PAIR  ? 1u << 2
           : a->type == FV_ARG_SIZE  ? 1u << 1 | 1u << 2
                                     : 1u << 1;
}

static fv_range range_of(const fv_arg *a)
{
    static const fv_range of_int = {-2147483647, 2147483647, 0},
                          of_long = {-9007199254740992, 9007199254740992, 0}, /* 2^53 */
        of_size = {0, 32767, 0}, any = {-FV_NO_LIMIT, FV_NO_LIMIT, FV_OPEN_LOW | FV_OPEN_HIGH};
    fv_range range = a->range;
    if (range.low == 0 && range.high == 0)
        return a->type == FV_ARG_INT    ? of_int
               : a->type == FV_ARG_LONG ? of_long
               : a->type == FV_ARG_SIZE ? of_size
                                        : any;
    if (a->type == FV_ARG_INT && range.high > of_int.high)
        range.high = range.open & FV_OPEN_HIGH ? of_int.high + 1 : of_int.high;
    return range;
}

/* "more than 0", "1 or more", "1 to 32767", "in [0,1)". */
static void put_range(fv_text *to, fv_range range)
{
    char low[40], high[40];
    fv_number_text(range.low, false, low);
    fv_number_text(range.high, false, high);
    if (range.high >= 2147483648.0 && range.low > -FV_NO_LIMIT)
        fv_put(to, range.open & FV_OPEN_LOW ? "more than %s" : "%s or more", low);
    else if (range.high >= FV_NO_LIMIT)
        fv_put(to, "finite");
    else if (range.low <= -FV_NO_LIMIT)
        fv_put(to, range.open & FV_OPEN_HIGH ? "less than %s" : "at most %s", high);
    else if (range.open)
        fv_put(to, "in %c%s,%s%c", range.open & FV_OPEN_LOW ? '(' : '[', low, high,
               range.open & FV_OPEN_HIGH ? ')' : ']');
    else
        fv_put(to, "%s to %s", low, high);
}

static bool in_range(fv_range range, double v)
{
    return (v > range.low || (v == range.low && !(range.open & FV_OPEN_LOW))) &&
           (v < range.high || (v == range.high && !(range.open & FV_OPEN_HIGH)));
}

bool fv_arg_check(const char *name, fv_range range, double value, fv_arg_error *error)
{
    char found[40], wanted[100];
    fv_text to = {wanted, sizeof wanted};
    if (in_range(range, value))
        return true;
    put_range(&to, range);
    return fv_arg_refuse(error, FV_E_ARG, "%s is %s, but must be %s", name,
                         fv_number_text(value, false, found), wanted);
}

/* "1, 2 or 4 whole numbers with commas between them". */
static void put_counts(fv_text *to, const fv_arg *a)
{
    unsigned counts = counts_of(a), left = counts;
    const char *whole = is_whole(a) ? "whole " : "";
    for (int n = 1; left; n++) {
        if (!(left & 1u << n))
            continue;
        left &= ~(1u << n);
        if (counts == 1u << 1)
            fv_put(to, "a %snumber", whole);
        else
            fv_put(to, "%s%d", left == counts - (1u << n) ? "" : left ? ", " : " or ", n);
    }
    if (counts != 1u << 1)
        fv_put(to, " %snumbers with commas between them", whole);
}

/* "a, b or c". */
static void put_words(fv_text *to, const fv_arg *a)
{
    int n = 0;
    char word[40];
    for (const char *at = words_of(a); a->names ? a->names[n] != NULL : at && *at; n++)
        at = a->names ? at : at + strcspn(at, " ") + (at[strcspn(at, " ")] == ' ');
    for (int i = 0; i < n; i++)
        fv_put(to, "%s%s", i == 0 ? "" : i == n - 1 ? " or " : ", ", word_at(a, i, word));
}

void fv_arg_describe(const fv_arg *a, fv_text *to)
{
    if (a->type == FV_ARG_TEXT || a->type == FV_ARG_INTS) {
        fv_put(to, a->type == FV_ARG_TEXT ? "a text that is not empty"
                                          : "whole numbers with commas between them");
        return;
    }
    if (is_flag(a)) {
        fv_put(to, "true or false");
        return;
    }
    if ((words_of(a) || a->names) && a->type != FV_ARG_SIZE) {
        put_words(to, a);
        return;
    }
    if (has_sides(a))
        fv_put(to, "a size, 32, or rows x columns, 32x24");
    else
        put_counts(to, a);
    if (a->range.low != 0 || a->range.high != 0 || a->type == FV_ARG_SIZE) {
        fv_put(to, counts_of(a) == 1u << 1 ? ", " : ", each ");
        put_range(to, range_of(a));
    }
    if (a->words) {
        fv_put(to, ", or ");
        put_words(to, a);
    }
}

/* ---- values in the struct ----------------------------------------------------------------- */

static char *place_of(const fv_arg *args, const fv_arg *a, const void *to)
{
    size_t offset = a->type == FV_ARG_NUMBERS ? (size_t)(a - args) * sizeof(fv_numbers) : a->offset;
    return (char *)(uintptr_t)to + offset;
}

static fv_numbers get(const fv_arg *args, const fv_arg *a, const void *from)
{
    const char *at = place_of(args, a, from);
    fv_numbers n = {1, {0}};
    int whole;
    int64_t large;
    bool flag;
    const char *word;
    switch (a->type) {
    case FV_ARG_NUMBERS: memcpy(&n, at, sizeof n); break;
    case FV_ARG_INT:
    case FV_ARG_WORD:
    case FV_ARG_SIZE:
        memcpy(&whole, at, sizeof whole);
        n.v[0] = whole;
        if (a->type == FV_ARG_SIZE && whole > 0 && whole & 0x40000000)
            n = (fv_numbers){1 + ((whole >> 15 & 0x7fff) != (whole & 0x7fff)),
                             {whole >> 15 & 0x7fff, whole & 0x7fff}};
        break;
    case FV_ARG_LONG: memcpy(&large, at, sizeof large), n.v[0] = (double)large; break;
    case FV_ARG_NUMBER: memcpy(n.v, at, sizeof *n.v); break;
    case FV_ARG_PAIR: memcpy(n.v, at, 2 * sizeof *n.v), n.count = 2; break;
    case FV_ARG_FLAG: memcpy(&flag, at, sizeof flag), n.v[0] = flag; break;
    case FV_ARG_NAME:
        memcpy(&word, at, sizeof word);
        n.v[0] = word ? place_of_word(a, word) : 0;
        break;
    case FV_ARG_INTS:
    case FV_ARG_TEXT: n.count = 0; break;
    }
    return n;
}

static void set(const fv_arg *args, const fv_arg *a, fv_numbers n, void *to)
{
    char *at = place_of(args, a, to);
    int whole = (int)n.v[0];
    int64_t large = (int64_t)n.v[0];
    bool flag = n.v[0] != 0;
    switch (a->type) {
    case FV_ARG_NUMBERS: memcpy(at, &n, sizeof n); break;
    case FV_ARG_SIZE:
        if (n.count == 2 && n.v[0] != n.v[1])
            whole = FV_HW((int)n.v[0], (int)n.v[1]);
        memcpy(at, &whole, sizeof whole);
        break;
    case FV_ARG_INT:
    case FV_ARG_WORD: memcpy(at, &whole, sizeof whole); break;
    case FV_ARG_LONG: memcpy(at, &large, sizeof large); break;
    case FV_ARG_NUMBER: memcpy(at, n.v, sizeof *n.v); break;
    case FV_ARG_PAIR: memcpy(at, n.v, 2 * sizeof *n.v); break;
    case FV_ARG_FLAG: memcpy(at, &flag, sizeof flag); break;
    case FV_ARG_NAME: memcpy(at, &a->names[whole], sizeof a->names[whole]); break;
    case FV_ARG_INTS:
    case FV_ARG_TEXT: break;
    }
}

/* ---- settling ----------------------------------------------------------------------------- */

static bool refuse_value(const fv_arg *a, const char *text, fv_arg_error *error)
{
    char wanted[300] = "";
    fv_text to = {wanted, sizeof wanted};
    fv_arg_describe(a, &to);
    return fv_arg_refuse(error, FV_E_ARG, "%s is \"%.60s\", but must be %s", a->name, text, wanted);
}

bool fv_args_settle(const fv_arg *args, void *to, fv_arg_error *error)
{
    for (const fv_arg *a = args; a->name; a++) {
        fv_numbers n = get(args, a, to);
        if (a->type == FV_ARG_NAME && n.v[0] < 0) {
            const char *word;
            memcpy(&word, place_of(args, a, to), sizeof word);
            return refuse_value(a, word, error);
        }
        for (int i = 0; has_default_0(a) && i < n.count; i++) {
            bool left_out = n.v[i] == 0;
            n.v[i] = left_out ? a->initial.v[i] : n.v[i] == FV_ZERO ? 0 : n.v[i];
            if ((!left_out || n.v[i] != 0 || a->flags & FV_ARG_NEEDED) &&
                !fv_arg_check(a->name, range_of(a), n.v[i], error))
                return false;
        }
        if (has_default_0(a) || a->type == FV_ARG_NAME)
            set(args, a, n, to);
    }
    return true;
}

const fv_arg *fv_arg_named(const fv_arg *args, const char *name)
{
    for (const fv_arg *a = args; a->name; a++)
        if (strcmp(a->name, name) == 0)
            return a;
    return NULL;
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool read_ints(const fv_args_reader *r, const char *text, char *at)
{
    double numbers[FV_LIST_MAX];
    const int n = fv_read_numbers(text, ',', numbers, FV_LIST_MAX), *list = r->list;
    for (int i = 0; i < n; i++) {
        if (fabs(numbers[i]) > 2147483647 || numbers[i] != floor(numbers[i]))
            return false;
        r->list[i] = (int)numbers[i];
    }
    memcpy(at, &list, sizeof list);
    memcpy(at + sizeof list, &n, sizeof n);
    return n > 0;
}

/* Numbers, or the place of a word; false for anything else. */
static bool read_numbers(const fv_args_reader *r, const fv_arg *a, const char *text, fv_numbers *n)
{
    int place = place_of_word(a, text);
    *n = (fv_numbers){1, {place}};
    if (place >= 0 || ((words_of(a) || a->names) && a->type != FV_ARG_SIZE))
        return place >= 0;
    if (r->symbol && is_whole(a) && strcmp(text, r->symbol) == 0) {
        n->v[0] = r->value;
        return true;
    }
    n->count = fv_read_numbers(text, has_sides(a) ? 'x' : ',', n->v, 4);
    for (int i = 0; i < n->count; i++)
        if (is_whole(a) && n->v[i] != floor(n->v[i]))
            return false;
    return n->count > 0 && counts_of(a) & 1u << n->count;
}

static bool check_numbers(const fv_arg *a, const fv_numbers *n, fv_arg_error *error)
{
    char low[40], high[40];
    fv_range range = range_of(a);
    if ((a->flags & FV_ARG_SPREAD) && n->count == 1)
        range.low = 0;
    for (int i = 0; i < n->count; i++)
        if (!fv_arg_check(a->name, range, n->v[i], error))
            return false;
    for (int i = 1; i < n->count; i += 2)
        if ((a->flags & FV_ARG_RISING) && n->v[i - 1] > n->v[i])
            return fv_arg_refuse(
                error, FV_E_ARG, "%s goes from %s to %s; the smaller number comes first", a->name,
                fv_number_text(n->v[i - 1], false, low), fv_number_text(n->v[i], false, high));
    for (int i = 0; i < n->count; i++)
        if ((a->flags & FV_ARG_ODD) && fmod(n->v[i], 2) == 0)
            return fv_arg_refuse(error, FV_E_ARG, "%s is %s, but must be odd", a->name,
                                 fv_number_text(n->v[i], false, low));
    return true;
}

static bool read_value(const fv_args_reader *r, const fv_arg *args, const fv_arg *a,
                       const char *text, void *to, fv_arg_error *error)
{
    char *at = place_of(args, a, to);
    fv_numbers n;
    if (a->type == FV_ARG_TEXT)
        memcpy(at, &text, sizeof text);
    if (!*text || (a->type == FV_ARG_INTS && !read_ints(r, text, at)))
        return refuse_value(a, text, error);
    if (a->type == FV_ARG_INTS || a->type == FV_ARG_TEXT)
        return true;
    if (!read_numbers(r, a, text, &n))
        return refuse_value(a, text, error);
    if (place_of_word(a, text) < 0 && !check_numbers(a, &n, error))
        return false;
    if (a->type == FV_ARG_SIZE && place_of_word(a, text) > 0)
        n.v[0] = -n.v[0];
    for (int i = 0; has_default_0(a) && i < n.count; i++)
        n.v[i] = n.v[i] == 0 ? FV_ZERO : n.v[i];
    set(args, a, n, to);
    return true;
}

/* The argument that a word is of; *value is NULL where it is left out. NULL: none. */
static const fv_arg *argument_of(const fv_args_reader *r, const char *word, const char **value)
{
    size_t n = strcspn(word, "=");
    const fv_arg *lists[] = {r->args, r->more};
    *value = word[n] ? word + n + 1 : NULL;
    for (int k = 0; k < 2; k++)
        for (const fv_arg *a = lists[k]; a && a->name; a++)
            if (strlen(a->name) == n && strncmp(a->name, word, n) == 0)
                return a;
    for (int i = 0; !*value && i < r->places && r->args[i].name; i++)
        if (!(r->seen >> i & 1)) {
            *value = word;
            return &r->args[i];
        }
    return NULL;
}

bool fv_args_read_word(fv_args_reader *r, const char *word, fv_arg_error *error)
{
    const char *value;
    const fv_arg *a = argument_of(r, word, &value);
    int count = 0;
    while (r->args[count].name)
        count++;
    if (!a && value) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
        return refuse_argument(r, name, error);
    }
    if (!a)
        return refuse_surplus(r, word, error);
    bool own = a >= r->args && a < r->args + count;
    uint64_t bit = (uint64_t)1 << (own ? a - r->args : count + (a - r->more));
    if (r->seen & bit)
        return fv_arg_refuse(error, FV_E_ARG, "%s is given twice", a->name);
    r->seen |= bit;
    return read_value(r, own ? r->args : r->more, a,
                      value        ? value
                      : is_flag(a) ? "true"
                                   : "",
                      own ? r->to : r->more_to, error);
}

bool fv_args_read(fv_args_reader *r, char *const *words, int count, fv_arg_error *error)
{
    for (int i = 0; i < count; i++)
        if (!fv_args_read_word(r, words[i], error))
            return false;
    for (const fv_arg *a = r->args; a->name; a++)
        if ((a->flags & FV_ARG_NEEDED) && !(r->seen >> (a - r->args) & 1)) {
            char wanted[300] = "";
            fv_text to = {wanted, sizeof wanted};
            fv_arg_describe(a, &to);
            return fv_arg_refuse(error, FV_E_ARG, "%s is missing: %s", a->name, wanted);
        }
    return true;
}

bool fv_arg_read_value(const fv_arg *arg, const char *text, void *to, fv_arg_error *error)
{
    return read_value(&(fv_args_reader){0}, arg, arg, text, to, error);
}

/* ---- printing ----------------------------------------------------------------------------- */

static bool is_default(const fv_arg *a, const fv_numbers *n)
{
    bool same = n->count == a->initial.count || a->type != FV_ARG_NUMBERS;
    for (int i = 0; same && i < n->count; i++)
        same = n->v[i] == a->initial.v[i];
    return same;
}

static void put_ints(fv_text *to, const char *at)
{
    const int *list;
    int n;
    memcpy(&list, at, sizeof list);
    memcpy(&n, at + sizeof list, sizeof n);
    for (int i = 0; i < n; i++)
        fv_put(to, "%s%d", i ? "," : "", list[i]);
}

static void put_value(fv_text *to, const fv_arg *a, const fv_numbers *n)
{
    char text[40];
    bool words = (words_of(a) || a->names) && (a->type != FV_ARG_SIZE || n->v[0] < 0);
    for (int i = 0; i < n->count; i++)
        fv_put(to, "%s%s",
               i == 0         ? ""
               : has_sides(a) ? "x"
                              : ",",
               words ? word_at(a, (int)fabs(n->v[i]), text) : fv_number_text(n->v[i], false, text));
}

static bool is_left_out(const fv_arg *args, const fv_arg *a, const void *from)
{
    const char *text = NULL;
    fv_numbers n = get(args, a, from);
    if (a->type == FV_ARG_TEXT)
        memcpy(&text, place_of(args, a, from), sizeof text);
    return a->type == FV_ARG_TEXT
               ? !text
               : a->type != FV_ARG_INTS && !(a->flags & FV_ARG_SHOWN) && is_default(a, &n);
}

void fv_args_put(fv_text *to, const fv_arg *args, int places, const void *from)
{
    int bare = 0; /* the first so many are printed without their names, defaults among them too */
    for (int i = 0; i < places && args[i].name; i++)
        bare = is_left_out(args, &args[i], from) ? bare : i + 1;
    while (places == 0 && args[bare].name && args[bare].flags & FV_ARG_BARE)
        bare++;
    for (const fv_arg *a = args; a->name; a++) {
        fv_numbers n = get(args, a, from);
        const char *at = place_of(args, a, from), *text;
        bool named = a - args >= bare;
        if (named && is_left_out(args, a, from))
            continue;
        fv_put(to, !named ? " " : a->type == FV_ARG_FLAG ? " %s" : " %s=", a->name);
        if (a->type == FV_ARG_INTS)
            put_ints(to, at);
        else if (a->type == FV_ARG_TEXT)
            memcpy(&text, at, sizeof text), fv_put(to, "%s", text);
        else if (a->type != FV_ARG_FLAG || !named)
            put_value(to, a, &n);
    }
}

int fv_args_list(const char *name, const fv_arg *args, char *text, size_t size)
{
    char line[600];
    fv_text to = {line, sizeof line};
    fv_put(&to, "%s", name);
    for (const fv_arg *a = args; a->name; a++) {
        fv_numbers n = a->initial;
        if (n.count == 0 && a->type != FV_ARG_NUMBERS)
            n.count = 1;
        fv_put(&to, a->type == FV_ARG_FLAG ? " %s" : " %s=", a->name);
        if (a->type == FV_ARG_INTS)
            fv_put(&to, "N,N");
        else if (a->flags & FV_ARG_NEEDED)
            fv_put(&to, is_whole(a) ? "N" : "X");
        else if (a->type != FV_ARG_FLAG)
            put_value(&to, a, &n);
    }
    return snprintf(text, size, "%s", line);
}
