// The plainest of workers with ioredis: BLPOP for ever.

import { PREFIX, PROXY, load, produce, rounds, write } from "./books.mjs";

const Redis = load("ioredis").Redis;
const client = new Redis(`redis://${PROXY}/0`);
client.on("error", (error) => write("saw", 0, `event: ${error.name}: ${error.message}`));
const key = `${PREFIX}jobs`;

if (process.argv[2] === "work") {
  await rounds(async () => (await client.blpop(key, 5))?.[1]);
} else {
  await produce((number) => client.rpush(key, number));
}
