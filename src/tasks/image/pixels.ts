import type { Sharp } from 'sharp';
import { MemoryFailure } from '../memory-failure.ts';
import { culpritOf } from './blame.ts';
import { decode, type OpenedImage } from './opened-image.ts';
import { sharp } from './sharp.ts';

/** Red, green and blue in 8 bits of sRGB, and alpha where there are four channels; row by row. */
export interface Pixels {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
}

/** Decodes an image as `shape` sizes it; with three channels over white. Throws as `decode` does. */
export async function decodePixels(
  image: OpenedImage,
  channels: 3 | 4,
  shape: (pixels: Sharp) => Sharp,
): Promise<Pixels> {
  const { data, info } = await decode(image, (pixels) => {
    const shaped = shape(channels === 3 ? flattenOnWhite(pixels) : pixels).toColourspace('srgb');
    return (channels === 4 ? shaped.ensureAlpha() : shaped.removeAlpha()).raw();
  });
  return { data, width: info.width, height: info.height, channels };
}

/** To be called before they are sized, so that transparent pixels do not bleed their hidden colours into the others. */
export const flattenOnWhite = (pixels: Sharp): Sharp => pixels.flatten({ background: '#ffffff' });

/** Writes pixels as `encode` says. `pageHeight` makes an animation of frames that stand one below the other. */
export async function encodePixels(
  { data, width, height, channels }: Pixels,
  encode: (pixels: Sharp) => Sharp,
  pageHeight = height,
): Promise<Buffer> {
  try {
    // Said of one page, it would stay when that is enlarged or turned, and cut the result into slices.
    const pages = pageHeight === height ? {} : { pageHeight };
    return await encode(sharp(data, { raw: { width, height, channels, ...pages } })).toBuffer();
  } catch (error) {
    if (culpritOf(error) !== 'memory') throw error;
    throw hungryResult(error);
  }
}

/** For what could not be encoded for want of memory: no source is to blame for that. */
export const hungryResult = (cause: unknown): MemoryFailure =>
  new MemoryFailure('the result needs more memory than one task may take', { cause });
