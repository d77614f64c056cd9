// ioredis on data: arguments and replies, pipelines, auto-pipelining, transactions, scripts, streams, blocking commands, scans.

import { HOST, PORT, collected, key, load, next, refused, step, until } from "./steps.mjs";

const { Redis, Command } = load("ioredis");
const options = { host: HOST, port: Number(PORT) };
const client = new Redis(options);
const other = new Redis(options);
const k = key("k");

await step("flushall", () => client.flushall());
await step("set with options", () => client.set(k, "v", "EX", 100, "NX"));
await step("set that is refused", () => client.set(k, "w", "NX"));
await step("set with GET", () => client.set(k, "w", "GET"));
await step("a callback", () => new Promise((done) => client.get(k, (...args) => done(args))));
await step("buffers", async () => [await client.set(k, Buffer.from([0, 13, 10, 255])), await client.getBuffer(k), await client.callBuffer("GET", k)]);
await step("an object for a hash", async () => [await client.hset(key("h"), { a: 1, b: "two" }), await client.hgetall(key("h"))]);
await step("a map for a hash", async () => [await client.hmset(key("h"), new Map([["c", 3]])), await client.hgetallBuffer(key("h"))]);
await step("a map for many keys", async () => [await client.mset(new Map([[key("m1"), 1], [key("m2"), 2]])), await client.mget(key("m1"), key("m2"))]);
await step("nested lists of arguments", () => client.mget([key("m1"), key("m2"), key("none")]));
await step("call", () => client.call("GETRANGE", k, 0, 1));
await step("numbers as strings", async () => {
  const exact = client.duplicate({ stringNumbers: true });
  const found = [await exact.set(key("n"), "9007199254740993"), await exact.incr(key("n"))];
  await exact.quit();
  return found;
});
await step("a prefix", async () => {
  const short = client.duplicate({ keyPrefix: key("p:") });
  const found = [await short.set("a", 1), await client.get(key("p:a")), await short.eval("return KEYS", 1, "a"), await short.sort("a").catch(String)];
  await short.quit();
  return found;
});
await step("an error", () => client.lpush(key("m1"), 1));
await step("an unknown command", () => client.call("NOSUCH", "a"));
await step("a wrong number of arguments", () => client.call("GET"));
await step("transformers", async () => {
  Command.setReplyTransformer("lrange", (list) => list.map((item) => `<${item}>`));
  Command.setArgumentTransformer("rpush", (args) => args.flat().map(String));
  const found = [await client.rpush(key("l"), "a", "b"), await client.lrange(key("l"), 0, -1)];
  delete Command._transformer.reply.lrange;
  delete Command._transformer.argument.rpush;
  return found;
});

await step("a pipeline", () => client.pipeline().set(k, 1).incr(k).lpush(k, 1).get(k).exec());
await step("a pipeline from lists", () => client.pipeline([["incr", k], ["get", k], ["call", "nosuch"]]).exec());
await step("a pipeline with callbacks", async () => {
  const heard = collected();
  const all = await client.pipeline().incr(k, heard).hgetall(key("h"), heard).exec();
  return [all, heard.all];
});
await step("a pipeline of buffers", () => client.pipeline().getBuffer(k).exec());
await step("a long pipeline", async () => {
  const pipeline = client.pipeline();
  for (let at = 0; at < 5000; at++) pipeline.incr(key("long"));
  const replies = await pipeline.exec();
  return [replies.length, replies.every(([error, value], at) => error === null && value === at + 1)];
});
await step("a multi in a pipeline", () => client.pipeline().get(k).multi().incr(k).get(k).exec().exec());

await step("a multi", () => client.multi().incr(k).get(k).exec());
await step("a multi with an error", () => client.multi().lpush(k, 1).get(k).exec());
await step("a multi that cannot be queued", () => client.multi().call("GET").get(k).exec());
await step("a multi without a pipeline", async () => {
  const said = [await client.multi({ pipeline: false }), await client.set(k, "q"), await client.get(k)];
  return [...said, await client.exec()];
});
await step("a multi that is discarded", async () => [await client.multi({ pipeline: false }), await client.incr(key("d")), await client.discard(), await client.get(key("d"))]);
await step("a watch that holds", async () => [await client.watch(k), await client.multi().set(k, 1).exec()]);
await step("a watch that is broken", async () => [await client.watch(k), await other.set(k, 2), await client.multi().set(k, 3).exec(), await client.get(k)]);
await step("a watch that is ended", async () => [await client.watch(k), await other.set(k, 4), await client.unwatch(), await client.multi().get(k).exec()]);

const auto = new Redis({ ...options, enableAutoPipelining: true, autoPipeliningIgnoredCommands: ["ping"] });
await next(auto, "ready");
await step("auto-pipelining", () => Promise.all([auto.set(key("a"), 1), auto.incr(key("a")), auto.ping(), auto.get(key("a")), auto.mget(key("a"), k)]));
await step("an error in an automatic pipeline", () => Promise.all([auto.get(key("a")), refused(auto.lpush(key("a"), 1)), auto.get(key("a"))]));
await step("many at once", async () => {
  const all = await Promise.all(Array.from({ length: 1000 }, () => auto.incr(key("many"))));
  return all.every((value, at) => value === at + 1);
});
await step("their number in the queue", async () => [auto.autoPipelineQueueSize, await auto.quit()]);

await step("a script", () => client.eval("return {KEYS[1], ARGV[1], redis.call('GET', KEYS[1])}", 1, k, "x"));
client.defineCommand("mine", { numberOfKeys: 2, lua: "return {KEYS[1], KEYS[2], ARGV[1]}" });
client.defineCommand("open", { lua: "return {#KEYS, #ARGV}", readOnly: true });
await step("a defined command", () => client.mine(key("1"), key("2"), "x"));
await step("its reply as a buffer", () => client.mineBuffer(key("1"), key("2"), "x"));
await step("one with any number of keys", () => client.open(2, key("1"), key("2"), "x", "y"));
await step("one whose script the server has forgotten", async () => [await client.script("FLUSH"), await client.mine(key("1"), key("2"), "y")]);
await step("one in a pipeline", async () => [await client.script("FLUSH"), await client.pipeline().set(k, 1).mine(k, k, "z").get(k).exec()]);
await step("one in a multi", () => client.multi().mine(k, k, "m").get(k).exec());
await step("a script that is an option", async () => {
  const scripted = client.duplicate({ scripts: { twice: { numberOfKeys: 1, lua: "return redis.call('INCRBY', KEYS[1], 2)" } } });
  return [await scripted.twice(k), await scripted.quit()];
});
await step("evalsha of nothing", () => client.evalsha("0".repeat(40), 0));
await step("script load and exists", async () => {
  const sha = await client.script("LOAD", "return 7");
  return [sha, await client.script("EXISTS", sha, "0".repeat(40)), await client.evalsha(sha, 1, k)];
});
await step("an error of a script", () => client.eval("return redis.error_reply('MINE is wrong')", 1, k));
await step("a function", async () => {
  const code = "#!lua name=ours\nredis.register_function('plus', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)";
  return [await client.function("LOAD", "REPLACE", code), await client.fcall("plus", 1, k, 5), await client.function("DELETE", "ours")];
});

const stream = key("stream");
await step("a stream", async () => [await client.xadd(stream, "1-1", "a", 1), await client.xadd(stream, "1-2", "b", 2), await client.xlen(stream), await client.xrange(stream, "-", "+", "COUNT", 1)]);
await step("a group", async () => [await client.xgroup("CREATE", stream, "g", "0"), await client.xreadgroup("GROUP", "g", "one", "COUNT", 1, "STREAMS", stream, ">"), await client.xpending(stream, "g"), await client.xack(stream, "g", "1-1")]);
await step("a consumer takes over", async () => [await client.xreadgroup("GROUP", "g", "one", "STREAMS", stream, ">"), await client.xclaim(stream, "g", "two", 0, "1-2"), await client.xautoclaim(stream, "g", "three", 0, "0"), await client.xinfo("GROUPS", stream)]);
await step("a read that waits", async () => {
  const reading = client.xread("BLOCK", 10000, "STREAMS", stream, "$");
  await until(() => other.client("LIST").then((list) => list.includes("cmd=xread ")), Boolean);
  await other.xadd(stream, "2-1", "c", 3);
  return reading;
});
await step("a group that waits", async () => {
  const reading = client.xreadgroup("GROUP", "g", "two", "BLOCK", 10000, "STREAMS", stream, ">");
  const first = await reading;
  const second = client.xreadgroup("GROUP", "g", "two", "BLOCK", 10000, "STREAMS", stream, ">");
  await until(() => other.client("LIST").then((list) => list.includes("cmd=xreadgroup ")), Boolean);
  await other.xadd(stream, "2-2", "d", 4);
  return [first, await second];
});

for (const [name, wait, push] of [
  ["blpop", () => client.blpop(key("b1"), key("b2"), 10), () => other.rpush(key("b2"), "x")],
  ["brpop", () => client.brpop(key("b1"), 10), () => other.rpush(key("b1"), "x", "y")],
  ["brpoplpush", () => client.brpoplpush(key("b3"), key("b4"), 10), () => other.rpush(key("b3"), "x")],
  ["blmove", () => client.blmove(key("b3"), key("b4"), "LEFT", "RIGHT", 10), () => other.rpush(key("b3"), "z")],
  ["blmpop", () => client.blmpop(10, 1, key("b5"), "LEFT", "COUNT", 2), () => other.rpush(key("b5"), "x", "y", "z")],
  ["bzpopmin", () => client.bzpopmin(key("z1"), 10), () => other.zadd(key("z1"), 1.5, "m")],
  ["bzmpop", () => client.bzmpop(10, 1, key("z2"), "MAX"), () => other.zadd(key("z2"), 1, "m", 2, "n")],
]) {
  await step(`${name} waits`, async () => {
    const waiting = wait();
    await until(() => other.client("LIST").then((list) => list.includes(`cmd=${name} `)), Boolean);
    return [await push(), await waiting];
  });
}
await step("a wait that ends in vain", () => client.blpop(key("none"), 0.05));
await step("a wait that the library ends", async () => {
  const strict = client.duplicate({ commandTimeout: 100 });
  const found = [await refused(strict.blpop(key("none"), 5))];
  strict.disconnect();
  return found;
});
await step("a client that is unblocked", async () => {
  const id = await client.client("ID");
  const waiting = refused(client.blpop(key("none"), 10));
  const ended = await until(() => other.client("UNBLOCK", id, "ERROR"), (count) => count === 1);
  return [ended, await waiting];
});

async function whole(stream) {
  const found = [];
  for await (const part of stream) found.push(...part);
  return found.map(String).sort();
}
await step("what scans are of", async () => {
  const pipeline = client.pipeline();
  for (let at = 0; at < 300; at++) pipeline.set(`scan:${at}`, at).sadd(key("set"), at).hset(key("hash"), at, at).zadd(key("zset"), at, at);
  const replies = await pipeline.exec();
  return replies.filter(([error]) => error).length;
});
await step("a scan", () => whole(client.scanStream({ match: "scan:*", count: 20 })));
await step("a scan of a type", () => whole(client.scanStream({ type: "zset", match: "*zset" })));
await step("a scan of buffers", () => whole(client.scanBufferStream({ match: "scan:1*" })));
await step("hscan", () => whole(client.hscanStream(key("hash"), { match: "1*", count: 7 })));
await step("sscan", () => whole(client.sscanStream(key("set"), { match: "2*" })));
await step("zscan", () => whole(client.zscanStream(key("zset"), { match: "3*" })));
await step("a scan that is paused and ended", async () => {
  const scan = client.scanStream({ match: "scan:*", count: 10 });
  const [first] = await next(scan, "data");
  scan.pause();
  scan.close();
  return [first.length > 0, await client.ping()];
});

await step("sort", async () => [await client.rpush(key("s"), 3, 1, 2), await client.sort(key("s"), "DESC"), await client.sort(key("s"), "STORE", key("sorted"))]);
await step("geo", async () => [await client.geoadd(key("geo"), 13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania"), await client.geosearch(key("geo"), "FROMLONLAT", 15, 37, "BYRADIUS", 200, "km", "ASC", "WITHDIST")]);
await step("bits", async () => [await client.bitfield(key("bits"), "INCRBY", "u8", 0, 200, "OVERFLOW", "FAIL", "INCRBY", "u8", 0, 100), await client.getBuffer(key("bits"))]);
await step("dump and restore", async () => [await client.restore(key("copy"), 0, await client.dumpBuffer(key("l"))), await client.lrange(key("copy"), 0, -1)]);
await step("object and memory", async () => [await client.object("ENCODING", key("l")), (await client.memory("USAGE", key("l"))) > 0]);
await step("wait", () => client.wait(0, 100));
await step("dbsize", () => client.dbsize());
await step("keys", async () => (await client.keys("scan:29*")).sort());
await step("quit", async () => [await client.quit(), await other.quit()]);
process.exit(0);
