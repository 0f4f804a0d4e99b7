import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
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
import { helloByAccounts } from '../support/hello.ts';
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
import { cpuColumns, cpuSum, headOf, Wyvern } from '../support/wyvern.ts';

const SIZES = [1_000, 100_000, 1_000_000];
const HELLOS = 5_000;
const COLD_STATUSES = 20_000;
const CALLERS = 64;
/** Enough for several times the rate that is asked for; more in a closed loop would measure how they queue. */
const COLD_CALLERS = 8;
const ACCOUNTS = [1, 100, 1_000];
/** nats-server forgets the subjects of a block two minutes after it was used, and Go collects every two minutes. */
const REST_MS = 300_000;
/** Nothing is let go of below 85 % of it. */
const MAX_LOG_EVENTS = '4000000';

export const millionTasks: Scenario = {
  name: 'million-tasks',
  goal: 'how cost grows from 1 k to 1 M tasks in the log, and from 1 to 1,000 accounts; at 1 M: statuses of cold keys ≥ 3,000/s with p99 ≤ 10 ms, the whole log over HTTP at ≥ 100,000 events/s, at rest nats-server ≤ 700 MB, front ≤ 300 MB, a killed front back within 5 s',
  run,
};

async function run(effort: Effort): Promise<Report> {
  await using folder = await temporaryFolder();
  const ACCOUNTS_FILE = join(folder.path, 'accounts.json');
  await writeFile(ACCOUNTS_FILE, JSON.stringify({ accounts: accounts(Math.max(...ACCOUNTS)) }));
  const env = { SYNC: '1s', ACCOUNTS_FILE, MAX_LOG_EVENTS };
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
  if (!effort.isSmoke) await delay(REST_MS);
  const atRest = { 'nats-server MB at rest': natsMegabytes(wyvern) };
  const restartMs = await restartFront(wyvern);
  return {
    rows: rows.map((row, at) => ({
      ...row,
      ...(at === rows.length - 1 && { ...atRest, 'front restart ms': restartMs }),
    })),
    verdicts: judge({ ...rows.at(-1), ...atRest }, restartMs),
  };
}

const secretOf = (number: number): string => `secret-of-the-benchmark-${number}`;

/** The first is the one whose tasks fill the log. */
const accounts = (count: number): object[] =>
  Array.from({ length: count }, (_, number) => ({
    name: number === 0 ? 'acme' : `account-${number}`,
    secret: secretOf(number),
  }));

const natsMegabytes = (wyvern: Wyvern): number => megabytes(residentBytesOf(wyvern.pids('nats-server')));

const openLog = (connection: NatsConnection, wyvern: Wyvern): Promise<JetStreamLog> => {
  const config = readConfig({
    DATA_DIR: wyvern.service.dataDir,
    MAX_LOG_EVENTS,
    LOG_LEVEL: 'fatal',
  });
  return JetStreamLog.open(connection, config, createLogger('bench', config));
};

async function measure(wyvern: Wyvern, tasks: number, effort: Effort): Promise<Row> {
  const hellos = await measureHellos(wyvern, scaled(HELLOS, effort, CALLERS));
  const { events, eventsASecond, keys } = await readWholeLog(wyvern);
  const cold = await readCold(wyvern, keys, scaled(COLD_STATUSES, effort, CALLERS));
  return {
    tasks,
    events,
    ...hellos,
    'cold statuses/s': shortly(cold.rate),
    'cold p99 ms': shortly(cold.p99),
    'history events/s': shortly(eventsASecond),
    'nats-server MB': natsMegabytes(wyvern),
    'front MB': megabytes(residentBytesOf(wyvern.pids('front'))),
  };
}

/** CPU of a blocking `hello`, by process, and by how many accounts they come from. */
async function measureHellos(wyvern: Wyvern, count: number): Promise<Row> {
  const columns: Record<string, string | number> = {};
  for (const number of ACCOUNTS) {
    const heads = Array.from({ length: number }, (_, index) => headOf(secretOf(index)));
    const { cpuMs } = await wyvern.cpuDuring(() =>
      closedLoop(wyvern.url, CALLERS, count, helloByAccounts(heads)),
    );
    if (number === 1) Object.assign(columns, cpuColumns(cpuMs, count));
    columns[`CPU µs a hello, ${number.toLocaleString('en')} accounts`] = Math.round(cpuSum(cpuMs, count));
  }
  return columns;
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
  const load = await closedLoop(wyvern.url, COLD_CALLERS, count, (connection) =>
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
    return answer?.ok && wyvern.pids('front')[0] !== pid;
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
    atMost('nats-server MB at rest', 700),
    atMost('front MB', 300),
    atMost('front restart ms', 5_000, restartMs),
  ];
}
