import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MinuteWindow } from '../../src/accounts/minute-window.ts';

const NOON = Date.UTC(2026, 0, 1, 12);

/** The same rule, kept as a list: what counts is in the running second or one of the 60 before it. */
class NaiveWindow {
  readonly #entries: { second: number; count: number }[] = [];

  add(count: number, atMs: number, nowMs: number): void {
    this.#entries.push({ second: Math.floor(Math.min(atMs, nowMs) / 1_000), count });
  }

  total(nowMs: number): number {
    const now = Math.floor(nowMs / 1_000);
    return this.#entries
      .filter(({ second }) => now - second <= 60)
      .reduce((sum, { count }) => sum + count, 0);
  }
}

describe('a minute window', () => {
  it('counts a task for 60 seconds, until the end of the last of them', () => {
    const window = new MinuteWindow();
    window.add(3, NOON + 999, NOON + 999);
    expect(window.total(NOON + 60_999)).toBe(3);
    expect(window.total(NOON + 61_000)).toBe(0);
  });

  it('lets no 60 seconds have more than what it lets through', () => {
    const window = new MinuteWindow();
    window.add(5, NOON + 999, NOON + 999);
    expect(window.total(NOON + 60_000)).toBe(5);
    expect(window.total(NOON + 60_998)).toBe(5);
  });

  it('lets each second go by itself', () => {
    const window = new MinuteWindow();
    for (let second = 0; second < 60; second++) window.add(1, NOON + second * 1_000, NOON + second * 1_000);
    expect(window.total(NOON + 60_000)).toBe(60);
    expect(window.total(NOON + 61_000)).toBe(59);
    expect(window.total(NOON + 90_500)).toBe(30);
    expect(window.total(NOON + 119_999)).toBe(1);
    expect(window.total(NOON + 120_000)).toBe(0);
  });

  it('ignores what was over before it began, and puts what comes late where it belongs', () => {
    const window = new MinuteWindow();
    window.add(5, NOON - 61_000, NOON);
    expect(window.total(NOON)).toBe(0);
    window.add(7, NOON - 60_000, NOON);
    expect(window.total(NOON)).toBe(7);
    expect(window.total(NOON + 1_000)).toBe(0);
  });

  it('counts the future as now', () => {
    const window = new MinuteWindow();
    window.add(2, NOON + 3_600_000, NOON);
    expect(window.total(NOON)).toBe(2);
    expect(window.total(NOON + 61_000)).toBe(0);
  });

  it('agrees with a list of all that happened, while the clock runs forward', () => {
    const step = fc.record({
      passes: fc.oneof(
        fc.nat({ max: 3_000 }),
        fc.nat({ max: 70_000 }),
        fc.constantFrom(0, 59_999, 60_000, 61_000, 62_000, 10 ** 9),
      ),
      count: fc.nat({ max: 50 }),
      lateBy: fc.oneof(fc.constant(0), fc.integer({ min: -5_000, max: 130_000 })),
    });
    fc.assert(
      fc.property(fc.nat({ max: 10 ** 9 }), fc.array(step, { maxLength: 60 }), (start, steps) => {
        const window = new MinuteWindow();
        const naive = new NaiveWindow();
        let now = start;
        for (const { passes, count, lateBy } of steps) {
          now += passes;
          window.add(count, now - lateBy, now);
          naive.add(count, now - lateBy, now);
          expect(window.total(now)).toBe(naive.total(now));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('when the clock steps back', () => {
  it.each([1, 60])('by %i s, nothing is lost and the window catches up', (seconds) => {
    const window = new MinuteWindow();
    window.add(4, NOON, NOON);
    const earlier = NOON - seconds * 1_000;
    expect(window.total(earlier)).toBe(4);
    window.add(3, earlier, earlier);
    expect(window.total(earlier)).toBe(7);
    expect(window.total(earlier + 60_999)).toBe(7);
    expect(window.total(earlier + 61_000)).toBe(4);
    expect(window.total(NOON + 61_000)).toBe(0);
  });

  it.each([61, 3_600, 10 ** 9])(
    'by %i s, what was counted is let go a minute later, not when the clock is back',
    (seconds) => {
      const window = new MinuteWindow();
      window.add(4, NOON, NOON);
      const earlier = NOON - seconds * 1_000;
      expect(window.total(earlier)).toBe(4);
      window.add(3, earlier + 1_000, earlier + 1_000);
      expect(window.total(earlier + 60_999)).toBe(7);
      expect(window.total(earlier + 61_000)).toBe(3);
      expect(window.total(earlier + 62_000)).toBe(0);
    },
  );

  it('again and again, the total stays between nothing and everything and is nothing after two quiet minutes and two seconds', () => {
    const step = fc.record({
      moves: fc.oneof(
        fc.integer({ min: -200_000, max: 200_000 }),
        fc.integer({ min: -(10 ** 10), max: 10 ** 10 }),
      ),
      count: fc.nat({ max: 50 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const window = new MinuteWindow();
        let now = NOON;
        let added = 0;
        for (const { moves, count } of steps) {
          now += moves;
          window.add(count, now, now);
          added += count;
          expect(window.total(now)).toBeGreaterThanOrEqual(count);
          expect(window.total(now)).toBeLessThanOrEqual(added);
        }
        window.total(now);
        expect(window.total(now + 122_000)).toBe(0);
      }),
      { numRuns: 500 },
    );
  });
});
