import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { imageGif } from '../../../src/tasks/image-gif.ts';
import { imageInfo } from '../../../src/tasks/image-info.ts';
import { imageSizes } from '../../../src/tasks/image-sizes.ts';
import { imageThumb } from '../../../src/tasks/image-thumb.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { pixelAt } from '../../support/picture.ts';
import { runFile, runOn, runOnAll, SOURCE_URL, shownBy } from '../../support/run-task.ts';

const RED = [200, 30, 40];

/** A GIF of 30 × 20 pixels, whose images are 12 × 8, red, without transparency, and stand at 10, 6. */
function gifWithMargin(frames: number): Buffer {
  // A table of 128 colours, so that each code of so few pixels takes a byte: first 128, last 129.
  const head = Buffer.from([...Buffer.from('GIF89a', 'latin1'), 30, 0, 20, 0, 0xf6, 0, 0, ...RED]);
  const comment = [0x21, 0xfe, 2, 0x2c, 0x2c, 0];
  const image = [0x2c, 10, 0, 6, 0, 12, 0, 8, 0, 0, 7, 98, 128, ...new Array(96).fill(0), 129, 0];
  const images = Array.from({ length: frames }, () => [...comment, ...image]).flat();
  return Buffer.concat([head, Buffer.alloc(127 * 3), Buffer.from([...images, 0x3b])]);
}

describe.each([1, 3])('a GIF of %i images that leave a margin of the canvas free', (frames) => {
  it('can be seen through there', async () => {
    const gif = gifWithMargin(frames);
    const { result } = await runOn<{ dominant_color: string }>(imageInfo, gif);
    expect(result).toMatchObject({ width: 30, height: 20, alpha: true, frames, bytes: gif.length });
    expect(result.dominant_color).toBe('#c81e28');
    const thumb = await shownBy(await runOn(imageThumb, gif, { format: 'png' }));
    expect([pixelAt(thumb, 0, 0)[3], pixelAt(thumb, 9, 10)[3], pixelAt(thumb, 22, 10)[3]]).toEqual([0, 0, 0]);
    expect(pixelAt(thumb, 10, 6)).toEqual([...RED, 255]);
    expect(pixelAt(thumb, 21, 13)).toEqual([...RED, 255]);
    const sizes = await runOn(imageSizes, gif, { sizes: { a: {} }, format: 'png' });
    expect(pixelAt(await shownBy(sizes), 0, 0)[3]).toBe(0);
    const animation = await runOnAll(imageGif, 'images', [gif]);
    expect(pixelAt(await shownBy(animation), 0, 0)[3]).toBe(0);
  });

  it('has white there under JPEG, also from a file', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'source');
    await writeFile(path, gifWithMargin(frames));
    const thumb = await shownBy(await runFile(imageThumb, path, { quality: 95 }));
    expect(Math.min(...pixelAt(thumb, 1, 1))).toBeGreaterThan(245);
  });
});

it('A GIF with a margin that is cut short in its first image is refused', async () => {
  const gif = gifWithMargin(1);
  await expect(runOn(imageThumb, gif.subarray(0, -6))).rejects.toMatchObject({
    message: `File '${SOURCE_URL}' is not a valid image file`,
  });
});

it('A GIF is not searched for its first image without end, whatever its extensions are made of', async () => {
  const gif = gifWithMargin(1);
  const start = 13 + 128 * 3;
  // Each block has one byte.
  const comment = Buffer.from([0x21, 0xfe, ...new Array(15_000).fill([1, 0x61]).flat(), 0]);
  const comments = new Array(100).fill(comment);
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'source');
  await writeFile(path, Buffer.concat([gif.subarray(0, start), ...comments, gif.subarray(start)]));
  const { result } = await runFile<{ width: number; alpha: boolean }>(imageInfo, path);
  expect(result).toMatchObject({ width: 30, alpha: false });
});
