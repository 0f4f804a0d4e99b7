import { readFile } from 'node:fs/promises';
import { decode as decodeBlurhash } from 'blurhash';
import sharp from 'sharp';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { imageInfo } from '../../../src/tasks/image-info.ts';
import { exifBlock, withExifBlock } from '../../support/exif.ts';
import { decoded, difference, gradient, picture, pipeline, RACCOON } from '../../support/picture.ts';
import { runOn } from '../../support/run-task.ts';

async function infoOf(bytes: Uint8Array): Promise<{ readonly blurhash: string }> {
  const { result, outputs } = await runOn<{ blurhash: string }>(imageInfo, bytes);
  expect(outputs).toEqual([]);
  expect(Value.Errors(imageInfo.result, result)).toEqual([]);
  return result;
}

describe('image.info', () => {
  it('tells all that is known of a real photo', async () => {
    const photo = await readFile(RACCOON);
    expect(await infoOf(photo)).toMatchObject({
      content_type: 'image/jpeg',
      type: 'image',
      width: 1024,
      height: 768,
      alpha: false,
      exif_orientation: 1,
      rotation: 0,
      bytes: photo.length,
      frames: 1,
    });
  });

  it('has null for each thing that a plain file does not say', async () => {
    expect(await infoOf(await pipeline(gradient(30, 20)).png().toBuffer())).toMatchObject({
      exif_orientation: null,
      rotation: null,
      date_time: null,
      flash: null,
      focal_length: null,
      iso_speed: null,
      exposure_time: null,
    });
  });

  it('reads the EXIF of a JPEG, a PNG and a WebP', async () => {
    const exif = { DateTimeOriginal: '2009:11:02 01:21:55', Flash: '25', ISOSpeedRatings: '400' };
    const tagged = () => pipeline(gradient(30, 20)).withExif({ IFD2: exif });
    for (const encoded of [tagged().jpeg(), tagged().png(), tagged().webp()])
      expect(await infoOf(await encoded.toBuffer())).toMatchObject({
        date_time: '2009:11:02 01:21:55',
        flash: true,
        iso_speed: 400,
      });
  });

  it.each(['jpeg', 'png', 'webp', 'gif', 'avif'] as const)('knows %s by its bytes', async (format) => {
    const bytes = await pipeline(gradient(30, 20)).toFormat(format).toBuffer();
    expect(await infoOf(bytes)).toMatchObject({ content_type: `image/${format}`, width: 30, height: 20 });
  });

  it('says whether pixels may be transparent', async () => {
    const glass = pipeline(picture(20, 20, () => [9, 9, 9, 99]));
    expect(await infoOf(await glass.clone().png().toBuffer())).toMatchObject({ alpha: true });
    expect(await infoOf(await glass.clone().removeAlpha().png().toBuffer())).toMatchObject({ alpha: false });
  });

  it('has no orientation for an AVIF, which is measured upright', async () => {
    const avif = await pipeline(gradient(30, 20)).withMetadata({ orientation: 6 }).avif().toBuffer();
    expect(await infoOf(avif)).toMatchObject({
      exif_orientation: null,
      rotation: null,
      width: 20,
      height: 30,
    });
    expect(JSON.stringify(imageInfo.result)).toContain('as stored; of an AVIF, as it is shown');
  });

  it('counts the frames of an animation, and measures one of them', async () => {
    const film = gradient(30, 90);
    const raw = { width: 30, height: 90, channels: 3, pageHeight: 30 } as const;
    const gif = await sharp(film.data, { raw }).gif().toBuffer();
    expect(await infoOf(gif)).toMatchObject({ frames: 3, width: 30, height: 30 });
  });

  it('does not know an orientation that EXIF does not know', async () => {
    const jpeg = await pipeline(gradient(30, 20)).jpeg().toBuffer();
    for (const orientation of [0, 9, 255]) {
      const bytes = withExifBlock(jpeg, exifBlock([[0x0112, 3, orientation]], []));
      expect(await infoOf(bytes)).toMatchObject({ exif_orientation: null, rotation: null, width: 30 });
    }
  });

  it('knows an orientation of a wrong type by which the image is turned all the same', async () => {
    const signed = 8;
    const jpeg = await pipeline(gradient(30, 20)).jpeg().toBuffer();
    const bytes = withExifBlock(jpeg, exifBlock([[0x0112, signed, 6]], []));
    expect(await infoOf(bytes)).toMatchObject({ exif_orientation: 6, rotation: 270 });
  });
});

describe('colours', () => {
  it('give a blurhash that looks like the upright picture', async () => {
    const photo = await readFile(RACCOON);
    const { blurhash } = await infoOf(photo);
    expect(blurhash).toHaveLength(28);
    const shown = decodeBlurhash(blurhash, 32, 24);
    const blurred = await decoded(await sharp(photo).resize(32, 24).blur(4).png().toBuffer());
    const looked = await sharp(shown, { raw: { width: 32, height: 24, channels: 4 } })
      .removeAlpha()
      .png()
      .toBuffer();
    expect(difference(await decoded(looked), blurred)).toBeLessThan(18);
    const onItsSide = await sharp(photo).rotate(90).withMetadata({ orientation: 8 }).jpeg().toBuffer();
    const turned = decodeBlurhash((await infoOf(onItsSide)).blurhash, 32, 24);
    expect(difference(raw(turned), raw(shown))).toBeLessThan(3);
  });

  const raw = (data: Uint8ClampedArray) => ({
    data: Buffer.from(data),
    width: 32,
    height: 24,
    channels: 4 as const,
  });

  it.each([
    [
      'the colour of most pixels',
      picture(40, 40, (x) => (x < 28 ? [200, 30, 40] : [10, 10, 250])),
      '#c81e28',
    ],
    [
      'of seen ones only',
      picture(40, 40, (x) => (x < 28 ? [200, 30, 40, 0] : [10, 20, 250, 255])),
      '#0a14fa',
    ],
    ['nothing where nothing is seen', picture(40, 40, () => [200, 30, 40, 0]), null],
  ])('have as the dominant one %s', async (_, shown, colour) => {
    expect(await infoOf(await pipeline(shown).png().toBuffer())).toMatchObject({ dominant_color: colour });
  });

  it('of transparent pixels are white in the blurhash', async () => {
    const glass = picture(32, 24, () => [0, 0, 0, 0]);
    const { blurhash } = await infoOf(await pipeline(glass).png().toBuffer());
    for (const sample of decodeBlurhash(blurhash, 4, 4)) expect(sample).toBeGreaterThan(240);
  });

  it('of one pixel are told too', async () => {
    const dot = await pipeline(picture(1, 1, () => [1, 2, 3]))
      .png()
      .toBuffer();
    expect(await infoOf(dot)).toMatchObject({ width: 1, height: 1, dominant_color: '#010203' });
  });
});
