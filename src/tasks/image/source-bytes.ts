import { closeSync, openSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Source } from '../definition.ts';

type Held = Pick<Source, 'path' | 'data'>;

/** Gives up to `count` bytes from `position` on. */
export type ReadBytes = (position: number, count: number) => Buffer;

/** What libvips is to read a source from. */
export const inputOf = ({ data, path = '' }: Held): Uint8Array | string => data ?? path;

/**
 * Lets `use` look at a source wherever it lies; a file is open that long. It was written a moment ago, so it is in
 * memory: to hand each of these calls to another thread takes ten times as long as the call.
 */
export function lookInto<T>({ data, path = '' }: Held, use: (read: ReadBytes) => T): T {
  if (data !== undefined) {
    const bytes = asBuffer(data);
    return use((position, count) => bytes.subarray(position, position + count));
  }
  const file = openSync(path, 'r');
  try {
    return use((position, count) => {
      const bytes = Buffer.alloc(count);
      return bytes.subarray(0, readSync(file, bytes, 0, count, position));
    });
  } finally {
    closeSync(file);
  }
}

/** All of a source, at most the 50 MB that one may have. */
export const wholeOf = async ({ data, path = '' }: Held): Promise<Buffer> =>
  data === undefined ? readFile(path) : asBuffer(data);

const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);
