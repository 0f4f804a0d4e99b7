import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { descendants } from '../support/program.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';
import {
  createOne,
  feedOf,
  historyOf,
  next,
  partsOf,
  type Status,
  sampleUrl,
  statusesOf,
} from './support.ts';

let service: Service;
beforeAll(async () => {
  service = await Service.start();
});
afterAll(() => service[Symbol.asyncDispose]());

/** The second file takes seconds, so that there is a while in which only the first is there. */
const SIZES = { small: { width: 40 }, large: { width: 3_000 } };
const slow = (service: Service) => ({
  task_name: 'image.sizes',
  url: sampleUrl(service),
  format: 'gif',
  sizes: SIZES,
});

const signalDecoders = (signal: NodeJS.Signals): void => {
  for (const { pid, command } of descendants(service.pid))
    if (command.endsWith(' media')) process.kill(pid, signal);
};

const statusOf = async (key: string): Promise<Status> =>
  (await statusesOf(await fetch(`${service.url}/v1/status?tasks=${key}`)))[0] as Status;

const untilStatus = (key: string, isWanted: (status: Status) => boolean): Promise<Status> =>
  until(async () => {
    const status = await statusOf(key);
    return isWanted(status) ? status : undefined;
  }, 30_000);

/** Runs what is to happen while the decoders stand still; the small file is there, the large one is not. */
async function whileHalfDone(key: string, look: (status: Status) => Promise<void>): Promise<void> {
  const status = await untilStatus(key, ({ result }) => result !== undefined);
  signalDecoders('SIGSTOP');
  try {
    expect(status.status, 'the whole task was done before anybody could look').toBe('executing');
    await look(status);
  } finally {
    signalDecoders('SIGCONT');
  }
}

describe('While a task makes its second file, the first', () => {
  test('stands in the status, can be had and read, and makes its waiters go on', async () => {
    const { key } = await createOne(service, slow(service));
    const waiting = fetch(`${service.url}/v1/file/small.gif?task=${key}`, { redirect: 'manual' });
    const small = `${service.url}/files/${key}/small.gif`;
    await whileHalfDone(key, async (status) => {
      expect(status).toMatchObject({ status: 'executing', progress: 50, result: { small } });
      expect(Object.keys(status)).toEqual(['status', 'key', 'progress', 'events', 'result']);
      const redirected = await waiting;
      expect([redirected.status, redirected.headers.get('location')]).toEqual([302, small]);
      const file = await fetch(small);
      expect([file.status, file.headers.get('content-type')]).toEqual([200, 'image/gif']);
      // Another attempt may yet put another file in its place.
      expect(file.headers.get('cache-control')).toBe('no-cache');
      expect((await file.arrayBuffer()).byteLength).toBeGreaterThan(500);
      expect((await fetch(`${service.url}/files/${key}/large.gif`)).status).toBe(404);
      expect((await statusOf(key)).status).toBe('executing');
    });
    const done = await untilStatus(key, ({ status }) => status === 'success');
    expect(done.result).toEqual({
      sizes: { small: { width: 40, height: 30 }, large: { width: 3_000, height: 2_250 } },
      small,
      large: `${service.url}/files/${key}/large.gif`,
    });
    expect((await fetch(small)).headers.get('cache-control')).toContain('immutable');
    // Nobody who went on with the first file is still waiting for the task.
    expect((await fetch(`${service.url}/v1/file/large?task=${key}`, { redirect: 'manual' })).status).toBe(
      302,
    );
  });

  test.each(['POST', 'GET'] as const)('is what create_file goes to, by %s', async (method) => {
    const task = slow(service);
    const query = new URLSearchParams({ ...task, sizes: JSON.stringify(SIZES) });
    const answer =
      method === 'POST'
        ? await service.post('/v1/create_file/small', { task })
        : await service.fetch(`/v1/create_file/small?${query}`, { headers: { 'Cache-Control': 'no-cache' } });
    expect(answer.status).toBe(302);
    const [, key = ''] = /\/files\/(\w+)\/small\.gif$/.exec(answer.headers.get('location') ?? '') ?? [];
    expect((await statusOf(key)).status).toBe('executing');
    await service.post('/v1/cancel', { tasks: key });
  });

  test('can be the source of another task', async () => {
    const { key } = await createOne(service, slow(service));
    await untilStatus(key, ({ result }) => result !== undefined);
    const url = `${service.url}/files/${key}/small.gif`;
    const info = await createOne(service, { task_name: 'image.info', url }, true);
    expect(info).toMatchObject({ status: 'success', result: { width: 40, height: 30 } });
    await service.post('/v1/cancel', { tasks: key });
  });

  test('is told in feeds, and taken back when another attempt follows', async () => {
    const answer = await service.post('/v1/create_stream', { tasks: slow(service) });
    const lines = partsOf(answer);
    const [{ key }] = JSON.parse(await next(lines)) as [Status];
    const seen: Status[] = [];
    for await (const line of lines) {
      const status = JSON.parse(line) as Status;
      const isFirst = status.result !== undefined && !seen.some(({ result }) => result !== undefined);
      seen.push(status);
      // The decoder dies between the two files.
      if (isFirst) signalDecoders('SIGKILL');
    }
    const partial = seen.findIndex(({ result }) => result !== undefined);
    expect(seen[partial]).toMatchObject({ status: 'executing', result: { small: expect.any(String) } });
    const queued = seen.find(({ status }) => status === 'queued');
    expect(queued).toEqual({ status: 'queued', key, events: { queued: expect.any(String) } });
    expect(seen.at(-1)).toMatchObject({ status: 'success', result: { large: expect.any(String) } });
    const history = await historyOf(service, key);
    expect(history.map(({ type }) => type)).toEqual([
      'queued',
      'started',
      'progress',
      'retried',
      'started',
      'progress',
      'completed',
    ]);
    expect(history[2]?.data).toMatchObject({ attempt: 1, outputs: [{ name: 'small', attempt: 1 }] });
    expect(history[6]?.data).toMatchObject({
      attempt: 2,
      outputs: [
        { name: 'small', attempt: 2, file: 'small.gif' },
        { name: 'large', attempt: 2, file: 'large.gif' },
      ],
    });
  });
});

test('A task of one file tells of it with its end, not before', async () => {
  const task = { task_name: 'image.thumb', url: sampleUrl(service), width: 30 };
  const { then } = await feedOf(await service.post('/v1/create_stream', { tasks: task }));
  expect(then.map(({ status, result }) => [status, result !== undefined])).toEqual([
    ['executing', false],
    ['success', true],
  ]);
});
