import type { Transform } from 'node:stream';
import zlib from 'node:zlib';

/** Node has zstd from 22.15 and 23.8 on. */
interface Zstd {
  readonly createZstdCompress?: () => Transform;
  readonly createZstdDecompress?: () => Transform;
}
const zstd = zlib as Zstd;

export const hasZstd = zstd.createZstdCompress !== undefined;

/** What a file of that name is compressed with; undefined for a plain one. */
export function compressorFor(file: string): Transform | undefined {
  if (file.endsWith('.gz')) return zlib.createGzip();
  return file.endsWith('.zst') ? zstd.createZstdCompress?.() : undefined;
}

export function decompressorFor(file: string): Transform | undefined {
  if (file.endsWith('.gz')) return zlib.createGunzip();
  return file.endsWith('.zst') ? zstd.createZstdDecompress?.() : undefined;
}
