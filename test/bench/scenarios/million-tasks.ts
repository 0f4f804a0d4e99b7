import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import { request } from 'undici';
import { readConfig } from '../../../src/config.ts';
import { JetStreamLog } from '../../../src/log/jetstream/jetstream-log.ts';
import { createLogger } from '../../../src/logger.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { fillLog } from '../../support/large-log.ts';
import { connectToLogOf } from '../../support/raw-log.ts';
import { until } from '../../support/until.ts';
import { closedLoop } from '../support/callers.ts';
import { helloOn } from '../support/hello.ts';
import { quantile, shortly } from '../support/numbers.ts';
import {
  type Effort,
  type Report,
  type Row,
  type Scenario,
  scaled,
  type Verdict,
} from '../support/scenario.ts';
import { megabytes, residentBytesOf } from '../support/usage.ts';
import { cpuColumns, cpuSum, Wyvern } from '../support/wyvern.ts';

const SIZES = [1_000, 100_000, 1_000_000];
const HELLOS = 5_000;
const COLD_STATUSES = 20_000;
const CALLERS = 64;
const SECRET = 'secret-of-the-benchmark';

export const millionTasks: Scenario = {
  name: 'million-tasks',
  goal: 'how cost grows from 1 k to 1 M tasks in the log; at 1 M: statuses of cold keys ≥ 3,000/s with p99 ≤ 10 ms, the whole log over HTTP at ≥ 100,000 events/s, nats-server ≤ 700 MB, front ≤ 300 MB, a killed front back within 5 s',
  run,
};

async function run(effort: Effort): Promise<Report> {
  await using folder = await temporaryFolder();
  const ACCOUNTS_FILE = join(folder.path, 'accounts.json');
  await writeFile(ACCOUNTS_FILE, JSON.stringify({ accounts: [{ name: 'acme', secret: SECRET }] }));
  const env = { SYNC: '1s', ACCOUNTS_FILE, MAX_LOG_EVENTS: '5000000' };
  await using wyvern = await Wyvern.start(env);
  const connection = await connectToLogOf(wyvern.service.dataDir);
  const log = await openLog(connection, wyvern);
  const rows: Row[] = [];
  let filled = 0;
  for (const size of SIZES.map((count) => scaled(count, effort, 100))) {
    await fillLog(log, { ended: size - filled, name: 'bench.done' });
    filled = size;
    rows.push(await measure(wyvern, size, effort));
  }
  await log.close();
  const restartMs = await restartFront(wyvern);
  return {
    rows: rows.map((row, at) => ({
      ...row,
      ...(at === rows.length - 1 && { 'front restart ms': restartMs }),
    })),
    verdicts: judge(rows.at(-1), restartMs),
  };
}

const openLog = (connection: NatsConnection, wyvern: Wyvern): Promise<JetStreamLog> => {
  const config = readConfig({
    DATA_DIR: wyvern.service.dataDir,
    MAX_LOG_EVENTS: '5000000',
    LOG_LEVEL: 'fatal',
  });
  return JetStreamLog.open(connection, config, createLogger('bench', config));
};

async function measure(wyvern: Wyvern, tasks: number, effort: Effort): Promise<Row> {
  const hellos = scaled(HELLOS, effort, CALLERS);
  const { value, cpuMs } = await wyvern.cpuDuring(() =>
    closedLoop(wyvern.url, CALLERS, hellos, helloOn(wyvern)),
  );
  const { events, eventsASecond, keys } = await readWholeLog(wyvern);
  const cold = await readCold(wyvern, keys, scaled(COLD_STATUSES, effort, CALLERS));
  return {
    tasks,
    events,
    'hello/s': shortly(hellos / value.seconds),
    'CPU µs a hello': Math.round(cpuSum(cpuMs, hellos)),
    ...cpuColumns(cpuMs, hellos),
    'cold statuses/s': shortly(cold.rate),
    'cold p99 ms': shortly(cold.p99),
    'history events/s': shortly(eventsASecond),
    'nats-server MB': megabytes(residentBytesOf(wyvern.pids('nats-server'))),
    'front MB': megabytes(residentBytesOf(wyvern.pids('front'))),
  };
}

/** The whole log over HTTP; the keys of some of its oldest tasks, spread over it. */
async function readWholeLog(
  wyvern: Wyvern,
): Promise<{ events: number; eventsASecond: number; keys: string[] }> {
  const headers = { Authorization: `Secret ${wyvern.service.secret}` };
  const startedAt = performance.now();
  const { statusCode, body } = await request(`${wyvern.url}/v1/history_stream?from=1`, { headers });
  if (statusCode !== 200) throw new Error(`history_stream answered ${statusCode}`);
  const keys: string[] = [];
  let events = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) events++;
    const [, key] = /"key":"([0-9A-Z]{26})"/.exec(chunk.toString('latin1')) ?? [];
    if (key) keys.push(key);
  }
  return { events, eventsASecond: events / ((performance.now() - startedAt) / 1_000), keys };
}

async function readCold(
  wyvern: Wyvern,
  keys: readonly string[],
  count: number,
): Promise<{ rate: number; p99: number }> {
  let next = 0;
  const load = await closedLoop(wyvern.url, CALLERS, count, (connection) =>
    connection.request('GET', `/v1/status?tasks=${keys[(next++ * 7_919) % keys.length]}`),
  );
  return { rate: count / load.seconds, p99: quantile(load.latencies, 0.99) };
}

/** Milliseconds from the death of the front until its successor answers. */
async function restartFront(wyvern: Wyvern): Promise<number> {
  const [pid] = wyvern.pids('front');
  const startedAt = performance.now();
  process.kill(pid as number, 'SIGKILL');
  await until(async () => {
    const answer = await fetch(`${wyvern.url}/healthz`).catch(() => undefined);
    return (answer?.ok && wyvern.pids('front')[0] !== pid) || undefined;
  }, 120_000);
  return Math.round(performance.now() - startedAt);
}

function judge(row: Row | undefined, restartMs: number): Verdict[] {
  const value = (column: string) => Number(row?.[column]);
  const atLeast = (column: string, goal: number): Verdict => ({
    goal: `${column} ≥ ${goal.toLocaleString('en')}`,
    measured: value(column).toLocaleString('en'),
    isMet: value(column) >= goal,
  });
  const atMost = (column: string, goal: number, measured = value(column)): Verdict => ({
    goal: `${column} ≤ ${goal.toLocaleString('en')}`,
    measured: measured.toLocaleString('en'),
    isMet: measured <= goal,
  });
  return [
    atLeast('cold statuses/s', 3_000),
    atMost('cold p99 ms', 10),
    atLeast('history events/s', 100_000),
    atMost('nats-server MB', 700),
    atMost('front MB', 300),
    atMost('front restart ms', 5_000, restartMs),
  ];
}
