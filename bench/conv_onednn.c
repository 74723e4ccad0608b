/*
 * conv_onednn.c - the same convolution in oneDNN, in the blocked layouts that it chooses; reorders
 * to them are not measured. https://oneapi-src.github.io/oneDNN/v2.6/
 */
#include <dnnl.h>
#include <stdlib.h>

#include "conv.h"

enum { ARGS = 3 };

typedef struct job {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[ARGS];
} job;

static dnnl_engine_t engine;
static dnnl_stream_t stream;

static bool start(void)
{
    return stream ||
           (dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success &&
            dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) == dnnl_success);
}

/* Leaves the layout to oneDNN, which picks the best one for the pass. */
static dnnl_memory_desc_t any(int a, int b, int c, int d)
{
    dnnl_memory_desc_t desc;
    dnnl_dims_t dims = {a, b, c, d};
    dnnl_memory_desc_init_by_tag(&desc, 4, dims, dnnl_f32, dnnl_format_tag_any);
    return desc;
}

/* Returns the primitive descriptor of the pass; backward passes need the forward one as a hint. */
static dnnl_primitive_desc_t describe(const fv_conv *v, int n, conv_pass pass)
{
    dnnl_memory_desc_t x = any(n, v->C, v->H, v->W), w = any(v->O, v->C, v->R, v->S);
    dnnl_memory_desc_t y = any(n, v->O, v->P, v->Q);
    dnnl_dims_t strides = {v->sh, v->sw}, dilates = {v->dh - 1, v->dw - 1}, before = {v->ph, v->pw};
    dnnl_dims_t after = {(v->P - 1) * v->sh + (v->R - 1) * v->dh + 1 - v->H - v->ph,
                         (v->Q - 1) * v->sw + (v->S - 1) * v->dw + 1 - v->W - v->pw};
    dnnl_convolution_desc_t forward, desc;
    dnnl_primitive_desc_t hint = NULL, made = NULL;
    dnnl_dilated_convolution_forward_desc_init(&forward, dnnl_forward_training,
                                               dnnl_convolution_direct, &x, &w, NULL, &y, strides,
                                               dilates, before, after);
    if (dnnl_primitive_desc_create(&hint, &forward, NULL, engine, NULL) || pass == FORWARD)
        return hint;
    if (pass == INPUT_GRADIENT)
        dnnl_dilated_convolution_backward_data_desc_init(&desc, dnnl_convolution_direct, &x, &w, &y,
                                                         strides, dilates, before, after);
    else
        dnnl_dilated_convolution_backward_weights_desc_init(
            &desc, dnnl_convolution_direct, &x, &w, NULL, &y, strides, dilates, before, after);
    dnnl_primitive_desc_create(&made, &desc, NULL, engine, hint);
    dnnl_primitive_desc_destroy(hint);
    return made;
}

static dnnl_memory_t filled(const dnnl_memory_desc_t *desc)
{
    dnnl_memory_t memory = NULL;
    void *data = NULL;
    if (dnnl_memory_create(&memory, desc, engine, DNNL_MEMORY_ALLOCATE))
        return NULL;
    dnnl_memory_get_data_handle(memory, &data);
    size_t count = dnnl_memory_desc_get_size(desc) / sizeof(float);
    for (size_t i = 0; i < count; i++)
        ((float *)data)[i] = (float)(i % 17) * 0.1f - 0.8f;
    return memory;
}

static void release(void *handle)
{
    job *j = handle;
    dnnl_primitive_destroy(j->primitive);
    for (int i = 0; i < ARGS; i++)
        dnnl_memory_destroy(j->args[i].memory);
    free(j);
}

static void *prepare(const fv_conv *v, int images, conv_pass pass)
{
    static const struct {
        dnnl_query_t query;
        int arg;
    } roles[PASS_COUNT][ARGS] = {
        {{dnnl_query_src_md, DNNL_ARG_SRC},
         {dnnl_query_weights_md, DNNL_ARG_WEIGHTS},
         {dnnl_query_dst_md, DNNL_ARG_DST}},
        {{dnnl_query_diff_src_md, DNNL_ARG_DIFF_SRC},
         {dnnl_query_weights_md, DNNL_ARG_WEIGHTS},
         {dnnl_query_diff_dst_md, DNNL_ARG_DIFF_DST}},
        {{dnnl_query_src_md, DNNL_ARG_SRC},
         {dnnl_query_diff_weights_md, DNNL_ARG_DIFF_WEIGHTS},
         {dnnl_query_diff_dst_md, DNNL_ARG_DIFF_DST}},
    };
    dnnl_primitive_desc_t desc = start() ? describe(v, images, pass) : NULL;
    job *j = desc ? calloc(1, sizeof *j) : NULL;
    bool ok = j && dnnl_primitive_create(&j->primitive, desc) == dnnl_success;
    for (int i = 0; i < ARGS && ok; i++) {
        j->args[i].arg = roles[pass][i].arg;
        j->args[i].memory = filled(dnnl_primitive_desc_query_md(desc, roles[pass][i].query, 0));
        ok = j->args[i].memory != NULL;
    }
    if (desc)
        dnnl_primitive_desc_destroy(desc);
    if (j && !ok) {
        release(j);
        j = NULL;
    }
    return j;
}

static void run(void *handle)
{
    job *j = handle;
    dnnl_primitive_execute(j->primitive, stream, ARGS, j->args);
    dnnl_stream_wait(stream);
}

const conv_engine onednn_engine = {prepare, run, release};
