/*
 * settings.h - arguments of optimizers and schedules: their defaults, their ranges, and their text
 * form "adam lr=0.001 betas=0.9,0.99 amsgrad".
 *
 * A table describes the fields of a struct of arguments; what is here works on any such struct. In
 * a struct 0 means the default, FV_ZERO 0 itself. Layer 4. Calls the base.
 */
#ifndef FV_SETTINGS_H
#define FV_SETTINGS_H

#include "base/base.h"

typedef enum fv_setting_type {
    FV_SET_NUMBER, /* double */
    FV_SET_PAIR,   /* double[2] */
    FV_SET_COUNT,  /* int */
    FV_SET_FLAG,   /* bool, the name alone */
    FV_SET_WORD,   /* const char *, one of words, of which the first is the default */
    FV_SET_LIST    /* const int *, and behind it in the struct, an int, how many */
} fv_setting_type;

typedef enum fv_range {
    FV_POSITIVE, /* more than 0 */
    FV_FROM_0,   /* 0 or more */
    FV_BELOW_1,  /* in [0,1) */
    FV_UP_TO_1,  /* in [0,1] */
    FV_SHARE,    /* in (0,1) */
    FV_FACTOR,   /* in (0,1] */
    FV_FROM_1    /* 1 or more */
} fv_range;

typedef struct fv_setting {
    const char *name;
    fv_setting_type type;
    size_t offset;
    fv_range range;
    double usual[2];          /* the default; of a pair, both */
    const char *const *words; /* up to NULL */
} fv_setting;

#define FV_SETTING(args, member, type, ...)                                                        \
    {                                                                                              \
#member, FV_SET_##type, offsetof(args, member), __VA_ARGS__                                \
    }
#define FV_FLAG(args, member)                 FV_SETTING(args, member, FLAG, FV_FROM_0, {0}, NULL)
#define FV_NUMBER(args, member, range, usual) FV_SETTING(args, member, NUMBER, range, {usual}, NULL)
#define FV_COUNT(args, member, range, usual)  FV_SETTING(args, member, COUNT, range, {usual}, NULL)

/* What is made of a struct of arguments. */
typedef struct fv_recipe {
    const char *name;           /* in a text: "adam" */
    const char *function;       /* "fv_adam" */
    size_t size;                /* of the struct */
    const fv_setting *settings; /* up to one without name */
    int places;                 /* the first so many need no name in a text */
} fv_recipe;

enum { FV_LIST_MAX = 64, FV_ARGS_SIZE = 160 };

/* Room for any of the structs. */
typedef union fv_args {
    max_align_t align;
    char bytes[FV_ARGS_SIZE];
} fv_args;

/* Puts defaults in and checks ranges; errors begin with where: "fv_adam". NaN is in no range. */
fv_status fv_settle(fv_ctx *ctx, const char *where, const fv_setting *settings, void *args);

/* Checks one number against a range. */
fv_status fv_check_range(fv_ctx *ctx, const char *where, const char *name, fv_range range,
                         double value);

/* The place of a double, or of the first of a pair, by name; NULL if there is none. */
double *fv_setting_at(const fv_setting *settings, void *args, const char *name);

/* ---- text --------------------------------------------------------------------------------- */

/* A statement of a text, cut into words. */
typedef struct fv_statement {
    char where[160]; /* what errors begin with: optimizer text "adam lr=x" */
    char text[400];
    char *words[40];
    int count;
    int list[FV_LIST_MAX]; /* what FV_SET_LIST points to */
} fv_statement;

/* The statement at *text, which ends before a character of ends; *text moves behind that. */
fv_status fv_read_statement(fv_ctx *ctx, const char *what, const char **text, const char *ends,
                            fv_statement *s);

/* Reads the words from number `first` on into args, which are zeroed before. */
fv_status fv_read_settings(fv_ctx *ctx, fv_statement *s, int first, const fv_recipe *recipe,
                           void *args);

/* "there is no WHAT "NAME"", with the recipe of the nearest name, or all names. */
fv_status fv_refuse_name(fv_ctx *ctx, const fv_statement *s, const char *what, const char *name,
                         const fv_recipe *const *recipes, int n);

/* The name and all arguments with their defaults, as snprintf; N or X where there is none. */
int fv_list_recipe(const fv_recipe *recipe, char *text, size_t size);

/* The settled arguments that are not defaults, and the first always, each with a blank before. */
void fv_put_settings(fv_text *to, const fv_recipe *recipe, const void *args);

#endif
