import { decode, encode } from 'blurhash';
import { describe, expect, it } from 'vitest';
import { blurhashOf } from '../../../src/tasks/image/blurhash.ts';
import { seededRandom } from '../../support/seeded-random.ts';

describe('a blurhash', () => {
  it('is the one that the library of its inventors makes, of what is brightest at the top left', () => {
    const random = seededRandom(1);
    for (const [width, height] of [
      [32, 24],
      [1, 1],
      [1, 32],
      [32, 2],
      [7, 5],
    ] as const)
      for (const most of [255, 8, 0]) {
        const brightness = (at: number) => 1 - (at % width) / width / 2 - Math.floor(at / width) / height / 2;
        const data = Buffer.from(
          Array.from({ length: width * height * 4 }, (_, at) =>
            Math.floor(((random() + 2 * brightness(at >> 2)) / 3) * (most + 1)),
          ),
        );
        expect(blurhashOf({ data, width, height })).toBe(
          encode(new Uint8ClampedArray(data), width, height, 4, 3),
        );
      }
  });

  // The library's own is all but flat where its waves are below zero: where the top left is the darkest.
  it.each([
    ['left', (x: number, _y: number) => x < 16],
    ['right', (x: number, _y: number) => x >= 16],
    ['top', (_x: number, y: number) => y < 16],
    ['bottom', (_x: number, y: number) => y >= 16],
  ])('shows which side is dark: the %s', (_side, isDark) => {
    const data = Buffer.from(
      Array.from({ length: 32 * 32 * 4 }, (_, at) => (isDark((at >> 2) % 32, at >> 7) ? 0 : 255)),
    );
    const shown = decode(blurhashOf({ data, width: 32, height: 32 }), 32, 32);
    const places = (dark: boolean) =>
      Array.from({ length: 32 * 32 }, (_, at) => at).filter((at) => isDark(at % 32, at >> 5) === dark);
    const mean = (dark: boolean) =>
      places(dark).reduce((sum, at) => sum + (shown[at * 4 + 1] ?? 0), 0) / places(dark).length;
    expect(mean(false) - mean(true)).toBeGreaterThan(100);
  });
});
