import type { Source } from '../definition.ts';
import { lookInto } from './source-bytes.ts';
import type { Size } from './upright.ts';

const HEAD_BYTES = 32;

/**
 * The size that a WebP claims; undefined where it claims none. Read by hand, because libvips sets memory aside for
 * all its pixels in order to read its header: 1 GB for a file of 38 bytes, which the memory limit of a decoder refuses
 * without a word of why.
 */
export const webpSizeOfSource = (source: Pick<Source, 'path' | 'data'>): Size | undefined =>
  lookInto(source, (read) => {
    const head = read(0, HEAD_BYTES);
    return head.length === HEAD_BYTES ? webpSize(head) : undefined;
  });

/** After `RIFF`, the length and `WEBP` comes the first chunk: its name, its length, and what it holds from byte 20 on. */
function webpSize(head: Buffer): Size | undefined {
  switch (head.toString('latin1', 12, 16)) {
    case 'VP8X':
      return { width: head.readUIntLE(24, 3) + 1, height: head.readUIntLE(27, 3) + 1 };
    case 'VP8L': {
      const bits = head.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8 ':
      return { width: head.readUInt16LE(26) & 0x3fff, height: head.readUInt16LE(28) & 0x3fff };
    default:
      return undefined;
  }
}
