#!/usr/bin/env bash
# Fetches the client libraries of tests/clients, in pinned versions, into target/clients: from PyPI, npm and crates.io.
# Of Debian's packages it uses those that are installed, and names the missing ones. A library that cannot be fetched or
# built here is LEFT OUT: the tables then have no rows for it.
set -uo pipefail
cd "$(dirname "$0")/.."

dir=$PWD/target/clients
mkdir -p "$dir"

left_out() {
    echo "install-clients: LEFT OUT: $1" >&2
}

# python NAME REQUIREMENT...   one set of packages, in its own environment
python() {
    local name=$1 home=$dir/python-$1
    shift
    if [ "$(cat "$home/.pinned" 2>/dev/null)" = "$*" ]; then return; fi
    echo "install-clients: fetching $* from PyPI"
    rm -rf "$home"
    if python3 -m venv "$home" >"$dir/python.log" 2>&1 && "$home/bin/pip" install --quiet --disable-pip-version-check \
        --retries 1 --timeout 30 "$@" >>"$dir/python.log" 2>&1; then
        echo "$*" >"$home/.pinned"
    else
        left_out "$*: $(tail -n 1 "$dir/python.log")"
    fi
}

# node NAME PACKAGE...
node() {
    local name=$1 home=$dir/node-$1
    shift
    if [ "$(cat "$home/.pinned" 2>/dev/null)" = "$*" ]; then return; fi
    echo "install-clients: fetching $* from npm"
    rm -rf "$home"
    mkdir -p "$home"
    echo '{"private": true}' >"$home/package.json"
    if (cd "$home" && npm install --no-audit --no-fund --ignore-scripts --silent "$@") >"$dir/node.log" 2>&1; then
        echo "$*" >"$home/.pinned"
    else
        left_out "$*: $(tail -n 1 "$dir/node.log")"
    fi
}

# debian COMMAND-THAT-TELLS PACKAGE
debian() {
    eval "$1" >/dev/null 2>&1 || left_out "$2: install Debian's package"
}

python 8 redis==8.1.0 rq==3.0.0 celery==5.7.0 django-redis==7.0.0 django==5.2.9 packaging==25.0
python 7 redis==7.4.1
python 6 redis==6.4.0
python 5 redis==5.0.8
python 4 redis==4.6.0
python glide valkey-glide==2.6.0
node 6 ioredis@6.0.0 redis@6.3.1
node 5 ioredis@5.8.2 redis@5.10.0
node 4 redis@4.7.1
node frameworks bullmq@6.7.0 socket.io@4.8.4 socket.io-client@4.8.4 @socket.io/redis-adapter@8.3.0 ioredis@5.8.2 redis@5.10.0

debian "php -m | grep -qx redis" php-redis
debian "php -r 'exit(stream_resolve_include_path(\"Predis/Autoloader.php\") ? 0 : 1);'" php-predis
debian "ruby -e 'require \"redis\"'" ruby-redis
debian "ruby -e 'require \"sidekiq\"'" ruby-sidekiq

if command -v cargo >/dev/null 2>&1; then
    echo "install-clients: building the Rust driver"
    nice -n 15 cargo build --quiet --locked --jobs 1 --manifest-path tests/clients/rust/Cargo.toml \
        --target-dir "$dir/rust" >"$dir/rust.log" 2>&1 || left_out "redis-rs and fred: $(grep -m 1 '^error' "$dir/rust.log")"
else
    left_out "redis-rs and fred: no cargo"
fi
exit 0
