#!/usr/bin/env python3
"""Measures how whole programs react to the answers that a proxy could give: job queues, a broadcast, a cache.

    programs.py [--only PROGRAM,...] [--trace] [--json FILE]

Each case is a worker and a producer with 10 jobs through server.py, which answers one command with one fault. `--trace`
prints the commands of a case without a fault.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import time
from pathlib import Path

import table
from run import ANSWERS, HERE, HOME, UNKNOWN, Backend
from server import Rule, Server

PROGRAMS = HERE / "drivers/programs"
JOBS = 10
WORDS = [answer for answer in ANSWERS if answer not in ("nil", "RST", "late")]
PYTHON = str(HOME / "python-8/bin/python")
NODE = str(HOME / "node-frameworks/node_modules")


def script(name):
    return lambda role, port, backend, prefix: [PYTHON, str(PROGRAMS / name), role, str(port), str(backend), prefix, str(JOBS)]


def bullmq(role, port, backend, prefix):
    return ["node", str(PROGRAMS / "bullmq_jobs.js"), NODE, role, str(port), str(backend), prefix, str(JOBS)]


def sidekiq(role, port, backend, prefix):
    setting = ["env", f"PORT={port}", f"BACKEND_PORT={backend}", f"PREFIX={prefix}", f"JOBS={JOBS}"]
    path = str(PROGRAMS / "sidekiq_jobs.rb")
    return setting + (["sidekiq", "-r", path, "-c", "2", "-q", prefix, "-t", "2"] if role == "worker" else ["ruby", path])


# When the jobs have begun: the command of the worker that meets the outage of 5 s first.
BEGINS = {"RQ 3.0": 40, "Celery 5.7": 40, "Sidekiq 6.4": 10, "BullMQ 6.7": 12}

# The places where a fault can come: the command, what one of its words contains, which one of them.
# fmt: off
QUEUES = {
    "RQ 3.0": (script("rq_jobs.py"), {
        "fetch": ("worker", "BLMOVE", "", 1),
        "start of a job": ("worker", "EXEC", "rq:execution", 2),
        "heartbeat": ("worker", "EXEC", "rq:suspended", 3),
        "start in its process": ("worker", "EXEC", "LREM", 3),
        "done": ("worker", "EXEC", "rq:finished", 3),
        "producer": ("producer", "EXEC", "RPUSH", 3),
    }),
    "Celery 5.7": (script("celery_jobs.py"), {
        "fetch": ("worker", "BRPOP", "", 2),
        "taking a job": ("worker", "EXEC", "ZADD", 2),
        "restoring lost jobs": ("worker", "SET", "unacked_mutex", 1),
        "heartbeat": ("worker", "PUBLISH", "worker.heartbeat", 2),
        "result": ("worker", "EXEC", "celery-task-meta", 3),
        "done": ("worker", "EXEC", "ZREM", 3),
        "producer": ("producer", "LPUSH", "", 3),
    }),
    "Sidekiq 6.4": (sidekiq, {
        "fetch": ("worker", "BRPOP", "", 1),
        "heartbeat": ("worker", "EXEC", "processes", 1),
        "statistics": ("worker", "EXEC", "stat:processed", 1),
        "producer": ("producer", "LPUSH", "", 3),
    }),
    "BullMQ 6.7": (bullmq, {
        "fetch": ("worker", "BZPOPMIN", "", 1),
        "start of a job": ("worker", "EVALSHA", "=11", 1),
        "heartbeat": ("worker", "EVALSHA", "=2", 1),
        "done": ("worker", "EVALSHA", "=14", 3),
        "producer": ("producer", "EVALSHA", "=9", 3),
    }),
}
# fmt: on


def installed(command):
    """Returns whether its runtime is installed, and the packages of Node."""
    words = [word for word in command if "=" not in word and word != "env"]
    there = shutil.which(words[0]) or Path(words[0]).exists()
    return bool(there) and (words[0] != "node" or Path(words[2]).exists())


async def start(command, log):
    return await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, cwd=PROGRAMS, env={**os.environ, "PYTHONPATH": str(PROGRAMS), "PYTHONWARNINGS": "ignore"})


async def queue_case(backend, name, command, place, where, answer, prefix, directory, trace=False):
    rules = []
    if where:
        who, name_of, contains, nth = where
        rules = [
            Rule(
                name_of,
                ANSWERS[answer],
                contains=contains,
                nth=nth,
                run=answer in UNKNOWN and place not in ("fetch", "outage"),
                delay=0.3 if place == "fetch" else 0,
                lasts=5 if place == "outage" else 0,
            )
        ]
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / f"{prefix}.log"
    async with Server(backend.port) as workers, Server(backend.port) as producers:
        if where and who != "worker":
            producers.rules = rules
        if where and who != "producer":
            workers.rules = rules
        with log.open("wb") as out, (directory / f"{prefix}.producer.log").open("wb") as told:
            worker = await start(command("worker", workers.port, backend.port, prefix), out)
            await asyncio.sleep(2.5)
            producer = await start(command("producer", producers.port, backend.port, prefix), told)
            await producer.wait()
            done = []
            for _ in range(250 if place == "outage" else 100):
                await asyncio.sleep(0.1)
                if worker.returncode is not None:
                    break
                done = await listed(backend, prefix)
                if len(set(done)) >= JOBS and (not rules or rules[0].fired):
                    break
            seconds = time.monotonic() - rules[0].fired[0] if rules and rules[0].fired else 0
            await asyncio.sleep(1.5 if not rules else 2.5)
            done = await listed(backend, prefix)
            ended = worker.returncode
            if ended is None:
                worker.terminate()
                try:
                    await asyncio.wait_for(worker.wait(), 8)
                except asyncio.TimeoutError:
                    worker.kill()
                    await worker.wait()
        if trace:
            for which, server in (("worker", workers), ("producer", producers)):
                for s in server.log[:400]:
                    print(which, round(s.at - server.started, 2), s.connection, s.name, " ".join(a[:60] for a in s.arguments)[:160])
    return {
        "program": name,
        "place": place,
        "answer": answer,
        "fired": bool(rules and rules[0].fired),
        "worker_ended": ended,
        "seconds": round(seconds, 1),
        "done": len(set(done)),
        "twice": len(done) - len(set(done)),
        "worker_says": [line for line in log.read_text(errors="replace").splitlines() if any(w in line for w in ("rror", "tideover", "xception"))][-3:],
        "producer_says": (directory / f"{prefix}.producer.log").read_text(errors="replace")[-400:],
    }


async def run_case(backend, command, rules, limit=25):
    """Runs a program that ends by itself and prints its results as JSON."""
    async with Server(backend.port, rules) as server:
        process = await asyncio.create_subprocess_exec(
            *[word.replace("PORT", str(server.port)) for word in command],
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
        try:
            out, err = await asyncio.wait_for(process.communicate(), limit)
        except asyncio.TimeoutError:
            process.kill()
            out, err = await process.communicate()
        try:
            said = json.loads(out.decode().strip().splitlines()[-1])
        except (IndexError, ValueError):
            said = {"ended": err.decode(errors="replace")[-400:]}
        names = {s.arguments[2] for s in server.log if s.name == "CLIENT" and [a.upper() for a in s.arguments[:2]] == ["SETINFO", "LIB-NAME"]}
        return {"exit": process.returncode, "fired": len(rules[0].fired) if rules else 0, **said, "lib_names": sorted(names)}


async def django_case(backend, call, answer, ignore):
    # SET comes twice before, to make the keys.
    command = {"set": "SET", "get": "GET", "incr": "EVAL"}[call]
    rule = Rule(command, ANSWERS[answer], contains="-x" if call != "incr" else "-n", run=answer in UNKNOWN)
    said = await run_case(backend, [PYTHON, str(PROGRAMS / "django_cache.py"), "PORT", f"d{answer}{call}{ignore}", call, *(["ignore"] if ignore else [])], [rule])
    return {"program": "django-redis 7.0", "place": call + (", errors ignored" if ignore else ""), "answer": answer, **said}


async def socketio_case(backend, library, place, answer):
    if place == "subscribers":
        rule = Rule("PSUBSCRIBE", ANSWERS[answer], after=True, delay=1.5, times=2)
    elif place == "subscribing":
        rule = Rule("PSUBSCRIBE", ANSWERS[answer])
    else:
        rule = Rule("PUBLISH", ANSWERS[answer], contains="tick", nth=8, run=answer in UNKNOWN)
    said = await run_case(backend, ["node", str(PROGRAMS / "socketio.js"), NODE, library, "PORT", "5", f"s{library}{place}{answer}"], [rule])
    return {"program": f"socket.io adapter 8.3, {library}", "place": place, "answer": answer, **said}


async def listed(backend, prefix):
    raw = await backend.ask("LRANGE", f"{prefix}:done", "0", "-1")
    return raw.decode().split("\r\n")[2::2]


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--places", default="")
    options = parser.parse_args()
    directory = HOME / "logs"
    results, gate, number = [], asyncio.Semaphore(2), 0
    async with Backend() as backend:
        for name, (command, places) in QUEUES.items():
            if options.only and not any(o in name for o in options.only.split(",")):
                continue
            if not installed(command("worker", 0, 0, "")):
                print(f"LEFT OUT: {name} is not installed: scripts/install-clients.sh", file=sys.stderr)
                continue
            if options.trace:
                print(await queue_case(backend, name, command, "none", None, "none", "trace", directory, True))
                continue

            async def one(*arguments):
                async with gate:
                    results.append(await queue_case(backend, *arguments))
                    save(results, options.json)

            tasks = []
            for place, where in {**places, "outage": ("worker", "*", "", BEGINS[name])}.items():
                for answer in ANSWERS:
                    if answer in ("nil", "RST", "late") or place == "outage" and answer == "UNCERTAIN":
                        continue
                    if options.places and place not in options.places.split(","):
                        continue
                    number += 1
                    tasks.append(one(name, command, place, where, answer, f"q{number}x", directory))
            await asyncio.gather(*tasks)
        # fmt: off
        others = [lambda a=a, c=c, i=i: django_case(backend, c, a, i) for i in (False, True) for c in ("set", "get", "incr") for a in WORDS]
        others += [lambda a=a, l=l: socketio_case(backend, l, "publish", a) for l in ("ioredis", "redis") for a in WORDS]
        others += [lambda a=a, l=l: socketio_case(backend, l, "subscribing", a) for l in ("ioredis", "redis") for a in WORDS]
        others += [lambda a=a, l=l: socketio_case(backend, l, "subscribers", a) for l in ("ioredis", "redis") for a in ("FIN", "RST")]
        # fmt: on
        if not Path(PYTHON).exists() or not Path(NODE).exists():
            print("LEFT OUT: django-redis and socket.io: scripts/install-clients.sh", file=sys.stderr)
        elif not options.trace and (not options.only or "django" in options.only or "socket" in options.only):

            async def other(step):
                async with gate:
                    results.append(await step())
                    save(results, options.json)

            await asyncio.gather(*map(other, others))
    if not options.trace:
        names = [*QUEUES, "django", "socket"]
        results.sort(key=lambda r: (next(i for i, n in enumerate(names) if r["program"].startswith(n)), place_of(r), [*ANSWERS].index(r["answer"])))
        save(results, options.json)
        print(table.programs(results))


def place_of(r):
    places = list(QUEUES.get(r["program"], ((), {}))[1])
    return (places.index(r["place"]) if r["place"] in places else 99, r["program"], r["place"])


def save(results, path):
    if path:
        Path(path).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    asyncio.run(main())
