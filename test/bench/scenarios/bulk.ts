import { Bullmq, bullmqIsMissing } from '../support/bullmq.ts';
import { judgeRates, rowOf, type Turn } from '../support/comparison.ts';
import { Connection } from '../support/connection.ts';
import { Peer, peerProgram } from '../support/peer.ts';
import { Postgres, pgBossIsMissing } from '../support/postgres.ts';
import { type Contestant, inTurn } from '../support/rounds.ts';
import {
  type Effort,
  type Report,
  type Row,
  type Scenario,
  scaled,
  type Verdict,
} from '../support/scenario.ts';
import { cpuColumns, Wyvern } from '../support/wyvern.ts';

const TASKS = 20_000;
const AT_ONCE = 100;
/** Keys of one blocking status request. */
const ASKED_AT_ONCE = 1_000;
const PEER = 'BullMQ addBulk';
const SECOND_PEER = 'pg-boss insert';
const GOAL = 3;

export const bulk: Scenario = {
  name: 'bulk',
  goal: `${TASKS.toLocaleString('en')} tasks in requests of ${AT_ONCE} until the last has ended: ≥ ${GOAL} × ${PEER} to completion`,
  run,
};

const PAIRS = [
  { sync: '1s', appendfsync: 'everysec', synchronousCommit: 'off' },
  { sync: 'always', appendfsync: 'always', synchronousCommit: 'on' },
] as const;

async function run(effort: Effort): Promise<Report> {
  const missing = bullmqIsMissing();
  const pgBossMissing = pgBossIsMissing();
  const tasks = scaled(TASKS / AT_ONCE, effort) * AT_ONCE;
  const rows: Row[] = [];
  const verdicts: Verdict[] = [];
  for (const { sync, appendfsync, synchronousCommit } of effort.isSmoke ? PAIRS.slice(0, 1) : PAIRS) {
    await using wyvern = await Wyvern.start({ SYNC: sync });
    await using bullmq = missing ? undefined : await Bullmq.start(appendfsync);
    await using adder = bullmq && (await Peer.start(peerProgram('bullmq-bulk'), bullmq.redisPort));
    await using postgres = pgBossMissing ? undefined : await Postgres.start(synchronousCommit);
    await using boss = postgres && (await Peer.start(peerProgram('pgboss-bulk'), postgres.url));
    const contestants = [
      ours(wyvern, tasks),
      ...(adder ? [theirs(PEER, adder, tasks)] : []),
      ...(boss ? [theirs(SECOND_PEER, boss, tasks)] : []),
    ];
    const durabilities = new Map([
      ['Wyvern', sync],
      [PEER, appendfsync],
      [SECOND_PEER, `synchronous_commit=${synchronousCommit}`],
    ]);
    for (const { measure } of contestants) await measure();
    const turns = await inTurn(contestants, effort.rounds);
    for (const [name, taken] of turns) rows.push(rowOf(name, durabilities.get(name) ?? '', 'tasks', taken));
    const wanted = `≥ ${GOAL} × ${PEER}, ${sync} against ${appendfsync}`;
    verdicts.push(...judgeRates(wanted, GOAL, turns.get('Wyvern') ?? [], turns.get(PEER)));
  }
  return { rows, verdicts, notes: [missing, pgBossMissing].filter((note) => note !== undefined) };
}

const ours = (wyvern: Wyvern, tasks: number): Contestant<Turn> => ({
  name: 'Wyvern',
  measure: async () => {
    const { value, cpuMs } = await wyvern.cpuDuring(() => createAndWait(wyvern, tasks));
    return { rate: tasks / value, latencies: [], columns: cpuColumns(cpuMs, tasks) };
  },
});

const theirs = (name: string, adder: Peer, total: number): Contestant<Turn> => ({
  name,
  measure: async () => {
    const { seconds } = await adder.ask<{ seconds: number }>({ total, portion: AT_ONCE });
    return { rate: total / seconds, latencies: [] };
  },
});

/** Seconds from the first request until the last task has ended. */
async function createAndWait({ url, head }: Wyvern, tasks: number): Promise<number> {
  const connection = await Connection.open(url);
  const hellos = Array.from({ length: AT_ONCE }, (_, at) => ({ task_name: 'hello', name: `${at}` }));
  const body = JSON.stringify({ tasks: hellos });
  const keys: string[] = [];
  const startedAt = performance.now();
  while (keys.length < tasks) {
    const answer = await connection.request('POST', '/v1/create', head, body);
    keys.push(...(JSON.parse(answer.body) as { key: string }[]).map(({ key }) => key));
  }
  for (let from = 0; from < keys.length; from += ASKED_AT_ONCE) {
    const asked = JSON.stringify({ tasks: keys.slice(from, from + ASKED_AT_ONCE), block: true });
    const { body: statuses } = await connection.request('POST', '/v1/status', '', asked);
    if (statuses.includes('"status":"error"')) throw new Error('a task failed');
  }
  connection.close();
  return (performance.now() - startedAt) / 1_000;
}
