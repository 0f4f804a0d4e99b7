import { afterAll, beforeAll, expect, test } from 'vitest';
import { HeldOrigin } from '../support/held-origin.ts';
import {
  create,
  endOf,
  type History,
  historyOf,
  untilAllEnded,
  untilAllStarted,
} from '../support/histories.ts';
import { Service } from '../support/service.ts';

let service: Service;
let origin: HeldOrigin;
beforeAll(async () => {
  origin = await HeldOrigin.start();
  service = await Service.start({ FETCH_ALLOW: '127.0.0.1' });
});
afterAll(async () => {
  origin.close();
  await service[Symbol.asyncDispose]();
});

const same = (count: number, parameters: object): Promise<string[]> =>
  create(
    service,
    Array.from({ length: count }, () => ({ task_name: 'image.thumb', ...parameters })),
  );
const completedOf = (history: History) => history.find(({ type }) => type === 'completed')?.data;

test('Identical tasks share one fetch and one decoding; each has its own events, output and end', async () => {
  const url = origin.url();
  const keys = await same(40, { url, width: 100 });
  await untilAllStarted(service, keys);
  await origin.waits(1);
  const others = await same(1, { url, width: 100, crop: false, format: 'jpeg' });
  await untilAllStarted(service, others);
  const [canceled, ...rest] = [...keys, ...others] as [string, ...string[]];
  expect((await service.post('/v1/cancel', { tasks: canceled })).status).toBe(200);
  expect(origin.waiting).toHaveLength(1);
  await origin.answer();

  const histories = await untilAllEnded(service, rest);

  expect(new Set(histories.map(endOf))).toEqual(new Set(['completed']));
  expect(endOf(await historyOf(service, canceled))).toBe('canceled');
  const hashes = histories.map((history) => completedOf(history)?.outputs as { sha256: string }[]);
  expect(new Set(hashes.map(([output]) => output?.sha256)).size).toBe(1);
  for (const key of rest) expect((await fetch(`${service.url}/files/${key}/output.jpg`)).status).toBe(200);
  expect((await fetch(`${service.url}/files/${canceled}/output.jpg`)).status).toBe(404);
});

test('What is wrong with their source is told to each of them', async () => {
  const url = origin.url();
  const keys = await same(10, { url });
  await untilAllStarted(service, keys);
  await origin.waits(1);
  expect(origin.waiting).toHaveLength(1);
  await origin.answer('no picture');
  for (const history of await untilAllEnded(service, keys))
    expect(history.at(-1)).toMatchObject({
      type: 'failed',
      data: { attempt: 1, error: `File '${url}' is not a valid image file` },
    });
});

test('Canceling all of them ends the work', async () => {
  const url = origin.url();
  const keys = await same(3, { url });
  await untilAllStarted(service, keys);
  await origin.waits(1);
  const hungUp = new Promise((resolve) => origin.waiting[0]?.once('close', resolve));
  await service.post('/v1/cancel', { tasks: keys });
  await hungUp;
  origin.waiting.length = 0;
  const again = await same(1, { url });
  await origin.waits(1);
  await origin.answer();
  expect((await untilAllEnded(service, again)).map(endOf)).toEqual(['completed']);
});
