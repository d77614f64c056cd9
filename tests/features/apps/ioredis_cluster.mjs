// ioredis' class for clusters: keys in any slot, pipelines, transactions, scripts, publish and subscribe, nodes, auto-pipelining.

import { HOST, PORT, collected, key, load, next, plain, refused, step, until } from "./steps.mjs";

const { Redis, Cluster } = load("ioredis");
const seeds = [{ host: HOST, port: Number(PORT) }];
const cluster = new Cluster(seeds, { enableReadyCheck: true });
const many = Array.from({ length: 50 }, (_, at) => `many:${at}`);
const [one, two] = ["{a}:k", "{b}:k"];

await step("ready", async () => [await next(cluster, "ready"), cluster.status]);
await step("flush", async () => (await Promise.all(cluster.nodes("master").map((node) => node.flushall()))).every((said) => said === "OK"));
await step("keys in any slot", async () => {
  await Promise.all(many.map((name, at) => cluster.set(name, at)));
  return Promise.all(many.map((name) => cluster.get(name)));
});
await step("a pipeline in one slot", () => cluster.pipeline().set(one, 1).incr(one).hset("{a}:h", { f: 1 }).hgetall("{a}:h").exec());
await step("a pipeline with an error", () => cluster.pipeline().lpush(one, 1).get(one).exec());
await step("a pipeline over slots", async () => {
  const error = await refused(cluster.pipeline().set(one, 1).set("elsewhere", 2).exec());
  return Array.isArray(error.value) ? error.value : /same slot|same node|CROSSSLOT|allocation group/i.test(error.message) || error;
});
await step("a multi", () => cluster.multi().set(one, 5).incr(one).exec());
await step("a watch", async () => {
  const node = cluster.nodes("master").length > 0 && (await cluster.watch(one).catch(String));
  return [node, await cluster.multi().get(one).exec()];
});
await step("mget in one slot", () => cluster.mget(key("1"), key("2")));
await step("del in one slot", async () => [await cluster.mset(key("1"), 1, key("2"), 2), await cluster.del(key("1"), key("2"))]);
cluster.defineCommand("both", { numberOfKeys: 2, lua: "return {redis.call('GET', KEYS[1]), ARGV[1]}" });
await step("a defined command", () => cluster.both(one, "{a}:x", "v"));
await step("a defined command in a pipeline", () => cluster.pipeline().both(one, one, "w").get(one).exec());
await step("blpop", async () => {
  const other = new Cluster(seeds);
  const waiting = cluster.blpop("{a}:list", 5);
  const pushed = await other.rpush("{a}:list", "x");
  return [pushed, await waiting, await other.quit()];
});
await step("streams", async () => [await cluster.xadd("{a}:s", "1-1", "f", "v"), await cluster.xgroup("CREATE", "{a}:s", "g", "0"), await cluster.xreadgroup("GROUP", "g", "c", "STREAMS", "{a}:s", ">")]);

await step("publish and subscribe", async () => {
  const sub = new Cluster(seeds), told = collected();
  for (const event of ["message", "pmessage"]) sub.on(event, (...args) => told(event, ...args));
  const said = [await sub.subscribe("news"), await sub.psubscribe("n*")];
  await until(() => cluster.publish("news", "x").then(() => told.all.length), (count) => count >= 2);
  return [said, new Set(told.all.map(([event]) => event)).size, told.all[0].at(-1), await sub.unsubscribe("news"), await sub.quit()];
});
await step("sharded subscribers", async () => {
  const sub = new Cluster(seeds, { shardedSubscribers: true }), told = collected();
  sub.on("smessage", told);
  await next(sub, "ready");
  const said = [await sub.ssubscribe("{a}:news"), await sub.ssubscribe("{b}:news")];
  await until(() => cluster.spublish("{a}:news", "x").then((count) => count > 0 && told.all.length), (count) => count >= 1);
  const sunsubscribed = await sub.sunsubscribe("{a}:news");
  sub.disconnect();
  return [said.length, told.all[0], typeof sunsubscribed];
});
await step("auto-pipelining", async () => {
  const auto = new Cluster(seeds, { enableAutoPipelining: true });
  await next(auto, "ready");
  const found = await Promise.all([...many.map((name) => auto.get(name)), auto.incr(one), refused(auto.lpush(one, 1)), auto.get(two)]);
  return [found, await auto.quit()];
});
await step("a prefix", async () => {
  const short = new Cluster(seeds, { keyPrefix: "{a}:p:" });
  return [await short.set("k", 1), await cluster.get("{a}:p:k"), await short.mget("k", "l"), await short.quit()];
});
for (const scaleReads of ["slave", "all", "master"]) {
  await step(`reads from ${scaleReads}`, async () => {
    const reader = new Cluster(seeds, { scaleReads });
    await next(reader, "ready");
    const found = [await reader.set(one, scaleReads), await until(() => reader.get(one), (value) => value === scaleReads), await reader.mget(one, one)];
    return [...found, await reader.quit()];
  });
}
await step("scans of all nodes", async () => {
  const found = new Set();
  for (const node of cluster.nodes("master")) {
    for await (const part of node.scanStream({ match: "many:*", count: 10 })) part.forEach((name) => found.add(name));
  }
  return [...found].sort();
});
await step("names", async () => [cluster.isCluster, cluster.nodes().length > 0, (await cluster.cluster("INFO")).includes("cluster_state:ok"), await cluster.cluster("KEYSLOT", "{a}")]);
await step("CLUSTER SLOTS covers all", async () => {
  const slots = await cluster.cluster("SLOTS");
  return slots.reduce((sum, [from, to]) => sum + to - from + 1, 0);
});
await step("RESP3", async () => {
  const newer = new Cluster(seeds, { redisOptions: { protocol: 3 } });
  return [await newer.hset("{a}:h3", "f", 1), await newer.hgetall("{a}:h3"), await newer.quit()];
});
await step("RESP2", async () => {
  const older = new Cluster(seeds, { redisOptions: { protocol: 2 } });
  return [await older.zadd("{a}:z2", 1.5, "m"), await older.zrange("{a}:z2", 0, -1, "WITHSCORES"), await older.quit()];
});
await step("a duplicate", async () => {
  const twin = cluster.duplicate();
  return [await twin.get(one), await twin.quit()];
});
await step("lazily", async () => {
  const lazy = new Cluster(seeds, { lazyConnect: true });
  const before = lazy.status;
  return [before, await lazy.connect(), await lazy.ping(), await lazy.quit()];
});
await step("nobody is there", async () => {
  const lonely = new Cluster([{ host: HOST, port: 1 }], { clusterRetryStrategy: () => null, lazyConnect: true });
  const error = await refused(lonely.connect());
  return plain(error);
});
await step("a seed that is away", async () => {
  const made = new Cluster([{ host: HOST, port: 1 }, ...seeds]);
  return [await made.get(one), await made.quit()];
});
await step("a plain client of one node", async () => {
  const plainly = new Redis({ host: HOST, port: Number(PORT) });
  return [await plainly.ping(), (await plainly.info("cluster")).includes("cluster_enabled:1"), await plainly.quit()];
});
await step("quit", async () => [await cluster.quit(), (await refused(cluster.get(one))).message]);
process.exit(0);
