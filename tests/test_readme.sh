#!/bin/sh
# The README's program is examples/01_mnist.c to the letter, has at most 45 lines, compiles against
# the library, and does what the README says.
# Usage: test_readme.sh SOURCE_DIR BUILD_DIR "COMPILER FLAGS" [quick]
set -u
source=$1 build=$2 compiler=$3
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
fail() {
    echo "$1"
    exit 1
}

for readme in README.md README.ko.md; do
    awk '/^```c$/ { on = 1; next } /^```/ { if (on) exit } on' "$source/$readme" >"$work/program.c"
    cmp "$work/program.c" "$source/examples/01_mnist.c" ||
        fail "the first C program of $readme is not examples/01_mnist.c"
done
lines=$(wc -l <"$work/program.c")
[ "$lines" -le 45 ] || fail "the README's program has $lines lines, more than 45"
cd "$work" && ln -s "$source/data" data || exit 1
$compiler -std=c11 -Wall -Wextra -Werror -I"$source/include" -o program program.c \
    -L"$build" -lfovea -Wl,-rpath,"$build" || fail "it does not compile"
if [ "${4:-}" = quick ]; then
    echo "compiled, not run: a whole epoch takes minutes under a sanitizer"
    exit 0
fi

./program >out 2>err || fail "it failed: $(cat err)"
printed() { grep -qxE "$1" out || fail "it does not print $1: $(cat out)"; }
tab=$(printf '\t')
printed "Train Epoch: 1 \[0/60000 \(0%\)\]${tab}Loss: 2\.3[0-9]{5}"
printed "Train Epoch: 1 \[57600/60000 \(96%\)\]${tab}Loss: 0\.[0-9]{6}"
printed "Test set: Accuracy: 9[4-6]\.[0-9]{2}%"
[ -s lenet5.safetensors ] || fail "it saved nothing"
cat out
