import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { formatDate, nowMicros } from '../../src/log/event-date.ts';

describe('event dates', () => {
  it('are ISO 8601 in UTC with microseconds', () => {
    expect(formatDate(1_364_996_847_707_526)).toBe('2013-04-03T13:47:27.707526+00:00');
    expect(formatDate(1_364_996_847_000_001)).toBe('2013-04-03T13:47:27.000001+00:00');
  });

  it('follow the wall clock', () => {
    expect(Math.abs(nowMicros() / 1_000 - Date.now())).toBeLessThan(50);
  });

  describe('with clocks of their own', () => {
    let monotonic: number;
    let wall: number;
    /** Milliseconds that the process has to wait when it has looked at the wall clock for the next time. */
    let waitsMs = 0;
    beforeEach(() => {
      monotonic = performance.now();
      wall = Math.floor(nowMicros() / 1_000);
      vi.spyOn(performance, 'now').mockImplementation(() => monotonic);
      vi.spyOn(Date, 'now').mockImplementation(() => {
        const seen = wall;
        pass(waitsMs);
        waitsMs = 0;
        return seen;
      });
    });
    afterEach(() => vi.restoreAllMocks());
    const pass = (ms: number) => {
      monotonic += ms;
      wall += ms;
    };

    it('do not run backwards when the process has to wait between its looks at the two', () => {
      const before = nowMicros();
      waitsMs = 20;
      expect(nowMicros()).toBeGreaterThan(before);
      waitsMs = 20;
      expect(nowMicros()).toBeGreaterThan(before + 20_000);
    });

    it('go where the wall clock is set', () => {
      for (const ms of [3_600_000, -7_200_000]) {
        wall += ms;
        waitsMs = 20;
        nowMicros();
        expect(Math.abs(nowMicros() / 1_000 - wall)).toBeLessThan(2);
      }
    });
  });
});
