import { encode } from 'blurhash';
import { describe, expect, it } from 'vitest';
import { blurhashOf } from '../../../src/tasks/image/blurhash.ts';
import { seededRandom } from '../../support/seeded-random.ts';

describe('a blurhash', () => {
  it('is the one that the library of its inventors makes', () => {
    const random = seededRandom(1);
    for (const [width, height] of [
      [32, 24],
      [1, 1],
      [1, 32],
      [32, 2],
      [7, 5],
    ] as const)
      for (const most of [255, 8, 0]) {
        const data = Buffer.from(
          Array.from({ length: width * height * 4 }, () => Math.floor(random() * (most + 1))),
        );
        expect(blurhashOf({ data, width, height })).toBe(
          encode(new Uint8ClampedArray(data), width, height, 4, 3),
        );
      }
  });
});
