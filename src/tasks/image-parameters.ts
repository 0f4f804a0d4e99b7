import Type from 'typebox';
import { type Format, MAX_SIDE } from './image/limits.ts';
import { sourceUrl } from './url.ts';

/** Parameters that several tasks of images have in common. */

const side = (description: string) =>
  Type.Optional(Type.Integer({ description, minimum: 1, maximum: MAX_SIDE }));

const sides = (pixels: string, whose: string) => ({
  width: side(`${pixels}; without it, what follows from \`height\`, or the width of ${whose}`),
  height: side(`${pixels}; without it, what follows from \`width\`, or the height of ${whose}`),
});

/** Of a result that is made of one image. */
export const resultSides = sides('pixels', 'the source');

/** Of the frame that each of several images has in the result. */
export const frameSides = sides('pixels of a frame', 'the first image');

/** A value of a result. */
export const pixels = (description: string) => Type.Integer({ description });

export const crop = Type.Boolean({
  description: 'false fits the image inside width and height, true fills them and cuts off the rest',
  default: false,
});

export const format = <const F extends Format>(choices: F[]) =>
  Type.Enum(choices, {
    description: [
      'of the result; transparency becomes white in jpeg',
      ...(choices.includes('avif' as F) ? ['avif is written up to 13 megapixels, gif up to 16'] : []),
    ].join('; '),
    default: 'jpeg',
  });

export const quality = Type.Integer({
  description: 'for jpeg, webp and avif; png is always lossless, gif always has 256 colours',
  default: 80,
  minimum: 1,
  maximum: 95,
});

const READ = 'a JPEG, PNG, GIF, WebP or AVIF by its first bytes';

export const imageUrl = () => sourceUrl(`the image, ${READ}`);

/** Images of which one result is made. */
export const imageUrls = (description: string) =>
  Type.Array(sourceUrl(`an image, ${READ}`), { description, minItems: 1, maxItems: 100 });

interface Asked {
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

/**
 * Whether results of these sizes in all take their encoder half a second or more, as far as the sizes tell: where one side
 * is asked for they are taken to be squares, without any they depend on the source. For each megapixel JPEG takes 28 ms of
 * CPU, WebP 50 and PNG 66; AVIF and GIF ten times as much.
 */
export function areSlowToWrite(sizes: readonly Asked[], chosen: Format): boolean {
  if (chosen === 'avif' || chosen === 'gif') return true;
  const areas = sizes.map(({ width, height }) => (width ?? height ?? 0) * (height ?? width ?? 0));
  return areas.reduce((sum, area) => sum + area, 0) > (chosen === 'jpeg' ? 16_000_000 : 8_000_000);
}

/** More images than this, in or out, take as long as one that is slow. */
export const MANY = 8;
