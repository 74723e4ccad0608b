#!/bin/sh
# test_report.sh - report.html, the page that fovea train writes into the run's folder: well-formed,
# needs nothing else, and its numbers are those of the run.
#
#   test_report.sh FOVEA
set -u
# shellcheck source=tests/cli_tools.sh
. "$(dirname "$0")/cli_tools.sh"
cd "$work" || exit 1

# Tags in pairs, nothing of HTML unescaped; xmllint knows more, where it is.
well_formed() {
    awk 'BEGIN { RS = "<" }
        NR == 1 { bad = $0 != ""; next }
        {
            n = index($0, ">")
            if (n == 0) { bad = 1; next }
            tag = substr($0, 1, n - 1)
            text = substr($0, n + 1)
            bad = bad || text ~ />/
            gsub(/&(amp|lt|gt|quot|#39);/, "", text)
            gsub(/&(amp|lt|gt|quot|#39);/, "", tag)
            bad = bad || text ~ /&/ || tag ~ /&/
            if (tag ~ /^!DOCTYPE html$/ || tag ~ /\/$/) next
            split(tag, word, /[ \n]/)
            if (tag !~ /^\//) open[++depth] = word[1]
            else if (depth == 0 || "/" open[depth--] != tag) bad = 1
        }
        END { exit bad || depth }' "$1" &&
        tail -n 1 "$1" | grep -q '^</html>$' &&
        { ! command -v xmllint >/dev/null || xmllint --noout "$1" 2>>"$work/err"; }
}
alone() { ! grep -i -q -e '<script' -e '<link' -e '<iframe' -e 'https\{0,1\}:' -e 'url(' "$1"; }
page_has() { grep -q -F -e "$2" "$1"; }
page_lacks() { ! grep -q -e "$2" "$1"; }

# The confusion matrix: "right all", of all its cells.
confusion() {
    awk '/<table class="confusion/ { on = 1 } /<\/table>/ { on = 0 }
        on {
            row = $0
            while (match(row, /<td[^>]*>[0-9,]+/)) {
                cell = substr(row, RSTART, RLENGTH)
                row = substr(row, RSTART + RLENGTH)
                hit = cell ~ /class="hit"/
                sub(/.*>/, "", cell)
                gsub(/,/, "", cell)
                all += cell
                right += hit ? cell : 0
            }
        }
        END { print right + 0, all + 0 }' "$1"
}
# "right all" of the table of classes: sums of recall times count.
classes() {
    awk -F'</*t[dh][^>]*>' '/<table class="scores/ { on = 1 } /<\/table>/ { on = 0 }
        on && $3 == "" && $4 ~ /^[0-9,]+$/ { gsub(/,/, "", $4); all += $4; right += $4 * $6 / 100 }
        END { printf "%.0f %d\n", right, all }' "$1"
}
# What the page says is to be typed, for a shell.
command_of() {
    sed -n 's/.*<pre>\(fovea train .*\)<\/pre>.*/\1/p' "$1" |
        sed -e "s/&#39;/'/g" -e 's/&quot;/"/g' -e 's/&lt;/</g' -e 's/&gt;/>/g' -e 's/&amp;/\&/g'
}
pictures() { grep -c '<img [^>]*src="data:image/png;base64,iVBORw0KGgo' "$1"; }

# ---- drawn digits: a test set of its own, which is measured after every epoch --------------------

run train digits --epochs 2 --threads 1 --out digits
check digits ends_with 0
page=digits/report.html
check digits-files holds digits 'log.csv model.safetensors report.html run.json '
check digits-well-formed well_formed $page
check digits-alone alone $page
accuracy=$(sed -n 's/^Test set: Accuracy: //p' out | tail -n 1)
check digits-accuracy page_has $page "<p class=\"big\">$accuracy</p>"
run test digits --json
right=$(sed 's/.*"right":\([0-9]*\),.*/\1/' out)
range=$(sed 's/.*"low":\([0-9.]*\),"high":\([0-9.]*\),.*/\1 \2/' out |
    awk '{ printf "95%% range %.1f to %.1f", 100 * $1, 100 * $2 }')
check digits-confusion [ "$(confusion $page)" = "$right 2000" ]
check digits-right page_has $page ' of 2,000 test pictures right'
check digits-range page_has $page "($range)"
check digits-chance page_has $page 'chance 10.0%'
check digits-when page_has $page 'Measured after epoch 2.'
check digits-classes [ "$(grep -c '^<tr><th>[0-9]</th><td>200</td><td>' $page)" -eq 10 ]
wrong=$((2000 - right))
check digits-mistakes [ "$(pictures $page)" -eq $((wrong < 24 ? wrong : 24)) ]
check digits-loss calculate -F, '
    NR == FNR { if ($2 == "train") train = $3; if ($2 == "test") test = $3; next }
    index($0, sprintf(">train %.4f<", train)) { t = 1 }
    index($0, sprintf(">test %.4f<", test)) { e = 1 }
    END { exit !(t && e) }' digits/log.csv $page
check digits-lines [ "$(grep -c '<polyline class="line t[a-z]*" points="[0-9]' $page)" -eq 4 ]
check digits-no-best page_lacks $page 'best: epoch'
check digits-layers page_has $page '<tr><th>fc.F6</th><td class="text">linear'
check digits-version page_has $page "fovea $("$fovea" version | awk 'NR == 1 { print $2 }')"

# The picture is what the net saw: it says the same of the PNG as it said then.
same_picture() {
    sed -n '/<img /{s/.*base64,\([^"]*\)".*/\1/p;q;}' "$1/report.html" | base64 -d >worst.png
    caption=$(sed -n '/<img /{s/.*<b>\([^<]*\)<\/b> \([0-9]*%\).*/\1 \2/p;q;}' "$1/report.html")
    run predict "$1" worst.png
    said=$(sed -n '/^worst.png /{s/^[^ ]*  *\([0-9]\)  *\([0-9.]*\)%.*/\1 \2/p;q;}' out |
        awk '{ printf "%s %.0f%%", $1, $2 }')
    ends_with 0 && [ "$said" = "$caption" ]
}
if command -v base64 >/dev/null; then
    check picture same_picture digits
    run train digits --augment 'to_tensor; normalize 0.1 0.3' --normalize none --out floats
    check picture-of-floats same_picture floats
fi

# ---- pictures in files, a validation set, names that are markup ----------------------------------

odd="it's <b>&amp; \"so\""
both plain 1 12
mkdir "$odd"
cp -r plain/dark "$odd/<script>alert(\"x\")"
cp -r plain/light "$odd/'&lt;b> $(printf '\377\302')"
picture "$odd/<script>alert(\"x\")/<img src='x'>.pgm" 10 10 40 128
mv plain/light/3.pgm "$odd/'&lt;b> $(printf '\377\302')/$(printf 'a\001b')\".pgm"
run train "$odd" --epochs 3 --val 0.3 --lr 0.3 --momentum 0.25 --verbose --out odd
check odd ends_with 0
check odd-wrote err_has '^        odd/report.html   [0-9]* KB$'
check odd-well-formed well_formed odd/report.html
check odd-alone alone odd/report.html
check odd-class page_has odd/report.html '&lt;script&gt;alert(&quot;x&quot;)</th>'
check odd-replaced page_has odd/report.html \
    "&#39;&amp;lt;b&gt; $(printf '\357\277\275\357\277\275')</th>"
check odd-accuracy page_has odd/report.html \
    "<p class=\"big\">$(sed -n 's/^Test set: Accuracy: //p' out | tail -n 1)</p>"
best=$(awk -F, '$2 == "val" && (!n++ || $3 < least) { least = $3; best = $1 }
    END { print best }' odd/log.csv)
check odd-best page_has odd/report.html ">best: epoch $best<"
check odd-when page_has odd/report.html "with the weights of epoch $best, the best in validation."
check odd-command [ "$(command_of odd/report.html)" = \
    "fovea train 'it'\\''s <b>&amp; \"so\"' --epochs 3 --lr 0.3 --momentum 0.25 --val 0.3" ]
eval "$(command_of odd/report.html | sed 's/^fovea/run/') --out again"
check odd-repeated cmp -s odd/model.safetensors again/model.safetensors

# Without a test set the validation set speaks, with the best epoch's weights, which are kept. Here
# the last epoch is right more often than the best one by loss.
both pair/train 1 12
for i in 1 2 3 4; do
    picture pair/val/dark/$i.pgm 10 10 $i $((10 + 15 * i))
    picture pair/val/light/$i.pgm 10 10 $i $((140 - 15 * i))
done
run train pair --lr 0.5 --epochs 9 --patience 2 --out pair-run
says=$(awk -F, '$2 == "val" { last = $4 }
    $2 == "val" && (!n++ || $3 < least) { least = $3; best = $1; right = $4 }
    END { if (last != right) printf "%.2f%%</p>;epoch %d;%d of 9 epochs x", 100 * right, best, n }' \
    pair-run/log.csv)
check val-only-premise [ -n "$says" ]
for i in 1 2 3; do
    check val-only-$i page_has pair-run/report.html "$(echo "$says" | cut -d';' -f$i)"
done
check val-only page_has pair-run/report.html ' of 8 validation pictures right'
run test pair-run pair --json
right=$(confusion pair-run/report.html | cut -d' ' -f1)
check val-only-test out_has "\"right\":$right,\"total\":8,"

run train pair --epochs 1 --no-report --out bare
check no-report holds bare 'log.csv model.safetensors run.json split.csv '
check no-report-json grep -q '"no-report":.*true' bare/run.json

# ---- folds ---------------------------------------------------------------------------------------

both whole 1 12
run train whole --folds 3 --epochs 2 --out folds
check folds ends_with 0
check folds-well-formed well_formed folds/report.html
counted=$(awk -F, 'NR > 1 { n++; right += $2 == $4 }
    END { print right + 0, n }' folds/out_of_fold.csv)
check folds-confusion [ "$(confusion folds/report.html)" = "$counted" ]
check folds-classes [ "$(classes folds/report.html)" = "$(confusion folds/report.html)" ]
check folds-lines page_has folds/report.html 'A line for each of the 3 folds.'

# ---- many classes --------------------------------------------------------------------------------

for i in $(seq 11 41); do
    for k in 1 2 3 4; do
        picture "many/c$i/$k.pgm" 10 10 $((i + k)) $((4 * i))
    done
done
run train many --folds 2 --epochs 1 --out many-run
check many ends_with 0
check many-well-formed well_formed many-run/report.html
check many-no-matrix page_lacks many-run/report.html '<table class="confusion'
check many-classes [ "$(grep -c '^<tr><th>c[0-9]*</th><td>[234]</td>' many-run/report.html)" -eq 31 ]
common=$(awk -F, 'NR > 1 && $2 != $4 { if (++n[$2, $4] > most) most = n[$2, $4] }
    END { print most }' many-run/out_of_fold.csv)
check many-pairs calculate -v most="$common" '/<table class="pairs/ { on = 1 }
    on && /^<tr>/ { n++; sub(/.*<td>/, ""); if (n == 1) ok = $0 ~ "^" most " of "; last = $1 }
    on && /<\/table>/ { exit !(ok && n == 20 && last <= most) }' many-run/report.html

# ---- Ctrl+C --------------------------------------------------------------------------------------

: >err
"$fovea" train pair --epochs 1000000 --out stopped >out 2>err </dev/null &
pid=$!
until grep -q '^    2 ' err || ! kill -0 $pid; do sleep 0.05; done
kill -INT $pid
wait $pid
code=$?
check stopped ends_with 130
check stopped-files holds stopped 'log.csv model.safetensors report.html run.json split.csv '
check stopped-well-formed well_formed stopped/report.html
check stopped-says page_has stopped/report.html '<p class="stopped">Stopped by Ctrl+C after step '
check stopped-sum [ "$(confusion stopped/report.html | cut -d' ' -f2)" -eq 8 ]

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
