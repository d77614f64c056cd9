// node-redis on data: arguments and replies, types, pipelines, transactions, scripts and functions, streams, blocking commands, iterators, the pool.

import { HOST, PORT, collected, key, load, refused, step, until } from "./steps.mjs";

const { RESP_TYPES, createClient, createClientPool, defineScript } = load("redis");
const socket = { host: HOST, port: Number(PORT) };
const k = key("k");

async function connected(options = {}) {
  const made = createClient({ socket, ...options });
  made.on("error", () => {});
  return made.connect();
}

const both = defineScript({
  NUMBER_OF_KEYS: 1,
  SCRIPT: "return {redis.call('INCRBY', KEYS[1], ARGV[1]), ARGV[1]}",
  parseCommand: (parser, name, by) => (parser.pushKey(name), parser.push(String(by))),
  transformReply: ([sum, by]) => ({ sum, by }),
});
const plus = {
  NUMBER_OF_KEYS: 1,
  parseCommand: (parser, name, by) => (parser.pushKey(name), parser.push(String(by))),
  transformReply: (sum) => sum * 10,
};
const CODE = "#!lua name=ours\nredis.register_function('plus', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)";

for (const RESP of [2, 3]) {
  const client = await connected({ RESP, scripts: { both }, functions: { ours: { plus } } });
  const other = await connected();
  const is = (name, act) => step(`RESP${RESP}: ${name}`, act);

  await is("flushAll", () => client.flushAll());
  await is("set with options", () => client.set(k, "v", { expiration: { type: "EX", value: 100 }, condition: "NX" }));
  await is("set that is refused", () => client.set(k, "w", { condition: "NX" }));
  await is("set with GET", () => client.set(k, "w", { GET: true }));
  await is("buffers", async () => [await client.set(k, Buffer.from([0, 13, 10, 255])), await client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }).get(k)]);
  await is("sendCommand", () => client.sendCommand(["GETRANGE", k, "0", "1"]));
  await is("an object for a hash", async () => [await client.hSet(key("h"), { a: 1, b: "two" }), await client.hGetAll(key("h")), await client.hmGet(key("h"), ["a", "z"])]);
  await is("a map of the reply", () => client.withTypeMapping({ [RESP_TYPES.MAP]: Map }).hGetAll(key("h")));
  await is("a map for a hash", () => client.hSet(key("h"), new Map([["c", "3"]])));
  await is("many keys", async () => [await client.mSet({ [key("m1")]: "1", [key("m2")]: "2" }), await client.mGet([key("m1"), key("m2"), key("none")])]);
  await is("sorted sets", async () => [await client.zAdd(key("z"), [{ score: 1.5, value: "a" }, { score: Infinity, value: "b" }]), await client.zRangeWithScores(key("z"), 0, -1), await client.zScore(key("z"), "a"), await client.zIncrBy(key("z"), 2, "a")]);
  await is("sets", async () => [await client.sAdd(key("s"), ["a", "b"]), (await client.sMembers(key("s"))).sort(), await client.sIsMember(key("s"), "a"), await client.smIsMember(key("s"), ["a", "z"])]);
  await is("lists", async () => [await client.rPush(key("l"), ["a", "b", "c"]), await client.lRange(key("l"), 0, -1), await client.lPos(key("l"), "b"), await client.lPopCount(key("l"), 2)]);
  await is("geo", async () => [await client.geoAdd(key("g"), [{ longitude: 13.361389, latitude: 38.115556, member: "Palermo" }]), await client.geoPos(key("g"), "Palermo"), await client.geoSearchWith(key("g"), { longitude: 15, latitude: 37 }, { radius: 300, unit: "km" }, ["WITHDIST", "WITHCOORD"])]);
  await is("bits", async () => [await client.setBit(key("bits"), 7, 1), await client.bitField(key("bits"), [{ operation: "INCRBY", encoding: "u8", offset: 0, increment: 10 }]), await client.bitCount(key("bits"))]);
  await is("times", async () => [await client.expire(k, 100), (await client.ttl(k)) > 90, await client.persist(k), await client.expireTime(k)]);
  await is("types", async () => [await client.type(key("h")), await client.objectEncoding(key("l")), await client.exists([k, key("none")]), await client.touch([k])]);
  await is("hyperloglog", async () => [await client.pfAdd(key("pf"), ["a", "b"]), await client.pfCount(key("pf"))]);
  await is("dump and restore", async () => [await client.restore(key("copy"), 0, await client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }).dump(key("m1"))), await client.get(key("copy"))]);
  await is("sort", async () => [await client.rPush(key("numbers"), ["3", "1", "2"]), await client.sort(key("numbers"), { DIRECTION: "DESC" })]);
  await is("an error", () => client.lPush(k, "x"));
  await is("an unknown command", () => client.sendCommand(["NOSUCH", "a"]));
  await is("a wrong number of arguments", () => client.sendCommand(["GET"]));

  await is("a pipeline by itself", () => Promise.all([client.set(k, "1"), client.incr(k), refused(client.lPush(k, "x")), client.get(k)]));
  await is("many at once", async () => (await Promise.all(Array.from({ length: 5000 }, () => client.incr(key("many"))))).every((value, at) => value === at + 1));
  await is("commands that come first", () => client.asap().get(k));
  await is("execAsPipeline", () => client.multi().set(k, "5").incr(k).get(k).execAsPipeline());
  await is("an error in execAsPipeline", async () => {
    const error = await refused(client.multi().lPush(k, "x").get(k).execAsPipeline());
    return [error.message ?? error, error.replies];
  });
  await is("a command that is given up", async () => {
    const control = new AbortController();
    const given = refused(client.withAbortSignal(control.signal).get(k));
    control.abort();
    return (await given).name;
  });

  await is("multi", () => client.multi().incr(k).get(k).hGetAll(key("h")).exec());
  await is("multi with an error", async () => {
    const error = await refused(client.multi().lPush(k, "x").get(k).exec());
    return [error.message, error.replies, error.errorIndexes];
  });
  await is("multi that cannot be queued", () => refused(client.multi().addCommand(["GET"]).get(k).exec()));
  await is("a watch that holds", async () => [await client.watch(k), await client.multi().set(k, "1").exec()]);
  await is("a watch that is broken", async () => [await client.watch(k), await other.set(k, "2"), await refused(client.multi().set(k, "3").exec()), await client.get(k)]);
  await is("a watch that is ended", async () => [await client.watch([k]), await other.set(k, "4"), await client.unwatch(), await client.multi().get(k).exec()]);
  await is("typed results", () => client.multi().set(k, "6").hGetAll(key("h")).execTyped());

  await is("eval", () => client.eval("return {KEYS[1], ARGV[1]}", { keys: [k], arguments: ["x"] }));
  await is("a script", () => client.both(k, 3));
  await is("a script that the server has forgotten", async () => [await client.scriptFlush(), await client.both(k, 4)]);
  await is("a script in multi", async () => [await client.scriptFlush(), await client.multi().both(k, 5).get(k).exec()]);
  await is("script load and exists", async () => {
    const sha = await client.scriptLoad("return 7");
    return [await client.scriptExists([sha, "0".repeat(40)]), await client.evalSha(sha), await refused(client.evalSha("0".repeat(40)))];
  });
  await is("a function", async () => [await client.functionLoad(CODE, { REPLACE: true }), await client.ours.plus(k, 1), await client.fCall("plus", { keys: [k], arguments: ["1"] }), (await client.functionList()).map((found) => found.library_name), await client.functionDelete("ours")]);

  const stream = key("stream");
  await is("streams", async () => [await client.xAdd(stream, "1-1", { a: "1" }), await client.xAdd(stream, "1-2", { b: "2" }), await client.xLen(stream), await client.xRange(stream, "-", "+", { COUNT: 1 })]);
  await is("groups", async () => [await client.xGroupCreate(stream, "g", "0"), await client.xReadGroup("g", "one", { key: stream, id: ">" }, { COUNT: 1 }), await client.xPending(stream, "g"), await client.xAck(stream, "g", "1-1")]);
  await is("a consumer takes over", async () => [await client.xReadGroup("g", "one", { key: stream, id: ">" }), await client.xClaim(stream, "g", "two", 0, "1-2"), await client.xAutoClaim(stream, "g", "three", 0, "0"), (await client.xInfoGroups(stream)).length]);

  const waits = async (name, wait, push) => is(`${name} waits`, async () => {
    const waiting = wait();
    await until(() => other.clientList(), (list) => list.some((entry) => entry.cmd === name && entry.flags.includes("b")));
    return [await push(), await waiting];
  });
  await waits("xread", () => client.xRead({ key: stream, id: "$" }, { BLOCK: 10000 }), () => other.xAdd(stream, "2-1", { c: "3" }));
  await waits("blpop", () => client.blPop([key("b1"), key("b2")], 10), () => other.rPush(key("b2"), "x"));
  await waits("brpop", () => client.brPop(key("b1"), 10), () => other.rPush(key("b1"), ["x", "y"]));
  await waits("blmove", () => client.blMove(key("b3"), key("b4"), "LEFT", "RIGHT", 10), () => other.rPush(key("b3"), "z"));
  await waits("blmpop", () => client.blmPop(10, key("b5"), "LEFT", { COUNT: 2 }), () => other.rPush(key("b5"), ["x", "y", "z"]));
  await waits("bzpopmin", () => client.bzPopMin(key("z1"), 10), () => other.zAdd(key("z1"), { score: 1.5, value: "m" }));
  await waits("bzmpop", () => client.bzmPop(10, key("z2"), "MAX"), () => other.zAdd(key("z2"), { score: 1, value: "m" }));
  await is("a wait that ends in vain", () => client.blPop(key("none"), 0.05));

  const whole = async (iterator) => {
    const found = [];
    for await (const part of iterator) found.push(...part);
    return found.map((item) => JSON.stringify(item)).sort();
  };
  await is("what scans are of", async () => {
    const all = Array.from({ length: 200 }, (_, at) => Promise.all([client.set(`scan:${at}`, at.toString()), client.sAdd(key("set"), `${at}`), client.hSet(key("hash"), `${at}`, at), client.zAdd(key("zset"), { score: at, value: `${at}` })]));
    return (await Promise.all(all)).length;
  });
  await is("scanIterator", () => whole(client.scanIterator({ MATCH: "scan:*", COUNT: 20 })));
  await is("scanIterator of a type", () => whole(client.scanIterator({ TYPE: "zset", MATCH: "*zset" })));
  await is("hScanIterator", () => whole(client.hScanIterator(key("hash"), { MATCH: "1*" })));
  await is("sScanIterator", () => whole(client.sScanIterator(key("set"), { COUNT: 7 })));
  await is("zScanIterator", () => whole(client.zScanIterator(key("zset"))));
  await is("keys", async () => (await client.keys("scan:19*")).sort());
  await is("dbSize", () => client.dbSize());
  await is("a prefix", async () => {
    const short = await connected({ RESP, keyPrefix: key("p:") });
    const found = [await short.set("a", "1"), await client.get(key("p:a"))];
    await short.close();
    return found;
  });

  await is("a pool", async () => {
    const pool = createClientPool({ socket, RESP }, { minimum: 2, maximum: 5 });
    pool.on("error", () => {});
    await pool.connect();
    const waiting = pool.blPop(key("pooled"), 10);
    const found = [await Promise.all(Array.from({ length: 20 }, () => pool.incr(key("pool")))).then((all) => all.sort((a, b) => a - b))];
    found.push(await pool.execute(async (one) => (await one.watch(k), one.multi().get(k).exec())), await pool.rPush(key("pooled"), "x"), await waiting, await pool.multi().get(k).exec());
    await pool.close();
    return found;
  });
  await is("the legacy interface", () => new Promise((done) => client.legacy().get(k, (...args) => done(args))));
  await is("close", async () => [await other.close(), await client.close(), client.isOpen]);
}
process.exit(0);
