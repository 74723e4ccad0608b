#!/bin/sh
# The README's program is examples/01_mnist.c to the letter, has at most 45 lines, and does what the
# README says. Usage: test_readme.sh SOURCE_DIR PROGRAM [quick]
set -u
source=$1 program=$2
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
if [ "${3:-}" = quick ]; then
    echo "a whole epoch takes minutes under a sanitizer: compiled, not run"
    exit 77
fi

cd "$work" && ln -s "$source/data" data || exit 1
"$program" >out 2>err || fail "it failed: $(cat err)"
tab=$(printf '\t')
grep -qx "Train Epoch: 1 \[0/60000 (0%)\]${tab}Loss: 2\.3[0-9]*" out || fail "no first line: $(cat out)"
grep -qx "Train Epoch: 1 \[57600/60000 (96%)\]${tab}Loss: 0\.[0-9]*" out || fail "no last line: $(cat out)"
grep -qxE "Test set: Accuracy: 9[4-6]\.[0-9]{2}%" out || fail "no accuracy: $(cat out)"
[ -s lenet5.safetensors ] || fail "it saved nothing"
cat out
