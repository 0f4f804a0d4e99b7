import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SlotMap } from '../src/slot-map.ts';

const key = fc.integer({ min: 0, max: 8 });
const operations = fc.array(
  fc.oneof(
    fc.record({ what: fc.constant('set' as const), key, value: fc.integer() }),
    fc.record({ what: fc.constant('delete' as const), key }),
  ),
  { maxLength: 60 },
);

it('A slot map holds what a Map would, in the same order', () => {
  fc.assert(
    fc.property(operations, (all) => {
      const slots = new SlotMap<number, number>();
      const map = new Map<number, number>();
      for (const one of all) {
        if (one.what === 'delete') expect(slots.delete(one.key)).toBe(map.delete(one.key));
        else {
          slots.set(one.key, one.value);
          map.set(one.key, one.value);
        }
        expect(slots.size).toBe(map.size);
        expect([...slots]).toEqual([...map]);
        expect([...slots.values()]).toEqual([...map.values()]);
        expect([...slots.keys()]).toEqual([...map.keys()]);
        for (let asked = 0; asked <= 8; asked++) expect(slots.get(asked)).toBe(map.get(asked));
      }
    }),
  );
});

it('A slot map can be emptied, and added to, by who goes through it', () => {
  const slots = new SlotMap<string, number>();
  for (const [value, name] of ['a', 'b', 'c'].entries()) slots.set(name, value);
  const seen: number[] = [];
  for (const [name, value] of slots) {
    seen.push(value);
    slots.delete(name);
    if (value === 1) slots.set('d', 3);
  }
  expect(seen).toEqual([0, 1, 2, 3]);
  expect(slots.size).toBe(0);
});
