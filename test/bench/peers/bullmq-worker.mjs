// A BullMQ worker that says hello, 400 jobs at once, as a Wyvern worker does.
// node bullmq-worker.mjs <redis port>
import { Worker } from 'bullmq';

const connection = { host: '127.0.0.1', port: Number(process.argv[2]) };
const worker = new Worker('hello', async ({ data }) => `Hello ${data.name}`, {
  connection,
  concurrency: 400,
});
await worker.waitUntilReady();
process.send?.('ready');
