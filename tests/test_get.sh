#!/bin/sh
# test_get.sh - `fovea get` as its user meets it: lines, exit codes, Ctrl+C, MNIST itself.
# What servers can do is tests/test_get.c's.
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
passed=0 failed=0
images=train-images-idx3-ubyte.gz labels=t10k-labels-idx1-ubyte.gz

"$server" "$raw" port log &
pid=$!
trap 'kill $pid; rm -rf "$work"' EXIT
while [ ! -s port ]; do sleep 0.02; done
base=http://127.0.0.1:$(cat port)

# ---- tools ---------------------------------------------------------------------------------------

run() { : >log; "$fovea" get "$@" >out 2>err </dev/null; code=$?; }
get() { run mnist --root root --only-mirror --timeout 1 --mirror "$1"; }

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
silent() { [ ! -s "$1" ]; }
log_is() { [ "$(cat log)" = "$1" ]; }
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
with_commas() { wc -c <"$raw/$1" | sed ':a; s/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/; ta'; }
lines() { # WORD FROM: what is printed for all four files
    for file in $images train-labels-idx1-ubyte.gz t10k-images-idx3-ubyte.gz $labels; do
        echo "$1 $2/$file to root/MNIST/raw/$file"
        echo "$(with_commas $file) bytes, checksum right"
    done
    echo Done!
}
start_slowly() { # in the background, until something has come
    rm -rf root
    "$fovea" get mnist --root root --only-mirror --mirror "$base/slow" >out 2>slow </dev/null &
    get=$!
    while [ ! -s root/MNIST/raw/$images.part ]; do sleep 0.02; done
}

# ---- from the network ----------------------------------------------------------------------------

get "$base/ok"
check ok ends_with 0
check ok-files same
check ok-silent silent err
check ok-lines out_is "$(lines Downloading "$base/ok")"

printf 'x' >>root/MNIST/raw/$labels
get "$base/404 $base/ok/"
check again same
check again-log log_is "404 $labels -1
ok $labels -1"
check again-lines out_is "root/MNIST/raw/$images: already there, checksum right
root/MNIST/raw/train-labels-idx1-ubyte.gz: already there, checksum right
root/MNIST/raw/t10k-images-idx3-ubyte.gz: already there, checksum right
Downloading $base/404/$labels to root/MNIST/raw/$labels
Downloading $base/ok/$labels to root/MNIST/raw/$labels
$(with_commas $labels) bytes, checksum right
Done!"
check again-err err_is "failed: $base/404/$labels
        it answered with HTTP status 404"

rm -rf root
get "$base/403"
check fails ends_with 1
check fails-lines out_is "Downloading $base/403/$images to root/MNIST/raw/$images"
check fails-err err_is "failed: $base/403/$images
        it answered with HTTP status 403
error: $images of mnist could not be fetched; each address failed:
       $base/403/$images
         it answered with HTTP status 403
help:  fovea get mnist again later, or --mirror URL, or --from a folder that has it  [E-IO]"
check fails-files [ -z "$(ls root/MNIST/raw)" ]

# ---- Ctrl+C, two at once, a full disk ------------------------------------------------------------

start_slowly
get "$base/ok"
check two err_has "error: \"root/MNIST/raw/$images.part\" is being written by another process"
kill -INT $get
wait $get
code=$?
mv slow err
check stop ends_with 130
check stop-part is_beginning
check stop-err err_is 'stopped; the part that was downloaded is kept as .part
next    fovea get mnist         continues from there'
size=$(wc -c <root/MNIST/raw/$images.part)
get "$base/ok"
check stop-resume same
check stop-resume-log grep -qxF "ok $images $size" log
check stop-resume-line out_has "$images, continuing after "

echo text >file
run mnist --root file --only-mirror --mirror "$base/ok"
check root-is-file err_has 'error: cannot make the folder "file/MNIST": Not a directory'
rm -rf root
(
    trap '' XFSZ # a write that would be too large fails, as on a full disk
    ulimit -f 1000
    exec "$fovea" get mnist --root root --only-mirror --mirror "$base/ok $base/ok" >out 2>err
)
code=$?
check full ends_with 1
check full-err err_has "error: cannot write \"root/MNIST/raw/$images.part\": File too large"

# ---- from a folder -------------------------------------------------------------------------------

rm -rf root
run mnist --root root --from "$raw"
check from same
check from-lines out_is "$(lines Copying "$raw")"
rm -rf root
run mnist --root root --from "${raw%/MNIST/raw}" --quiet
check from-root same
check from-root-quiet silent out

mkdir wrong
cp "$raw"/*.gz wrong
chmod u+w wrong/*
sum=$({ head -c -1 "$raw/$images" && printf x; } | tee wrong/$images | sha256sum | cut -c 1-64)
rm -rf root
run mnist --root root --from wrong
check from-wrong err_is "error: \"wrong/$images\" is not that of mnist:
       SHA-256 expected 440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609
               found    $sum
help:  give another folder, or get it from the network                [E-DATA]"
check from-wrong-files [ ! -e root ]

# The reader takes the unpacked file first, so it must be right too.
run mnist --root root --from "$raw"
gunzip -c "$raw/$labels" >root/MNIST/raw/${labels%.gz}
rm root/MNIST/raw/$labels
get "$base/404"
check unpacked out_has "root/MNIST/raw/${labels%.gz}: already there, checksum right"
printf 'x' >>root/MNIST/raw/${labels%.gz}
get "$base/ok"
check unpacked-wrong err_has "${labels%.gz}\" is not that of mnist, and is read before the .gz:"
check unpacked-wrong-code ends_with 1

# ---- the command line ----------------------------------------------------------------------------

usage() { # text, arguments...
    text=$1
    shift
    run "$@"
    check "usage: $*" ends_with 2
    check "usage-err: $*" err_has "$text"
}
usage 'error: missing argument: fovea get SET'
usage 'error: unexpected argument "more" for "fovea get"' mnist more
usage 'contradict each other' mnist --from x --mirror http://x
usage 'error: the mirror "ftp://x" is no address of HTTP' mnist --mirror ftp://x
usage 'error: --only-mirror needs --mirror URL' mnist --only-mirror
usage 'error: --timeout: 0 is out of range' mnist --timeout 0
usage 'help:  fovea get mnist --from DIR ' mnist --from ''
usage 'error: there is no data set "nothing" to get' nothing

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
