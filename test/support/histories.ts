import { jetstreamManager } from '@nats-io/jetstream';
import { expect } from 'vitest';
import { connectToLogOf } from './raw-log.ts';
import type { Service } from './service.ts';
import { until } from './until.ts';

/** One event as `/v1/history` shows it. */
export interface HistoryEvent {
  readonly seq: number;
  readonly time: string;
  readonly type: string;
  readonly key: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly late?: boolean;
}

export type History = readonly HistoryEvent[];

const ENDS = ['completed', 'failed', 'canceled'];
/** Keys in one request for statuses. */
const AT_ONCE = 1_000;

type Asking = Pick<Service, 'fetch' | 'post'>;

/** Creates the tasks in one request, which must succeed; resolves with their keys, in order. */
export async function create(service: Asking, tasks: readonly object[]): Promise<string[]> {
  const answer = await service.post('/v1/create', { tasks });
  expect(answer.status).toBe(200);
  const statuses = (await answer.json()) as { key: string }[];
  return statuses.map(({ key }) => key);
}

export async function historyOf(service: Asking, key: string): Promise<History> {
  const answer = await service.fetch(`/v1/history?task=${key}`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as History;
}

export const hasEnded = (history: History): boolean => history.some(({ type }) => ENDS.includes(type));

export const attemptsOf = (history: History): number[] =>
  history.filter(({ type }) => type === 'started').map(({ data }) => data.attempt as number);

/** The process number of the worker that started the attempt: the end of the name that it signs events with. */
export function workerOf(history: History, attempt: number): number | undefined {
  const started = history.find(({ type, data }) => type === 'started' && data.attempt === attempt);
  return started && Number(/\d+$/.exec(started.data.worker as string)?.[0]);
}

/** Why the attempt was made, if its worker knew. */
export const reasonOf = (history: History, attempt: number): unknown =>
  history.find(({ type, data }) => type === 'started' && data.attempt === attempt)?.data.reason;

/** The type of a task's one end. Fails if it has none, or several. */
export function endOf(history: History): string {
  const ends = history.filter(({ type, late }) => ENDS.includes(type) && !late).map(({ type }) => type);
  expect(ends, `the ends of ${JSON.stringify(history)}`).toHaveLength(1);
  return ends[0] as string;
}

/** Waits until the history is as wanted; a front that is away meanwhile is waited for. */
export const untilHistory = (
  service: Asking,
  key: string,
  isWanted: (history: History) => boolean,
  timeoutMs?: number,
): Promise<History> =>
  until(async () => {
    const history = await historyOf(service, key).catch(() => []);
    return isWanted(history) ? history : undefined;
  }, timeoutMs);

/** Waits until every task has been started, or has ended; resolves with their histories, in the order of the keys. */
export async function untilAllStarted(
  service: Asking,
  keys: readonly string[],
  timeoutMs?: number,
): Promise<History[]> {
  await untilNone(service, keys, ['queued'], timeoutMs);
  return historiesOf(service, keys);
}

/**
 * Waits until every task has ended, then reads every history: each has one end. Resolves with them, in the
 * order of the keys.
 */
export async function untilAllEnded(
  service: Asking,
  keys: readonly string[],
  timeoutMs?: number,
): Promise<History[]> {
  await untilNone(service, keys, ['queued', 'executing'], timeoutMs);
  const histories = await historiesOf(service, keys);
  for (const history of histories) endOf(history);
  return histories;
}

async function historiesOf(service: Asking, keys: readonly string[]): Promise<History[]> {
  const histories: History[] = [];
  for (let at = 0; at < keys.length; at += 50)
    histories.push(...(await Promise.all(keys.slice(at, at + 50).map((key) => historyOf(service, key)))));
  return histories;
}

/** Waits until no task has any of these statuses; asks again only for those that have. */
async function untilNone(
  service: Asking,
  keys: readonly string[],
  unwanted: readonly string[],
  timeoutMs?: number,
): Promise<void> {
  let left = keys;
  await until(async () => {
    left = await having(service, left, unwanted).catch(() => left);
    return left.length === 0;
  }, timeoutMs);
}

async function having(
  service: Asking,
  keys: readonly string[],
  unwanted: readonly string[],
): Promise<string[]> {
  const found: string[] = [];
  for (let at = 0; at < keys.length; at += AT_ONCE) {
    const answer = await service.post('/v1/status', { tasks: keys.slice(at, at + AT_ONCE) });
    const statuses = (await answer.json()) as { key: string; status: string }[];
    found.push(...statuses.filter(({ status }) => unwanted.includes(status)).map(({ key }) => key));
  }
  return found;
}

/**
 * Counts the terminal events in the log itself, past every front: a history shows the last event of each
 * subject only, so a second end in the same place would be hidden there.
 */
export async function countEndsInLog(dataDir: string): Promise<Map<string, number>> {
  const connection = await connectToLogOf(dataDir);
  try {
    const manager = await jetstreamManager(connection);
    const { state } = await manager.streams.info('TASKS', { subjects_filter: 'task.done.>' });
    return new Map(
      Object.entries(state.subjects ?? {}).map(([subject, count]) => [
        subject.split('.')[3] as string,
        count,
      ]),
    );
  } finally {
    await connection.close();
  }
}

/** Each of the tasks has exactly one terminal event in the log. */
export async function expectOneEndEach(service: Service, keys: readonly string[]): Promise<void> {
  const counts = await countEndsInLog(service.dataDir);
  expect(keys.filter((key) => counts.get(key) !== 1)).toEqual([]);
}
