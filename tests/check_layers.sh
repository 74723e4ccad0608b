#!/bin/sh
# Who may call whom. The table is the architecture; the object files show whether it holds.
# Usage: check_layers.sh SOURCE_DIR BUILD_DIR
set -u
allowed() { # layer: the layers whose functions it may call; "public": those of fovea.h
    case $1 in
    kernels) echo "" ;;
    base) echo "kernels" ;;
    ops) echo "base kernels" ;;
    net) echo "ops base kernels" ;;
    data) echo "base" ;;
    learn) echo "net ops base kernels public" ;;
    cli) echo "public" ;;
    esac
}

source=$1 build=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
layers="kernels base ops net data learn cli"

for layer in $layers; do
    case $layer in cli) folder=/cli/ ;; *) folder=/src/$layer/ ;; esac
    find "$build/CMakeFiles" -name '*.o' | grep "\.dir$folder" >"$work/$layer.objects"
    if [ ! -s "$work/$layer.objects" ]; then
        echo "no object files of $layer under $build"
        exit 1
    fi
    xargs nm -A --defined-only --extern-only <"$work/$layer.objects" |
        awk -v layer="$layer" '$NF ~ /^fv_/ { print $NF, layer }'
done | sort -u >"$work/defined"
grep -o 'fv_[a-z0-9_]*(' "$source/include/fovea.h" | tr -d '(' | sort -u >"$work/public"

bad=0
for layer in $layers; do
    xargs nm -A --undefined-only <"$work/$layer.objects" |
        awk '$NF ~ /^fv_/ { sub(/:.*/, "", $1); print $NF, $1 }' | sort -u >"$work/calls"
    while read -r symbol object; do
        owner=$(awk -v s="$symbol" '$1 == s { print $2; exit }' "$work/defined")
        [ "$owner" = "$layer" ] && continue
        for ok in $(allowed "$layer"); do
            [ "$ok" = "$owner" ] && continue 2
            [ "$ok" = public ] && grep -qx "$symbol" "$work/public" && continue 2
        done
        echo "$layer may not call ${owner:-?}: ${object##*/} calls $symbol"
        bad=1
    done <"$work/calls"
done

# A program sees the public header alone.
if grep -nE '#include "(base|kernels|ops|net|data|learn)/' "$source"/cli/*.[ch] \
    "$source"/examples/*.c "$source"/bench/*.c 2>/dev/null; then
    echo "the lines above include headers of the library's insides"
    bad=1
fi
[ $bad -eq 0 ] && echo "$(wc -l <"$work/defined") functions and tables, each called only from where it may"
exit $bad
