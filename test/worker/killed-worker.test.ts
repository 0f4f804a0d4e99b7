import { describe, expect, test } from 'vitest';
import {
  attemptsOf,
  create,
  endOf,
  expectOneEndEach,
  type History,
  reasonOf,
  untilAllEnded,
  untilAllStarted,
  workerOf,
} from '../support/histories.ts';
import { descendants, untilGone } from '../support/program.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';

/** Tasks that are in every phase when the worker dies: ended, running, waiting. */
const MANY = [
  ...Array.from({ length: 15 }, (_, index) => ({ task_name: 'sleep', seconds: 1 + (index % 5) / 2 })),
  ...Array.from({ length: 15 }, (_, index) => ({ task_name: 'hello', name: `number ${index}` })),
];

const kill = (pid: number): void => void process.kill(pid, 'SIGKILL');

describe.concurrent('a worker that is killed in the middle of its tasks', () => {
  test('has its tasks ended by the other worker, each once, within 15 s', { timeout: 60_000 }, async () => {
    await using service = await Service.start({ WORKERS: '2' });
    const before = service.processes('worker').map(({ pid }) => pid);
    const keys = await create(service, MANY);
    const started = await untilAllStarted(service, keys.slice(0, 15));
    const victim = workerOf(started[0] as History, 1) as number;
    const other = before.find((pid) => pid !== victim) as number;
    const below = descendants(victim);
    kill(victim);

    const [histories] = await Promise.all([untilAllEnded(service, keys, 15_000), untilGone(below, 5_000)]);

    expect(histories.map(endOf)).toEqual(keys.map(() => 'completed'));
    const lost = histories.filter((history) => workerOf(history, 2) !== undefined);
    expect(lost.length).toBeGreaterThan(0);
    for (const history of lost) {
      expect(attemptsOf(history)).toEqual([1, 2]);
      expect(workerOf(history, 1)).toBe(victim);
      expect(reasonOf(history, 2)).toMatch(new RegExp(`^the worker '.*-${victim}' was lost in attempt 1$`));
    }
    expect(lost.map((history) => workerOf(history, 2))).toContain(other);
    await expectOneEndEach(service, keys);
    const after = await until(() => {
      const workers = service.processes('worker').map(({ pid }) => pid);
      return workers.length === 2 ? workers : undefined;
    });
    expect(after).toContain(other);
    expect(after).not.toContain(victim);
  });

  test('has its tasks ended by its successor when it was the only one', { timeout: 60_000 }, async () => {
    await using service = await Service.start({ WORKERS: '1' });
    const [victim] = service.processes('worker');
    const keys = await create(service, MANY);
    await untilAllStarted(service, keys.slice(0, 15));
    kill(victim?.pid as number);

    const histories = await untilAllEnded(service, keys, 15_000);

    expect(histories.map(endOf)).toEqual(keys.map(() => 'completed'));
    const successor = service.processes('worker').map(({ pid }) => pid);
    expect(successor).toHaveLength(1);
    const again = histories.filter((history) => attemptsOf(history).length > 1);
    expect(again.map((history) => workerOf(history, 2))).toEqual(again.map(() => successor[0]));
    expect(again.map(attemptsOf)).toEqual(again.map(() => [1, 2]));
    await expectOneEndEach(service, keys);
  });
});
