import { describe, expect, it } from 'vitest';
import { isAfter, type Position, parsePosition } from '../../src/log/position.ts';

const position = (text: string): Position => parsePosition(text) as Position;

describe('a position in the log', () => {
  it.each([
    ['7', { kind: 'seq', seq: 7 }],
    ['2026-11-26', { kind: 'date', date: '2026-11-26T00:00:00.000000+00:00' }],
    ['2026-11-26T19:00:15.779032Z', { kind: 'date', date: '2026-11-26T19:00:15.779032+00:00' }],
    ['2026-11-26T19:00:15.1234567+02:00', { kind: 'date', date: '2026-11-26T17:00:15.123456+00:00' }],
    ['1970-01-01T00:00:00.000001', { kind: 'date', date: '1970-01-01T00:00:00.000001+00:00' }],
    ['9999-12-31T23:59:59.999999Z', { kind: 'date', date: '9999-12-31T23:59:59.999999+00:00' }],
  ])('is read from %s', (text, read) => {
    expect(parsePosition(text)).toEqual(read);
  });

  it.each(['-1', '1e3', '9999999999999999', '1969-12-31', '9999-12-31T23:59-00:01', '2026-02-30', 'soon'])(
    'is not %s',
    (text) => {
      expect(parsePosition(text)).toBeUndefined();
    },
  );

  it('comes after another one of its kind', () => {
    expect(isAfter(position('2'), position('1'))).toBe(true);
    expect(isAfter(position('1'), position('1'))).toBe(false);
    expect(isAfter(position('2026-11-27'), position('2026-11-26'))).toBe(true);
    expect(isAfter(position('2026-11-27'), position('1'))).toBe(false);
    expect(isAfter(undefined, position('1'))).toBe(false);
  });
});
