import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { imageInfo } from '../../../src/tasks/image-info.ts';
import { imageSizes } from '../../../src/tasks/image-sizes.ts';
import { imageStrip } from '../../../src/tasks/image-strip.ts';
import { imageThumb } from '../../../src/tasks/image-thumb.ts';
import { decoded, difference, gradient, type Picture, picture, pipeline } from '../../support/picture.ts';
import { type PngKind, rawPng } from '../../support/raw-png.ts';
import { type Ran, runOn, runOnAll, shownBy } from '../../support/run-task.ts';
import { overWhite } from '../../support/views.ts';

const pngOf = async (bytes: Uint8Array): Promise<Picture> =>
  shownBy(await runOn(imageThumb, bytes, { format: 'png' }));

/** A table of colours that a test can tell apart, and how opaque each is; those past the second are wholly. */
const COLOURS = Array.from({ length: 256 }, (_, at) => [at, 255 - at, (at * 7) % 256]);
const PALETTE = ['PLTE', Buffer.from(COLOURS.flat())] as const;
const SEEN = ['tRNS', Buffer.from([0, 128])] as const;

describe('a PNG of every kind', () => {
  const kinds = [
    ...[1, 2, 4, 8, 16].map((depth) => ['grey', depth] as const),
    ...[1, 2, 4, 8].map((depth) => ['palette', depth] as const),
    ...[8, 16].flatMap((depth) =>
      (['rgb', 'grey and alpha', 'rgba'] as const).map((kind) => [kind, depth] as const),
    ),
  ];
  const samplesOf = { grey: 1, palette: 1, rgb: 3, 'grey and alpha': 2, rgba: 4 } satisfies Record<
    PngKind,
    number
  >;

  it.each(kinds)('comes out with its colours and its transparency: %s, %i bits', async (kind, depth) => {
    const most = 2 ** depth - 1;
    const paint = (x: number, y: number) =>
      Array.from(
        { length: samplesOf[kind] },
        (_, at) => ((x * (at + 1) + y * 3) * (depth === 16 ? 997 : 5)) & most,
      );
    const to8 = (sample: number) => Math.round((sample * 255) / most);
    const shown = picture(24, 16, (x, y) => {
      const samples = paint(x, y);
      if (kind === 'palette') {
        const [index = 0] = samples;
        return [...(COLOURS[index] ?? []), [0, 128][index] ?? 255];
      }
      const [first = 0, second = 0, third = 0, fourth = most] = samples;
      if (kind === 'grey') return [to8(first), to8(first), to8(first), 255];
      if (kind === 'grey and alpha') return [to8(first), to8(first), to8(first), to8(second)];
      return [to8(first), to8(second), to8(third), to8(fourth)];
    });
    const chunks =
      kind === 'palette' ? [[PALETTE[0], PALETTE[1].subarray(0, 3 * 2 ** depth)] as const, SEEN] : [];
    const bytes = rawPng({ width: 24, height: 16, kind, depth, paint, chunks });
    // What is behind transparent pixels is nobody's business.
    expect(difference(overWhite(await pngOf(bytes)), overWhite(shown))).toBeLessThan(1.5);
  });

  it('hides the one colour that it names as transparent', async () => {
    const paint = (x: number) => (x < 8 ? [10, 200, 30] : [200, 30, 10]);
    const key = ['tRNS', Buffer.from([0, 10, 0, 200, 0, 30])] as const;
    const bytes = rawPng({ width: 16, height: 4, kind: 'rgb', depth: 8, paint, chunks: [key] });
    const wanted = picture(16, 4, (x) => (x < 8 ? [255, 255, 255] : [200, 30, 10]));
    expect(difference(overWhite(await pngOf(bytes)), wanted)).toBeLessThan(1);
  });
});

describe('what a file carries beside its pixels', () => {
  const shown = gradient(40, 30);
  const [width, height] = [shown.width, shown.height];
  const paint = (x: number, y: number) => [...shown.data.subarray((y * 40 + x) * 3, (y * 40 + x) * 3 + 3)];
  const large = deflateSync(Buffer.alloc(100_000_000));
  const named = (name: string, rest: Buffer) => Buffer.concat([Buffer.from(`${name}\0\0`, 'latin1'), rest]);

  it.each([
    ['a text of 100 MB in 97 kB', [['zTXt', named('Comment', large)] as const]],
    ['a profile of 100 MB in 97 kB', [['iCCP', named('icc', large)] as const]],
    ['a profile that is none', [['iCCP', named('icc', deflateSync(Buffer.alloc(4_000_000, 7)))] as const]],
    [
      'EXIF of 5 MB',
      [
        [
          'eXIf',
          Buffer.concat([Buffer.from('II*\0\x08\0\0\0', 'latin1'), Buffer.alloc(5_000_000, '1')]),
        ] as const,
      ],
    ],
    ['5,000 texts', Array.from({ length: 5_000 }, (_, at) => ['tEXt', Buffer.from(`k${at}\0v`)] as const)],
  ])('costs nothing and changes nothing: %s', async (_, chunks) => {
    const bytes = rawPng({ width, height, kind: 'rgb', depth: 8, paint, chunks });
    const before = process.memoryUsage().rss;
    expect(difference(await pngOf(bytes), shown)).toBe(0);
    expect((await runOn<object>(imageInfo, bytes)).result).toMatchObject({ width, height });
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
  });

  it('costs nothing and changes nothing in a JPEG: 8 MB of segments, and a profile of 4 MB', async () => {
    const jpeg = await pipeline(shown).jpeg({ quality: 95 }).toBuffer();
    const segment = (marker: number, data: Buffer) =>
      Buffer.concat([Buffer.from([0xff, marker, (data.length + 2) >> 8, (data.length + 2) & 0xff]), data]);
    const profile = (at: number) =>
      Buffer.concat([Buffer.from('ICC_PROFILE\0'), Buffer.from([at + 1, 64]), Buffer.alloc(65_000, 3)]);
    const more = [
      ...Array.from({ length: 128 }, () => segment(0xe5, Buffer.alloc(65_000, 1))),
      ...Array.from({ length: 64 }, (_, at) => segment(0xe2, profile(at))),
    ];
    const bytes = Buffer.concat([jpeg.subarray(0, 2), ...more, jpeg.subarray(2)]);
    expect(difference(await pngOf(bytes), await decoded(jpeg))).toBeLessThan(1);
  });
});

describe('a JPEG of few rows', () => {
  /** Seven of fifteen rows are white, the lower ones. */
  const banner = pipeline(picture(1_200, 15, (_, y) => (y < 8 ? [0, 0, 0] : [255, 255, 255])));
  const jpeg = banner.jpeg({ quality: 95 }).toBuffer();
  const ways: Readonly<Record<string, (bytes: Buffer) => Promise<Ran<unknown>>>> = {
    'a thumb': (bytes) => runOn(imageThumb, bytes, { width: 100, format: 'png' }),
    'a turned thumb': (bytes) => runOn(imageThumb, bytes, { height: 100, rotation: 90, format: 'png' }),
    'a size': (bytes) => runOn(imageSizes, bytes, { sizes: { a: { width: 100 } }, format: 'png' }),
    'a strip': (bytes) => runOnAll(imageStrip, 'urls', [bytes], { width: 100, format: 'png' }),
  };

  it.each(Object.entries(ways))('keeps them all when it becomes smaller: %s', async (_, made) => {
    const { data: samples, width, height } = await shownBy(await made(await jpeg));
    expect(width * height).toBe(100);
    const mean = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
    expect(Math.abs(mean - (255 * 7) / 15)).toBeLessThan(8);
  });

  it('is told with the colour of them all', async () => {
    const { result } = await runOn<{ dominant_color: string }>(imageInfo, await jpeg);
    expect(result.dominant_color).toMatch(/^#7[0-9a-f]7[0-9a-f]7[0-9a-f]$/);
  });
});

it('An interlaced GIF of as many pixels as another is shown', async () => {
  const create = { width: 5_200, height: 5_000, channels: 3, background: '#c81e28' } as const;
  const gif = await sharp({ create }).gif({ progressive: true, effort: 1, colours: 2 }).toBuffer();
  expect(await sharp(gif).metadata()).toMatchObject({ isProgressive: true });
  const { result } = await runOn<object>(imageThumb, gif, { width: 52 });
  expect(result).toMatchObject({ width: 52, height: 50, original_width: 5_200 });
});

describe('an animation', () => {
  const film = (frames: number) =>
    // Each a little different: WebP would put those that are alike into one.
    sharp(Buffer.from(Array.from({ length: 4 * 4 * 3 * frames }, (_, at) => at + Math.floor(at / 48))), {
      raw: { width: 4, height: 4 * frames, channels: 3, pageHeight: 4 },
    });

  it.each([
    ['GIF', () => film(2_000).gif({ effort: 1, delay: new Array(2_000).fill(0), keepDuplicateFrames: true })],
    ['WebP', () => film(2_000).webp({ lossless: true, effort: 0, delay: new Array(2_000).fill(0) })],
  ])('of thousands of frames that take no time is one frame and a number: %s', async (_, encode) => {
    const bytes = await encode().toBuffer();
    const { result } = await runOn<{ frames: number }>(imageInfo, bytes);
    expect(result).toMatchObject({ width: 4, height: 4 });
    expect(result.frames).toBeGreaterThan(1_000);
    expect(await pngOf(bytes)).toMatchObject({ width: 4, height: 4 });
  });

  it.each([
    [10, 10],
    [60_000, 60_000],
  ])(
    'whose canvas claims another size than its frame, %i × %i, is shown or refused',
    async (width, height) => {
      const gif = Buffer.from(await pipeline(gradient(40, 30)).gif().toBuffer());
      gif.writeUInt16LE(width, 6);
      gif.writeUInt16LE(height, 8);
      const outcome = await pngOf(gif).then(
        (made) => made.width <= 60_000 && 'shown',
        (error: Error) => error.name === 'TaskFailure' && 'refused',
      );
      expect(['shown', 'refused']).toContain(outcome);
    },
  );
});
