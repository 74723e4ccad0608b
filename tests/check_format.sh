#!/bin/sh
# Whether all sources are laid out as .clang-format says. Another version of clang-format than 14
# would lay some out otherwise, so only that one decides; skipped where it is not installed.
# Usage: check_format.sh SOURCE_DIR [apply]
cd "$1" || exit 1
for tool in clang-format-14 clang-format; do
    case $($tool --version 2>/dev/null) in *"version 14."*) break ;; esac
    tool=
done
if [ -z "$tool" ]; then
    echo "clang-format 14 is not installed (Debian: clang-format-14)"
    exit 77
fi
# examples/ are laid out by hand, for those who read them line by line
files=$(find src cli include tests bench -name '*.[ch]')
if [ "${2:-}" = apply ]; then
    $tool -i $files
    exit
fi
if ! $tool --dry-run --Werror $files 2>/dev/null; then
    $tool --dry-run --Werror $files 2>&1 | grep error: | head -20
    echo "not laid out as .clang-format says: make format"
    exit 1
fi
echo "$(echo "$files" | wc -l) files are laid out as .clang-format says"
