import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { imageGif } from '../../../src/tasks/image-gif.ts';
import { imageSizes } from '../../../src/tasks/image-sizes.ts';
import { imageStrip } from '../../../src/tasks/image-strip.ts';
import { imageThumb } from '../../../src/tasks/image-thumb.ts';
import { exifBlock, withExifBlock } from '../../support/exif.ts';
import { colourDistance, likeness } from '../../support/looks.ts';
import { decoded, type Picture, picture, pipeline, pixelAt, RACCOON } from '../../support/picture.ts';
import { onlyOutput, runOn, runOnAll, shownBy } from '../../support/run-task.ts';
import { inCells, middle, ORIENTATIONS, overWhite, shrunk, stored, turned } from '../../support/views.ts';

/* What comes out of a real photo, held to what plain maths makes of its pixels. */

/** 512 × 384 pixels. */
let photo: Picture;
/** The same, 128 × 96. */
let small: Picture;
/** The photo with a hole in it: a circle of it, and nothing around. */
let holed: Picture;
beforeAll(async () => {
  photo = shrunk(await decoded(await readFile(RACCOON)), 2);
  small = shrunk(photo, 4);
  holed = round(photo);
});

interface Tolerance {
  readonly likeness?: number;
  readonly colours?: number;
}
/** Of the variants below a mirror image of the photo has a likeness of 0.04 and a distance of 29. */
function expectAlike(
  made: Picture,
  wanted: Picture,
  { likeness: least = 0.96, colours = 2 }: Tolerance = {},
): void {
  expect([made.width, made.height]).toEqual([wanted.width, wanted.height]);
  expect(likeness(made, wanted)).toBeGreaterThan(least);
  expect(colourDistance(made, wanted)).toBeLessThan(colours);
}

const thumbOf = async (bytes: Uint8Array, parameters: object = {}): Promise<Picture> =>
  shownBy(await runOn(imageThumb, bytes, { width: 128, format: 'png', ...parameters }));

/** Without the alpha that a GIF's decoder adds. */
const opaque = (from: Picture): Picture =>
  picture(from.width, from.height, (x, y) => pixelAt(from, x, y).slice(0, 3));
const asJpeg = (from: Picture) => pipeline(from).jpeg({ quality: 95 });
const round = (from: Picture): Picture =>
  picture(from.width, from.height, (x, y) => {
    const isIn = Math.hypot(x - from.width / 2, y - from.height / 2) < from.height / 2;
    return [...pixelAt(from, x, y).slice(0, 3), isIn ? 255 : 0];
  });
const grey = (from: Picture): Picture =>
  picture(from.width, from.height, (x, y) => {
    const [red = 0, green = 0, blue = 0] = pixelAt(from, x, y);
    return new Array(3).fill(Math.round(0.299 * red + 0.587 * green + 0.114 * blue));
  });

describe('a thumb of a photo', () => {
  it.each([
    ['a JPEG', () => asJpeg(photo), {}],
    ['a progressive JPEG', () => asJpeg(photo).jpeg({ progressive: true }), {}],
    ['a JPEG in the colours of print', () => asJpeg(photo).toColourspace('cmyk'), { colours: 7 }],
    ['a JPEG with a profile of more colours', () => asJpeg(photo).withIccProfile('p3'), {}],
    ['a PNG', () => pipeline(photo).png(), {}],
    ['an interlaced PNG', () => pipeline(photo).png({ progressive: true }), {}],
    ['a PNG of 16 bits', () => pipeline(photo).toColourspace('rgb16').png(), {}],
    ['a PNG with a palette', () => pipeline(photo).png({ palette: true }), { colours: 3 }],
    ['a WebP', () => pipeline(photo).webp({ quality: 90 }), {}],
    ['a lossless WebP', () => pipeline(photo).webp({ lossless: true, effort: 0 }), {}],
    ['an AVIF', () => pipeline(photo).avif({ quality: 80, effort: 0 }), {}],
    ['a GIF', () => pipeline(photo).gif(), { colours: 3 }],
  ])('looks like it: %s', async (_, encode, tolerance: Tolerance) => {
    expectAlike(await thumbOf(await encode().toBuffer()), small, tolerance);
  });

  it.each([
    ['a grey JPEG', () => asJpeg(photo).greyscale()],
    ['a grey PNG of 16 bits', () => pipeline(photo).toColourspace('grey16').png()],
  ])('looks like it without its colours: %s', async (_, encode) => {
    expectAlike(await thumbOf(await encode().toBuffer()), grey(small));
  });

  it.each([
    ['jpeg', { likeness: 0.9, colours: 4 }],
    ['png', {}],
    ['webp', { likeness: 0.9, colours: 4 }],
    ['avif', { likeness: 0.9, colours: 4 }],
    ['gif', { likeness: 0.9, colours: 4 }],
  ])('looks like it also as %s', async (format, tolerance) => {
    expectAlike(await thumbOf(await readFile(RACCOON), { format }), small, tolerance);
  });

  it.each(ORIENTATIONS)('stands upright, however the camera was held: %i', async (orientation) => {
    const bytes = await asJpeg(stored(photo, orientation)).withMetadata({ orientation }).toBuffer();
    expectAlike(await thumbOf(bytes), small);
    // An AVIF can say how its pixels are to be turned, and must not.
    expectAlike(await thumbOf(bytes, { format: 'avif' }), small, { likeness: 0.9, colours: 4 });
    const onItsSide = { width: 96, height: 128, rotation: 90 };
    expectAlike(await thumbOf(bytes, onItsSide), turned(small, 90));
    const square = { width: 48, height: 48, crop: true };
    expectAlike(await thumbOf(bytes, square), middle(shrunk(photo, 8), 48, 48), { likeness: 0.93 });
  });

  it('that is enlarged shows what was there', async () => {
    const large = await thumbOf(await pipeline(small).png().toBuffer(), { width: 512 });
    expectAlike(shrunk(large, 4), small);
  });

  it.each([
    ['with alpha', () => pipeline(holed).png()],
    ['with a palette', () => pipeline(holed).png({ palette: true })],
    ['as a GIF', () => pipeline(holed).gif()],
    ['as a WebP', () => pipeline(holed).webp({ quality: 90 })],
  ])('with a hole in it has white there under JPEG, and nothing in PNG: %s', async (_, encode) => {
    const bytes = await encode().toBuffer();
    const wanted = shrunk(overWhite(holed), 4);
    expectAlike(await thumbOf(bytes, { format: 'jpeg', quality: 95 }), wanted, { likeness: 0.9, colours: 3 });
    const png = await thumbOf(bytes);
    expectAlike(overWhite(png), wanted, { likeness: 0.9, colours: 3 });
    expect([pixelAt(png, 1, 1)[3], pixelAt(png, 64, 48)[3]]).toEqual([0, 255]);
  });

  it.each(['gif', 'webp'] as const)('of an animation is its first frame: %s', async (format) => {
    const frames = inCells([photo, turned(photo, 180)], photo, 1, [0, 0, 0]);
    const { width, height, channels, data } = frames;
    const raw = { width, height, channels, pageHeight: photo.height };
    const bytes = await sharp(data, { raw })
      [format]({ effort: 1, delay: [100, 100] })
      .toBuffer();
    expect((await sharp(bytes).metadata()).pages).toBe(2);
    expectAlike(await thumbOf(bytes), small, { likeness: 0.9, colours: 4 });
  });
});

describe('a photo with all that a camera writes', () => {
  /** Taken upright, stored on its side; with words that would be found again. */
  const tagged = async (): Promise<Buffer> => {
    const block = exifBlock(
      [
        [0x010f, 2, 'Secretive Cameras'],
        [0x0112, 3, 6],
        [0x013b, 2, 'A. Photographer'],
        [0x8825, 4, 1_500],
      ],
      [
        [0x829a, 5, [1, 125]],
        [0x9003, 2, '2009:11:02 01:21:55'],
        [0xa431, 2, 'serial 4711'],
      ],
    );
    return withExifBlock(await asJpeg(stored(photo, 6)).toBuffer(), block);
  };
  const FORMATS = ['jpeg', 'png', 'webp', 'avif', 'gif'];
  const WORDS = ['Exif', 'Secretive', 'Photographer', '2009:11:02', '4711'];

  it.each(FORMATS)('gives thumbs and sizes that say nothing of it, upright: %s', async (format) => {
    const bytes = await tagged();
    for (const word of WORDS) expect(bytes.includes(word)).toBe(true);
    const made = [
      await runOn(imageThumb, bytes, { width: 64, format }),
      await runOn(imageSizes, bytes, { sizes: { a: { width: 64 } }, format }),
    ];
    for (const ran of made) {
      const data = Buffer.from(onlyOutput(ran).data);
      for (const word of WORDS) expect(data.includes(word)).toBe(false);
      expectAlike(opaque(await shownBy(ran)), shrunk(photo, 8), { likeness: 0.85, colours: 5 });
    }
  });
});

describe('several results', () => {
  const SIZES = {
    whole: {},
    half: { width: 256 },
    square: { width: 96, height: 96, crop: true },
    icon: { height: 48 },
  };

  it.each([1, 6])('of one photo are all of it: orientation %i', async (orientation) => {
    const bytes = await asJpeg(stored(photo, orientation)).withMetadata({ orientation }).toBuffer();
    const { outputs } = await runOn(imageSizes, bytes, { sizes: SIZES, format: 'png' });
    const made = new Map<string, Picture>();
    for (const { name, data } of outputs) made.set(name, await decoded(data));
    expectAlike(made.get('whole') as Picture, photo);
    expectAlike(made.get('half') as Picture, shrunk(photo, 2));
    expectAlike(made.get('square') as Picture, middle(small, 96, 96));
    expectAlike(made.get('icon') as Picture, shrunk(photo, 8));
  });
});

describe('several photos in one', () => {
  const CELL = { width: 64, height: 64 };
  /** Wide, tall, grey, with a hole, in print, on its side. */
  let album: readonly Buffer[];
  /** The same, 64 pixels along the longer side. */
  let shown: readonly Picture[];
  beforeAll(async () => {
    album = await Promise.all([
      asJpeg(photo).toBuffer(),
      pipeline(turned(photo, 90)).webp({ quality: 90 }).toBuffer(),
      asJpeg(grey(photo)).toBuffer(),
      pipeline(holed).png({ palette: true }).toBuffer(),
      asJpeg(photo).toColourspace('cmyk').toBuffer(),
      asJpeg(stored(photo, 8)).withMetadata({ orientation: 8 }).toBuffer(),
    ]);
    const tiny = shrunk(photo, 8);
    shown = [tiny, turned(tiny, 90), grey(tiny), shrunk(overWhite(holed), 8), tiny, tiny];
  });

  it.each(['jpeg', 'png', 'webp'])('stand side by side, each in its cell: %s', async (format) => {
    const strip = await shownBy(await runOnAll(imageStrip, 'urls', album, { ...CELL, wrap: 4, format }));
    const wanted = inCells(shown, CELL, 4, [255, 255, 255]);
    expectAlike(overWhite(strip), wanted, { likeness: 0.9, colours: 4 });
  });

  it('follow each other in an animation', async () => {
    const animation = onlyOutput(await runOnAll(imageGif, 'images', album, CELL));
    const raw = sharp(animation.data, { animated: true }).removeAlpha().raw();
    const { data, info } = await raw.toBuffer({ resolveWithObject: true });
    const frames: Picture = { data, width: info.width, height: info.height, channels: 3 };
    expectAlike(frames, inCells(shown, CELL, 1, [255, 255, 255]), { likeness: 0.9, colours: 4 });
  });
});
