#!/bin/sh
# Make a virtual environment with pinned packages: environment.sh PYTHON FOLDER REQUIREMENTS
# On Debian, `python3 -m venv` needs the package python3-venv: it is installed where that is
# allowed, and asked for where it is not.
set -eu
python=$1 folder=$2 requirements=$3

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "edgetally needs Python 3.11 or newer; say which: make PYTHON=python3.13" >&2
    exit 1
}
"$python" -c 'import ensurepip' 2>/dev/null || {
    as_root=""
    [ "$(id -u)" = 0 ] || as_root="sudo -n"
    version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
    { command -v apt-get >/dev/null && $as_root apt-get update -qq &&
        $as_root apt-get install -y -qq "$version-venv" >/dev/null; } || {
        echo "this Python has no venv; install it: apt-get install $version-venv" >&2
        exit 1
    }
}
echo "installing $requirements into $folder" >&2
"$python" -m venv --clear "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$requirements"
