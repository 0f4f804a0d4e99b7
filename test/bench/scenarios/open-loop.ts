import { Connection } from '../support/connection.ts';
import { quantile, shortly } from '../support/numbers.ts';
import { type Effort, type Report, type Row, type Scenario, scaled } from '../support/scenario.ts';
import { Wyvern } from '../support/wyvern.ts';

const RATES = [500, 2_000, 8_000];
const SECONDS = 10;
const CONNECTIONS = 256;
const ASKED_AT_ONCE = 1_000;

export const openLoop: Scenario = {
  name: 'open-loop',
  goal: 'small creates without block at fixed rates, each timed from when it was due, so that a slow answer delays no other: p99 to acknowledged and to ended, told',
  run,
};

interface Due {
  /** Milliseconds since the epoch when the request was due. */
  readonly at: number;
  acknowledgedMs: number;
  key: string;
}

async function run(effort: Effort): Promise<Report> {
  const rows: Row[] = [];
  for (const sync of effort.isSmoke ? ['1s'] : ['1s', 'always']) {
    await using wyvern = await Wyvern.start({ SYNC: sync });
    await measure(wyvern, 200, 1);
    for (const rate of effort.isSmoke ? RATES.slice(0, 1) : RATES)
      rows.push(await measureRow(wyvern, sync, rate, effort));
  }
  return { rows, verdicts: [] };
}

async function measureRow(wyvern: Wyvern, sync: string, rate: number, effort: Effort): Promise<Row> {
  const { due, ended, seconds } = await measure(wyvern, rate, scaled(SECONDS, effort));
  const acknowledged = due.map(({ acknowledgedMs }) => acknowledgedMs);
  return {
    durability: sync,
    'asked for /s': rate,
    'done /s': Math.round(due.length / seconds),
    'acknowledged p50 ms': shortly(quantile(acknowledged, 0.5)),
    'acknowledged p99 ms': shortly(quantile(acknowledged, 0.99)),
    'ended p50 ms': shortly(quantile(ended, 0.5)),
    'ended p99 ms': shortly(quantile(ended, 0.99)),
  };
}

async function measure(
  wyvern: Wyvern,
  rate: number,
  seconds: number,
): Promise<{ due: readonly Due[]; ended: readonly number[]; seconds: number }> {
  const connections = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => Connection.open(wyvern.url)),
  );
  const due: Due[] = [];
  const idle = [...connections];
  const waiting: Due[] = [];
  const startedAt = Date.now();
  const ask = async (connection: Connection, request: Due): Promise<void> => {
    const body = '{"tasks":{"task_name":"hello","name":"John"}}';
    const answer = await connection.request('POST', '/v1/create', wyvern.head, body);
    if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${answer.body.slice(0, 300)}`);
    request.acknowledgedMs = Date.now() - request.at;
    request.key = (JSON.parse(answer.body) as [{ key: string }])[0].key;
    const next = waiting.shift();
    if (next) return ask(connection, next);
    idle.push(connection);
  };
  const asked: Promise<void>[] = [];
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const until = Math.min(Date.now() - startedAt, seconds * 1_000);
      while (due.length < (until * rate) / 1_000) {
        const request = { at: startedAt + (due.length * 1_000) / rate, acknowledgedMs: 0, key: '' };
        due.push(request);
        // In turn: one that nobody uses for ten seconds is closed by the service.
        const connection = idle.shift();
        if (connection) asked.push(ask(connection, request));
        else waiting.push(request);
      }
      if (until < seconds * 1_000) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  await Promise.all(asked);
  const took = (Date.now() - startedAt) / 1_000;
  for (const connection of connections) connection.close();
  const ended = await endsOf(await Connection.open(wyvern.url), due);
  return { due, ended, seconds: took };
}

/** Milliseconds from when each was due to when its task ended, by the service's clock, which is ours. */
async function endsOf(connection: Connection, due: readonly Due[]): Promise<number[]> {
  const ended: number[] = [];
  for (let from = 0; from < due.length; from += ASKED_AT_ONCE) {
    const part = due.slice(from, from + ASKED_AT_ONCE);
    const asked = JSON.stringify({ tasks: part.map(({ key }) => key), block: true });
    const { body } = await connection.request('POST', '/v1/status', '', asked);
    const statuses = JSON.parse(body) as { events: { completed: string } }[];
    for (const [index, { events }] of statuses.entries())
      ended.push(Date.parse(events.completed) - (part[index]?.at ?? 0));
  }
  connection.close();
  return ended;
}
