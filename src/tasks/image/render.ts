import type { Sharp } from 'sharp';
import { encodeAs } from './encode.ts';
import type { Format } from './limits.ts';
import { decode, type OpenedImage } from './opened-image.ts';
import { applyShape, type Shape } from './shape.ts';

/** Makes an output of an image in one go, with no more of it in memory than its decoder and its encoder keep. */
export const render = (
  image: OpenedImage,
  shape: Shape,
  { format, quality }: { readonly format: Format; readonly quality: number },
  finish: (shaped: Sharp) => Sharp = (shaped) => shaped,
): ReturnType<typeof decode> =>
  decode(image, (pixels) => {
    // Early, so that transparent pixels do not bleed their hidden colours into the sized ones.
    const opaque = format === 'jpeg' ? pixels.flatten({ background: '#ffffff' }) : pixels;
    return encodeAs(finish(applyShape(opaque, image, shape)), format, quality);
  });
