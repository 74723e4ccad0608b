#!/bin/sh
# The library's promises that its symbols can show: all external ones start with fv_, none that
# print, exit, read the environment or draw from libc's random numbers are called, and no variable
# can be written but one: fv_thread_error, a thread-local one, keeps the error of calls that were given
# no context, such as fv_conv2d on a node that was never made, which else would pass unseen. Usage: check_symbols.sh libfovea.a [quick]
set -u
library=$1
if [ "${2:-}" = quick ]; then
    echo "a sanitizer adds symbols of its own: not checked"
    exit 77
fi
bad=0
complain() {
    echo "$1"
    bad=1
}

names=$(nm --defined-only --extern-only "$library" | awk 'NF == 3 { print $3 }' | sort -u)
[ "$(echo "$names" | grep -c '^fv_')" -ge 40 ] || complain "fewer than 40 fv_ symbols in $library"
for name in $(echo "$names" | grep -v '^fv_'); do
    complain "external symbol without fv_: $name"
done

called=$(nm --undefined-only "$library" | awk 'NF == 2 { print $2 }' | sort -u)
for name in exit _exit _Exit quick_exit abort __assert_fail printf __printf_chk vprintf \
    fprintf __vprintf_chk __fprintf_chk vfprintf __vfprintf_chk dprintf puts fputs putchar putc \
    fputc fwrite perror stdout stderr rand srand random srandom drand48 getenv secure_getenv \
    signal sigaction system; do
    if echo "$called" | grep -qx "$name"; then
        complain "the library calls $name"
    fi
done

# Sections that can be written; .data.rel.ro is made read-only when the program starts.
for name in $(objdump -t "$library" | awk '
    / \*COM\*/ { print $NF }
    {
        for (i = 2; i < NF; i++)
            if ($i ~ /^\.(data|bss|tdata|tbss)/ && $i !~ /^\.data\.rel\.ro/ && $NF != $i)
                print $NF
    }'); do
    [ "$name" = fv_thread_error ] || complain "a variable that can be written: $name"
done
[ $bad -eq 0 ] && echo "$(echo "$names" | wc -l) external symbols, all as promised"
exit $bad
