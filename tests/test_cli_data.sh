#!/bin/sh
# test_cli_data.sh - the command on pictures of its user's own: folders, lists, arrays; check, split,
# bench, train, test, predict, info, run, init.
#
#   test_cli_data.sh FOVEA
#
# All pictures are made here: dark ones and light ones, of a few pixels.
set -u
# shellcheck source=tests/cli_tools.sh
. "$(dirname "$0")/cli_tools.sh"
cd "$work" || exit 1

# ---- pictures ------------------------------------------------------------------------------------

# npy FILE TYPE SHAPE: an array of the bytes on stdin, as numpy.save writes it.
npy() {
    {
        printf '\223NUMPY\001\000\166\000%-117s\n' \
            "{'descr': '$2', 'fortran_order': False, 'shape': ($3), }"
        cat
    } >"$1"
}

both plain 1 12
both whole/train 1 12
both whole/val 21 24
both whole/test 31 34
both pair/train 1 12
both pair/val 21 24
both trained/train 1 12
mkdir -p cats/cat cats/dog more
cp plain/dark/1.pgm cats/cat
cp plain/light/1.pgm cats/dog
cp -r plain/dark plain/light cats/cat more
{
    echo path,label,bbox_x1,bbox_y1,bbox_x2,bbox_y2
    for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
        printf 'plain/dark/%d.pgm,dark,1,1,9,8\nplain/light/%d.pgm,light,1,1,9,8\n' $i $i
    done
} >list.csv

# ---- check ---------------------------------------------------------------------------------------

run check whole
check check-whole ends_with 0
check check-whole-silent silent
check check-whole-text out_is 'Number of training data :  24
Number of validation data :  8
Number of test data :  8

classes  2

class  training  validation    test
 dark        12           4       4  ########################################
light        12           4       4  ########################################

no flaws found'
run check plain/
check check-plain ends_with 0
run check list.csv
check check-list out_has '^Number of training data :  24$'
run check digits --json
check check-digits ends_with 0
check check-digits-json out_has '^{"event":"result","data":"digits","pictures":12000,"flaws":0,"broken":0,"empty":0,"mislabelled":0,"duplicate":0,"shared":0,"train":{"count":10000,"classes":\[1000,.*"test":{"count":2000,.*}$'

cp -r whole bad
: >bad/train/dark/a.pgm
cp bad/train/dark/2.pgm bad/train/dark/b.pgm
head -c 50 bad/train/dark/3.pgm >bad/train/light/c.pgm
cp bad/train/dark/4.pgm bad/train/light/d.pgm
cp bad/train/dark/5.pgm bad/val/dark/e.pgm
cp bad/val/light/21.pgm bad/test/light/f.pgm
echo text >bad/test/light/g.png
run check bad
check check-bad ends_with 1
check check-bad-text out_is 'empty        bad/train/dark/a.pgm   empty: 0 bytes
duplicate    bad/train/dark/b.pgm   the same picture as "bad/train/dark/2.pgm"
broken       bad/train/light/c.pgm   cut off: 10 x 10 pixels are 100 bytes, found 37
mislabelled  bad/train/light/d.pgm   the same picture as "bad/train/dark/4.pgm", but of class light, not dark
shared       bad/val/dark/e.pgm   the same picture as "bad/train/dark/5.pgm"
shared       bad/test/light/f.pgm   the same picture as "bad/val/light/21.pgm"
broken       bad/test/light/g.png   not a picture: expected JPEG, PNG, WebP, BMP, PPM or PGM, found 74 65 78 74 0a

Number of training data :  28
Number of validation data :  9
Number of test data :  10

classes  2

class  training  validation    test
 dark        14           5       4  ########################################
light        14           4       6  ########################################'
check check-bad-error err_is 'error: bad: 7 flaws in 47 pictures: 2 broken, 1 empty, 1 mislabelled, 1 duplicate, 2 shared
help:  repair or remove them; then fovea check bad                    [E-DATA]'
run check bad --json
check check-bad-json-code ends_with 1
check check-bad-json-lines lines 8 out
check check-bad-json-flaw out_has '^{"event":"flaw","kind":"shared","picture":"bad/test/light/f.pgm","split":"test","index":8,"label":1,"same_as":"bad/val/light/21.pgm","reason":"the same picture as \\"bad/val/light/21.pgm\\""}$'
check check-bad-json-result out_has '^{"event":"result","data":"bad","pictures":47,"flaws":7,"broken":2,"empty":1,"mislabelled":1,"duplicate":1,"shared":2,"train":{"count":28,"classes":\[14,14\],'

# What is no file has the name that predict takes. A label that is no class ends it at once.
mkdir -p idx/MNIST/raw
idx() { # NAME COUNT IMAGE-BYTES-FILE LABELS
    {
        printf '\000\000\010\003\000\000\000\'"$2"'\000\000\000\034\000\000\000\034'
        cat "$3"
    } >"idx/MNIST/raw/$1-images-idx3-ubyte"
    # shellcheck disable=SC2059 # the format is the labels, in octal
    { printf '\000\000\010\001\000\000\000\'"$2$4"; } >"idx/MNIST/raw/$1-labels-idx1-ubyte"
}
head -c 784 /dev/zero >zero
tr '\0' a <zero >one
tr '\0' b <zero >two
cat zero one zero two >four
idx train 4 four '\000\001\000\011'
idx t10k 1 one '\002'
run check mnist --root idx
check check-idx ends_with 1
check check-idx-duplicate out_has '^duplicate    mnist:train:2   the same picture as mnist:train:0$'
check check-idx-other out_has '^mislabelled  mnist:test:0   the same picture as mnist:train:1, which is of another class$'
check check-idx-error err_has '^error: mnist: 2 flaws in 5 pictures: 1 mislabelled, 1 duplicate$'
idx train 4 four '\000\001\000\014'
golden check-label 1 'error: label 12 of sample 3 in "idx/MNIST/raw/train-labels-idx1-ubyte": the classes are 0 to 9
help:  correct the label, or make a net of more classes              [E-CLASS]' \
    check mnist --root idx

mkdir -p odd/train/cat odd/train/hamster odd/test/hamsters odd/시험
picture odd/train/cat/1.pgm 8 8 1 1
picture odd/train/hamster/1.pgm 8 8 3 1
picture odd/test/hamsters/1.pgm 8 8 2 1
golden check-classes 1 'error: odd/test has a class that odd/train does not have: "hamsters"
         train   cat 1   hamster 1
         test    hamsters 1
       A model can only be checked on classes it was trained on.
help:  rename odd/test/hamsters to odd/test/hamster                  [E-CLASS]' check odd
mv odd/test/hamsters odd/test/elephant
golden train-classes 1 'error: odd/test has a class that odd/train does not have: "elephant"
         train   cat 1   hamster 1
         test    elephant 1
       A model can only be checked on classes it was trained on.
help:  remove odd/test/elephant                                      [E-CLASS]' train odd
rm -r odd/test
mkdir odd/시험/cat
picture odd/시험/cat/1.pgm 8 8 2 1
run check odd
check check-missing-class ends_with 0
check check-missing-class-note err_is 'note:  odd/시험 has no pictures of "hamster"'
for words in training:valid:testing 학습:검증:시험 train:validation:test train:dev:test; do
    rm -rf words
    part=${words#*:}
    mkdir words && cp -r whole/train "words/${words%%:*}" && cp -r whole/val "words/${part%:*}" &&
        cp -r whole/test "words/${words##*:}"
    run check words
    check "words-$words" out_has '^Number of validation data :  8$'
    check "words-$words-test" out_has '^Number of test data :  8$'
done
mkdir -p hollow/cat hollow/dog
cp odd/train/cat/1.pgm hollow/cat
golden check-hollow 1 'error: "hollow" has 1 class folders without pictures: "dog"
help:  add pictures (.jpg .jpeg .png .webp .bmp .ppm .pgm), or remove the folders  [E-DATA]' \
    check hollow

# ---- split ---------------------------------------------------------------------------------------

run split plain -k 5 -o folds.csv
check split ends_with 0
check split-text out_is 'fold 0    5 pictures
fold 1    5 pictures
fold 2    5 pictures
fold 3    5 pictures
fold 4    4 pictures'
check split-lines lines 25 folds.csv
check split-header [ "$(head -n 1 folds.csv)" = index,label,fold ]
# Each class is spread over the folds within one sample: 12 over 5 are 2 or 3.
check split-stratified calculate -F, 'NR > 1 { n[$2 "," $3]++; wrong += $1 != NR - 2 || $2 != (NR > 13) }
    END { for (i = 0; i < 10; i++) { k = n[int(i / 5) "," i % 5]; wrong += k < 2 || k > 3 }
          exit wrong }' folds.csv
run split plain --folds=5 --out=again.csv --json
check split-json out_is '{"data":"plain","file":"again.csv","folds":[5,5,5,5,4]}'
check split-same cmp -s folds.csv again.csv
run split plain -k 5 -o other.csv --seed 1
check split-seed [ "$(cksum <folds.csv)" != "$(cksum <other.csv)" ]
run split whole -k 2 -o whole.csv
check split-training-alone lines 25 whole.csv
cksum folds.csv >before
golden split-taken 1 'error: "folds.csv" already exists and is not overwritten
help:  --out another.csv                                              [E-PATH]' \
    split plain -k 3 -o folds.csv
cksum folds.csv >after
check split-taken-untouched cmp -s before after
golden split-alone 2 'error: fovea split needs --folds and --out
help:  fovea split plain --folds 5 --out folds.csv                    [E-ARGS]' split plain
golden split-one 2 'error: --folds: 1 is out of range
       --folds takes a whole number, 2 to 100; default: none
help:  fovea split plain -k 2 -o x.csv                                [E-ARGS]' \
    split plain -k 1 -o x.csv
golden split-many 1 'error: "plain" has 24 samples, too few for 50 folds
help:  fovea help split                                               [E-DATA]' \
    split plain -k 50 -o x.csv
golden split-nowhere 1 'error: cannot write "no/x.csv": No such file or directory
help:  fovea help split                                               [E-PATH]' \
    split plain -k 2 -o no/x.csv
check split-no-file absent x.csv

# ---- bench DATA ----------------------------------------------------------------------------------

run bench plain --size 16 --batch-size 4
check bench ends_with 0
check bench-silent silent
check bench-data out_has '^data        plain   18 pictures, 3 x 16 x 16$'
check bench-transforms out_has '^transforms  resize 16; center_crop 16; random_crop 16 padding=2; flip$'
for line in '0 workers  ' '1 worker   ' '2 workers  '; do
    check "bench-$line" out_has "^$line *[0-9,]* pictures/s   an epoch in [0-9.]* s$"
done
check bench-shares calculate '/us a picture/ { n++; share += $NF } /^reading/ { reads = $2 }
                              END { exit !(n == 2 && share > 98 && share < 102 && reads > 0) }' out
positive='[0-9][0-9.e+-]*'
run bench digits --quick --json
check bench-json out_has "^{\"data\":\"digits\",\"pictures\":10000,\"transforms\":\"\",\"reading_us\":$positive,\"transforms_us\":$positive,\"runs\":\[{\"num_workers\":0,\"pictures_per_s\":$positive},{\"num_workers\":1,\"pictures_per_s\":$positive},{\"num_workers\":2,\"pictures_per_s\":$positive}\]}\$"
golden bench-no-data 2 'error: --size, --augment and --batch-size are of pictures, and no data set is given
help:  fovea bench photos/                                            [E-ARGS]' bench --size 32
golden bench-augment 1 'error: transform, step 1 "flop": there is no transform "flop"
help:  did you mean flip?                                             [E-NAME]' \
    bench plain --augment flop

# ---- what is not there ---------------------------------------------------------------------------

mkdir here && cd here && cp -r ../plain photos && cp ../list.csv . || exit 1
golden no-folder 2 "error: there is no folder \"photo/\" here ($work/here)
       but there is \"photos/\", with 2 class folders
help:  fovea train photos/                                            [E-PATH]" train photo/
golden no-folder-bare 2 "error: there is no folder \"fotos\" here ($work/here)
       but there is \"photos/\", with 2 class folders
help:  fovea train photos/                                            [E-PATH]" train fotos
golden no-list 2 "error: there is no file \"lists.csv\" here ($work/here)
       but there is \"list.csv\"
help:  fovea train list.csv                                           [E-PATH]" train lists.csv
golden no-such-path 2 'error: there is no folder "some/where" in some
help:  fovea help train                                               [E-PATH]' train some/where
cd .. || exit 1

# ---- train: sets ---------------------------------------------------------------------------------

# train ARGS...: small and short; the last option counts, so that ARGS may say otherwise.
net='conv2d 4 3; relu; adaptive_avg_pool2d 2; flatten; linear classes'
train() { run train --model "$net" --epochs 1 --batch-size 8 --size 16 "$@"; }
plan() { train --dry-run "$@"; }

plan plain
check plan ends_with 0
check plan-no-folder absent runs
check plan-data err_has '^data    plain   24 images in 2 classes$'
check plan-class err_has '^          dark        12  ####################$'
check plan-sets err_has '^        18 training, 4 validation, 2 test   (80/10/10 by content, seed 0)$'
check plan-size-typed err_has '^        resized to 16 x 16 RGB$'
check plan-transforms err_has '^        transforms resize 16; center_crop 16; random_crop 16 padding=2; flip$'
check plan-transforms-why err_has '^        (auto: for colour photos; --augment none)$'
check plan-pixels-why err_has '^        (auto: of the training images)$'
check plan-reading err_has '^        pictures are read between steps   (auto; --num-workers 2 reads ahead)$'
check plan-chance err_has '^        always guessing the largest class would score 50.0%$'
plan plain --val 6
check plan-val err_has ' 13 training, 9 validation, 2 test   (65/25/10 by content, seed 0)$' # by chance
plan plain --val 0.25 --seed 5
check plan-val-share err_has ' validation, [0-9]* test   (68/22/10 by content, seed 5)$'
plan plain --val 0
check plan-no-val err_has ' 22 training, 2 test   (90/0/10 by content, seed 0)$'
check plan-no-val-help err_has '^        no validation set: --val 0.1 makes one$'
plan whole
check plan-own-sets err_has ' 24 training, 8 validation, 8 test   (by folders)$'
plan pair
check plan-no-test err_has ' 24 training, 8 validation   (by folders)$'
plan trained
check plan-train-alone err_has ' 18 training, 4 validation, 2 test   (80/10/10 by content, seed 0)$'
plan list.csv
check plan-list err_has ' 18 training, 4 validation, 2 test   (80/10/10 by content, seed 0)$'
plan whole --optimizer 'adam lr=0.01' --augment flip --num-workers 1 --threads 1 --kernels ref \
    --normalize none
check plan-typed [ "$(grep -c auto err)" -eq 0 ] # what was typed needs no reason
run train digits --dry-run
check plan-lenet err_has '^        (auto: epochs and batch size as in the tutorial)$'
check plan-own-split err_has ' 10,000 training, 2,000 test   (its own split)$'
run train plain --dry-run
check plan-size err_has '^        (auto: the first one.s shorter side, 28 to 64; --size 96)$'
check plan-model err_has '^        (auto: for photos)$'
check plan-recipe err_has '^        (auto: usual for batch norm)$'
check plan-width calculate 'length > 80 { bad = 1 } END { exit bad }' err
golden val-own 2 'error: --val 3: whole already has validation pictures
help:  leave out --val                                                [E-ARGS]' train whole --val 3
golden val-all 2 'error: --val 24: there are only 24 pictures to train on
help:  --val 0.1                                                      [E-ARGS]' train plain --val 24
golden val-below 2 'error: --val: -1 is out of range
       --val takes a number, 0 to 1000000000; default: photos 0.1
help:  fovea train plain --val 0                                      [E-ARGS]' train plain --val -1
golden val-folds 2 'error: --folds and --val contradict each other: the folds take turns as validation set
help:  leave out --val                                                [E-ARGS]' \
    train plain --folds 3 --val 3
golden size-range 2 'error: --size: 4 is out of range
       --size takes a whole number, 8 to 512; default: auto, 28 to 64
help:  fovea train plain --size 8                                     [E-ARGS]' train plain --size 4

# ---- train: what comes of it ---------------------------------------------------------------------

train plain --seed 3
check train ends_with 0
check train-table err_has '^epoch   train loss   val loss   val acc   images/s    time$'
check train-row err_has '^    1  *[0-9.]*  *[0-9.]*  *[0-9.]*%  *[0-9,]*  *[0-9.]*s  \*$'
check train-out [ "$(sed 's/[0-9.]*%/A%/' out | tr '\n' ' ')" = ' Test set: Accuracy: A% ' ]
check train-files holds runs/plain-1 'log.csv model.safetensors report.html run.json split.csv '
check train-splits [ "$(cut -d, -f1,2 runs/plain-1/log.csv | tr '\n' ' ')" = \
    'epoch,split 1,train 1,val 1,test ' ]
check train-split lines 25 runs/plain-1/split.csv
check train-split-header [ "$(head -n 1 runs/plain-1/split.csv)" = path,class,split ]

# Which picture goes where, from the bytes of the files: the first and the next 16 digits of the
# SHA-256 of "HASH:SEED", as a fraction, are below a tenth for the test, a ninth for validation.
hashed() { # SEED FILE...: lines of path,class,split
    for file in $(ls "$2"/*/*); do
        key=$(printf '%s:%d' "$(sha256sum <"$file" | cut -c1-64)" "$1" | sha256sum)
        rest=${file%/*}
        printf '%s %s %s\n' "$file" "${rest##*/}" "$key"
    done | awk '{ test = substr($3, 1, 16) <= "1999999999999999"
                  val = substr($3, 17, 16) <= "1c71c71c71c71c71"
                  print $1 "," $2 "," (test ? "test" : val ? "val" : "train") }'
}
if command -v sha256sum >/dev/null; then
    both large 1 50
    train large --seed 3 --out large-run
    hashed 3 large | sort >want
    sed 1d large-run/split.csv | sort | cmp -s - want
    check train-split-by-content [ $? -eq 0 ]
    cp large-run/split.csv before.csv
    cp large/dark/7.pgm large/dark/copy.pgm # on the side of what it copies
    mv large/dark/8.pgm large/dark/renamed.pgm
    both large 51 55
    train large --seed 3 --out large-more
    check train-split-stays calculate -F, '{ sub("renamed", 8, $1) } NR == FNR { split_of[$1] = $3; next }
        ($1 in split_of) && split_of[$1] != $3 { bad = 1 }
        $1 ~ /copy/ { copied = $3 == split_of["large/dark/7.pgm"] }
        END { exit bad || !copied }' before.csv large-more/split.csv
    train large --seed 4 --out large-other
    check train-split-seed [ "$(sort large-more/split.csv | cksum)" != "$(sort large-other/split.csv | cksum)" ]
    run test large-more -v # what is measured again is what split.csv calls test
    check train-split-test err_has " of $(grep -c ',test$' large-more/split.csv) right"
    rm -r large
fi
train whole
check train-own-sets holds runs/whole-1 'log.csv model.safetensors report.html run.json split.csv '
train pair --quiet
check train-no-test ends_with 0
check train-no-test-line [ ! -s out ]
train plain --val 0 --quiet
check train-no-val out_has '^Test set: Accuracy: [0-9.]*%$'
check train-no-val-log [ "$(cut -d, -f2 runs/plain-2/log.csv | tr '\n' ' ')" = 'split train test ' ]
# The advice that weighs most.
both large 1 50
mkdir -p same rare
cp -r large/dark same/a && cp -r large/dark same/b
cp -r large/dark rare/a && cp -r large/light rare/b && mkdir rare/c
for i in 1 2 3 4 5 6 7 8 9; do cp large/dark/$i.pgm rare/c; done
advice() { # NAME LINE ARGS...: the first line of the advice
    name=$1 line=$2
    shift 2
    train "$@" --no-save -v
    check "advice-$name" err_has "^advice  $line\$"
}
advice never 'the network never predicts dark, which has 44 training images\.' large --epochs 3 --lr 1e-20
advice nothing 'the network has learned nothing: the training loss was 0\.7086 after the first' \
    same --epochs 3
check advice-nothing-more err_has '^        epoch and is 0\.6973\. Another learning rate may help: --lr 0\.005$'
advice few '88 training images in 2 classes are few: more of them will help most\.' same --epochs 8
advice rare 'c has 7 images, a 44, and c is wrong most often\.' rare --epochs 4
check advice-rare-more err_has '^        More c images will help more than more epochs\.$'
check confused err_has '^        most confused   c -> a 1$'
advice small '13 validation images are too few to tell a better epoch from luck: their' large
train large --no-save -v --val 0.1
check advice-typed [ "$(grep -c '^advice' err)" -eq 0 ] # --val is not advised to who gave it
rm -r large same rare
train plain --epochs 70 --lr 1e-20 --no-save # of many epochs some rows
check train-rows [ "$(grep -c '^ *[0-9]*  *[0-9.]*  *[0-9.]*  *[0-9.]*%' err)" -eq 25 ]
train plain --log-interval 1 --no-save
check train-steps out_has '^Epoch 1: train loss .*; validation loss .* \*$'
train list.csv --quiet --out list --epochs 12
check train-list out_is 'Test set: Accuracy: 100.00%' # dark and light are told apart

# The same tensors for any number of workers.
tensors() { tail -c 1900 "$1/model.safetensors" | cksum; }
train plain --quiet --epochs 2 --out w0
train plain --quiet --epochs 2 --out w2 --num-workers 2
check workers-same cmp -s w0/model.safetensors w2/model.safetensors
train plain --quiet --epochs 2 --out w1 --seed 1
check workers-not-trivial [ "$(tensors w0)" != "$(tensors w1)" ]

# Mixed with a share of 0 or 1, images only change places with their neighbours, and their classes
# too: losses and accuracies are the same, but for the order of sums.
mixing() { run train digits --epochs 1 --batch-size 50 --log-interval 20 --model "$1" --out "$2" "$3" "$4"; }
near() { # OUT LOG OUT LOG: losses and training accuracies within 1e-4
    calculate -F'[ ,\t]' '/Loss:/ || /^1,train/ { v = /Loss/ ? $NF : $3 + $4
        if (FILENAME == ARGV[1] || FILENAME == ARGV[2]) want[++n] = v
        else { d = v - want[++m]; if (d > 1e-4 || d < -1e-4) bad = 1 } }
        END { exit bad || n != 11 || m != n }' "$1" "$2" "$3" "$4"
}
for model in lenet5 'conv2d 4 5; relu; max_pool2d 4; flatten; linear classes'; do
    rm -rf mix0 mix1 # one gives log-probabilities, the other does not
    mixing "$model" mix0 --seed 2
    cp out out0
    mixing "$model" mix1 --seed=2 --mixup=1e-9
    check "mixup-$model" ends_with 0
    check "mixup-exchanges-$model" near out0 mix0/log.csv out mix1/log.csv
done
for arguments in '--mixup=0.4' '--cutmix=1' '--mixup=0.4 --cutmix=1'; do
    for how in '--num-workers 0 --threads 1' '--num-workers 2 --threads 2'; do
        # shellcheck disable=SC2086 # these are several arguments
        train plain --quiet --epochs 3 --out "mixed$arguments$how" $arguments $how
    done
    check "mixed-same-$arguments" cmp -s "mixed$arguments--num-workers 0 --threads 1/model.safetensors" \
        "mixed$arguments$how/model.safetensors"
    tensors "mixed$arguments$how" >>mixed-sums
done
check mixed-differ [ "$(sort -u mixed-sums | wc -l)" -eq 3 ]
plan plain --mixup 0.2 --cutmix 1
check mixed-plan err_has '^        mixup 0.2 and cutmix 1, for half of the batches each$'
plan plain --cutmix 1
check mixed-plan-one err_has '^        cutmix 1$'
train digits --mixup 0.2 --max-memory 1M --batch-size 64 --no-save --model "$net"
check mixed-parts ends_with 0
golden mixup-range 2 'error: --mixup: 0 is out of range
       --mixup takes a number, in (0,1000000]; default: none
help:  fovea train plain --mixup 0.1                                  [E-ARGS]' train plain --mixup 0

train plain --folds 3 --out folds
check folds ends_with 0
check folds-each [ "$(grep -c '^Fold [123]/3: Accuracy: [0-9.]*%$' out)" -eq 3 ]
check folds-end out_has '^3 folds: accuracy [0-9.]*% +- [0-9.]*   (mean and standard deviation)$'
check folds-mean calculate '/^Fold / { sum += $4 } /^3 folds/ { mean = $4 }
                            END { d = sum / 3 - mean; exit !(d < 0.01 && d > -0.01) }' out
check folds-files holds folds 'log.csv model.safetensors out_of_fold.csv report.html run.json split.csv '
check folds-log [ "$(cut -d, -f1,2 folds/log.csv | tr '\n' ' ')" = \
    'epoch,split 1:1,train 1:1,val 2:1,train 2:1,val 3:1,train 3:1,val ' ]
check folds-all lines 23 folds/out_of_fold.csv # all but the 2 of the test
check folds-right calculate -F, 'FNR == NR { if (/^Fold/) { split($0, p, " "); sum += p[4] } next }
    FNR > 1 { n[$3]++; right[$3] += $2 == $4 }
    END { for (k = 0; k < 3; k++) mine += 100 * right[k] / n[k]
          d = mine - sum; exit !(d < 0.02 && d > -0.02) }' out folds/out_of_fold.csv
train plain -k 3 --json --no-save
check folds-json calculate '!/^{.*}$/ { bad = 1 } END { exit bad || NR != 7 }' out
check folds-json-fold out_has '^{"event":"fold","fold":2,"val_acc":[0-9.]*}$'
check folds-json-end out_has '^{"event":"result","folds":3,"val_acc":[0-9.]*,"std":[0-9.]*,"run":null}$'

# The first epoch is the best where the rate is so small that float32 does not move.
train plain --lr 1e-20 --epochs 9 --patience 2 --out patience
check patience ends_with 0
check patience-epochs [ "$(grep -c ',train,' patience/log.csv)" -eq 3 ]
golden patience-no-val 2 'error: --patience waits for a better validation loss, and digits has no validation set
help:  --val 0.1                                                      [E-ARGS]' \
    train digits --patience 3

plan plain --augment 'flip; rotation 10'
check augment err_has '^        transforms resize 16; center_crop 16; flip; rotation 10$'
plan plain --augment none
check augment-none err_has '^        transforms resize 16; center_crop 16$'
golden augment-wrong 1 'error: transform, step 1 "flop": there is no transform "flop"
help:  did you mean flip?                                             [E-NAME]' \
    train plain --augment 'flop'
golden augment-range 2 'error: transform, step 1 "rotation -5": degrees is -5, but must be 0 to 3600
help:  fovea help augment                                             [E-ARGS]' \
    train plain --augment 'rotation -5'
plan plain
check model-text err_has '^model   conv2d 4 3; relu; .*   146 parameters   '
train plain --model conv2d
check model-wrong is_error
check model-wrong-text err_has '^error: there is no model "conv2d"$'
check model-wrong-help err_has '^help:  the built-in ones are lenet5, .*\[E-NAME\]$' # a list that grows
run train digits --model mnist-cnn --gamma 0.5 --test-batch-size 500 --dry-run
check example-plan err_has '^train   14 epochs x 157 batches of 64 (last 16)   seed 0$'
check example-optimizer err_has '^        adadelta lr=1   step 1 gamma=0.5$'
check example-why err_has '^        (auto: the rest as in the PyTorch example)$'
golden gamma-twice 2 'error: --gamma 0.5 and --schedule both set how the learning rate changes
help:  --schedule "step 1 gamma=0.5"                                  [E-ARGS]' \
    train digits --gamma 0.5 --schedule 'cosine 3'
golden model-shape 1 'error: layer "conv2d1": a 99 x 99 kernel (dilation 1 x 1) does not fit into the 28 x 28 picture that "input" gives, with padding 0 x 0
          1  conv2d 8 99               3 x 28 x 28 -> does not fit
             ^^^^^^^^^^^
help:  a smaller kernel, or more padding                             [E-SHAPE]' \
    train plain --model 'conv2d 8 99; flatten; linear 2'
cat >net.txt <<'NET'
conv2d 6 5   # LeNet, but for
max_pool2d 2
relu; conv2d 16 5
max_pool2d 3 stride=2   # this
conv2d 120 5; flatten; linear classes
NET
golden model-chain 1 'error: layer "conv2d3": a 5 x 5 kernel (dilation 1 x 1) does not fit into the 3 x 3 picture that "max_pool2d2" gives, with padding 0 x 0
          4  conv2d 16 5               6 x 12 x 12 -> 16 x 8 x 8
          5  max_pool2d 3 stride=2     16 x 8 x 8 -> 16 x 3 x 3
          6  conv2d 120 5              16 x 3 x 3 -> does not fit
             ^^^^^^^^^^^^
help:  a smaller kernel, or more padding                             [E-SHAPE]' \
    train plain --model net.txt

# A picture that cannot be read ends it, says so, and leaves nothing.
cp -r plain gone
for file in gone/*/*; do : >"$file"; done
cp -r plain cut
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do head -c 50 plain/dark/$i.pgm >cut/dark/$i.pgm; done
train cut --out x/y
check cut is_error
check cut-text err_is 'error: 12 of 24 pictures cannot be read (50%); the limit is 5%
         12  cut off  cut/dark/1.pgm (10 x 10 pixels are 100 bytes, found 37) ...
help:  repair them (fovea check cut), or skip them: --skip-bad        [E-DATA]'
echo text >cut/light/1.pgm
printf '\000\000\000\030ftypheic' >cut/light/2.pgm
printf '\000\000\000\030ftypheic' >cut/light/3.pgm
: >cut/light/4.pgm
golden cut-kinds 1 'error: 16 of 24 pictures cannot be read (67%); the limit is 5%
         12  cut off                                 cut/dark/1.pgm (10 x 10 pixels are 100 bytes, found 37) ...
          2  it begins as a HEIC, which is not read  cut/light/2.pgm ...
          1  not a picture                           cut/light/1.pgm (expected JPEG, PNG, WebP, BMP, PPM or PGM, found 74 65 78 74 0a)
          1  empty                                   cut/light/4.pgm (0 bytes)
help:  repair them (fovea check cut), or skip them: --skip-bad        [E-DATA]' train cut --out x/y
golden cut-all 1 'error: 24 of 24 pictures cannot be read (100%); the limit is 5%
         24  empty  gone/dark/1.pgm (0 bytes) ...
help:  repair them (fovea check gone), or skip them: --skip-bad       [E-DATA]' train gone --skip-bad
check cut-no-folder absent x

# One of many is left out, and named.
mkdir many
for class in dark light; do
    mkdir many/$class
    for i in 1 2 3 4 5 6 7 8 9 10 11 12; do cp plain/$class/$i.pgm many/$class/a$i.pgm; done
    for i in 1 2 3 4 5 6 7 8 9 10 11 12; do cp plain/$class/$i.pgm many/$class/b$i.pgm; done
done
: >many/dark/a1.pgm
train many --epochs 1 --out many-run -v
check skipped ends_with 0
check skipped-note err_has '^note:  1 picture cannot be read and is skipped; the first:$'
check skipped-name grep -q '^.*many/dark/a1.pgm' many-run/skipped.txt
run test many-run
check skipped-test ends_with 0
for i in 2 3 4; do : >many/dark/a$i.pgm; done
run test many-run
check skipped-many is_error
run test many-run --skip-bad
check skipped-all-the-same ends_with 0
run test many-run
check skipped-many-text err_has '^error: 4 of 48 pictures cannot be read (8%); the limit is 5%$'

# ---- test ----------------------------------------------------------------------------------------

# Without a test set of its own, what training held back by its seed, and not what it has seen.
for data in '' plain plain/; do
    # shellcheck disable=SC2086 # no data is no argument
    run test runs/plain-1 $data -v
    check "test-held-back-$data" err_has ' of 2 right '
done
run test runs/plain-1 --json
check test-same-pictures calculate -F'[:,]' 'FNR == NR { if ($2 == "test") logged = $3; next }
    { for (i = 1; i < NF; i++) if ($i ~ /test_loss/) d = $(i + 1) - logged }
    END { exit !(logged > 0 && d < 6e-7 && d > -6e-7) }' runs/plain-1/log.csv out
run test runs/whole-1 -v
check test-own err_has ' of 8 right '
run test runs/whole-1 plain -v
check test-other-folder err_has ' of 24 right '
run test runs/pair-1 -v
check test-validation err_has ' of 8 right '
run test runs/whole-1 list.csv --json
check test-list out_has '^{"event":"result",.*"data":"list.csv",.*"total":24,'
golden test-classes 1 'error: class 0 is "cat" in cats, but the network was trained with "dark"
help:  give a folder with the same class folders                     [E-CLASS]' \
    test runs/whole-1 cats
golden test-more-classes 1 'error: class 0 is "cat" in more, but the network was trained with "dark"
help:  give a folder with the same class folders                     [E-CLASS]' \
    test runs/whole-1 more

# ---- predict -------------------------------------------------------------------------------------

run predict list plain/dark/5.pgm
check predict ends_with 0
check predict-text out_has '^plain/dark/5.pgm   dark   [0-9.]*%$'
check predict-names out_has '^> dark   '
check predict-others out_has '^  light  '
run predict list plain/light/5.pgm --json
check predict-json out_has '^{"file":"plain/light/5.pgm","predicted":1,"class":"light","probabilities":\[.*\]}$'
run predict runs/whole-1 whole:train:0 whole:7
check predict-data out_has '^whole:train:0   label dark   predicted '
check predict-data-test out_has '^whole:7   label light   predicted '
cp plain/dark/1.pgm a:b.pgm
run predict list a:b.pgm
check predict-colon out_has '^a:b.pgm   dark   '
golden predict-outside 2 'error: there is no image 8: the test images of whole are 0 to 7
help:  fovea predict runs/whole-1 whole:7                             [E-ARGS]' \
    predict runs/whole-1 whole:8
golden predict-missing 1 'error: cannot read "none.pgm": No such file or directory
help:  fovea help predict                                             [E-PATH]' predict list none.pgm

# Many at once: names from the standard input, and rows for a file instead of words.
printf 'plain/dark/5.pgm\nplain/light/5.pgm\n' | "$fovea" predict list - --json >out 2>err
check predict-stdin calculate '/"file":"plain\/(dark|light)\/5.pgm"/ { n++ } END { exit n != 2 }' out
printf 'img_file\ndark/5.pgm\nlight/5.pgm\n' >plain/files.csv
run predict list plain/files.csv --submission rows.csv
check submission ends_with 0
check submission-silent [ ! -s out ]
run predict list plain/dark/5.pgm plain/light/5.pgm --submission same.csv
check submission-same cmp -s rows.csv same.csv
check submission-rows calculate -F, 'NR == 1 { ok = $0 == "file,class"; next }
    { ok = ok && ($2 == "dark" || $2 == "light") } END { exit !(ok && NR == 3) }' rows.csv
rm plain/files.csv
run train digits --quiet --out digits-run
golden predict-input 1 'error: digits-run expects 28 x 28 gray pictures; plain/light/1.pgm is 12 x 10 gray
help:  to try it anyway: fovea predict digits-run plain/light/1.pgm --fit  [E-INPUT]' \
    predict digits-run plain/light/1.pgm
run predict digits-run plain/light/1.pgm --fit
check predict-fit ends_with 0

# ---- info ----------------------------------------------------------------------------------------

run info plain
check info-folder out_has '^shape    \[3, 10 to 10, 10 to 12\]$'
check info-folder-counts out_has '^ dark        10           1       1  #'
run info whole --json
check info-json out_has '"train":{"count":24,"classes":\[12,12\],.*"val":{"count":8,.*"test":{"count":8,'
run info list
check info-run out_has '^class_names dark	light$'
check info-run-transform out_has '^transform  resize 16; center_crop 16; '
run info list.csv
check info-boxes out_has '^shape    \[3, 7 to 7, 8 to 8\]$'

# ---- run and init --------------------------------------------------------------------------------

cat zero one | npy x.npy '|u1' '2, 1, 28, 28'
printf '\003\0\0\0\0\0\0\0\007\0\0\0\0\0\0\0' | npy t.npy '<i8' '2,'
run init lenet5 --seed 0 -o w.st
check init ends_with 0
check init-lines lines 10 out
check init-names out_has '^convnet.C1.weight  *150$'
run init lenet5 --seed 0 --out w2.st --quiet
check init-same cmp -s w.st w2.st
check init-quiet [ ! -s out ]
run init small --shape 3x32x32 -o w3.st
check init-shape out_has '^conv1.0.weight  *864$'
golden init-shape-wrong 2 'error: --shape 3x32x32x: it takes channels, rows and columns
help:  --shape 3x32x32                                                [E-ARGS]' \
    init small --shape 3x32x32x -o no.st
golden init-alone 2 'error: fovea init needs --out
help:  fovea init lenet5 --seed 0 --out w.safetensors                 [E-ARGS]' init lenet5

run run lenet5 --input x.npy --weights w.st -o o.st
check run ends_with 0
check run-lines [ "$(tr -s ' ' <out)" = 'output [2,10]' ]
run run lenet5 --input x.npy -o o2.st # --seed 0: the same weights
check run-seed cmp -s o.st o2.st
run run lenet5 --input x.npy -o o3.st --grad --loss nll --target t.npy
check run-grad-input out_has '^grad.input  *\[2,1,28,28\]$'
check run-grad out_has '^grad.convnet.C3.weight  *\[16,6,5,5\]$'
check run-loss calculate '/^loss / { l = $NF } END { exit !(l > 2.2 && l < 2.4) }' out # near ln 10
run run 'flatten; linear 8' --input x.npy -o o4.st --steps 2 --loss cross_entropy --target t.npy
check run-steps out_has '^linear1.weight  *\[8,784\]$'
golden run-text 2 'error: --input: "" is empty
       --input takes a text that is not empty
help:  fovea run lenet5 --input X.npy                                 [E-ARGS]' run lenet5 --input ''
golden run-batch 1 'error: t.npy is not a batch; expected [N,C,H,W] or [N,K] of uint8, float32, float64 or int64
help:  numpy.save("x.npy", x.numpy())                                 [E-DATA]' \
    run lenet5 --input t.npy -o no.st
golden run-label 1 'error: label 3 of sample 0: the net has 3 classes, 0 to 2
help:  correct the label, or make a net of more classes              [E-CLASS]' \
    run 'flatten; linear 3' --input x.npy -o no.st --loss cross_entropy --target t.npy
golden run-loss-whole 2 'error: loss text "cross_entropy ignore_index=1e30": ignore_index is "1e30", but must be a whole number
help:  fovea help run                                                 [E-ARGS]' \
    run lenet5 --input x.npy -o no.st --target t.npy --loss 'cross_entropy ignore_index=1e30'
long_loss="cross_entropy $(printf '%300s' '') label_smoothing=2"
golden run-loss-long 2 'error: loss text "cross_entropy label_smoothing=2": label_smoothing is 2, but must be in [0,1)
help:  fovea help run                                                 [E-ARGS]' \
    run lenet5 --input x.npy -o no.st --target t.npy --loss "$long_loss"
run run 'conv2d 1 3 name=a; conv2d 1 3; tanh from=a; again a; output conv2d1 conv2d2' --input x.npy \
    -o o5.st --grad
check run-again out_has '^grad.a.weight  *\[1,1,3,3\]$'
golden run-loss-alone 2 'error: --loss, --target and --steps go together: a loss needs a target, steps need a loss
help:  --loss nll --target t.npy --steps 50                           [E-ARGS]' \
    run lenet5 --input x.npy -o no.st --loss nll
check run-no-file absent no.st

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
