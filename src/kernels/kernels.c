/*
 * kernels.c - which set of kernels this CPU runs.
 *
 * Layer 0, libc only. The sets: ref.c always; simd.c once per instruction set on x86-64.
 */
#include "kernels/kernels.h"

#include <string.h>

extern const fv_kernels fv_kernels_ref;
#if defined(FV_HAVE_X86_SIMD)
extern const fv_kernels fv_kernels_avx2, fv_kernels_avx512;
#endif

#if defined(FV_HAVE_X86_SIMD)

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f");
}

#else

static bool has_avx2(void)
{
    return false;
}

static bool has_avx512(void)
{
    return false;
}

#endif

static const fv_kernels *set_of(const char *name)
{
#if defined(FV_HAVE_X86_SIMD)
    if (strcmp(name, "avx2") == 0)
        return &fv_kernels_avx2;
    if (strcmp(name, "avx512") == 0)
        return &fv_kernels_avx512;
#endif
    return strcmp(name, "ref") == 0 ? &fv_kernels_ref : NULL;
}

const fv_kernels *fv_kernels_pick(const char *name, const char **why)
{
    if (!name) {
        *why = "the widest this CPU has";
        return set_of(has_avx512() ? "avx512" : has_avx2() ? "avx2" : "ref");
    }
    *why = "asked for";
    bool here = (strcmp(name, "avx2") != 0 || has_avx2()) &&
                (strcmp(name, "avx512") != 0 || has_avx512());
    const fv_kernels *set = here ? set_of(name) : NULL;
    if (!set)
        *why = here ? "no such set" : "this CPU or build does not have it";
    return set;
}

const char *fv_kernels_available(void)
{
    return has_avx512() ? "ref avx2 avx512" : has_avx2() ? "ref avx2" : "ref";
}
