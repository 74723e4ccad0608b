#!/bin/sh
# Runs the tests, several at once, and names the five slowest; ctest's count comes last.
#   sh scripts/test.sh BUILD JOBS
build=$1 jobs=$2
log=$build/test.log
{ ctest --test-dir "$build" --output-on-failure -j "$jobs" 2>&1; echo $? >"$build/test.status"; } |
    tee "$log"
echo "the slowest tests:"
sed -n 's/^ *[0-9]*\/[0-9]* Test *#[0-9]*: \([^ ]*\) .*  *\([0-9.]*\) sec.*/\2 s  \1/p' "$log" |
    sort -rn | head -5
grep -E 'tests passed, [0-9]+ tests failed out of' "$log"
exit "$(cat "$build/test.status")"
