import { describe, expect, it } from 'vitest';
import { newKey } from '../../src/log/key.ts';
import { SliceTable } from '../../src/projection/slice-table.ts';

describe('a table of slices', () => {
  it('finds every key that was added, until it is full', () => {
    const table = new SliceTable(20_000);
    const keys: string[] = [];
    while (!table.isFull) {
      const key = newKey();
      table.add(key, { at: keys.length * 10, bytes: keys.length + 1 });
      keys.push(key);
    }
    expect(keys).toHaveLength(20_000);
    const isFound = (key: string, index: number) =>
      [...table.find(key)].some(({ at, bytes }) => at === index * 10 && bytes === index + 1);
    expect(keys.filter((key, index) => !isFound(key, index))).toEqual([]);
  });

  it('finds hardly anything for a key that was not added', () => {
    const table = new SliceTable(1_000);
    for (let index = 0; index < 1_000; index++) table.add(newKey(), { at: index, bytes: 1 });
    const wrong = Array.from({ length: 10_000 }, () => [...table.find(newKey())].length);
    expect(wrong.reduce((sum, found) => sum + found, 0)).toBeLessThan(100);
  });

  it('tells all slices of a key that was added twice', () => {
    const table = new SliceTable(1);
    const slices = [
      { at: 0, bytes: 5 },
      { at: 4_000_000_000, bytes: 500_000 },
    ];
    for (const slice of slices) table.add('01M87J3DRWW9JJB0A29XEZMAW9', slice);
    expect([...table.find('01M87J3DRWW9JJB0A29XEZMAW9')]).toEqual(slices);
  });
});
