import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { imageInfo } from '../../../src/tasks/image-info.ts';
import { imageThumb } from '../../../src/tasks/image-thumb.ts';
import {
  avifClaiming,
  gifClaiming,
  jpegClaiming,
  pngClaiming,
  webpClaiming,
} from '../../support/broken-images.ts';
import { colourProfile } from '../../support/icc.ts';
import { gradient, pipeline, RACCOON } from '../../support/picture.ts';
import { onlyOutput, runFile, runOn, SOURCE_URL } from '../../support/run-task.ts';

const notAnImage = { message: `File '${SOURCE_URL}' is not a valid image file`, passing: false };
const photo = () => pipeline(gradient(320, 240));

const encoded = {
  jpeg: () => photo().jpeg().toBuffer(),
  'progressive jpeg': () => photo().jpeg({ progressive: true }).toBuffer(),
  png: () => photo().png().toBuffer(),
  'interlaced png': () => photo().png({ progressive: true }).toBuffer(),
  webp: () => photo().webp().toBuffer(),
  'lossless webp': () => photo().webp({ lossless: true }).toBuffer(),
  gif: () => photo().gif({ effort: 1 }).toBuffer(),
  avif: () => photo().avif({ effort: 0 }).toBuffer(),
};

describe('a file that was cut short', () => {
  // The last bytes of a PNG are a checksum, that of a GIF says only that it is over: no pixel is missing yet.
  it.each(Object.entries(encoded))('is refused wherever that was: %s', async (_, encode) => {
    const whole = await encode();
    await expect(runOn(imageThumb, whole, { width: 40 })).resolves.toBeDefined();
    for (const bytes of [whole.length / 4, whole.length / 2, whole.length - 200, whole.length - 20]) {
      const cut = whole.subarray(0, Math.floor(bytes));
      await expect(runOn(imageThumb, cut, { width: 40 })).rejects.toMatchObject(notAnImage);
      await expect(runOn(imageInfo, cut)).rejects.toMatchObject(notAnImage);
    }
  });

  it('is refused to the last byte of a real photo', async () => {
    const data = await readFile(RACCOON);
    for (const missing of [1, 2, 1_000, 100_000]) {
      const cut = data.subarray(0, data.length - missing);
      await expect(runOn(imageThumb, cut, { width: 300 })).rejects.toMatchObject(notAnImage);
    }
  });

  it.each(Object.entries(encoded))('is refused when only its first bytes came: %s', async (_, encode) => {
    const whole = await encode();
    for (const bytes of [0, 1, 12, 64])
      await expect(runOn(imageThumb, whole.subarray(0, bytes))).rejects.toMatchObject(notAnImage);
  });
});

describe('a file that is damaged', () => {
  it('inside is refused rather than shown as far as it goes', async () => {
    const damaged = await readFile(RACCOON);
    for (let at = 60_000; at < 60_400; at += 1) damaged[at] = (damaged[at] ?? 0) ^ 0x55;
    await expect(runOn(imageThumb, damaged, { width: 300 })).rejects.toMatchObject(notAnImage);
  });

  it('only in a byte of its scan header that loses nothing, as some phones write it, is taken', async () => {
    const jpeg = await encoded.jpeg();
    const scan = jpeg.indexOf(Buffer.from([0xff, 0xda]));
    // The end of the spectral selection: 63 for a baseline JPEG.
    jpeg[scan + 2 + jpeg.readUInt16BE(scan + 2) - 2] = 0;
    const { result } = await runOn(imageThumb, jpeg, { width: 40 });
    expect(result).toMatchObject({ width: 40, height: 30 });
    const cut = jpeg.subarray(0, -100);
    await expect(runOn(imageThumb, cut, { width: 40 })).rejects.toMatchObject(notAnImage);
  });

  it('and whose decoder speaks of memory is refused for what it is: profile and pixels cut off', async () => {
    const jpeg = await encoded.jpeg();
    const start = (await colourProfile('srgb')).subarray(0, 150);
    const segment = [
      Buffer.from([0xff, 0xe2, 0, 16 + start.length]),
      Buffer.from('ICC_PROFILE\0\x01\x01', 'latin1'),
      start,
    ];
    const odd = Buffer.concat([jpeg.subarray(0, 2), ...segment, jpeg.subarray(2)]);
    await expect(runOn(imageThumb, odd, { width: 40 })).resolves.toBeDefined();
    const cut = odd.subarray(0, -200);
    await expect(runOn(imageThumb, cut, { format: 'png' })).rejects.toMatchObject(notAnImage);
    await expect(runOn(imageInfo, cut)).rejects.toMatchObject(notAnImage);
  });

  it('likewise: an image of a GIF that would reach beyond what a GIF can have', async () => {
    const gif = await encoded.gif();
    const image = gif.indexOf(Buffer.from([0x2c, 0, 0, 0, 0, 0x40, 1]));
    gif.writeUInt16LE(65_500, image + 1);
    await expect(runOn(imageThumb, gif, { width: 40 })).rejects.toMatchObject(notAnImage);
    await expect(runOn(imageInfo, gif)).rejects.toMatchObject(notAnImage);
  });

  it('by bytes after its end is taken: they are not written again', async () => {
    const polyglot = Buffer.concat([await encoded.jpeg(), Buffer.from('<script>alert(1)</script>')]);
    const { data } = onlyOutput(await runOn(imageThumb, polyglot, { width: 40 }));
    expect(Buffer.from(data).includes('script')).toBe(false);
  });
});

describe('a file that is no image of ours', () => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
  it.each([
    ['SVG', svg],
    ['SVG with a byte order mark', `\ufeff${svg}`],
    ['HTML', '<!DOCTYPE html><html><body>Please log in</body></html>'],
    ['PDF', '%PDF-1.7\n'],
    ['BMP', 'BM\x3a\0\0\0\0\0\0\0'],
    ['PPM', 'P6\n1 1\n255\n\0\0\0'],
    ['Radiance', '#?RADIANCE\n'],
    ['an HLS playlist', '#EXTM3U\n#EXT-X-VERSION:3\n'],
    ['a HEIC', '\0\0\0\x18ftypheic\0\0\0\0mif1heic'],
    ['an MP4', '\0\0\0\x18ftypisom\0\0\x02\0isomavc1'],
    ['magic bytes of a JPEG before text', '\xff\xd8\xff\xe0 no picture'],
    ['magic bytes of a GIF before text', 'GIF89a<html>'],
    ['magic bytes of a WebP before text', 'RIFF\0\0\0\0WEBPVP8 '],
    ['magic bytes of an AVIF before text', '\0\0\0\x1cftypavif\0\0\0\0mif1avifmiaf'],
  ])('is refused: %s', async (_, text) => {
    const bytes = Buffer.from(text, text.includes('\ufeff') ? 'utf8' : 'latin1');
    await expect(runOn(imageThumb, bytes)).rejects.toMatchObject(notAnImage);
    await expect(runOn(imageInfo, bytes)).rejects.toMatchObject(notAnImage);
  });

  it('is refused also as TIFF, which sharp could read', async () => {
    await expect(runOn(imageThumb, await photo().tiff().toBuffer())).rejects.toMatchObject(notAnImage);
  });

  it('never reaches a decoder of libvips that is not one of the five', async () => {
    await runOn(imageInfo, await encoded.jpeg());
    await expect(sharp(Buffer.from(svg)).metadata()).rejects.toThrow('unsupported image format');
    await expect(sharp(await photo().tiff().toBuffer()).metadata()).rejects.toThrow(
      'unsupported image format',
    );
  });
});

describe('an image of too many pixels', () => {
  it.each([
    ['PNG', () => pngClaiming(16_383, 16_383), 'has 268 megapixels, the limit is 50'],
    ['interlaced PNG', () => pngClaiming(7_000, 7_000, true), 'has 49 megapixels, the limit is 25'],
    ['JPEG', () => jpegClaiming(65_500, 65_500), 'has 4290 megapixels, the limit is 50'],
    ['progressive JPEG', () => jpegClaiming(7_000, 7_000, true), 'has 49 megapixels, the limit is 25'],
    ['GIF', () => gifClaiming(20_000, 20_000), 'has 400 megapixels, the limit is 50'],
    ['interlaced GIF', () => gifClaiming(8_000, 7_000, true), 'has 56 megapixels, the limit is 50'],
    ['AVIF', () => avifClaiming(10_000, 10_000), 'has 100 megapixels, the limit is 16'],
    ['WebP of 38 bytes', async () => webpClaiming(16_383, 16_383), 'has 268 megapixels, the limit is 50'],
    ['PNG just over', () => pngClaiming(10_000, 5_001), 'has 50.1 megapixels, the limit is 50'],
  ])('is refused by its header: %s', async (_, make, what) => {
    const failure = { message: `File '${SOURCE_URL}' ${what}`, passing: false };
    const bytes = await make();
    const startedAt = performance.now();
    await expect(runOn(imageThumb, bytes, { width: 10 })).rejects.toMatchObject(failure);
    await expect(runOn(imageInfo, bytes)).rejects.toMatchObject(failure);
    // Decoding any of them would take seconds.
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it.each([
    [0, 0],
    [0, 100],
    [1, 65_535_000],
  ])('or of a size that cannot be is no image: %i × %i', async (width, height) => {
    await expect(runOn(imageThumb, await pngClaiming(width, height), { width: 10 })).rejects.toThrow(
      `File '${SOURCE_URL}' `,
    );
  });
});

it('a source that is not there is our fault, not the image’s', async () => {
  const run = runFile(imageThumb, new URL('no-such-file', import.meta.url).pathname);
  await expect(run).rejects.toMatchObject({ code: 'ENOENT' });
});
