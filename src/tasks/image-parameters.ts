import Type from 'typebox';
import { type Format, MAX_SIDE } from './image/limits.ts';
import { sourceUrl } from './url.ts';

/** Parameters that several tasks of images have in common. */

export const side = (description: string) => Type.Integer({ description, minimum: 1, maximum: MAX_SIDE });

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

/** Images of which one result is made. */
export const sourceUrls = (description: string) =>
  Type.Array(sourceUrl('an image'), { description, minItems: 1, maxItems: 100 });

/** Formats whose encoders take ten times as long as that of JPEG, or more. */
export const isSlowFormat = (chosen: Format): boolean => chosen === 'avif' || chosen === 'gif';

/** More images than this, in or out, take as long as one that is slow. */
export const MANY = 8;
