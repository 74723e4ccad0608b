/*
 * pictures.h - what the tests of transforms share: arrays that are pictures.
 */
#ifndef PICTURES_H
#define PICTURES_H

#include "data_files.h"

/* [channels,height,width] of the test's own data. */
static inline fv_array array_of(fv_type type, int channels, int height, int width, const void *data)
{
    return (fv_array){type,
                      3,
                      {channels, height, width, 1},
                      (size_t)channels * (size_t)height * (size_t)width,
                      (void *)(uintptr_t)data};
}

/* A picture whose pixels say where they are: row * 16 + column. */
static inline fv_array places(uint8_t bytes[256])
{
    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    return array_of(FV_U8, 1, 16, 16, bytes);
}

#endif
