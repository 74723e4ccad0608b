#!/bin/sh
# Who may call whom. The table is the architecture; the symbols of the object files and the #include
# lines show whether it holds. Usage: check_layers.sh SOURCE_DIR BUILD_DIR
set -u
# folder        may call; "public": whatever fovea.h declares
table='
src/kernels
src/base        kernels
src/ops         kernels base
src/net         kernels base ops
src/data        base
src/learn       kernels base ops net public
cli             public
examples        public
bench           public kernels base ops net
'

source=$1 build=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
rows() { echo "$table" | grep .; }

# Not all that lies in the build folder: a source that is gone may have left its object behind.
objects() { # folder
    for file in "$source/$1"/*.c; do
        find "$build/CMakeFiles" -path "*.dir/$1/${file##*/}.o" 2>/dev/null
    done
}

# symbol, layer, object
rows | while read -r folder may; do
    objects "$folder" >"$work/${folder##*/}.objects"
    xargs -r nm -A --defined-only --extern-only <"$work/${folder##*/}.objects" |
        awk -v layer="${folder##*/}" '$NF ~ /^fv_/ { sub(/:.*/, "", $1); print $NF, layer, $1 }'
done | sort >"$work/defined"
grep -o 'fv_[a-z0-9_]*(' "$source/include/fovea.h" | tr -d '(' | sort -u >"$work/public"

rows | while read -r folder may; do
    layer=${folder##*/}
    if [ ! -s "$work/$layer.objects" ] && [ "$folder" != "$layer" ]; then
        echo "no object files of $folder in $build"
    fi
    xargs -r nm -A --undefined-only <"$work/$layer.objects" |
        awk -v layer="$layer" -v may="$may" -v work="$work" '
            BEGIN {
                ok[layer] = 1
                for (n = split(may, names); n > 0; n--)
                    ok[names[n]] = 1
                while ((getline line <(work "/defined")) > 0) {
                    split(line, part)
                    owner[part[1]] = part[2]
                    object[part[1]] = part[3]
                }
                while ((getline line <(work "/public")) > 0)
                    public[line] = 1
            }
            $NF ~ /^fv_/ && !(owner[$NF] in ok) && !("public" in ok && $NF in public) {
                sub(/:.*/, "", $1)
                sub(/.*\.dir\//, "", $1)
                sub(/.*\.dir\//, "", object[$NF])
                print $1 " calls " $NF ", defined in " object[$NF]
            }'
    for other in $(rows | sed -n 's|^src/\([a-z]*\).*|\1|p'); do
        case " $layer $may " in *" $other "*) continue ;; esac
        grep -nE "#include +[\"<](.*/)?$other/" "$source/$folder"/*.[ch] /dev/null
    done
done >"$work/bad"

if [ -s "$work/bad" ]; then
    echo "against the table of layers in tests/check_layers.sh:"
    sed "s|^$source/||" "$work/bad"
    exit 1
fi
echo "$(wc -l <"$work/defined") functions and tables, each called only from where it may"
