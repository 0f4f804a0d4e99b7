import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/tasks/definition.ts';
import { checkParameters } from '../../src/tasks/parameters.ts';
import { sleep } from '../../src/tasks/sleep.ts';

/** Runs the task and keeps what it reported, after how many milliseconds, and how many it took. */
async function runSleep(parameters: { seconds: number; steps: number }, signal?: AbortSignal) {
  const progress: Json[] = [];
  const at: number[] = [];
  const startedAt = performance.now();
  const result = await sleep.run(parameters, {
    sources: [],
    output: async () => {},
    progress: (value) => {
      progress.push(value);
      at.push(performance.now() - startedAt);
    },
    signal: signal ?? new AbortController().signal,
  });
  return { result, progress, at, ms: performance.now() - startedAt };
}

describe('sleep', () => {
  it('waits as long as it is told and says so', async () => {
    const { result, ms } = await runSleep({ seconds: 0.3, steps: 3 });
    expect(result).toEqual({ slept: 0.3 });
    // A timer may fire up to a millisecond early.
    expect(ms).toBeGreaterThanOrEqual(298);
  });

  it.each([
    [1, [0, 100]],
    [3, [0, 33, 67, 100]],
    [10, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]],
    [0, []],
  ])('reports progress from 0 to 100 in %i steps', async (steps, expected) => {
    expect((await runSleep({ seconds: 0.02, steps })).progress).toEqual(expected);
  });

  it('reports in the middle of its time, not all at its end', async () => {
    const { at } = await runSleep({ seconds: 0.4, steps: 2 });
    expect(at[1]).toBeGreaterThanOrEqual(198);
    // Not 400: the half lies well before the end even when the machine is busy.
    expect((at[2] ?? 0) - (at[1] ?? 0)).toBeGreaterThan(50);
  });

  // Again where the machine itself was late.
  it('does not add up the delays of its timers', { retry: 3 }, async () => {
    const { ms } = await runSleep({ seconds: 0.3, steps: 100 });
    // 100 timers that are each a millisecond late would come to 400.
    expect(ms).toBeLessThan(390);
  });

  it('ends at once when it is aborted, with the reason', async () => {
    const controller = new AbortController();
    const reason = new Error('the client cancelled');
    setTimeout(() => controller.abort(reason), 30);
    const startedAt = performance.now();
    await expect(runSleep({ seconds: 3_600, steps: 10 }, controller.signal)).rejects.toBe(reason);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it('does not begin when it is aborted already', async () => {
    const reason = new Error('too late');
    await expect(runSleep({ seconds: 3_600, steps: 10 }, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it('has ten steps unless told otherwise, and an hour at most', () => {
    expect(checkParameters(sleep, { seconds: 1 })).toEqual({ ok: true, value: { seconds: 1, steps: 10 } });
    expect(checkParameters(sleep, { seconds: 3_601 })).toMatchObject({
      problems: { seconds: ['must be at most 3600'] },
    });
    expect(checkParameters(sleep, { seconds: -1, steps: 101 })).toMatchObject({
      problems: { seconds: ['must be at least 0'], steps: ['must be at most 100'] },
    });
  });
});
