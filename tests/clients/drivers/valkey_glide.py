"""valkey-glide, asyncio. Arguments: PORT CONTEXT PREFIX"""
import asyncio, json, sys, time

from glide import Batch, GlideClient, GlideClientConfiguration, NodeAddress

port, context, prefix = int(sys.argv[1]), sys.argv[2], sys.argv[3]
k = lambda name: f"{prefix}:{name}"


def plain(value):
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, Exception):
        return f"{type(value).__name__}: {value}"
    return value.decode() if isinstance(value, bytes) else value


async def told(step):
    began = time.monotonic()
    try:
        value = {"value": plain(await step())}
    except Exception as error:
        value = {"error": f"{type(error).__name__}: {error}"}
    return value | {"seconds": round(time.monotonic() - began, 2)}


async def main():
    addresses = [NodeAddress("127.0.0.1", port)]
    out = {}
    if context in ("subscribe", "resubscribe"):
        modes = GlideClientConfiguration.PubSubChannelModes
        subscriptions = GlideClientConfiguration.PubSubSubscriptions({modes.Exact: {k("channel")}}, None, None)
        made = {}

        async def create():
            made["client"] = await GlideClient.create(GlideClientConfiguration(addresses, pubsub_subscriptions=subscriptions))
            return "created"

        out["fault"] = await told(create)
        got, end = [], time.monotonic() + 4
        while made and time.monotonic() < end:
            message = made["client"].try_get_pubsub_message()
            if message:
                got.append(int(message.message))
            await asyncio.sleep(0.05)
        out["messages"] = got
    else:
        made = []

        async def begin():
            made.append(await GlideClient.create(GlideClientConfiguration(addresses)))
            return await made[0].set(k("warm"), "1")

        begun = await told(begin)
        if not made or context in ("hello", "info"):
            after = await told(lambda: made[0].incr(k("after"))) if made else {"error": "no client"}
            return print(json.dumps({"fault": begun, "after": after}), flush=True)
        client = made[0]

        async def pipe(atomic, keys):
            batch = Batch(is_atomic=atomic)
            for key in keys:
                batch.incr(k(key))
            return await client.exec(batch, raise_on_error=False)

        steps = {
            "incr": lambda: client.incr(k("x")),
            "get": lambda: client.get(k("x")),
            "pipeline": lambda: pipe(False, "12345"),
            "exec": lambda: pipe(True, "12"),
            "queued": lambda: pipe(True, "123"),
            "blocked": lambda: client.blpop([k("q")], 5),
        }
        out["fault"] = await told(steps[context])
        out["after"] = await told(lambda: client.incr(k("after")))
    print(json.dumps(out), flush=True)


asyncio.run(main())
