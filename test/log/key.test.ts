import { expect, it } from 'vitest';
import { isKey, newKey, timeOf } from '../../src/log/key.ts';

it('makes ULIDs of the time at which they were made', () => {
  const before = Date.now();
  const keys = Array.from({ length: 1_000 }, newKey);
  expect(keys.filter((key) => !isKey(key))).toEqual([]);
  expect(keys.filter((key) => timeOf(key) < before || timeOf(key) > Date.now())).toEqual([]);
});

it('makes keys that do not count up within a moment', () => {
  const random = Array.from({ length: 2_000 }, () => newKey().slice(10));
  expect(random).not.toEqual([...random].sort());
});

it('makes no key twice, and uses each of the 32 letters at each random place about as often', () => {
  const keys = Array.from({ length: 64_000 }, newKey);
  expect(new Set(keys).size).toBe(keys.length);
  for (let place = 10; place < 26; place++) {
    const counts = new Map<string, number>();
    for (const key of keys) counts.set(key[place] as string, (counts.get(key[place] as string) ?? 0) + 1);
    expect(counts.size).toBe(32);
    // 2,000 each are expected; nine deviations of 44.
    expect(Math.max(...[...counts.values()].map((count) => Math.abs(count - 2_000)))).toBeLessThan(400);
  }
});
