#!/bin/sh
# Which folder may call which. The table is the architecture; the symbols of the object files and the
# #include lines show whether it holds. Files that call one another in a circle are named as well:
# only those of src/base may. Usage: check_layers.sh SOURCE_DIR BUILD_DIR
set -u
# folder             may call; a folder stands for those below it; "public": what fovea.h declares
table='
src/kernels
src/args
src/base             src/args src/kernels
src/data             src/args src/base
src/data/pack        src/args src/base src/data
src/data/pictures    src/args src/base src/data
src/data/sets        src/args src/base src/data src/data/pack src/data/pictures
src/data/transform   src/args src/base src/data
src/data/load        src/args src/base src/data src/data/transform
src/data/split       src/args src/base src/data
src/data/get         src/args src/base src/data src/data/pack
src/ops              src/args src/base src/kernels src/ops/conv
src/ops/conv         src/args src/base src/kernels src/ops
src/net              src/args src/base src/kernels src/ops src/ops/conv
src/learn            src/args src/base src/kernels src/ops src/net public
src/files            src/args src/base src/ops src/net public
cli                  src/args cli/common cli/data cli/model cli/train cli/report cli/bench public
cli/common           src/args cli public
cli/data             src/args cli/common public
cli/model            src/args cli/common cli/data public
cli/train            src/args cli/common cli/data cli/model cli/report public
cli/report           src/args cli/common cli/data cli/train public
cli/bench            src/args cli/common cli/data public
examples             public
bench                public src/kernels src/args src/base src/ops src/net cli/bench cli/common
'

source=$1 build=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
rows() { echo "$table" | grep .; }

# folder, object: of each source that is there; the build folder may keep objects of sources that
# are gone.
rows | while read -r folder may; do
    for file in "$source/$folder"/*.c; do
        find "$build/CMakeFiles" -path "*.dir/$folder/${file##*/}.o" 2>/dev/null | sed "s|^|$folder |"
    done
done >"$work/objects"
for folder in $(rows | sed 's/ .*//'); do
    case $folder in src/* | cli*) ;; *) continue ;; esac
    grep -q "^$folder " "$work/objects" || echo "no object files of $folder in $build"
done >"$work/bad"

# symbol, folder, file
while read -r folder object; do
    nm --defined-only --extern-only "$object" |
        awk -v at="$folder ${object##*/}" '$NF != "main" { print $NF, at }'
done <"$work/objects" | sort >"$work/defined"
while read -r folder object; do
    nm --undefined-only "$object" | awk -v at="$folder ${object##*/}" '{ print $NF, at }'
done <"$work/objects" | sort >"$work/used"
grep -o 'fv_[a-z0-9_]*(' "$source/include/fovea.h" | tr -d '(' | sort -u >"$work/public"

# symbol, folder and file that use it, folder and file that define it
join "$work/used" "$work/defined" | sort -u >"$work/calls"
rows | awk -v work="$work" '
    { for (n = 2; n <= NF; n++) ok[$1, $n] = 1; ok[$1, $1] = 1 }
    END {
        while ((getline name <(work "/public")) > 0)
            public[name] = 1
        while ((getline <(work "/calls")) > 0)
            if (!(($2, $4) in ok) && !(($2, "public") in ok && $1 in public))
                print $2 "/" $3 " calls " $1 ", defined in " $4 "/" $5
    }' >>"$work/bad"
rows | while read -r folder may; do
    for other in $(rows | sed -n "s|^\(${folder%%/*}/[^ ]*\).*|\1|p"); do
        case " $folder $may " in *" $other "* | *" $other/"*) continue ;; esac
        grep -nE "#include +\"${other#*/}/[a-z0-9_]+\\.h\"" "$source/$folder"/*.[ch] /dev/null
    done
done | sed "s|^$source/||" >>"$work/bad"

# Circles of files: tsort names them. A file of the SIMD sets is one, however often it is compiled.
awk '$2 "/" $3 != $4 "/" $5 && $2 != "src/base" && $4 != "src/base" {
    print $2 "/" $3, $4 "/" $5 }' "$work/calls" | sort -u >"$work/pairs"
tsort "$work/pairs" 2>&1 >/dev/null | sed 's/^tsort: //; s|^.*pairs: ||' >"$work/circles"
if [ -s "$work/circles" ]; then
    echo "files that call one another in a circle:"
    cat "$work/circles"
fi

if [ -s "$work/bad" ]; then
    echo "against the table of layers in tests/check_layers.sh:"
    cat "$work/bad"
    exit 1
fi
echo "$(wc -l <"$work/defined") functions and tables, each called only from where it may"
