#!/usr/bin/env bash
# Installs the programs that tests/programs and tests/socketio.rs run through the proxy, and writes their paths to
# target/programs/env. Those of Python and Node go into target/programs, apart from the machine's own; Sidekiq and phpredis
# come from Debian, in packages without a service. The script names what it installs before it does so, and does nothing if
# nothing is missing. A program that is not available is LEFT OUT, and the script still succeeds: its tests then say so.
set -euo pipefail
cd "$(dirname "$0")/.."

python=(rq==3.0.0 'celery[redis]==5.7.0' kombu==5.7.0 redis==8.1.0 django==5.2.9 django-redis==7.0.0)
node=(
    bullmq@6.7.0 ioredis@6.0.0 redis@6.3.1
    socket.io@4.8.4 socket.io-client@4.8.4 @socket.io/redis-adapter@8.3.0 @socket.io/redis-streams-adapter@0.3.1
    @socket.io/redis-emitter@5.1.0
)

# Another Sidekiq on the search path may belong to another Ruby.
sidekiq=/usr/bin/sidekiq

dir=$PWD/target/programs
mkdir -p "$dir"
: >"$dir/env"

left_out() {
    echo "install-programs: LEFT OUT: $*" >&2
}

# write_env VARIABLE PATH: a variable that the caller has set takes precedence.
write_env() {
    echo ": \"\${$1:=$2}\"" >>"$dir/env"
}

# Prints the last line of a log, which has the reason of a failure.
last_of() {
    grep -v -e '^[[:space:]]*$' -e 'complete log' "$1" 2>/dev/null | tail -n 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

has_phpredis() {
    php -r 'exit(extension_loaded("redis") ? 0 : 1);' >/dev/null 2>&1
}

# Installs packages as root or with sudo. The caller reports an error, such as a package that this Debian does not have.
apt_install() {
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        has sudo || { echo "neither root nor sudo" >"$dir/apt.log"; return 1; }
        as_root=(sudo)
    fi
    has apt-get || { echo "this is not Debian" >"$dir/apt.log"; return 1; }
    echo "install-programs: installing from Debian: $*"
    {
        "${as_root[@]}" apt-get update -qq &&
            "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
                apt-get install -y -qq --no-install-recommends "$@" </dev/null
    } >"$dir/apt.log" 2>&1
}

install_debian() {
    local missing=()
    [ -x "$sidekiq" ] || missing+=(ruby-sidekiq)
    has_phpredis || missing+=(php-cli php-redis)
    # Debian's python3 needs this package to make a virtual environment.
    if has python3 && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then missing+=(python3-venv); fi
    if [ ${#missing[@]} -gt 0 ] && ! apt_install "${missing[@]}"; then
        left_out "${missing[*]}: $(last_of "$dir/apt.log")"
    fi
    if [ -x "$sidekiq" ]; then write_env TIDEOVER_SIDEKIQ "$sidekiq"; fi
    if has_phpredis; then write_env TIDEOVER_PHP "$(command -v php)"; fi
}

# installed PLACE WANTED...: succeeds if exactly this is installed.
installed() {
    [ "$(cat "$1/installed" 2>/dev/null)" = "${*:2}" ]
}

install_python() {
    local place=$dir/python
    if ! installed "$place" "${python[@]}"; then
        has python3 || { left_out "${python[*]}: there is no python3"; return; }
        echo "install-programs: installing from PyPI into target/programs/python: ${python[*]}"
        rm -rf "$place"
        {
            python3 -m venv "$place" &&
                "$place/bin/pip" install --quiet --disable-pip-version-check --retries 1 --timeout 20 "${python[@]}"
        } >"$dir/pip.log" 2>&1 || { left_out "${python[*]}: $(last_of "$dir/pip.log")"; return; }
        echo "${python[*]}" >"$place/installed"
    fi
    write_env TIDEOVER_PYTHON "$place/bin/python"
}

install_node() {
    local place=$dir/node
    if ! installed "$place" "${node[@]}"; then
        { has npm && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null; } ||
            { left_out "${node[*]}: there is no node 20 with npm"; return; }
        echo "install-programs: installing from npm into target/programs/node: ${node[*]}"
        rm -rf "$place" && mkdir -p "$place"
        npm install --prefix "$place" --no-save --ignore-scripts --no-audit --no-fund --loglevel error \
            --fetch-retries 1 --fetch-timeout 20000 "${node[@]}" </dev/null >"$dir/npm.log" 2>&1 ||
            { left_out "${node[*]}: $(last_of "$dir/npm.log")"; return; }
        echo "${node[*]}" >"$place/installed"
    fi
    write_env TIDEOVER_NODE "$(command -v node)"
    write_env TIDEOVER_NODE_MODULES "$place/node_modules"
}

install_debian
install_python
install_node
