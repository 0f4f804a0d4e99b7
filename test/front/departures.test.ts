import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../support/seeded-random.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';
import {
  create,
  createOne,
  dial,
  gauge,
  hello,
  rawHead,
  type Status,
  sleep,
  statusesOf,
  UNKNOWN_KEY,
} from './support.ts';

const CLIENTS = 200;
const GAUGES = [
  'wyvern_open_requests',
  'wyvern_open_feeds',
  'wyvern_watchers',
  'wyvern_open_history_feeds',
  'wyvern_held_answer_bytes',
];
const MEGABYTE = 1024 * 1024;

let service: Service;
let tasks: Status[];
let busy: Status;
beforeAll(async () => {
  // Room for all of them at once: the sleepers must not keep a worker from anybody else.
  service = await Service.start({ CONCURRENCY: '10000' });
  tasks = await create(
    service,
    Array.from({ length: 500 }, () => sleep(3_600)),
  );
  // Reports progress all the while, so that feeds have something to tell when their clients leave.
  busy = await createOne(service, sleep(120, 100));
});
afterAll(() => service[Symbol.asyncDispose]());

const gauges = () => Promise.all(GAUGES.map((name) => gauge(service, name)));
/** Sockets and files that the front holds open; 0 where the system does not tell. */
const openHandles = (): number => {
  try {
    return readdirSync(`/proc/${service.processes('front')[0]?.pid}/fd`).length;
  } catch {
    return 0;
  }
};
const untilGone = (before: readonly number[]) =>
  until(async () => String(await gauges()) === String(before), 20_000);

const post = (path: string, body: object): string => {
  const text = JSON.stringify(body);
  return rawHead(service, `POST ${path}`, [`Content-Length: ${Buffer.byteLength(text)}`]) + text;
};
const keysOf = (count: number) => [...tasks.slice(0, count), busy].map(({ key }) => key);

/** Waiting calls of every kind; each holds a request, most hold watchers. */
const waits: readonly (() => string)[] = [
  () => post('/v1/create', { tasks: sleep(3_600), block: true }),
  () => post('/v1/create_stream', { tasks: [hello(), sleep(3_600)] }),
  () => post('/v1/create_file/x.jpg', { task: sleep(3_600) }),
  () => post('/v1/status', { tasks: keysOf(200), block: true }),
  () => post('/v1/status_stream', { tasks: keysOf(500) }),
  () => rawHead(service, `GET /v1/status?block=1&tasks=${keysOf(50).join('&tasks=')}`),
  () => rawHead(service, `GET /v1/stream?tasks=${keysOf(50).join('&tasks=')}`, ['Accept: text/event-stream']),
  () => rawHead(service, `GET /v1/file/x.jpg?task=${tasks[0]?.key}`),
];

/** Half of a body that never comes whole. */
const halfABody = () =>
  rawHead(service, 'POST /v1/create', [`Content-Length: ${2 * MEGABYTE}`]) + '{'.padEnd(MEGABYTE, ' ');

async function leaveInTheMiddle(requests: readonly string[], before: readonly number[]): Promise<void> {
  const sockets = await Promise.all(requests.map(() => dial(service)));
  for (const [index, socket] of sockets.entries()) socket.write(requests[index] as string);
  // They have to be in the middle of something, or their leaving would show nothing.
  const [openBefore = 0] = before;
  await until(async () => {
    const [open = 0] = await gauges();
    return open >= openBefore + requests.length;
  }, 20_000);
  for (const [index, socket] of sockets.entries()) {
    if (index % 2) socket.resetAndDestroy();
    else socket.destroy();
  }
  await untilGone(before);
}

const round = () =>
  Array.from({ length: CLIENTS }, (_, index) => (waits[index % waits.length] as () => string)());

describe(`${CLIENTS} clients that hang up in the middle`, () => {
  test('of blocks and feeds leave no request, no feed, no watcher and no handle behind', async () => {
    const before = await gauges();
    const handles = openHandles();
    await leaveInTheMiddle(round(), before);
    expect(await gauges()).toEqual(before);
    // Connections that fetch keeps for the next request come and go meanwhile.
    await until(() => openHandles() <= handles + 10);
  });

  test('leave no memory behind', async () => {
    const before = await gauges();
    const memory = async () => ({
      heap: await gauge(service, 'wyvern_front_nodejs_heap_size_used_bytes'),
      resident: await gauge(service, 'wyvern_front_process_resident_memory_bytes'),
    });
    const bodies = () => Array.from({ length: 50 }, halfABody);
    await leaveInTheMiddle([...round(), ...bodies()], before);
    const warm = await memory();
    for (const _ of Array(6)) await leaveInTheMiddle([...round(), ...bodies()], before);
    const after = await memory();
    // Kept bodies alone would be 300 MB by now.
    expect(after.resident - warm.resident).toBeLessThan(120 * MEGABYTE);
    expect(after.heap - warm.heap).toBeLessThan(60 * MEGABYTE);
  });

  test('do not disturb those who stay', async () => {
    expect(await create(service, hello(), true)).toMatchObject([{ result: 'Hello John' }]);
    const { key } = busy;
    const [status] = await statusesOf(await service.fetch(`/v1/status?tasks=${key}`));
    expect(status).toMatchObject({ status: 'executing', key });
    expect(service.output()).not.toMatch(/"level":"(error|fatal)"/);
  });
});

describe('A client that leaves while its tasks are being stored', () => {
  /** Resolves when the tasks of all of them are stored. */
  const leaveAtOnce = async (path: string, tasks: readonly object[]) => {
    const queued = () => gauge(service, 'wyvern_events_total{type="queued"}');
    const wanted = (await queued()) + 50 * tasks.length;
    const sockets = await Promise.all(Array.from({ length: 50 }, () => dial(service)));
    for (const socket of sockets) socket.write(post(path, { tasks, block: true }), () => socket.destroy());
    await until(async () => (await queued()) === wanted, 20_000);
  };

  test('leaves its tasks, which run, and nothing else', async () => {
    const before = await gauges();
    const open = await gauge(service, 'wyvern_open_tasks');
    await leaveAtOnce('/v1/create', [hello(), hello()]);
    await untilGone(before);
    await until(async () => (await gauge(service, 'wyvern_open_tasks')) === open);
  });

  test('leaves no watcher of a feed that never began', async () => {
    const before = await gauges();
    await leaveAtOnce('/v1/create_stream', Array(20).fill(sleep(3_600)));
    await untilGone(before);
  });
});

test('2,000 clients that stay, stall, leave or are refused at random leave nothing behind', {
  timeout: 120_000,
}, async () => {
  const random = seededRandom(29);
  const oneOf = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const large = await create(service, Array(100).fill(hello('x'.repeat(9_000))), true);
  const soon = () => ({ task_name: 'sleep', seconds: random() / 2 });
  const history = (query: string, ...headers: string[]) =>
    rawHead(service, `GET /v1/history_stream?${query}`, headers);
  const ofLarge = (count: number) => Array.from({ length: count }, () => oneOf(large).key);
  const calls = [
    ...waits,
    () => post('/v1/create', { tasks: Array(20).fill(hello()), block: true, details: true }),
    () => post('/v1/create_stream', { tasks: [soon(), soon(), soon()] }),
    () => post('/v1/status', { tasks: ofLarge(800), details: true }),
    () => post('/v1/status', { tasks: ofLarge(300), details: true, at: 1e9 }),
    () => post('/v1/status_stream', { tasks: ofLarge(100) }),
    () => post('/v1/cancel', { tasks: ofLarge(10), details: true }),
    () => history('follow=true', 'Accept: text/event-stream'),
    () => history('until=500'),
    () => history(`follow=true&until=${new Date(Date.now() + 1_500).toISOString()}`),
    // What follows is refused.
    () => history('follow=true', `Last-Event-ID: ${10 ** 9}`),
    () => history('from=9&until=3'),
    () => history('follow=true').replace(service.secret, 'wrong'),
    () => post('/v1/create', { tasks: [hello()], block: true }).replace(service.secret, 'wrong'),
    () => post('/v1/status', { tasks: [...keysOf(30), UNKNOWN_KEY], block: true }),
    () => post('/v1/status_stream', { tasks: [...keysOf(30), UNKNOWN_KEY] }),
    () => post('/v1/status', { tasks: Array(1_001).fill(busy.key), block: true }),
    () => post('/v1/status_stream', { tasks: busy.key, at: 1 }),
  ];
  const call = async (): Promise<void> => {
    const request = oneOf(calls)();
    const socket = await dial(service);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    const isWhole = random() < 0.9;
    socket.write(isWhole ? request : request.slice(0, Math.ceil(request.length * random())));
    if (random() < 0.8) socket.resume();
    const leave = () => (random() < 0.5 ? socket.destroy() : socket.resetAndDestroy());
    setTimeout(leave, random() < 0.5 ? 10 * random() : 500 * random());
    await closed;
  };
  const before = await gauges();
  let left = 2_000;
  const callOn = async (): Promise<void> => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: 60 }, callOn));
  await untilGone(before);
  expect(service.output()).not.toMatch(/"level":"(error|fatal)"/);
});
