import { areaOf, type Size, scaleSize } from './upright.ts';

/** What a client asks an image to fit; pixels. */
export interface Frame {
  readonly width?: number;
  readonly height?: number;
  /** True fills the frame and cuts off what stands out, if both sides are given. */
  readonly crop: boolean;
}

/**
 * How an image becomes the result: its middle of size `cut` is scaled to `scaled`, whose middle of size `result` is
 * what remains.
 */
export interface Fit {
  /** By which the image is scaled: under 1 it becomes smaller. */
  readonly factor: number;
  readonly cut: Size;
  readonly scaled: Size;
  readonly result: Size;
}

/**
 * What is cut off is cut off last, because a decoder that may leave out pixels while it reads is faster by far than
 * one that has to begin in the middle; unless it would be scaled for nothing, and a panorama that is to fill a
 * tall frame take gigabytes.
 */
const MAX_WASTE = 4;

/** A side that was not asked for follows from the other, and may be of any length. */
export function fitInto({ width, height, crop }: Frame, image: Size): Fit {
  const factors = [(width ?? Infinity) / image.width, (height ?? Infinity) / image.height];
  if (crop && width !== undefined && height !== undefined)
    return fill({ width, height }, image, Math.max(...factors));
  const factor = width === undefined && height === undefined ? 1 : Math.min(...factors);
  const result = scaleSize(image, factor);
  return { factor, cut: image, scaled: result, result };
}

function fill(result: Size, image: Size, factor: number): Fit {
  const { width, height } = scaleSize(image, factor);
  const scaled = { width: Math.max(width, result.width), height: Math.max(height, result.height) };
  if (areaOf(scaled) <= MAX_WASTE * areaOf(result)) return { factor, cut: image, scaled, result };
  return { factor, cut: scaleSize(result, 1 / factor), scaled: result, result };
}
