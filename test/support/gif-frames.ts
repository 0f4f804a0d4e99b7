/** One image of a GIF file, as its blocks say; times in hundredths of a second. */
export interface GifFrame {
  readonly width: number;
  readonly height: number;
  readonly delay: number;
  readonly isTransparent: boolean;
}

export interface GifFile {
  readonly width: number;
  readonly height: number;
  /** How often it plays after the first time, 0 for ever; undefined if the file does not say, so that it plays once. */
  readonly repeats: number | undefined;
  readonly frames: readonly GifFrame[];
}

/** Reads the blocks of a GIF file by themselves, without decoding a pixel. */
export function readGif(file: Uint8Array): GifFile {
  const bytes = Buffer.from(file);
  const frames: GifFrame[] = [];
  let repeats: number | undefined;
  let delay = 0;
  let isTransparent = false;
  let at = 13 + tableBytes(bytes[10] ?? 0);
  while (bytes[at] !== 0x3b) {
    if (bytes[at] === 0x2c) {
      frames.push({
        width: bytes.readUInt16LE(at + 5),
        height: bytes.readUInt16LE(at + 7),
        delay,
        isTransparent,
      });
      at = endOfBlocks(bytes, at + 11 + tableBytes(bytes[at + 9] ?? 0));
      continue;
    }
    if (bytes[at + 1] === 0xf9) {
      delay = bytes.readUInt16LE(at + 4);
      isTransparent = ((bytes[at + 3] ?? 0) & 1) === 1;
    }
    if (bytes.toString('latin1', at + 3, at + 14) === 'NETSCAPE2.0') repeats = bytes.readUInt16LE(at + 16);
    at = endOfBlocks(bytes, at + 2);
  }
  return { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8), repeats, frames };
}

/** Of a table of colours, from the byte that says whether there is one. */
const tableBytes = (flags: number): number => (flags & 0x80 ? 3 * (2 << (flags & 7)) : 0);

/** Past blocks that each begin with their length, up to one of no length. */
function endOfBlocks(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] !== 0) at += (bytes[at] ?? 0) + 1;
  return at + 1;
}
