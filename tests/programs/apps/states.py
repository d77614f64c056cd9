"""One connection with redis-py in a state of its own, for ever: subscribed, in MULTI, under WATCH, in a large upload, blocked.

What it achieves is written down as "done", what redis-py told it as "saw". What must not be, ends it.
"""

import sys
import time

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

import books

KEY = f"{books.PREFIX}{sys.argv[1]}"
UPLOAD = "x" * (1 << 20)


def subscribed(client):
    """A second connection says something every now and then; nothing is ever wrong with the one that listens."""
    listening = client.pubsub(ignore_subscribe_messages=True)
    listening.subscribe(KEY)
    speaking, number = connect(), 0
    while True:
        number += 1
        attempt(lambda: speaking.publish(KEY, number))
        message = listening.get_message(timeout=0.2)
        if message:
            books.done(message["data"].decode())


def multi(client):
    """Two counters that move together or not at all."""
    while True:
        block = client.pipeline(transaction=True)
        block.incr(KEY)
        block.incr(f"{KEY}:twin")
        pair = attempt(block.execute)
        if pair is not None:
            assert pair[0] == pair[1], pair
            books.done(pair[0])
        time.sleep(0.01)


def watching(client):
    """Reads, thinks, and writes what it has thought: no other writer may have come between."""
    while True:
        with client.pipeline() as block:
            try:
                block.watch(KEY)
                value = int(block.get(KEY) or 0)
                block.multi()
                block.set(KEY, value + 1)
                block.execute()
            except redis.WatchError:
                continue
            except redis.RedisError as error:
                tell(error)
                continue
        books.done(value + 1)
        time.sleep(0.01)


def upload(client):
    """Values too large to be held; one that is acknowledged is whole."""
    while True:
        if attempt(lambda: client.set(KEY, UPLOAD)):
            length = attempt(lambda: client.strlen(KEY))
            assert length in (None, 0, len(UPLOAD)), length
            books.done(length)
        time.sleep(0.05)


def blocked(client):
    """A time-out that ends in its time, whatever happens."""
    while True:
        began = time.monotonic()
        popped = attempt(lambda: client.blpop([KEY], timeout=1))
        took = time.monotonic() - began
        assert popped is None, popped
        assert took > 0.9, took
        books.done(f"{took:.3f}")


def attempt(what):
    try:
        return what()
    except redis.RedisError as error:
        tell(error)
        return None


def tell(error):
    books.write("saw", 0, f"{type(error).__name__}: {error}")
    time.sleep(0.05)


def connect():
    # Nothing is sent again by the library: what the proxy says is seen.
    return redis.Redis.from_url(f"redis://{books.PROXY}/0", socket_timeout=60, retry=Retry(NoBackoff(), 0))


if __name__ == "__main__":
    {"subscribed": subscribed, "multi": multi, "watching": watching, "upload": upload, "blocked": blocked}[
        sys.argv[1]
    ](connect())
