import { Bullmq, bullmqIsMissing } from '../support/bullmq.ts';
import { closedLoop } from '../support/callers.ts';
import { helloOn, helloOnBullmq } from '../support/hello.ts';
import { latencies, median, shortly } from '../support/numbers.ts';
import { type Contestant, inTurn, pairedRatio } from '../support/rounds.ts';
import {
  type Effort,
  type Report,
  type Row,
  type Scenario,
  scaled,
  type Verdict,
} from '../support/scenario.ts';
import { cpuColumns, cpuSum, type Part, Wyvern } from '../support/wyvern.ts';

const CALLERS = 64;
const TASKS = 20_000;
/** µs of CPU a task, all processes of the service and HTTP included, at `SYNC=1s`. */
const CPU_GOAL = 130;

interface Sample {
  readonly rate: number;
  readonly latencies: readonly number[];
  readonly cpuMs?: Readonly<Record<Part, number>>;
}

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
  for (const pair of PAIRS) {
    const tasks = scaled(TASKS * pair.share, effort, CALLERS);
    await using wyvern = await Wyvern.start({ SYNC: pair.sync });
    await using bullmq = missing ? undefined : await Bullmq.start(pair.appendfsync);
    const ours = contestantOf(wyvern, tasks);
    const contestants = bullmq ? [ours, peer(bullmq, tasks)] : [ours];
    for (const { measure } of contestants) await measure();
    const samples = await inTurn(contestants, effort.rounds);
    for (const [name, taken] of samples)
      rows.push(row(name, name === 'Wyvern' ? pair.sync : pair.appendfsync, taken, tasks));
    verdicts.push(...judge(pair, samples, tasks));
  }
  return { rows, verdicts, notes: missing ? [missing] : [] };
}

const contestantOf = (wyvern: Wyvern, tasks: number): Contestant<Sample> => ({
  name: 'Wyvern',
  measure: async () => {
    const { value, cpuMs } = await wyvern.cpuDuring(() =>
      closedLoop(wyvern.url, CALLERS, tasks, helloOn(wyvern)),
    );
    return { rate: tasks / value.seconds, latencies: value.latencies, cpuMs };
  },
});

const peer = (bullmq: Bullmq, tasks: number): Contestant<Sample> => ({
  name: 'BullMQ behind HTTP',
  measure: async () => {
    const { seconds, latencies } = await closedLoop(bullmq.url, CALLERS, tasks, helloOnBullmq(bullmq));
    return { rate: tasks / seconds, latencies };
  },
});

function row(name: string, durability: string, samples: readonly Sample[], tasks: number): Row {
  const [middle] = [...samples].sort((a, b) => a.rate - b.rate).slice(Math.floor(samples.length / 2));
  return {
    contestant: name,
    durability,
    'tasks/s': shortly(median(samples.map(({ rate }) => rate))),
    ...latencies(samples.flatMap((sample) => sample.latencies)),
    ...(middle?.cpuMs ? cpuColumns(middle.cpuMs, tasks) : {}),
  };
}

function judge(
  { sync, appendfsync, goal }: (typeof PAIRS)[number],
  samples: ReadonlyMap<string, readonly Sample[]>,
  tasks: number,
): Verdict[] {
  const rates = (name: string) => samples.get(name)?.map(({ rate }) => rate) ?? [];
  const verdicts: Verdict[] = [];
  const theirs = rates('BullMQ behind HTTP');
  if (theirs.length > 0) {
    const ratio = pairedRatio(rates('Wyvern'), theirs);
    verdicts.push({
      goal: `≥ ${goal} × BullMQ behind HTTP, ${sync} against ${appendfsync}`,
      measured: `${shortly(ratio)} ×`,
      isMet: ratio >= goal,
    });
  }
  if (sync === '1s') {
    const cpu = median(
      (samples.get('Wyvern') ?? []).flatMap(({ cpuMs }) => (cpuMs ? [cpuSum(cpuMs, tasks)] : [])),
    );
    verdicts.push({
      goal: `≤ ${CPU_GOAL} µs of CPU a task at 1s`,
      measured: `${Math.round(cpu)} µs`,
      isMet: cpu <= CPU_GOAL,
    });
  }
  return verdicts;
}
