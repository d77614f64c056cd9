// What every program here shares: a step has a name, and what comes of it, a value or an error, is printed as one line of JSON. So the lines of
// two servers can be compared. What differs from one run to the next (ids, addresses, times) is left out or replaced by the step itself.

import { createRequire } from "node:module";

export const load = createRequire(`${process.env.TIDEOVER_NODE_MODULES}/`);
export const [HOST, PORT] = process.env.REDIS.split(":");
/** A key with the tag of all those that have to be in one slot. */
export const key = (name) => `{f}:${name}`;

const PATIENCE = 20_000;

export async function step(name, act) {
  let line;
  try {
    line = { step: name, result: plain(await within(act())) };
  } catch (error) {
    line = { step: name, error: plain(error) };
  }
  console.log(JSON.stringify(line));
}

/** Rejects after a while, so that a step that hangs is told by its name. */
function within(promise) {
  let timer;
  const end = new Promise((_, fail) => (timer = setTimeout(() => fail(new Error("no end")), PATIENCE)));
  return Promise.race([promise, end]).finally(() => clearTimeout(timer));
}

/** Asks until the answer is the wanted one; returns the last answer. */
export async function until(look, fits) {
  const end = Date.now() + PATIENCE / 2;
  for (;;) {
    const found = await look();
    if (fits(found) || Date.now() > end) return found;
    await new Promise((done) => setTimeout(done, 5));
  }
}

/** The next arguments of an event. */
export const next = (emitter, event) => new Promise((done) => emitter.once(event, (...args) => done(args)));

export const refused = (promise) => promise.then((value) => ({ value }), (error) => error);

/** A list that others add to, and that can be awaited. */
export function collected() {
  const all = [];
  const add = (...args) => void all.push(args);
  return Object.assign(add, { all, reach: (count) => until(() => [...all], (found) => found.length >= count) });
}

/** Makes of any value one that JSON has, without losing its type. */
export function plain(value) {
  if (value === undefined) return "undefined";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "function";
  if (value === null || typeof value !== "object") return value;
  if (Buffer.isBuffer(value)) return { buffer: value.toString("latin1") };
  if (value instanceof AggregateError) return `AggregateError: ${value.errors.map(plain).join("; ")}`;
  if (value instanceof Error) return `${value.name}: ${value.message}`.replaceAll(process.env.REDIS, "REDIS");
  if (value instanceof Map) return { map: [...value].map(plain) };
  if (value instanceof Set) return { set: [...value].map(plain) };
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, plain(entry)]));
}

/** The fields of a line of CLIENT LIST. */
export const fields = (line) => Object.fromEntries(line.trim().split(" ").map((field) => field.split(/=(.*)/s).slice(0, 2)));
