import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPast } from '../../src/front/past.ts';
import { decodeEvent } from '../../src/log/envelope.ts';
import { newKey } from '../../src/log/key.ts';
import type { EventLog } from '../../src/log/log.ts';
import { seal } from '../../src/log/seal.ts';
import { subjectOf } from '../../src/log/subject.ts';
import { queued } from '../actors/events.ts';
import type { HistoryEvent } from '../support/histories.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';
import {
  createOne,
  type DetailedStatus,
  errorsOf,
  hello,
  historyOf,
  jsonOf,
  problem,
  type Status,
  sleep,
  statusesOf,
  UNKNOWN_KEY,
} from './support.ts';

let service: Service;
let ended: Status;
let history: HistoryEvent[];
beforeAll(async () => {
  service = await Service.start();
  ended = await createOne(service, { ...sleep(0.6, 3), task_metas: { page: 3 } }, true);
  const stream = await service.fetch(`/v1/history_stream?tasks=${ended.key}`);
  // Unlike the history it has every report of progress.
  history = (await stream.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
});
afterAll(() => service[Symbol.asyncDispose]());

type Ask = (at: string | number, rest?: Record<string, unknown>) => Promise<Response>;
const WAYS: readonly [string, 'query' | 'body', Ask][] = [
  [
    'GET',
    'query',
    (at, rest = {}) => {
      const query = new URLSearchParams({ tasks: ended.key, at: String(at) });
      for (const [name, value] of Object.entries(rest)) query.set(name, String(value));
      return service.fetch(`/v1/status?${query}`);
    },
  ],
  ['POST', 'body', (at, rest = {}) => service.post('/v1/status', { tasks: ended.key, at, ...rest })],
];

describe.each(WAYS)('%s /v1/status with at', (_, location, ask) => {
  test.each(['seq', 'time'] as const)('answers what the status was at each event, by its %s', async (by) => {
    let progress: unknown;
    for (const event of history) {
      const [then] = await statusesOf(await ask(event[by]));
      if (event.type === 'progress') progress = event.data.progress;
      expect(then?.status).toBe({ queued: 'queued', completed: 'success' }[event.type] ?? 'executing');
      expect(then?.progress).toEqual(progress);
    }
    expect(progress).toBe(100);
    expect(await statusesOf(await ask(history.at(-1)?.[by] as string))).toEqual([ended]);
  });

  test('answers 404 for a task that was not queued then', async () => {
    for (const at of [(history[0]?.seq ?? 0) - 1, '2001-01-01', 0])
      expect(await errorsOf(await ask(at), 404)).toEqual([
        problem('tasks', `no task had the key '${ended.key}' then, or the log has let go of it`, location),
      ]);
    expect(await errorsOf(await ask(10 ** 9, { tasks: UNKNOWN_KEY }), 404)).toHaveLength(1);
  });

  test('answers for a time to come what the status is now', async () => {
    for (const at of [10 ** 14, '2100-01-01T00:00:00Z'])
      expect(await statusesOf(await ask(at))).toEqual([ended]);
  });

  test('adds the details of then', async () => {
    const [queued] = await jsonOf<DetailedStatus[]>(await ask(history[0]?.seq as number, { details: true }));
    expect(queued).toMatchObject({ status: 'queued', attempts: 0, task_metas: { page: 3 } });
    const [executing] = await jsonOf<DetailedStatus[]>(
      await ask(history[1]?.time as string, { details: true }),
    );
    expect(executing).toMatchObject({ status: 'executing', attempts: 1, task: { task_name: 'sleep' } });
  });

  test('waits for nothing', async () => {
    expect(await errorsOf(await ask(1, { block: true }))).toEqual([
      problem('at', 'at cannot be combined with block', location),
    ]);
  });

  test('names an at that is none', async () => {
    for (const at of ['soon', '', '-1', '2026-02-30'])
      expect(await errorsOf(await ask(at))).toEqual([
        problem('at', 'at must be the seq of an event or an ISO 8601 date', location),
      ]);
  });
});

test('POST /v1/status takes at from its query, where the body has none', async () => {
  const ask = (query: string, body = {}) =>
    service.post(`/v1/status?${query}`, { tasks: ended.key, ...body });
  const first = String(history[0]?.seq);
  expect(await statusesOf(await ask(`at=${first}`))).toMatchObject([{ status: 'queued' }]);
  expect(await statusesOf(await ask(`at=${first}`, { at: 10 ** 14 }))).toEqual([ended]);
  expect(await errorsOf(await ask('at=soon'))).toEqual([
    problem('at', 'at must be the seq of an event or an ISO 8601 date', 'query'),
  ]);
  expect(await errorsOf(await ask('at=1', { block: true }))).toEqual([
    problem('at', 'at cannot be combined with block', 'query'),
  ]);
});

test('A feed refuses at, which it has no answer to', async () => {
  const text = 'at is for /v1/status, a feed tells what comes';
  expect(await errorsOf(await service.fetch(`/v1/status_stream?tasks=${ended.key}&at=1`))).toEqual([
    problem('at', text, 'query'),
  ]);
  expect(await errorsOf(await service.post('/v1/stream', { tasks: ended.key, at: 1 }))).toEqual([
    problem('at', text, 'body'),
  ]);
});

test('A task that goes on is seen as it was, and as it is', async () => {
  const { key } = await createOne(service, sleep(3_600, 4));
  const [, started] = await until(async () => {
    const events = await historyOf(service, key);
    return events.length > 2 ? events : undefined;
  });
  const at = (place: unknown) => service.fetch(`/v1/status?tasks=${key}&at=${place}`);
  expect(await statusesOf(await at((started?.seq ?? 0) - 1))).toMatchObject([{ status: 'queued' }]);
  expect(await statusesOf(await at(started?.time))).toMatchObject([{ status: 'executing' }]);
  expect(await createOne(service, hello(), true)).toMatchObject({ status: 'success' });
});

test('A task that is named more than once is read once, and answered as often', async () => {
  const known = newKey();
  const unknown = newKey();
  const read: string[] = [];
  const { bytes } = seal({ name: 'hello', key: known }, queued());
  const log: Partial<EventLog> = {
    extent: async () => ({ first: 1, held: 1, last: 1 }),
    history: async (key) => {
      read.push(key);
      return key === known ? [decodeEvent(subjectOf('hello', key, queued()), bytes, 1)] : [];
    },
  };
  const past = (...keys: string[]) =>
    readPast(log as EventLog, keys, { kind: 'seq', seq: 1 }, 'body', ({ state }) => state.key);
  expect(await past(known, known, known)).toEqual([known, known, known]);
  expect(read.splice(0)).toEqual([known]);
  await expect(past(known, unknown, known, unknown)).rejects.toMatchObject({
    status: 404,
    problems: [{ name: 'tasks[1]' }, { name: 'tasks[3]' }],
  });
  expect(read).toEqual([known, unknown]);
});
