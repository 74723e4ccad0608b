#!/bin/sh
# The NEON kernels on a machine of another kind: builds the library for aarch64 as CMake does there,
# and digest.c against it, and runs that under an emulator. Its digest is pinned for all machines.
# Usage: test_neon.sh SOURCE_DIR CJSON_INCLUDE_DIR WERROR [quick]
set -u
source=$1 cjson=$2 werror=$3
if [ "${4:-}" = quick ]; then
    echo "an emulator does not run sanitizers: not checked"
    exit 77
fi
cc=aarch64-linux-gnu-gcc for_clang=--target=aarch64-linux-gnu
compiles() { echo '#include <stdio.h>' | "$@" -fsyntax-only -xc - 2>/dev/null; }
if ! compiles $cc || ! command -v qemu-aarch64; then
    echo "not checked; on Debian or Ubuntu this would do it:"
    echo "sudo apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
    exit 77
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
unset CFLAGS

# No zlib, decoders, libcurl and cJSON for aarch64. What wants cJSON is compiled with the
# header, which is the same everywhere, and left out by the linker.
ln -s "$cjson/cjson" "$work/cjson"
configure() { # compiler, a flag or nothing
    rm -rf "$work/build"
    cmake -S "$source" -B "$work/build" -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
        -DCMAKE_C_COMPILER="$1" -DCMAKE_C_FLAGS="$2" -DFOVEA_WERROR="$werror" -DFOVEA_TESTS=OFF \
        -DFOVEA_ZLIB=OFF -DFOVEA_JPEG=OFF -DFOVEA_PNG=OFF -DFOVEA_WEBP=OFF -DFOVEA_CURL=OFF \
        -DCJSON_INCLUDE="$work" -DCJSON_LIBRARY=none
}
build() { # as configure
    configure "$1" "$2" && cmake --build "$work/build" --target fovea_static &&
        "$1" ${2:+"$2"} -std=c11 -static -I"$source/include" -o "$work/digest" \
            "$source/tests/digest.c" "$work/build/libfovea.a" -lm -pthread
}
digest() { # as configure, and what to run: pairs of a set and a number of threads
    if ! build "$1" "$2" >"$work/log" 2>&1; then
        cat "$work/log"
        exit 1
    fi
    echo "$1"
    for each in $3; do
        qemu-aarch64 "$work/digest" "${each%,*}" "${each#*,}" || exit 1
    done
}
digest $cc "" "ref,1 neon,1 neon,2 neon,3 neon,8"
if compiles clang $for_clang; then
    digest clang $for_clang "ref,3 neon,4"
fi
