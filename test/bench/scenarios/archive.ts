import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { JetStreamLog } from '../../../src/log/jetstream/jetstream-log.ts';
import { streamFolder } from '../../../src/log/jetstream/stream.ts';
import { storeOf } from '../../../src/log/server/embedded-server.ts';
import { fillLog } from '../../support/large-log.ts';
import { TestLog } from '../../support/nats.ts';
import { until } from '../../support/until.ts';
import { latencies, shortly } from '../support/numbers.ts';
import { type Effort, type Report, type Row, type Scenario, scaled } from '../support/scenario.ts';
import { cpuMsOf, megabytes, residentBytesOf } from '../support/usage.ts';

const TASKS = 1_000_000;
const EVENTS_A_TASK = 3;
const LOOKUPS = 100;
const never = new AbortController().signal;

export const archive: Scenario = {
  name: 'archive',
  goal: 'what an archive costs: CPU an event, disk and memory; how long it takes to find one old task among a million',
  run,
};

async function run(effort: Effort): Promise<Report> {
  const rows: Row[] = [];
  // With an fsync for each batch the log itself is slower; a tenth shows what an event costs.
  for (const [SYNC, tasks] of [
    ['1s', TASKS],
    ['always', TASKS / 10],
  ] as const)
    for (const ARCHIVE_DAYS of ['0', '90'])
      rows.push(await measure({ SYNC, ARCHIVE_DAYS }, effort.isSmoke ? 1_000 : tasks, effort));
  return { rows, verdicts: [] };
}

async function measure(
  settings: { readonly SYNC: string; readonly ARCHIVE_DAYS: string },
  tasks: number,
  effort: Effort,
): Promise<Row> {
  await using server = await TestLog.start({ ...settings, MAX_LOG_EVENTS: '5000000' });
  const { log } = await server.open();
  const isArchived = settings.ARCHIVE_DAYS !== '0';
  const events = tasks * EVENTS_A_TASK;
  const cpuBefore = cpuMsOf([server.pid]);
  const startedAt = performance.now();
  const last = await fillLog(log, { ended: tasks });
  const filledAt = performance.now();
  if (isArchived) await archived(log, last);
  const lagMs = performance.now() - filledAt;
  const row: Row = {
    ...{ sync: settings.SYNC, archive: isArchived ? 'yes' : 'no', tasks },
    'events/s': shortly(events / ((filledAt - startedAt) / 1_000)),
    'server µs an event': shortly(((cpuMsOf([server.pid]) - cpuBefore) * 1_000) / events),
    'server MB': megabytes(residentBytesOf([server.pid])),
    'log MB on disk': megabytes(await bytesOf(server, 'TASKS')),
  };
  if (!isArchived) return row;
  const onDisk = {
    'archive MB on disk': megabytes(await bytesOf(server, 'ARCHIVE')),
    'lag ms': shortly(lagMs),
  };
  await log.upkeep.letGo(last + 1);
  return { ...row, ...onDisk, ...(await measureReading(server, log, last, effort)) };
}

/** What is left is the archive alone, on a server that has just been started. */
async function measureReading(
  server: TestLog,
  log: JetStreamLog,
  last: number,
  effort: Effort,
): Promise<Row> {
  await server.kill();
  server.restart();
  await until(() => log.ping().catch(() => undefined), 120_000);
  const memory = { 'archive alone MB': megabytes(residentBytesOf([server.pid])) };
  const lookups = scaled(LOOKUPS, effort, 20);
  const keys: string[] = [];
  for (let index = 0; index < lookups; index++)
    keys.push(await keyAt(log, Math.ceil(((index + 0.5) * last) / lookups)));
  const times: number[] = [];
  for (const key of shuffled(keys)) {
    const startedAt = performance.now();
    const history = await log.fullHistory(key);
    times.push(performance.now() - startedAt);
    if (history.length !== EVENTS_A_TASK) throw new Error(`${key} has ${history.length} events`);
  }
  const { 'p50 ms': p50, 'p99 ms': p99 } = latencies(times);
  const readAt = performance.now();
  let count = 0;
  for await (const { entries } of log.read({ after: 0, through: last, signal: never }))
    count += entries.length;
  if (count !== last) throw new Error(`${count} of ${last} events were read`);
  const rate = shortly(last / ((performance.now() - readAt) / 1_000));
  return { ...memory, 'one old task, p50 ms': p50, 'p99 ms': p99, 'read events/s': rate };
}

const archived = (log: JetStreamLog, through: number): Promise<unknown> =>
  until(async () => ((await log.upkeep.archive())?.through ?? 0) >= through, 600_000);

async function keyAt(log: JetStreamLog, seq: number): Promise<string> {
  for await (const { entries } of log.read({ after: seq - 1, through: seq, signal: never }))
    for (const entry of entries) if ('key' in entry) return entry.key;
  throw new Error(`there is no event ${seq}`);
}

/** By a fixed step, so that neighbours do not warm each other's blocks. */
const shuffled = <T>(values: readonly T[]): T[] =>
  values.map((_, index) => values[(index * 7_919) % values.length] as T);

async function bytesOf({ config }: TestLog, stream: string): Promise<number> {
  const folder = streamFolder(storeOf(config), stream);
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    files
      .filter((file) => file.isFile())
      .map((file) => stat(join(file.parentPath, file.name)).catch(() => undefined)),
  );
  return sizes.reduce((sum, found) => sum + (found?.size ?? 0), 0);
}
