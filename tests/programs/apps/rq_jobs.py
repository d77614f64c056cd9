"""RQ: `work` is a worker, `produce` enqueues jobs.

A connection made from a URL, as `rq worker` makes it, asks nothing again, and a worker ends when it loses it anywhere but
in its wait for a job. The option of this URL makes it ask again once, whatever was lost. With `retry` on the command line
it is made with the defaults of `redis.Redis()`, which ask again for some seconds.
"""

import sys

import redis
from rq import Queue, Worker

import books


def job(number):
    books.done(number)


def connection():
    if "retry" in sys.argv:
        host, port = books.PROXY.split(":")
        return redis.Redis(host=host, port=int(port))
    return redis.Redis.from_url(f"redis://{books.PROXY}/0?retry_on_timeout=true")


def main():
    queue = Queue(books.NAME, connection=connection())
    if sys.argv[1] == "work":
        Worker([queue], name=f"{books.NAME}-{books.WORKER}", connection=queue.connection).work()
    else:
        books.produce(lambda number: queue.enqueue("rq_jobs.job", number))


if __name__ == "__main__":
    main()
