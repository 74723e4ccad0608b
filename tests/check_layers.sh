#!/bin/sh
# Which folder may call which. The table of docs/architecture.md is the architecture; the symbols of the object files and the
# #include lines show whether it holds. Files that call one another in a circle are named as well:
# only those of src/base may. Usage: check_layers.sh SOURCE_DIR BUILD_DIR
set -u
source=$1 build=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
# The table: the rows of docs/architecture.md between its two marks, "| `folder` | folders |".
rows() {
    sed -n '/^<!-- calls -->/,/^<!-- end of calls -->/s/^| `\([^`]*\)` | \(.*\) |$/\1 \2/p' \
        "$source/docs/architecture.md" | tr -d '`,'
}
[ "$(rows | wc -l)" -ge 20 ] || { echo "docs/architecture.md lacks the table of calls"; exit 1; }

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
fi >>"$work/bad"

if [ -s "$work/bad" ]; then
    echo "against the table of layers in tests/check_layers.sh:"
    cat "$work/bad"
    exit 1
fi
echo "$(wc -l <"$work/defined") functions and tables, each called only from where it may"
