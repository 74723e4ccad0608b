# cli_tools.sh - what the tests of the command ask with, for them to read: a folder of their own to
# work in, a run of the command, what can be checked of it, and pictures.

absolute() { case $1 in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }
# shellcheck disable=SC2154 # the test that reads this gets it from its own arguments
fovea=$(absolute "$1")
unset NO_COLOR
export LC_ALL=C
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

run() { "$fovea" "$@" >"$work/out" 2>"$work/err" </dev/null; code=$?; }

# check NAME COMMAND...: the command, as a test, says whether it is right.
check() {
    name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok $name"
    else
        failed=$((failed + 1))
        echo "FAILED $name: $* (exit code $code)"
        head -c 1000 "$work/out" "$work/err"
    fi
}

ends_with() { [ "$code" -eq "$1" ]; }
silent() { [ ! -s "$work/err" ]; }
out_has() { grep -q -e "$1" "$work/out"; }
err_has() { grep -q -e "$1" "$work/err"; }
out_is() { printf '%s\n' "$1" | cmp -s - "$work/out"; }
err_is() { printf '%s\n' "$1" | cmp -s - "$work/err"; }
lines() { [ "$(wc -l <"$2")" -eq "$1" ]; }
absent() { [ ! -e "$1" ]; }
holds() { [ "$(ls "$1" | tr '\n' ' ')" = "$2" ]; }
calculate() { awk "$@"; }

# What the library says to programs in C, fv_name and .field = value, is not for the command's user.
own_words() { ! grep -qE '(fv|FV)_[a-zA-Z]|\.[a-z_]+ = ' "$work/err"; }

# A usage error or a failure as all look: error, one help, a code; nothing on stdout, no crash.
is_error() {
    own_words && { [ "$code" -eq 1 ] || [ "$code" -eq 2 ]; } && [ ! -s "$work/out" ] &&
        head -n 1 "$work/err" | grep -q '^error: ' &&
        tail -n 1 "$work/err" | grep -q '^help:  .*[^ ].*  \[E-[A-Z]*\]$' &&
        [ "$(grep -c '^help:' "$work/err")" -eq 1 ]
}

# golden NAME CODE TEXT ARGS...: the command ends with that code and exactly that error.
golden() {
    name=$1 want=$2 text=$3
    shift 3
    run "$@"
    check "$name" ends_with "$want"
    check "$name-text" err_is "$text"
    check "$name-own-words" own_words
}

# picture FILE WIDTH HEIGHT SEED BASE: gray values BASE to BASE+59; up to 60 seeds differ.
picture() {
    mkdir -p "${1%/*}"
    {
        printf 'P5\n%d %d\n255\n' "$2" "$3"
        # shellcheck disable=SC2059 # the format is the pixels, in octal
        printf "$(awk -v n=$(($2 * $3)) -v seed="$4" -v base="$5" 'BEGIN {
            for (i = 0; i < n; i++)
                printf "\\%03o", base + (i * i * 7 + i * seed + seed * 13) % 60 }')"
    } >"$1"
}

# both FOLDER FROM TO: a dark and a light picture for each seed; the light ones are wider.
both() {
    seed=$2
    while [ "$seed" -le "$3" ]; do
        picture "$1/dark/$seed.pgm" 10 10 "$seed" 1
        picture "$1/light/$seed.pgm" 12 10 "$seed" 128
        seed=$((seed + 1))
    done
}
