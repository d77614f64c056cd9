// node-redis and databases: a cluster has one.

import { HOST, PORT, key, load, next, step } from "./steps.mjs";

const { createClient } = load("redis");
const options = { socket: { host: HOST, port: Number(PORT) } };
const client = await createClient(options).connect();
const third = createClient({ ...options, database: 3 });
third.on("error", () => {});
await third.connect();
const k = key("k");

await step("flushAll", () => client.flushAll());
await step("a database", async () => [await third.set(k, "third"), await third.get(k), await third.dbSize(), (await third.clientInfo()).db]);
await step("another database", async () => [await third.select(4), await third.get(k), await third.set(k, "fourth"), await third.move(k, 5)]);
await step("a database that there is not", () => third.sendCommand(["SELECT", "99"]));
await step("the database after a new connection", async () => {
  const ready = next(third, "ready");
  await client.clientKill({ filter: "ID", id: await third.clientId() });
  await ready;
  return [await third.set(k, "4"), (await third.clientInfo()).db];
});
await step("a database in multi", () => third.multi().select(6).set(k, "six").exec());
await step("swapDb", () => client.swapDb(4, 7));
await step("flushDb", async () => [await third.flushDb(), await third.dbSize()]);
await step("close", async () => [await third.close(), await client.close()]);
process.exit(0);
