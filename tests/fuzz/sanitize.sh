#!/bin/sh
# Feed the kernel damaged lines under AddressSanitizer and UBSan: sanitize.sh PYTHON SECONDS
# As it is, as other processors run it, and with limits so small that each is come to.
set -eu
python=$1 seconds=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

sed 's/-O3/-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all/; s/ -s / /' \
    requirements/kernel.sh >"$folder/kernel.sh"
for variant in USUAL PORTABLE TINY; do
    sed "s/set -- /set -- -D$variant /" "$folder/kernel.sh" >"$folder/$variant.sh"
    sh "$folder/$variant.sh" "$folder/$variant.so"
done
# Python itself is not instrumented: the sanitizers are loaded before it, and look for no leaks of it.
LD_PRELOAD="$(cc -print-file-name=libasan.so) $(cc -print-file-name=libubsan.so)" \
    ASAN_OPTIONS=detect_leaks=0 "$python" -m tests.fuzz.sanitized "$seconds" "$folder"/*.so
