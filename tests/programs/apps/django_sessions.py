"""Django with its sessions and its cache in Redis: `produce` logs visitors in, and `work` lets each of them come back a little later.

Each visit is a whole request: middleware, view, response. A session that was answered for and is gone is a job that is never done. An
exception in the application, or an answer that is not 200, ends the process.
"""

import sys
import time

import django
from django.conf import settings
from django.http import JsonResponse
from django.test import Client
from django.urls import path

import books

role, backend = sys.argv[1:]
# redis-py gives up after 5 s; the proxy holds commands for longer.
LOCATION = f"redis://{books.PROXY}/0?socket_timeout=60"
settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
    CACHES={"default": {"BACKEND": backend, "LOCATION": LOCATION, "KEY_PREFIX": books.PREFIX}},
)
django.setup()

from django.core.cache import cache  # noqa: E402

# So that visitors of before a fault come back after it.
AWAY = 1.0


def log_in(request, number):
    request.session["number"] = number
    return JsonResponse({"number": number})


def come_back(request):
    number = request.session.get("number")
    if number is not None:
        request.session["visits"] = request.session.get("visits", 0) + 1
        cached(number)
    return JsonResponse({"number": number})


def cached(number):
    """The calls of a cache that may all be made twice."""
    page = f"page:{number}"
    cache.get_or_set(page, lambda: number, 30)
    cache.set_many({f"{page}:a": number, f"{page}:b": number}, 30)
    found = cache.get_many([page, f"{page}:a", f"{page}:b"])
    # A fault may have taken one of them along.
    assert set(found.values()) <= {number}, found
    cache.touch(page, 60)
    cache.delete_many([page, f"{page}:a", f"{page}:b"])
    cache.add(f"{page}:c", number, 30)
    cache.delete(f"{page}:c")


urlpatterns = [path("in/<int:number>", log_in), path("back", come_back)]


def visit(url, cookie=None):
    visitor = Client()
    if cookie:
        visitor.cookies[settings.SESSION_COOKIE_NAME] = cookie
    return visitor, visitor.get(url)


def produce(number):
    try:
        visitor, answer = visit(f"/in/{number}")
        assert answer.status_code == 200, answer
    except Exception as error:
        sys.exit(f"an exception at the log-in: {error!r}")
    books.hand_over(visitor.cookies[settings.SESSION_COOKIE_NAME].value)


def work():
    while True:
        cookie, at = books.take_over()
        time.sleep(max(0.0, at + AWAY - time.time()))
        _, answer = visit("/back", cookie)
        # SessionInterrupted: it is gone since the visit began.
        number = answer.json()["number"] if answer.status_code == 200 else None
        if number is None:
            books.write("saw", 0, f"a session is gone: {answer.status_code}")
        else:
            books.done(number)


if __name__ == "__main__":
    work() if role == "work" else books.produce(produce)
