// Three socket.io servers with two clients each, joined by an adapter; ADAPTER and LIBRARY say which, REDIS has an address for
// each server. Says what each of them finds about all, a line for each check, in an order that does not change.

import { createRequire } from "node:module";

const load = createRequire(`${process.env.TIDEOVER_NODE_MODULES}/`);
const { Server } = load("socket.io");
const { io: connect } = load("socket.io-client");
const { createAdapter, createShardedAdapter } = load("@socket.io/redis-adapter");
const { createAdapter: createStreamsAdapter } = load("@socket.io/redis-streams-adapter");
const { Emitter } = load("@socket.io/redis-emitter");
const { createClient } = load("redis");
const { Redis } = load("ioredis");

const { ADAPTER, LIBRARY } = process.env;
const addresses = process.env.REDIS.split(",");
const PATIENCE = 15_000;

async function client(address) {
  if (LIBRARY === "ioredis") return new Redis(`redis://${address}`);
  const made = createClient({ url: `redis://${address}` });
  made.on("error", (error) => console.log(`error of the client: ${error.message}`));
  await made.connect();
  return made;
}

async function adapter(address) {
  switch (ADAPTER) {
    case "streams":
      return createStreamsAdapter(await client(address));
    case "sharded":
      return createShardedAdapter(await client(address), await client(address));
    default:
      return createAdapter(await client(address), await client(address));
  }
}

async function until(what, look) {
  const end = Date.now() + PATIENCE;
  let found;
  do {
    found = await look();
    if (found === true) return;
    await new Promise((done) => setTimeout(done, 20));
  } while (Date.now() < end);
  console.log(`did not come about: ${what}, last ${JSON.stringify(found)}`);
  process.exit(1);
}

const say = (what, value) => console.log(`${what}: ${JSON.stringify(value)}`);
const outcome = (promise) => promise.then((value) => value, (error) => `${error.message}`);

const servers = [];
const sockets = [];
for (const [index, address] of addresses.entries()) {
  const server = new Server(0, { adapter: await adapter(address) });
  server.on("word", (answer, ...rest) => (typeof answer === "function" ? answer(`server ${index}`) : rest));
  servers.push(server);
  for (const name of ["a", "b"]) {
    const socket = connect(`http://127.0.0.1:${server.httpServer.address().port}`, { transports: ["websocket"] });
    socket.heard = [];
    socket.name = `${index}${name}`;
    socket.onAny((word, ...args) => {
      const answer = args.at(-1);
      if (typeof answer === "function") answer(socket.name);
      else socket.heard.push(word);
    });
    sockets.push(socket);
  }
}
await until("every client is connected", () => sockets.every((socket) => socket.connected));
for (const server of servers) {
  await until("every server knows the others", async () => {
    const count = await server.of("/").adapter.serverCount();
    return count === servers.length || count;
  });
}

const heardBy = (word) => sockets.filter((socket) => socket.heard.includes(word)).map((socket) => socket.name);
const everybody = sockets.map((socket) => socket.name).sort();

for (const [index, server] of servers.entries()) {
  const own = (what) => `server ${index}, ${what}`;
  say(own("serverCount"), await server.of("/").adapter.serverCount());
  for (let turn = 0; turn < 3; turn++) {
    say(own("fetchSockets"), (await server.fetchSockets()).length);
  }
  say(own("broadcast with acknowledgement"), await outcome(server.timeout(3000).emitWithAck("ask").then((all) => all.sort())));
  say(own("serverSideEmit"), await outcome(server.serverSideEmitWithAck("word").then((all) => all.sort())));
  const words = [`to all ${index}`, `to the room ${index}`, `nobody ${index}`];
  server.emit(words[0]);
  await until("all have heard", () => heardBy(words[0]).length === sockets.length || heardBy(words[0]));

  const room = `room ${index}`;
  const members = async () => (await server.in(room).fetchSockets()).length;
  server.socketsJoin(room);
  await until("all have joined", async () => (await members()) === sockets.length || members());
  server.to(room).emit(words[1]);
  await until("the room has heard", () => heardBy(words[1]).length === sockets.length || heardBy(words[1]));
  if (ADAPTER === "redis") say(own("allRooms"), (await server.of("/").adapter.allRooms()).has(room));
  server.socketsLeave(room);
  await until("all have left", async () => (await members()) === 0 || members());

  for (const socket of sockets) {
    const [remote] = await server.in(socket.id).fetchSockets();
    remote.join(`${room} of one`);
    await until("one has joined", async () => (await server.in(`${room} of one`).fetchSockets()).length === 1);
    say(own(`acknowledgement of ${socket.name}`), await outcome(server.in(`${room} of one`).timeout(3000).emitWithAck("ask")));
    remote.leave(`${room} of one`);
    await until("one has left", async () => (await server.in(`${room} of one`).fetchSockets()).length === 0);
  }
  say(own("heard"), [heardBy(words[0]).sort(), heardBy(words[1]).sort(), heardBy(words[2])]);
}

if (ADAPTER === "emitter") {
  const emitter = new Emitter(await client(addresses[0]));
  emitter.emit("from outside");
  await until("all have heard the emitter", () => heardBy("from outside").length === sockets.length);
  emitter.socketsJoin("outside");
  await until("the emitter has joined all", async () => (await servers[1].in("outside").fetchSockets()).length === sockets.length);
  emitter.to("outside").emit("to the outside");
  await until("the emitter's room has heard", () => heardBy("to the outside").length === sockets.length);
  emitter.socketsLeave("outside");
  await until("the emitter has left all", async () => (await servers[1].in("outside").fetchSockets()).length === 0);
  const met = new Set();
  servers.forEach((server, index) => server.on("from the emitter", () => met.add(index)));
  emitter.serverSideEmit("from the emitter");
  await until("all servers have met the emitter", () => met.size === servers.length);
  emitter.in(sockets[0].id).disconnectSockets();
  await until("the emitter has disconnected one", () => !sockets[0].connected);
  say("emitter", heardBy("from outside").sort());
} else {
  servers[2].in(sockets[0].id).disconnectSockets();
  await until("one is disconnected", () => !sockets[0].connected);
}
for (const [index, server] of servers.entries()) {
  await until("there is one less", async () => (await server.fetchSockets()).length === sockets.length - 1);
  say(`server ${index}, sockets left`, (await server.fetchSockets()).length);
}
say("everybody", everybody);
process.exit(0);
