// pg-boss as a library: adds jobs by `insert` in portions, works them off by `fetch` and `complete` in four loops of
// 100 at once (its own `work` waits for half a second between two looks), and tells, on each message
// {total, portion}, the seconds until the last has ended.
// node pgboss-bulk.mjs <connection string>
import PgBoss from 'pg-boss';

const NAME = 'hello';
const LOOPS = 4;
const AT_ONCE = 100;

const boss = new PgBoss({ connectionString: process.argv[2] });
await boss.start();
await boss.createQueue(NAME);

async function workOff(state) {
  while (state.left > 0) {
    const jobs = await boss.fetch(NAME, { batchSize: AT_ONCE });
    if (jobs.length === 0) continue;
    const results = jobs.map(({ data }) => `Hello ${data.name}`);
    await boss.complete(
      NAME,
      jobs.map(({ id }) => id),
      { results },
    );
    state.left -= jobs.length;
  }
}

process.on('message', async ({ total, portion }) => {
  const state = { left: total };
  const startedAt = performance.now();
  const jobs = Array.from({ length: portion }, (_, at) => ({ name: NAME, data: { name: `${at}` } }));
  const working = Array.from({ length: LOOPS }, () => workOff(state));
  for (let added = 0; added < total; added += portion) await boss.insert(jobs);
  await Promise.all(working);
  process.send({ seconds: (performance.now() - startedAt) / 1_000 });
});
process.send?.('ready');
