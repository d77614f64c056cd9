#!/usr/bin/env bash
# Gets the tests of redis-py from its source distribution on PyPI into target/client-suites, with a Python environment that has
# what they need, and writes the paths to target/client-suites/env. Without Python or the network the script says so and
# succeeds: the tests then say that they are SKIPPED. (The libraries of docs/clients.md are those of install-clients.sh.)
set -euo pipefail
cd "$(dirname "$0")/.."

library=redis==8.1.0
tools=(pytest==9.2.0 pytest-asyncio==1.5.0 pytest-timeout==2.4.0 redis-entraid==1.2.2 xxhash==3.6.0 "$library")

dir=$PWD/target/client-suites
source=$dir/${library/==/-}
python=$dir/python
mkdir -p "$dir"
: >"$dir/env"

left_out() {
    echo "install-client-suites: LEFT OUT: $*" >&2
    exit 0
}

# Prints the last line of a log, which has the reason of a failure.
last_of() {
    grep -v '^[[:space:]]*$' "$1" 2>/dev/null | tail -n 1
}

pip() {
    "$python/bin/python" -m pip --disable-pip-version-check --quiet --retries 1 --timeout 20 "$@" >>"$dir/pip.log" 2>&1
}

install_tools() {
    [ "$(cat "$python/installed" 2>/dev/null)" = "${tools[*]}" ] && return
    command -v python3 >/dev/null 2>&1 || left_out "redis-py's tests: there is no python3"
    echo "install-client-suites: installing from PyPI into target/client-suites/python: ${tools[*]}"
    : >"$dir/pip.log"
    rm -rf "$python"
    python3 -m venv "$python" >>"$dir/pip.log" 2>&1 || left_out "redis-py's tests: $(last_of "$dir/pip.log")"
    pip install "${tools[@]}" || left_out "redis-py's tests: $(last_of "$dir/pip.log")"
    echo "${tools[*]}" >"$python/installed"
}

get_source() {
    [ -e "$source/tests/conftest.py" ] && return
    echo "install-client-suites: getting the source distribution of $library from PyPI into target/client-suites"
    pip download --no-deps --no-binary :all: --dest "$dir" "$library" ||
        left_out "redis-py's tests: $(last_of "$dir/pip.log")"
    rm -rf "$source"
    tar -xzf "$source.tar.gz" -C "$dir" || left_out "redis-py's tests: $source.tar.gz cannot be unpacked"
}

install_tools
get_source
{
    echo ": \"\${TIDEOVER_REDIS_PY:=$source}\""
    echo ": \"\${TIDEOVER_REDIS_PY_PYTHON:=$python/bin/python}\""
} >>"$dir/env"
