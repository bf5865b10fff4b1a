#!/bin/sh
# Build the kernel that counts plain lines: kernel.sh FILE [ARCHITECTURE]
# For this machine by its C compiler; for another ARCHITECTURE (arm64, x86_64) by ziglang's, in an
# environment of its own that is made only then. Without a compiler nothing is built: lines are
# counted all the same, at a third of the speed.
set -eu
file=$1 machine=$(uname -m)
case ${2:-local} in
    local) target=$machine ;;
    arm64) target=aarch64 ;;
    *) target=$2 ;;
esac
set -- -std=c11 -D_POSIX_C_SOURCE=200809L -ffp-contract=off -O3 -Wall -Wextra -Werror \
    -shared -s -fPIC -fvisibility=hidden pipeline/tally/native/kernel.c -o "$file.new"

if [ "$target" = "$machine" ]; then
    command -v cc >/dev/null || {
        echo "no C compiler here (cc): lines are counted without the kernel, at a third of the speed" >&2
        exit 0
    }
    cc "$@"
else
    zig=.zig/bin/python
    [ -x "$zig" ] || sh requirements/environment.sh "${PYTHON:-python3}" .zig requirements/zig.txt
    "$zig" -m ziglang cc -target "$target-linux-gnu.2.17" "$@"
fi
mv "$file.new" "$file" # at once: a process that has loaded the old one keeps it
