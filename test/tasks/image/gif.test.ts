import sharp from 'sharp';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { imageGif } from '../../../src/tasks/image-gif.ts';
import { readGif } from '../../support/gif-frames.ts';
import { difference, gradient, type Picture, picture, pipeline, pixelAt } from '../../support/picture.ts';
import { onlyOutput, runOnAll, SOURCE_URL } from '../../support/run-task.ts';
import { inCells, ORIENTATIONS, overWhite, shrunk, stored } from '../../support/views.ts';

const WHITE = [255, 255, 255];

async function gifOf(files: readonly Uint8Array[], parameters: Record<string, unknown> = {}) {
  const ran = await runOnAll<Record<string, number>>(imageGif, 'images', files, parameters);
  const output = onlyOutput(ran);
  expect(output).toMatchObject({ name: 'output', extension: 'gif', contentType: 'image/gif' });
  expect(Value.Errors(imageGif.result, ran.result)).toEqual([]);
  return { ...ran, data: output.data, file: readGif(output.data) };
}

/** All frames, one below the other, with their transparency. */
async function framesOf(data: Uint8Array): Promise<Picture> {
  const pixels = sharp(data, { animated: true }).ensureAlpha().raw();
  const { data: raw, info } = await pixels.toBuffer({ resolveWithObject: true });
  return { data: raw, width: info.width, height: info.height, channels: 4 };
}

/** The same, of an animation that must hide all that is behind it. */
async function opaqueFramesOf(data: Uint8Array): Promise<Picture> {
  const frames = await framesOf(data);
  for (let at = 3; at < frames.data.length; at += 4) expect(frames.data[at]).toBe(255);
  return picture(frames.width, frames.height, (x, y) => pixelAt(frames, x, y).slice(0, 3));
}

const png = (of: Picture) => pipeline(of).png().toBuffer();
const plain = (width: number, height: number, colour: readonly number[]) =>
  picture(width, height, () => colour);

describe('image.gif', () => {
  it('shows the images one after the other, each for a tenth of a second, for ever', async () => {
    const colours = [
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
    ];
    const files = await Promise.all(colours.map((colour) => png(plain(30, 20, colour))));
    const { result, file, data, progress } = await gifOf(files);
    expect(result).toEqual({ width: 30, height: 20, count: 3 });
    expect(file).toMatchObject({ width: 30, height: 20, repeats: 0 });
    expect(file.frames.map(({ delay }) => delay)).toEqual([10, 10, 10]);
    const shown = inCells(
      colours.map((colour) => plain(30, 20, colour)),
      { width: 30, height: 20 },
      1,
      WHITE,
    );
    expect(difference(await opaqueFramesOf(data), shown)).toBeLessThan(1);
    expect(progress).toEqual([25, 50, 75, 100]);
  });

  it.each([
    [{ loop: 0 }, 0],
    [{ loop: -1 }, undefined],
    [{ loop: 1 }, undefined],
    [{ loop: 3 }, 2],
    [{ loop: 65_535 }, 65_534],
  ])('plays as often as %j says', async (parameters, repeats) => {
    const files = [await png(plain(8, 8, [1, 2, 3])), await png(plain(8, 8, [200, 2, 3]))];
    expect((await gifOf(files, parameters)).file.repeats).toBe(repeats);
  });

  it.each([
    [0.01, 1],
    [0.014, 1],
    [0.015, 2],
    [0.145, 15],
    [0.285, 29],
    [0.575, 58],
    [0.5749, 57],
    [0.1, 10],
    [2.5, 250],
    [65.53, 6_553],
  ])('shows each frame for %f s, to a hundredth: %i', async (frame_duration, delay) => {
    const files = [await png(plain(8, 8, [1, 2, 3])), await png(plain(8, 8, [200, 2, 3]))];
    const { file } = await gifOf(files, { frame_duration });
    expect(file.frames.map((frame) => frame.delay)).toEqual([delay, delay]);
  });

  it('may show an image several times, also in a row', async () => {
    const [red, blue] = [await png(plain(8, 8, [255, 0, 0])), await png(plain(8, 8, [0, 0, 255]))];
    const { file, result, data } = await gifOf([red, red, blue, red]);
    expect(result).toMatchObject({ count: 4 });
    expect(file.frames.map(({ delay }) => delay)).toEqual([10, 10, 10, 10]);
    const frames = await opaqueFramesOf(data);
    expect([4, 12, 20, 28].map((y) => pixelAt(frames, 4, y))).toEqual([
      [255, 0, 0],
      [255, 0, 0],
      [0, 0, 255],
      [255, 0, 0],
    ]);
  });

  it.each([
    [{}, 60, 40],
    [{ width: 30 }, 30, 20],
    [{ height: 80 }, 120, 80],
    [{ width: 50, height: 50 }, 50, 50],
  ])('is as large as the first image, or with %j: %i × %i', async (parameters, width, height) => {
    const files = [await png(gradient(60, 40)), await png(gradient(10, 90))];
    const { result, file } = await gifOf(files, parameters);
    expect(result).toEqual({ width, height, count: 2 });
    expect(file).toMatchObject({ width, height });
  });

  it('fits images of other shapes inside, in the middle, over white', async () => {
    const [wide, tall] = [gradient(64, 32), gradient(32, 64)];
    const { data } = await gifOf([await png(wide), await png(tall)], { width: 32, height: 32 });
    const frames = await opaqueFramesOf(data);
    const expected = inCells([shrunk(wide, 2), shrunk(tall, 2)], { width: 32, height: 32 }, 1, WHITE);
    expect(difference(frames, expected)).toBeLessThan(9);
    for (const [x, y] of [
      [2, 2],
      [30, 30],
      [2, 40],
      [30, 60],
    ] as const)
      expect(pixelAt(frames, x, y)).toEqual(WHITE);
  });

  it('turns each image upright', async () => {
    const shown = gradient(24, 16);
    const files = ORIENTATIONS.map((orientation) =>
      pipeline(stored(shown, orientation)).withMetadata({ orientation }).png().toBuffer(),
    );
    const { data, result } = await gifOf(await Promise.all(files));
    expect(result).toEqual({ width: 24, height: 16, count: 8 });
    const expected = inCells(new Array(8).fill(shown), shown, 1, WHITE);
    expect(difference(await opaqueFramesOf(data), expected)).toBeLessThan(9);
  });

  it('is transparent if each image may be', async () => {
    const glass = (colour: readonly number[]) =>
      picture(20, 20, (x) => (x < 10 ? [...colour, 255] : [...colour, 0]));
    const [red, blue] = [await png(glass([255, 0, 0])), await png(glass([0, 0, 255]))];
    const { data, file } = await gifOf([red, blue]);
    expect(file.frames.map(({ isTransparent }) => isTransparent)).toEqual([true, true]);
    const frames = await framesOf(data);
    expect([pixelAt(frames, 5, 5), pixelAt(frames, 5, 25)]).toEqual([
      [255, 0, 0, 255],
      [0, 0, 255, 255],
    ]);
    expect([pixelAt(frames, 15, 5)[3], pixelAt(frames, 15, 25)[3]]).toEqual([0, 0]);
  });

  it('is over white if one is not', async () => {
    const glass = picture(20, 20, (x) => (x < 10 ? [255, 0, 0, 255] : [9, 9, 9, 0]));
    const { data } = await gifOf([await png(glass), await png(plain(20, 20, [0, 0, 255]))]);
    const frames = await opaqueFramesOf(data);
    const expected = inCells([overWhite(glass), plain(20, 20, [0, 0, 255])], glass, 1, WHITE);
    expect(difference(frames, expected)).toBeLessThan(1);
  });

  it('takes the first frame of an animation', async () => {
    const film = picture(20, 40, (_, y) => (y < 20 ? [255, 0, 0] : [0, 255, 0]));
    const raw = { width: 20, height: 40, channels: 3, pageHeight: 20 } as const;
    const animated = await sharp(film.data, { raw }).webp({ lossless: true }).toBuffer();
    const { data, result } = await gifOf([animated, await png(plain(20, 20, [0, 0, 255]))]);
    expect(result).toEqual({ width: 20, height: 20, count: 2 });
    expect(pixelAt(await framesOf(data), 10, 10).slice(0, 3)).toEqual([255, 0, 0]);
  });

  it('may be of one image', async () => {
    const { result, data } = await gifOf([await png(plain(9, 7, [1, 200, 3]))]);
    expect(result).toEqual({ width: 9, height: 7, count: 1 });
    expect(difference(await opaqueFramesOf(data), plain(9, 7, [1, 200, 3]))).toBeLessThan(2);
  });

  it('may be of a hundred', async () => {
    const files = Array.from({ length: 100 }, (_, at) => png(plain(16, 16, [at * 2, 255 - at * 2, 50])));
    const { result, file } = await gifOf(await Promise.all(files));
    expect(result).toMatchObject({ count: 100 });
    expect(file.frames).toHaveLength(100);
  });

  it('names the image that is none, whichever it is, before it draws any', async () => {
    const good = await png(plain(9, 9, [1, 2, 3]));
    const run = runOnAll(imageGif, 'images', [good, good, Buffer.from('no image'), good]);
    await expect(run).rejects.toMatchObject({
      message: `File '${SOURCE_URL}/2' is not a valid image file`,
      passing: false,
    });
  });

  it.each([
    [
      [4_000, 4_000],
      2,
      {},
      'the animation would have 2 frames of 4000 × 4000 pixels, 32 megapixels, the limit for gif is 25',
    ],
    [
      [100, 100],
      26,
      { width: 1_000 },
      'the animation would have 26 frames of 1000 × 1000 pixels, 26 megapixels, the limit for gif is 25',
    ],
    [[9_000, 10], 1, {}, 'the animation would have frames of 9000 × 10 pixels, the limit is 8192 a side'],
  ] as const)('of more pixels than are written is refused: %j × %i', async ([w, h], count, more, message) => {
    const one = await pipeline(plain(1, 1, [9, 9, 9]))
      .resize(w, h)
      .png()
      .toBuffer();
    const run = runOnAll(imageGif, 'images', new Array(count).fill(one), more);
    await expect(run).rejects.toMatchObject({ message, passing: false });
  });
});
