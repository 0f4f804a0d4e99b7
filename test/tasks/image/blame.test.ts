import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TaskFailure } from '../../../actors/failure.ts';
import { culpritOf, culpritOfWhole } from '../../../src/tasks/image/blame.ts';
import { decode, openImage } from '../../../src/tasks/image/opened-image.ts';
import { imageThumb } from '../../../src/tasks/image-thumb.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { gradient, pipeline } from '../../support/picture.ts';
import { runOn, SOURCE_URL } from '../../support/run-task.ts';

const notAnImage = { message: `File '${SOURCE_URL}' is not a valid image file`, passing: false };

describe('an error while decoding', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  afterAll(() => folder[Symbol.asyncDispose]());

  async function opened(bytes: Buffer) {
    const path = join(folder.path, 'source');
    await writeFile(path, bytes);
    return openImage({ url: SOURCE_URL, path, bytes: bytes.length });
  }
  const photo = () => pipeline(gradient(300, 200));
  const whole = () => photo().png().toBuffer();
  /** The header stands in the first 33 bytes, so it opens. */
  const halfPng = async () => (await whole()).subarray(0, 600);
  const failureOf = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

  it('that the encoder made is no fault of a file that decodes', async () => {
    const image = await opened(await whole());
    // WebP ends at 16,383 pixels a side.
    const failure = await failureOf(decode(image, (pixels) => pixels.resize(17_000, 1).webp()));
    expect(failure).toBeInstanceOf(Error);
    expect(failure).not.toBeInstanceOf(TaskFailure);
  });

  it('that we made while preparing is none either', async () => {
    const image = await opened(await whole());
    const defect = new RangeError('of ours');
    const failure = await failureOf(
      decode(image, () => {
        throw defect;
      }),
    );
    expect(failure).toBe(defect);
    const cut = await failureOf(
      decode(image, (pixels) => pixels.extract({ left: 299, top: 0, width: 9, height: 9 })),
    );
    expect(cut).toBeInstanceOf(Error);
    expect(cut).not.toBeInstanceOf(TaskFailure);
  });

  it('that the file made is its own, also where only the encoder speaks', async () => {
    const image = await opened(await halfPng());
    for (const format of ['png', 'jpeg', 'webp', 'avif', 'gif'] as const) {
      const failure = await failureOf(decode(image, (pixels) => pixels.resize(50).toFormat(format)));
      expect(failure).toBeInstanceOf(TaskFailure);
      expect(failure).toMatchObject(notAnImage);
    }
  });
});

describe('an error that a broken WebP and a lack of memory have in common', () => {
  const error = new Error('webp2vips: unable to read pixels\nvips2png: unable to write to target target');

  it('tells nothing by itself, and that memory was short if the file turns out to be whole', () => {
    expect(culpritOf(error)).toBeUndefined();
    expect(culpritOfWhole(error)).toBe('memory');
    expect(culpritOfWhole(new Error('vips2png: unable to write to target target'))).toBe('us');
  });
});

describe('an error that speaks of memory', () => {
  it.each([
    ['heif: Memory allocation error: Security limit exceeded: 176 extents (6.1000)', 'file'],
    [
      'Input buffer has corrupt header: heif: Memory allocation error: Security limit exceeded: 28773 items',
      undefined,
    ],
    ['heif: Memory allocation error: Invalid image size: zero width or height (6.129)', 'file'],
    ['gifload: bad image dimensions\ngifload_buffer: Out of memory', 'file'],
    ['VipsIcc: Read from memory error\nVipsJpeg: premature end of JPEG image', 'file'],
    ['Invalid palette size, hIST allocation skipped\nbad adaptive filter value', undefined],
    ['VipsIcc: Read from memory error\nVipsJpeg: Insufficient memory (case 4)', 'memory'],
  ])('may mean a broken file, or a lack of it: %j', (text, culprit) => {
    expect(culpritOf(new Error(text))).toBe(culprit);
  });
});

describe('stray bytes in a JPEG', () => {
  const stray = (jpeg: Buffer, at: number) =>
    Buffer.concat([jpeg.subarray(0, at), Buffer.from([1, 2, 3]), jpeg.subarray(at)]);
  /** Behind the magic bytes and one whole segment, which is a table. */
  const secondSegment = (jpeg: Buffer) => 4 + jpeg.readUInt16BE(4);
  const jpegOf = (progressive: boolean) => pipeline(gradient(120, 80)).jpeg({ progressive }).toBuffer();

  it.each([false, true])(
    'ahead of its tables lose nothing and are taken; progressive: %s',
    async (progressive) => {
      const jpeg = await jpegOf(progressive);
      const whole = await runOn(imageThumb, jpeg, { format: 'png' });
      const flawed = await runOn(imageThumb, stray(jpeg, secondSegment(jpeg)), { format: 'png' });
      expect(flawed.outputs).toEqual(whole.outputs);
    },
  );

  it('do not hide that it was cut short', async () => {
    const jpeg = await jpegOf(false);
    const flawed = stray(jpeg, secondSegment(jpeg));
    const cut = flawed.subarray(0, flawed.length / 2);
    await expect(runOn(imageThumb, cut)).rejects.toMatchObject(notAnImage);
  });

  it('between the scans of a progressive one are what damage left, and are refused', async () => {
    const jpeg = await jpegOf(true);
    await expect(runOn(imageThumb, stray(jpeg, jpeg.length - 2))).rejects.toMatchObject(notAnImage);
  });
});
