#!/bin/sh
# Fill the folder of a Lambda function: package.sh REQUIREMENTS FOLDER
# ARCHITECTURE is arm64 (the default), x86_64, or local: wheels for this machine's Python, for the
# embedded AWS of `make demo`.
set -eu
requirements=$1 folder=$2
architecture=${ARCHITECTURE:-arm64}
python=python3
[ ! -x .venv/bin/python ] || python=$PWD/.venv/bin/python

case $architecture in
    arm64) machine=aarch64 ;;
    x86_64 | local) machine=x86_64 ;;
    *) echo "ARCHITECTURE is arm64, x86_64 or local, not $architecture" >&2; exit 1 ;;
esac
set -- --quiet --disable-pip-version-check --no-deps --no-compile --target "$folder" -r "$requirements"
if [ "$architecture" != local ]; then
    set -- "$@" --only-binary=:all: --implementation cp --python-version 3.13 \
        --platform "manylinux_2_34_$machine" --platform "manylinux_2_28_$machine" \
        --platform "manylinux_2_27_$machine" --platform "manylinux_2_17_$machine" \
        --platform "manylinux2014_$machine"
fi
"$python" -m pip install "$@"

# Only what the functions run: no console scripts, no tests, and of Arrow only CSV, compute,
# group-by and Parquet (libarrow_substrait and libarrow_dataset are needed by those). Arrow's Python
# library is there under three names, and is loaded by one.
rm -rf "$folder/bin" "$folder"/pyarrow/tests "$folder"/pyarrow/include "$folder"/pyarrow/includes \
    "$folder"/pyarrow/src "$folder"/numpy/tests "$folder"/numpy/*/tests "$folder"/numpy/f2py \
    "$folder"/numpy/_core/include "$folder"/numpy/random/_examples "$folder"/numpy/random/lib \
    "$folder"/numpy/_core/lib
rm -f "$folder"/pyarrow/libarrow_*flight* "$folder"/pyarrow/_flight* "$folder"/pyarrow/flight.py \
    "$folder"/pyarrow/libarrow_s3* \
    "$folder"/pyarrow/_s3fs* "$folder"/pyarrow/_pyarrow_cpp_tests* "$folder"/pyarrow/*.pyx \
    "$folder"/pyarrow/*.pxd "$folder"/pyarrow/*.pxi "$folder"/pyarrow/libarrow_python*.so \
    "$folder"/pyarrow/libarrow_python*.so.*.*
cp -R handlers pipeline "$folder"
native=$folder/pipeline/tally/native
rm -f "$native/libkernel.so" "$native/kernel.c" "$native/README.md" # another machine's, and sources
[ "$requirements" != requirements/ingest.txt ] ||
    sh requirements/kernel.sh "$native/libkernel.so" "$architecture" ||
    echo "without the kernel the function counts at a third of the speed (the reason is above)" >&2
rm -rf "$folder/pipeline/cli" "$folder/pipeline/delivery" "$folder/pipeline/__main__.py"
# The page's templates become code here, not at each start.
[ ! -d "$folder/jinja2" ] || (cd "$folder" && "$python" -m pipeline.page.jinja)
find "$folder" -name __pycache__ -type d -prune -exec rm -rf {} +

# Lambda can write no bytecode: without this each start of a function compiles all that it imports.
# Nobody changes a file of a package, so the interpreter need not check whether one is newer.
runtime() { # runtime PYTHON: whether it is the functions' Python
    "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null
}
compiler=
[ "$architecture" != local ] || compiler=$python
for found in "${PYTHON313:-python3.13}" "$python" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13.*/bin/python; do
    [ -n "$compiler" ] || ! runtime "$found" || compiler=$found
done
if [ -n "$compiler" ]; then
    "$compiler" -m compileall -qq -s "$folder" --invalidation-mode unchecked-hash "$folder"
else
    echo "no Python 3.13 here (PYTHON313 names it): without bytecode, cold starts take twice as long" >&2
fi

# Lambda refuses more than 250 MB, and says so only when everything was uploaded.
size=$(du -sm "$folder" | cut -f1)
[ "$size" -le 240 ] || {
    echo "$folder has $size MB, and Lambda takes 250: leave out what $requirements does not need" >&2
    exit 1
}
