"""django-redis as a cache. Arguments: PORT PREFIX CALL [ignore]"""
import json
import sys

import django
from django.conf import settings

port, prefix, call = sys.argv[1], sys.argv[2], sys.argv[3]
settings.configure(
    CACHES={"default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": f"redis://127.0.0.1:{port}/0",
        "OPTIONS": {"IGNORE_EXCEPTIONS": "ignore" in sys.argv},
    }},
    DJANGO_REDIS_IGNORE_EXCEPTIONS="ignore" in sys.argv,
)  # fmt: skip
django.setup()
from django.core.cache import cache  # noqa: E402


def told(step):
    try:
        return {"value": step()}
    except Exception as error:
        cause = error.__cause__
        return {"error": f"{type(error).__name__}: {error}" + (f" (from {type(cause).__name__})" if cause else "")}


cache.set(f"{prefix}-warm", 1)
cache.set(f"{prefix}-n", 1)
calls = {"set": lambda: cache.set(f"{prefix}-x", 1), "get": lambda: cache.get(f"{prefix}-x"), "incr": lambda: cache.incr(f"{prefix}-n")}
print(json.dumps({"fault": told(calls[call]), "after": told(lambda: cache.get(f"{prefix}-warm"))}))
