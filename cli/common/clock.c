/*
 * clock.c - seconds that pass. Layer 6. Calls POSIX.
 */
#include "common/clock.h"

#include <time.h>

double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
