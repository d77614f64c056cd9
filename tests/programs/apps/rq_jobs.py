"""RQ: `work` is a worker as `rq worker` starts it, `produce` enqueues jobs."""

import sys

import redis
from rq import Queue, Worker

import books


def job(number):
    books.done(number)


def main():
    queue = Queue(books.NAME, connection=redis.Redis.from_url(f"redis://{books.PROXY}/0"))
    if sys.argv[1] == "work":
        Worker([queue], name=books.WORKER, connection=queue.connection).work()
    else:
        books.produce(lambda number: queue.enqueue("rq_jobs.job", number))


if __name__ == "__main__":
    main()
