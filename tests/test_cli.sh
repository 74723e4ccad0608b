#!/bin/sh
# test_cli.sh - the command as its user meets it: outputs, exit codes, errors, files.
#
#   test_cli.sh FOVEA DATA [quick]
#
# FOVEA is the program, DATA the folder that holds MNIST/raw. Nearly all is done with the first 640
# training and 160 test images; quick leaves out the one epoch over all of them.
set -u

# shellcheck source=tests/cli_tools.sh
. "$(dirname "$0")/cli_tools.sh"
data=$(absolute "$2") mode=${3:-full}
parity=$(absolute "$(dirname "$0")")/test_parity.c
cd "$work" || exit 1

# small DIR IMAGES LABELS: a root with that many bytes of each training file, and 160 test images.
small() {
    raw=$1/MNIST/raw from=$data/MNIST/raw
    mkdir -p "$raw"
    side='\000\000\000\034\000\000\000\034'
    {
        printf '\000\000\010\003\000\000\002\200'"$side"
        gunzip -c "$from/train-images-idx3-ubyte.gz" | tail -c +17 | head -c "$2"
    } >"$raw/train-images-idx3-ubyte"
    {
        printf '\000\000\010\001\000\000\002\200'
        gunzip -c "$from/train-labels-idx1-ubyte.gz" | tail -c +9 | head -c "$3"
    } >"$raw/train-labels-idx1-ubyte"
    {
        printf '\000\000\010\003\000\000\000\240'"$side"
        gunzip -c "$from/t10k-images-idx3-ubyte.gz" | tail -c +17 | head -c 125440
    } >"$raw/t10k-images-idx3-ubyte"
    {
        printf '\000\000\010\001\000\000\000\240'
        gunzip -c "$from/t10k-labels-idx1-ubyte.gz" | tail -c +9 | head -c 160
    } >"$raw/t10k-labels-idx1-ubyte"
}

small data 501760 640 2>/dev/null

# ---- help, version, device -----------------------------------------------------------------------

run
check overview ends_with 0
check overview-silent silent
commands='get check split train test info predict run init bench device version help'
for c in $commands; do check "overview-$c" out_has "^  $c  "; done
cp out overview
run help
check help-is-overview cmp -s overview out
run --help
check option-help-is-overview cmp -s overview out
for c in $commands; do
    run help "$c"
    check "help-$c" ends_with 0
    check "help-$c-width" calculate 'length > 80 { wide = 1 } END { exit wide }' out
    check "help-$c-order" calculate '/^examples/ { e = NR } /^options/ { o = NR }
                                     END { exit !(0 < e && e < o) }' out
    cp out text
    run "$c" --lr 7 -h
    check "help-$c-same" cmp -s text out
    check "help-$c-code" ends_with 0
done
run help train
for option in --epochs --batch-size --lr --momentum --dampening --weight-decay --nesterov --model \
    --seed --root --out --no-save --no-report --threads --kernels --log-interval \
    --json --quiet --verbose --help; do
    check "help-train$option" out_has "$option "
done
check help-defaults out_has '^  --batch-size N .* 64$'
for group in training optimizer data machine output; do check "help-group-$group" out_has "^ $group$"; done

# Two defaults, "1, photos 20", are those that the plans of lenet5 and of small show.
run train mnist --dry-run
cp err plan
run train digits --model small --dry-run
cat err >>plan
run help train
check help-epochs out_has '^  --epochs N .* 1, photos 20$'
check help-plan-epochs [ "$(sed -n 's/^train   \([0-9]*\) epoch.*/\1/p' plan | tr '\n' ' ')" = '1 20 ' ]
check help-lr out_has '^  --lr X .* 0.01, photos 0.05$'
check help-momentum out_has '^  --momentum X .* 0.5, photos 0.9$'
check help-plan-sgd [ "$(grep -c -e 'sgd lr=0.01 momentum=0.5$' -e 'sgd lr=0.01 momentum=0.5 ' -e 'sgd lr=0.05 momentum=0.9 weight_decay=0.0005 nesterov   cosine 20$' plan)" -eq 2 ]

# Lists: each entry is one that the option takes.
for list in models augment optimizers schedules losses; do
    run help $list
    check "list-$list" ends_with 0
    check "list-$list-width" calculate 'length > 80 { wide = 1 } END { exit wide }' out
    check "list-$list-example" out_has '^  fovea '
done
run help optimizers
for entry in $(sed -n '/^  [a-z]/s/^  \([a-z]*\) lr=.*/\1/p' out); do
    run train digits --dry-run --optimizer "$entry"
    check "list-optimizer-$entry" ends_with 0
done
check list-optimizers [ "$entry" = rmsprop ]
run help models
for entry in $(sed -n 's/^  \([a-z][-a-z0-9]*\)  .*/\1/p' out); do
    run init "$entry" --shape 1x28x28 --seed 0 --out list.st
    check "list-model-$entry" [ "$(grep -c 'no model' err)" -eq 0 ]
done
check list-models [ "$entry" = mobilenet-v2 ]
rm -f list.st

run version
version=$(sed 's/^fovea //' out)
check version out_has '^fovea [0-9]*\.[0-9]*\.[0-9]*$'
cp out text
run --version
check option-version cmp -s text out

run device --threads 2 --kernels ref
check device out_has '^kernels     ref, asked for$'
check device-threads out_has '^threads     2$'
run --json device --threads=2
check device-json out_has '^{"kernels":".*"available":"ref.*"threads":2,"processors":[0-9]*}$'

# ---- info about data -----------------------------------------------------------------------------

run info mnist
check info-mnist ends_with 0
check info-train out_has '^Number of training data :  640$'
check info-test out_has '^Number of test data :  160$'
check info-shape out_has '^shape    \[1, 28, 28\]$'
check info-type out_has '^type     uint8$'
check info-histogram calculate '/^ +[0-9] / { n++; a += $2; b += $3 }
                                END { exit !(n == 10 && a == 640 && b == 160) }' out
run info mnist --json
check info-mnist-json out_has '^{"data":"mnist","shape":\[1,28,28\],.*"count":640,.*"count":160,.*}$'

# ---- training ------------------------------------------------------------------------------------

loss='s/Loss: [0-9]*\.[0-9]\{6\}$/Loss: L/; s/[0-9]*\.[0-9][0-9]%$/A%/'
tab=$(printf '\t')
shape_is() { printf '%s\n' "$1" | sed "s/|/$tab/" >want && sed "$loss" out | cmp -s want -; }

run train --log-interval 3 --epochs 2
check train ends_with 0
check train-silent silent
check train-lines shape_is 'Train Epoch: 1 [0/640 (0%)]|Loss: L
Train Epoch: 1 [192/640 (30%)]|Loss: L
Train Epoch: 1 [384/640 (60%)]|Loss: L
Train Epoch: 1 [576/640 (90%)]|Loss: L

Test set: Accuracy: A%
Train Epoch: 2 [0/640 (0%)]|Loss: L
Train Epoch: 2 [192/640 (30%)]|Loss: L
Train Epoch: 2 [384/640 (60%)]|Loss: L
Train Epoch: 2 [576/640 (90%)]|Loss: L

Test set: Accuracy: A%'
test_line=$(tail -n 1 out)

run train mnist --batch-size=60 --log-interval 10 --no-save
check train-short-batch shape_is 'Train Epoch: 1 [0/640 (0%)]|Loss: L
Train Epoch: 1 [400/640 (91%)]|Loss: L

Test set: Accuracy: A%'
run train --batch-size 16 --log-interval 1 --no-save
check train-round-half-even out_has '\[16/640 (2%)\]'
check train-round-half-up out_has '\[48/640 (8%)\]'
run train --log-interval 0 --no-save
check train-no-lines shape_is '
Test set: Accuracy: A%'
run train --quiet --no-save
check train-quiet shape_is 'Test set: Accuracy: A%'
check train-quiet-silent silent
run train --verbose --log-interval 0 --no-save
check train-verbose shape_is '
Test set: Accuracy: A%'
check train-verbose-plan err_has '^model   lenet5   61,706 parameters   416,520 multiply-adds an image$'
check train-verbose-why err_has '^        (auto: for 28 x 28 gray)$'
check train-verbose-done err_has '^done    1 epoch in [0-9.]* s\.$'
check train-verbose-confused err_has '^        most confused   [0-9] -> [0-9] [0-9]*'
check train-verbose-range err_has ' of 160 right   (95% range '
run device --threads 3 --json --threads=1 --json
check last-value-counts out_has '"threads":1,'
check no-save-writes-nothing holds runs 'latest mnist-1 '

run train --json --epochs 2 --lr 0.02 --out json/a
check train-json ends_with 0
number='-\{0,1\}[0-9.e-]*'
check train-json-lines lines 3 out
check train-json-epoch out_has "^{\"event\":\"epoch\",\"epoch\":2,\"train_loss\":$number,\"test_loss\":$number,\"test_acc\":0\.[0-9]*,\"lr\":0.02,\"seconds\":$number}\$"
check train-json-result out_has "^{\"event\":\"result\",\"epochs\":2,.*\"right\":[0-9]*,\"total\":160,.*\"run\":\"json/a\"}\$"

# ---- the run folder ------------------------------------------------------------------------------

check run-files holds runs/mnist-1 'log.csv model.safetensors report.html run.json '
check run-latest [ "$(cat runs/latest)" = mnist-1 ]
check run-latest-elsewhere absent json/latest
check log-lines lines 5 runs/mnist-1/log.csv
check log-header [ "$(head -n 1 runs/mnist-1/log.csv)" = epoch,split,loss,accuracy,lr,seconds ]
check log-splits [ "$(cut -d, -f1,2 runs/mnist-1/log.csv | tr '\n' ' ')" = \
    'epoch,split 1,train 1,test 2,train 2,test ' ]
logged=$(awk -F, 'END { printf "Test set: Accuracy: %.2f%%", 100 * $4 }' runs/mnist-1/log.csv)
check log-accuracy [ "$logged" = "$test_line" ]
json_has() { tr -d '\t\n' <runs/mnist-1/run.json | grep -q -e "$1"; }
for pair in '"epochs":2' '"batch-size":64' '"lr":0.01' '"momentum":0.5' '"dampening":0' \
    '"weight-decay":0' '"nesterov":false' '"model":"lenet5"' '"seed":0' '"root":"data"' \
    '"out":"runs/mnist-1"' '"no-save":false' '"threads":[1-9]' '"kernels":"[a-z0-9]' \
    '"log-interval":3' '"data":"mnist"' "\"version\":\"$version\"" '"result":{' '"total":160'; do
    check "run-json-$pair" json_has "$pair"
done
if command -v sha256sum >/dev/null; then
    for file in data/MNIST/raw/*; do
        sum=$(sha256sum "$file" | cut -d' ' -f1)
        check "run-json-$file" json_has "\"name\":\"$file\",\"sha256\":\"$sum\""
    done
fi
model=runs/mnist-1/model.safetensors
model_has() { head -c 2000 $model | tr -d '\0' | grep -a -q -e "$1"; }
for text in '"model":"lenet5"' '"input":"1x28x28"' '"classes":"10"' '"mean":"0.1307"' \
    '"std":"0.3081"' '"data":"mnist"' '"epochs":"2"' '"seed":"0"' "\"fovea\":\"$version\"" \
    '"convnet.C1.weight":{"dtype":"F32","shape":\[6,1,5,5\]' '"fc.F7.bias":{"dtype":"F32"'; do
    check "model-$text" model_has "$text"
done

run train --quiet --epochs 2 --threads 1
check next-number holds runs 'latest mnist-1 mnist-2 '
check latest-moves [ "$(cat runs/latest)" = mnist-2 ]
check same-bits-any-threads cmp -s $model runs/mnist-2/model.safetensors
run train --quiet --epochs 2 --seed 1 --out a/b/c/
check out-with-parents holds a/b/c 'log.csv model.safetensors report.html run.json '
check other-seed [ "$(cksum <$model)" != "$(cksum <a/b/c/model.safetensors)" ]
mkdir empty
run train --quiet --out empty
check out-empty holds empty 'log.csv model.safetensors report.html run.json '
cksum empty/* >before
run train --quiet --out empty
check out-in-use ends_with 1
cksum empty/* >after
check out-in-use-untouched cmp -s before after

# ---- test, info, predict -------------------------------------------------------------------------

for path in runs/mnist-1 runs/mnist-1/ $model; do
    run test $path
    check "test-$path" out_is "$test_line"
    check "test-$path-silent" silent
done
run test mnist -q --threads 1 -- runs/mnist-1
check test-order ends_with 2 # the first is the run, the second the data
run test -v runs/mnist-1
check test-verbose out_is "$test_line"
check test-verbose-range err_has ' of 160 right   (95% range '
run test -q runs/latest --threads=1 mnist --kernels ref
check test-options-anywhere ends_with 0
run test runs/mnist-1 --json
check test-json out_has '^{"event":"result",.*"right":[0-9]*,"total":160,"low":0\.[0-9]*,"high":0\.[0-9]*,.*}$'

run info runs/mnist-1
check info-run ends_with 0
for text in 'convnet\.C1 .* 156 .* 117,600' '61,706' '416,520' '^input  *1x28x28$' \
    '^epochs  *2$' '^mean  *0\.1307$'; do
    check "info-$text" out_has "$text"
done
run info runs/mnist-1 --json
check info-run-json out_has '^{"file":.*"epochs":"2",.*"parameters":61706,"multiply_adds":416520}$'

run predict runs/mnist-1 mnist:0
check predict ends_with 0
check predict-label out_has '^mnist:0   label 7   predicted [0-9]   [a-z]*$'
check predict-sum calculate '/^[ >] [0-9] / { n++; s += $NF } END { exit !(n == 10 && s > 0.99999 && s < 1.00001) }' out
check predict-winner calculate '/^[ >] [0-9] / && $NF > most { most = $NF; mark = substr($0, 1, 1) }
                                /^>/ { n++ } END { exit !(n == 1 && mark == ">") }' out
run predict runs/mnist-1 mnist:train:0
check predict-train out_has 'label 5 '
run predict runs/mnist-1 mnist:test:159 --json
check predict-json out_has '^{"data":"mnist","split":"test","index":159,"label":[0-9],"predicted":[0-9],"class":"[0-9]","probabilities":\[.*\]}$'
check predict-json-sum calculate -F'[][]' '{ n = split($2, p, ","); for (i = 1; i <= n; i++) s += p[i] }
                                END { exit !(n == 10 && s > 0.99999 && s < 1.00001) }' out
run predict runs/mnist-1 mnist:160
check predict-outside ends_with 2
check predict-outside-text err_has 'the test images of mnist are 0 to 159$'

# ---- schedules -----------------------------------------------------------------------------------

# last_lr: of the epoch rows of the run x. 640 images are 10 steps an epoch.
last_lr() { awk -F, '$2 == "train" { lr = $5 } END { print lr }' x/log.csv; rm -rf x; }
run train --epochs 2 --out x --schedule 'one_cycle 0.1'
check cycle ends_with 0
check cycle-lr [ "$(last_lr | cut -c 1-4)" != 0.1 ]
run train --epochs 2 --dry-run --schedule 'one_cycle 0.1'
check cycle-steps err_has 'one_cycle 0.1 total_steps=20 by=step$'
run train --epochs 2 --dry-run --schedule 'one_cycle 0.1 by=epoch'
check cycle-epochs err_has 'one_cycle 0.1 total_steps=2$'
run train --epochs 2 --dry-run --schedule 'one_cycle 0.1 epochs=3 steps_per_epoch=7'
check cycle-given err_has 'one_cycle 0.1 epochs=3 steps_per_epoch=7 by=step$'
run train --epochs 2 --dry-run --schedule 'cosine by=step'
check cosine-steps err_has 'cosine 20 by=step$'
run train --epochs 3 --dry-run --schedule cosine
check cosine-epochs err_has 'cosine 3$'
run train --epochs 1 --out x --schedule 'step 1 gamma=0.5 by=step' --lr 1.024
check step-by-step [ "$(last_lr)" = 0.001 ]
golden plateau-by-step 2 'error: --schedule "plateau by=step": plateau goes by the validation loss, which is measured once an epoch
help:  leave out by=step                                              [E-ARGS]' \
    train --schedule 'plateau by=step'
golden batch-of-one 2 'error: 640 training images in batches of 71 leave a batch of a single image, and layer
       "batch_norm2d1", a batch norm at 1 x 1, needs two or more
help:  --batch-size 72                                                [E-ARGS]' \
    train --no-save --batch-size 71 --model 'conv 8 28; batch_norm; flatten; linear classes'

# ---- bench ---------------------------------------------------------------------------------------

run bench --quick --threads 2
check bench ends_with 0
check bench-silent silent
for line in 'kernels  ' 'peak  ' 'training    1 thread ' 'training    2 threads ' \
    'evaluation  2 threads ' 'one image  '; do
    check "bench-$line" out_has "^$line.*[0-9]"
done
run bench --quick --threads=1 --json
check bench-json lines 1 out
positive='[0-9][0-9.e+-]*'
check bench-json-numbers out_has "^{\"kernels\":\"[a-z0-9]*\",\"peak_gflops\":$positive,\"latency_us\":$positive,\"latency_p99_us\":$positive,\"runs\":\[{\"threads\":1,\"training_images_per_s\":$positive,\"evaluation_images_per_s\":$positive,\"share_of_peak\":$positive}\]}\$"

# ---- errors, word for word -----------------------------------------------------------------------

golden unknown-option 2 'error: no option "--learning-rate" for "fovea train"; did you mean --lr ?
       and "0,05" is not a number; write 0.05
help:  fovea train photos/ --lr 0.05                                  [E-ARGS]' \
    train photos/ --learning-rate 0,05
golden comma 2 'error: --lr: "0,05" is not a number; write 0.05
       --lr takes a number, more than 0; default: 0.01, photos 0.05
help:  fovea train --lr=0.05 --json                                   [E-ARGS]' \
    train --lr=0,05 --json
golden range-number 2 'error: --momentum: 1 is out of range
       --momentum takes a number, in [0,1); default: 0.5, photos 0.9
help:  fovea train mnist --momentum 0.5                               [E-ARGS]' \
    train mnist --momentum 1
golden range-int 2 'error: --threads: 257 is out of range
       --threads takes a whole number, 1 to 256; default: all processors
help:  fovea train --threads 256                                      [E-ARGS]' train --threads 257
golden threads 2 'error: --threads: 0 is out of range
       --threads takes a whole number, 1 to 256; default: all processors
help:  fovea train mnist --threads 1                                  [E-ARGS]' train mnist --threads 0
for set in neon avx512; do # no machine has both
    run device --kernels $set
    [ "$code" -ne 0 ] || continue
    for c in device 'train mnist --no-save' 'test runs/mnist-1'; do
        # shellcheck disable=SC2086 # the words of c are arguments
        run $c --kernels $set
        check "$set-$c" ends_with 1
        check "$set-$c-text" calculate -v set=$set '
            NR == 1 { ok = $0 == "error: kernels \"" set "\" cannot be used: this CPU or build does not have it" }
            END { exit !(ok && NR == 2 && /^help:  this machine has ref.* \[E-DEVICE\]$/) }' err
    done
done
golden choice 2 'error: --kernels: "avx513" is none of the choices
       --kernels takes ref, avx2, avx512 or neon; default: the widest there is
help:  fovea device --kernels avx512                                  [E-ARGS]' \
    device --kernels avx513
golden missing-value 2 'error: --out needs a value: --out DIR
help:  fovea help train                                               [E-ARGS]' train --out --json
golden contradiction 2 'error: --quiet and --verbose contradict each other
help:  leave out one of the two                                       [E-ARGS]' test x -q -v
golden unknown-command 2 'error: no command "trian"; did you mean train ?
help:  fovea help train                                               [E-ARGS]' trian
golden unknown-data 2 'error: "data" is the folder of downloaded data sets, not a data set
       known are mnist, fashion-mnist, kmnist, qmnist, emnist-byclass, emnist-bymerge, emnist-balanced, emnist-letters, emnist-digits, emnist-mnist, cifar10, cifar100, digits
help:  fovea train mnist --root data                                  [E-NAME]' train data
golden missing-run 1 'error: "runs/mnits-2" is not a run: there is no such folder or file
       but there is runs/mnist-2, runs/mnist-1
help:  fovea test runs/mnist-2                                        [E-PATH]' test runs/mnits-2
golden in-use 1 'error: "runs/mnist-1" already exists and is not overwritten
help:  fovea train --out runs/mnist-1-2                               [E-PATH]' \
    train --out runs/mnist-1/
golden no-such-image 2 'error: there is no image 640: the training images of mnist are 0 to 639
help:  fovea predict runs/mnist-1 mnist:train:639                     [E-ARGS]' \
    predict runs/mnist-1 mnist:train:640

# ---- suggestions: near words are found, far ones are not, and what else was typed stays -----------

# suggests WANT TYPED...: the error advises WANT (in place of WANT a -: the command's help or list).
suggests() {
    want=$1
    shift
    run "$@"
    if [ "$want" = - ]; then
        check "far ($*)" [ "$(grep -c 'did you mean' err)" -eq 0 ]
        check "far-way-out ($*)" is_error
    else
        check "near ($*)" [ "$(sed -n 's/^help:  \(.*[^ ]\)  *\[E-[A-Z]*\]$/\1/p' err)" = "$want" ]
    fi
}
while IFS='|' read -r typed wanted; do
    # shellcheck disable=SC2086 # the words are the arguments
    suggests "${wanted:--}" $typed
done <<'LINES'
trian|fovea help train
tarin|fovea help train
trai|fovea help train
tets|fovea help test
predcit|fovea help predict
predic|fovea help predict
devcie|fovea help device
benhc|fovea help bench
chekc|fovea help check
hlep|fovea help help
intro|
sell|
resume|
export|
train --epchos 4|fovea train --epochs 4
train --epoch 4|fovea train --epochs 4
train --eopchs=4|fovea train --epochs=4
train mnist --learning-rate 0.1|fovea train mnist --lr 0.1
train --lrr 0.1 --json|fovea train --lr 0.1 --json
train --momentun 0.9|fovea train --momentum 0.9
train --weight_decay 0.1|fovea train --weight-decay 0.1
train --wd 0.1|fovea train --weight-decay 0.1
train --bacth-size 32|fovea train --batch-size 32
train --batch 32|fovea train --batch-size 32
train --bs 32|fovea train --batch-size 32
train --optimiser adam|fovea train --optimizer adam
train --scheduler cosine|fovea train --schedule cosine
train --agument flip|fovea train --augment flip
train --augmentation flip|fovea train --augment flip
train --thread 2|fovea train --threads 2
train --sede 3|fovea train --seed 3
train --worker 2|fovea train --num-workers 2
train --dryrun|fovea train --dry-run
train --quite|fovea train --quiet
train --early-stop 3|fovea train --patience 3
train --resume|
train --resume runs/mnist-1|
train --init runs/mnist-1|
train --config run.json|
train --pretrained|
train --device gpu|
train --verbsoe mnist|fovea train --verbose mnist
train --size 1024|fovea train --size 512
train --size 2 --json|fovea train --size 8 --json
train --epochs 0|fovea train --epochs 1
train --folds 1 mnist|fovea train --folds 2 mnist
train mnits --lr 0.5|fovea train mnist --lr 0.5
train mnst --root data|fovea train mnist --root data
train fashion_mnist|fovea train fashion-mnist
train cifar -q|fovea train cifar10 -q
check digit --json|fovea check digits --json
info minst|fovea info mnist
bench digitss --quick|fovea bench digits --quick
train photographs|
train imagenet|
get cifar|did you mean cifar10 or cifar100?
get minst|did you mean mnist?
get imagenet|
test runs/mnst-1 --json|fovea test runs/mnist-1 --json
predict mnist-1 boat.png --fit|fovea predict runs/mnist-1 boat.png --fit
predict runs/mnsit-1 mnist:3 --json|fovea predict runs/mnist-1 mnist:3 --json
predict runs/mnist-1 mnst:3|fovea predict runs/mnist-1 mnist:3
device --kernels avx|fovea device --kernels avx2
device more --json|fovea device --json
train mnist more --lr 0.1|fovea train mnist --lr 0.1
LINES
suggests "fovea train mnist --augment 'flip; hue'" train mnst --augment 'flip; hue'

# ---- wrong command lines: never 0, never a crash, always a way out -------------------------------

echo text >file
count=0
while read -r line; do
    count=$((count + 1))
    # shellcheck disable=SC2086 # the words of the line are the arguments
    run $line
    check "wrong-$count ($line)" is_error
done <<'LINES'
--json
-x
--lr 0.1
--frobnicate train
frobnicate
tset
Train
train cifar10
train mnist mnist
train --lr
train --lr 0
train --lr -0.1
train --lr nan
train --lr inf
train --lr 1e400
train --lr 0x1p-3
train --lr=
train --lr 0.1.2
train --lr --json
train --momentum -0.1
train --momentum 1
train --momentum 1.5
train --dampening 1.1
train --weight-decay -1
train --epochs 0
train --epochs -1
train --epochs 1.5
train --epochs 99999999999999999999
train --epochs one
train --batch-size 0
train --batch-size 65537
train --threads 0
train --threads 257
train --seed -1
train --seed 18446744073709551616
train --seed 1e3
train --log-interval -1
train --kernels sse
train --model lenet4
train --json=1
train --quiet --verbose
train --lr 0 --lr 0.1
train -qq
train --no-save --out x
train --nesterov --momentum 0
train --nesterov --dampening 0.5
train --no-such-option
train --root nowhere
train --root file
train --out file
train --out file/run
train --out runs
train --out runs/latest
train --out=
train -- --lr
test
test runs/mnist-3
test runs
test file
test data
test runs/mnist-1 cifar
test runs/mnist-1 mnist more
test runs/mnist-1 --epochs 3
test runs/mnist-1 --root nowhere
test runs/mnist-1 --batch-size 0
info
info nothing
info mnist more
info mnist --root nowhere
predict
predict runs/mnist-1
predict runs/mnist-1 0
predict runs/mnist-1 mnist
predict runs/mnist-1 mnist:
predict runs/mnist-1 mnist:-1
predict runs/mnist-1 mnist:1.5
predict runs/mnist-1 mnist:x
predict runs/mnist-1 mnist:train:
predict runs/mnist-1 mnist:valid:0
predict runs/mnist-1 mnist:99999999999999999999
predict runs/mnist-9 mnist:0
bench nothing
bench mnist mnist
bench --size 32
bench --epochs 2
bench --threads 0
bench --kernels sse
bench --root nowhere
device more
device --threads -1
version more
check
check nothing
check mnist --root nowhere
split
split mnist
split mnist -k 5
split mnist -o x.csv
split mnist -k 1 -o x.csv
split mnist -k -o x.csv
help frobnicate
help train test
LINES
check wrong-files [ "$(cat file)" = text ]

# Errors that come from the library are in the command's words: is_error looks for others.
mkdir -p few/a few/b
printf 'P5 8 8 255 %64s' '' >few/a/1.pgm
printf 'P5 8 8 255 %64s' 1 >few/b/1.pgm
printf 'few/a/1.pgm,a\n' >list.csv
printf 'path,label\nnowhere.png,0\n' >lost.csv
for net in 'conv 8 3; linear classes' 'conv 8 3; upsample' 'conv 8 3; max_pool 40' \
    'conv 8 3 name=a; conv 8 3 name=a' 'conv 8 3 name=a.b' 'conv 8 3' 'conv 8 0' 'conv 8 3 stride=0' \
    'conv 8 3 padding=same stride=2' 'conv 8 3 groups=2' 'relu; softmax' 'again x' 'reshape 3 3 3' \
    'flatten; linear 3' 'conv_transpose 8 3 output_padding=5' 'adaptive_avg_pool x' 'group_norm 3' \
    'max_unpool 2' 'pixel_shuffle 3' 'permute 1 1 1' 'concat' 'pad 1 2 3' 'unknown 3' \
    'conv 8 28; batch_norm; flatten; linear classes'; do
    run train digits --no-save --batch-size 9999 --model "$net"
    check "words-model ($net)" is_error
done
for option in '--augment flp' '--augment random_crop' '--augment rotation=x' '--optimizer sdg' \
    '--optimizer adam=3' '--schedule stp' '--schedule step' '--schedule plateau=2' \
    '--schedule one_cycle' '--val 0.00001' '--folds 100' '--max-memory 1' '--mixup 0'; do
    # shellcheck disable=SC2086 # the words are the arguments
    run train few --no-save --quiet $option
    check "words-option ($option)" is_error
done
while read -r line; do
    # shellcheck disable=SC2086 # the words are the arguments
    run $line
    check "words ($line)" is_error
done <<'LINES'
train few --no-save
train list.csv --no-save
train lost.csv --no-save
train nowhere.npz
split few -k 2 -o few.csv
get mnist --only-mirror
get nothing
run lenet5 --input list.csv --out x
init nothing --out x
init lenet5 --shape 1x3x3 --out x
bench few --size 9
test few
info list.safetensors
predict few/a few/a/1.pgm
LINES

# ---- failures leave nothing behind, and lose nothing ---------------------------------------------

run train --lr 1e20 --out x/y/z
check infinite ends_with 1
check infinite-code err_has '\[E-INF\]$'
check infinite-where err_has '^error: the loss became .* at epoch 1, step [0-9]*; stopped before the update$'
check infinite-recent err_has '^         step 0  2\.[23][0-9]*  step 1  [in]'
check infinite-largest err_has '^       largest weight in [a-zA-Z0-9.]* ([0-9.e+in]*); learning rate 1e+20$'
check infinite-help err_has '^help:  fovea train mnist --lr 1e+19        ten times smaller  *.E-INF.$'
check infinite-no-folder absent x
run train --lr 1e20
check infinite-no-number absent runs/mnist-3

# One step an epoch: the first makes the weights large, the later ones too large.
run train --epochs 9 --batch-size 640 --lr 1000 --momentum 0.9 --weight-decay 1 --out late
check late ends_with 1
check late-code err_has '\[E-INF\]$'
check late-safe err_has 'the weights of epoch [1-8] (test accuracy .*) are safe in late/model.safetensors$'
run test late
check late-usable ends_with 0

small short 501759 640 2>/dev/null
run train --root short --out x/y
check truncated ends_with 1
check truncated-text is_error
check truncated-no-folder absent x
small labels 501760 639 2>/dev/null
printf '\014' >>labels/MNIST/raw/train-labels-idx1-ubyte
run train --root labels --out x/y
check wrong-label err_has '\[E-CLASS\]$'
check wrong-label-sample err_has '639'
check wrong-label-no-folder absent x
( # a disk that is full: no file may grow beyond a few KB
    trap '' XFSZ
    ulimit -f 8
    "$fovea" train --quiet --out full/r >out 2>err </dev/null
)
code=$?
check no-room is_error
check no-room-code err_has '\[E-IO\]$'
check no-room-no-folder absent full
if [ -c /dev/full ]; then
    "$fovea" version >/dev/full 2>err
    code=$?
    check full-disk ends_with 1
    check full-disk-text err_has '\[E-IO\]$'
fi
printf '0123456789' >damaged.safetensors
run test damaged.safetensors
check damaged is_error
head -c 100000 $model >damaged.safetensors
run test damaged.safetensors
check damaged-cut is_error

# A file that says nothing of itself is taken for the tutorial's net.
header='{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  '
{ printf '\070\000\000\000\000\000\000\000%s' "$header"; printf '\000\000\000\000'; } >other.safetensors
run test other.safetensors
check other-net ends_with 1
check other-net-note err_has '^note:  other.safetensors has no description of its network'
check other-net-names err_has 'convnet.C1.weight'

# What a foreign file says of itself does not reach the terminal's controls.
meta='{"__metadata__":{"data":"\u001b[31mred"},'
fields=$(head -c 2000 $model | tr -d '\0' | grep -a -o '"convnet.C1.weight.*}}') # to the header's end
size=$((${#meta} + ${#fields}))
{
    # shellcheck disable=SC2059 # the format is the size as two octal bytes
    printf "\\$(printf '%03o' $((size % 256)))\\$(printf '%03o' $((size / 256)))\0\0\0\0\0\0"
    printf '%s%s' "$meta" "$fields"
    tail -c 246824 $model
} >foreign.safetensors
run info foreign.safetensors
check foreign-controls out_has '^data  *?\[31mred$'

# ---- Ctrl+C --------------------------------------------------------------------------------------

# interrupt ARGS...: trains for very long, and is interrupted when the first line is there.
interrupt() {
    : >out
    "$fovea" train --epochs 1000000 --log-interval 1 "$@" >out 2>err </dev/null &
    pid=$!
    while [ ! -s out ] && kill -0 $pid; do sleep 0.05; done
    kill -INT $pid
    wait $pid
    code=$?
}
interrupt --out stopped
check interrupt ends_with 130
check interrupt-text err_has '^stopped after step .* saved in stopped$'
check interrupt-next err_has 'fovea test stopped$'
check interrupt-files holds stopped 'log.csv model.safetensors report.html run.json '
run test stopped
check interrupt-usable ends_with 0
check interrupt-where calculate '/"stopped":/ { s = NR } /"steps":/ { n = NR }
                                 END { exit !(s && n == s + 2) }' stopped/run.json
interrupt --no-save
check interrupt-no-save ends_with 130
check interrupt-no-save-text err_has 'nothing is saved'

# ---- a terminal ----------------------------------------------------------------------------------

if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
    escape=$(printf '\033')
    on_terminal() { script -qec "'$fovea' $1" /dev/null >out 2>err </dev/null; code=$?; }
    export TERM=xterm
    on_terminal 'train --epochs 2 --out seen'
    check terminal-plan out_has 'model   lenet5   61,706 parameters   416,520 multiply-adds'
    check terminal-lines out_has 'Train Epoch: 2 \[0/640 (0%)\]'
    check terminal-range out_has ' of 160 right   (95% range '
    check terminal-next out_has 'fovea predict seen mnist:0'
    # A live line as wide as the screen would wrap.
    script -qec "stty cols 40; '$fovea' train --no-save --log-interval 0" /dev/null </dev/null |
        tr '\r' '\n' | grep '^.\[Kepoch' >out
    check terminal-narrow calculate '{ gsub(/^.\[K/, "") } length > 39 { wide = 1 }
                                     END { exit wide || NR == 0 }' out
    on_terminal 'train --lr 0'
    check terminal-colour out_has "^$escape\[1;31merror:"
    check terminal-code ends_with 2
    on_terminal 'train -q --no-save'
    check terminal-quiet lines 1 out
    for set in TERM=dumb NO_COLOR=1; do
        export "${set?}"
        on_terminal 'train --epochs 3 --no-save; '"'$fovea' train --lr 0"
        check "terminal-$set" out_has '^error: '
        check "terminal-$set-no-escape" [ "$(grep -c "$escape" out)" -eq 0 ]
        export TERM=xterm
    done
fi

# ---- memory --------------------------------------------------------------------------------------

# In parts the mathematics is the same; the last bit of a bias may be another.
run train --root data --no-save --threads 1 --log-interval 1
mv out whole
run train --root data --no-save --threads 1 --log-interval 1 --max-memory 2M
check memory-parts ends_with 0
check memory-numbers calculate 'NR == FNR { want[NR] = $NF; next }
                                { d = $NF - want[FNR]; bad += d > 2e-6 || d < -2e-6 }
                                END { exit bad > 0 || FNR != 12 }' whole out
golden memory-little 1 'error: one image takes 1.4 MB of memory, more than --max-memory 100k
help:  --max-memory 2M                                              [E-MEMORY]' \
    train --root data --no-save --threads 1 --kernels ref --max-memory 100k
golden memory-size 2 'error: --max-memory 5x is not a size
help:  --max-memory 64M                                               [E-ARGS]' \
    train --root data --no-save --max-memory 5x
golden memory-norm 1 'error: a batch of 64 takes 42.9 MB of memory, more than --max-memory 10M, and batch norm
       looks at the whole batch, which so cannot go in parts; 2 images fit
help:  --batch-size 2                                               [E-MEMORY]' \
    train digits --no-save --threads 1 --model small --max-memory 10M

# ---- the real thing ------------------------------------------------------------------------------

if [ "$mode" != quick ]; then
    run train --root "$data" --seed 0 --threads 1 --out epoch
    check epoch ends_with 0
    check epoch-lines lines 12 out
    check epoch-first [ "$(head -n 1 out)" = "Train Epoch: 1 [0/60000 (0%)]${tab}Loss: 2.304835" ]
    check epoch-second out_has '^Train Epoch: 1 \[6400/60000 (11%)\]'
    check epoch-last out_has '^Train Epoch: 1 \[57600/60000 (96%)\]'
    check epoch-accuracy calculate '/^Test set/ { a = $4 + 0 }
                                    END { exit !(a >= 94.88 && a <= 95.48) }' out
    if command -v sha256sum >/dev/null; then
        check epoch-bits [ "$(tail -c 246824 epoch/model.safetensors | sha256sum)" = \
            "$(grep -o '[0-9a-f]\{64\}' "$parity")  -" ]
    fi
    run info mnist --root "$data"
    check full-counts out_has '^Number of training data :  60000$'
    check full-test-counts out_has '^Number of test data :  10000$'
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
