/*
 * files.h - data sets of picture files, whatever lists them: a folder of folders, or a CSV.
 * Layer 3, data. Calls the base.
 */
#ifndef FV_FILES_H
#define FV_FILES_H

#include "data/pictures/decode.h"

typedef struct fv_file {
    const char *path;
    int folder; /* characters of path up to its last slash */
    int line;   /* of the CSV */
    int box[4]; /* x1, y1, x2, y2, the last two not in it; with boxed */
    int64_t label;
} fv_file;

typedef struct fv_files {
    fv_ctx *ctx;
    fv_file *list;
    size_t count, capacity;
    const char **classes; /* their names, in order of their ids */
    size_t class_count, class_capacity;
    bool by_id;             /* a CSV has numbers for them, */
    int64_t first_id;       /* from this one on */
    struct fv_texts *texts; /* where paths and names lie */
    fv_wish wish;
    bool boxed;
    int margin;         /* around each box */
    const char *source; /* the CSV */
} fv_files;

/* NULL: FV_E_MEMORY. The functions below return NULL or false then too. */
fv_files *fv_files_new(fv_ctx *ctx);
void fv_files_free(fv_files *files);
/* A copy that lives as long as files do: "folder/name", or only name where folder is NULL. */
const char *fv_files_text(fv_files *files, const char *folder, const char *name);
bool fv_files_add(fv_files *files, const char *path, int64_t label);
/* The next class. */
bool fv_files_class(fv_files *files, const char *name);
/* Its number; -1: there is none of that name. */
int64_t fv_files_find_class(const fv_files *files, const char *name);
/* The classes of another set, for sets that go together. */
fv_status fv_files_like(fv_files *files, const fv_dataset *like);
/* The set that takes over files; on failure it frees them. */
fv_dataset *fv_files_dataset(fv_files *files, const char *name);

/* All pictures under root, by folder and then by name, each class folder's or, with label -1, all
   of them, hidden ones left out with a note. */
bool fv_walk_pictures(fv_files *files, const char *root, int64_t label);

#endif
