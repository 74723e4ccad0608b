#!/bin/sh
# Finds out what Fovea needs and this machine lacks, and installs it with apt-get after saying so.
#   deps.sh run     compiler, cmake, cJSON, zlib, libjpeg-turbo, libpng, libwebp, giflib, libcurl
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

have() {
    command -v "$1" >/dev/null 2>&1
}

has_library() { # header, library
    dir=$(mktemp -d) || exit 1
    printf '#include <%s>\n' stdio.h stdarg.h stddef.h stdint.h setjmp.h "$1" >"$dir/t.c"
    echo 'int main(void) { return 0; }' >>"$dir/t.c"
    "$compiler" -o "$dir/t" "$dir/t.c" -l"$2" >"$dir/log" 2>&1
    found=$?
    rm -rf "$dir"
    return $found
}

# Whatever compiler is there can tell which libraries are; without one, all are asked for.
compiler=$CC
if ! have "$CC"; then
    case ${CC##*/} in
    gcc-* | clang*) need "${CC##*/}" "the compiler that CC asks for" ;;
    *) have gcc || need gcc "a C compiler" ;;
    esac
    for compiler in gcc clang none; do
        ! have $compiler || break
    done
fi
has_library stdio.h c || need libc6-dev "the headers of the C library"
have cmake || need cmake "prepares the build"
have make || need make "runs the build"
has_library cjson/cJSON.h cjson || need libcjson-dev "reads and writes the headers of model files"
has_library zlib.h z || need zlib1g-dev "reads MNIST's .gz files"
has_library jpeglib.h jpeg || need libjpeg-dev "reads JPEG pictures"
has_library png.h png || need libpng-dev "reads PNG pictures"
has_library webp/decode.h webp || need libwebp-dev "reads WebP pictures"
has_library gif_lib.h gif || need libgif-dev "reads GIF pictures"
has_library curl/curl.h curl || need libcurl4-openssl-dev "fetches data sets"
if [ "${1:-run}" = test ]; then
    has_library cmocka.h cmocka || need libcmocka-dev "runs the tests"
fi
[ -n "$packages" ] || exit 0

echo "Fovea needs packages that are not installed:$reasons"
if ! have apt-get; then
    echo "This system has no apt-get. Install what corresponds to:$packages" >&2
    exit 1
fi
root=
if [ "$(id -u)" -ne 0 ]; then
    root="sudo "
    if ! have sudo; then
        echo "Only root can install them. As root: apt-get install$packages" >&2
        exit 1
    fi
fi
apt() { # sudo keeps no variables, so env sets it behind it
    ${root}env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" >&2
}
echo "Installing them with: ${root}apt-get install$packages"
# Stale lists of packages may do, so only the installation decides.
apt update || true
if ! apt install -y --no-install-recommends $packages; then
    echo "They could not be installed. Is there a network? Then by hand:" \
        "${root}apt-get install$packages" >&2
    exit 1
fi
