#!/usr/bin/env bash
# Gets the tests of client libraries into target/client-suites, and writes their paths to target/client-suites/env: those of redis-py
# from its source distribution on PyPI, with a Python environment that has what they need, those of redis-rs from its crate, the
# examples of fred, whose crate has no tests, from its own, and those of hiredis from the sources of Redis that install-suites.sh has
# got, compiled with libevent, which is installed from Debian if it is missing.
# What is not available is LEFT OUT, and the script still succeeds: its tests then say that they are SKIPPED. (The libraries of
# docs/clients.md are those of install-clients.sh.)
set -euo pipefail
cd "$(dirname "$0")/.."

library=redis==8.1.0
crate=1.8.1
helpers=1.0.4
fred=10.1.0
tools=(pytest==9.2.0 pytest-asyncio==1.5.0 pytest-timeout==2.4.0 redis-entraid==1.2.2 xxhash==3.6.0 "$library")

dir=$PWD/target/client-suites
source=$dir/${library/==/-}
rust=$dir/redis-rs-$crate
examples=$dir/fred-$fred
hiredis=$dir/hiredis
python=$dir/python
mkdir -p "$dir"
: >"$dir/env"

left_out() {
    echo "install-client-suites: LEFT OUT: $*" >&2
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
    command -v python3 >/dev/null 2>&1 || { left_out "redis-py's tests: there is no python3"; return 1; }
    echo "install-client-suites: installing from PyPI into target/client-suites/python: ${tools[*]}"
    : >"$dir/pip.log"
    rm -rf "$python"
    { python3 -m venv "$python" >>"$dir/pip.log" 2>&1 && pip install "${tools[@]}"; } ||
        { left_out "redis-py's tests: $(last_of "$dir/pip.log")"; return 1; }
    echo "${tools[*]}" >"$python/installed"
}

get_source() {
    [ -e "$source/tests/conftest.py" ] && return
    echo "install-client-suites: getting the source distribution of $library from PyPI into target/client-suites"
    rm -rf "$source"
    { pip download --no-deps --no-binary :all: --dest "$dir" "$library" && tar -xzf "$source.tar.gz" -C "$dir"; } ||
        { left_out "redis-py's tests: $(last_of "$dir/pip.log")"; return 1; }
}

# unpacked_crate NAME VERSION: prints its directory in the registry's cache.
unpacked_crate() {
    local asking=$dir/fetch-$1
    mkdir -p "$asking/src" && : >"$asking/src/lib.rs"
    printf '[package]\nname = "fetch"\nedition = "2024"\n[dependencies]\n%s = "=%s"\n[workspace]\n' "$@" >"$asking/Cargo.toml"
    cargo metadata --quiet --format-version 1 --manifest-path "$asking/Cargo.toml" 2>"$dir/cargo.log" |
        grep -o "\"manifest_path\":\"[^\"]*/$1-$2/Cargo.toml\"" | head -n 1 | sed 's/.*:"//; s/.Cargo.toml"$//'
}

# copy_of_crate NAME VERSION PLACE
copy_of_crate() {
    local unpacked
    echo "install-client-suites: getting the crate $1 $2 from crates.io into target/client-suites"
    unpacked=$(unpacked_crate "$1" "$2") || true
    [ -n "$unpacked" ] || { left_out "the tests of the crate $1: $(last_of "$dir/cargo.log")"; return 1; }
    rm -rf "$3"
    cp -r "$unpacked" "$3"
    rm -f "$3/Cargo.lock"
}

# The published manifest lacks the crate of helpers for the tests. criterion is for benchmarks alone, and rustls would compile a library
# of C that no test here needs.
get_crate() {
    [ -e "$rust/ready" ] && return
    copy_of_crate redis "$crate" "$rust" || return 1
    sed -i -e '/^\[dev-dependencies.criterion\]/,/^$/d' -e '/^\[dev-dependencies.rustls\]/a default-features = false' "$rust/Cargo.toml"
    printf '\n[dev-dependencies.redis-test]\nversion = "=%s"\n[patch.crates-io]\nredis = { path = "." }\n[workspace]\n' \
        "$helpers" >>"$rust/Cargo.toml"
    touch "$rust/ready"
}

# The examples connect to the address of the environment instead of port 6379, and do not wait for seconds. Without the frameworks that a
# few of them show, the others compile sooner.
get_examples() {
    [ -e "$examples/ready" ] && return
    copy_of_crate fred "$fred" "$examples" || return 1
    local config='Config::from_url(\&std::env::var("REDIS").unwrap()).unwrap()'
    sed -i -e "s/Builder::default_centralized()/Builder::from_config($config)/; s/Client::default()/Builder::from_config($config).build()?/" \
        -e "s/Config::default()/$config/; s/Duration::from_secs(1)/Duration::from_millis(50)/; /config.password = /d" "$examples"/examples/*.rs
    sed -i -e '/^\[dev-dependencies.actix-web\]/,/^$/d' -e '/^\[dev-dependencies.axum\]/,/^$/d' "$examples/Cargo.toml"
    printf '\n[workspace]\n' >>"$examples/Cargo.toml"
    touch "$examples/ready"
}

install_libevent() {
    [ -e /usr/include/event2/event.h ] && return
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 || { left_out "hiredis's tests: no libevent, and neither root nor sudo"; return 1; }
        as_root=(sudo)
    fi
    echo "install-client-suites: installing from Debian: libevent-dev"
    {
        "${as_root[@]}" apt-get update -qq &&
            "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libevent-dev </dev/null
    } >"$dir/apt.log" 2>&1 || { left_out "hiredis's tests: $(last_of "$dir/apt.log")"; return 1; }
}

compile_hiredis() {
    local sources=("$PWD"/target/suites/redis-*/deps/hiredis)
    [ -e "$hiredis/hiredis-test" ] && return
    [ -e "${sources[0]}/test.c" ] || { left_out "hiredis's tests: no sources of Redis: see scripts/install-suites.sh"; return 1; }
    install_libevent || return 1
    echo "install-client-suites: compiling the tests of hiredis into target/client-suites"
    rm -rf "$hiredis"
    cp -r "${sources[0]}" "$hiredis"
    make -C "$hiredis" TEST_ASYNC=1 hiredis-test >"$dir/hiredis.log" 2>&1 || { left_out "hiredis's tests: $(last_of "$dir/hiredis.log")"; return 1; }
}

if install_tools && get_source; then
    echo ": \"\${TIDEOVER_REDIS_PY:=$source}\"" >>"$dir/env"
    echo ": \"\${TIDEOVER_REDIS_PY_PYTHON:=$python/bin/python}\"" >>"$dir/env"
fi
if get_crate; then echo ": \"\${TIDEOVER_REDIS_RS:=$rust}\"" >>"$dir/env"; fi
if get_examples; then echo ": \"\${TIDEOVER_FRED:=$examples}\"" >>"$dir/env"; fi
if compile_hiredis; then echo ": \"\${TIDEOVER_HIREDIS_TEST:=$hiredis/hiredis-test}\"" >>"$dir/env"; fi
