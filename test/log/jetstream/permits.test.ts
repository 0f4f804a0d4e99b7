import { expect, it } from 'vitest';
import { Permits } from '../../../src/log/jetstream/permits.ts';

it('lets so many be at it at once, and the others in the order in which they came', () => {
  const permits = new Permits(2);
  const begun: number[] = [];
  for (const number of [1, 2, 3, 4]) permits.take(() => begun.push(number));
  expect(begun).toEqual([1, 2]);
  permits.giveBack();
  expect(begun).toEqual([1, 2, 3]);
  permits.giveBack();
  permits.giveBack();
  expect(begun).toEqual([1, 2, 3, 4]);
  permits.take(() => begun.push(5));
  expect(begun).toEqual([1, 2, 3, 4, 5]);
});
