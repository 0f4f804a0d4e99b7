import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../support/folder.ts';
import { descendants, Program } from '../../support/program.ts';
import { SecondFront } from '../../support/second-front.ts';
import { until } from '../../support/until.ts';
import { closedLoop, type Load } from '../support/callers.ts';
import { helloOn } from '../support/hello.ts';
import { latencies, shortly } from '../support/numbers.ts';
import { type Effort, type Report, type Row, type Scenario, scaled } from '../support/scenario.ts';
import { cpuMsOf } from '../support/usage.ts';
import { cpuColumns, headOf, Wyvern } from '../support/wyvern.ts';

const CALLERS = 64;
const TASKS = 20_000;
const WORKERS = [1, 2, 4];

export const scaling: Scenario = {
  name: 'scaling',
  goal: 'blocking hello with 1, 2 and 4 workers, with a second front, and on three nats-servers with a copy each, told: on two cores the processes share what one alone would use',
  run,
};

async function run(effort: Effort): Promise<Report> {
  const tasks = scaled(TASKS, effort, CALLERS);
  const rows: Row[] = [];
  for (const workers of effort.isSmoke ? WORKERS.slice(0, 1) : WORKERS) {
    await using wyvern = await Wyvern.start({ SYNC: '1s', WORKERS: String(workers) });
    rows.push({ copies: 1, fronts: 1, workers, ...(await measure(wyvern, [wyvern.url], tasks)) });
  }
  rows.push(await withTwoFronts(tasks));
  rows.push(await onCluster(tasks));
  return { rows, verdicts: [], notes: ['the CPU of a second front beside `npm start` is not counted'] };
}

async function withTwoFronts(tasks: number): Promise<Row> {
  await using wyvern = await Wyvern.start({ SYNC: '1s', WORKERS: '2' });
  await using second = await SecondFront.start(wyvern.service);
  return { copies: 1, fronts: 2, workers: 2, ...(await measure(wyvern, [wyvern.url, second.url], tasks)) };
}

/** As `npm run cluster` sets it up. */
async function onCluster(tasks: number): Promise<Row> {
  await using folder = await temporaryFolder();
  await using cluster = new Program('cluster', { DATA_DIR: folder.path, SYNC: '1s', LOG_LEVEL: 'warn' });
  const [, ...urls] = await until(() => /is up at (\S+) and (\S+)/.exec(cluster.output) ?? undefined, 60_000);
  const { accounts } = JSON.parse(await readFile(join(folder.path, 'accounts.json'), 'utf8'));
  const head = headOf(accounts[0].secret);
  const pids = (pattern: RegExp) =>
    descendants(cluster.pid).flatMap(({ pid, command }) => (pattern.test(command) ? [pid] : []));
  const parts = {
    front: pids(/ front$/),
    worker: pids(/ worker$/),
    media: [],
    'nats-server': pids(/nats-server\.conf/),
  };
  const used = () => Object.entries(parts).map(([part, of]) => [part, cpuMsOf(of)] as const);
  await callAll(urls, { head }, tasks);
  const before = new Map(used());
  const loads = await callAll(urls, { head }, tasks);
  const cpuMs = Object.fromEntries(used().map(([part, ms]) => [part, ms - (before.get(part) ?? 0)]));
  const counts = { copies: 3, fronts: parts.front.length, workers: parts.worker.length };
  return { ...counts, ...told(loads), ...cpuColumns(cpuMs as Parameters<typeof cpuColumns>[0], tasks) };
}

async function measure(wyvern: Wyvern, urls: readonly string[], tasks: number): Promise<Row> {
  await callAll(urls, wyvern, tasks);
  const { value, cpuMs } = await wyvern.cpuDuring(() => callAll(urls, wyvern, tasks));
  return { ...told(value), ...cpuColumns(cpuMs, tasks) };
}

/** The callers and their tasks, spread over the fronts. */
const callAll = (urls: readonly string[], by: Pick<Wyvern, 'head'>, tasks: number): Promise<Load[]> =>
  Promise.all(
    urls.map((url) =>
      closedLoop(url, Math.ceil(CALLERS / urls.length), Math.ceil(tasks / urls.length), helloOn(by)),
    ),
  );

function told(loads: readonly Load[]): Row {
  const all = loads.flatMap((load) => load.latencies);
  const seconds = Math.max(...loads.map((load) => load.seconds));
  return { 'tasks/s': shortly(all.length / seconds), ...latencies(all) };
}
