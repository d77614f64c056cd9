#!/usr/bin/env python3
"""CPU of the proxy for each command, beside HAProxy in TCP mode, in front of the same redis-server.

Starts redis-server, haproxy (one thread) and tideover (one worker) on free loopback ports, sends the same load
through each in turn with redis-benchmark, and prints medians over the rounds. CPU is what the kernel counted for
the proxy's threads (/proc/PID/task/*/schedstat), so it can be compared within one run even on a busy machine;
throughput can not.

usage: benches/haproxy.py [--rounds N] [--tideover PATH] [--json]
"""

import argparse
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# name, clients, pipeline, commands, redis-benchmark arguments behind the common ones
CASES = [
    ("GET 64 B, pipeline 1, 50 clients", 50, 1, 60_000, ["GET", "key:64"]),
    ("GET 64 B, pipeline 32, 50 clients", 50, 32, 1_000_000, ["GET", "key:64"]),
    ("SET 1 KiB, pipeline 1, 50 clients", 50, 1, 60_000, ["SET", "key:1024", "x" * 1024]),
    ("SET 1 KiB, pipeline 32, 50 clients", 50, 32, 500_000, ["SET", "key:1024", "x" * 1024]),
    ("GET 64 B, pipeline 1, 1000 clients", 1000, 1, 60_000, ["GET", "key:64"]),
]
HAPROXY = """
global
  maxconn 4000
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen redis
  bind 127.0.0.1:{listen}
  server redis 127.0.0.1:{redis}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as peer:
                peer.sendall(b"PING\r\n")
                if peer.recv(16).startswith(b"+PONG"):
                    return
        except OSError:
            pass
        time.sleep(0.02)
    sys.exit(f"nothing answers on port {port}")


def cpu_seconds(pid):
    """Run time of all threads of a process that are alive."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def load(port, clients, pipeline, commands, command):
    arguments = ["redis-benchmark", "-h", "127.0.0.1", "-p", str(port), "-c", str(clients), "-P", str(pipeline)]
    done = subprocess.run(
        [*arguments, "-n", str(commands), "-q", *command], capture_output=True, text=True, check=False
    )
    if done.returncode != 0 or "requests per second" not in done.stdout:
        sys.exit(f"redis-benchmark failed: {done.stdout} {done.stderr}")


def measure(process, port, case):
    _, clients, pipeline, commands, command = case
    before = cpu_seconds(process.pid)
    load(port, clients, pipeline, commands, command)
    return (cpu_seconds(process.pid) - before) / commands * 1e6


def start(arguments, log):
    return subprocess.Popen(arguments, stdout=log, stderr=log)


def compare(options, folder, processes):
    redis, haproxy, tideover = free_port(), free_port(), free_port()
    (folder / "haproxy.cfg").write_text(HAPROXY.format(listen=haproxy, redis=redis))
    log = open(folder / "log", "w")
    quiet = ["--save", "", "--appendonly", "no", "--dir", str(folder), "--maxclients", "5000"]
    processes.append(start(["redis-server", "--port", str(redis), *quiet], log))
    wait_for(redis)
    processes.append(start(["haproxy", "-db", "-f", str(folder / "haproxy.cfg")], log))
    arguments = ["run", "--backend", f"redis://127.0.0.1:{redis}", "--listen", f"127.0.0.1:{tideover}"]
    processes.append(start([options.tideover, *arguments, "--admin", "off", "--workers", "1"], log))
    for port in (haproxy, tideover):
        wait_for(port)
    with socket.create_connection(("127.0.0.1", redis)) as peer:
        peer.sendall(b"SET key:64 " + b"x" * 64 + b"\r\n")
        peer.recv(16)
    rows = []
    for case in CASES:
        pairs = []
        for _ in range(options.rounds):
            pairs.append((measure(processes[1], haproxy, case), measure(processes[2], tideover, case)))
        theirs = statistics.median(pair[0] for pair in pairs)
        ours = statistics.median(pair[1] for pair in pairs)
        ratio = statistics.median(pair[1] / pair[0] for pair in pairs)
        rows.append({"case": case[0], "haproxy_us": theirs, "tideover_us": ours, "ratio": ratio})
        if not options.json:
            print(f"{case[0]:36} {theirs:10.2f} {ours:10.2f} {ratio:8.2f}", flush=True)
    return rows


def main():
    root = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description="CPU per command beside HAProxy")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tideover", default=str(root / "target/release/tideover"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for tool in ("redis-server", "redis-benchmark", "haproxy", options.tideover):
        if not shutil.which(tool):
            sys.exit(f"{tool} is missing")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)), hard))
    processes = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            if not options.json:
                print(f"{'CPU µs per command':36} {'haproxy':>10} {'tideover':>10} {'ratio':>8}")
            rows = compare(options, Path(folder), processes)
        finally:
            for process in reversed(processes):
                process.send_signal(signal.SIGTERM)
            for process in processes:
                process.wait()
    if options.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
