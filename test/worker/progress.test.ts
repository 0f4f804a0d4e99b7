import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ProgressReports, type Said } from '../../src/worker/progress.ts';
import { stored } from '../actors/events.ts';

const [small, large] = [stored('small', 1), stored('large', 1)];

/** What is written, and when the log has it: at once, or as told by `answer`. */
function reports(isAnsweredByHand = false) {
  const said: Said[] = [];
  const waiting: ((isStored: boolean) => void)[] = [];
  const progress = new ProgressReports((what) => {
    said.push(what);
    return isAnsweredByHand ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(true);
  });
  const answer = async (isStored: boolean): Promise<void> => {
    waiting.shift()?.(isStored);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { progress, said, answer };
}

describe('progress', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('is written at once, then thinned out to five a second, of which the last counts', async () => {
    const { progress, said } = reports();
    for (let value = 0; value <= 100; value += 1) {
      progress.report(value);
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(said[0]).toEqual({ progress: 0 });
    expect(said).toHaveLength(6);
    await progress.flush();
    expect(said.at(-1)).toEqual({ progress: 100 });
    progress.close();
  });

  it('of a stored output does not wait, and says all there is', async () => {
    const { progress, said } = reports();
    progress.report(10);
    progress.report(20);
    progress.announce(small);
    await vi.advanceTimersByTimeAsync(0);
    progress.announce(large);
    await vi.advanceTimersByTimeAsync(0);
    expect(said).toEqual([
      { progress: 10 },
      { progress: 20, outputs: [small] },
      { progress: 20, outputs: [small, large] },
    ]);
    progress.report(30);
    await progress.flush();
    expect(said.at(-1)).toEqual({ progress: 30, outputs: [small, large] });
    progress.close();
  });

  it('of company does not wait either, and stays said', async () => {
    const { progress, said } = reports();
    progress.report(10);
    progress.report(20);
    expect(await progress.accompany(64)).toBe(true);
    expect(said).toEqual([{ progress: 10 }, { progress: 20, company: 64 }]);
    progress.announce(small);
    await vi.advanceTimersByTimeAsync(0);
    expect(said.at(-1)).toEqual({ progress: 20, outputs: [small], company: 64 });
    progress.close();
    expect(await progress.accompany(8)).toBe(false);
    expect(said).toHaveLength(3);
  });

  it('of company tells whether the log has it', async () => {
    const { progress, said, answer } = reports(true);
    progress.report(1);
    const lost = progress.accompany(64);
    await answer(true);
    await answer(false);
    expect(await lost).toBe(false);
    const told = progress.accompany(64);
    await vi.advanceTimersByTimeAsync(0);
    await answer(true);
    expect(await told).toBe(true);
    expect(said).toEqual([{ progress: 1 }, { progress: 1, company: 64 }, { progress: 1, company: 64 }]);
    progress.close();
  });

  it('is written in one order: the next waits until the log has the one before', async () => {
    const { progress, said, answer } = reports(true);
    progress.announce(small);
    progress.announce(large);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(said).toEqual([{ outputs: [small] }]);
    await answer(true);
    expect(said).toEqual([{ outputs: [small] }, { outputs: [small, large] }]);
    progress.close();
  });

  it('that the log did not take is written again if someone may wait for an output', async () => {
    const { progress, said, answer } = reports(true);
    progress.report(1);
    await answer(false);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(said).toHaveLength(1);
    progress.announce(small);
    await answer(false);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(said.slice(1)).toEqual([
      { progress: 1, outputs: [small] },
      { progress: 1, outputs: [small] },
    ]);
    progress.close();
  });

  it('is not written any more once it is closed, whatever the log says', async () => {
    const { progress, said, answer } = reports(true);
    progress.announce(small);
    progress.close();
    await answer(false);
    progress.announce(large);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(said).toHaveLength(1);
  });
});
