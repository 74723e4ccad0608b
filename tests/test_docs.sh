#!/bin/sh
# The files that docs/adding.md names exist; docs/layers.md is what scripts/layers.sh makes of the header, and names every layer.
#   test_docs.sh SOURCE
source=$1
fresh=$(mktemp) || exit 1
trap 'rm -f "$fresh"' EXIT
sh "$source/scripts/layers.sh" >"$fresh"
if ! cmp -s "$fresh" "$source/docs/layers.md"; then
    echo "docs/layers.md is not what the header says now: sh scripts/layers.sh > docs/layers.md"
    diff "$fresh" "$source/docs/layers.md" | head -5
    exit 1
fi
grep -o '^FV_API .*\bfv_[a-z0-9_]*(' "$source/include/fovea.h" | sed 's/.*\b\(fv_[a-z0-9_]*\)($/\1/; s/_opt$//' | sort -u >"$fresh"
sed -n 's/^| `\(fv_[a-z0-9_]*\)`.*/\1/p' "$source/docs/layers.md" | sort -u | comm -23 "$fresh" - >"$fresh.lacks"
functions=$(wc -l <"$fresh")
lacks=$(cat "$fresh.lacks"); rm -f "$fresh.lacks"
[ -z "$lacks" ] || { echo "docs/layers.md does not list:" $lacks; exit 1; }
[ "$functions" -eq "$(grep -c '^FV_API' "$source/include/fovea.h")" ] || {
    echo "a function of fovea.h is not on the line of its FV_API"; exit 1; }
sed -n 's/^    [TO](\([a-z0-9_]*\),.*/\1/p' "$source/src/ops/layer_types.h" >"$fresh"
missing=0
for layer in $(cat "$fresh"); do
    grep -q "fv_$layer\b" "$source/docs/layers.md" || { echo "docs/layers.md lacks fv_$layer"; missing=1; }
done
for path in $(grep -oE '(src|cli|include|tests|docs|scripts|cmake)/[A-Za-z0-9_./-]*\.(c|h|sh|py|md)' "$source/docs/adding.md" |
    sort -u) CMakeLists.txt; do
    [ -f "$source/$path" ] || { echo "docs/adding.md names $path, which is not there"; missing=1; }
done
echo "docs/layers.md has $functions functions, $(wc -l <"$fresh") of them layers"
exit $missing
