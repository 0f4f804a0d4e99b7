import type { Sharp } from 'sharp';
import type { RunContext } from '../definition.ts';
import { outputOf } from './encode.ts';
import type { Frame } from './frame.ts';
import { contentTypeOf, type Format } from './limits.ts';
import { type OpenedImage, openImage } from './opened-image.ts';
import { drawPlayIcon } from './play-icon.ts';
import { render } from './render.ts';
import { refuseTooLarge } from './result-size.ts';
import { shapeInto } from './shape.ts';
import { type Size, turnFurther, turnSize, turnUpright } from './upright.ts';

interface ThumbParameters extends Frame {
  /** Degrees, counter-clockwise. */
  readonly rotation: 0 | 90 | 180 | 270;
  readonly poster: boolean;
  readonly format: Format;
  readonly quality: number;
}

interface Thumb {
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
 * result.
 */
export async function makeThumb(parameters: ThumbParameters, context: RunContext): Promise<Thumb> {
  const { rotation, poster, format } = parameters;
  const image = await openImage(context.sources[0]);
  const upright = turnUpright(image.orientation);
  const original = turnSize(image, upright);
  const shape = shapeInto(parameters, image, turnFurther(upright, rotation));
  refuseTooLarge(image, shape.result, format);
  const data = await render(image, shape, parameters, (pixels) =>
    poster ? withPlayIcon(pixels, shape.result, image) : pixels,
  );
  await context.output(outputOf('output', format, data));
  return {
    ...shape.result,
    original_width: original.width,
    original_height: original.height,
    content_type: contentTypeOf(format),
  };
}

function withPlayIcon(pixels: Sharp, { width, height }: Size, { metadata }: OpenedImage): Sharp {
  const side = Math.max(1, Math.min(MAX_ICON_SIDE, Math.round(Math.min(width, height) * ICON_SHARE)));
  const raw = { width: side, height: side, channels: 4 } as const;
  const composed = pixels.composite([{ input: drawPlayIcon(side), raw, gravity: 'centre' }]);
  // It leaves a channel of transparency also where there was none, which put AVIF of 12 megapixels over 600 MB.
  return metadata.hasAlpha ? composed : composed.removeAlpha();
}
