// node-redis' class for clusters: keys in any slot, transactions, scripts, publish and subscribe, caching, nodes.

import { HOST, PORT, collected, key, load, next, plain, refused, step, until } from "./steps.mjs";

const { BasicPooledClientSideCache, createCluster, defineScript } = load("redis");
const rootNodes = [{ socket: { host: HOST, port: Number(PORT) } }];
const many = Array.from({ length: 50 }, (_, at) => `many:${at}`);
const [one, two] = ["{a}:k", "{b}:k"];
const both = defineScript({
  NUMBER_OF_KEYS: 1,
  SCRIPT: "return {redis.call('INCRBY', KEYS[1], ARGV[1]), ARGV[1]}",
  parseCommand: (parser, name, by) => (parser.pushKey(name), parser.push(String(by))),
  transformReply: ([sum, by]) => ({ sum, by }),
});

async function connected(options = {}) {
  const made = createCluster({ rootNodes, ...options });
  made.on("error", () => {});
  await made.connect();
  return made;
}

for (const RESP of [2, 3]) {
  const is = (name, act) => step(`RESP${RESP}: ${name}`, act);
  const cluster = await connected({ RESP, scripts: { both } });
  const masters = () => Promise.all(cluster.masters.map((node) => cluster.nodeClient(node)));

  await is("flushAll", async () => (await Promise.all((await masters()).map((node) => node.flushAll()))).every((said) => said === "OK"));
  await is("keys in any slot", async () => {
    await Promise.all(many.map((name, at) => cluster.set(name, String(at))));
    return Promise.all(many.map((name) => cluster.get(name)));
  });
  await is("commands", async () => [await cluster.set(one, "1"), await cluster.incr(one), await cluster.hSet("{a}:h", { f: "v" }), await cluster.hGetAll("{a}:h"), await refused(cluster.lPush(one, "x"))]);
  await is("multi", () => cluster.multi().set(one, "5").incr(one).hGetAll("{a}:h").exec());
  await is("multi as a pipeline", () => cluster.multi().incr(one).get(one).execAsPipeline());
  await is("mGet in one slot", async () => [await cluster.mSet({ [key("1")]: "1", [key("2")]: "2" }), await cluster.mGet([key("1"), key("2")]), await cluster.del([key("1"), key("2")])]);
  await is("sendCommand", () => cluster.sendCommand(one, true, ["GET", one]));
  await is("a script", () => cluster.both(one, 2));
  await is("a script in multi", () => cluster.multi().both(one, 2).get(one).exec());
  await is("streams", async () => [await cluster.xAdd("{a}:s", "1-1", { f: "v" }), await cluster.xGroupCreate("{a}:s", "g", "0"), await cluster.xReadGroup("g", "c", { key: "{a}:s", id: ">" })]);
  await is("blPop", async () => {
    const other = await connected({ RESP });
    const waiting = cluster.blPop("{a}:list", 5);
    return [await other.rPush("{a}:list", "x"), await waiting, await other.close()];
  });
  await is("publish and subscribe", async () => {
    const told = collected(), patterns = collected();
    await cluster.subscribe("news", told);
    await cluster.pSubscribe("n*", patterns);
    await until(() => cluster.publish("news", "x").then(() => Math.min(told.all.length, patterns.all.length)), (count) => count > 0);
    return [told.all[0], patterns.all[0], await cluster.unsubscribe("news"), await cluster.pUnsubscribe("n*")];
  });
  await is("sharded publish and subscribe", async () => {
    const told = collected();
    await cluster.sSubscribe("{a}:news", told);
    await cluster.sSubscribe("{b}:news", told);
    const counts = [await cluster.sPublish("{a}:news", "x"), await cluster.sPublish("{b}:news", "y")];
    return [counts, (await told.reach(2)).map(String).sort(), await cluster.sUnsubscribe("{a}:news"), await cluster.sUnsubscribe("{b}:news")];
  });
  await is("scans of all nodes", async () => {
    const found = new Set();
    for (const node of await masters()) {
      for await (const part of node.scanIterator({ MATCH: "many:*", COUNT: 10 })) part.forEach((name) => found.add(name));
    }
    return [...found].sort();
  });
  await is("slots", async () => [cluster.slots.length, cluster.slots.filter(Boolean).length, cluster.masters.length > 0]);
  await is("questions about the cluster", async () => {
    const [node] = await masters();
    return [(await node.clusterInfo()).includes("cluster_state:ok"), await node.clusterKeySlot("{a}"), (await node.clusterSlots()).length > 0, (await node.clusterNodes()).includes("myself"), (await node.clusterMyId()).length];
  });
  await is("a client of a slot", async () => {
    const node = await cluster.nodeClient(cluster.getSlotRandomNode(15495));
    return [await node.ping(), await node.watch(one), await node.multi().get(one).exec()];
  });
  await is("close", async () => [await cluster.close(), (await refused(cluster.get(one))).name]);
}

for (const options of [{ useReplicas: true }, { minimizeConnections: true }, { defaults: { name: "named" } }]) {
  await step(`with ${JSON.stringify(options)}`, async () => {
    const made = await connected(options);
    return [await made.set(two, "v"), await until(() => made.get(two), (value) => value === "v"), await made.close()];
  });
}
await step("a cache", async () => {
  const cache = new BasicPooledClientSideCache();
  const cluster = await connected({ RESP: 3, clientSideCache: cache }), other = await connected();
  const dropped = next(cache, "invalidate");
  const found = [await other.set(one, "1"), await cluster.get(one), await cluster.get(one), cache.stats().hitCount, await other.set(one, "2"), plain(await dropped), await cluster.get(one)];
  return [...found, await cluster.close(), await other.close()];
});
await step("a duplicate", async () => {
  const cluster = await connected();
  const twin = cluster.duplicate();
  await twin.connect();
  return [await twin.get(two), await twin.close(), await cluster.close()];
});
await step("a root that is away", async () => {
  const cluster = await connected({ rootNodes: [{ socket: { host: HOST, port: 1, reconnectStrategy: false } }, ...rootNodes] });
  return [await cluster.get(two), await cluster.close()];
});
await step("destroy", async () => {
  const cluster = await connected();
  cluster.destroy();
  return cluster.isOpen;
});
process.exit(0);
