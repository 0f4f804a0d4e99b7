import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { imageInfo } from '../../../src/tasks/image-info.ts';
import { imageThumb } from '../../../src/tasks/image-thumb.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { difference, gradient, pipeline } from '../../support/picture.ts';
import { runFile, runOn, SOURCE_URL, shownBy } from '../../support/run-task.ts';

const shown = gradient(64, 48);

/** An AVIF under this major brand; among its compatible ones `avif` is the second, unless it is to be another. */
async function avifOf(major: string, second = 'avif'): Promise<Buffer> {
  const avif = await pipeline(shown).avif({ quality: 90, effort: 0 }).toBuffer();
  expect(avif.toString('latin1', 4, 28)).toBe('ftypavif\0\0\0\0mif1avifmiaf');
  avif.write(major, 8, 'latin1');
  avif.write(second, 20, 'latin1');
  return avif;
}

describe.each(['avif', 'avis', 'mif1', 'msf1', 'miaf', 'MA1B'])('an AVIF of the major brand %s', (major) => {
  it('is shown, and is what it is', async () => {
    const bytes = await avifOf(major);
    const made = await shownBy(await runOn(imageThumb, bytes, { format: 'png' }));
    expect(difference(made, shown)).toBeLessThan(9);
    const { result } = await runOn<object>(imageInfo, bytes);
    expect(result).toMatchObject({ content_type: 'image/avif', width: 64, height: 48, frames: 1 });
    expect(bytes).toEqual(await avifOf(major));
  });

  it('is shown from a file too, which stays as it is', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'source');
    const bytes = await avifOf(major);
    await writeFile(path, bytes);
    const { result } = await runFile<object>(imageThumb, path, { width: 32 });
    expect(result).toMatchObject({ width: 32, height: 24 });
    expect(await readFile(path)).toEqual(bytes);
  });
});

it('A HEIC, of which no brand is that of AVIF, is none', async () => {
  await expect(runOn(imageThumb, await avifOf('mif1', 'heic'))).rejects.toMatchObject({
    message: `File '${SOURCE_URL}' is not a valid image file`,
    passing: false,
  });
});
