// BullMQ. Arguments: MODULES worker|producer PORT BACKEND_PORT PREFIX JOBS
const [modules, role, port, backend, prefix, jobs] = process.argv.slice(2);
const { Queue, Worker } = require(modules + '/bullmq');
const { Redis } = require(modules + '/ioredis');
const connection = { host: '127.0.0.1', port: +port };
if (role === 'worker') {
  const direct = new Redis(+backend);
  const worker = new Worker(prefix, async job => {
    await new Promise(done => setTimeout(done, job.data.number === 0 ? 1500 : 20));
    await direct.rpush(`${prefix}:done`, job.data.number);
  }, { connection: { ...connection, maxRetriesPerRequest: null }, lockDuration: 2000, stalledInterval: 2000 });
  worker.on('error', e => console.log(`error event: ${e.name}: ${e.message}`));
} else (async () => {
  const queue = new Queue(prefix, { connection });
  queue.on('error', e => console.log(`error event: ${e.name}: ${e.message}`));
  for (let number = 0; number < +jobs; number++) {
    try { await queue.add('job', { number }); } catch (e) { console.log(`job ${number}: ${e.name}: ${e.message}`); }
  }
  process.exit(0);
})();
