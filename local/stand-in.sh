#!/bin/sh
# Make a stand-in for AWS's image of the functions' runtime where it cannot be pulled: Debian 13 has
# the same Python, and AWS's own client of the runtime is a package. Needs root and debootstrap.
#     stand-in.sh FOLDER
set -eu
folder=$1
image=public.ecr.aws/lambda/python:3.13-x86_64
docker image inspect "$image" >/dev/null 2>&1 && exit 0

debootstrap --variant=minbase --include=python3,ca-certificates trixie "$folder" >"$folder.log" || {
    tail -n 20 "$folder.log" >&2
    exit 1
}
mkdir -p "$folder/var/runtime" "$folder/var/task"
python3 -m venv "$folder.pip"
"$folder.pip/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --python-version 3.13 --implementation cp --platform manylinux_2_28_x86_64 \
    --platform manylinux2014_x86_64 --target "$folder/var/runtime" -r requirements/stand-in.txt
printf '#!/bin/sh\nexec /usr/bin/python3 -m awslambdaric "${_HANDLER:-$1}"\n' >"$folder/var/runtime/bootstrap"
printf '#!/bin/sh\nexec /var/runtime/bootstrap "$@"\n' >"$folder/lambda-entrypoint.sh"
chmod +x "$folder/var/runtime/bootstrap" "$folder/lambda-entrypoint.sh"
tar -C "$folder" -c --exclude=./proc --exclude=./sys --exclude=./var/cache . | docker import \
    --change 'ENV PYTHONPATH=/var/task:/var/runtime LAMBDA_TASK_ROOT=/var/task' \
    --change 'ENV LAMBDA_RUNTIME_DIR=/var/runtime PATH=/usr/local/bin:/usr/bin:/bin' \
    --change 'WORKDIR /var/task' --change 'ENTRYPOINT ["/lambda-entrypoint.sh"]' - "$image" >/dev/null
