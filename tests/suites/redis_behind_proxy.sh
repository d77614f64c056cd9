#!/usr/bin/env bash
# Stands in for redis-server in the tests of redis-rs, which start servers of their own: starts one at another port, and becomes the
# proxy (TIDEOVER_PROXY) at the port that was asked for. A server without a TCP port is just started.
set -euo pipefail

args=("$@")
port=0 host=127.0.0.1
for ((at = 0; at < ${#args[@]}; at++)); do
    case ${args[at]} in
    --port) port=${args[at + 1]} place=$((at + 1)) ;;
    --bind) host=${args[at + 1]} ;;
    esac
done
[ "$port" != 0 ] || exec redis-server "$@"

# Succeeds if somebody listens there.
taken() {
    (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

inner=$((RANDOM % 20000 + 10000))
while taken "$inner"; do inner=$((RANDOM % 20000 + 10000)); done
args[place]=$inner

# The server ends with the proxy, which the tests kill.
setpriv --pdeathsig KILL redis-server "${args[@]}" &
exec "$TIDEOVER_PROXY" run --backend "redis://127.0.0.1:$inner" --listen "$host:$port" --admin off --workers 2 --log off --set clients.debug=allow
