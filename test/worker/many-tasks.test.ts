import { expect, test } from 'vitest';
import {
  attemptsOf,
  create,
  endOf,
  expectOneEndEach,
  untilAllEnded,
  workerOf,
} from '../support/histories.ts';
import { Service } from '../support/service.ts';

test('2,000 tasks in requests of 100 all succeed, each once, shared by two workers', {
  timeout: 60_000,
}, async () => {
  await using service = await Service.start({ WORKERS: '2' });
  const requests = Array.from({ length: 20 }, (_, request) =>
    create(
      service,
      Array.from({ length: 100 }, (_, index) => ({ task_name: 'hello', name: `${request}/${index}` })),
    ),
  );
  const keys = (await Promise.all(requests)).flat();
  expect(new Set(keys).size).toBe(2_000);

  const histories = await untilAllEnded(service, keys, 30_000);

  expect(new Set(histories.map(endOf))).toEqual(new Set(['completed']));
  expect(histories.every((history) => attemptsOf(history).length === 1)).toBe(true);
  const greetings = histories.map((history) => history.find(({ type }) => type === 'completed')?.data.result);
  expect(greetings).toEqual(keys.map((_, index) => `Hello ${Math.floor(index / 100)}/${index % 100}`));
  expect(new Set(histories.map((history) => workerOf(history, 1))).size).toBe(2);
  await expectOneEndEach(service, keys);
});
