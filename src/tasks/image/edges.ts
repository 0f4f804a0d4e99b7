import type { Sharp } from 'sharp';
import type { Format } from './limits.ts';
import type { Size } from './upright.ts';

/** Pixels of this size; undecoded ones have a format. */
export interface Stored extends Size {
  readonly format?: Format;
}

/** Rows and columns that libvips makes one of, at most, while it decodes a JPEG that is to become smaller. */
const MAX_SHRINK = 8;
/** Of a side; below it the loss is less than anybody sees, and the photos are that take long to decode otherwise. */
const MAX_LOSS = 1 / 50;

/**
 * To be called before `resize`, unless something is cut out there. Of a JPEG that becomes smaller libvips leaves out, at
 * the bottom and at the right, what does not fill the last eight pixels: of a banner of 15 rows nearly half. It does not
 * where something is cut out first, and be it all of the image.
 */
export const keepEdges = (pixels: Sharp, { format, width, height }: Stored): Sharp =>
  format === 'jpeg' && (isLost(width) || isLost(height))
    ? pixels.extract({ left: 0, top: 0, width, height })
    : pixels;

const isLost = (side: number): boolean => (side % MAX_SHRINK) / side > MAX_LOSS;
