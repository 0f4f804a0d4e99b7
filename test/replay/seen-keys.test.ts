import { expect, test } from 'vitest';
import { newKey } from '../../src/log/key.ts';
import { SeenKeys } from '../../src/replay/seen-keys.ts';

test('keys that have been seen are known again, and no others', () => {
  const seen = new SeenKeys();
  const keys = Array.from({ length: 20_000 }, newKey);
  expect(keys.filter((key) => seen.add(key))).toEqual(keys);
  expect(keys.filter((key) => seen.add(key))).toEqual([]);
  expect(seen.add(newKey())).toBe(true);
});

test('keys that differ in one character are told apart', () => {
  const seen = new SeenKeys();
  expect(seen.add('01MCC5RM000000000000000000')).toBe(true);
  expect(seen.add('01MCC5RM000000000000000001')).toBe(true);
  expect(seen.add('01MCC5RM000000000000000000')).toBe(false);
});
