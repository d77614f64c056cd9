// BullMQ: `work` is a worker, `produce` adds jobs. The prefix lets all keys of the queue lie in one slot of a cluster.

import { HOST, NAME, PORT, PREFIX, load, produce, write } from "./books.mjs";

const { Queue, Worker } = load("bullmq");
const options = { prefix: PREFIX, connection: { host: HOST, port: Number(PORT), maxRetriesPerRequest: null } };

if (process.argv[2] === "work") {
  const worker = new Worker(NAME, (job) => write("done", job.data.number), { ...options, concurrency: 2 });
  worker.on("error", (error) => write("saw", 0, `${error.name}: ${error.message}`));
  worker.on("failed", (job, error) => write("saw", job?.data.number ?? 0, `failed: ${error.message}`));
} else {
  const queue = new Queue(NAME, options);
  queue.on("error", (error) => write("saw", 0, `producer: ${error.name}: ${error.message}`));
  await produce((number) => queue.add("job", { number }, { removeOnComplete: true }));
}
