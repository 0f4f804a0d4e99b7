import type { RunContext } from '../definition.ts';
import { encodeAs, outputOf } from './encode.ts';
import { contentTypeOf, type Format } from './limits.ts';
import { openAll } from './opened-image.ts';
import { encodePixels } from './pixels.ts';
import { refuseLargeSheet } from './result-size.ts';
import { cellFor, drawSheet, sheetSize } from './sheet.ts';

interface StripParameters {
  /** Of a frame. */
  readonly width?: number;
  readonly height?: number;
  readonly crop: boolean;
  /** Frames a row; without it there is one row. */
  readonly wrap?: number;
  readonly format: Format;
}

interface Strip {
  readonly count: number;
  readonly width: number;
  readonly height: number;
  readonly content_type: string;
}

const QUALITY = 80;

/** Puts the images side by side, each in a frame of its own. */
export async function makeStrip(
  { wrap, crop, format, ...asked }: StripParameters,
  { sources, output, progress }: RunContext,
): Promise<Strip> {
  const images = await openAll(sources);
  const count = images.length;
  const columns = Math.min(wrap ?? count, count);
  const layout = { cell: cellFor(asked, images[0]), columns, rows: Math.ceil(count / columns), crop };
  const size = sheetSize(layout);
  refuseLargeSheet(size, format);
  const sheet = await drawSheet(images, layout, format === 'jpeg', (drawn) =>
    progress(Math.round((100 * drawn) / (count + 1))),
  );
  const data = await encodePixels(sheet, (pixels) => encodeAs(pixels, format, QUALITY));
  await output(outputOf('output', format, data));
  progress(100);
  return { count, ...size, content_type: contentTypeOf(format) };
}
