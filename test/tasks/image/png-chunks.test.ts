import { describe, expect, it } from 'vitest';
import { imageInfo } from '../../../src/tasks/image-info.ts';
import { imageThumb } from '../../../src/tasks/image-thumb.ts';
import { exifBlock } from '../../support/exif.ts';
import { difference, gradient, pixelAt } from '../../support/picture.ts';
import { type RawPng, rawPng } from '../../support/raw-png.ts';
import { runOn, shownBy } from '../../support/run-task.ts';
import { ORIENTATIONS, stored } from '../../support/views.ts';

const shown = gradient(30, 20);

function pngOf(orientation: number, { chunks = [], late = [] }: Partial<RawPng>): Buffer {
  const { width, height, ...pixels } = stored(shown, orientation);
  const paint = (x: number, y: number) => pixelAt({ width, height, ...pixels }, x, y);
  return rawPng({ width, height, kind: 'rgb', depth: 8, paint, chunks, late });
}
const infoOf = async (bytes: Uint8Array) => (await runOn<object>(imageInfo, bytes)).result;

const exifOf = (orientation: number) =>
  ['eXIf', exifBlock([[0x0112, 3, orientation]], [[0x8827, 3, 400]])] as const;
const actl = (frames: number) => {
  const data = Buffer.alloc(8);
  data.writeUInt32BE(frames, 0);
  return ['acTL', data] as const;
};

describe('EXIF that stands after the pixels of a PNG', () => {
  it.each(ORIENTATIONS)('turns it upright: %i', async (orientation) => {
    const bytes = pngOf(orientation, { late: [exifOf(orientation)] });
    for (const format of ['png', 'avif']) {
      const made = await shownBy(await runOn(imageThumb, bytes, { format, quality: 95 }));
      expect(difference(made, shown)).toBeLessThan(format === 'png' ? 0.1 : 9);
    }
  });

  it('is told like that which stands before them', async () => {
    const told = { exif_orientation: 6, rotation: 270, iso_speed: 400, width: 20, height: 30 };
    expect(await infoOf(pngOf(6, { late: [exifOf(6)] }))).toMatchObject(told);
    expect(await infoOf(pngOf(6, { chunks: [exifOf(6)] }))).toMatchObject(told);
    expect(await infoOf(pngOf(6, { chunks: [exifOf(6)], late: [exifOf(3)] }))).toMatchObject(told);
  });

  it('is unknown where it is broken, or after the end', async () => {
    const unknown = { exif_orientation: null, rotation: null, iso_speed: null };
    expect(await infoOf(pngOf(1, { late: [['eXIf', Buffer.from('II*\0')]] }))).toMatchObject(unknown);
    expect(await infoOf(pngOf(1, { late: [exifOf(9)] }))).toMatchObject({ exif_orientation: null });
    const after = pngOf(1, { late: [exifOf(6)] }).subarray(pngOf(1, {}).length - 12);
    expect(await infoOf(Buffer.concat([pngOf(1, {}), after]))).toMatchObject(unknown);
  });

  it('of 5 MB, or after thousands of other chunks, costs nothing', async () => {
    const long = Buffer.concat([exifOf(6)[1], Buffer.alloc(5_000_000, '1')]);
    expect(await infoOf(pngOf(6, { late: [['eXIf', long]] }))).toMatchObject({ exif_orientation: 6 });
    const texts = new Array(5_000).fill(['tEXt', Buffer.from('k\0v')] as const);
    expect(await infoOf(pngOf(6, { late: [...texts, exifOf(6)] }))).toMatchObject({ exif_orientation: 6 });
    const endless = new Array(50_000).fill(['tEXt', Buffer.from('k\0v')] as const);
    expect(await infoOf(pngOf(6, { late: [...endless, exifOf(6)] }))).toMatchObject({
      width: 20,
      height: 30,
    });
  });
});

describe('an animated PNG', () => {
  it.each([
    [[actl(7)], 7],
    [[actl(0)], 1],
    [[['acTL', Buffer.of()] as const], 1],
    [[], 1],
  ])('has as many frames as it says: %j', async (chunks, frames) => {
    expect(await infoOf(pngOf(1, { chunks }))).toMatchObject({ frames, width: 30, height: 20 });
  });
});
