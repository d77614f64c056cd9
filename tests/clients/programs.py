#!/usr/bin/env python3
"""Measures what whole programs make of the answers that a proxy could give: job queues, a broadcast, a cache.

    programs.py [--only PROGRAM,...] [--trace] [--json FILE]

Each case is a worker and a producer with 10 jobs through server.py, which answers one command with one fault. `--trace`
prints the commands of a case without a fault.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from pathlib import Path

from run import ANSWERS, HERE, HOME, UNKNOWN, Backend
from server import Rule, Server

PROGRAMS = HERE / "drivers/programs"
JOBS = 10
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


# The places where a fault can come: the command, what one of its words contains, which one of them.
# fmt: off
QUEUES = {
    "RQ 3.0": (script("rq_jobs.py"), {
        "fetch": ("worker", "BLMOVE", "", 1),
        "start of a job": ("worker", "EXEC", "rq:execution", 2),
        "heartbeat": ("worker", "EXEC", "rq:suspended", 3),
        "done": ("worker", "EXEC", "rq:finished", 3),
        "producer": ("producer", "EXEC", "RPUSH", 3),
    }),
    "Celery 5.7": (script("celery_jobs.py"), {
        "fetch": ("worker", "BRPOP", "", 2),
        "taking a job": ("worker", "EXEC", "ZADD", 2),
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


async def start(command, log):
    return await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, cwd=PROGRAMS, env={**os.environ, "PYTHONPATH": str(PROGRAMS), "PYTHONWARNINGS": "ignore"})


async def queue_case(backend, name, command, place, where, answer, prefix, directory, trace=False):
    rules = []
    if where:
        who, name_of, contains, nth = where
        rules = [Rule(name_of, ANSWERS[answer], contains=contains, nth=nth, run=answer in UNKNOWN and place != "fetch", delay=0.3 if place == "fetch" else 0)]
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / f"{prefix}.log"
    async with Server(backend.port) as workers, Server(backend.port) as producers:
        if where:
            (producers if who == "producer" else workers).rules = rules
        with log.open("wb") as out, (directory / f"{prefix}.producer.log").open("wb") as told:
            worker = await start(command("worker", workers.port, backend.port, prefix), out)
            await asyncio.sleep(2.5)
            producer = await start(command("producer", producers.port, backend.port, prefix), told)
            await producer.wait()
            done = []
            for _ in range(100):
                await asyncio.sleep(0.1)
                if worker.returncode is not None:
                    break
                done = await listed(backend, prefix)
                if len(set(done)) >= JOBS and (not rules or rules[0].fired):
                    break
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
        "done": len(set(done)),
        "twice": len(done) - len(set(done)),
        "worker_says": [line for line in log.read_text(errors="replace").splitlines() if any(w in line for w in ("rror", "tideover", "xception"))][-3:],
        "producer_says": (directory / f"{prefix}.producer.log").read_text(errors="replace")[-400:],
    }


async def listed(backend, prefix):
    raw = await backend.ask("LRANGE", f"{prefix}:done", "0", "-1")
    return raw.decode().split("\r\n")[2::2]


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--json")
    options = parser.parse_args()
    directory = HOME / "logs"
    results, gate, number = [], asyncio.Semaphore(2), 0
    async with Backend() as backend:
        for name, (command, places) in QUEUES.items():
            if options.only and not any(o in name for o in options.only.split(",")):
                continue
            if options.trace:
                print(await queue_case(backend, name, command, "none", None, "none", "trace", directory, True))
                continue

            async def one(*arguments):
                async with gate:
                    results.append(await queue_case(backend, *arguments))
                    print(json.dumps(results[-1]), flush=True)

            tasks = []
            for place, where in places.items():
                for answer in ANSWERS:
                    if answer in ("nil", "RST"):
                        continue
                    number += 1
                    tasks.append(one(name, command, place, where, answer, f"q{number}x", directory))
            await asyncio.gather(*tasks)
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    asyncio.run(main())
