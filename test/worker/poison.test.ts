import { expect, test } from 'vitest';
import {
  attemptsOf,
  create,
  endOf,
  expectOneEndEach,
  type History,
  hasEnded,
  untilAllEnded,
  untilAllStarted,
  untilHistory,
  workerOf,
} from '../support/histories.ts';
import { Service } from '../support/service.ts';

/** Kills the worker of each attempt as soon as the attempt shows, until the task has ended. */
async function poison(service: Service, key: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const seen = await untilHistory(
      service,
      key,
      (history: History) => hasEnded(history) || attemptsOf(history).includes(attempt),
      20_000,
    );
    if (hasEnded(seen)) return;
    process.kill(workerOf(seen, attempt) as number, 'SIGKILL');
  }
}

test.concurrent('a task that kills its worker every time ends in error, its neighbours in success', {
  timeout: 90_000,
}, async () => {
  await using service = await Service.start({ WORKERS: '1', ATTEMPTS: '2' });
  const [poisonous, ...neighbours] = (await create(service, [
    { task_name: 'sleep', seconds: 60, steps: 0 },
    ...Array.from({ length: 5 }, () => ({ task_name: 'sleep', seconds: 0.5 })),
    { task_name: 'hello', name: 'neighbour' },
  ])) as [string, ...string[]];
  await untilAllStarted(service, neighbours);

  await poison(service, poisonous);

  const [ended] = (await untilAllEnded(service, [poisonous])) as [History];
  expect(endOf(ended)).toBe('failed');
  expect(attemptsOf(ended)).toEqual([1, 2]);
  expect(ended.at(-1)?.data.error).toBe('the worker stopped while it ran the task; gave up after 2 attempts');
  const histories = await untilAllEnded(service, neighbours, 30_000);
  expect(histories.map(endOf)).toEqual(neighbours.map(() => 'completed'));
  await expectOneEndEach(service, [poisonous, ...neighbours]);
});

test.concurrent('many slow tasks whose worker dies twice in a row are tried side by side, and none of them is blamed', {
  timeout: 120_000,
}, async () => {
  await using service = await Service.start({ WORKERS: '1', ATTEMPTS: '2' });
  const sleep = { task_name: 'sleep', seconds: 8, steps: 0 };
  const keys = await create(
    service,
    [...Array(12)].map(() => sleep),
  );
  const killWorkerOf = async (attempt: number) => {
    const histories = await Promise.all(
      keys.map((key) => untilHistory(service, key, (seen) => attemptsOf(seen).includes(attempt), 30_000)),
    );
    process.kill(workerOf(histories[0] as History, attempt) as number, 'SIGKILL');
  };
  await killWorkerOf(1);
  await killWorkerOf(2);

  // One after the other they would take 96 s.
  const histories = await untilAllEnded(service, keys, 60_000);
  expect(histories.map(endOf)).toEqual(keys.map(() => 'completed'));
  expect(histories.map(attemptsOf)).toEqual(keys.map(() => [1, 2, 3]));
  const companies = (attempt: number) =>
    histories.map((history) =>
      Math.max(...history.map(({ data }) => (data.attempt === attempt && Number(data.company)) || 1)),
    );
  expect(companies(2)).toEqual(keys.map(() => 64));
  expect(Math.max(...companies(3))).toBe(16);
  await expectOneEndEach(service, keys);
});
