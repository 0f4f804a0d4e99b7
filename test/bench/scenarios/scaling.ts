import { SecondFront } from '../../support/second-front.ts';
import { closedLoop } from '../support/callers.ts';
import { helloOn } from '../support/hello.ts';
import { latencies, shortly } from '../support/numbers.ts';
import { type Effort, type Report, type Row, type Scenario, scaled } from '../support/scenario.ts';
import { cpuColumns, Wyvern } from '../support/wyvern.ts';

const CALLERS = 64;
const TASKS = 20_000;
const WORKERS = [1, 2, 4];

export const scaling: Scenario = {
  name: 'scaling',
  goal: 'blocking hello with 1, 2 and 4 workers, and with a second front, told: on two cores the processes share what one alone would use',
  run,
};

async function run(effort: Effort): Promise<Report> {
  const tasks = scaled(TASKS, effort, CALLERS);
  const rows: Row[] = [];
  for (const workers of effort.isSmoke ? WORKERS.slice(0, 1) : WORKERS) {
    await using wyvern = await Wyvern.start({ SYNC: '1s', WORKERS: String(workers) });
    rows.push({ fronts: 1, workers, ...(await measure(wyvern, [wyvern.url], tasks)) });
  }
  await using wyvern = await Wyvern.start({ SYNC: '1s', WORKERS: '2' });
  await using second = await SecondFront.start(wyvern.service);
  rows.push({ fronts: 2, workers: 2, ...(await measure(wyvern, [wyvern.url, second.url], tasks)) });
  return { rows, verdicts: [], notes: ['the CPU of the second front is not counted'] };
}

async function measure(wyvern: Wyvern, urls: readonly string[], tasks: number): Promise<Row> {
  const share = Math.ceil(tasks / urls.length);
  const callers = Math.ceil(CALLERS / urls.length);
  const load = () => Promise.all(urls.map((url) => closedLoop(url, callers, share, helloOn(wyvern))));
  await load();
  const { value, cpuMs } = await wyvern.cpuDuring(load);
  const seconds = Math.max(...value.map((part) => part.seconds));
  return {
    'tasks/s': shortly((share * urls.length) / seconds),
    ...latencies(value.flatMap((part) => part.latencies)),
    ...cpuColumns(cpuMs, tasks),
  };
}
