// The plainest of workers with node-redis: BLPOP for ever.

import { PREFIX, PROXY, load, produce, rounds, write } from "./books.mjs";

const client = load("redis").createClient({ url: `redis://${PROXY}/0` });
client.on("error", (error) => write("saw", 0, `event: ${error.name}: ${error.message}`));
await client.connect();
const key = `${PREFIX}jobs`;

if (process.argv[2] === "work") {
  await rounds(async () => (await client.blPop(key, 5))?.element);
} else {
  await produce((number) => client.rPush(key, String(number)));
}
