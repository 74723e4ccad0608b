#!/bin/sh
# Writes docs/layers.md from include/fovea.h: what each layer, loss, optimizer and schedule computes,
# its arguments, and what PyTorch calls it.
#   sh scripts/layers.sh > docs/layers.md       (a test holds that it is up to date)
cd "$(dirname "$0")/.." || exit 1
awk '
function trim(s) { gsub(/^[ \t]+|[ \t]+$/, "", s); return s }

# What PyTorch calls the function: the names in its part of the comment, which begins where a line
# begins with it; or in all of it.
function torch_of(name,    n, lines, i, here, any, found, part, whole) {
    n = split(text, lines, "\n")
    part = ""
    for (i = 1; i <= n; i++) {
        if (trim(lines[i]) ~ /^fv_[a-z0-9_]+\(/)
            here = index(trim(lines[i]), name "(") == 1
        if (here)
            part = part " " lines[i]
    }
    found = names_in(part)
    return found != "" ? found : names_in(text)
}

function names_in(s,    out) {
    out = ""
    gsub(/safetensors\.torch/, "safetensors", s)
    while (match(s, /torch(vision)?\.[A-Za-z_.0-9]+[A-Za-z0-9_]/)) {
        out = out (out == "" ? "" : ", ") "`" substr(s, RSTART, RLENGTH) "`"
        s = substr(s, RSTART + RLENGTH)
    }
    return out
}

# A group of functions with one comment is over: all are listed; those that name PyTorch or a paper
# are described one by one as well.
function end_group(    n, list, i, torch, title) {
    n = split(functions, list, " ")
    if (n > 0) {
        title = ""
        for (i = 1; i <= n; i++) {
            torch = torch_of(list[i])
            title = title (i > 1 ? ", " : "") list[i]
            table[section] = table[section] "| `" list[i] "` | " (torch == "" ? "-" : torch) " |\n"
        }
        if (!(section in listed)) {
            listed[section] = 1
            order[++sections] = section
        }
        if (text ~ /torch(vision)?\.|arXiv/)
            body[section] = body[section] "### " title "\n\n```c\n" (fields == "" ? "" : fields "\n") text "\n```\n\n"
    }
    if (n > 0)
        fields = ""
    functions = text = ""
}

function add_function(name) {
    if (name !~ /_opt$/ && index(" " functions " ", " " name " ") == 0)
        functions = functions " " name
}

/^$/ { end_group() }
/^#define fv_[a-z0-9_]+\(\.\.\.\)/ { name = $2; sub(/\(.*/, "", name); add_function(name) }
/^FV_API .*fv_[a-z0-9_]+\(/ {
    match($0, /fv_[a-z0-9_]+\(/)
    add_function(substr($0, RSTART, RLENGTH - 1))
}
/^\/\* [0-9]+  / { section = trim($0); sub(/^\/\* [0-9]+ +/, "", section); sub(/ +\*\/$/, "", section); next }
/^typedef struct fv_[a-z0-9_]+_args \{/ { in_struct = 1; fields = ""; next }
in_struct && /^\} / { in_struct = 0; next }
in_struct && /int _end;/ { next }
in_struct { line = $0; sub(/^    /, "", line); fields = fields line "\n"; next }
/^\/\* / && !in_comment { in_comment = 1; text = ""; line = $0; sub(/^\/\* /, "", line) }
in_comment {
    if (text != "" || line == "") { line = $0; sub(/^   /, "", line) }
    ending = line ~ /\*\/$/
    sub(/ *\*\/$/, "", line)
    text = text (text == "" ? "" : "\n") line
    if (ending)
        in_comment = 0
}
END {
    print "# Fovea and PyTorch, name by name"
    print ""
    print "Written by `scripts/layers.sh` from `include/fovea.h`, the manual. The text form of a network takes"
    print "the names without `fv_` and the fields below as `name=value`: `conv2d 6 5 padding=2 name=C1`."
    print ""
    for (i = 1; i <= sections; i++) {
        print "## " order[i] "\n"
        print "| Fovea | PyTorch |\n|---|---|"
        print table[order[i]]
    }
    for (i = 1; i <= sections; i++)
        printf "## %s, one by one\n\n%s", order[i], body[order[i]]
}' include/fovea.h
