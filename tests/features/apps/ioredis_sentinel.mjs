// ioredis by way of sentinels: it asks them for the master, and watches them.

import { HOST, PORT, collected, key, load, next, plain, refused, step } from "./steps.mjs";

const { Redis } = load("ioredis");
const sentinels = [{ host: HOST, port: Number(PORT) }];
const options = { sentinels, name: "mymaster" };
const client = new Redis(options);
const k = key("k");

await step("ready", async () => [await next(client, "ready"), client.status]);
await step("flushall", () => client.flushall());
await step("commands", async () => [await client.set(k, 1), await client.incr(k), await client.multi().get(k).exec(), await client.pipeline().incr(k).get(k).exec()]);
await step("it is a master", async () => (await client.info("replication")).includes("role:master"));
await step("ROLE", async () => (await client.role())[0]);
await step("a name", async () => {
  const named = new Redis({ ...options, connectionName: "named" });
  return [await named.client("GETNAME"), await named.quit()];
});
await step("a subscriber", async () => {
  const sub = new Redis(options), told = collected();
  sub.on("message", told);
  return [await sub.subscribe("news"), await client.publish("news", "x"), await told.reach(1), await sub.unsubscribe("news"), await sub.quit()];
});
await step("an end that it survives", async () => {
  const victim = new Redis(options);
  await client.client("KILL", "ID", await victim.client("ID"));
  return [await next(victim, "ready"), await victim.get(k), await victim.quit()];
});
await step("a failover detector", async () => {
  const watching = new Redis({ ...options, failoverDetector: true });
  return [await watching.get(k), await watching.quit()];
});
await step("sentinels learn of others", async () => {
  const updating = new Redis({ ...options, sentinels: [...sentinels], updateSentinels: true });
  return [await updating.get(k), await updating.quit()];
});
await step("another name", async () => {
  const wrong = new Redis({ ...options, name: "other", sentinelRetryStrategy: () => null, retryStrategy: () => null, lazyConnect: true });
  wrong.on("error", () => {});
  return refused(wrong.connect()).then((error) => error.message ?? error);
});
await step("a sentinel that is away", async () => {
  const made = new Redis({ ...options, sentinels: [{ host: HOST, port: 1 }, ...sentinels] });
  return [await made.get(k), await made.quit()];
});
await step("no sentinel", async () => {
  const lonely = new Redis({ ...options, sentinels: [{ host: HOST, port: 1 }], sentinelRetryStrategy: () => null, retryStrategy: () => null, lazyConnect: true });
  lonely.on("error", () => {});
  return refused(lonely.connect()).then((error) => error.message);
});
await step("a replica", async () => {
  const reader = new Redis({ ...options, role: "slave", sentinelRetryStrategy: () => null, retryStrategy: () => null, lazyConnect: true });
  reader.on("error", () => {});
  const told = await refused(reader.connect());
  if (told instanceof Error) return told.message;
  const found = [(await reader.role())[0]];
  reader.disconnect();
  return found;
});
await step("questions to a sentinel", async () => {
  const asking = new Redis({ host: HOST, port: Number(PORT), enableReadyCheck: false });
  const masters = await asking.call("SENTINEL", "masters");
  const said = [masters.length, (await asking.call("SENTINEL", "get-master-addr-by-name", "mymaster")).length, await asking.ping()];
  said.push(await asking.call("SENTINEL", "get-master-addr-by-name", "none"), await asking.call("SENTINEL", "ckquorum", "mymaster").then((text) => text.split(" ")[0], plain));
  asking.disconnect();
  return said;
});
await step("quit", () => client.quit());
process.exit(0);
