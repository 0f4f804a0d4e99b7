import type { Source } from '../definition.ts';
import { lookInto, type ReadBytes } from './source-bytes.ts';

/** What libvips does not tell of a PNG. */
interface PngChunks {
  /** The first EXIF block, also one that stands after the pixels; the start of a long one. */
  readonly exif: Buffer | undefined;
  /** Images of the animation that it says it is; 1 for none. */
  readonly frames: number;
}

const SIGNATURE_BYTES = 8;
/** Length and name, then what the chunk holds and a checksum. */
const HEADER_BYTES = 8;
const SUM_BYTES = 4;
/** Of what says that it is an animation, and the highest number that it may name. */
const ANIMATION_BYTES = 8;
const MAX_FRAMES = 2 ** 31 - 1;
/** 50 MB in pieces of 8 kB, as libpng writes them, are 6,400; to read the headers of all of these takes 40 ms. */
const MAX_CHUNKS = 20_000;
/** More is not read of EXIF anywhere. */
const MAX_EXIF_BYTES = 65_535;

/** Goes from chunk to chunk, of which only the headers are read, to the end or as far as they make sense. */
export const readPngChunks = (source: Pick<Source, 'path' | 'data'>): PngChunks =>
  lookInto(source, (read) => {
    let exif: Buffer | undefined;
    let frames: number | undefined;
    for (const { name, at, length } of chunksOf(read)) {
      if (name === 'eXIf') exif ??= read(at, Math.min(length, MAX_EXIF_BYTES));
      // Behind the first pixels it makes no animation.
      if (name === 'IDAT') frames ??= 1;
      if (name === 'acTL' && length === ANIMATION_BYTES) frames ??= framesOf(readLong(read(at, 4)));
    }
    return { exif, frames: frames ?? 1 };
  });

interface Chunk {
  readonly name: string;
  /** Where what it holds begins, and how many bytes that is. */
  readonly at: number;
  readonly length: number;
}

function* chunksOf(read: ReadBytes): Generator<Chunk> {
  let at = SIGNATURE_BYTES;
  for (let chunks = 0; chunks < MAX_CHUNKS; chunks += 1) {
    const header = read(at, HEADER_BYTES);
    if (header.length < HEADER_BYTES) return;
    const [length, name] = [header.readUInt32BE(0), header.toString('latin1', 4)];
    if (name === 'IEND') return;
    at += HEADER_BYTES;
    yield { name, at, length };
    at += length + SUM_BYTES;
  }
}

const framesOf = (told: number): number => (told <= MAX_FRAMES ? Math.max(1, told) : 1);

const readLong = (bytes: Buffer): number => (bytes.length === 4 ? bytes.readUInt32BE(0) : 0);
