"""Celery: the tasks, and `python celery_app.py` adds them, reads every fifth result back and now and then runs a chord.

The jobs of a chord are written `N.M`, its last step `N.sum`; a result that could not be read back is told as `unread`.
"""

import os

from celery import Celery, chord

import books

app = Celery("celery_app", broker=f"redis://{books.PROXY}/0", backend=f"redis://{books.PROXY}/0")
app.conf.task_default_queue = books.NAME
# All keys then lie in one slot of a cluster.
app.conf.broker_transport_options = {"global_keyprefix": books.PREFIX}
app.conf.result_backend_transport_options = {"global_keyprefix": books.PREFIX}

READ_LIMIT = 20
PARTS = (1, 2, 3)
# Nodes that share nothing cannot count the parts of a chord.
CHORDS = os.environ["RESULTS"] == "yes"


@app.task
def job(number):
    books.done(number)
    return number


@app.task
def part(number, index):
    books.done(f"{number}.{index}")
    return index


@app.task
def total(indexes, number):
    books.done(f"{number}.sum")
    return sum(indexes)


def is_chord(number):
    return CHORDS and number % 10 == 0


def jobs_of(number):
    return [f"{number}.{index}" for index in (*PARTS, "sum")] if is_chord(number) else [number]


def add(number):
    if is_chord(number):
        return chord(part.s(number, index) for index in PARTS)(total.s(number))
    return job.delay(number)


def read(number, result):
    if not CHORDS or number % 5:
        return
    last = jobs_of(number)[-1]
    wanted = sum(PARTS) if is_chord(number) else number
    try:
        got = result.get(timeout=READ_LIMIT)
    except Exception as error:
        books.write("unread", last, f"{type(error).__name__}: {error}")
    else:
        books.write("read" if got == wanted else "unread", last, f"{got}")


if __name__ == "__main__":
    books.produce(add, jobs_of, read)
