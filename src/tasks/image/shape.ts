import type { Sharp } from 'sharp';
import { keepEdges, type Stored } from './edges.ts';
import { type Fit, type Frame, fitInto } from './frame.ts';
import { type Size, type Turn, turn, turnSize } from './upright.ts';

/** How the pixels of a stored image become those of a result. Sizes are those after the turn. */
export interface Shape extends Fit {
  readonly turned: Turn;
}

export const shapeInto = (frame: Frame, stored: Size, turned: Turn): Shape => ({
  ...fitInto(frame, turnSize(stored, turned)),
  turned,
});

/** Shapes pixels that have the size `stored`. Sized first and turned last, when there are few of them. */
export function applyShape(pixels: Sharp, stored: Stored, { cut, scaled, result, turned }: Shape): Sharp {
  const middle = turnSize(cut, turned);
  const kept = isSame(stored, middle) ? keepEdges(pixels, stored) : cutOut(pixels, stored, middle);
  const resized = kept.resize({ ...turnSize(scaled, turned), fit: 'fill' });
  // sharp turns first and cuts then.
  return cutOut(turn(resized, turned), scaled, result);
}

/** Cuts the middle out, unless it is the whole. */
function cutOut(pixels: Sharp, whole: Size, middle: Size): Sharp {
  if (isSame(whole, middle)) return pixels;
  const left = Math.floor((whole.width - middle.width) / 2);
  const top = Math.floor((whole.height - middle.height) / 2);
  return pixels.extract({ left, top, width: middle.width, height: middle.height });
}

const isSame = (one: Size, other: Size): boolean => one.width === other.width && one.height === other.height;
