#!/bin/sh
# Fill the folder of a Lambda function: package.sh REQUIREMENTS FOLDER
# ARCHITECTURE is arm64 (the default), x86_64, or local: wheels for this machine's Python, for the
# embedded AWS of `make demo`.
set -eu
requirements=$1 folder=$2
architecture=${ARCHITECTURE:-arm64}
python=python3
[ ! -x .venv/bin/python ] || python=.venv/bin/python

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
# group-by and Parquet (libarrow_substrait and libarrow_dataset are needed by those).
rm -rf "$folder/bin" "$folder"/pyarrow/tests "$folder"/pyarrow/include "$folder"/pyarrow/src \
    "$folder"/numpy/tests "$folder"/numpy/*/tests "$folder"/numpy/f2py "$folder"/numpy/_core/include \
    "$folder"/numpy/random/_examples "$folder"/numpy/random/lib "$folder"/numpy/_core/lib
rm -f "$folder"/pyarrow/libarrow_flight* "$folder"/pyarrow/_flight* "$folder"/pyarrow/_s3fs* \
    "$folder"/pyarrow/*.pyx "$folder"/pyarrow/*.pxd "$folder"/pyarrow/*.pxi
cp -R handlers pipeline "$folder"
rm -rf "$folder/pipeline/cli" "$folder/pipeline/delivery" "$folder/pipeline/__main__.py"
find "$folder" -name __pycache__ -type d -prune -exec rm -rf {} +
