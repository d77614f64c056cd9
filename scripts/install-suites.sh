#!/usr/bin/env bash
# Gets Redis' own test suite from Debian's source package, in the version of the installed redis-server, into target/suites,
# and writes its path to target/suites/env. Installs tcl, which runs the suite, if it is missing, and starts nothing.
# Without Debian, its sources or the network the script says so and succeeds: the tests then say that they are SKIPPED.
set -euo pipefail
cd "$(dirname "$0")/.."

dir=$PWD/target/suites
mkdir -p "$dir"
: >"$dir/env"

left_out() {
    echo "install-suites: LEFT OUT: $*" >&2
    exit 0
}

# Prints the last line of a log, which has the reason of a failure.
last_of() {
    grep -v '^[[:space:]]*$' "$1" 2>/dev/null | tail -n 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

install_tcl() {
    has tclsh && return
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        has sudo || left_out "tcl: neither root nor sudo"
        as_root=(sudo)
    fi
    echo "install-suites: installing from Debian: tcl"
    {
        "${as_root[@]}" apt-get update -qq &&
            "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends tcl </dev/null
    } >"$dir/apt.log" 2>&1 || left_out "tcl: $(last_of "$dir/apt.log")"
}

# Runs apt with lists of its own, so that those of the machine stay as they are and root is not needed.
own_apt() {
    apt-get -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$dir/apt/parts" -o Dir::State::Lists="$dir/apt/lists" \
        -o Dir::Cache="$dir/apt/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}

# Names the source packages of the mirror from which apt gets its packages.
name_sources() {
    local mirror suite
    mkdir -p "$dir/apt/parts" "$dir/apt/lists/partial" "$dir/apt/cache"
    suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
        awk -v suite="$suite" '$2 == suite && $3 == "main" { print $1; exit }')
    [ -n "$mirror" ] || return 1
    printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$mirror" "$suite" \
        /usr/share/keyrings/debian-archive-keyring.gpg >"$dir/apt/parts/redis.sources"
}

get_source() {
    has apt-get || left_out "Redis' test suite: this is not Debian"
    echo "install-suites: getting Redis' source package from Debian into target/suites"
    name_sources || left_out "Redis' test suite: apt names no mirror of Debian"
    { own_apt update && (cd "$dir" && own_apt source --download-only redis); } >"$dir/apt.log" 2>&1 ||
        left_out "Redis' test suite: $(last_of "$dir/apt.log")"
    rm -rf "$dir/redis-$version"
    tar -xzf "$dir/redis_$version.orig.tar.gz" -C "$dir" 2>"$dir/apt.log" ||
        left_out "Redis' test suite: Debian's source is not that of redis-server $version"
}

install_tcl
version=$(redis-server --version | sed -n 's/.* v=\([0-9.]*\) .*/\1/p')
suite=$dir/redis-$version
[ -e "$suite/tests/test_helper.tcl" ] || get_source
echo ": \"\${TIDEOVER_SUITE:=$suite}\"" >>"$dir/env"
