#!/usr/bin/env bash
# Installs the programs that the tests and the demo need, if they are missing, from Debian's own packages.
# It names them before it installs them, does nothing if none is missing, and starts no system service.
set -euo pipefail

# command:package
needed=(redis-server:redis-server redis-sentinel:redis-sentinel redis-cli:redis-tools cc:gcc)

missing=()
for entry in "${needed[@]}"; do
    command -v "${entry%%:*}" >/dev/null 2>&1 || missing+=("${entry##*:}")
done
if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi
# The compiler needs the headers of the C library.
case " ${missing[*]} " in *" gcc "*) missing+=(libc6-dev) ;; esac

if ! command -v apt-get >/dev/null 2>&1; then
    echo "install-deps: please install ${missing[*]}: this is not Debian, so the names may differ here" >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || { echo "install-deps: need root or sudo to install ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
fi

# Debian starts a service that it installs, on the usual port, and at every boot from then on. The tests and the
# demo start their own servers, so under systemd the new units are masked during the installation and disabled afterwards.
units=()
if [ -d /run/systemd/system ]; then
    for package in "${missing[@]}"; do
        case $package in redis-server | redis-sentinel) units+=("$package.service") ;; esac
    done
fi
unmask() {
    "${as_root[@]}" systemctl unmask --runtime --quiet "${units[@]}"
}

echo "install-deps: installing from Debian: ${missing[*]}"
if [ ${#units[@]} -gt 0 ]; then
    trap unmask EXIT
    "${as_root[@]}" systemctl mask --runtime --quiet "${units[@]}"
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
if [ ${#units[@]} -gt 0 ]; then
    trap - EXIT
    unmask
    "${as_root[@]}" systemctl disable --quiet "${units[@]}"
    echo "install-deps: installed but neither started nor enabled: ${units[*]}"
fi
