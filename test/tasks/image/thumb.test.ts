import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { imageThumb } from '../../../src/tasks/image-thumb.ts';
import { checkParameters } from '../../../src/tasks/parameters.ts';
import { decoded, difference, gradient, picture, pipeline, pixelAt, RACCOON } from '../../support/picture.ts';
import { onlyOutput, runOn, SOURCE_URL } from '../../support/run-task.ts';

async function thumbOf(bytes: Uint8Array, parameters: Record<string, unknown> = {}) {
  const ran = await runOn<Record<string, unknown>>(imageThumb, bytes, parameters);
  const output = onlyOutput(ran);
  return {
    result: ran.result,
    output,
    pixels: await decoded(output.data),
    header: await sharp(output.data).metadata(),
  };
}

const pngOf = (width: number, height: number) => pipeline(gradient(width, height)).png().toBuffer();

describe('the size', () => {
  it.each([
    // Source, parameters, result.
    [300, 200, {}, 300, 200],
    [300, 200, { width: 150 }, 150, 100],
    [300, 200, { height: 50 }, 75, 50],
    [300, 200, { width: 150, height: 150 }, 150, 100],
    [300, 200, { width: 900, height: 100 }, 150, 100],
    [300, 200, { width: 600, height: 600 }, 600, 400],
    [300, 200, { width: 150, height: 150, crop: true }, 150, 150],
    [300, 200, { width: 900, height: 100, crop: true }, 900, 100],
    [300, 200, { width: 100, crop: true }, 100, 67],
    [300, 200, { width: 1, height: 1 }, 1, 1],
    [300, 200, { rotation: 90 }, 200, 300],
    [300, 200, { rotation: 90, width: 100 }, 100, 150],
    [300, 200, { rotation: 270, width: 150, height: 150 }, 100, 150],
    [300, 200, { rotation: 90, width: 150, height: 40, crop: true }, 150, 40],
    [1000, 1, { width: 100, height: 100 }, 100, 1],
    [1, 1000, { width: 60, height: 60, crop: true }, 60, 60],
    [1000, 1, { width: 60, height: 80, crop: true, rotation: 90 }, 60, 80],
    [3, 2, { width: 300, height: 300, crop: true }, 300, 300],
    // 61.5 and 112.5 pixels, as 37.5.
    [40, 30, { width: 82 }, 82, 62],
    [160, 120, { width: 50 }, 50, 38],
    [56, 21, { width: 300 }, 300, 113],
  ])('of %i × %i with %j is %i × %i', async (width, height, parameters, wide, high) => {
    const { result, header } = await thumbOf(await pngOf(width, height), { ...parameters, format: 'png' });
    expect([header.width, header.height]).toEqual([wide, high]);
    expect(result).toEqual({
      width: wide,
      height: high,
      original_width: width,
      original_height: height,
      content_type: 'image/png',
    });
  });

  it.each([
    [16_000, 1, { height: 300 }, 'would become 4800000 × 300 pixels, the limit is 8192 a side'],
    [1, 16_000, { width: 300 }, 'would become 300 × 4800000 pixels, the limit is 8192 a side'],
    [9_000, 10, {}, 'would become 9000 × 10 pixels, the limit is 8192 a side'],
    [
      10,
      10,
      { width: 8_192, format: 'gif' },
      'would become 8192 × 8192 pixels, 67 megapixels, the limit for gif is 16',
    ],
    [
      10,
      10,
      { width: 4_100, format: 'avif' },
      'would become 4100 × 4100 pixels, 17 megapixels, the limit for avif is 13',
    ],
  ])('of %i × %i with %j is refused', async (width, height, parameters, what) => {
    const run = runOn(imageThumb, await pngOf(width, height), parameters);
    await expect(run).rejects.toMatchObject({ message: `File '${SOURCE_URL}' ${what}`, passing: false });
  });

  it.each([
    [{ width: 8_193 }, { width: ['must be at most 8192'] }],
    [{ height: 0 }, { height: ['must be at least 1'] }],
    [{ rotation: 45 }, { rotation: ['must be one of: 0, 90, 180, 270'] }],
    [{ format: 'jpg' }, { format: ["must be one of: 'jpeg', 'gif', 'png', 'webp', 'avif'"] }],
    [{ quality: 101 }, { quality: ['must be at most 95'] }],
  ])(
    'or form that is asked for outside of the bounds is an error of the parameters: %j',
    (sent, problems) => {
      expect(checkParameters(imageThumb, { url: SOURCE_URL, ...sent })).toEqual({ ok: false, problems });
    },
  );
});

describe('crop', () => {
  it('keeps the middle, at the same scale', async () => {
    const wide = picture(400, 100, (x) => (x < 150 ? [255, 0, 0] : x < 250 ? [0, 255, 0] : [0, 0, 255]));
    const { pixels } = await thumbOf(await pipeline(wide).png().toBuffer(), {
      width: 50,
      height: 50,
      crop: true,
      format: 'png',
    });
    expect(
      difference(
        pixels,
        picture(50, 50, () => [0, 255, 0]),
      ),
    ).toBeLessThan(4);
  });

  it('keeps the middle also where most is cut off, whichever way it is turned', async () => {
    const strip = picture(2_000, 50, (x) => (x < 950 ? [255, 0, 0] : x < 1_050 ? [0, 255, 0] : [0, 0, 255]));
    for (const rotation of [0, 90, 180, 270]) {
      const parameters = { width: 40, height: 40, crop: true, format: 'png', rotation };
      const { pixels } = await thumbOf(await pipeline(strip).png().toBuffer(), parameters);
      const expected = picture(40, 40, () => [0, 255, 0]);
      expect(difference(pixels, expected)).toBeLessThan(4);
    }
  });
});

describe('the format', () => {
  it.each([
    ['jpeg', 'jpg'],
    ['png', 'png'],
    ['gif', 'gif'],
    ['webp', 'webp'],
    ['avif', 'avif'],
  ])('%s is written with the extension %s, by its name, with its pixels', async (format, extension) => {
    const { result, output, header, pixels } = await thumbOf(await readFile(RACCOON), { width: 200, format });
    expect(output).toMatchObject({ name: 'output', extension, contentType: `image/${format}` });
    expect(header).toMatchObject({ mediaType: `image/${format}`, width: 200, height: 150 });
    expect(result).toMatchObject({ content_type: `image/${format}` });
    const expected = await sharp(await readFile(RACCOON))
      .resize(200)
      .raw()
      .toBuffer();
    const opaque = await sharp(output.data).removeAlpha().raw().toBuffer();
    expect(
      difference({ ...pixels, channels: 3, data: opaque }, { ...pixels, channels: 3, data: expected }),
    ).toBeLessThan(format === 'gif' ? 8 : 6);
  });

  it.each(['jpeg', 'webp', 'avif'])('%s is smaller at a lower quality', async (format) => {
    const photo = await readFile(RACCOON);
    const sizes = [];
    for (const quality of [10, 80, 95])
      sizes.push((await thumbOf(photo, { width: 200, format, quality })).output.data.byteLength);
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
    expect(new Set(sizes).size).toBe(3);
  });

  it.each(['jpeg', 'png', 'webp', 'avif'])('%s carries no metadata', async (format) => {
    const tagged = await sharp(await readFile(RACCOON))
      .withExif({ IFD0: { Copyright: 'somebody', Make: 'a camera' }, IFD3: { GPSLatitude: '48/1 51/1 0/1' } })
      .withXmp('<?xpacket begin="" id="x"?><x:xmpmeta xmlns:x="adobe:ns:meta/"/><?xpacket end="w"?>')
      .withIccProfile('p3')
      .jpeg()
      .toBuffer();
    const { header } = await thumbOf(tagged, { width: 100, format });
    expect(header).not.toHaveProperty('exif');
    expect(header).not.toHaveProperty('xmp');
    expect(header).not.toHaveProperty('icc');
    expect(header.orientation).toBeUndefined();
  });
});

describe('an animation', () => {
  const frames = [
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
  ];
  const film = picture(30, 90, (_, y) => frames[Math.floor(y / 30)] as number[]);
  const options = { raw: { width: 30, height: 90, channels: 3, pageHeight: 30 } } as const;

  it.each(['gif', 'webp'] as const)('gives its first frame: %s', async (format) => {
    const animated = await sharp(film.data, options)[format]({ loop: 0 }).toBuffer();
    expect((await sharp(animated).metadata()).pages).toBe(3);
    const { pixels, header, result } = await thumbOf(animated, { format: 'png' });
    expect([header.width, header.height, header.pages ?? 1]).toEqual([30, 30, 1]);
    expect(result).toMatchObject({ original_width: 30, original_height: 30 });
    const [red = 0, green = 255] = pixelAt(pixels, 15, 15);
    expect(red).toBeGreaterThan(245);
    expect(green).toBeLessThan(10);
  });
});

describe('a poster', () => {
  const grey = picture(90, 60, () => [120, 120, 120]);

  it('has a white play icon on a dark disc in its centre, and nothing else', async () => {
    const { pixels } = await thumbOf(await pipeline(grey).png().toBuffer(), { poster: true, format: 'png' });
    const at = (x: number, y: number) => pixelAt(pixels, x, y)[0] ?? 0;
    expect(at(45, 30)).toBe(255);
    // On the disc, left of the triangle and above it.
    expect(at(38, 30)).toBeLessThan(80);
    expect(at(45, 22)).toBeLessThan(80);
    // Outside of a disc of a third of the height.
    for (const [x, y] of [
      [33, 30],
      [57, 30],
      [45, 18],
      [0, 0],
      [89, 59],
    ] as const)
      expect(at(x, y)).toBe(120);
    // It points to the right.
    expect(at(48, 30)).toBeGreaterThan(200);
    expect(at(48, 26)).toBeLessThan(80);
    expect(at(43, 27)).toBeGreaterThan(200);
  });

  it.each([1, 2, 5])('fits an image of %i pixels too', async (side) => {
    const tiny = await pipeline(picture(side, side, () => [120, 120, 120]))
      .png()
      .toBuffer();
    const { result } = await thumbOf(tiny, { poster: true });
    expect(result).toMatchObject({ width: side, height: side });
  });

  it.each(['png', 'webp', 'avif'])('makes no opaque picture transparent: %s', async (format) => {
    const opaque = await thumbOf(await pipeline(grey).png().toBuffer(), { poster: true, format });
    expect(opaque.header.hasAlpha).toBe(false);
    const seeThrough = await pipeline(picture(90, 60, () => [120, 120, 120, 0]))
      .png()
      .toBuffer();
    const { pixels } = await thumbOf(seeThrough, { poster: true, format });
    expect(pixelAt(pixels, 2, 2)[3]).toBe(0);
    expect(pixelAt(pixels, 45, 30)[3]).toBeGreaterThan(250);
  });

  it('stands upright when the picture is turned', async () => {
    const png = await pipeline(grey).png().toBuffer();
    const { pixels } = await thumbOf(png, { poster: true, rotation: 90, format: 'png' });
    expect(pixelAt(pixels, 33, 45)[0]).toBeGreaterThan(200);
    expect(pixelAt(pixels, 30, 41)[0]).toBeLessThan(80);
  });
});
