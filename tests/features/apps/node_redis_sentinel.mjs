// node-redis by way of sentinels: it asks them for the master and its replicas, and watches them.

import { HOST, PORT, collected, key, load, plain, refused, step } from "./steps.mjs";

const { createSentinel } = load("redis");
const sentinelRootNodes = [{ host: HOST, port: Number(PORT) }];
const k = key("k");

async function connected(options = {}) {
  const made = createSentinel({ name: "mymaster", sentinelRootNodes, ...options });
  made.on("error", () => {});
  await made.connect();
  return made;
}

for (const RESP of [2, 3]) {
  const is = (name, act) => step(`RESP${RESP}: ${name}`, act);
  const sentinel = await connected({ RESP, masterPoolSize: 3 });
  await is("ready", async () => [sentinel.isOpen, sentinel.isReady]);
  await is("flushAll", () => sentinel.flushAll());
  await is("commands", async () => [await sentinel.set(k, "1"), await sentinel.incr(k), await sentinel.hSet(key("h"), { f: "v" }), await sentinel.hGetAll(key("h")), await refused(sentinel.lPush(k, "x"))]);
  await is("multi", () => sentinel.multi().incr(k).get(k).exec());
  await is("a lease", async () => {
    const lease = await sentinel.acquire();
    const found = [await lease.watch(k), await lease.multi().get(k).exec()];
    await lease.release();
    return found;
  });
  await is("use", () => sentinel.use(async (client) => [await client.watch(k), await sentinel.set(k, "other"), await refused(client.multi().set(k, "mine").exec()), await client.get(k)]));
  await is("as many at once as the pool has", async () => (await Promise.all([1, 2, 3].map(() => sentinel.incr(key("many"))))).sort());
  await is("publish and subscribe", async () => {
    const told = collected();
    await sentinel.subscribe("news", told);
    await sentinel.pSubscribe("n*", told);
    const count = await sentinel.publish("news", "x");
    return [count, await told.reach(2), await sentinel.unsubscribe("news"), await sentinel.pUnsubscribe("n*")];
  });
  await is("it is a master", async () => (await sentinel.sendCommand(false, ["ROLE"]))[0]);
  await is("nodes", async () => [typeof sentinel.getMasterNode().port, typeof sentinel.getSentinelNode().port]);
  await is("scans", async () => {
    const found = [];
    for await (const part of sentinel.scanIterator({ MATCH: "{f}*" })) found.push(...part);
    return found.sort();
  });
  await is("close", () => sentinel.close());
}
await step("with replicas", async () => {
  const sentinel = await connected({ replicaPoolSize: 1 });
  const found = [await sentinel.set(k, "v"), typeof (await sentinel.get(k))];
  return [...found, await sentinel.close()];
});
await step("a cache", async () => {
  const sentinel = await connected({ RESP: 3, clientSideCache: { ttl: 0, maxEntries: 0 }, masterPoolSize: 2 });
  const found = [await sentinel.set(k, "1"), await sentinel.get(k), await sentinel.get(k), sentinel.clientSideCache.stats().hitCount > 0];
  return [...found, await sentinel.close()];
});
await step("a duplicate", async () => {
  const sentinel = await connected();
  const twin = sentinel.duplicate();
  await twin.connect();
  return [await twin.get(k), await twin.close(), await sentinel.close()];
});
await step("scans for changes by itself", async () => {
  const sentinel = await connected({ scanInterval: 20 });
  for (let at = 0; at < 100; at++) await sentinel.incr(key("scan"));
  return sentinel.close();
});
await step("another name", async () => {
  const wrong = createSentinel({ name: "other", sentinelRootNodes });
  wrong.on("error", () => {});
  const ended = await Promise.race([refused(wrong.connect()), new Promise((done) => setTimeout(done, 1000, "not within a second"))]);
  await wrong.destroy().catch(plain);
  return typeof ended === "string" || ended instanceof Error ? "refused" : "connected";
});
await step("a sentinel that is away", async () => {
  const sentinel = await connected({ sentinelRootNodes: [{ host: HOST, port: 1 }, ...sentinelRootNodes] });
  return [await sentinel.get(k), await sentinel.close()];
});
process.exit(0);
