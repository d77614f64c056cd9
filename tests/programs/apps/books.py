"""What every Python program here writes down, in a Redis of its own that no fault reaches and no proxy is before.

Each entry is the XADD of one stream per program and kind of event: its id is the books' own clock.
"""

import json
import os
import time

import redis

NAME = os.environ["NAME"]
PROXY = os.environ["PROXY"]
PREFIX = os.environ["PREFIX"]
WORKER = os.environ.get("WORKER", "producer")

_books = None


def _connection():
    # A process that was forked opens its own.
    global _books
    if _books is None or _books[0] != os.getpid():
        host, port = os.environ["BOOKS"].split(":")
        _books = (os.getpid(), redis.Redis(host=host, port=int(port), socket_timeout=60))
    return _books[1]


def write(kind, job, text=""):
    entry = {"job": job, "by": WORKER, "text": str(text)[:300]}
    _connection().xadd(f"{kind}:{NAME}", entry)


def done(job):
    write("done", job)


def hand_over(value):
    """Gives a worker something that no fault can take away, with the time; waits for one that is far behind."""
    waiting = _connection().rpush(f"handed:{NAME}", json.dumps([value, time.time()]))
    while waiting > 15:
        time.sleep(0.02)
        waiting = _connection().llen(f"handed:{NAME}")


def take_over():
    while True:
        taken = _connection().blpop([f"handed:{NAME}"], timeout=5)
        if taken:
            return json.loads(taken[1])


def produce(add, jobs_of=lambda number: [number], then=lambda number, added: None):
    """Adds one after the other until the books say stop; what comes of each is written down.

    `jobs_of`: the jobs that one addition stands for. `then`: what is done with what `add` returned.
    """
    pace = float(os.environ["PACE"])
    number = 0
    while not _connection().exists("stop"):
        number += 1
        for job in jobs_of(number):
            write("asked", job)
        try:
            added = add(number)
        except Exception as error:
            for job in jobs_of(number):
                write("refused", job, f"{type(error).__name__}: {error}")
        else:
            for job in jobs_of(number):
                write("acked", job)
            then(number, added)
        time.sleep(pace)
