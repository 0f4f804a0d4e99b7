import { readFile } from 'node:fs/promises';
import sharp, { type Sharp } from 'sharp';
import { type Picture, pipeline } from '../../support/picture.ts';
import { median } from '../support/numbers.ts';
import type { Effort, Report, Row, Scenario } from '../support/scenario.ts';

const PHOTO = new URL('../../../ops/sample/raccoon.jpg', import.meta.url);
const QUALITY = 80;
const FRAMES = 20;

type Encode = (pixels: Sharp) => Sharp;
const choices = <T>(of: readonly T[], encode: (choice: T) => Encode) =>
  of.map((choice) => ({ choice: String(choice), encode: encode(choice) }));

/** What `src/tasks/image/encode.ts` has to choose. */
const STILL: Readonly<Record<string, readonly { choice: string; encode: Encode }[]>> = {
  'jpeg, mozjpeg': choices(
    [false, true],
    (mozjpeg) => (pixels) => pixels.jpeg({ quality: QUALITY, mozjpeg }),
  ),
  'png, level': choices(
    [2, 4, 6],
    (compressionLevel) => (pixels) => pixels.png({ compressionLevel, adaptiveFiltering: true }),
  ),
  'webp, effort': choices([0, 2, 4], (effort) => (pixels) => pixels.webp({ quality: QUALITY, effort })),
  'gif, effort': choices([1, 2, 4, 7], (effort) => (pixels) => pixels.gif({ effort })),
  // Last: a GIF after it, on the same thread, can take four times as long.
  'avif, effort': choices(
    [0, 1, 2, 4],
    (effort) => (pixels) => pixels.avif({ quality: QUALITY, effort, chromaSubsampling: '4:2:0' }),
  ),
};

export const encoders: Scenario = {
  name: 'encoders',
  goal: `what the choices cost: a photo of 1000 × 750 pixels, an animation of ${FRAMES} frames of 320 × 240`,
  run,
};

async function run({ isSmoke, rounds }: Effort): Promise<Report> {
  sharp.concurrency(1);
  sharp.cache(false);
  const rows: Row[] = [];
  const film = pan(await photo(isSmoke ? 40 : 320));
  const raw = {
    width: film.width,
    height: film.height,
    channels: 3,
    pageHeight: film.height / FRAMES,
  } as const;
  for (const effort of [1, 2, 4, 7]) {
    const encode = () => sharp(film.data, { raw }).gif({ effort });
    rows.push({ setting: 'animation, effort', choice: effort, ...(await measure(film, encode, rounds)) });
  }
  const still = await photo(isSmoke ? 40 : 1_000);
  for (const [setting, all] of Object.entries(STILL))
    for (const { choice, encode } of all)
      rows.push({ setting, choice, ...(await measure(still, () => encode(pipeline(still)), rounds)) });
  return { rows, verdicts: [] };
}

async function photo(width: number): Promise<Picture> {
  const small = sharp(await readFile(PHOTO)).resize(width);
  const { data, info } = await small.removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data, width, height: info.height, channels: 3 };
}

/** Frames one below the other, each a little further to the right. */
function pan(frame: Picture): Picture {
  const moved = (by: number) => Buffer.concat([frame.data.subarray(by), frame.data.subarray(0, by)]);
  const data = Buffer.concat(Array.from({ length: FRAMES }, (_, at) => moved(at * 4 * 3)));
  return { ...frame, height: frame.height * FRAMES, data };
}

async function measure(pixels: Picture, encode: () => Sharp, rounds: number): Promise<Row> {
  const cpuMs: number[] = [];
  let encoded = Buffer.of();
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage();
    encoded = await encode().toBuffer();
    const { user, system } = process.cpuUsage(before);
    cpuMs.push((user + system) / 1_000);
  }
  const decoded = await sharp(encoded, { animated: true }).removeAlpha().raw().toBuffer();
  return {
    'CPU ms': Math.round(median(cpuMs)),
    kB: Math.round(encoded.length / 1_000),
    dB: closeness(pixels.data, decoded).toFixed(1),
  };
}

/** The peak signal-to-noise ratio, in decibels: more is closer. */
function closeness(a: Buffer, b: Buffer): number {
  let sum = 0;
  for (const [at, sample] of a.entries()) sum += (sample - (b[at] ?? 0)) ** 2;
  return 10 * Math.log10((255 ** 2 * a.length) / sum);
}
