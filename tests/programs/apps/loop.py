"""The plainest of workers with redis-py: BLPOP for ever, and what lost its connection is asked again."""

import sys
import time

import redis

import books

KEY = f"{books.PREFIX}jobs"


def work(client):
    while True:
        try:
            popped = client.blpop([KEY], timeout=5)
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
            books.write("saw", 0, f"{type(error).__name__}: {error}")
            time.sleep(0.1)
            continue
        if popped:
            books.done(popped[1].decode())


def main():
    client = redis.Redis.from_url(f"redis://{books.PROXY}/0")
    if sys.argv[1] == "work":
        work(client)
    else:
        books.produce(lambda number: client.rpush(KEY, number))


if __name__ == "__main__":
    main()
