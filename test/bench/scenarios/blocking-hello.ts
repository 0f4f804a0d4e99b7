import { Bullmq, bullmqIsMissing } from '../support/bullmq.ts';
import { closedLoop } from '../support/callers.ts';
import { judgeRates, rowOf, type Turn } from '../support/comparison.ts';
import { helloOn, helloOnBullmq } from '../support/hello.ts';
import { median } from '../support/numbers.ts';
import { type Contestant, inTurn } from '../support/rounds.ts';
import {
  type Effort,
  type Report,
  type Row,
  type Scenario,
  scaled,
  type Verdict,
} from '../support/scenario.ts';
import { cpuColumns, cpuSum, Wyvern } from '../support/wyvern.ts';

const CALLERS = 64;
const TASKS = 20_000;
/** µs of CPU a task, all processes of the service and HTTP included, at `SYNC=1s`. */
const CPU_GOAL = 130;
const PEER = 'BullMQ behind HTTP';

/** The durabilities that are the same promise on both sides, and how much faster we mean to be. */
const PAIRS = [
  { sync: '1s', appendfsync: 'everysec', goal: 4, share: 1 },
  { sync: 'always', appendfsync: 'always', goal: 3, share: 0.5 },
] as const;

export const blockingHello: Scenario = {
  name: 'blocking-hello',
  goal: `${CALLERS} callers who create a task and wait for its end: 4 × BullMQ behind HTTP at 1s against everysec, 3 × at always; at most ${CPU_GOAL} µs of CPU a task at 1s`,
  run,
};

async function run(effort: Effort): Promise<Report> {
  const missing = bullmqIsMissing();
  const rows: Row[] = [];
  const verdicts: Verdict[] = [];
  for (const { sync, appendfsync, goal, share } of effort.isSmoke ? PAIRS.slice(0, 1) : PAIRS) {
    const tasks = scaled(TASKS * share, effort, CALLERS);
    const cpu: number[] = [];
    await using wyvern = await Wyvern.start({ SYNC: sync });
    await using bullmq = missing ? undefined : await Bullmq.start(appendfsync);
    const contestants = [ours(wyvern, tasks, cpu), ...(bullmq ? [theirs(bullmq, tasks)] : [])];
    for (const { measure } of contestants) await measure();
    cpu.length = 0;
    const turns = await inTurn(contestants, effort.rounds);
    for (const [name, taken] of turns)
      rows.push(rowOf(name, name === 'Wyvern' ? sync : appendfsync, 'tasks', taken));
    const wanted = `≥ ${goal} × ${PEER}, ${sync} against ${appendfsync}`;
    verdicts.push(...judgeRates(wanted, goal, turns.get('Wyvern') ?? [], turns.get(PEER)));
    if (sync === '1s') verdicts.push(judgeCpu(median(cpu)));
  }
  return { rows, verdicts, notes: missing ? [missing] : [] };
}

const ours = (wyvern: Wyvern, tasks: number, cpu: number[]): Contestant<Turn> => ({
  name: 'Wyvern',
  measure: async () => {
    const work = () => closedLoop(wyvern.url, CALLERS, tasks, helloOn(wyvern));
    const { value, cpuMs } = await wyvern.cpuDuring(work);
    cpu.push(cpuSum(cpuMs, tasks));
    return { rate: tasks / value.seconds, latencies: value.latencies, columns: cpuColumns(cpuMs, tasks) };
  },
});

const theirs = (bullmq: Bullmq, tasks: number): Contestant<Turn> => ({
  name: PEER,
  measure: async () => {
    const { seconds, latencies } = await closedLoop(bullmq.url, CALLERS, tasks, helloOnBullmq);
    return { rate: tasks / seconds, latencies };
  },
});

const judgeCpu = (cpu: number): Verdict => ({
  goal: `≤ ${CPU_GOAL} µs of CPU a task at 1s`,
  measured: `${Math.round(cpu)} µs`,
  isMet: cpu <= CPU_GOAL,
});
