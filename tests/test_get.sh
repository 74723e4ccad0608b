#!/bin/sh
# test_get.sh - `fovea get`: what a server can do, what a folder can hold, what is left behind.
#
#   test_get.sh FOVEA HTTP_SERVER DATA
#
# DATA is the folder that holds MNIST/raw. Nothing leaves this machine: all is fetched from
# tests/http_server.c, with --only-mirror.
set -u

absolute() { case $1 in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }
fovea=$(absolute "$1") server=$(absolute "$2") raw=$(absolute "$3")/MNIST/raw
export LC_ALL=C
unset http_proxy HTTP_PROXY all_proxy ALL_PROXY
work=$(mktemp -d) || exit 1
cd "$work" || exit 1
trap 'kill $pid; rm -rf "$work"' EXIT
passed=0 failed=0
images=train-images-idx3-ubyte.gz

"$server" "$raw" port log &
pid=$!
while [ ! -s port ]; do sleep 0.02; done
base=http://127.0.0.1:$(cat port)

# ---- tools ---------------------------------------------------------------------------------------

run() { : >log; "$fovea" get "$@" >out 2>err </dev/null; code=$?; }

# get HOW...: MNIST to root, from these manners of the server in turn, an address each.
get() {
    urls=
    for how in "$@"; do urls="$urls $base/$how"; done
    run mnist --root root --only-mirror --timeout 1 --mirror "$urls"
}

check() { # name, command...
    name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok $name"
    else
        failed=$((failed + 1))
        echo "FAILED $name: $* (exit code $code)"
        head -c 1500 out err log
    fi
}

ends_with() { [ "$code" -eq "$1" ]; }
err_is() { printf '%s\n' "$1" | cmp -s - err; }
out_is() { printf '%s\n' "$1" | cmp -s - out; }
err_has() { grep -qF -e "$1" err; }
out_has() { grep -qF -e "$1" out; }
log_is() { [ "$(cat log)" = "$1" ]; }
left() { # names in root/MNIST/raw
    [ "$(ls root/MNIST/raw 2>/dev/null | tr '\n' ' ')" = "$1" ]
}
same() { # all four files are there, and nothing else
    [ "$(ls root/MNIST/raw)" = "$(ls "$raw" | grep gz)" ] &&
        for file in root/MNIST/raw/*; do cmp -s "$file" "$raw/${file##*/}" || return 1; done
}
is_beginning() { # the .part is how the file begins, and not all of it
    part=root/MNIST/raw/$images.part
    size=$(wc -c <"$part")
    [ "$size" -gt 0 ] && [ "$size" -lt "$(wc -c <"$raw/$images")" ] &&
        head -c "$size" "$raw/$images" | cmp -s - "$part"
}
part() { # a .part of the first $1 bytes of the images, or of what is on stdin
    rm -rf root
    mkdir -p root/MNIST/raw
    if [ "$1" = - ]; then cat; else head -c "$1" "$raw/$images"; fi >"root/MNIST/raw/$images.part"
}

# ---- all is well ---------------------------------------------------------------------------------

get ok
check ok ends_with 0
check ok-files same
check ok-silent [ ! -s err ]
to="to root/MNIST/raw"
bytes() { wc -c <"$raw/$1-ubyte.gz" | sed ':a; s/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/; ta'; }
check ok-lines out_is "Downloading $base/ok/$images $to/$images
$(bytes train-images-idx3) bytes, checksum right
Downloading $base/ok/train-labels-idx1-ubyte.gz $to/train-labels-idx1-ubyte.gz
$(bytes train-labels-idx1) bytes, checksum right
Downloading $base/ok/t10k-images-idx3-ubyte.gz $to/t10k-images-idx3-ubyte.gz
$(bytes t10k-images-idx3) bytes, checksum right
Downloading $base/ok/t10k-labels-idx1-ubyte.gz $to/t10k-labels-idx1-ubyte.gz
$(bytes t10k-labels-idx1) bytes, checksum right
Done!"

get 403
check again ends_with 0
check again-log log_is ''
check again-line out_has "root/MNIST/raw/$images: already there, checksum right"
run mnist --root root --quiet
check quiet [ ! -s out -a ! -s err -a "$code" -eq 0 ]

printf 'x' >>root/MNIST/raw/t10k-labels-idx1-ubyte.gz
get ok
check damaged-file same
check damaged-file-log log_is 'ok t10k-labels-idx1-ubyte.gz -1'

# ---- what a server can do ------------------------------------------------------------------------

# fails HOW REASON LEFT: alone it ends with this reason, behind it the next address is tried.
fails() {
    rm -rf root
    get "$1"
    check "$1" ends_with 1
    check "$1-err" err_is "failed: $base/$1/$images
        $2
error: $images of mnist could not be fetched; each address failed:
       $base/$1/$images
         $2
help:  fovea get mnist again later, or --mirror URL, or --from a folder that has it  [E-IO]"
    check "$1-left" left "$3"
    get "$1" ok
    check "$1-next" ends_with 0
    check "$1-next-files" same
}
half=$(($(wc -c <"$raw/$images") / 2))
for status in 403 404 503; do fails $status "it answered with HTTP status $status" ''; done
fails html 'it sent something else, which begins with "<!DOCTYPE html><p>Not w"' ''
fails empty 'it sent nothing' ''
fails hang 'no answer within 1 s' ''
fails loop 'it redirects more than 5 times' ''
fails endless 'it sent more than the file can have: 19824844 bytes' ''
fails cut "it broke off: $half of $(wc -c <"$raw/$images") bytes came" "$images.part "
sum=$({ head -c -1 "$raw/$images" && printf x; } | sha256sum | cut -c 1-64)
fails wrong "it sent another file, of SHA-256 $sum" ''

rm -rf root
get drip
check drip err_has "  too slow: less than 1000 bytes a second for 1 s"
check drip-left is_beginning
get 404 hang html ok
check fourth-address same
check fourth-address-err [ "$(wc -l <err)" -eq 6 ]
rm -rf root
get redirect
check redirect same

rm -rf root
kill $pid
get ok
check refused err_has "  Failed to connect to 127.0.0.1"
check refused-left left ''
"$server" "$raw" port.2 log &
pid=$!
while [ ! -s port.2 ]; do sleep 0.02; done
base=http://127.0.0.1:$(cat port.2)

# ---- going on with what is there -----------------------------------------------------------------

rest=t10k-images-idx3-ubyte.gz
others='train-labels-idx1-ubyte.gz -1
ok t10k-images-idx3-ubyte.gz -1
ok t10k-labels-idx1-ubyte.gz -1'
part 5000000
get ok
check resume same
check resume-log log_is "ok $images 5000000
ok $others"
check resume-line out_has "$images, going on after 5,000,000 bytes"

rm -rf root
get cut
check cut-part is_beginning
get cut ok
check cut-again same
check cut-again-log grep -qF "ok $images $((half + half / 2))" log

part 5000000
get norange
check norange same
part 5000000
get shift ok
check shift same
check shift-err err_has '  it sent another part of the file than it was asked for'
get 404
part 9999999
printf 'xxxxxxxxxx' >>root/MNIST/raw/$images.part
get ok
check too-long-part same
check too-long-part-log log_is "ok $images $(($(wc -c <"$raw/$images") + 10))
ok $images -1
ok $others"
tail -c 1000 "$raw/$images" | part -
get ok
check wrong-part same
check wrong-part-log log_is "ok $images 1000
ok $images -1
ok $others"
part 9999999
get 404
check whole-part-log log_is '404 train-labels-idx1-ubyte.gz -1'
check whole-part left "$images "
: | part -
get 404
check empty-part left ''

# ---- Ctrl+C --------------------------------------------------------------------------------------

rm -rf root
"$fovea" get mnist --root root --only-mirror --mirror "$base/slow" >out 2>err </dev/null &
get=$!
while [ ! -s root/MNIST/raw/$images.part ]; do sleep 0.02; done
kill -INT $get
wait $get
code=$?
check stop ends_with 130
check stop-part is_beginning
check stop-err err_is 'stopped; what has come of the file stays, as .part
next    fovea get mnist         goes on from there'
size=$(wc -c <root/MNIST/raw/$images.part)
get ok
check stop-resume same
check stop-resume-log grep -qxF "ok $images $size" log

# Two at once: the second one leaves the file to the first.
rm -rf root
"$fovea" get mnist --root root --only-mirror --mirror "$base/slow" >out 2>err </dev/null &
get=$!
while [ ! -s root/MNIST/raw/$images.part ]; do sleep 0.02; done
get ok
kill -INT $get
check two err_has ".part\" is being written by another process"
wait $get
check two-part is_beginning

# ---- the folder ----------------------------------------------------------------------------------

echo text >file
run mnist --root file --only-mirror --mirror "$base/ok"
check root-is-file err_has 'error: cannot make the folder "file/MNIST": Not a directory'
check root-is-file-code ends_with 1
(
    trap '' XFSZ # a write that would be too large fails as on a full disk
    ulimit -f 1000
    rm -rf root
    run mnist --root root --only-mirror --mirror "$base/ok $base/ok"
    check full ends_with 1
    check full-err err_has "error: cannot write \"root/MNIST/raw/$images.part\": File too large"
    check full-log log_is "ok $images -1"
    [ $failed -eq 0 ]
) || failed=$((failed + 1))

rm -rf root
run mnist --root root --from "$raw"
check from same
check from-line out_has "Copying $raw/$images to root/MNIST/raw/$images"
rm -rf root
run mnist --root root --from "${raw%/MNIST/raw}"
check from-root same
mkdir wrong
cp "$raw"/*.gz wrong
{ head -c -1 "$raw/$images" && printf x; } | cat >wrong/x && mv -f wrong/x wrong/$images
rm -rf root
run mnist --root root --from wrong
check from-wrong err_is "error: \"wrong/$images\" is not that of mnist:
       SHA-256 expected 440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609
               found    $sum
help:  give another folder, or get it from the network                [E-DATA]"
check from-wrong-left left ''
run mnist --root root --from .
check from-nowhere err_is "error: \".\" has no $images, neither there nor in MNIST/raw
help:  give the folder in which the files of mnist are                [E-PATH]"

# The reader takes the unpacked file first, so it must be right too.
run mnist --root root --from "$raw"
gunzip -c "$raw/t10k-labels-idx1-ubyte.gz" >root/MNIST/raw/t10k-labels-idx1-ubyte
rm root/MNIST/raw/t10k-labels-idx1-ubyte.gz
get 404
check unpacked out_has 'root/MNIST/raw/t10k-labels-idx1-ubyte: already there, checksum right'
printf 'x' >>root/MNIST/raw/t10k-labels-idx1-ubyte
get ok
check unpacked-wrong err_has 't10k-labels-idx1-ubyte" is not that of mnist, and is read before'
check unpacked-wrong-code ends_with 1

# ---- the command line ----------------------------------------------------------------------------

usage() { # text, arguments...
    text=$1
    shift
    run "$@"
    check "usage: $*" ends_with 2
    check "usage-err: $*" err_has "$text"
}
usage 'error: "fovea get" wants more: fovea get SET'
usage 'error: "more" is one thing too many for "fovea get"' mnist more
usage 'contradict each other' mnist --from x --mirror http://x
usage 'error: the mirror "ftp://x" is no address of HTTP' mnist --mirror ftp://x
usage 'error: fv_get: only_mirrors, but no mirrors are given' mnist --only-mirror
usage 'error: --timeout: 0 is out of range' mnist --timeout 0
usage 'help:  fovea get mnist --from DIR ' mnist --from ''
run nothing --root root
check unknown err_is 'error: there is no data set "nothing" to get
help:  there are mnist, fashion-mnist, kmnist, qmnist, emnist, cifar10, cifar100  [E-NAME]'

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
