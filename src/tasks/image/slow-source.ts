import type { Source } from '../definition.ts';
import { formatOf } from './format.ts';
import { lookInto, type ReadBytes } from './source-bytes.ts';

const HEAD_BYTES = 64;
/** Of a PNG, after its signature: length and name of the header, width, height, depth, colours, two methods. */
const PNG = { width: 16, height: 20, interlace: 28 } as const;
/** Of a JPEG's frame header, up to its size. */
const FRAME_BYTES = 9;
/** Segments ahead of a JPEG's frame header; more is nothing that a camera or an editor writes. */
const MAX_SEGMENTS = 200;
/** Pixels from which an image that comes in several passes takes longer than 50 ms. */
const MANY_PIXELS = 4_000_000;

/**
 * Whether a source takes its decoder long: an AVIF (68 ms a megapixel), a large JPEG in several scans or interlaced
 * PNG (12, where a plain JPEG takes 3). Looks at the header only, without any library, since it is the worker that
 * asks. One that it cannot follow counts as slow.
 */
export const isSlowSource = (source: Pick<Source, 'path' | 'data'>): boolean =>
  lookInto(source, (read) => {
    const head = read(0, HEAD_BYTES);
    switch (formatOf(head)) {
      case 'avif':
        return true;
      case 'png':
        return isSlowPng(head);
      case 'jpeg':
        return isSlowJpeg(read);
      default:
        return false;
    }
  });

const isSlowPng = (head: Buffer): boolean =>
  head.length > PNG.interlace &&
  head[PNG.interlace] !== 0 &&
  areMany(head.readUInt32BE(PNG.width), head.readUInt32BE(PNG.height));

const areMany = (width: number, height: number): boolean => width * height >= MANY_PIXELS;

/** Goes from segment to segment until one is the frame header: marker, length, precision, height, width. */
function isSlowJpeg(read: ReadBytes): boolean {
  for (let segment = 0, at = 2; segment < MAX_SEGMENTS; segment += 1) {
    const header = read(at, FRAME_BYTES);
    if (header.length < FRAME_BYTES) return false;
    const [start, marker] = header as unknown as [number, number];
    if (start !== 0xff) return true;
    if (isFrame(marker))
      return isProgressive(marker) && areMany(header.readUInt16BE(7), header.readUInt16BE(5));
    // A byte may fill up to the next marker.
    at += marker === 0xff ? 1 : 2 + header.readUInt16BE(2);
  }
  return true;
}

/** SOF0-15, among which stand the tables of Huffman codes, a reserved one and those of arithmetic codes. */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

const isProgressive = (marker: number): boolean => (marker & 0x03) === 2;
