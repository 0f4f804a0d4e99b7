import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deferred } from '../../src/deferred.ts';
import { create, endOf, type History, untilAllEnded } from '../support/histories.ts';
import { HttpOrigin } from '../support/http-origin.ts';
import { gradient, pipeline } from '../support/picture.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';

/** What a worker takes of tasks with sources, if nothing is set. */
const AT_ONCE = 100;

let service: Service;
let wide: Buffer;
let high: Buffer;
beforeAll(async () => {
  wide = await pipeline(gradient(16, 8)).png().toBuffer();
  high = await pipeline(gradient(8, 16)).png().toBuffer();
  service = await Service.start({ FETCH_ALLOW: '127.0.0.1' });
});
afterAll(() => service[Symbol.asyncDispose]());

/** A source that answers nobody before it is let go on; each who asks may be answered otherwise. */
async function heldSource(...answers: readonly (string | Buffer)[]) {
  const goOn = deferred<void>();
  let asked = 0;
  const origin = await HttpOrigin.start(async (_request, response) => {
    const answer = answers[asked++];
    await goOn.promise;
    response.end(answer);
  });
  return {
    url: `${origin.url}/picture`,
    asked: () => asked,
    goOn: () => goOn.resolve(),
    [Symbol.asyncDispose]: () => origin[Symbol.asyncDispose](),
  };
}

const started = async (): Promise<number> => {
  const metrics = await (await service.fetch('/metrics')).text();
  return Number(/^wyvern_events_total\{type="started"\} (\d+)$/m.exec(metrics)?.[1] ?? 0);
};

/** What waits until the worker has no place left for more of the tasks that are created from now on. */
async function fullness(): Promise<() => Promise<unknown>> {
  const before = await started();
  return () => until(async () => (await started()) >= before + AT_ONCE);
}

const same = (count: number, task: object): object[] => Array.from({ length: count }, () => task);
const completedOf = (history: History) => history.find(({ type }) => type === 'completed')?.data;

describe('of more identical tasks than a worker takes at once', () => {
  test('1,000 in one request cost one fetch, and all have the same result', { timeout: 60_000 }, async () => {
    await using source = await heldSource(wide);
    const tasks = same(1_000, { task_name: 'image.info', url: source.url });
    const untilFull = await fullness();
    const answering = service.post('/v1/create', { tasks, block: true });
    await untilFull();
    source.goOn();

    const statuses = (await (await answering).json()) as { status: string; result: object }[];

    expect(statuses).toHaveLength(1_000);
    expect(new Set(statuses.map(({ status }) => status))).toEqual(new Set(['success']));
    expect(statuses[0]?.result).toMatchObject({ width: 16, height: 8 });
    expect(new Set(statuses.map(({ result }) => JSON.stringify(result))).size).toBe(1);
    expect(source.asked()).toBe(1);
  });

  test('each has a file of its own', { timeout: 60_000 }, async () => {
    await using source = await heldSource(wide);
    const tasks = same(300, { task_name: 'image.thumb', url: source.url, width: 4, format: 'png' });
    const untilFull = await fullness();
    const keys = await create(service, tasks);
    await untilFull();
    source.goOn();

    const histories = await untilAllEnded(service, keys, 30_000);

    expect(new Set(histories.map(endOf))).toEqual(new Set(['completed']));
    const outputs = histories.map((history) => completedOf(history)?.outputs as { sha256: string }[]);
    expect(new Set(outputs.map(([output]) => output?.sha256)).size).toBe(1);
    for (const key of keys) expect((await service.fetch(`/files/${key}/output.png`)).status).toBe(200);
    expect(source.asked()).toBe(1);
  });

  test('each is told what is wrong with their source', { timeout: 60_000 }, async () => {
    await using source = await heldSource('no picture');
    const untilFull = await fullness();
    const keys = await create(service, same(300, { task_name: 'image.info', url: source.url }));
    await untilFull();
    source.goOn();
    for (const history of await untilAllEnded(service, keys, 30_000))
      expect(history.at(-1)).toMatchObject({
        type: 'failed',
        data: { attempt: 1, error: `File '${source.url}' is not a valid image file` },
      });
    expect(source.asked()).toBe(1);
  });

  test('one that is created after they have ended sees the source as it is then', {
    timeout: 60_000,
  }, async () => {
    await using source = await heldSource(wide, high);
    const task = { task_name: 'image.info', url: source.url };
    const untilFull = await fullness();
    const keys = await create(service, same(150, task));
    await untilFull();
    source.goOn();
    await untilAllEnded(service, keys, 30_000);

    const [history] = await untilAllEnded(service, await create(service, [task]));

    expect(completedOf(history as History)?.result).toMatchObject({ width: 8, height: 16 });
    expect(source.asked()).toBe(2);
  });
});
