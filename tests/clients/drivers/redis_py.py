"""redis-py. Arguments: sync|asyncio PORT CONTEXT PREFIX"""
import asyncio, inspect, json, sys, time

kind, port, context, prefix = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
if kind == "asyncio":
    import redis.asyncio as redis
else:
    import redis


async def settle(value):
    return await value if inspect.isawaitable(value) else value


def plain(value):
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, Exception):
        return f"{type(value).__name__}: {value}"
    return value.decode() if isinstance(value, bytes) else value


async def told(step):
    began = time.monotonic()
    try:
        value = {"value": plain(await settle(step()))}
    except Exception as error:
        value = {"error": f"{type(error).__name__}: {error}", "kinds": [c.__name__ for c in type(error).__mro__[1:-3]]}
    return value | {"seconds": round(time.monotonic() - began, 2)}


async def main():
    client = redis.Redis(port=port)
    k = lambda name: f"{prefix}:{name}"
    out = {}

    async def pipe(transaction, keys):
        pipeline = client.pipeline(transaction=transaction)
        for key in keys:
            pipeline.execute_command("INCR", k(key))
        return await settle(pipeline.execute())

    if context in ("hello", "info"):
        out["fault"] = await told(lambda: client.set(k("warm"), 1))
        out["after"] = await told(lambda: client.incr(k("after")))
        return print(json.dumps(out), flush=True)
    await settle(client.set(k("warm"), 1))
    if context == "subscribe" or context == "resubscribe":
        pubsub = client.pubsub()
        out["fault"] = await told(lambda: pubsub.subscribe(k("channel")))
        got, errors, end = [], [], time.monotonic() + 4
        while time.monotonic() < end:
            try:
                message = await settle(pubsub.get_message(timeout=0.2))
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")
                if len(errors) > 3:
                    break
                time.sleep(0.1)
                continue
            if message and message["type"] == "message":
                got.append(int(message["data"]))
            elif message:
                got.append(message["type"])
        out |= {"messages": got, "errors": errors}
    else:
        steps = {
            "incr": lambda: client.execute_command("INCR", k("x")),
            "get": lambda: client.get(k("x")),
            "pipeline": lambda: pipe(False, "12345"),
            "exec": lambda: pipe(True, "12"),
            "queued": lambda: pipe(True, "123"),
            "blocked": lambda: client.blpop(k("q"), 5),
        }
        out["fault"] = await told(steps[context])
    out["after"] = await told(lambda: client.incr(k("after")))
    print(json.dumps(out), flush=True)


asyncio.run(main())
