#!/bin/sh
# The README's program is examples/01_mnist.c to the letter, has at most 45 lines, compiles against
# the library, and does what the README says. The other one is compiled too, and its text makes a net.
# examples/02_pictures.c learns two classes of pictures, and the command reads what it saved.
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
compile() {
    $compiler -std=c11 -Wall -Wextra -Werror -I"$source/include" -o "$1" "$2" \
        -L"$build" -lfovea -Wl,-rpath,"$build" || fail "$2 does not compile"
}
compile program program.c
compile pictures "$source/examples/02_pictures.c"
compile classify "$source/examples/03_classify.c"
awk '/^ \*   #include <fovea.h>/ { on = 1 } /^ \* Conventions/ { exit } on' "$source/include/fovea.h" |
    sed 's/^ \*   //; s/^ \*$//' >header.c
compile header header.c

for readme in README.md README.ko.md; do
    { echo '#include <fovea.h>'
      echo 'int main(void) { fv_ctx *fv = fv_open(NULL); int classes = 10;'
      echo 'fv_node x = fv_input(fv, 3, 32, 32);'
      awk '/^```c$/ { n++; next } /^```/ { if (n > 1) exit } n > 1' "$source/$readme"
      echo 'int failed = net == NULL; fv_close(fv); return failed; }'
    } >net.c
    compile net net.c
    ./net || fail "the network of $readme fails"
    awk '/^```/ { on = 0 } /^conv2d/ { on = 1 } on' "$source/$readme" >net.txt
    "$build/fovea" init net.txt --shape 3x32x32 --out net.st >out 2>&1 ||
        fail "the network in the text of $readme is none: $(cat out)"
    grep -q "^linear1.bias " out || fail "the text of $readme makes another net: $(cat out)"
done

picture() { # 40 x 40 pixels of one gray, an octal number
    mkdir -p "${1%/*}" && printf 'P6 40 40 255\n' >"$1" &&
        head -c 4800 /dev/zero | tr '\0' "\\$2" >>"$1" || exit 1
}
for n in 0 1 2 3 4 5 6 7; do
    picture "photos/dark/$n.ppm" "0${n}0"
    picture "photos/light/$n.ppm" "3${n}0"
done
./pictures photos >out 2>err || fail "02_pictures failed: $(cat err)"
[ "$(grep -c '^epoch' out)" = 15 ] || fail "02_pictures has other epochs: $(cat out)"
for class in dark light; do
    grep -qE "^$class +precision 1\.000   recall 1\.000   F1 1\.000   of [12]$" out ||
        fail "02_pictures does not know $class: $(cat out)"
    "$build/fovea" predict pictures.safetensors "photos/$class/3.ppm" >out2 2>&1
    grep -q "^> $class " out2 || fail "fovea predict does not see $class: $(cat out2)"
done
./classify pictures.safetensors photos/dark/3.ppm photos/light/3.ppm >out 2>err ||
    fail "03_classify failed: $(cat err)"
grep -qE '^photos/dark/3.ppm  dark  [0-9.]+%$' out && grep -qE '^photos/light/3.ppm  light  ' out ||
    fail "03_classify says: $(cat out)"
./classify nowhere photos/dark/3.ppm >out 2>err && fail "03_classify opens no network"
grep -q '^error: "nowhere" is no trained network' err || fail "03_classify says: $(cat err)"
./pictures nowhere >out 2>err && fail "02_pictures learns from no folder"
grep -q '^error: .*nowhere' err || fail "02_pictures says nothing of the folder: $(cat err)"

if [ "${4:-}" = quick ]; then
    echo "compiled, not run: a whole epoch takes minutes under a sanitizer"
    exit 0
fi

./header >out 2>err || fail "the program of fovea.h failed: $(cat err)"
grep -qE '^9[0-9]{3} of 10000 right  $' out || fail "the program of fovea.h prints: $(cat out)"
./program >out 2>err || fail "it failed: $(cat err)"
printed() { grep -qxE "$1" out || fail "it does not print $1: $(cat out)"; }
tab=$(printf '\t')
printed "Train Epoch: 1 \[0/60000 \(0%\)\]${tab}Loss: 2\.3[0-9]{5}"
printed "Train Epoch: 1 \[57600/60000 \(96%\)\]${tab}Loss: 0\.[0-9]{6}"
printed "Test set: Accuracy: 9[4-6]\.[0-9]{2}%"
[ -s lenet5.safetensors ] || fail "it saved nothing"
for readme in README.md README.ko.md; do
    grep -q "\`$(tail -1 out)\`" "$source/$readme" || fail "$readme has another accuracy: $(cat out)"
done
cat out
