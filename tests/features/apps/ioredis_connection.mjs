// ioredis on connections: publish and subscribe, MONITOR, events of keys, CLIENT, users, RESP3, offline queues, ends.

import { HOST, PORT, collected, fields, key, load, next, plain, refused, step, until } from "./steps.mjs";

const { Redis } = load("ioredis");
const options = { host: HOST, port: Number(PORT) };
const client = new Redis(options);
const k = key("k");
const gone = (made) => (made.disconnect(), next(made, "end"));

await step("flushall", () => client.flushall());

for (const protocol of [2, 3]) {
  const sub = new Redis({ ...options, protocol }), said = (what) => `RESP${protocol}: ${what}`;
  const heard = { message: collected(), messageBuffer: collected(), pmessage: collected(), smessage: collected() };
  for (const event of ["message", "pmessage", "smessage"]) sub.on(event, heard[event]);
  await step(said("subscribe"), () => sub.subscribe("one", "two"));
  await step(said("psubscribe"), () => sub.psubscribe("t*", "o?e"));
  await step(said("ssubscribe"), () => sub.ssubscribe(key("shard")));
  await step(said("publish"), async () => [await client.publish("two", "hello"), await client.spublish(key("shard"), "there")]);
  await step(said("messages"), async () => [await heard.message.reach(1), await heard.pmessage.reach(1), await heard.smessage.reach(1)]);
  await step(said("buffers of messages"), async () => {
    sub.on("messageBuffer", heard.messageBuffer);
    return [await client.publish("one", Buffer.from([0, 255])), await heard.messageBuffer.reach(1)];
  });
  await step(said("a command of a subscriber"), () => refused(sub.get(k)));
  await step(said("a ping of a subscriber"), () => sub.ping("still there"));
  await step(said("PUBSUB"), async () => [(await client.pubsub("CHANNELS")).filter((channel) => !channel.startsWith("__sentinel__")).sort(), await client.pubsub("NUMSUB", "one", "none"), await client.pubsub("NUMPAT"), await client.pubsub("SHARDCHANNELS"), await client.pubsub("SHARDNUMSUB", key("shard"))]);
  await step(said("unsubscribe from one"), () => sub.unsubscribe("one"));
  await step(said("it subscribes again by itself"), async () => {
    sub.disconnect(true);
    await next(sub, "ready");
    await until(() => client.publish("two", "again"), (count) => count === 2);
    return (await heard.message.reach(3)).at(-1);
  });
  await step(said("unsubscribe"), () => sub.unsubscribe("two"));
  await step(said("punsubscribe"), () => sub.punsubscribe());
  await step(said("sunsubscribe"), () => sub.sunsubscribe(key("shard")));
  await step(said("plain again"), async () => [await sub.set(k, "plain"), await sub.quit()]);
}

await step("events of keys", async () => {
  const [, before] = await client.config("GET", "notify-keyspace-events");
  const events = new Redis(options), told = collected();
  events.on("pmessage", told);
  const said = [await client.config("SET", "notify-keyspace-events", "KEA"), await events.psubscribe("__keyspace@0__:{f}*", "__keyevent@0__:del")];
  await client.set(key("event"), 1);
  await client.del(key("event"));
  await told.reach(3);
  return [said, told.all.map((args) => args.join()).sort(), await client.config("SET", "notify-keyspace-events", before), await events.quit()];
});

await step("monitor", async () => {
  const monitor = await client.duplicate().monitor(), told = collected();
  monitor.on("monitor", (time, args, source, database) => /watched/.test(args) && told(time > 1e9, args, source.split(":").length, database));
  await client.set(key("watched"), "a b\n");
  await client.multi().get(key("watched")).exec();
  await client.eval("return 1", 1, key("watched"));
  await told.reach(3);
  const said = [told.all, refused(monitor.get(k)).then(String), monitor.status];
  return Promise.all([...said, gone(monitor)]);
});

await step("the name of a connection", async () => {
  const named = new Redis({ ...options, connectionName: "named", clientInfoTag: "tagged" });
  await next(named, "ready");
  const [line, ...more] = (await client.client("LIST")).split("\n").filter((line) => line.includes(" name=named "));
  const said = [await named.client("GETNAME"), more.length, (await named.client("ID")) === Number(fields(line).id), await named.client("SETNAME", "renamed"), await named.client("GETNAME")];
  return [...said, await named.quit()];
});
await step("CLIENT INFO", async () => {
  const { db, sub, psub, multi, cmd, user, resp, flags } = fields(await client.client("INFO"));
  return { db, sub, psub, multi, cmd, user, resp, flags };
});
await step("a wrong name", () => client.client("SETNAME", "a b"));
await step("SETINFO", () => client.client("SETINFO", "LIB-NAME", "mine"));
await step("a client that is killed connects again", async () => {
  const victim = new Redis(options);
  const id = await victim.client("ID");
  const events = collected();
  for (const event of ["close", "reconnecting", "ready"]) victim.on(event, () => events(event));
  const said = [await client.client("KILL", "ID", id), await events.reach(3), await victim.set(k, "back"), (await victim.client("ID")) !== id];
  return [...said, await victim.quit()];
});
await step("no-evict", () => client.client("NO-EVICT", "ON"));
await step("pause", async () => [await client.client("PAUSE", 1, "WRITE"), await client.set(k, 1)]);

await step("the events of a life", async () => {
  const events = collected(), short = new Redis({ ...options, lazyConnect: true });
  for (const event of ["connecting", "connect", "ready", "close", "end"]) short.on(event, () => events(event, short.status));
  const said = [short.status, await short.connect(), await short.quit()];
  await events.reach(5);
  return [said, events.all, await refused(short.get(k)).then(String)];
});
await step("the offline queue", async () => {
  const early = new Redis(options);
  const found = await Promise.all([early.set(k, "early"), early.get(k), early.multi().incr(key("early")).exec()]);
  return [found, await early.quit()];
});
await step("no offline queue", async () => {
  const strict = new Redis({ ...options, enableOfflineQueue: false });
  const first = await refused(strict.get(k));
  await next(strict, "ready");
  return [first, await strict.get(k), await strict.quit()];
});
await step("nobody is there", async () => {
  const lonely = new Redis({ host: HOST, port: 1, maxRetriesPerRequest: 1, retryStrategy: () => 5, lazyConnect: true });
  lonely.on("error", () => {});
  const found = await refused(lonely.get(k));
  lonely.disconnect();
  return found;
});
await step("a retry strategy that gives up", async () => {
  const done = new Redis({ ...options, retryStrategy: () => null });
  await next(done, "ready");
  const end = next(done, "end");
  await client.client("KILL", "ID", await done.client("ID"));
  return [await end, done.status];
});
await step("an error that makes it connect again", async () => {
  const careful = new Redis({ ...options, reconnectOnError: (error) => (/ONCE/.test(error.message) ? 2 : false) });
  const lua = "if redis.call('INCR', KEYS[1]) == 1 then return redis.error_reply('ONCE only') end return 'sent again'";
  return [await careful.eval(lua, 1, key("once")), await careful.quit()];
});
await step("disconnect", async () => {
  const made = new Redis(options);
  await next(made, "ready");
  const waiting = refused(made.blpop(key("none"), 10));
  made.disconnect();
  return [await waiting, made.status];
});
await step("reset", async () => {
  const made = new Redis(options);
  return [await made.client("SETNAME", "x"), await made.call("RESET"), await made.client("GETNAME"), await made.quit()];
});

await step("a duplicate", async () => {
  const twin = client.duplicate({ connectionName: "twin" });
  return [await twin.client("GETNAME"), await twin.quit()];
});
await step("users", async () => {
  const said = [await client.acl("SETUSER", "limited", "on", ">secret", "~{f}*", "+get", "+acl|whoami", "+ping", "+client", "+info", "+hello", "+auth")];
  const limited = new Redis({ ...options, username: "limited", password: "secret" });
  said.push(await limited.acl("WHOAMI"), await limited.get(k), await refused(limited.set(k, 1)), await refused(limited.get("elsewhere")), await limited.quit());
  const wrong = new Redis({ ...options, username: "limited", password: "wrong", retryStrategy: () => null });
  const errors = collected();
  wrong.on("error", (error) => errors(plain(error)));
  const first = await refused(wrong.get(k));
  await errors.reach(1);
  return [...said, first, errors.all, await client.acl("DELUSER", "limited"), (await client.acl("LIST")).length];
});

for (const replyMapping of ["legacy", "resp3"]) {
  const newer = new Redis({ ...options, protocol: 3, replyMapping });
  newer.on("error", () => {});
  await step(`RESP3, ${replyMapping}`, async () => [
    await newer.hset(key("h3"), "a", 1), await newer.hgetall(key("h3")), await newer.zadd(key("z3"), 1.5, "m"), await newer.zrange(key("z3"), 0, -1, "WITHSCORES"),
    await newer.sadd(key("s3"), "x"), await newer.smembers(key("s3")), await newer.config("GET", "maxmemory"), await newer.get(key("none")),
    await newer.del(key("x3")), await newer.xadd(key("x3"), "1-1", "a", 1), await newer.xread("STREAMS", key("x3"), "0"), await newer.eval("redis.setresp(3); return {true, false}", 1, k),
    fields(await newer.client("INFO")).resp, await newer.pipeline().hgetall(key("h3")).multi().get(k).exec().exec(),
  ]);
  await step(`RESP3, ${replyMapping}: a subscriber may all`, async () => {
    const told = collected();
    newer.on("message", told);
    return [await newer.subscribe("three"), await newer.get(key("none")).catch(String), await client.publish("three", "x"), await told.reach(1), await newer.unsubscribe()];
  });
  await step(`RESP3, ${replyMapping}: an end`, () => newer.quit());
}
await step("quit", async () => [client.quit(), await next(client, "end"), client.status]);
process.exit(0);
