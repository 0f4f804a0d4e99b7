import { Bullmq, bullmqIsMissing } from '../support/bullmq.ts';
import { closedLoop } from '../support/callers.ts';
import { rowOf, type Turn } from '../support/comparison.ts';
import type { Answer, Connection } from '../support/connection.ts';
import { helloOn, helloOnBullmq } from '../support/hello.ts';
import { median, shortly } from '../support/numbers.ts';
import { type Contestant, inTurn, pairedRatio } from '../support/rounds.ts';
import { type Effort, type Report, type Scenario, scaled } from '../support/scenario.ts';
import { Wyvern } from '../support/wyvern.ts';

const TASKS = 2_000;
const PEER = 'BullMQ behind HTTP';
const GOAL = 'a p50 of at most half of that of BullMQ behind HTTP';

export const oneCaller: Scenario = {
  name: 'one-caller',
  goal: `one caller who creates a task and waits for its end, again and again: ${GOAL}`,
  run,
};

async function run(effort: Effort): Promise<Report> {
  const missing = bullmqIsMissing();
  const tasks = scaled(TASKS, effort, 20);
  await using wyvern = await Wyvern.start({ SYNC: '1s' });
  await using bullmq = missing ? undefined : await Bullmq.start('everysec');
  const contestants = [
    alone('Wyvern', wyvern.url, tasks, helloOn(wyvern)),
    ...(bullmq ? [alone(PEER, bullmq.url, tasks, helloOnBullmq)] : []),
  ];
  for (const { measure } of contestants) await measure();
  const turns = await inTurn(contestants, effort.rounds);
  const rows = [...turns].map(([name, taken]) =>
    rowOf(name, name === 'Wyvern' ? '1s' : 'everysec', 'tasks', taken),
  );
  const medians = (name: string) => (turns.get(name) ?? []).map(({ latencies }) => median(latencies));
  if (missing) return { rows, verdicts: [], notes: [missing] };
  const ratio = pairedRatio(medians('Wyvern'), medians(PEER));
  return { rows, verdicts: [{ goal: GOAL, measured: `${shortly(ratio)} of it`, isMet: ratio <= 0.5 }] };
}

const alone = (
  name: string,
  url: string,
  tasks: number,
  ask: (connection: Connection) => Promise<Answer>,
): Contestant<Turn> => ({
  name,
  measure: async () => {
    const { seconds, latencies } = await closedLoop(url, 1, tasks, ask);
    return { rate: tasks / seconds, latencies };
  },
});
