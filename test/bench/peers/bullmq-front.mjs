// BullMQ behind a plain HTTP front: `POST /create {"name"}` adds a job and answers when it has ended.
// node bullmq-front.mjs <redis port> <http port>
import { createServer } from 'node:http';
import { Queue, QueueEvents } from 'bullmq';

const [redisPort, port] = process.argv.slice(2).map(Number);
const connection = { host: '127.0.0.1', port: redisPort };
const queue = new Queue('hello', { connection });
const events = new QueueEvents('hello', { connection });
events.setMaxListeners(0);
await Promise.all([queue.waitUntilReady(), events.waitUntilReady()]);

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { name, block } = JSON.parse(Buffer.concat(chunks).toString());
  const job = await queue.add('hello', { name });
  const answer = block
    ? { status: 'success', key: job.id, result: await job.waitUntilFinished(events) }
    : { status: 'queued', key: job.id };
  const body = JSON.stringify([answer]);
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}).listen(port, '127.0.0.1', () => process.send?.('ready'));
