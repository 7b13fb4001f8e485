#!/bin/sh
# Resolve pyproject.toml into the four locked, hashed requirement files. Needs uv.
#   requirements/compile.sh             add what is new, keep every other pin
#   requirements/compile.sh --upgrade   take the newest of everything
set -eu
cd "$(dirname "$0")/.."
# With extras: an older pip asks for a package of its own by such a name.
options="--no-strip-extras --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet"
# dev holds everything; the smaller files are cut from its pins, so that all four always agree.
uv pip compile pyproject.toml $options "$@" --extra embedded --extra bench --extra dev -o requirements/dev.txt
uv pip compile pyproject.toml $options -c requirements/dev.txt --extra embedded --extra bench -o requirements/bench.txt
uv pip compile pyproject.toml $options -c requirements/dev.txt --extra embedded -o requirements/local.txt
uv pip compile pyproject.toml $options -c requirements/dev.txt -o requirements/runtime.txt
