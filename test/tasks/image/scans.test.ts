import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { imageInfo } from '../../../src/tasks/image-info.ts';
import { imageThumb } from '../../../src/tasks/image-thumb.ts';
import { RACCOON } from '../../support/picture.ts';
import { runOn, SOURCE_URL } from '../../support/run-task.ts';

const SIDE = 64;

function segment(marker: number, content: readonly number[]): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(content.length + 2, 2);
  return Buffer.concat([head, Buffer.from(content)]);
}

/** A grey progressive JPEG that spends `scans` scans, at most 883, on saying that every coefficient is 0. */
function jpegOfScans(scans: number): Buffer {
  const tableOf = (kind: number, symbol: number) => segment(0xc4, [kind, 1, ...Array(15).fill(0), symbol]);
  // The only symbol of the first table is a difference of 0, that of the second "the next 64 blocks are over".
  const tables = [
    segment(0xdb, [0, ...Array(64).fill(1)]),
    segment(0xc2, [8, 0, SIDE, 0, SIDE, 1, 1, 0x11, 0]),
    tableOf(0x00, 0),
    tableOf(0x10, 0x60),
  ];
  const scan = (coefficient: number, bits: number, pixels: readonly number[]) =>
    Buffer.concat([segment(0xda, [1, 1, 0, coefficient, coefficient, bits]), Buffer.from(pixels)]);
  const made = [scan(0, 0, Array(SIDE / 8).fill(0))];
  for (let coefficient = 1; coefficient < 64; coefficient += 1) {
    for (let low = 13; low >= 0; low -= 1) {
      const high = low === 13 ? 0 : low + 1;
      if (made.length < scans) made.push(scan(coefficient, (high << 4) | low, [0]));
    }
  }
  return Buffer.concat([Buffer.from([0xff, 0xd8]), ...tables, ...made, Buffer.from([0xff, 0xd9])]);
}

describe('a progressive JPEG', () => {
  it.each([1, 10, 100])('of %i scans is taken', async (scans) => {
    const { result } = await runOn(imageThumb, jpegOfScans(scans), { width: 32 });
    expect(result).toMatchObject({ width: 32, height: 32, original_width: SIDE });
  });

  it.each([101, 883])('of %i scans is refused, because each costs a pass over all pixels', async (scans) => {
    const failure = {
      message: `File '${SOURCE_URL}' has ${scans} scans, the limit is 100`,
      passing: false,
    };
    await expect(runOn(imageThumb, jpegOfScans(scans))).rejects.toMatchObject(failure);
    await expect(runOn(imageInfo, jpegOfScans(scans))).rejects.toMatchObject(failure);
  });

  it('is not held to the scans of pictures that it carries or that follow it', async () => {
    const photo = await readFile(RACCOON);
    const other = segment(0xe2, [...jpegOfScans(883)]);
    const carrying = Buffer.concat([photo.subarray(0, 2), other, photo.subarray(2), jpegOfScans(883)]);
    expect((await runOn(imageThumb, carrying, { width: 100 })).outputs).toEqual(
      (await runOn(imageThumb, photo, { width: 100 })).outputs,
    );
  });
});
