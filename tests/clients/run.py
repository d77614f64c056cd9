#!/usr/bin/env python3
"""Measures how client libraries react to the answers that a proxy could give, and prints the tables.

    run.py [--only LIBRARY,...] [--cases CONTEXT,...] [--answers ANSWER,...] [--json FILE]

Each case is one process of a driver in drivers/, connected to server.py, which answers one command with one fault; a
real redis-server answers all others. scripts/install-clients.sh fetches the libraries; missing ones are left out.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

import table
from server import Rule, Server, read_reply

HERE = Path(__file__).resolve().parent
HOME = Path(os.environ.get("TIDEOVER_CLIENTS", HERE.parent.parent / "target" / "clients"))

ANSWERS = {
    "FIN": "fin",
    "RST": "rst",
    "UNCERTAIN": "-UNCERTAIN tideover: the node was lost after the command was sent; outcome unknown",
    "TRYAGAIN": "-TRYAGAIN tideover: no master for 30 s; not executed",
    "LOADING": "-LOADING tideover: no master for 30 s; not executed",
    "READONLY": "-READONLY tideover: no master for 30 s; not executed",
    "CLUSTERDOWN": "-CLUSTERDOWN tideover: no master for 30 s; not executed",
    "nil": "nil",
    "late": "pass",  # after 31 s, as one that was held
}
UNKNOWN = ("FIN", "RST", "UNCERTAIN")  # the command was run; the others were not

# What is asked, and the command that gets the fault.
CONTEXTS = {
    "incr": ("INCR", ":x"),
    "get": ("GET", ":x"),
    "pipeline": ("INCR", ":3"),
    "exec": ("EXEC", ""),
    "queued": ("INCR", ":2"),
    "blocked": ("BLPOP", ":q"),
    "subscribe": ("SUBSCRIBE", ""),
    "resubscribe": ("SUBSCRIBE", ""),
    "lasting": ("INCR", ":x"),  # all that is asked, not only once
    "held": ("INCR", ":x"),
    "hello": ("HELLO", ""),  # while it connects
    "info": ("INFO", ""),
}


def python(version, kind):
    return [str(HOME / f"python-{version}/bin/python"), str(HERE / "drivers/redis_py.py"), kind]


def node(version, driver, *arguments):
    return ["node", str(HERE / "drivers" / driver), str(HOME / f"node-{version}/node_modules"), *arguments]


LIBRARIES = {
    "redis-py 8.1 sync": python(8, "sync"),
    "redis-py 8.1 asyncio": python(8, "asyncio"),
    "redis-py 7.4 sync": python(7, "sync"),
    "redis-py 6.4 sync": python(6, "sync"),
    "redis-py 5.0 sync": python(5, "sync"),
    "redis-py 5.0 asyncio": python(5, "asyncio"),
    "redis-py 4.6 sync": python(4, "sync"),
    "valkey-glide 2.6 (Python)": [str(HOME / "python-glide/bin/python"), str(HERE / "drivers/valkey_glide.py")],
    "ioredis 6.0": node(6, "ioredis.js"),
    "ioredis 5.8": node(5, "ioredis.js"),
    "node-redis 6.3": node(6, "node_redis.js"),
    "node-redis 5.10": node(5, "node_redis.js"),
    "node-redis 4.7": node(4, "node_redis.js"),
    "phpredis 5.3": ["php", str(HERE / "drivers/php.php"), "phpredis"],
    "predis 1.1": ["php", str(HERE / "drivers/php.php"), "predis"],
    "redis-rb 4.8": ["ruby", str(HERE / "drivers/redis_rb.rb")],
    "redis-rs 1.8 multiplexed": [str(HOME / "rust/debug/clients"), "multiplexed"],
    "redis-rs 1.8 ConnectionManager": [str(HOME / "rust/debug/clients"), "manager"],
    "fred 10.1": [str(HOME / "rust/debug/clients"), "fred"],
}
# Those that ask something of the server before the first command.
GREETERS = {"hello": ("redis-py 8", "ioredis 6", "node-redis 6", "valkey-glide"), "info": ("ioredis", "valkey-glide")}
PACKAGE = {"ioredis": "ioredis", "node-redis": "redis"}


def is_there(name, command):
    if not (shutil.which(command[0]) or Path(command[0]).exists()):
        return False
    if command[0] == "node":
        return (Path(command[2]) / PACKAGE[name.split()[0]]).exists()
    return True


def cases():
    for context in CONTEXTS:
        for answer in ANSWERS:
            if (context == "held") != (answer == "late"):
                continue
            if context == "resubscribe" and answer not in ("FIN", "RST"):
                continue
            if context == "subscribe" and answer in ("nil",):
                continue
            if context in ("hello", "info") and answer not in ("FIN", "TRYAGAIN", "LOADING"):
                continue
            if answer == "nil" and context not in ("exec", "blocked", "get"):
                continue
            if context == "lasting" and answer in ("RST", "nil"):
                continue
            yield context, answer


def rule_for(context, answer, prefix):
    command, key = CONTEXTS[context]
    return Rule(
        command,
        ANSWERS[answer],
        contains=f"{prefix}{key}" if context not in ("hello", "info") else "",
        run=answer in UNKNOWN and context not in ("subscribe", "blocked", "queued", "hello", "info"),
        delay=31 if context == "held" else 0.3 if context in ("blocked", "resubscribe") else 0,
        after=context == "resubscribe",
        times=float("inf") if context in ("lasting", "held") else 1,
    )


async def measure(backend, name, command, context, answer, prefix):
    rule = rule_for(context, answer, prefix)
    limit = 70 if context == "held" else 45 if context == "lasting" else 20
    # So that an answer to another command is not taken for this one's.
    await backend.ask("SET", f"{prefix}:after", "100")
    async with Server(backend.port, [rule]) as server:
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *command,
            str(server.port),
            "incr" if context in ("lasting", "held") else context,
            prefix,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONWARNINGS": "ignore", "NODE_NO_WARNINGS": "1"},
        )
        feeder = asyncio.create_task(feed(backend, rule, context, prefix))
        try:
            out, err = await asyncio.wait_for(process.communicate(), limit)
            ended = process.returncode
        except asyncio.TimeoutError:
            process.kill()
            out, err = await process.communicate()
            ended = "did not end"
        feeder.cancel()
        lines = out.decode().strip().splitlines()
        try:
            result = json.loads(lines[-1])
        except (IndexError, ValueError):
            result = {}
        faulted, key = CONTEXTS[context]
        arrivals = [s.at for s in server.log if s.name == faulted and (not key or any(prefix + key in a for a in s.arguments))]
        greeting = []
        for s in server.log:
            if s.connection != 1 or s.name == "SET":
                break
            greeting.append(" ".join([s.name, *s.arguments]))
        return {
            "library": name,
            "context": context,
            "answer": answer,
            **result,
            "exit": ended,
            "stderr": err.decode(errors="replace")[-600:] if ended != 0 or not result else "",
            "count": server.count(faulted, prefix + key if key else ""),
            "ran": server.count("EXEC" if context in ("exec", "queued") else faulted, "" if not key or context == "queued" else prefix + key)["ran"],
            "all": {n: server.count("INCR", f"{prefix}:{n}") for n in "12345"} if context in ("pipeline", "exec", "queued") else {},
            "gaps": [round(b - a, 3) for a, b in zip(arrivals, arrivals[1:])][:40],
            "connections": server.connections,
            "greeting": greeting if context == "get" else [],
        }


async def feed(backend, rule, context, prefix):
    """Gives the client, after the fault, the element or the messages that it waits for."""
    if context == "blocked":
        while not rule.fired:
            await asyncio.sleep(0.05)
        await asyncio.sleep(1.5)
        await backend.ask("RPUSH", f"{prefix}:q", "element")
    if context in ("subscribe", "resubscribe"):
        for number in range(1, 100):
            await asyncio.sleep(0.2)
            await backend.ask("PUBLISH", f"{prefix}:channel", str(number))


class Backend:
    """A redis-server of our own, without persistence."""

    async def __aenter__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.dir = tempfile.TemporaryDirectory()
        self.process = await asyncio.create_subprocess_exec(
            "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.dir.name,
            "--loglevel", "warning", stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(100):
            try:
                self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
                break
            except OSError:
                await asyncio.sleep(0.05)
        self.lock = asyncio.Lock()
        return self

    async def __aexit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        await self.process.wait()
        self.dir.cleanup()

    async def ask(self, *words):
        async with self.lock:
            raw = b"".join(b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in words)
            self.writer.write(b"*%d\r\n" % len(words) + raw)
            return await read_reply(self.reader)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--cases", default="")
    parser.add_argument("--answers", default="")
    parser.add_argument("--json")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    wanted = {n: c for n, c in LIBRARIES.items() if not options.only or any(o in n for o in options.only.split(","))}
    left_out = [n for n, c in wanted.items() if not is_there(n, c)]
    for name in left_out:
        print(f"LEFT OUT: {name} is not installed: scripts/install-clients.sh", file=sys.stderr)
    results, gate, number = [], asyncio.Semaphore(options.jobs), 0

    async with Backend() as backend:

        async def one(*arguments):
            async with gate:
                results.append(await measure(backend, *arguments))
                if options.json:
                    Path(options.json).write_text(json.dumps(results, indent=1))

        tasks = []
        for name, command in wanted.items():
            if name in left_out:
                continue
            for context, answer in cases():
                if context in ("hello", "info") and not name.startswith(GREETERS[context]):
                    continue
                if options.cases and context not in options.cases.split(","):
                    continue
                if options.answers and answer not in options.answers.split(","):
                    continue
                number += 1
                tasks.append(one(name, command, context, answer, f"k{number}"))
        await asyncio.gather(*tasks)
    order = list(LIBRARIES)
    results.sort(key=lambda r: (order.index(r["library"]), list(CONTEXTS).index(r["context"]), list(ANSWERS).index(r["answer"])))
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1))
    print(table.libraries(results))


if __name__ == "__main__":
    asyncio.run(main())
