/*
 * safetensors.h - the metadata of model files, for model.c. Layer 4.
 */
#ifndef FV_SAFETENSORS_H
#define FV_SAFETENSORS_H

#include "net/net.h"

#include <cjson/cJSON.h>

/* All pairs of a file's metadata, [*n], each text for fv_release, as is the list. NULL: there is none,
   or an error. */
fv_meta *fv_read_meta(fv_ctx *ctx, const char *path, int *n);

#endif
