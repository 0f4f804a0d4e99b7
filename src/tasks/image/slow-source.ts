import { type FileHandle, open } from 'node:fs/promises';
import { formatOf } from './format.ts';

const HEAD_BYTES = 64;
/** Of a PNG, after its signature: length and name of the header, width, height, depth, colours, two methods. */
const PNG = { width: 16, height: 20, interlace: 28 } as const;
/** Segments ahead of a JPEG's frame header; more is nothing that a camera or an editor writes. */
const MAX_SEGMENTS = 200;
/** Pixels from which an image that comes in several passes takes longer than 50 ms. */
const MANY_PIXELS = 4_000_000;

/**
 * Whether a file takes its decoder long: an AVIF (68 ms a megapixel), a large JPEG in several scans or interlaced
 * PNG (12, where a plain JPEG takes 3). Looks at the header only, without any library, since it is the worker that
 * asks. A file that it cannot follow counts as slow.
 */
export async function isSlowSource(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(HEAD_BYTES), position: 0 });
    switch (formatOf(buffer.subarray(0, bytesRead))) {
      case 'avif':
        return true;
      case 'png':
        return (
          buffer[PNG.interlace] !== 0 &&
          areMany(buffer.readUInt32BE(PNG.width), buffer.readUInt32BE(PNG.height))
        );
      case 'jpeg':
        return await isSlowJpeg(file);
      default:
        return false;
    }
  } finally {
    await file.close();
  }
}

const areMany = (width: number, height: number): boolean => width * height >= MANY_PIXELS;

/** Goes from segment to segment until one is the frame header: marker, length, precision, height, width. */
async function isSlowJpeg(file: FileHandle): Promise<boolean> {
  const header = Buffer.alloc(9);
  for (let segment = 0, at = 2; segment < MAX_SEGMENTS; segment += 1) {
    const { bytesRead } = await file.read(header, 0, header.length, at);
    if (bytesRead < header.length) return false;
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
