import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TaskFailure } from '../../actors/failure.ts';
import { judge } from '../../actors/retry.ts';

const passing = new TaskFailure("File 'http://x/' answered 503", { passing: true });
const limits = { attempts: 3, baseDelayMs: 1_000, maxDelayMs: 30_000, maxAskedMs: 300_000 };

describe('what follows a failed attempt', () => {
  it('is the end, for a failure that another attempt would not mend', () => {
    const failure = new TaskFailure("File 'http://x/' answered 404");
    expect(judge(failure, 1, limits)).toEqual({ kind: 'fail', error: "File 'http://x/' answered 404" });
  });

  it('is another attempt, for a failure that may pass', () => {
    expect(judge(passing, 1, limits, () => 0.5)).toEqual({
      kind: 'retry',
      delayMs: 500,
      reason: passing.message,
    });
    expect(judge(passing, 2, limits, () => 0.5)).toMatchObject({ kind: 'retry', delayMs: 1_000 });
  });

  it('leaves alone who asked for it, within reason, and not all for the same time', () => {
    const asking = (retryAfterMs: number) => new TaskFailure('busy', { passing: true, retryAfterMs });
    expect(judge(asking(20_000), 1, limits, () => 0.5)).toMatchObject({ delayMs: 20_500 });
    expect(judge(asking(0), 1, limits, () => 0.5)).toMatchObject({ delayMs: 500 });
    expect(judge(asking(Number.POSITIVE_INFINITY), 2, limits, () => 0.25)).toMatchObject({
      delayMs: 300_500,
    });
    expect(judge(asking(20_000), 3, limits)).toMatchObject({ kind: 'fail' });
  });

  it('is the end after the last attempt, and the error tells all of it in a sentence', () => {
    expect(judge(passing, 3, limits)).toEqual({
      kind: 'fail',
      error: "File 'http://x/' answered 503; gave up after 3 attempts",
    });
  });

  it('waits between nothing and the exponential bound, which never passes its own limit', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        (counted, random) => {
          const verdict = judge(passing, counted, { ...limits, attempts: 10_000 }, () => random);
          if (verdict.kind !== 'retry') throw new Error('a retry was due');
          expect(verdict.delayMs).toBeGreaterThanOrEqual(0);
          expect(verdict.delayMs).toBeLessThanOrEqual(Math.min(30_000, 1_000 * 2 ** (counted - 1)));
        },
      ),
    );
  });
});
