import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { imageThumb } from '../../../src/tasks/image-thumb.ts';
import { decoded, difference, gradient, picture, pipeline, pixelAt } from '../../support/picture.ts';
import { onlyOutput, runOn } from '../../support/run-task.ts';

async function thumbOf(bytes: Uint8Array, parameters: Record<string, unknown> = {}) {
  const { data } = onlyOutput(await runOn(imageThumb, bytes, parameters));
  return { pixels: await decoded(data), header: await sharp(data).metadata() };
}

describe('transparency', () => {
  const glass = picture(40, 40, (x) => (x < 20 ? [200, 0, 0, 0] : [0, 0, 200, 255]));

  it('becomes white under JPEG, whatever colour it hid', async () => {
    const { pixels } = await thumbOf(await pipeline(glass).png().toBuffer());
    expect(pixels.channels).toBe(3);
    for (const sample of pixelAt(pixels, 5, 20)) expect(sample).toBeGreaterThan(245);
    expect(pixelAt(pixels, 35, 20)[2]).toBeGreaterThan(150);
  });

  it.each(['png', 'webp', 'avif', 'gif'])('stays in %s', async (format) => {
    const { pixels } = await thumbOf(await pipeline(glass).png().toBuffer(), { width: 20, format });
    expect(pixelAt(pixels, 2, 10)[3]).toBe(0);
    expect(pixelAt(pixels, 17, 10)[3]).toBe(255);
  });

  it('half way is mixed with white', async () => {
    const tinted = picture(20, 20, () => [0, 0, 0, 128]);
    const { pixels } = await thumbOf(await pipeline(tinted).png().toBuffer());
    for (const sample of pixelAt(pixels, 10, 10)) expect(Math.abs(sample - 127)).toBeLessThan(4);
  });
});

describe('colours', () => {
  it('of a wide gamut come out as sRGB', async () => {
    // Written with a profile that says other numbers for the same colour.
    const p3 = await sharp({ create: { width: 20, height: 20, channels: 3, background: '#c83232' } })
      .withIccProfile('p3', { attach: true })
      .png()
      .toBuffer();
    const { pixels } = await thumbOf(p3, { format: 'png' });
    for (const [at, sample] of pixelAt(pixels, 10, 10).entries())
      expect(Math.abs(sample - (at === 0 ? 200 : 50))).toBeLessThan(6);
  });

  it('of print (CMYK) come out as sRGB', async () => {
    const cmyk = await pipeline(gradient(60, 60)).toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer();
    expect((await sharp(cmyk).metadata()).space).toBe('cmyk');
    const { pixels, header } = await thumbOf(cmyk, { format: 'png' });
    expect(header).toMatchObject({ space: 'srgb', channels: 3 });
    expect(difference(pixels, gradient(60, 60))).toBeLessThan(35);
  });

  it('of 16 bits come out with 8', async () => {
    const deep = await pipeline(gradient(60, 60)).toColourspace('rgb16').png().toBuffer();
    expect((await sharp(deep).metadata()).depth).toBe('ushort');
    for (const format of ['png', 'jpeg', 'webp']) {
      const { pixels, header } = await thumbOf(deep, { format });
      expect(header.depth).toBe('uchar');
      expect(difference(pixels, gradient(60, 60))).toBeLessThan(4);
    }
  });

  it('of a palette, and of one bit, come out as they were', async () => {
    const few = picture(40, 40, (x, y) => (x < 20 === y < 20 ? [255, 0, 0] : [0, 0, 255]));
    const { pixels } = await thumbOf(await pipeline(few).png({ palette: true }).toBuffer(), {
      format: 'png',
    });
    expect(difference(pixels, few)).toBe(0);
    const bits = picture(40, 40, (x) => (x < 20 ? [0, 0, 0] : [255, 255, 255]));
    const bilevel = await pipeline(bits).png({ palette: true, colours: 2 }).toBuffer();
    expect(difference((await thumbOf(bilevel, { format: 'png' })).pixels, bits)).toBe(0);
  });

  it('of grey with transparency come out over white', async () => {
    const grey = await pipeline(picture(20, 20, () => [100, 100, 100, 0]))
      .toColourspace('b-w')
      .png()
      .toBuffer();
    const { pixels } = await thumbOf(grey);
    for (const sample of pixelAt(pixels, 10, 10)) expect(sample).toBeGreaterThan(250);
  });
});
