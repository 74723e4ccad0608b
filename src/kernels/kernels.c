/*
 * kernels.c - which set of kernels this CPU runs.
 *
 * Layer 0, libc only. The sets: ref.c always; simd.c once per instruction set of x86-64 or aarch64.
 */
#include "kernels/kernels.h"

#include <string.h>

extern const fv_kernels fv_kernels_ref;
#if defined(FV_HAVE_X86_SIMD)
extern const fv_kernels fv_kernels_avx2, fv_kernels_avx512;
#elif defined(FV_HAVE_NEON)
extern const fv_kernels fv_kernels_neon;
#endif

/* The set of that name, NULL if this CPU or build does not have it. */
static const fv_kernels *set_of(const char *name)
{
    if (strcmp(name, "ref") == 0)
        return &fv_kernels_ref;
#if defined(FV_HAVE_X86_SIMD)
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (strcmp(name, "avx2") == 0 && avx2)
        return &fv_kernels_avx2;
    if (strcmp(name, "avx512") == 0 && avx2 && __builtin_cpu_supports("avx512f"))
        return &fv_kernels_avx512;
#elif defined(FV_HAVE_NEON) /* part of every aarch64 */
    if (strcmp(name, "neon") == 0)
        return &fv_kernels_neon;
#endif
    return NULL;
}

static const fv_kernels *widest(void)
{
    static const char *const names[] = {"avx512", "avx2", "neon"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (set_of(names[i]))
            return set_of(names[i]);
    return &fv_kernels_ref;
}

const fv_kernels *fv_kernels_pick(const char *name, const char **why)
{
    *why = name ? "asked for" : "the widest this CPU has";
    const fv_kernels *set = name ? set_of(name) : widest();
    if (!set)
        *why = fv_kernels_known(name) ? "this CPU or build does not have it" : "no such set";
    return set;
}

bool fv_kernels_known(const char *name)
{
    return strcmp(name, "ref") == 0 || strcmp(name, "avx2") == 0 || strcmp(name, "avx512") == 0 ||
           strcmp(name, "neon") == 0;
}

const char *fv_kernels_available(void)
{
    return set_of("avx512") ? "ref avx2 avx512"
           : set_of("avx2") ? "ref avx2"
           : set_of("neon") ? "ref neon"
                            : "ref";
}
