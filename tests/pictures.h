/*
 * pictures.h - shared by the tests of transforms: pictures as arrays.
 */
#ifndef PICTURES_H
#define PICTURES_H

#include "data_files.h"

/* Returns a picture [channels,height,width] of data owned by the test. */
static inline fv_array array_of(fv_type type, int channels, int height, int width, const void *data)
{
    return (fv_array){type,
                      3,
                      {channels, height, width, 1},
                      (size_t)channels * (size_t)height * (size_t)width,
                      (void *)(uintptr_t)data};
}

/* Returns a picture whose pixels are their positions: row * 16 + column. */
static inline fv_array places(uint8_t bytes[256])
{
    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    return array_of(FV_U8, 1, 16, 16, bytes);
}

#endif
