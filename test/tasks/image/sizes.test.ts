import sharp from 'sharp';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import type { Output } from '../../../src/tasks/definition.ts';
import { imageSizes } from '../../../src/tasks/image-sizes.ts';
import { imageThumb } from '../../../src/tasks/image-thumb.ts';
import { colourDistance, likeness } from '../../support/looks.ts';
import { decoded, difference, gradient, picture, pipeline, pixelAt } from '../../support/picture.ts';
import { runOn, SOURCE_URL, shownBy } from '../../support/run-task.ts';
import { middle, ORIENTATIONS, overWhite, shrunk, stored } from '../../support/views.ts';

type Sizes = Readonly<Record<string, { readonly width?: number; readonly height?: number; crop?: boolean }>>;

async function sizesOf(bytes: Uint8Array, sizes: Sizes, parameters: Record<string, unknown> = {}) {
  const ran = await runOn<{ sizes: Record<string, object> }>(imageSizes, bytes, { sizes, ...parameters });
  expect(Value.Errors(imageSizes.result, ran.result)).toEqual([]);
  const named = (name: string) => ran.outputs.find((output) => output.name === name) as Output;
  return { ...ran, shown: (name: string) => decoded(named(name).data) };
}
const pngOf = (width: number, height: number) => pipeline(gradient(width, height)).png().toBuffer();

describe('image.sizes', () => {
  it('makes a file of each size, under its name, and says how large it has become', async () => {
    const { result, outputs, progress } = await sizesOf(await pngOf(300, 200), {
      small: { width: 60 },
      'square-2': { width: 50, height: 50, crop: true },
      fit: { width: 90, height: 90 },
      large: { width: 600 },
      'as_it-is': {},
    });
    expect(outputs.map(({ name, extension, contentType }) => [name, extension, contentType])).toEqual([
      ['small', 'jpg', 'image/jpeg'],
      ['square-2', 'jpg', 'image/jpeg'],
      ['fit', 'jpg', 'image/jpeg'],
      ['large', 'jpg', 'image/jpeg'],
      ['as_it-is', 'jpg', 'image/jpeg'],
    ]);
    const sizes = {
      small: { width: 60, height: 40 },
      'square-2': { width: 50, height: 50 },
      fit: { width: 90, height: 60 },
      large: { width: 600, height: 400 },
      'as_it-is': { width: 300, height: 200 },
    };
    expect(result).toEqual({ sizes });
    for (const { name, data } of outputs)
      expect(await decoded(data)).toMatchObject(sizes[name as keyof typeof sizes]);
    expect(progress).toEqual([20, 40, 60, 80, 100]);
  });

  it.each(['png', 'webp', 'gif', 'avif'])('writes %s', async (format) => {
    const { outputs } = await sizesOf(await pngOf(60, 40), { a: { width: 30 } }, { format });
    expect(outputs[0]).toMatchObject({ name: 'a', extension: format, contentType: `image/${format}` });
  });

  it.each(ORIENTATIONS)('turns orientation %i upright, then shrinks and cuts', async (orientation) => {
    const shown = gradient(96, 64);
    const png = await pipeline(stored(shown, orientation)).withMetadata({ orientation }).png().toBuffer();
    const sizes = { whole: {}, half: { width: 48 }, cut: { width: 16, height: 16, crop: true } };
    const made = await sizesOf(png, sizes, { format: 'png' });
    expect(difference(await made.shown('whole'), shown)).toBe(0);
    expect(difference(await made.shown('half'), shrunk(shown, 2))).toBeLessThan(3);
    expect(difference(await made.shown('cut'), middle(shrunk(shown, 4), 16, 16))).toBeLessThan(6);
  });

  const turnedPhoto = async () =>
    pipeline(stored(gradient(48, 96), 6))
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer();
  it.each([
    ['webp', 'twice and three times as large', () => pngOf(48, 48), { a: { width: 96 }, b: { width: 144 } }],
    ['gif', 'twice and three times as large', () => pngOf(48, 48), { a: { width: 96 }, b: { width: 144 } }],
    ['webp', 'turned by a quarter, of 2 to 1', turnedPhoto, { a: {}, b: { width: 24 } }],
    ['gif', 'turned by a quarter, of 2 to 1', turnedPhoto, { a: {}, b: { width: 24 } }],
  ])('makes %s of one page each when they are %s', async (format, _, source, sizes) => {
    const bytes = await source();
    const made = await sizesOf(bytes, sizes, { format, quality: 95 });
    for (const { name, data } of made.outputs) {
      const { width, height, pages = 1 } = await sharp(data).metadata();
      expect({ pages, size: { width, height } }).toEqual({ pages: 1, size: made.result.sizes[name] });
      const parameters = { ...sizes[name as 'a'], format: 'png' };
      const alone = await shownBy(await runOn(imageThumb, bytes, parameters));
      expect(colourDistance(await made.shown(name), alone)).toBeLessThan(5);
    }
  });

  it('makes each as image.thumb alone would, however much is cut off', async () => {
    const panorama = picture(2_000, 50, (x, y) => [x % 256, (x * 3) % 256, y * 5]);
    const bytes = await pipeline(panorama).png().toBuffer();
    const sizes = {
      tall: { width: 20, height: 80, crop: true },
      wide: { width: 500, height: 12, crop: true },
      long: { width: 1_000 },
    };
    const made = await sizesOf(bytes, sizes, { format: 'png' });
    for (const [name, size] of Object.entries(sizes)) {
      const alone = await shownBy(await runOn(imageThumb, bytes, { ...size, format: 'png' }));
      expect(likeness(await made.shown(name), alone)).toBeGreaterThan(0.95);
    }
  });

  it('keeps transparency, and has it white under JPEG', async () => {
    const glass = picture(40, 40, (x) => (x < 20 ? [200, 0, 0, 0] : [0, 0, 200, 160]));
    const bytes = await pipeline(glass).png().toBuffer();
    const png = await sizesOf(bytes, { a: {}, b: { width: 20 } }, { format: 'png' });
    expect(difference(await png.shown('a'), glass)).toBeLessThan(1);
    const [red = 9, green = 9, blue = 0, alpha = 0] = pixelAt(await png.shown('b'), 15, 5);
    expect([red, green, alpha]).toEqual([0, 0, 160]);
    expect(Math.abs(blue - 200)).toBeLessThan(3);
    const jpeg = await sizesOf(bytes, { a: {} }, { quality: 95 });
    expect(difference(await jpeg.shown('a'), overWhite(glass))).toBeLessThan(3);
  });

  it('makes those that need more of the source than is kept by themselves, first', async () => {
    // 17 megapixels of one colour.
    const large = await pipeline(picture(1, 1, () => [10, 200, 30]))
      .resize(4_200, 4_200)
      .png({ compressionLevel: 1 })
      .toBuffer();
    const { result, outputs } = await sizesOf(large, { small: { width: 30 }, whole: {} });
    expect(outputs.map(({ name }) => name)).toEqual(['whole', 'small']);
    expect(result).toEqual({
      sizes: { small: { width: 30, height: 30 }, whole: { width: 4_200, height: 4_200 } },
    });
  });

  it.each([
    [16_000, 1, { a: { height: 300 } }, {}, 'would become 4800000 × 300 pixels, the limit is 8192 a side'],
    [
      100,
      100,
      { a: { width: 6_000 }, b: { width: 6_000 } },
      {},
      'would become 2 images, together 72 megapixels, the limit for jpeg is 67',
    ],
    [
      100,
      100,
      { a: { width: 3_000 }, b: { width: 3_000 } },
      { format: 'gif' },
      'would become 2 images, together 18 megapixels, the limit for gif is 16',
    ],
  ])('of %i × %i as %j is refused before anything is made', async (width, height, sizes, more, what) => {
    const run = runOn(imageSizes, await pngOf(width, height), { sizes, ...more });
    await expect(run).rejects.toMatchObject({ message: `File '${SOURCE_URL}' ${what}`, passing: false });
  });

  it('of what is no image is refused', async () => {
    await expect(runOn(imageSizes, Buffer.from('no'), { sizes: { a: {} } })).rejects.toMatchObject({
      message: `File '${SOURCE_URL}' is not a valid image file`,
    });
  });
});
