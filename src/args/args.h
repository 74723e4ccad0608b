/*
 * args.h - arguments as text: "conv2d 6 5 padding=2", "adam lr=0.001 amsgrad", "--epochs 3".
 *
 * One table describes the fields of a struct of arguments. What is declared here settles defaults
 * and ranges of any such struct, reads it from words, prints it, and suggests names: for layers,
 * optimizers, schedules, transforms, losses and the options of the command. Errors come back as
 * text. Layer 0. Calls libc.
 */
#ifndef FV_ARGS_H
#define FV_ARGS_H

#include "fovea.h"

#if defined(__GNUC__)
#define FV_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define FV_PRINTF(text, first)
#endif

/* ---- text.c: text that is put together, numbers in text ------------------------------------ */

/* A buffer of text and the bytes left in it; what does not fit is cut off. With at NULL nothing is
   written, and left counts the bytes that are needed, without the 0 at the end. */
typedef struct fv_text {
    char *at;
    size_t left;
} fv_text;

void fv_put(fv_text *text, const char *format, ...) FV_PRINTF(2, 3);

/* Numbers in text are the same in any locale: -12, 0.5, 1e-8, 3/4. These read all of a text and say
   whether it is that: one number, of less than 1e30 either way; a whole one; up to capacity numbers
   with a character between them, how many, or -1. */
bool fv_read_number(const char *text, double *value);
bool fv_read_int(const char *text, int *value);
int fv_read_numbers(const char *text, char between, double *values, int capacity);

/* The shortest decimal that is read as the same number, double or float; returns text. */
const char *fv_number_text(double value, bool is_float, char text[40]);

/* Some of many names for a message: "a", "b", "c", "d", "e", ... */
typedef struct fv_some {
    int64_t count;
    char text[600];
} fv_some;

void fv_some_add(fv_some *some, const char *name);

/* ---- words.c: names ------------------------------------------------------------------------ */

/* Letters to insert, delete, change or swap (Damerau and Levenshtein's distance). */
int fv_edit_distance(const char *a, const char *b);

/* Whether a word that is no name may be a slip for this one. */
bool fv_looks_like(const char *word, const char *name);

/* "did you mean": starts as {.word = word}; after all names were tried, name is the one nearest to
   the word, NULL if none is like it. */
typedef struct fv_nearest {
    const char *word, *name;
    int distance; /* of name */
} fv_nearest;

void fv_nearest_try(fv_nearest *nearest, const char *name);

/* The place of a word in a list "zeros reflect", -1 if it is not there or words is NULL; and the
   word at a place, in text. */
int fv_word_place(const char *words, const char *word);
const char *fv_word_at(const char *words, int place, char text[40]);

/* A name against a pattern in which * stands for anything. */
bool fv_word_matches(const char *pattern, const char *name);

/* ---- args.c: a table of arguments ----------------------------------------------------------- */

/* From low to high, but for the ends that are open; {0} is no range. */
typedef struct fv_range {
    double low, high;
    unsigned open; /* FV_OPEN_LOW, FV_OPEN_HIGH */
} fv_range;

enum { FV_OPEN_LOW = 1, FV_OPEN_HIGH = 2 };
#define FV_NO_LIMIT 1e30 /* no number in text is as large */
/* clang-format off */
#define FV_POSITIVE {0, FV_NO_LIMIT, FV_OPEN_LOW | FV_OPEN_HIGH}
#define FV_FROM_0   {0, FV_NO_LIMIT, FV_OPEN_HIGH}
#define FV_FROM_1   {1, FV_NO_LIMIT, FV_OPEN_HIGH}
#define FV_BELOW_1  {0, 1, FV_OPEN_HIGH}
#define FV_UP_TO_1  {0, 1, 0}
#define FV_SHARE    {0, 1, FV_OPEN_LOW | FV_OPEN_HIGH}
#define FV_FACTOR   {0, 1, FV_OPEN_LOW}
/* clang-format on */

/* A value of any type, as far as it is numbers: a size (rows, columns), the place of a word in its
   list, a flag 0 or 1. */
typedef struct fv_numbers {
    int count; /* 0: left out, and there is no default */
    double v[4];
} fv_numbers;

/* In INT, LONG, NUMBER and PAIR 0 means the default, and FV_ZERO 0 itself, until they are settled. */
typedef enum fv_arg_type {
    FV_ARG_NUMBERS, /* fv_numbers, in an array in the order of the table */
    FV_ARG_INT,     /* int */
    FV_ARG_LONG,    /* int64_t */
    FV_ARG_SIZE,    /* int or FV_HW: 3, 3x2; or a word: 0 for the first, -1 for the second */
    FV_ARG_NUMBER,  /* double */
    FV_ARG_PAIR,    /* double[2] */
    FV_ARG_FLAG,    /* bool, the name alone */
    FV_ARG_WORD,    /* an enum, 0 for the first word */
    FV_ARG_NAME, /* const char *, one of names, to which it points when settled; NULL: the first */
    FV_ARG_INTS, /* const int *, and behind it in the struct an int, how many */
    FV_ARG_TEXT  /* const char *, any */
} fv_arg_type;

typedef enum fv_arg_flags {
    FV_ARG_NEEDED = 1,
    FV_ARG_BARE = 2,   /* printed always and without its name; the first ones of a table */
    FV_ARG_SHOWN = 4,  /* printed even if it is the default */
    FV_ARG_WHOLE = 8,  /* numbers without a fraction */
    FV_ARG_SIDES = 16, /* 32 or 32x24 */
    FV_ARG_ODD = 32,
    FV_ARG_SPREAD = 64,   /* one number x stands for -x,x, and must be 0 or more */
    FV_ARG_RISING = 128,  /* pairs of numbers, the smaller one first */
    FV_ARG_CHANNELS = 256 /* several numbers are one for each channel of the picture */
} fv_arg_flags;

typedef struct fv_arg {
    const char *name;
    fv_arg_type type;
    unsigned flags;           /* fv_arg_flags */
    unsigned counts;          /* of FV_ARG_NUMBERS: bit n is set where n numbers are allowed */
    fv_range range;           /* of each number */
    fv_numbers initial;       /* when left out; 0 where there is none */
    const char *words;        /* "zeros reflect", for an argument that is one of these */
    const char *const *names; /* the same for FV_ARG_NAME, up to NULL */
    size_t offset;            /* in the struct */
} fv_arg;

/* An argument of a struct: FV_ARG(fv_sgd_args, momentum, FV_ARG_NUMBER, .range = FV_BELOW_1). */
#define FV_ARG(args, member, ...)                                                                  \
    {                                                                                              \
        .name = #member, .offset = offsetof(args, member), .type = __VA_ARGS__                     \
    }
#define FV_DEFAULT(...)                                                                            \
    {                                                                                              \
        1,                                                                                         \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

/* What is wrong with an argument: without where, and with a line "help: ..." if there is a way out. */
typedef struct fv_arg_error {
    fv_status code; /* FV_E_NAME for a name that there is not, else FV_E_ARG */
    char text[1600];
} fv_arg_error;

/* Sets the error and returns false. */
bool fv_arg_refuse(fv_arg_error *error, fv_status code, const char *format, ...) FV_PRINTF(3, 4);

/* "there is no WHAT "NAME"", with the nearest of the names, or with all. name_at gives NULL after
   the last. Returns false. */
bool fv_arg_refuse_name(fv_arg_error *error, const char *what, const char *name,
                        const char *(*name_at)(int i));

/* Checks one number. NaN is in no range. */
bool fv_arg_check(const char *name, fv_range range, double value, fv_arg_error *error);

/* What an argument takes: "a whole number, 1 or more", "one of ref, avx2", "true or false". */
void fv_arg_describe(const fv_arg *arg, fv_text *to);

/* Puts defaults in and checks ranges, of a table up to an argument without a name. */
bool fv_args_settle(const fv_arg *args, void *to, fv_arg_error *error);

/* The argument of that name; NULL if there is none. */
const fv_arg *fv_arg_named(const fv_arg *args, const char *name);

enum { FV_LIST_MAX = 64, FV_WORDS_MAX = 64 };

/* A statement of a text, cut into words. */
typedef struct fv_statement {
    const char *what; /* "optimizer text", for `where` */
    bool counted;     /* where says the statement's number */
    int number;       /* from 1; statements without words do not count */
    char *words[FV_WORDS_MAX];
    int count;
    char end;        /* the character that ended it */
    char where[200]; /* what errors begin with: optimizer text "adam lr=x" */
} fv_statement;

/* Cuts the next statement, which ends before a character of ends, or # and the rest of the line if
   that is one of them. *at, which is written to, moves behind it. */
bool fv_statement_next(fv_statement *s, char **at, const char *ends, fv_arg_error *error);

/* Reads words into a struct. A word is name=value, the name of a flag, or the value of the next
   argument of the first `places` that is not given yet. */
typedef struct fv_args_reader {
    const char *name; /* whose arguments they are: "conv2d" */
    const fv_arg *args;
    int places;
    void *to;
    const fv_arg *more; /* others, by name alone, into another struct; NULL: none */
    void *more_to;
    int *list;          /* [FV_LIST_MAX] what FV_ARG_INTS will point to */
    const char *symbol; /* a word that stands for a whole number, or NULL */
    int value;
    uint64_t seen; /* bit i: argument i is given; behind those of args come those of more */
} fv_args_reader;

bool fv_args_read_word(fv_args_reader *r, const char *word, fv_arg_error *error);
/* All of them, and checks that nothing needed is missing. */
bool fv_args_read(fv_args_reader *r, char *const *words, int count, fv_arg_error *error);

/* Reads one value, as if name=text were given. */
bool fv_arg_read_value(const fv_arg *arg, const char *text, void *to, fv_arg_error *error);

/* Settled arguments that are not defaults, with a blank before each. Of the first `places` all up to
   the last that is not a default are printed, without their names; likewise those before all others
   that are FV_ARG_BARE. */
void fv_args_put(fv_text *to, const fv_arg *args, int places, const void *from);

/* A line for a list: the name and all arguments with their defaults, N or X where one is needed, as
   snprintf: "random_crop size=N padding= fill=0". */
int fv_args_list(const char *name, const fv_arg *args, char *text, size_t size);

#endif
