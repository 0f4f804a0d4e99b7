import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { MediaDefinition } from '../../../src/tasks/definition.ts';
import { isSlowSource } from '../../../src/tasks/image/slow-source.ts';
import { imageGif } from '../../../src/tasks/image-gif.ts';
import { imageSizes } from '../../../src/tasks/image-sizes.ts';
import { imageStrip } from '../../../src/tasks/image-strip.ts';
import { imageThumb } from '../../../src/tasks/image-thumb.ts';
import { exifBlock, withExifBlock } from '../../support/exif.ts';
import { temporaryFolder } from '../../support/folder.ts';

const picture = (width = 40, height = 30) =>
  sharp({ create: { width, height, channels: 3, background: '#123456' } });
const large = () => picture(2_500, 1_600);
const segment = (bytes: number): Buffer => {
  const header = Buffer.from([0xff, 0xe2, 0, 0]);
  header.writeUInt16BE(bytes + 2, 2);
  return Buffer.concat([header, Buffer.alloc(bytes, 0xc2)]);
};
const withSegments = (jpeg: Buffer, ...segments: readonly Buffer[]): Buffer =>
  Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);

async function isSlow(bytes: Uint8Array): Promise<boolean> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'source');
  await writeFile(path, bytes);
  const isSlowFile = isSlowSource({ path });
  expect(isSlowSource({ data: bytes })).toBe(isSlowFile);
  return isSlowFile;
}

describe('A source is slow', () => {
  it.each([
    ['an AVIF', () => picture().avif({ effort: 0 }).toBuffer()],
    ['a large progressive JPEG', () => large().jpeg({ progressive: true }).toBuffer()],
    ['a large interlaced PNG', () => large().png({ progressive: true }).toBuffer()],
    [
      'a large progressive JPEG behind a megabyte of segments',
      async () =>
        withSegments(
          await large().jpeg({ progressive: true }).toBuffer(),
          ...Array.from({ length: 20 }, () => segment(65_000)),
        ),
    ],
    [
      'a JPEG of more segments than anybody writes',
      async () =>
        withSegments(await picture().jpeg().toBuffer(), ...Array.from({ length: 5_000 }, () => segment(0))),
    ],
    [
      'what only begins as a JPEG',
      async () => Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 2, ...Buffer.alloc(20, 1)]),
    ],
  ])('if it is %s', async (_what, bytes) => {
    expect(await isSlow(await bytes())).toBe(true);
  });

  it.each([
    ['a large JPEG', () => large().jpeg({ progressive: false }).toBuffer()],
    ['a small progressive JPEG', () => picture().jpeg({ progressive: true }).toBuffer()],
    ['a small interlaced PNG', () => picture().png({ progressive: true }).toBuffer()],
    [
      'a JPEG with EXIF',
      async () => withExifBlock(await picture().jpeg().toBuffer(), exifBlock([[0x0112, 3, 6]], [])),
    ],
    [
      'a JPEG with filling bytes',
      async () => withSegments(await picture().jpeg().toBuffer(), Buffer.alloc(9, 0xff)),
    ],
    ['a large PNG', () => large().png().toBuffer()],
    ['a WebP', () => picture().webp().toBuffer()],
    ['a GIF', () => picture().gif().toBuffer()],
    ['empty', async () => Buffer.alloc(0)],
    ['cut short', async () => (await picture().jpeg().toBuffer()).subarray(0, 30)],
    ['text', async () => Buffer.from('no picture at all')],
  ])('not if it is %s', async (_what, bytes) => {
    expect(await isSlow(await bytes())).toBe(false);
  });
});

const names = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`s${at}`, {}]));
const urls = (count: number) => Array.from({ length: count }, (_, at) => `http://example.com/${at}`);

it.each([
  [imageThumb, { format: 'jpeg' }, false],
  [imageThumb, { format: 'webp' }, false],
  [imageThumb, { format: 'avif' }, true],
  [imageThumb, { format: 'gif' }, true],
  [imageSizes, { format: 'jpeg', sizes: names(8) }, false],
  [imageSizes, { format: 'jpeg', sizes: names(9) }, true],
  [imageSizes, { format: 'avif', sizes: names(1) }, true],
  [imageThumb, { format: 'png', width: 8_192, height: 8_192 }, true],
  [imageThumb, { format: 'png', width: 2_800, height: 2_800, crop: true }, false],
  [imageThumb, { format: 'png', width: 8_192, height: 300 }, false],
  [imageThumb, { format: 'webp', height: 3_000 }, true],
  [imageThumb, { format: 'jpeg', width: 4_000 }, false],
  [imageThumb, { format: 'jpeg', width: 6_000 }, true],
  [imageSizes, { format: 'png', sizes: { a: { width: 2_500 }, b: { width: 1_000 } } }, false],
  [imageSizes, { format: 'png', sizes: { a: { width: 2_500 }, b: { width: 2_000 } } }, true],
  [imageGif, { images: urls(1) }, true],
  [imageStrip, { format: 'png', urls: urls(4), width: 1_400 }, false],
  [imageStrip, { format: 'png', urls: urls(5), width: 1_400 }, true],
  [imageStrip, { urls: urls(8) }, false],
  [imageStrip, { urls: urls(9) }, true],
])('Of the task itself what it asks for decides: $0.name %#', (definition, parameters, isSlow) => {
  expect((definition as MediaDefinition).isSlow?.(parameters) ?? false).toBe(isSlow);
});
