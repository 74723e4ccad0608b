#!/bin/sh
# Writes docs/layers.md from include/fovea.h: what each layer, loss, optimizer and schedule computes,
# its arguments, and what PyTorch calls it.
#   sh scripts/layers.sh > docs/layers.md       (a test holds that it is up to date)
cd "$(dirname "$0")/.." || exit 1
awk '
function trim(s) { gsub(/^[ \t]+|[ \t]+$/, "", s); return s }

# The comment is over: an entry if its first word is a function and it names PyTorch, a paper or a
# package of its own.
function end_comment(    name, torch, rest) {
    if (text !~ /^fv_[a-z0-9_]+\(/ || text !~ /torch(vision)?\.|arXiv/)
        return
    name = text
    sub(/\(.*/, "", name)
    torch = ""
    rest = text
    while (match(rest, /torch(vision)?\.[A-Za-z_.0-9]+[A-Za-z0-9]/)) {
        torch = torch (torch == "" ? "" : ", ") "`" substr(rest, RSTART, RLENGTH) "`"
        rest = substr(rest, RSTART + RLENGTH)
    }
    if (torch == "")
        torch = "-"
    if (!(section in listed)) {
        listed[section] = 1
        order[++sections] = section
    }
    table[section] = table[section] "| [`" name "`](#" name ") | " torch " |\n"
    body[section] = body[section] "### " name "\n\n```c\n" (fields == "" ? "" : fields "\n") text "\n```\n\n"
    fields = ""
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
    if (ending) { in_comment = 0; end_comment() }
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
