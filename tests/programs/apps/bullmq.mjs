// BullMQ: `work` is a worker, `produce` adds jobs and looks for the workers after each. The prefix lets all keys of the queue lie in one slot of a cluster.

import { HOST, NAME, PORT, PREFIX, load, pause, produce, write } from "./books.mjs";

const { Queue, Worker } = load("bullmq");
const { WORKER, WORKERS } = process.env;
const options = { prefix: PREFIX, connection: { host: HOST, port: Number(PORT), maxRetriesPerRequest: null } };

if (process.argv[2] === "work") {
  const worker = new Worker(NAME, (job) => write("done", job.data.number), { ...options, name: WORKER, concurrency: 2 });
  worker.on("error", (error) => write("saw", 0, `${error.name}: ${error.message}`));
  worker.on("failed", (job, error) => write("saw", job?.data.number ?? 0, `failed: ${error.message}`));
} else {
  const queue = new Queue(NAME, options);
  queue.on("error", (error) => write("saw", 0, `producer: ${error.name}: ${error.message}`));
  await seesAllWorkers(queue);
  const add = (number) => queue.add("job", { number }, { removeOnComplete: true });
  await produce(add, () => seesAllWorkers(queue));
}

/** Ends the process unless the queue comes to see each worker once: one that has just connected again may be away or there twice. */
async function seesAllWorkers(queue) {
  const wanted = Array.from({ length: Number(WORKERS) }, (_, index) => `worker${index + 1}`).join();
  for (let left = 600, seen; seen !== wanted; left--) {
    if (!left) {
      console.error(`getWorkers has ${seen} instead of ${wanted}`);
      process.exit(1);
    }
    seen = await names(queue).catch((error) => `${error}`);
    if (seen !== wanted) await pause(0.05);
  }
}

async function names(queue) {
  const workers = await queue.getWorkers();
  return workers.map((worker) => worker.rawname.split(":w:")[1]).sort().join();
}
