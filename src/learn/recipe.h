/*
 * recipe.h - the tables of arguments of optimizers and schedules. Layer 4. Calls the base.
 */
#ifndef FV_RECIPE_H
#define FV_RECIPE_H

#include "base/base.h"

#include <string.h>

/* With a default and a range. */
#define FV_NUMBER(args, member, value, ...)                                                        \
    FV_ARG(args, member, FV_ARG_NUMBER, .range = __VA_ARGS__, .initial = {1, {value}})
#define FV_COUNT(args, member, value, ...)                                                         \
    FV_ARG(args, member, FV_ARG_INT, .range = __VA_ARGS__, .initial = {1, {value}})
/* Without a default. */
#define FV_NEEDED(args, member, its_type, ...)                                                     \
    FV_ARG(args, member, its_type, .flags = FV_ARG_NEEDED | FV_ARG_SHOWN, .range = __VA_ARGS__)
/* The first of a table, which is always printed. */
#define FV_FIRST(args, member, value, ...)                                                         \
    FV_ARG(args, member, FV_ARG_NUMBER, .flags = FV_ARG_SHOWN, .range = __VA_ARGS__,               \
           .initial = {1, {value}})
#define FV_FLAG(args, member) FV_ARG(args, member, FV_ARG_FLAG)

/* What is made of a struct of arguments. */
typedef struct fv_recipe {
    const char *name;     /* in a text: "adam" */
    const char *function; /* "fv_adam" */
    size_t size;          /* of the struct */
    const fv_arg *args;   /* up to one without name */
    int places;           /* the first so many need no name in a text */
} fv_recipe;

enum { FV_ARGS_SIZE = 160 };

/* Large enough for any of the structs. */
typedef union fv_args {
    max_align_t align;
    char bytes[FV_ARGS_SIZE];
} fv_args;

/* The address of a double, or of the first of a pair, by name; NULL if there is none. */
static inline double *fv_number_at(const fv_arg *args, void *to, const char *name)
{
    const fv_arg *a = fv_arg_named(args, name);
    return a ? (double *)(void *)((char *)to + a->offset) : NULL;
}

#endif
