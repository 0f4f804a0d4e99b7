import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { expect, it } from 'vitest';
import { webpSizeOfSource } from '../../../src/tasks/image/webp-size.ts';
import { webpClaiming } from '../../support/broken-images.ts';
import { temporaryFolder } from '../../support/folder.ts';

async function sizeOf(bytes: Uint8Array): Promise<unknown> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'source');
  await writeFile(path, bytes);
  return await webpSizeOfSource({ path });
}
const picture = (channels: 3 | 4 = 3): Sharp =>
  sharp({ create: { width: 301, height: 7, channels, background: '#12345678' } });

it.each([
  ['lossy', () => picture().webp().toBuffer()],
  ['lossless', () => picture().webp({ lossless: true }).toBuffer()],
  ['with transparency', () => picture(4).webp().toBuffer()],
  [
    'with EXIF',
    () =>
      picture()
        .withExif({ IFD0: { Copyright: 'us' } })
        .webp()
        .toBuffer(),
  ],
  [
    'animated',
    () =>
      sharp(Buffer.alloc(301 * 14 * 3), { raw: { width: 301, height: 14, channels: 3, pageHeight: 7 } })
        .webp()
        .toBuffer(),
  ],
])('The size of a WebP stands in its header: %s', async (_what, make) => {
  expect(await sizeOf(await make())).toEqual({ width: 301, height: 7 });
});

it('It may be anything that fits', async () => {
  expect(await sizeOf(webpClaiming(16_384, 16_384))).toEqual({ width: 16_384, height: 16_384 });
  expect(await sizeOf(webpClaiming(1, 16_383))).toEqual({ width: 1, height: 16_383 });
});

it.each(['', 'RIFF', 'RIFF\0\0\0\0WEBPVP8 ', `RIFF\0\0\0\0WEBPALPH${'\0'.repeat(40)}`])(
  'A file that says none has none: %j',
  async (text) => {
    expect(await sizeOf(Buffer.from(text, 'latin1'))).toBeUndefined();
  },
);
