import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Suspects } from '../../src/worker/suspects.ts';

/** Enters in this order; who has a turn, and who was sent away. */
function entering(suspects: Suspects, ...names: readonly string[]) {
  const told = { in: [] as string[], away: [] as string[] };
  for (const name of names) void suspects.enter().then((isTurn) => (isTurn ? told.in : told.away).push(name));
  return told;
}
const settled = () => new Promise(process.nextTick);

describe('suspects', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  it('take turns, in the order in which they came', async () => {
    const suspects = new Suspects();
    const told = entering(suspects, 'first', 'second', 'third');
    for (const entered of [['first'], ['first', 'second'], ['first', 'second', 'third']]) {
      await settled();
      expect(told.in).toEqual(entered);
      suspects.leave();
    }
    expect(told.away).toEqual([]);
  });

  it('find the turn free when all have left', async () => {
    const suspects = new Suspects();
    for (const _ of [1, 2]) {
      expect(await suspects.enter()).toBe(true);
      suspects.leave();
    }
  });

  it('are sent away when their turn has not come within a second, and are passed over then', async () => {
    const suspects = new Suspects();
    const told = entering(suspects, 'first', 'second');
    vi.advanceTimersByTime(500);
    const later = entering(suspects, 'third');
    vi.advanceTimersByTime(500);
    await settled();
    expect([told, later]).toEqual([
      { in: ['first'], away: ['second'] },
      { in: [], away: [] },
    ]);
    suspects.leave();
    vi.advanceTimersByTime(1_000);
    await settled();
    expect(later).toEqual({ in: ['third'], away: [] });
  });
});
