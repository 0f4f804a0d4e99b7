import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Service } from '../support/service.ts';
import {
  createOne,
  DATE,
  errorsOf,
  hello,
  historyOf,
  problem,
  sleep,
  thumb,
  UNKNOWN_KEY,
} from './support.ts';

let service: Service;
beforeAll(async () => {
  service = await Service.start();
});
afterAll(() => service[Symbol.asyncDispose]());

const typesOf = async (task: unknown): Promise<string[]> => {
  const { key } = await createOne(service, task, true);
  return (await historyOf(service, key)).map(({ type }) => type);
};

describe('GET /v1/history', () => {
  test('answers the events of one task in log order', async () => {
    const { key } = await createOne(service, { ...hello(), task_metas: { page: 3 } }, true);
    const history = await historyOf(service, key);
    expect(history.map(({ type }) => type)).toEqual(['queued', 'started', 'completed']);
    for (const event of history) {
      expect(Object.keys(event)).toEqual(['seq', 'time', 'type', 'key', 'data']);
      expect(event.key).toBe(key);
      expect(event.time).toMatch(DATE);
      expect(Number.isInteger(event.seq)).toBe(true);
    }
    const seqs = history.map(({ seq }) => seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    expect(new Set(seqs).size).toBe(3);
  });

  test('has dates that never run backwards and are those of the status', async () => {
    const { key, events } = await createOne(service, sleep(0.1, 2), true);
    const history = await historyOf(service, key);
    const times = history.map(({ time }) => time);
    expect(times).toEqual([...times].sort());
    const dateOf = (type: string) => history.find((event) => event.type === type)?.time;
    expect(events).toEqual({
      queued: dateOf('queued'),
      started: dateOf('started'),
      completed: dateOf('completed'),
    });
  });

  test('says what was asked for, who tried and what came out', async () => {
    const { key } = await createOne(service, { ...hello(), task_metas: { page: 3 } }, true);
    const [queued, started, completed] = await historyOf(service, key);
    expect(queued?.data).toEqual({ task: hello(), task_metas: { page: 3 } });
    expect(started?.data).toEqual({ attempt: 1, worker: expect.any(String) });
    expect(completed?.data).toMatchObject({ attempt: 1, result: 'Hello John', outputs: [] });
  });

  test('names no account', async () => {
    const { key } = await createOne(service, hello(), true);
    for (const { data } of await historyOf(service, key)) expect(data).not.toHaveProperty('account');
  });

  test('keeps of the progress events the last of each attempt', async () => {
    const { key } = await createOne(service, sleep(1, 5), true);
    const history = await historyOf(service, key);
    expect(history.map(({ type }) => type)).toEqual(['queued', 'started', 'progress', 'completed']);
    expect(history[2]?.data).toEqual({ attempt: 1, progress: 100 });
  });

  test('lists the outputs with their digests', async () => {
    const { key } = await createOne(service, thumb(service), true);
    const { data } = (await historyOf(service, key)).at(-1) ?? {};
    expect(data?.outputs).toEqual([
      {
        name: 'output',
        attempt: 1,
        file: 'output.jpg',
        content_type: 'image/jpeg',
        bytes: expect.any(Number),
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ]);
  });

  test('ends a task that fails with failed, and the message of its status', async () => {
    const url = `${service.url}/files/sample/none.jpg`;
    const { key, result } = await createOne(service, { task_name: 'image.info', url }, true);
    const history = await historyOf(service, key);
    expect(history.map(({ type }) => type)).toEqual(['queued', 'started', 'failed']);
    expect(history.at(-1)?.data).toMatchObject({ attempt: 1, error: result });
  });

  test('of a task whose parameters do not fit is queued and failed', async () => {
    expect(await typesOf({ task_name: 'hello' })).toEqual(['queued', 'failed']);
  });

  test('of a task that runs has no end yet', async () => {
    const { key } = await createOne(service, sleep(3_600));
    const types = (await historyOf(service, key)).map(({ type }) => type);
    expect(types[0]).toBe('queued');
    expect(types).not.toContain('completed');
  });

  test('answers 404 for an unknown, 400 for a malformed and 400 for a missing key', async () => {
    expect(await errorsOf(await service.fetch(`/v1/history?task=${UNKNOWN_KEY}`), 404)).toEqual([
      problem('task', `no task has the key '${UNKNOWN_KEY}'`, 'query'),
    ]);
    for (const key of ['', '*', '%3E', 'a.b', `${UNKNOWN_KEY}.0`, UNKNOWN_KEY.toLowerCase()])
      expect(await errorsOf(await service.fetch(`/v1/history?task=${key}`))).toEqual([
        problem('task', 'task is not a task key', 'query'),
      ]);
    expect(await errorsOf(await service.fetch('/v1/history'))).toEqual([
      problem('task', 'task is missing', 'query'),
    ]);
  });
});
