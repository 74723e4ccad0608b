/*
 * cpu_load.c - batches into blocks of a layout, and rows out of them and back.
 *
 * Layer 3. Calls the kernels.
 */
#include "engines/cpu.h"

/* x [C][H*W][L] from the batch's pixels [n][C][H*W], normalised. */
static void load_lanes(const fv_cpu_pass *p, const fv_def *input, const fv_batch *batch, int block,
                       float *x)
{
    const fv_kernels *k = p->k;
    const float *tables = p->net->tables + input->image.table;
    size_t area = (size_t)input->out.h * input->out.w, image = fv_shape_count(input->out);
    bool norm = input->image.normalize;
    for (int c = 0; c < input->out.c; c++, x += area * FV_LANES) {
        const uint8_t *u8[FV_LANES] = {0};
        const float *f32[FV_LANES] = {0};
        for (int l = 0; l < fv_cpu_images(p, block); l++) {
            size_t at = (size_t)(block * FV_LANES + l) * image + c * area;
            if (batch->type == FV_U8)
                u8[l] = (const uint8_t *)batch->pixels + at;
            else
                f32[l] = (const float *)batch->pixels + at;
        }
        if (batch->type == FV_U8)
            k->load_u8(area, u8, tables + (norm ? c * 256 : 0), x);
        else
            k->load_f32(area, f32, norm ? input->image.mean[c] : 0.0f,
                        norm ? input->image.std[c] : 1.0f, x);
    }
}

/* x [n], step floats apart, from a table; four at a time, for compilers do not. */
static void look_up(size_t n, const uint8_t *pixels, const float *table, size_t step, float *x)
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4, x += 4 * step) {
        x[0] = table[pixels[i]];
        x[step] = table[pixels[i + 1]];
        x[2 * step] = table[pixels[i + 2]];
        x[3 * step] = table[pixels[i + 3]];
    }
    for (; i < n; i++, x += step)
        *x = table[pixels[i]];
}

/* x [H*W][C] of one image from its pixels [C][H*W], normalised. */
static void load_image(const fv_cpu_pass *p, const fv_def *input, const fv_batch *batch, int image,
                       float *x)
{
    size_t area = (size_t)input->out.h * input->out.w, C = input->out.c, at = image * C * area;
    bool norm = input->image.normalize;
    for (size_t c = 0; c < C; c++, at += area) {
        const uint8_t *u8 = (const uint8_t *)batch->pixels + at;
        const float *f32 = (const float *)batch->pixels + at;
        const float *table = p->net->tables + input->image.table + (norm ? c * 256 : 0);
        float mean = norm ? input->image.mean[c] : 0.0f, std = norm ? input->image.std[c] : 1.0f;
        if (batch->type == FV_U8)
            look_up(area, u8, table, C, x + c);
        for (size_t i = 0; batch->type == FV_F32 && i < area; i++)
            x[i * C + c] = (f32[i] - mean) / std;
    }
}

static void load_block(const fv_cpu_pass *p, int input, int block, float *region)
{
    const fv_op_step *step = p->program->steps + p->net->inputs[input];
    const fv_def *def = step->def;
    const fv_batch *batch = p->batches + input;
    float *x = region + step->y.at;
    if (p->program->layout == FV_BATCH_LAST) {
        load_lanes(p, def, batch, block, x);
        return;
    }
    size_t image = fv_shape_count(def->out);
    for (int i = 0; i < fv_cpu_images(p, block); i++)
        load_image(p, def, batch, block * p->program->block_images + i, x + i * image);
}

/* rows [n][C*H*W] of the batch from a block of a tensor, or the other way round. */
static void store_block(const fv_cpu_pass *p, int block, fv_shape shape, const float *x,
                        float *rows)
{
    const fv_kernels *k = p->k;
    size_t image = fv_shape_count(shape);
    rows += block * p->program->block_images * image;
    if (p->program->layout == FV_BATCH_LAST) {
        k->store_rows(image, fv_cpu_images(p, block), x, FV_LANES, rows);
        return;
    }
    for (int i = 0; i < fv_cpu_images(p, block); i++)
        k->transpose((size_t)shape.h * shape.w, shape.c, x + i * image, rows + i * image);
}

static void load_rows(const fv_cpu_pass *p, int block, fv_shape shape, const float *rows, float *x)
{
    const fv_kernels *k = p->k;
    const float *lanes[FV_LANES] = {0};
    size_t image = fv_shape_count(shape);
    rows += block * p->program->block_images * image;
    for (int i = 0; i < fv_cpu_images(p, block); i++)
        if (p->program->layout == FV_BATCH_LAST)
            lanes[i] = rows + i * image;
        else
            k->transpose(shape.c, (size_t)shape.h * shape.w, rows + i * image, x + i * image);
    if (p->program->layout == FV_BATCH_LAST)
        k->load_f32(image, lanes, 0.0f, 1.0f, x);
}

void fv_cpu_load_inputs(const fv_cpu_pass *p, int block, float *region)
{
    for (int i = 0; i < p->net->n_inputs; i++)
        load_block(p, i, block, region);
}

void fv_cpu_store_outputs(const fv_cpu_pass *p, int block, const float *region)
{
    for (int i = 0; i < p->net->n_outputs; i++) {
        const fv_op_step *step = p->program->steps + p->net->outputs[i];
        store_block(p, block, step->def->out, region + step->y.at,
                    p->base[FV_ROWS] + p->program->output[i].at);
    }
}

void fv_cpu_load_gradients(const fv_cpu_pass *p, int block, float *region)
{
    for (int i = 0; i < p->net->n_outputs; i++) {
        const fv_op_step *step = p->program->steps + p->net->outputs[i];
        load_rows(p, block, step->def->out, p->base[FV_ROWS] + p->program->doutput[i].at,
                  region + step->dy.at);
    }
}

void fv_cpu_store_gradients(const fv_cpu_pass *p, int block, const float *region)
{
    for (int i = 0; i < p->net->n_inputs; i++) {
        const fv_op_step *step = p->program->steps + p->net->inputs[i];
        if (p->program->dinput[i].space && step->def->consumers) /* else it stays 0 */
            store_block(p, block, step->def->out, region + step->dy.at,
                        p->base[FV_ROWS] + p->program->dinput[i].at);
    }
}
