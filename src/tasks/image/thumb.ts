import type { Sharp } from 'sharp';
import type { RunContext } from '../definition.ts';
import { encodeAs } from './encode.ts';
import { type Frame, fitInto } from './frame.ts';
import { contentTypeOf, type Format, inMegapixels, MAX_SIDE, maxOutputPixels } from './limits.ts';
import { decode, type OpenedImage, openImage } from './opened-image.ts';
import { drawPlayIcon } from './play-icon.ts';
import { sourceFailure } from './source-failure.ts';
import { type Size, turn, turnFurther, turnSize, turnUpright } from './upright.ts';

export interface ThumbParameters extends Frame {
  /** Degrees, counter-clockwise. */
  readonly rotation: 0 | 90 | 180 | 270;
  readonly poster: boolean;
  readonly format: Format;
  readonly quality: number;
}

export interface Thumb {
  readonly width: number;
  readonly height: number;
  readonly original_width: number;
  readonly original_height: number;
  readonly content_type: string;
}

/** The play icon's share of the shorter side, and its size at most, in pixels. */
const ICON_SHARE = 1 / 3;
const MAX_ICON_SIDE = 512;

/**
 * Makes one image of the source: upright, then rotated, then sized, so that `width` and `height` are those of the
 * result. The pixels go another way: sized first and turned last, when there are few of them.
 */
export async function makeThumb(parameters: ThumbParameters, context: RunContext): Promise<Thumb> {
  const { rotation, poster, format, quality } = parameters;
  const image = await openImage(context.sources[0]);
  const upright = turnUpright(image.orientation);
  const original = turnSize(image, upright);
  const turned = turnFurther(upright, rotation);
  const fit = fitInto(parameters, turnSize(image, turned));
  refuseTooLarge(image, fit.result, format);
  const { data, info } = await decode(image, (pixels) => {
    // Early, so that transparent pixels do not bleed their hidden colours into the resized ones.
    const opaque = format === 'jpeg' ? pixels.flatten({ background: '#ffffff' }) : pixels;
    const cut = cutOut(opaque, image, turnSize(fit.cut, turned));
    const resized = cut.resize({ ...turnSize(fit.scaled, turned), fit: 'fill' });
    // sharp turns first and cuts then.
    const finished = cutOut(turn(resized, turned), fit.scaled, fit.result);
    const shown = poster ? withPlayIcon(finished, fit.result, image) : finished;
    return encodeAs(shown, format, quality);
  });
  const extension = format === 'jpeg' ? 'jpg' : format;
  await context.output({ name: 'output', extension, contentType: contentTypeOf(format), data });
  return {
    width: info.width,
    height: info.height,
    original_width: original.width,
    original_height: original.height,
    content_type: contentTypeOf(format),
  };
}

function refuseTooLarge({ source }: OpenedImage, { width, height }: Size, format: Format): void {
  const would = `would become ${width} × ${height} pixels`;
  if (width > MAX_SIDE || height > MAX_SIDE)
    throw sourceFailure(source, `${would}, the limit is ${MAX_SIDE} a side`);
  const limit = maxOutputPixels(format);
  const [has, allowed] = [inMegapixels(width * height, limit), inMegapixels(limit, 0)];
  if (width * height > limit)
    throw sourceFailure(source, `${would}, ${has} megapixels, the limit for ${format} is ${allowed}`);
}

/** Cuts the middle out, unless it is the whole. */
function cutOut(pixels: Sharp, whole: Size, middle: Size): Sharp {
  if (whole.width === middle.width && whole.height === middle.height) return pixels;
  const left = Math.floor((whole.width - middle.width) / 2);
  const top = Math.floor((whole.height - middle.height) / 2);
  return pixels.extract({ left, top, width: middle.width, height: middle.height });
}

function withPlayIcon(pixels: Sharp, { width, height }: Size, { metadata }: OpenedImage): Sharp {
  const side = Math.max(1, Math.min(MAX_ICON_SIDE, Math.round(Math.min(width, height) * ICON_SHARE)));
  const raw = { width: side, height: side, channels: 4 } as const;
  const composed = pixels.composite([{ input: drawPlayIcon(side), raw, gravity: 'centre' }]);
  // It leaves a channel of transparency also where there was none, which put AVIF of 12 megapixels over 600 MB.
  return metadata.hasAlpha ? composed : composed.removeAlpha();
}
