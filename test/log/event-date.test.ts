import { describe, expect, it } from 'vitest';
import { formatDate, nowMicros } from '../../src/log/event-date.ts';

describe('event dates', () => {
  it('are ISO 8601 in UTC with microseconds', () => {
    expect(formatDate(1_364_996_847_707_526)).toBe('2013-04-03T13:47:27.707526+00:00');
    expect(formatDate(1_364_996_847_000_001)).toBe('2013-04-03T13:47:27.000001+00:00');
  });

  it('follow the wall clock', () => {
    expect(Math.abs(nowMicros() / 1_000 - Date.now())).toBeLessThan(50);
  });
});
