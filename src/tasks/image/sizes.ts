import type { Sharp } from 'sharp';
import type { RunContext } from '../definition.ts';
import { keepEdges } from './edges.ts';
import { encodeAs, outputOf } from './encode.ts';
import type { Frame } from './frame.ts';
import { type Format, MAX_COPY_PIXELS } from './limits.ts';
import { type OpenedImage, openImage } from './opened-image.ts';
import { decodePixels, encodePixels, type Pixels } from './pixels.ts';
import { render } from './render.ts';
import { refuseTooLarge, refuseTooLargeTogether } from './result-size.ts';
import { applyShape, type Shape, shapeInto } from './shape.ts';
import { areaOf, type Size, scaleSize, turnSize, turnUpright } from './upright.ts';

interface SizesParameters {
  readonly sizes: Readonly<Record<string, Frame>>;
  readonly format: Format;
  readonly quality: number;
}

interface Wanted {
  readonly name: string;
  readonly shape: Shape;
}

/** Makes several images of one source, each handed over as soon as it is encoded. */
export async function makeSizes(
  { sizes, ...writing }: SizesParameters,
  { sources, output, progress }: RunContext,
): Promise<{ sizes: Record<string, Size> }> {
  const { format } = writing;
  const image = await openImage(sources[0]);
  const turned = turnUpright(image.orientation);
  const wanted = Object.entries(sizes).map(
    ([name, frame]): Wanted => ({ name, shape: shapeInto(frame, image, turned) }),
  );
  const results = wanted.map(({ shape }) => shape.result);
  for (const result of results) refuseTooLarge(image, result, format);
  refuseTooLargeTogether(image, results, format);
  let done = 0;
  for await (const [name, data] of renderAll(image, wanted, writing)) {
    await output(outputOf(name, format, data));
    done += 1;
    progress(Math.round((100 * done) / wanted.length));
  }
  return { sizes: Object.fromEntries(wanted.map(({ name, shape }) => [name, shape.result])) };
}

/**
 * The source is decoded once, no larger than the largest result needs it; except for those that need more of it than
 * may be kept, which come first, each by itself.
 */
async function* renderAll(
  image: OpenedImage,
  wanted: readonly Wanted[],
  { format, quality }: Pick<SizesParameters, 'format' | 'quality'>,
): AsyncGenerator<readonly [name: string, data: Buffer]> {
  const large = wanted.filter(({ shape }) => areaOf(sizeOfCopy(image, shape.factor)) > MAX_COPY_PIXELS);
  for (const { name, shape } of large) yield [name, await render(image, shape, { format, quality })] as const;
  const rest = wanted.filter((each) => !large.includes(each));
  if (rest.length === 0) return;
  const copy = await copyFor(image, rest, format);
  for (const { name, shape } of rest) {
    const onCopy = shapeFor(copy, shape, image);
    const encode = (pixels: Sharp) => encodeAs(applyShape(pixels, copy, onCopy), format, quality);
    yield [name, await encodePixels(copy, encode)] as const;
  }
}

/** Never enlarged: that each does for itself. */
const sizeOfCopy = (image: Size, factor: number): Size => scaleSize(image, Math.min(1, factor));

function copyFor(image: OpenedImage, wanted: readonly Wanted[], format: Format): Promise<Pixels> {
  const size = sizeOfCopy(image, Math.max(...wanted.map(({ shape }) => shape.factor)));
  const channels = format === 'jpeg' || !image.metadata.hasAlpha ? 3 : 4;
  return decodePixels(image, channels, (pixels) =>
    size.width === image.width && size.height === image.height
      ? pixels
      : keepEdges(pixels, image).resize({ ...size, fit: 'fill' }),
  );
}

/** The shape for a smaller copy of the image that it was meant for. */
function shapeFor(copy: Size, { cut, ...shape }: Shape, image: Size): Shape {
  const [whole, left] = [turnSize(image, shape.turned), turnSize(copy, shape.turned)];
  const along = (side: 'width' | 'height'): number =>
    Math.max(1, Math.round((cut[side] * left[side]) / whole[side]));
  return { ...shape, cut: { width: along('width'), height: along('height') } };
}
