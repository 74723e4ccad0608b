#!/bin/sh
# docs/layers.md is what scripts/layers.sh makes of the header, and names every layer.
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
sed -n 's/^    [TO](\([a-z0-9_]*\),.*/\1/p' "$source/src/ops/layer_types.h" >"$fresh"
missing=0
for layer in $(cat "$fresh"); do
    grep -q "fv_$layer\b" "$source/docs/layers.md" || { echo "docs/layers.md lacks fv_$layer"; missing=1; }
done
echo "docs/layers.md has $(wc -l <"$fresh") layers"
exit $missing
