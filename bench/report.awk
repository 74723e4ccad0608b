# report.awk - the tables of run.sh, or with -v json=1 the same as JSON, from lines of
#   about WHAT TEXT...                       the machine and its programs
#   NAME VALUE                               a measurement; of several, the median counts
#   conv SHAPE PASS FOVEA ONEDNN RATIO       a line of bench/conv

$1 == "about" {
    what = $2
    sub(/^about +[^ ]+ +/, "")
    gsub(/["\\]/, "")
    about_name[++abouts] = what
    about[what] = $0
    next
}
$1 == "conv" { conv[++convs] = $0; next }
{ values[$1] = values[$1] " " $2 }

function median(name, list, n, i, j, v) {
    n = split(values[name], list, " ")
    for (i = 2; i <= n; i++) { # insertion sort
        v = list[i] + 0
        for (j = i - 1; j > 0 && list[j] + 0 > v; j--)
            list[j + 1] = list[j]
        list[j + 1] = v
    }
    return n ? list[int((n + 1) / 2)] + 0 : 0
}

# ---- rows: gathered until the table ends, so that columns line up; in JSON an object each --------

function cells(line) {
    if (!json)
        rows[++row_count] = line
}

function dashes(count, line) {
    while (count-- > 0)
        line = line "-"
    return line
}

function end_table(n, i, k, part, width, line) {
    for (i = 1; i <= row_count; i++) {
        n = split(rows[i], part, "|")
        for (k = 1; k <= n; k++)
            if (length(part[k]) > width[k])
                width[k] = length(part[k])
    }
    for (i = 1; i <= row_count; i++) {
        split(rows[i], part, "|")
        line = "|"
        for (k = 1; k <= n; k++) # words to the left, figures to the right
            line = line sprintf(" %" (k == 1 ? "-" : "") width[k] "s |", part[k])
        print line
        if (i > 1)
            continue
        line = "|" dashes(width[1] + 2) "|"
        for (k = 2; k <= n; k++)
            line = line dashes(width[k] + 1) ":|"
        print line
    }
    if (row_count)
        print ""
    row_count = 0
}

function object(what, unit, who, ours, rival, theirs, ratio, share) {
    printf "%s{\"what\":\"%s\",\"unit\":\"%s\",\"%s\":%.6g", comma, what, unit, who, ours
    if (theirs > 0)
        printf ",\"%s\":%.6g,\"ratio\":%.4g", rival, theirs, ratio
    if (share > 0)
        printf ",\"share_of_peak\":%.4g", share
    printf "}"
    comma = ","
}

function figure(value, unit, decimals) {
    decimals = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3
    return sprintf("%.*f", decimals, value) (unit ? " " unit : "")
}

# Better is larger for units a second, smaller for others.
function row(what, unit, ours, theirs, share, ratio) {
    if (ours <= 0)
        return
    ratio = theirs <= 0 ? 0 : unit ~ /\/s$/ ? ours / theirs : theirs / ours
    if (json)
        object(what, unit, "fovea", ours, "pytorch", theirs, ratio, share)
    cells(what "|" figure(ours, unit) "|" (theirs > 0 ? figure(theirs, unit) : "") "|" \
          (ratio ? sprintf("%.1f x", ratio) : "") "|" \
          (share ? sprintf("%.0f %%", 100 * share) : ""))
}

# ---- tables --------------------------------------------------------------------------------------

function machine(i) {
    for (i = 1; i <= abouts; i++)
        if (json)
            printf "%s\"%s\":\"%s\"", (i > 1 ? "," : ""), about_name[i], about[about_name[i]]
        else
            print "- " about_name[i] ": " about[about_name[i]]
    if (!json)
        print ""
}

function peaks() {
    cells("one core at best|")
    peak_row("multiply-adds, AVX-512", "GFLOP/s", "peak.avx512")
    peak_row("multiply-adds, AVX2", "GFLOP/s", "peak.avx2")
    peak_row("multiplies and adds, plain C", "GFLOP/s", "peak.plain")
    peak_row("reading the first cache", "GB/s", "peak.L1")
    peak_row("reading the second cache", "GB/s", "peak.L2")
    peak_row("reading memory", "GB/s", "peak.memory")
    end_table()
}

function peak_row(what, unit, name) {
    if (median(name) <= 0)
        return
    if (json)
        object(what, unit, "core", median(name))
    cells(what "|" figure(median(name), unit))
}

# The share of the peak of so many cores that an epoch in so many seconds reaches.
function peak_share(seconds, set, cores, best) {
    best = median("peak." set) ? median("peak." set) : median("peak.plain")
    return seconds > 0 ? 60000 * 2.264e-3 / seconds / (best * cores) : 0
}

function lenet(one, two, avx2, set) {
    one = median("fovea-1.train")
    two = median("fovea-2.train")
    avx2 = median("fovea-avx2.train")
    set = about["kernels"]
    cells("LeNet-5, MNIST, batch 64, float32|Fovea|PyTorch|ratio|of the peak")
    row("epoch of 60,000 images, 1 thread", "s", one, median("pytorch-1.train"),
        peak_share(one, set, 1))
    row("epoch, 2 threads", "s", two, median("pytorch-2.train"), peak_share(two, set, 2))
    row("epoch, 1 thread, AVX2", "s", avx2, 0, peak_share(avx2, "avx2", 1))
    row("speed-up by the second thread", "x", one / two)
    rate("evaluation, 1 thread", "1.test", 1e4)
    rate("evaluation, 2 threads", "2.test", 1e4)
    row("one image, 1 thread, median", "us", median("fovea-1.latency"), median("pytorch-1.latency"))
    row("one image, one in a hundred over", "us", median("fovea-1.late"), median("pytorch-1.late"))
    row("whole program: start, data, epoch, test, save", "s", median("program.seconds"),
        median("tutorial.seconds"))
    row("peak memory of the program", "MB", median("program.memory"), median("tutorial.memory"))
    row("start and end: fovea version", "ms", 1e3 * median("start.seconds"))
    row("the same of a program that does nothing", "ms", 1e3 * median("nothing.seconds"))
    row("the command, stripped", "kB", median("stripped.bytes") / 1000)
    end_table()
}

# 379.3 million multiply-adds an image forward; backward twice that, but for the first layer's input.
function resnet9(i, seconds) {
    if (median("resnet9-1.step") <= 0)
        return
    cells("ResNet-9, a step of 64 pictures 3x32x32|Fovea|PyTorch|ratio|of the peak")
    for (i = 1; i <= 2; i++) {
        seconds = median("resnet9-" i ".step")
        row("training step, " i " thread" (i > 1 ? "s" : ""), "s", seconds,
            median("pytorch-resnet9-" i ".step"),
            64 * 6 * 0.3793 / seconds / (i * (median("peak." about["kernels"]) ? \
                median("peak." about["kernels"]) : median("peak.plain"))))
    }
    end_table()
    if (!json)
        print "The share of the peak counts the multiply-adds of the direct way; 3 x 3 convolutions do\n" \
              "with fewer, so more than 100 % is possible.\n"
}

function rate(what, name, images, theirs) {
    theirs = median("pytorch-" name)
    row(what, "images/s", images / median("fovea-" name), theirs ? images / theirs : 0)
}

function convolutions(i, n, part, shape, last, line, k) {
    cells("GFLOP/s, 1 thread, Fovea / oneDNN|forward|input gradient|weight gradient")
    for (i = 1; i <= convs; i++) {
        n = split(conv[i], part, " ")
        if (part[2] == "mean") {
            mean = part[3]
            least = part[5]
            continue
        }
        shape = part[2]
        for (k = 3; k <= n - 4; k++)
            shape = shape " " part[k]
        if (json)
            object(shape " " part[n - 3], "GFLOP/s", "fovea", part[n - 2], "onednn",
                   part[n - 1] + 0, part[n])
        line = (shape == last ? line : shape) "|" part[n - 2]
        if (part[n] > 0)
            line = line " / " part[n - 1] " = " part[n]
        last = shape
        if (part[n - 3] == "weight")
            cells(line)
    }
    end_table()
    if (mean && !json)
        print "Of the ratios the geometric mean is " mean ", the least " least ".\n" \
              "oneDNN has its own blocked layouts; changing into them is not counted. Fovea's memory has\n" \
              "large pages where the system gives them, as in training."
}

END {
    if (json)
        printf "{\"machine\":{"
    else
        print "# How fast\n\n" \
              "Written by `make bench`: programs in turns, medians. For the epoch PyTorch has\n" \
              "its pixels normalised in memory; as a whole program it is the tutorial\047s script.\n"
    machine()
    if (json)
        printf "},\"rows\":["
    peaks()
    lenet()
    resnet9()
    convolutions()
    if (json)
        print "]" (mean ? ",\"onednn_mean_ratio\":" mean ",\"onednn_least_ratio\":" least : "") "}"
}
