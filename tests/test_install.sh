#!/bin/sh
# What `make install` installs can be used, wherever it lies: by CMake's find_package, shared and
# static, and by pkg-config. Usage: test_install.sh SOURCE_DIR BUILD_DIR COMPILER [quick]
set -u
source=$1 build=$2 compiler=$3
if [ "${4:-}" = quick ]; then
    echo "a program that is not sanitized cannot use a sanitized library: not checked"
    exit 77
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
fail() {
    echo "$1"
    cat "$work/log"
    exit 1
}

cmake --install "$build" --prefix "$work/first" >"$work/log" 2>&1 || fail "it cannot be installed"
mv "$work/first" "$work/moved"
version=$(sed -n 's/^project(fovea VERSION \([0-9.]*\).*/\1/p' "$source/CMakeLists.txt")
[ "$("$work/moved/bin/fovea" version | head -n 1)" = "fovea $version" ] ||
    fail "fovea version is not $version"

cat >"$work/program.c" <<'C'
#include <fovea.h>

int main(void)
{
    fv_ctx *fv = fv_open(NULL);
    fv_net *net = fv_net_new(fv_linear(fv_flatten(fv_input(fv, 1, 2, 2)), 3));
    int failed = fv_param_count(net) != 2 || fv_error(fv) != FV_OK;
    fv_close(fv);
    return failed;
}
C
cat >"$work/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.20)
project(use C)
find_package(fovea 0.1 REQUIRED)
foreach(kind fovea fovea_static)
  add_executable(${kind} program.c)
  target_link_libraries(${kind} PRIVATE fovea::${kind})
endforeach()
CMAKE
cmake -S "$work" -B "$work/use" -DCMAKE_C_COMPILER="$compiler" \
    -DCMAKE_PREFIX_PATH="$work/moved" >"$work/log" 2>&1 || fail "find_package(fovea) fails"
cmake --build "$work/use" >"$work/log" 2>&1 || fail "a program does not link by find_package"
for kind in fovea fovea_static; do
    "$work/use/$kind" >"$work/log" 2>&1 || fail "the program with fovea::$kind fails"
done

if ! command -v pkg-config >/dev/null 2>&1; then
    echo "without pkg-config its file is not checked"
    exit 0
fi
PKG_CONFIG_PATH=$(dirname "$(find "$work/moved" -name fovea.pc)")
export PKG_CONFIG_PATH
flags() {
    pkg-config --define-variable=prefix="$work/moved" "$@" fovea
}
[ "$(flags --modversion)" = "$version" ] || fail "fovea.pc is not of version $version"
libraries=$(flags --variable=libdir)
"$compiler" -o "$work/shared" "$work/program.c" $(flags --cflags --libs) >"$work/log" 2>&1 &&
    LD_LIBRARY_PATH=$libraries "$work/shared" >"$work/log" 2>&1 ||
    fail "the program with pkg-config --libs fails"
rm "$libraries"/libfovea.so*
"$compiler" -o "$work/static" "$work/program.c" $(flags --cflags --libs --static) \
    >"$work/log" 2>&1 && "$work/static" >"$work/log" 2>&1 ||
    fail "the program with pkg-config --libs --static fails"
