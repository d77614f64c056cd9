// ioredis and databases: a cluster has one.

import { HOST, PORT, fields, key, load, next, step } from "./steps.mjs";

const { Redis } = load("ioredis");
const options = { host: HOST, port: Number(PORT) };
const client = new Redis(options);
const k = key("k");

await step("flushall", () => client.flushall());
const third = new Redis({ ...options, db: 3 });
third.on("error", () => {});
await step("a database", async () => [await third.set(k, "third"), await third.get(k), await third.dbsize(), fields(await third.client("INFO")).db]);
await step("another database", async () => [await third.select(4), await third.get(k), await third.set(k, "fourth"), await third.move(k, 5)]);
await step("a database that there is not", () => third.call("SELECT", 99));
await step("the database after a new connection", async () => {
  third.disconnect(true);
  await next(third, "ready");
  return [await third.set(k, "4"), fields(await third.client("INFO")).db];
});
await step("swapdb", () => client.swapdb(4, 6));
await step("copy to a database", () => third.copy(k, k, "DB", 7, "REPLACE"));
await step("flushdb", async () => [await third.flushdb(), await third.dbsize()]);
await step("quit", async () => [await third.quit(), await client.quit()]);
process.exit(0);
