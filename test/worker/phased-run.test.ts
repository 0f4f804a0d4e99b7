import { describe, expect, it } from 'vitest';
import { deferred } from '../../src/deferred.ts';
import type { MediaDefinition } from '../../src/tasks/definition.ts';
import { imageInfo } from '../../src/tasks/image-info.ts';
import { Interruption } from '../../src/worker/interruption.ts';
import { type PhasedParts, PhasedRun } from '../../src/worker/phased-run.ts';
import { ProgressReports } from '../../src/worker/progress.ts';
import { SharedWork } from '../../src/worker/shared-work.ts';

/** An attempt at an `image.info` whose source does not come. */
function hanging({ deadlineMs }: { deadlineMs?: number } = {}) {
  const interruption = new Interruption();
  const isOurs = deferred<boolean>();
  const asked: AbortSignal[] = [];
  const parts: Pick<{ [P in keyof PhasedParts]: Partial<PhasedParts[P]> }, 'fetcher' | 'ownFiles' | 'room'> =
    {
      ownFiles: { nameOf: (url: string) => url, read: async () => undefined },
      room: {
        part: () => ({
          takeMemory: () => true,
          file: () => Promise.reject(),
          leave: async () => {},
          takeDisk: () => true,
          waitForDisk: async () => {},
        }),
      },
      fetcher: {
        fetch: (_url, _room, signal) => {
          asked.push(signal);
          return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        },
      },
    };
  const run = new PhasedRun(parts as PhasedParts, new SharedWork(60_000, async () => 0), {
    definition: imageInfo as MediaDefinition,
    parameters: { url: 'http://example.com/a.jpg' },
    account: 'acme',
    key: '01JYT5BZJY0000000000000000',
    seq: 1,
    attempt: 1,
    queuedMs: 7,
    deadlineMs,
    progress: new ProgressReports(async () => true),
    interruption,
    isOurs: isOurs.promise,
  });
  return { run, interruption, isOurs, asked };
}

describe('an attempt in phases', () => {
  it.each([
    ['it is canceled', { kind: 'canceled' }, ({ interruption }) => interruption.interrupt('CANCEL')],
    ['its worker stops', { kind: 'handed_back' }, ({ interruption }) => interruption.interrupt('HAND_BACK')],
    ['another worker has it', undefined, ({ isOurs }) => isOurs.resolve(false)],
  ] as readonly [string, unknown, (attempt: ReturnType<typeof hanging>) => void][])(
    'ends, and lets go of the work, when %s',
    async (_when, outcome, happen) => {
      const attempt = hanging();
      const over = attempt.run.run();
      await new Promise(setImmediate);
      expect(attempt.asked.map(({ aborted }) => aborted)).toEqual([false]);
      happen(attempt);
      expect(await over).toEqual(outcome);
      expect(attempt.asked.map(({ aborted }) => aborted)).toEqual([true]);
      await attempt.run.cleanUp();
    },
  );

  it('is cut off at its deadline, and tells what it knows', async () => {
    const { run, asked } = hanging({ deadlineMs: 10 });
    expect(await run.run()).toMatchObject({ failure: { message: 'the task took longer than 0.01 s' } });
    expect(asked[0]?.aborted).toBe(true);
    const { spent } = run.known();
    expect(spent).toMatchObject({ queued: 7, running: 0, storing: 0 });
    expect(spent.fetching).toBeGreaterThan(5);
    await run.cleanUp();
    expect(run.known().spent).toEqual(spent);
  });
});
