import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { TaskDefinition } from '../../../src/tasks/definition.ts';
import { imageGif } from '../../../src/tasks/image-gif.ts';
import { imageInfo } from '../../../src/tasks/image-info.ts';
import { imageSizes } from '../../../src/tasks/image-sizes.ts';
import { imageStrip } from '../../../src/tasks/image-strip.ts';
import { imageThumb } from '../../../src/tasks/image-thumb.ts';
import { colourProfile, greyProfile } from '../../support/icc.ts';
import { type Picture, pixelAt } from '../../support/picture.ts';
import { type PngKind, rawPng } from '../../support/raw-png.ts';
import { runOn, runOnAll, shownBy } from '../../support/run-task.ts';

type Colour = readonly number[];

/** A plain PNG whose samples, given in 8 bits, mean what a profile says. */
function plainPng(kind: PngKind, depth: 8 | 16, colour: Colour, profile: Buffer): Buffer {
  const samples = colour.map((sample) => (depth === 16 ? sample * 257 : sample));
  const iCCP = Buffer.concat([Buffer.from('icc\0\0', 'latin1'), deflateSync(profile)]);
  return rawPng({ width: 40, height: 30, kind, depth, paint: () => samples, chunks: [['iCCP', iCCP]] });
}

/** Each way that a source becomes something to look at, with the colour in which it comes out. */
const WAYS: Readonly<Record<string, (bytes: Buffer) => Promise<Colour>>> = {
  'a thumb': (bytes) => made(imageThumb, bytes, { format: 'png' }),
  'a smaller thumb': (bytes) => made(imageThumb, bytes, { width: 20, format: 'png' }),
  'a turned JPEG': (bytes) => made(imageThumb, bytes, { width: 20, rotation: 90, quality: 95 }),
  'a poster': (bytes) => made(imageThumb, bytes, { poster: true, format: 'png' }),
  'a size': (bytes) => made(imageSizes, bytes, { sizes: { a: { width: 20 } }, format: 'png' }),
  'a size as it is': (bytes) => made(imageSizes, bytes, { sizes: { a: {} }, format: 'png' }),
  'a strip': (bytes) => put(imageStrip, 'urls', bytes, { format: 'png' }),
  'an animation': (bytes) => put(imageGif, 'images', bytes, { width: 20 }),
  'the dominant colour': async (bytes) => {
    const { result } = await runOn<{ dominant_color: string }>(imageInfo, bytes);
    return [1, 3, 5].map((at) => Number.parseInt(result.dominant_color.slice(at, at + 2), 16));
  },
};

async function made(definition: TaskDefinition, bytes: Buffer, parameters: Record<string, unknown>) {
  return firstColour(await shownBy(await runOn(definition, bytes, parameters)));
}
async function put(
  definition: TaskDefinition,
  name: string,
  bytes: Buffer,
  parameters: Record<string, unknown>,
) {
  return firstColour(await shownBy(await runOnAll(definition, name, [bytes], parameters)));
}
const firstColour = (shown: Picture): Colour => pixelAt(shown, 2, 2).slice(0, 3);

function expectNear(colour: Colour, wanted: Colour): void {
  const off = wanted.map((sample, at) => Math.abs(sample - (colour[at] ?? -999)));
  expect(Math.max(...off), `${colour} is not ${wanted}`).toBeLessThanOrEqual(3);
}

describe.each(Object.entries(WAYS))('a source of 16 bits with a profile, as %s,', (_, colourOf) => {
  it.each([
    ['srgb', [220, 30, 30]],
    ['srgb', [30, 200, 220]],
    ['p3', [200, 120, 90]],
    ['p3', [90, 120, 200]],
  ] as const)('has the colours that one of 8 bits has: %s, %j', async (name, colour) => {
    const profile = await colourProfile(name);
    const wanted = await colourOf(plainPng('rgb', 8, colour, profile));
    if (name === 'srgb') expectNear(wanted, colour);
    expectNear(await colourOf(plainPng('rgb', 16, colour, profile)), wanted);
    expectNear(await colourOf(plainPng('rgba', 16, [...colour, 255], profile)), wanted);
  });

  it('has also its greys', async () => {
    const profile = greyProfile(1);
    const wanted = await colourOf(plainPng('grey', 8, [120], profile));
    // What is linear is much lighter in sRGB.
    expectNear(wanted, [181, 181, 181]);
    expectNear(await colourOf(plainPng('grey', 16, [120], profile)), wanted);
    expectNear(await colourOf(plainPng('grey and alpha', 16, [120, 255], profile)), wanted);
  });

  it.each([8, 10, 12] as const)('has its greys also in an AVIF of %i bits', async (bitdepth) => {
    const raw = { width: 40, height: 30, channels: 3 } as const;
    // sharp writes no profile of greys into an AVIF, so it takes the place of another.
    const profile = await colourProfile('srgb');
    const avif = await sharp(Buffer.alloc(40 * 30 * 3, 120), { raw })
      .withIccProfile('srgb')
      .avif({ bitdepth, quality: 95, effort: 0 })
      .toBuffer();
    const at = avif.indexOf(profile.subarray(0, 128));
    expect(at).toBeGreaterThan(0);
    const grey = greyProfile(1);
    grey.copy(avif, at);
    avif.writeUInt32BE(profile.length, at);
    expectNear(await colourOf(avif), [181, 181, 181]);
  });

  it.each([10, 12] as const)('has its colours also in an AVIF of %i bits', async (bitdepth) => {
    const png = plainPng('rgb', 16, [200, 120, 90], await colourProfile('p3'));
    const deep = sharp(png).keepIccProfile().toColourspace('rgb16');
    const avif = await deep.avif({ bitdepth, quality: 95, effort: 0 }).toBuffer();
    expect(await sharp(avif).metadata()).toMatchObject({ depth: 'ushort', hasProfile: true });
    expectNear(
      await colourOf(avif),
      await colourOf(plainPng('rgb', 8, [200, 120, 90], await colourProfile('p3'))),
    );
  });
});
