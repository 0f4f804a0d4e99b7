import { TaskFailure } from '../../../actors/failure.ts';
import { type Format, inMegapixels, MAX_SIDE, maxOutputPixels, maxSheetPixels } from './limits.ts';
import type { OpenedImage } from './opened-image.ts';
import { sourceFailure } from './source-failure.ts';
import { areaOf, type Size } from './upright.ts';

/** Throws `TaskFailure` when an image would become larger than what is written of its format. */
export function refuseTooLarge({ source }: OpenedImage, result: Size, format: Format): void {
  const would = `would become ${result.width} × ${result.height} pixels`;
  if (!isWithinSides(result)) throw sourceFailure(source, `${would}, ${SIDES}`);
  refuseMany(areaOf(result), maxOutputPixels(format), format, (text) =>
    sourceFailure(source, `${would}, ${text}`),
  );
}

/** Throws `TaskFailure` when several results have more pixels than one may have: they take their time. */
export function refuseTooLargeTogether(
  { source }: OpenedImage,
  results: readonly Size[],
  format: Format,
): void {
  const pixels = results.reduce((sum, result) => sum + areaOf(result), 0);
  refuseMany(pixels, maxOutputPixels(format), format, (text) =>
    sourceFailure(source, `would become ${results.length} images, together ${text}`),
  );
}

/** Throws `TaskFailure` when an animation would have more pixels than are written, all frames together. */
export function refuseLongAnimation(frame: Size, count: number): void {
  const frames = `frames of ${frame.width} × ${frame.height} pixels`;
  if (!isWithinSides(frame)) throw new TaskFailure(`the animation would have ${frames}, ${SIDES}`);
  refuseMany(
    areaOf(frame) * count,
    maxSheetPixels('gif'),
    'gif',
    (text) => new TaskFailure(`the animation would have ${count} ${frames}, ${text}`),
  );
}

/** Throws `TaskFailure` when images put together would become larger than what is written of the format. */
export function refuseLargeSheet(sheet: Size, format: Format): void {
  const what = `the strip would have ${sheet.width} × ${sheet.height} pixels`;
  if (!isWithinSides(sheet)) throw new TaskFailure(`${what}, ${SIDES}`);
  refuseMany(areaOf(sheet), maxSheetPixels(format), format, (text) => new TaskFailure(`${what}, ${text}`));
}

const SIDES = `the limit is ${MAX_SIDE} a side`;
const isWithinSides = ({ width, height }: Size): boolean => width <= MAX_SIDE && height <= MAX_SIDE;

function refuseMany(
  pixels: number,
  limit: number,
  format: Format,
  failure: (text: string) => TaskFailure,
): void {
  if (pixels <= limit) return;
  const [has, allowed] = [inMegapixels(pixels, limit), inMegapixels(limit, 0)];
  throw failure(`${has} megapixels, the limit for ${format} is ${allowed}`);
}
