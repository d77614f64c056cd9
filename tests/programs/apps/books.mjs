// What every program of node's writes down, in a Redis that no fault reaches and no proxy is before; its clock stamps
// each entry.

import { createRequire } from "node:module";

// The packages lie beside the build and not above these files.
export const load = createRequire(`${process.env.TIDEOVER_NODE_MODULES}/`);

const Redis = load("ioredis").Redis;
const books = new Redis(`redis://${process.env.BOOKS}/0`);

export const { NAME, PROXY, PREFIX } = process.env;
export const [HOST, PORT] = PROXY.split(":");
export const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

export function write(kind, job, text = "") {
  const by = process.env.WORKER ?? "producer";
  return books.xadd(`${kind}:${NAME}`, "*", "job", job, "by", by, "text", String(text).slice(0, 300));
}

/** Adds one job after the other until the books say stop; what comes of each is written down, before `then` is done. */
export async function produce(add, then = () => {}) {
  for (let number = 1; !(await books.exists("stop")); number++) {
    await write("asked", number);
    try {
      await add(number);
      await write("acked", number);
    } catch (error) {
      await write("refused", number, `${error.name}: ${error.message}`);
    }
    await then();
    await pause(Number(process.env.PACE));
  }
  process.exit(0);
}

/** One round of a worker after the other; what goes wrong in one is written down and the next one tries again. */
export async function rounds(pop) {
  for (;;) {
    try {
      const job = await pop();
      if (job) await write("done", job);
    } catch (error) {
      await write("saw", 0, `${error.name}: ${error.message}`);
      await pause(0.1);
    }
  }
}
