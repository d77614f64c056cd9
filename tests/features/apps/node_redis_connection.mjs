// node-redis on connections: publish and subscribe, MONITOR, events of keys, client-side caching, CLIENT, users, queues, ends.

import { HOST, PORT, collected, key, load, next, plain, refused, step, until } from "./steps.mjs";

const { BasicClientSideCache, BasicPooledClientSideCache, createClient, createClientPool } = load("redis");
const socket = { host: HOST, port: Number(PORT) };
const k = key("k");

function made(options = {}) {
  const client = createClient({ socket, ...options });
  client.on("error", () => {});
  return client;
}
const connected = (options) => made(options).connect();
const client = await connected();
await step("flushAll", () => client.flushAll());

for (const RESP of [2, 3]) {
  const is = (name, act) => step(`RESP${RESP}: ${name}`, act);
  const sub = await connected({ RESP });
  const heard = collected(), buffers = collected(), patterns = collected(), shards = collected();
  await is("subscribe", () => sub.subscribe(["one", "two"], heard));
  await is("subscribe with buffers", () => sub.subscribe("one", buffers, true));
  await is("pSubscribe", () => sub.pSubscribe("t*", patterns));
  await is("sSubscribe", () => sub.sSubscribe(key("shard"), shards));
  await is("publish", async () => [await client.publish("one", "a"), await client.publish("two", "b"), await client.sPublish(key("shard"), "c")]);
  await is("messages", async () => [await heard.reach(2), await buffers.reach(1), await patterns.reach(1), await shards.reach(1)]);
  await is("a command of a subscriber", () => sub.get(k));
  await is("a ping of a subscriber", () => sub.ping());
  await is("isPubSubActive", async () => sub.isPubSubActive);
  await is("pubSub", async () => [(await client.pubSubChannels()).filter((channel) => !channel.startsWith("__sentinel__")).sort(), await client.pubSubNumSub(["one", "none"]), await client.pubSubNumPat(), await client.pubSubShardChannels(), await client.pubSubShardNumSub([key("shard")])]);
  await is("it subscribes again by itself", async () => {
    const id = await client.clientList().then((list) => list.find((entry) => entry.sub > 0 || entry.psub > 0).id);
    const ready = next(sub, "ready");
    const killed = await client.sendCommand(["CLIENT", "KILL", "ID", String(id)]);
    await ready;
    await until(() => client.publish("two", "again"), (count) => count === 2);
    return [killed, (await heard.reach(3)).at(-1)];
  });
  await is("unsubscribe", async () => [await sub.unsubscribe("one", heard), await sub.unsubscribe(), await sub.pUnsubscribe(), await sub.sUnsubscribe()]);
  await is("plain again", async () => [await sub.set(k, "plain"), await sub.close()]);
}

await step("events of keys", async () => {
  const { "notify-keyspace-events": before } = await client.configGet("notify-keyspace-events");
  const events = await connected(), told = collected();
  await client.configSet("notify-keyspace-events", "KEA");
  await events.pSubscribe(["__keyspace@0__:{f}*", "__keyevent@0__:del"], told);
  await client.set(key("event"), "1");
  await client.del(key("event"));
  await told.reach(3);
  return [told.all.map((args) => args.join()).sort(), await client.configSet("notify-keyspace-events", before), await events.close()];
});

await step("monitor", async () => {
  const monitor = await connected(), told = collected();
  await monitor.monitor((line) => line.includes("watched") && told(line.replace(/^[\d.]+ \[(\d+) [^\]]+\]/, "time [$1 source]")));
  await client.set(key("watched"), 'a "b"\n');
  await client.multi().get(key("watched")).exec();
  await told.reach(2);
  return [told.all, await monitor.reset(), await monitor.get(k), await monitor.close()];
});

const counts = ({ hitCount, missCount, evictionCount }) => ({ hitCount, missCount, evictionCount });
await step("a cache", async () => {
  const cache = new BasicClientSideCache({ ttl: 0, maxEntries: 0, evictPolicy: "LRU" });
  const caching = await connected({ RESP: 3, clientSideCache: cache });
  const dropped = collected();
  cache.on("invalidate", (name) => dropped(plain(name)));
  const said = [await client.set(k, "1"), await caching.get(k), await caching.get(k), counts(cache.stats()), cache.size()];
  await client.set(k, "2");
  said.push(await dropped.reach(1), await caching.get(k), await caching.get(k), counts(cache.stats()));
  await client.hSet(key("h"), { a: "1" });
  said.push(await caching.hGetAll(key("h")), await caching.hGetAll(key("h")), await client.hSet(key("h"), "b", "2"), await dropped.reach(2), await caching.hGetAll(key("h")));
  await client.flushAll();
  said.push((await dropped.reach(3))[2], cache.size(), await caching.get(k), counts(cache.stats()), await caching.close());
  return said;
});
await step("a cache that is small", async () => {
  const cache = new BasicClientSideCache({ maxEntries: 2, evictPolicy: "FIFO" });
  const caching = await connected({ RESP: 3, clientSideCache: cache });
  for (const name of ["1", "2", "3", "3", "1"]) await caching.get(key(name));
  return [counts(cache.stats()), cache.size(), await caching.close()];
});
await step("a cache of own writes", async () => {
  const caching = await connected({ RESP: 3, clientSideCache: { ttl: 0, maxEntries: 10 } });
  const found = [await caching.set(k, "a"), await caching.get(k), await caching.set(k, "b"), await until(() => caching.get(k), (value) => value === "b")];
  return [...found, await caching.close()];
});
await step("a cache after a new connection", async () => {
  const cache = new BasicClientSideCache();
  const caching = await connected({ RESP: 3, clientSideCache: cache });
  await client.set(k, "before");
  const found = [await caching.get(k), cache.size()];
  const ready = next(caching, "ready");
  await client.sendCommand(["CLIENT", "KILL", "ID", String(await caching.clientId())]);
  await ready;
  await client.set(k, "after");
  return [...found, await caching.get(k), await caching.close()];
});
await step("a pool with a cache", async () => {
  const cache = new BasicPooledClientSideCache();
  const pool = createClientPool({ socket, RESP: 3 }, { minimum: 2, clientSideCache: cache });
  pool.on("error", () => {});
  await pool.connect();
  const dropped = next(cache, "invalidate");
  await client.set(k, "pooled");
  const found = [await pool.get(k), await pool.get(k), await client.set(k, "changed"), plain(await dropped), await pool.get(k)];
  await pool.close();
  return found;
});
await step("tracking by hand", async () => {
  const caching = await connected({ RESP: 3 });
  const found = [await caching.clientTracking(true, { noLoop: true }), await caching.clientTrackingInfo(), await caching.clientGetRedir(), await caching.clientTracking(false)];
  return [...found, await caching.close()];
});

await step("the name of a connection", async () => {
  const named = await connected({ name: "named", clientInfoTag: "tagged" });
  const list = await client.clientList();
  const found = [await named.clientGetName(), list.filter((entry) => entry.name === "named").length, (await named.clientId()) === list.find((entry) => entry.name === "named").id];
  return [...found, await named.clientSetName("renamed"), await named.clientGetName(), await named.close()];
});
await step("clientInfo", async () => {
  const { db, sub, psub, multi, cmd, user, resp, flags } = await client.clientInfo();
  return { db, sub, psub, multi, cmd, user, resp, flags };
});
await step("clientKill", async () => {
  const victim = await connected();
  const ready = next(victim, "ready");
  const found = [await client.clientKill({ filter: "ID", id: await victim.clientId() }), await ready, await victim.get(k)];
  return [...found, await victim.close()];
});
await step("clientUnblock", async () => {
  const victim = await connected();
  const id = await victim.clientId();
  const waiting = victim.blPop(key("none"), 10);
  return [await until(() => client.clientUnblock(id), (count) => count === 1), await waiting, await victim.close()];
});
await step("clientPause", async () => [await client.clientPause(1, "WRITE"), await client.clientUnpause(), await client.clientNoEvict(true), await client.clientCaching(true).catch(String)]);
await step("hello", async () => {
  const { server, proto, role } = await client.hello(3);
  return { server, proto, role };
});
await step("info", async () => (await client.info("replication")).includes("role:master"));
await step("time", async () => Math.abs((await client.time())[0] - Date.now() / 1000) < 60);
await step("commands about commands", async () => [(await client.commandCount()) > 200, (await client.commandInfo(["get"]))[0].name, await client.commandGetKeys(["SET", "a", "b"])]);

await step("the events of a life", async () => {
  const events = collected(), short = made();
  for (const event of ["connect", "ready", "end"]) short.on(event, () => events(event, short.isOpen, short.isReady));
  await short.connect();
  await short.close();
  return [await events.reach(3), await refused(short.get(k))];
});
await step("the offline queue", async () => {
  const early = made();
  const [, ...found] = await Promise.all([early.connect(), early.set(k, "early"), early.get(k), early.multi().incr(key("early")).exec()]);
  return [found, await early.close()];
});
await step("no offline queue", async () => {
  const strict = made({ disableOfflineQueue: true });
  const connecting = strict.connect();
  const error = await refused(strict.get(k));
  await connecting;
  return [error.name, await strict.get(k), await strict.close()];
});
await step("a queue that is full", async () => {
  const short = await connected({ commandsQueueMaxLength: 20 });
  const found = await Promise.all(Array.from({ length: 21 }, () => refused(short.get(k))));
  short.destroy();
  return found;
});
await step("nobody is there", async () => {
  const lonely = createClient({ socket: { host: HOST, port: 1, reconnectStrategy: (tries) => (tries > 1 ? new Error("given up") : 1) } });
  lonely.on("error", () => {});
  return refused(lonely.connect());
});
await step("pings by itself", async () => {
  const pinging = await connected({ pingInterval: 5 });
  const pong = await next(pinging, "ping-interval");
  pinging.destroy();
  return pong;
});
await step("destroy", async () => {
  const short = await connected();
  const waiting = refused(short.blPop(key("none"), 10));
  short.destroy();
  return [(await waiting).name, short.isOpen];
});
await step("quit", async () => {
  const short = await connected();
  return [await short.quit(), short.isOpen];
});
await step("reset", async () => {
  const short = await connected({ name: "kept" });
  const found = [await short.clientSetName("x"), await short.watch(k), await short.reset(), await short.clientGetName(), await short.set(k, "1")];
  return [...found, await short.close()];
});
await step("a duplicate", async () => {
  const twin = await client.duplicate({ name: "twin" }).connect();
  return [await twin.clientGetName(), await twin.close()];
});

await step("users", async () => {
  const said = [await client.aclSetUser("limited", ["on", ">secret", "~{f}*", "+get", "+acl|whoami", "+ping", "+client", "+hello", "+auth"])];
  for (const RESP of [2, 3]) {
    const limited = await connected({ RESP, username: "limited", password: "secret" });
    said.push(await limited.aclWhoAmI(), await limited.get(k), await refused(limited.set(k, "1")), await refused(limited.get("elsewhere")), await limited.close());
    const wrong = made({ RESP, username: "limited", password: "wrong", socket: { ...socket, reconnectStrategy: false } });
    said.push(await refused(wrong.connect()));
  }
  const later = await connected();
  said.push(await later.auth({ username: "limited", password: "secret" }), await later.aclWhoAmI(), await later.close());
  return [...said, await client.aclDelUser("limited"), (await client.aclUsers()).length];
});

await step("close", () => client.close());
process.exit(0);
