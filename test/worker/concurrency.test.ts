import { describe, expect, test } from 'vitest';
import { HeldOrigin } from '../support/held-origin.ts';
import {
  create,
  endOf,
  type History,
  historyOf,
  untilAllEnded,
  untilHistory,
  workerOf,
} from '../support/histories.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';

const TIMEOUT = { timeout: 60_000 };

/** When the task was executing, from its only start to its end; dates sort as text. */
function executing(history: History): { readonly from: string; readonly to: string } {
  const started = history.filter(({ type }) => type === 'started');
  const ended = history.find(({ type }) => type === 'completed');
  expect([started.length, ended?.data.attempt]).toEqual([1, 1]);
  return { from: started[0]?.time as string, to: ended?.time as string };
}

/** The most tasks that were executing at the same time. */
function mostAtOnce(histories: readonly History[]): number {
  const spans = histories.map(executing);
  return Math.max(
    ...spans.map(({ from }) => spans.filter((other) => other.from <= from && from < other.to).length),
  );
}

describe.concurrent('how many tasks run at once', () => {
  test('is CONCURRENCY in one worker, and not more', TIMEOUT, async () => {
    await using service = await Service.start({ CONCURRENCY: '2' });
    const keys = await create(
      service,
      Array.from({ length: 4 }, () => ({ task_name: 'sleep', seconds: 1 })),
    );
    const histories = await untilAllEnded(service, keys);
    expect(histories.map(endOf)).toEqual(keys.map(() => 'completed'));
    expect(mostAtOnce(histories)).toBe(2);
  });

  test(
    'is MEDIA_CONCURRENCY for those with sources, and the others go on beside them',
    TIMEOUT,
    async ({ onTestFinished }) => {
      const origin = await HeldOrigin.start();
      onTestFinished(() => origin.close());
      const settings = { CONCURRENCY: '3', MEDIA_CONCURRENCY: '1', FETCH_ALLOW: origin.host };
      await using service = await Service.start(settings);
      const images = await create(
        service,
        ['image.info', 'image.info', 'image.thumb'].map((task_name) => ({ task_name, url: origin.url() })),
      );
      const untilAsked = () => until(() => origin.waiting.length >= 1, 30_000);
      await untilAsked();
      const others = await create(service, [
        { task_name: 'hello', name: 'Ada' },
        { task_name: 'sleep', seconds: 1 },
      ]);
      await untilAllEnded(service, others);
      expect(origin.waiting).toHaveLength(1);
      for (const _ of images) {
        await untilAsked();
        await origin.answer();
      }
      const histories = await untilAllEnded(service, images);
      expect(histories.map(endOf)).toEqual(images.map(() => 'completed'));
      expect(mostAtOnce(histories)).toBe(1);
    },
  );

  test(
    'grows with the workers, and a busy one does not hold what another has room for',
    TIMEOUT,
    async () => {
      await using service = await Service.start({ WORKERS: '2', CONCURRENCY: '1', GRACE: '0' });
      const keys = await create(
        service,
        Array.from({ length: 2 }, () => ({ task_name: 'sleep', seconds: 2 })),
      );
      const histories = await untilAllEnded(service, keys);
      expect(mostAtOnce(histories)).toBe(2);
      expect(new Set(histories.map((history) => workerOf(history, 1))).size).toBe(2);

      const [long] = (await create(service, [{ task_name: 'sleep', seconds: 60 }])) as [string];
      const started = await untilHistory(service, long, (history) => workerOf(history, 1) !== undefined);
      // Both workers have asked for tasks of the other name too, so some of them reach the busy one first.
      for (let count = 0; count < 4; count++) {
        const next = await create(service, [{ task_name: 'hello', name: `number ${count}` }]);
        const [greeting] = (await untilAllEnded(service, next)) as [History];
        expect(workerOf(greeting, 1)).not.toBe(workerOf(started, 1));
      }
      expect((await historyOf(service, long)).filter(({ type }) => type !== 'progress')).toHaveLength(2);
    },
  );
});
