# cli_tools.sh - what test_cli.sh and test_cli_data.sh ask with, for them to read: a folder of their
# own to work in, a run of the command, and what can be checked of it.

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

# A usage error or a failure as all look: error, one help, a code; nothing on stdout, no crash.
is_error() {
    { [ "$code" -eq 1 ] || [ "$code" -eq 2 ]; } && [ ! -s "$work/out" ] &&
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
}
