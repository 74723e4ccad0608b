#!/bin/sh
# An epoch of LeNet-5 on MNIST: Fovea with 1 and 2 threads and with each set of kernels, and PyTorch
# where it is installed, in turns, because machines drift; medians of five turns.
#   bench/run.sh BUILD_DIR
set -u
build=$1
turns=5
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

python=
for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import torch, numpy' >/dev/null 2>&1; then
        python=$candidate
        break
    fi
done

measure() { # name, command...
    name=$1
    shift
    "$@" >>"$work/$name" || exit 1
}

for turn in $(seq $turns); do
    printf '\rturn %d of %d' "$turn" $turns >&2
    measure fovea-1 "$build/bench/epoch" 1
    measure fovea-2 "$build/bench/epoch" 2
    measure fovea-1-avx2 "$build/bench/epoch" 1 avx2
    [ -z "$python" ] || measure pytorch-1 "$python" bench/pytorch_epoch.py 1
    [ -z "$python" ] || measure pytorch-2 "$python" bench/pytorch_epoch.py 2
done
printf '\r                \r' >&2

median() { # name, field
    awk -v field="$2" '{ print $field }' "$work/$1" | sort -n | sed -n "$(((turns + 1) / 2))p"
}

printf '%-14s %12s %10s %14s\n' "" "epoch, s" "test, s" "test images/s"
for name in fovea-1 fovea-2 fovea-1-avx2 pytorch-1 pytorch-2; do
    [ -s "$work/$name" ] || continue
    awk -v name=$name -v train="$(median $name 2)" -v test="$(median $name 4)" \
        'BEGIN { printf "%-14s %12.3f %10.3f %14.0f\n", name, train, test, 10000 / test }'
done
if [ -n "$python" ]; then
    awk -v a="$(median pytorch-1 2)" -v b="$(median fovea-1 2)" -v c="$(median pytorch-2 2)" \
        -v d="$(median fovea-2 2)" \
        'BEGIN { printf "\nFovea is %.1f times as fast as PyTorch with 1 thread, %.1f times with 2\n", a / b, c / d }'
else
    echo "PyTorch is not installed here (Debian: python3-torch); no comparison"
fi
