// Two socket.io servers with the Redis adapter; one browser at each. What the first server broadcasts is counted at the
// other. Arguments: MODULES ioredis|redis PORT SECONDS KEY
const [modules, library, port, seconds, key] = process.argv.slice(2);
const { Server } = require(modules + '/socket.io');
const { io } = require(modules + '/socket.io-client');
const { createAdapter } = require(modules + '/@socket.io/redis-adapter');
const sleep = ms => new Promise(done => setTimeout(done, ms));
const errors = [];
async function connect() {
  const client = library === 'ioredis'
    ? new (require(modules + '/ioredis').Redis)(+port)
    : require(modules + '/redis').createClient({ url: `redis://127.0.0.1:${port}` });
  client.on('error', e => errors.push(`${e.name}: ${e.message}`));
  if (library === 'redis') await client.connect();
  return client;
}
process.on('unhandledRejection', e => { console.log(JSON.stringify({ unhandled: `${e.name}: ${e.message}`, errors })); process.exit(1); });
(async () => {
  const servers = [];
  for (const at of [0, 1]) {
    const server = new Server({ adapter: createAdapter(await connect(), await connect(), { key }) });
    server.listen(0);
    servers.push(server);
  }
  await sleep(300);
  const got = [];
  const socket = io(`http://127.0.0.1:${servers[1].httpServer.address().port}`);
  socket.on('tick', n => got.push(n));
  await new Promise(done => socket.on('connect', done));
  const end = Date.now() + seconds * 1000;
  let sent = 0;
  while (Date.now() < end) { try { servers[0].emit('tick', ++sent); } catch (e) { errors.push(`emit: ${e.message}`); } await sleep(100); }
  await sleep(300);
  console.log(JSON.stringify({ sent, got: got.length, twice: got.length - new Set(got).size, errors }));
  process.exit(0);
})();
