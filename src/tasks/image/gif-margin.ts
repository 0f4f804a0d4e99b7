import type { Source } from '../definition.ts';
import { lookInto, type ReadBytes, wholeOf } from './source-bytes.ts';
import { areaOf, type Size } from './upright.ts';

/** Of the head, the byte that says whether a table of colours follows it. */
const HEAD_FLAGS = 10;
const HEAD_BYTES = 13;
const EXTENSION = 0x21;
const IMAGE = 0x2c;
/** Mark, left, top, width, height, and the byte that says whether the image has a table of its own. */
const IMAGE_BYTES = 10;
const IMAGE_FLAGS = 9;
/** Of what stands before the first image, all extensions together: 5 MB of comments, which takes 30 ms from a file. */
const MAX_BLOCKS = 20_000;

/** A transparent pixel, as a further image, and the end of the file. */
const TRANSPARENT_END = Buffer.from('21f90401000000002c00000000010001008000000000000002024401003b', 'hex');

/**
 * Whether the first image of a GIF leaves part of the canvas free. That part is transparent in browsers. libvips has it
 * so too, but black if no image of the file names a transparent colour.
 */
export const hasMargin = (source: Pick<Source, 'path' | 'data'>, canvas: Size): boolean =>
  lookInto(source, (read) => {
    const at = firstImage(read);
    const image = at === undefined ? Buffer.alloc(0) : read(at, IMAGE_BYTES);
    if (image.length < IMAGE_BYTES) return false;
    return areaOf({ width: image.readUInt16LE(5), height: image.readUInt16LE(7) }) < areaOf(canvas);
  });

/** A GIF up to its first image, and a second one that names a transparent colour; undefined for one that is cut short. */
export async function withTransparency(
  source: Pick<Source, 'path' | 'data'>,
): Promise<Uint8Array | undefined> {
  const gif = await wholeOf(source);
  const read: ReadBytes = (position, count) => gif.subarray(position, position + count);
  const at = firstImage(read);
  if (at === undefined) return undefined;
  // Behind the table of colours stands a byte that belongs to the pixels.
  const pixels = at + IMAGE_BYTES + tableBytes(gif[at + IMAGE_FLAGS]) + 1;
  const end = endOfBlocks(gif, pixels);
  return end === undefined ? undefined : Buffer.concat([gif.subarray(0, end), TRANSPARENT_END]);
}

/** Where the first image begins; undefined if nothing is found within so many blocks. */
function firstImage(read: ReadBytes): number | undefined {
  const [flags] = read(HEAD_FLAGS, 1);
  let at = HEAD_BYTES + tableBytes(flags);
  let isInExtension = false;
  for (let blocks = 0; blocks < MAX_BLOCKS; blocks += 1) {
    const [first] = read(at, 1);
    if (first === undefined) return undefined;
    if (isInExtension) {
      at += first + 1;
      isInExtension = first > 0;
    } else {
      if (first === IMAGE) return at;
      if (first !== EXTENSION) return undefined;
      at += 2;
      isInExtension = true;
    }
  }
  return undefined;
}

const tableBytes = (flags = 0): number => (flags & 0x80 ? 3 * (2 << (flags & 7)) : 0);

/** Past blocks that each begin with their length, up to one of no length; undefined where that is missing. */
function endOfBlocks(gif: Buffer, from: number): number | undefined {
  let at = from;
  for (let length = gif[at]; length !== undefined; length = gif[at]) {
    at += length + 1;
    if (length === 0) return at;
  }
  return undefined;
}
