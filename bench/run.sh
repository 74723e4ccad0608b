#!/bin/sh
# Measures Fovea on this machine: LeNet-5 training and inference, a training step of ResNet-9, whole
# programs, and nine convolutions; PyTorch and oneDNN too where they are installed. Measurements
# alternate, because machines drift, and medians are reported. Prints the tables and writes them to
# bench/results.md. Takes seven minutes.
#   bench/run.sh BUILD_DIR [--json]      from the repository's root; --json prints JSON instead
set -u
build=$1 format=${2:-}
turns=5 slow_turns=3
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# ---- tools ---------------------------------------------------------------------------------------

say() { [ ! -t 2 ] || printf '\r\033[K%s' "$*" >&2; }

about() { echo "about $*" >>"$work/measured"; }

# measure NAME COMMAND...: records pairs that COMMAND prints, "train 1.53", as "NAME.train 1.53".
measure() {
    name=$1
    shift
    "$@" >"$work/out" || exit 1
    sed 's| G[A-Z]*/s||' "$work/out" | xargs -n 2 | sed "s/^/$name./" >>"$work/measured"
}

python_with() { # MODULES: prints the first python that can import them
    for candidate in python3 /usr/bin/python3; do
        "$candidate" -c "import $1" >/dev/null 2>&1 && echo "$candidate" && break
    done
}

device() { "$build/fovea" device | sed -n "s/^$1  *//p"; }

# ---- machine and programs ------------------------------------------------------------------------

compiler=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
about processor "$(LC_ALL=C lscpu | sed -n 's/^Model name: *//p')"
about processors "$(device processors)"
about compiler "$("${compiler:-cc}" --version | head -n 1)"
about kernels "$(device kernels | tr -d , | cut -d' ' -f1)"
about date "$(date -u +%F)"
python=$(python_with torch,numpy)
tutorial=$(python_with torch,torchvision)
if [ -n "$python" ]; then
    about PyTorch "$("$python" -c 'import torch; print(torch.__version__)')"
else
    about PyTorch "not installed, left out (Debian: python3-torch)"
fi
[ -n "$tutorial" ] || about torchvision "not installed, left out (Debian: python3-torchvision)"

# ---- alternating measurements --------------------------------------------------------------------

for turn in $(seq $turns); do
    say "LeNet-5, turn $turn of $turns"
    measure peak "$build/bench/peak"
    measure fovea-1 "$build/bench/epoch" 1
    [ -z "$python" ] || measure pytorch-1 "$python" bench/pytorch_epoch.py 1
    measure fovea-2 "$build/bench/epoch" 2
    [ -z "$python" ] || measure pytorch-2 "$python" bench/pytorch_epoch.py 2
    case $(device available) in *avx2*) measure fovea-avx2 "$build/bench/epoch" 1 avx2 ;; esac
done

for turn in $(seq $turns); do
    say "ResNet-9, turn $turn of $turns"
    for threads in 1 2; do
        measure "resnet9-$threads" "$build/bench/resnet9" $threads
        [ -z "$python" ] || measure "pytorch-resnet9-$threads" "$python" bench/pytorch_resnet9.py \
            $threads
    done
done

mkdir -p "$work/MNIST/raw"
for file in data/MNIST/raw/*.gz; do # torchvision reads unpacked files
    gunzip -c "$file" >"$work/MNIST/raw/$(basename "$file" .gz)"
done
for turn in $(seq $slow_turns); do
    say "whole programs, turn $turn of $slow_turns"
    measure program "$build/bench/process" 1 "$build/fovea" train mnist --threads 1 \
        --out "$work/$turn"
    [ -z "$tutorial" ] || measure tutorial "$build/bench/process" 1 "$tutorial" \
        bench/pytorch_tutorial.py "$work" "$work/model.pt"
done
measure start "$build/bench/process" 51 "$build/fovea" version
measure nothing "$build/bench/process" 51 true
strip -o "$work/fovea" "$build/fovea" && measure stripped echo bytes "$(wc -c <"$work/fovea")"

say "convolutions"
"$build/bench/conv" >"$work/out" || exit 1
sed 's/^/conv /' "$work/out" >>"$work/measured"
onednn=$(sed -n 's/.*oneDNN //p' "$work/out")
about oneDNN "${onednn:-not installed, left out (Debian: libdnnl-dev)}"
say ""

# ---- tables --------------------------------------------------------------------------------------

awk -f bench/report.awk "$work/measured" >bench/results.md
if [ "$format" = --json ]; then
    awk -v json=1 -f bench/report.awk "$work/measured"
else
    cat bench/results.md
fi
