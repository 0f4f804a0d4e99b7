import type { RunContext } from '../definition.ts';
import { encodeAnimation, outputOf } from './encode.ts';
import { type OpenedImage, openAll } from './opened-image.ts';
import { encodePixels } from './pixels.ts';
import { refuseLongAnimation } from './result-size.ts';
import { cellFor, drawSheet } from './sheet.ts';

interface GifParameters {
  /** How often it plays; 0 for ever, −1 once. */
  readonly loop: number;
  /** Seconds. */
  readonly frame_duration: number;
  readonly width?: number;
  readonly height?: number;
}

interface Gif {
  readonly width: number;
  readonly height: number;
  readonly count: number;
}

/** Makes an animation with the images as its frames, one after the other. */
export async function makeGif(
  { loop, frame_duration, ...asked }: GifParameters,
  { sources, output, progress }: RunContext,
): Promise<Gif> {
  const images = await openAll(sources);
  const [first] = images;
  const count = images.length;
  const cell = cellFor(asked, first);
  refuseLongAnimation(cell, count);
  const layout = { cell, columns: 1, rows: count, crop: false };
  const frames = await drawSheet(images, layout, !isTransparent(images), (drawn) =>
    progress(Math.round((100 * drawn) / (count + 1))),
  );
  const playing = { frames: count, plays: loop === -1 ? 1 : loop, frameSeconds: frame_duration };
  const data = await encodePixels(frames, (pixels) => encodeAnimation(pixels, playing), cell.height);
  await output(outputOf('output', 'gif', data));
  progress(100);
  return { ...cell, count };
}

/**
 * An animation is transparent if each image may be, else it is over white: what a frame without transparency leaves
 * behind for one with it is the page in browsers, a colour of the palette elsewhere.
 */
const isTransparent = (images: readonly OpenedImage[]): boolean =>
  images.every(({ metadata }) => metadata.hasAlpha);
