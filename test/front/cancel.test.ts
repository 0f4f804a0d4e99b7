import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { sealEnd } from '../../src/log/seal.ts';
import { createLogger } from '../../src/logger.ts';
import { endOf, expectOneEndEach } from '../support/histories.ts';
import { descendants } from '../support/program.ts';
import { connectToLogOf } from '../support/raw-log.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';
import { startOrigin } from '../worker/source/origin.ts';
import {
  create,
  createOne,
  errorsOf,
  feedOf,
  hello,
  historyOf,
  problem,
  type Status,
  sampleUrl,
  sleep,
  statusesOf,
  thumb,
  UNKNOWN_KEY,
} from './support.ts';

const PLACES = 6;
let service: Service;
beforeAll(async () => {
  const api_keys = [{ key: 'acme-api-key', referrers: ['example.com'] }];
  service = await Service.startFor(
    [
      { name: 'acme', secret: 'acme-secret', api_keys },
      { name: 'globex', secret: 'globex-secret' },
    ],
    { CONCURRENCY: String(PLACES), FETCH_ALLOW: '127.0.0.1' },
  );
});
afterAll(() => service[Symbol.asyncDispose]());

const post = (body: object, headers: Record<string, string> = {}) =>
  fetch(`${service.url}/v1/cancel`, { method: 'POST', body: JSON.stringify(body), headers });
const cancel = async (tasks: unknown): Promise<Status[]> =>
  statusesOf(await service.post('/v1/cancel', { tasks }));
const typesOf = async (key: string) => (await historyOf(service, key)).map(({ type }) => type);
const statusOf = async (key: string): Promise<Status> => {
  const [status] = await statusesOf(await fetch(`${service.url}/v1/status?tasks=${key}`));
  return status as Status;
};
const untilExecuting = (key: string) =>
  until(async () => ((await statusOf(key)).status === 'executing' ? true : undefined));
/** Every place of the worker is taken by tasks that last; resolves with their keys once they are executing. */
async function takeAllPlaces(): Promise<string[]> {
  const long = await create(service, Array(PLACES).fill(sleep(3_600)));
  await Promise.all(long.map(({ key }) => untilExecuting(key)));
  return long.map(({ key }) => key);
}
/** Resolves when this many places of the worker are free; a long task in each shows it. */
async function expectAllPlacesFree(): Promise<void> {
  await cancel(await takeAllPlaces());
}

describe('POST /v1/cancel', () => {
  test('ends an executing task in error, and frees its place for others at once', async () => {
    const keys = await takeAllPlaces();
    const [canceled] = await cancel(keys);
    expect(canceled).toMatchObject({ status: 'error', key: keys[0], result: 'canceled' });
    expect(Object.keys(canceled?.events ?? {})).toEqual(['queued', 'started', 'completed']);
    expect(await createOne(service, hello(), true)).toMatchObject({ status: 'success' });
    for (const key of keys) expect(await typesOf(key)).toEqual(['queued', 'started', 'canceled']);
  });

  test('ends tasks that wait, of which none is ever started', async () => {
    const blocking = await takeAllPlaces();
    const waiting = await create(service, Array(300).fill(sleep(3_600)));
    const canceled = await cancel(waiting.map(({ key }) => key));
    expect(canceled.map(({ key }) => key)).toEqual(waiting.map(({ key }) => key));
    for (const { status, result, events } of canceled)
      expect({ status, result, started: events.started }).toEqual({ status: 'error', result: 'canceled' });
    // The worker comes to them now, before what was queued after them.
    await cancel(blocking);
    expect(await createOne(service, sleep(0.01), true)).toMatchObject({ status: 'success' });
    for (const { key } of waiting.slice(0, 50)) expect(await typesOf(key)).toEqual(['queued', 'canceled']);
  });

  test('answers in the order asked, leaves ended tasks as they are, and can be asked again', async () => {
    const done = await createOne(service, hello(), true);
    const open = await createOne(service, sleep(3_600));
    const first = await cancel([open.key, done.key, open.key]);
    expect(first.map(({ key, status }) => [key, status])).toEqual([
      [open.key, 'error'],
      [done.key, 'success'],
      [open.key, 'error'],
    ]);
    expect(first[1]).toEqual(done);
    expect(await cancel([open.key, done.key, open.key])).toEqual(first);
    expect(await cancel(open.key)).toEqual([first[0]]);
  });

  test('adds the definition and the attempts with details', async () => {
    const { key } = await createOne(service, sleep(600));
    const answer = await service.post('/v1/cancel', { tasks: key, details: true });
    expect(await answer.json()).toMatchObject([{ result: 'canceled', task: sleep(600), task_metas: {} }]);
  });

  test('is seen by those who wait and by feeds', async () => {
    const { key } = await createOne(service, sleep(3_600));
    const blocked = fetch(`${service.url}/v1/status?tasks=${key}&block=true`);
    const feed = fetch(`${service.url}/v1/status_stream?tasks=${key}`);
    await untilExecuting(key);
    const [canceled] = await cancel(key);
    expect(await statusesOf(await blocked)).toEqual([canceled]);
    expect((await feedOf(await feed)).then.at(-1)).toEqual(canceled);
  });

  test('hangs up on the source that is being fetched, within a second', async () => {
    await using origin = await startOrigin(() => {});
    const { key } = await createOne(service, { task_name: 'image.info', url: `${origin.url}/never` });
    await until(() => (origin.requests.length === 1 ? true : undefined));
    const canceledAt = performance.now();
    expect(await cancel(key)).toMatchObject([{ status: 'error', result: 'canceled' }]);
    await until(() => (origin.open === 0 ? true : undefined));
    expect(performance.now() - canceledAt).toBeLessThan(5_000);
    expect(await typesOf(key)).toEqual(['queued', 'started', 'canceled']);
  });

  test('kills the child that works on the pixels, and no task beside it', { timeout: 60_000 }, async () => {
    const [worker] = service.processes('worker');
    const children = () =>
      descendants(worker?.pid as number).flatMap(({ pid, command }) =>
        command.endsWith(' media') ? [pid] : [],
      );
    const images = Array(100).fill(sampleUrl(service));
    const { key } = await createOne(service, { task_name: 'image.gif', images, width: 540 });
    // Once it has read some of the pictures, it is at it for seconds.
    await until(async () => ((await statusOf(key)).progress === undefined ? undefined : true), 30_000);
    const before = children();
    expect(await cancel(key)).toMatchObject([{ status: 'error', result: 'canceled' }]);
    await until(() => before.some((pid) => !children().includes(pid)));
    expect(await createOne(service, thumb(service), true)).toMatchObject({ status: 'success' });
    expect((await typesOf(key)).at(-1)).toBe('canceled');
  });

  test('races with ends: each task has one, and its status says which', async () => {
    const keys = (await create(service, Array(200).fill(hello()))).map(({ key }) => key);
    const answered = await cancel(keys);
    for (const [index, { key, status, result }] of answered.entries()) {
      expect(key).toBe(keys[index]);
      expect([status, result]).toEqual(
        status === 'success' ? ['success', 'Hello John'] : ['error', 'canceled'],
      );
    }
    for (const { key, status } of answered.slice(0, 40))
      expect(endOf(await historyOf(service, key))).toBe(status === 'success' ? 'completed' : 'canceled');
    expect(await statusesOf(await service.post('/v1/status', { tasks: keys }))).toEqual(answered);
    await expectOneEndEach(service, keys);
  });

  test('stops the work also if the worker does not hear of it', { timeout: 60_000 }, async () => {
    const keys = await takeAllPlaces();
    const logger = createLogger('test', { LOG_LEVEL: 'fatal' });
    const connection = await connectToLogOf(service.dataDir);
    const log = await JetStreamLog.open(connection, readConfig({ DATA_DIR: service.dataDir }), logger);
    try {
      const event = { type: 'canceled' } as const;
      for (const key of keys) await log.append(await sealEnd(log, { name: 'sleep', key }, event));
    } finally {
      await log.close();
    }
    await expectAllPlacesFree();
    for (const key of keys) expect(await typesOf(key)).toEqual(['queued', 'started', 'canceled']);
  });
});

describe('POST /v1/cancel refuses', () => {
  test('an API key, and who sends nothing', async () => {
    const { key } = await createOne(service, sleep(3_600));
    const fromPage = { Authorization: 'Api-Key acme-api-key', Referer: 'https://example.com/' };
    expect(await errorsOf(await post({ tasks: key }, fromPage), 401)).toEqual([
      problem('secret', 'secret is missing, an api_key does not suffice here', 'header'),
    ]);
    expect(await errorsOf(await post({ tasks: key }), 401)).toHaveLength(1);
    expect((await statusOf(key)).status).not.toBe('error');
    expect(await statusesOf(await post({ tasks: key, secret: 'acme-secret' }))).toHaveLength(1);
  });

  test("another account's tasks as unknown, and then cancels none of the others either", async () => {
    const { key } = await createOne(service, sleep(3_600));
    const globex = { Authorization: 'Secret globex-secret' };
    expect(await errorsOf(await post({ tasks: key }, globex), 404)).toEqual([
      problem('tasks', `no task has the key '${key}'`),
    ]);
    expect(await errorsOf(await service.post('/v1/cancel', { tasks: [key, UNKNOWN_KEY] }), 404)).toEqual([
      problem('tasks[1]', `no task has the key '${UNKNOWN_KEY}'`),
    ]);
    expect((await statusOf(key)).status).not.toBe('error');
    await cancel(key);
  });

  test.each([
    ['no tasks', undefined, [problem('tasks', 'tasks is missing')]],
    ['an empty list', [], [problem('tasks', 'tasks is empty')]],
    ['a number', 7, [problem('tasks', 'tasks must be a key or a list of keys')]],
    ['what is no key', '*', [problem('tasks', 'tasks is not a task key')]],
    [
      'a list with what is no key',
      [UNKNOWN_KEY, 'task.>'],
      [problem('tasks[1]', 'tasks[1] is not a task key')],
    ],
    [
      'too many',
      Array(1_001).fill(UNKNOWN_KEY),
      [problem('tasks', 'tasks has 1001 keys, the limit is 1000')],
    ],
  ])('%s', async (_, tasks, problems) => {
    expect(await errorsOf(await service.post('/v1/cancel', { tasks }))).toEqual(problems);
  });

  test('other methods', async () => {
    const answer = await service.fetch('/v1/cancel');
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
  });
});
