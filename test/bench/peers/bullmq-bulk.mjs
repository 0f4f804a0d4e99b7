// BullMQ as a library: adds jobs by `addBulk` in portions and tells, on each message {total, portion}, the
// seconds until the last has ended.
// node bullmq-bulk.mjs <redis port>
import { Queue, QueueEvents } from 'bullmq';

const connection = { host: '127.0.0.1', port: Number(process.argv[2]) };
const queue = new Queue('hello', { connection });
const events = new QueueEvents('hello', { connection });
await Promise.all([queue.waitUntilReady(), events.waitUntilReady()]);

process.on('message', async ({ total, portion }) => {
  let ended = 0;
  const allEnded = new Promise((resolve) => {
    const count = () => {
      if (++ended < total) return;
      events.off('completed', count);
      resolve();
    };
    events.on('completed', count);
  });
  const startedAt = performance.now();
  const jobs = Array.from({ length: portion }, (_, at) => ({ name: 'hello', data: { name: `${at}` } }));
  for (let added = 0; added < total; added += portion) await queue.addBulk(jobs);
  await allEnded;
  process.send({ seconds: (performance.now() - startedAt) / 1_000 });
});
process.send?.('ready');
