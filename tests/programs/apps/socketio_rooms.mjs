// Servers of socket.io that the adapter for Redis joins: `work` is one with a client in a room of its own, `produce` one without clients that
// asks the clients of the other servers, one room after the other. A job is a question that was answered; without an answer it is refused.

import { PROXY, load, produce, write } from "./books.mjs";

const { Redis } = load("ioredis");
const { Server } = load("socket.io");
const { io: connect } = load("socket.io-client");
const { createAdapter } = load("@socket.io/redis-adapter");

const { WORKER, WORKERS } = process.env;
const PATIENCE = 2000;

function client() {
  const made = new Redis(`redis://${PROXY}/0`);
  made.on("error", (error) => write("saw", 0, `event: ${error.name}: ${error.message}`));
  return made;
}

const server = new Server(0, { adapter: createAdapter(client(), client()) });

if (process.argv[2] === "work") {
  server.on("connection", (socket) => socket.join(WORKER));
  const socket = connect(`http://127.0.0.1:${server.httpServer.address().port}`, { transports: ["websocket"] });
  socket.on("job", async (number, answer) => {
    await write("done", number);
    answer(WORKER);
  });
} else {
  await produce(async (number) => {
    const room = `worker${(number % Number(WORKERS)) + 1}`;
    const answers = await server.to(room).timeout(PATIENCE).emitWithAck("job", number);
    if (String(answers) !== room) throw new Error(`the answers are [${answers}]`);
  });
}
