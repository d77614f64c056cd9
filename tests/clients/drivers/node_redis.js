// node-redis. Arguments: MODULES PORT CONTEXT PREFIX
const [modules, port, context, prefix] = process.argv.slice(2);
const { createClient } = require(modules + '/redis');
const k = name => `${prefix}:${name}`;
const sleep = ms => new Promise(done => setTimeout(done, ms));
const said = e => `${e.name === 'Error' ? e.constructor.name : e.name}: ${e.message}`;
const plain = v => v instanceof Error ? said(v) : Array.isArray(v) ? v.map(plain) : v;
async function told(step) {
  const began = Date.now();
  let out;
  try { out = { value: plain(await step()) }; }
  catch (e) { out = { error: said(e), ...(e.replies ? { replies: plain(e.replies) } : {}) }; }
  return { ...out, seconds: (Date.now() - began) / 1000 };
}
const events = [];
const client = createClient({ url: `redis://127.0.0.1:${port}` });
client.on('error', e => events.push(said(e)));
for (const name of ['reconnecting', 'end']) client.on(name, () => events.push(name));

(async () => {
  try { await client.connect(); } catch (e) {
    console.log(JSON.stringify({ fault: { error: said(e) }, after: { error: 'no client' }, errors: events }));
    process.exit(0);
  }
  const out = {};
  const begun = await told(() => client.set(k('warm'), 1));
  const chain = keys => { let m = client.multi(); for (const key of keys) m = m.incr(k(key)); return m; };
  const steps = {
    incr: () => client.incr(k('x')),
    get: () => client.get(k('x')),
    // Its pipelines are commands of one tick.
    pipeline: () => Promise.allSettled([...'12345'].map(key => client.incr(k(key))))
      .then(all => all.map(one => one.status === 'fulfilled' ? one.value : said(one.reason))),
    exec: () => chain('12').exec(),
    queued: () => chain('123').exec(),
    blocked: () => client.blPop(k('q'), 5),
    subscribe: () => client.subscribe(k('channel'), message => out.messages.push(+message)),
  };
  steps.resubscribe = steps.subscribe;
  if (context === 'hello' || context === 'info') out.fault = begun;
  else if (context.includes('subscribe')) {
    out.messages = [];
    out.fault = await told(steps[context]);
    await sleep(4000);
    await told(() => client.unsubscribe());
  } else out.fault = await told(steps[context]);
  out.after = await told(() => client.incr(k('after')));
  console.log(JSON.stringify({ ...out, errors: events }));
  process.exit(0);
})();
