#!/bin/sh
# Finds out what Fovea needs and this machine lacks, and installs it with apt-get after saying so.
#   deps.sh run     compiler, cmake, cJSON, zlib
#   deps.sh test    these and cmocka
set -u
CC=${CC:-cc}
packages=
reasons=

need() { # package, what for
    packages="$packages $1"
    reasons="$reasons
  $1: $2"
}

has_header() { # header, library
    dir=$(mktemp -d) || exit 1
    printf '#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <setjmp.h>\n#include <%s>\nint main(void) { return 0; }\n' "$1" >"$dir/t.c"
    "$CC" -o "$dir/t" "$dir/t.c" -l"$2" >"$dir/log" 2>&1
    found=$?
    rm -rf "$dir"
    return $found
}

if ! command -v "$CC" >/dev/null 2>&1; then
    case $CC in
    clang*) need "$CC" "the compiler that CC asks for" ;;
    *) CC=gcc; command -v gcc >/dev/null 2>&1 || need gcc "a C compiler" ;;
    esac
fi
[ -e /usr/include/stdio.h ] || need libc6-dev "the headers of the C library"
command -v cmake >/dev/null 2>&1 || need cmake "builds the library"
command -v make >/dev/null 2>&1 || need make "runs the build"
has_header cjson/cJSON.h cjson || need libcjson-dev "reads and writes the headers of model files"
has_header zlib.h z || need zlib1g-dev "reads MNIST's .gz files"
if [ "${1:-run}" = test ]; then
    has_header cmocka.h cmocka || need libcmocka-dev "runs the tests"
fi
[ -n "$packages" ] || exit 0

echo "Fovea needs packages that are not installed:$reasons"
if ! command -v apt-get >/dev/null 2>&1; then
    echo "This system has no apt-get. Install what corresponds to:$packages" >&2
    exit 1
fi
sudo=
if [ "$(id -u)" -ne 0 ]; then
    sudo=sudo
    if ! command -v sudo >/dev/null 2>&1; then
        echo "Only root can install them. As root: apt-get install$packages" >&2
        exit 1
    fi
fi
echo "Installing them with: $sudo apt-get install$packages"
export DEBIAN_FRONTEND=noninteractive
if ! { $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends $packages; } >&2; then
    echo "They could not be installed. Is there a network? Then by hand: $sudo apt-get install$packages" >&2
    exit 1
fi
