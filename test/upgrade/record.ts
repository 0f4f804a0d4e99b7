import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../src/config.ts';
import { hashOf, type StoredEvent } from '../../src/log/envelope.ts';
import { eventDate } from '../../src/log/event-date.ts';
import { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { seal } from '../../src/log/seal.ts';
import { createLogger } from '../../src/logger.ts';
import {
  create,
  type History,
  historyOf,
  untilAllEnded,
  untilAllStarted,
  untilHistory,
  workerOf,
} from '../support/histories.ts';
import { connectToLogOf, readRawLog } from '../support/raw-log.ts';
import { Service } from '../support/service.ts';
import type { RecordedStatus } from './fixtures.ts';

/** Keys by the name of what happened to the task. */
type Keys = Record<string, string>;

const SECONDS = 1_000;

/** The address of the service while it is recorded, so that it stands in every recording. */
export const PUBLIC_URL = 'http://127.0.0.1:8080';

/**
 * Writes what this very code makes of a day with everything in it: `<folder>/log.ndjson`, the log's records
 * byte for byte, and `<folder>/statuses.json`, what the service answered for each task at the end, by the name
 * of what happened to it. To be run once for each version of the schema, before the next one is written.
 *
 * Nothing is rewritten afterwards, since events name each other by the hashes of their bytes. So the port must be free,
 * and workers are named after the host: record on one whose name says nothing.
 */
export async function recordLog(folder: string): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'wyvern-record-'));
  const origin = await flakyOrigin();
  const sources = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  const env = { WORKERS: '2', GRACE: '1', FETCH_ALLOW: '127.0.0.1', PORT: new URL(PUBLIC_URL).port };
  const keys: Keys = {};
  try {
    await using first = await Service.start(env, dataDir);
    await plainEnds(first, sources, keys);
    await stoppedWorker(first, keys);
    await killedWorker(first, keys);
    await handedBack(first, keys);
    await canceledTask(first, keys);
    await leftOpen(first, sources, keys);
    await using second = await Service.start({ ...env, WORKERS: '0' }, dataDir);
    [keys.queued = ''] = await create(second, [{ task_name: 'hello', name: 'the one that waits' }]);
    await write(folder, second, keys);
  } finally {
    origin.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function plainEnds(service: Service, sources: string, keys: Keys): Promise<void> {
  const sample = `${service.url}/files/sample/raccoon.jpg`;
  const tasks = {
    success: { task_name: 'hello', name: 'John', task_metas: { order: 7, note: 'größer' } },
    refused: { task_name: 'hello', surname: 'Doe' },
    with_output: { task_name: 'image.thumb', url: sample, width: 120 },
    info: { task_name: 'image.info', url: sample },
    with_progress: { task_name: 'sleep', seconds: 1.5, steps: 3 },
    failed_at_once: { task_name: 'image.info', url: `${sources}/missing` },
    given_up: { task_name: 'image.info', url: `${sources}/unwell` },
    recovered: { task_name: 'image.info', url: `${sources}/better-soon` },
    big_result: { task_name: 'hello', name: 'Jürgen 日本 '.repeat(900) },
  };
  const made = await create(service, Object.values(tasks));
  for (const [index, name] of Object.keys(tasks).entries()) keys[name] = made[index] as string;
  await untilAllEnded(service, made, 40 * SECONDS);
}

/** Its worker stands still until another has ended the task: what it says afterwards is late. */
async function stoppedWorker(service: Service, keys: Keys): Promise<void> {
  const [key] = (await create(service, [{ task_name: 'sleep', seconds: 1, steps: 4 }])) as [string];
  const [history] = (await untilAllStarted(service, [key])) as [History];
  const pid = workerOf(history, 1) as number;
  process.kill(pid, 'SIGSTOP');
  await untilAllEnded(service, [key], 30 * SECONDS).finally(() => process.kill(pid, 'SIGCONT'));
  await untilHistory(service, key, (now) => now.some(({ late }) => late));
  keys.late = key;
}

async function killedWorker(service: Service, keys: Keys): Promise<void> {
  const [key] = (await create(service, [{ task_name: 'sleep', seconds: 2 }])) as [string];
  const [history] = (await untilAllStarted(service, [key])) as [History];
  process.kill(workerOf(history, 1) as number, 'SIGKILL');
  await untilAllEnded(service, [key], 30 * SECONDS);
  keys.worker_killed = key;
}

async function handedBack(service: Service, keys: Keys): Promise<void> {
  const [key] = (await create(service, [{ task_name: 'sleep', seconds: 4 }])) as [string];
  const [history] = (await untilAllStarted(service, [key])) as [History];
  process.kill(workerOf(history, 1) as number, 'SIGTERM');
  await untilAllEnded(service, [key], 30 * SECONDS);
  keys.handed_back = key;
}

/** Nothing cancels yet; the event is written as whoever comes to do it would. */
async function canceledTask(service: Service, keys: Keys): Promise<void> {
  const [key] = (await create(service, [{ task_name: 'sleep', seconds: 60 }])) as [string];
  await untilAllStarted(service, [key]);
  const config = readConfig({ LOG_LEVEL: 'fatal' });
  const connection = await connectToLogOf(service.dataDir);
  const log = await JetStreamLog.open(connection, config, createLogger('record', config));
  const history = await log.history(key);
  const { bytes, event } = history.at(-1) as StoredEvent;
  const { account } = event;
  await log.append(
    seal({ name: 'sleep', key }, { type: 'canceled', at: eventDate(), account, attempt: 1 }, hashOf(bytes)),
  );
  await log.close();
  keys.canceled = key;
}

/** Everything is killed while one task runs and another waits for its next attempt. */
async function leftOpen(service: Service, sources: string, keys: Keys): Promise<void> {
  const [running, waiting] = (await create(service, [
    { task_name: 'sleep', seconds: 3, steps: 30 },
    { task_name: 'image.info', url: `${sources}/unwell` },
  ])) as [string, string];
  await untilHistory(service, running, (history) => history.some(({ type }) => type === 'progress'));
  await untilHistory(service, waiting, (history) => history.at(-1)?.type === 'retried');
  await service.stop('SIGKILL');
  keys.executing = running;
  keys.backing_off = waiting;
}

async function write(folder: string, service: Service, keys: Keys): Promise<void> {
  const connection = await connectToLogOf(service.dataDir);
  const records = await readRawLog(connection);
  await connection.close();
  const statuses: Record<string, unknown> = {};
  for (const [name, key] of Object.entries(keys)) {
    const answer = await service.fetch(`/v1/status?tasks=${key}&details=true`);
    // What a task waits for is not of the task alone.
    const [{ waiting: _, ...status }] = (await answer.json()) as [{ waiting?: object }];
    const late = (await historyOf(service, key)).filter((event) => event.late).length;
    statuses[name] = { late, ...status };
  }
  // By chance the wait is short; the tests want it to be cut off by the end.
  const { attempts } = statuses.backing_off as RecordedStatus;
  if (attempts !== 1) throw new Error('the task that waited for its next attempt had it: record again');
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'log.ndjson'),
    records.map(({ storedAt: _, ...record }) => `${JSON.stringify(record)}\n`).join(''),
  );
  await writeFile(join(folder, 'statuses.json'), `${JSON.stringify(statuses, undefined, 2)}\n`);
}

/** Answers 404, or 503, or 503 once and then the picture. */
async function flakyOrigin(): Promise<Server> {
  const picture = await readFile(new URL('../../ops/sample/raccoon.jpg', import.meta.url));
  let asked = 0;
  const server = createServer(({ url }, response) => {
    const status = url === '/missing' ? 404 : url === '/unwell' || asked++ === 0 ? 503 : 200;
    response.writeHead(status).end(status === 200 ? picture : '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
