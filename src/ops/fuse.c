/*
 * fuse.c - layer fusion: a convolution with the relu and the pooling after it; batch norm with
 * the relu after it.
 *
 * Layer 2. Calls the families that can be fused.
 */
#include "ops/op.h"

/* Returns the only consumer of layer i, NULL if there are more or none. */
static fv_def *reader_of(fv_def *defs, int count, int i)
{
    for (int k = i + 1; k < count; k++)
        for (int m = 0; m < defs[k].n_inputs; m++)
            if (defs[k].inputs[m] == i)
                return defs[i].consumers == 1 ? defs + k : NULL;
    return NULL;
}

void fv_fuse_layers(fv_def *defs, int count)
{
    for (int i = 0; i < count; i++) {
        fv_def *relu = reader_of(defs, count, i);
        fv_def *pool = relu ? reader_of(defs, count, (int)(relu - defs)) : NULL;
        if (pool)
            fv_fuse_conv_pool(defs + i, relu, pool);
        if (relu)
            fv_fuse_batch_norm(defs + i, relu);
    }
}
