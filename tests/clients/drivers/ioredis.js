// ioredis. Arguments: MODULES PORT CONTEXT PREFIX
const [modules, port, context, prefix] = process.argv.slice(2);
const { Redis } = require(modules + '/ioredis');
const k = name => `${prefix}:${name}`;
const sleep = ms => new Promise(done => setTimeout(done, ms));
const said = e => `${e.name === 'Error' ? e.constructor.name : e.name}: ${e.message}`;
const plain = v => v instanceof Error ? said(v) : Array.isArray(v) ? v.map(plain) : v;
async function told(step) {
  const began = Date.now();
  let out;
  try { out = { value: plain(await step()) }; } catch (e) { out = { error: said(e) }; }
  return { ...out, seconds: (Date.now() - began) / 1000 };
}
const events = [];
const client = new Redis({ port: +port, host: '127.0.0.1' });
client.on('error', e => events.push(said(e)));
for (const name of ['reconnecting', 'close', 'end']) client.on(name, () => events.push(name));

(async () => {
  const out = {};
  const begun = await told(() => client.set(k('warm'), 1));
  const pipe = (chain, keys) => { for (const key of keys) chain.incr(k(key)); return chain.exec(); };
  const steps = {
    incr: () => client.incr(k('x')),
    get: () => client.get(k('x')),
    pipeline: () => pipe(client.pipeline(), '12345'),
    exec: () => pipe(client.multi(), '12'),
    queued: () => pipe(client.multi(), '123'),
    blocked: () => client.blpop(k('q'), 5),
    subscribe: () => client.subscribe(k('channel')),
  };
  steps.resubscribe = steps.subscribe;
  if (context === 'hello' || context === 'info') out.fault = begun;
  else if (context.includes('subscribe')) {
    out.messages = [];
    client.on('message', (channel, message) => out.messages.push(+message));
    out.fault = await told(steps[context]);
    await sleep(4000);
    await told(() => client.unsubscribe());
  } else out.fault = await told(steps[context]);
  out.after = await told(() => client.incr(k('after')));
  console.log(JSON.stringify({ ...out, errors: events }));
  process.exit(0);
})();
