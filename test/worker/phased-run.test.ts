import { describe, expect, it, vi } from 'vitest';
import { TaskFailure } from '../../actors/failure.ts';
import { deferred } from '../../src/deferred.ts';
import type { MediaDefinition } from '../../src/tasks/definition.ts';
import { imageInfo } from '../../src/tasks/image-info.ts';
import { Interruption } from '../../src/worker/interruption.ts';
import type { LentDecoder } from '../../src/worker/media/pool.ts';
import { type PhasedParts, PhasedRun } from '../../src/worker/phased-run.ts';
import { ProgressReports } from '../../src/worker/progress.ts';
import { SharedWork } from '../../src/worker/shared-work.ts';

const sharedWork = () => new SharedWork<LentDecoder>(60_000, async () => 0);

/** An attempt at an `image.info` whose source does not come, unless `asked` ends it. */
function hanging({
  deadlineMs,
  shared = sharedWork(),
}: Partial<{ deadlineMs: number; shared: ReturnType<typeof sharedWork> }> = {}) {
  const interruption = new Interruption();
  const isOurs = deferred<boolean>();
  const asked: { readonly signal: AbortSignal; fail(error: Error): void }[] = [];
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
          const { promise, reject } = deferred<never>();
          asked.push({ signal, fail: reject });
          signal.addEventListener('abort', () => reject(signal.reason));
          return promise;
        },
      },
    };
  const run = new PhasedRun(parts as PhasedParts, shared, {
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
      expect(attempt.asked.map(({ signal }) => signal.aborted)).toEqual([false]);
      happen(attempt);
      expect(await over).toEqual(outcome);
      expect(attempt.asked.map(({ signal }) => signal.aborted)).toEqual([true]);
      await attempt.run.cleanUp();
    },
  );

  it('is cut off at its deadline, and tells what it knows', async () => {
    const { run, asked } = hanging({ deadlineMs: 10 });
    expect(await run.run()).toMatchObject({ failure: { message: 'the task took longer than 0.01 s' } });
    expect(asked[0]?.signal.aborted).toBe(true);
    const { spent } = run.known();
    expect(spent).toMatchObject({ queued: 7, running: 0, storing: 0 });
    expect(spent.fetching).toBeGreaterThan(5);
    await run.cleanUp();
    expect(run.known().spent).toEqual(spent);
  });

  it.each([
    [
      'says how late, of a failure that may pass',
      true,
      ', in a fetch that another task had begun 7 s earlier',
    ],
    ['tells of a failure that lasts as the others do', false, ''],
  ])('that joins a fetch late %s', async (_what, passing, told) => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(0);
    const shared = sharedWork();
    const first = hanging({ shared });
    now.mockReturnValue(7_900);
    const late = hanging({ shared });
    now.mockRestore();
    const ends = [first, late].map(({ run }) => run.run());
    await new Promise(setImmediate);
    const failure = { message: 'sent nothing for 10 s', passing, retryAfterMs: 5, cause: new Error('no') };
    first.asked[0]?.fail(new TaskFailure(failure.message, failure));
    expect(await Promise.all(ends)).toMatchObject([
      { failure },
      { failure: { ...failure, message: failure.message + told } },
    ]);
    await Promise.all([first, late].map(({ run }) => run.cleanUp()));
  });
});
