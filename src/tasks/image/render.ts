import type { Sharp } from 'sharp';
import { culpritOf } from './blame.ts';
import { encodeAs } from './encode.ts';
import type { Format } from './limits.ts';
import { decode, type OpenedImage } from './opened-image.ts';
import { decodePixels, encodePixels, flattenOnWhite, hungryResult } from './pixels.ts';
import { applyShape, type Shape } from './shape.ts';
import { areaOf } from './upright.ts';

interface Writing {
  readonly format: Format;
  readonly quality: number;
}

/** Makes an output of an image in one go, with no more of it in memory than its decoder and its encoder keep. */
export async function render(
  image: OpenedImage,
  shape: Shape,
  { format, quality }: Writing,
  finish: (shaped: Sharp) => Sharp = (shaped) => shaped,
): Promise<Buffer> {
  const draw = (pixels: Sharp): Sharp => finish(applyShape(pixels, image, shape));
  if (format === 'avif' && (image.orientation ?? 1) !== 1) {
    // In one go the source's orientation would be written too, and the upright pixels be turned once more.
    const upright = await decodePixels(image, image.metadata.hasAlpha ? 4 : 3, draw);
    return encodePixels(upright, (pixels) => encodeAs(pixels, format, quality));
  }
  try {
    const { data } = await decode(image, (pixels) =>
      encodeAs(draw(format === 'jpeg' ? flattenOnWhite(pixels) : pixels), format, quality),
    );
    return data;
  } catch (error) {
    const { cause } = error as Error;
    const isEnlarged = areaOf(shape.result) > areaOf(image);
    throw isEnlarged && culpritOf(cause) === 'memory' ? hungryResult(cause) : error;
  }
}
