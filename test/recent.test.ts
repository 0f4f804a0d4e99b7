import { describe, expect, it } from 'vitest';
import { Recent } from '../src/recent.ts';

const keysOf = (recent: Recent<number>, keys: readonly string[]): string[] =>
  keys.filter((key) => recent.get(key) !== undefined);

describe('what is kept of the recent', () => {
  it('is the last that was put in or looked at, within its number', () => {
    const recent = new Recent<number>(3, 1_000);
    for (const key of ['a', 'b', 'c']) recent.set(key, 1, 10);
    recent.get('a');
    recent.set('d', 1, 10);
    recent.set('c', 2, 10);
    recent.set('e', 1, 10);
    expect(recent.size).toBe(3);
    expect(keysOf(recent, ['a', 'b', 'c', 'd', 'e'])).toEqual(['c', 'd', 'e']);
    expect(recent.get('c')).toBe(2);
  });

  it('stays within its bytes, also when one thing alone is larger', () => {
    const recent = new Recent<number>(100, 100);
    for (const key of ['a', 'b', 'c']) recent.set(key, 1, 40);
    expect(keysOf(recent, ['a', 'b', 'c'])).toEqual(['b', 'c']);
    recent.set('large', 1, 101);
    expect(recent.size).toBe(0);
    recent.set('d', 1, 100);
    expect(keysOf(recent, ['large', 'd'])).toEqual(['d']);
  });

  it('is right however many have come and gone', () => {
    const recent = new Recent<number>(1_000, Number.POSITIVE_INFINITY);
    for (let index = 0; index < 200_000; index++) {
      recent.set(`key ${index}`, index, 1);
      recent.get(`key ${index - 500}`);
    }
    expect(recent.size).toBe(1_000);
    expect(recent.get('key 199999')).toBe(199_999);
    expect(recent.get('key 199499')).toBe(199_499);
    expect(recent.get('key 198000')).toBeUndefined();
  });
});
