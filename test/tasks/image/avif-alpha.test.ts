import { describe, expect, it } from 'vitest';
import { isPremultiplied } from '../../../src/tasks/image/avif-alpha.ts';
import { imageGif } from '../../../src/tasks/image-gif.ts';
import { imageInfo } from '../../../src/tasks/image-info.ts';
import { imageSizes } from '../../../src/tasks/image-sizes.ts';
import { imageStrip } from '../../../src/tasks/image-strip.ts';
import { imageThumb } from '../../../src/tasks/image-thumb.ts';
import { difference, picture, pixelAt } from '../../support/picture.ts';
import { runOn, runOnAll, shownBy } from '../../support/run-task.ts';

/** Of 16 × 12 pixels, lossless, made by `avifenc --premultiply --lossless` of libavif 0.11. */
const PREMULTIPLIED = Buffer.from(
  'AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUEAAAGbbWV0YQAAAAAAAAAoaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAGxpYmF2' +
    'aWYAAAAADnBpdG0AAAAAAAEAAAAsaWxvYwAAAABEAAACAAEAAAABAAAB2gAAACQAAgAAAAEAAAHDAAAAFwAAAEJpaW5mAAAAAAACAAAAGmlu' +
    'ZmUCAAAAAAEAAGF2MDFDb2xvcgAAAAAaaW5mZQIAAAAAAgAAYXYwMUFscGhhAAAAAChpcmVmAAAAAAAAAA5wcmVtAAEAAQACAAAADmF1eGwA' +
    'AgABAAEAAADDaXBycAAAAJ1pcGNvAAAAFGlzcGUAAAAAAAAAEAAAAAwAAAAQcGl4aQAAAAADCAgIAAAADGF2MUOBIAAAAAAAE2NvbHJuY2x4' +
    'AAEADQAAgAAAAA5waXhpAAAAAAEIAAAADGF2MUOBABwAAAAAOGF1eEMAAAAAdXJuOm1wZWc6bXBlZ0I6Y2ljcDpzeXN0ZW1zOmF1eGlsaWFy' +
    'eTphbHBoYQAAAAAeaXBtYQAAAAAAAAACAAEEAQKDBAACBAEFhgcAAABDbWRhdBIACgUYDP7YVDIMRAAAjLiQqKGFkv8QEgAKCDgM/thAQ0AI' +
    'MhZEAACG1mEVi4URv/LEHNhP2QaxS/zE',
  'base64',
);
const ORANGE = [200, 100, 50] as const;
const OVER_WHITE = [227, 177, 152, 255];

/** Orange, seen through at the left and not at all in the corner. */
const shown = picture(16, 12, (x, y) => {
  if (x < 4 && y < 4) return [0, 0, 0, 0];
  return [...ORANGE, x < 8 ? 128 : 255];
});

describe('an AVIF whose colours are multiplied by their opacity', () => {
  it('has the colours that it had before', async () => {
    const made = await shownBy(await runOn(imageThumb, PREMULTIPLIED, { format: 'png' }));
    expect(difference(made, shown)).toBeLessThan(0.2);
  });

  it('has them in every kind of result', async () => {
    const asked = { format: 'jpeg', quality: 95 };
    const whites = [
      await runOn(imageThumb, PREMULTIPLIED, asked),
      await runOn(imageSizes, PREMULTIPLIED, { sizes: { a: {} }, ...asked }),
      await runOnAll(imageStrip, 'urls', [PREMULTIPLIED], { format: 'jpeg' }),
    ];
    for (const made of whites) expectNear(pixelAt(await shownBy(made), 3, 9), OVER_WHITE.slice(0, 3));
    const gif = await shownBy(await runOnAll(imageGif, 'images', [PREMULTIPLIED]));
    expectNear(pixelAt(gif, 3, 9), [...ORANGE, 255]);
    const { result } = await runOn<object>(imageInfo, PREMULTIPLIED);
    expect(result).toMatchObject({ alpha: true, dominant_color: '#c86432' });
  });

  it('is left as it is where nothing says so', async () => {
    const straight = Buffer.from(PREMULTIPLIED);
    straight.write('cdsc', straight.indexOf('prem'), 'latin1');
    const [red] = pixelAt(await shownBy(await runOn(imageThumb, straight, { format: 'png' })), 3, 9);
    expect(red).toBe(100);
  });

  it.each([0, 1, 7, 12, 0xffff_ffff])('is looked for no further than boxes go: of %i bytes', (length) => {
    const broken = Buffer.from(PREMULTIPLIED);
    expect(isPremultiplied({ data: broken })).toBe(true);
    broken.writeUInt32BE(length, broken.indexOf('iref') - 4);
    expect(isPremultiplied({ data: broken })).toBe(length > 12);
  });
});

function expectNear(colour: readonly number[], wanted: readonly number[]): void {
  const off = wanted.map((sample, at) => Math.abs(sample - (colour[at] ?? -999)));
  expect(Math.max(...off), `${colour} is not ${wanted}`).toBeLessThanOrEqual(6);
}
