import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { imageStrip } from '../../../src/tasks/image-strip.ts';
import { decoded, difference, gradient, type Picture, picture, pipeline } from '../../support/picture.ts';
import { onlyOutput, runOnAll, SOURCE_URL, shownBy } from '../../support/run-task.ts';
import { inCells, middle, ORIENTATIONS, overWhite, shrunk, stored } from '../../support/views.ts';

const WHITE = [255, 255, 255];
const CLEAR = [0, 0, 0, 0];

async function stripOf(pictures: readonly Picture[], parameters: Record<string, unknown> = {}) {
  const files = await Promise.all(pictures.map((each) => pipeline(each).png().toBuffer()));
  const ran = await runOnAll<Record<string, unknown>>(imageStrip, 'urls', files, parameters);
  const output = onlyOutput(ran);
  expect(Value.Errors(imageStrip.result, ran.result)).toEqual([]);
  return { ...ran, output, shown: await decoded(output.data) };
}
const plain = (width: number, height: number, colour: readonly number[]) =>
  picture(width, height, () => colour);
const withAlpha = (from: Picture): Picture => ({
  ...from,
  channels: 4,
  data: Buffer.from(from.data.toString('hex').replace(/(.{6})/g, '$1ff'), 'hex'),
});

describe('image.strip', () => {
  const [red, green, blue] = [
    plain(30, 20, [255, 0, 0]),
    plain(30, 20, [0, 255, 0]),
    plain(30, 20, [0, 0, 255]),
  ];

  it('puts the images side by side, in frames as large as the first', async () => {
    const { result, output, shown, progress } = await stripOf([red, green, blue], { format: 'png' });
    expect(result).toEqual({ count: 3, width: 90, height: 20, content_type: 'image/png' });
    expect(output).toMatchObject({ name: 'output', extension: 'png', contentType: 'image/png' });
    expect(difference(shown, inCells([red, green, blue], red, 3, WHITE))).toBe(0);
    expect(progress).toEqual([25, 50, 75, 100]);
  });

  it.each([
    [{}, 'jpeg', 'jpg'],
    [{ format: 'jpeg' }, 'jpeg', 'jpg'],
    [{ format: 'png' }, 'png', 'png'],
    [{ format: 'webp' }, 'webp', 'webp'],
  ])('with %j writes %s', async (parameters, format, extension) => {
    const { result, output, shown } = await stripOf([red, blue], parameters);
    expect(output).toMatchObject({ extension, contentType: `image/${format}` });
    expect(result).toMatchObject({ content_type: `image/${format}` });
    expect(difference(shown, inCells([red, blue], red, 2, WHITE))).toBeLessThan(8);
  });

  it.each([
    [1, 30, 100],
    [2, 60, 60],
    [3, 90, 40],
    [5, 150, 20],
    [100, 150, 20],
  ])('wraps after %i frames into %i × %i', async (wrap, width, height) => {
    const pictures = [red, green, blue, green, red];
    const { result, shown } = await stripOf(pictures, { wrap, format: 'png' });
    expect(result).toEqual({ count: 5, width, height, content_type: 'image/png' });
    const expected = inCells(pictures.map(withAlpha), red, Math.min(wrap, 5), CLEAR);
    expect(difference(shown.channels === 4 ? shown : withAlpha(shown), expected)).toBe(0);
  });

  it.each([
    [{ width: 15 }, 15, 10],
    [{ height: 40 }, 60, 40],
    [{ width: 25, height: 25 }, 25, 25],
  ])('has frames of the size that is asked for: %j', async (parameters, width, height) => {
    const { result } = await stripOf([red, blue], parameters);
    expect(result).toMatchObject({ width: 2 * width, height });
  });

  describe('of images of different shapes', () => {
    const [wide, tall] = [gradient(64, 32), gradient(32, 64)];
    const cell = { width: 32, height: 32 };
    const fitted = [shrunk(wide, 2), shrunk(tall, 2)];

    it('fits them inside, over white under JPEG', async () => {
      const { shown } = await stripOf([wide, tall], cell);
      expect(difference(shown, inCells(fitted, cell, 2, WHITE))).toBeLessThan(6);
    });

    it.each(['png', 'webp'])('fits them inside, over nothing in %s', async (format) => {
      const { shown } = await stripOf([wide, tall], { ...cell, format });
      expect(difference(shown, inCells(fitted.map(withAlpha), cell, 2, CLEAR))).toBeLessThan(4);
    });

    it('fills the frames where crop says so, and cuts off the rest', async () => {
      const { shown } = await stripOf([wide, tall], { ...cell, crop: true, format: 'png' });
      const cut = [middle(wide, 32, 32), middle(tall, 32, 32)];
      expect(difference(shown, inCells(cut, cell, 2, WHITE))).toBe(0);
    });
  });

  it('turns each image upright', async () => {
    const shown = gradient(24, 16);
    const files = ORIENTATIONS.map((orientation) =>
      pipeline(stored(shown, orientation)).withMetadata({ orientation }).png().toBuffer(),
    );
    const parameters = { wrap: 4, format: 'png' };
    const strip = await shownBy(await runOnAll(imageStrip, 'urls', await Promise.all(files), parameters));
    const expected = inCells(new Array(8).fill(shown), shown, 4, WHITE);
    expect(difference(strip, expected)).toBe(0);
  });

  it('keeps transparency, and has it white under JPEG', async () => {
    const glass = picture(30, 20, (x) => (x < 15 ? [200, 0, 0, 0] : [0, 0, 200, 128]));
    const png = await stripOf([glass, withAlpha(red)], { format: 'png' });
    expect(difference(png.shown, inCells([glass, withAlpha(red)], red, 2, CLEAR))).toBeLessThan(1);
    const jpeg = await stripOf([glass, red]);
    expect(difference(jpeg.shown, inCells([overWhite(glass), red], red, 2, WHITE))).toBeLessThan(6);
  });

  it('names the image that is none', async () => {
    const good = await pipeline(red).png().toBuffer();
    const run = runOnAll(imageStrip, 'urls', [good, good.subarray(0, 40)]);
    await expect(run).rejects.toThrow(`File '${SOURCE_URL}/1' is not a valid image file`);
  });

  it.each([
    [9, { width: 1_000 }, 'the strip would have 9000 × 667 pixels, the limit is 8192 a side'],
    [
      40,
      { width: 1_000, height: 1_000, wrap: 8 },
      'the strip would have 8000 × 5000 pixels, 40 megapixels, the limit for jpeg is 25',
    ],
    [
      20,
      { width: 1_000, height: 1_000, wrap: 5, format: 'webp' },
      'the strip would have 5000 × 4000 pixels, 20 megapixels, the limit for webp is 16',
    ],
  ])('of %i images, larger than what is written, is refused: %j', async (count, parameters, message) => {
    await expect(stripOf(new Array(count).fill(red), parameters)).rejects.toMatchObject({
      message,
      passing: false,
    });
  });
});
